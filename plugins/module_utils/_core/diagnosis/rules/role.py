# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the facts from IAM: the role's ARN, the role and its permissions, and with `trust` its trust policy.

Consequences of a cause are not findings:

- Quotes or whitespace around the ARN are `arn-malformed`, and the role is checked without them. Any other malformed ARN
  ends the check.
- An ARN of another partition is `arn-wrong-partition`. Role and provider are read from the cluster's partition.
- An ARN of another AWS account, unless the user named it or the role exists there, is `arn-wrong-account`. Role and
  provider are not checked, because it is unknown which AWS account is correct.
- A role that does not exist has no trust policy to check.
- `cluster-recreated` includes the missing provider of the new cluster.

https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
"""

from __future__ import annotations

import typing as t

from ... import arn as arns
from ...arn import is_role_arn
from ...policy import document as policy_document
from ...policy.document import as_list, statements
from ...trust.policy import TRUST_QUOTA, trivially_allows
from ...trust.statements import subject
from ..causes import Finding
from ..facts import AwsFacts, Chain, Json, Unknown, describe_annotate, name_of
from . import trust as trust_rules
from .trust import Refusal, Trust
from .trust_refusal import refusal


def findings(chain: Chain, aws: AwsFacts) -> list[Finding]:
    """The findings about provider, role and trust policy. An Unknown fact gives no finding."""
    found = [*_arn(chain, aws)]
    if any(finding.id == "arn-wrong-account" for finding in found):
        return found
    found += _role(chain, aws)
    # An audit checks thousands of trust policies, and most of them need no evaluation.
    trust = None if _is_trivially_allowed(chain, aws) else _trust(chain, aws)
    refused = refusal(trust) if trust else Refusal()
    found += refused.findings
    if not any(finding.id == "cluster-recreated" for finding in found):
        found += trust_rules.provider_findings(chain, aws)
    found += trust_rules.audience_findings(chain, aws, refused)
    if trust:
        found += trust_rules.policy_findings(trust, refused)
    found += _permissions(aws)
    return found


def static_allows(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether STS should accept the service account for the role; None if the facts are not sufficient."""
    if not chain.role_arn:
        return None
    if not is_role_arn(chain.role_arn):
        return False
    if chain.partition and arns.Arn.parse(chain.role_arn).partition != chain.partition:
        return False
    if _is_elsewhere(chain, aws):
        # The facts are from the cluster's AWS account.
        return None
    answers = (trust_rules.accepts_audience(chain, aws), _role_accepts(chain, aws))
    if False in answers:
        return False
    return None if None in answers else True


def undecidable_conditions(chain: Chain, aws: AwsFacts) -> list[str]:
    """The conditions of the trust policy that only AWS can evaluate, for messages.

    If `static_allows` is None although role and provider are known, the result depends on these.
    """
    trust = _trust(chain, aws)
    if trust is None:
        return []
    return [
        f"{condition.operator} {condition.key} {' or '.join(condition.values)} in {trust.place(verdict.index)}"
        for verdict in trust.decision.verdicts
        if verdict.matched is None
        for condition in verdict.undecidable
    ]


def _role_accepts(chain: Chain, aws: AwsFacts) -> bool | None:
    if isinstance(aws.role, Unknown):
        return None
    if aws.role is None:
        return False
    if _is_trivially_allowed(chain, aws):
        return True
    trust = _trust(chain, aws)
    if trust is None:
        return None
    return trust.decision.allowed if trust.role_arn == chain.role_arn else False


# The ARN


def _arn(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    if not chain.role_arn:
        return
    arn = chain.intended_role_arn
    evidence = f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]"
    if not is_role_arn(chain.role_arn):
        problem = "has quotes or whitespace around it" if arn else "is not a valid role ARN"
        expected = str(arn or f"arn:{chain.partition or 'aws'}:iam::{chain.account_id or 'ACCOUNT'}:role/NAME")
        yield Finding(
            "arn-malformed",
            f"the role ARN {chain.role_arn!r} of service account {name_of(chain)} {problem}",
            f"set the ARN as IAM returns it with {describe_annotate(chain, expected)}",
            evidence=evidence,
            expected=expected,
            found=chain.role_arn,
        )
    if arn is None:
        return
    if chain.partition and arn.partition != chain.partition:
        expected = f"arn:{chain.partition}:iam::{arn.account_id}:{arn.resource}"
        yield Finding(
            "arn-wrong-partition",
            f"role {arn} is in partition {arn.partition}, but the cluster is in partition {chain.partition}",
            f"correct the annotation with {describe_annotate(chain, expected)}",
            evidence=evidence,
            expected=chain.partition,
            found=arn.partition,
        )
    if _is_elsewhere(chain, aws):
        expected = f"arn:{chain.partition or arn.partition}:iam::{chain.account_id}:{arn.resource}"
        yield Finding(
            "arn-wrong-account",
            f"role {arn} is in AWS account {arn.account_id}, but the cluster is in AWS account {chain.account_id}",
            f"correct the annotation with {describe_annotate(chain, expected)}; if the other AWS account is intended, "
            f"set role_arn: {arn} in eksops.irsa.irsa_verify",
            evidence=evidence,
            expected=chain.account_id,
            found=arn.account_id,
        )


