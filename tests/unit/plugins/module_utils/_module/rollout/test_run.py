# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts of service accounts in an in-memory cluster. The tests write the events of the watches."""

from __future__ import annotations

import dataclasses
import threading
import time
import typing as t

import pytest
import urllib3
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.client import ApiServer
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import (
    AccessDenied,
    Conflict,
    IrsaError,
    MalformedAnswer,
    RolloutFailed,
    Throttled,
    Unreachable,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import tracker
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import RolloutSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout import run
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout.run import AccountRollout, RolloutGroup
from unit import kubernetes_objects as k8s
from unit.fake_cluster import FakeCluster, account
from unit.scripted import Scripted

Json = dict[str, t.Any]

SERVER = ApiServer(urllib3.PoolManager(), "http://127.0.0.1:1", authorization=lambda: None)  # the cluster is fake
SPEC = RolloutSpec("shop", "app", (), None, "restart", True, False, True, 5, 0)
WEB = Owner("apps/v1", "Deployment", "web")
DB = Owner("apps/v1", "StatefulSet", "db")
OTHER = "arn:aws:iam::123456789012:role/other"
BUDGET = {"reason": "DisruptionBudget", "message": "The disruption budget tight needs 1 healthy pod"}


def apply(plan: Plan, operations: t.Mapping[str, t.Callable[..., t.Any]]) -> None:
    for action in plan.actions:
        operations[action.operation](**action.arguments)


def ignore(_plan: Plan, _operations: object) -> None:
    """Do nothing, as in check mode."""


def rolled_out(generation: int) -> Json:
    return {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster with a Deployment that has one stale pod."""
    fake_cluster = FakeCluster(accounts=[account("app")], pods=[k8s.deployment_pod("web", "6d", "a")])
    fake_cluster.workloads[WEB] = k8s.workload("web", replicas=1, status=rolled_out(1))
    fake_cluster.install(monkeypatch)
    return fake_cluster


def complete_restart(cluster: FakeCluster) -> None:
    """Replace the pod after a restart, like the controller of a Deployment."""

    def react() -> None:
        workload = cluster.workloads[WEB]
        at = workload["spec"]["template"]["metadata"]["annotations"][k8s.RESTARTED_AT]
        generation = workload["metadata"]["generation"]
        cluster.announce("Pod", "DELETED", cluster.pods[0])
        cluster.announce("Pod", "ADDED", k8s.deployment_pod("web", "7c", "b", role=k8s.ROLE, restarted_at=at))
        done = k8s.workload("web", replicas=1, generation=generation, status=rolled_out(generation), restarted_at=at)
        cluster.announce("Deployment", "MODIFIED", done)

    cluster.reactions["restart"] = [react]


def roll_out(*specs: RolloutSpec, apply_plan: t.Any = apply, **options: t.Any) -> RolloutGroup:
    group = RolloutGroup(SERVER, specs or [SPEC], **options)
    group.observe()
    group.roll_out(apply_plan)
    return group


def failure_of(group: RolloutGroup) -> IrsaError:
    error = group.failure()
    assert error is not None
    return error


def test_restart_is_written_and_waited_for(cluster: FakeCluster) -> None:
    complete_restart(cluster)
    group = roll_out()
    assert group.failure() is None
    assert group.written() == ["restart Deployment shop/web"]
    result = group.rollouts[0].result()
    assert [(pod["name"], pod["stale"]) for pod in result["pods"]] == [("web-6d-a", True)]
    assert result["restarted"] == [{"kind": "Deployment", "name": "web", "strategy": "restart"}]
    assert result["verified"] == [{"name": "web-7c-b", "containers": ["app"]}]


def test_nothing_is_written_without_stale_pods(cluster: FakeCluster) -> None:
    cluster.pods = [k8s.deployment_pod("web", "6d", "a", role=k8s.ROLE)]
    group = roll_out()
    assert not group.plan()
    assert group.written() == []
    assert group.rollouts[0].result()["verified"] == [{"name": "web-6d-a", "containers": ["app"]}]


def test_restart_without_wait(cluster: FakeCluster) -> None:
    group = roll_out(dataclasses.replace(SPEC, wait=False))
    assert group.failure() is None
    assert group.written() == ["restart Deployment shop/web"]


def test_check_mode_plans_the_restart_and_writes_nothing(cluster: FakeCluster) -> None:
    group = roll_out(apply_plan=ignore, check_mode=True)
    assert group.failure() is None
    assert group.plan().summaries() == ["restart Deployment shop/web"]
    assert group.written() == []
    assert not any(request.startswith("restart") for request in cluster.requests)


def test_refused_watch_fails_the_rollout(cluster: FakeCluster) -> None:
    cluster.break_watch("Deployment", AccessDenied("could not watch"))
    group = roll_out()
    assert failure_of(group).message == "could not watch"
    assert group.written() == ["restart Deployment shop/web"]
    assert group.rollouts[0].result()["verified"] == []


def test_failed_watch_is_waited_for(cluster: FakeCluster) -> None:
    complete_restart(cluster)
    cluster.announce("Pod", "ERROR", Unreachable("could not watch", cause="503: unavailable"))
    cluster.announce("Pod", "LIST", t.cast("t.Any", cluster.pods))
    group = roll_out()
    assert group.failure() is None
    assert group.rollouts[0].result()["verified"] == [{"name": "web-7c-b", "containers": ["app"]}]


def finish_restart(cluster: FakeCluster) -> Json:
    """The new pod of a restart. Only the workload shows it, as if the watch of the pods were dead."""
    workload = cluster.workloads[WEB]
    at, generation = workload["spec"]["template"]["metadata"]["annotations"][k8s.RESTARTED_AT], 2
    done = k8s.workload("web", replicas=1, generation=generation, status=rolled_out(generation), restarted_at=at)
    cluster.announce("Deployment", "MODIFIED", done)
    return k8s.deployment_pod("web", "7c", "b", role=k8s.ROLE, restarted_at=at)


def test_dead_watch_restarts_nothing(cluster: FakeCluster) -> None:
    def react() -> None:
        cluster.pods = [finish_restart(cluster)]

    first = cluster.pods
    cluster.announce("Pod", "LIST", t.cast("t.Any", first))  # the last that the watch sends
    cluster.reactions["restart"] = [react]
    group = roll_out(dataclasses.replace(SPEC, max_retries=2))
    assert group.failure() is None
    assert cluster.requests.count("restart web") == 1
    assert group.rollouts[0].result()["verified"] == [{"name": "web-7c-b", "containers": ["app"]}]


def test_pods_are_listed_again_before_a_retry(cluster: FakeCluster) -> None:
    def react() -> None:
        pod = finish_restart(cluster)
        cluster.announce("Pod", "LIST", t.cast("t.Any", cluster.pods))

        def refuse() -> None:
            raise Unreachable("could not list", cause="no answer")

        def show() -> None:
            cluster.pods = [pod]

        cluster.reactions["list_pods"] = [refuse, show]

    cluster.reactions["restart"] = [react]
    group = roll_out(dataclasses.replace(SPEC, max_retries=2, wait_timeout=9))
    assert group.failure() is None
    assert cluster.requests.count("restart web") == 1


def test_slow_request_does_not_hide_that_another_workload_has_finished(cluster: FakeCluster) -> None:
    cluster.pods.append(db_pod(0))
    cluster.workloads[DB] = k8s.workload("db", replicas=1, updateStrategy={"type": "OnDelete"})
    complete_restart(cluster)

    def stall() -> None:
        time.sleep(1.1)  # until the deadline
        raise Unreachable("could not evict", cause="no answer")

    cluster.reactions["evict_pod"] = [stall]
    error = failure_of(roll_out(dataclasses.replace(SPEC, wait_timeout=1)))
    assert [workload["name"] for workload in error.details["workloads"]] == ["db"]


def test_time_limit_includes_all_requests(
    scripted: Scripted, connect: t.Callable[..., ApiServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "_GRACE_SECONDS", 0.2)
    scripted.answer(*[lambda _file: threading.Event().wait(60)] * 9)
    started = time.monotonic()
    group = RolloutGroup(connect(scripted), [dataclasses.replace(SPEC, wait_timeout=1)])
    group.observe()
    group.roll_out(apply)
    assert "had no complete answer in time" in str(failure_of(group))
    assert time.monotonic() - started < 10


def test_error_of_a_reader_is_raised(cluster: FakeCluster) -> None:
    cluster.break_watch("Pod", ZeroDivisionError("a bug"))
    with pytest.raises(ZeroDivisionError, match="a bug"):
        roll_out()


def test_endless_events_do_not_prevent_the_end_of_the_wait(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def follow(*_arguments: t.Any, kind: str, **_options: t.Any) -> t.Iterator[tuple[str, t.Any]]:
        yield "LIST", cluster.pods if kind == "Pod" else [cluster.workloads[WEB]]
        while kind == "Pod":
            yield "MODIFIED", cluster.pods[0]

    monkeypatch.setattr(cluster, "follow", follow)
    group = roll_out(dataclasses.replace(SPEC, wait_timeout=1))
    assert "not finished after 1 s" in str(failure_of(group))


def test_refused_restart_does_not_affect_other_workloads(cluster: FakeCluster) -> None:
    cluster.pods.append(k8s.pod("agent-a", k8s.owner_reference("DaemonSet", "agent")))
    cluster.workloads[Owner("apps/v1", "DaemonSet", "agent")] = k8s.workload("agent", replicas=None)
    complete_restart(cluster)

    def refuse() -> None:
        raise AccessDenied("could not restart DaemonSet shop/agent", cause="forbidden")

    cluster.reactions["restart"].insert(0, refuse)
    group = roll_out()
    error = failure_of(group)
    assert isinstance(error, AccessDenied)
    assert [workload["name"] for workload in error.details["workloads"]] == ["agent"]
    assert group.written() == ["restart Deployment shop/web"]
    assert "watch" not in str(error)


def test_replicas_of_a_custom_kind_are_read_if_no_replacement_is_created(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "_EVENTS_SECONDS", 0.01)
    reference = k8s.owner_reference("CloneSet", "clone", "apps.kruise.io/v1alpha1")
    cluster.pods = [k8s.pod("clone-a", reference)]
    cluster.reactions["evict_pod"] = [lambda: cluster.announce("Pod", "DELETED", cluster.pods[0])]
    cluster.replicas = 0
    group = roll_out()
    assert group.failure() is None
    assert cluster.requests[-1] == "count_replicas clone"


def event(message: str, last_timestamp: str) -> Json:
    return {"metadata": {}, "reason": "FailedCreate", "message": message, "lastTimestamp": last_timestamp}


def test_rollout_that_does_not_finish_in_time_names_the_blocker(cluster: FakeCluster) -> None:
    cluster.events = [event("exceeded quota", "2999-01-01T00:00:00Z"), event("before the run", "2001-01-01T00:00:00Z")]
    group = roll_out(dataclasses.replace(SPEC, wait_timeout=0.05))  # type: ignore[arg-type]
    error = failure_of(group)
    assert isinstance(error, RolloutFailed)
    assert error.details["workloads"][0]["blocker"] == "FailedCreate: exceeded quota"
    cluster.events = cluster.events[1:]
    error = failure_of(roll_out(dataclasses.replace(SPEC, wait_timeout=0.05)))  # type: ignore[arg-type]
    assert "before the run" not in str(error)


def db_pod(generation: int, role: str | None = None) -> Json:
    return k8s.pod("db-0", k8s.owner_reference("StatefulSet", "db"), uid=f"db-{generation}", role=role)


@pytest.mark.parametrize("strategy", ["evict", "delete"])
def test_pod_is_replaced_and_its_replacement_is_verified(cluster: FakeCluster, strategy: str) -> None:
    cluster.pods = [db_pod(0)]
    cluster.workloads[DB] = k8s.workload("db", replicas=1)

    def refuse() -> None:
        cluster.announce("Pod", "MODIFIED", cluster.pods[0])
        raise Throttled("could not evict", cause="too many requests", causes=[BUDGET])

    def replace() -> None:
        cluster.announce("Pod", "DELETED", cluster.pods[0])
        cluster.announce("Pod", "ADDED", db_pod(1, k8s.ROLE))

    cluster.reactions[f"{strategy}_pod"] = [refuse, replace]
    group = roll_out(dataclasses.replace(SPEC, strategy=strategy))
    assert group.failure() is None
    assert group.written() == [f"{strategy} pod shop/db-0"]
    assert cluster.requests.count(f"{strategy}_pod db-0") == 2
    assert group.rollouts[0].result()["verified"] == [{"name": "db-0", "containers": ["app"]}]


def test_refused_eviction_names_the_disruption_budget(cluster: FakeCluster) -> None:
    cluster.pods = [db_pod(0)]
    cluster.workloads[DB] = k8s.workload("db", replicas=1)

    def refuse() -> None:
        raise Throttled("could not evict", cause="too many requests", causes=[BUDGET])

    cluster.reactions["evict_pod"] = [refuse] * 50
    group = roll_out(dataclasses.replace(SPEC, strategy="evict", wait_timeout=0.05))  # type: ignore[arg-type]
    assert "The disruption budget tight needs 1 healthy pod" in str(failure_of(group))
    assert group.written() == []


def test_role_that_contradicts_the_annotation_is_rejected_before_any_write(cluster: FakeCluster) -> None:
    group = roll_out(dataclasses.replace(SPEC, role_arn=OTHER))
    assert isinstance(failure_of(group), Conflict)
    assert group.written() == []
    # In check mode, the annotation may not be written yet.
    group = roll_out(dataclasses.replace(SPEC, role_arn=OTHER), apply_plan=ignore, check_mode=True)
    assert group.failure() is None
    assert group.plan()


def test_failed_rollout_does_not_affect_the_others(cluster: FakeCluster) -> None:
    complete_restart(cluster)
    finished: list[str] = []
    specs = [dataclasses.replace(SPEC, service_account=name) for name in ("app", "missing", "second")]
    cluster.accounts["shop", "second"] = account("second")

    def on_finished(rollout: AccountRollout) -> None:
        finished.append(f"{rollout.title} {'failed' if rollout.error else 'done'}")

    group = RolloutGroup(SERVER, specs)
    group.observe()
    group.roll_out(apply, on_finished)
    assert sorted(finished) == ["shop/app done", "shop/missing failed", "shop/second done"]
    assert group.plan().before == {"stale_pods": {"shop/app": {"Deployment web": ["web-6d-a"]}}}
    assert group.plan().after == {"stale_pods": {"shop/app": {}}}
    result = group.result()
    assert result["restarted"] == [{"namespace": "shop", "kind": "Deployment", "name": "web", "strategy": "restart"}]
    assert result["verified"] == [{"namespace": "shop", "name": "web-7c-b", "containers": ["app"]}]
    # A single error is returned unchanged.
    assert failure_of(group).message == "service account shop/missing does not exist"


def test_several_errors_are_combined(cluster: FakeCluster) -> None:
    specs = [dataclasses.replace(SPEC, service_account=name) for name in ("app", "first", "second")]
    specs[0] = dataclasses.replace(specs[0], wait_timeout=0.05)  # type: ignore[arg-type]
    error = failure_of(roll_out(*specs))
    assert error.message == "the rollout failed for 3 of 3 service accounts"
    assert "shop/second: service account shop/second does not exist" in str(error.cause)
    assert [fact["name"] for fact in error.details["workloads"]] == ["web"]


@pytest.mark.parametrize("kind", [Unreachable, MalformedAnswer])
def test_failed_list_of_the_pods_of_many_accounts(cluster: FakeCluster, kind: type[IrsaError]) -> None:
    names = [f"a{number}" for number in range(9)]
    cluster.accounts = {("shop", name): account(name) for name in names}
    specs = [dataclasses.replace(SPEC, service_account=name) for name in names]

    def refuse() -> None:
        raise kind("could not list")

    cluster.reactions["list_pods"] = [refuse]
    group = roll_out(*specs)
    if kind is MalformedAnswer:  # the pods of each account are listed
        assert group.failure() is None
        assert cluster.requests.count("list_pods shop") == 10
    else:
        assert str(failure_of(group)) == "could not list."
        assert all(rollout.error for rollout in group.rollouts)


def test_known_accounts_are_not_read_again(cluster: FakeCluster) -> None:
    group = roll_out(apply_plan=ignore, check_mode=True, accounts={("shop", "app"): account("app")})
    assert group.failure() is None
    assert "find_service_account app" not in cluster.requests
