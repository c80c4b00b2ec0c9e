#!/usr/bin/env bash
# The well-known policies before a linter of IAM policies and lists of AWS's actions. Arguments go to pytest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane policies
use_venv
policies=$DEV/venv-policies
# ansible-core is not among its packages: the policies are data, and are filled in by the standard library alone.
make_venv "$policies" "$(find_controller_python)" "$TOOLS/requirements-policies.txt"
cd "$ROOT"
[ $# -gt 0 ] || set -- tests/policies
PYTHONPATH=$DEV/live PYTHONDONTWRITEBYTECODE=1 "$policies/bin/python" -m pytest -o cache_dir="$DEV/pytest" --junitxml="$RESULTS/$LANE/pytest.xml" "$@"
