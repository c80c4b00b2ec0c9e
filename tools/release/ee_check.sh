#!/usr/bin/env bash
# Check the collection and examples/execution-environment with ansible-builder, up to the step that needs a container
# engine. Why not ansible-builder alone: its exit status does not depend on the requirements that it finds.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job ee
builder=$DEV/venv-builder
make_venv "$builder" "$(find_controller_python)" builder
make_tree ee
definition=$ROOT/examples/execution-environment
work=$DEV/ee-context
rm -rf "$work"
mkdir -p "$work"

# ansible-builder must find all Python requirements of the collection, and no system packages.
introspects() {
    "$builder/bin/ansible-builder" introspect "$DEV/ee" --write-pip "$work/pip.txt" --write-bindep "$work/bindep.txt"
    grep -vE '^(#|$)' "$ROOT/requirements.txt" | while IFS= read -r requirement; do
        grep -F "${requirement%%[>=!]*}" "$work/pip.txt" | grep -F eksops.irsa
    done
    ! grep -F eksops.irsa "$work/bindep.txt"
}

# The packages in the SBOM must satisfy all requirements of the image.
lists_packages() {
    local sbom name
    sbom=$("$TOOLS/release/sbom.sh")
    sed -n 's/^ *package_pip: //p' "$definition/execution-environment.yml" >"$work/image.txt"
    [ "$(wc -l <"$work/image.txt")" -eq 2 ]
    "$DEV/venv-ee/bin/python" -m pip install --dry-run --no-index -r "$work/image.txt" -r "$work/pip.txt"
    for name in generic/eksops.irsa generic/amazon.aws generic/kubernetes.core pypi/ansible-core pypi/boto3 pypi/kubernetes; do
        grep -F "\"purl\": \"pkg:$name@" "$sbom"
    done
}

creates() {
    cd "$definition" || exit
    "$builder/bin/ansible-builder" create --verbosity 3 --context "$work/context"
    cmp requirements.yml "$work/context/_build/requirements.yml"
    grep -F 'ansible-galaxy collection install' "$work/context/"*file
}

check introspect introspects
if find_python 3.13 >/dev/null; then
    check sbom lists_packages
else
    skip "sbom: Python 3.13, which the base image has, not found"
fi
check create creates
finish_checks
