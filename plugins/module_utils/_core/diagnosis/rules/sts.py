# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What STS's answer, and the log of a test pod, tell about a chain.

STS says little on purpose, so an answer is read only for what reads of IAM can't tell; a refusal that a finding about
provider or role explains is no finding of its own.

The errors: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html#API_AssumeRoleWithWebIdentity_Errors
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ...arn import Arn, provider_of
from ..findings import AwsFacts, Chain, Finding, StsAnswer, TestPod, Unknown
from .role import intended_role_arn, provider_arn, undecidable_conditions

Refusal = t.Literal[
    "denied", "no-provider", "audience", "thumbprint", "unreachable", "region", "expired", "malformed", "other"
]

# Links whose errors are why STS refuses.
_EXPLAINING = ("provider", "role")
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_enable-regions.html: in these regions STS is
# active unless somebody deactivates it, those of a geography up to this number. All later ones are off until an account
# opts in, so no more come here.
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
# https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts-minimum-sdk.html
_OLDEST = {
    "aws-cli": ("AWS CLI", {1: (1, 16, 232)}),
    "boto3": ("Boto3", {1: (1, 9, 220)}),
    "botocore": ("botocore", {1: (1, 12, 200)}),
    "aws-sdk-go": ("AWS SDK for Go", {1: (1, 23, 13)}),
    "aws-sdk-java": ("AWS SDK for Java", {2: (2, 10, 11)}),
    "aws-sdk-nodejs": ("AWS SDK for JavaScript", {2: (2, 525, 0)}),
    "aws-sdk-js": ("AWS SDK for JavaScript", {2: (2, 525, 0), 3: (3, 27, 0)}),
    "aws-sdk-ruby3": ("AWS SDK for Ruby", {3: (3, 58, 0)}),
    "aws-sdk-php": ("AWS SDK for PHP", {3: (3, 110, 7)}),
    "aws-sdk-cpp": ("AWS SDK for C++", {1: (1, 7, 174)}),
}
# As in user agents, `aws --version` and lists of packages: boto3/1.9.1, boto3==1.9.1, boto3 1.9.1.
_VERSION = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(map(re.escape, _OLDEST), key=len, reverse=True))})(?:/|==|@| +)v?(\d+(?:\.\d+)+)",
    re.IGNORECASE,
)
_CALLER = re.compile(r"arn:aws[a-z0-9-]*:(?:sts|iam)::\d{12}:(?:assumed-role|user|federated-user|root)[\w+=,.@/-]*")
# As the CLI and boto3 print an error of STS, and as the SDKs for Go and Java do.
_PRINTED = (
    re.compile(r"\((\w+)\) when calling the AssumeRoleWithWebIdentity operation(?: \([^)]*\))?: ([^\n]+)"),
    re.compile(r"AssumeRoleWithWebIdentity, [^\n]*api error (\w+): ([^\n]+)"),
    re.compile(r"WebIdentityErr: [^\n]*caused by: (\w+): ([^\n]+)"),
)
_REGION_DISABLED = "RegionDisabledException"
_NO_COMMUNICATION = "IDPCommunicationError"


