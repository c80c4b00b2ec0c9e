#!/usr/bin/env bash
# Builds the collection's tarball, the same bytes for the same files; prints its path.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
rm -rf "$DEV/dist"
python "$TOOLS/pack.py" checkout "$ROOT" "$DEV/dist"
