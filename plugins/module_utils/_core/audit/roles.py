# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds what no single chain shows of roles and providers: missing accounts, sharing, disuse, broad permissions."""

from __future__ import annotations

import datetime
import typing as t

from .. import arn as arns
from ..diagnosis.causes import Finding
from ..diagnosis.facts import AwsFacts, Chain, Unknown
from ..diagnosis.rules import role as role_rules
from ..policy.document import as_list, like, statements
from ..trust.statements import has_wildcard, subject
from ..wording import join_some, quantity
from .facts import AuditFacts, Name, account_in_subject, annotation_of

Json = t.Mapping[str, t.Any]

_NAMES_SHOWN = 5
# Findings about a role that need no service account.
_ROLE_FINDINGS = frozenset({"trust-too-broad", "trust-too-long", "deleted-principal", "no-permissions"})
# AWS's own policies that allow everything, or to give oneself the rest.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html
_BROAD_POLICIES = {
    "AdministratorAccess": "every action",
    "PowerUserAccess": "every action but those on IAM, organizations and accounts",
    "IAMFullAccess": "every action of IAM",
}
_DAY = 24 * 3600


class AuditFinding(t.NamedTuple):
    """A finding with the service accounts and the roles (ARNs) that it concerns."""

    finding: Finding
    service_accounts: tuple[Name, ...] = ()
    roles: tuple[str, ...] = ()


def find_in_role(facts: AuditFacts, name: str, *, unused_days: int) -> t.Iterator[AuditFinding]:
    """The findings about one role that trusts the cluster's provider, or that one of its accounts names.

    The role itself is not among the roles of the findings.

    :param unused_days: after how many days it counts as unused; 0 for never.
    """
    role = facts.known_roles[name]
    bound = facts.accounts_by_role_arn.get(role["Arn"], [])
    subjects = facts.subjects_by_role.get(name)
    if subjects is not None:
        yield from _find_missing(facts, role, subjects)
        yield from _find_unannotated(facts, role, subjects)
        if not bound:
            yield from map(AuditFinding, _find_without_account(facts, role, subjects))
        if unused_days:
            yield from _find_unused(facts, role, bound, unused_days)
    if len(bound) > 1:
        yield _shared_finding(role, bound)
    yield from _find_broad(facts, role, bound)


def _is_examined(facts: AuditFacts, namespace: str) -> bool:
    """Whether the accounts of the namespace were read, or it doesn't exist."""
    if isinstance(facts.namespaces, Unknown):
        return True
    return namespace in facts.namespaces


