# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `irsa_audit` returned, as a table for a terminal."""

from __future__ import annotations

import dataclasses
import textwrap
import typing as t

from ...diagnosis.report import check_width, line, wrapped
from ...errors import InvalidInput
from ...wording import quantity, visible
from .text import Json, cluster_heading, concerned, counted

_SUMMARY = ("SEVERITY", "LINK", "ID", "COUNT", "TITLE")
_FINDINGS = ("SEVERITY", "LINK", "ID", "CONCERNS")
_COUNTED = ("service_accounts", "roles", "pods", "findings")
# How many objects of a finding its line names, and how wide a column of titles has to be.
_MOST_OBJECTS = 3
_NARROWEST_TITLE = 20


@dataclasses.dataclass(frozen=True)
class Audit:
    """One result of `irsa_audit`.

    :param cluster: ``name``, ``account_id``, ``region`` and so on, as far as it is known.
    :param counts: as in the document; None of a module that failed before it could count.
    :param summary: ``id``, ``severity``, ``link``, ``title`` and ``count`` of all findings, the worst first.
    :param findings: the findings themselves, or the first of them.
    :param omitted: how many findings are not among them.
    :param unread: what could not be read.
    :param failure: why there is no audit: the module's message, in place of all the above.
    """

    cluster: Json
    counts: Json | None = None
    summary: tuple[Json, ...] = ()
    findings: tuple[Json, ...] = ()
    omitted: int = 0
    unread: tuple[str, ...] = ()
    failure: str | None = None


def audits(value: t.Any) -> list[Audit]:
    """What a task with `irsa_audit` registered: one result, a loop's result, or a list of results.

    Results of skipped items are left out. One of a module that failed before it could count has a message alone.

    :raises InvalidInput: something else was given.
    """
    if isinstance(value, t.Mapping) and "counts" not in value and isinstance(value.get("results"), (list, tuple)):
        value = value["results"]
    results = list(value) if isinstance(value, (list, tuple)) else [value]
    return [_audit(result) for result in results if not (isinstance(result, t.Mapping) and result.get("skipped"))]


def _audit(result: t.Any) -> Audit:
    # With failed_when a failure is no longer called one, but failed_when says that it was there.
    if not isinstance(result, t.Mapping) or not {"counts", "failed", "failed_when_result"} & set(result):
        raise InvalidInput(
            "no result of eksops.irsa.irsa_audit",
            cause=f"a {type(result).__name__} without counts was given",
            fix="give what such a task registered, or its results if it loops",
        )
    if "counts" not in result:
        options = (result.get("invocation") or {}).get("module_args") or {}
        cluster = result.get("cluster") or {"name": options.get("cluster_name")}
        return Audit(cluster, failure=str(result.get("msg") or "the module failed without a message"))
    lists = {key: result.get(key) or () for key in ("summary", "findings")}
    if not _is_counts(result["counts"]) or not all(map(_are_findings, lists.values())):
        raise InvalidInput(
            "no audit of eksops.irsa.irsa_audit",
            cause="its counts lack a number, or a finding lacks an id, a severity or a link",
            fix="give the result as the module returned it",
        )
    return Audit(
        result.get("cluster") or {},
        result["counts"],
        tuple(lists["summary"]),
        tuple(lists["findings"]),
        int(result.get("omitted") or 0),
        tuple(map(str, result.get("unread") or ())),
    )


def _is_counts(counts: t.Any) -> bool:
    return isinstance(counts, t.Mapping) and all(
        isinstance(counts.get(key), t.Mapping) and (key == "findings" or isinstance(counts[key].get("total"), int))
        for key in _COUNTED
    )


def _are_findings(found: t.Any) -> bool:
    return isinstance(found, (list, tuple)) and all(
        isinstance(each, t.Mapping) and all(each.get(key) for key in ("id", "severity", "link")) for each in found
    )


def table(found: t.Sequence[Audit], width: int = 100, findings: int = 20) -> str:
    """For each cluster its counts, a line for each id that was found, and the first findings in full.

    Names and ARNs are never broken, so that they can be copied: a line with a long one may pass the width.

    :param width: in characters, 40 at least.
    :param findings: how many findings of each cluster are told in full, none with 0.
    :raises InvalidInput: the width is too small, or the number of findings negative.
    """
    check_width(width)
    if findings < 0:
        raise InvalidInput(f"{findings} findings can't be shown", fix="give 0 or more")
    return "\n\n".join("\n".join(_lines(audit, width, findings)) for audit in found) or "no audit"


def _lines(audit: Audit, width: int, most: int) -> list[str]:
    heading = f"cluster {cluster_heading(audit.cluster)}"
    if audit.counts is None:
        return [heading, "failed", *wrapped(visible(audit.failure or ""), width)]
    lines = [heading, counted(audit.counts)]
    if audit.summary:
        lines += ["", *_summary(audit.summary, width)]
    if audit.findings[:most]:
        lines += ["", *_told(audit.findings[:most], width)]
    more = len(audit.findings[most:]) + audit.omitted
    if more:
        lines += ["", f"{more} more" if most else f"{quantity(more, 'finding')} not shown"]
    if audit.unread:
        lines += ["", "not read:"]
        lines += [each for text in audit.unread for each in wrapped(visible(text), width)]
    return lines


def _summary(summary: t.Sequence[Json], width: int) -> list[str]:
    """A line for each id; a title that doesn't fit goes on below, in its column if that is wide enough."""
    rows = [[*_SUMMARY[:4]], *([*_cells(each), str(each.get("count") or 0)] for each in summary)]
    titles = [_SUMMARY[4], *(visible(str(each.get("title") or "-")) for each in summary)]
    widths = _widths(rows)
    column = sum(widths) + 2 * len(widths)
    indent = column if column + _NARROWEST_TITLE <= width else 4
    lines = []
    for cells, title in zip(rows, titles, strict=True):
        start = line([*cells[:3], cells[3].rjust(widths[3])], widths)
        lines += textwrap.wrap(
            title,
            width,
            initial_indent=f"{start}  ",
            subsequent_indent=" " * indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
    return lines


def _told(findings: t.Sequence[Json], width: int) -> list[str]:
    rows = [[*_cells(finding), concerned(finding, _MOST_OBJECTS)] for finding in findings]
    widths = _widths([_FINDINGS, *rows])
    lines = [line(_FINDINGS, widths)]
    for finding, cells in zip(findings, rows, strict=True):
        lines.append(line(cells, widths))
        lines += wrapped(visible(str(finding.get("message") or "-")), width)
        if finding.get("fix"):
            lines += wrapped(f"fix: {visible(str(finding['fix']))}", width)
    return lines


def _cells(each: Json) -> list[str]:
    return [visible(str(each[key])) for key in ("severity", "link", "id")]


def _widths(rows: t.Sequence[t.Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]
