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
    ("rollout", "step"),
    [
        pytest.param(rollout, step, id=f"{rollout['name']}-{number}")
        for rollout in ROLLOUTS
        for number, step in enumerate(rollout["steps"], 1)
    ],
)
def test_rollout_status(rollout: dict[str, t.Any], step: dict[str, t.Any]) -> None:
    workload = {
        "metadata": {"generation": step["generation"]},
        "spec": rollout["spec"],
        "status": step["status"],
    }
    status = rules(rollout["kind"]).get_rollout_status(workload)
    assert (status.message, status.done) == (step["message"], not step["message"])
    assert status.failed == step.get("failed", False)
    assert rules(rollout["kind"]).is_rolling_out(workload) == step.get("is_rolling_out", False)


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        pytest.param("Deployment", {}, True, id="deployment"),
        pytest.param("Deployment", {"paused": True}, False, id="paused-deployment"),
        pytest.param("StatefulSet", {"updateStrategy": {"type": "RollingUpdate"}}, True, id="statefulset"),
        pytest.param("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, False, id="ondelete-statefulset"),
        pytest.param("DaemonSet", {}, True, id="daemonset"),
        pytest.param("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, False, id="ondelete-daemonset"),
        pytest.param("ReplicaSet", {}, False, id="replicaset"),
        pytest.param("CloneSet", {}, False, id="custom-kind"),
    ],
)
def test_has_rolling_updates(kind: str, spec: dict[str, t.Any], expected: bool) -> None:
    workload = {"metadata": {"generation": 2}, "spec": spec}
    assert rules(kind).has_rolling_updates(workload) is expected
    assert rules(kind).is_rolling_out(workload) in (expected, False)


@pytest.mark.parametrize(
    ("kind", "workload", "count"),
    [
        pytest.param("Deployment", {"spec": {"replicas": 3}}, 3, id="replicas"),
        pytest.param("Deployment", {"spec": {"replicas": 0}}, 0, id="no-replicas"),
        pytest.param("ReplicationController", {"spec": {}}, 1, id="default-replicas"),
        pytest.param("DaemonSet", {"spec": {}, "status": {"desiredNumberScheduled": 4}}, 4, id="daemonset"),
        pytest.param("CloneSet", {"spec": {"replicas": 3}}, None, id="custom-kind"),
    ],
)
def test_count_pods(kind: str, workload: dict[str, t.Any], count: int | None) -> None:
    assert rules(kind).count_pods(workload) == count


@pytest.mark.parametrize(
    ("api_version", "kind", "attributes"),
    [
        # plural, is_read, is_namespaced, recreates_pods, runs_to_completion
        ("apps/v1", "Deployment", ("deployments", True, True, True, False)),
        ("apps/v1", "ReplicaSet", ("replicasets", True, True, True, False)),
        ("apps/v1", "StatefulSet", ("statefulsets", True, True, True, False)),
        ("apps/v1", "DaemonSet", ("daemonsets", True, True, True, False)),
        ("v1", "ReplicationController", ("replicationcontrollers", True, True, True, False)),
        ("batch/v1", "Job", ("", False, True, True, True)),
        ("batch/v1", "CronJob", ("", False, True, True, True)),
        ("v1", "Node", ("", False, False, False, False)),
        ("v1", "Pod", ("pods", False, True, False, False)),
        # Custom kinds. The second has the name of a known kind.
        ("argoproj.io/v1alpha1", "Rollout", ("", False, True, True, False)),
        ("apps.kruise.io/v1beta1", "StatefulSet", ("", False, True, True, False)),
    ],
)
def test_attributes_of_each_kind(api_version: str, kind: str, attributes: tuple[t.Any, ...]) -> None:
    result = find_kind(api_version, kind)
    assert (
        result.plural,
        result.is_read,
        result.is_namespaced,
        result.recreates_pods,
        result.runs_to_completion,
    ) == attributes


def test_unknown_kind_has_generic_rules() -> None:
    generic, workload = find_kind("argoproj.io/v1alpha1", "Rollout"), k8s.workload("canary", status={"replicas": 1})
    assert generic.__class__ is WorkloadKind
    assert not generic.has_rolling_updates(workload)
    assert not generic.is_rolling_out(workload)
    assert generic.count_pods(workload) is None
    assert generic.find_restart_obstacle(workload) is None
    assert not generic.is_superseded(workload, k8s.pod("canary-a"), None)


def test_paused_deployment_cannot_be_restarted() -> None:
    paused = k8s.workload("web", paused=True)
    assert find_kind("apps/v1", "Deployment").find_restart_obstacle(paused) == (
        "paused",
        "Resume it (kubectl rollout resume)",
    )
    assert find_kind("apps/v1", "StatefulSet").find_restart_obstacle(paused) is None


@pytest.mark.parametrize(
    ("partition", "start", "first", "kept"),
    [(None, None, 0, 0), (2, None, 2, 2), (2, 5, 7, 2), (None, 5, 0, 0), (0, 5, 0, 0)],
)
def test_partition_counts_from_the_first_ordinal(
    partition: int | None, start: int | None, first: int, kept: int
) -> None:
    workload = k8s.workload("db", replicas=3, updateStrategy={"rollingUpdate": {"partition": partition}})
    workload["spec"]["ordinals"] = None if start is None else {"start": start}
    rules_of_kind = find_kind("apps/v1", "StatefulSet")
    assert rules_of_kind.get_first_updated_ordinal(workload) == first
    assert rules_of_kind.count_kept_pods(workload) == kept
    workload["status"] = {"observedGeneration": 1, "readyReplicas": 3, "updatedReplicas": 0}
    if kept:
        message = f"0 of 1 replicas from ordinal {first} on are updated"
        assert rules_of_kind.get_rollout_status(workload).message == message


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        pytest.param({}, True, id="ordered-by-default"),
        pytest.param({"podManagementPolicy": "Parallel"}, False, id="parallel"),
    ],
)
def test_ordered_statefulset_waits_for_unready_pods(policy: dict[str, str], waits: bool) -> None:
    workload = k8s.workload("db", **policy)
    assert find_kind("apps/v1", "StatefulSet").waits_for_unready_pods(workload) is waits
    assert not find_kind("apps/v1", "DaemonSet").waits_for_unready_pods(workload)


@pytest.mark.parametrize(
    ("name", "labels", "owner"),
    [
        pytest.param("web-6d", {"pod-template-hash": "6d"}, ("apps/v1", "Deployment", "web"), id="hash-in-name"),
        pytest.param("web-6d", {"pod-template-hash": "7c"}, None, id="another-hash"),
        pytest.param("web-6d", {}, None, id="no-label"),
    ],
)
def test_deployment_is_found_by_the_label_of_its_pod(
    name: str, labels: dict[str, str], owner: tuple[str, str, str] | None
) -> None:
    assert find_kind("apps/v1", "ReplicaSet").find_owner_by_labels(name, labels) == owner
    assert find_kind("apps/v1", "StatefulSet").find_owner_by_labels(name, labels) is None