def _find_missing(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> t.Iterator[AuditFinding]:
    evidence = "iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument"
    fix = _trust_only_existing(facts, role, subjects)
    accounts = [name for name in map(account_in_subject, subjects) if name]
    missing = [name for name in accounts if name not in facts.service_accounts and _is_examined(facts, name[0])]
    if missing:
        names = join_some(["/".join(name) for name in missing], _NAMES_SHOWN)
        them = "it" if len(missing) == 1 else "them"
        yield AuditFinding(
            Finding(
                "trusts-missing-account",
                f"role {role['RoleName']} trusts {quantity(len(missing), 'service account')} that "
                f"{'does' if len(missing) == 1 else 'do'} not exist in the cluster: {names}",
                f"to create {them} later: eksops.irsa.sa_annotate with role_arn: {role['Arn']}; otherwise {fix}",
                evidence=evidence,
                found=names,
            ),
            tuple(missing),
        )
    patterns = [subject for subject in subjects if has_wildcard(subject) and not _matches_any_account(facts, subject)]
    if patterns:
        names = join_some(patterns, _NAMES_SHOWN)
        yield AuditFinding(
            Finding(
                "trusts-missing-account",
                f"role {role['RoleName']} trusts {names}, which matches no service account of the cluster",
                f"unless you will create one later: {fix}",
                evidence=evidence,
                found=names,
            )
        )


def _matches_any_account(facts: AuditFacts, pattern: str) -> bool:
    return any(like(pattern, subject(*name)) for name in facts.service_accounts)


def _trust_only_existing(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> str:
    """How to trust the existing accounts only."""
    cluster = f"cluster_name: {facts.cluster.name}" if facts.cluster else f"issuer: {facts.issuer}"
    existing = [name for name in map(account_in_subject, subjects) if name and name in facts.service_accounts]
    if not existing:
        return f"eksops.irsa.irsa_role with name: {role['RoleName']}, {cluster}, state: absent"
    listed = ", ".join(f"{{namespace: {namespace}, name: {name}}}" for namespace, name in existing)
    return f"eksops.irsa.irsa_role with name: {role['RoleName']}, {cluster}, service_accounts: [{listed}]"


def _find_unannotated(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> t.Iterator[AuditFinding]:
    existing = [name for name in map(account_in_subject, subjects) if name and name in facts.service_accounts]
    unbound = [name for name in existing if annotation_of(facts.service_accounts[name]) != role["Arn"]]
    if not unbound:
        return
    others = {annotation_of(facts.service_accounts[name]) or "none" for name in unbound}
    yield AuditFinding(
        Finding(
            "trusts-unannotated-account",
            f"role {role['RoleName']} trusts {join_some(['/'.join(name) for name in unbound], _NAMES_SHOWN)}, "
            + ("whose annotation names" if len(unbound) == 1 else "whose annotations name")
            + (" no role" if others == {"none"} else " another role or none"),
            f"annotate with eksops.irsa.sa_annotate (role_arn: {role['Arn']}), or remove from the trust policy with "
            f"eksops.irsa.irsa_role, name: {role['RoleName']}",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            expected=role["Arn"],
            found=join_some(sorted(others), _NAMES_SHOWN),
        ),
        tuple(unbound),
    )


def _find_without_account(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> list[Finding]:
    """What the chain of an account would show about the role, for a role without an account."""
    names = [name for name in map(account_in_subject, subjects) if name]
    namespace, name = names[0] if names else ("some-namespace", "some-account")
    chain = Chain(
        namespace=namespace,
        service_account=name,
        issuer=facts.issuer,
        role_arn=role["Arn"],
        audience=arns.STS_AUDIENCE,
        account_id=facts.account_id,
        partition=facts.partition,
        cluster=facts.cluster.name if facts.cluster else None,
    )
    return [finding for finding in role_rules.findings(chain, aws_facts(facts, role)) if finding.id in _ROLE_FINDINGS]


def aws_facts(facts: AuditFacts, role: t.Any) -> AwsFacts:
    """The facts of AWS about a chain with that role.

    :param role: Unknown, or None if it does not exist.
    """
    if isinstance(role, Unknown):
        # Of another account, and so is the provider that counts; or roles can't be read at all.
        elsewhere = role if not isinstance(facts.roles, Unknown) else facts.provider
        return AwsFacts(elsewhere, facts.provider_arns, role, role, role, role, facts.quotas, facts.addons, ())
    not_read = Unknown("the role's policies could not be read")
    boundary: t.Any = None
    arn = ((role or {}).get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    if arn:
        boundary = facts.policies.get(arn, Unknown("the documents of AWS's own policies aren't read"))
    return AwsFacts(
        provider=facts.provider,
        provider_arns=facts.provider_arns,
        role=role,
        managed_policies=(role or {}).get("ManagedPolicies", not_read),
        inline_policies=(role or {}).get("InlinePolicies", not_read),
        boundary=boundary,
        quotas=facts.quotas,
        addons=facts.addons,
        associations=(),
    )


def _shared_finding(role: Json, bound: t.Sequence[Name]) -> AuditFinding:
    names = [f"{namespace}/{name}" for namespace, name in bound]
    return AuditFinding(
        Finding(
            "role-shared",
            f"{len(bound)} service accounts share role {role['RoleName']}: {join_some(names, _NAMES_SHOWN)}",
            "give each a role of its own if they need different permissions; if this is meant, ignore: [role-shared]",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            found=str(len(bound)),
        ),
        tuple(bound),
    )


def _find_unused(facts: AuditFacts, role: Json, bound: t.Sequence[Name], days: int) -> t.Iterator[AuditFinding]:
    used = (role.get("RoleLastUsed") or {}).get("LastUsedDate")
    since = used or role.get("CreateDate")
    if "InlinePolicies" not in role or not isinstance(since, datetime.datetime):
        return  # ListRoles, which stands in for the other operation, doesn't tell
    age = int((facts.now - since.timestamp()) // _DAY)
    if age < days:
        return
    name = role["RoleName"]
    said = f"role {name} was last used {age} days ago" if used else f"role {name}, {age} days old, was never used"
    yield AuditFinding(
        Finding(
            "role-unused",
            said,
            f"if nobody needs it any more: eksops.irsa.irsa_role with name: {name}, state: absent; else see with "
            "eksops.irsa.irsa_verify whether it works",
            evidence="iam:GetAccountAuthorizationDetails RoleLastUsed",
            expected=f"used within {days} days",
            found=since.date().isoformat(),
        ),
        tuple(bound),
    )


def _find_broad(facts: AuditFacts, role: Json, bound: t.Sequence[Name]) -> t.Iterator[AuditFinding]:
    if (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"):
        return
    found: dict[str, str] = {}
    for arn in role.get("ManagedPolicies") or ():
        name = arn.rpartition("/")[2]
        said = _BROAD_POLICIES.get(name) if arn.split(":")[4] == "aws" else _breadth(facts.policies.get(arn))
        if said:
            found[f"managed policy {name}"] = said
    for name, document in (role.get("InlinePolicies") or {}).items():
        said = _breadth(document)
        if said:
            found[f"inline policy {name}"] = said
    if found:
        where = "; ".join(f"{policy} allows {said} on every resource" for policy, said in found.items())
        yield AuditFinding(
            Finding(
                "policy-too-broad",
                f"role {role['RoleName']}: {where}",
                f"allow what the application uses, and bound the role: eksops.irsa.irsa_role with name: "
                f"{role['RoleName']}, managed_policies or inline_policies, and permissions_boundary",
                evidence=", ".join(found),
                found=", ".join(dict.fromkeys(found.values())),
            ),
            tuple(bound),
        )


def _breadth(document: Json | None) -> str | None:
    """What a policy allows on every resource that is too broad; None if nothing."""
    for statement in statements(document) if document else ():
        if not isinstance(statement, dict) or statement.get("Effect") != "Allow" or statement.get("Condition"):
            continue
        if "*" not in as_list(statement.get("Resource")):
            continue
        actions = {str(action).lower() for action in as_list(statement.get("Action"))}
        if {"*", "*:*"} & actions:
            return "every action"
        if statement.get("NotAction") is not None:
            return "every action but a few"
        if "iam:*" in actions:
            return "every action of IAM"
    return None


def find_in_providers(facts: AuditFacts) -> t.Iterator[AuditFinding]:
    """The providers of EKS clusters that do not exist. A provider meant for this cluster is another finding."""
    if isinstance(facts.provider_arns, Unknown):
        return
    own = arns.provider_of(facts.issuer)
    for arn in sorted(facts.provider_arns):
        url = arns.provider_name(arn)
        match = arns.EKS_ISSUER.fullmatch(url)
        if match is None or url == own or arns.describe_url_difference(url, own):
            continue
        region = match[2]
        issuers = facts.issuers.get(region, Unknown(""))
        if isinstance(issuers, Unknown) or f"https://{url}" in issuers:
            continue
        roles = facts.roles_by_provider.get(arn, [])
        trust = "trusts" if len(roles) == 1 else "trust"
        trusted = f"; {join_some(roles, _NAMES_SHOWN)} {trust} it" if roles else "; no role trusts it"
        yield AuditFinding(
            Finding(
                "provider-orphaned",
                f"no EKS cluster of account {facts.account_id} in {region} has the issuer of OIDC provider "
                f"{arn}{trusted}",
                f"unless it is another account's cluster: eksops.irsa.iam_oidc_provider with url: https://{url}, "
                "state: absent",
                evidence="eks:ListClusters and eks:DescribeCluster",
                found=arn,
            ),
            roles=tuple(facts.known_roles[name]["Arn"] for name in roles),
        )
