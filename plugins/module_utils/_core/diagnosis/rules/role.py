# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads of IAM tell about a chain: its OIDC provider, its role, and whom the role trusts.

Only causes are found, not what follows from them:

- an ARN with quotes or blanks around it is `arn-malformed`, and what it means is looked at as if they weren't there;
  of another malformed one nothing more is said;
- an ARN of another partition is `arn-wrong-partition`; role and provider are looked for in the cluster's;
- an ARN of another account, unless the user named it or the role was found there, is `arn-wrong-account`; then nothing
  is said of role and provider, for which account is meant is open;
- a role that isn't there has no trust policy to find fault with;
- the provider of a cluster that was created again isn't missing in addition: `cluster-recreated` says both.

An audience that isn't accepted has one id wherever it shows: `cn-audience` where somebody took China's host name for
it, else `audience-annotation` where the account asks for one of its own, else `client-id-missing` for the provider and
`aud-mismatch` for the trust policy.

https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
"""

from __future__ import annotations

import typing as t

from ... import arn as arns
from ...arn import STS_AUDIENCE
from ...policy import document as policy_document
from ...policy.document import as_list, statements
from ...service_account.annotations import is_role_arn
from ...trust import policy as trust_policy
from ..causes import Finding
from ..facts import AwsFacts, Chain, Json, Unknown
from . import trust as trust_rules
from . import trust_warnings
from .trust import CN_AUDIENCE
from .trust_facts import Refusal, Trust, drift

_SIZE_QUOTA = "AssumeRolePolicySizeQuota"
_AUDIENCE_ANNOTATION = "metadata.annotations[eks.amazonaws.com/audience]"


# What to read


def meant_arn(chain: Chain) -> arns.Arn | None:
    """The role's ARN as it was probably meant: less quotes and blanks around it; None if it can't be made out."""
    text = (chain.role_arn or "").strip(" \t\r\n'\"")
    return arns.Arn.parse(text) if is_role_arn(text) else None


def role_name(chain: Chain) -> str | None:
    """The name to ask GetRole for, which takes no path; None if the ARN names none."""
    arn = meant_arn(chain)
    return arn.resource.rpartition("/")[2] if arn else None


def provider_arn(chain: Chain) -> str | None:
    """The ARN that the cluster's OIDC provider has to have: in the role's account and in the cluster's partition.

    None where neither a role nor the cluster tells the account.
    """
    arn = meant_arn(chain)
    partition = chain.partition or (arn.partition if arn else None)
    account_id = arn.account_id if arn else chain.account_id
    return arns.provider_arn(partition, account_id, chain.issuer) if partition and account_id else None


# What is found


def findings(chain: Chain, aws: AwsFacts) -> list[Finding]:
    """All that is wrong with provider, role and trust policy, as far as the facts tell.

    What is Unknown among the facts gives no finding.
    """
    found = [*_arn(chain, aws)]
    if any(each.id == "arn-wrong-account" for each in found):
        return found
    found += _role(chain, aws)
    # Most trust policies say at a glance that nothing is wrong with them, and are looked at by the thousand.
    trust = None if _is_plain(chain, aws) else _trust(chain, aws)
    refused = trust_rules.refusal(trust) if trust else Refusal()
    found += refused.findings
    if not any(each.id == "cluster-recreated" for each in found):
        found += _provider(chain, aws)
    found += _audience(chain, aws, refused)
    if trust:
        found += trust_warnings.findings(trust, refused)
    found += _permissions(aws)
    return found


def static_allows(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether by these reads alone STS would let the account assume the role; None if they don't tell."""
    if not chain.role_arn:
        return None
    if not is_role_arn(chain.role_arn):
        return False
    if chain.partition and arns.Arn.parse(chain.role_arn).partition != chain.partition:
        return False
    if _is_elsewhere(chain, aws):
        # What was read is of the cluster's account.
        return None
    answers = (_provider_accepts(chain, aws), _role_accepts(chain, aws))
    if False in answers:
        return False
    return None if None in answers else True


def untold(chain: Chain, aws: AwsFacts) -> list[str]:
    """The conditions of the trust policy that only the real request can answer, in words.

    Where ``static_allows`` is None though role and provider are known, the answer turns on these.
    """
    trust = _trust(chain, aws)
    if trust is None:
        return []
    return [
        f"{trust.place(verdict.index)} has {each.operator} {each.key} {' or '.join(each.wanted)}"
        for verdict in trust.decision.verdicts
        if verdict.matched is None
        for each in verdict.unknown
    ]


