"""Add a start page and a plugin index to the pages of antsibull-docs.

Why not antsibull-docs alone: its start page lists only plugins, and it does not copy the files that guides include.

Usage: python lay_out.py SITE (SITE/rst has the pages of antsibull-docs)
"""

from __future__ import annotations

import pathlib
import re
import shutil
import sys

import yaml

COLLECTION = "eksops.irsa"
ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCSITE = ROOT / "docs" / "docsite"
# Suffix of the pages of each kind of plugin, and their heading in the table of contents.
KINDS = {"module": "Modules", "inventory": "Inventory", "lookup": "Lookups", "filter": "Filters", "test": "Tests"}
# Removed, since the theme shows the contents beside each page.
CONTENTS = re.compile(r"^\.\. contents::\n(?:   .*\n)*\n?", re.MULTILINE)
TOCTREE = re.compile(r"^\.\. toctree::\n(?:    .*\n|\n)*", re.MULTILINE)


def main(site: str) -> None:
    directory = pathlib.Path(site)
    rst = directory / "rst"
    here = pathlib.Path(__file__).parent
    # antsibull-docs copies only the texts of the guides, not images and other files.
    for folder in DOCSITE.joinpath("rst").glob("*/"):
        shutil.copytree(folder, rst / "docsite" / folder.name, dirs_exist_ok=True)
    shutil.copytree(here / "static", directory / "_site", dirs_exist_ok=True)
    shutil.copy(here / "conf.py", directory)
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
    (directory / "version").write_text(f"{galaxy['version']}\n", encoding="utf-8")

    index = (rst / "index.rst").read_text(encoding="utf-8")
    (rst / "plugins.rst").write_text(plugin_index(index), encoding="utf-8")
    start = (here / "index.rst").read_text(encoding="utf-8")
    (rst / "index.rst").write_text(start + contents(rst), encoding="utf-8")
    for page in rst.rglob("*.rst"):
        page.write_text(CONTENTS.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")


def plugin_index(index: str) -> str:
    """Reduce the start page of antsibull-docs to its lists of plugins."""
    lists = index[index.index(f".. _plugin_index_for_{COLLECTION}:") :]
    label = f".. _plugins_in_{COLLECTION}:\n\n"
    title = "All plugins and the role"
    return f"{label}{title}\n{'=' * len(title)}\n\n{TOCTREE.sub('', lists)}"


def contents(rst: pathlib.Path) -> str:
    """Write the tables of contents: a visible one per section of extra-docs.yml, a hidden one per kind of plugin."""
    extra = yaml.safe_load((DOCSITE / "extra-docs.yml").read_text(encoding="utf-8"))
    text = "".join(
        toctree(section["title"], [f"docsite/{guide}" for guide in section["toctree"]]) for section in extra["sections"]
    )
    for kind, title in KINDS.items():
        names = sorted(page.stem.removesuffix(f"_{kind}") for page in rst.glob(f"*_{kind}.rst"))
        text += toctree(title, [f"{name} <{name}_{kind}>" for name in names], hidden=True)
    text += toctree("Role", ["irsa <irsa_role>"], hidden=True)
    return text + toctree("Index", ["plugins", "environment_variables"], hidden=True)


def toctree(title: str, pages: list[str], hidden: bool = False) -> str:
    options = ["   :hidden:"] if hidden else []
    lines = ["", ".. toctree::", f"   :caption: {title}", "   :maxdepth: 1", *options, ""]
    return "\n".join([*lines, *(f"   {page}" for page in pages), ""])


if __name__ == "__main__":
    main(*sys.argv[1:])
