# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the audit document from what was read, and what the module returns of it."""

from __future__ import annotations

import collections
import datetime
import typing as t

from ..arn import Arn
from ..diagnosis.causes import BY_ID, LINKS
from ..diagnosis.explanations import EXPLANATIONS
from ..diagnosis.facts import Unknown
from ..errors import ChainBroken
from ..wording import join, join_some, quantity
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

_NAMES_SHOWN = 5


def build_document(facts: AuditFacts, spec: AuditSpec) -> AuditDocument:
    """The whole document."""
    accounts = examine_accounts(facts, spec)
    findings = _merge(_find_all(facts, spec, accounts), spec.ignore)
    index = _FindingIndex(findings)
    roles = _role_rows(facts, accounts, index)
    account_rows = _account_rows(accounts, roles, index)
    severities = collections.Counter[str](found.finding.severity for found in findings)
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
        "generated_at": _instant(facts.now),
        "cluster": _cluster_info(facts, spec),
        "namespaces": list(spec.namespaces) or None,
        "counts": counts,
        "provider": _provider_info(facts, index),
        "service_accounts": account_rows,
        "roles": roles,
        "findings": [_finding_row(found) for found in findings],
        "skipped_checks": _skipped_checks(facts, accounts),
    }


# Findings


def _find_all(facts: AuditFacts, spec: AuditSpec, accounts: t.Sequence[ExaminedAccount]) -> t.Iterator[AuditFinding]:
    for account in accounts:
        yield from account.findings
    annotated = {account.role_arn for account in accounts if account.role_arn}
    for name, role in sorted(facts.known_roles.items()):
        if name in facts.subjects_by_role or role["Arn"] in annotated:
            for found in find_in_role(facts, name, unused_days=spec.unused_days):
                yield found._replace(roles=(role["Arn"], *found.roles))
    if spec.providers:
        yield from find_in_providers(facts)
    yield from map(AuditFinding, facts.webhook)


def _merge(findings: t.Iterable[AuditFinding], ignored: t.Container[str]) -> list[AuditFinding]:
    """Each finding once, with all objects that it concerns; the worst first, then in the order of the chain.

    Findings with the same id and message are the same finding, whichever chain shows it.
    """
    groups: dict[tuple[str, str], list[AuditFinding]] = {}
    for found in findings:
        if found.finding.id not in ignored:
            groups.setdefault((found.finding.id, found.finding.message), []).append(found)
    merged = [
        AuditFinding(
            group[0].finding,
            tuple(dict.fromkeys(name for found in group for name in found.service_accounts)),
            tuple(dict.fromkeys(arn for found in group for arn in found.roles)),
        )
        for group in groups.values()
    ]
    return sorted(merged, key=_rank)


def _rank(found: AuditFinding) -> tuple[int, int, str, str]:
    finding = found.finding
    return SEVERITIES.index(finding.severity), LINKS.index(finding.link), finding.id, finding.message


class _FindingIndex:
    """Which findings concern which objects, by their position in the document."""

    def __init__(self, findings: t.Sequence[AuditFinding]) -> None:
        self._findings = findings
        self.by_account: dict[Name, list[int]] = collections.defaultdict(list)
        self.by_role: dict[str, list[int]] = collections.defaultdict(list)
        for position, found in enumerate(findings):
            for name in found.service_accounts:
                self.by_account[name].append(position)
            for arn in found.roles:
                self.by_role[arn].append(position)

    def of_provider(self) -> list[int]:
        """The findings about the cluster's own provider."""
        return [
            position
            for position, found in enumerate(self._findings)
            if found.finding.link == "provider" and found.finding.id != "provider-orphaned"
        ]

    def state(self, positions: t.Iterable[int], *, known: bool) -> str:
        """The worst state of an object with these findings."""
        states = {self._findings[position].finding.severity for position in positions}
        return next((state for state in STATES if state in states or (state == "unknown" and not known)), "ok")


