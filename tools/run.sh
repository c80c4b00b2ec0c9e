#!/usr/bin/env bash
# run.sh COMMAND...: run a command in the development environment, in which Ansible finds this collection by its name.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
cd "$ROOT" || exit
exec "$@"
