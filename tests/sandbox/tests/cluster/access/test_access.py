# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Authentication, authorization, service account tokens, and the webhook."""

from __future__ import annotations

import base64
import json
import time
import typing as t

import joserfc.jwk
import joserfc.jwt
import pytest
from sandbox import settings
from sandbox.tests.support.clusters import ROLE_ARN, STRATEGIC, ClusterUnderTest, Json, Namespace

ARN = "arn:aws:iam::123456789012:role/app"


def request_token(namespace: Namespace, account: str, **spec: t.Any) -> Json:
    path = f"{namespace.core}/serviceaccounts/{account}/token"
    return t.cast("Json", namespace.cluster.ok("POST", path, {"spec": spec})["status"])


def test_token_claims(namespace: Namespace) -> None:
    account = namespace.account("app")
    status = request_token(namespace, "app", audiences=[settings.AUDIENCE], expirationSeconds=600)
    keys = joserfc.jwk.KeySet.import_key_set(namespace.cluster.ok("GET", "/openid/v1/jwks", accept="*/*"))
    decoded = joserfc.jwt.decode(status["token"], keys, algorithms=["RS256"])
    claims = decoded.claims
    assert decoded.header["kid"] == namespace.cluster.state.cluster()["jwks"]["keys"][0]["kid"]
    assert claims["iss"] == namespace.cluster.state.cluster()["issuer"]
    assert claims["aud"] == [settings.AUDIENCE]
    assert claims["sub"] == f"system:serviceaccount:{namespace.name}:app"
    assert claims["kubernetes.io"] == {
        "namespace": namespace.name,
        "serviceaccount": {"name": "app", "uid": account["metadata"]["uid"]},
    }
    assert claims["exp"] - claims["iat"] == 600
    assert claims["iat"] == claims["nbf"] == pytest.approx(time.time(), abs=5)
    assert status["expirationTimestamp"] == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(claims["exp"]))


def test_minimum_token_expiration(namespace: Namespace) -> None:
    path = f"{namespace.core}/serviceaccounts/default/token"
    response = namespace.cluster.call("POST", path, {"spec": {"expirationSeconds": 599}})
    assert response.status == 422
    assert "may not specify a duration less than 10 minutes" in response.body["message"]


def test_issuer_discovery(cluster: ClusterUnderTest) -> None:
    document = cluster.ok("GET", "/.well-known/openid-configuration")
    issuer = cluster.state.cluster()["issuer"]
    assert (document["issuer"], document["jwks_uri"]) == (issuer, f"{issuer}/keys")


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        (
            "GET",
            "/api/v1/namespaces/{ns}/serviceaccounts/default",
            'serviceaccounts "default" is forbidden: User "{user}" cannot get resource "serviceaccounts" in API group '
            '"" in the namespace "{ns}"',
        ),
        (
            "GET",
            "/apis/apps/v1/deployments",
            'deployments.apps is forbidden: User "{user}" cannot list resource "deployments" in API group "apps" at '
            "the cluster scope",
        ),
        (
            "POST",
            "/api/v1/namespaces/{ns}/pods/p/eviction",
            'pods "p" is forbidden: User "{user}" cannot create resource "pods/eviction" in API group "" in the '
            'namespace "{ns}"',
        ),
        ("GET", "/metrics", 'forbidden: User "{user}" cannot get path "/metrics"'),
    ],
)
def test_forbidden_message(namespace: Namespace, method: str, path: str, message: str) -> None:
    token = request_token(namespace, "default")["token"]
    user = f"system:serviceaccount:{namespace.name}:default"
    body = {} if method == "POST" else None
    response = namespace.cluster.call(method, path.format(ns=namespace.name), body, token=token)
    assert (response.status, response.body["reason"]) == (403, "Forbidden")
    assert response.body["message"] == message.format(user=user, ns=namespace.name)


def test_role_and_binding(namespace: Namespace) -> None:
    cluster, token = namespace.cluster, request_token(namespace, "default")["token"]
    namespace.account("app")
    path = f"{namespace.core}/serviceaccounts"
    rule = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"], "resourceNames": ["app"]}
    cluster.ok("POST", f"{namespace.rbac}/roles", {"metadata": {"name": "r"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "r"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace.name}],
    }
    assert cluster.call("GET", f"{path}/app", token=token).status == 403
    cluster.ok("POST", f"{namespace.rbac}/rolebindings", binding)
    deadline = time.monotonic() + 5
    while cluster.call("GET", f"{path}/app", token=token).status != 200:
        assert time.monotonic() < deadline
    assert cluster.call("GET", f"{path}/default", token=token).status == 403
    assert cluster.call("GET", path, token=token).status == 403
    attributes = {"verb": "get", "resource": "serviceaccounts", "name": "app", "namespace": namespace.name}
    spec = {"user": f"system:serviceaccount:{namespace.name}:default", "resourceAttributes": attributes}
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    for verb, allowed in (("get", True), ("patch", False)):
        attributes["verb"] = verb
        assert cluster.ok("POST", reviews, {"spec": spec})["status"]["allowed"] is allowed


