#!/usr/bin/env bash
# Run benchmarks one after the other, each in a sandbox of its own, and print one table.
#
#   bench.sh [NAME...] [--rounds N] [--size N]   the benchmarks of these names in benchmarks/; default: all
#   bench.sh [NAME...] --check                   small sizes; fail if a ratio is a quarter worse than benchmarks/recorded.json
#   bench.sh [NAME...] --record                  small sizes; write benchmarks/recorded.json
. "$(dirname "${BASH_SOURCE[0]}")/job.sh"
names=() options=() mode=()
while [ $# -gt 0 ]; do
    case $1 in
        --check | --record) mode=("$1") options+=(--small) ;;
        --rounds | --size) options+=("$1" "${2:?}") && shift ;;
        -*) die "invalid argument $1" ;;
        *) names+=("$1") ;;
    esac
    shift
done
if [ ${#names[@]} -eq 0 ]; then
    names=(chain bindings verify audit)
    # Most of the start-up is Ansible's own time, which varies more than a quarter; a fleet takes minutes.
    [ ${#mode[@]} -gt 0 ] || names+=(startup fleet)
fi
begin_job bench
make_venv "$DEV/venv-awscli" "$(find_controller_python)" awscli
export AWS_CLI=$DEV/venv-awscli/bin/aws BENCH_ROWS=$RESULTS/bench/rows.jsonl
export PYTHONPATH=$ROOT/benchmarks:$ROOT/tests
for name in "${names[@]}"; do
    say "benchmark $name"
    "$TOOLS/sandbox.sh" with "bench-$name" "$VENV/bin/python" "$ROOT/benchmarks/$name/compare.py" "${options[@]}"
    printf 'pass\t%s\n' "$name" >>"$RESULTS/bench/checks"
done
status=0
python "$ROOT/benchmarks/table.py" "$BENCH_ROWS" "${mode[@]}" | tee "$RESULTS/bench/table.md" || status=$?
grep -E '^(pass|fail)'$'\t' "$RESULTS/bench/table.md" >>"$RESULTS/bench/checks" || true
exit "$status"
