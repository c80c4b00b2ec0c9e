#!/usr/bin/env bash
# Stop this checkout's sandboxes and remove everything that the tools created for it.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
# Keep a directory that existed before the tools used it: it may have other files.
[ -z "${EKSOPS_DEV:-}" ] || [ -e "$DEV/made-by-eksops-irsa" ] ||
    die "EKSOPS_DEV=$DEV existed before these tools used it. Remove it yourself."
for directory in "$DEV"/sandbox*/; do
    [ -e "$directory/pids.json" ] || continue
    for venv in "$DEV"/venv-3.*/; do
        PYTHONPATH=$ROOT/tests "$venv/bin/python" -m sandbox down --dir "$directory" && break
    done
done
rm -rf "$DEV"
