#!/usr/bin/env bash
# ansible-test sanity on a copy of the checkout, without an ignore file. Arguments go to ansible-test.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane sanity
use_venv
! compgen -G "$ROOT/tests/sanity/ignore*.txt" >/dev/null || die "tests/sanity has an ignore file; mend what it hides"
offer_pip
"$TOOLS/tree.sh" sanity
cd "$DEV/sanity/ansible_collections/eksops/irsa"
status=0
ansible-test sanity --local --color no --junit "$@" || status=$?
cp tests/output/junit/*.xml "$RESULTS/$LANE/"
exit "$status"
