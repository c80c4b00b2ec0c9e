#!/usr/bin/env bash
# Run the demo on the sandbox and make the README's picture of its output.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
docs=$DEV/venv-docs
make_venv "$docs" "$(find_controller_python)" docs "${DEPENDENCIES[@]}"
output=$(mktemp)
trap 'rm -f "$output"' EXIT
"$TOOLS/sandbox.sh" with demo "$ROOT/demo/run" | tee "$output"
"$docs/bin/python" "$TOOLS/docs/demo_picture.py" "$ROOT/docs/docsite/rst/images/demo.svg" <"$output"
