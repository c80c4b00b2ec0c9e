# Sourced by a script that is one job of the test suite. Why not JUnit files alone: most commands here write none.
#
# A job leaves in $RESULTS/<job>: JUnit files of the runners that write them, "checks" (pass or fail, tab, name) for
# single commands, and "exit". summary.py counts them; a job that dies without a count is one failure.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# begin_job NAME: forgets the job's last results, makes sure that this run's are kept and shown, however it ends, and
# makes the development environment.
begin_job() {
    JOB=$1
    rm -rf "${RESULTS:?}/$JOB"
    mkdir -p "$RESULTS/$JOB"
    trap _end_job EXIT
    use_venv
}

_end_job() {
    local status=$?
    echo "$status" >"$RESULTS/$JOB/exit"
    [ -z "${SUPERVISOR_DIR:-}" ] || stop_sandbox
    if [ -n "${VENV:-}" ]; then
        printf '%s: ' "$JOB"
        "$VENV/bin/python" "$TOOLS/ci/summary.py" "$RESULTS" "$JOB" || status=1
    fi
    exit "$status"
}

# run_pytest PYTHON ARGUMENTS...: in the checkout, with the collection found by its name.
run_pytest() {
    local python=$1
    shift
    cd "$ROOT"
    PYTHONPATH=$DEV/live${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=$DEV/hypothesis \
        "$python" -m pytest -o cache_dir="$DEV/pytest" --junitxml="$RESULTS/$JOB/pytest.xml" "$@"
}

# check NAME COMMAND...: runs it, prints its output where it fails, and goes on. finish_checks gives the verdict.
check() {
    local name=$1 log status started=$SECONDS
    shift
    log=$RESULTS/$JOB/$(printf '%s' "$name" | tr -c 'A-Za-z0-9.\n-' _).log
    # In a shell of its own and outside a condition: else "set -e" would not hold inside a function.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        printf 'pass\t%s\n' "$name" >>"$RESULTS/$JOB/checks"
        say "ok      $name, $((SECONDS - started)) s"
    else
        printf 'fail\t%s\n' "$name" >>"$RESULTS/$JOB/checks"
        say "FAILED  $name, $((SECONDS - started)) s"
        cat "$log" >&2
    fi
}

skip() {
    printf 'skip\t%s\n' "$1" >>"$RESULTS/$JOB/checks"
    say "skipped $1"
}

finish_checks() {
    ! grep -q '^fail' "$RESULTS/$JOB/checks"
}

# start_sandbox OPTIONS...: starts it in a directory of this job's own; the job's end stops it.
start_sandbox() {
    SUPERVISOR_DIR=$DEV/sandbox-$JOB
    [ ! -e "$SUPERVISOR_DIR/pids.json" ] || stop_sandbox # of a run that was killed
    rm -rf "$SUPERVISOR_DIR"
    local log=$DEV/sandbox-$JOB.log
    if ! PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox up --dir "$SUPERVISOR_DIR" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "the sandbox did not start; see $SUPERVISOR_DIR/logs"
    fi
    grep '^sandbox: ready' "$log" >&2
}

stop_sandbox() {
    PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox down --dir "$SUPERVISOR_DIR" || say "the sandbox in $SUPERVISOR_DIR did not stop cleanly"
}
