# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who gets in, what they may do, the tokens that pods get, and what the webhook does to pods."""

from __future__ import annotations

import base64
import json
import time
import typing as t

import joserfc.jwk
import joserfc.jwt
import pytest
from sandbox import settings
from sandbox.tests.support.clusters import ROLE_ARN, STRATEGIC, Cluster, Json, Namespace

ARN = "arn:aws:iam::123456789012:role/app"


def token_of(namespace: Namespace, account: str, **spec: t.Any) -> Json:
    path = f"{namespace.core}/serviceaccounts/{account}/token"
    return t.cast("Json", namespace.cluster.ok("POST", path, {"spec": spec})["status"])


def test_a_token_says_who_and_for_whom(namespace: Namespace) -> None:
    account = namespace.account("app")
    status = token_of(namespace, "app", audiences=[settings.AUDIENCE], expirationSeconds=600)
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


def test_a_token_lasts_ten_minutes_at_least(namespace: Namespace) -> None:
    path = f"{namespace.core}/serviceaccounts/default/token"
    answer = namespace.cluster.call("POST", path, {"spec": {"expirationSeconds": 599}})
    assert answer.status == 422
    assert "may not specify a duration less than 10 minutes" in answer.body["message"]


def test_the_issuer_describes_itself(cluster: Cluster) -> None:
    found = cluster.ok("GET", "/.well-known/openid-configuration")
    issuer = cluster.state.cluster()["issuer"]
    assert (found["issuer"], found["jwks_uri"]) == (issuer, f"{issuer}/keys")


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
def test_a_refusal_says_what_is_missing(namespace: Namespace, method: str, path: str, message: str) -> None:
    token = token_of(namespace, "default")["token"]
    user = f"system:serviceaccount:{namespace.name}:default"
    body = {} if method == "POST" else None
    answer = namespace.cluster.call(method, path.format(ns=namespace.name), body, token=token)
    assert (answer.status, answer.body["reason"]) == (403, "Forbidden")
    assert answer.body["message"] == message.format(user=user, ns=namespace.name)


def test_a_role_grants_what_it_lists(namespace: Namespace) -> None:
    cluster, token = namespace.cluster, token_of(namespace, "default")["token"]
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
    end = time.monotonic() + 5
    while cluster.call("GET", f"{path}/app", token=token).status != 200:
        assert time.monotonic() < end
    assert cluster.call("GET", f"{path}/default", token=token).status == 403
    assert cluster.call("GET", path, token=token).status == 403
    wanted = {"verb": "get", "resource": "serviceaccounts", "name": "app", "namespace": namespace.name}
    spec = {"user": f"system:serviceaccount:{namespace.name}:default", "resourceAttributes": wanted}
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    for verb, allowed in (("get", True), ("patch", False)):
        wanted["verb"] = verb
        assert cluster.ok("POST", reviews, {"spec": spec})["status"]["allowed"] is allowed


def _forged(token: str) -> str:
    head, claims, signature = token.split(".")
    decoded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    decoded["sub"] = "system:serviceaccount:kube-system:default"
    return ".".join((head, base64.urlsafe_b64encode(json.dumps(decoded).encode()).decode().rstrip("="), signature))


def test_bad_tokens_are_refused(namespace: Namespace) -> None:
    cluster = namespace.cluster
    good = token_of(namespace, "default")["token"]
    foreign = token_of(namespace, "default", audiences=[settings.AUDIENCE])["token"]
    for token in ("nonsense", _forged(good), foreign, "k8s-aws-v1.nonsense"):
        answer = cluster.call("GET", "/version", token=token)
        assert (answer.status, answer.body["message"]) == (401, "Unauthorized"), token
    assert cluster.call("GET", "/version", token=good).status == 200
    cluster.ok("DELETE", f"{namespace.core}/serviceaccounts/default")
    end = time.monotonic() + 15
    while cluster.call("GET", "/version", token=good).status != 401:
        assert time.monotonic() < end
        time.sleep(0.1)


