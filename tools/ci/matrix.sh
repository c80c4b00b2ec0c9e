#!/usr/bin/env bash
# Run the unit tests and the targets that use all plugins with two sets of versions ("corners"): the oldest and the newest
# supported ansible-core, Python, amazon.aws, kubernetes.core, boto3 and Kubernetes client. Deprecation warnings are
# failures. If all checks pass, the table in README.md is updated. Why not tox or nox: a corner has two Pythons, one for
# ansible-core and one for modules.
#
# With --check, as in CI, the table is compared and the longest targets are skipped.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job matrix

table=("$VENV/bin/python" "$TOOLS/ci/matrix_table.py" "$ROOT/README.md")

# of_corner NAME: print the version of NAME in the corner's requirements file.
of_corner() { awk -v word="$1" '$1 == "#:" && $2 == word { print $3 }' "$REQUIREMENTS/$corner.txt"; }

# units PYTHON PATHS...: run unit tests with Ansible from $packages.
units() {
    local python=$1
    shift
    cd "$TREE" || exit
    # Tests that need the development tools or moto are skipped. boto3's warning is not a DeprecationWarning.
    HYPOTHESIS_STORAGE_DIRECTORY=$DEV/hypothesis PYTHONPATH=$DEV/$top:$packages PYTHONDONTWRITEBYTECODE=1 \
        "$python" -m pytest -n "${JOBS:-auto}" -o cache_dir="$DEV/pytest" --ignore=tests/unit/tools \
        --ignore=tests/unit/plugins/module_utils/_module/bindings \
        -W error::DeprecationWarning -W error::PendingDeprecationWarning \
        -W error::boto3.exceptions.PythonDeprecationWarning "$@"
}

# Modules run with Ansible's module_utils only; plugins run in the controller's environment.
units_of_modules() { units "$modules/bin/python" tests/unit/plugins/module_utils; }
units_of_controller() { units "$controller/bin/python" tests/unit --ignore=tests/unit/plugins/module_utils; }
units_of_both() { units "$controller/bin/python" tests/unit; }

# with_ansible COMMAND...: run a command in the corner as ansible-test does, but with deprecation warnings, which
# ansible-test suppresses. sitecustomize.py logs those of Python.
with_ansible() {
    env PATH="$controller/bin:$PATH" PYTHONPATH="$TOOLS/ci/deprecations" DEPRECATIONS="$warnings" ANSIBLE_LOG_PATH="$warnings.log" \
        ANSIBLE_DEPRECATION_WARNINGS=true ANSIBLE_COLLECTIONS_PATH="$DEV/$top" ANSIBLE_FORCE_HANDLERS=true \
        ANSIBLE_ROLES_PATH="$TREE/tests/integration/targets" ANSIBLE_NOCOLOR=true "$@"
}

target() {
    cd "$TREE/tests/integration" || exit
    printf '[{hosts: localhost, connection: local, gather_facts: false, roles: [%s]}]\n' "$1" >"$1.yml"
    with_ansible ansible-playbook -i localhost, "$1.yml" -e @integration_config.yml
}

# Ansible prints each warning once per run. The log also has the warnings of programs that targets start.
no_deprecations() {
    local found=0
    [ -s "$warnings.log" ]
    # amazon.aws.iam_role and iam_role_info, which targets use for comparison, always print this warning.
    if grep -hF '[DEPRECATION WARNING]' "$warnings.log" | grep -vF 'assume_role_policy_document_raw will no longer be returned'; then
        found=1
    fi
    # Python 3.12 and later warn about forks in ansible-core, which has a thread.
    if sort -u "$warnings" | grep -v 'multi-threaded, use of fork() .*/multiprocessing/popen_fork\.py:'; then found=1; fi
    return "$found"
}

# Check that no_deprecations detects a deprecated module and a DeprecationWarning in a module.
detects_deprecations() {
    local warnings=$warnings-probe
    mkdir -p "$DEV/$top/probe"
    cat >"$DEV/$top/probe/deprecated_probe.py" <<'MODULE'
import warnings
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule(argument_spec={})
warnings.warn("the module's Python code", DeprecationWarning)
module.deprecate("the module itself", version="9.0.0", collection_name="eksops.irsa")
module.exit_json()
MODULE
    : >"$warnings"
    with_ansible ansible localhost -c local -i localhost, -M "$DEV/$top/probe" -e "ansible_python_interpreter=$modules/bin/python" -m deprecated_probe
    grep -F '[DEPRECATION WARNING]' "$warnings.log" | grep -F 'the module itself'
    grep -F "DeprecationWarning: the module's Python code" "$warnings"
    if (no_deprecations); then exit 1; fi
}

try() {
    local corner=$1 python top controller modules packages warnings target
    local -a versions
    top=matrix-$corner
    controller=$DEV/venv-$corner-controller
    modules=$controller
    versions=("$(of_corner python)" "$(of_corner python-of-modules)")
    if ! python=$(find_python "${versions[0]}") || ! find_python "${versions[1]}" >/dev/null; then
        skip "$corner: Python ${versions[0]} or ${versions[1]} with the venv module not found"
        return
    fi
    make_venv "$controller" "$python" "$corner" "$TOOLS/environment/get_deps.py" "$REQUIREMENTS/$corner.txt"
    packages=$("$controller/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    SITE=$packages make_tree "$top"
    if [ "${versions[0]}" = "${versions[1]}" ]; then
        check "units, $corner" units_of_both
    else
        check "units of the controller, $corner" units_of_controller
        modules=$DEV/venv-$corner-modules
        make_venv "$modules" "$(find_python "${versions[1]}")" "$corner"
        mkdir -p "$DEV/$top/ansible-only"
        ln -sfn "$packages/ansible" "$DEV/$top/ansible-only/ansible"
        packages=$DEV/$top/ansible-only check "units of the modules, $corner" units_of_modules
    fi
    tested=$((tested + 1))

    warnings=$RESULTS/$JOB/deprecations-$corner
    : >"$warnings"
    MODULE_PYTHON=$modules/bin/python PYTHONPATH=$ROOT/tests "$VENV/bin/python" "$TOOLS/ci/integration_config.py" "$SUPERVISOR_DIR" \
        >"$TREE/tests/integration/integration_config.yml"
    for target in "${targets[@]}"; do check "$target, $corner" target "$target"; done
    check "deprecations, $corner" no_deprecations
    check "deprecations are detected, $corner" detects_deprecations
}

targets=(every_plugin)
[ "${1:-}" = --check ] || targets+=(bad_input role_irsa)
tested=0
# shellcheck disable=SC2119 # this script's arguments are not for the sandbox
start_sandbox
try oldest
try newest
if [ "${1:-}" = --check ]; then
    check "README.md" "${table[@]}" --check
elif finish_checks && [ "$tested" -eq 2 ]; then
    "${table[@]}"
    say "README.md is updated"
fi
finish_checks
