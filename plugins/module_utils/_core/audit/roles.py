# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no single chain shows of roles and providers: whom they trust in vain, who shares them, what nobody uses."""

from __future__ import annotations

import datetime
import typing as t

from .. import arn as arns
from ..diagnosis.findings import AwsFacts, Chain, Finding, Unknown
from ..diagnosis.rules import role as role_rules
from ..diagnosis.rules.trust_facts import EKS_ISSUER, drift
from ..policy.conditions import like
from ..policy.document import as_list, statements
from ..trust import policy as trust_policy
from ..wording import join_some as some
from .facts import Facts, Name, annotation_of, name_of

Json = t.Mapping[str, t.Any]

_TOLD = 5
# What can be said of a role without one of its service accounts.
_OF_THE_ROLE_ALONE = frozenset({"trust-too-broad", "trust-too-long", "chained-role-stale", "no-permissions"})
# AWS's own policies that allow everything, or to give oneself the rest.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_job-functions.html
_BROAD_POLICIES = {
    "AdministratorAccess": "every action",
    "PowerUserAccess": "every action but those on IAM, organizations and accounts",
    "IAMFullAccess": "every action of IAM",
}
_DAY = 24 * 3600


class About(t.NamedTuple):
    """A finding, and whom it concerns besides the role that it is about."""

    finding: Finding
    service_accounts: tuple[Name, ...] = ()
    roles: tuple[str, ...] = ()


def of_role(facts: Facts, name: str, *, unused_days: int) -> t.Iterator[About]:
    """What is to be said of one role that trusts the cluster's provider, or that one of its accounts names.

    :param unused_days: after how many days it counts as unused; 0 for never.
    """
    role = facts.known_roles[name]
    bound = facts.bound.get(role["Arn"], [])
    subjects = facts.trusted.get(name)
    if subjects is not None:
        yield from _missing(facts, role, subjects)
        yield from _unbound(facts, role, subjects)
        if not bound:
            yield from (About(each) for each in _remarks(facts, role, subjects))
        if unused_days:
            yield from _unused(facts, role, bound, unused_days)
    if len(bound) > 1:
        yield _shared(role, bound)
    yield from _broad(facts, role, bound)


def _is_looked_at(facts: Facts, namespace: str) -> bool:
    """Whether the accounts of the namespace were read, or it doesn't exist."""
    if isinstance(facts.namespaces, Unknown):
        return True
    return namespace in facts.namespaces


def _missing(facts: Facts, role: Json, subjects: t.Sequence[str]) -> t.Iterator[About]:
    named = [name for name in map(name_of, subjects) if name]
    gone = [each for each in named if each not in facts.service_accounts and _is_looked_at(facts, each[0])]
    if gone:
        missing = [f"{namespace}/{name}" for namespace, name in gone]
        what = "a service account" if len(gone) == 1 else f"{len(gone)} service accounts"
        yield About(
            Finding(
                "trusts-missing-account",
                f"role {role['RoleName']} trusts {what} that the cluster hasn't got: {some(missing, _TOLD)}",
                f"create {'it' if len(gone) == 1 else 'them'} if {'it is' if len(gone) == 1 else 'they are'} still to "
                f"come (eksops.irsa.sa_annotate with role_arn: {role['Arn']}); else {_only(facts, role, subjects)}",
                evidence="iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument",
                found=some(missing, _TOLD),
            ),
            tuple(gone),
        )
    idle = [each for each in subjects if trust_policy.is_wild(each) and not _matches_somebody(facts, each)]
    if idle:
        yield About(
            Finding(
                "trusts-missing-account",
                f"role {role['RoleName']} trusts {some(idle, _TOLD)}, which no service account of the cluster matches",
                f"if none is still to come, {_only(facts, role, subjects)}",
                evidence="iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument",
                found=some(idle, _TOLD),
            )
        )


def _matches_somebody(facts: Facts, pattern: str) -> bool:
    return any(like(pattern, trust_policy.subject(*name)) for name in facts.service_accounts)


def _only(facts: Facts, role: Json, subjects: t.Sequence[str]) -> str:
    """How those who are there are left in the trust policy, and nobody else."""
    cluster = f"cluster_name: {facts.cluster.name}" if facts.cluster else f"issuer: {facts.issuer}"
    left = [each for each in map(name_of, subjects) if each and each in facts.service_accounts]
    if not left:
        return f"eksops.irsa.irsa_role with name: {role['RoleName']}, {cluster}, state: absent"
    listed = ", ".join(f"{{namespace: {namespace}, name: {name}}}" for namespace, name in left)
    return f"eksops.irsa.irsa_role with name: {role['RoleName']}, {cluster}, service_accounts: [{listed}]"


