# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pods that a verification creates, and the rules for the log of the test pod."""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ..arn import is_session_of
from ..wording import excerpt
from .causes import Finding
from .diagnose import TEST_COMMAND, TEST_IMAGE, TestPodSpec, VerificationSpec
from .facts import AwsFacts, Chain, StsAnswer, TestPod
from .rules import sts as sts_rules

Json = dict[str, t.Any]

# The name of the container in both pods.
_CONTAINER = "aws-cli"
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
# As in user agents, in `aws --version` and in lists of packages: boto3/1.9.1, boto3==1.9.1, boto3 1.9.1.
_VERSION = re.compile(
    rf"(?<![\w-])({'|'.join(sorted(map(re.escape, _OLDEST), key=len, reverse=True))})(?:/|==|@| +)v?(\d+(?:\.\d+)+)",
    re.IGNORECASE,
)
_CALLER = re.compile(r"arn:aws[a-z0-9-]*:(?:sts|iam)::\d{12}:(?:assumed-role|user|federated-user|root)[\w+=,.@/-]*")
# Errors of STS as the CLI, boto3 and the SDKs for Go and Java print them.
_PRINTED_ERRORS = (
    re.compile(r"\((\w+)\) when calling the AssumeRoleWithWebIdentity operation(?: \([^)]*\))?: ([^\n]+)"),
    re.compile(r"AssumeRoleWithWebIdentity, [^\n]*api error (\w+): ([^\n]+)"),
    re.compile(r"WebIdentityErr: [^\n]*caused by: (\w+): ([^\n]+)"),
)


def build_dry_run_pod(spec: VerificationSpec) -> Json:
    """The pod for the dry run. It complies with strict admission policies and quotas."""
    container = _container(TEST_IMAGE, list(TEST_COMMAND))
    return _pod(spec, {"generateName": "irsa-verify-"}, {"containers": [container]})


def build_test_pod(spec: VerificationSpec, options: TestPodSpec, name: str) -> Json:
    """The test pod, which asks AWS for the ARN of its caller."""
    pod_spec: Json = {
        # The pod ends even if it is not deleted.
        "activeDeadlineSeconds": options.timeout + 60,
        "terminationGracePeriodSeconds": 0,
        "containers": [_container(options.image, list(options.command))],
        "nodeSelector": dict(options.node_selector),
        "tolerations": list(options.tolerations),
    }
    return _pod(spec, {"name": name}, pod_spec)


def build_pod_name(spec: VerificationSpec, suffix: str) -> str:
    """The name of the test pod.

    :param suffix: unique to the run; letters and digits.
    """
    stem = spec.service_account[:40].rstrip("-.")
    return f"irsa-verify-{stem}-{suffix}"


def _pod(spec: VerificationSpec, metadata: Json, pod_spec: Json) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": spec.namespace, **metadata},
        "spec": {"serviceAccountName": spec.service_account, "restartPolicy": "Never", **pod_spec},
    }


