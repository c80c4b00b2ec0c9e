# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that a verification creates, and the logs of test pods."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import test_pod
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import PROBES, VerificationSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import TestPod
from unit.chain_objects import AWS_READ, CHAIN, ROLE

REGION_DISABLED = (
    "STS is not activated in this region for account:123456789012. Your account administrator can activate STS in this "
    "region using the IAM Console."
)
POD: t.Final = {
    "enabled": True,
    "image": "cli",
    "command": ["id"],
    "timeout": 5,
    "node_selector": {"a": 1},
    "tolerations": [],
}


def make_spec(**options: t.Any) -> VerificationSpec:
    params = {
        "namespace": "shop",
        "service_account": "app",
        "probes": list(PROBES),
        "propagation_timeout": 120,
        "fail_on": "error",
        **options,
    }
    return VerificationSpec.from_params(params)


def test_the_dry_run_pod_meets_strict_policies_and_quotas() -> None:
    pod = test_pod.build_dry_run_pod(make_spec())
    assert pod["metadata"] == {"namespace": "shop", "generateName": "irsa-verify-"}
    assert pod["spec"]["serviceAccountName"] == "app"
    (container,) = pod["spec"]["containers"]
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    security = container["securityContext"]
    assert security["runAsNonRoot"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    # A quota on any of these asks for it in each pod.
    assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}


def test_the_test_pod_ends_by_itself() -> None:
    given = make_spec(test_pod=POD)
    assert given.test_pod is not None
    pod = test_pod.build_test_pod(given, given.test_pod, "irsa-verify-app-0a1b2c3d")
    assert pod["metadata"] == {"namespace": "shop", "name": "irsa-verify-app-0a1b2c3d"}
    spec = pod["spec"]
    assert (spec["restartPolicy"], spec["activeDeadlineSeconds"]) == ("Never", 65)
    assert (spec["nodeSelector"], spec["tolerations"]) == ({"a": "1"}, [])
    assert (spec["containers"][0]["image"], spec["containers"][0]["command"]) == ("cli", ["id"])


def test_the_name_of_a_test_pod_is_valid() -> None:
    name = test_pod.build_pod_name(make_spec(service_account="a" * 39 + "." + "b" * 100), "0a1b2c3d")
    assert name == f"irsa-verify-{'a' * 39}-0a1b2c3d"
    assert len(name) <= 63


TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwcyJ9.c2lnbmF0dXJlLW9mLXRoYXQ"
KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


@pytest.mark.parametrize(
    "log",
    [
        f"token is {TOKEN}",
        f"Authorization: Bearer {TOKEN}\n",
        f'{{"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "{KEY}", "SessionToken": "{KEY}=="}}',
        f"export AWS_SECRET_ACCESS_KEY={KEY}",
        f"aws_session_token = {KEY}",
        f"<SecretAccessKey>{KEY}</SecretAccessKey>",
        f"secretAccessKey: '{KEY}'",
        f"&WebIdentityToken={TOKEN}",
    ],
)
def test_secrets_are_redacted(log: str) -> None:
    cleaned = test_pod.redact(log)
    for secret in (KEY, TOKEN, "eyJ", "ASIAIOSFODNN7EXAMPLE"):
        assert secret not in cleaned
    assert "(" in cleaned


def test_the_rest_of_a_log_is_kept() -> None:
    log = '{"UserId": "AROAEXAMPLE:x", "Arn": "arn:aws:sts::123456789012:assumed-role/app/x"}\nAn error occurred\n'
    assert test_pod.redact(log) == log


# Logs


def finding(finding_id: str) -> Finding:
    return Finding(finding_id, "something is wrong", "mend it")


def ids(found: t.Iterable[Finding]) -> list[str]:
    return [each.id for each in found]


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
    "\nAn error occurred (RegionDisabledException) when calling the AssumeRoleWithWebIdentity operation: "
    f"{REGION_DISABLED}\n"
)
OLD_CLI = "aws-cli/1.16.231 Python/3.6.0 Linux/4.14 botocore/1.12.199\n"
NEW_CLI = "aws-cli/2.25.4 Python/3.12.9 Linux/6.1\n"


def pod(log: str = "", *, injected: bool = True) -> TestPod:
    return TestPod(log, test_pod.caller_in(log), injected)


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
def test_findings_of_a_log(given: TestPod, asked: bool, earlier: list[str], expected: list[str]) -> None:
    known = [finding(each) for each in earlier]
    found = test_pod.findings(CHAIN, AWS_READ, given, allowed=True, asked=asked, earlier=known)
    assert ids(found) == expected
    assert all(each.evidence for each in found)


def test_a_quoted_annotation_is_compared_without_quotes() -> None:
    quoted = dataclasses.replace(CHAIN, role_arn=f'"{ROLE}"')
    for log, expected in ((SESSION, []), (NODE, ["imds-fallback"])):
        found = test_pod.findings(quoted, AWS_READ, pod(log), allowed=False, asked=True, earlier=())
        assert ids(found) == expected
    nonsense = dataclasses.replace(CHAIN, role_arn="app")
    assert test_pod.findings(nonsense, AWS_READ, pod(NODE), allowed=False, asked=True, earlier=()) == []


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
def test_the_caller_in_a_log(log: str, caller: str | None) -> None:
    assert test_pod.caller_in(log) == caller


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
def test_whether_a_caller_is_a_session_of_the_role(caller: str, role: str, same: bool) -> None:
    assert test_pod.is_role(caller, Arn.parse(role)) is same


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
def test_sdks_without_web_identities(log: str, old: list[tuple[str, str, str]]) -> None:
    assert test_pod.old_sdks(log) == old
