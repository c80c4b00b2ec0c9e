# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is found about the webhook and the pods: exactly the ids, and what they say.

The sandbox's webhook makes the pods that are right.
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


def found(facts: KubernetesFacts, chain: Chain = CHAIN) -> list[Finding]:
    return pod_rules.findings(chain, facts)


def ids(findings: t.Iterable[Finding]) -> list[str]:
    return [each.id for each in findings]


def skipping(value: str) -> dict[str, t.Any]:
    return {"annotations": {SKIP_CONTAINERS: value}}


def by_hand(role: str | None = ROLE, audience: str = "sts.amazonaws.com", path: str = "/aws", **file: str) -> Json:
    """A pod whose author writes the whole environment himself, as far as it is given."""
    env = {"AWS_ROLE_ARN": role} if role else {}
    mine = container(**env, AWS_WEB_IDENTITY_TOKEN_FILE=file.get("file", "/aws/token"))
    mine["volumeMounts"] = [{"name": "aws", "mountPath": path}]
    token = {"serviceAccountToken": {"audience": audience, "path": "token"}}
    return plain_pod("web-5d4f-x1", mine, volumes=[{"name": "aws", "projected": {"sources": [token]}}])


def sidecar(pod: Json, *more: Json) -> Json:
    """The pod with containers that came after the webhook."""
    pod["spec"]["containers"] += more or [container("proxy")]
    return pod


def labelled(pod: Json) -> Json:
    """The pod with the label that keeps the webhook away, which it may have got later."""
    return {**pod, "metadata": {**pod["metadata"], "labels": {SKIP_LABEL: "true"}}}


def from_sources(**source: t.Any) -> Json:
    return {**container(), "envFrom": [source]}


HEALTHY = [
    pytest.param([inject(plain_pod())], {}, id="plain"),
    pytest.param([inject(plain_pod(init=[container("prepare")]))], {}, id="init-containers"),
    pytest.param([inject(plain_pod("p", container(), container("proxy"), **skipping("proxy")))], {}, id="one-skipped"),
    pytest.param([inject(plain_pod(init=[container("a")], **skipping("a")))], {}, id="init-container-skipped"),
    pytest.param(
        [inject(plain_pod("web-5d4f-x1")), inject(plain_pod("db-0", owner=("apps/v1", "StatefulSet", "db")))],
        {},
        id="two-workloads",
    ),
    pytest.param([inject(plain_pod(f"web-5d4f-x{number}")) for number in range(9)], {}, id="many-pods"),
    pytest.param([inject(plain_pod(**WINDOWS))], {}, id="windows"),
    pytest.param([inject(plain_pod(nodeSelector={"beta.kubernetes.io/os": "windows"}))], {}, id="windows-beta"),
    pytest.param([inject(plain_pod(automountServiceAccountToken=False))], {}, id="automount-off"),
    pytest.param([inject(plain_pod())], {"workloads": template(plain_pod())}, id="with-its-template"),
    pytest.param([inject(plain_pod(owner=None))], {}, id="bare-pod"),
    pytest.param([], {"pods": []}, id="no-pods"),
    pytest.param([plain_pod(status={"phase": "Succeeded"}), inject(plain_pod("y"))], {}, id="old-pod-has-ended"),
    pytest.param(
        [{**(p := plain_pod()), "metadata": {**p["metadata"], "deletionTimestamp": "x"}}], {}, id="old-pod-goes"
    ),
    pytest.param([by_hand()], {"workloads": template(by_hand())}, id="all-by-hand"),
    pytest.param([by_hand()], {}, id="all-by-hand-template-unknown"),
    pytest.param([inject(by_hand())], {"workloads": template(by_hand())}, id="all-by-hand-seen-by-the-webhook"),
    pytest.param([inject(plain_pod("p", container(AWS_PROFILE="")))], {}, id="an-empty-variable-is-none"),
    pytest.param([inject(plain_pod("p", from_sources(secretRef={"name": "s"})))], {}, id="a-secret-nobody-may-read"),
    pytest.param(
        [inject(plain_pod("p", from_sources(secretRef={"name": "s"}, prefix="OLD_")))],
        {"env_sources": {("Secret", "s"): ["AWS_ACCESS_KEY_ID"]}},
        id="keys-under-a-prefix",
    ),
    pytest.param([inject(plain_pod(securityContext={"runAsUser": 1000}))], {}, id="not-root"),
    pytest.param([labelled(inject(plain_pod()))], {}, id="labelled-when-it-was-there"),
    pytest.param([inject(plain_pod())], {"account": account(audience="sts.amazonaws.com")}, id="audience"),
    pytest.param(
        [inject(plain_pod(), annotations={"audience": "vault"})],
        {"account": account(audience="vault"), "admitted": dry_run(annotations={"audience": "vault"})},
        id="another-audience",
    ),
    pytest.param([inject(plain_pod())], {"account": account(None)}, id="role-from-the-webhooks-configmap"),
    pytest.param(
        [inject(plain_pod())], {"admitted": None, "webhooks": NOT_READ, "namespace": NOT_READ}, id="reads-few"
    ),
    # The dry run shows that the webhook works, whatever it is called.
    pytest.param([inject(plain_pod())], {"webhooks": []}, id="webhook-of-another-name"),
    pytest.param(
        [inject(plain_pod())], {"webhooks": [hook(clientConfig={**SERVICE, "caBundle": ""})]}, id="works-anyhow"
    ),
    # An association gives credentials to pods that are made now, and the account's findings say so.
    pytest.param([inject(plain_pod(), pod_identity=True)], {"admitted": dry_run(pod_identity=True)}, id="pod-identity"),
    pytest.param([inject(plain_pod(), pod_identity=True)], {"admitted": None}, id="pod-identity-or-not"),
]


