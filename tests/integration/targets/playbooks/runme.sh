#!/usr/bin/env bash
# The playbooks, by their fully qualified names, as a user runs them: what they need comes from the environment.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
