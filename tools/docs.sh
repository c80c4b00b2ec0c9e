#!/usr/bin/env bash
# The documentation site: the guides, and the reference of every plugin and role. Sphinx's warnings are errors.
#
#   docs.sh          builds it and prints where it is
#   docs.sh --check  also holds every example and link in the documentation against the collection
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane docs
use_venv
docs=$DEV/venv-docs
make_venv "$docs" "$(find_controller_python)" "$TOOLS/requirements-docs.txt" -- \
    "$TOOLS/get_deps.py" "$TOOLS/requirements-ansible.txt" amazon.aws kubernetes.core
site=$DEV/${LANE_NAME:-docs}
rm -rf "$site"
mkdir -p "$site/rst"

render() {
    export PATH=$docs/bin:$PATH
    antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir "$site/rst" eksops.irsa
    python "$TOOLS/docs_site.py" "$site"
    sphinx-build -q -W --keep-going -b html -c "$site" "$site/rst" "$site/html"
}

examples() {
    PYTHONPATH=$DEV/live:$ROOT/tests python -m tools.examples
}

check render render
[ "${1:-}" != --check ] || check examples examples
say "$site/html/index.html"
finish_checks
