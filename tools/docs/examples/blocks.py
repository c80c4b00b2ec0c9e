"""Read the code blocks of the documentation."""

from __future__ import annotations

import ast
import collections.abc as c
import dataclasses
import pathlib
import re
import sys

import markdown_it
from antsibull_docutils import rst_code_finder

_DIRECTIVE = re.compile(r"^ *\.\. code-block::", re.MULTILINE)
_MARK = re.compile(r"^ *(?:\.\.|<!--) ((?:run|unchecked):.*?)(?: -->)?$")
# The first line of a block: "# bindings.yml" or "# group_vars/all.yml, for all clusters".
FILE_NAME = re.compile(r"^# ([\w./-]+\.(?:ya?ml|tf))\b")


@dataclasses.dataclass(frozen=True)
class Block:
    """A code block.

    :param path: of the document, relative to the root of the checkout.
    :param line: of the first line of the text, counted from 1.
    :param language: empty if the document has none.
    :param mark: the comment before the block: "run: ..." or "unchecked: REASON".
    """

    path: str
    line: int
    language: str
    text: str
    mark: str = ""

    @property
    def file_name(self) -> str:
        """The name of the file in the first line, or an empty string."""
        match = FILE_NAME.match(self.text)
        return match[1] if match else ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def read_blocks(root: pathlib.Path, path: pathlib.Path) -> list[Block]:
    """Read the blocks of a document: reStructuredText, Markdown, or EXAMPLES of a plugin."""
    text = path.read_text(encoding="utf-8")
    reader = {".rst": _read_rst, ".md": _read_markdown, ".py": _read_plugin}[path.suffix]
    try:
        return [dataclasses.replace(block, path=str(path.relative_to(root))) for block in reader(text)]
    except ValueError as error:
        sys.exit(f"{path.relative_to(root)}: {error}")


def _read_rst(text: str) -> c.Iterator[Block]:
    blocks = list(rst_code_finder.find_code_blocks(text))
    starts = [text.count("\n", 0, directive.start()) for directive in _DIRECTIVE.finditer(text)]
    if len(blocks) != len(starts):
        # It does not read what is in a directive that it does not know.
        raise ValueError(f"docutils reads {len(blocks)} of {len(starts)} code blocks")
    for start, found in zip(starts, blocks, strict=True):
        body = f"{found.content.rstrip()}\n"
        yield Block("", found.row_offset + 1, found.language or "", body, _find_mark(text, start))


def _read_markdown(text: str) -> c.Iterator[Block]:
    for token in markdown_it.MarkdownIt().parse(text):
        if token.type == "fence" and token.map:
            yield Block("", token.map[0] + 2, token.info, token.content, _find_mark(text, token.map[0]))


def _find_mark(text: str, row: int) -> str:
    """The comment before the directive or fence in this row."""
    before = [line for line in text.splitlines()[:row] if line.strip()]
    mark = _MARK.match(before[-1]) if before else None
    return mark[1] if mark else ""


def _read_plugin(text: str) -> c.Iterator[Block]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            yield Block("", node.lineno + 1, "yaml", ast.literal_eval(node.value).lstrip("\n"))
