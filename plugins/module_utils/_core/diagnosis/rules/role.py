# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads of IAM tell about a chain: its role, whom the role trusts, and by `provider.py` its OIDC provider.

Only causes are findings, not their consequences:

- an ARN with quotes or blanks around it is `arn-malformed`, and the role is checked without them; any other malformed
  ARN ends the check;
- an ARN of another partition is `arn-wrong-partition`; role and provider are looked up in the cluster's;
- an ARN of another account, unless the user named it or the role exists there, is `arn-wrong-account`; role and
  provider are then not checked, because it is unknown which account is meant;
- a role that does not exist has no trust policy to check;
- the provider of a recreated cluster is not missing in addition: `cluster-recreated` covers both.

https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
"""

from __future__ import annotations

import typing as t

from ... import arn as arns
from ...arn import is_role_arn
from ...policy import document as policy_document
from ...policy.document import as_list, statements
from ...trust.policy import trivially_allows
from ...trust.statements import subject
from ..causes import Finding
from ..facts import AwsFacts, Chain, Json, Unknown
from . import trust as trust_rules
from .trust import Refusal, Trust
from .trust_refusal import refusal

_SIZE_QUOTA = "AssumeRolePolicySizeQuota"


def findings(chain: Chain, aws: AwsFacts) -> list[Finding]:
    """Everything that is wrong with provider, role and trust policy. An Unknown fact gives no finding."""
    found = [*_arn(chain, aws)]
    if any(finding.id == "arn-wrong-account" for finding in found):
        return found
    found += _role(chain, aws)
    # An audit checks thousands of trust policies, and most of them need no evaluation.
    trust = None if _is_trivially_allowed(chain, aws) else _trust(chain, aws)
    refused = refusal(trust) if trust else Refusal()
    found += refused.findings
    if not any(each.id == "cluster-recreated" for each in found):
        found += trust_rules.provider_findings(chain, aws)
    found += trust_rules.audience_findings(chain, aws, refused)
    if trust:
        found += trust_rules.policy_findings(trust, refused)
    found += _permissions(aws)
    return found


def static_allows(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether STS would allow the account to assume the role according to these facts; None if they do not tell."""
    if not chain.role_arn:
        return None
    if not is_role_arn(chain.role_arn):
        return False
    if chain.partition and arns.Arn.parse(chain.role_arn).partition != chain.partition:
        return False
    if _is_elsewhere(chain, aws):
        # The facts are about the cluster's account.
        return None
    answers = (trust_rules.accepts_audience(chain, aws), _role_accepts(chain, aws))
    if False in answers:
        return False
    return None if None in answers else True


