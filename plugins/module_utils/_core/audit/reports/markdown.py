# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Markdown report of an audit."""

from __future__ import annotations

import typing as t

from ...diagnosis.explanations import EXPLANATIONS
from ...wording import join, markdown_code, markdown_paragraph, markdown_text, quantity
from .text import Json, cluster_heading, list_affected_objects, summarize_counts

# The most findings listed for each ID, and the most objects for each finding.
_MAX_FINDINGS = 10
_MAX_OBJECTS = 10


def render(document: Json) -> str:
    """A page with the counts, the findings by ID with the worst first, and the skipped checks. All text is escaped.

    :param document: an `AuditDocument`, or a result of `irsa_audit`, which can have fewer findings.
    """
    lines = [_heading(document["cluster"]), ""]
    lines.append(f"{markdown_text(summarize_counts(document['counts']))}.")
    if document.get("generated_at"):
        lines += ["", f"As of {markdown_text(str(document['generated_at']))}."]
    groups: dict[str, list[Json]] = {}
    for finding in document.get("findings") or ():
        groups.setdefault(str(finding["id"]), []).append(finding)
    for id_, findings in groups.items():
        lines += ["", *_section(id_, findings)]
    if document.get("omitted"):
        lines += ["", f"{quantity(document['omitted'], 'more finding')} not listed."]
    skipped_checks = document.get("skipped_checks") or []
    if skipped_checks:
        lines += ["", "## Skipped checks", ""]
        lines += [f"- {markdown_text(str(text))}" for text in skipped_checks]
    return "\n".join(lines) + "\n"


def render_failure(cluster: Json, message: str) -> str:
    """The page of a cluster that could not be audited."""
    return "\n".join([_heading(cluster), "", "Failed:", "", markdown_paragraph(message)]) + "\n"


def _heading(cluster: Json) -> str:
    return f"# IRSA audit of {markdown_text(cluster_heading(cluster))}"


def _section(id_: str, findings: t.Sequence[Json]) -> list[str]:
    cause = EXPLANATIONS.get(id_)
    severity, link = (markdown_text(str(findings[0][key])) for key in ("severity", "link"))
    lines = [f"## {severity}: {markdown_text(cause.title if cause else id_)}", ""]
    lines.append(f"{markdown_code(id_)}, {link}, {quantity(len(findings), 'finding')}{_count_objects(findings)}.")
    if cause:
        lines += ["", f"Fix: {markdown_text(cause.fix.replace('``', ''))}"]
    lines.append("")
    for finding in findings[:_MAX_FINDINGS]:
        lines += _item(finding)
    if len(findings) > _MAX_FINDINGS:
        lines += ["", f"And {len(findings) - _MAX_FINDINGS} more."]
    return lines


def _count_objects(findings: t.Sequence[Json]) -> str:
    accounts = {name for finding in findings for name in finding.get("service_accounts") or ()}
    roles = {arn for finding in findings for arn in finding.get("roles") or ()}
    counts = [quantity(len(names), noun) for names, noun in ((accounts, "service account"), (roles, "role")) if names]
    return f" affecting {join(counts)}" if counts else ""


def _item(finding: Json) -> list[str]:
    """A finding as a list item, with its details below."""
    lines = [f"- {markdown_paragraph(str(finding.get('message') or '-'))}"]
    if finding.get("service_accounts") or finding.get("roles"):
        lines.append(f"  - affects: {markdown_text(list_affected_objects(finding, _MAX_OBJECTS))}")
    for key in ("evidence", "expected", "found"):
        if finding.get(key) is not None:
            lines.append(f"  - {key}: {markdown_code(str(finding[key]))}")
    if finding.get("fix"):
        lines.append(f"  - fix: {markdown_text(str(finding['fix']))}")
    return lines
