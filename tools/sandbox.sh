#!/usr/bin/env bash
# The sandbox by hand, or around a command.
#
#   sandbox.sh up|down|status|env [OPTIONS]   "up" prints the environment to export
#   sandbox.sh with NAME COMMAND...           runs a command with its environment exported, and takes it down. Its state is
#                                             in $DEV/sandbox-NAME. With REAL=1 it has the API server of KUBEBUILDER_ASSETS
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
use_venv >&2
if [ "$1" = with ]; then
    # shellcheck disable=SC2034 # job.sh names the sandbox's directory by it
    JOB=$2
    shift 2
    start_sandbox ${REAL:+--real}
    trap stop_sandbox EXIT
    environment=$(PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox env --dir "$SUPERVISOR_DIR")
    eval "$environment"
    export IRSA_SANDBOX_DIR=$SUPERVISOR_DIR
    "$@"
    exit
fi
export IRSA_SANDBOX_DIR=${IRSA_SANDBOX_DIR:-$DEV/sandbox} PYTHONPATH=$ROOT/tests
"$VENV/bin/python" -m sandbox "$@"
[ "$1" = up ] || exit 0
printf 'export %s=%q\n' ANSIBLE_COLLECTIONS_PATH "$DEV/live"
# shellcheck disable=SC2016 # the reader's shell expands it
printf 'export PATH=%q:"$PATH"\n' "$VENV/bin"
