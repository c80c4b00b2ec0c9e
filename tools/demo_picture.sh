#!/usr/bin/env bash
# Makes the README's picture of the demo anew, out of what the demo prints on the sandbox.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
docs=$DEV/venv-docs
make_venv "$docs" "$(find_controller_python)" "$TOOLS/requirements-docs.txt" -- \
    "$TOOLS/get_deps.py" "$TOOLS/requirements-ansible.txt" amazon.aws kubernetes.core
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$TOOLS/with_sandbox.sh" demo "$ROOT/demo/run" | tee "$output"
"$docs/bin/python" "$TOOLS/demo_picture.py" "$ROOT/docs/docsite/rst/images/demo.svg" <"$output"
