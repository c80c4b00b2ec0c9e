"""Write the guides that have a template in docs/templates.

With --check, write nothing and fail if a guide is out of date. Needs the collection on PYTHONPATH.

Usage: python -m tools.docs.guides [--check]
"""

from __future__ import annotations

import pathlib
import re
import sys
import textwrap
import typing as t

import jinja2
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import join

from tools.docs import policies, troubleshooting

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUIDES = ROOT / "docs" / "docsite" / "rst"
# What each template needs.
READERS: dict[str, t.Callable[[], dict[str, t.Any]]] = {
    "guide_policies": policies.read_context,
    "guide_troubleshooting": troubleshooting.read_context,
}


def fill(text: str, first: str = "", rest: str = "") -> str:
    """Break a paragraph into lines, which begin with these texts. Names of modules and roles become links."""
    wrapper = textwrap.TextWrapper(
        120, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.fill(re.sub(r"``eksops\.irsa\.(\w+)``", link, text))


def link(name: re.Match[str]) -> str:
    kind = "role" if (ROOT / "roles" / name[1]).is_dir() else "module"
    return f":ansplugin:`eksops.irsa.{name[1]}#{kind}`"


def title(text: str, underline: str) -> str:
    return f"{text}\n{underline * len(text)}\n"


def render(name: str) -> str:
    """The text of a guide."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROOT / "docs" / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "fill": fill,
        "title": title,
        "join_code": lambda names: join([f"``{name}``" for name in names]),
    }
    return environment.get_template(f"{name}.rst.j2").render(READERS[name]()).rstrip() + "\n"


def main(arguments: list[str]) -> int:
    outdated = 0
    for name in READERS:
        path = GUIDES / f"{name}.rst"
        page = render(name)
        if arguments != ["--check"]:
            path.write_text(page, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != page:
            print(f"{path.name} is out of date. Run: make guide")
            outdated = 1
    return outdated


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
