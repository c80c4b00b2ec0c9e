"""The code blocks of the documentation, with the place where each stands."""

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
# "# bindings.yml" in the first line of a block, also with words behind: "# group_vars/all.yml, for all of them".
FILE_NAME = re.compile(r"^# ([\w./-]+\.(?:ya?ml|tf))\b")


@dataclasses.dataclass(frozen=True)
class Block:
    path: str  # of the document, from the root of the checkout
    line: int  # of the first line of the text, from 1
    language: str  # empty if the document names none
    text: str
    mark: str = ""  # of the comment before it: "run: ..." or "unchecked: REASON"

    @property
    def file_name(self) -> str:
        """The name of the file that the block says it is, or nothing."""
        found = FILE_NAME.match(self.text)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}"


def of_file(root: pathlib.Path, path: pathlib.Path) -> list[Block]:
    """The blocks of a document: reStructuredText, Markdown, or a plugin with its EXAMPLES."""
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(root))
    reader = {".rst": _rst, ".md": _markdown, ".py": _plugin}[path.suffix]
    return list(reader(name, text))


def _rst(name: str, text: str) -> c.Iterator[Block]:
    lines = text.splitlines()
    mark = ""
    for number, line in enumerate(lines):
        if found := RST_MARK.match(line):
            mark = found["mark"]
        elif found := RST_BLOCK.match(line):
            first, body = _indented(lines, number + 1, len(found["indent"]))
            yield Block(name, first + 1, found["language"] or "", body, mark)
            mark = ""
        elif line.strip():
            mark = ""


def _indented(lines: list[str], number: int, indent: int) -> tuple[int, str]:
    """The body of a directive that stands before line `number`, and the index of its first line."""
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


def _markdown(name: str, text: str) -> c.Iterator[Block]:
    mark = language = ""
    first: int | None = None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if found := MARKDOWN_FENCE.match(line):
            if first is None:
                first, language = number + 1, found["language"]
            else:
                body = textwrap.dedent("\n".join(lines[first:number])) + "\n"
                yield Block(name, first + 1, language, body, mark)
                first, mark = None, ""
        elif first is None and (found := MARKDOWN_MARK.match(line)):
            mark = found["mark"]
        elif first is None and line.strip():
            mark = ""


def _plugin(name: str, text: str) -> c.Iterator[Block]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            yield Block(name, node.lineno + 1, "yaml", ast.literal_eval(node.value).lstrip("\n"))
