# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the audit document from the facts, and the result of the module from the document."""

from __future__ import annotations

import collections
import datetime
import typing as t

from ..arn import Arn
from ..diagnosis.causes import BY_ID, LINKS
from ..diagnosis.explanations import EXPLANATIONS
from ..diagnosis.facts import Unknown, known
from ..errors import ChainBroken
from ..wording import MAX_NAMES, join, join_some, quantity
from .accounts import ExaminedAccount, examine_accounts
from .document import (
    FORMAT,
    SEVERITIES,
    STATES,
    AccountRow,
    AuditDocument,
    ClusterInfo,
    Counts,
    FindingRow,
    PolicyInfo,
    ProviderInfo,
    RoleRow,
)
from .facts import AuditFacts, AuditSpec, Name
from .roles import AuditFinding, find_in_providers, find_in_role

Json = dict[str, t.Any]


def build_document(facts: AuditFacts, spec: AuditSpec) -> AuditDocument:
    """Builds the audit document; ``spec.ignore`` removes findings from all of it."""
    accounts = examine_accounts(facts, spec)
    findings = _merge(_find_all(facts, spec, accounts), spec.ignore)
    index = _FindingIndex(findings)
    roles = _role_rows(facts, accounts, index)
    account_rows = _account_rows(accounts, roles, index)
    severities = collections.Counter[str](audit_finding.finding.severity for audit_finding in findings)
    counts: Counts = {
        "service_accounts": _count_states(account_rows),
        "roles": _count_states(roles),
        "pods": {
            "total": sum(account.pods for account in accounts),
            "stale": sum(account.stale for account in accounts),
        },
        "findings": {severity: severities[severity] for severity in SEVERITIES},
    }
    return {
        "format": FORMAT,
        "generated_at": _format_timestamp(facts.now),
        "cluster": _cluster_info(facts, spec),
        "namespaces": list(spec.namespaces) or None,
        "counts": counts,
        "provider": _provider_info(facts, index),
        "service_accounts": account_rows,
        "roles": roles,
        "findings": [_finding_row(audit_finding) for audit_finding in findings],
        "skipped_checks": _skipped_checks(facts, accounts),
    }


# Findings


def _find_all(facts: AuditFacts, spec: AuditSpec, accounts: t.Sequence[ExaminedAccount]) -> t.Iterator[AuditFinding]:
    for account in accounts:
        yield from account.findings
    annotated = {account.role_arn for account in accounts if account.role_arn}
    for name, role in sorted(facts.known_roles.items()):
        if name in facts.subjects_by_role or role["Arn"] in annotated:
            for audit_finding in find_in_role(facts, name, unused_days=spec.unused_days):
                yield audit_finding._replace(roles=(role["Arn"], *audit_finding.roles))
    if spec.providers:
        yield from find_in_providers(facts)
    yield from map(AuditFinding, facts.webhook)


def _merge(findings: t.Iterable[AuditFinding], ignored: t.Container[str]) -> list[AuditFinding]:
    """Merges findings with the same ID and message, and sorts them by severity, then by link of the chain."""
    groups: dict[tuple[str, str], list[AuditFinding]] = {}
    for audit_finding in findings:
        finding = audit_finding.finding
        if finding.id not in ignored:
            groups.setdefault((finding.id, finding.message), []).append(audit_finding)
    merged = [
        AuditFinding(
            group[0].finding,
            tuple(dict.fromkeys(name for audit_finding in group for name in audit_finding.service_accounts)),
            tuple(dict.fromkeys(arn for audit_finding in group for arn in audit_finding.roles)),
        )
        for group in groups.values()
    ]
    return sorted(merged, key=_sort_key)


def _sort_key(audit_finding: AuditFinding) -> tuple[int, int, str, str]:
    finding = audit_finding.finding
    return SEVERITIES.index(finding.severity), LINKS.index(finding.link), finding.id, finding.message


