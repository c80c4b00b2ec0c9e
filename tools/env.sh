# Sourced by the other scripts. Sets paths, selects Python and isolates the environment. Why not nox or tox: they make
# virtual environments, but do not isolate HOME and variables, cannot select the Python of ansible-core, and must be
# installed first.
#
#   ROOT     this checkout
#   DEV      what the tools create: virtual environments, trees, results. Default: a directory per checkout in the
#            user's cache
#   PYTHON   (input) the interpreter; default: python3, or else the newest one that ansible-core supports
# shellcheck shell=bash disable=SC2034 # the scripts that source this file use its variables
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
TOOLS=$ROOT/tools
REQUIREMENTS=$TOOLS/requirements
# Argument of make_venv that installs the collections that this one depends on.
DEPENDENCIES=("$TOOLS/environment/get_deps.py" "$REQUIREMENTS/locked/ansible.txt" amazon.aws kubernetes.core)
if [ -z "${_EKSOPS_ENV:-}" ]; then
    _cache=${XDG_CACHE_HOME:-$HOME/.cache}
    DEV=${EKSOPS_DEV:-$_cache/eksops-irsa/$(basename "$ROOT")-$(printf '%s' "$ROOT" | cksum | cut -d ' ' -f 1)}
    export PIP_CACHE_DIR=${PIP_CACHE_DIR:-$_cache/pip}
    # This file marks a directory that clean.sh may remove.
    [ -e "$DEV" ] || { mkdir -p "$DEV" && : >"$DEV/made-by-eksops-irsa"; }
    # A separate home directory: tests neither read nor change the user's ansible.cfg, collections, ~/.aws and ~/.kube.
    # The settings of pip are linked, because ansible-test passes them only through the home directory.
    mkdir -p "$DEV/home/.config" "$DEV/home/.cache" "$PIP_CACHE_DIR"
    for _path in .pip .config/pip .netrc; do
        [ ! -e "$HOME/$_path" ] || ln -sfn "$HOME/$_path" "$DEV/home/$_path"
    done
    ln -sfn "$PIP_CACHE_DIR" "$DEV/home/.cache/pip"
    # Unset variables that change results. KEEP_CLOUD_ENV is for the job that uses the user's own cluster and account.
    unset PYTHONHOME PYTHONPATH PYTHONDONTWRITEBYTECODE VIRTUAL_ENV XDG_CACHE_HOME XDG_CONFIG_HOME
    _foreign='^(ANSIBLE|MOTO)_'
    [ -n "${KEEP_CLOUD_ENV:-}" ] || _foreign="$_foreign"'|^(AWS|K8S_AUTH|IRSA_SANDBOX)_|^KUBECONFIG$'
    while IFS= read -r _name; do unset "$_name"; done < <(compgen -e | grep -E "$_foreign" || true)
    export DEV USER_HOME=$HOME HOME=$DEV/home _EKSOPS_ENV=1
fi
RESULTS=$DEV/results

# The sandbox's servers are on loopback, so no proxy is needed.
export NO_PROXY=localhost,127.0.0.1 no_proxy=localhost,127.0.0.1

say() { printf '%s\n' "$*" >&2; }
die() {
    say "error: $*"
    exit 1
}

# real_python NAME: print the path of the interpreter behind a shim, a link or a virtual environment. Fails if it does not
# run or cannot make virtual environments.
real_python() {
    HOME=$USER_HOME "$1" -c 'import ensurepip, os, sys, venv; print(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))' 2>/dev/null
}

# find_python VERSION: print the path of an interpreter of this version, from PATH, pyenv or uv.
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
        found=$(real_python "$PYTHON") || die "PYTHON=$PYTHON does not run, or does not have the venv module"
        "$found" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "PYTHON=$PYTHON is too old: ansible-core needs 3.11 or later"
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
    die "Python 3.11 or later with the venv module not found. Install it (on Debian: python3-venv) or set PYTHON."
}

