# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The schema of the audit document. The reports of `irsa_audit` render it, and the module returns parts of it.

Its keys are public. `build` makes the document from the facts.
"""

from __future__ import annotations

import typing as t

FORMAT = "eksops.irsa/audit/1"
# Severities of findings and states of objects, the worst first.
SEVERITIES = ("error", "warning", "note")
STATES = ("error", "unknown", "warning", "note", "ok")


class ClusterInfo(t.TypedDict):
    """The audited cluster. Without the option ``cluster_name``, its name and version are unknown."""

    name: str | None
    account_id: str
    partition: str
    region: str | None
    version: str | None
    issuer: str


class PodCounts(t.TypedDict):
    """``total`` is the number of pods that have not finished."""

    total: int
    stale: int


class Counts(t.TypedDict):
    """The number of service accounts and roles by state, of pods, and of findings by severity."""

    service_accounts: dict[str, int]
    roles: dict[str, int]
    pods: PodCounts
    findings: dict[str, int]


class ProviderInfo(t.TypedDict):
    """The cluster's OIDC provider. ``exists`` is None if that is unknown."""

    arn: str
    exists: bool | None
    client_ids: list[str]
    state: str
    findings: list[int]


class AccountRow(t.TypedDict):
    """A service account.

    ``role`` is the index of its role in the document, ``findings`` has the indices of its findings.
    """

    namespace: str
    name: str
    exists: bool
    role_arn: str | None
    role: int | None
    bound_by: str | None
    pods: PodCounts
    state: str
    findings: list[int]


class PolicyInfo(t.TypedDict):
    """A policy of a role. ``kind`` is ``managed`` or ``inline``; an inline policy has no ARN."""

    kind: str
    name: str
    arn: str | None


class RoleRow(t.TypedDict):
    """A role. ``exists`` is None if that is unknown.

    ``service_accounts`` has the indices of the accounts that name it, ``findings`` the indices of its findings.
    """

    arn: str
    name: str
    account_id: str
    exists: bool | None
    created: str | None
    last_used: str | None
    policies: list[PolicyInfo]
    permissions_boundary: str | None
    subjects: list[str]
    service_accounts: list[int]
    state: str
    findings: list[int]


class FindingRow(t.TypedDict):
    """A finding with the affected service accounts (``namespace/name``) and roles (ARNs)."""

    id: str
    severity: str
    link: str
    message: str
    evidence: str | None
    expected: str | None
    found: str | None
    fix: str
    service_accounts: list[str]
    roles: list[str]


class AuditDocument(t.TypedDict):
    """The result of an audit.

    ``namespaces`` is None if all were audited. ``findings`` begins with the worst. ``skipped_checks`` has a sentence
    for each thing that could not be read.
    """

    format: str
    generated_at: str
    cluster: ClusterInfo
    namespaces: list[str] | None
    counts: Counts
    provider: ProviderInfo
    service_accounts: list[AccountRow]
    roles: list[RoleRow]
    findings: list[FindingRow]
    skipped_checks: list[str]
