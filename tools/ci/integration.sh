#!/usr/bin/env bash
# Run the integration targets by ansible-test. The first argument selects the cluster:
#
#   --simulated   the sandbox's simulated API server
#   --real        a real kube-apiserver, etcd and kube-controller-manager from $KUBEBUILDER_ASSETS; other clusters of the
#                 sandbox are simulated
#   --given       the cluster and account in the environment; see tests/integration/README.md
#
# Other arguments go to ansible-test: names of targets, -v. PART=1/3 runs the first third of the targets. QUICK=all leaves
# out targets with the alias long, and long parts of others; QUICK=shared the long parts of targets that --real runs too.
# MODULE_PYTHON is the interpreter of the modules, by default that of ansible-core. JOB_NAME is the directory of the
# results. Why not antsibull-nox: its session needs docker or GitHub and cannot use the sandbox.
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
        [ -n "$KUBEBUILDER_ASSETS" ] || die "KUBEBUILDER_ASSETS is not set. Set it to a directory with kube-apiserver, kube-controller-manager and etcd."
        for program in kube-apiserver kube-controller-manager etcd; do
            [ -x "$KUBEBUILDER_ASSETS/$program" ] || die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no program $program"
        done
        export KUBEBUILDER_ASSETS
        ;;
    *) die "invalid mode $mode: must be --simulated, --real or --given" ;;
esac

# A tree per job, so that jobs can run in parallel.
make_tree "$JOB"
# Five clusters in all, one of them in another account.
fleet=(--cluster staging-2 --cluster staging-3 --cluster staging-4 --cluster staging-5@111122223333)
case $mode in
    --given) source=--environment ;;
    --simulated) start_sandbox "${fleet[@]}" && source=$SUPERVISOR_DIR ;;
    --real) start_sandbox --real "${fleet[@]}" && source=$SUPERVISOR_DIR ;;
esac
cd "$TREE" || exit
targets=() quick=()
for directory in tests/integration/targets/*/; do
    skipped=hidden
    # These targets do not depend on the API server.
    [ "$mode" != --real ] || skipped+='\|simulated/only'
    [ "${QUICK:-}" != all ] || skipped+='\|long'
    grep -qsx "$skipped" "$directory/aliases" || targets+=("$(basename "$directory")")
    case ${QUICK:-}$(grep -sx simulated/only "$directory/aliases") in all* | shared) quick+=("$(basename "$directory")") ;; esac
done
QUICK_TARGETS="${quick[*]}" PYTHONPATH=$ROOT/tests "$VENV/bin/python" "$TOOLS/ci/integration_config.py" "$source" >"$TREE/tests/integration/integration_config.yml"
[ ${#targets[@]} -gt 0 ] || die "tests/integration/targets has no target to run"
if [ -n "${PART:-}" ]; then
    # Those with the most lines first, so that all parts take about the same time.
    mapfile -t targets < <(
        for target in "${targets[@]}"; do
            echo "$(find "tests/integration/targets/$target" -name '*.yml' -exec cat {} + | wc -l) $target"
        done | sort -rn | cut -d ' ' -f 2
    )
    for number in "${!targets[@]}"; do
        [ $((number % ${PART#*/} + 1)) -eq "${PART%/*}" ] || unset "targets[$number]"
    done
fi
[ $# -gt 0 ] || set -- "${targets[@]}"

# ansible-test creates this key, and two that start in parallel overwrite each other's.
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
