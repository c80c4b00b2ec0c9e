#!/usr/bin/env bash
# Run jobs, three in parallel: all.sh test runs those that need only Python, without long integration tests; all.sh runs
# all. Each job prints a line when it ends; before it comes the output of a failed job, or which checks were skipped. The
# last line counts the checks; the exit status is 1 if one failed. Why not make -j: it stops after a failed job.
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
cd "$ROOT" || exit

# Run one job.
if [ "${1:-}" = --job ]; then
    read -ra words <<<"$2"
    log=$LOGS/$(tr ' /' __ <<<"$2")
    status=0
    make --no-print-directory "${words[@]}" </dev/null >"$log" 2>&1 || status=$?
    exec 9>"$LOGS/lock"
    flock 9
    if [ "$status" -eq 0 ]; then grep '^skipped ' "$log" || true; else cat "$log"; fi
    echo "$SECONDS s  $(grep -E '^[a-z0-9-]+: [0-9]+ passed, ' "$log" | tail -n 1 || true)"
    exit "$status"
fi

# The longest jobs first. The integration targets are split in three, because they wait for a third of their time.
[ "${1:-}" = test ] && quick=all || quick=shared
third() { echo "integration JOB_NAME=integration-$1 PART=$1/3 QUICK=$quick"; }
jobs=("$(third 1)" "$(third 2)" "$(third 3)" sanity units lint)
names=(lint sanity units integration-1 integration-2 integration-3)
case ${1:-} in
    test) ;;
    '')
        seed=$RANDOM
        say "to repeat the runs with faults: make faults RUNS=100 SEED=$seed; make kills RUNS=15 SEED=$seed; make fuzz INPUTS=300 TIME=17 SEED=$seed"
        jobs=(test-envtest "$(third 1)" "$(third 2)" "$(third 3)" 'matrix ARGS=--check' units sanity "faults RUNS=100 SEED=$seed" policies
            browser lint "kills RUNS=15 SEED=$seed" 'bench ARGS=--check' "fuzz INPUTS=300 TIME=17 SEED=$seed" galaxy-check docs-check
            ee-check audit)
        names=(lint sanity units policies browser faults kills bench fuzz integration-1 integration-2 integration-3 envtest matrix galaxy
            ee docs audit)
        ;;
    *) die "invalid argument $1: must be test or left out" ;;
esac

# Remove the results of earlier runs, and make the environment that all jobs use.
rm -rf "$RESULTS"
say 'installing the development environment unless it is up to date'
(use_venv)
LOGS=$(mktemp -d)
trap 'rm -rf "$LOGS"' EXIT
export LOGS
say "running ${#jobs[@]} jobs, three in parallel"
status=0
printf '%s\n' "${jobs[@]}" | xargs -P 3 -I JOB "$TOOLS/ci/all.sh" --job JOB || status=1
"$TOOLS/ci/summary.sh" "${names[@]}" || status=1
exit "$status"
