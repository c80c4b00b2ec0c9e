#!/usr/bin/env bash
# Runs the inventory as users do: ansible-inventory and ansible-playbook, with credentials in the environment.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