@pytest.mark.parametrize(("pods", "facts"), HEALTHY)
def test_nothing_wrong(pods: list[Json], facts: Json) -> None:
    assert found(kubernetes(*pods, **facts)) == []


def test_nothing_wrong_in_china() -> None:
    assert found(kubernetes(inject(plain_pod(), region="cn-north-1")), CHINA) == []
    # What a ConfigMap that can't be read sets isn't known.
    assert found(kubernetes(inject(plain_pod("p", from_sources(configMapRef={"name": "c"})))), CHINA) == []


NAMED = [
    pytest.param([plain_pod()], {}, ["pod-predates-annotation"], id="pod-predates-annotation"),
    pytest.param([inject(plain_pod(), OTHER)], {}, ["pod-stale-role"], id="pod-stale-role"),
    pytest.param(
        [inject(plain_pod(), pod_identity=True)], {}, ["pod-stale-role"], id="pod-stale-role-of-an-association-gone"
    ),
    pytest.param(
        [inject(plain_pod())],
        {"account": account(audience="vault"), "admitted": dry_run(annotations={"audience": "vault"})},
        ["pod-predates-annotation"],
        id="pod-predates-annotation-of-the-audience",
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
        id="webhook-excluded-by-a-label-that-lacks",
    ),
    pytest.param([inject(plain_pod(**skipping("app")))], {}, ["skip-containers"], id="skip-containers"),
    pytest.param([inject(plain_pod(**skipping('a"pp')))], {}, ["skip-containers"], id="skip-containers-no-csv"),
    pytest.param(
        [inject(plain_pod("p", container(), container("proxy"), **skipping("x, proxy")))],
        {},
        ["skip-containers"],
        id="skip-containers-with-a-blank",
    ),
    pytest.param(
        [inject(plain_pod())],
        {"workloads": template(plain_pod(), **skipping("app"))},
        ["skip-containers"],
        id="skip-on-the-workload",
    ),
    pytest.param([inject(plain_pod("p", container(AWS_ROLE_ARN=ROLE)))], {}, ["env-preset"], id="env-preset"),
    pytest.param(
        [inject(plain_pod("p", container(AWS_WEB_IDENTITY_TOKEN_FILE=FILE)))], {}, ["env-preset"], id="env-preset-file"
    ),
    pytest.param(
        [plain_pod("p", container(AWS_ROLE_ARN=ROLE, AWS_WEB_IDENTITY_TOKEN_FILE="/nowhere"))],
        {},
        ["env-preset"],
        id="env-preset-no-token-there",
    ),
    pytest.param([by_hand(OTHER)], {"workloads": template(by_hand(OTHER))}, ["env-preset"], id="env-preset-other-role"),
    pytest.param([by_hand(audience="vault")], {}, ["env-preset"], id="env-preset-other-audience"),
    pytest.param(
        [inject(plain_pod(), OTHER)],
        {"workloads": template(inject(plain_pod(), OTHER))},
        ["env-preset"],
        id="env-preset-where-the-webhook-writes",
    ),
    pytest.param([sidecar(inject(plain_pod()))], {}, ["injected-sidecar"], id="injected-sidecar"),
    pytest.param(
        [sidecar(inject(plain_pod()))],
        {"workloads": template(plain_pod())},
        ["injected-sidecar"],
        id="sidecar-by-template",
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
        id="static-credentials-by-reference",
    ),
    pytest.param(
        [inject(plain_pod("p", from_sources(secretRef={"name": "s"}, prefix="AWS_")))],
        {"env_sources": {("Secret", "s"): ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY"]}},
        ["static-credentials"],
        id="static-credentials-of-a-secret",
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
        id="token-unreadable-by-the-container",
    ),
    pytest.param([inject(plain_pod(os={"name": "windows"}))], {}, ["windows-path"], id="windows-path"),
    pytest.param(
        [inject(plain_pod(securityContext={"windowsOptions": {"runAsUserName": "x"}}))],
        {},
        ["windows-path"],
        id="windows-path-by-its-options",
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


@pytest.mark.parametrize(("pods", "facts", "expected"), NAMED)
def test_causes_of_pods(pods: list[Json], facts: Json, expected: list[str]) -> None:
    assert ids(found(kubernetes(*pods, **facts))) == expected


@pytest.mark.parametrize(
    ("chain", "region", "expected"),
    [
        pytest.param(CHINA, None, ["region-unset"], id="region-unset"),
        pytest.param(
            dataclasses.replace(CHAIN, partition=None, role_arn=CHINESE), None, ["region-unset"], id="by-the-role-alone"
        ),
        pytest.param(CHINA, "cn-north-1", [], id="set-by-the-webhook"),
        pytest.param(dataclasses.replace(CHAIN, partition="aws-us-gov"), None, [], id="elsewhere"),
    ],
)
def test_region(chain: Chain, region: str | None, expected: list[str]) -> None:
    role = chain.role_arn
    facts = kubernetes(inject(plain_pod(), role, region=region), account=account(role), admitted=dry_run(role))
    assert ids(found(facts, chain)) == expected
    # A pod without the role has no use for a region.
    facts = kubernetes(plain_pod(), account=account(role), admitted=dry_run(role))
    assert ids(found(facts, chain)) == ["pod-predates-annotation"]


# -- the webhook


SHOP = {"metadata": {"name": "shop", "labels": {"team": "shop"}}}
EXPIRED = bundle(authority(days=(-400, -1)))
BARE = {"admitted": dry_run(None)}
OTHERS_RENEWED = hook(
    "vpc-resource-mutating-webhook", name="mpod.vpc.k8s.aws", clientConfig={**LOCAL, "caBundle": bundle(CA, NEW_CA)}
)


def reading(*hooks: Json, **facts: t.Any) -> Json:
    """Without a dry run."""
    return {"webhooks": list(hooks), "admitted": None, **facts}


WEBHOOK = [
    pytest.param(reading(), ["webhook-missing"], id="webhook-missing"),
    pytest.param({"webhooks": [], **BARE}, ["webhook-missing"], id="webhook-missing-and-dry-run"),
    pytest.param(
        reading(hook("vpc", name="mpod.vpc.k8s.aws")), ["webhook-missing"], id="webhook-missing-beside-others"
    ),
    pytest.param(reading(hook(rules=[])), ["webhook-missing"], id="webhook-missing-rules"),
    pytest.param(reading(), ["webhook-missing"], id="webhook-missing-namespace-unknown"),
    pytest.param(
        reading(hook(namespaceSelector={"matchLabels": {"irsa": "on"}}), namespace=SHOP),
        ["webhook-excluded"],
        id="webhook-excluded-namespace",
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
            **BARE,
        },
        ["webhook-excluded"],
        id="webhook-excluded-namespace-by-expression",
    ),
    pytest.param(
        reading(hook(clientConfig={**SERVICE, "caBundle": ""})), ["webhook-ca-stale"], id="webhook-ca-stale-empty"
    ),
    pytest.param(
        reading(hook(clientConfig={**SERVICE, "caBundle": EXPIRED})),
        ["webhook-ca-stale"],
        id="webhook-ca-stale-expired",
    ),
    pytest.param(
        reading(hook(clientConfig={**SERVICE, "caBundle": "bm8="})), ["webhook-ca-stale"], id="webhook-ca-stale-no-pem"
    ),
    pytest.param(
        {"webhooks": [hook(clientConfig={**SERVICE, "caBundle": bundle(CA)})], "serving_ca": pem(NEW_CA), **BARE},
        ["webhook-ca-stale"],
        id="webhook-ca-stale",
    ),
    pytest.param({"webhooks": [hook(), OTHERS_RENEWED], **BARE}, ["webhook-ca-stale"], id="webhook-ca-stale-on-eks"),
    pytest.param(
        {"admitted": NOT_READ, "refused": REFUSED + "tls: x509: certificate signed by unknown authority"},
        ["webhook-ca-stale"],
        id="webhook-ca-stale-by-the-refusal",
    ),
    pytest.param(BARE, ["webhook-unreachable"], id="webhook-unreachable"),
    pytest.param({"webhooks": NOT_READ, **BARE}, ["webhook-unreachable"], id="webhook-unreachable-may-not-be-listed"),
    pytest.param(
        {"webhooks": [hook(namespaceSelector={"matchLabels": {"a": "b"}})], "namespace": NOT_READ, **BARE},
        ["webhook-unreachable"],
        id="webhook-unreachable-namespace-unknown",
    ),
    pytest.param(
        {"admitted": NOT_READ, "refused": REFUSED + "dial tcp 127.0.0.1:23443: connect: connection refused"},
        ["webhook-unreachable"],
        id="webhook-unreachable-and-refused",
    ),
    pytest.param(
        {"webhooks": [], "admitted": NOT_READ, "refused": REFUSED + "connection refused"},
        ["webhook-unreachable"],
        id="webhook-unreachable-and-gone-since",
    ),
    pytest.param(
        {"webhooks": NOT_READ, "admitted": NOT_READ, "refused": REFUSED + "x509: certificate has expired"},
        ["webhook-unreachable"],
        id="webhook-unreachable-with-a-certificate-that-expired",
    ),
]


@pytest.mark.parametrize(("facts", "expected"), WEBHOOK)
def test_causes_of_the_webhook(facts: Json, expected: list[str]) -> None:
    assert ids(found(kubernetes(inject(plain_pod()), **facts))) == expected
    # Pods that came up bare under it did so because of it, and what is older than the present role still is.
    assert ids(found(kubernetes(plain_pod(), **facts))) == expected
    assert ids(found(kubernetes(inject(plain_pod(), OTHER), **facts))) == [*expected, "pod-stale-role"]
    # A dry run that came back with the role clears the webhook of everything.
    cleared = {**facts, "admitted": dry_run(), "refused": None}
    assert ids(found(kubernetes(inject(plain_pod()), **cleared))) == []


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({**BARE, "account": account(None)}, id="bare-as-nothing-is-promised"),
        pytest.param({**BARE, "account": NOT_READ}, id="bare-and-nobody-knows-what-is-promised"),
        pytest.param({"admitted": NOT_READ}, id="dry-run-refused-by-others"),
        pytest.param({"webhooks": NOT_READ, "admitted": None}, id="may-not-be-listed"),
        pytest.param(reading(hook(clientConfig={**LOCAL, "caBundle": EXPIRED}), observed_at=None), id="no-clock"),
        pytest.param(reading(hook(), serving_ca=NOT_READ), id="serving-certificate-unknown"),
        pytest.param(reading(hook(rules=[]), hook("second")), id="one-of-two-sees-pods"),
        pytest.param(
            reading(hook(namespaceSelector={"matchLabels": {"a": "b"}}), hook("second"), namespace=SHOP),
            id="one-of-two-sees-the-namespace",
        ),
        pytest.param(
            reading(hook(clientConfig={**LOCAL, "caBundle": EXPIRED}), hook("second")), id="one-of-two-is-trusted"
        ),
        pytest.param(
            reading(hook(namespaceSelector={"matchLabels": {"a": "b"}}), namespace=None), id="there-is-no-namespace"
        ),
    ],
)
def test_nothing_wrong_with_the_webhook(facts: Json) -> None:
    assert found(kubernetes(inject(plain_pod()), **facts)) == []


# -- pairs: what follows from what, and what doesn't


HALF = container(AWS_ROLE_ARN=ROLE)
KEYS = container(AWS_ACCESS_KEY_ID="AKIA1")


@pytest.mark.parametrize(
    ("pods", "facts", "expected"),
    [
        pytest.param([plain_pod()], {"account": account(None), **BARE}, [], id="bare-as-there-is-no-annotation"),
        pytest.param([plain_pod()], {"account": account(""), **BARE}, [], id="bare-as-the-annotation-is-empty"),
        pytest.param([plain_pod()], {"account": None, "admitted": NOT_READ}, [], id="bare-as-there-is-no-account"),
        pytest.param(
            [inject(plain_pod())], {"account": account(None), **BARE}, [], id="injected-before-it-was-removed"
        ),
        # The pods have what was asked for; the account's findings say that it names another role.
        pytest.param(
            [inject(plain_pod())], {"account": account(OTHER), "admitted": dry_run(OTHER)}, [], id="asked-for"
        ),
        pytest.param(
            [inject(plain_pod(), OTHER)], {"account": account(OTHER), "admitted": dry_run(OTHER)}, [], id="as-annotated"
        ),
        pytest.param(
            [plain_pod()],
            {"account": account(OTHER), "admitted": dry_run(OTHER)},
            ["pod-predates-annotation"],
            id="bare-whatever-the-role",
        ),
        pytest.param(
            [plain_pod()], {"account": NOT_READ, "admitted": None}, ["pod-predates-annotation"], id="account-unknown"
        ),
        pytest.param([plain_pod("p", HALF)], {"account": account(None), **BARE}, ["env-preset"], id="half-for-itself"),
        pytest.param([plain_pod("p", HALF)], {}, ["env-preset"], id="half-and-older"),
        pytest.param(
            [plain_pod("p", HALF, container("other"))],
            {},
            ["pod-predates-annotation", "env-preset"],
            id="half-beside-a-bare-one",
        ),
        pytest.param([plain_pod("p", HALF)], reading(), ["webhook-missing", "env-preset"], id="half-and-no-webhook"),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"})],
            reading(),
            ["webhook-missing", "webhook-excluded"],
            id="label-no-webhook",
        ),
        pytest.param(
            [plain_pod("a", labels={SKIP_LABEL: "x"}), plain_pod("b")],
            {},
            ["webhook-excluded", "pod-predates-annotation"],
            id="one-labelled-one-older",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"})],
            {"account": account(None), **BARE},
            ["webhook-excluded"],
            id="label-alone",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"})],
            {"webhooks": NOT_READ, **BARE},
            ["webhook-unreachable", "webhook-excluded"],
            id="labelled-and-unreachable",
        ),
        pytest.param(
            [plain_pod(labels={SKIP_LABEL: "x"}, serviceAccountName="web")],
            {},
            ["pod-other-account", "webhook-excluded"],
            id="labelled-and-of-another-account",
        ),
        pytest.param(
            [plain_pod(serviceAccountName="web")], {}, ["pod-other-account"], id="of-another-account-and-bare"
        ),
        pytest.param(
            [inject(plain_pod(serviceAccountName="web"), OTHER)], {}, ["pod-other-account"], id="with-its-own-role"
        ),
        pytest.param(
            [plain_pod("p", KEYS, serviceAccountName="web")],
            {},
            ["pod-other-account", "static-credentials"],
            id="of-another-account-with-keys",
        ),
        pytest.param(
            [plain_pod("p", KEYS, annotations={MIRROR: "x"}, owner=NODE, serviceAccountName="")],
            {},
            ["static-pod"],
            id="static-and-all-the-rest",
        ),
        pytest.param(
            [plain_pod("p", HALF, labels={SKIP_LABEL: "x"})],
            {},
            ["webhook-excluded", "env-preset"],
            id="labelled-and-half",
        ),
        pytest.param(
            [inject(plain_pod("p", container(), KEYS | {"name": "b"}, **skipping("b")))], {}, [], id="skipped-keys"
        ),
        pytest.param(
            [inject(plain_pod("p", container(), HALF | {"name": "b"}, **skipping("b")))], {}, [], id="skipped-half"
        ),
        pytest.param(
            [plain_pod("p", container(), container("b"), **skipping("b"))],
            {},
            ["pod-predates-annotation"],
            id="skipped-bare",
        ),
        pytest.param([plain_pod(**skipping("app"))], {}, ["skip-containers"], id="skipped-is-not-older"),
        pytest.param(
            [sidecar(plain_pod())],
            {"workloads": template(plain_pod())},
            ["pod-predates-annotation"],
            id="late-in-a-bare-pod",
        ),
        pytest.param(
            [sidecar(inject(plain_pod(), OTHER))], {}, ["pod-stale-role", "injected-sidecar"], id="late-in-a-stale-pod"
        ),
        pytest.param([sidecar(inject(plain_pod()), HALF | {"name": "b"})], {}, ["env-preset"], id="late-with-its-own"),
        pytest.param(
            [sidecar(inject(plain_pod()))], reading(), ["webhook-missing", "injected-sidecar"], id="late-anyway"
        ),
        pytest.param(
            [inject(plain_pod("p", KEYS), OTHER)], {}, ["pod-stale-role", "static-credentials"], id="stale-with-keys"
        ),
        pytest.param(
            [plain_pod("p", KEYS)],
            {"account": account(None), **BARE},
            ["static-credentials"],
            id="keys-without-annotation",
        ),
        pytest.param(
            [plain_pod(os={"name": "windows"})], {}, ["pod-predates-annotation", "windows-path"], id="windows-and-older"
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 1, "fsGroup": 1}))], {"minor_version": 18}, [], id="group"
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 1}))], {"minor_version": None}, [], id="some-version"
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 0, "runAsNonRoot": False}))],
            {"minor_version": 18},
            [],
            id="root",
        ),
        pytest.param(
            [inject(plain_pod(securityContext={"runAsUser": 1}, **WINDOWS))],
            {"minor_version": 18},
            [],
            id="windows-user",
        ),
        pytest.param(
            [inject(plain_pod("p", {**from_sources(configMapRef={"name": "c"}), "env": [{"name": "AWS_PROFILE"}]}))],
            {"env_sources": {("ConfigMap", "c"): ["AWS_PROFILE"]}},
            [],
            id="emptied-in-the-list",
        ),
        pytest.param([inject(plain_pod(**skipping("elsewhere")))], {}, [], id="skips-what-other-pods-have"),
        pytest.param([], {"pods": NOT_READ, **BARE}, ["webhook-unreachable"], id="pods-unknown"),
    ],
)
def test_pairs(pods: list[Json], facts: Json, expected: list[str]) -> None:
    assert ids(found(kubernetes(*pods, **facts))) == expected