class _FindingIndex:
    """The positions of findings in the document, by the objects that they affect."""

    def __init__(self, findings: t.Sequence[AuditFinding]) -> None:
        self._findings = findings
        self.by_account: dict[Name, list[int]] = collections.defaultdict(list)
        self.by_role: dict[str, list[int]] = collections.defaultdict(list)
        for position, audit_finding in enumerate(findings):
            for name in audit_finding.service_accounts:
                self.by_account[name].append(position)
            for arn in audit_finding.roles:
                self.by_role[arn].append(position)

    def list_provider_findings(self) -> list[int]:
        """The positions of the findings about the cluster's own provider."""
        return [
            position
            for position, audit_finding in enumerate(self._findings)
            if audit_finding.finding.link == "provider" and audit_finding.finding.id != "provider-orphaned"
        ]

    def find_state(self, positions: t.Iterable[int], *, is_known: bool) -> str:
        """The worst state of an object with these findings."""
        states = {self._findings[position].finding.severity for position in positions}
        return next((state for state in STATES if state in states or (state == "unknown" and not is_known)), "ok")


def _finding_row(audit_finding: AuditFinding) -> FindingRow:
    row = {
        **audit_finding.finding.as_dict(),
        "service_accounts": ["/".join(name) for name in audit_finding.service_accounts],
        "roles": list(audit_finding.roles),
    }
    return t.cast("FindingRow", row)


# Objects


def _cluster_info(facts: AuditFacts, spec: AuditSpec) -> ClusterInfo:
    cluster = facts.cluster
    return {
        "name": cluster.name if cluster else None,
        "account_id": facts.account_id,
        "partition": facts.partition,
        "region": cluster.region if cluster else spec.region,
        "version": cluster.version if cluster else None,
        "issuer": facts.issuer,
    }


def _provider_info(facts: AuditFacts, index: _FindingIndex) -> ProviderInfo:
    provider = facts.provider
    is_known = not isinstance(provider, Unknown)
    positions = index.list_provider_findings()
    return {
        "arn": facts.provider_arn,
        "exists": provider is not None if is_known else None,
        "client_ids": list(provider["ClientIDList"]) if provider and not isinstance(provider, Unknown) else [],
        "state": index.find_state(positions, is_known=is_known),
        "findings": positions,
    }


def _account_rows(
    accounts: t.Sequence[ExaminedAccount], roles: t.Sequence[RoleRow], index: _FindingIndex
) -> list[AccountRow]:
    """The accounts by name, including missing ones that a role trusts. Adds each account to the row of its role."""
    positions = {role["arn"]: position for position, role in enumerate(roles)}
    existing = {account.name for account in accounts}
    rows = [_account_row(account, positions.get(account.role_key), index) for account in accounts]
    rows += [_missing_account_row(name, index) for name in sorted(set(index.by_account) - existing)]
    rows.sort(key=lambda row: (row["namespace"], row["name"]))
    for position, row in enumerate(rows):
        if row["role"] is not None:
            roles[row["role"]]["service_accounts"].append(position)
    return rows


def _account_row(account: ExaminedAccount, role: int | None, index: _FindingIndex) -> AccountRow:
    findings = index.by_account.get(account.name, [])
    return {
        "namespace": account.name[0],
        "name": account.name[1],
        "exists": True,
        "role_arn": account.role_arn,
        "role": role,
        "bound_by": ", ".join(account.bound_by) or None,
        "pods": {"total": account.pods, "stale": account.stale},
        "state": index.find_state(findings, is_known=account.is_known),
        "findings": findings,
    }


def _missing_account_row(name: Name, index: _FindingIndex) -> AccountRow:
    findings = index.by_account[name]
    return {
        "namespace": name[0],
        "name": name[1],
        "exists": False,
        "role_arn": None,
        "role": None,
        "bound_by": None,
        "pods": {"total": 0, "stale": 0},
        "state": index.find_state(findings, is_known=True),
        "findings": findings,
    }


def _role_rows(facts: AuditFacts, accounts: t.Sequence[ExaminedAccount], index: _FindingIndex) -> list[RoleRow]:
    """The roles that trust the cluster's provider, and the roles that service accounts name, even missing ones."""
    names = {facts.known_roles[name]["Arn"]: name for name in facts.subjects_by_role}
    for account in accounts:
        if account.role_key:
            names.setdefault(account.role_key, account.role_key.rpartition("/")[2])
    return [_role_row(facts, arn, name, index) for arn, name in sorted(names.items())]


