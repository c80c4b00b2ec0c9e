#!/usr/bin/env bash
# What goes wrong around irsa_bindings: throttling, lost answers, another run at the same time, a run that is killed. It
# runs on the sandbox alone, whose services do so when they are told to.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Not under ~, which is not the same to all who look there when HOME is not that of passwd.
export ANSIBLE_ASYNC_DIR=$scratch/async
ansible-playbook run.yml -e @../../integration_config.yml -e "scratch=$scratch" "$@"
