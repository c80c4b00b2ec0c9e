#!/usr/bin/env bash
# Build the collection's tarball reproducibly and print its path.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
use_venv
copy_checkout "$DEV/dist-copy"
rm -rf "$DEV/dist"
python "$TOOLS/release/pack.py" "$DEV/dist-copy" "$DEV/dist"
