#!/usr/bin/env bash
# web.sh           bundle the audit page, web/audit, into the Python file that the collection ships
# web.sh --check   fail if that file is out of date, or if a linter or test of web/audit fails
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
python=$(find_controller_python)
"$python" "$ROOT/web/audit/bundle.py" "$@"
[ $# -gt 0 ] || exit 0

# The versions that eslint supports.
has_node() {
    command -v npm >/dev/null && node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major >= 24 || (major === 22 && minor >= 13) || (major === 20 && minor >= 19) ? 0 : 1);'
}

if ! has_node; then
    make_venv "$DEV/venv-web" "$python" "$REQUIREMENTS/web.txt"
    PATH=$DEV/venv-web/bin:$PATH
fi
# Use the registry and proxy that the user has configured.
[ ! -e "$USER_HOME/.npmrc" ] || export NPM_CONFIG_USERCONFIG=$USER_HOME/.npmrc
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
