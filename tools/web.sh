#!/usr/bin/env bash
# web.sh           bundle the audit page, web/audit, into the Python file that the collection ships
# web.sh --check   fail if that file is out of date, or if a linter or test of web/audit fails
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
"$(find_controller_python)" "$ROOT/web/audit/bundle.py" "$@"
[ $# -gt 0 ] || exit 0

use_npm
# In a copy, so that npm installs nothing into the checkout.
copy=$DEV/web
mkdir -p "$copy"
find "$copy" -mindepth 1 -maxdepth 1 ! -name node_modules -exec rm -rf {} +
tar -C "$ROOT/web/audit" --exclude=./node_modules -cf - . | tar -C "$copy" -xf -
cd "$copy"
stamp=$(cat package.json package-lock.json | cksum)
if [ "$(cat node_modules/.stamp 2>/dev/null)" != "$stamp" ]; then
    npm ci --ignore-scripts --no-audit --no-fund --silent
    printf '%s\n' "$stamp" >node_modules/.stamp
fi
npm run --silent lint
npm test --silent
