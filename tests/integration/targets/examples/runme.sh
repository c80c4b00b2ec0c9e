#!/usr/bin/env bash
# The examples of the guides that are marked to be run, as they stand there, on the sandbox's clusters.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
