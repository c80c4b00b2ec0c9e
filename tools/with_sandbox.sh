#!/usr/bin/env bash
# with_sandbox.sh NAME COMMAND...: runs a command with the sandbox up and its environment exported, and takes it down.
# The sandbox keeps its state in $DEV/sandbox-NAME. With KUBEBUILDER_ASSETS set and REAL=1 it has a real API server.
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
JOB=$1
shift
use_venv
start_sandbox ${REAL:+--real}
trap stop_sandbox EXIT
while IFS= read -r -d '' pair; do export "${pair?}"; done < <("$VENV/bin/python" -c '
import json, pathlib, sys
for name, value in json.loads(pathlib.Path(sys.argv[1], "env.json").read_text()).items():
    sys.stdout.write(f"{name}={value}\0")' "$SUPERVISOR_DIR")
export IRSA_SANDBOX_DIR=$SUPERVISOR_DIR
"$@"
