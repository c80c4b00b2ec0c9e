# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads of IAM tell about the cluster's OIDC provider, and about the audience of the account's tokens.

An audience that isn't accepted has one id wherever it shows: `cn-audience` where it is the host name of STS in China,
else `audience-annotation` where the account asks for another audience than the default, else `client-id-missing` for
the provider and `aud-mismatch` for the trust policy.

https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
"""

from __future__ import annotations

import typing as t

from ... import arn as arns
from ...arn import CN_AUDIENCE, STS_AUDIENCE
from ..causes import Finding
from ..facts import AwsFacts, Chain, Unknown
from .trust import Refusal

_AUDIENCE_ANNOTATION = "metadata.annotations[eks.amazonaws.com/audience]"


def accepts_audience(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether the provider exists and accepts the audience of the account's tokens; None if that is unknown."""
    if isinstance(aws.provider, Unknown):
        return None
    return aws.provider is not None and chain.audience in aws.provider["ClientIDList"]


def find_similar_providers(right: str, aws: AwsFacts) -> t.Iterator[str]:
    """The ARNs of providers of the same account whose URL is almost the issuer.

    :param right: the ARN of the cluster's provider.
    """
    account, _kind, name = right.partition(":oidc-provider/")
    for arn in [] if isinstance(aws.provider_arns, Unknown) else aws.provider_arns:
        its_account, _kind, other = arn.partition(":oidc-provider/")
        if its_account == account and arns.describe_url_difference(other, name):
            yield arn


def findings(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    """What is wrong with the provider: at most one finding."""
    right = chain.provider_arn
    if right is None or isinstance(aws.provider, Unknown) or aws.provider is not None:
        return
    account_id = arns.Arn.parse(right).account_id
    create = f"eksops.irsa.iam_oidc_provider with url: {chain.issuer}"
    if chain.cluster and account_id == chain.account_id:
        create = f"eksops.irsa.iam_oidc_provider with cluster_name: {chain.cluster}"
    evidence = "iam:GetOpenIDConnectProvider answers NoSuchEntity"
    similar = next(find_similar_providers(right, aws), None)
    if similar:
        what = arns.describe_provider_difference(similar, right)
        yield Finding(
            "provider-url-mismatch",
            f"OIDC provider {similar} differs from the issuer {chain.issuer} in {what}",
            f"create the right one, for a URL can't be changed: {create}; let the roles trust that, then remove the "
            "other",
            evidence=evidence,
            expected=right,
            found=similar,
        )
    elif chain.account_id not in (None, account_id):
        yield Finding(
            "provider-wrong-account",
            f"account {account_id} of role {chain.role_name} has no OIDC provider for {chain.issuer}; one in the "
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


def audience_findings(chain: Chain, aws: AwsFacts, refused: Refusal) -> t.Iterator[Finding]:
    """Where the audience of the account's tokens is not accepted: by the provider, the trust policy, or both.

    :param refused: why the trust policy refuses the account.
    """
    provider = None if isinstance(aws.provider, Unknown) else aws.provider
    client_ids = tuple(provider["ClientIDList"]) if provider else ()
    missing = provider is not None and chain.audience not in client_ids
    trusted = refused.audience.wanted if refused.audience else None
    if not missing and trusted is None:
        return
    places = []
    if missing:
        places.append(f"OIDC provider {chain.provider_arn} accepts {_listed(client_ids)}")
    if trusted is not None:
        places.append(f"{refused.place} wants {_listed(trusted)}")
    accepted = (*(client_ids if missing else ()), *(trusted or ()))
    tokens = f"tokens of service account {chain.namespace}/{chain.service_account} are issued for {chain.audience}"
    if chain.audience == CN_AUDIENCE or (chain.audience == STS_AUDIENCE and CN_AUDIENCE in accepted):
        yield _cn_audience(chain, client_ids, refused, f"{tokens}, {'; '.join(places)}")
    elif chain.audience != STS_AUDIENCE:
        yield Finding(
            "audience-annotation",
            f"{tokens}, {'; '.join(places)}",
            f"remove the account's annotation eks.amazonaws.com/audience, or have {chain.audience} in client_ids of "
            "eksops.irsa.iam_oidc_provider and in audiences of eksops.irsa.irsa_role",
            evidence=_AUDIENCE_ANNOTATION,
            expected=_listed(accepted),
            found=chain.audience,
        )
    else:
        if missing:
            cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"url: {chain.issuer}"
            yield Finding(
                "client-id-missing",
                f"{places[0]}, {tokens}",
                f"eksops.irsa.iam_oidc_provider with {cluster}, client_ids: [{chain.audience}]",
                evidence="ClientIDList",
                expected=chain.audience,
                found=_listed(client_ids),
            )
        if trusted is not None:
            yield Finding(
                "aud-mismatch",
                f"{refused.place}: aud is {chain.audience}, the policy wants {_listed(trusted)}",
                f"write {chain.audience} there, or eksops.irsa.irsa_role with audiences: [{chain.audience}]",
                evidence=refused.evidence,
                expected=chain.audience,
                found=_listed(trusted),
            )


def _cn_audience(chain: Chain, client_ids: t.Sequence[str], refused: Refusal, message: str) -> Finding:
    trusted = refused.audience.wanted if refused.audience else ()
    places = ((_AUDIENCE_ANNOTATION, (chain.audience,)), ("ClientIDList", client_ids), (refused.evidence, trusted))
    return Finding(
        "cn-audience",
        f"{message}: in China too the audience is {STS_AUDIENCE}",
        f"use {STS_AUDIENCE} as audience of the account (eksops.irsa.sa_annotate), in client_ids of "
        "eksops.irsa.iam_oidc_provider and audiences of eksops.irsa.irsa_role",
        evidence=", ".join(place for place, audiences in places if CN_AUDIENCE in audiences),
        expected=STS_AUDIENCE,
        found=CN_AUDIENCE,
    )


def _listed(values: t.Iterable[str]) -> str:
    return ", ".join(values) or "nothing"
