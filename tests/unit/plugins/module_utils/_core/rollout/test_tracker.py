# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Complete rollouts, event by event, with the time passed by the test."""

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import (
    AccessDenied,
    ApiError,
    RolloutFailed,
    Throttled,
    Unreachable,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import (
    Command,
    RolloutSpec,
    RolloutTask,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.tracker import STALL_SECONDS, RolloutTracker
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

WEB = Owner("apps/v1", "Deployment", "web")
DB = Owner("apps/v1", "StatefulSet", "db")
AGENT = Owner("apps/v1", "DaemonSet", "agent")
CUSTOM = Owner("apps.kruise.io/v1alpha1", "CloneSet", "clone")
FIRST, SECOND = "2026-11-22T10:00:00.000Z", "2026-11-22T10:00:05.000Z"


class Run:
    """A tracker and its events. The time starts at 0."""

    def __init__(self, *tasks: RolloutTask, workloads: dict[Owner, Json] | None = None, **options: t.Any) -> None:
        spec = RolloutSpec(
            **{
                "namespace": "shop",
                "service_account": "app",
                "label_selectors": (),
                "role_arn": None,
                "strategy": "restart",
                "only_stale": True,
                "delete_unmanaged": False,
                "wait": True,
                "wait_timeout": 300,
                "max_retries": 2,
                **options,
            }
        )
        self.tracker = RolloutTracker(spec, tasks, workloads or {}, lambda pod: ExpectedInjection(k8s.ROLE), now=0.0)
        self._pods: dict[str, Json] = {}

    def list_pods(self, *pods: Json) -> None:
        self._pods = {pod["metadata"]["uid"]: pod for pod in pods}
        self.tracker.pods_listed(pods)

    def update_pods(self, *pods: Json) -> None:
        for pod in pods:
            self._pods[pod["metadata"]["uid"]] = pod
            self.tracker.pod_changed("MODIFIED", pod)

    def delete_pods(self, *pods: Json) -> None:
        for pod in pods:
            self._pods.pop(pod["metadata"]["uid"], None)
            self.tracker.pod_changed("DELETED", pod)

    def advance_with_list(self, owner: Owner, now: float) -> list[Command]:
        """The commands after the pods were listed, which is the first command."""
        assert self.tracker.advance(now) == [Command("list-pods", owner)]
        assert self.tracker.advance(now) == []  # until they are listed
        self.tracker.pods_listed(list(self._pods.values()))
        return self.tracker.advance(now)

    def update_workload(self, owner: Owner, workload: Json) -> None:
        self.tracker.workload_changed(owner.api_version, owner.kind, "MODIFIED", workload)

    def failure(self) -> RolloutFailed:
        assert self.tracker.is_finished
        with pytest.raises(RolloutFailed) as raised:
            self.tracker.require_success()
        return raised.value


def deployment(generation: int, updated: int, *, total: int = 2, available: int = 2, **more: t.Any) -> Json:
    status = {"replicas": total, "updatedReplicas": updated, "availableReplicas": available, **more}
    return k8s.workload("web", generation=generation, status=status, restarted_at=FIRST)


def new_pod(suffix: str, **options: t.Any) -> Json:
    return k8s.deployment_pod("web", "7c", suffix, **{"role": k8s.ROLE, "restarted_at": FIRST, **options})


OLD_PODS = [k8s.deployment_pod("web", "6d", suffix) for suffix in "ab"]
RESTART = RolloutTask(WEB, restart=True)


def restarted_deployment(**options: t.Any) -> Run:
    """Start a run with a Deployment that was just restarted."""
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, **options)
    run.tracker.restart_written(WEB, {**deployment(2, 2)}, 0.0)
    run.list_pods(*OLD_PODS)
    return run


def test_deployment_is_finished_when_its_status_is_complete_and_its_pods_are_ready() -> None:
    run = restarted_deployment()
    assert run.tracker.advance(0.1) == []
    run.update_workload(WEB, deployment(2, 1, total=3))
    run.update_pods(new_pod("a"))
    assert run.tracker.advance(1.0) == []
    # The status is complete, but the event for the readiness of the last pod is missing.
    run.update_workload(WEB, deployment(2, 2))
    run.delete_pods(*OLD_PODS)
    assert run.tracker.advance(2.0) == []
    assert not run.tracker.is_finished
    run.update_pods(new_pod("b", ready=False))
    assert run.tracker.advance(2.1) == []
    assert not run.tracker.is_finished
    run.update_pods(new_pod("b"))
    run.tracker.advance(2.2)
    assert run.tracker.is_finished
    run.tracker.require_success()
    assert len(run.tracker.pods()) == 2


def test_replaced_pods_without_a_delete_event_are_not_returned() -> None:
    # The watches of the workload and the pods are independent. Either may be behind.
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, only_stale=False)
    run.tracker.restart_written(WEB, {**deployment(2, 2)}, 0.0)
    run.list_pods(*(k8s.deployment_pod("web", "6d", suffix, role=k8s.ROLE) for suffix in "ab"))
    run.update_pods(new_pod("a"), new_pod("b"))
    run.update_workload(WEB, deployment(2, 2))
    run.tracker.advance(1.0)
    assert run.tracker.is_finished
    assert {pod["metadata"]["name"] for pod in run.tracker.pods()} == {
        pod["metadata"]["name"] for pod in (new_pod("a"), new_pod("b"))
    }


