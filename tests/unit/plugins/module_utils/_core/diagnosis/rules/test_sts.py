# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the answers of STS, with their exact text."""

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
from unit.chain_objects import AWS, AWS_READ, CHAIN, ROLE

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

CROSS_ACCOUNT = dataclasses.replace(CHAIN, role_arn=ROLE.replace("123456789012", "210987654321"), cross_account=True)
OPT_IN = dataclasses.replace(CHAIN, region="af-south-1")


def answer(refusal: tuple[str, str] | None = None, **fields: t.Any) -> StsAnswer:
    code, message = refusal or (None, None)
    return StsAnswer({"iss": CHAIN.issuer}, code, message, **{"region": CHAIN.region, **fields})


def make_finding(finding_id: str) -> Finding:
    return Finding(finding_id, "a message", "a fix")


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return [finding.id for finding in findings]


CASES = [
    # The answer, whether IAM allows it, the facts from IAM, the earlier findings, the chain, the findings.
    pytest.param(answer(), True, AWS_READ, [], CHAIN, [], id="assumed"),
    pytest.param(
        answer(attempts=3, waited=7.0, first="AccessDenied"),
        True,
        AWS_READ,
        [],
        CHAIN,
        ["propagation"],
        id="assumed-after-retries",
    ),
    pytest.param(answer(DENIED), True, AWS_READ, [], CHAIN, ["denied-elsewhere"], id="denied-although-allowed"),
    pytest.param(answer(DENIED), None, AWS_READ, [], CHAIN, [], id="denied-and-undecided"),
    pytest.param(answer(DENIED), None, AWS, [], CHAIN, ["denied-unexplained"], id="denied-and-iam-unknown"),
    pytest.param(answer(DENIED), False, AWS_READ, ["sub-mismatch"], CHAIN, [], id="explained-by-role"),
    pytest.param(answer(DENIED), False, AWS_READ, ["provider-missing"], CHAIN, [], id="explained-by-provider"),
    pytest.param(
        answer(DENIED), True, AWS_READ, ["trust-too-broad"], CHAIN, ["denied-elsewhere"], id="denied-and-warning"
    ),
    pytest.param(
        answer(DENIED),
        True,
        AWS_READ,
        ["annotation-missing"],
        CHAIN,
        ["denied-elsewhere"],
        id="denied-and-annotation-missing",
    ),
    pytest.param(answer(OTHER), True, AWS_READ, [], CHAIN, ["denied-elsewhere"], id="another-error"),
    pytest.param(answer(OTHER), None, AWS, [], CHAIN, ["denied-unexplained"], id="another-error-and-iam-unknown"),
    pytest.param(answer(THUMBPRINT), True, AWS_READ, [], CHAIN, ["thumbprint"], id="thumbprint"),
    pytest.param(
        answer(THUMBPRINT), False, AWS_READ, ["sub-mismatch"], CHAIN, ["thumbprint"], id="thumbprint-and-sub-mismatch"
    ),
    pytest.param(answer(NO_KEY), True, AWS_READ, [], CHAIN, ["jwks-unreachable"], id="no-verification-key"),
    pytest.param(answer(IDP), True, AWS_READ, [], CHAIN, ["jwks-unreachable"], id="idp-communication-error"),
    pytest.param(answer(REGION), True, AWS_READ, [], CHAIN, ["sts-region-disabled"], id="region-disabled"),
    pytest.param(answer(REGION), None, AWS, [], CHAIN, ["sts-region-disabled"], id="region-disabled-and-iam-unknown"),
    pytest.param(
        answer(NO_PROVIDER, region="af-south-1"),
        True,
        AWS_READ,
        [],
        OPT_IN,
        ["sts-region-disabled"],
        id="opt-in-region-without-provider",
    ),
    pytest.param(
        answer(NO_PROVIDER), True, AWS_READ, [], CHAIN, ["denied-elsewhere"], id="no-provider-although-it-exists"
    ),
    pytest.param(answer(NO_PROVIDER), None, AWS, [], CHAIN, ["provider-missing"], id="no-provider-and-iam-unknown"),
    pytest.param(
        answer(NO_PROVIDER), None, AWS, [], CROSS_ACCOUNT, ["provider-wrong-account"], id="no-provider-in-other-account"
    ),
    pytest.param(
        answer(NO_PROVIDER), False, AWS_READ, ["provider-missing"], CHAIN, [], id="explained-by-missing-provider"
    ),
    pytest.param(answer(AUDIENCE), None, AWS, [], CHAIN, ["client-id-missing"], id="audience-and-iam-unknown"),
    pytest.param(answer(AUDIENCE), False, AWS_READ, ["client-id-missing"], CHAIN, [], id="explained-by-client-id"),
    pytest.param(answer(AUDIENCE), True, AWS_READ, [], CHAIN, ["denied-elsewhere"], id="audience-although-accepted"),
    pytest.param(answer(EXPIRED), True, AWS_READ, [], CHAIN, ["token-expired"], id="token-expired"),
    pytest.param(answer(MALFORMED), False, AWS_READ, ["arn-malformed"], CHAIN, [], id="explained-by-malformed-arn"),
    pytest.param(answer(MALFORMED), None, AWS, [], CHAIN, ["arn-malformed"], id="malformed-arn-and-iam-unknown"),
]


@pytest.mark.parametrize(("sts_answer", "allowed", "aws", "earlier", "chain", "expected"), CASES)
def test_answer_has_exactly_these_findings(
    sts_answer: StsAnswer, allowed: bool | None, aws: AwsFacts, earlier: list[str], chain: Chain, expected: list[str]
) -> None:
    findings = sts_rules.findings(chain, aws, sts_answer, allowed=allowed, earlier=map(make_finding, earlier))
    assert ids(findings) == expected
    for finding in findings:
        assert finding.evidence
        assert sts_answer.message is None or sts_answer.message in finding.evidence


