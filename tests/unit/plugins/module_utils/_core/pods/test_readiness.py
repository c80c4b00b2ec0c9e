# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import readiness

ROLLOUTS = yaml.safe_load(pathlib.Path(__file__).with_name("readiness.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("rollout", "moment"),
    [
        pytest.param(rollout, moment, id=f"{rollout['name']}, {number}")
        for rollout in ROLLOUTS
        for number, moment in enumerate(rollout["moments"])
    ],
)
def test_rollout_status(rollout: dict[str, t.Any], moment: dict[str, t.Any]) -> None:
    workload = {
        "metadata": {"generation": moment["generation"]},
        "spec": rollout["spec"],
        "status": moment["status"],
    }
    progress = readiness.rollout_status(rollout["kind"], workload)
    assert (progress.message, progress.done) == (moment["says"], not moment["says"])
    assert progress.failed == moment.get("failed", False)
    assert readiness.is_under_way(rollout["kind"], workload) == moment.get("under_way", False)


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Deployment", {}, True),
        ("Deployment", {"paused": True}, False),
        ("StatefulSet", {"updateStrategy": {"type": "RollingUpdate"}}, True),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, False),
        ("DaemonSet", {}, True),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, False),
        ("ReplicaSet", {}, False),
        ("CloneSet", {}, False),
    ],
)
def test_updates_itself(kind: str, spec: dict[str, t.Any], expected: bool) -> None:
    workload = {"metadata": {"generation": 2}, "spec": spec}
    assert readiness.updates_itself(kind, workload) is expected
    assert readiness.is_under_way(kind, workload) in (expected, False)


@pytest.mark.parametrize(
    ("kind", "workload", "count"),
    [
        ("Deployment", {"spec": {"replicas": 3}}, 3),
        ("Deployment", {"spec": {"replicas": 0}}, 0),
        ("ReplicationController", {"spec": {}}, 1),
        ("DaemonSet", {"spec": {}, "status": {"desiredNumberScheduled": 4}}, 4),
        ("CloneSet", {"spec": {"replicas": 3}}, None),
    ],
)
def test_desired(kind: str, workload: dict[str, t.Any], count: int | None) -> None:
    assert readiness.desired(kind, workload) == count


def waiting(reason: str, message: str = "", **more: t.Any) -> dict[str, t.Any]:
    return {"name": "app", "state": {"waiting": {"reason": reason, "message": message}}, **more}


def condition(kind: str, status: str, reason: str = "", message: str = "") -> dict[str, t.Any]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("status", "hard", "message"),
    [
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("ImagePullBackOff", 'Back-off pulling image "x"')]},
            True,
            'pod p, container app: ImagePullBackOff: Back-off pulling image "x"',
            id="image",
        ),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("InvalidImageName")]},
            True,
            "pod p, container app: InvalidImageName",
            id="image-name",
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
            id="crash-may-pass",
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
            id="probe",
        ),
        pytest.param(
            {"phase": "Pending", "containerStatuses": [waiting("ContainerCreating")]},
            False,
            "pod p is pending",
            id="starting",
        ),
        pytest.param({}, False, "pod p is pending", id="new"),
    ],
)
def test_pod_trouble(status: dict[str, t.Any], hard: bool, message: str) -> None:
    trouble = readiness.pod_trouble({"metadata": {"name": "p"}, "status": status})
    assert trouble == readiness.Trouble(message, hard)


def test_a_ready_pod_has_no_trouble() -> None:
    status = {
        "phase": "Running",
        "conditions": [condition("PodScheduled", "True"), condition("Ready", "True")],
        "containerStatuses": [{"name": "app", "ready": True, "state": {"running": {}}}],
    }
    pod = {"metadata": {"name": "p"}, "status": status}
    assert readiness.is_ready(pod)
    assert readiness.pod_trouble(pod) is None


def test_conditions_tell_of_pods_that_are_refused() -> None:
    failure = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: small")
    assert readiness.workload_trouble({"status": {"conditions": [failure]}}) == readiness.Trouble(
        "FailedCreate: exceeded quota: small", True
    )
    assert readiness.workload_trouble({"status": {"conditions": [{**failure, "status": "False"}]}}) is None
    assert readiness.workload_trouble({}) is None


def event(reason: str, message: str, last: str | None = None, **more: t.Any) -> dict[str, t.Any]:
    return {"metadata": {}, "reason": reason, "message": message, "lastTimestamp": last, **more}


def test_the_latest_event_tells_why_pods_are_refused() -> None:
    events = [
        event("SuccessfulCreate", "created pod db-0", "2026-11-22T10:00:09Z"),
        event("FailedCreate", "newest", series={"lastObservedTime": "2026-11-22T10:00:05.000000Z"}),
        event("FailedCreate", "older", "2026-11-22T10:00:04Z"),
    ]
    assert readiness.event_trouble(events) == readiness.Trouble("FailedCreate: newest", True)
    assert readiness.event_trouble(events[:1]) is None
    assert readiness.event_trouble([]) is None
