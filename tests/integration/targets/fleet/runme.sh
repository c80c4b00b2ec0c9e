#!/usr/bin/env bash
# Runs the playbooks fleet and audit as users and AWX do: with an inventory of clusters and with credentials in the
# environment.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
