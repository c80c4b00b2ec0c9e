#!/usr/bin/env bash
# Tests the permissions in the documentation: the playbooks with only the full permissions, check mode with only the
# read-only ones, then whether each single permission is needed. Needs the sandbox, because it enforces permissions.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
collection=$(ansible-galaxy collection list eksops.irsa --format json | python -c '
import json, sys
print(next(iter(json.load(sys.stdin))))')/eksops/irsa
sandbox=$(python -c '
import json
print(json.load(open("../../integration_config.yml", encoding="utf-8")).get("sandbox_dir", ""))')
[ -n "$sandbox" ] || exit 0
export PYTHONPATH=$collection/tests:$collection/../../..
permissions=(python -m permissions "$sandbox")
playbook=(ansible-playbook -e @../../integration_config.yml "$@")

"${permissions[@]}" --run full -- "${playbook[@]}" full_permissions.yml
"${permissions[@]}" --run read-only -- "${playbook[@]}" read_only_permissions.yml
# The AWS of the sandbox is the same with a real API server, so only the Kubernetes permissions are tested there.
only=()
! grep -q kube-apiserver "$sandbox/pids.json" || only=(--kubernetes-only)
"${permissions[@]}" "${only[@]}"
