# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registered results of `irsa_audit`, read and checked for reports."""

from __future__ import annotations

import dataclasses
import typing as t

from ...errors import InvalidInput
from ...validation import Schema, find_flaw
from . import markdown
from .text import Json

_COUNTS = ("service_accounts", "roles", "pods", "findings")
_FINDING: Schema = {"id": str, "severity": str, "link": str, "message": str, "service_accounts": [str], "roles": [str]}
_SCHEMA: Schema = {
    "counts": {"*": {"*": int}},
    "cluster": {},
    "findings": [_FINDING],
    "invocation": {"module_args": {}},
}


@dataclasses.dataclass(frozen=True)
class RegisteredAudit:
    """One result of `irsa_audit`.

    :param cluster: ``name``, ``account_id``, ``region`` and other known fields.
    :param result: the result of the module; None if the cluster could not be audited.
    :param failure: the module's message if the cluster could not be audited.
    """

    cluster: Json
    result: Json | None = None
    failure: str | None = None


def read_results(value: t.Any) -> list[RegisteredAudit]:
    """The audits in one result of `irsa_audit`, the result of a loop, or a list of results, without skipped items.

    :raises InvalidInput: the value is something else.
    """
    if isinstance(value, t.Mapping) and "counts" not in value and isinstance(value.get("results"), (list, tuple)):
        value = value["results"]
    results = list(value) if isinstance(value, (list, tuple)) else [value]
    return [_read_result(result) for result in results if not (isinstance(result, t.Mapping) and result.get("skipped"))]


def _read_result(result: t.Any) -> RegisteredAudit:
    # If failed_when turned a failure into a success, the result has failed_when_result.
    if not isinstance(result, t.Mapping) or not {"counts", "failed", "failed_when_result"} & set(result):
        raise InvalidInput(
            "the input is not a result of eksops.irsa.irsa_audit",
            cause=f"it is a {type(result).__name__} without counts",
            fix="pass the registered result of an irsa_audit task",
        )
    flaw = find_flaw(result, _SCHEMA)
    if flaw:
        raise InvalidInput(
            "the input is not a complete result of eksops.irsa.irsa_audit",
            cause=f"field {flaw.removeprefix('.')}",
            fix="pass the result as the module returned it",
        )
    if "counts" not in result:
        options = (result.get("invocation") or {}).get("module_args") or {}
        cluster = result.get("cluster") or {"name": options.get("cluster_name")}
        message = str(result.get("msg") or "the module failed without a message")
        return RegisteredAudit(cluster, failure=message)
    lists = {key: result.get(key) or () for key in ("summary", "findings")}
    if not _are_counts(result["counts"]) or not all(map(_are_findings, lists.values())):
        raise InvalidInput(
            "the input is not a complete result of eksops.irsa.irsa_audit",
            cause="its counts lack a number, or a finding lacks an ID, a severity or a link",
            fix="pass the result as the module returned it",
        )
    return RegisteredAudit(result.get("cluster") or {}, {**result, "cluster": result.get("cluster") or {}, **lists})


def render_markdown(audits: t.Sequence[RegisteredAudit]) -> str:
    """One Markdown text with the page of each audit."""
    return "\n".join(
        markdown.render_failure(audit.cluster, audit.failure or "")
        if audit.result is None
        else markdown.render(audit.result)
        for audit in audits
    )


def _are_counts(counts: t.Any) -> bool:
    return isinstance(counts, t.Mapping) and all(
        isinstance(counts.get(key), t.Mapping) and (key == "findings" or isinstance(counts[key].get("total"), int))
        for key in _COUNTS
    )


def _are_findings(findings: t.Any) -> bool:
    return isinstance(findings, (list, tuple)) and all(
        isinstance(finding, t.Mapping) and all(finding.get(key) for key in ("id", "severity", "link"))
        for finding in findings
    )
