"""Let Sphinx resolve references into Ansible's own documentation without a network.

Writes the inventory that intersphinx would download: the labels in SITE/rst that lead out of the collection (whether a
plugin of another collection exists, ``antsibull-docs lint-collection-docs`` checks), and makes SITE/conf.py use it. What
is left for Sphinx to complain about are broken references within the collection.

Usage: python docs_inventory.py SITE NAMESPACE.NAME
"""

from __future__ import annotations

import pathlib
import re
import sys
import zlib

# Of ansible-core's guides; antsibull-docs refers to them on each page.
GUIDE_LABELS = {"ansible_configuration_settings", "common_return_values"}
REFERENCE = re.compile(r"<(ansible_collections\.[\w.\-/]+)>`|:ref:`(ansible_collections\.[\w.\-/]+)`")
URL = "https://docs.ansible.com/projects/ansible/devel/"


def main(site: str, collection: str) -> None:
    directory = pathlib.Path(site)
    labels = set(GUIDE_LABELS)
    for page in (directory / "rst").rglob("*.rst"):
        for found in REFERENCE.findall(page.read_text(encoding="utf-8")):
            labels.update(label for label in found if label and f".{collection}." not in label)
    lines = "".join(f"{label} std:label -1 index.html#{label} {label}\n" for label in sorted(labels))
    header = "# Sphinx inventory version 2\n# Project: Ansible\n# Version: devel\n"
    header += "# The remainder of this file is compressed using zlib.\n"
    (directory / "ansible.inv").write_bytes(header.encode() + zlib.compress(lines.encode()))
    with (directory / "conf.py").open("a", encoding="utf-8") as conf:
        conf.write(f"\nintersphinx_mapping = {{'ansible_devel': ({URL!r}, {str(directory / 'ansible.inv')!r})}}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
