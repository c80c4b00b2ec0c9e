# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examines the chain of each service account, by what was read of the whole cluster."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION, Arn, is_role_arn
from ..diagnosis import diagnose
from ..diagnosis.causes import Finding
from ..diagnosis.diagnose import VerificationSpec, build_bulk_spec, build_chain
from ..diagnosis.facts import Chain, ChainFacts, KubernetesFacts, Unknown, name_of
from ..diagnosis.rules import account as account_rules
from ..diagnosis.rules import pods as pod_rules
from ..wording import join
from .facts import AuditFacts, AuditSpec, Name, means_to_name_a_role
from .roles import AuditFinding, aws_facts


@dataclasses.dataclass(frozen=True)
class ExaminedAccount:
    """What is known of one service account.

    :param role_arn: as annotated.
    :param role_key: the ARN under which the document lists its role; empty if the annotation names no role.
    :param bound_by: the field managers of the annotation.
    :param pods: how many pods of it may yet run.
    :param stale: how many of those lack what new pods get.
    :param is_known: whether every link of its chain could be examined.
    :param warnings: what could not be examined, in sentences.
    """

    name: Name
    role_arn: str | None
    role_key: str
    bound_by: tuple[str, ...]
    pods: int
    stale: int
    is_known: bool
    findings: tuple[AuditFinding, ...]
    warnings: tuple[str, ...]


def examine_accounts(facts: AuditFacts, spec: AuditSpec) -> list[ExaminedAccount]:
    """The service accounts that anything binds to a role."""
    probes = _probes(facts, spec)
    return [_examine(facts, spec, probes, name) for name in facts.examined_accounts]


def _examine(facts: AuditFacts, spec: AuditSpec, probes: VerificationSpec, name: Name) -> ExaminedAccount:
    account = facts.service_accounts[name]
    probes = dataclasses.replace(probes, namespace=name[0], service_account=name[1])
    chain = _chain(facts, spec, probes, account)
    kubernetes = _kubernetes_facts(facts, name, account)
    role_key = facts.role_key(chain.role_arn)
    bound_by = account_rules.annotation_owners(account) if chain.role_arn else []
    pods, stale = _count_pods(chain, kubernetes)
    findings: list[AuditFinding] = []
    is_known = True
    warnings: tuple[str, ...] = ()
    # An account that a role trusts but that was never meant to name it has no chain of its own.
    if chain.role_arn or _means_a_role(account, kubernetes):
        aws = aws_facts(facts, facts.role_of(chain.role_arn))
        aws = dataclasses.replace(aws, associations=facts.associations_of(name))
        diagnosis = diagnose.diagnose(
            probes, ChainFacts(chain, aws, kubernetes), pod_findings=pod_rules.findings(chain, kubernetes)
        )
        for finding in diagnosis.findings:
            roles = (role_key,) if role_key and finding.link == "role" else ()
            findings.append(AuditFinding(finding, (name,), roles))
        is_known, warnings = "unknown" not in diagnosis.links.values(), tuple(diagnosis.warnings)
    if bound_by and all(map(account_rules.is_manual_owner, bound_by)):
        findings.append(AuditFinding(_bound_by_hand(chain, bound_by), (name,)))
    return ExaminedAccount(
        name, chain.role_arn, role_key, tuple(bound_by), pods, stale, is_known, tuple(findings), warnings
    )


def _probes(facts: AuditFacts, spec: AuditSpec) -> VerificationSpec:
    """What to examine of each chain."""
    plain = build_bulk_spec("", "", role_arn=None, issuer=facts.issuer, region=spec.region, ask_sts=False)
    return dataclasses.replace(
        plain, probes=frozenset({"static", "pods"} if spec.pods else {"static"}), ignore=spec.ignore
    )


def _chain(facts: AuditFacts, spec: AuditSpec, probes: VerificationSpec, account: t.Mapping[str, t.Any]) -> Chain:
    chain = build_chain(probes, facts.cluster, account)
    arn = chain.role_arn or ""
    declared = is_role_arn(arn) and Arn.parse(arn).account_id in spec.role_accounts
    return dataclasses.replace(chain, account_id=facts.account_id, partition=facts.partition, cross_account=declared)


def _kubernetes_facts(facts: AuditFacts, name: Name, account: t.Mapping[str, t.Any]) -> KubernetesFacts:
    namespaces = facts.namespaces
    version = facts.cluster.version if facts.cluster else None
    return KubernetesFacts(
        account=account,
        namespace=namespaces if isinstance(namespaces, Unknown) else namespaces.get(name[0]),
        webhooks=facts.webhooks,
        serving_ca=Unknown("it is needed only where a dry run comes back untouched"),
        pods=facts.pods_of(name),
        workloads=facts.workloads.get(name[0], {}),
        admitted=None,
        minor_version=int(version.partition(".")[2] or 0) or None if version else None,
        observed_at=facts.now,
        env_sources=facts.env_sources.get(name[0], {}),
    )


def _means_a_role(account: t.Mapping[str, t.Any], kubernetes: KubernetesFacts) -> bool:
    pods = () if isinstance(kubernetes.pods, Unknown) else kubernetes.pods
    return any(map(means_to_name_a_role, (account, *pods)))


def _count_pods(chain: Chain, kubernetes: KubernetesFacts) -> tuple[int, int]:
    """How many pods of the account may yet run, and how many of them are stale."""
    live = [pod for pod in pod_rules.evaluate_pods(chain, kubernetes) if pod.is_live]
    return len(live), sum(pod.stale for pod in live)


def _bound_by_hand(chain: Chain, bound_by: t.Sequence[str]) -> Finding:
    name = name_of(chain)
    return Finding(
        "unmanaged-annotation",
        f"annotation {ROLE_ARN_ANNOTATION} of service account {name} was set by {join(bound_by)}, which doesn't "
        "keep it so",
        f"put {name} into irsa_bindings with role_arn: {chain.role_arn}, or with the role's name if the role is to be "
        "kept, too; set force there once, so that the annotation is owned from then on",
        evidence="metadata.managedFields",
        found=", ".join(bound_by),
    )
