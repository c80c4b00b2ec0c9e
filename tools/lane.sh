# Sourced after env.sh by a script that is one lane of the test suite.
#
# A lane leaves in $RESULTS/<lane>: JUnit files of the runners that write them, "checks" (pass or fail, tab, name) for
# single commands, and "exit". summary.py counts them; a lane that dies without a count is one failure.
# shellcheck shell=bash

# begin_lane NAME: forgets the lane's last results and makes sure that this run's are kept and shown, however it ends.
begin_lane() {
    LANE=$1
    rm -rf "${RESULTS:?}/$LANE"
    mkdir -p "$RESULTS/$LANE"
    trap _end_lane EXIT
}

_end_lane() {
    local status=$?
    echo "$status" >"$RESULTS/$LANE/exit"
    [ -z "${SUPERVISOR_DIR:-}" ] || stop_sandbox
    if [ -n "${VENV:-}" ]; then
        printf '%s: ' "$LANE"
        "$VENV/bin/python" "$TOOLS/summary.py" "$RESULTS" "$LANE" || status=1
    fi
    exit "$status"
}

# check NAME COMMAND...: runs it, prints its output where it fails, and goes on. finish_checks gives the verdict.
check() {
    local name=$1 log status started=$SECONDS
    shift
    log=$RESULTS/$LANE/$(printf '%s' "$name" | tr -c 'A-Za-z0-9.\n-' _).log
    # In a shell of its own and outside a condition: else "set -e" would not hold inside a function.
    set +e
    (
        set -e
        "$@"
    ) >"$log" 2>&1
    status=$?
    set -e
    if [ "$status" -eq 0 ]; then
        printf 'pass\t%s\n' "$name" >>"$RESULTS/$LANE/checks"
        say "ok      $name, $((SECONDS - started)) s"
    else
        printf 'fail\t%s\n' "$name" >>"$RESULTS/$LANE/checks"
        say "FAILED  $name, $((SECONDS - started)) s"
        cat "$log" >&2
    fi
}

skip() {
    printf 'skip\t%s\n' "$1" >>"$RESULTS/$LANE/checks"
    say "skipped $1"
}

finish_checks() {
    ! grep -q '^fail' "$RESULTS/$LANE/checks"
}

# start_sandbox OPTIONS...: starts it in a directory of this lane's own; the lane's end stops it.
start_sandbox() {
    SUPERVISOR_DIR=$DEV/sandbox-$LANE
    [ ! -e "$SUPERVISOR_DIR/pids.json" ] || stop_sandbox # of a run that was killed
    rm -rf "$SUPERVISOR_DIR"
    local log=$DEV/sandbox-$LANE.log
    if ! PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox up --dir "$SUPERVISOR_DIR" "$@" >"$log" 2>&1; then
        cat "$log" >&2
        die "the sandbox did not start; see $SUPERVISOR_DIR/logs"
    fi
    grep '^sandbox: ready' "$log" >&2
}

stop_sandbox() {
    PYTHONPATH=$ROOT/tests "$VENV/bin/python" -m sandbox down --dir "$SUPERVISOR_DIR" || say "the sandbox in $SUPERVISOR_DIR did not stop cleanly"
}
