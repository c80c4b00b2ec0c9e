# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all reports of an audit say alike: names, numbers and texts that nothing can hide in.

An audit's document is what `irsa_audit` writes as JSON: a dictionary with ``cluster``, ``counts``, ``provider``,
``service_accounts``, ``roles``, ``findings`` and ``unread``.
"""

from __future__ import annotations

import json
import typing as t

from ...diagnosis.explanations import EXPLANATIONS
from ...diagnosis.report import code, escaped, paragraph
from ...wording import join, join_some, quantity, visible

Json = t.Mapping[str, t.Any]

# What can be found, the worst first.
SEVERITIES = ("error", "warning", "note")
# What an object can be altogether, the worst first, and how a line of counts says it.
STATES = {"error": "broken", "unknown": "in part", "warning": "with warnings", "note": "with notes", "ok": "ok"}
# How many findings of an id Markdown tells, and how many objects of each.
_MOST_FINDINGS = 10
_MOST_OBJECTS = 10


def json_text(document: Json) -> str:
    """The document itself, in its order. Other characters than ASCII's are escaped, so that any tool can read it."""
    return json.dumps(document, indent=2) + "\n"


def cluster_name(cluster: Json) -> str:
    """What a report calls the cluster: its name, or the last part of its issuer, or ``-``."""
    issuer = str(cluster.get("issuer") or "").rstrip("/")
    return visible(str(cluster.get("name") or issuer.rpartition("/")[2] or "-"))


def cluster_heading(cluster: Json) -> str:
    """The cluster with what else is known of it: ``production (111122223333, eu-west-1)``."""
    known = [visible(str(cluster[key])) for key in ("account_id", "region") if cluster.get(key)]
    if cluster.get("version"):
        known.append(f"Kubernetes {visible(str(cluster['version']))}")
    return f"{cluster_name(cluster)} ({', '.join(known)})" if known else cluster_name(cluster)


def counted(counts: Json) -> str:
    """A document's ``counts`` in one line."""
    parts = [_states(counts[key], what) for key, what in (("service_accounts", "service account"), ("roles", "role"))]
    pods = counts["pods"]
    parts.append(quantity(pods["total"], "pod") + (f": {pods['stale']} stale" if pods["stale"] else ""))
    found = {severity: int(counts["findings"].get(severity) or 0) for severity in SEVERITIES}
    severities = ", ".join(quantity(number, severity) for severity, number in found.items() if number)
    parts.append(quantity(sum(found.values()), "finding") + (f": {severities}" if severities else ""))
    return "; ".join(parts)


def _states(counts: Json, what: str) -> str:
    states = ", ".join(f"{counts[state]} {said}" for state, said in STATES.items() if counts.get(state))
    return quantity(counts["total"], what) + (f": {states}" if states else "")


def concerned(finding: Json, most: int) -> str:
    """The service accounts of a finding, else its roles: the first ``most`` and how many more; ``-`` if it has none."""
    names = finding.get("service_accounts") or [arn.rpartition("/")[2] or arn for arn in finding.get("roles") or ()]
    # Only the names that are shown are made visible: there may be thousands.
    return join_some([*(visible(str(name)) for name in names[:most]), *names[most:]], most) or "-"


def markdown(document: Json) -> str:
    """A page: the cluster and its counts, the findings by id with the worst first, and what could not be read.

    Of each id the first findings are told, and of each finding the first objects. Texts are escaped, so that nothing in
    a name or a policy becomes markup.
    """
    lines = [f"# IRSA audit of {escaped(cluster_heading(document['cluster']))}", ""]
    lines.append(f"{escaped(counted(document['counts']))}.")
    if document.get("generated_at"):
        lines += ["", f"As of {escaped(visible(str(document['generated_at'])))}."]
    groups: dict[str, list[Json]] = {}
    for finding in document["findings"]:
        groups.setdefault(str(finding["id"]), []).append(finding)
    for id_, found in groups.items():
        lines += ["", *_section(id_, found)]
    unread = document.get("unread") or []
    if unread:
        lines += ["", "## Not read", "", *(f"- {escaped(visible(str(text)))}" for text in unread)]
    return "\n".join(lines) + "\n"


def _section(id_: str, found: t.Sequence[Json]) -> list[str]:
    cause = EXPLANATIONS.get(id_)
    severity, link = (escaped(visible(str(found[0][key]))) for key in ("severity", "link"))
    lines = [f"## {severity}: {escaped(cause.title if cause else visible(id_))}", ""]
    lines.append(f"{code(visible(id_))}, {link}, {quantity(len(found), 'finding')}{_objects(found)}.")
    if cause:
        lines += ["", f"Fix: {escaped(cause.fix.replace('``', ''))}"]
    lines.append("")
    for finding in found[:_MOST_FINDINGS]:
        lines += _item(finding)
    if len(found) > _MOST_FINDINGS:
        lines += ["", f"And {len(found) - _MOST_FINDINGS} more."]
    return lines


def _objects(found: t.Sequence[Json]) -> str:
    accounts = {name for finding in found for name in finding.get("service_accounts") or ()}
    roles = {arn for finding in found for arn in finding.get("roles") or ()}
    told = [quantity(len(names), what) for names, what in ((accounts, "service account"), (roles, "role")) if names]
    return f" about {join(told)}" if told else ""


def _item(finding: Json) -> list[str]:
    """A finding in a list: what is wrong, and below it what there is to know."""
    lines = [f"- {paragraph(visible(str(finding['message'])))}"]
    if finding.get("service_accounts") or finding.get("roles"):
        lines.append(f"  - concerns: {escaped(concerned(finding, _MOST_OBJECTS))}")
    for key in ("evidence", "expected", "found"):
        if finding.get(key) is not None:
            lines.append(f"  - {key}: {code(visible(str(finding[key])))}")
    if finding.get("fix"):
        lines.append(f"  - fix: {escaped(visible(str(finding['fix'])))}")
    return lines
