#!/usr/bin/env bash
# Test the audit page in Chromium, from $CHROMIUM or PATH. Arguments go to pytest.
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
begin_job browser
candidates=(chromium chromium-browser google-chrome)
[ -z "${CHROMIUM:-}" ] || candidates=("$CHROMIUM")
for candidate in "${candidates[@]}"; do
    ! CHROMIUM=$(command -v "$candidate") || break
done
[ -n "$CHROMIUM" ] || die "Chromium not found (${candidates[*]}). Install it (on Debian: apt-get install chromium) or set CHROMIUM."
export CHROMIUM
browser=$DEV/venv-browser
# Without ansible-core: the page is rendered with the standard library only.
make_venv "$browser" "$(find_controller_python)" browser
[ $# -gt 0 ] || set -- tests/browser
run_pytest "$browser/bin/python" "$@"