# -- words


def only(*pods: Json, **facts: t.Any) -> Finding:
    (one,) = found(kubernetes(*pods, **facts))
    return one


def test_one_finding_names_all_the_pods() -> None:
    daemons = [plain_pod(f"agent-{number}", owner=("apps/v1", "DaemonSet", "agent")) for number in range(7)]
    webs = [plain_pod(f"web-5d4f-{letter}") for letter in "ab"]
    one = only(*webs, *daemons, plain_pod("lonely", owner=None))
    assert one.message == (
        "container app of DaemonSet shop/agent (pods agent-0, agent-1, agent-2 and 4 more), pod shop/lonely and "
        "Deployment shop/web (pods web-5d4f-a and web-5d4f-b) has neither AWS_ROLE_ARN nor "
        "AWS_WEB_IDENTITY_TOKEN_FILE: made before service account shop/app was annotated, or while the webhook was away"
    )
    assert one.fix == (
        "replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: app); pods without an owner "
        "go with delete_unmanaged alone, and only you can make them again"
    )
    assert one.evidence == "pod agent-0: spec.containers[app].env, and 9 more"
    assert (one.expected, one.found) == ("AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE", "neither")


def test_a_jobs_pods_are_not_restarted() -> None:
    one = only(plain_pod("migrate-x", container("a"), container("b"), owner=("batch/v1", "Job", "migrate")))
    assert one.message.startswith("containers a and b of Job shop/migrate (pod migrate-x) have neither")
    assert one.fix.endswith("; a Job's pods are never restarted: run the Job again")


