#!/usr/bin/env bash
# Check the collection and examples/execution-environment with ansible-builder, up to the step that needs a container
# engine. Why not ansible-builder alone: its exit status does not depend on the requirements that it finds.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job ee
builder=$DEV/venv-builder
make_venv "$builder" "$(find_controller_python)" "$REQUIREMENTS/builder.txt"
make_tree ee
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

creates() {
    cd "$ROOT/examples/execution-environment" || exit
    "$builder/bin/ansible-builder" create --verbosity 3 --context "$work/context"
    cmp requirements.yml "$work/context/_build/requirements.yml"
    grep -F 'ansible-galaxy collection install' "$work/context/"*file
}

check introspect introspects
check create creates
finish_checks
