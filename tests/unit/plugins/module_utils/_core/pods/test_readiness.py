# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import readiness


def waiting(reason: str, message: str = "", **more: t.Any) -> dict[str, t.Any]:
    return {"name": "app", "state": {"waiting": {"reason": reason, "message": message}}, **more}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, t.Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("status", "permanent", "message"),
    [
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff", 'Back-off pulling image "x"')]},
            True,
            'pod p, container app: ImagePullBackOff: Back-off pulling image "x"',
            id="image-cannot-be-pulled",
        ),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("InvalidImageName")]},
            True,
            "pod p, container app: InvalidImageName",
            id="invalid-image-name",
        ),
        pytest.param(
            {
                "phase": "Pending",
                "initContainerStatuses": [waiting("CreateContainerConfigError", 'configmap "c" not found')],
                "containerStatuses": [waiting("PodInitializing")],
            },
            True,
            'pod p, container app: CreateContainerConfigError: configmap "c" not found',
            id="init-container",
        ),
        pytest.param(
            {
                "phase": "Running",
                "containerStatuses": [
                    waiting("CrashLoopBackOff", "back-off 10s", lastState={"terminated": {"exitCode": 3}})
                ],
            },
            False,
            "pod p, container app: CrashLoopBackOff: back-off 10s (last exit code 3)",
            id="crash-may-be-temporary",
        ),
        pytest.param(
            {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable", "0/3 nodes")]},
            False,
            "pod p: Unschedulable: 0/3 nodes",
            id="unschedulable",
        ),
        pytest.param(
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."},
            False,
            "pod p failed: Evicted: The node was low on memory.",
            id="evicted",
        ),
        pytest.param(
            {"phase": "Running", "containerStatuses": [{"name": "app", "ready": False, "state": {"running": {}}}]},
            False,
            "pod p: container app is running but not ready",
            id="running-but-not-ready",
        ),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]},
            False,
            "pod p is pending",
            id="container-creating",
        ),
        pytest.param({}, False, "pod p is pending", id="without-status"),
    ],
)
def test_pod_blocker(status: dict[str, t.Any], permanent: bool, message: str) -> None:
    blocker = readiness.find_pod_blocker({"metadata": {"name": "p"}, "status": status})
    assert blocker == readiness.RolloutBlocker(message, permanent)


INIT = {"name": "wait-for-db", "state": {"running": {"startedAt": "2026-11-22T10:00:00Z"}}}
SIDECAR = {"name": "proxy", "state": {"running": {}}, "started": True}


@pytest.mark.parametrize(
    ("spec", "status", "message"),
    [
        pytest.param(
            {"initContainers": [{"name": "wait-for-db"}]},
            {"phase": "Pending", "initContainerStatuses": [INIT], "containerStatuses": [waiting("PodInitializing")]},
            "init container wait-for-db is still running since 2026-11-22T10:00:00Z, and must end first",
            id="endless-init-container",
        ),
        pytest.param(
            {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}, {"name": "wait-for-db"}]},
            {"phase": "Pending", "initContainerStatuses": [SIDECAR, {"name": "wait-for-db", "state": {"running": {}}}]},
            "init container wait-for-db is still running, and must end first",
            id="init-container-after-a-sidecar",
        ),
        pytest.param(
            {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]},
            {"phase": "Pending", "initContainerStatuses": [{**SIDECAR, "started": False}]},
            "init container proxy is running, but its startup probe does not succeed",
            id="sidecar-that-does-not-start",
        ),
        pytest.param(
            {},
            {
                "phase": "Pending",
                "initContainerStatuses": [
                    {"name": "done", "state": {"terminated": {"exitCode": 0}}},
                    {"name": "migrate", "state": {"terminated": {"exitCode": 2}}},
                ],
            },
            "init container migrate ended with exit code 2",
            id="failed-init-container",
        ),
        pytest.param(
            {},
            {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "app", "ready": False, "state": {"terminated": {"exitCode": 1}}},
                    {"name": "log", "ready": False, "state": {"running": {}}},
                    {"name": "ok", "ready": True, "state": {"running": {}}},
                ],
            },
            "container app ended with exit code 1; container log is running but not ready",
            id="ended-container",
        ),
        pytest.param(
            {"readinessGates": [{"conditionType": "target-health.elbv2.k8s.aws/web"}]},
            {
                "phase": "Running",
                "conditions": [
                    condition("target-health.elbv2.k8s.aws/web", "False", "Target.FailedHealthChecks", "code 404"),
                    condition("Ready", "False", "ReadinessGatesNotReady"),
                ],
                "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
            },
            "readiness gate target-health.elbv2.k8s.aws/web is False (Target.FailedHealthChecks: code 404)",
            id="readiness-gate",
        ),
        pytest.param(
            {"readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
            {
                "phase": "Running",
                "conditions": [condition("b", "True")],
                "containerStatuses": [{"name": "app", "ready": True}],
            },
            "readiness gate a was not set by its controller",
            id="readiness-gate-that-nobody-sets",
        ),
    ],
)
def test_part_of_the_pod_in_the_way_is_named(spec: dict[str, t.Any], status: dict[str, t.Any], message: str) -> None:
    blocker = readiness.find_pod_blocker({"metadata": {"name": "p"}, "spec": spec, "status": status})
    assert blocker == readiness.RolloutBlocker(f"pod p: {message}", False)


