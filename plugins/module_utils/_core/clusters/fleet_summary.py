# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Renders the results of the playbook `fleet` as a table for terminals or as Markdown."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import InvalidInput
from ..text_table import check_width, column_widths, table_line, wrap_message
from ..validation import Schema, find_flaw
from ..wording import markdown_paragraph, markdown_text, quantity, visible

# The statuses of a cluster, the worst first, with their names in a summary.
STATUSES = {
    "failed": "failed",
    "stopped": "not started",
    "changed": "changed",
    "ok": "ok",
    "empty": "without bindings",
}
_COUNTS = ("total", "ok", "changed", "failed")
_COLUMNS = ("STATUS", "CLUSTER", "ACCOUNT", "REGION", "BINDINGS", "OK", "CHANGED", "FAILED", "PROVEN", "SECONDS")
_ENTRY: Schema = {"status": str, "counts": dict.fromkeys(_COUNTS, int), "proofs": int}
_FIRST_NUMBER = _COLUMNS.index("BINDINGS")


@dataclasses.dataclass(frozen=True)
class ClusterResult:
    """The result of one cluster.

    :param host: the name of the cluster in the inventory.
    :param status: one of `STATUSES`.
    :param counts: the number of bindings (``total``) and of each outcome (``ok``, ``changed``, ``failed``), if known.
    :param proofs: the number of bindings with a proof; None if STS was not called.
    :param elapsed: the duration of the run in seconds.
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
    def from_entry(cls, host: str, entry: t.Any) -> ClusterResult:
        """:raises InvalidInput: ``entry`` is not a valid value of ``irsa_fleet``."""
        fix = "pass irsa_fleet as the playbook eksops.irsa.fleet sets it"
        flaw = find_flaw(entry, _ENTRY).removeprefix(".")
        if flaw:
            raise InvalidInput(f"the result of cluster {host} is not valid", cause=f"field {flaw}", fix=fix)
        if entry.get("status") not in STATUSES or not isinstance(entry.get("elapsed") or 0, (int, float)):
            raise InvalidInput(
                f"the result of cluster {host} is not valid",
                cause=f"status must be one of {', '.join(STATUSES)}, and elapsed must be a number",
                fix=fix,
            )
        counts = entry.get("counts") or {}
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
        """The cells of the table row."""
        return [
            self.status,
            self.host,
            self.account or "-",
            self.region or "-",
            *(_number(self.counts.get(name)) for name in _COUNTS),
            _number(self.proofs),
            "-" if self.elapsed is None else f"{self.elapsed:.1f}",
        ]


def _text(value: t.Any) -> str | None:
    return visible(str(value)) if value not in (None, "") else None


def _number(value: int | None) -> str:
    return "-" if value is None else str(value)


def read_results(value: t.Any) -> list[ClusterResult]:
    """The results in ``irsa_fleet``, sorted by status, the worst first, and name.

    :raises InvalidInput: ``value`` is not valid.
    """
    if not isinstance(value, t.Mapping):
        raise InvalidInput(
            "the value is not a result of the playbook fleet",
            cause=f"its type is {type(value).__name__}",
            fix="pass irsa_fleet, a dictionary with an entry for each cluster",
        )
    order = list(STATUSES)
    results = [ClusterResult.from_entry(visible(str(host)), entry) for host, entry in value.items()]
    return sorted(results, key=lambda result: (order.index(result.status), result.host))


def render_table(results: t.Sequence[ClusterResult], width: int = 100) -> str:
    """A line for each cluster, followed by its error, and the totals. Only errors are wrapped.

    :param width: the width in characters, at least 40.
    :raises InvalidInput: the width is not valid.
    """
    check_width(width)
    rows = [result.cells() for result in results]
    widths = column_widths([_COLUMNS, *rows])
    lines = [table_line(_align(_COLUMNS, widths), widths)]
    for result, cells in zip(results, rows, strict=True):
        lines.append(table_line(_align(cells, widths), widths))
        if result.error:
            lines += wrap_message(result.error, width)
    return "\n".join([*lines, "", summarize(results)])


def _align(cells: t.Sequence[str], widths: t.Sequence[int]) -> list[str]:
    """The cells, with numbers aligned to the right."""
    numbers = [cell.rjust(width) for cell, width in zip(cells, widths, strict=True)][_FIRST_NUMBER:]
    return [*cells[:_FIRST_NUMBER], *numbers]


def summarize(results: t.Sequence[ClusterResult]) -> str:
    """The number of clusters and bindings with each status, in one line."""
    statuses = [result.status for result in results]
    clusters = [f"{statuses.count(status)} {name}" for status, name in STATUSES.items() if status in statuses]
    sums = {name: sum(result.counts.get(name, 0) for result in results) for name in _COUNTS}
    bindings = [f"{sums[name]} {name}" for name in ("failed", "changed", "ok") if sums[name]]
    unknown = sums["total"] - sum(sums[name] for name in ("failed", "changed", "ok"))
    if unknown > 0:
        bindings.append(f"{unknown} not started")
    parts = [(quantity(len(results), "cluster"), clusters), (quantity(sums["total"], "binding"), bindings)]
    return "; ".join(f"{total}: {', '.join(counts)}" if counts else total for total, counts in parts)


def render_markdown(results: t.Sequence[ClusterResult], title: str = "IRSA in all clusters") -> str:
    """A page with the totals, a table of all clusters, and the error of each cluster.

    Names and messages are escaped, so that they cannot contain markup.
    """
    lines = [f"# {markdown_text(title)}", "", f"{markdown_text(summarize(results))}.", ""]
    lines.append(f"| {' | '.join(column.lower() for column in _COLUMNS)} |")
    lines.append(f"|{' --- |' * _FIRST_NUMBER}{' ---: |' * (len(_COLUMNS) - _FIRST_NUMBER)}")
    lines += [f"| {' | '.join(map(markdown_text, result.cells()))} |" for result in results]
    for result in results:
        if result.error:
            lines += ["", f"## {markdown_text(result.host)}", "", markdown_paragraph(result.error)]
    return "\n".join(lines) + "\n"