def test_what_is_said_of_a_stale_role() -> None:
    one = only(inject(plain_pod(), OTHER))
    assert one.message == (
        f"container app of Deployment shop/web (pod web-5d4f-x1) still has the credentials of {OTHER}, made before "
        f"service account shop/app was given {ROLE}"
    )
    assert (one.expected, one.found) == (ROLE, OTHER)
    assert one.evidence == "pod web-5d4f-x1: spec.containers[app].env[AWS_ROLE_ARN]"


def test_causes_that_differ_are_findings_that_differ() -> None:
    pods = [
        plain_pod("a", container(AWS_ROLE_ARN=ROLE)),
        plain_pod("b", container(AWS_ROLE_ARN=ROLE)),
        plain_pod("c", container(AWS_ROLE_ARN=OTHER, AWS_WEB_IDENTITY_TOKEN_FILE=FILE)),
    ]
    half, other = found(kubernetes(*pods))
    assert half.message == (
        "container app of Deployment shop/web (pods a and b): AWS_ROLE_ARN set there, which keeps the webhook from "
        "setting AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE, and there is no AWS_WEB_IDENTITY_TOKEN_FILE"
    )
    assert half.fix == "remove AWS_ROLE_ARN from env in the pod template of Deployment web"
    assert other.message.endswith(f"and the role is {OTHER}")
    assert other.evidence == "pod c: spec.containers[app].env[AWS_ROLE_ARN]"


