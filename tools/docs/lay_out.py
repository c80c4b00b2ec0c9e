"""Lay out the documentation site around the pages that antsibull-docs makes.

Adds the start page with the guides by their sections and every plugin, and turns antsibull-docs' own start page into an
index. Why not antsibull-docs alone: its start page lists plugins, and its pages lack the files that guides show.

Usage: python lay_out.py SITE (with antsibull-docs' pages in SITE/rst)
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
# What the names of pages end with, and the heading that they get in the start page's table of contents.
KINDS = {"module": "Modules", "inventory": "Inventory", "lookup": "Lookups", "filter": "Filters", "test": "Tests"}
# The theme has the contents of a page beside it.
CONTENTS = re.compile(r"^\.\. contents::\n(?:   .*\n)*\n?", re.MULTILINE)
TOCTREE = re.compile(r"^\.\. toctree::\n(?:    .*\n|\n)*", re.MULTILINE)


def main(site: str) -> None:
    directory = pathlib.Path(site)
    rst = directory / "rst"
    here = pathlib.Path(__file__).parent
    # antsibull-docs takes the guides' texts alone, and not what they show.
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
    """antsibull-docs' start page without what the site's own has: what it is, the guides, and tables of contents."""
    lists = index[index.index(f".. _plugin_index_for_{COLLECTION}:") :]
    label = f".. _plugins_in_{COLLECTION}:\n\n"
    title = "All plugins and the role"
    return f"{label}{title}\n{'=' * len(title)}\n\n{TOCTREE.sub('', lists)}"


def contents(rst: pathlib.Path) -> str:
    """The tables of contents: sections of guides as extra-docs.yml has them, then one for each kind of plugin.

    The guides' show on the start page as well as beside each page.
    """
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
