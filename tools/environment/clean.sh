#!/usr/bin/env bash
# Stops this checkout's sandboxes and removes everything that the tools made for it.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
# A directory that $EKSOPS_DEV named and that was there before may hold other things.
[ -z "${EKSOPS_DEV:-}" ] || [ -e "$DEV/made-by-eksops-irsa" ] ||
    die "EKSOPS_DEV=$DEV existed before these tools used it; remove what you don't need of it yourself"
for directory in "$DEV"/sandbox*/; do
    [ -e "$directory/pids.json" ] || continue
    for venv in "$DEV"/venv-3.*/; do
        PYTHONPATH=$ROOT/tests "$venv/bin/python" -m sandbox down --dir "$directory" && break
    done
done
rm -rf "$DEV"
