#!/usr/bin/env bash
# The example project of AWX, run by ansible-runner as AWX runs the jobs of a project: with what its credential types put
# into the environment and what a survey answers, and nothing else. Job 7 is cancelled, and job 8 finishes its work.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
ansible-playbook run.yml -e @../../integration_config.yml -e "scratch=$scratch" "$@"
