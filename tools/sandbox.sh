#!/usr/bin/env bash
# sandbox.sh up|down|status|env [OPTIONS]: the sandbox by hand. "up" prints the environment to export.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv >&2
export IRSA_SANDBOX_DIR=${IRSA_SANDBOX_DIR:-$DEV/sandbox}
export PYTHONPATH=$ROOT/tests
case $1 in
    up)
        "$VENV/bin/python" -m sandbox "$@"
        printf 'export %s=%q\n' ANSIBLE_COLLECTIONS_PATH "$DEV/live"
        # shellcheck disable=SC2016 # the reader's shell expands it
        printf 'export PATH=%q:"$PATH"\n' "$VENV/bin"
        ;;
    *) "$VENV/bin/python" -m sandbox "$@" ;;
esac
