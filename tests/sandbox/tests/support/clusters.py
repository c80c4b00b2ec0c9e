# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster under test, simulated or real. Tests use HTTP requests, to check complete responses."""

from __future__ import annotations

import base64
import json
import time
import typing as t
import urllib.parse

import botocore.session
import urllib3
from botocore.signers import RequestSigner
from sandbox import settings

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Json = dict[str, t.Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
ROLE_ARN = "eks.amazonaws.com/role-arn"
TIMEOUT = 30.0


class HttpResponse(t.NamedTuple):
    status: int
    body: t.Any


class ClusterUnderTest:
    def __init__(self, state: settings.StateDirectory, *, real: bool) -> None:
        self.state = state
        self.real = real
        self.endpoint = state.cluster()["endpoint"]
        authority = str(state.pki / "ca.crt")
        admin = {"cert_file": str(state.pki / "admin.crt"), "key_file": str(state.pki / "admin.key")}
        self._admin = urllib3.PoolManager(ca_certs=authority, retries=False, maxsize=16, **admin)
        self._without_certificate = urllib3.PoolManager(ca_certs=authority, retries=False)

    def call(
        self,
        method: str,
        path: str,
        body: t.Any = None,
        content_type: str = "application/json",
        *,
        token: str | None = None,
        agent: str = "tester/1.0",
        accept: str = "application/json",
        impersonate: str | None = None,
        **query: t.Any,
    ) -> HttpResponse:
        """Send a request.

        :param token: a bearer token; "" for no credentials. By default the administrator's certificate is used.
        :param agent: the user agent, the default of the field manager.
        """
        url = self.endpoint + path + ("?" + urllib.parse.urlencode(query) if query else "")
        headers = {"User-Agent": agent, "Accept": accept}
        if body is not None:
            headers["Content-Type"] = content_type
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if impersonate:
            headers["Impersonate-User"] = impersonate
        pool = self._admin if token is None else self._without_certificate
        data = None if body is None else json.dumps(body)
        response = pool.request(method, url, body=data, headers=headers, timeout=20)
        text = response.data.decode()
        return HttpResponse(response.status, json.loads(text) if text.startswith(("{", "[")) else text)

    def ok(
        self, method: str, path: str, body: t.Any = None, content_type: str = "application/json", **more: t.Any
    ) -> Json:
        """Send a request that must succeed, and return the body of the response."""
        response = self.call(method, path, body, content_type, **more)
        assert response.status < 300, response.body
        return t.cast("Json", response.body)

    def watch(self, path: str, **query: t.Any) -> Iterator[Json]:
        """Yield events until the server ends the watch."""
        url = f"{self.endpoint}{path}?{urllib.parse.urlencode({'watch': 'true', 'timeoutSeconds': 5, **query})}"
        response = self._admin.request("GET", url, preload_content=False, timeout=20)
        rest = b""
        try:
            for chunk in response.stream(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines)
        finally:
            response.close()

    def wait_until(self, path: str, holds: Callable[[Json], t.Any], timeout: float = TIMEOUT) -> Json:
        """Wait until a condition holds for an object, and return the object."""
        deadline = time.monotonic() + timeout
        while True:
            response = self.call("GET", path)
            if response.status == 200 and holds(response.body):
                return t.cast("Json", response.body)
            body = json.dumps(response.body)[:3000]
            assert time.monotonic() < deadline, f"the condition is not met after {timeout} s: {body}"
            time.sleep(0.05)

    def wait_until_deleted(self, path: str, timeout: float = TIMEOUT) -> None:
        deadline = time.monotonic() + timeout
        while self.call("GET", path).status != 404:
            assert time.monotonic() < deadline, f"{path} still exists after {timeout} s"
            time.sleep(0.05)


def make_token(credentials: t.Mapping[str, str], cluster: str = settings.CLUSTER_NAME) -> str:
    """Return the EKS token of these credentials."""
    session = botocore.session.Session()
    session.set_credentials(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials.get("SessionToken"))
    model = session.get_service_model("sts")
    signer = RequestSigner(
        model.service_id,
        settings.REGION,
        "sts",
        "v4",
        session.get_credentials(),
        session.get_component("event_emitter"),
    )
    url = f"https://sts.{settings.REGION}.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = {"method": "GET", "url": url, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    signed = signer.generate_presigned_url(request, "", expires_in=60)
    return "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")


class Namespace:
    """A namespace of a cluster, with the URL paths of its API groups."""

    def __init__(self, cluster: ClusterUnderTest, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.core = f"/api/v1/namespaces/{name}"
        self.apps = f"/apis/apps/v1/namespaces/{name}"
        self.batch = f"/apis/batch/v1/namespaces/{name}"
        self.rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{name}"
        # policy/v1 exists since Kubernetes 1.21. The real API server may be older; the simulated one has only v1.
        version = "v1beta1" if cluster.real else "v1"
        self.policy = f"/apis/policy/{version}/namespaces/{name}"

    def pods(self, label: str) -> list[Json]:
        return t.cast("list[Json]", self.cluster.ok("GET", f"{self.core}/pods", labelSelector=label)["items"])

    def live_pods(self, label: str) -> list[Json]:
        return [pod for pod in self.pods(label) if "deletionTimestamp" not in pod["metadata"]]

    def account(self, name: str, **annotations: str) -> Json:
        body = {"metadata": {"name": name, "annotations": annotations}}
        return self.cluster.ok("POST", f"{self.core}/serviceaccounts", body)

    def events(self, name: str) -> set[tuple[str, str]]:
        """The types and reasons of the events of an object."""
        events = self.cluster.ok("GET", f"{self.core}/events", fieldSelector=f"involvedObject.name={name}")
        return {(event["type"], event["reason"]) for event in events["items"]}


def workload(kind: str, name: str, *, image: str = "app:1", pod: Json | None = None, **spec: t.Any) -> Json:
    """A Deployment, StatefulSet, DaemonSet or ReplicaSet whose pods have the label app=<name>."""
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "main", "image": image}], **(pod or {})},
    }
    selector = {"matchLabels": {"app": name}}
    body = {"selector": selector, "template": template, **spec}
    if kind == "StatefulSet":
        body["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


RESTART = {
    "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"}}}}
}
