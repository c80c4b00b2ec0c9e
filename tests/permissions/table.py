"""The tables of the documentation: each permission, and what is lost without it."""

from __future__ import annotations

import collections.abc as c
import re

from permissions.documents import DIRECTORY
from permissions.proof import Loss

_GUIDE = DIRECTORY.with_name("guide_permissions.rst")
_HEAD = """.. list-table::
   :header-rows: 1
   :widths: 40 60

   * - {}
     - {}
"""


def of_losses(losses: c.Sequence[Loss]) -> str:
    """Line by line what happens without it."""
    return _HEAD.format("Without", "Happens") + "".join(_row(_line(loss), _happens(loss)) for loss in losses)


def of_refusals(refusals: c.Sequence[tuple[str, str, str]]) -> str:
    """What the policy doesn't let anybody do."""
    rows = [_row(f"{what[:1].upper()}{what[1:]}", f"``{action}``: *{_plain(text)}*") for what, action, text in refusals]
    return _HEAD.format("Attempt", "Is refused") + "".join(rows)


def settle(name: str, text: str, *, write: bool) -> list[str]:
    """Writes a table to its place in the guide, or tells what is wrong with the one that is there."""
    guide = _GUIDE.read_text(encoding="utf-8")
    begin, end = f".. begin {name}\n\n", f"\n.. end {name}\n"
    before, found, rest = guide.partition(begin)
    there, ended, after = rest.partition(end)
    if not (found and ended):
        return [f"{_GUIDE.name} has no place for the table {name}"]
    if write:
        _GUIDE.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")
        return []
    if text == there:
        return []
    known = set(there.splitlines())
    new = [line.strip() for line in text.splitlines() if line not in known]
    return [f"the table {name} is not what was seen, run make permissions: {'; '.join(new[:5])}"]


def _row(*cells: str) -> str:
    first, *others = cells
    return f"   * - {first}\n" + "".join(f"     - {cell}\n" for cell in others)


def _line(loss: Loss) -> str:
    return f"``{loss.line.text}``" + (f" ({loss.line.where})" if loss.line.where else "")


def _happens(loss: Loss) -> str:
    plugin = {
        "inventory": ":ansplugin:`eksops.irsa.eks_clusters#inventory`",
        # The role's own task.
        "kubernetes.core.k8s": ":ansplugin:`eksops.irsa.irsa#role`",
    }.get(loss.module, f":ansplugin:`{loss.module}#module`")
    if loss.kind == "fails":
        return f"{plugin} fails to {loss.what}: *{_plain(loss.text)}*"
    if loss.kind == "says":
        return f"{plugin}, which is to {loss.what}, goes on without it and says: *{_plain(loss.text)}*"
    return f"{plugin} doesn't {loss.what}."


def _plain(text: str) -> str:
    """One line of reStructuredText that says this and nothing else."""
    line = re.sub(r"\s+", " ", text).strip()
    return re.sub(r"([\\*`|_])", r"\\\1", line)
