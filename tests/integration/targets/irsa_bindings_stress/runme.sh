#!/usr/bin/env bash
# Tests irsa_bindings with throttling, lost answers, parallel runs and a killed run. Only the sandbox can inject these faults.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Not below ~: Ansible resolves it differently in different processes if HOME differs from the home directory in passwd.
export ANSIBLE_ASYNC_DIR=$scratch/async
ansible-playbook run.yml -e @../../integration_config.yml -e "scratch=$scratch" "$@"
