# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The official Python client (typed and dynamic) and kubectl with the API server."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import pytest
from kubernetes import client, config, dynamic, watch
from sandbox.tests.support.clusters import ROLE_ARN, ClusterUnderTest, Namespace, workload

PROTOBUF = "application/vnd.kubernetes.protobuf"


@pytest.fixture
def api(namespace: Namespace) -> client.ApiClient:
    return config.new_client_from_config(str(namespace.cluster.state.kubeconfig))


def test_typed_client(namespace: Namespace, api: client.ApiClient) -> None:
    core = client.CoreV1Api(api)
    body = client.V1ServiceAccount(metadata=client.V1ObjectMeta(name="app"))
    created = core.create_namespaced_service_account(namespace.name, body)
    assert created.metadata.uid
    core.patch_namespaced_service_account("app", namespace.name, {"metadata": {"annotations": {ROLE_ARN: "arn"}}})
    assert core.read_namespaced_service_account("app", namespace.name).metadata.annotations == {ROLE_ARN: "arn"}
    with pytest.raises(client.ApiException) as error:
        core.read_namespaced_service_account("none", namespace.name)
    assert error.value.status == 404
    version = core.list_namespaced_service_account(namespace.name).metadata.resource_version
    core.delete_namespaced_service_account("app", namespace.name)
    events = watch.Watch().stream(
        core.list_namespaced_service_account, namespace.name, resource_version=version, timeout_seconds=10
    )
    event = next(iter(events))
    assert (event["type"], event["object"].metadata.name) == ("DELETED", "app")


def test_dynamic_client(namespace: Namespace, api: client.ApiClient) -> None:
    dynamic_client = dynamic.DynamicClient(api)
    deployments = dynamic_client.resources.get(api_version="apps/v1", kind="Deployment")
    created = deployments.create(body=workload("Deployment", "web", replicas=1), namespace=namespace.name)
    assert created.metadata.generation == 1
    namespace.cluster.wait_until(
        f"{namespace.apps}/deployments/web", lambda obj: obj.get("status", {}).get("readyReplicas") == 1
    )
    pods = dynamic_client.resources.get(api_version="v1", kind="Pod")
    (pod,) = pods.get(namespace=namespace.name, label_selector="app=web").items
    assert pod.status.phase == "Running"
    accounts = dynamic_client.resources.get(api_version="v1", kind="ServiceAccount")
    config_body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app", "labels": {"a": "b"}}}
    applied = accounts.server_side_apply(
        body=config_body, name="app", namespace=namespace.name, field_manager="eksops.irsa"
    )
    assert applied.metadata.managedFields[0].manager == "eksops.irsa"


def kubectl(namespace: Namespace, *arguments: str, text: str | None = None) -> str:
    assets = os.environ.get("KUBEBUILDER_ASSETS", "")
    program = shutil.which("kubectl", path=os.pathsep.join(filter(None, (assets, os.environ.get("PATH")))))
    if program is None:
        pytest.skip("kubectl is not installed")
    command = [program, "--kubeconfig", str(namespace.cluster.state.kubeconfig), "-n", namespace.name, *arguments]
    home = str(pathlib.Path(namespace.cluster.state.directory) / "home")
    result = subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "HOME": home}
    )
    return result.stdout + result.stderr


MANIFEST = """
apiVersion: v1
kind: ServiceAccount
metadata:
  name: app
  annotations:
    eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/{role}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      serviceAccountName: app
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: "app:1"}}]
"""


def test_kubectl(namespace: Namespace) -> None:
    apply = ("apply", "--server-side", "-f", "-")
    assert "deployment.apps/web serverside-applied" in kubectl(namespace, *apply, text=MANIFEST.format(role="a"))
    status = kubectl(namespace, "rollout", "status", "deployment/web", "--timeout=30s")
    assert 'deployment "web" successfully rolled out' in status
    assert kubectl(namespace, "annotate", "serviceaccount", "app", "note=x") == "serviceaccount/app annotated\n"
    error = kubectl(namespace, *apply, "--field-manager=other", text=MANIFEST.format(role="b"))
    assert f'conflict with "kubectl": .metadata.annotations.{ROLE_ARN}' in error
    rows = kubectl(namespace, "get", "deployments").splitlines()
    assert rows[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert rows[1].split()[:4] == ["web", "1/1", "1", "1"]
    assert "deployment.apps/web restarted" in kubectl(namespace, "rollout", "restart", "deployment/web")
    assert "successfully rolled out" in kubectl(namespace, "rollout", "status", "deployment/web", "--timeout=30s")
    assert 'deployment.apps "web" deleted' in kubectl(namespace, "delete", "deployment", "web")


def test_kubectl_creates_objects_in_protobuf(namespace: Namespace) -> None:
    assert kubectl(namespace, "create", "serviceaccount", "app") == "serviceaccount/app created\n"
    create = ("create", "deployment", "web", "--image=app:1", "--replicas=2", "--port=8080")
    assert kubectl(namespace, *create) == "deployment.apps/web created\n"
    spec = namespace.cluster.ok("GET", f"{namespace.apps}/deployments/web")["spec"]
    assert spec["replicas"] == 2
    assert spec["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 8080, "protocol": "TCP"}]
    assert kubectl(namespace, "create", "token", "app").startswith("ey")
    assert kubectl(namespace, "auth", "can-i", "list", "pods") == "yes\n"


def test_response_in_protobuf_alone_is_refused(simulator: ClusterUnderTest) -> None:
    path = "/api/v1/namespaces"
    assert simulator.call("GET", path, accept=PROTOBUF).status == 406
    assert simulator.call("GET", path, accept=f"{PROTOBUF},application/json").status == 200
