#!/usr/bin/env bash
# Makes a tree in which the Ansible tools find this collection by its name: $DEV/NAME/ansible_collections/eksops/irsa.
#
#   tree.sh live    a link to the checkout, for playbooks, docs, lint and pytest
#   tree.sh NAME    a copy of what git knows of or would add, for ansible-test, which resolves links and so refuses one
#
# The dependencies stand beside it, since ansible-test looks nowhere else.
set -euo pipefail
name=$1
top=$DEV/$name/ansible_collections
mkdir -p "$top"/{eksops,amazon,kubernetes}
ln -sfn "$SITE/ansible_collections/amazon/aws" "$top/amazon/aws"
ln -sfn "$SITE/ansible_collections/kubernetes/core" "$top/kubernetes/core"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
if [ "$name" = live ]; then
    ln -sfn "$root" "$top/eksops/irsa"
    exit 0
fi
copy=$top/eksops/irsa
rm -rf "$copy"
mkdir -p "$copy"
cd "$root"
git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    # git still lists a file that was deleted and not committed.
    [ ! -e "$file" ] || printf '%s\0' "$file"
done | tar --null -T - -cf - | tar -xf - -C "$copy"
