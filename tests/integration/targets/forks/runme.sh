#!/usr/bin/env bash
# Runs each module in a fork of Ansible's process and in a process of its own, and compares all results.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '#!/bin/sh\nexec %q "$@"\n' "$(python -c 'import sys; print(sys.executable)')" >"$work/python"
chmod +x "$work/python"

run() {
    ansible-playbook modules.yml -vvv --diff -e @../../integration_config.yml -e "work=$work" -e "way=$1" "${@:2}" >"$work/$1.log" ||
        { cat "$work/$1.log" && false; }
}
run fork
run process -e "ansible_python_interpreter=$work/python"
# So that the comparison is one of two ways.
[ "$(grep -c 'Using module file eksops.irsa.* in a fork' "$work/fork.log")" -ge 20 ]
[ "$(grep -c 'in a fork' "$work/process.log")" = 0 ]
python compare.py "$work/fork.json" "$work/process.json"
