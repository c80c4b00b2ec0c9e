# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import copy
import json
import typing as t

import pytest
from sandbox import webhook

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

ARN = "arn:aws:iam::123456789012:role/app"
TOKEN_DIRECTORY = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
TOKEN = f"{TOKEN_DIRECTORY}/token"
IRSA = {"AWS_ROLE_ARN": ARN, "AWS_WEB_IDENTITY_TOKEN_FILE": TOKEN}
STS = {"AWS_STS_REGIONAL_ENDPOINTS": "regional"}
REGION = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-1"}
EVERYTHING = {**STS, **REGION, **IRSA}


def account(**annotations: str) -> Json:
    """Return a service account. The keyword x_y is the annotation eks.amazonaws.com/x-y."""
    named = {f"eks.amazonaws.com/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return {"metadata": {"name": "app", "namespace": "shop", "annotations": named}}


def pod(*containers: Json, annotations: Json | None = None, labels: Json | None = None, **spec: t.Any) -> Json:
    metadata: Json = {"name": "web", "namespace": "shop"}
    if annotations is not None:
        metadata["annotations"] = {f"eks.amazonaws.com/{key}": value for key, value in annotations.items()}
    if labels is not None:
        metadata["labels"] = labels
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"serviceAccountName": "app", "containers": list(containers) or [container()], **spec},
    }


def container(name: str = "main", **env: str) -> Json:
    spec: Json = {"name": name, "image": "busybox"}
    if env:
        spec["env"] = [{"name": key, "value": value} for key, value in env.items()]
    return spec


def env(mutated: Json, name: str = "main") -> dict[str, str]:
    containers = mutated["spec"].get("initContainers", []) + mutated["spec"]["containers"]
    [spec] = [container for container in containers if container["name"] == name]
    names = [variable["name"] for variable in spec.get("env", [])]
    assert len(names) == len(set(names)), "a variable was set twice"
    return {variable["name"]: variable["value"] for variable in spec.get("env", [])}


def mounts(mutated: Json, name: str = "main") -> list[str]:
    containers = mutated["spec"].get("initContainers", []) + mutated["spec"]["containers"]
    [spec] = [container for container in containers if container["name"] == name]
    return [mount["name"] for mount in spec.get("volumeMounts", [])]


def token_source(mutated: Json) -> Json:
    return mutated["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]


def inject(original: Json, service_account: Json | None = None, **options: t.Any) -> Json:
    before = copy.deepcopy(original)
    options.setdefault("region", "eu-west-1")
    result = webhook.inject(original, account(role_arn=ARN) if service_account is None else service_account, **options)
    assert original == before, "inject must not change its argument"
    return result


@pytest.mark.parametrize(
    ("original", "service_account"),
    [
        pytest.param(pod(), None, id="account-not-known-yet"),
        pytest.param(pod(), {"metadata": {"name": "app"}}, id="no-annotations"),
        pytest.param(pod(), {"metadata": {"name": "app", "annotations": None}}, id="null-annotations"),
        pytest.param(pod(), account(role_arn=""), id="empty-annotation"),
        pytest.param(pod(), account(audience="x"), id="other-annotation-only"),
        pytest.param(
            pod(), {"metadata": {"annotations": {"eks.amazon.com/role-arn": ARN}}}, id="similar-annotation-key"
        ),
        pytest.param(pod(annotations={"role-arn": ARN}), account(), id="annotated-on-the-pod"),
        pytest.param(pod(labels={webhook.SKIP_LABEL: "true"}), account(role_arn=ARN), id="skip-label"),
        pytest.param(pod(labels={webhook.SKIP_LABEL: ""}), account(role_arn=ARN), id="skip-label-any-value"),
    ],
)
def test_unchanged_pods(original: Json, service_account: Json | None) -> None:
    assert webhook.inject(original, service_account, region="eu-west-1") == original


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        pytest.param({}, EVERYTHING, id="nothing-preset"),
        pytest.param({"X": "1"}, {"X": "1", **EVERYTHING}, id="others-stay"),
        pytest.param({"AWS_ROLE_ARN": "own"}, {"AWS_ROLE_ARN": "own", **STS, **REGION}, id="role-preset"),
        pytest.param(
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/own"},
            {"AWS_WEB_IDENTITY_TOKEN_FILE": "/own", **STS, **REGION},
            id="token-file-preset",
        ),
        pytest.param({"AWS_REGION": "us-east-1"}, {"AWS_REGION": "us-east-1", **STS, **IRSA}, id="region-preset"),
        pytest.param(
            {"AWS_DEFAULT_REGION": "us-east-1"},
            {"AWS_DEFAULT_REGION": "us-east-1", **STS, **IRSA},
            id="default-region-preset",
        ),
        pytest.param(
            {"AWS_STS_REGIONAL_ENDPOINTS": "legacy"},
            {"AWS_STS_REGIONAL_ENDPOINTS": "legacy", **REGION, **IRSA},
            id="sts-preset",
        ),
    ],
)
def test_environment(preset: dict[str, str], expected: dict[str, str]) -> None:
    mutated = inject(pod(container(**preset)))
    assert env(mutated) == expected
    assert mounts(mutated) == ["aws-iam-token"]


