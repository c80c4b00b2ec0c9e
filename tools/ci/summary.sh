#!/usr/bin/env bash
# summary.sh JOB...: the counts of these jobs' last runs together.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
"$(find_controller_python)" "$TOOLS/ci/summary.py" "$RESULTS" "$@"
