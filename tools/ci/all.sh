#!/usr/bin/env bash
# Run all jobs, three in parallel. The last line counts the checks; the exit status is 1 if one failed. Why not make -j:
# it mixes the output of jobs and stops after a failed one.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
cd "$ROOT" || exit

# Run one job and print its output when it ends.
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

# Remove the results of earlier runs, and make the environment that all jobs use.
rm -rf "$RESULTS"
(use_venv)
LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT
export LOGS
status=0
# The longest jobs first. The integration targets are split in two, because they wait for a third of their time.
half() { echo "integration JOB_NAME=integration-$1 PART=$1/2"; }
printf '%s\n' test-envtest "$(half 1)" "$(half 2)" 'matrix ARGS=--check' units sanity policies browser lint galaxy-check docs-check ee-check |
    xargs -P 3 -I JOB "$TOOLS/ci/all.sh" --job JOB || status=1
"$TOOLS/ci/summary.sh" lint sanity units policies browser integration-1 integration-2 envtest matrix galaxy ee docs || status=1
exit "$status"
