#!/usr/bin/env bash
# summary.sh JOB...: print the total counts of the last runs of these jobs.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
"$(find_controller_python)" "$TOOLS/ci/summary.py" "$RESULTS" "$@"