def _finding_row(found: AuditFinding) -> FindingRow:
    row = {
        **found.finding.as_dict(),
        "service_accounts": ["/".join(name) for name in found.service_accounts],
        "roles": list(found.roles),
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
    known = not isinstance(provider, Unknown)
    positions = index.of_provider()
    return {
        "arn": facts.provider_arn,
        "exists": provider is not None if known else None,
        "client_ids": list(provider["ClientIDList"]) if provider and not isinstance(provider, Unknown) else [],
        "state": index.state(positions, known=known),
        "findings": positions,
    }


def _account_rows(
    accounts: t.Sequence[ExaminedAccount], roles: t.Sequence[RoleRow], index: _FindingIndex
) -> list[AccountRow]:
    """The accounts by name, those that don't exist but that roles trust included. Links each to its role and back."""
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
        "state": index.state(findings, known=account.is_known),
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
        "state": index.state(findings, known=True),
        "findings": findings,
    }


def _role_rows(facts: AuditFacts, accounts: t.Sequence[ExaminedAccount], index: _FindingIndex) -> list[RoleRow]:
    """The roles that trust the cluster's provider, and those that service accounts name, existing or not."""
    names = {facts.known_roles[name]["Arn"]: name for name in facts.subjects_by_role}
    for account in accounts:
        if account.role_key:
            names.setdefault(account.role_key, account.role_key.rpartition("/")[2])
    return [_role_row(facts, arn, name, index) for arn, name in sorted(names.items())]


def _role_row(facts: AuditFacts, arn: str, name: str, index: _FindingIndex) -> RoleRow:
    role = facts.role_of(arn)
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
        "created": _date(body.get("CreateDate")),
        "last_used": _date((body.get("RoleLastUsed") or {}).get("LastUsedDate")),
        "policies": policies,
        "permissions_boundary": (body.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
        "subjects": facts.subjects_by_role.get(name, []) if body else [],
        "service_accounts": [],
        "findings": findings,
        "state": index.state(findings, known=exists is not None),
    }


def _count_states(rows: t.Sequence[AccountRow] | t.Sequence[RoleRow]) -> dict[str, int]:
    states = collections.Counter(row["state"] for row in rows)
    return {"total": len(rows), **{state: states[state] for state in reversed(STATES)}}


def _skipped_checks(facts: AuditFacts, accounts: t.Sequence[ExaminedAccount]) -> list[str]:
    names: dict[str, list[str]] = collections.defaultdict(list)
    for account in accounts:
        for warning in account.warnings:
            names[warning].append("/".join(account.name))
    texts = list(facts.skipped_checks)
    for warning in sorted(names):
        if warning not in texts:
            texts.append(f"{warning} It concerns {join_some(sorted(names[warning]), _NAMES_SHOWN)}.")
    return texts


def _date(value: t.Any) -> str | None:
    return _instant(value.timestamp()) if isinstance(value, datetime.datetime) else None


def _instant(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(int(seconds), tz=datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


# What the module returns


def is_ok(document: AuditDocument) -> bool:
    """Whether every examined chain is intact: none is broken, none unknown."""
    counts = document["counts"]
    broken = counts["findings"]["error"] + counts["service_accounts"]["unknown"]
    return not broken and document["provider"]["state"] not in ("error", "unknown")


def summarize(document: AuditDocument) -> list[Json]:
    """How many findings of each id there are, the worst first."""
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


def module_result(document: AuditDocument, *, limit: int, details: bool) -> Json:
    """What the module returns of a document.

    :param limit: how many findings; 0 for all of them.
    :param details: whether with each service account and each role.
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


def find_failure(document: AuditDocument, fail_on: str) -> ChainBroken | None:
    """The error with which the module fails, None if no finding is severe enough.

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
        fix="see findings and the reports for each of them, or add to ignore what is intended",
    )
