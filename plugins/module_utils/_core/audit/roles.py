# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings about roles and providers that no single chain shows: missing accounts, sharing, disuse, broad policies."""

from __future__ import annotations

import datetime
import typing as t

from .. import arn as arns
from ..diagnosis.causes import Finding
from ..diagnosis.facts import AwsFacts, Chain, OrUnknown, Unknown
from ..diagnosis.rules import account as account_rules
from ..diagnosis.rules import role as role_rules
from ..policy.document import as_list, like, statements
from ..trust.statements import has_wildcard, parse_subject, subject
from ..wording import MAX_NAMES, join_some, plural, quantity
from .facts import AuditFacts, Name, get_role_annotation, parse_exact_subject

Json = t.Mapping[str, t.Any]

# Findings of the rules for a role that do not depend on a service account.
_ROLE_FINDINGS = frozenset({"trust-too-broad", "trust-too-long", "deleted-principal", "no-permissions"})
# AWS managed policies with which a role has all permissions or can get them.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html
_BROAD_POLICIES = {
    "AdministratorAccess": "every action",
    "PowerUserAccess": "every action except those of IAM, Organizations and Account Management",
    "IAMFullAccess": "every action of IAM",
}
_DAY = 24 * 3600


class AuditFinding(t.NamedTuple):
    """A finding with the affected service accounts and roles (ARNs)."""

    finding: Finding
    service_accounts: tuple[Name, ...] = ()
    roles: tuple[str, ...] = ()


def find_in_role(facts: AuditFacts, name: str, *, unused_days: int) -> t.Iterator[AuditFinding]:
    """The findings about a role that trusts the cluster's provider or that a service account is annotated with.

    The caller adds the role to the findings.

    :param unused_days: days without use after which the role is unused; 0 turns the check off.
    """
    role = facts.known_roles[name]
    bound = facts.accounts_by_role_arn.get(role["Arn"], [])
    subjects = facts.subjects_by_role.get(name)
    if subjects is not None:
        yield from _find_missing_accounts(facts, role, subjects)
        yield from _find_unannotated_accounts(facts, role, subjects)
        if not bound:
            yield from map(AuditFinding, _apply_role_rules(facts, role, subjects))
        if unused_days:
            yield from _find_disuse(facts, role, bound, unused_days)
    if len(bound) > 1:
        yield _build_shared_role(role, bound)
    yield from _find_broad_policies(facts, role, bound)


def _is_examined(facts: AuditFacts, namespace: str) -> bool:
    """Whether the accounts of the namespace were listed. A namespace that does not exist has no accounts.

    :param namespace: may have wildcards, which can also match namespaces that were not examined.
    """
    return not facts.only_namespaces or namespace in facts.only_namespaces


