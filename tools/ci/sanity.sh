#!/usr/bin/env bash
# ansible-test sanity on a copy of the checkout, without an ignore file; arguments go to ansible-test. Why not
# antsibull-nox: its session needs docker or a download, and ansible-test's own download of pip needs a server.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job sanity
! compgen -G "$ROOT/tests/sanity/ignore*.txt" >/dev/null || die "tests/sanity has an ignore file; fix what it hides"
# ansible-test takes this for the get-pip.py that it would download, by the name of the version that it wants.
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
