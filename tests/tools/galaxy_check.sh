#!/usr/bin/env bash
# What Galaxy's importer says of the tarball, and whether the tarball installs and documents itself in an empty place.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane galaxy
tarball=$("$TOOLS/build.sh")
use_venv

# In an environment of its own: the importer's demands on other packages contradict those of the tools.
importer=$DEV/venv-importer
make_venv "$importer" "$(find_controller_python)" "$TOOLS/requirements-importer.txt" -- \
    "$TOOLS/get_deps.py" "$TOOLS/requirements-ansible.txt" amazon.aws kubernetes.core

import_quietly() {
    # It exits with 0 although ansible-doc failed; only its log tells.
    cd "$DEV/dist"
    PATH=$importer/bin:$PATH "$importer/bin/python" -m galaxy_importer.main "$tarball" 2>&1 | tee "$RESULTS/$LANE/importer.log"
    ! grep -E '^(ERROR|CRITICAL)|Traceback|\bERROR\b' "$RESULTS/$LANE/importer.log"
}

# Nothing but the tarball's own content is found from here on.
export ANSIBLE_COLLECTIONS_PATH=$DEV/install
installed=$DEV/install/ansible_collections/eksops/irsa

installs() {
    rm -rf "$DEV/install"
    ansible-galaxy collection install --offline -p "$DEV/install" "$tarball"
    [ -f "$installed/MANIFEST.json" ]
}

documents() {
    cd "$DEV/install"
    "$VENV/bin/python" "$TOOLS/check_documented.py" "$installed"
}

check "galaxy-importer" import_quietly
check "install" installs
check "ansible-doc" documents
finish_checks
