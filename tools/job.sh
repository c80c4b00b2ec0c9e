# Sourced by the script of a job of the test suite. Why not JUnit files alone: most commands do not write them.
#
# The results of a job are in $RESULTS/JOB: JUnit files; "checks", with the outcome of each command (pass, fail or skip,
# tab, name); and "exit", the exit status. summary.py counts them. A job that ends without results is one failure.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# begin_job NAME: remove the job's last results, record and print the new ones when the script exits, and use the
# development environment.
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

# run_pytest PYTHON ARGUMENTS...: run pytest in the checkout, with the tree "live" on PYTHONPATH.
run_pytest() {
    local python=$1
    shift
    cd "$ROOT"
    PYTHONPATH=$DEV/live${PYTHONPATH:+:$PYTHONPATH} PYTHONDONTWRITEBYTECODE=1 HYPOTHESIS_STORAGE_DIRECTORY=$DEV/hypothesis \
        "$python" -m pytest -o cache_dir="$DEV/pytest" --junitxml="$RESULTS/$JOB/pytest.xml" "$@"
}

# check NAME COMMAND...: run a command, record its outcome, and print its output if it fails. finish_checks fails if a
# check failed.
check() {
    local name=$1 log status started=$SECONDS
    shift
    log=$RESULTS/$JOB/$(printf '%s' "$name" | tr -c 'A-Za-z0-9.\n-' _).log
    # In a subshell and outside a condition, because "set -e" has no effect in functions that a condition calls.
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

# start_sandbox OPTIONS...: start a sandbox for this job. It stops when the job ends.
start_sandbox() {
    SUPERVISOR_DIR=$DEV/sandbox-$JOB
    [ ! -e "$SUPERVISOR_DIR/pids.json" ] || stop_sandbox # from a killed run
    rm -rf "$SUPERVISOR_DIR"
    local log=$DEV/sandbox-$JOB.log
    if ! PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox up --dir "$SUPERVISOR_DIR" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "the sandbox did not start. See $SUPERVISOR_DIR/logs."
    fi
    grep '^sandbox: ready' "$log" >&2
}

stop_sandbox() {
    PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox down --dir "$SUPERVISOR_DIR" || say "the sandbox in $SUPERVISOR_DIR did not stop cleanly"
}
