"""The tables of the permissions guide: the effect of each missing permission."""

from __future__ import annotations

import collections.abc as c
import re

from permissions.check import LineEffect
from permissions.documents import DIRECTORY

_GUIDE = DIRECTORY.with_name("guide_permissions.rst")
_HEAD = """.. list-table::
   :header-rows: 1
   :widths: 40 60

   * - {}
     - {}
"""


def render_effects(effects: c.Sequence[LineEffect]) -> str:
    """Render a table with the effect of each missing line."""
    rows = [_render_row(_render_line(effect), _render_effect(effect)) for effect in effects]
    return _HEAD.format("Missing permission", "Effect") + "".join(rows)


def render_denied_attempts(attempts: c.Sequence[tuple[str, str, str]]) -> str:
    """Render a table of attempts that the policy denies.

    :param attempts: for each attempt its task, the denied IAM action and the module's message.
    """
    rows = [
        _render_row(f"{task[:1].upper()}{task[1:]}", f"``{action}``: *{_escape(message)}*")
        for task, action, message in attempts
    ]
    return _HEAD.format("Attempt", "Denied action and message") + "".join(rows)


def update(name: str, text: str, *, write: bool) -> list[str]:
    """Write a table into the guide, or compare it with the table there.

    :returns: the problems.
    """
    guide = _GUIDE.read_text(encoding="utf-8")
    begin, end = f".. begin {name}\n\n", f"\n.. end {name}\n"
    before, has_begin, rest = guide.partition(begin)
    current, has_end, after = rest.partition(end)
    if not (has_begin and has_end):
        return [f"{_GUIDE.name} lacks the markers of table {name}"]
    if write:
        _GUIDE.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
        return []
    if text == current:
        return []
    current_lines = set(current.splitlines())
    new = [line.strip() for line in text.splitlines() if line not in current_lines]
    return [f"table {name} is out of date. Run: make permissions. New lines: {'; '.join(new[:5])}"]


def _render_row(*cells: str) -> str:
    first, *others = cells
    return f"   * - {first}\n" + "".join(f"     - {cell}\n" for cell in others)


def _render_line(effect: LineEffect) -> str:
    return f"``{effect.line.text}``" + (f" ({effect.line.where})" if effect.line.where else "")


def _render_effect(effect: LineEffect) -> str:
    plugin = {
        "inventory": ":ansplugin:`eksops.irsa.eks_clusters#inventory`",
    }.get(effect.module, f":ansplugin:`{effect.module}#module`")
    if effect.kind == "fails":
        return f"{plugin} cannot {effect.task}: *{_escape(effect.message)}*"
    if effect.kind == "warns":
        return f"{plugin} warns, but can still {effect.task}: *{_escape(effect.message)}*"
    return f"{plugin} cannot {effect.task}."


def _escape(text: str) -> str:
    """Escape a text as one line of reStructuredText."""
    line = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"([\\*`|_])", r"\\\1", line)