def test_started_sidecar_is_not_in_the_way() -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"initContainers": [{"name": "proxy", "restartPolicy": "Always"}]},
        "status": {"phase": "Pending", "initContainerStatuses": [SIDECAR]},
    }
    assert readiness.find_pod_blocker(pod) == readiness.RolloutBlocker("pod p is pending", False)


@pytest.mark.parametrize(
    ("metadata", "spec", "message"),
    [
        (
            {"deletionTimestamp": "2026-11-22T10:00:00Z", "finalizers": ["example.com/backup", "x/y"]},
            {"nodeName": "node-1"},
            "pod p is being deleted, but finalizer example.com/backup, x/y keeps it until the controller of the "
            "finalizer removes it",
        ),
        (
            {"deletionTimestamp": "2026-11-22T10:00:00Z"},
            {"nodeName": "node-1"},
            "pod p is being deleted, but node node-1 has not ended its containers yet",
        ),
        (
            {"deletionTimestamp": "2026-11-22T10:00:00Z"},
            {},
            "pod p is being deleted, but its containers have not ended yet",
        ),
    ],
)
def test_pod_that_hangs_in_deletion(metadata: dict[str, t.Any], spec: dict[str, t.Any], message: str) -> None:
    status = {"phase": "Running", "conditions": [condition("Ready", "True")]}
    blocker = readiness.find_pod_blocker({"metadata": {"name": "p", **metadata}, "spec": spec, "status": status})
    assert blocker == readiness.RolloutBlocker(message, False)


def test_ready_pod_has_no_blocker() -> None:
    status = {
        "phase": "Running",
        "conditions": [condition("PodScheduled", "True"), condition("Ready", "True")],
        "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
    }
    pod = {"metadata": {"name": "p"}, "status": status}
    assert readiness.is_ready(pod)
    assert readiness.find_pod_blocker(pod) is None


def test_replica_failure_is_a_permanent_blocker() -> None:
    failure = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small")
    assert readiness.find_workload_blocker({"status": {"conditions": [failure]}}) == readiness.RolloutBlocker(
        "FailedCreate: exceeded quota: small", True
    )
    assert readiness.find_workload_blocker({"status": {"conditions": [{**failure, "status": "False"}]}}) is None
    assert readiness.find_workload_blocker({}) is None


def event(reason: str, message: str, last: str | None = None, **more: t.Any) -> dict[str, t.Any]:
    return {"metadata": {}, "reason": reason, "message": message, "lastTimestamp": last, **more}


def test_latest_event_about_failed_creation_is_the_blocker() -> None:
    events = [
        event("SuccessfulCreate", "created pod db-0", "2026-11-22T10:00:09Z"),
        event("FailedCreate", "newest", series={"lastObservedTime": "2026-11-22T10:00:05.000000Z"}),
        event("FailedCreate", "older", "2026-11-22T10:00:04Z"),
    ]
    assert readiness.find_event_blocker(events) == readiness.RolloutBlocker("FailedCreate: newest", True)
    assert readiness.find_event_blocker(events[:1]) is None
    assert readiness.find_event_blocker([]) is None


def test_text_of_a_controller_is_visible_and_cut() -> None:
    message = "\x1b[2J\u202e" + "x" * 5000
    workload = {
        "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "reason": "R", "message": message}]}
    }
    blocker = readiness.find_workload_blocker(workload)
    assert blocker is not None
    assert blocker.message.startswith("R: \\u001b[2J\\u202exxx")
    assert len(blocker.message) == 1000
