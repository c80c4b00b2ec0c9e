#!/usr/bin/env bash
# The tarball: that it is reproducible and holds what it should, what Galaxy's importer says of it, its way from an
# installation to an upgrade in an empty home, and how a release is made. Why a script of its own: galaxy-importer alone
# looks at the first of these. No server is needed: ansible-galaxy takes tarballs.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job galaxy
tarball=$("$TOOLS/release/build.sh")

place=$DEV/galaxy
rm -rf "$place"
mkdir -p "$place/home"

# The same files in another place, made in another order, at another time, by somebody with other habits.
builds_the_same() {
    local copy=$place/copy
    umask 077
    mkdir -p "$copy/plugins/nothing"
    (cd "$DEV/dist-copy" && find . -type f -print0) | sort -rz |
        tar -C "$DEV/dist-copy" --null -T - -cf - | tar -C "$copy" --no-same-permissions -mxf -
    TZ=Pacific/Kiritimati python "$TOOLS/release/pack.py" "$copy" "$place/again"
    cmp "$tarball" "$place/again/$(basename "$tarball")"
}

# What a user gets, by its first name, and of tests/ the one file that tells ansible-test which Pythons are meant.
holds_what_it_should() {
    local names=$place/names
    LC_ALL=C tar -tzf "$tarball" | LC_ALL=C sort >"$names"
    diff - <(sed -E '/^tests\/./!s,/.*,,' "$names" | uniq) <<'NAMES'
CHANGELOG.md
CODE_OF_CONDUCT.md
CONTRIBUTING.md
FILES.json
LICENSE
MANIFEST.json
README.md
SECURITY.md
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
    echo "roles without a README:"
    diff <(sed -nE 's,^(roles/[^/]+)/$,\1,p' "$names") <(sed -nE 's,^(roles/[^/]+)/README\.md$,\1,p' "$names")
}

# In an environment of its own: the importer's demands on other packages contradict those of the tools.
importer=$DEV/venv-importer
make_venv "$importer" "$(find_controller_python)" "$REQUIREMENTS/importer.txt" -- "${DEPENDENCIES[@]}"

import_quietly() {
    # It exits with 0 although ansible-doc failed; only its log tells.
    cd "$DEV/dist" || exit
    PATH=$importer/bin:$PATH "$importer/bin/python" -m galaxy_importer.main "$tarball" 2>&1 | tee "$RESULTS/$JOB/importer.log"
    ! grep -E '\b(WARNING|ERROR|CRITICAL)\b|Traceback' "$RESULTS/$JOB/importer.log"
}

collections=$place/home/.ansible/collections
installed=$collections/ansible_collections/eksops/irsa

# A user who has nothing yet: what the tools have in site-packages is not found either.
as_newcomer() {
    export HOME=$place/home ANSIBLE_COLLECTIONS_PATH=$collections ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false
    unset ANSIBLE_HOME
    cd "$HOME" || exit
}

version_is() {
    ansible-galaxy collection list eksops.irsa --format json | grep -F "{\"eksops.irsa\": {\"version\": \"$1\"}}"
}

# A release before this one, with a file that this one hasn't and without one that it has. It takes the collections that
# it depends on, in the versions that the tools have.
installs() {
    local older=$place/older
    cp -r "$DEV/dist-copy" "$older"
    sed -i 's/^version: .*/version: 0.0.1/' "$older/galaxy.yml"
    rm "$older/requirements.txt"
    echo "gone since" >"$older/docs/gone.md"
    python "$TOOLS/release/pack.py" "$older" "$place/shelf"
    as_newcomer
    if ansible-galaxy collection install --offline "$place"/shelf/*.tar.gz >"$place/refused" 2>&1; then exit 1; fi
    grep -F 'amazon.aws' "$place/refused"
    mkdir -p "$collections/ansible_collections"/{amazon,kubernetes}
    cp -r "$SITE/ansible_collections/amazon/aws" "$collections/ansible_collections/amazon"
    cp -r "$SITE/ansible_collections/kubernetes/core" "$collections/ansible_collections/kubernetes"
    ansible-galaxy collection install --offline "$place"/shelf/*.tar.gz
    version_is 0.0.1
    [ -f "$installed/docs/gone.md" ]
}

upgrades() {
    local version=${tarball##*-}
    as_newcomer
    ansible-galaxy collection install --offline --upgrade "$tarball"
    version_is "${version%.tar.gz}"
    # All that is in the tarball, and nothing of the release before.
    diff <(tar -tzf "$tarball" | grep -v '/$' | sort) <(cd "$installed" && find . -type f -printf '%P\n' | sort)
}

# Before anything is run from there: Python's caches count as changes.
verifies() {
    as_newcomer
    ansible-galaxy collection verify --offline eksops.irsa
}

# Everything that is installed has a description, examples and returned values, by ansible-doc's own reading.
is_documented() {
    as_newcomer
    ansible-doc --metadata-dump eksops.irsa >"$place/documentation.json"
    python - "$place/documentation.json" "$installed" <<'CHECK'
import json, pathlib, sys
found = json.load(open(sys.argv[1]))["all"]
names = [("module" if path.parent.name == "modules" else path.parent.name, path.stem)
         for folder in ("modules", "filter", "inventory", "lookup", "test")
         for path in pathlib.Path(sys.argv[2], "plugins", folder).glob("[!_]*.py")]
names += [("role", path.name) for path in pathlib.Path(sys.argv[2], "roles").iterdir()]
missing = []
for kind, name in names:
    parts = {"role": ["entry_points"], "inventory": ["doc", "examples"]}.get(kind, ["doc", "examples", "return"])
    documentation = found[kind].get(f"eksops.irsa.{name}", {})
    missing += [f"{kind} {name}: no {part}" for part in parts if not documentation.get(part)]
print(f"{len(names)} plugins and roles")
sys.exit("\n".join(missing) or not names)
CHECK
}

notices_a_change() {
    as_newcomer
    echo "# changed" >>"$installed/plugins/modules/irsa_role.py"
    if ansible-galaxy collection verify --offline eksops.irsa >"$place/verify.log" 2>&1; then exit 1; fi
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
    "$TOOLS/release/release.sh" --checkout "$clone" --output "$place/release" "$@"
}

releases() {
    local clone=$place/clone version command
    local -a commands
    export GIT_AUTHOR_NAME=somebody GIT_AUTHOR_EMAIL=somebody@example.com
    export GIT_COMMITTER_NAME=somebody GIT_COMMITTER_EMAIL=somebody@example.com
    git clone -q "$ROOT" "$clone"
    cd "$clone" || exit
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
    python "$TOOLS/release/pack.py" "$place/tagged" "$place/rebuilt"
    (cd "$place/rebuilt" && sha256sum -c "$place/release/SHA256SUMS")
}

check "reproducible" builds_the_same
check "content" holds_what_it_should
check "galaxy-importer" import_quietly
check "install" installs
check "upgrade" upgrades
check "verify" verifies
check "ansible-doc" is_documented
check "verify notices a change" notices_a_change
check "release" releases
finish_checks
