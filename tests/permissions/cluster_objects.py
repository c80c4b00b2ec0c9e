"""What the proof works on in the cluster, made with an administrator's rights."""

from __future__ import annotations

import collections.abc as c
import time
import typing as t

from sandbox.api import MERGE_PATCH, Api, ApiError

Json = dict[str, t.Any]

SPACE = "irsa-permissions"
MANY = "irsa-permissions-many"
FULL = "irsa-permissions-full"
ROLE_ARN = "eks.amazonaws.com/role-arn"
_KINDS = {
    "Deployment": ("/apis/apps/v1", "deployments"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
    "StatefulSet": ("/apis/apps/v1", "statefulsets"),
    "ReplicaSet": ("/apis/apps/v1", "replicasets"),
    "ReplicationController": ("/api/v1", "replicationcontrollers"),
}


def wait_until(holds: c.Callable[[], bool], problem: str, *, seconds: float = 60) -> None:
    """Wait until a condition holds.

    :raises RuntimeError: it doesn't in that time; with ``problem`` as its text.
    """
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            raise RuntimeError(problem)
        time.sleep(0.05)


class ClusterObjects:
    """Objects of the cluster of a sandbox."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def drop(self, path: str) -> None:
        """Deletes an object; none is no error."""
        try:
            self.api.delete(path, {"propagationPolicy": "Background", "gracePeriodSeconds": 0})
        except ApiError as error:
            if error.status != 404:
                raise

    def make(self, path: str, body: Json) -> None:
        """Creates an object; one that is there already is no error."""
        try:
            self.api.post(path, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def make_space(self, name: str) -> None:
        """Creates a namespace."""
        self.make("/api/v1/namespaces", {"metadata": {"name": name}})

    def annotate(self, account: str, role_arn: str | None, space: str = SPACE) -> None:
        """Makes a service account, with a role's ARN or without."""
        path = f"/api/v1/namespaces/{space}/serviceaccounts"
        self.make(path, {"metadata": {"name": account}})
        metadata = {"annotations": {ROLE_ARN: role_arn}}
        self.api.request("PATCH", f"{path}/{account}", {"metadata": metadata}, content_type=MERGE_PATCH)

    def make_workload(self, kind: str, name: str, *, space: str = SPACE, env_from: Json | None = None) -> None:
        """Makes a workload of one pod with a service account of its own name."""
        prefix, plural = _KINDS[kind]
        labels = {"app": name}
        container: Json = {"name": "app", "image": "busybox", "command": ["sleep", "3600"]}
        if env_from:
            container["envFrom"] = [env_from]
        pod: Json = {"serviceAccountName": name, "terminationGracePeriodSeconds": 0, "containers": [container]}
        # Long enough for all that watches the rollout to have begun before it is over.
        spec: Json = {"template": {"metadata": {"labels": labels}, "spec": pod}, "minReadySeconds": 1}
        spec["selector"] = labels if kind == "ReplicationController" else {"matchLabels": labels}
        if kind != "DaemonSet":
            spec["replicas"] = 1
        if kind == "StatefulSet":
            spec["serviceName"] = name
        self.make(f"{prefix}/namespaces/{space}/{plural}", {"metadata": {"name": name}, "spec": spec})

    def await_workload(self, kind: str, name: str) -> None:
        """Waits until a workload is what its template says, so that no rollout is under way."""
        prefix, plural = _KINDS[kind]
        path = f"{prefix}/namespaces/{SPACE}/{plural}/{name}"
        wait_until(lambda: _is_settled(kind, self.api.get(path)), f"{kind} {name} doesn't come to rest")

    def await_pods(self, count: int, *, space: str = SPACE, running: bool = True) -> None:
        """Waits for so many pods, and until all of them run."""

        def are_there() -> bool:
            pods = self.api.get(f"/api/v1/namespaces/{space}/pods")["items"]
            live = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
            phases = [(pod.get("status") or {}).get("phase") for pod in live]
            return len(live) == count and (not running or all(phase == "Running" for phase in phases))

        wait_until(are_there, f"{space} doesn't get to {count} pods")


def _is_settled(kind: str, workload: Json) -> bool:
    """Whether all pods are new and available, by the workload's own word."""
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