def test_status_from_before_the_restart_is_ignored() -> None:
    run = restarted_deployment()
    run.update_workload(WEB, deployment(1, 2))  # complete, but older than the restart
    run.list_pods(new_pod("a"), new_pod("b"))
    run.tracker.advance(1.0)
    assert not run.tracker.is_finished


def test_terminating_pods_are_not_waited_for() -> None:
    run = restarted_deployment()
    run.update_workload(WEB, deployment(2, 2))
    run.list_pods(
        new_pod("a"), new_pod("b"), *[k8s.deployment_pod("web", "6d", suffix, deleting=True) for suffix in "ab"]
    )
    run.tracker.advance(1.0)
    assert run.tracker.is_finished


def test_no_commands_before_the_pods_are_listed() -> None:
    run = Run(RolloutTask(DB, replace=(("db-0", "uid-db-0"),)), workloads={DB: k8s.workload("db")})
    assert run.tracker.advance(0.0) == []
    assert run.tracker.next_check_at() == 300.0


def test_stale_new_pods_are_restarted_until_the_last_retry() -> None:
    run = restarted_deployment(max_retries=1)
    run.tracker.advance(0.1)
    run.update_pods(new_pod("a", role=None))
    run.update_workload(WEB, deployment(2, 1, total=3))
    assert run.advance_with_list(WEB, 1.0) == []
    assert run.tracker.next_check_at() == 2.0  # delay before the first retry
    assert run.tracker.advance(1.9) == []
    assert run.tracker.advance(2.0) == [Command("restart", WEB)]
    restarted = deployment(3, 0)
    restarted["spec"]["template"]["metadata"]["annotations"] = {k8s.RESTARTED_AT: SECOND}
    run.tracker.restart_written(WEB, restarted, 2.1)
    run.update_workload(WEB, deployment(3, 1))
    assert run.tracker.advance(3.0) == []  # the stale pod of the first restart is now an old pod
    run.update_pods(k8s.deployment_pod("web", "8e", "a", restarted_at=SECOND))
    run.advance_with_list(WEB, 4.0)
    error = run.failure()
    assert error.message == "the new pods of Deployment shop/web are still stale after 1 retry"
    assert "web-8e-a: container app has no AWS_ROLE_ARN" in str(error.cause)
    assert "pod-identity-webhook" in str(error.fix)


def test_stale_old_pods_fail_the_rollout_after_the_settle_delay() -> None:
    run = restarted_deployment(max_retries=0)
    run.update_workload(WEB, deployment(2, 2))
    run.update_pods(new_pod("a"), new_pod("b"))
    run.tracker.advance(1.0)
    assert run.tracker.next_check_at() == 3.0  # events of pods may be missing
    run.advance_with_list(WEB, 3.0)
    assert "web-6d-a and web-6d-b" in str(run.failure().cause)


def test_pods_that_the_watch_missed_are_not_restarted_again() -> None:
    run = restarted_deployment()
    run.update_workload(WEB, deployment(2, 2))  # the controller has finished, but no event of a pod arrived
    run.tracker.advance(1.0)
    assert run.tracker.advance(3.0) == [Command("list-pods", WEB)]
    run.list_pods(new_pod("a"), new_pod("b"))
    assert run.tracker.advance(3.1) == []
    assert run.tracker.is_finished
    run.tracker.require_success()


