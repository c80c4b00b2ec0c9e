# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS's answers, word for word, and the findings that follow."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import (
    AwsFacts,
    Chain,
    StsAnswer,
    Unknown,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import sts as sts_rules
from unit.chain_objects import AWS, CHAIN, ROLE
from unit.chain_objects import AWS_READ as READ

DENIED = ("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
NO_PROVIDER = ("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {CHAIN.issuer}")
AUDIENCE = ("InvalidIdentityToken", "Incorrect token audience")
THUMBPRINT = (
    "InvalidIdentityToken",
    "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
)
NO_KEY = (
    "InvalidIdentityToken",
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements",
)
IDP = ("IDPCommunicationError", "The web identity token could not be verified: the provider did not answer in time")
REGION = (
    "RegionDisabledException",
    "STS is not activated in this region for account:123456789012. Your account administrator can activate STS in this "
    "region using the IAM Console.",
)
EXPIRED = ("ExpiredTokenException", "Token expired: current date/time 2 must be before the expiration date/time 1")
MALFORMED = ("ValidationError", "Request ARN is invalid")
OTHER = ("PackedPolicyTooLarge", "Packed policy consumes 101% of allotted space, please use smaller policy.")

ELSEWHERE = dataclasses.replace(CHAIN, role_arn=ROLE.replace("123456789012", "210987654321"), cross_account=True)
FAR = dataclasses.replace(CHAIN, region="af-south-1")


def answer(refusal: tuple[str, str] | None = None, **fields: t.Any) -> StsAnswer:
    code, message = refusal or (None, None)
    return StsAnswer({"iss": CHAIN.issuer}, code, message, **{"region": CHAIN.region, **fields})


def finding(finding_id: str) -> Finding:
    return Finding(finding_id, "something is wrong", "mend it")


def ids(found: t.Iterable[Finding]) -> list[str]:
    return [each.id for each in found]


CASES = [
    # The answer, what IAM allows and what was read there, what is known already, what is found.
    pytest.param(answer(), True, READ, [], CHAIN, [], id="assumed"),
    pytest.param(
        answer(attempts=3, waited=7.0, first="AccessDenied"), True, READ, [], CHAIN, ["propagation"], id="late"
    ),
    pytest.param(answer(DENIED), True, READ, [], CHAIN, ["denied-elsewhere"], id="allowed-and-denied"),
    pytest.param(answer(DENIED), None, READ, [], CHAIN, ["denied-elsewhere"], id="depends-and-denied"),
    pytest.param(answer(DENIED), None, AWS, [], CHAIN, ["denied-unexplained"], id="unread-and-denied"),
    pytest.param(answer(DENIED), False, READ, ["sub-mismatch"], CHAIN, [], id="explained-by-the-role"),
    pytest.param(answer(DENIED), False, READ, ["provider-missing"], CHAIN, [], id="explained-by-the-provider"),
    pytest.param(
        answer(DENIED), True, READ, ["trust-too-broad"], CHAIN, ["denied-elsewhere"], id="no-warning-explains"
    ),
    pytest.param(
        answer(DENIED), True, READ, ["annotation-missing"], CHAIN, ["denied-elsewhere"], id="no-annotation-explains"
    ),
    pytest.param(answer(OTHER), True, READ, [], CHAIN, ["denied-elsewhere"], id="another-error"),
    pytest.param(answer(OTHER), None, AWS, [], CHAIN, ["denied-unexplained"], id="another-error-unread"),
    pytest.param(answer(THUMBPRINT), True, READ, [], CHAIN, ["thumbprint"], id="thumbprint"),
    pytest.param(answer(THUMBPRINT), False, READ, ["sub-mismatch"], CHAIN, ["thumbprint"], id="thumbprint-as-well"),
    pytest.param(answer(NO_KEY), True, READ, [], CHAIN, ["jwks-unreachable"], id="no-key"),
    pytest.param(answer(IDP), True, READ, [], CHAIN, ["jwks-unreachable"], id="no-communication"),
    pytest.param(answer(REGION), True, READ, [], CHAIN, ["sts-region-disabled"], id="region"),
    pytest.param(answer(REGION), None, AWS, [], CHAIN, ["sts-region-disabled"], id="region-unread"),
    pytest.param(
        answer(NO_PROVIDER, region="af-south-1"),
        True,
        READ,
        [],
        FAR,
        ["sts-region-disabled"],
        id="region-in-disguise",
    ),
    pytest.param(answer(NO_PROVIDER), True, READ, [], CHAIN, ["denied-elsewhere"], id="no-provider-though-there-is"),
    pytest.param(answer(NO_PROVIDER), None, AWS, [], CHAIN, ["provider-missing"], id="no-provider-unread"),
    pytest.param(
        answer(NO_PROVIDER), None, AWS, [], ELSEWHERE, ["provider-wrong-account"], id="no-provider-in-the-other-account"
    ),
    pytest.param(answer(NO_PROVIDER), False, READ, ["provider-missing"], CHAIN, [], id="no-provider-known"),
    pytest.param(answer(AUDIENCE), None, AWS, [], CHAIN, ["client-id-missing"], id="audience-unread"),
    pytest.param(answer(AUDIENCE), False, READ, ["client-id-missing"], CHAIN, [], id="audience-known"),
    pytest.param(answer(AUDIENCE), True, READ, [], CHAIN, ["denied-elsewhere"], id="audience-though-it-is-there"),
    pytest.param(answer(EXPIRED), True, READ, [], CHAIN, ["token-expired"], id="clocks"),
    pytest.param(answer(MALFORMED), False, READ, ["arn-malformed"], CHAIN, [], id="malformed-known"),
    pytest.param(answer(MALFORMED), None, AWS, [], CHAIN, ["arn-malformed"], id="malformed"),
]


@pytest.mark.parametrize(("given", "allowed", "aws", "earlier", "chain", "expected"), CASES)
def test_findings_of_an_answer(
    given: StsAnswer, allowed: bool | None, aws: AwsFacts, earlier: list[str], chain: Chain, expected: list[str]
) -> None:
    found = sts_rules.findings(chain, aws, given, allowed=allowed, earlier=map(finding, earlier))
    assert ids(found) == expected
    for each in found:
        assert each.evidence
        assert given.message is None or given.message in each.evidence


def test_a_condition_that_only_aws_can_evaluate_is_named() -> None:
    (found,) = sts_rules.findings(CHAIN, READ, answer(DENIED), allowed=None, earlier=())
    assert found.id == "denied-elsewhere"
    assert "statement 1 of the trust policy of role app has IpAddress aws:SourceIp 192.0.2.0/24" in found.message


@pytest.mark.parametrize(
    ("given", "allowed", "why"),
    [
        pytest.param(answer(), True, None, id="assumed"),
        pytest.param(answer(DENIED), True, "propagation", id="denied-though-allowed"),
        pytest.param(answer(NO_PROVIDER), True, "propagation", id="no-provider-though-there-is"),
        pytest.param(answer(AUDIENCE), True, "propagation", id="audience-though-it-is-there"),
        pytest.param(answer(DENIED), False, None, id="denied-as-expected"),
        pytest.param(answer(DENIED), None, None, id="denied-unread"),
        pytest.param(answer(THUMBPRINT), True, None, id="thumbprint"),
        pytest.param(answer(REGION), True, None, id="region"),
        pytest.param(answer(NO_KEY), True, "outage", id="no-key"),
        pytest.param(answer(NO_KEY), None, "outage", id="no-key-unread"),
        pytest.param(answer(IDP), True, None, id="botocore-has-asked-again-itself"),
    ],
)
def test_transient_causes(given: StsAnswer, allowed: bool | None, why: str | None) -> None:
    assert sts_rules.transient_cause(given, allowed=allowed) == why


@pytest.mark.parametrize(
    ("region", "partition", "found"),
    [
        ("eu-west-1", "aws", "denied-elsewhere"),
        ("us-west-2", "aws", "denied-elsewhere"),
        ("ap-northeast-3", "aws", "denied-elsewhere"),
        ("eu-south-1", "aws", "sts-region-disabled"),
        ("ap-southeast-3", "aws", "sts-region-disabled"),
        ("mx-central-1", "aws", "sts-region-disabled"),
        ("cn-north-1", "aws-cn", "denied-elsewhere"),
        ("us-gov-west-1", "aws-us-gov", "denied-elsewhere"),
        (None, "aws", "denied-elsewhere"),
    ],
)
def test_opt_in_regions(region: str | None, partition: str, found: str) -> None:
    role_arn = ROLE.replace("aws", partition, 1)
    chain = dataclasses.replace(CHAIN, region=region, partition=partition, role_arn=role_arn)
    given = answer(NO_PROVIDER, region=region)
    assert ids(sts_rules.findings(chain, READ, given, allowed=True, earlier=())) == [found]


def test_messages() -> None:
    def one(given: StsAnswer, allowed: bool | None, aws: AwsFacts) -> Finding:
        (found,) = sts_rules.findings(CHAIN, aws, given, allowed=allowed, earlier=())
        return found

    elsewhere = one(answer(DENIED, waited=120.0), True, READ)
    assert elsewhere.message == (
        f"the trust policy of role {ROLE} allows service account shop/app, but STS refuses it, also after 120 seconds"
    )
    assert "account 123456789012" in elsewhere.fix
    assert elsewhere.evidence == f"STS in eu-west-1: AccessDenied: {DENIED[1]}"
    hasty = one(answer(DENIED, settled=False), True, READ)
    assert hasty.message.endswith("but STS refuses it")
    assert hasty.fix.endswith("if it changed in the last two minutes, run again")
    refused = Unknown("could not read the role app: the permission iam:GetRole is missing", "iam:GetRole")
    unread = one(answer(DENIED), None, dataclasses.replace(AWS, role=refused))
    assert unread.message.endswith(f": {refused.reason}")
    late = one(answer(attempts=3, waited=7.2, first="AccessDenied"), True, READ)
    assert late.message.endswith("only after 7 seconds")
    assert late.evidence == "3 tries, the first answered AccessDenied"
    missing = one(answer(NO_PROVIDER), None, AWS)
    assert missing.expected == f"arn:aws:iam::123456789012:oidc-provider/{CHAIN.issuer.removeprefix('https://')}"


def test_every_cause_of_the_link_is_in_the_table() -> None:
    told = {each for case in CASES for each in case.values[-1]}
    links = {each.id for each in BY_ID.values() if each.link == "sts"}
    assert told >= links | {"thumbprint", "jwks-unreachable", "token-expired"}