# make_venv DIR PYTHON NAME [PROGRAM ARGUMENTS...]: make a virtual environment with the packages in
# requirements/locked/NAME.txt, unless it is up to date, and run the program in it. Only wheels are installed, because the
# packages that build others have no hashes; the exception, reuse, has no wheels for the C library of many systems.
make_venv() {
    local dir=$1 python=$2 locked=$REQUIREMENTS/locked/$3.txt stamp file started
    shift 3
    stamp=$({
        # Without path and patch level: every Python of this version can use the environment.
        "$python" -c 'import sys; print(*sys.version_info[:2])'
        for file in "$locked" "$@"; do
            [ ! -f "$file" ] || cat "$file"
        done
    } | cksum)
    mkdir -p "$DEV"
    (
        flock 9
        [ "$(cat "$dir/stamp" 2>/dev/null)" != "$stamp" ] || ! "$dir/bin/python" -c '' 2>/dev/null || exit 0
        started=$SECONDS
        say "installing $(basename "$dir") (once, about a minute)"
        "$python" -m venv --clear "$dir"
        "$dir/bin/python" -m pip install -qq --disable-pip-version-check --require-hashes --only-binary :all: --no-binary reuse -r "$locked"
        say "installed the Python packages of $(basename "$dir") in $((SECONDS - started)) s"
        [ $# -eq 0 ] || "$dir/bin/python" "$@"
        printf '%s\n' "$stamp" >"$dir/stamp"
    ) 9>"$dir.lock"
}

# use_npm: put an npm on PATH whose Node the linters of web/audit support, and use the registry and proxy that the user has
# configured.
use_npm() {
    # The versions that eslint supports.
    if ! command -v npm >/dev/null || ! node -e '
        const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit(major >= 24 || (major === 22 && minor >= 13) || (major === 20 && minor >= 19) ? 0 : 1);'; then
        make_venv "$DEV/venv-web" "$(find_controller_python)" web
        PATH=$DEV/venv-web/bin:$PATH
    fi
    [ ! -e "$USER_HOME/.npmrc" ] || export NPM_CONFIG_USERCONFIG=$USER_HOME/.npmrc
}

# use_venv: make the environment of the development tools, put it first on PATH, and make the tree "live".
use_venv() {
    local python version
    python=$(find_controller_python)
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    VENV=$DEV/venv-$version
    make_venv "$VENV" "$python" dev "${DEPENDENCIES[@]}"
    SITE=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    export VENV SITE
    # ansible-test searches PATH for the Pythons of modules and cannot use shims.
    mkdir -p "$DEV/pythons"
    for version in 3.10 3.11 3.12 3.13; do
        ! python=$(find_python "$version") || ln -sfn "$python" "$DEV/pythons/python$version"
    done
    PATH=$VENV/bin:$DEV/pythons:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
    export PATH
    make_tree live
    export ANSIBLE_COLLECTIONS_PATH=$DEV/live ANSIBLE_HOME=$DEV/home/.ansible
}

# copy_checkout DIRECTORY: copy tracked and untracked files, without ignored ones.
copy_checkout() {
    rm -rf "$1"
    mkdir -p "$1"
    # git also lists deleted files until the deletion is committed.
    (cd "$ROOT" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar --null -T - -cf -) | tar -xf - -C "$1"
}

# make_tree NAME: make a tree in which Ansible finds this collection by its name, and set TREE to the collection's
# directory, $DEV/NAME/ansible_collections/eksops/irsa. In the tree "live" it is a link to the checkout, in others a copy
# for ansible-test, which does not accept links. The tree has the dependencies too, because ansible-test searches only
# there.
make_tree() {
    local top=$DEV/$1/ansible_collections
    mkdir -p "$top"/{eksops,amazon,kubernetes}
    ln -sfn "$SITE/ansible_collections/amazon/aws" "$top/amazon/aws"
    ln -sfn "$SITE/ansible_collections/kubernetes/core" "$top/kubernetes/core"
    TREE=$top/eksops/irsa
    if [ "$1" = live ]; then ln -sfn "$ROOT" "$TREE"; else copy_checkout "$TREE"; fi
}
