# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS's answers, word for word, and what is made of them; and the logs of test pods."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import (
    AwsFacts,
    Chain,
    StsAnswer,
    TestPod,
    Unknown,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import sts as sts_rules
from unit.chain_objects import AWS, CHAIN, ROLE

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

# What IAM says: all of it, and nothing.
HOST = CHAIN.issuer.removeprefix("https://")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{HOST}"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}},
        }
    ],
}
READ = dataclasses.replace(
    AWS,
    provider={"ClientIDList": ["sts.amazonaws.com"]},
    role={"Arn": ROLE, "RoleName": "app", "AssumeRolePolicyDocument": TRUST},
)
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
        answer(NO_PROVIDER, region="af-south-1"), True, READ, [], FAR, ["sts-region-disabled"], id="region-in-disguise"
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
def test_what_an_answer_tells(
    given: StsAnswer, allowed: bool | None, aws: AwsFacts, earlier: list[str], chain: Chain, expected: list[str]
) -> None:
    found = sts_rules.findings(chain, aws, given, allowed=allowed, earlier=map(finding, earlier))
    assert ids(found) == expected
    for each in found:
        assert each.evidence
        assert given.message is None or given.message in each.evidence


def test_a_condition_that_only_aws_can_judge_is_named() -> None:
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
def test_when_to_ask_again(given: StsAnswer, allowed: bool | None, why: str | None) -> None:
    assert sts_rules.may_pass(given, allowed=allowed) == why


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
def test_regions_that_an_account_opts_into(region: str | None, partition: str, found: str) -> None:
    role_arn = ROLE.replace("aws", partition, 1)
    chain = dataclasses.replace(CHAIN, region=region, partition=partition, role_arn=role_arn)
    given = answer(NO_PROVIDER, region=region)
    assert ids(sts_rules.findings(chain, READ, given, allowed=True, earlier=())) == [found]


