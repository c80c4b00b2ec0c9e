#!/usr/bin/env bash
# Uses the modules and the role with -vvvv and kept remote files, and searches everything left behind for secrets.
set -eux -o pipefail
export ANSIBLE_LOCALHOST_WARNING=false ANSIBLE_INVENTORY_UNPARSED_WARNING=false ANSIBLE_NOCOLOR=true
python run.py ../../integration_config.yml "$@"
