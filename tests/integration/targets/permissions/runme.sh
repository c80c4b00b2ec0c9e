#!/usr/bin/env bash
# The permissions that the documentation gives, and no others: a role's whole life with the full ones, a look at it with
# those for reading, and then line by line what each is for. It takes the sandbox, whose AWS can be told to enforce them.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
collection=$(ansible-galaxy collection list eksops.irsa --format json | python -c '
import json, sys
print(next(iter(json.load(sys.stdin))))')/eksops/irsa
sandbox=$(python -c '
import json
print(json.load(open("../../integration_config.yml", encoding="utf-8")).get("irsa_sandbox_dir", ""))')
[ -n "$sandbox" ] || exit 0
export PYTHONPATH=$collection/tests:$collection/../../..
proof=(python -m permissions "$sandbox")
play=(ansible-playbook -e @../../integration_config.yml "$@")

"${proof[@]}" --run full -- "${play[@]}" life.yml
"${proof[@]}" --run read-only -- "${play[@]}" look.yml
# What a real API server has to say is about Kubernetes; the AWS is the same.
only=()
! grep -q kube-apiserver "$sandbox/pids.json" || only=(--kubernetes-only)
"${proof[@]}" "${only[@]}"
