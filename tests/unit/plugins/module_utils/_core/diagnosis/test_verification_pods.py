# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pods that a verification creates, and the findings about the log of the test pod."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import verification_pods
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import (
    PROBES,
    VerificationSpec,
    specs_from_params,
)
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
    return specs_from_params(params)[0]


def test_dry_run_pod_complies_with_strict_policies_and_quotas() -> None:
    pod = verification_pods.build_dry_run_pod(make_spec())
    assert pod["metadata"] == {"namespace": "shop", "generateName": "irsa-verify-"}
    assert pod["spec"]["serviceAccountName"] == "app"
    (container,) = pod["spec"]["containers"]
    # https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
    security = container["securityContext"]
    assert security["runAsNonRoot"]
    assert not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    # A quota on a resource requires the resource in each pod.
    assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}


def test_test_pod_has_a_deadline() -> None:
    spec = make_spec(test_pod=POD)
    assert spec.test_pod is not None
    pod = verification_pods.build_test_pod(spec, spec.test_pod, "irsa-verify-app-0a1b2c3d")
    assert pod["metadata"] == {"namespace": "shop", "name": "irsa-verify-app-0a1b2c3d"}
    pod_spec = pod["spec"]
    assert (pod_spec["restartPolicy"], pod_spec["activeDeadlineSeconds"]) == ("Never", 65)
    assert (pod_spec["nodeSelector"], pod_spec["tolerations"]) == ({"a": "1"}, [])
    assert (pod_spec["containers"][0]["image"], pod_spec["containers"][0]["command"]) == ("cli", ["id"])


def test_name_of_a_test_pod_is_valid() -> None:
    name = verification_pods.build_pod_name(make_spec(service_account="a" * 39 + "." + "b" * 100), "0a1b2c3d")
    assert name == f"irsa-verify-{'a' * 39}-0a1b2c3d"
    assert len(name) <= 63


# Logs


def make_finding(finding_id: str) -> Finding:
    return Finding(finding_id, "a message", "a fix")


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return [finding.id for finding in findings]


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


def make_pod(log: str = "", *, injected: bool = True) -> TestPod:
    return TestPod(log, verification_pods.caller_in(log), injected)


LOGS = [
    # The test pod, whether STS has answered the token probe, the earlier findings, the findings.
    pytest.param(make_pod(SESSION), True, [], [], id="expected-role"),
    pytest.param(make_pod("Unable to locate credentials."), True, [], [], id="no-caller"),
    pytest.param(make_pod(PRINTED), True, [], ["imds-fallback"], id="imds-fallback"),
    pytest.param(make_pod(PRINTED, injected=False), True, [], ["imds-fallback"], id="imds-fallback-not-injected"),
    pytest.param(make_pod(PRINTED, injected=False), True, ["webhook-missing"], [], id="explained-by-webhook"),
    pytest.param(make_pod(PRINTED, injected=False), True, ["pod-identity-wins"], [], id="explained-by-pod-identity"),
    pytest.param(make_pod(PRINTED), True, ["trust-too-broad"], ["imds-fallback"], id="not-explained-by-warning"),
    pytest.param(make_pod(OLD_CLI + PRINTED), True, [], ["sdk-too-old"], id="sdk-too-old"),
    pytest.param(make_pod(OLD_CLI), True, [], ["sdk-too-old"], id="sdk-too-old-without-a-node-role"),
    pytest.param(make_pod(OLD_CLI + SESSION), True, [], [], id="old-sdk-but-expected-role"),
    pytest.param(
        make_pod(OLD_CLI + PRINTED, injected=False), True, [], ["imds-fallback"], id="old-sdk-and-not-injected"
    ),
    pytest.param(make_pod(NEW_CLI + PRINTED), True, [], ["imds-fallback"], id="new-cli"),
    pytest.param(make_pod(CLI_EXPIRED), True, [], ["token-expired"], id="token-expired"),
    pytest.param(
        make_pod("Error: ExpiredToken: the token is over"),
        True,
        [],
        ["token-expired"],
        id="expired-token-of-another-service",
    ),
    pytest.param(make_pod(CLI_DENIED), True, ["sub-mismatch"], [], id="denied-and-sts-answered"),
    pytest.param(make_pod(CLI_DENIED), False, [], ["denied-elsewhere"], id="denied-without-sts-answer"),
    pytest.param(make_pod(GO_DENIED), False, [], ["denied-elsewhere"], id="denied-without-sts-answer-in-go"),
    pytest.param(make_pod(CLI_REGION), True, [], ["sts-region-disabled"], id="region-disabled"),
    pytest.param(make_pod(CLI_REGION), True, ["sts-region-disabled"], [], id="region-disabled-already-found"),
]


@pytest.mark.parametrize(("pod", "has_sts_answer", "earlier", "expected"), LOGS)
def test_log_has_exactly_these_findings(
    pod: TestPod, has_sts_answer: bool, earlier: list[str], expected: list[str]
) -> None:
    findings = verification_pods.findings(
        CHAIN,
        AWS_READ,
        pod,
        allowed=True,
        has_sts_answer=has_sts_answer,
        earlier=[make_finding(finding_id) for finding_id in earlier],
    )
    assert ids(findings) == expected
    assert all(finding.evidence for finding in findings)


def test_refusal_under_conditions_is_a_finding_even_if_sts_has_answered() -> None:
    pod = make_pod(CLI_DENIED)
    (finding,) = verification_pods.findings(CHAIN, AWS_READ, pod, allowed=None, has_sts_answer=True, earlier=())
    assert finding.id == "denied-unexplained"
    assert "IpAddress aws:SourceIp" in finding.message


def test_messages_about_another_identity() -> None:
    (injected,) = verification_pods.findings(
        CHAIN, AWS_READ, make_pod(NODE), allowed=True, has_sts_answer=True, earlier=()
    )
    assert injected.message == f"the test pod of service account shop/app uses the node's role, {NODE}"
    assert injected.fix.startswith("the SDK ignores the variables of the webhook: ")
    pod = make_pod(NODE, injected=False)
    (not_injected,) = verification_pods.findings(CHAIN, AWS_READ, pod, allowed=True, has_sts_answer=True, earlier=())
    assert not_injected.fix.startswith("the webhook did not inject the role into the pod: ")


def test_caller_is_compared_with_the_unquoted_annotation() -> None:
    quoted = dataclasses.replace(CHAIN, role_arn=f'"{ROLE}"')
    for log, expected in ((SESSION, []), (NODE, ["imds-fallback"])):
        findings = verification_pods.findings(
            quoted, AWS_READ, make_pod(log), allowed=False, has_sts_answer=True, earlier=()
        )
        assert ids(findings) == expected
    invalid = dataclasses.replace(CHAIN, role_arn="app")
    findings = verification_pods.findings(
        invalid, AWS_READ, make_pod(NODE), allowed=False, has_sts_answer=True, earlier=()
    )
    assert findings == []


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
def test_caller_in_a_log(log: str, caller: str | None) -> None:
    assert verification_pods.caller_in(log) == caller


@pytest.mark.parametrize(
    ("log", "expected"),
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
        ("no SDK", []),
    ],
)
def test_sdks_without_web_identities(log: str, expected: list[tuple[str, str, str]]) -> None:
    assert verification_pods.old_sdks(log) == expected
