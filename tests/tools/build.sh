#!/usr/bin/env bash
# Builds the collection's tarball out of the files that git knows, so that no stray file gets in; prints its path.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
"$TOOLS/tree.sh" build
rm -rf "$DEV/dist"
ansible-galaxy collection build --output-path "$DEV/dist" "$DEV/build/ansible_collections/eksops/irsa" >&2
ls "$DEV"/dist/*.tar.gz
