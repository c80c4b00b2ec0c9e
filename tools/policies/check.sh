#!/usr/bin/env bash
# The well-known policies before a linter of IAM policies and lists of AWS's actions; arguments go to pytest. Why an
# environment of its own: the linter needs a setuptools that the tools can't have.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job policies
make_venv "$DEV/venv-policies" "$(find_controller_python)" "$REQUIREMENTS/policies.txt"
[ $# -gt 0 ] || set -- tests/policies
run_pytest "$DEV/venv-policies/bin/python" "$@"
