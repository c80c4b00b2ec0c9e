# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registered results of `irsa_audit` as tables for a terminal."""

from __future__ import annotations

import typing as t

from ...errors import InvalidInput
from ...text_table import check_width, column_widths, table_line, wrap, wrap_message
from ...wording import quantity, visible
from .results import RegisteredAudit
from .text import Json, cluster_heading, list_affected_objects, summarize_counts

_SUMMARY = ("SEVERITY", "LINK", "ID", "COUNT", "TITLE")
_FINDINGS = ("SEVERITY", "LINK", "ID", "AFFECTS")
# The most objects in the line of a finding, and the least width of the column of titles.
_MAX_OBJECTS = 3
_MIN_TITLE_WIDTH = 20


def render(audits: t.Sequence[RegisteredAudit], width: int = 100, findings: int = 20) -> str:
    """For each cluster its counts, a line for each finding ID, and the first findings in full.

    :param width: characters of a line, at least 40; only a line with a long name can exceed it.
    :param findings: the most findings of a cluster to show in full.
    :raises InvalidInput: the width or the number of findings is not valid.
    """
    check_width(width)
    if findings < 0:
        raise InvalidInput(f"findings must be 0 or more, not {findings}")
    return "\n\n".join("\n".join(_lines(audit, width, findings)) for audit in audits) or "no audit"


def _lines(audit: RegisteredAudit, width: int, limit: int) -> list[str]:
    heading = f"cluster {cluster_heading(audit.cluster)}"
    if audit.result is None:
        return [heading, "failed", *wrap_message(audit.failure or "", width)]
    result = audit.result
    lines = [heading, summarize_counts(result["counts"])]
    if result["summary"]:
        lines += ["", *_summary(result["summary"], width)]
    findings = result["findings"]
    if findings[:limit]:
        lines += ["", *_findings(findings[:limit], width)]
    more = len(findings[limit:]) + int(result.get("omitted") or 0)
    if more:
        lines += ["", f"{more} more" if limit else f"{quantity(more, 'finding')} not shown"]
    if result.get("skipped_checks"):
        lines += ["", "skipped checks:"]
        lines += [line for text in result["skipped_checks"] for line in wrap_message(str(text), width)]
    return lines


def _summary(rows: t.Sequence[Json], width: int) -> list[str]:
    """A line for each finding ID. A long title continues below, in its column if that is wide enough."""
    cells = [[*_SUMMARY[:4]], *([*_cells(row), str(row.get("count") or 0)] for row in rows)]
    titles = [_SUMMARY[4], *(visible(str(row.get("title") or "-")) for row in rows)]
    widths = column_widths(cells)
    column = sum(widths) + 2 * len(widths)
    indent = column if column + _MIN_TITLE_WIDTH <= width else 4
    lines = []
    for (*texts, count), title in zip(cells, titles, strict=True):
        start = table_line([*texts, count.rjust(widths[3])], widths)
        lines += wrap(title, width, first=f"{start}  ", other=" " * indent)
    return lines


def _findings(findings: t.Sequence[Json], width: int) -> list[str]:
    rows = [[*_cells(finding), list_affected_objects(finding, _MAX_OBJECTS)] for finding in findings]
    widths = column_widths([_FINDINGS, *rows])
    lines = [table_line(_FINDINGS, widths)]
    for finding, cells in zip(findings, rows, strict=True):
        lines.append(table_line(cells, widths))
        lines += wrap_message(str(finding.get("message") or "-"), width)
        if finding.get("fix"):
            lines += wrap_message(f"fix: {finding['fix']}", width)
    return lines


def _cells(row: Json) -> list[str]:
    return [visible(str(row[key])) for key in ("severity", "link", "id")]
