# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Texts that several reports of an audit have: the name of the cluster, counts, and affected objects."""

from __future__ import annotations

import typing as t

from ...wording import join_some, quantity, visible
from ..document import SEVERITIES

Json = t.Mapping[str, t.Any]

# The names of the states in a line of counts, the worst first.
_STATES = {"error": "broken", "unknown": "unknown", "warning": "with warnings", "note": "with notes", "ok": "ok"}


def cluster_name(cluster: Json) -> str:
    """The name of the cluster; if it is unknown, the last part of its issuer, or ``-``."""
    issuer = str(cluster.get("issuer") or "").rstrip("/")
    return visible(str(cluster.get("name") or issuer.rpartition("/")[2] or "-"))


def cluster_heading(cluster: Json) -> str:
    """The cluster with its account, region and version if known: ``production (111122223333, eu-west-1)``."""
    details = [visible(str(cluster[key])) for key in ("account_id", "region") if cluster.get(key)]
    if cluster.get("version"):
        details.append(f"Kubernetes {visible(str(cluster['version']))}")
    return f"{cluster_name(cluster)} ({', '.join(details)})" if details else cluster_name(cluster)


def summarize_counts(counts: Json) -> str:
    """The ``counts`` of a document in one line."""
    parts = [_summarize_states(counts["service_accounts"], "service account")]
    parts.append(_summarize_states(counts["roles"], "role"))
    pods = counts["pods"]
    parts.append(quantity(pods["total"], "pod") + (f": {pods['stale']} stale" if pods["stale"] else ""))
    findings = {severity: int(counts["findings"].get(severity) or 0) for severity in SEVERITIES}
    severities = ", ".join(quantity(count, severity) for severity, count in findings.items() if count)
    parts.append(quantity(sum(findings.values()), "finding") + (f": {severities}" if severities else ""))
    return "; ".join(parts)


def _summarize_states(counts: Json, noun: str) -> str:
    states = ", ".join(f"{counts[state]} {name}" for state, name in _STATES.items() if counts.get(state))
    return quantity(counts["total"], noun) + (f": {states}" if states else "")


def list_affected_objects(finding: Json, limit: int) -> str:
    """At most ``limit`` names of a finding's service accounts; without any, of its roles; ``-`` without either."""
    names = finding.get("service_accounts") or [arn.rpartition("/")[2] or arn for arn in finding.get("roles") or ()]
    # Only the shown names are escaped: a finding can have thousands.
    return join_some([*(visible(str(name)) for name in names[:limit]), *names[limit:]], limit) or "-"