def _forged(token: str) -> str:
    head, claims, signature = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    decoded["sub"] = "system:serviceaccount:kube-system:default"
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(decoded).encode()).decode().rstrip("="), signature))


def test_invalid_tokens_are_rejected(namespace: Namespace) -> None:
    cluster = namespace.cluster
    good = request_token(namespace, "default")["token"]
    other_audience = request_token(namespace, "default", audiences=[settings.AUDIENCE])["token"]
    for token in ("nonsense", _forged(good), other_audience, "k8s-aws-v1.nonsense"):
        response = cluster.call("GET", "/version", token=token)
        assert (response.status, response.body["message"]) == (401, "Unauthorized"), token
    assert cluster.call("GET", "/version", token=good).status == 200
    cluster.ok("DELETE", f"{namespace.core}/serviceaccounts/default")
    deadline = time.monotonic() + 15
    while cluster.call("GET", "/version", token=good).status != 401:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_anonymous_requests(cluster: ClusterUnderTest) -> None:
    assert cluster.call("GET", "/readyz", token="").status == 200
    # Kubernetes authenticates the request as system:anonymous, without permissions. EKS rejects it.
    assert cluster.call("GET", "/api/v1/pods", token="").status == (403 if cluster.real else 401)


def pod(name: str, **metadata: t.Any) -> Json:
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"serviceAccountName": "app", "containers": [{"name": "main", "image": "app:1"}]},
    }


def environment(obj: Json) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in obj["spec"]["containers"][0].get("env", ())}


def test_pod_is_injected(namespace: Namespace) -> None:
    namespace.account("app", **{ROLE_ARN: ARN})
    created = namespace.cluster.ok("POST", f"{namespace.core}/pods", pod("p"), dryRun="All")
    assert environment(created)["AWS_ROLE_ARN"] == ARN
    assert environment(created)["AWS_REGION"] == settings.REGION
    (volume,) = [volume for volume in created["spec"]["volumes"] if volume["name"] == "aws-iam-token"]
    token = volume["projected"]["sources"][0]["serviceAccountToken"]
    assert token == {"audience": settings.AUDIENCE, "expirationSeconds": 86400, "path": "token"}
    assert namespace.cluster.call("GET", f"{namespace.core}/pods/p").status == 404


def test_skip_label(namespace: Namespace) -> None:
    namespace.account("app", **{ROLE_ARN: ARN})
    labels = {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}
    created = namespace.cluster.ok("POST", f"{namespace.core}/pods", pod("p", labels=labels), dryRun="All")
    assert environment(created) == {}


def test_webhook_with_wrong_ca_fails(namespace: Namespace) -> None:
    cluster = namespace.cluster
    namespace.account("app", **{ROLE_ARN: ARN})
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
    configuration = cluster.ok("GET", path)
    hook = configuration["webhooks"][0]
    wrong_ca = base64.b64encode((cluster.state.pki / "admin.crt").read_bytes()).decode()

    def change(**fields: t.Any) -> None:
        cluster.ok("PATCH", path, {"webhooks": [{"name": hook["name"], **fields}]}, STRATEGIC)

    def wait_until(expected: t.Callable[[t.Any], bool]) -> t.Any:
        deadline = time.monotonic() + 10
        while True:
            response = cluster.call("POST", f"{namespace.core}/pods", pod("p"), dryRun="All")
            if expected(response):
                return response
            assert time.monotonic() < deadline, response
            time.sleep(0.05)

    try:
        change(clientConfig={**hook["clientConfig"], "caBundle": wrong_ca})
        wait_until(lambda response: response.status == 201 and environment(response.body) == {})
        change(failurePolicy="Fail")
        response = wait_until(lambda response: response.status == 500)
        assert f'failed calling webhook "{hook["name"]}"' in response.body["message"]
    finally:
        change(clientConfig=hook["clientConfig"], failurePolicy=hook["failurePolicy"])
    wait_until(lambda response: response.status == 201 and "AWS_ROLE_ARN" in environment(response.body))


def test_anonymous_user_can_be_impersonated(namespace: Namespace) -> None:
    path = "/.well-known/openid-configuration"
    assert namespace.cluster.call("GET", path, impersonate="nobody").status == 200
    response = namespace.cluster.call("GET", path, impersonate="system:anonymous")
    assert response.status == 403
    assert f'User "system:anonymous" cannot get path "{path}"' in response.body["message"]


def test_impersonation_requires_permission(namespace: Namespace) -> None:
    response = namespace.cluster.call("GET", f"{namespace.core}/serviceaccounts/default", impersonate="nobody")
    assert response.status == 403
    assert 'User "nobody" cannot get resource "serviceaccounts"' in response.body["message"]
    namespace.account("app")
    token = request_token(namespace, "app")["token"]
    response = namespace.cluster.call("GET", "/version", token=token, impersonate="admin")
    assert response.status == 403
    assert 'cannot impersonate resource "users" in API group "" at the cluster scope' in response.body["message"]
