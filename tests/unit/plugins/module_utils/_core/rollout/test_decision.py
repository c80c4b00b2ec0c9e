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
    statuses = staleness.evaluate_pods(pods, lambda pod: ExpectedInjection(k8s.ROLE), workloads)
    return rollout.decide(dataclasses.replace(SPEC, **options), statuses, workloads)


def pods_of(kind: str, name: str, *pod_names: str, **options: t.Any) -> list[Json]:
    api_version = owner(kind, name).api_version
    return [k8s.pod(pod_name, k8s.owner_reference(kind, name, api_version), **options) for pod_name in pod_names]


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
            ["evict 2 pods of Deployment shop/web one at a time: web-6d-a and web-6d-b"],
            id="deployment-evict",
        ),
        pytest.param(
            pods_of("StatefulSet", "db", "db-0", "db-1", "db-10"),
            {owner("StatefulSet", "db"): k8s.workload("db", **ON_DELETE)},
            {"strategy": "delete"},
            ["delete 3 pods of StatefulSet shop/db one at a time: db-10, db-1 and db-0"],
            id="statefulset-delete-highest-ordinal-first",
        ),
        pytest.param(
            pods_of("StatefulSet", "db", "db-0", "db-1"),
            {owner("StatefulSet", "db"): k8s.workload("db", **ROLLING)},
            {},
            ["restart StatefulSet shop/db"],
            id="statefulset",
        ),
        pytest.param(
            pods_of("StatefulSet", "db", "db-0", "db-1", "db-2"),
            {owner("StatefulSet", "db"): k8s.workload("db", **PARTITION)},
            {},
            ["restart StatefulSet shop/db", "evict 2 pods of StatefulSet shop/db one at a time: db-1 and db-0"],
            id="statefulset-with-partition",
        ),
        pytest.param(
            pods_of("StatefulSet", "db", "db-5", "db-6", "db-7"),
            {owner("StatefulSet", "db"): k8s.workload("db", replicas=3, ordinals={"start": 5}, **PARTITION)},
            {},
            ["restart StatefulSet shop/db", "evict 2 pods of StatefulSet shop/db one at a time: db-6 and db-5"],
            id="statefulset-with-partition-and-first-ordinal",
        ),
        pytest.param(
            [*pods_of("StatefulSet", "db", "db-0"), *pods_of("StatefulSet", "db", "db-1", "db-2", role=k8s.ROLE)],
            {owner("StatefulSet", "db"): k8s.workload("db", **PARTITION)},
            {},
            ["evict 1 pod of StatefulSet shop/db one at a time: db-0"],
            id="statefulset-stale-below-partition",
        ),
        pytest.param(
            [*pods_of("StatefulSet", "db", "db-0", ready=False), *pods_of("StatefulSet", "db", "db-1")],
            {owner("StatefulSet", "db"): k8s.workload("db", **ROLLING)},
            {},
            [
                "restart StatefulSet shop/db",
                "evict 1 unready pod of StatefulSet shop/db that would block the rollout: db-0",
            ],
            id="statefulset-with-unready-pod",
        ),
        pytest.param(
            pods_of("StatefulSet", "db", "db-0", ready=False),
            {owner("StatefulSet", "db"): k8s.workload("db", podManagementPolicy="Parallel", **ROLLING)},
            {},
            ["restart StatefulSet shop/db"],
            id="parallel-statefulset-with-unready-pod",
        ),
        pytest.param(
            [*pods_of("DaemonSet", "agent", "agent-a"), *pods_of("DaemonSet", "agent", "agent-b", ready=False)],
            {owner("DaemonSet", "agent"): k8s.workload("agent", replicas=None, **ON_DELETE)},
            {},
            ["evict 2 pods of DaemonSet shop/agent one at a time: agent-b and agent-a"],
            id="ondelete-daemonset-unready-pod-first",
        ),
        pytest.param(
            pods_of("DaemonSet", "agent", "agent-a"),
            {owner("DaemonSet", "agent"): k8s.workload("agent", replicas=None, **ROLLING)},
            {},
            ["restart DaemonSet shop/agent"],
            id="daemonset",
        ),
        pytest.param(
            pods_of("ReplicaSet", "rs", "rs-a"),
            {owner("ReplicaSet", "rs"): k8s.workload("rs")},
            {},
            ["evict 1 pod of ReplicaSet shop/rs one at a time: rs-a"],
            id="replicaset",
        ),
        pytest.param(
            pods_of("ReplicationController", "rc", "rc-a"),
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
            id="custom-kind-with-known-name",
        ),
        pytest.param(
            pods_of("ReplicaSet", "canary-7f", "canary-7f-a"),
            {
                owner("ReplicaSet", "canary-7f"): k8s.workload(
                    "canary-7f", owner=k8s.owner_reference("Rollout", "canary", "argoproj.io/v1alpha1")
                )
            },
            {},
            ["evict 1 pod of Rollout shop/canary one at a time: canary-7f-a"],
            id="replicaset-of-a-custom-kind",
        ),
        pytest.param(
            [k8s.pod("single")], {}, {"delete_unmanaged": True}, ["delete pod shop/single"], id="pod-without-owner"
        ),
        pytest.param(
            pods_of("ReplicaSet", "gone", "gone-a"), {owner("ReplicaSet", "gone"): None}, {}, [], id="deleted-owner"
        ),
        pytest.param(
            [k8s.pod("static", k8s.owner_reference("Node", "n1", "v1"))], {}, {"only_stale": False}, [], id="static-pod"
        ),
        pytest.param(
            [*pods_of("ReplicaSet", "rs", "rs-a", role=k8s.ROLE), *pods_of("ReplicaSet", "rs", "rs-b", deleting=True)],
            {owner("ReplicaSet", "rs"): k8s.workload("rs")},
            {},
            [],
            id="nothing-stale",
        ),
        pytest.param(
            pods_of("ReplicaSet", "rs", "rs-a", role=k8s.ROLE),
            {owner("ReplicaSet", "rs"): k8s.workload("rs")},
            {"only_stale": False},
            ["evict 1 pod of ReplicaSet shop/rs one at a time: rs-a"],
            id="only-stale-is-false",
        ),
    ],
)
def test_actions(pods: list[Json], workloads: dict[Owner, Json | None], options: Json, actions: list[str]) -> None:
    decision = decide(pods, workloads, **options)
    assert decision.plan.summaries() == actions
    assert len(decision.restarted) == len(actions)
    assert bool(decision.plan) is bool(actions)