def _container(image: str, command: list[str]) -> Json:
    return {
        "name": _CONTAINER,
        "image": image,
        "command": command,
        # The CLI writes a cache to its home directory.
        "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }


# The log


def caller_in(log: str) -> str | None:
    """The ARN of the caller in a log, as ``aws sts get-caller-identity`` prints it; None if it is missing."""
    match = _CALLER.search(log)
    return match[0] if match else None


def old_sdks(log: str) -> list[tuple[str, str, str]]:
    """The SDKs in a log that do not support web identities: name, version and the first version with support."""
    minimums = {}
    for match in _VERSION.finditer(log):
        name, oldest = _OLDEST[match[1].lower()]
        version = tuple(int(part) for part in match[2].split(".")[:3])
        minimum = oldest.get(version[0])
        if minimum and version < minimum:
            minimums[name, match[2]] = ".".join(map(str, minimum))
    return [(name, version, minimum) for (name, version), minimum in minimums.items()]


def find_refusal(log: str) -> StsAnswer | None:
    """The refusal by STS in a log; None if it does not contain one."""
    for pattern in _PRINTED_ERRORS:
        match = pattern.search(log)
        if match:
            return StsAnswer({}, code=excerpt(match[1]), message=excerpt(match[2]))
    return None


def findings(
    chain: Chain,
    aws: AwsFacts,
    pod: TestPod,
    *,
    allowed: bool | None,
    has_sts_answer: bool,
    earlier: t.Sequence[Finding],
) -> list[Finding]:
    """The findings about the log of the test pod.

    :param allowed: whether STS should accept the service account according to IAM; None if that is unknown.
    :param has_sts_answer: STS has answered the token probe, so a refusal in the log is not a new finding.
    :param earlier: all other findings.
    """
    name = f"the test pod of {sts_rules.account_name(chain)}"
    refusal = find_refusal(pod.log)
    if refusal:
        kind = sts_rules.classify_refusal(refusal)
        if kind == "expired":
            return [_expired(name, refusal)]
        has_conditions = bool(sts_rules.origin_conditions(chain, aws, refusal, allowed=allowed))
        if has_sts_answer and kind != "region" and not has_conditions:
            return []
        if any(finding.id == "sts-region-disabled" for finding in earlier):
            return []
        answer = dataclasses.replace(refusal, region=chain.region)
        return sts_rules.findings(chain, aws, answer, allowed=allowed, earlier=earlier, is_from_pod=True)
    if caller_in(pod.log) is None and _is_expired(pod.log):
        return [_expired(name, None)]
    role = chain.intended_role_arn
    if pod.caller_arn is None:
        return _too_old(name, pod)
    if role is None or is_session_of(pod.caller_arn, role):
        return []
    if old := _too_old(name, pod):
        return old
    if any(_explains(finding) for finding in earlier):
        return []
    return [_other_caller(name, chain, pod, pod.caller_arn)]


def _other_caller(name: str, chain: Chain, pod: TestPod, caller_arn: str) -> Finding:
    session = caller_arn.rpartition("/")[2]
    identity = "the node's role" if re.fullmatch(r"i-[0-9a-f]{8,17}", session) else "another identity"
    fix = (
        "the SDK ignores the variables of the webhook: update the SDK, and remove credentials from the code"
        if pod.injected
        else "the webhook did not inject the role into the pod: check that it handles new pods in the namespace"
    )
    return Finding(
        "imds-fallback",
        f"{name} uses {identity}, {caller_arn}",
        fix,
        evidence="aws sts get-caller-identity in the test pod",
        expected=chain.role_arn,
        found=caller_arn,
    )


def _explains(finding: Finding) -> bool:
    """Whether a finding explains why a pod uses another identity."""
    return finding.severity == "error" or finding.id in ("pod-identity-wins", "skip-containers")


def _is_expired(log: str) -> bool:
    return re.search(r"\bExpiredToken(Exception)?\b", log) is not None


def _expired(name: str, refusal: StsAnswer | None) -> Finding:
    return Finding(
        "token-expired",
        f"{name} sent an expired token to STS",
        "let the program read the file in AWS_WEB_IDENTITY_TOKEN_FILE each time, as current SDKs do, because the "
        "kubelet renews the token",
        evidence=f"log: {refusal.code}: {refusal.message}" if refusal else "log: ExpiredToken",
    )


def _too_old(name: str, pod: TestPod) -> list[Finding]:
    """The finding about an SDK that ignores the webhook's variables."""
    old = old_sdks(pod.log) if pod.injected else []
    if not old:
        return []
    sdk, version, minimum = old[0]
    return [
        Finding(
            "sdk-too-old",
            f"{name} has the webhook's variables, but {sdk} {version} does not support them",
            f"upgrade {sdk} in the image to {minimum} or later",
            evidence=f"log: {sdk} {version}",
            expected=minimum,
            found=version,
        )
    ]
