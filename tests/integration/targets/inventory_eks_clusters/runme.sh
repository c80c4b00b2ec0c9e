#!/usr/bin/env bash
# The inventory as users run it: ansible-inventory and ansible-playbook on files, with what they need in the environment.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
