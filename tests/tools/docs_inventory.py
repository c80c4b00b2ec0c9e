"""Let Sphinx resolve references into Ansible's own documentation without a network.

Writes the inventory that intersphinx would download, with the labels in SITE/rst that lead out of the collection, and
makes SITE/conf.py use it. What is left for Sphinx to complain about are broken references within the collection;
whether another collection has the plugin that is referred to, ``antsibull-docs lint-collection-docs`` checks.

Usage: python docs_inventory.py SITE NAMESPACE.NAME
"""

from __future__ import annotations

import pathlib
import re
import sys
import zlib

# Of ansible-core's guides; antsibull-docs refers to them by itself, on any page.
GUIDE_LABELS = {"action_plugins", "ansible_configuration_settings", "common_return_values"}
REFERENCE = re.compile(r"<(ansible_collections\.[\w.\-/]+)>`|:ref:`(ansible_collections\.[\w.\-/]+)`")
OPTION = re.compile(r":ansopt:`([\w.]+)#(\w+):([\w.\[\]]+)")
# Variables of ansible-core's own, which its documentation explains.
VARIABLE = re.compile(r":envvar:`(ANSIBLE(?:\\?_|[A-Z])+)`")
URL = "https://docs.ansible.com/projects/ansible/devel/"


def main(site: str, collection: str) -> None:
    directory = pathlib.Path(site)
    labels = set(GUIDE_LABELS)
    variables: set[str] = set()
    for page in (directory / "rst").rglob("*.rst"):
        text = page.read_text(encoding="utf-8")
        labels.update(label for found in REFERENCE.findall(text) for label in found)
        variables.update(found.replace("\\", "") for found in VARIABLE.findall(text))
        for plugin, kind, option in OPTION.findall(text):
            path = option.replace("[]", "").replace(".", "/")
            labels.add(f"ansible_collections.{plugin}_{kind}__parameter-{path}")
    labels = {label for label in labels if label and f".{collection}." not in label}
    lines = "".join(f"{label} std:label -1 index.html#{label} {label}\n" for label in sorted(labels))
    lines += "".join(f"{name} std:envvar -1 index.html#envvar-{name} -\n" for name in sorted(variables))
    header = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: devel\n"
    header += "# The remainder of this file is compressed using zlib.\n"
    (directory / "ansible.inv").write_bytes(header.encode() + zlib.compress(lines.encode()))
    with (directory / "conf.py").open("a", encoding="utf-8") as conf:
        conf.write(f"\nintersphinx_mapping = {{'ansible_devel': ({URL!r}, {str(directory / 'ansible.inv')!r})}}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