def test_pods_that_cannot_be_listed_are_listed_again_later() -> None:
    run = restarted_deployment()
    run.update_workload(WEB, deployment(2, 2))
    run.tracker.advance(1.0)
    (command,) = run.tracker.advance(3.0)
    run.tracker.list_refused(command, UNAVAILABLE, 3.0)
    assert run.tracker.advance(3.5) == []
    assert run.tracker.next_check_at() == 4.0
    assert run.tracker.advance(4.0) == [command]
    run.tracker.list_refused(command, DENIED, 4.0)
    assert run.tracker.is_finished
    with pytest.raises(AccessDenied):
        run.tracker.require_success()


def test_nothing_is_removed_while_the_pods_cannot_be_watched() -> None:
    run = statefulset_run(1, 0)
    run.tracker.removal_accepted(run.tracker.advance(0.0)[0])
    run.delete_pods(db_pod(1))
    run.update_pods(db_pod(1, 1, role=k8s.ROLE))
    run.tracker.watch_failed("Pod", UNAVAILABLE)
    assert run.tracker.advance(1.0) == []
    run.list_pods(db_pod(1, 1, role=k8s.ROLE, ready=False), db_pod(0))
    assert run.tracker.advance(2.0) == []  # the replacement is not ready any more
    run.update_pods(db_pod(1, 1, role=k8s.ROLE))
    assert run.tracker.advance(3.0) == [evict(0)]


def test_deadline_may_be_earlier_than_the_timeout() -> None:
    spec = restarted_deployment().tracker._spec
    tracker = RolloutTracker(spec, [RESTART], {WEB: deployment(1, 2)}, lambda pod: None, now=0.0, deadline=7.0)
    assert tracker.next_check_at() == 7.0


def test_exceeded_progress_deadline_fails_the_rollout() -> None:
    run = restarted_deployment()
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    run.update_workload(WEB, deployment(2, 1, conditions=[condition]))
    run.tracker.advance(5.0)
    assert run.failure().cause == "it exceeded its progress deadline: timed out"


def pod_with_bad_image() -> Json:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    status = [{"name": "app", "state": {"waiting": waiting}}]
    return new_pod("a", ready=False, phase="Pending", containerStatuses=status)


def test_permanent_blocker_fails_a_rollout_without_progress() -> None:
    run = restarted_deployment()
    run.update_workload(WEB, deployment(2, 1, total=3))
    run.update_pods(pod_with_bad_image())
    run.tracker.advance(10.0)
    assert run.tracker.advance(10.0 + STALL_SECONDS - 1) == [Command("read-events", WEB)]
    run.tracker.events_read(WEB, [])
    # A change restarts the time without progress.
    run.update_workload(WEB, deployment(2, 1, total=3, available=1))
    run.tracker.advance(10.0 + STALL_SECONDS)
    assert not run.tracker.is_finished
    run.tracker.advance(10.0 + 2 * STALL_SECONDS)
    error = run.failure()
    assert error.message == "the rollout of Deployment shop/web did not finish"
    assert error.details["workloads"] == [
        {
            "kind": "Deployment",
            "name": "web",
            "reason": "1 of 2 replicas are updated",
            "blocker": "pod web-7c-a, container app: ImagePullBackOff: Back-off pulling image",
        }
    ]


def test_temporary_blocker_is_waited_for_until_the_timeout() -> None:
    run = restarted_deployment(wait_timeout=120)
    run.update_workload(WEB, deployment(2, 1, total=3))
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    pod = new_pod("a", ready=False, phase="Pending")
    pod["status"]["conditions"].append(unschedulable)
    run.update_pods(pod)
    run.tracker.advance(1.0)
    while not run.tracker.is_finished and run.tracker.next_check_at() <= 120.0:
        now = run.tracker.next_check_at()
        for command in run.tracker.advance(now):
            assert command == Command("read-events", WEB)
            run.tracker.events_read(WEB, [])
        if now == 120.0:
            run.tracker.advance(now)
    error = run.failure()
    assert error.cause == "not finished after 120 s: 1 of 2 replicas are updated (pod web-7c-a: Unschedulable: no node)"


