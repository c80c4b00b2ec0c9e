#!/usr/bin/env bash
# The unit tests of the collection and of its sandbox. Arguments go to pytest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane units
use_venv
cd "$ROOT"
[ $# -gt 0 ] || set -- tests/unit tests/sandbox/tests
HYPOTHESIS_STORAGE_DIRECTORY=$DEV/hypothesis PYTHONPATH=$DEV/live:$SITE PYTHONDONTWRITEBYTECODE=1 pytest -n "${JOBS:-auto}" -o cache_dir="$DEV/pytest" --junitxml="$RESULTS/$LANE/pytest.xml" "$@"