def test_plan_for_several_workloads() -> None:
    pods = [*WEB, *pods_of("DaemonSet", "agent", "agent-a"), *pods_of("StatefulSet", "db", "db-0", role=k8s.ROLE)]
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


def completing_pod(name: str, kind: str, api_version: str, policy: str = "Never") -> Json:
    pod = k8s.pod(name, k8s.owner_reference(kind, "build", api_version))
    pod["spec"]["restartPolicy"] = policy
    return pod


@pytest.mark.parametrize(
    ("pods", "workloads", "warning"),
    [
        pytest.param(
            [k8s.pod("single")],
            {},
            "Not changed: 1 stale pod without an owner: single. Nothing re-creates them. Replace them yourself, or set "
            "delete_unmanaged to true to delete them.",
            id="pod-without-owner",
        ),
        pytest.param(
            [k8s.pod("executor", k8s.owner_reference("Pod", "driver", "v1"))],
            {},
            "Not changed: 1 pod of Pod driver: executor. Nothing re-creates pods of this owner. Replace them yourself.",
            id="pod-of-a-pod",
        ),
        pytest.param(
            [k8s.pod("job-x", k8s.owner_reference("Job", "job", "batch/v1"))],
            {},
            "Not changed: 1 stale pod of Job job: job-x. Pods that run to completion are never restarted.",
            id="job",
        ),
        pytest.param(
            [completing_pod("build-pod", "TaskRun", "tekton.dev/v1")],
            {},
            "Not changed: 1 stale pod of TaskRun build: build-pod. Pods that run to completion are never restarted.",
            id="pod-that-is-never-restarted",
        ),
        pytest.param(
            [completing_pod("build-pod", "Workflow", "argoproj.io/v1alpha1", "OnFailure")],
            {},
            "Not changed: 1 stale pod of Workflow build: build-pod. Pods that run to completion are never restarted.",
            id="pod-that-is-restarted-on-failure",
        ),
        pytest.param(
            WEB,
            {**WEB_OWNERS, owner("Deployment", "web"): k8s.workload("web", paused=True)},
            "Deployment web is paused, so its pods cannot be restarted: web-6d-a and web-6d-b. Resume it (kubectl "
            "rollout resume), or use strategy evict.",
            id="paused-deployment",
        ),
    ],
)
def test_unchanged_pods_cause_a_warning(pods: list[Json], workloads: dict[Owner, Json | None], warning: str) -> None:
    decision = decide(pods, workloads)
    assert not decision.plan
    assert decision.tasks == ()
    assert decision.plan.warnings == (warning,)


def test_only_the_pods_that_do_not_end_by_themselves_are_replaced() -> None:
    custom = k8s.owner_reference("Server", "build", "example.com/v1")
    pods = [completing_pod("setup", "Server", "example.com/v1"), k8s.pod("server", custom)]
    decision = decide(pods, {})
    assert decision.plan.summaries() == ["evict 1 pod of Server shop/build one at a time: server"]
    assert decision.plan.warnings == (
        "Not changed: 1 stale pod of Server build: setup. Pods that run to completion are never restarted.",
    )
    assert decide(pods[:1], {}, only_stale=False, strategy="delete").plan.summaries() == []


@pytest.mark.parametrize("delete", [False, True])
def test_stale_pods_without_owner_are_reported(delete: bool) -> None:
    decision = decide([k8s.pod("single"), k8s.pod("injected", role=k8s.ROLE)], {}, delete_unmanaged=delete)
    assert decision.unmanaged == ({"namespace": "shop", "name": "single"},)
    assert decision.restarted == (({"kind": "Pod", "name": "single", "strategy": "delete"},) if delete else ())


