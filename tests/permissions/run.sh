#!/usr/bin/env bash
# permissions.sh OPTIONS...: proves the permissions of the guide on the sandbox that is up; see permissions/__main__.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
PYTHONPATH=$ROOT/tests:$DEV/live exec python "$TOOLS/permissions" "$IRSA_SANDBOX_DIR" "$@"
