#!/usr/bin/env bash
# Start and stop a sandbox, or run a command with one.
#
#   sandbox.sh up|down|status|env [OPTIONS]   "up" prints the environment to export
#   sandbox.sh with NAME COMMAND...           start a sandbox in $DEV/sandbox-NAME, run the command with its environment,
#                                             and stop the sandbox. REAL=1 uses the API server in $KUBEBUILDER_ASSETS
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
use_venv >&2
if [ "$1" = with ]; then
    # shellcheck disable=SC2034 # for start_sandbox
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
export IRSA_SANDBOX_DIR=$DEV/sandbox PYTHONPATH=$ROOT/tests SANDBOX_STOP_COMMAND='make sandbox-down'
"$VENV/bin/python" -m sandbox "$@"
[ "$1" = up ] || exit 0
say "sandbox: its environment has the collection of this checkout before installed ones"
printf 'export %s=%q\n' ANSIBLE_COLLECTIONS_PATH "$DEV/live"
# shellcheck disable=SC2016 # the reader's shell expands it
printf 'export PATH=%q:"$PATH"\n' "$VENV/bin"
