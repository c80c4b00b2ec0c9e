#!/usr/bin/env bash
# The playbooks fleet and audit as users and AWX run them: over an inventory of clusters, with credentials in the
# environment. They need the sandbox, which has several clusters.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
