# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the webhook and the pods, with their messages.

The webhook of the sandbox injects the valid pods.
"""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import Chain, KubernetesFacts
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import pods as pod_rules
from unit.chain_objects import (
    CA,
    CHAIN,
    NOT_READ,
    OTHER,
    ROLE,
    account,
    authority,
    bundle,
    container,
    dry_run,
    hook,
    inject,
    kubernetes,
    pem,
    plain_pod,
    template,
)

Json = dict[str, t.Any]

CHINA = dataclasses.replace(CHAIN, partition="aws-cn", region="cn-north-1")
SKIP_LABEL = "eks.amazonaws.com/skip-pod-identity-webhook"
SKIP_CONTAINERS = "eks.amazonaws.com/skip-containers"
MIRROR = "kubernetes.io/config.mirror"
CHINESE = ROLE.replace("aws", "aws-cn", 1)
NODE = ("v1", "Node", "ip-10-0-0-1")
FILE = "/var/run/secrets/eks.amazonaws.com/serviceaccount/token"
WINDOWS = {"nodeSelector": {"kubernetes.io/os": "windows"}}
SERVICE = {"service": {"namespace": "kube-system", "name": "pod-identity-webhook"}}
LOCAL = {"url": "https://127.0.0.1:23443/mutate"}
NEW_CA = authority("kubernetes")
REFUSED = 'Internal error occurred: failed calling webhook "iam-for-pods.amazonaws.com": failed to call webhook: Post '
REFUSED += '"https://127.0.0.1:23443/mutate?timeout=10s": '


def find(facts: KubernetesFacts, chain: Chain = CHAIN) -> list[Finding]:
    return pod_rules.findings(chain, facts)


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return [finding.id for finding in findings]


def skip(value: str) -> dict[str, t.Any]:
    return {"annotations": {SKIP_CONTAINERS: value}}


def preset_pod(role: str | None = ROLE, audience: str = "sts.amazonaws.com", path: str = "/aws", **file: str) -> Json:
    """A pod whose container sets the environment and the token volume itself."""
    env = {"AWS_ROLE_ARN": role} if role else {}
    preset = container(**env, AWS_WEB_IDENTITY_TOKEN_FILE=file.get("file", "/aws/token"))
    preset["volumeMounts"] = [{"name": "aws", "mountPath": path}]
    token = {"serviceAccountToken": {"audience": audience, "path": "token"}}
    return plain_pod("web-5d4f-x1", preset, volumes=[{"name": "aws", "projected": {"sources": [token]}}])


def add_sidecar(pod: Json, *sidecars: Json) -> Json:
    """The pod with containers that were added after the webhook ran."""
    pod["spec"]["containers"] += sidecars or [container("proxy")]
    return pod


def add_skip_label(pod: Json) -> Json:
    """The pod with the label that excludes it from the webhook."""
    return {**pod, "metadata": {**pod["metadata"], "labels": {SKIP_LABEL: "true"}}}


def with_env_from(**source: t.Any) -> Json:
    return {**container(), "envFrom": [source]}


INTACT = [
    pytest.param([inject(plain_pod())], {}, id="plain"),
    pytest.param([inject(plain_pod(init=[container("prepare")]))], {}, id="init-containers"),
    pytest.param([inject(plain_pod("p", container(), container("proxy"), **skip("proxy")))], {}, id="one-skipped"),
    pytest.param([inject(plain_pod(init=[container("a")], **skip("a")))], {}, id="init-container-skipped"),
    pytest.param(
        [inject(plain_pod("web-5d4f-x1")), inject(plain_pod("db-0", owner=("apps/v1", "StatefulSet", "db")))],
        {},
        id="two-workloads",
    ),
    pytest.param([inject(plain_pod(f"web-5d4f-x{number}")) for number in range(9)], {}, id="many-pods"),
    pytest.param([inject(plain_pod(**WINDOWS))], {}, id="windows"),
    pytest.param([inject(plain_pod(nodeSelector={"beta.kubernetes.io/os": "windows"}))], {}, id="windows-beta-label"),
    pytest.param([inject(plain_pod(automountServiceAccountToken=False))], {}, id="automount-off"),
    pytest.param([inject(plain_pod())], {"workloads": template(plain_pod())}, id="template-known"),
    pytest.param([inject(plain_pod(owner=None))], {}, id="pod-without-owner"),
    pytest.param([], {"pods": []}, id="no-pods"),
    pytest.param([plain_pod(status={"phase": "Succeeded"}), inject(plain_pod("y"))], {}, id="stale-pod-succeeded"),
    pytest.param(
        [{**(p := plain_pod()), "metadata": {**p["metadata"], "deletionTimestamp": "x"}}],
        {},
        id="stale-pod-terminating",
    ),
    pytest.param([preset_pod()], {"workloads": template(preset_pod())}, id="complete-environment"),
    pytest.param([preset_pod()], {}, id="complete-environment-and-template-unknown"),
    pytest.param([inject(preset_pod())], {"workloads": template(preset_pod())}, id="complete-environment-and-injected"),
    pytest.param([inject(plain_pod("p", container(AWS_PROFILE="")))], {}, id="empty-profile"),
    pytest.param([inject(plain_pod("p", with_env_from(secretRef={"name": "s"})))], {}, id="unreadable-secret"),
    pytest.param(
        [inject(plain_pod("p", with_env_from(secretRef={"name": "s"}, prefix="OLD_")))],
        {"env_sources": {("Secret", "s"): ["AWS_ACCESS_KEY_ID"]}},
        id="secret-with-prefix",
    ),
    pytest.param([inject(plain_pod(securityContext={"runAsUser": 1000}))], {}, id="non-root-user"),
    pytest.param([add_skip_label(inject(plain_pod()))], {}, id="skip-label-added-after-injection"),
    pytest.param(
        [inject(plain_pod())], {"account": account(audience="sts.amazonaws.com")}, id="default-audience-in-annotation"
    ),
    pytest.param(
        [inject(plain_pod(), annotations={"audience": "vault"})],
        {"account": account(audience="vault"), "admitted": dry_run(annotations={"audience": "vault"})},
        id="audience-annotation",
    ),
    pytest.param([inject(plain_pod())], {"account": account(None)}, id="role-from-webhook-configmap"),
    pytest.param(
        [inject(plain_pod())], {"admitted": None, "webhooks": NOT_READ, "namespace": NOT_READ}, id="only-pods-read"
    ),
    # The dry run proves that the webhook works, whatever its name is.
    pytest.param([inject(plain_pod())], {"webhooks": []}, id="unknown-webhook-name"),
    pytest.param(
        [inject(plain_pod())],
        {"webhooks": [hook(clientConfig={**SERVICE, "caBundle": ""})]},
        id="empty-ca-bundle-but-dry-run-works",
    ),
    # The association is a finding about the service account.
    pytest.param([inject(plain_pod(), pod_identity=True)], {"admitted": dry_run(pod_identity=True)}, id="pod-identity"),
    pytest.param([inject(plain_pod(), pod_identity=True)], {"admitted": None}, id="pod-identity-without-dry-run"),
]


@pytest.mark.parametrize(("pods", "facts"), INTACT)
def test_valid_pods_have_no_findings(pods: list[Json], facts: Json) -> None:
    assert find(kubernetes(*pods, **facts)) == []


def test_valid_pods_in_china_have_no_findings() -> None:
    assert find(kubernetes(inject(plain_pod(), region="cn-north-1")), CHINA) == []
    # The ConfigMap cannot be read and may set the region.
    assert find(kubernetes(inject(plain_pod("p", with_env_from(configMapRef={"name": "c"})))), CHINA) == []


BROKEN = [
    pytest.param([plain_pod()], {}, ["pod-predates-annotation"], id="pod-predates-annotation"),
    pytest.param([inject(plain_pod(), OTHER)], {}, ["pod-stale-role"], id="pod-stale-role"),
    pytest.param(
        [inject(plain_pod(), pod_identity=True)], {}, ["pod-stale-role"], id="pod-stale-role-from-deleted-association"
    ),
    pytest.param(
        [inject(plain_pod())],
        {"account": account(audience="vault"), "admitted": dry_run(annotations={"audience": "vault"})},
        ["pod-predates-annotation"],
        id="pod-predates-annotation-other-audience",
    ),
    pytest.param([inject(plain_pod(serviceAccountName="web"))], {}, ["pod-other-account"], id="pod-other-account"),
    pytest.param(
        [plain_pod(annotations={MIRROR: "x"}, owner=NODE, serviceAccountName="")], {}, ["static-pod"], id="static-pod"
    ),
    pytest.param([plain_pod(labels={SKIP_LABEL: "true"})], {}, ["webhook-excluded"], id="webhook-excluded"),
    pytest.param(
        [plain_pod()],
        {"webhooks": [hook(objectSelector={"matchLabels": {"irsa": "yes"}})], "admitted": dry_run(None)},
        ["webhook-excluded"],
        id="webhook-excluded-by-object-selector",
    ),
    pytest.param([inject(plain_pod(**skip("app")))], {}, ["skip-containers"], id="skip-containers"),
    pytest.param([inject(plain_pod(**skip('a"pp')))], {}, ["skip-containers"], id="skip-containers-invalid-csv"),
    pytest.param(
        [inject(plain_pod("p", container(), container("proxy"), **skip("x, proxy")))],
        {},
        ["skip-containers"],
        id="skip-containers-with-space",
    ),
    pytest.param(
        [inject(plain_pod())],
        {"workloads": template(plain_pod(), **skip("app"))},
        ["skip-containers"],
        id="skip-containers-on-workload",
    ),
    pytest.param([inject(plain_pod("p", container(AWS_ROLE_ARN=ROLE)))], {}, ["env-preset"], id="env-preset"),
    pytest.param(
        [inject(plain_pod("p", container(AWS_WEB_IDENTITY_TOKEN_FILE=FILE)))],
        {},
        ["env-preset"],
        id="env-preset-token-file",
    ),
    pytest.param(
        [plain_pod("p", container(AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere"))],
        {},
        ["env-preset"],
        id="env-preset-token-not-mounted",
    ),
    pytest.param(
        [preset_pod(OTHER)], {"workloads": template(preset_pod(OTHER))}, ["env-preset"], id="env-preset-other-role"
    ),
    pytest.param([preset_pod(audience="vault")], {}, ["env-preset"], id="env-preset-other-audience"),
    pytest.param(
        [inject(plain_pod(), OTHER)],
        {"workloads": template(inject(plain_pod(), OTHER))},
        ["env-preset"],
        id="env-preset-in-template",
    ),
    pytest.param([add_sidecar(inject(plain_pod()))], {}, ["injected-sidecar"], id="injected-sidecar"),
    pytest.param(
        [add_sidecar(inject(plain_pod()))],
        {"workloads": template(plain_pod())},
        ["injected-sidecar"],
        id="injected-sidecar-template-known",
    ),
    pytest.param(
        [inject(plain_pod("p", container(AWS_ACCESS_KEY_ID="AKIA1")))],
        {},
        ["static-credentials"],
        id="static-credentials",
    ),
    pytest.param(
        [inject(plain_pod("p", {"name": "app", "env": [{"name": "AWS_PROFILE", "valueFrom": {"fieldRef": {}}}]}))],
        {},
        ["static-credentials"],
        id="static-credentials-by-field-reference",
    ),
    pytest.param(
        [inject(plain_pod("p", with_env_from(secretRef={"name": "s"}, prefix="AWS_")))],
        {"env_sources": {("Secret", "s"): ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"]}},
        ["static-credentials"],
        id="static-credentials-from-secret",
    ),
    pytest.param(
        [inject(plain_pod(securityContext={"runAsUser": 1000}))],
        {"minor_version": 18},
        ["token-unreadable"],
        id="token-unreadable",
    ),
    pytest.param(
        [inject(plain_pod("p", {**container(), "securityContext": {"runAsNonRoot": True}}))],
        {"minor_version": 18},
        ["token-unreadable"],
        id="token-unreadable-container-user",
    ),
    pytest.param([inject(plain_pod(os={"name": "windows"}))], {}, ["windows-path"], id="windows-path"),
    pytest.param(
        [inject(plain_pod(securityContext={"windowsOptions": {"runAsUserName": "x"}}))],
        {},
        ["windows-path"],
        id="windows-path-by-windows-options",
    ),
    pytest.param(
        [
            inject(
                plain_pod(
                    affinity={
                        "nodeAffinity": {
                            "requiredDuringSchedulingIgnoredDuringExecution": {
                                "nodeSelectorTerms": [
                                    {
                                        "matchExpressions": [
                                            {"key": "kubernetes.io/os", "operator": "In", "values": ["windows"]}
                                        ]
                                    }
                                ]
                            }
                        }
                    }
                )
            )
        ],
        {},
        ["windows-path"],
        id="windows-path-by-affinity",
    ),
]


@pytest.mark.parametrize(("pods", "facts", "expected"), BROKEN)
def test_broken_pods_have_exactly_these_findings(pods: list[Json], facts: Json, expected: list[str]) -> None:
    assert ids(find(kubernetes(*pods, **facts))) == expected


@pytest.mark.parametrize(
    ("chain", "region", "expected"),
    [
        pytest.param(CHINA, None, ["region-unset"], id="region-unset"),
        pytest.param(
            dataclasses.replace(CHAIN, partition=None, role_arn=CHINESE),
            None,
            ["region-unset"],
            id="partition-only-in-role-arn",
        ),
        pytest.param(CHINA, "cn-north-1", [], id="set-by-webhook"),
        pytest.param(dataclasses.replace(CHAIN, partition="aws-us-gov"), None, [], id="other-partition"),
    ],
)
def test_region_is_required_only_in_china(chain: Chain, region: str | None, expected: list[str]) -> None:
    role = chain.role_arn
    facts = kubernetes(inject(plain_pod(), role, region=region), account=account(role), admitted=dry_run(role))
    assert ids(find(facts, chain)) == expected
    # A pod without the role does not need a region.
    facts = kubernetes(plain_pod(), account=account(role), admitted=dry_run(role))
    assert ids(find(facts, chain)) == ["pod-predates-annotation"]


# The webhook


SHOP = {"metadata": {"name": "shop", "labels": {"team": "shop"}}}
EXPIRED = bundle(authority(days=(-400, -1)))
NOT_INJECTED = {"admitted": dry_run(None)}
RENEWED_HOOK = hook(
    "vpc-resource-mutating-webhook", name="mpod.vpc.k8s.aws", clientConfig={**LOCAL, "caBundle": bundle(CA, NEW_CA)}
)


def without_dry_run(*hooks: Json, **facts: t.Any) -> Json:
    return {"webhooks": list(hooks), "admitted": None, **facts}


WEBHOOK = [
    pytest.param(without_dry_run(), ["webhook-missing"], id="webhook-missing"),
    pytest.param({"webhooks": [], **NOT_INJECTED}, ["webhook-missing"], id="webhook-missing-with-dry-run"),
    pytest.param(
        without_dry_run(hook("vpc", name="mpod.vpc.k8s.aws")),
        ["webhook-missing"],
        id="webhook-missing-but-other-webhooks",
    ),
    pytest.param(without_dry_run(hook(rules=[])), ["webhook-missing"], id="webhook-missing-without-rules"),
    pytest.param(without_dry_run(namespace=NOT_READ), ["webhook-missing"], id="webhook-missing-namespace-unknown"),
    pytest.param(
        without_dry_run(hook(namespaceSelector={"matchLabels": {"irsa": "on"}}), namespace=SHOP),
        ["webhook-excluded"],
        id="webhook-excluded-by-label",
    ),
    pytest.param(
        {
            "webhooks": [
                hook(
                    namespaceSelector={
                        "matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["infra", "shop"]}]
                    }
                )
            ],
            "namespace": SHOP,
            **NOT_INJECTED,
        },
        ["webhook-excluded"],
        id="webhook-excluded-by-expression",
    ),
    pytest.param(
        without_dry_run(hook(clientConfig={**SERVICE, "caBundle": ""})),
        ["webhook-ca-stale"],
        id="webhook-ca-stale-empty",
    ),
    pytest.param(
        without_dry_run(hook(clientConfig={**SERVICE, "caBundle": EXPIRED})),
        ["webhook-ca-stale"],
        id="webhook-ca-stale-expired",
    ),
    pytest.param(
        without_dry_run(hook(clientConfig={**SERVICE, "caBundle": "bm8="})),
        ["webhook-ca-stale"],
        id="webhook-ca-stale-invalid-pem",
    ),
    pytest.param(
        {
            "webhooks": [hook(clientConfig={**SERVICE, "caBundle": bundle(CA)})],
            "serving_ca": pem(NEW_CA),
            **NOT_INJECTED,
        },
        ["webhook-ca-stale"],
        id="webhook-ca-stale",
    ),
    pytest.param(
        {"webhooks": [hook(), RENEWED_HOOK], **NOT_INJECTED}, ["webhook-ca-stale"], id="webhook-ca-stale-after-rotation"
    ),
    pytest.param(
        {"admitted": NOT_READ, "refused": REFUSED + "tls: x509: certificate signed by unknown authority"},
        ["webhook-ca-stale"],
        id="webhook-ca-stale-in-rejected-dry-run",
    ),
    pytest.param(NOT_INJECTED, ["webhook-unreachable"], id="webhook-unreachable"),
    pytest.param(
        {"webhooks": NOT_READ, **NOT_INJECTED}, ["webhook-unreachable"], id="webhook-unreachable-and-not-listable"
    ),
    pytest.param(
        {"webhooks": [hook(namespaceSelector={"matchLabels": {"a": "b"}})], "namespace": NOT_READ, **NOT_INJECTED},
        ["webhook-unreachable"],
        id="webhook-unreachable-namespace-unknown",
    ),
    pytest.param(
        {"admitted": NOT_READ, "refused": REFUSED + "dial tcp 127.0.0.1:23443: connect: connection refused"},
        ["webhook-unreachable"],
        id="webhook-unreachable-and-dry-run-rejected",
    ),
    pytest.param(
        {"webhooks": [], "admitted": NOT_READ, "refused": REFUSED + "connection refused"},
        ["webhook-unreachable"],
        id="webhook-unreachable-and-since-deleted",
    ),
    pytest.param(
        {"webhooks": NOT_READ, "admitted": NOT_READ, "refused": REFUSED + "x509: certificate has expired"},
        ["webhook-unreachable"],
        id="webhook-unreachable-expired-certificate",
    ),
]


@pytest.mark.parametrize(("facts", "expected"), WEBHOOK)
def test_broken_webhook_has_exactly_this_finding(facts: Json, expected: list[str]) -> None:
    assert ids(find(kubernetes(inject(plain_pod()), **facts))) == expected
    # Pods without the role are a consequence. Pods with a previous role are not.
    assert ids(find(kubernetes(plain_pod(), **facts))) == expected
    assert ids(find(kubernetes(inject(plain_pod(), OTHER), **facts))) == [*expected, "pod-stale-role"]
    # A dry run with the role proves that the webhook works.
    working = {**facts, "admitted": dry_run(), "refused": None}
    assert ids(find(kubernetes(inject(plain_pod()), **working))) == []


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({**NOT_INJECTED, "account": account(None)}, id="no-annotation"),
        pytest.param({**NOT_INJECTED, "account": NOT_READ}, id="account-unknown"),
        pytest.param({"admitted": NOT_READ}, id="dry-run-rejected-by-another-webhook"),
        pytest.param({"webhooks": NOT_READ, "admitted": None}, id="webhooks-not-listable"),
        pytest.param(
            without_dry_run(hook(clientConfig={**LOCAL, "caBundle": EXPIRED}), observed_at=None), id="time-unknown"
        ),
        pytest.param(without_dry_run(hook(), serving_ca=NOT_READ), id="serving-certificate-unknown"),
        pytest.param(without_dry_run(hook(rules=[]), hook("second")), id="one-of-two-matches-pods"),
        pytest.param(
            without_dry_run(hook(namespaceSelector={"matchLabels": {"a": "b"}}), hook("second"), namespace=SHOP),
            id="one-of-two-matches-namespace",
        ),
        pytest.param(
            without_dry_run(hook(clientConfig={**LOCAL, "caBundle": EXPIRED}), hook("second")),
            id="one-of-two-is-trusted",
        ),
        pytest.param(
            without_dry_run(hook(namespaceSelector={"matchLabels": {"a": "b"}}), namespace=None), id="no-namespace"
        ),
    ],
)
def test_working_webhook_has_no_findings(facts: Json) -> None:
    assert find(kubernetes(inject(plain_pod()), **facts)) == []


# Combinations


PARTIAL = container(AWS_ROLE_ARN=ROLE)
ACCESS_KEY = container(AWS_ACCESS_KEY_ID="AKIA1")


@pytest.mark.parametrize(
    ("pods", "facts", "expected"),
    [
        pytest.param(
            [plain_pod()], {"account": account(None), **NOT_INJECTED}, [], id="not-injected-and-no-annotation"
        ),
        pytest.param(
            [plain_pod()], {"account": account(""), **NOT_INJECTED}, [], id="not-injected-and-empty-annotation"
        ),
        pytest.param([plain_pod()], {"account": None, "admitted": NOT_READ}, [], id="not-injected-and-no-account"),
        pytest.param(
            [inject(plain_pod())],
            {"account": account(None), **NOT_INJECTED},
            [],
            id="injected-before-annotation-was-removed",
        ),
        # The pods have the role of the option. The other role in the annotation is a finding about the service account.
        pytest.param(
            [inject(plain_pod())], {"account": account(OTHER), "admitted": dry_run(OTHER)}, [], id="role-as-in-option"
        ),
        pytest.param(
            [inject(plain_pod(), OTHER)],
            {"account": account(OTHER), "admitted": dry_run(OTHER)},
            [],
            id="role-as-annotated",
        ),
        pytest.param(
            [plain_pod()],
            {"account": account(OTHER), "admitted": dry_run(OTHER)},
            ["pod-predates-annotation"],
            id="not-injected-and-other-role-annotated",
        ),
        pytest.param(
            [plain_pod()],
            {"account": NOT_READ, "admitted": None},
            ["pod-predates-annotation"],
            id="not-injected-and-account-unknown",
        ),
        pytest.param(
            [plain_pod("p", PARTIAL)],
            {"account": account(None), **NOT_INJECTED},
            ["env-preset"],
            id="partial-environment-and-no-annotation",
        ),
        pytest.param([plain_pod("p", PARTIAL)], {}, ["env-preset"], id="partial-environment"),
        pytest.param(
            [plain_pod("p", PARTIAL, container("other"))],
            {},
            ["pod-predates-annotation", "env-preset"],
            id="partial-environment-and-not-injected",
        ),
        pytest.param(
            [plain_pod("p", PARTIAL)],
            without_dry_run(),
            ["webhook-missing", "env-preset"],
            id="partial-environment-and-no-webhook",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"})],
            without_dry_run(),
            ["webhook-missing", "webhook-excluded"],
            id="skip-label-and-no-webhook",
        ),
        pytest.param(
            [plain_pod("a", labels={SKIP_LABEL: "x"}), plain_pod("b")],
            {},
            ["webhook-excluded", "pod-predates-annotation"],
            id="one-with-skip-label-and-one-not-injected",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"})],
            {"account": account(None), **NOT_INJECTED},
            ["webhook-excluded"],
            id="skip-label-and-no-annotation",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"})],
            {"webhooks": NOT_READ, **NOT_INJECTED},
            ["webhook-unreachable", "webhook-excluded"],
            id="skip-label-and-webhook-unreachable",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"}, serviceAccountName="web")],
            {},
            ["pod-other-account", "webhook-excluded"],
            id="skip-label-and-other-account",
        ),
        pytest.param(
            [plain_pod(serviceAccountName="web")], {}, ["pod-other-account"], id="other-account-and-not-injected"
        ),
        pytest.param(
            [inject(plain_pod(serviceAccountName="web"), OTHER)],
            {},
            ["pod-other-account"],
            id="other-account-with-its-own-role",
        ),
        pytest.param(
            [plain_pod("p", ACCESS_KEY, serviceAccountName="web")],
            {},
            ["pod-other-account", "static-credentials"],
            id="other-account-with-access-key",
        ),
        pytest.param(
            [plain_pod("p", ACCESS_KEY, annotations={MIRROR: "x"}, owner=NODE, serviceAccountName="")],
            {},
            ["static-pod"],
            id="static-pod-with-other-problems",
        ),
        pytest.param(
            [plain_pod("p", PARTIAL, labels={SKIP_LABEL: "x"})],
            {},
            ["webhook-excluded", "env-preset"],
            id="skip-label-and-partial-environment",
        ),
        pytest.param(
            [inject(plain_pod("p", container(), ACCESS_KEY | {"name": "b"}, **skip("b")))],
            {},
            [],
            id="skipped-container-with-access-key",
        ),
        pytest.param(
            [inject(plain_pod("p", container(), PARTIAL | {"name": "b"}, **skip("b")))],
            {},
            [],
            id="skipped-container-with-partial-environment",
        ),
        pytest.param(
            [plain_pod("p", container(), container("b"), **skip("b"))],
            {},
            ["pod-predates-annotation"],
            id="skipped-container-and-not-injected",
        ),
        pytest.param([plain_pod(**skip("app"))], {}, ["skip-containers"], id="all-containers-skipped"),
        pytest.param(
            [add_sidecar(plain_pod())],
            {"workloads": template(plain_pod())},
            ["pod-predates-annotation"],
            id="sidecar-in-pod-that-is-not-injected",
        ),
        pytest.param(
            [add_sidecar(inject(plain_pod(), OTHER))],
            {},
            ["pod-stale-role", "injected-sidecar"],
            id="sidecar-in-stale-pod",
        ),
        pytest.param(
            [add_sidecar(inject(plain_pod()), PARTIAL | {"name": "b"})],
            {},
            ["env-preset"],
            id="sidecar-with-partial-environment",
        ),
        pytest.param(
            [add_sidecar(inject(plain_pod()))],
            without_dry_run(),
            ["webhook-missing", "injected-sidecar"],
            id="sidecar-and-no-webhook",
        ),
        pytest.param(
            [inject(plain_pod("p", ACCESS_KEY), OTHER)],
            {},
            ["pod-stale-role", "static-credentials"],
            id="stale-role-and-access-key",
        ),
        pytest.param(
            [plain_pod("p", ACCESS_KEY)],
            {"account": account(None), **NOT_INJECTED},
            ["static-credentials"],
            id="access-key-and-no-annotation",
        ),
        pytest.param(
            [plain_pod(os={"name": "windows"})],
            {},
            ["pod-predates-annotation", "windows-path"],
            id="windows-and-not-injected",
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 1, "fsGroup": 1}))],
            {"minor_version": 18},
            [],
            id="fs-group",
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 1}))], {"minor_version": None}, [], id="version-unknown"
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 0, "runAsNonRoot": False}))],
            {"minor_version": 18},
            [],
            id="root-user",
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 1}, **WINDOWS))],
            {"minor_version": 18},
            [],
            id="windows-non-root-user",
        ),
        pytest.param(
            [inject(plain_pod("p", {**with_env_from(configMapRef={"name": "c"}), "env": [{"name": "AWS_PROFILE"}]}))],
            {"env_sources": {("ConfigMap", "c"): ["AWS_PROFILE"]}},
            [],
            id="profile-overridden-by-empty-env",
        ),
        pytest.param([inject(plain_pod(**skip("elsewhere")))], {}, [], id="skips-unknown-container"),
        pytest.param([], {"pods": NOT_READ, **NOT_INJECTED}, ["webhook-unreachable"], id="pods-unknown"),
    ],
)
def test_consequences_are_not_findings(pods: list[Json], facts: Json, expected: list[str]) -> None:
    assert ids(find(kubernetes(*pods, **facts))) == expected


# Messages

REPLACE = "replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: app)"
VARIABLES = "neither AWS_ROLE_ARN nor AWS_WEB_IDENTITY_TOKEN_FILE"


def find_one(*pods: Json, **facts: t.Any) -> Finding:
    (finding,) = find(kubernetes(*pods, **facts))
    return finding


def test_one_finding_names_all_pods() -> None:
    daemons = [plain_pod(f"agent-{number}", owner=("apps/v1", "DaemonSet", "agent")) for number in range(7)]
    webs = [plain_pod(f"web-5d4f-{letter}") for letter in "ab"]
    finding = find_one(*webs, *daemons, plain_pod("lonely", owner=None))
    assert finding.message == (
        "container app of DaemonSet shop/agent (pods agent-0, agent-1, agent-2 and 4 more), pod shop/lonely and "
        f"Deployment shop/web (pods web-5d4f-a and web-5d4f-b) has {VARIABLES}: created before service account "
        "shop/app was annotated, or while the webhook was not available"
    )
    assert finding.fix == (
        f"{REPLACE}; pods without an owner are deleted only with delete_unmanaged: true, and you must create them again"
    )
    assert finding.evidence == "pod agent-0: spec.containers[app].env, and 9 more"
    assert (finding.expected, finding.found) == ("AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE", "neither")


def test_fix_for_pods_of_a_job() -> None:
    finding = find_one(plain_pod("migrate-x", container("a"), container("b"), owner=("batch/v1", "Job", "migrate")))
    assert finding.message.startswith("containers a and b of Job shop/migrate (pod migrate-x) have neither")
    assert finding.fix == f"{REPLACE}; pods that run to completion are not restarted: run Job migrate again"
    task = plain_pod("build-pod", owner=("tekton.dev/v1", "TaskRun", "build"))
    task["spec"]["restartPolicy"] = "Never"
    assert find_one(task).fix == f"{REPLACE}; pods that run to completion are not restarted: run TaskRun build again"


def test_message_about_another_audience() -> None:
    facts = {"account": account(audience="vault"), "admitted": dry_run(annotations={"audience": "vault"})}
    finding = find_one(inject(plain_pod()), **facts)
    assert finding.message == (
        "the token of Deployment shop/web (pod web-5d4f-x1) has the audience sts.amazonaws.com, but service account "
        "shop/app now requests vault"
    )
    assert finding.fix == REPLACE


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        pytest.param(
            {"token_expiration": "3600"},
            "the token of Deployment shop/web (pod web-5d4f-x1) has the expiration 86400 s, but service account "
            "shop/app now requests 3600 s",
            id="token-expiration",
        ),
        pytest.param(
            {"sts_regional_endpoints": "false"},
            "container app of Deployment shop/web (pod web-5d4f-x1) has AWS_STS_REGIONAL_ENDPOINTS=regional, but "
            "service account shop/app now requests no AWS_STS_REGIONAL_ENDPOINTS",
            id="sts-regional-endpoints",
        ),
    ],
)
def test_message_about_another_setting(annotations: Json, message: str) -> None:
    keys = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
    changed = account()
    changed["metadata"]["annotations"].update(keys)
    finding = find_one(inject(plain_pod()), account=changed)
    assert (finding.id, finding.message, finding.fix) == ("pod-predates-annotation", message, REPLACE)


def test_message_about_a_stale_role() -> None:
    finding = find_one(inject(plain_pod(), OTHER))
    assert finding.message == (
        f"container app of Deployment shop/web (pod web-5d4f-x1) still has the credentials of {OTHER}: "
        f"created before service account shop/app got role {ROLE}"
    )
    assert (finding.expected, finding.found) == (ROLE, OTHER)
    assert finding.evidence == "pod web-5d4f-x1: spec.containers[app].env[AWS_ROLE_ARN]"


def test_each_reason_is_a_separate_finding() -> None:
    pods = [
        plain_pod("a", container(AWS_ROLE_ARN=ROLE)),
        plain_pod("b", container(AWS_ROLE_ARN=ROLE)),
        plain_pod("c", container(AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE=FILE)),
    ]
    partial, other_role = find(kubernetes(*pods))
    assert partial.message == (
        "container app of Deployment shop/web (pods a and b) sets AWS_ROLE_ARN, so the webhook sets "
        f"{VARIABLES}; AWS_WEB_IDENTITY_TOKEN_FILE is missing"
    )
    assert partial.fix == "remove AWS_ROLE_ARN from env in the pod template of Deployment web"
    assert other_role.message.endswith(f"; the role is {OTHER}")
    assert other_role.evidence == "pod c: spec.containers[app].env[AWS_ROLE_ARN]"


def test_findings_do_not_contain_credentials() -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    pod = inject(
        plain_pod("p", container(AWS_ACCESS_KEY_ID=secret, AWS_PROFILE="billing", AWS_SECRET_ACCESS_KEY=secret))
    )
    finding = find_one(pod)
    assert secret not in str(finding.as_dict())
    assert "billing" not in str(finding.as_dict())
    assert finding.message == (
        "container app of Deployment shop/web (pod p) has AWS_ACCESS_KEY_ID and AWS_PROFILE, which AWS SDKs use "
        "instead of the role"
    )
    assert finding.found == "AWS_ACCESS_KEY_ID and AWS_PROFILE"
    assert finding.evidence == "pod p: spec.containers[app].env[AWS_ACCESS_KEY_ID], and 1 more"
    finding = find_one(
        inject(plain_pod("p", with_env_from(secretRef={"name": "s"}))), env_sources={("Secret", "s"): ["AWS_PROFILE"]}
    )
    assert finding.evidence == "pod p: spec.containers[app].envFrom[Secret s].AWS_PROFILE"


def test_message_about_another_service_account() -> None:
    finding = find_one(
        inject(plain_pod(serviceAccountName="web")), plain_pod("b", owner=None, serviceAccountName="cart")
    )
    assert finding.message == (
        "pod shop/b and Deployment shop/web (pod web-5d4f-x1) use service accounts cart and web instead of shop/app"
    )
    assert finding.fix == (
        "set serviceAccountName: app in the pod template of Deployment web and the manifest of pod b, or select other "
        "pods with label_selectors"
    )
    assert (finding.expected, finding.found) == ("app", "cart and web")


def test_message_about_static_pods() -> None:
    finding = find_one(plain_pod("kube-proxy", annotations={MIRROR: "x"}, owner=NODE, serviceAccountName=""))
    assert finding.message == (
        "static pods cannot have a role, because the kubelet creates them without a service account and without "
        "webhooks: Node ip-10-0-0-1 (pod kube-proxy)"
    )


def test_message_about_the_skip_label() -> None:
    finding = find_one(plain_pod(labels={SKIP_LABEL: "true"}))
    assert finding.message.startswith(
        "the pod identity webhook skips Deployment shop/web (pod web-5d4f-x1) because of the pod labels: "
    )
    assert finding.fix == (
        "remove the label eks.amazonaws.com/skip-pod-identity-webhook from the pod template of Deployment web, which "
        "replaces the pods"
    )


def test_messages_about_skipped_containers() -> None:
    with_space = find_one(inject(plain_pod("p", container(), container("proxy"), **skip("x, proxy"))))
    assert with_space.message.endswith(" names container ' proxy', which does not exist; the container is proxy")
    assert with_space.found == "x, proxy"
    everything = find_one(inject(plain_pod(**skip("app"))))
    assert everything.message == (
        "annotation eks.amazonaws.com/skip-containers of Deployment shop/web (pod web-5d4f-x1) excludes all "
        "containers, so none of them has the role"
    )
    assert everything.fix == (
        "list container names separated by commas without spaces in the annotation, or remove it, in the pod template "
        "of Deployment web"
    )


HOOK = "webhook iam-for-pods.amazonaws.com of MutatingWebhookConfiguration pod-identity-webhook"


def test_message_about_a_missing_webhook() -> None:
    missing = find_one(**without_dry_run(hook("vpc", name="mpod.vpc.k8s.aws")))
    assert (missing.expected, missing.found) == ("pod-identity-webhook", "vpc")
    without_rules = find_one(**without_dry_run(hook(rules=[])))
    assert without_rules.message == (
        f"{HOOK} has no rule for the creation of pods, so the API server does not call it for new pods"
    )


def test_message_about_an_excluded_namespace() -> None:
    finding = find_one(**without_dry_run(hook(namespaceSelector={"matchLabels": {"irsa": "on"}}), namespace=SHOP))
    assert finding.message == f"{HOOK} excludes namespace shop: label irsa must be 'on' but is missing"
    assert finding.evidence == "webhooks[iam-for-pods.amazonaws.com].namespaceSelector"


def test_messages_about_an_unreachable_webhook() -> None:
    not_injected = find_one(**NOT_INJECTED)
    assert not_injected.message == (
        f"a new pod of service account shop/app gets no role, because {HOOK} does not respond"
    )
    assert not_injected.evidence == "the pod of a server-side dry run"
    assert not_injected.found == VARIABLES
    rejected = find_one(admitted=NOT_READ, refused=REFUSED + "connection refused")
    assert rejected.message == (
        f"pods of service account shop/app cannot be created, because the API server cannot call {HOOK}"
    )
    assert rejected.found == REFUSED + "connection refused"
    in_cluster = hook(clientConfig={**SERVICE, "caBundle": bundle(CA)}, matchConditions=[{"name": "x"}])
    finding = find_one(webhooks=[in_cluster], **NOT_INJECTED)
    assert "kubectl -n kube-system get endpoints pod-identity-webhook" in finding.fix
    assert "webhooks[iam-for-pods.amazonaws.com].matchConditions match pods of the service account" in finding.fix


def test_messages_about_a_stale_ca() -> None:
    on_eks = find_one(webhooks=[hook(), RENEWED_HOOK], **NOT_INJECTED)
    assert on_eks.message == (
        f"the API server does not trust {HOOK}: its caBundle does not contain a CA of webhook mpod.vpc.k8s.aws of "
        "MutatingWebhookConfiguration vpc-resource-mutating-webhook; the CA of the cluster was probably rotated"
    )
    assert "certificateAuthority.data of aws eks describe-cluster" in on_eks.fix
    managed = hook(
        clientConfig={**SERVICE, "caBundle": ""}, annotations={"cert-manager.io/inject-ca-from": "kube-system/webhook"}
    )
    finding = find_one(**without_dry_run(managed))
    assert "cainjector of cert-manager does not write it from certificate kube-system/webhook" in finding.fix
