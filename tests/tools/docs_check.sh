#!/usr/bin/env bash
# Renders the reference of every plugin and role as it would be published; Sphinx's warnings are errors.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane docs
use_venv
docs=$DEV/venv-docs
make_venv "$docs" "$(find_controller_python)" "$TOOLS/requirements-docs.txt" -- \
    "$TOOLS/get_deps.py" "$TOOLS/requirements-ansible.txt" amazon.aws kubernetes.core
export PATH=$docs/bin:$PATH
site=$DEV/docs
rm -rf "$site"
mkdir -p "$site"
antsibull-docs sphinx-init --use-current --fail-on-error --squash-hierarchy --dest-dir "$site" eksops.irsa >/dev/null
cd "$site"

render() {
    antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir "$site/rst" eksops.irsa
    # Of the guides it takes the texts alone.
    cp -R "$ROOT/docs/docsite/rst/images" "$site/rst/docsite/"
    "$docs/bin/python" "$TOOLS/docs_inventory.py" "$site" eksops.irsa
    sphinx-build -q -W --keep-going -b html -c "$site" "$site/rst" "$site/html"
}

check render render
say "$site/html/index.html"
finish_checks
