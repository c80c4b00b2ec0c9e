#!/usr/bin/env bash
# The playbook import on what eksctl, Terraform and people make, then what it wrote, as a user applies it.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
ansible-playbook run.yml -e @../../integration_config.yml "$@"