def _is_elsewhere(chain: Chain, aws: AwsFacts) -> bool:
    """Whether the role is not in the cluster's AWS account, and nothing shows that this is intended."""
    arn = chain.intended_role_arn
    if arn is None or chain.cross_account or chain.account_id in (None, arn.account_id):
        return False
    return isinstance(aws.role, Unknown) or aws.role is None or aws.role["Arn"] != str(arn)


# The role


def _role(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    arn, role = chain.intended_role_arn, aws.role
    if arn is None or isinstance(role, Unknown):
        return
    if role is None:
        cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"issuer: {chain.issuer}"
        yield Finding(
            "role-missing",
            f"role {arn} does not exist",
            f"create it with eksops.irsa.irsa_role (name: {chain.role_name}, {cluster}, service_accounts: "
            f"[{{namespace: {chain.namespace}, name: {chain.service_account}}}]); or, if the ARN is wrong, correct it "
            f"with {describe_annotate(chain, 'ROLE_ARN')}",
            evidence="iam:GetRole returns NoSuchEntity",
            expected=str(arn),
        )
    elif arns.Arn.parse(role["Arn"]).resource != arn.resource:
        yield Finding(
            "role-path-dropped",
            f"the ARN of role {role['RoleName']} is {role['Arn']}, not {arn}",
            f"set the ARN as IAM returns it with {describe_annotate(chain, role['Arn'])}",
            evidence="Role.Arn in iam:GetRole",
            expected=role["Arn"],
            found=chain.role_arn,
        )


def _is_trivially_allowed(chain: Chain, aws: AwsFacts) -> bool:
    """Whether the trust policy allows the service account in a form that needs no evaluation and has no findings."""
    role = aws.role
    if isinstance(role, Unknown) or role is None or role["Arn"] != chain.role_arn:
        return False
    document = role["AssumeRolePolicyDocument"]
    # The quota is read only if the policy is long enough to exceed it.
    if not isinstance(document, dict) or not isinstance(aws.quotas, Unknown):
        return False
    arn = arns.Arn.parse(role["Arn"])
    provider = arns.provider_arn(arn.partition, arn.account_id, chain.issuer)
    return trivially_allows(document, provider, subject(chain.namespace, chain.service_account), chain.audience)


def _trust(chain: Chain, aws: AwsFacts) -> Trust | None:
    """The trust policy of the role; None if the role that was read is in another AWS account."""
    arn, role = chain.intended_role_arn, aws.role
    if arn is None or isinstance(role, Unknown) or role is None:
        return None
    role_arn = arns.Arn.parse(role["Arn"])
    if role_arn.account_id != arn.account_id:
        return None
    document = policy_document.parse(role["AssumeRolePolicyDocument"], f"the trust policy of role {role['RoleName']}")
    provider_arn = arns.provider_arn(role_arn.partition, role_arn.account_id, chain.issuer)
    similar = (
        ()
        if isinstance(aws.provider, Unknown) or aws.provider
        else tuple(trust_rules.find_similar_providers(provider_arn, aws))
    )
    quota = None if isinstance(aws.quotas, Unknown) else aws.quotas.get(TRUST_QUOTA)
    return Trust(chain, role["Arn"], provider_arn, document, similar, quota)


# Permissions


def _permissions(aws: AwsFacts) -> t.Iterator[Finding]:
    role = aws.role
    if isinstance(role, Unknown) or role is None:
        return
    name = role["RoleName"]
    useless = _useless_policies(aws)
    if useless:
        yield Finding(
            "no-permissions",
            f"role {name} has {useless}",
            f"attach policies with eksops.irsa.irsa_role (name: {name}, and managed_policies or inline_policies)",
            evidence="iam:ListAttachedRolePolicies, iam:ListRolePolicies",
        )
    elif not isinstance(aws.boundary, Unknown) and aws.boundary is not None and not _allows_something([aws.boundary]):
        arn = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")
        yield Finding(
            "no-permissions",
            f"the permissions boundary {arn} of role {name} allows nothing, so the role's policies have no effect",
            "allow the actions of the role's policies in the boundary, or set another one with eksops.irsa.irsa_role "
            f"(name: {name}, permissions_boundary: POLICY_ARN)",
            evidence="PermissionsBoundary",
            found=arn or None,
        )


def _useless_policies(aws: AwsFacts) -> str | None:
    """What the role has if it has no permissions; None if it has permissions or they are unknown."""
    if isinstance(aws.managed_policies, Unknown) or isinstance(aws.inline_policies, Unknown) or aws.managed_policies:
        return None
    if _allows_something(aws.inline_policies.values()):
        return None
    return "only inline policies that allow nothing" if aws.inline_policies else "no policies"


def _allows_something(documents: t.Iterable[Json]) -> bool:
    """Whether the policies have an Allow statement, and no Deny statement for everything."""
    parsed = [statement for document in documents for statement in statements(document) if isinstance(statement, dict)]
    denied = any(
        statement.get("Effect") == "Deny"
        and "*" in as_list(statement.get("Action"))
        and "*" in as_list(statement.get("Resource"))
        and not statement.get("Condition")
        for statement in parsed
    )
    return not denied and any(statement.get("Effect") == "Allow" for statement in parsed)
