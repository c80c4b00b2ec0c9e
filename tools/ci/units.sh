#!/usr/bin/env bash
# The unit tests of the collection and of its sandbox; arguments go to pytest. Why not ansible-test units: it has neither
# the sandbox's packages nor the tests outside tests/unit.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job units
[ $# -gt 0 ] || set -- tests/unit tests/sandbox/tests
PYTHONPATH=$SITE run_pytest "$VENV/bin/python" -n "${JOBS:-auto}" "$@"