def test_container_with_all_variables_is_skipped() -> None:
    preset = {"AWS_ROLE_ARN": "own", "AWS_REGION": "us-east-1", "AWS_STS_REGIONAL_ENDPOINTS": "legacy"}
    mutated = inject(pod(container(**preset)))
    assert (env(mutated), mounts(mutated)) == (preset, [])
    assert token_source(mutated)["path"] == "token", "as upstream, the volume is added"


@pytest.mark.parametrize(
    ("annotation", "flag", "expected"),
    [
        (None, True, STS),
        (None, False, {}),
        ("true", False, STS),
        ("false", True, {}),
        ("1", False, STS),
        ("F", True, {}),
        ("yes", False, {}),
        ("yes", True, STS),
    ],
)
def test_regional_endpoints(annotation: str | None, flag: bool, expected: dict[str, str]) -> None:
    extra = {} if annotation is None else {"sts_regional_endpoints": annotation}
    mutated = inject(pod(), account(role_arn=ARN, **extra), sts_regional_endpoints=flag, region=None)
    assert env(mutated) == {**expected, **IRSA}


@pytest.mark.parametrize(
    ("pod_value", "account_value", "flag", "expected"),
    [
        (None, None, 86400, 86400),
        (None, None, 7200, 7200),
        (None, "3600", 86400, 3600),
        ("1800", "3600", 86400, 1800),
        ("1800", None, 86400, 1800),
        ("soon", "3600", 86400, 3600),
        (None, "soon", 7200, 7200),
        ("1", "3600", 86400, 600),
        (None, "599", 86400, 600),
        ("-5", None, 86400, 600),
        ("", "3600", 86400, 3600),
        ("90000", None, 86400, 90000),
    ],
)
def test_token_expiration(pod_value: str | None, account_value: str | None, flag: int, expected: int) -> None:
    original = pod(annotations={} if pod_value is None else {"token-expiration": pod_value})
    extra = {} if account_value is None else {"token_expiration": account_value}
    mutated = inject(original, account(role_arn=ARN, **extra), default_expiration=flag)
    assert token_source(mutated)["expirationSeconds"] == expected


@pytest.mark.parametrize(
    ("annotation", "flag", "expected"), [(None, "sts.amazonaws.com", "sts.amazonaws.com"), ("vault", "x", "vault")]
)
def test_audience(annotation: str | None, flag: str, expected: str) -> None:
    extra = {} if annotation is None else {"audience": annotation}
    mutated = inject(pod(), account(role_arn=ARN, **extra), default_audience=flag)
    assert token_source(mutated)["audience"] == expected


@pytest.mark.parametrize(
    ("value", "skipped"),
    [
        ("sidecar", {"sidecar"}),
        ("setup", {"setup"}),
        ("sidecar,main", {"sidecar", "main"}),
        ("sidecar, main", {"sidecar"}),
        ('"sidecar","main"', {"sidecar", "main"}),
        ("", set()),
        ("unknown", set()),
        ('side"car,main', set()),
        ('"sidecar,main', set()),
        ("sidecar\nmain", {"sidecar"}),
    ],
)
def test_skip_containers(value: str, skipped: set[str]) -> None:
    original = pod(
        container("main"),
        container("sidecar"),
        initContainers=[container("setup")],
        ephemeralContainers=[container("debug")],
        annotations={"skip-containers": value},
    )
    mutated = inject(original)
    for name in ("main", "sidecar", "setup"):
        assert env(mutated, name) == ({} if name in skipped else EVERYTHING)
        assert mounts(mutated, name) == ([] if name in skipped else ["aws-iam-token"])
    assert mutated["spec"]["ephemeralContainers"] == [container("debug")]


def test_skip_containers_of_account_is_ignored() -> None:
    assert env(inject(pod(), account(role_arn=ARN, skip_containers="main"))) == EVERYTHING


@pytest.mark.parametrize("arn", ["not-an-arn", ' "arn:aws:iam::123456789012:role/app"', "app"])
def test_malformed_arn_is_injected(arn: str) -> None:
    assert env(inject(pod(), account(role_arn=arn)))["AWS_ROLE_ARN"] == arn