def test_without_credentials_there_is_only_health(cluster: Cluster) -> None:
    assert cluster.call("GET", "/readyz", token="").status == 200
    # Kubernetes lets nobody in as system:anonymous, who may do nothing; EKS does not let nobody in.
    assert cluster.call("GET", "/api/v1/pods", token="").status == (403 if cluster.real else 401)


def pod(name: str, **metadata: t.Any) -> Json:
    return {
        "metadata": {"name": name, **metadata},
        "spec": {"serviceAccountName": "app", "containers": [{"name": "main", "image": "app:1"}]},
    }


def environment(obj: Json) -> dict[str, str]:
    return {entry["name"]: entry["value"] for entry in obj["spec"]["containers"][0].get("env", ())}


def test_a_pod_gets_the_accounts_role(namespace: Namespace) -> None:
    namespace.account("app", **{ROLE_ARN: ARN})
    shown = namespace.cluster.ok("POST", f"{namespace.core}/pods", pod("p"), dryRun="All")
    assert environment(shown)["AWS_ROLE_ARN"] == ARN
    assert environment(shown)["AWS_REGION"] == settings.REGION
    (volume,) = [found for found in shown["spec"]["volumes"] if found["name"] == "aws-iam-token"]
    token = volume["projected"]["sources"][0]["serviceAccountToken"]
    assert token == {"audience": settings.AUDIENCE, "expirationSeconds": 86400, "path": "token"}
    assert namespace.cluster.call("GET", f"{namespace.core}/pods/p").status == 404


def test_a_label_keeps_the_webhook_away(namespace: Namespace) -> None:
    namespace.account("app", **{ROLE_ARN: ARN})
    labels = {"eks.amazonaws.com/skip-pod-identity-webhook": "true"}
    shown = namespace.cluster.ok("POST", f"{namespace.core}/pods", pod("p", labels=labels), dryRun="All")
    assert environment(shown) == {}


def test_a_webhook_with_another_ca_cannot_be_called(namespace: Namespace) -> None:
    cluster = namespace.cluster
    namespace.account("app", **{ROLE_ARN: ARN})
    path = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/pod-identity-webhook"
    configuration = cluster.ok("GET", path)
    hook = configuration["webhooks"][0]
    foreign = base64.b64encode((cluster.state.pki / "admin.crt").read_bytes()).decode()

    def change(**fields: t.Any) -> None:
        cluster.ok("PATCH", path, {"webhooks": [{"name": hook["name"], **fields}]}, STRATEGIC)

    def settle(expected: t.Callable[[t.Any], bool]) -> t.Any:
        end = time.monotonic() + 10
        while True:
            answer = cluster.call("POST", f"{namespace.core}/pods", pod("p"), dryRun="All")
            if expected(answer):
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.05)

    try:
        change(clientConfig={**hook["clientConfig"], "caBundle": foreign})
        settle(lambda answer: answer.status == 201 and environment(answer.body) == {})
        change(failurePolicy="Fail")
        refused = settle(lambda answer: answer.status == 500)
        assert f'failed calling webhook "{hook["name"]}"' in refused.body["message"]
    finally:
        change(clientConfig=hook["clientConfig"], failurePolicy=hook["failurePolicy"])
    settle(lambda answer: answer.status == 201 and "AWS_ROLE_ARN" in environment(answer.body))


def test_an_administrator_is_taken_for_whom_he_names_and_a_service_account_is_not(namespace: Namespace) -> None:
    refused = namespace.cluster.call("GET", f"{namespace.core}/serviceaccounts/default", impersonate="nobody")
    assert refused.status == 403
    assert 'User "nobody" cannot get resource "serviceaccounts"' in refused.body["message"]
    namespace.account("app")
    token = token_of(namespace, "app")["token"]
    refused = namespace.cluster.call("GET", "/version", token=token, impersonate="admin")
    assert refused.status == 403
    assert 'cannot impersonate resource "users" in API group "" at the cluster scope' in refused.body["message"]
