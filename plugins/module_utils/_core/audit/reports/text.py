# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, counts and states in words, as all reports of an audit write them."""

from __future__ import annotations

import typing as t

from ...wording import join_some, quantity, visible
from ..document import SEVERITIES

Json = t.Mapping[str, t.Any]

# How a line of counts names the states, the worst first.
_STATES = {"error": "broken", "unknown": "in part", "warning": "with warnings", "note": "with notes", "ok": "ok"}


def cluster_name(cluster: Json) -> str:
    """The name of the cluster, else the last part of its issuer, else ``-``."""
    issuer = str(cluster.get("issuer") or "").rstrip("/")
    return visible(str(cluster.get("name") or issuer.rpartition("/")[2] or "-"))


def cluster_heading(cluster: Json) -> str:
    """The cluster with account, region and version as far as known: ``production (111122223333, eu-west-1)``."""
    known = [visible(str(cluster[key])) for key in ("account_id", "region") if cluster.get(key)]
    if cluster.get("version"):
        known.append(f"Kubernetes {visible(str(cluster['version']))}")
    return f"{cluster_name(cluster)} ({', '.join(known)})" if known else cluster_name(cluster)


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
    states = ", ".join(f"{counts[state]} {words}" for state, words in _STATES.items() if counts.get(state))
    return quantity(counts["total"], noun) + (f": {states}" if states else "")


def affected_objects(finding: Json, limit: int) -> str:
    """The service accounts of a finding, else its roles: at most ``limit`` names; ``-`` if it has none."""
    names = finding.get("service_accounts") or [arn.rpartition("/")[2] or arn for arn in finding.get("roles") or ()]
    # Only the names that are shown are made visible: there may be thousands.
    return join_some([*(visible(str(name)) for name in names[:limit]), *names[limit:]], limit) or "-"
