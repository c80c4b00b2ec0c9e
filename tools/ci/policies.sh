#!/usr/bin/env bash
# Check the well-known policies with a linter of IAM policies and with lists of the actions of AWS. Arguments go to
# pytest. Why its own environment: the linter needs an older setuptools than the other tools.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job policies
make_venv "$DEV/venv-policies" "$(find_controller_python)" policies
[ $# -gt 0 ] || set -- tests/policies
run_pytest "$DEV/venv-policies/bin/python" "$@"