def _role_row(facts: AuditFacts, arn: str, name: str, index: _FindingIndex) -> RoleRow:
    role = facts.get_role(arn)
    body: t.Mapping[str, t.Any] = {} if role is None or isinstance(role, Unknown) else role
    policies: list[PolicyInfo] = [
        {"kind": "managed", "name": policy.rpartition("/")[2], "arn": policy}
        for policy in body.get("ManagedPolicies") or ()
    ]
    policies += [{"kind": "inline", "name": policy, "arn": None} for policy in sorted(body.get("InlinePolicies") or ())]
    exists = None if isinstance(role, Unknown) else role is not None
    findings = index.by_role.get(arn, [])
    return {
        "arn": arn,
        "name": name,
        "account_id": Arn.parse(arn).account_id,
        "exists": exists,
        "created": _format_date(body.get("CreateDate")),
        "last_used": _format_date((body.get("RoleLastUsed") or {}).get("LastUsedDate")),
        "policies": policies,
        "permissions_boundary": (body.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "subjects": facts.subjects_by_role.get(name, []) if body else [],
        "service_accounts": [],
        "findings": findings,
        "state": index.find_state(findings, is_known=exists is not None),
    }


def _count_states(rows: t.Sequence[AccountRow] | t.Sequence[RoleRow]) -> dict[str, int]:
    states = collections.Counter(row["state"] for row in rows)
    return {"total": len(rows), **{state: states[state] for state in reversed(STATES)}}


def _skipped_checks(facts: AuditFacts, accounts: t.Sequence[ExaminedAccount]) -> list[str]:
    names: dict[str, list[str]] = collections.defaultdict(list)
    for account in accounts:
        for warning in account.warnings:
            names[warning].append("/".join(account.name))
    namespaces = known(facts.namespaces)
    missing = [] if namespaces is None else [name for name in facts.only_namespaces if name not in namespaces]
    sentences = [*facts.skipped_checks, *(f"Namespace {name} does not exist." for name in missing)]
    for warning in sorted(names):
        if warning not in sentences:
            sentences.append(f"{warning} This affects {join_some(sorted(names[warning]), MAX_NAMES)}.")
    return sentences


def _format_date(value: t.Any) -> str | None:
    return _format_timestamp(value.timestamp()) if isinstance(value, datetime.datetime) else None


def _format_timestamp(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), tz=datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# The result of the module


def is_ok(document: AuditDocument) -> bool:
    """Whether all examined chains are intact: none is broken or unknown."""
    counts = document["counts"]
    failures = counts["findings"]["error"] + counts["service_accounts"]["unknown"]
    return not failures and document["provider"]["state"] not in ("error", "unknown")


def summarize(document: AuditDocument) -> list[Json]:
    """The number of findings by ID, the worst first."""
    groups: dict[str, list[FindingRow]] = {}
    for finding in document["findings"]:
        groups.setdefault(finding["id"], []).append(finding)
    return [
        {
            "id": id_,
            "severity": BY_ID[id_].severity,
            "link": BY_ID[id_].link,
            "title": EXPLANATIONS[id_].title,
            "count": len(findings),
            "service_accounts": len({name for finding in findings for name in finding["service_accounts"]}),
        }
        for id_, findings in groups.items()
    ]


def build_result(document: AuditDocument, *, limit: int, details: bool) -> Json:
    """Builds the result of the module.

    :param limit: the most findings to return; 0 for all.
    :param details: whether to return all service accounts and roles.
    """
    findings = document["findings"][:limit] if limit else document["findings"]
    result: Json = {
        "ok": is_ok(document),
        "cluster": document["cluster"],
        "provider": document["provider"],
        "counts": document["counts"],
        "skipped_checks": document["skipped_checks"],
        "summary": summarize(document),
        "findings": findings,
        "omitted": len(document["findings"]) - len(findings),
    }
    if details:
        result.update(service_accounts=document["service_accounts"], roles=document["roles"])
    return result


def build_failure(document: AuditDocument, fail_on: str) -> ChainBroken | None:
    """Builds the error with which the module fails; None if no finding is severe enough.

    :param fail_on: ``error``, ``warning`` or ``never``.
    """
    failing = {"error": SEVERITIES[:1], "warning": SEVERITIES[:2], "never": ()}[fail_on]
    counts = [(severity, count) for severity in failing if (count := document["counts"]["findings"][severity])]
    if not counts:
        return None
    cluster = document["cluster"]
    name = f"EKS cluster {cluster['name']}" if cluster["name"] else f"the cluster with issuer {cluster['issuer']}"
    return ChainBroken(
        f"{name} has {join([quantity(count, severity) for severity, count in counts])}",
        cause=", ".join(row["id"] for row in summarize(document) if row["severity"] in failing),
        fix="see findings or a report for each fix; add the IDs of intended findings to ignore",
    )
