#!/usr/bin/env bash
# For each file here, write the same file in locked/, with versions and hashes of all packages that it needs, on all
# platforms. make_venv installs these. Why not pip lock or pip-compile: they lock for one version of Python.
#
#   lock.sh [OPTIONS]  keep the locked versions that satisfy the requirements; options of uv are, for example, --upgrade
#                      for the newest versions, and --upgrade-package NAME
#   lock.sh --check    fail if a file in locked/ was written for other requirements; needs no network
. "$(dirname "${BASH_SOURCE[0]}")/../env.sh"
cd "$REQUIREMENTS" || exit
uv=$DEV/venv-supply-chain/bin/uv

# requirements_in FILE: print the lines of a file and of the files that it includes, without comments.
requirements_in() {
    local line
    while IFS= read -r line; do
        case $line in
            '-r '*) requirements_in "${line#-r }" ;;
            '' | '#'*) ;;
            *) printf '%s\n' "$line" ;;
        esac
    done <"$1"
}

# The first line of a locked file: the checksum of its requirements.
first_line() { printf '# written by lock.sh for %s\n' "$(requirements_in "$1" | sha256sum | cut -d ' ' -f 1)"; }

# lock FILE OPTIONS...
lock() {
    local file=$1 line
    local -a options=(--universal --generate-hashes --no-header --no-config --annotation-style line --quiet)
    shift
    # The oldest Python that uses the file.
    case $file in
        oldest.txt) options+=(--python-version 3.10) ;;
        newest.txt | ee.txt) options+=(--python-version 3.13) ;;
        # Its dependencies are not installed: get_deps.py uses only the collections in its wheel.
        ansible.txt) options+=(--python-version 3.11 --no-deps) ;;
        *) options+=(--python-version 3.11) ;;
    esac
    # uv reads the locked versions from its output.
    "$uv" pip compile "${options[@]}" "$@" "$file" --output-file "locked/$file" >/dev/null
    line=$(first_line "$file")
    sed -i "1i $line" "locked/$file"
}

files=()
for file in *.txt; do
    # corners.txt is only included by others.
    [ "$file" = corners.txt ] || files+=("$file")
done
if [ "${1:-}" = --check ]; then
    for file in "${files[@]}"; do
        [ "$(head -n 1 "locked/$file")" = "$(first_line "$file")" ] ||
            die "tools/requirements/locked/$file was not written for tools/requirements/$file: run make lock"
    done
else
    make_venv "$DEV/venv-supply-chain" "$(find_controller_python)" supply-chain
    for file in "${files[@]}"; do lock "$file" "$@"; done
fi
for file in locked/*; do
    [ -e "${file#locked/}" ] || die "tools/requirements/$file has no requirements: remove it"
done
