#!/usr/bin/env bash
# The HTML page of an audit in a real browser: Chromium, out of $CHROMIUM or from PATH. Arguments go to pytest.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane browser
use_venv
candidates=(chromium chromium-browser google-chrome)
[ -z "${CHROMIUM:-}" ] || candidates=("$CHROMIUM")
for candidate in "${candidates[@]}"; do
    ! CHROMIUM=$(command -v "$candidate") || break
done
[ -n "$CHROMIUM" ] || die "no Chromium at ${candidates[*]}: install it (on Debian: apt-get install chromium), or name the program in CHROMIUM"
export CHROMIUM
browser=$DEV/venv-browser
# ansible-core is not among its packages: the page is made by the standard library alone.
make_venv "$browser" "$(find_controller_python)" "$TOOLS/requirements-browser.txt"
cd "$ROOT"
[ $# -gt 0 ] || set -- tests/browser
PYTHONPATH=$DEV/live PYTHONDONTWRITEBYTECODE=1 "$browser/bin/python" -m pytest -o cache_dir="$DEV/pytest" --junitxml="$RESULTS/$LANE/pytest.xml" "$@"
