#!/usr/bin/env bash
# Run all linters. Why not antsibull-nox or pre-commit: they install an environment per linter from a registry or GitHub,
# and have no checks for the types of three packages and for the generated guides.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job lint
cd "$ROOT" || exit

types() { mypy --config-file "$ROOT/pyproject.toml" --cache-dir "$DEV/mypy" "$@"; }

# In the tree, where the package has its full name. The other collections have no types.
collection_types() { cd "$DEV/live" && MYPYPATH=$DEV/live types -p ansible_collections.eksops.irsa.plugins; }

tool_types() { MYPYPATH=$DEV/live:$ROOT/tests types -p tools -p permissions -p races -p fuzz -m web.audit.bundle; }

sandbox_types() { cd tests && types --exclude '^sandbox/tests/' sandbox; }

# Selected by the first line, since some scripts have no suffix.
shell_scripts() {
    git grep --untracked -zlE '^(#!(/usr/bin/env |/bin/)(ba)?sh|# shellcheck shell=.*)$' | xargs -0 shellcheck -x -P SCRIPTDIR
}

guides() { PYTHONPATH=$DEV/live python -m tools.docs.guides --check; }

check ruff ruff check --cache-dir "$DEV/ruff" .
check format ruff format --check --cache-dir "$DEV/ruff" .
check yamllint yamllint --strict .
check mypy collection_types
check mypy-tools tool_types
check mypy-sandbox sandbox_types
check reuse reuse lint --quiet
check requirements "$REQUIREMENTS/lock.sh" --check
check shellcheck shell_scripts
check ansible-lint ansible-lint --offline --strict --profile production
check antsibull-changelog antsibull-changelog lint
check guides guides
check tested-versions python tools/ci/matrix_table.py README.md --check
check antsibull-docs antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck .
check words python tools/words.py
check payload python tools/payload.py --check
check web tools/web.sh --check
finish_checks
