#!/usr/bin/env bash
# Search the locked Python packages and the npm packages of web/audit for known vulnerabilities. A search is skipped if
# this machine has no access to a database of vulnerabilities: mirrors of package indexes often do not have it.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job audit
supply_chain=$DEV/venv-supply-chain
make_venv "$supply_chain" "$(find_controller_python)" supply-chain
work=$RESULTS/$JOB

# Strict: a package that the database does not know is a failure.
search_python() {
    "$supply_chain/bin/pip-audit" --strict --disable-pip --require-hashes --progress-spinner off --requirement "$1"
}

# Without a database pip-audit reports no vulnerabilities, so that a release that has some must be detected first.
finds_python() {
    printf 'jinja2==2.4.1\n' >"$work/vulnerable.txt"
    ! "$supply_chain/bin/pip-audit" --disable-pip --no-deps --progress-spinner off --requirement "$work/vulnerable.txt" >"$work/vulnerable.log" 2>&1 &&
        grep -E '^Found [0-9]+ known vulnerabilit' "$work/vulnerable.log"
}

search_npm() {
    cd "$ROOT/web/audit" || exit
    npm audit --package-lock-only "$@"
}

finds_npm() {
    (search_npm --json) >"$work/npm.json" 2>"$work/npm.log" || true
    grep -q '"auditReportVersion"' "$work/npm.json"
}

# pip rejects packages without hashes. npm accepts them, and verifies only the hashes that package-lock.json has.
has_npm_hashes() {
    python - "$ROOT/web/audit/package-lock.json" <<'CHECK'
import json, sys
packages = json.load(open(sys.argv[1]))["packages"]
print(f"{len(packages)} packages")
sys.exit("\n".join(f"{name} has no hash" for name, package in packages.items() if name and "integrity" not in package) or not packages)
CHECK
}

check "hashes of npm packages" has_npm_hashes
if finds_python >&2; then
    for file in "$REQUIREMENTS"/locked/*.txt; do
        # oldest.txt has old versions on purpose.
        [ "$(basename "$file")" = oldest.txt ] || check "$(basename "$file")" search_python "$file"
    done
else
    skip "Python packages: no access to a database of vulnerabilities: $(tail -n 1 "$work/vulnerable.log")"
fi
use_npm
if finds_npm; then
    check "npm packages" search_npm
else
    skip "npm packages: no access to a database of vulnerabilities: $(head -n 1 "$work/npm.log")"
fi
finish_checks