def test_pod_that_hangs_in_deletion_is_named() -> None:
    run = restarted_deployment(wait_timeout=120)
    run.update_workload(WEB, deployment(2, 2, total=3))
    run.delete_pods(OLD_PODS[1])
    hanging = {**OLD_PODS[0]["metadata"], "deletionTimestamp": SECOND, "finalizers": ["example.com/backup"]}
    run.update_pods(new_pod("a"), new_pod("b"), {**OLD_PODS[0], "metadata": hanging})
    now = 1.0
    while not run.tracker.is_finished:
        for _command in run.tracker.advance(now):
            run.tracker.events_read(WEB, [])
        now = run.tracker.next_check_at()
    blocker = f"pod {hanging['name']} is being deleted, but finalizer example.com/backup keeps it"
    assert blocker in str(run.failure().cause)


def test_events_show_the_permanent_blocker_of_a_statefulset() -> None:
    run = Run(RolloutTask(DB, restart=True), workloads={DB: k8s.workload("db", replicas=1)})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list_pods()
    run.tracker.advance(0.0)
    assert run.tracker.next_check_at() == 3.0
    assert run.tracker.advance(3.0) == [Command("read-events", DB)]
    failed_create = {"reason": "FailedCreate", "message": "exceeded quota", "lastTimestamp": FIRST, "metadata": {}}
    run.tracker.events_read(DB, [failed_create])
    run.tracker.advance(3.1)
    now = 3.1
    while not run.tracker.is_finished:
        now = run.tracker.next_check_at()
        for command in run.tracker.advance(now):
            run.tracker.events_read(command.owner, [failed_create])
    assert now == STALL_SECONDS
    assert "FailedCreate: exceeded quota" in str(run.failure().cause)


def test_run_without_wait_finishes_after_the_restart() -> None:
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, wait=False)
    assert not run.tracker.is_finished
    run.tracker.restart_written(WEB, deployment(2, 2), 0.0)
    assert run.tracker.is_finished


def test_workload_deleted_before_the_restart_is_not_waited_for() -> None:
    run = Run(RESTART, workloads={WEB: deployment(1, 2)})
    run.tracker.restart_written(WEB, None, 0.0)
    assert run.tracker.is_finished


def test_workload_deleted_after_the_restart_is_not_waited_for() -> None:
    run = restarted_deployment()
    run.tracker.workloads_listed("apps/v1", "Deployment", [])
    run.tracker.advance(1.0)
    assert run.tracker.is_finished
    run.tracker.require_success()


def db_pod(ordinal: int, generation: int = 0, **options: t.Any) -> Json:
    reference = k8s.owner_reference("StatefulSet", "db")
    return k8s.pod(f"db-{ordinal}", reference, uid=f"db-{ordinal}-{generation}", **options)


def statefulset_run(*ordinals: int, workload: Json | None = None, **options: t.Any) -> Run:
    queue = tuple((f"db-{ordinal}", f"db-{ordinal}-0") for ordinal in ordinals)
    workload = workload or k8s.workload("db", replicas=len(ordinals), updateStrategy={"type": "OnDelete"})
    run = Run(RolloutTask(DB, replace=queue), workloads={DB: workload}, **options)
    run.list_pods(*[db_pod(ordinal) for ordinal in sorted(ordinals)])
    return run


def evict(ordinal: int, generation: int = 0) -> Command:
    return Command("evict", DB, f"db-{ordinal}", f"db-{ordinal}-{generation}")


def test_pods_are_replaced_one_by_one() -> None:
    run = statefulset_run(1, 0)
    (command,) = run.tracker.advance(0.0)
    assert command == evict(1)
    run.tracker.removal_accepted(command)
    assert run.tracker.advance(0.1) == []  # the pod still exists
    run.update_pods(db_pod(1, deleting=True))
    assert run.tracker.advance(0.2) == []  # the pod is terminating and has no replacement
    run.delete_pods(db_pod(1))
    assert run.tracker.advance(0.3) == []
    run.update_pods(db_pod(1, 1, role=k8s.ROLE, ready=False))
    assert run.tracker.advance(0.4) == []
    run.update_pods(db_pod(1, 1, role=k8s.ROLE))
    assert run.tracker.advance(0.5) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.delete_pods(db_pod(0))
    run.update_pods(db_pod(0, 1, role=k8s.ROLE))
    assert run.tracker.advance(0.6) == []
    assert run.tracker.is_finished