def test_the_words() -> None:
    def one(given: StsAnswer, allowed: bool | None, aws: AwsFacts) -> Finding:
        (found,) = sts_rules.findings(CHAIN, aws, given, allowed=allowed, earlier=())
        return found

    elsewhere = one(answer(DENIED, waited=120.0), True, READ)
    assert elsewhere.message == (
        f"the trust policy of role {ROLE} lets service account shop/app in, but STS refuses it, also after 120 seconds"
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


# Test pods

NODE = "arn:aws:sts::123456789012:assumed-role/nodes/i-0123456789abcdef0"
SESSION = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1"
PRINTED = f'{{\n    "UserId": "AROAEXAMPLE:x",\n    "Account": "123456789012",\n    "Arn": "{NODE}"\n}}\n'
CLI_EXPIRED = (
    "\nAn error occurred (ExpiredTokenException) when calling the AssumeRoleWithWebIdentity operation: Token expired: "
    "current date/time 2 must be before the expiration date/time 1\n"
)
CLI_DENIED = (
    "\nAn error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: "
    "Not authorized to perform sts:AssumeRoleWithWebIdentity\n"
)
GO_DENIED = (
    "operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, RequestID: 1, "
    "api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity\n"
)
CLI_REGION = (
    f"\nAn error occurred (RegionDisabledException) when calling the AssumeRoleWithWebIdentity operation: {REGION[1]}\n"
)
OLD_CLI = "aws-cli/1.16.231 Python/3.6.0 Linux/4.14 botocore/1.12.199\n"
NEW_CLI = "aws-cli/2.25.4 Python/3.12.9 Linux/6.1\n"


def pod(log: str = "", *, injected: bool = True) -> TestPod:
    return TestPod(log, sts_rules.caller_in(log), injected)


LOGS = [
    # The pod, whether STS was asked apart from it, what is known already, what is found.
    pytest.param(pod(SESSION), True, [], [], id="the-role"),
    pytest.param(pod("Unable to locate credentials."), True, [], [], id="no-word"),
    pytest.param(pod(PRINTED), True, [], ["imds-fallback"], id="imds-fallback"),
    pytest.param(pod(PRINTED, injected=False), True, [], ["imds-fallback"], id="imds-fallback-bare"),
    pytest.param(pod(PRINTED, injected=False), True, ["webhook-missing"], [], id="the-webhook-explains-it"),
    pytest.param(pod(PRINTED, injected=False), True, ["pod-identity-wins"], [], id="pod-identity-explains-it"),
    pytest.param(pod(PRINTED), True, ["trust-too-broad"], ["imds-fallback"], id="no-warning-explains-it"),
    pytest.param(pod(OLD_CLI + PRINTED), True, [], ["sdk-too-old"], id="sdk-too-old"),
    pytest.param(pod(OLD_CLI), True, [], ["sdk-too-old"], id="sdk-too-old-without-a-node-role"),
    pytest.param(pod(OLD_CLI + SESSION), True, [], [], id="old-but-it-works"),
    pytest.param(pod(OLD_CLI + PRINTED, injected=False), True, [], ["imds-fallback"], id="old-is-not-why"),
    pytest.param(pod(NEW_CLI + PRINTED), True, [], ["imds-fallback"], id="new-cli"),
    pytest.param(pod(CLI_EXPIRED), True, [], ["token-expired"], id="token-expired"),
    pytest.param(pod("Error: ExpiredToken: the token is over"), True, [], ["token-expired"], id="expired-elsewhere"),
    pytest.param(pod(CLI_DENIED), True, ["sub-mismatch"], [], id="denied-known"),
    pytest.param(pod(CLI_DENIED), False, [], ["denied-elsewhere"], id="denied-only-here"),
    pytest.param(pod(GO_DENIED), False, [], ["denied-elsewhere"], id="denied-only-here-in-go"),
    pytest.param(pod(CLI_REGION), True, [], ["sts-region-disabled"], id="region"),
    pytest.param(pod(CLI_REGION), True, ["sts-region-disabled"], [], id="region-known"),
]


@pytest.mark.parametrize(("given", "asked", "earlier", "expected"), LOGS)
def test_what_a_log_tells(given: TestPod, asked: bool, earlier: list[str], expected: list[str]) -> None:
    known = [finding(each) for each in earlier]
    found = sts_rules.pod_findings(CHAIN, READ, given, allowed=True, asked=asked, earlier=known)
    assert ids(found) == expected
    assert all(each.evidence for each in found)


def test_an_annotation_in_quotes_is_compared_as_it_was_meant() -> None:
    quoted = dataclasses.replace(CHAIN, role_arn=f'"{ROLE}"')
    for log, expected in ((SESSION, []), (NODE, ["imds-fallback"])):
        found = sts_rules.pod_findings(quoted, READ, pod(log), allowed=False, asked=True, earlier=())
        assert ids(found) == expected
    nonsense = dataclasses.replace(CHAIN, role_arn="app")
    assert sts_rules.pod_findings(nonsense, READ, pod(NODE), allowed=False, asked=True, earlier=()) == []


@pytest.mark.parametrize(
    ("log", "caller"),
    [
        (PRINTED, NODE),
        (f"123456789012\t{SESSION}\tAROA:x", SESSION),
        ("arn:aws-cn:iam::123456789012:user/me\n", "arn:aws-cn:iam::123456789012:user/me"),
        ("arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:root"),
        ("arn:aws:s3:::bucket", None),
        ("", None),
    ],
)
def test_who_a_log_says_it_is(log: str, caller: str | None) -> None:
    assert sts_rules.caller_in(log) == caller


@pytest.mark.parametrize(
    ("caller", "role", "same"),
    [
        (SESSION, ROLE, True),
        (SESSION, "arn:aws:iam::123456789012:role/teams/web/app", True),
        (SESSION, "arn:aws:iam::210987654321:role/app", False),
        (SESSION, "arn:aws-cn:iam::123456789012:role/app", False),
        (SESSION, f"{ROLE}-2", False),
        (NODE, ROLE, False),
        ("arn:aws:iam::123456789012:user/app", ROLE, False),
    ],
)
def test_whether_a_caller_is_the_role(caller: str, role: str, same: bool) -> None:
    assert sts_rules.is_role(caller, Arn.parse(role)) is same


@pytest.mark.parametrize(
    ("log", "old"),
    [
        ("aws-cli/1.16.231 Python/3.6", [("AWS CLI", "1.16.231", "1.16.232")]),
        ("aws-cli/1.16.232 Python/3.6", []),
        ("aws-cli/2.0.1", []),
        ("boto3==1.9.219", [("Boto3", "1.9.219", "1.9.220")]),
        ("Boto3 1.9.220", []),
        ("boto3 1.34.0 botocore/1.12.199", [("botocore", "1.12.199", "1.12.200")]),
        ("User-Agent: aws-sdk-go/1.23.12 (go1.12)", [("AWS SDK for Go", "1.23.12", "1.23.13")]),
        ("aws-sdk-go-v2/1.0.0", []),
        ("aws-sdk-java/2.10.10", [("AWS SDK for Java", "2.10.10", "2.10.11")]),
        ("aws-sdk-java/1.11.1", []),
        ("aws-sdk-js/3.26.0", [("AWS SDK for JavaScript", "3.26.0", "3.27.0")]),
        ("aws-sdk-nodejs/2.524.0", [("AWS SDK for JavaScript", "2.524.0", "2.525.0")]),
        ("my-boto3 1.0.0", []),
        ("nothing of the kind", []),
    ],
)
def test_sdks_that_are_too_old(log: str, old: list[tuple[str, str, str]]) -> None:
    assert sts_rules.old_sdks(log) == old


def test_every_id_that_is_told_here_is_in_a_table() -> None:
    told = {each for case in CASES for each in case.values[-1]} | {each for case in LOGS for each in case.values[-1]}
    links = {each.id for each in BY_ID.values() if each.link == "sts"}
    assert told >= links | {"thumbprint", "jwks-unreachable", "token-expired", "sdk-too-old", "imds-fallback"}
