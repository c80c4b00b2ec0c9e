#!/usr/bin/env bash
# run.sh COMMAND...: runs a command in the development environment, with this collection found by its name.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
cd "$ROOT"
exec "$@"
