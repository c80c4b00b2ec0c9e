#!/usr/bin/env bash
# All jobs, three at a time, each whatever the others report. The last line counts the checks; the status is 1 if any
# failed. Why not make -j: a job's output is to be in one piece, and the jobs after a failed one are to run as well.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
cd "$ROOT" || exit

# One job: its output is printed once it has ended.
if [ "${1:-}" = --job ]; then
    read -ra words <<<"$2"
    log=$LOGS/$(tr ' /' __ <<<"$2")
    status=0
    make --no-print-directory "${words[@]}" </dev/null >"$log" 2>&1 || status=$?
    exec 9>"$LOGS/lock"
    flock 9
    echo "== $2"
    cat "$log"
    echo "== $2: $SECONDS s"
    exit "$status"
fi

# Counts of an earlier run must not pass for this one's. What all jobs need is made first.
rm -rf "$RESULTS"
(use_venv)
LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT
export LOGS
status=0
# The longest first and the targets in two halves, so that none is alone in the end: the targets wait about a third of
# their time.
half() { echo "integration JOB_NAME=integration-$1 PART=$1/2"; }
printf '%s\n' test-envtest "$(half 1)" "$(half 2)" 'matrix ARGS=--check' units sanity policies browser lint galaxy-check docs-check ee-check |
    xargs -P 3 -I JOB "$TOOLS/ci/all.sh" --job JOB || status=1
"$TOOLS/ci/summary.sh" lint sanity units policies browser integration-1 integration-2 envtest matrix galaxy ee docs || status=1
exit "$status"
