# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with the cluster's OIDC provider, and with the audiences that provider and trust policy accept.

An audience that is not accepted has one id wherever it shows: `cn-audience` if China's host name was used for it, else
`audience-annotation` if the account asks for another audience, else `client-id-missing` for the provider and
`aud-mismatch` for the trust policy.
"""

from __future__ import annotations

import typing as t

from ... import arn as arns
from ..findings import AwsFacts, Chain, Finding, Unknown
from .trust import Refusal

_AUDIENCE_ANNOTATION = "metadata.annotations[eks.amazonaws.com/audience]"


def missing(chain: Chain, aws: AwsFacts, *, expected: str | None, role_name: str | None) -> t.Iterator[Finding]:
    """Why the account does not have the provider; nothing if it has, or that is unknown.

    :param expected: the ARN that the provider must have; None if that is unknown.
    """
    if expected is None or isinstance(aws.provider, Unknown) or aws.provider is not None:
        return
    account_id = arns.Arn.parse(expected).account_id
    create = f"eksops.irsa.iam_oidc_provider with url: {chain.issuer}"
    if chain.cluster and account_id == chain.account_id:
        create = f"eksops.irsa.iam_oidc_provider with cluster_name: {chain.cluster}"
    evidence = "iam:GetOpenIDConnectProvider answers NoSuchEntity"
    lookalike = next(iter(lookalikes(expected, aws)), None)
    if lookalike:
        what = arns.describe_provider_difference(lookalike, expected)
        yield Finding(
            "provider-url-drift",
            f"OIDC provider {lookalike} differs from the issuer {chain.issuer} in {what}",
            f"create the right one, for a URL can't be changed: {create}; let the roles trust that, then remove the "
            "other",
            evidence=evidence,
            expected=expected,
            found=lookalike,
        )
    elif chain.account_id not in (None, account_id):
        yield Finding(
            "provider-wrong-account",
            f"account {account_id} of role {role_name} has no OIDC provider for {chain.issuer}; one in the "
            f"cluster's account {chain.account_id} doesn't count",
            f"create it with the credentials of account {account_id}: {create}",
            evidence=evidence,
            expected=expected,
        )
    else:
        yield Finding(
            "provider-missing",
            f"account {account_id} has no OIDC provider for {chain.issuer}",
            f"create it: {create}",
            evidence=evidence,
            expected=expected,
        )


def lookalikes(expected: str, aws: AwsFacts) -> list[str]:
    """Providers of the same account whose URL is almost the issuer."""
    arns_of_account = () if isinstance(aws.provider_arns, Unknown) else aws.provider_arns
    return [arn for arn in arns_of_account if arns.describe_provider_difference(arn, expected)]


def audience(chain: Chain, aws: AwsFacts, refused: Refusal, *, expected: str | None) -> t.Iterator[Finding]:
    """Where the audience of the account's tokens is not accepted: by the provider, by the trust policy or by both.

    :param expected: the ARN that the provider must have.
    :param refused: why the trust policy does not allow the account.
    """
    provider = None if isinstance(aws.provider, Unknown) else aws.provider
    client_ids = tuple(provider["ClientIDList"]) if provider else None
    lacking = client_ids is not None and chain.audience not in client_ids
    wanted = refused.audience.wanted if refused.audience else None
    if not lacking and wanted is None:
        return
    places = []
    if lacking:
        places.append(f"OIDC provider {expected} accepts {_listed(client_ids or ())}")
    if wanted is not None:
        places.append(f"{refused.place} wants {_listed(wanted)}")
    account = f"service account {chain.namespace}/{chain.service_account}"
    named = (*((client_ids or ()) if lacking else ()), *(wanted or ()))
    if chain.audience == arns.CN_AUDIENCE or (chain.audience == arns.STS_AUDIENCE and arns.CN_AUDIENCE in named):
        yield Finding(
            "cn-audience",
            f"tokens of {account} are issued for {chain.audience}, {'; '.join(places)}: in China too the audience is "
            f"{arns.STS_AUDIENCE}",
            f"use {arns.STS_AUDIENCE} as audience of the account (eksops.irsa.sa_annotate), in client_ids of "
            "eksops.irsa.iam_oidc_provider and audiences of eksops.irsa.irsa_role",
            evidence=", ".join(
                where
                for where, values in (
                    (_AUDIENCE_ANNOTATION, (chain.audience,)),
                    ("ClientIDList", client_ids or ()),
                    (refused.evidence, wanted or ()),
                )
                if arns.CN_AUDIENCE in values
            ),
            expected=arns.STS_AUDIENCE,
            found=arns.CN_AUDIENCE,
        )
    elif chain.audience != arns.STS_AUDIENCE:
        yield Finding(
            "audience-annotation",
            f"tokens of {account} are issued for {chain.audience}, {'; '.join(places)}",
            f"remove the account's annotation eks.amazonaws.com/audience, or have {chain.audience} in client_ids of "
            "eksops.irsa.iam_oidc_provider and in audiences of eksops.irsa.irsa_role",
            evidence=_AUDIENCE_ANNOTATION,
            expected=_listed(named),
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
