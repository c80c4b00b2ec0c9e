# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Examines the chain of each service account with the facts about the whole cluster."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import ROLE_ARN_ANNOTATION, Arn, is_role_arn
from ..diagnosis import diagnose
from ..diagnosis.causes import Finding
from ..diagnosis.diagnose import VerificationSpec, build_bulk_spec, build_chain
from ..diagnosis.facts import Chain, ChainFacts, KubernetesFacts, OrUnknown, Unknown, name_of
from ..diagnosis.rules import account as account_rules
from ..diagnosis.rules import pods as pod_rules
from ..wording import join
from .facts import AuditFacts, AuditSpec, ExaminedPods, Name
from .roles import AuditFinding, build_aws_facts


@dataclasses.dataclass(frozen=True)
class ExaminedAccount:
    """A service account with its findings.

    :param role_arn: the value of its annotation.
    :param role_key: the ARN under which the document lists its role; empty if the annotation is not a valid role ARN.
    :param bound_by: the field managers of the annotation.
    :param pods: the number of its unfinished pods.
    :param stale: the number of these that lack what new pods get.
    :param is_known: whether all links of its chain could be checked.
    :param warnings: what could not be checked, in sentences.
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


def examine_pods(facts: AuditFacts, spec: AuditSpec) -> dict[Name, ExaminedPods]:
    """The results for the pods of the annotated service accounts. They do not depend on roles."""
    verification_spec = _build_verification_spec(facts, spec)
    return {name: _examine_pods(facts, spec, verification_spec, name) for name in facts.annotated_accounts}


def examine_accounts(facts: AuditFacts, spec: AuditSpec) -> list[ExaminedAccount]:
    """The service accounts that are annotated, that have annotated pods, or that a role trusts."""
    verification_spec = _build_verification_spec(facts, spec)
    return [_examine(facts, spec, verification_spec, name) for name in facts.examined_accounts]


def _examine_pods(facts: AuditFacts, spec: AuditSpec, verification_spec: VerificationSpec, name: Name) -> ExaminedPods:
    account = facts.service_accounts[name]
    verification_spec = dataclasses.replace(verification_spec, namespace=name[0], service_account=name[1])
    chain = _build_chain(facts, spec, verification_spec, account)
    kubernetes = _build_kubernetes_facts(facts, name, account)
    statuses = pod_rules.evaluate_pods(chain, kubernetes)
    live = [status for status in statuses if status.is_live]
    is_annotated = name in facts.annotated_accounts
    findings = pod_rules.findings(chain, kubernetes, statuses) if is_annotated else ()
    return ExaminedPods(chain, len(live), sum(status.stale for status in live), tuple(findings))


def _examine(facts: AuditFacts, spec: AuditSpec, verification_spec: VerificationSpec, name: Name) -> ExaminedAccount:
    account = facts.service_accounts[name]
    pods = facts.examined_pods.get(name) or _examine_pods(facts, spec, verification_spec, name)
    chain = pods.chain
    role = facts.get_role(chain.role_arn)
    role_key = _get_role_key(chain, role)
    bound_by = account_rules.annotation_owners(account) if chain.role_arn else []
    findings: list[AuditFinding] = []
    is_known = True
    warnings: tuple[str, ...] = ()
    # A trusted account without an annotation has no chain to check.
    if name in facts.annotated_accounts:
        aws = build_aws_facts(facts, role, facts.get_associations(name))
        chain_facts = ChainFacts(chain, aws, _build_kubernetes_facts(facts, name, account))
        diagnosis = diagnose.diagnose(verification_spec, chain_facts, pod_findings=pods.findings)
        for finding in diagnosis.findings:
            roles = (role_key,) if role_key and finding.link == "role" else ()
            findings.append(AuditFinding(finding, (name,), roles))
        is_known, warnings = "unknown" not in diagnosis.links.values(), diagnosis.warnings
    if bound_by and all(map(account_rules.is_manual_owner, bound_by)):
        findings.append(AuditFinding(_build_unmanaged_annotation(chain, bound_by), (name,)))
    return ExaminedAccount(
        name=name,
        role_arn=chain.role_arn,
        role_key=role_key,
        bound_by=tuple(bound_by),
        pods=pods.live,
        stale=pods.stale,
        is_known=is_known,
        findings=tuple(findings),
        warnings=warnings,
    )


def _build_verification_spec(facts: AuditFacts, spec: AuditSpec) -> VerificationSpec:
    """The checks for each chain, without the service account."""
    bulk_spec = build_bulk_spec("", "", role_arn=None, issuer=facts.issuer, region=spec.region, ask_sts=False)
    return dataclasses.replace(
        bulk_spec, probes=frozenset({"static", "pods"} if spec.pods else {"static"}), ignore=spec.ignore
    )


def _build_chain(
    facts: AuditFacts, spec: AuditSpec, verification_spec: VerificationSpec, account: t.Mapping[str, t.Any]
) -> Chain:
    chain = build_chain(verification_spec, facts.cluster, account)
    arn = chain.role_arn or ""
    is_declared = is_role_arn(arn) and Arn.parse(arn).account_id in spec.role_accounts
    return dataclasses.replace(chain, account_id=facts.account_id, partition=facts.partition, cross_account=is_declared)


def _build_kubernetes_facts(facts: AuditFacts, name: Name, account: t.Mapping[str, t.Any]) -> KubernetesFacts:
    namespaces = facts.namespaces
    version = facts.cluster.version if facts.cluster else None
    return KubernetesFacts(
        account=account,
        namespace=namespaces if isinstance(namespaces, Unknown) else namespaces.get(name[0]),
        webhooks=facts.webhooks,
        serving_ca=Unknown("needed only if a dry run returns the pod unchanged"),
        pods=facts.get_pods(name),
        workloads=facts.workloads.get(name[0], {}),
        admitted=None,
        minor_version=int(version.partition(".")[2] or 0) or None if version else None,
        observed_at=facts.now,
        env_sources=facts.env_sources.get(name[0], {}),
    )


def _get_role_key(chain: Chain, role: OrUnknown[t.Mapping[str, t.Any] | None]) -> str:
    """The ARN under which a role is listed: from IAM, else from the annotation; empty if that is not valid."""
    if role is not None and not isinstance(role, Unknown):
        return str(role["Arn"])
    return str(chain.intended_role_arn or "")


def _build_unmanaged_annotation(chain: Chain, bound_by: t.Sequence[str]) -> Finding:
    name = name_of(chain)
    return Finding(
        "unmanaged-annotation",
        f"annotation {ROLE_ARN_ANNOTATION} of service account {name} was set by {join(bound_by)}, so no tool "
        "maintains it",
        f"add {name} to irsa_bindings with role_arn: {chain.role_arn}, or with role_name to manage the role as well, "
        "and run eksops.irsa.irsa_bindings once with force: true to take ownership of the annotation",
        evidence="metadata.managedFields",
        found=", ".join(bound_by),
    )
