#!/usr/bin/env bash
# summary.sh LANE...: the counts of these lanes' last runs together.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
"$(find_controller_python)" "$TOOLS/summary.py" "$RESULTS" "$@"
