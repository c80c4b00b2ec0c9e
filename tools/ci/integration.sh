#!/usr/bin/env bash
# The integration targets, by ansible-test. Which cluster they run on is the first argument:
#
#   --simulated   the sandbox's own API server
#   --real        the sandbox with a real kube-apiserver, etcd and controller manager out of $KUBEBUILDER_ASSETS; the
#                 clusters besides the first stay simulated
#   --given       the cluster and the account that the environment names; see tests/integration/README.md
#
# More arguments go to ansible-test: names of targets, -v. PART=1/2 takes every second target, PART=2/2 the others.
# MODULE_PYTHON is the interpreter that the modules run with, if not ansible-core's own; JOB_NAME keeps such a run's
# results apart. Why not antsibull-nox: its session takes targets from docker or GitHub, and knows no sandbox.
mode=${1:---simulated}
[ "$mode" != --given ] || export KEEP_CLOUD_ENV=1
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
[ $# -eq 0 ] || shift
case $mode in
    --simulated) begin_job "${JOB_NAME:-integration}" ;;
    --given) begin_job integration-given ;;
    --real)
        begin_job envtest
        : "${KUBEBUILDER_ASSETS:=}"
        [ -n "$KUBEBUILDER_ASSETS" ] || die "KUBEBUILDER_ASSETS is not set; it names a directory with kube-apiserver, kube-controller-manager and etcd"
        for program in kube-apiserver kube-controller-manager etcd; do
            [ -x "$KUBEBUILDER_ASSETS/$program" ] || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no program $program"
        done
        export KUBEBUILDER_ASSETS
        ;;
    *) die "unknown mode $mode; it is --simulated, --real or --given" ;;
esac

# Each run has a tree of its own, so that two jobs can run at once.
make_tree "$JOB"
# Five clusters together, one of them in another account.
fleet=(--cluster irsa-fleet-2 --cluster irsa-fleet-3 --cluster irsa-fleet-4 --cluster irsa-fleet-5@111122223333)
case $mode in
    --given) source=--environment ;;
    --simulated) start_sandbox "${fleet[@]}" && source=$SUPERVISOR_DIR ;;
    --real) start_sandbox --real "${fleet[@]}" && source=$SUPERVISOR_DIR ;;
esac
PYTHONPATH=$ROOT/tests "$VENV/bin/python" "$TOOLS/ci/integration_config.py" "$source" >"$TREE/tests/integration/integration_config.yml"

cd "$TREE" || exit
targets=()
for directory in tests/integration/targets/*/; do
    skipped=hidden
    # A real API server has nothing to say to what talks to AWS alone, or is about playbooks and jobs.
    [ "$mode" != --real ] || skipped='hidden\|simulated/only'
    grep -qsx "$skipped" "$directory/aliases" || targets+=("$(basename "$directory")")
done
[ ${#targets[@]} -gt 0 ] || die "tests/integration/targets has no target to run"
if [ -n "${PART:-}" ]; then
    for number in "${!targets[@]}"; do
        [ $((number % ${PART#*/} + 1)) -eq "${PART%/*}" ] || unset "targets[$number]"
    done
fi
[ $# -gt 0 ] || set -- "${targets[@]}"

# ansible-test makes a key, and two that start together overwrite each other's.
(
    flock 9
    key=$HOME/.ansible/test/id_rsa
    mkdir -p "$(dirname "$key")"
    [ -e "$key" ] || ssh-keygen -m PEM -q -t rsa -N '' -f "$key"
) 9>"$DEV/key.lock"

log=$RESULTS/$JOB/ansible-test.log
status=0
ansible-test integration --local --color no --continue-on-error "$@" 2>&1 |
    "$VENV/bin/python" "$TOOLS/ci/integration_results.py" "$log" || status=$?
"$VENV/bin/python" "$TOOLS/ci/integration_results.py" "$log" "$status" >"$RESULTS/$JOB/checks"
exit "$status"