def _provider_accepts(chain: Chain, aws: AwsFacts) -> bool | None:
    if isinstance(aws.provider, Unknown):
        return None
    return aws.provider is not None and chain.audience in aws.provider["ClientIDList"]


def _role_accepts(chain: Chain, aws: AwsFacts) -> bool | None:
    if isinstance(aws.role, Unknown):
        return None
    if aws.role is None:
        return False
    if _is_plain(chain, aws):
        return True
    trust = _trust(chain, aws)
    if trust is None:
        return None
    return trust.decision.allowed if trust.role_arn == chain.role_arn else False


# The ARN


def _arn(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    if not chain.role_arn:
        return
    arn = meant_arn(chain)
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
    arn = meant_arn(chain)
    if arn is None or chain.cross_account or chain.account_id in (None, arn.account_id):
        return False
    return isinstance(aws.role, Unknown) or aws.role is None or aws.role["Arn"] != str(arn)


# The role


def _role(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    arn, role = meant_arn(chain), aws.role
    if arn is None or isinstance(role, Unknown):
        return
    if role is None:
        cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"issuer: {chain.issuer}"
        yield Finding(
            "role-missing",
            f"there is no role {arn}",
            f"create it: eksops.irsa.irsa_role with name: {role_name(chain)}, {cluster}, service_accounts: "
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


def _is_plain(chain: Chain, aws: AwsFacts) -> bool:
    """Whether the role is the one that is named, and its trust policy lets the account in and needs no remark."""
    role = aws.role
    if isinstance(role, Unknown) or role is None or role["Arn"] != chain.role_arn:
        return False
    document = role["AssumeRolePolicyDocument"]
    # Where the quota is known the policy is so long that it matters.
    if not isinstance(document, dict) or not isinstance(aws.quotas, Unknown):
        return False
    found = arns.Arn.parse(role["Arn"])
    right = arns.provider_arn(found.partition, found.account_id, chain.issuer)
    subject = trust_policy.subject(chain.namespace, chain.service_account)
    return trust_policy.lets_in_plainly(document, right, subject, chain.audience)


def _trust(chain: Chain, aws: AwsFacts) -> Trust | None:
    """The trust policy of the role, if it is the one that is meant."""
    arn, role = meant_arn(chain), aws.role
    if arn is None or isinstance(role, Unknown) or role is None:
        return None
    found = arns.Arn.parse(role["Arn"])
    if found.account_id != arn.account_id:
        return None
    document = policy_document.parse(role["AssumeRolePolicyDocument"], f"the trust policy of role {role['RoleName']}")
    right = arns.provider_arn(found.partition, found.account_id, chain.issuer)
    drifted = () if isinstance(aws.provider, Unknown) or aws.provider else tuple(_lookalikes(right, aws))
    quota = None if isinstance(aws.quotas, Unknown) else aws.quotas.get(_SIZE_QUOTA)
    return Trust(chain, role["Arn"], right, document, drifted, quota)


# The provider


def _provider(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    right = provider_arn(chain)
    if right is None or isinstance(aws.provider, Unknown) or aws.provider is not None:
        return
    account_id = arns.Arn.parse(right).account_id
    create = f"eksops.irsa.iam_oidc_provider with url: {chain.issuer}"
    if chain.cluster and account_id == chain.account_id:
        create = f"eksops.irsa.iam_oidc_provider with cluster_name: {chain.cluster}"
    evidence = "iam:GetOpenIDConnectProvider answers NoSuchEntity"
    lookalike = next(_lookalikes(right, aws), None)
    if lookalike:
        what = drift(lookalike.partition(":oidc-provider/")[2], arns.provider_of(chain.issuer))
        yield Finding(
            "provider-url-drift",
            f"OIDC provider {lookalike} differs from the issuer {chain.issuer} in {what}",
            f"create the right one, for a URL can't be changed: {create}; let the roles trust that, then remove the "
            "other",
            evidence=evidence,
            expected=right,
            found=lookalike,
        )
    elif chain.account_id not in (None, account_id):
        yield Finding(
            "provider-wrong-account",
            f"account {account_id} of role {role_name(chain)} has no OIDC provider for {chain.issuer}; one in the "
            f"cluster's account {chain.account_id} doesn't count",
            f"create it with the credentials of account {account_id}: {create}",
            evidence=evidence,
            expected=right,
        )
    else:
        yield Finding(
            "provider-missing",
            f"account {account_id} has no OIDC provider for {chain.issuer}",
            f"create it: {create}",
            evidence=evidence,
            expected=right,
        )


def _lookalikes(right: str, aws: AwsFacts) -> t.Iterator[str]:
    """Providers of the same account whose URL is almost the issuer."""
    account, _kind, name = right.partition(":oidc-provider/")
    for each in [] if isinstance(aws.provider_arns, Unknown) else aws.provider_arns:
        of, _kind, other = each.partition(":oidc-provider/")
        if of == account and drift(other, name):
            yield each


# The audience


def _audience(chain: Chain, aws: AwsFacts, refused: Refusal) -> t.Iterator[Finding]:
    provider = None if isinstance(aws.provider, Unknown) else aws.provider
    client_ids = tuple(provider["ClientIDList"]) if provider else None
    lacking = client_ids is not None and chain.audience not in client_ids
    wanted = refused.audience.wanted if refused.audience else None
    if not lacking and wanted is None:
        return
    places = []
    if lacking:
        places.append(f"OIDC provider {provider_arn(chain)} accepts {_listed(client_ids or ())}")
    if wanted is not None:
        places.append(f"{refused.place} wants {_listed(wanted)}")
    account = f"service account {chain.namespace}/{chain.service_account}"
    said = (*((client_ids or ()) if lacking else ()), *(wanted or ()))
    if chain.audience == CN_AUDIENCE or (chain.audience == STS_AUDIENCE and CN_AUDIENCE in said):
        yield Finding(
            "cn-audience",
            f"tokens of {account} are issued for {chain.audience}, {'; '.join(places)}: in China too the audience is "
            f"{STS_AUDIENCE}",
            f"use {STS_AUDIENCE} as audience of the account (eksops.irsa.sa_annotate), in client_ids of "
            "eksops.irsa.iam_oidc_provider and audiences of eksops.irsa.irsa_role",
            evidence=", ".join(
                where
                for where, values in (
                    (_AUDIENCE_ANNOTATION, (chain.audience,)),
                    ("ClientIDList", client_ids or ()),
                    (refused.evidence, wanted or ()),
                )
                if CN_AUDIENCE in values
            ),
            expected=STS_AUDIENCE,
            found=CN_AUDIENCE,
        )
    elif chain.audience != STS_AUDIENCE:
        yield Finding(
            "audience-annotation",
            f"tokens of {account} are issued for {chain.audience}, {'; '.join(places)}",
            f"remove the account's annotation eks.amazonaws.com/audience, or have {chain.audience} in client_ids of "
            "eksops.irsa.iam_oidc_provider and in audiences of eksops.irsa.irsa_role",
            evidence=_AUDIENCE_ANNOTATION,
            expected=_listed(said),
            found=chain.audience,
        )
    else:
        if lacking:
            cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"url: {chain.issuer}"
            yield Finding(
                "client-id-missing",
                f"{places[0]}, tokens of {account} are issued for {chain.audience}",
                f"eksops.irsa.iam_oidc_provider with {cluster}, client_ids: [{chain.audience}]",
                evidence="ClientIDList",
                expected=chain.audience,
                found=_listed(client_ids or ()),
            )
        if refused.audience:
            yield Finding(
                "aud-mismatch",
                f"{refused.place}: aud is {chain.audience}, the policy wants {_listed(refused.audience.wanted)}",
                f"write {chain.audience} there, or eksops.irsa.irsa_role with audiences: [{chain.audience}]",
                evidence=refused.evidence,
                expected=chain.audience,
                found=_listed(refused.audience.wanted),
            )


def _listed(values: t.Iterable[str]) -> str:
    return ", ".join(values) or "nothing"


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
    """What the role has in place of permissions; None if it has some, or that isn't known."""
    if isinstance(aws.managed_policies, Unknown) or isinstance(aws.inline_policies, Unknown) or aws.managed_policies:
        return None
    if _allows_something(aws.inline_policies.values()):
        return None
    return "only inline policies that allow nothing" if aws.inline_policies else "no policy at all"


def _allows_something(documents: t.Iterable[Json]) -> bool:
    """Whether policies have an Allow, and no Deny of everything."""
    found = [each for document in documents for each in statements(document) if isinstance(each, dict)]
    denied = any(
        each.get("Effect") == "Deny"
        and "*" in as_list(each.get("Action"))
        and "*" in as_list(each.get("Resource"))
        and not each.get("Condition")
        for each in found
    )
    return not denied and any(each.get("Effect") == "Allow" for each in found)
