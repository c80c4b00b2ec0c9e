#!/usr/bin/env bash
# Run ansible-test sanity on a copy of the checkout, without an ignore file. Arguments go to ansible-test. Why not
# antsibull-nox: its session needs docker, or a server from which ansible-test downloads pip.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job sanity
! compgen -G "$ROOT/tests/sanity/ignore*.txt" >/dev/null || die "tests/sanity has an ignore file. Fix the errors that it hides."
# ansible-test uses this file instead of downloading get-pip.py. Its name contains the version of pip.
version=$(python -c '
import pathlib, re, ansible_test
source = pathlib.Path(ansible_test.__file__).with_name("_internal") / "python_requirements.py"
print(re.search(r"pip=.(\d+(?:\.\d+)+)", source.read_text()).group(1).replace(".", "_"))')
mkdir -p "$HOME/.ansible/test/cache"
cp "$TOOLS/environment/get_pip_shim.py" "$HOME/.ansible/test/cache/get_pip_$version.py"
make_tree sanity
cd "$TREE" || exit
status=0
ansible-test sanity --local --color no --junit "$@" || status=$?
cp tests/output/junit/*.xml "$RESULTS/$JOB/"
exit "$status"
