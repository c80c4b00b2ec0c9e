# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import Conflict
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods import workload_kinds
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import (
    Owner,
    WorkloadKind,
    list_owners_to_read,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import decision as rollout
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import staleness
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import RolloutSpec
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

PARAMS: Json = {
    "namespace": "shop",
    "service_account": "app",
    "label_selectors": None,
    "role_arn": None,
    "strategy": "restart",
    "only_stale": True,
    "delete_unmanaged": False,
    "wait": True,
    "wait_timeout": 300,
    "max_retries": 2,
}
SPEC = RolloutSpec.from_params(PARAMS)


def owner(kind: str, name: str) -> Owner:
    return Owner("v1" if kind == "ReplicationController" else "apps/v1", kind, name)


def decide(pods: list[Json], workloads: dict[Owner, Json | None], **options: t.Any) -> rollout.RolloutDecision:
    findings = staleness.evaluate_pods(pods, lambda pod: ExpectedInjection(k8s.ROLE), workloads)
    return rollout.decide(dataclasses.replace(SPEC, **options), findings, workloads)


def of(kind: str, name: str, *pod_names: str, **options: t.Any) -> list[Json]:
    api_version = owner(kind, name).api_version
    return [k8s.pod(each, k8s.owner_reference(kind, name, api_version), **options) for each in pod_names]


ROLLING = {"updateStrategy": {"type": "RollingUpdate"}}
ON_DELETE = {"updateStrategy": {"type": "OnDelete"}}
PARTITION = {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
WEB = [k8s.deployment_pod("web", "6d", "a"), k8s.deployment_pod("web", "6d", "b")]
WEB_OWNERS = {
    owner("Deployment", "web"): k8s.workload("web", annotations={"deployment.kubernetes.io/revision": "3"}),
    owner("ReplicaSet", "web-6d"): k8s.workload(
        "web-6d",
        annotations={"deployment.kubernetes.io/revision": "3"},
        owner=k8s.owner_reference("Deployment", "web"),
    ),
}


@pytest.mark.parametrize(
    ("pods", "workloads", "options", "actions"),
    [
        pytest.param(WEB, WEB_OWNERS, {}, ["restart Deployment shop/web"], id="deployment"),
        pytest.param(
            WEB,
            WEB_OWNERS,
            {"strategy": "evict"},
            ["evict 2 pods of Deployment shop/web one at a time: web-6d-a, web-6d-b"],
            id="deployment-evict",
        ),
        pytest.param(
            of("StatefulSet", "db", "db-0", "db-1", "db-10"),
            {owner("StatefulSet", "db"): k8s.workload("db", **ON_DELETE)},
            {"strategy": "delete"},
            ["delete 3 pods of StatefulSet shop/db one at a time: db-10, db-1, db-0"],
            id="set-delete-from-the-top",
        ),
        pytest.param(
            of("StatefulSet", "db", "db-0", "db-1"),
            {owner("StatefulSet", "db"): k8s.workload("db", **ROLLING)},
            {},
            ["restart StatefulSet shop/db"],
            id="set",
        ),
        pytest.param(
            of("StatefulSet", "db", "db-0", "db-1", "db-2"),
            {owner("StatefulSet", "db"): k8s.workload("db", **PARTITION)},
            {},
            ["restart StatefulSet shop/db", "evict 2 pods of StatefulSet shop/db one at a time: db-1, db-0"],
            id="set-with-partition",
        ),
        pytest.param(
            [*of("StatefulSet", "db", "db-0"), *of("StatefulSet", "db", "db-1", "db-2", role=k8s.ROLE)],
            {owner("StatefulSet", "db"): k8s.workload("db", **PARTITION)},
            {},
            ["evict 1 pod of StatefulSet shop/db one at a time: db-0"],
            id="set-stale-below-the-partition-only",
        ),
        pytest.param(
            [*of("StatefulSet", "db", "db-0", ready=False), *of("StatefulSet", "db", "db-1")],
            {owner("StatefulSet", "db"): k8s.workload("db", **ROLLING)},
            {},
            [
                "restart StatefulSet shop/db",
                "evict 1 unready pod of StatefulSet shop/db that would hold up the rollout: db-0",
            ],
            id="set-held-up-by-an-unready-pod",
        ),
        pytest.param(
            of("StatefulSet", "db", "db-0", ready=False),
            {owner("StatefulSet", "db"): k8s.workload("db", podManagementPolicy="Parallel", **ROLLING)},
            {},
            ["restart StatefulSet shop/db"],
            id="parallel-set-is-not-held-up",
        ),
        pytest.param(
            [*of("DaemonSet", "agent", "agent-a"), *of("DaemonSet", "agent", "agent-b", ready=False)],
            {owner("DaemonSet", "agent"): k8s.workload("agent", replicas=None, **ON_DELETE)},
            {},
            ["evict 2 pods of DaemonSet shop/agent one at a time: agent-b, agent-a"],
            id="ondelete-unready-first",
        ),
        pytest.param(
            of("DaemonSet", "agent", "agent-a"),
            {owner("DaemonSet", "agent"): k8s.workload("agent", replicas=None, **ROLLING)},
            {},
            ["restart DaemonSet shop/agent"],
            id="daemonset",
        ),
        pytest.param(
            of("ReplicaSet", "rs", "rs-a"),
            {owner("ReplicaSet", "rs"): k8s.workload("rs")},
            {},
            ["evict 1 pod of ReplicaSet shop/rs one at a time: rs-a"],
            id="replicaset",
        ),
        pytest.param(
            of("ReplicationController", "rc", "rc-a"),
            {owner("ReplicationController", "rc"): k8s.workload("rc")},
            {},
            ["evict 1 pod of ReplicationController shop/rc one at a time: rc-a"],
            id="replicationcontroller",
        ),
        pytest.param(
            [k8s.pod("c-a", k8s.owner_reference("StatefulSet", "c", "apps.kruise.io/v1beta1"))],
            {},
            {},
            ["evict 1 pod of StatefulSet shop/c one at a time: c-a"],
            id="custom-kind-of-a-known-name",
        ),
        pytest.param(
            of("ReplicaSet", "canary-7f", "canary-7f-a"),
            {
                owner("ReplicaSet", "canary-7f"): k8s.workload(
                    "canary-7f", owner=k8s.owner_reference("Rollout", "canary", "argoproj.io/v1alpha1")
                )
            },
            {},
            ["evict 1 pod of Rollout shop/canary one at a time: canary-7f-a"],
            id="replicaset-of-a-custom-kind",
        ),
        pytest.param([k8s.pod("lonely")], {}, {"delete_unmanaged": True}, ["delete pod shop/lonely"], id="bare"),
        pytest.param(
            of("ReplicaSet", "gone", "gone-a"), {owner("ReplicaSet", "gone"): None}, {}, [], id="owner-is-gone"
        ),
        pytest.param(
            [k8s.pod("static", k8s.owner_reference("Node", "n1", "v1"))], {}, {"only_stale": False}, [], id="node"
        ),
        pytest.param(
            [*of("ReplicaSet", "rs", "rs-a", role=k8s.ROLE), *of("ReplicaSet", "rs", "rs-b", deleting=True)],
            {owner("ReplicaSet", "rs"): k8s.workload("rs")},
            {},
            [],
            id="nothing-stale",
        ),
        pytest.param(
            of("ReplicaSet", "rs", "rs-a", role=k8s.ROLE),
            {owner("ReplicaSet", "rs"): k8s.workload("rs")},
            {"only_stale": False},
            ["evict 1 pod of ReplicaSet shop/rs one at a time: rs-a"],
            id="all",
        ),
    ],
)
def test_actions(pods: list[Json], workloads: dict[Owner, Json | None], options: Json, actions: list[str]) -> None:
    decision = decide(pods, workloads, **options)
    assert decision.plan.summaries() == actions
    assert len(decision.restarted) == len(actions)
    assert bool(decision.plan) is bool(actions)


def test_several_workloads_in_one_plan() -> None:
    pods = [*WEB, *of("DaemonSet", "agent", "agent-a"), *of("StatefulSet", "db", "db-0", role=k8s.ROLE)]
    workloads = {
        **WEB_OWNERS,
        owner("DaemonSet", "agent"): k8s.workload("agent", replicas=None, **ROLLING),
        owner("StatefulSet", "db"): k8s.workload("db", **ROLLING),
    }
    decision = decide(pods, workloads)
    assert decision.restarted == (
        {"kind": "DaemonSet", "name": "agent", "strategy": "restart"},
        {"kind": "Deployment", "name": "web", "strategy": "restart"},
    )
    assert decision.plan.diff() == {
        "before": {"stale_pods": {"DaemonSet agent": ["agent-a"], "Deployment web": ["web-6d-a", "web-6d-b"]}},
        "after": {"stale_pods": {}},
    }


@pytest.mark.parametrize(
    ("pods", "workloads", "warning"),
    [
        pytest.param([k8s.pod("lonely")], {}, "not changed: lonely", id="bare"),
        pytest.param(
            [k8s.pod("executor", k8s.owner_reference("Pod", "driver", "v1"))], {}, "nothing re-creates", id="of-a-pod"
        ),
        pytest.param(
            [k8s.pod("job-x", k8s.owner_reference("Job", "job", "batch/v1"))], {}, "a Job is never restarted", id="job"
        ),
        pytest.param(
            WEB,
            {**WEB_OWNERS, owner("Deployment", "web"): k8s.workload("web", paused=True)},
            "Deployment web is paused",
            id="paused",
        ),
    ],
)
def test_what_is_left_alone_is_warned_of(pods: list[Json], workloads: dict[Owner, Json | None], warning: str) -> None:
    decision = decide(pods, workloads)
    assert not decision.plan
    assert decision.tasks == ()
    assert len(decision.plan.warnings) == 1
    assert warning in decision.plan.warnings[0]


def test_bare_pods_are_reported_whether_or_not_they_are_deleted() -> None:
    for delete in (False, True):
        decision = decide([k8s.pod("lonely"), k8s.pod("right", role=k8s.ROLE)], {}, delete_unmanaged=delete)
        assert decision.unmanaged == ({"namespace": "shop", "name": "lonely"},)
        assert decision.restarted == (({"kind": "Pod", "name": "lonely", "strategy": "delete"},) if delete else ())


def revised(revision: str, pod_revision: str) -> dict[Owner, Json | None]:
    key = "deployment.kubernetes.io/revision"
    return {
        owner("Deployment", "web"): k8s.workload("web", annotations={key: revision}),
        owner("ReplicaSet", "web-6d"): k8s.workload(
            "web-6d", annotations={key: pod_revision}, owner=k8s.owner_reference("Deployment", "web")
        ),
    }


UPDATING = {"updateRevision": "db-2", "currentRevision": "db-1"}


@pytest.mark.parametrize(
    ("pods", "workloads"),
    [
        pytest.param(WEB, revised("4", "3"), id="deployment"),
        pytest.param(
            of("StatefulSet", "db", "db-0", labels={"controller-revision-hash": "db-1"}),
            {owner("StatefulSet", "db"): k8s.workload("db", status=UPDATING, **ROLLING)},
            id="set",
        ),
        pytest.param(
            of("DaemonSet", "agent", "agent-a", labels={"pod-template-generation": "1"}),
            {
                owner("DaemonSet", "agent"): k8s.workload(
                    "agent",
                    replicas=None,
                    annotations={"deprecated.daemonset.template.generation": "2"},
                    **ROLLING,
                )
            },
            id="daemonset",
        ),
    ],
)
def test_what_is_being_replaced_is_only_waited_for(pods: list[Json], workloads: dict[Owner, Json | None]) -> None:
    decision = decide(pods, workloads)
    assert not decision.plan
    assert [(task.restart, task.unready, task.replace) for task in decision.tasks] == [(False, (), ())]
    assert decide(pods, workloads, wait=False).tasks == ()
    assert decide(pods, workloads, only_stale=False).plan


def test_a_change_that_its_controller_has_not_seen_supersedes_nothing() -> None:
    workloads = revised("4", "3")
    workloads[owner("Deployment", "web")]["metadata"]["generation"] = 9  # type: ignore[index]
    assert decide(WEB, workloads).plan


def test_a_fresh_rollout_under_way_is_waited_for() -> None:
    status = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}
    workloads = {owner("StatefulSet", "db"): k8s.workload("db", status={**status, **UPDATING}, **ROLLING)}
    pods = of("StatefulSet", "db", "db-0", role=k8s.ROLE, ready=False)
    decision = decide(pods, workloads)
    assert [task.owner.name for task in decision.tasks] == ["db"]
    assert not decision.plan
    assert decide(pods, workloads, wait=False).tasks == ()


def account_of(role: str | None) -> Json:
    return {"metadata": {"name": "app", "annotations": {"eks.amazonaws.com/role-arn": role} if role else {}}}


@pytest.mark.parametrize(
    ("asked", "annotated", "stops"),
    [
        (k8s.ROLE, k8s.ROLE, False),
        (k8s.ROLE, None, False),
        (k8s.ROLE, "arn:aws:iam::123456789012:role/other", True),
        ("", k8s.ROLE, True),
        ("", None, False),
        (None, k8s.ROLE, False),
    ],
)
def test_a_restart_that_can_not_help_is_not_begun(asked: str | None, annotated: str | None, stops: bool) -> None:
    wanted = dataclasses.replace(SPEC, role_arn=asked)
    begun = decide(WEB, WEB_OWNERS)
    idle = decide([], {})
    rollout.require_no_contradiction(wanted, account_of(annotated), idle)
    if stops:
        with pytest.raises(Conflict, match="cannot give the pods of service account shop/app"):
            rollout.require_no_contradiction(wanted, account_of(annotated), begun)
    else:
        rollout.require_no_contradiction(wanted, account_of(annotated), begun)


class ArgoRollout(WorkloadKind):
    """What support of another kind takes."""

    group, kind, plural = "argoproj.io", "Rollout", "rollouts"
    is_read = True

    def has_rolling_updates(self, workload: Json) -> bool:  # type: ignore[override]
        return True

    def build_restart_patch(self, at: str) -> Json:
        return {"spec": {"restartAt": at}}


def test_another_kind_needs_nothing_but_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload_kinds, "_KINDS", {**workload_kinds._KINDS, ("argoproj.io", "Rollout"): ArgoRollout()})
    canary = Owner("argoproj.io/v1alpha1", "Rollout", "canary")
    pods = of("ReplicaSet", "canary-7f", "canary-7f-a", labels={"rollouts-pod-template-hash": "7f"})
    replica_set = k8s.workload("canary-7f", owner=k8s.owner_reference("Rollout", "canary", canary.api_version))
    known: dict[Owner, Json | None] = {owner("ReplicaSet", "canary-7f"): replica_set}
    assert list_owners_to_read(pods, known, with_templates=True) == [canary]
    known[canary] = k8s.workload("canary")
    decision = decide(pods, known)
    assert decision.plan.summaries() == ["restart Rollout shop/canary"]
    assert canary.rules.build_restart_patch("now") == {"spec": {"restartAt": "now"}}