def undecidable_conditions(chain: Chain, aws: AwsFacts) -> list[str]:
    """The conditions of the trust policy that only the real request can answer, as messages.

    If ``static_allows`` is None although role and provider are known, the answer depends on these.
    """
    trust = _trust(chain, aws)
    if trust is None:
        return []
    return [
        f"{trust.place(verdict.index)} has {condition.operator} {condition.key} {' or '.join(condition.wanted)}"
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
    annotate = f"eksops.irsa.sa_annotate with namespace: {chain.namespace}, name: {chain.service_account}, role_arn:"
    form = f"arn:{chain.partition or 'aws'}:iam::{chain.account_id or 'ACCOUNT'}:role/NAME"
    if not is_role_arn(chain.role_arn):
        what = "has quotes or blanks around it" if arn else "is not the ARN of an IAM role"
        yield Finding(
            "arn-malformed",
            f"the role ARN {chain.role_arn!r} of service account {chain.namespace}/{chain.service_account} {what}",
            f"write it as IAM returns it: {annotate} {arn or form}",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            expected=str(arn or form),
            found=chain.role_arn,
        )
    if arn is None:
        return
    if chain.partition and arn.partition != chain.partition:
        right = f"arn:{chain.partition}:iam::{arn.account_id}:{arn.resource}"
        yield Finding(
            "arn-wrong-partition",
            f"role {arn} is of partition {arn.partition}, the cluster of {chain.partition}",
            f"{annotate} {right}",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            expected=chain.partition,
            found=arn.partition,
        )
    if _is_elsewhere(chain, aws):
        right = f"arn:{chain.partition or arn.partition}:iam::{chain.account_id}:{arn.resource}"
        yield Finding(
            "arn-wrong-account",
            f"role {arn} is in account {arn.account_id}, the cluster in {chain.account_id}",
            f"{annotate} {right}; if the other account is meant, give role_arn: {arn} to eksops.irsa.irsa_verify",
            evidence=f"metadata.annotations[{arns.ROLE_ARN_ANNOTATION}]",
            expected=chain.account_id,
            found=arn.account_id,
        )


def _is_elsewhere(chain: Chain, aws: AwsFacts) -> bool:
    """Whether the ARN is of another account than the cluster's, and nothing says that this is meant."""
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
            f"there is no role {arn}",
            f"create it: eksops.irsa.irsa_role with name: {chain.role_name}, {cluster}, service_accounts: "
            f"[{{namespace: {chain.namespace}, name: {chain.service_account}}}]; or annotate the role that is meant",
            evidence="iam:GetRole answers NoSuchEntity",
            expected=str(arn),
        )
    elif arns.Arn.parse(role["Arn"]).resource != arn.resource:
        yield Finding(
            "role-path-dropped",
            f"the role {role['RoleName']} has the ARN {role['Arn']}, not {arn}",
            f"eksops.irsa.sa_annotate with namespace: {chain.namespace}, name: {chain.service_account}, role_arn: "
            f"{role['Arn']}",
            evidence="iam:GetRole Role.Arn",
            expected=role["Arn"],
            found=chain.role_arn,
        )


def _is_trivially_allowed(chain: Chain, aws: AwsFacts) -> bool:
    """Whether the role has the chain's ARN, and its trust policy allows the account without evaluation or findings."""
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
    """The trust policy of the role, if it is the one that is meant."""
    arn, role = chain.intended_role_arn, aws.role
    if arn is None or isinstance(role, Unknown) or role is None:
        return None
    found = arns.Arn.parse(role["Arn"])
    if found.account_id != arn.account_id:
        return None
    document = policy_document.parse(role["AssumeRolePolicyDocument"], f"the trust policy of role {role['RoleName']}")
    right = arns.provider_arn(found.partition, found.account_id, chain.issuer)
    drifted = (
        ()
        if isinstance(aws.provider, Unknown) or aws.provider
        else tuple(trust_rules.find_similar_providers(right, aws))
    )
    quota = None if isinstance(aws.quotas, Unknown) else aws.quotas.get(_SIZE_QUOTA)
    return Trust(chain, role["Arn"], right, document, drifted, quota)


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
            f"give it some: eksops.irsa.irsa_role with name: {name} and managed_policies or inline_policies",
            evidence="iam:ListAttachedRolePolicies, iam:ListRolePolicies",
        )
    elif not isinstance(aws.boundary, Unknown) and aws.boundary is not None and not _allows_something([aws.boundary]):
        arn = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn", "")
        yield Finding(
            "no-permissions",
            f"the permissions boundary {arn} of role {name} allows nothing, so its policies don't either",
            f"eksops.irsa.irsa_role with name: {name} and a permissions_boundary that allows what the policies do",
            evidence="PermissionsBoundary",
            found=arn or None,
        )


def _useless_policies(aws: AwsFacts) -> str | None:
    """What the role has instead of permissions; None if it has some or that is unknown."""
    if isinstance(aws.managed_policies, Unknown) or isinstance(aws.inline_policies, Unknown) or aws.managed_policies:
        return None
    if _allows_something(aws.inline_policies.values()):
        return None
    return "only inline policies that allow nothing" if aws.inline_policies else "no policy at all"


def _allows_something(documents: t.Iterable[Json]) -> bool:
    """Whether policies have an Allow, and no Deny of everything."""
    found = [statement for document in documents for statement in statements(document) if isinstance(statement, dict)]
    denied = any(
        statement.get("Effect") == "Deny"
        and "*" in as_list(statement.get("Action"))
        and "*" in as_list(statement.get("Resource"))
        and not statement.get("Condition")
        for statement in found
    )
    return not denied and any(statement.get("Effect") == "Allow" for statement in found)