@pytest.mark.parametrize("options", [{}, {"strategy": "evict"}], ids=["warning", "action"])
def test_messages_about_many_pods_are_short(options: Json) -> None:
    custom = None if not options else k8s.owner_reference("Server", "web", "example.com/v1")
    decision = decide([k8s.pod(f"web-{number:04}", custom) for number in range(2000)], {}, **options)
    (text,) = [*decision.plan.warnings, *decision.plan.summaries()]
    assert "2000 " in text
    assert " and 1995 more" in text
    assert len(text) < 300


def web_owners(revision: str, pod_revision: str) -> dict[Owner, Json | None]:
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
        pytest.param(WEB, web_owners("4", "3"), id="deployment"),
        pytest.param(
            pods_of("StatefulSet", "db", "db-0", labels={"controller-revision-hash": "db-1"}),
            {owner("StatefulSet", "db"): k8s.workload("db", status=UPDATING, **ROLLING)},
            id="statefulset",
        ),
        pytest.param(
            pods_of("DaemonSet", "agent", "agent-a", labels={"pod-template-generation": "1"}),
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
def test_pods_already_being_replaced_need_no_write(pods: list[Json], workloads: dict[Owner, Json | None]) -> None:
    decision = decide(pods, workloads)
    assert not decision.plan
    assert [(task.restart, task.unready, task.replace) for task in decision.tasks] == [(False, (), ())]
    assert decide(pods, workloads, wait=False).tasks == ()
    assert decide(pods, workloads, only_stale=False).plan


def test_outdated_status_does_not_show_a_rollout_in_progress() -> None:
    workloads = web_owners("4", "3")
    workloads[owner("Deployment", "web")]["metadata"]["generation"] = 9  # type: ignore[index]
    assert decide(WEB, workloads).plan


def test_rollout_in_progress_without_stale_pods_is_waited_for() -> None:
    status = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}
    workloads = {owner("StatefulSet", "db"): k8s.workload("db", status={**status, **UPDATING}, **ROLLING)}
    pods = pods_of("StatefulSet", "db", "db-0", role=k8s.ROLE, ready=False)
    decision = decide(pods, workloads)
    assert [task.owner.name for task in decision.tasks] == ["db"]
    assert not decision.plan
    assert decide(pods, workloads, wait=False).tasks == ()


def service_account(role: str | None) -> Json:
    return {"metadata": {"name": "app", "annotations": {"eks.amazonaws.com/role-arn": role} if role else {}}}


@pytest.mark.parametrize(
    ("role_arn", "annotation", "is_conflict"),
    [
        pytest.param(k8s.ROLE, k8s.ROLE, False, id="same-role"),
        pytest.param(k8s.ROLE, None, False, id="no-annotation"),
        pytest.param(k8s.ROLE, "arn:aws:iam::123456789012:role/other", True, id="another-role"),
        pytest.param("", k8s.ROLE, True, id="annotation-but-no-role-requested"),
        pytest.param("", None, False, id="no-role"),
        pytest.param(None, k8s.ROLE, False, id="role-from-annotation"),
    ],
)
def test_restart_that_contradicts_the_annotation_is_a_conflict(
    role_arn: str | None, annotation: str | None, is_conflict: bool
) -> None:
    spec = dataclasses.replace(SPEC, role_arn=role_arn)
    account = service_account(annotation)
    restart, unchanged = decide(WEB, WEB_OWNERS), decide([], {})
    rollout.require_no_contradiction(spec, account, unchanged)
    if is_conflict:
        with pytest.raises(Conflict, match="after a restart, pods of service account shop/app would "):
            rollout.require_no_contradiction(spec, account, restart)
    else:
        rollout.require_no_contradiction(spec, account, restart)


class ArgoRollout(WorkloadKind):
    """The rules for an additional kind."""

    group, kind, plural = "argoproj.io", "Rollout", "rollouts"
    is_read = True

    def has_rolling_updates(self, workload: Json) -> bool:  # type: ignore[override]
        return True

    def build_restart_patch(self, at: str) -> Json:
        return {"spec": {"restartAt": at}}


def test_kind_is_supported_by_adding_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload_kinds, "_KINDS", {**workload_kinds._KINDS, ("argoproj.io", "Rollout"): ArgoRollout()})
    canary = Owner("argoproj.io/v1alpha1", "Rollout", "canary")
    pods = pods_of("ReplicaSet", "canary-7f", "canary-7f-a", labels={"rollouts-pod-template-hash": "7f"})
    replica_set = k8s.workload("canary-7f", owner=k8s.owner_reference("Rollout", "canary", canary.api_version))
    known: dict[Owner, Json | None] = {owner("ReplicaSet", "canary-7f"): replica_set}
    assert list_owners_to_read(pods, known, with_templates=True) == [canary]
    known[canary] = k8s.workload("canary")
    decision = decide(pods, known)
    assert decision.plan.summaries() == ["restart Rollout shop/canary"]
    assert canary.rules.build_restart_patch("now") == {"spec": {"restartAt": "now"}}