def test_run_without_wait_waits_for_all_replacements_except_the_last() -> None:
    run = statefulset_run(1, 0, wait=False)
    assert run.tracker.advance(0.0) == [evict(1)]
    run.tracker.removal_accepted(evict(1))
    run.delete_pods(db_pod(1))
    assert run.tracker.advance(0.1) == []
    assert not run.tracker.is_finished
    run.update_pods(db_pod(1, 1, role=k8s.ROLE))
    assert run.tracker.advance(0.2) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.delete_pods(db_pod(0))
    run.tracker.advance(0.3)
    assert run.tracker.is_finished


def test_replacement_must_be_ready_for_min_ready_seconds() -> None:
    run = statefulset_run(0, workload=k8s.workload("db", replicas=1, minReadySeconds=10))
    run.tracker.removal_accepted(run.tracker.advance(0.0)[0])
    run.delete_pods(db_pod(0))
    run.update_pods(db_pod(0, 1, role=k8s.ROLE))
    run.tracker.advance(1.0)
    assert run.tracker.next_check_at() <= 11.0
    run.update_pods(db_pod(0, 1, role=k8s.ROLE, ready=False))
    run.tracker.advance(5.0)
    run.update_pods(db_pod(0, 1, role=k8s.ROLE))
    run.tracker.advance(6.0)
    run.tracker.advance(15.9)
    assert not run.tracker.is_finished
    run.tracker.advance(16.0)
    assert run.tracker.is_finished


def throttled() -> Throttled:
    budget = {"reason": "DisruptionBudget", "message": "The disruption budget tight needs 2 healthy pods and has 2"}
    return Throttled("could not evict", cause="Cannot evict pod", causes=[budget])


def test_refused_eviction_is_retried_and_its_budget_is_named() -> None:
    run = statefulset_run(0, wait_timeout=20)
    attempts = []
    now = 0.0
    while not run.tracker.is_finished:
        for command in run.tracker.advance(now):
            if command.verb == "evict":
                attempts.append(now)
                run.tracker.removal_refused(command, throttled(), now)
            else:
                run.tracker.events_read(command.owner, [])
        now = max(now, min(run.tracker.next_check_at(), 20.0)) if not run.tracker.is_finished else now
    assert attempts[:5] == [0.0, 0.25, 0.75, 1.75, 3.75]
    assert len(attempts) < 20
    error = run.failure()
    assert str(error.cause).count("The disruption budget tight needs 2 healthy pods and has 2") == 1


def test_change_shortens_the_delay_of_a_refused_eviction() -> None:
    run = statefulset_run(1, 0)
    for now in (0.0, 0.25, 0.75):
        (command,) = run.tracker.advance(now)
        run.tracker.removal_refused(command, throttled(), now)
    run.update_pods(db_pod(0, ready=False))
    run.tracker.advance(0.8)
    assert run.tracker.next_check_at() == pytest.approx(1.05)
    assert run.tracker.advance(1.05) == [evict(1)]


def test_stale_replacements_are_replaced_until_the_last_retry() -> None:
    run = statefulset_run(1, 0, max_retries=1)
    run.tracker.removal_accepted(run.tracker.advance(0.0)[0])
    run.delete_pods(db_pod(1))
    run.update_pods(db_pod(1, 1))
    assert run.advance_with_list(DB, 1.0) == []
    assert run.tracker.advance(2.0) == [evict(1, 1)]
    run.tracker.removal_accepted(evict(1, 1))
    run.delete_pods(db_pod(1, 1))
    run.update_pods(db_pod(1, 2))
    run.advance_with_list(DB, 3.0)
    assert "db-1: container app has no AWS_ROLE_ARN" in str(run.failure().cause)


def test_pods_below_the_partition_are_replaced_after_the_rolling_restart() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    before = k8s.workload("db", replicas=2, updateStrategy=strategy)
    run = Run(RolloutTask(DB, restart=True, replace=(("db-0", "db-0-0"),)), workloads={DB: before})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list_pods(db_pod(0), db_pod(1))
    assert run.tracker.advance(0.1) == []
    status = {"readyReplicas": 2, "updatedReplicas": 1}
    run.update_workload(DB, k8s.workload("db", replicas=2, generation=2, status=status, updateStrategy=strategy))
    run.delete_pods(db_pod(1))
    run.update_pods(db_pod(1, 1, role=k8s.ROLE, restarted_at=FIRST))
    assert run.tracker.advance(1.0) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.delete_pods(db_pod(0))
    run.update_pods(db_pod(0, 1, role=k8s.ROLE))
    run.tracker.advance(2.0)
    assert run.tracker.is_finished


