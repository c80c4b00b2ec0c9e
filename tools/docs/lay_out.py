"""Add a start page and a plugin index to the pages of antsibull-docs, and put a module's own options first.

Why not antsibull-docs alone: its start page lists only plugins, it sorts the options of connections among those of the
module, and it does not copy the files that guides include.

Usage: python lay_out.py SITE (SITE/rst has the pages of antsibull-docs)
"""

from __future__ import annotations

import pathlib
import re
import runpy
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
# The title of the page of a plugin. A line can break between the two dashes.
TITLE = re.compile(r"^(eksops\.irsa\.\w+ \w+) -- ", re.MULTILINE)
# A row of the table of parameters, and the name of its option; suboptions have the name of their option before a slash.
ROW = re.compile(r"^  \* - ", re.MULTILINE)
ANCHOR = re.compile(r'id="parameter-([^"/]+)')
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
    for page in rst.glob("*_module.rst"):
        own = own_options(page.stem.removesuffix("_module"))
        page.write_text(order_options(page.read_text(encoding="utf-8"), own), encoding="utf-8")
    for page in rst.rglob("*.rst"):
        text = CONTENTS.sub("", page.read_text(encoding="utf-8"))
        page.write_text(TITLE.sub("\\1 \N{EN DASH} ", text), encoding="utf-8")


def own_options(module: str) -> set[str]:
    """Return the options that the collection documents itself, in the module or in its fragments."""
    source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
    texts = re.findall(r'^DOCUMENTATION = r"""(.*?)"""', source, re.MULTILINE | re.DOTALL)
    for path in (ROOT / "plugins" / "doc_fragments").glob("[a-z]*.py"):
        fragments = vars(runpy.run_path(str(path))["ModuleDocFragment"])
        texts += [text for name, text in fragments.items() if name.isupper()]
    names = {name for text in texts for name in yaml.safe_load(text).get("options") or ()}
    return names - {"validate_certs"}


def order_options(page: str, own: set[str]) -> str:
    """Move the rows of other options to the end of the table of parameters."""
    start = page.index("\nParameters\n") if "\nParameters\n" in page else len(page)
    begins = [match.start() for match in ROW.finditer(page, start)]
    rows = [page[begin:end] for begin, end in zip(begins, [*begins[1:], len(page)], strict=True)]
    names = [ANCHOR.search(row) for row in rows]
    if not any(names):
        return page
    last = max(number for number, name in enumerate(names) if name)
    # What follows the last row of the table stays where it is.
    end = re.search(r"^\S", rows[last], re.MULTILINE)
    rest = rows[last][end.start() :] if end else ""
    rows[last] = rows[last].removesuffix(rest)
    first = next(number for number, name in enumerate(names) if name)
    table = list(zip(rows[first : last + 1], names[first : last + 1], strict=True))
    ordered = sorted(table, key=lambda row: row[1] is not None and row[1][1] not in own)
    return page[: begins[first]] + "".join(row for row, _name in ordered) + rest + "".join(rows[last + 1 :])


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
