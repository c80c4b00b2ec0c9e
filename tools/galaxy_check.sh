#!/usr/bin/env bash
# The tarball: that it is reproducible and holds what it should, what Galaxy's importer says of it, its way from
# publication to an upgrade in an empty home, and how a release is made.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"
. "$TOOLS/lane.sh"
begin_lane galaxy
tarball=$("$TOOLS/build.sh")
use_venv

place=$DEV/galaxy
rm -rf "$place"
mkdir -p "$place"/{shelf,home}

# The same files in another place, made in another order, at another time, by somebody with other habits.
builds_the_same() {
    local copy=$place/copy
    umask 077
    mkdir -p "$copy/plugins/nothing"
    git -C "$copy" init -q
    git -C "$ROOT" ls-files -z --cached --others --exclude-standard | sort -rz |
        tar -C "$ROOT" --null -T - --ignore-failed-read -cf - | tar -C "$copy" --no-same-permissions -mxf -
    TZ=Pacific/Kiritimati python "$TOOLS/pack.py" checkout "$copy" "$place/again"
    cmp "$tarball" "$place/again/$(basename "$tarball")"
}

# What a user gets, by its first name, and of tests/ the one file that tells ansible-test which Pythons are meant.
holds_what_it_should() {
    local names=$place/names
    LC_ALL=C tar -tzf "$tarball" | LC_ALL=C sort >"$names"
    diff - <(sed -E '/^tests\/./!s,/.*,,' "$names" | uniq) <<'NAMES'
CHANGELOG.md
CONTRIBUTING.md
FILES.json
LICENSE
MANIFEST.json
README.md
bindep.txt
changelogs
docs
meta
playbooks
plugins
requirements.txt
roles
tests
tests/config.yml
NAMES
    echo "hidden files, caches and fragments:"
    if grep -E '(^|/)\.|__pycache__|\.pyc$|^changelogs/fragments' "$names"; then exit 1; fi
    echo "directories with nothing in them:"
    awk 'last ~ /\/$/ && index($0, last) != 1 { print last; bad = 1 } { last = $0 } END { exit bad || last ~ /\/$/ }' "$names"
    echo "roles without a README:"
    diff <(sed -nE 's,^(roles/[^/]+)/$,\1,p' "$names") <(sed -nE 's,^(roles/[^/]+)/README\.md$,\1,p' "$names")
}

# In an environment of its own: the importer's demands on other packages contradict those of the tools.
importer=$DEV/venv-importer
make_venv "$importer" "$(find_controller_python)" "$TOOLS/requirements-importer.txt" -- \
    "$TOOLS/get_deps.py" "$TOOLS/requirements-ansible.txt" amazon.aws kubernetes.core

import_quietly() {
    # It exits with 0 although ansible-doc failed; only its log tells.
    cd "$DEV/dist"
    PATH=$importer/bin:$PATH "$importer/bin/python" -m galaxy_importer.main "$tarball" 2>&1 | tee "$RESULTS/$LANE/importer.log"
    ! grep -E '\b(WARNING|ERROR|CRITICAL)\b|Traceback' "$RESULTS/$LANE/importer.log"
}

collections=$place/home/.ansible/collections
installed=$collections/ansible_collections/eksops/irsa
before=0.0.1

# A user who has nothing yet: what the tools have in site-packages is not found either.
as_newcomer() {
    export HOME=$place/home ANSIBLE_COLLECTIONS_PATH=$collections ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false
    unset ANSIBLE_HOME
    cd "$HOME"
}

# The collections that this one depends on, and a release before it, with a file that this one hasn't and without one
# that it has.
fill_shelf() {
    local older=$place/older
    mkdir -p "$older"
    tar -xzf "$tarball" -C "$older"
    rm "$older/requirements.txt"
    echo "gone since" >"$older/docs/gone.md"
    python "$TOOLS/pack.py" installed "$older" "$place/shelf" "$before"
    python "$TOOLS/pack.py" installed "$SITE/ansible_collections/amazon/aws" "$place/shelf"
    python "$TOOLS/pack.py" installed "$SITE/ansible_collections/kubernetes/core" "$place/shelf"
}

version_is() {
    python - "$installed/MANIFEST.json" "$1" <<'CHECK'
import json, sys
found = json.load(open(sys.argv[1]))["collection_info"]["version"]
sys.exit(found != sys.argv[2] and f"version {found} is installed, not {sys.argv[2]}")
CHECK
}

installs_from_galaxy() {
    as_newcomer
    ansible-galaxy collection install "eksops.irsa:$before" --server "$server"
    version_is "$before"
    [ -f "$installed/docs/gone.md" ]
    [ -f "$collections/ansible_collections/amazon/aws/MANIFEST.json" ]
    [ -f "$collections/ansible_collections/kubernetes/core/MANIFEST.json" ]
}

