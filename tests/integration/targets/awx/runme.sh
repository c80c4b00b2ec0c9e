#!/usr/bin/env bash
# Runs the example project for AWX with ansible-runner, as AWX does: jobs get only the environment of their credentials and
# the answers of their survey.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ansible-playbook run.yml -e @../../integration_config.yml -e "scratch=$scratch" "$@"