ORIGIN = "IpAddress aws:SourceIp 192.0.2.0/24 in statement 1 of the trust policy of role app"


@pytest.mark.parametrize(
    ("sts_answer", "allowed", "facts", "expected"),
    [
        pytest.param(answer(DENIED), None, AWS_READ, [ORIGIN], id="denied-under-conditions"),
        pytest.param(answer(DENIED), True, AWS_READ, [], id="denied-although-allowed"),
        pytest.param(answer(DENIED), False, AWS_READ, [], id="denied-as-expected"),
        pytest.param(answer(DENIED), None, AWS, [], id="iam-unknown"),
        pytest.param(answer(REGION), None, AWS_READ, [], id="another-refusal"),
    ],
)
def test_conditions_on_the_origin_of_a_request(
    sts_answer: StsAnswer, allowed: bool | None, facts: AwsFacts, expected: list[str]
) -> None:
    assert sts_rules.origin_conditions(CHAIN, facts, sts_answer, allowed=allowed) == expected


def test_refusal_of_a_pod_under_conditions_is_a_finding() -> None:
    (finding,) = sts_rules.findings(CHAIN, AWS_READ, answer(DENIED), allowed=None, earlier=(), is_from_pod=True)
    assert finding.id == "denied-unexplained"
    assert finding.message == (
        f"STS rejects service account shop/app for role {ROLE} in a pod too; its trust policy has conditions that "
        f"depend on the request: {ORIGIN}"
    )


@pytest.mark.parametrize(
    ("sts_answer", "allowed", "cause"),
    [
        pytest.param(answer(), True, None, id="assumed"),
        pytest.param(answer(DENIED), True, "propagation", id="denied-although-allowed"),
        pytest.param(answer(NO_PROVIDER), True, "propagation", id="no-provider-although-it-exists"),
        pytest.param(answer(AUDIENCE), True, "propagation", id="audience-although-accepted"),
        pytest.param(answer(DENIED), False, None, id="denied-as-expected"),
        pytest.param(answer(DENIED), None, None, id="denied-and-iam-unknown"),
        pytest.param(answer(THUMBPRINT), True, None, id="thumbprint"),
        pytest.param(answer(REGION), True, None, id="region-disabled"),
        pytest.param(answer(NO_KEY), True, "outage", id="no-verification-key"),
        pytest.param(answer(NO_KEY), None, "outage", id="no-verification-key-and-iam-unknown"),
        pytest.param(answer(IDP), True, None, id="retried-by-botocore"),
    ],
)
def test_transient_causes(sts_answer: StsAnswer, allowed: bool | None, cause: str | None) -> None:
    assert sts_rules.transient_cause(sts_answer, allowed=allowed) == cause


@pytest.mark.parametrize(
    ("region", "partition", "expected"),
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
def test_missing_provider_in_an_opt_in_region(region: str | None, partition: str, expected: str) -> None:
    role_arn = ROLE.replace("aws", partition, 1)
    chain = dataclasses.replace(CHAIN, region=region, partition=partition, role_arn=role_arn)
    findings = sts_rules.findings(chain, AWS_READ, answer(NO_PROVIDER, region=region), allowed=True, earlier=())
    assert ids(findings) == [expected]


def find_one(sts_answer: StsAnswer, allowed: bool | None, aws: AwsFacts) -> Finding:
    (finding,) = sts_rules.findings(CHAIN, aws, sts_answer, allowed=allowed, earlier=())
    return finding


def test_messages_about_a_policy_outside_the_role() -> None:
    finding = find_one(answer(DENIED, waited=120.0), True, AWS_READ)
    assert finding.message == (
        f"the trust policy of role {ROLE} allows service account shop/app, but STS rejects it, even after 120 seconds"
    )
    assert "AWS account 123456789012" in finding.fix
    assert finding.evidence == f"STS in eu-west-1: AccessDenied: {DENIED[1]}"
    not_settled = find_one(answer(DENIED, settled=False), True, AWS_READ)
    assert not_settled.message.endswith(", but STS rejects it")
    assert not_settled.fix.endswith("if it was changed in the last two minutes, run again")


def test_message_contains_why_iam_is_unknown() -> None:
    unknown = Unknown("could not read the role app: the permission iam:GetRole is missing", "iam:GetRole")
    finding = find_one(answer(DENIED), None, dataclasses.replace(AWS, role=unknown))
    assert finding.message == (
        f"STS rejects service account shop/app for role {ROLE}, and the cause could not be read from IAM: "
        f"{unknown.reason}"
    )


def test_message_about_propagation() -> None:
    finding = find_one(answer(attempts=3, waited=7.2, first="AccessDenied"), True, AWS_READ)
    assert finding.message == f"STS accepted service account shop/app for role {ROLE} only after 7 seconds"
    assert finding.evidence == "3 requests, the first returned AccessDenied"


def test_expected_value_for_a_missing_provider() -> None:
    finding = find_one(answer(NO_PROVIDER), None, AWS)
    assert finding.expected == f"arn:aws:iam::123456789012:oidc-provider/{CHAIN.issuer.removeprefix('https://')}"


def test_each_cause_of_the_link_has_a_case() -> None:
    tested = {finding_id for case in CASES for finding_id in case.values[-1]}
    causes = {cause.id for cause in BY_ID.values() if cause.link == "sts"}
    assert tested >= causes | {"thumbprint", "jwks-unreachable", "token-expired"}