publishes() {
    as_newcomer
    ansible-galaxy collection publish "$tarball" --server "$server" --token loopback
}

upgrades() {
    local version=${tarball##*-}
    as_newcomer
    ansible-galaxy collection install eksops.irsa --upgrade --server "$server"
    version_is "${version%.tar.gz}"
    # All that is in the tarball, and nothing of the release before.
    diff <(tar -tzf "$tarball" | grep -v '/$' | sort) <(cd "$installed" && find . -type f -printf '%P\n' | sort)
    # It took two pages to find.
    grep -q 'GET /api/v3/collections/eksops/irsa/versions/?limit=1&offset=1 ' "$place/server.log"
}

# Before anything is run from there: Python's caches count as changes.
verifies() {
    as_newcomer
    ansible-galaxy collection verify eksops.irsa --server "$server"
}

documents() {
    as_newcomer
    [ -d "$installed/plugins/modules" ]
    python "$TOOLS/check_documented.py" "$installed"
}

notices_a_change() {
    as_newcomer
    echo "# changed" >>"$installed/plugins/modules/irsa_role.py"
    if ansible-galaxy collection verify eksops.irsa --server "$server" >"$place/verify.log" 2>&1; then exit 1; fi
    cat "$place/verify.log"
    grep -q 'plugins/modules/irsa_role.py' "$place/verify.log"
}

# refuses WORDS VERSION: making this release of the clone fails, and says these words.
refuses() {
    local said
    if said=$(release "$2" 2>&1); then exit 1; fi
    printf '%s\n' "$said"
    [[ $said == error:*"$1"* ]]
}

release() {
    "$TOOLS/release.sh" --checkout "$clone" --output "$place/release" "$@"
}

releases() {
    local clone=$place/clone version command
    local -a commands
    export GIT_AUTHOR_NAME=somebody GIT_AUTHOR_EMAIL=somebody@example.com
    export GIT_COMMITTER_NAME=somebody GIT_COMMITTER_EMAIL=somebody@example.com
    git clone -q "$ROOT" "$clone"
    cd "$clone"
    git rm -qr --ignore-unmatch changelogs/fragments
    git commit -q --allow-empty -m 'Nothing to tell'
    refuses 'nothing that a user can notice' 9.0.0

    mkdir -p changelogs/fragments
    printf -- '---\nminor_changes:\n  - irsa - an example.\n' >changelogs/fragments/example.yml
    refuses 'not committed' 9.0.0
    git add changelogs
    git commit -q -m 'A change'
    refuses 'the next one is' ''
    version=$(release '' 2>&1 | awk '{ print $NF }') || true
    refuses 'no semantic version' 1.2
    refuses 'is not newer' 0.0.1

    release --dry-run "$version" >"$place/dry"
    [ -z "$(git status --porcelain)" ]
    [ ! -e "$place/release" ]

    release "$version" >"$place/said"
    diff <(grep '^[0-9a-f]\{64\} ' "$place/dry") "$place/release/SHA256SUMS"
    (cd "$place/release" && sha256sum -c SHA256SUMS)
    grep -qx "version: $version" galaxy.yml
    grep -q 'an example' CHANGELOG.md
    grep -q 'an example' "$place/release/TAG"
    [ ! -e changelogs/fragments/example.yml ]

    # The commands that it prints, as far as they stay on this machine, lead to a commit that builds the same tarball.
    readarray -t commands < <(grep -E '^git (add|commit|tag) ' "$place/said")
    [ "${#commands[@]}" -eq 3 ]
    for command in "${commands[@]}"; do eval "$command"; done
    [ -z "$(git status --porcelain)" ]
    git -c advice.detachedHead=false clone -q --branch "$version" "$clone" "$place/tagged"
    python "$TOOLS/pack.py" checkout "$place/tagged" "$place/rebuilt"
    (cd "$place/rebuilt" && sha256sum -c "$place/release/SHA256SUMS")
}

check "reproducible" builds_the_same
check "content" holds_what_it_should
check "galaxy-importer" import_quietly
check "shelf" fill_shelf
# It ends with this shell, which holds its standard input.
coproc SERVER { exec python "$TOOLS/galaxy_server.py" "$place/shelf" 2>"$place/server.log"; }
read -r server <&"${SERVER[0]}" || die "the Galaxy server did not start: $(cat "$place/server.log")"
check "install" installs_from_galaxy
check "publish" publishes
check "upgrade" upgrades
check "verify" verifies
check "ansible-doc" documents
check "verify notices a change" notices_a_change
check "release" releases
finish_checks
