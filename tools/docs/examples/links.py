"""Check links in the documentation: to files of the checkout and to headings in them."""

from __future__ import annotations

import collections.abc as c
import pathlib
import re
import urllib.parse

MARKDOWN = re.compile(
    r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)$|<img [^>]*src=\"([^\"]+)\"|srcset=\"([^\"]+)\"", re.MULTILINE
)
RST = re.compile(r"`[^`<]*<([^`<>]+)>`__?|^ *\.\. (?:image|figure):: (\S+)", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
RST_HEADING = re.compile(r"^(\S.*)\n([=\-^~\"'])\2{2,}$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def find_problems(root: pathlib.Path, path: pathlib.Path) -> c.Iterator[str]:
    """Find broken links of a document. Sphinx checks the references in reStructuredText."""
    text = path.read_text(encoding="utf-8")
    pattern = MARKDOWN if path.suffix == ".md" else RST
    for match in pattern.finditer(FENCED.sub("", text)):
        target = str(match[match.lastindex or 0])
        line = text[: text.find(target)].count("\n") + 1
        for problem in _check_target(root, path, target):
            yield f"{path.relative_to(root)}:{line}: {problem}"


def _check_target(root: pathlib.Path, path: pathlib.Path, target: str) -> c.Iterator[str]:
    if path.suffix == ".rst" and re.fullmatch(r"[\w.\-]+", target) and "/" not in target and "." not in target[-5:]:
        return  # a label
    if target.startswith("ansible_collections."):
        return  # a label
    parts = urllib.parse.urlsplit(target)
    if parts.scheme:
        if parts.scheme != "https" or not re.fullmatch(r"[\w.\-]+\.[a-z]+", parts.netloc):
            yield f"{target} is not an https link to a public site"
        return
    file = path if not parts.path else (path.parent / parts.path).resolve()
    if not file.exists() or not file.is_relative_to(root):
        yield f"{parts.path} does not exist"
    elif parts.fragment and parts.fragment not in read_anchors(file):
        yield f"{parts.path or path.name} has no heading #{parts.fragment}"


def read_anchors(path: pathlib.Path) -> set[str]:
    """Read the anchors of a document's headings, as GitHub and Sphinx generate them."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".rst":
        return {re.sub(r"[^a-z0-9]+", "-", heading[0].lower()).strip("-") for heading in RST_HEADING.findall(text)}
    headings = HEADING.findall(FENCED.sub("", text))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