def _find_missing_accounts(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> t.Iterator[AuditFinding]:
    accounts = [name for name in map(parse_exact_subject, subjects) if name]
    missing = [name for name in accounts if name not in facts.service_accounts and _is_examined(facts, name[0])]
    patterns = [pattern for pattern in subjects if has_wildcard(pattern) and not _matches_any_account(facts, pattern)]
    patterns = [pattern for pattern in patterns if _is_examined(facts, (parse_subject(pattern) or ("", ""))[0])]
    if not missing and not patterns:
        return
    evidence = "iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument"
    remove_trust = _describe_trust_removal(facts, role, subjects)
    if missing:
        names = join_some(["/".join(name) for name in missing], MAX_NAMES)
        them, verb = ("it", "does") if len(missing) == 1 else ("them", "do")
        yield AuditFinding(
            Finding(
                "trusts-missing-account",
                f"role {role['RoleName']} trusts {quantity(len(missing), 'service account')} that {verb} not exist in "
                f"the cluster: {names}",
                f"create {them} with eksops.irsa.sa_annotate (role_arn: {role['Arn']}), or {remove_trust}",
                evidence=evidence,
                found=names,
            ),
            tuple(missing),
        )
    if patterns:
        names = join_some(patterns, MAX_NAMES)
        yield AuditFinding(
            Finding(
                "trusts-missing-account",
                f"role {role['RoleName']} trusts {names}, but no service account in the cluster matches",
                f"create a matching service account, or {remove_trust}",
                evidence=evidence,
                found=names,
            )
        )


def _matches_any_account(facts: AuditFacts, pattern: str) -> bool:
    return any(like(pattern, subject(*name)) for name in facts.service_accounts)


def _describe_trust_removal(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> str:
    """How to make the role trust existing service accounts only: a part of a fix."""
    cluster = f"cluster_name: {facts.cluster.name}" if facts.cluster else f"issuer: {facts.issuer}"
    existing = [name for name in map(parse_exact_subject, subjects) if name and name in facts.service_accounts]
    if not existing:
        return (
            "remove the cluster from its trust policy with eksops.irsa.irsa_role "
            f"(name: {role['RoleName']}, {cluster}, state: absent), which also deletes a role of this collection that "
            "nothing else can assume"
        )
    accounts = ", ".join(f"{{namespace: {namespace}, name: {name}}}" for namespace, name in existing)
    return (
        f"change the trust policy with eksops.irsa.irsa_role (name: {role['RoleName']}, {cluster}, "
        f"service_accounts: [{accounts}], purge_service_accounts: true)"
    )


def _find_unannotated_accounts(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> t.Iterator[AuditFinding]:
    existing = [name for name in map(parse_exact_subject, subjects) if name and name in facts.service_accounts]
    unannotated = [name for name in existing if get_role_annotation(facts.service_accounts[name]) != role["Arn"]]
    if not unannotated:
        return
    values = {get_role_annotation(facts.service_accounts[name]) or "none" for name in unannotated}
    it, is_, has, them = ("it", "is", "has", "it") if len(unannotated) == 1 else ("they", "are", "have", "them")
    force = (
        ", force: true" if any(account_rules.needs_force(facts.service_accounts[name]) for name in unannotated) else ""
    )
    verbs = [f"{is_} annotated with another role"] if values != {"none"} else []
    verbs += [f"{has} no role annotation"] if "none" in values else []
    yield AuditFinding(
        Finding(
            "trusts-unannotated-account",
            f"role {role['RoleName']} trusts {join_some(['/'.join(name) for name in unannotated], MAX_NAMES)}, but "
            f"{it} {' or '.join(verbs)}",
            f"annotate {them} with eksops.irsa.sa_annotate (role_arn: {role['Arn']}{force}), or remove {them} from the "
            f"trust policy with eksops.irsa.irsa_role (name: {role['RoleName']})",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            expected=role["Arn"],
            found=join_some(sorted(values), MAX_NAMES),
        ),
        tuple(unannotated),
    )


def _apply_role_rules(facts: AuditFacts, role: Json, subjects: t.Sequence[str]) -> list[Finding]:
    """The findings of the rules for a role that no service account is annotated with, so no chain applies them."""
    names = [name for name in map(parse_exact_subject, subjects) if name]
    namespace, name = names[0] if names else ("NAMESPACE", "NAME")
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
    findings = role_rules.findings(chain, build_aws_facts(facts, role, ()))
    return [finding for finding in findings if finding.id in _ROLE_FINDINGS]


def build_aws_facts(facts: AuditFacts, role: t.Any, associations: OrUnknown[t.Sequence[Json]]) -> AwsFacts:
    """The facts from IAM and EKS for a chain with this role.

    :param role: the role, Unknown, or None if it does not exist.
    :param associations: the EKS Pod Identity associations of the service account.
    """
    if isinstance(role, Unknown):
        # If roles could be read, this one is in another AWS account, and its provider is unknown too.
        provider = role if not isinstance(facts.roles, Unknown) else facts.provider
        return AwsFacts(provider, facts.provider_arns, role, role, role, role, facts.quotas, facts.addons, associations)
    not_read = Unknown("the role's policies could not be read")
    boundary: t.Any = None
    arn = ((role or {}).get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    if arn:
        boundary = facts.policies.get(arn, Unknown("the documents of AWS managed policies are not read"))
    return AwsFacts(
        provider=facts.provider,
        provider_arns=facts.provider_arns,
        role=role,
        managed_policies=(role or {}).get("ManagedPolicies", not_read),
        inline_policies=(role or {}).get("InlinePolicies", not_read),
        boundary=boundary,
        quotas=facts.quotas,
        addons=facts.addons,
        associations=associations,
    )


def _build_shared_role(role: Json, bound: t.Sequence[Name]) -> AuditFinding:
    names = [f"{namespace}/{name}" for namespace, name in bound]
    return AuditFinding(
        Finding(
            "role-shared",
            f"{len(bound)} service accounts share role {role['RoleName']}: {join_some(names, MAX_NAMES)}",
            "create a role for each if they need different permissions; otherwise set ignore: [role-shared]",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            found=str(len(bound)),
        ),
        tuple(bound),
    )


def _find_disuse(facts: AuditFacts, role: Json, bound: t.Sequence[Name], days: int) -> t.Iterator[AuditFinding]:
    last_used = (role.get("RoleLastUsed") or {}).get("LastUsedDate")
    since = last_used or role.get("CreateDate")
    if "InlinePolicies" not in role or not isinstance(since, datetime.datetime):
        return  # the roles come from ListRoles, which does not return the last use
    age = int((facts.now - since.timestamp()) // _DAY)
    if age < days:
        return
    name = role["RoleName"]
    use = f"last used {age} days ago" if last_used else f"created {age} days ago and never used"
    removal = (
        "remove the binding with eksops.irsa.irsa_bindings (state: absent)"
        if bound
        else f"delete the role with eksops.irsa.irsa_role (name: {name}, state: absent)"
    )
    yield AuditFinding(
        Finding(
            "role-unused",
            f"role {name} was {use}",
            f"if nobody needs it, {removal}; otherwise check with eksops.irsa.irsa_verify whether it works",
            evidence="iam:GetAccountAuthorizationDetails RoleLastUsed",
            expected=f"use within {days} days",
            found=since.date().isoformat(),
        ),
        tuple(bound),
    )


def _find_broad_policies(facts: AuditFacts, role: Json, bound: t.Sequence[Name]) -> t.Iterator[AuditFinding]:
    if (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"):
        return
    broad_actions: dict[str, str] = {}
    for arn in role.get("ManagedPolicies") or ():
        name = arn.rpartition("/")[2]
        is_of_aws = arn.split(":")[4] == "aws"
        actions = _BROAD_POLICIES.get(name) if is_of_aws else _find_broad_actions(facts.policies.get(arn))
        if actions:
            broad_actions[f"managed policy {name}"] = actions
    for name, document in (role.get("InlinePolicies") or {}).items():
        actions = _find_broad_actions(document)
        if actions:
            broad_actions[f"inline policy {name}"] = actions
    if broad_actions:
        policies = "; ".join(
            f"{policy} allows {actions} on every resource" for policy, actions in broad_actions.items()
        )
        yield AuditFinding(
            Finding(
                "policy-too-broad",
                f"role {role['RoleName']}: {policies}",
                "allow only what the application uses, and set a permissions boundary, with eksops.irsa.irsa_role "
                f"(name: {role['RoleName']}, managed_policies or inline_policies, permissions_boundary)",
                evidence=", ".join(broad_actions),
                found=", ".join(dict.fromkeys(broad_actions.values())),
            ),
            tuple(bound),
        )


def _find_broad_actions(document: Json | None) -> str | None:
    """The actions that a policy allows on every resource if they are too broad; None otherwise."""
    for statement in statements(document) if document else ():
        if not isinstance(statement, dict) or statement.get("Effect") != "Allow" or statement.get("Condition"):
            continue
        if "*" not in as_list(statement.get("Resource")):
            continue
        actions = {str(action).lower() for action in as_list(statement.get("Action"))}
        if {"*", "*:*"} & actions:
            return "every action"
        if statement.get("NotAction") is not None:
            return "all actions but a few"
        if "iam:*" in actions:
            return "every action of IAM"
    return None


def find_in_providers(facts: AuditFacts) -> t.Iterator[AuditFinding]:
    """The providers whose EKS cluster does not exist. A mistyped provider of this cluster is another finding."""
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
        if isinstance(issuers, Unknown) or f"https://{arns.issuer_in_tokens(url) or url}" in issuers:
            continue
        roles = facts.roles_by_provider.get(arn, [])
        trust = f"{plural(len(roles), 'role')} {join_some(roles, MAX_NAMES)} {'trusts' if len(roles) == 1 else 'trust'}"
        yield AuditFinding(
            Finding(
                "provider-orphaned",
                f"OIDC provider {arn} does not belong to an EKS cluster of AWS account {facts.account_id} in {region}; "
                f"{trust if roles else 'no role trusts'} it",
                f"delete it with eksops.irsa.iam_oidc_provider (url: https://{url}, state: absent), unless the cluster "
                "is in another AWS account",
                evidence="eks:ListClusters and eks:DescribeCluster",
                found=arn,
            ),
            roles=tuple(facts.known_roles[name]["Arn"] for name in roles),
        )
