#!/usr/bin/env bash
# release.sh [--dry-run] VERSION: prepare a release in this checkout and print the next commands; see release.py.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
use_venv
PYTHONPATH=$ROOT exec python -m tools.release.release --checkout "$ROOT" --output "$DEV/release" "$@"
