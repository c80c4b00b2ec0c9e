# Sourced by the other scripts: where things are, which Python, and an environment that no other settings reach. Why not
# nox or tox: these make virtual environments, but isolate neither HOME and variables nor ansible-core's choice of Python,
# and would have to be installed before the first command.
#
#   ROOT     this checkout
#   DEV      everything the tools make: virtual environments, trees, results. $EKSOPS_DEV, or a directory of this
#            checkout's own under the user's cache, so that two clones never meet
#   PYTHON   (input) the interpreter to use; else python3, else the newest that ansible-core runs on
# shellcheck shell=bash disable=SC2034 # its variables are for the scripts that source it
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TOOLS=$ROOT/tools
REQUIREMENTS=$TOOLS/requirements
# What make_venv runs for an environment that is to have the collections that this one depends on.
DEPENDENCIES=("$TOOLS/environment/get_deps.py" "$REQUIREMENTS/ansible.txt" amazon.aws kubernetes.core)
if [ -z "${_EKSOPS_ENV:-}" ]; then
    _cache=${XDG_CACHE_HOME:-$HOME/.cache}
    DEV=${EKSOPS_DEV:-$_cache/eksops-irsa/$(basename "$ROOT")-$(printf '%s' "$ROOT" | cksum | cut -d ' ' -f 1)}
    export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$_cache/pip}
    # Whoever removes all of it wants to know that nobody else's is in it.
    [ -e "$DEV" ] || { mkdir -p "$DEV" && : >"$DEV/made-by-eksops-irsa"; }
    # A home of its own: no ansible.cfg, installed collections, ~/.aws or ~/.kube of the user can change a result, or be
    # changed by a test. pip's own settings stay, since ansible-test lets them through in no other way.
    mkdir -p "$DEV/home/.config" "$DEV/home/.cache" "$PIP_CACHE_DIR"
    for _path in .pip .config/pip .netrc; do
        [ ! -e "$HOME/$_path" ] || ln -sfn "$HOME/$_path" "$DEV/home/$_path"
    done
    ln -sfn "$PIP_CACHE_DIR" "$DEV/home/.cache/pip"
    # Nor can what the shell exports; KEEP_CLOUD_ENV is for the one job that is to use the user's own cloud.
    unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE VIRTUAL_ENV XDG_CACHE_HOME XDG_CONFIG_HOME
    _foreign='^(ANSIBLE|MOTO)_'
    [ -n "${KEEP_CLOUD_ENV:-}" ] || _foreign="$_foreign"'|^(AWS|K8S_AUTH|IRSA_SANDBOX)_|^KUBECONFIG$'
    while IFS= read -r _name; do unset "$_name"; done < <(compgen -e | grep -E "$_foreign" || true)
    export DEV USER_HOME=$HOME HOME=$DEV/home _EKSOPS_ENV=1
fi
RESULTS=$DEV/results

# The sandbox's HTTPS servers are on loopback: no proxy is between.
export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# real_python NAME: the file behind NAME, be it a version manager's shim, a link or a virtual environment's; none if it
# doesn't run or can't make virtual environments.
real_python() {
    HOME=$USER_HOME "$1" -c 'import ensurepip, os, sys, venv; print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))' 2>/dev/null
}

# find_python VERSION: a real interpreter of that version, on PATH or where pyenv and uv keep theirs.
find_python() {
    local candidate found
    for candidate in "python$1" "${PYENV_ROOT:-$USER_HOME/.pyenv}/versions/$1".*/bin/python "$USER_HOME/.local/share/uv/python/cpython-$1".*/bin/python; do
        found=$(real_python "$candidate") || continue
        [ "$("$found" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$1" ] || continue
        printf '%s\n' "$found"
        return 0
    done
    return 1
}

