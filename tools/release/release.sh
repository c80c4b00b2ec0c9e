#!/usr/bin/env bash
# release.sh [--dry-run] VERSION: prepares a release in this checkout and prints what is left to do; see release.py.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
use_venv
PYTHONPATH=$ROOT exec python -m tools.release.release --checkout "$ROOT" --output "$DEV/release" "$@"
