"""The DaemonSet that the benchmarks restart, on the sandbox whose environment is exported."""

from __future__ import annotations

import json
import os
import pathlib
import sys
import time
import typing as t

import kubernetes

NAMESPACE = "kube-system"
CLUSTER = json.loads(pathlib.Path(os.environ["IRSA_SANDBOX_DIR"], "cluster.json").read_text())


def start_daemonset(name: str, annotations: t.Mapping[str, str] | None = None) -> None:
    """Replace the service account and the DaemonSet of that name, and wait until its pod runs without a role."""
    core, apps = kubernetes.client.CoreV1Api(), kubernetes.client.AppsV1Api()
    for delete in (apps.delete_namespaced_daemon_set, core.delete_namespaced_service_account):
        try:
            delete(name, NAMESPACE)
        except kubernetes.client.ApiException as error:
            if error.status != 404:
                raise
    selector = f"app={name}"
    wait_until(lambda: not core.list_namespaced_pod(NAMESPACE, label_selector=selector).items)
    core.create_namespaced_service_account(NAMESPACE, {"metadata": {"name": name}})
    template = {
        "metadata": {"labels": {"app": name}, "annotations": dict(annotations or {})},
        "spec": {
            "serviceAccountName": name,
            "containers": [{"name": "main", "image": "example.com/main:v1"}],
        },
    }
    apps.create_namespaced_daemon_set(
        NAMESPACE,
        {
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
        },
    )
    wait_until(
        lambda: (
            [pod.status.phase for pod in core.list_namespaced_pod(NAMESPACE, label_selector=selector).items]
            == ["Running"]
        )
    )


def wait_until(is_reached: t.Callable[[], bool]) -> None:
    for _attempt in range(300):
        if is_reached():
            return
        time.sleep(0.1)
    sys.exit("the DaemonSet of the sandbox did not become ready within 30 seconds")
