# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the answer of STS.

For most refusals STS does not report the cause. A refusal without a known cause is a finding only if no error about
provider or role explains it.

The errors: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
"""

from __future__ import annotations

import typing as t

from ...arn import provider_of
from ..causes import Finding
from ..facts import AwsFacts, Chain, StsAnswer, Unknown, name_of
from .role import undecidable_conditions

RefusalKind = t.Literal[
    "denied", "no-provider", "audience", "thumbprint", "unreachable", "region", "expired", "malformed", "other"
]

# The links whose errors explain a refusal.
_EXPLAINING = ("provider", "role")
# The regions in which STS is active by default: by prefix, the highest number. For example, eu-west: 3 is eu-west-1 to
# eu-west-3. All newer regions are opt-in:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html
_ALWAYS_ON = {
    "us-east": 2,
    "us-west": 2,
    "ca-central": 1,
    "sa-east": 1,
    "eu-central": 1,
    "eu-west": 3,
    "eu-north": 1,
    "ap-south": 1,
    "ap-northeast": 3,
    "ap-southeast": 2,
}
_REGION_DISABLED = "RegionDisabledException"
_NO_COMMUNICATION = "IDPCommunicationError"


def classify_refusal(answer: StsAnswer) -> RefusalKind | None:
    """The kind of a refusal; None if the role was assumed."""
    if answer.code is None:
        return None
    code, message = answer.code, answer.message or ""
    if code == _REGION_DISABLED:
        return "region"
    if code == _NO_COMMUNICATION or (code.startswith("InvalidIdentityToken") and "verification key" in message):
        return "unreachable"
    if code.startswith("InvalidIdentityToken"):
        kinds: tuple[tuple[str, RefusalKind], ...] = (
            ("thumbprint", "thumbprint"),
            ("No OpenIDConnect provider", "no-provider"),
            ("audience", "audience"),
        )
        return next((kind for text, kind in kinds if text in message), "other")
    if code.startswith("ExpiredToken"):
        return "expired"
    if code.startswith("AccessDenied"):
        return "denied"
    return "malformed" if "ARN is invalid" in message else "other"


def transient_cause(answer: StsAnswer, *, allowed: bool | None) -> t.Literal["propagation", "outage"] | None:
    """Why the answer of STS may change soon; None if it is final.

    A change in IAM reaches STS after seconds, rarely minutes:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency
    IDPCommunicationError is final, because botocore has already retried.

    :param allowed: whether STS should accept the service account according to IAM; None if that is unknown.
    """
    refusal = classify_refusal(answer)
    if refusal == "unreachable":
        return None if answer.code == _NO_COMMUNICATION else "outage"
    return "propagation" if allowed and refusal in ("denied", "no-provider", "audience") else None


def origin_conditions(chain: Chain, aws: AwsFacts, answer: StsAnswer, *, allowed: bool | None) -> list[str]:
    """The conditions of the trust policy that may refuse this request although they would accept a pod's.

    They depend on where a request comes from or on its session, such as ``aws:SourceIp``, ``aws:SourceVpc`` and
    ``sts:RoleSessionName``. Only a pod can show whether they hold there.

    :returns: none if the refusal has another cause.
    """
    is_read = not isinstance(aws.role, Unknown) and not isinstance(aws.provider, Unknown)
    if allowed is not None or not is_read or classify_refusal(answer) != "denied":
        return []
    return undecidable_conditions(chain, aws)


def findings(
    chain: Chain,
    aws: AwsFacts,
    answer: StsAnswer,
    *,
    allowed: bool | None,
    earlier: t.Iterable[Finding],
    is_from_pod: bool = False,
) -> list[Finding]:
    """The findings about the answer of STS.

    :param allowed: whether STS should accept the service account according to IAM; None if that is unknown.
    :param earlier: the findings about provider and role.
    :param is_from_pod: whether a pod of the service account sent the request.
    """
    refusal = classify_refusal(answer)
    if refusal is None:
        return [_propagated(chain, answer)] if answer.first else []
    origin = origin_conditions(chain, aws, answer, allowed=allowed)
    if origin:
        return [_unmet(chain, answer, origin)] if is_from_pod else []
    explained = any(finding.link in _EXPLAINING and finding.severity == "error" for finding in earlier)
    named = _named_cause(chain, aws, answer, refusal)
    if named is not None and (not explained or refusal in ("thumbprint", "unreachable", "region", "expired")):
        return [named]
    return [] if explained else [_refused(chain, aws, answer, allowed=allowed)]


def account_name(chain: Chain) -> str:
    """The service account in a message: ``service account shop/cart``."""
    return f"service account {name_of(chain)}"


def _evidence(answer: StsAnswer) -> str:
    where = f"STS in {answer.region}" if answer.region else "STS"
    return f"{where}: {answer.code}: {answer.message}"


def _named_cause(chain: Chain, aws: AwsFacts, answer: StsAnswer, refusal: RefusalKind) -> Finding | None:
    """The finding for a refusal whose message names the cause; else None."""
    is_known = not isinstance(aws.provider, Unknown) and aws.provider is not None
    if refusal == "region" or (refusal == "no-provider" and is_known and _is_opt_in(chain, answer.region)):
        return _region_disabled(chain, answer)
    if refusal in ("no-provider", "audience") and is_known:
        return None
    rule = _RULES.get(refusal)
    return rule(chain, answer) if rule else None


def _region_disabled(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "sts-region-disabled",
        f"STS is not active in region {answer.region} for the AWS account of role {chain.role_arn}",
        f"activate STS for {answer.region} in that AWS account (IAM, Account settings), and enable the region first if "
        "it is not enabled",
        evidence=_evidence(answer),
    )


def _provider_of(chain: Chain) -> str:
    return chain.provider_arn or provider_of(chain.issuer)


def _thumbprint(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "thumbprint",
        f"OIDC provider {_provider_of(chain)} has no thumbprint of the CA certificate that signed the issuer's TLS "
        "certificate",
        "set the SHA-1 digest of the CA certificate with thumbprints of eksops.irsa.iam_oidc_provider; an issuer with "
        "a certificate of a public CA needs none",
        evidence=_evidence(answer),
    )


def _unreachable(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "jwks-unreachable",
        f"STS could not fetch the keys of the issuer {chain.issuer}",
        f"run again in a minute; if it fails again, check that {chain.issuer}/.well-known/openid-configuration and its "
        "jwks_uri respond on the internet, within seconds and over TLS with a certificate of a public CA",
        evidence=_evidence(answer),
    )


def _expired(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "token-expired",
        f"STS rejects a fresh token of {account_name(chain)} as expired",
        "correct the clocks of the API servers",
        evidence=_evidence(answer),
    )


def _no_provider(chain: Chain, answer: StsAnswer) -> Finding:
    role = chain.intended_role_arn
    elsewhere = role is not None and chain.account_id not in (None, role.account_id)
    note = f"; STS does not use the provider in the cluster's AWS account {chain.account_id}" if elsewhere else ""
    return Finding(
        "provider-wrong-account" if elsewhere else "provider-missing",
        f"the AWS account of role {chain.role_arn} has no OIDC provider for the issuer {chain.issuer}{note}",
        f"create {_provider_of(chain)} with eksops.irsa.iam_oidc_provider (url: {chain.issuer}) and credentials of "
        "that AWS account",
        evidence=_evidence(answer),
        expected=_provider_of(chain),
    )


def _audience(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "client-id-missing",
        f"OIDC provider {_provider_of(chain)} does not accept the audience {chain.audience}",
        f"add it with eksops.irsa.iam_oidc_provider (url: {chain.issuer}, client_ids: [{chain.audience}]) and "
        "credentials of that AWS account",
        evidence=_evidence(answer),
        expected=chain.audience,
    )


def _malformed(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "arn-malformed",
        f"STS rejects {chain.role_arn!r}: not a valid role ARN",
        "use the ARN as IAM returns it: arn:PARTITION:iam::ACCOUNT:role/PATH/NAME",
        evidence=_evidence(answer),
        found=chain.role_arn,
    )


_RULES: t.Mapping[str, t.Callable[[Chain, StsAnswer], Finding]] = {
    "thumbprint": _thumbprint,
    "unreachable": _unreachable,
    "expired": _expired,
    "no-provider": _no_provider,
    "audience": _audience,
    "malformed": _malformed,
}


def _is_opt_in(chain: Chain, region: str | None) -> bool:
    """Whether the region is an opt-in region."""
    role = chain.intended_role_arn
    partition = role.partition if role else chain.partition
    if partition != "aws" or region is None:
        return False
    geography, _dash, number = region.rpartition("-")
    return int(number or 0) > _ALWAYS_ON.get(geography, 0)


def _refused(chain: Chain, aws: AwsFacts, answer: StsAnswer, *, allowed: bool | None) -> Finding:
    """The finding for a refusal that no other finding explains."""
    evidence = _evidence(answer)
    is_read = not isinstance(aws.role, Unknown) and not isinstance(aws.provider, Unknown)
    if allowed or is_read:
        after = f", even after {answer.waited:.0f} seconds" if answer.settled and answer.waited else ""
        unsettled = "" if answer.settled else "; if it was changed in the last two minutes, run again"
        return Finding(
            "denied-elsewhere",
            f"the trust policy of role {chain.role_arn} allows {account_name(chain)}, but STS rejects it{after}",
            "ask the administrators of the AWS organization for a service control policy or resource control policy "
            f"that denies sts:AssumeRoleWithWebIdentity for {_account_of(chain)}; CloudTrail of that account has the "
            f"event{unsettled}",
            evidence=evidence,
        )
    reason = next((fact.reason for fact in (aws.role, aws.provider) if isinstance(fact, Unknown)), None)
    why = f": {reason}" if reason else ""
    return Finding(
        "denied-unexplained",
        f"STS rejects {account_name(chain)} for role {chain.role_arn}, and the cause could not be read from IAM{why}",
        f"run again with the probe static and credentials of {_account_of(chain)} that allow iam:GetRole and "
        "iam:GetOpenIDConnectProvider",
        evidence=evidence,
    )


def _unmet(chain: Chain, answer: StsAnswer, conditions: t.Sequence[str]) -> Finding:
    return Finding(
        "denied-unexplained",
        f"STS rejects {account_name(chain)} for role {chain.role_arn} in a pod too; its trust policy has conditions "
        f"that depend on the request: {'; '.join(conditions)}",
        f"compare the conditions with the event AssumeRoleWithWebIdentity in CloudTrail of {_account_of(chain)}, and "
        "correct them",
        evidence=_evidence(answer),
    )


def _account_of(chain: Chain) -> str:
    arn = chain.intended_role_arn
    return f"AWS account {arn.account_id}" if arn else "the role's AWS account"


def _propagated(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "propagation",
        f"STS accepted {account_name(chain)} for role {chain.role_arn} only after {answer.waited:.0f} seconds",
        "no action is needed if the provider or the role was just changed: a change takes up to two minutes; otherwise "
        "run again and check whether it happens again",
        evidence=f"{answer.attempts} requests, the first returned {answer.first}",
    )
