# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts of workloads: status, failures and limits."""

from __future__ import annotations

import pytest
from sandbox.tests.support.clusters import RESTART, STRATEGIC, Json, Namespace, workload


def conditions(obj: Json) -> dict[str, tuple[str, str]]:
    return {entry["type"]: (entry["status"], entry["reason"]) for entry in obj["status"].get("conditions", ())}


def is_rolled_out(obj: Json) -> bool:
    """Whether a rollout is complete, by the rules of kubectl."""
    status, spec = obj.get("status", {}), obj["spec"]
    if status.get("observedGeneration") != obj["metadata"]["generation"]:
        return False
    if obj["kind"] == "DaemonSet":
        desired = status.get("desiredNumberScheduled")
        return bool(desired) and desired == status.get("updatedNumberScheduled") == status.get("numberAvailable")
    counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "readyReplicas")}
    return counts == {spec["replicas"]} and status.get("currentRevision") == status.get("updateRevision")


def start(namespace: Namespace, kind: str, name: str = "web", **more: object) -> tuple[str, Json]:
    """Create a workload, wait until it is rolled out, and return its path and state."""
    path = f"{namespace.apps}/{kind.lower()}s"
    namespace.cluster.ok("POST", path, workload(kind, name, **more))
    return f"{path}/{name}", namespace.cluster.wait_until(f"{path}/{name}", is_rolled_out)


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_restart_replaces_every_pod(namespace: Namespace, kind: str) -> None:
    replicas = {} if kind == "DaemonSet" else {"replicas": 2}
    path, _state = start(namespace, kind, **replicas)
    before = {pod["metadata"]["uid"] for pod in namespace.live_pods("app=web")}
    changed = namespace.cluster.ok("PATCH", path, RESTART, STRATEGIC)
    assert changed["metadata"]["generation"] == 2
    namespace.cluster.wait_until(path, is_rolled_out)
    after = namespace.live_pods("app=web")
    assert len(after) == len(before)
    assert not before & {pod["metadata"]["uid"] for pod in after}
    assert all("kubectl.kubernetes.io/restartedAt" in pod["metadata"]["annotations"] for pod in after)


def test_deployment_has_a_replica_set_for_each_revision(namespace: Namespace) -> None:
    path, deployment = start(namespace, "Deployment", replicas=1)
    assert deployment["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    assert conditions(deployment) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    namespace.cluster.ok("PATCH", path, RESTART, STRATEGIC)
    deployment = namespace.cluster.wait_until(path, is_rolled_out)
    assert deployment["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "2"}
    sets = namespace.cluster.ok("GET", f"{namespace.apps}/replicasets", labelSelector="app=web")["items"]
    revisions = {rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: rs for rs in sets}
    assert {number: rs["spec"]["replicas"] for number, rs in revisions.items()} == {"1": 0, "2": 1}
    for rs in sets:
        digest = rs["metadata"]["labels"]["pod-template-hash"]
        assert rs["metadata"]["name"] == f"web-{digest}"
        assert rs["spec"]["selector"]["matchLabels"]["pod-template-hash"] == digest
        assert rs["metadata"]["ownerReferences"][0]["uid"] == deployment["metadata"]["uid"]
    # With the first template again, its ReplicaSet gets a new revision number.
    body = {"spec": {"template": {"metadata": {"annotations": None}}}}
    namespace.cluster.ok("PATCH", path, body, STRATEGIC)
    deployment = namespace.cluster.wait_until(path, is_rolled_out)
    assert deployment["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "3"}
    assert len(namespace.cluster.ok("GET", f"{namespace.apps}/replicasets")["items"]) == 2


def test_paused_deployment_does_not_roll_out(namespace: Namespace) -> None:
    path, _state = start(namespace, "Deployment", replicas=1)
    namespace.cluster.ok("PATCH", path, {"spec": {"paused": True}}, STRATEGIC)
    namespace.cluster.ok("PATCH", path, RESTART, STRATEGIC)
    paused = namespace.cluster.wait_until(path, lambda obj: obj["status"]["observedGeneration"] == 3)
    assert conditions(paused)["Progressing"] == ("Unknown", "DeploymentPaused")
    assert len(namespace.cluster.ok("GET", f"{namespace.apps}/replicasets")["items"]) == 1
    namespace.cluster.ok("PATCH", path, {"spec": {"paused": False}}, STRATEGIC)
    namespace.cluster.wait_until(path, is_rolled_out)
    assert len(namespace.cluster.ok("GET", f"{namespace.apps}/replicasets")["items"]) == 2


def test_quota_blocks_rollout(namespace: Namespace) -> None:
    path, _state = start(namespace, "Deployment", replicas=2)
    quota = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "2"}}}
    namespace.cluster.ok("POST", f"{namespace.core}/resourcequotas", quota)
    quota_path = f"{namespace.core}/resourcequotas/few"
    namespace.cluster.wait_until(quota_path, lambda obj: obj.get("status", {}).get("used") == {"pods": "2"})
    namespace.cluster.ok("PATCH", path, RESTART, STRATEGIC)
    blocked = namespace.cluster.wait_until(path, lambda obj: "ReplicaFailure" in conditions(obj))
    assert conditions(blocked)["ReplicaFailure"] == ("True", "FailedCreate")
    message = next(c["message"] for c in blocked["status"]["conditions"] if c["type"] == "ReplicaFailure")
    assert "exceeded quota: few, requested: pods=1, used: pods=2, limited: pods=2" in message
    rs = next(
        rs
        for rs in namespace.cluster.ok("GET", f"{namespace.apps}/replicasets")["items"]
        if rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    )
    assert ("Warning", "FailedCreate") in namespace.events(rs["metadata"]["name"])
    namespace.cluster.ok("DELETE", quota_path)
    deployment = namespace.cluster.wait_until(path, is_rolled_out)
    assert "ReplicaFailure" not in conditions(deployment)