@pytest.mark.parametrize(
    ("selector", "path"),
    [
        ({"kubernetes.io/os": "windows"}, "C:" + TOKEN.replace("/", "\\")),
        ({"beta.kubernetes.io/os": "windows"}, "C:" + TOKEN.replace("/", "\\")),
        ({"kubernetes.io/os": "linux"}, TOKEN),
        ({"os": "windows"}, TOKEN),
    ],
)
def test_windows_path(selector: dict[str, str], path: str) -> None:
    mutated = inject(pod(nodeSelector=selector))
    assert env(mutated)["AWS_WEB_IDENTITY_TOKEN_FILE"] == path
    assert mutated["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] == TOKEN_DIRECTORY


def test_volume_and_mount() -> None:
    volume = {"name": "data", "emptyDir": {}}
    mutated = inject(pod({**container(), "volumeMounts": [{"name": "data", "mountPath": "/data"}]}, volumes=[volume]))
    source = {"audience": "sts.amazonaws.com", "expirationSeconds": 86400, "path": "token"}
    assert mutated["spec"]["volumes"] == [
        {"name": "aws-iam-token", "projected": {"sources": [{"serviceAccountToken": source}]}},
        volume,
    ]
    assert mutated["spec"]["containers"][0]["volumeMounts"] == [
        {"name": "data", "mountPath": "/data"},
        {"name": "aws-iam-token", "mountPath": TOKEN_DIRECTORY, "readOnly": True},
    ]


def test_second_injection_changes_nothing() -> None:
    once = inject(pod(container("a"), container("b", AWS_REGION="x"), initContainers=[container("c")]))
    assert inject(once) == once


CONFIG = {
    "shop/app": {"RoleARN": "arn:shop", "Audience": "a", "TokenExpiration": 700},
    "*/app": {"RoleARN": "arn:any", "Audience": "b", "UseRegionalSTS": True},
}


@pytest.mark.parametrize(
    ("service_account", "config_map", "arn"),
    [
        pytest.param(account(role_arn=ARN), CONFIG, ARN, id="annotation-takes-precedence"),
        pytest.param(account(), CONFIG, "arn:shop", id="namespace-takes-precedence"),
        pytest.param(account(role_arn=""), {"*/app": CONFIG["*/app"]}, "arn:any", id="any-namespace"),
        pytest.param(None, CONFIG, "arn:shop", id="account-unknown"),
        pytest.param(account(), {"shop/other": CONFIG["*/app"]}, None, id="another-account"),
    ],
)
def test_config_map(service_account: Json | None, config_map: dict[str, Json], arn: str | None) -> None:
    mutated = webhook.inject(pod(), service_account, config_map=config_map)
    assert env(mutated).get("AWS_ROLE_ARN") == arn


def test_config_map_values() -> None:
    shop = webhook.inject(pod(), account(), config_map=CONFIG)
    assert token_source(shop) == {"audience": "a", "expirationSeconds": 700, "path": "token"}
    assert "AWS_STS_REGIONAL_ENDPOINTS" not in env(shop)
    everywhere = webhook.inject(pod(), account(), config_map={"*/app": CONFIG["*/app"]})
    assert token_source(everywhere) == {"audience": "b", "expirationSeconds": 86400, "path": "token"}
    assert env(everywhere)["AWS_STS_REGIONAL_ENDPOINTS"] == "regional"


def test_pod_identity_association_takes_precedence() -> None:
    mutated = inject(pod(labels={"app": "web"}), config_map=CONFIG, pod_identity=True)
    token = "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount/eks-pod-identity-token"
    assert env(mutated) == {
        **STS,
        **REGION,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
    }
    assert token_source(mutated)["audience"] == "pods.eks.amazonaws.com"
    assert mutated["metadata"]["labels"] == {"app": "web", "eks.amazonaws.com/pod-identity": "enabled"}


def admission_review(original: Json) -> Json:
    original = copy.deepcopy(original)
    namespace = original["metadata"].pop("namespace")
    request = {"uid": "u-1", "operation": "CREATE", "namespace": namespace, "object": original}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}


def test_review_patches_the_spec() -> None:
    namespaces: list[str] = []

    def mutate(original: Json) -> Json:
        namespaces.append(original["metadata"]["namespace"])
        return inject(original)

    response = webhook.review_pod(admission_review(pod()), mutate)
    assert namespaces == ["shop"], "the pod in a review may lack a namespace"
    assert (response["response"]["uid"], response["response"]["allowed"]) == ("u-1", True)
    assert (response["apiVersion"], response["kind"]) == ("admission.k8s.io/v1", "AdmissionReview")
    assert response["response"]["patchType"] == "JSONPatch"
    [operation] = json.loads(base64.b64decode(response["response"]["patch"]))
    assert operation == {"op": "replace", "path": "/spec", "value": inject(pod())["spec"]}


def test_review_of_unchanged_pod_has_no_patch() -> None:
    response = webhook.review_pod(admission_review(pod()), lambda original: original)
    assert response["response"] == {"uid": "u-1", "allowed": True}


@pytest.mark.parametrize("body", [{}, {"request": None}, {"request": {"uid": "u"}}, []])
def test_invalid_review_is_rejected(body: t.Any) -> None:
    with pytest.raises(ValueError, match="not an AdmissionReview"):
        webhook.review_pod(body, lambda original: original)


def test_configuration() -> None:
    configuration = webhook.configuration("UEVN", "https://127.0.0.1:1/mutate")
    assert configuration["metadata"]["name"] == "pod-identity-webhook"
    [hook] = configuration["webhooks"]
    assert hook["failurePolicy"] == "Ignore"
    assert hook["clientConfig"] == {"caBundle": "UEVN", "url": "https://127.0.0.1:1/mutate"}
    assert hook["objectSelector"]["matchExpressions"] == [{"key": webhook.SKIP_LABEL, "operator": "DoesNotExist"}]
    [rule] = hook["rules"]
    assert (rule["operations"], rule["resources"]) == (["CREATE"], ["pods"])