def _unbound(facts: Facts, role: Json, subjects: t.Sequence[str]) -> t.Iterator[About]:
    there = [name for name in map(name_of, subjects) if name and name in facts.service_accounts]
    idle = [name for name in there if annotation_of(facts.service_accounts[name]) != role["Arn"]]
    if not idle:
        return
    named = [f"{namespace}/{name}" for namespace, name in idle]
    others = {annotation_of(facts.service_accounts[name]) or "none" for name in idle}
    yield About(
        Finding(
            "trusts-unbound-account",
            f"role {role['RoleName']} trusts {some(named, _TOLD)}, "
            + ("whose annotation names" if len(idle) == 1 else "whose annotations name")
            + (" no role" if others == {"none"} else " another role or none"),
            f"annotate with eksops.irsa.sa_annotate (role_arn: {role['Arn']}), or take out of the trust policy with "
            f"eksops.irsa.irsa_role, name: {role['RoleName']}",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            expected=role["Arn"],
            found=some(sorted(others), _TOLD),
        ),
        tuple(idle),
    )


def _remarks(facts: Facts, role: Json, subjects: t.Sequence[str]) -> list[Finding]:
    """What an account's chain would show of the role, were there an account."""
    names = [each for each in map(name_of, subjects) if each]
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
    return [each for each in role_rules.findings(chain, aws_facts(facts, role)) if each.id in _OF_THE_ROLE_ALONE]


def aws_facts(facts: Facts, role: t.Any) -> AwsFacts:
    """What IAM says of a chain with that role.

    :param role: Unknown, or None if there is none.
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


def _shared(role: Json, bound: t.Sequence[Name]) -> About:
    names = [f"{namespace}/{name}" for namespace, name in bound]
    return About(
        Finding(
            "role-shared",
            f"{len(bound)} service accounts share role {role['RoleName']}: {some(names, _TOLD)}",
            "give each a role of its own if they need different permissions; if this is meant, ignore: [role-shared]",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            found=str(len(bound)),
        ),
        tuple(bound),
    )


def _unused(facts: Facts, role: Json, bound: t.Sequence[Name], days: int) -> t.Iterator[About]:
    used = (role.get("RoleLastUsed") or {}).get("LastUsedDate")
    since = used or role.get("CreateDate")
    if "InlinePolicies" not in role or not isinstance(since, datetime.datetime):
        return  # ListRoles, which stands in for the other operation, doesn't tell
    age = int((facts.now - since.timestamp()) // _DAY)
    if age < days:
        return
    name = role["RoleName"]
    said = f"role {name} was last used {age} days ago" if used else f"role {name}, {age} days old, was never used"
    yield About(
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


def _broad(facts: Facts, role: Json, bound: t.Sequence[Name]) -> t.Iterator[About]:
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
        yield About(
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
    """What a policy allows on everything that it shouldn't; None if nothing."""
    for statement in statements(document) if document else ():
        if not isinstance(statement, dict) or statement.get("Effect") != "Allow" or statement.get("Condition"):
            continue
        if "*" not in as_list(statement.get("Resource")):
            continue
        actions = {str(each).lower() for each in as_list(statement.get("Action"))}
        if {"*", "*:*"} & actions:
            return "every action"
        if statement.get("NotAction") is not None:
            return "every action but a few"
        if "iam:*" in actions:
            return "every action of IAM"
    return None


def of_providers(facts: Facts) -> t.Iterator[About]:
    """The providers of EKS clusters that don't exist. Those that were meant to be this cluster's are other findings."""
    if isinstance(facts.provider_arns, Unknown):
        return
    own = arns.provider_of(facts.issuer)
    for arn in sorted(facts.provider_arns):
        url = arn.partition(":oidc-provider/")[2]
        match = EKS_ISSUER.fullmatch(url)
        if match is None or url == own or drift(url, own):
            continue
        region = match[2]
        issuers = facts.issuers.get(region, Unknown(""))
        if isinstance(issuers, Unknown) or f"https://{url}" in issuers:
            continue
        roles = facts.trusting.get(arn, [])
        trust = "trusts" if len(roles) == 1 else "trust"
        trusted = f"; {some(roles, _TOLD)} {trust} it" if roles else "; no role trusts it"
        yield About(
            Finding(
                "provider-orphaned",
                f"no EKS cluster of account {facts.account_id} in {region} has the issuer of OIDC provider "
                f"{arn}{trusted}",
                f"unless it is another account's cluster: eksops.irsa.iam_oidc_provider with url: https://{url}, "
                "state: absent",
                evidence="eks:ListClusters and eks:DescribeCluster",
                found=arn,
            ),
            roles=tuple(facts.known_roles[each]["Arn"] for each in roles),
        )
