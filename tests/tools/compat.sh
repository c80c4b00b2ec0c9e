#!/usr/bin/env bash
# The unit tests and two integration targets with the oldest and the newest Python and clients that the
# collection supports. ansible-core runs in the development environment; what changes is where the modules run.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane compat
use_venv
cd "$ROOT"

# Of the development environment, these interpreters see Ansible alone, as a module does that Ansible has sent.
mkdir -p "$DEV/ansible-only"
ln -sfn "$SITE/ansible" "$DEV/ansible-only/ansible"

# Between them these two call every module, for bad and for good, by AWS, by a kubeconfig and by the cluster's name.
targets=(bad_input role_irsa)

units() {
    # Controller plugins run where ansible-core runs, so on none of these.
    HYPOTHESIS_STORAGE_DIRECTORY=$DEV/hypothesis PYTHONPATH=$DEV/live:$DEV/ansible-only PYTHONDONTWRITEBYTECODE=1 \
        "$1/bin/python" -m pytest -n "${JOBS:-auto}" -o cache_dir="$DEV/pytest" tests/unit --ignore=tests/unit/plugins
}

try() {
    local name=$1 version=$2 python venv
    if ! python=$(find_python "$version"); then
        skip "$name: no Python $version with the venv module"
        return
    fi
    venv=$DEV/venv-$name
    make_venv "$venv" "$python" "$TOOLS/requirements-$name.txt"
    "$venv/bin/python" -m pip --disable-pip-version-check freeze | grep -iE '^(boto3|botocore|kubernetes|urllib3)=' >&2
    check "units, $name" units "$venv"
    LANE_NAME=integration-$name MODULE_PYTHON=$venv/bin/python \
        check "targets, $name" "$TOOLS/integration.sh" --simulated "${targets[@]}"
}

try oldest 3.10
try newest 3.13
finish_checks