def read(answer: StsAnswer) -> Refusal | None:
    """What kind of refusal an answer is; None where the role was assumed."""
    if answer.code is None:
        return None
    code, message = answer.code, answer.message or ""
    if code == _REGION_DISABLED:
        return "region"
    if code == _NO_COMMUNICATION or (code.startswith("InvalidIdentityToken") and "verification key" in message):
        return "unreachable"
    if code.startswith("InvalidIdentityToken"):
        kinds: tuple[tuple[str, Refusal], ...] = (
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


def may_pass(answer: StsAnswer, *, allowed: bool | None) -> t.Literal["propagation", "outage"] | None:
    """Whether it is worth asking STS again, and why. botocore itself has gone on asking after IDPCommunicationError.

    A change of IAM takes seconds to reach STS, seldom minutes, so what IAM says counts only once STS says so too:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency

    :param allowed: what reads of IAM say; None if they don't tell.
    """
    refusal = read(answer)
    if refusal == "unreachable":
        return None if answer.code == _NO_COMMUNICATION else "outage"
    return "propagation" if allowed and refusal in ("denied", "no-provider", "audience") else None


def findings(
    chain: Chain, aws: AwsFacts, answer: StsAnswer, *, allowed: bool | None, earlier: t.Iterable[Finding]
) -> list[Finding]:
    """What STS's answer tells.

    :param allowed: what reads of IAM say; None if they don't tell.
    :param earlier: the findings about provider and role.
    """
    refusal = read(answer)
    if refusal is None:
        return [_propagated(chain, answer)] if answer.first else []
    explained = any(each.link in _EXPLAINING and each.severity == "error" for each in earlier)
    told = _told_by_sts(chain, aws, answer, refusal)
    if told is not None and (not explained or refusal in ("thumbprint", "unreachable", "region", "expired")):
        return [told]
    return [] if explained else [_refused(chain, aws, answer, allowed=allowed)]


def _who(chain: Chain) -> str:
    return f"service account {chain.namespace}/{chain.service_account}"


def _evidence(answer: StsAnswer) -> str:
    where = f"STS in {answer.region}" if answer.region else "STS"
    return f"{where}: {answer.code}: {answer.message}"


def _told_by_sts(chain: Chain, aws: AwsFacts, answer: StsAnswer, refusal: Refusal) -> Finding | None:
    """The finding for a refusal that names its cause."""
    evidence = _evidence(answer)
    provider = provider_arn(chain) or provider_of(chain.issuer)
    known = not isinstance(aws.provider, Unknown) and aws.provider is not None
    if refusal == "region" or (refusal == "no-provider" and known and _is_opted_into(chain, answer.region)):
        return Finding(
            "sts-region-disabled",
            f"STS does not serve the account of role {chain.role_arn} in region {answer.region}",
            f"activate STS for {answer.region} in that account (IAM, Account settings), and the region itself if the "
            "account hasn't opted into it",
            evidence=evidence,
        )
    if refusal == "thumbprint":
        return Finding(
            "thumbprint",
            f"the OIDC provider {provider} has no thumbprint that fits the issuer's certificate",
            "give eksops.irsa.iam_oidc_provider the issuer's thumbprint in thumbprints; an issuer whose certificate "
            "comes from a public CA needs none",
            evidence=evidence,
        )
    if refusal == "unreachable":
        return Finding(
            "jwks-unreachable",
            f"STS could not fetch the keys of issuer {chain.issuer}",
            f"run again in a minute; if it stays so, see that {chain.issuer}/keys answers from the internet, within "
            "seconds and over TLS that a public CA vouches for",
            evidence=evidence,
        )
    if refusal == "expired":
        return Finding(
            "token-expired",
            f"STS takes a token of {_who(chain)} that was just issued for expired",
            "set the clocks of the API servers right",
            evidence=evidence,
        )
    if refusal == "no-provider" and not known:
        role = intended_role_arn(chain)
        elsewhere = role is not None and chain.account_id not in (None, role.account_id)
        note = f"; one in the cluster's account {chain.account_id} doesn't count" if elsewhere else ""
        return Finding(
            "provider-wrong-account" if elsewhere else "provider-missing",
            f"the account of role {chain.role_arn} has no OIDC provider for issuer {chain.issuer}{note}",
            f"create {provider} with eksops.irsa.iam_oidc_provider (url: {chain.issuer}), with credentials of that "
            "account",
            evidence=evidence,
            expected=provider,
        )
    if refusal == "audience" and not known:
        return Finding(
            "client-id-missing",
            f"the OIDC provider {provider} does not accept the audience {chain.audience}",
            f"add {chain.audience} to client_ids with eksops.irsa.iam_oidc_provider, with credentials of that account",
            evidence=evidence,
            expected=chain.audience,
        )
    if refusal == "malformed":
        return Finding(
            "arn-malformed",
            f"STS takes {chain.role_arn!r} for no ARN of a role",
            "give it as AWS shows it, arn:PARTITION:iam::ACCOUNT:role/PATH/NAME",
            evidence=evidence,
            found=chain.role_arn,
        )
    return None


def _is_opted_into(chain: Chain, region: str | None) -> bool:
    """Whether STS is off in the region for accounts that have not opted into it."""
    role = intended_role_arn(chain)
    partition = role.partition if role else chain.partition
    if partition != "aws" or region is None:
        return False
    geography, _dash, number = region.rpartition("-")
    return int(number or 0) > _ALWAYS_ON.get(geography, 0)


def _refused(chain: Chain, aws: AwsFacts, answer: StsAnswer, *, allowed: bool | None) -> Finding:
    """The finding for a refusal that nothing explains."""
    evidence = _evidence(answer)
    seen = not isinstance(aws.role, Unknown) and not isinstance(aws.provider, Unknown)
    if allowed or seen:
        on = (
            ""
            if allowed
            else f" on conditions that only AWS can judge ({'; '.join(undecidable_conditions(chain, aws))})"
        )
        after = f", also after {answer.waited:.0f} seconds" if answer.settled and answer.waited else ""
        unsettled = "" if answer.settled else "; if it changed in the last two minutes, run again"
        return Finding(
            "denied-elsewhere",
            f"the trust policy of role {chain.role_arn} lets {_who(chain)} in{on}, but STS refuses it{after}",
            "ask the organisation's administrators for a service control or resource control policy that denies "
            f"sts:AssumeRoleWithWebIdentity for {_account_of(chain)}; CloudTrail there has the event{unsettled}",
            evidence=evidence,
        )
    reason = next((each.reason for each in (aws.role, aws.provider) if isinstance(each, Unknown)), None)
    why = f": {reason}" if reason else ""
    return Finding(
        "denied-unexplained",
        f"STS refuses to let {_who(chain)} act as role {chain.role_arn}, and IAM could not be asked for the cause{why}",
        f"run it with the probe static and credentials of {_account_of(chain)} that may iam:GetRole and "
        "iam:GetOpenIDConnectProvider",
        evidence=evidence,
    )


def _account_of(chain: Chain) -> str:
    arn = intended_role_arn(chain)
    return f"account {arn.account_id}" if arn else "the role's account"


def _propagated(chain: Chain, answer: StsAnswer) -> Finding:
    return Finding(
        "propagation",
        f"STS let {_who(chain)} act as role {chain.role_arn} only after {answer.waited:.0f} seconds",
        "nothing, if provider or role changed a moment ago: such a change takes up to two minutes; otherwise run again "
        "and see whether it stays so",
        evidence=f"{answer.attempts} tries, the first answered {answer.first}",
    )


# The test pod


def caller_in(log: str) -> str | None:
    """The ARN of the caller that a log shows, as ``aws sts get-caller-identity`` prints it; None if it shows none."""
    found = _CALLER.search(log)
    return found[0] if found else None


def is_role(caller_arn: str, role: Arn) -> bool:
    """Whether a caller acts as the role. A session's ARN has the role's name without its path."""
    caller = Arn.parse(caller_arn)
    kind, _slash, rest = caller.resource.partition("/")
    return (
        kind == "assumed-role"
        and (caller.partition, caller.account_id) == (role.partition, role.account_id)
        and rest.partition("/")[0] == role.resource.rpartition("/")[2]
    )


def old_sdks(log: str) -> list[tuple[str, str, str]]:
    """The SDKs in a log that don't know of web identities: name, version, and the oldest version that does."""
    found = {}
    for match in _VERSION.finditer(log):
        name, oldest = _OLDEST[match[1].lower()]
        version = tuple(int(part) for part in match[2].split(".")[:3])
        least = oldest.get(version[0])
        if least and version < least:
            found[name, match[2]] = ".".join(map(str, least))
    return [(name, version, least) for (name, version), least in found.items()]


def printed_refusal(log: str) -> StsAnswer | None:
    """The refusal by STS that a log shows; None if it shows none."""
    for pattern in _PRINTED:
        found = pattern.search(log)
        if found:
            return StsAnswer({}, code=found[1], message=found[2].strip())
    return None


def pod_findings(
    chain: Chain,
    aws: AwsFacts,
    pod: TestPod,
    *,
    allowed: bool | None,
    asked: bool,
    earlier: t.Sequence[Finding],
) -> list[Finding]:
    """What the test pod's log tells.

    :param asked: whether STS has answered the token probe, so that what it said isn't said again.
    :param earlier: all other findings.
    """
    name = f"the test pod of {_who(chain)}"
    refusal = printed_refusal(pod.log)
    if refusal:
        if read(refusal) == "expired":
            return [_expired(name, refusal)]
        if asked and read(refusal) != "region":
            return []
        if any(each.id == "sts-region-disabled" for each in earlier):
            return []
        answer = dataclasses.replace(refusal, region=chain.region)
        return findings(chain, aws, answer, allowed=allowed, earlier=earlier)
    if caller_in(pod.log) is None and _is_expired(pod.log):
        return [_expired(name, None)]
    role = intended_role_arn(chain)
    if pod.caller_arn is None:
        return _too_old(name, pod)
    if role is None or is_role(pod.caller_arn, role):
        return []
    if old := _too_old(name, pod):
        return old
    if any(_explains(each) for each in earlier):
        return []
    session = pod.caller_arn.rpartition("/")[2]
    whose = "the node's role" if re.fullmatch(r"i-[0-9a-f]{8,17}", session) else "another identity"
    cause = (
        "its container has the webhook's variables, so its SDK passes over them: see that it is recent and that the "
        "code names no credentials of its own"
        if pod.injected
        else "its container lacks the webhook's variables: see that the pod identity webhook handles new pods here"
    )
    return [
        Finding(
            "imds-fallback",
            f"{name} acts as {whose}, {pod.caller_arn}",
            cause,
            evidence="aws sts get-caller-identity in the test pod",
            expected=chain.role_arn,
            found=pod.caller_arn,
        )
    ]


def _explains(finding: Finding) -> bool:
    """Whether a finding is why a pod acts as somebody else."""
    return finding.severity == "error" or finding.id in ("pod-identity-wins", "skip-containers")


def _is_expired(log: str) -> bool:
    return re.search(r"\bExpiredToken(Exception)?\b", log) is not None


def _expired(name: str, refusal: StsAnswer | None) -> Finding:
    return Finding(
        "token-expired",
        f"{name} showed AWS a token that had expired",
        "have the program read the file of AWS_WEB_IDENTITY_TOKEN_FILE again each time, as current SDKs do: the "
        "kubelet renews it",
        evidence=f"log: {refusal.code}: {refusal.message}" if refusal else "log: ExpiredToken",
    )


def _too_old(name: str, pod: TestPod) -> list[Finding]:
    """The finding for an SDK that passes over the webhook's variables."""
    old = old_sdks(pod.log) if pod.injected else []
    if not old:
        return []
    sdk, version, least = old[0]
    return [
        Finding(
            "sdk-too-old",
            f"{name} has the webhook's variables, but {sdk} {version} does not know them",
            f"upgrade {sdk} to {least} or later in the image",
            evidence=f"log: {sdk} {version}",
            expected=least,
            found=version,
        )
    ]
