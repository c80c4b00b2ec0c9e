#!/usr/bin/env bash
# The HTML page of an audit in a real browser: Chromium, out of $CHROMIUM or from PATH. Arguments go to pytest.
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
begin_job browser
candidates=(chromium chromium-browser google-chrome)
[ -z "${CHROMIUM:-}" ] || candidates=("$CHROMIUM")
for candidate in "${candidates[@]}"; do
    ! CHROMIUM=$(command -v "$candidate") || break
done
[ -n "$CHROMIUM" ] || die "no Chromium at ${candidates[*]}: install it (on Debian: apt-get install chromium), or name the program in CHROMIUM"
export CHROMIUM
browser=$DEV/venv-browser
# ansible-core is not among its packages: the page is made by the standard library alone.
make_venv "$browser" "$(find_controller_python)" "$REQUIREMENTS/browser.txt"
[ $# -gt 0 ] || set -- tests/browser
run_pytest "$browser/bin/python" "$@"