@pytest.mark.parametrize("first", [0, 5])
def test_stateful_set_partition(namespace: Namespace, first: int) -> None:
    path, state = start(namespace, "StatefulSet", replicas=3, ordinals={"start": first})
    if first and "ordinals" not in state["spec"]:
        pytest.skip("the API server is older than the field")
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    namespace.cluster.ok("PATCH", path, {"spec": {"updateStrategy": strategy}}, STRATEGIC)
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in namespace.pods("app=web")}
    namespace.cluster.ok("PATCH", path, RESTART, STRATEGIC)
    partial = namespace.cluster.wait_until(
        path,
        lambda obj: (
            obj["status"]["observedGeneration"] == 3
            and obj["status"].get("updatedReplicas") == 1
            and obj["status"].get("readyReplicas") == 3
        ),
    )
    assert partial["status"]["currentReplicas"] == 2
    assert partial["status"]["currentRevision"] != partial["status"]["updateRevision"]
    after = {pod["metadata"]["name"]: pod for pod in namespace.pods("app=web")}
    assert {name for name, uid in before.items() if after[name]["metadata"]["uid"] == uid} == {
        f"web-{first}",
        f"web-{first + 1}",
    }
    revision = after[f"web-{first + 2}"]["metadata"]["labels"]["controller-revision-hash"]
    assert revision == partial["status"]["updateRevision"]
    strategy["rollingUpdate"] = {"partition": 0}
    namespace.cluster.ok("PATCH", path, {"spec": {"updateStrategy": strategy}}, STRATEGIC)
    namespace.cluster.wait_until(path, is_rolled_out)


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
def test_on_delete_waits_for_deletion(namespace: Namespace, kind: str) -> None:
    replicas = {} if kind == "DaemonSet" else {"replicas": 1}
    path, _state = start(namespace, kind, updateStrategy={"type": "OnDelete"}, **replicas)
    (old,) = namespace.pods("app=web")
    namespace.cluster.ok("PATCH", path, RESTART, STRATEGIC)
    updated = "updatedNumberScheduled" if kind == "DaemonSet" else "updatedReplicas"
    namespace.cluster.wait_until(
        path, lambda obj: obj["status"]["observedGeneration"] == 2 and not obj["status"].get(updated)
    )
    (current,) = namespace.pods("app=web")
    assert current["metadata"]["uid"] == old["metadata"]["uid"]
    namespace.cluster.ok("DELETE", f"{namespace.core}/pods/{old['metadata']['name']}")
    namespace.cluster.wait_until(path, lambda obj: obj["status"].get(updated) == 1)


def test_failed_job(namespace: Namespace) -> None:
    def job(name: str, image: str) -> Json:
        pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image, "command": ["true"]}]}
        return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": {"spec": pod}}}

    namespace.cluster.ok("POST", f"{namespace.batch}/jobs", job("bad", "crash:1"))
    bad = namespace.cluster.wait_until(f"{namespace.batch}/jobs/bad", lambda obj: obj["status"].get("conditions"))
    assert bad["status"]["conditions"][0]["type"] == "Failed"
    assert bad["status"]["conditions"][0]["reason"] == "BackoffLimitExceeded"
    assert bad["status"]["failed"] == 1
    (pod,) = namespace.pods("job-name=bad")
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "Job"


def test_disruption_budget_limits_evictions(namespace: Namespace) -> None:
    path, _state = start(namespace, "Deployment", replicas=2)
    budget = {"metadata": {"name": "two"}, "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}
    namespace.cluster.ok("POST", f"{namespace.policy}/poddisruptionbudgets", budget)
    budget_path = f"{namespace.policy}/poddisruptionbudgets/two"
    namespace.cluster.wait_until(budget_path, lambda obj: obj.get("status", {}).get("currentHealthy") == 2)

    def evict() -> tuple[int, Json]:
        name = namespace.live_pods("app=web")[0]["metadata"]["name"]
        body = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": name}}
        return namespace.cluster.call("POST", f"{namespace.core}/pods/{name}/eviction", body)

    status, body = evict()
    assert (status, body["reason"]) == (429, "TooManyRequests")
    assert body["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    assert body["details"]["causes"] == [
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget two needs 2 healthy pods and has 2 currently",
        }
    ]
    namespace.cluster.ok("PATCH", path, {"spec": {"replicas": 3}}, STRATEGIC)
    namespace.cluster.wait_until(budget_path, lambda obj: obj["status"]["disruptionsAllowed"] == 1)
    status, body = evict()
    assert (status, body["status"]) == (201, "Success")


def test_dependents_are_deleted_with_their_owner(namespace: Namespace) -> None:
    path, _state = start(namespace, "Deployment", replicas=1)
    [pod] = namespace.pods("app=web")
    namespace.cluster.ok("DELETE", path)
    namespace.cluster.wait_until_deleted(path)
    namespace.cluster.wait_until_deleted(f"{namespace.core}/pods/{pod['metadata']['name']}")
    namespace.cluster.ok("DELETE", f"/api/v1/namespaces/{namespace.name}")
    namespace.cluster.wait_until_deleted(f"/api/v1/namespaces/{namespace.name}")
