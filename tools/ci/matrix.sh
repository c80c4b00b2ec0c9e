#!/usr/bin/env bash
# The unit tests, and the targets that between them call every plugin, with the oldest and with the newest of all that
# the collection supports: ansible-core, Python, amazon.aws, kubernetes.core, boto3 and the Kubernetes client. Every
# deprecation warning of theirs is a failure. If all went well, the table in README.md is written again. Why not tox or
# nox: a corner is two Pythons at once, the controller's and the modules'.
#
# With --check, as in continuous integration, the table is compared instead, and the longest targets left to a whole run.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job matrix

table() { "$VENV/bin/python" "$TOOLS/ci/matrix_table.py" "$ROOT/README.md" "$@"; }

# of_corner WORD: the version that the corner's file has for it.
of_corner() { awk -v word="$1" '$1 == "#:" && $2 == word { print $3 }' "$REQUIREMENTS/$corner.txt"; }

# units PYTHON PATHS...: with $packages to import Ansible from.
units() {
    local python=$1
    shift
    cd "$TREE" || exit
    # boto3's own is no DeprecationWarning. What needs the development environment's tools or the sandbox's moto runs there.
    HYPOTHESIS_STORAGE_DIRECTORY=$DEV/hypothesis PYTHONPATH=$DEV/$top:$packages PYTHONDONTWRITEBYTECODE=1 \
        "$python" -m pytest -n "${JOBS:-auto}" -o cache_dir="$DEV/pytest" --ignore=tests/unit/tools \
        --ignore=tests/unit/plugins/module_utils/_module/bindings \
        -W error::DeprecationWarning -W error::PendingDeprecationWarning \
        -W error::boto3.exceptions.PythonDeprecationWarning "$@"
}

# A module that Ansible has sent sees Ansible alone, and nothing else of the controller. Plugins of the controller run
# where Ansible does.
units_of_modules() { units "$modules/bin/python" tests/unit/plugins/module_utils; }
units_of_controller() { units "$controller/bin/python" tests/unit --ignore=tests/unit/plugins/module_utils; }
units_of_both() { units "$controller/bin/python" tests/unit; }

# with_ansible COMMAND...: in the corner, as ansible-test would run it, but with deprecation warnings shown, which it
# suppresses. Those that Python raises are written down by sitecustomize.py.
with_ansible() {
    env PATH="$controller/bin:$PATH" PYTHONPATH="$TOOLS/ci/deprecations" DEPRECATIONS="$noted" ANSIBLE_LOG_PATH="$noted.log" \
        ANSIBLE_DEPRECATION_WARNINGS=true ANSIBLE_COLLECTIONS_PATH="$DEV/$top" ANSIBLE_FORCE_HANDLERS=true \
        ANSIBLE_ROLES_PATH="$TREE/tests/integration/targets" ANSIBLE_NOCOLOR=true "$@"
}

target() {
    cd "$TREE/tests/integration" || exit
    printf '[{hosts: localhost, connection: local, gather_facts: false, roles: [%s]}]\n' "$1" >"$1.yml"
    with_ansible ansible-playbook -i localhost, "$1.yml" -e @integration_config.yml
}

# Ansible prints a warning once in a run; the log has those of programs that targets start, too.
no_deprecations() {
    local found=0
    [ -s "$noted.log" ]
    # amazon.aws.iam_role and iam_role_info, which targets compare with, say this of their result whatever is asked.
    if grep -hF '[DEPRECATION WARNING]' "$noted.log" | grep -vF 'assume_role_policy_document_raw will no longer be returned'; then
        found=1
    fi
    # ansible-core starts its workers beside a thread of its own, of which Python 3.12 and later warn.
    if sort -u "$noted" | grep -v 'multi-threaded, use of fork() .*/multiprocessing/popen_fork\.py:'; then found=1; fi
    return "$found"
}

# Else the check before would say nothing: a module that is deprecated, and whose code uses what Python deprecates.
notices() {
    local noted=$noted-probe
    mkdir -p "$DEV/$top/probe"
    cat >"$DEV/$top/probe/deprecated_probe.py" <<'MODULE'
import warnings
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={})
warnings.warn("the module's Python code", DeprecationWarning)
module.deprecate("the module itself", version="9.0.0", collection_name="eksops.irsa")
module.exit_json()
MODULE
    : >"$noted"
    with_ansible ansible localhost -c local -i localhost, -M "$DEV/$top/probe" -e "ansible_python_interpreter=$modules/bin/python" -m deprecated_probe
    grep -F '[DEPRECATION WARNING]' "$noted.log" | grep -F 'the module itself'
    grep -F "DeprecationWarning: the module's Python code" "$noted"
    if (no_deprecations); then exit 1; fi
}

try() {
    local corner=$1 python top controller modules packages noted target
    local -a versions
    top=matrix-$corner
    controller=$DEV/venv-$corner-controller
    modules=$controller
    versions=("$(of_corner python)" "$(of_corner python-of-modules)")
    if ! python=$(find_python "${versions[0]}") || ! find_python "${versions[1]}" >/dev/null; then
        skip "$corner: no Python ${versions[0]}, or no ${versions[1]}, with the venv module"
        return
    fi
    make_venv "$controller" "$python" "$REQUIREMENTS"/{"$corner",corners}.txt -- "$TOOLS/environment/get_deps.py" "$REQUIREMENTS/$corner.txt"
    packages=$("$controller/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    SITE=$packages make_tree "$top"
    if [ "${versions[0]}" = "${versions[1]}" ]; then
        check "units, $corner" units_of_both
    else
        check "units of the controller, $corner" units_of_controller
        modules=$DEV/venv-$corner-modules
        make_venv "$modules" "$(find_python "${versions[1]}")" "$REQUIREMENTS"/{"$corner",corners}.txt
        mkdir -p "$DEV/$top/ansible-only"
        ln -sfn "$packages/ansible" "$DEV/$top/ansible-only/ansible"
        packages=$DEV/$top/ansible-only check "units of the modules, $corner" units_of_modules
    fi
    tested+=("$corner=$controller/bin/python,$modules/bin/python")

    noted=$RESULTS/$JOB/deprecations-$corner
    : >"$noted"
    MODULE_PYTHON=$modules/bin/python PYTHONPATH=$ROOT/tests "$VENV/bin/python" "$TOOLS/ci/integration_config.py" "$SUPERVISOR_DIR" \
        >"$TREE/tests/integration/integration_config.yml"
    # The first calls every plugin, the others for bad and for good, by AWS, by a kubeconfig and by the cluster's name.
    for target in "${targets[@]}"; do check "$target, $corner" target "$target"; done
    check "deprecations, $corner" no_deprecations
    check "a deprecation would be noticed, $corner" notices
}

targets=(every_plugin)
[ "${1:-}" = --check ] || targets+=(bad_input role_irsa)
tested=()
# shellcheck disable=SC2119 # the arguments are not for the sandbox
start_sandbox
try oldest
try newest
if [ "${1:-}" = --check ]; then
    check "README.md" table --check
elif finish_checks && [ "${#tested[@]}" -eq 2 ]; then
    table "${tested[@]}"
    say "README.md has the versions and the day"
fi
finish_checks
