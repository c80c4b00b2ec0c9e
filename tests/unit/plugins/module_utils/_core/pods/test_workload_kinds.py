# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import WorkloadKind, find_kind
from unit import kubernetes_objects as k8s

ROLLOUTS = yaml.safe_load(pathlib.Path(__file__).with_name("workload_kinds.yml").read_text(encoding="utf-8"))


def rules(kind: str) -> WorkloadKind:
    return find_kind("v1" if kind == "ReplicationController" else "apps/v1", kind)


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
    progress = rules(rollout["kind"]).get_rollout_status(workload)
    assert (progress.message, progress.done) == (moment["says"], not moment["says"])
    assert progress.failed == moment.get("failed", False)
    assert rules(rollout["kind"]).is_rolling_out(workload) == moment.get("under_way", False)


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
def test_rolls_out(kind: str, spec: dict[str, t.Any], expected: bool) -> None:
    workload = {"metadata": {"generation": 2}, "spec": spec}
    assert rules(kind).has_rolling_updates(workload) is expected
    assert rules(kind).is_rolling_out(workload) in (expected, False)


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
def test_count_pods(kind: str, workload: dict[str, t.Any], count: int | None) -> None:
    assert rules(kind).count_pods(workload) == count


@pytest.mark.parametrize(
    ("api_version", "kind", "facts"),
    [
        # Resource, is read, is namespaced, pods are created again, run to completion.
        ("apps/v1", "Deployment", ("deployments", True, True, True, False)),
        ("apps/v1", "ReplicaSet", ("replicasets", True, True, True, False)),
        ("apps/v1", "StatefulSet", ("statefulsets", True, True, True, False)),
        ("apps/v1", "DaemonSet", ("daemonsets", True, True, True, False)),
        ("v1", "ReplicationController", ("replicationcontrollers", True, True, True, False)),
        ("batch/v1", "Job", ("", False, True, True, True)),
        ("batch/v1", "CronJob", ("", False, True, True, True)),
        ("v1", "Node", ("", False, False, False, False)),
        ("v1", "Pod", ("pods", False, True, False, False)),
        # Custom kinds, one of them with the name of a known one.
        ("argoproj.io/v1alpha1", "Rollout", ("", False, True, True, False)),
        ("apps.kruise.io/v1beta1", "StatefulSet", ("", False, True, True, False)),
    ],
)
def test_what_is_known_of_each_kind(api_version: str, kind: str, facts: tuple[t.Any, ...]) -> None:
    found = find_kind(api_version, kind)
    assert (found.plural, found.is_read, found.is_namespaced, found.recreates_pods, found.runs_to_completion) == facts


def test_a_kind_without_rules_is_rolled_out_pod_by_pod() -> None:
    generic, workload = find_kind("argoproj.io/v1alpha1", "Rollout"), k8s.workload("canary", status={"replicas": 1})
    assert generic.__class__ is WorkloadKind
    assert not generic.has_rolling_updates(workload)
    assert not generic.is_rolling_out(workload)
    assert generic.count_pods(workload) is None
    assert generic.find_restart_obstacle(workload) is None
    assert not generic.is_superseded(workload, k8s.pod("canary-a"), None)


def test_only_a_paused_deployment_cannot_be_restarted() -> None:
    paused = k8s.workload("web", paused=True)
    assert find_kind("apps/v1", "Deployment").find_restart_obstacle(paused) == (
        "paused",
        "Resume it (kubectl rollout resume)",
    )
    assert find_kind("apps/v1", "StatefulSet").find_restart_obstacle(paused) is None


@pytest.mark.parametrize(("policy", "waits"), [({}, True), ({"podManagementPolicy": "Parallel"}, False)], ids=str)
def test_an_ordered_set_waits_for_unready_pods(policy: dict[str, str], waits: bool) -> None:
    workload = k8s.workload("db", **policy)
    assert find_kind("apps/v1", "StatefulSet").waits_for_unready_pods(workload) is waits
    assert not find_kind("apps/v1", "DaemonSet").waits_for_unready_pods(workload)


@pytest.mark.parametrize(
    ("name", "labels", "owner"),
    [
        ("web-6d", {"pod-template-hash": "6d"}, ("apps/v1", "Deployment", "web")),
        ("web-6d", {"pod-template-hash": "7c"}, None),
        ("web-6d", {}, None),
    ],
)
def test_the_label_of_a_pod_names_its_deployment(
    name: str, labels: dict[str, str], owner: tuple[str, str, str] | None
) -> None:
    assert find_kind("apps/v1", "ReplicaSet").find_owner_by_labels(name, labels) == owner
    assert find_kind("apps/v1", "StatefulSet").find_owner_by_labels(name, labels) is None
