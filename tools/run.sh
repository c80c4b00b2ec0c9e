#!/usr/bin/env bash
# run.sh COMMAND...: runs a command in the development environment, with this collection found by its name:
# no virtual environment does that by itself, since a collection is found by the path of its checkout.
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
use_venv
cd "$ROOT" || exit
exec "$@"
