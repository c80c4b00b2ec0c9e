# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What became of the clusters of a run of the playbook `fleet`, for people: a table for a terminal, and Markdown."""

from __future__ import annotations

import dataclasses
import typing as t

from ..diagnosis.report import check_width, escaped, line, paragraph, wrapped
from ..errors import InvalidInput
from ..wording import quantity

Json = t.Mapping[str, t.Any]

# What can have become of a cluster, the worst first, and how a summary says it.
STATUSES = {
    "failed": "failed",
    "stopped": "not begun",
    "changed": "changed",
    "ok": "ok",
    "empty": "without bindings",
}
_COUNTS = ("total", "ok", "changed", "failed")
_COLUMNS = ("STATUS", "CLUSTER", "ACCOUNT", "REGION", "BINDINGS", "OK", "CHANGED", "FAILED", "PROVEN", "SECONDS")
_NUMBERS_FROM = _COLUMNS.index("BINDINGS")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """What became of a cluster.

    :param host: its name in the inventory.
    :param status: one of `STATUSES`.
    :param counts: how many bindings there are (``total``), and how many came out how (``ok``, ``changed``, ``failed``);
        what is not known, because they were not begun, is left out.
    :param proofs: how many bindings STS has proven, if it was asked.
    :param elapsed: how long the bindings took, in seconds.
    :param error: what went wrong.
    """

    host: str
    status: str
    account: str | None = None
    region: str | None = None
    counts: t.Mapping[str, int] = dataclasses.field(default_factory=dict)
    proofs: int | None = None
    elapsed: float | None = None
    error: str | None = None

    @classmethod
    def of(cls, host: str, entry: t.Any) -> Cluster:
        """From an entry of ``irsa_fleet``.

        :raises InvalidInput: it is none.
        """
        counts = entry.get("counts") or {} if isinstance(entry, t.Mapping) else None
        if counts is None or entry.get("status") not in STATUSES or not isinstance(counts, t.Mapping):
            raise InvalidInput(
                f"not what became of cluster {host}",
                cause=f"its status has to be one of {', '.join(STATUSES)}, its counts a dictionary",
                fix="give irsa_fleet, as the playbook eksops.irsa.fleet hands it on",
            )
        return cls(
            host,
            entry["status"],
            _text(entry.get("account_id")),
            _text(entry.get("region")),
            {name: int(counts[name]) for name in _COUNTS if counts.get(name) is not None},
            None if entry.get("proofs") is None else int(entry["proofs"]),
            None if entry.get("elapsed") is None else float(entry["elapsed"]),
            _text(entry.get("error")),
        )

    def cells(self) -> list[str]:
        """The row of the cluster."""
        numbers = [_number(self.counts.get(name)) for name in _COUNTS]
        elapsed = "-" if self.elapsed is None else f"{self.elapsed:.1f}"
        return [
            self.status,
            self.host,
            self.account or "-",
            self.region or "-",
            *numbers,
            _number(self.proofs),
            elapsed,
        ]


def _text(value: t.Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def clusters(value: t.Any) -> list[Cluster]:
    """The clusters of ``irsa_fleet``, the worst first and otherwise by name.

    :raises InvalidInput: something else was given.
    """
    if not isinstance(value, t.Mapping):
        raise InvalidInput(
            "no summary of a fleet",
            cause=f"a {type(value).__name__} was given",
            fix="give irsa_fleet, a dictionary with an entry for each cluster",
        )
    order = list(STATUSES)
    found = [Cluster.of(str(host), entry) for host, entry in value.items()]
    return sorted(found, key=lambda cluster: (order.index(cluster.status), cluster.host))


def table(found: t.Sequence[Cluster], width: int = 100) -> str:
    """A table: a line for each cluster, below it what went wrong there, and the sums.

    Only messages keep to the width.

    :param width: in characters, 40 at least.
    :raises InvalidInput: the width is too small.
    """
    check_width(width)
    rows = [cluster.cells() for cluster in found]
    widths = [max(map(len, column)) for column in zip(_COLUMNS, *rows, strict=True)]
    lines = [line(_aligned(_COLUMNS, widths), widths)]
    for cluster, cells in zip(found, rows, strict=True):
        lines.append(line(_aligned(cells, widths), widths))
        if cluster.error:
            lines += wrapped(cluster.error, width)
    return "\n".join([*lines, "", summary(found)])


def _aligned(cells: t.Sequence[str], widths: t.Sequence[int]) -> list[str]:
    """The cells, numbers to the right."""
    numbers = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)][_NUMBERS_FROM:]
    return [*cells[:_NUMBERS_FROM], *numbers]


def summary(found: t.Sequence[Cluster]) -> str:
    """How many clusters and bindings there are, and how many of them came out how, in one line."""
    statuses = [cluster.status for cluster in found]
    told = [f"{statuses.count(status)} {said}" for status, said in STATUSES.items() if status in statuses]
    sums = {name: sum(cluster.counts.get(name, 0) for cluster in found) for name in _COUNTS}
    bindings = [f"{sums[name]} {name}" for name in ("failed", "changed", "ok") if sums[name]]
    unknown = sums["total"] - sum(sums[name] for name in ("failed", "changed", "ok"))
    if unknown > 0:
        bindings.append(f"{unknown} not begun")
    parts = [(quantity(len(found), "cluster"), told), (quantity(sums["total"], "binding"), bindings)]
    return "; ".join(f"{what}: {', '.join(how)}" if how else what for what, how in parts)


def markdown(found: t.Sequence[Cluster], title: str = "IRSA in all clusters") -> str:
    """A page: the sums, a table of all clusters, and what went wrong where.

    Texts are escaped, so that nothing in a name or a message becomes markup.
    """
    lines = [f"# {escaped(title)}", "", f"{escaped(summary(found))}.", ""]
    lines.append(f"| {' | '.join(column.lower() for column in _COLUMNS)} |")
    lines.append(f"|{' --- |' * _NUMBERS_FROM}{' ---: |' * (len(_COLUMNS) - _NUMBERS_FROM)}")
    lines += [f"| {' | '.join(map(escaped, cluster.cells()))} |" for cluster in found]
    for cluster in found:
        if cluster.error:
            lines += ["", f"## {escaped(cluster.host)}", "", paragraph(cluster.error)]
    return "\n".join(lines) + "\n"
