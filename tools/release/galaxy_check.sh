#!/usr/bin/env bash
# Check the tarball: it is reproducible, has the expected content, passes Galaxy's importer, and can be installed, upgraded
# and verified in an empty home directory. Check making a release. Why not galaxy-importer alone: it checks only the
# content. No server is needed: ansible-galaxy installs tarballs.
. "$(dirname "${BASH_SOURCE[0]}")/../job.sh"
begin_job galaxy
tarball=$("$TOOLS/release/build.sh")

work=$DEV/galaxy
rm -rf "$work"
mkdir -p "$work/home"

# Build from a copy with another path, file order, time, umask and time zone.
is_reproducible() {
    local copy=$work/copy
    umask 077
    mkdir -p "$copy/plugins/nothing"
    (cd "$DEV/dist-copy" && find . -type f -print0) | sort -rz |
        tar -C "$DEV/dist-copy" --null -T - -cf - | tar -C "$copy" --no-same-permissions -mxf -
    TZ=Pacific/Kiritimati python "$TOOLS/release/pack.py" "$copy" "$work/again"
    cmp "$tarball" "$work/again/$(basename "$tarball")"
}

# Top-level names in the tarball. Of tests/ it has only config.yml, which sets the Pythons for ansible-test.
has_expected_content() {
    local names=$work/names
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

# A separate environment, since the importer's requirements conflict with those of the tools.
importer=$DEV/venv-importer
make_venv "$importer" "$(find_controller_python)" importer "${DEPENDENCIES[@]}"

imports_without_warnings() {
    # Its exit status is 0 even if ansible-doc fails, so check its log.
    cd "$DEV/dist" || exit
    PATH=$importer/bin:$PATH "$importer/bin/python" -m galaxy_importer.main "$tarball" 2>&1 | tee "$RESULTS/$JOB/importer.log"
    ! grep -E '\b(WARNING|ERROR|CRITICAL)\b|Traceback' "$RESULTS/$JOB/importer.log"
}

collections=$work/home/.ansible/collections
installed=$collections/ansible_collections/eksops/irsa

# A user without collections: those in site-packages are ignored too.
use_empty_home() {
    export HOME=$work/home ANSIBLE_COLLECTIONS_PATH=$collections ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false
    unset ANSIBLE_HOME
    cd "$HOME" || exit
}

version_is() {
    ansible-galaxy collection list eksops.irsa --format json | grep -F "{\"eksops.irsa\": {\"version\": \"$1\"}}"
}

# Install an older release, which has one more file and lacks another, and the collections that it depends on. Without
# them the installation must fail.
installs() {
    local older=$work/older
    cp -r "$DEV/dist-copy" "$older"
    sed -i 's/^version: .*/version: 0.0.1/' "$older/galaxy.yml"
    rm "$older/requirements.txt"
    echo "removed later" >"$older/docs/removed.md"
    python "$TOOLS/release/pack.py" "$older" "$work/older-dist"
    use_empty_home
    if ansible-galaxy collection install --offline "$work"/older-dist/*.tar.gz >"$work/install.log" 2>&1; then exit 1; fi
    grep -F 'amazon.aws' "$work/install.log"
    mkdir -p "$collections/ansible_collections"/{amazon,kubernetes}
    cp -r "$SITE/ansible_collections/amazon/aws" "$collections/ansible_collections/amazon"
    cp -r "$SITE/ansible_collections/kubernetes/core" "$collections/ansible_collections/kubernetes"
    ansible-galaxy collection install --offline "$work"/older-dist/*.tar.gz
    version_is 0.0.1
    [ -f "$installed/docs/removed.md" ]
}

upgrades() {
    local version=${tarball##*-}
    use_empty_home
    ansible-galaxy collection install --offline --upgrade "$tarball"
    version_is "${version%.tar.gz}"
    # The installation has exactly the files of the tarball.
    diff <(tar -tzf "$tarball" | grep -v '/$' | sort) <(cd "$installed" && find . -type f -printf '%P\n' | sort)
}

# Runs before the collection is used, because Python's caches count as changes.
verifies() {
    use_empty_home
    ansible-galaxy collection verify --offline eksops.irsa
}

# ansible-doc must find description, examples and returned values of all plugins and roles.
is_documented() {
    use_empty_home
    ansible-doc --metadata-dump eksops.irsa >"$work/documentation.json"
    python - "$work/documentation.json" "$installed" <<'CHECK'
import json, pathlib, sys
documented = json.load(open(sys.argv[1]))["all"]
names = [("module" if path.parent.name == "modules" else path.parent.name, path.stem)
         for folder in ("modules", "filter", "inventory", "lookup", "test")
         for path in pathlib.Path(sys.argv[2], "plugins", folder).glob("[!_]*.py")]
names += [("role", path.name) for path in pathlib.Path(sys.argv[2], "roles").iterdir()]
missing = []
for kind, name in names:
    parts = {"role": ["entry_points"], "inventory": ["doc", "examples"]}.get(kind, ["doc", "examples", "return"])
    documentation = documented[kind].get(f"eksops.irsa.{name}", {})
    missing += [f"{kind} {name}: no {part}" for part in parts if not documentation.get(part)]
print(f"{len(names)} plugins and roles")
sys.exit("\n".join(missing) or not names)
CHECK
}

detects_a_change() {
    use_empty_home
    echo "# changed" >>"$installed/plugins/modules/irsa_role.py"
    if ansible-galaxy collection verify --offline eksops.irsa >"$work/verify.log" 2>&1; then exit 1; fi
    cat "$work/verify.log"
    grep -q 'plugins/modules/irsa_role.py' "$work/verify.log"
}

# fails_with TEXT VERSION: check that making this release fails with an error that contains the text.
fails_with() {
    local output
    if output=$(release "$2" 2>&1); then exit 1; fi
    printf '%s\n' "$output"
    [[ $output == error:*"$1"* ]]
}

release() {
    "$TOOLS/release/release.sh" --checkout "$clone" --output "$work/release" "$@"
}

releases() {
    local clone=$work/clone version command
    local -a commands
    export GIT_AUTHOR_NAME=somebody GIT_AUTHOR_EMAIL=somebody@example.com
    export GIT_COMMITTER_NAME=somebody GIT_COMMITTER_EMAIL=somebody@example.com
    git clone -q "$ROOT" "$clone"
    cd "$clone" || exit
    git rm -qr --ignore-unmatch changelogs/fragments
    git commit -q --allow-empty -m 'No fragments'
    fails_with 'no fragment for users' 9.0.0

    mkdir -p changelogs/fragments
    printf -- '---\nminor_changes:\n  - irsa - an example.\n' >changelogs/fragments/example.yml
    fails_with 'uncommitted changes' 9.0.0
    git add changelogs
    git commit -q -m 'A change'
    fails_with 'the next version is' ''
    version=$(release '' 2>&1 | awk '{ print $NF }') || true
    fails_with 'is not a semantic version' 1.2
    fails_with 'is not newer' 0.0.1

    release --dry-run "$version" >"$work/dry"
    [ -z "$(git status --porcelain)" ]
    [ ! -e "$work/release" ]

    release "$version" >"$work/release.log"
    diff <(grep '^[0-9a-f]\{64\} ' "$work/dry") "$work/release/SHA256SUMS"
    (cd "$work/release" && sha256sum -c SHA256SUMS)
    grep -qx "version: $version" galaxy.yml
    grep -q 'an example' CHANGELOG.md
    grep -q 'an example' "$work/release/TAG"
    [ ! -e changelogs/fragments/example.yml ]

    # Run the local ones of the printed commands. The tagged commit must build the same tarball.
    readarray -t commands < <(grep -E '^git (add|commit|tag) ' "$work/release.log")
    [ "${#commands[@]}" -eq 3 ]
    for command in "${commands[@]}"; do eval "$command"; done
    [ -z "$(git status --porcelain)" ]
    git -c advice.detachedHead=false clone -q --branch "$version" "$clone" "$work/tagged"
    python "$TOOLS/release/pack.py" "$work/tagged" "$work/rebuilt"
    (cd "$work/rebuilt" && sha256sum -c "$work/release/SHA256SUMS")
}

check "reproducible" is_reproducible
check "content" has_expected_content
check "galaxy-importer" imports_without_warnings
check "install" installs
check "upgrade" upgrades
check "verify" verifies
check "ansible-doc" is_documented
check "verify detects a change" detects_a_change
check "release" releases
finish_checks