def test_values_of_credentials_are_never_told() -> None:
    secret = "AKIAIOSFODNN7EXAMPLE"
    pod = inject(
        plain_pod("p", container(AWS_ACCESS_KEY_ID=secret, AWS_PROFILE="billing", AWS_SECRET_ACCESS_KEY=secret))
    )
    one = only(pod)
    assert secret not in str(one.as_dict())
    assert "billing" not in str(one.as_dict())
    assert one.found == "AWS_ACCESS_KEY_ID and AWS_PROFILE"
    assert one.evidence == "pod p: spec.containers[app].env[AWS_ACCESS_KEY_ID], and 1 more"
    of_secret = only(
        inject(plain_pod("p", from_sources(secretRef={"name": "s"}))), env_sources={("Secret", "s"): ["AWS_PROFILE"]}
    )
    assert of_secret.evidence == "pod p: spec.containers[app].envFrom[Secret s].AWS_PROFILE"


def test_what_is_said_of_other_pods() -> None:
    account_of = only(
        inject(plain_pod(serviceAccountName="web")), plain_pod("b", owner=None, serviceAccountName="cart")
    )
    assert account_of.fix == (
        "set serviceAccountName: app in the pod template of Deployment web and the manifest of pod b, or choose other "
        "pods by label_selectors"
    )
    assert (account_of.expected, account_of.found) == ("app", "cart and web")
    static = only(plain_pod("kube-proxy", annotations={MIRROR: "x"}, owner=NODE, serviceAccountName=""))
    assert static.message.startswith("Node ip-10-0-0-1 (pod kube-proxy): static pods,")
    label = only(plain_pod(labels={SKIP_LABEL: "true"}))
    assert label.fix == (
        "remove the label eks.amazonaws.com/skip-pod-identity-webhook from the pod template of Deployment web, which "
        "replaces the pods"
    )


