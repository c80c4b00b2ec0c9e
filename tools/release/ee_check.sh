#!/usr/bin/env bash
# What ansible-builder makes of the collection and of the definition in examples/execution-environment. It stops before what
# needs a container engine; why the check is here: ansible-builder's own exit status doesn't tell what it has found.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job ee
builder=$DEV/venv-builder
make_venv "$builder" "$(find_controller_python)" "$REQUIREMENTS/builder.txt"
make_tree ee
work=$DEV/ee-context
rm -rf "$work"
mkdir -p "$work"

# Each requirement of ours is found, under our name, and no program of the system.
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
