"""Creates and deletes test objects in the cluster as an administrator."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

from sandbox.api import MERGE_PATCH, ApiClient, ApiError

Json = dict[str, t.Any]

NAMESPACE = "irsa-permissions"
BULK_NAMESPACE = "irsa-permissions-many"
# Its quota allows no pods.
QUOTA_NAMESPACE = "irsa-permissions-full"
ROLE_ARN = "eks.amazonaws.com/role-arn"
_KINDS = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "ReplicationController": ("/api/v1", "replicationcontrollers"),
}


def wait_until(is_met: c.Callable[[], bool], problem: str, *, seconds: float = 60) -> None:
    """Wait until a condition is met.

    :raises RuntimeError: it is not met in that time; ``problem`` is the message.
    """
    deadline = time.monotonic() + seconds
    while not is_met():
        if time.monotonic() > deadline:
            raise RuntimeError(problem)
        time.sleep(0.05)


class ClusterObjects:
    """Test objects in the cluster of a sandbox."""

    def __init__(self, api: ApiClient) -> None:
        self.api = api

    def delete(self, path: str) -> None:
        """Delete an object if it exists."""
        try:
            self.api.delete(path, {"propagationPolicy": "Background", "gracePeriodSeconds": 0})
        except ApiError as error:
            if error.status != 404:
                raise

    def create(self, path: str, body: Json) -> None:
        """Create an object unless it exists."""
        try:
            self.api.post(path, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def create_namespace(self, name: str) -> None:
        """Create a namespace unless it exists."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def annotate(self, account: str, role_arn: str | None, namespace: str = NAMESPACE) -> None:
        """Create a service account and set or remove its annotation."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        self.create(path, {"metadata": {"name": account}})
        metadata = {"annotations": {ROLE_ARN: role_arn}}
        self.api.request("PATCH", f"{path}/{account}", {"metadata": metadata}, content_type=MERGE_PATCH)

    def create_workload(
        self, kind: str, name: str, *, namespace: str = NAMESPACE, env_from: Json | None = None
    ) -> None:
        """Create a workload with one pod, whose service account has the workload's name."""
        prefix, plural = _KINDS[kind]
        labels = {"app": name}
        container: Json = {"name": "app", "image": "busybox", "command": ["sleep", "3600"]}
        if env_from:
            container["envFrom"] = [env_from]
        pod: Json = {"serviceAccountName": name, "terminationGracePeriodSeconds": 0, "containers": [container]}
        # Slow enough that the watches of a rollout start before it is finished.
        spec: Json = {"template": {"metadata": {"labels": labels}, "spec": pod}, "minReadySeconds": 1}
        spec["selector"] = labels if kind == "ReplicationController" else {"matchLabels": labels}
        if kind != "DaemonSet":
            spec["replicas"] = 1
        if kind == "StatefulSet":
            spec["serviceName"] = name
        self.create(f"{prefix}/namespaces/{namespace}/{plural}", {"metadata": {"name": name}, "spec": spec})

    def wait_for_workload(self, kind: str, name: str) -> None:
        """Wait until no rollout of a workload is in progress."""
        prefix, plural = _KINDS[kind]
        path = f"{prefix}/namespaces/{NAMESPACE}/{plural}/{name}"
        wait_until(lambda: _is_settled(kind, self.api.get(path)), f"{kind} {name} is still rolling out")

    def wait_for_pods(self, count: int, *, namespace: str = NAMESPACE, running: bool = True) -> None:
        """Wait until a namespace has this number of pods, all of them running."""

        def has_pods() -> bool:
            pods = self.api.get(f"/api/v1/namespaces/{namespace}/pods")["items"]
            live = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
            phases = [(pod.get("status") or {}).get("phase") for pod in live]
            return len(live) == count and (not running or all(phase == "Running" for phase in phases))

        wait_until(has_pods, f"namespace {namespace} does not reach {count} pods")


def _is_settled(kind: str, workload: Json) -> bool:
    """Whether the workload's status reports all pods as updated and available."""
    status = workload.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(workload["metadata"].get("generation") or 0):
        return False
    if kind == "DaemonSet":
        counts = ("updatedNumberScheduled", "numberAvailable", "currentNumberScheduled")
    elif kind == "StatefulSet":
        counts = ("replicas", "readyReplicas", "updatedReplicas")
    else:
        counts = ("replicas", "availableReplicas", *(("updatedReplicas",) if kind == "Deployment" else ()))
    same = status.get("currentRevision") == status.get("updateRevision")
    return same and all(int(status.get(count) or 0) == 1 for count in counts)