def test_partition_counts_from_the_first_ordinal() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    options = {"replicas": 3, "updateStrategy": strategy, "ordinals": {"start": 5}}
    run = Run(RolloutTask(DB, restart=True), workloads={DB: k8s.workload("db", **options)})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST, **options), 0.0)
    run.list_pods(*[db_pod(ordinal, role=k8s.ROLE) for ordinal in (5, 6)], db_pod(7))
    status = {"readyReplicas": 3, "updatedReplicas": 1}
    run.update_workload(DB, k8s.workload("db", generation=2, status=status, restarted_at=FIRST, **options))
    run.tracker.advance(0.1)
    assert not run.tracker.is_finished
    run.delete_pods(db_pod(7))
    run.update_pods(db_pod(7, 1, role=k8s.ROLE, restarted_at=FIRST))
    run.tracker.advance(0.2)
    assert run.tracker.is_finished
    run.tracker.require_success()


@pytest.mark.parametrize("wait", [True, False])
def test_unready_pod_that_blocks_the_rollout_is_evicted(wait: bool) -> None:
    run = Run(
        RolloutTask(DB, restart=True, unready=(("db-0", "db-0-0"),)), workloads={DB: k8s.workload("db")}, wait=wait
    )
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list_pods(db_pod(0, ready=False), db_pod(1))
    run.update_workload(DB, k8s.workload("db", generation=2))
    assert run.tracker.advance(0.1) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.tracker.advance(0.2)
    assert run.tracker.is_finished is not wait


def test_pod_that_became_ready_is_not_evicted() -> None:
    run = Run(RolloutTask(DB, restart=True, unready=(("db-0", "db-0-0"),)), workloads={DB: k8s.workload("db")})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list_pods(db_pod(0), db_pod(1))
    run.update_workload(DB, k8s.workload("db", generation=2))
    assert run.tracker.advance(0.1) == []


def clone_pod(suffix: str, **options: t.Any) -> Json:
    return k8s.pod(f"clone-{suffix}", k8s.owner_reference("CloneSet", "clone", CUSTOM.api_version), **options)


def test_custom_kind_must_have_as_many_pods_as_before() -> None:
    run = Run(RolloutTask(CUSTOM, replace=(("clone-a", "uid-clone-a"),)))
    run.list_pods(clone_pod("a"), clone_pod("b", role=k8s.ROLE))
    (command,) = run.tracker.advance(0.0)
    run.tracker.removal_accepted(command)
    run.delete_pods(clone_pod("a"))
    run.tracker.advance(1.0)
    assert not run.tracker.is_finished
    run.update_pods(clone_pod("c", role=k8s.ROLE))
    run.tracker.advance(2.0)
    assert run.tracker.is_finished


def replace_clone(run: Run, old: str, new: str | None, now: float = 0.0) -> None:
    """Accept the eviction of a pod, and show its replacement."""
    (command,) = [command for command in run.tracker.advance(now) if command.verb == "evict"]
    assert command.pod == f"clone-{old}"
    run.tracker.removal_accepted(command)
    run.delete_pods(clone_pod(old))
    if new:
        run.update_pods(clone_pod(new, role=k8s.ROLE))


def clone_run(*suffixes: str) -> Run:
    run = Run(RolloutTask(CUSTOM, replace=tuple((f"clone-{suffix}", f"uid-clone-{suffix}") for suffix in suffixes)))
    run.list_pods(*map(clone_pod, suffixes))
    return run


def test_pod_that_a_scale_down_removes_is_not_waited_for() -> None:
    run = clone_run("a", "b", "c")
    replace_clone(run, "a", "d")
    run.delete_pods(clone_pod("c"))
    replace_clone(run, "b", "e")
    run.tracker.advance(1.0)
    assert run.tracker.is_finished
    run.tracker.require_success()


def test_scale_up_is_waited_for() -> None:
    run = clone_run("a", "b")
    replace_clone(run, "a", "d")
    run.update_pods(clone_pod("c", role=k8s.ROLE, ready=False))
    assert run.tracker.advance(0.1) == []
    run.update_pods(clone_pod("c", role=k8s.ROLE))
    replace_clone(run, "b", None, 0.1)
    run.tracker.advance(0.2)
    assert not run.tracker.is_finished
    run.update_pods(clone_pod("e", role=k8s.ROLE))
    run.tracker.advance(0.3)
    assert run.tracker.is_finished