def test_what_is_said_of_skipped_containers() -> None:
    blank = only(inject(plain_pod("p", container(), container("proxy"), **skipping("x, proxy"))))
    assert blank.message.endswith("names ' proxy', which is no container; proxy is")
    assert blank.found == "x, proxy"
    everything = only(inject(plain_pod(**skipping("app"))))
    assert everything.message == (
        "annotation eks.amazonaws.com/skip-containers of Deployment shop/web (pod web-5d4f-x1) takes out all "
        "containers, so that none has the role"
    )


def test_what_is_said_of_the_webhook() -> None:
    missing = only(**reading(hook("vpc", name="mpod.vpc.k8s.aws")))
    assert (missing.expected, missing.found) == ("pod-identity-webhook", "vpc")
    excluded = only(**reading(hook(namespaceSelector={"matchLabels": {"irsa": "on"}}), namespace=SHOP))
    assert excluded.message == (
        "the webhook iam-for-pods.amazonaws.com of MutatingWebhookConfiguration pod-identity-webhook excludes "
        "namespace shop: label irsa must be 'on' and is missing"
    )
    assert excluded.evidence == "webhooks[iam-for-pods.amazonaws.com].namespaceSelector"
    untouched = only(**BARE)
    assert untouched.evidence == "a pod created as a dry run"
    assert untouched.found == "neither AWS_ROLE_ARN nor AWS_WEB_IDENTITY_TOKEN_FILE"
    refused = only(admitted=NOT_READ, refused=REFUSED + "connection refused")
    assert refused.message.startswith("pods of service account shop/app can't be created, as the API server can't call")
    assert refused.found == REFUSED + "connection refused"
    in_cluster = hook(clientConfig={**SERVICE, "caBundle": bundle(CA)}, matchConditions=[{"name": "x"}])
    unreachable = only(webhooks=[in_cluster], **BARE)
    assert "kubectl -n kube-system get endpoints pod-identity-webhook" in unreachable.fix
    assert "webhooks[iam-for-pods.amazonaws.com].matchConditions match pods of the account" in unreachable.fix


def test_what_is_said_of_a_stale_ca() -> None:
    on_eks = only(webhooks=[hook(), OTHERS_RENEWED], **BARE)
    assert on_eks.message == (
        "the API server can't trust the webhook iam-for-pods.amazonaws.com of MutatingWebhookConfiguration "
        "pod-identity-webhook: its caBundle lacks a CA that the webhook mpod.vpc.k8s.aws of "
        "MutatingWebhookConfiguration vpc-resource-mutating-webhook has, as after a rotation of the cluster's CA"
    )
    assert "certificateAuthority.data of aws eks describe-cluster" in on_eks.fix
    managed = hook(
        clientConfig={**SERVICE, "caBundle": ""}, annotations={"cert-manager.io/inject-ca-from": "kube-system/webhook"}
    )
    assert "cainjector doesn't write it from certificate kube-system/webhook" in only(**reading(managed)).fix
