#!/usr/bin/env bash
# release.sh [--dry-run] VERSION: prepares a release in this checkout and prints what is left to do; see release.py.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
exec python "$TOOLS/release.py" --checkout "$ROOT" --output "$DEV/release" "$@"