def test_replicas_are_read_if_no_replacement_is_created() -> None:
    run = clone_run("a", "b", "c")
    replace_clone(run, "a", None)
    assert run.tracker.advance(0.1) == []
    now = run.tracker.next_check_at()
    assert run.tracker.advance(now) == [Command("read-replicas", CUSTOM)]
    run.tracker.replicas_read(CUSTOM, 3)
    assert run.tracker.advance(now) == []
    now = run.tracker.next_check_at()
    assert run.tracker.advance(now) == [Command("read-replicas", CUSTOM)]
    run.tracker.replicas_read(CUSTOM, 1)  # for example replicas of each of three shards
    assert run.tracker.advance(now) == []
    now = run.tracker.next_check_at()
    assert run.tracker.advance(now) == [Command("read-replicas", CUSTOM)]
    run.tracker.replicas_read(CUSTOM, 2)
    (command,) = run.tracker.advance(now)
    assert command.pod == "clone-b"


def test_pods_that_run_to_completion_are_not_replaced_again() -> None:
    run = clone_run("a")
    replace_clone(run, "a", "b")
    job = clone_pod("setup")
    job["spec"]["restartPolicy"] = "Never"
    run.update_pods(job)
    run.tracker.advance(0.1)
    assert run.tracker.is_finished


# Requests that fail

UNAVAILABLE = Unreachable("Kubernetes refused GET /api/v1/namespaces/shop/pods", cause="503: the server is unavailable")
DENIED = AccessDenied("Kubernetes refused GET /apis/apps/v1/daemonsets", cause="daemonsets is forbidden")


def two_restarts(**options: t.Any) -> Run:
    """Start a run with a Deployment and a DaemonSet that were just restarted."""
    agent = k8s.workload("agent", replicas=None, generation=2, restarted_at=FIRST)
    tasks = (RESTART, RolloutTask(AGENT, restart=True))
    run = Run(*tasks, workloads={WEB: deployment(1, 2), AGENT: k8s.workload("agent", replicas=None)}, **options)
    run.tracker.restart_written(WEB, deployment(2, 2), 0.0)
    run.tracker.restart_written(AGENT, agent, 0.0)
    run.list_pods(*OLD_PODS)
    return run


def test_refused_watch_fails_only_the_workloads_of_its_kind() -> None:
    run = two_restarts()
    run.tracker.watch_failed("DaemonSet", DENIED)
    run.tracker.advance(0.1)
    assert not run.tracker.is_finished
    run.update_workload(WEB, deployment(2, 2))
    run.list_pods(new_pod("a"), new_pod("b"))
    run.tracker.advance(0.2)
    assert run.tracker.is_finished
    with pytest.raises(AccessDenied) as raised:
        run.tracker.require_success()
    assert [workload["name"] for workload in raised.value.details["workloads"]] == ["agent"]


def test_refused_watch_of_the_pods_fails_all_workloads() -> None:
    run = two_restarts()
    run.tracker.watch_failed("Pod", DENIED)
    assert run.tracker.is_finished
    with pytest.raises(AccessDenied) as raised:
        run.tracker.require_success()
    assert len(raised.value.details["workloads"]) == 2


def test_failed_watch_is_the_blocker_until_the_objects_are_listed_again() -> None:
    for listed_again in (False, True):
        run = two_restarts(wait_timeout=60)
        run.tracker.watch_failed("Pod", UNAVAILABLE)
        run.tracker.advance(0.1)
        assert not run.tracker.is_finished
        if listed_again:
            run.list_pods(*OLD_PODS)
        for _attempt in range(3):
            run.tracker.advance(60.0)
        error = run.failure()
        assert ("503: the server is unavailable" in str(error)) is not listed_again
        assert "not finished after 60 s" in str(error)


def test_rollout_is_not_finished_while_the_pods_cannot_be_watched() -> None:
    run = restarted_deployment()
    run.tracker.watch_failed("Pod", UNAVAILABLE)
    run.update_workload(WEB, deployment(2, 2))
    for now in (1.0, 4.0, 10.0):
        for command in run.tracker.advance(now):
            run.tracker.events_read(command.owner, [])
        run.tracker.advance(now)
        assert run.tracker.next_check_at() > now
        run.update_workload(WEB, deployment(2, 2))
    assert not run.tracker.is_finished
    run.list_pods(new_pod("a"), new_pod("b"))
    run.tracker.advance(11.0)
    assert run.tracker.is_finished
    assert len(run.tracker.pods()) == 2


