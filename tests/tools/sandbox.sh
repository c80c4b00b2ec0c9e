#!/usr/bin/env bash
# sandbox.sh up|down|status|env [OPTIONS]: the sandbox by hand. "up" prints the environment to export.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv >&2
export IRSA_SANDBOX_DIR=${IRSA_SANDBOX_DIR:-$DEV/sandbox}
export PYTHONPATH=$ROOT/tests
case $1 in
    up)
        "$VENV/bin/python" -m sandbox "$@" >&2
        "$VENV/bin/python" -m sandbox env
        printf 'export ANSIBLE_COLLECTIONS_PATH=%q\nexport PATH=%q:$PATH\n' "$DEV/live" "$VENV/bin"
        ;;
    *) "$VENV/bin/python" -m sandbox "$@" ;;
esac