find_controller_python() {
    local found version
    if [ -n "${PYTHON:-}" ]; then
        found=$(real_python "$PYTHON") || die "PYTHON=$PYTHON does not run, or lacks the venv module"
        "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "PYTHON=$PYTHON is older than 3.11, which ansible-core needs"
        printf '%s\n' "$found"
        return 0
    fi
    if found=$(real_python python3) && "$found" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'; then
        printf '%s\n' "$found"
        return 0
    fi
    for version in 3.13 3.12 3.11; do
        find_python "$version" && return 0
    done
    die "no Python 3.11 or later with the venv module found; install one (on Debian: python3-venv) or set PYTHON"
}

# make_venv DIR PYTHON REQUIREMENTS...: a virtual environment with these files' packages; kept while they stay the same.
# A path after -- is a program to run in it once it is installed, with its arguments.
make_venv() {
    local dir=$1 python=$2 stamp file
    local -a args=() after=()
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        args+=(-r "$1")
        shift
    done
    [ $# -eq 0 ] || { shift && after=("$@"); }
    stamp=$({
        # Not its path or patch level: another Python of the same version may use the environment.
        "$python" -c 'import sys; print(*sys.version_info[:2])'
        for file in "${args[@]}" "$ROOT/requirements.txt" "$ROOT/tests/sandbox/requirements.txt" "${after[@]}"; do
            [ ! -f "$file" ] || cat "$file"
        done
    } | cksum)
    mkdir -p "$DEV"
    (
        flock 9
        [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || ! "$dir/bin/python" -c '' 2>/dev/null || exit 0
        say "installing $(basename "$dir") (once)"
        "$python" -m venv --clear "$dir"
        "$dir/bin/python" -m pip install -qq --disable-pip-version-check "${args[@]}"
        [ ${#after[@]} -eq 0 ] || "$dir/bin/python" "${after[@]}"
        printf '%s\n' "$stamp" >"$dir/stamp"
    ) 9>"$dir.lock"
}

# use_venv: the environment of the development tools, made if need be, first on PATH; and the link tree, for all that
# reads the checkout itself.
use_venv() {
    local python version
    python=$(find_controller_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    VENV=$DEV/venv-$version
    make_venv "$VENV" "$python" "$REQUIREMENTS/dev.txt" -- "${DEPENDENCIES[@]}"
    SITE=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    export VENV SITE
    # Only real interpreters: ansible-test looks on PATH for the other Pythons that modules are to run on.
    mkdir -p "$DEV/pythons"
    for version in 3.10 3.11 3.12 3.13; do
        ! python=$(find_python "$version") || ln -sfn "$python" "$DEV/pythons/python$version"
    done
    PATH=$VENV/bin:$DEV/pythons:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
    export PATH
    make_tree live
    export ANSIBLE_COLLECTIONS_PATH=$DEV/live ANSIBLE_HOME=$DEV/home/.ansible
}

# copy_checkout DIRECTORY: a copy of what git knows of or would add, without what is ignored.
copy_checkout() {
    rm -rf "$1"
    mkdir -p "$1"
    # git still lists a file that was deleted and not committed.
    (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar --null -T - -cf -) | tar -xf - -C "$1"
}

# make_tree NAME: a tree in which the Ansible tools find this collection by its name. TREE becomes its directory in there,
# $DEV/NAME/ansible_collections/eksops/irsa: with the name "live" a link to the checkout, for playbooks, docs, lint and
# pytest; else a copy, for ansible-test, which resolves links and so refuses one. The dependencies stand beside it, since
# ansible-test looks nowhere else.
make_tree() {
    local top=$DEV/$1/ansible_collections
    mkdir -p "$top"/{eksops,amazon,kubernetes}
    ln -sfn "$SITE/ansible_collections/amazon/aws" "$top/amazon/aws"
    ln -sfn "$SITE/ansible_collections/kubernetes/core" "$top/kubernetes/core"
    TREE=$top/eksops/irsa
    if [ "$1" = live ]; then ln -sfn "$ROOT" "$TREE"; else copy_checkout "$TREE"; fi
}
