#!/usr/bin/env bash
# Run the unit tests of the collection and of the sandbox. Arguments go to pytest. Why not ansible-test units: it does not
# install the sandbox's packages and does not run tests outside tests/unit.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job units
[ $# -gt 0 ] || set -- tests/unit tests/sandbox/tests
PYTHONPATH=$SITE run_pytest "$VENV/bin/python" -n "${JOBS:-auto}" "$@"
