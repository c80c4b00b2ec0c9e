"""Read the code blocks of the documentation."""

from __future__ import annotations

import ast
import collections.abc as c
import dataclasses
import pathlib
import re
import textwrap

RST_BLOCK = re.compile(r"^(?P<indent> *)\.\. code-block::(?: (?P<language>\S+))?$")
RST_MARK = re.compile(r"^ *\.\. (?P<mark>(?:run|unchecked):.*)$")
MARKDOWN_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\S*)$")
MARKDOWN_MARK = re.compile(r"^ *<!-- (?P<mark>(?:run|unchecked):.*?) -->$")
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
    name = str(path.relative_to(root))
    reader = {".rst": _read_rst, ".md": _read_markdown, ".py": _read_plugin}[path.suffix]
    return list(reader(name, text))


def _read_rst(name: str, text: str) -> c.Iterator[Block]:
    lines = text.splitlines()
    mark = ""
    for number, line in enumerate(lines):
        if match := RST_MARK.match(line):
            mark = match["mark"]
        elif match := RST_BLOCK.match(line):
            first, body = _read_indented(lines, number + 1, len(match["indent"]))
            yield Block(name, first + 1, match["language"] or "", body, mark)
            mark = ""
        elif line.strip():
            mark = ""


def _read_indented(lines: list[str], number: int, indent: int) -> tuple[int, str]:
    """Read the body of the directive before line ``number``.

    :returns: the index of its first line, and the text.
    """
    body: list[str] = []
    first = number
    for index in range(number, len(lines)):
        line = lines[index]
        if line.strip() and len(line) - len(line.lstrip()) <= indent:
            break
        if not body and (not line.strip() or line.lstrip().startswith(":")):
            first = index + 1
            continue
        body.append(line)
    return first, textwrap.dedent("\n".join(body)).rstrip() + "\n"


def _read_markdown(name: str, text: str) -> c.Iterator[Block]:
    mark = language = ""
    first: int | None = None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if match := MARKDOWN_FENCE.match(line):
            if first is None:
                first, language = number + 1, match["language"]
            else:
                body = textwrap.dedent("\n".join(lines[first:number])) + "\n"
                yield Block(name, first + 1, language, body, mark)
                first, mark = None, ""
        elif first is None and (match := MARKDOWN_MARK.match(line)):
            mark = match["mark"]
        elif first is None and line.strip():
            mark = ""


def _read_plugin(name: str, text: str) -> c.Iterator[Block]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            yield Block(name, node.lineno + 1, "yaml", ast.literal_eval(node.value).lstrip("\n"))
