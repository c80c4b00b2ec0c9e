#!/usr/bin/env bash
# Every linter, whatever the others say.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane lint
use_venv
cd "$ROOT"

python_types() {
    # mypy knows the package by its full name only through the tree; the collections beside it have no types to follow.
    (cd "$DEV/live" && MYPYPATH=$DEV/live mypy --config-file "$ROOT/pyproject.toml" --cache-dir "$DEV/mypy" \
        -p ansible_collections.eksops.irsa.plugins.module_utils)
}

sandbox_types() {
    cd tests
    mypy --config-file "$ROOT/pyproject.toml" --cache-dir "$DEV/mypy" --exclude '^sandbox/tests/' sandbox
}

# By what they say of themselves, since not all of them have an ending.
shell_scripts() {
    git grep --untracked -zlE '^(#!(/usr/bin/env |/bin/)(ba)?sh|# shellcheck shell=.*)$' | xargs -0 shellcheck -x -P SCRIPTDIR
}

guide_of_catalogue() {
    PYTHONPATH=$DEV/live python "$TOOLS/troubleshooting.py" --check
}

guide_of_policies() {
    PYTHONPATH=$DEV/live python "$TOOLS/policies_guide.py" --check
}

check ruff ruff check --cache-dir "$DEV/ruff" .
check yamllint yamllint --strict .
check mypy python_types
check mypy-sandbox sandbox_types
check shellcheck shell_scripts
check ansible-lint ansible-lint --offline --strict --profile production
check antsibull-changelog antsibull-changelog lint
check troubleshooting guide_of_catalogue
check policies-guide guide_of_policies
check tested-versions python "$TOOLS/matrix_table.py" README.md --check
check web "$TOOLS/web.sh" --check
check antsibull-docs antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
finish_checks
