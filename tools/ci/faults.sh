#!/usr/bin/env bash
# Run the modules under the faults of the sandbox (faults.sh faults), or kill them after each of their writes
# (faults.sh kills). RUNS is the number of runs, SEED the seed; other arguments go to the program. Its output with the
# tables is in $RESULTS too. Why not pytest: the runs wait for retries, so each is in the first sandbox that is free.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
name=$1
shift
case $name in
    faults) program=(faults) ;;
    kills) program=(faults.kills) ;;
    *) die "invalid argument $name: must be faults or kills" ;;
esac
begin_job "$name"
cd "$ROOT" || exit
program+=(${RUNS:+--runs "$RUNS"} ${SEED:+--seed "$SEED"} "$@")
run() { PYTHONPATH=$ROOT/tests:$DEV/live python -m "${program[@]}" 2>&1 | tee "$RESULTS/$JOB/output"; }
outcome=pass
run || outcome=fail
printf '%s\t%s\n' "$outcome" "$name" >"$RESULTS/$JOB/checks"
say "The output with the tables is in $RESULTS/$JOB/output."
[ "$outcome" = pass ]