def test_failed_restart_is_written_again() -> None:
    run = Run(RESTART, workloads={WEB: deployment(1, 2)})
    run.list_pods(*OLD_PODS)
    run.tracker.restart_refused(WEB, UNAVAILABLE, 0.0)
    assert run.tracker.advance(0.1) == []
    assert run.tracker.next_check_at() == 2.0
    assert run.tracker.advance(2.0) == [Command("restart", WEB)]
    run.tracker.restart_refused(WEB, DENIED, 2.0)
    assert run.tracker.is_finished
    with pytest.raises(AccessDenied):
        run.tracker.require_success()


def test_failed_restart_without_wait_is_an_error() -> None:
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, wait=False)
    run.tracker.restart_refused(WEB, UNAVAILABLE, 0.0)
    assert run.tracker.is_finished
    with pytest.raises(Unreachable):
        run.tracker.require_success()


TWO_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def test_eviction_of_a_pod_with_two_disruption_budgets_is_retried() -> None:
    run = statefulset_run(0, wait_timeout=60)
    now, attempts = 0.0, 0
    while not run.tracker.is_finished:
        for command in run.tracker.advance(now):
            if command.verb == "evict":
                attempts += 1
                error = ApiError("could not evict pod shop/db-0", cause=f"500: {TWO_BUDGETS}")
                run.tracker.removal_refused(command, error, now)
            else:
                run.tracker.events_read(command.owner, [])
        finished_at, now = now, max(now, run.tracker.next_check_at())
    assert attempts > 5
    assert finished_at == 60.0
    error = run.failure()
    assert f"the eviction of pod db-0 is refused: 500: {TWO_BUDGETS.rstrip('.')}; keep only one" in str(error.cause)


def test_refused_eviction_without_permission_fails_its_workload() -> None:
    run = statefulset_run(0)
    (command,) = run.tracker.advance(0.0)
    run.tracker.removal_refused(command, DENIED, 0.0)
    assert run.tracker.is_finished
    with pytest.raises(AccessDenied):
        run.tracker.require_success()


def test_pod_without_an_owner_is_deleted_without_a_replacement() -> None:
    owner = Owner("v1", "Pod", "single")
    run = Run(RolloutTask(owner, replace=(("single", "uid-single"),), strategy="delete"))
    run.list_pods(k8s.pod("single"))
    (command,) = run.tracker.advance(0.0)
    assert command == Command("delete", owner, "single", "uid-single")
    run.tracker.removal_accepted(command)
    run.update_pods(k8s.pod("single", deleting=True))
    run.tracker.advance(1.0)
    assert run.tracker.is_finished


def test_error_names_all_failed_workloads() -> None:
    run = Run(
        RESTART,
        RolloutTask(AGENT, restart=True),
        workloads={WEB: deployment(1, 2), AGENT: k8s.workload("agent", replicas=None)},
        wait_timeout=10,
    )
    run.tracker.restart_written(WEB, deployment(2, 2), 0.0)
    run.tracker.restart_written(AGENT, k8s.workload("agent", replicas=None, generation=2, restarted_at=FIRST), 0.0)
    run.list_pods(*OLD_PODS)
    run.tracker.advance(0.0)
    commands = [command for now in (10.0, 10.0, 10.0) for command in run.tracker.advance(now)]
    assert {command.verb for command in commands} == {"read-events"}
    error = run.failure()
    assert error.message == "the rollout of Deployment shop/web, DaemonSet shop/agent did not finish"
    assert "Deployment web: not finished after 10 s" in str(error.cause)
    assert "DaemonSet agent: not finished after 10 s" in str(error.cause)


def test_workload_whose_template_has_another_account_needs_no_pods() -> None:
    changed = {**deployment(2, 2)}
    changed["spec"]["template"]["spec"]["serviceAccountName"] = "other"
    run = Run(RESTART, workloads={WEB: deployment(1, 2)})
    run.tracker.restart_written(WEB, changed, 0.0)
    run.list_pods()
    run.update_workload(WEB, changed)
    run.tracker.advance(0.1)
    assert run.tracker.is_finished


def test_next_check_is_scheduled() -> None:
    run = restarted_deployment()
    run.tracker.advance(0.1)
    assert 0.1 < run.tracker.next_check_at() < math.inf
