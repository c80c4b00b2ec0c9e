#!/usr/bin/env bash
# Build the documentation site: the guides, and the reference of all plugins and roles. Warnings of Sphinx are errors.
# Why not antsibull-docs sphinx-init alone: its site needs a network to resolve references to Ansible's documentation.
#
#   docs.sh          build it and print its path
#   docs.sh --check  also check the examples and links in the documentation
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job docs
docs=$DEV/venv-docs
make_venv "$docs" "$(find_controller_python)" docs "${DEPENDENCIES[@]}"
site=$DEV/docs
rm -rf "$site"
mkdir -p "$site/rst"

render() {
    export PATH=$docs/bin:$PATH
    antsibull-docs collection --use-current --squash-hierarchy --fail-on-error --dest-dir "$site/rst" eksops.irsa
    python "$TOOLS/docs/lay_out.py" "$site"
    sphinx-build -q -W --keep-going -b html -c "$site" "$site/rst" "$site/html"
}

examples() {
    cd "$ROOT" || exit
    PYTHONPATH=$DEV/live:$ROOT/tests python -m tools.docs.examples
}

check render render
[ "${1:-}" != --check ] || check examples examples
say "$site/html/index.html"
finish_checks
