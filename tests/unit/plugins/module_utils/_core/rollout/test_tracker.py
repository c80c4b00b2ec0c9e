# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rollouts told moment by moment, on a clock of the test's own."""

from __future__ import annotations

import math
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import RolloutFailed, Throttled
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import RolloutSpec, RolloutTask
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.replacement import Command
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.tracker import STALL_SECONDS, RolloutTracker
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

WEB = Owner("apps/v1", "Deployment", "web")
DB = Owner("apps/v1", "StatefulSet", "db")
AGENT = Owner("apps/v1", "DaemonSet", "agent")
CUSTOM = Owner("apps.kruise.io/v1alpha1", "CloneSet", "clone")
FIRST, SECOND = "2026-11-22T10:00:00.000Z", "2026-11-22T10:00:05.000Z"


class Run:
    """A run of the workloads given; the clock starts at 0."""

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
        self.pods: dict[str, Json] = {}

    def list(self, *pods: Json) -> None:
        self.pods = {pod["metadata"]["uid"]: pod for pod in pods}
        self.tracker.pods_listed(pods)

    def put(self, *pods: Json) -> None:
        for pod in pods:
            self.tracker.pod_changed("MODIFIED", pod)

    def gone(self, *pods: Json) -> None:
        for pod in pods:
            self.tracker.pod_changed("DELETED", pod)

    def workload(self, owner: Owner, found: Json) -> None:
        self.tracker.workload_changed(owner.api_version, owner.kind, "MODIFIED", found)

    def failure(self) -> RolloutFailed:
        assert self.tracker.is_finished
        with pytest.raises(RolloutFailed) as caught:
            self.tracker.require_success()
        return caught.value


def deployment(generation: int, updated: int, *, total: int = 2, available: int = 2, **more: t.Any) -> Json:
    status = {"replicas": total, "updatedReplicas": updated, "availableReplicas": available, **more}
    return k8s.workload("web", generation=generation, status=status, restarted_at=FIRST)


def new(suffix: str, **options: t.Any) -> Json:
    return k8s.deployment_pod("web", "7c", suffix, **{"role": k8s.ROLE, "restarted_at": FIRST, **options})


OLD = [k8s.deployment_pod("web", "6d", suffix) for suffix in "ab"]
RESTART = RolloutTask(WEB, restart=True)


def begun(**options: t.Any) -> Run:
    """A Deployment that was just restarted."""
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, **options)
    run.tracker.restart_written(WEB, {**deployment(2, 2)}, 0.0)
    run.list(*OLD)
    return run


def test_a_deployment_is_through_when_controller_and_pods_say_so() -> None:
    run = begun()
    assert run.tracker.advance(0.1) == []
    run.workload(WEB, deployment(2, 1, total=3))
    run.put(new("a"))
    assert run.tracker.advance(1.0) == []
    # The controller says that all is done, but the last pod's readiness has not arrived.
    run.workload(WEB, deployment(2, 2))
    run.gone(*OLD)
    assert run.tracker.advance(2.0) == []
    assert not run.tracker.is_finished
    run.put(new("b", ready=False))
    assert run.tracker.advance(2.1) == []
    assert not run.tracker.is_finished
    run.put(new("b"))
    run.tracker.advance(2.2)
    assert run.tracker.is_finished
    run.tracker.require_success()
    assert len(run.tracker.pods()) == 2


def test_a_pod_that_was_replaced_is_not_counted_though_its_end_has_not_been_seen_yet() -> None:
    """The watches of the workload and of its pods are two, and either may be ahead."""
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, only_stale=False)
    run.tracker.restart_written(WEB, {**deployment(2, 2)}, 0.0)
    run.list(*(k8s.deployment_pod("web", "6d", suffix, role=k8s.ROLE) for suffix in "ab"))
    run.put(new("a"), new("b"))
    run.workload(WEB, deployment(2, 2))
    run.tracker.advance(1.0)
    assert run.tracker.is_finished
    assert {pod["metadata"]["name"] for pod in run.tracker.pods()} == {
        pod["metadata"]["name"] for pod in (new("a"), new("b"))
    }


def test_the_status_before_the_restart_does_not_count() -> None:
    run = begun()
    run.workload(WEB, deployment(1, 2))  # complete, but older than the patch
    run.list(new("a"), new("b"))
    run.tracker.advance(1.0)
    assert not run.tracker.is_finished


def test_terminating_pods_are_not_waited_for() -> None:
    run = begun()
    run.workload(WEB, deployment(2, 2))
    run.list(new("a"), new("b"), *[k8s.deployment_pod("web", "6d", suffix, deleting=True) for suffix in "ab"])
    run.tracker.advance(1.0)
    assert run.tracker.is_finished


def test_nothing_is_done_before_the_pods_are_known() -> None:
    run = Run(RolloutTask(DB, replace=(("db-0", "uid-db-0"),)), workloads={DB: k8s.workload("db")})
    assert run.tracker.advance(0.0) == []
    assert run.tracker.next_check_at() == 300.0


def test_new_pods_that_come_up_bare_are_replaced_again() -> None:
    run = begun(max_retries=1)
    run.put(new("a", role=None))
    run.workload(WEB, deployment(2, 1, total=3))
    assert run.tracker.advance(1.0) == []
    assert run.tracker.next_check_at() == 2.0  # the webhook's cache gets a second
    assert run.tracker.advance(1.9) == []
    assert run.tracker.advance(2.0) == [Command("restart", WEB)]
    again = deployment(3, 0)
    again["spec"]["template"]["metadata"]["annotations"] = {k8s.RESTARTED_AT: SECOND}
    run.tracker.restart_written(WEB, again, 2.1)
    run.workload(WEB, deployment(3, 1))
    assert run.tracker.advance(3.0) == []  # the first restart's bare pod is old by now
    run.put(k8s.deployment_pod("web", "8e", "a", restarted_at=SECOND))
    run.tracker.advance(4.0)
    error = run.failure()
    assert error.message == "the new pods of Deployment shop/web are still stale after 1 retry"
    assert "web-8e-a: container app has no AWS_ROLE_ARN" in str(error.cause)
    assert "pod-identity-webhook" in str(error.fix)


def test_bare_pods_without_our_stamp_get_a_moment_to_go() -> None:
    run = begun(max_retries=0)
    run.workload(WEB, deployment(2, 2))
    run.put(new("a"), new("b"))
    run.tracker.advance(1.0)
    assert run.tracker.next_check_at() == 3.0  # the pods' watch may lag
    run.tracker.advance(3.0)
    assert "web-6d-a, web-6d-b" in str(run.failure().cause)


def test_a_missed_progress_deadline_ends_the_wait_at_once() -> None:
    run = begun()
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    run.workload(WEB, deployment(2, 1, conditions=[condition]))
    run.tracker.advance(5.0)
    assert run.failure().cause == "it exceeded its progress deadline: timed out"


def bad_image(suffix: str = "a") -> Json:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    status = [{"name": "app", "state": {"waiting": waiting}}]
    return new(suffix, ready=False, phase="Pending", containerStatuses=status)


def test_a_fault_that_can_not_pass_ends_the_wait_when_nothing_moves() -> None:
    run = begun()
    run.workload(WEB, deployment(2, 1, total=3))
    run.put(bad_image())
    run.tracker.advance(10.0)
    assert run.tracker.advance(10.0 + STALL_SECONDS - 1) == [Command("events", WEB)]
    run.tracker.events_read(WEB, [])
    # Something moves: patience begins anew.
    run.workload(WEB, deployment(2, 1, total=3, available=1))
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
            "trouble": "pod web-7c-a, container app: ImagePullBackOff: Back-off pulling image",
        }
    ]


def test_a_fault_that_may_pass_is_waited_out() -> None:
    run = begun(wait_timeout=120)
    run.workload(WEB, deployment(2, 1, total=3))
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    pod = new("a", ready=False, phase="Pending")
    pod["status"]["conditions"].append(unschedulable)
    run.put(pod)
    run.tracker.advance(1.0)
    while not run.tracker.is_finished and run.tracker.next_check_at() <= 120.0:
        now = run.tracker.next_check_at()
        for command in run.tracker.advance(now):
            assert command == Command("events", WEB)
            run.tracker.events_read(WEB, [])
        if now == 120.0:
            run.tracker.advance(now)
    error = run.failure()
    assert error.cause == "not finished after 120 s: 1 of 2 replicas are updated (pod web-7c-a: Unschedulable: no node)"


def test_events_tell_what_a_set_does_not() -> None:
    run = Run(RolloutTask(DB, restart=True), workloads={DB: k8s.workload("db", replicas=1)})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list()
    run.tracker.advance(0.0)
    assert run.tracker.next_check_at() == 3.0
    assert run.tracker.advance(3.0) == [Command("events", DB)]
    refused = {"reason": "FailedCreate", "message": "exceeded quota", "lastTimestamp": FIRST, "metadata": {}}
    run.tracker.events_read(DB, [refused])
    run.tracker.advance(3.1)
    now = 3.1
    while not run.tracker.is_finished:
        now = run.tracker.next_check_at()
        for command in run.tracker.advance(now):
            run.tracker.events_read(command.owner, [refused])
    assert now == STALL_SECONDS
    assert "FailedCreate: exceeded quota" in str(run.failure().cause)


def test_without_waiting_the_restart_is_all() -> None:
    run = Run(RESTART, workloads={WEB: deployment(1, 2)}, wait=False)
    assert not run.tracker.is_finished
    run.tracker.restart_written(WEB, deployment(2, 2), 0.0)
    assert run.tracker.is_finished


def test_a_workload_that_vanishes_is_not_waited_for() -> None:
    run = Run(RESTART, workloads={WEB: deployment(1, 2)})
    run.tracker.restart_written(WEB, None, 0.0)
    assert run.tracker.is_finished
    run = begun()
    run.tracker.workloads_listed("apps/v1", "Deployment", [])
    run.tracker.advance(1.0)
    assert run.tracker.is_finished
    run.tracker.require_success()


def db(ordinal: int, generation: int = 0, **options: t.Any) -> Json:
    reference = k8s.owner_reference("StatefulSet", "db")
    return k8s.pod(f"db-{ordinal}", reference, uid=f"db-{ordinal}-{generation}", **options)


def replacing(*ordinals: int, workload: Json | None = None, **options: t.Any) -> Run:
    queue = tuple((f"db-{ordinal}", f"db-{ordinal}-0") for ordinal in ordinals)
    workload = workload or k8s.workload("db", replicas=len(ordinals), updateStrategy={"type": "OnDelete"})
    run = Run(RolloutTask(DB, replace=queue), workloads={DB: workload}, **options)
    run.list(*[db(ordinal) for ordinal in sorted(ordinals)])
    return run


def evict(ordinal: int, generation: int = 0) -> Command:
    return Command("evict", DB, f"db-{ordinal}", f"db-{ordinal}-{generation}")


def test_pods_go_one_by_one() -> None:
    run = replacing(1, 0)
    (command,) = run.tracker.advance(0.0)
    assert command == evict(1)
    run.tracker.removal_accepted(command)
    assert run.tracker.advance(0.1) == []  # still there
    run.put(db(1, deleting=True))
    assert run.tracker.advance(0.2) == []  # going, and no other in its place
    run.gone(db(1))
    assert run.tracker.advance(0.3) == []
    run.put(db(1, 1, role=k8s.ROLE, ready=False))
    assert run.tracker.advance(0.4) == []
    run.put(db(1, 1, role=k8s.ROLE))
    assert run.tracker.advance(0.5) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.gone(db(0))
    run.put(db(0, 1, role=k8s.ROLE))
    assert run.tracker.advance(0.6) == []
    assert run.tracker.is_finished


def test_without_waiting_only_the_last_replacement_is_not_waited_for() -> None:
    run = replacing(1, 0, wait=False)
    assert run.tracker.advance(0.0) == [evict(1)]
    run.tracker.removal_accepted(evict(1))
    run.gone(db(1))
    assert run.tracker.advance(0.1) == []
    assert not run.tracker.is_finished
    run.put(db(1, 1, role=k8s.ROLE))
    assert run.tracker.advance(0.2) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.gone(db(0))
    run.tracker.advance(0.3)
    assert run.tracker.is_finished


def test_a_replacement_has_to_stay_ready() -> None:
    run = replacing(0, workload=k8s.workload("db", replicas=1, minReadySeconds=10))
    run.tracker.removal_accepted(run.tracker.advance(0.0)[0])
    run.gone(db(0))
    run.put(db(0, 1, role=k8s.ROLE))
    run.tracker.advance(1.0)
    assert run.tracker.next_check_at() <= 11.0
    run.put(db(0, 1, role=k8s.ROLE, ready=False))
    run.tracker.advance(5.0)
    run.put(db(0, 1, role=k8s.ROLE))
    run.tracker.advance(6.0)
    run.tracker.advance(15.9)
    assert not run.tracker.is_finished
    run.tracker.advance(16.0)
    assert run.tracker.is_finished


def throttled() -> Throttled:
    budget = {"reason": "DisruptionBudget", "message": "The disruption budget tight needs 2 healthy pods and has 2"}
    return Throttled("could not evict", cause="Cannot evict pod", causes=[budget])


def test_a_disruption_budget_is_asked_again_and_named() -> None:
    run = replacing(0, wait_timeout=20)
    tries = []
    now = 0.0
    while not run.tracker.is_finished:
        for command in run.tracker.advance(now):
            if command.verb == "evict":
                tries.append(now)
                run.tracker.removal_refused(command, throttled(), now)
            else:
                run.tracker.events_read(command.owner, [])
        now = max(now, min(run.tracker.next_check_at(), 20.0)) if not run.tracker.is_finished else now
    assert tries[:5] == [0.0, 0.25, 0.75, 1.75, 3.75]
    assert len(tries) < 20
    error = run.failure()
    assert str(error.cause).count("The disruption budget tight needs 2 healthy pods and has 2") == 1


def test_a_change_makes_a_refused_eviction_be_tried_soon() -> None:
    run = replacing(1, 0)
    for now in (0.0, 0.25, 0.75):
        (command,) = run.tracker.advance(now)
        run.tracker.removal_refused(command, throttled(), now)
    run.put(db(0, ready=False))
    run.tracker.advance(0.8)
    assert run.tracker.next_check_at() == pytest.approx(1.05)
    assert run.tracker.advance(1.05) == [evict(1)]


def test_bare_replacements_are_replaced_until_that_is_hopeless() -> None:
    run = replacing(1, 0, max_retries=1)
    run.tracker.removal_accepted(run.tracker.advance(0.0)[0])
    run.gone(db(1))
    run.put(db(1, 1))
    assert run.tracker.advance(1.0) == []
    assert run.tracker.advance(2.0) == [evict(1, 1)]
    run.tracker.removal_accepted(evict(1, 1))
    run.gone(db(1, 1))
    run.put(db(1, 2))
    run.tracker.advance(3.0)
    assert "db-1: container app has no AWS_ROLE_ARN" in str(run.failure().cause)


def test_a_partitioned_set_is_rolled_first_and_then_taken_pod_by_pod() -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    before = k8s.workload("db", replicas=2, updateStrategy=strategy)
    run = Run(RolloutTask(DB, restart=True, replace=(("db-0", "db-0-0"),)), workloads={DB: before})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list(db(0), db(1))
    assert run.tracker.advance(0.1) == []
    status = {"readyReplicas": 2, "updatedReplicas": 1}
    run.workload(DB, k8s.workload("db", replicas=2, generation=2, status=status, updateStrategy=strategy))
    run.gone(db(1))
    run.put(db(1, 1, role=k8s.ROLE, restarted_at=FIRST))
    assert run.tracker.advance(1.0) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.gone(db(0))
    run.put(db(0, 1, role=k8s.ROLE))
    run.tracker.advance(2.0)
    assert run.tracker.is_finished


@pytest.mark.parametrize("wait", [True, False])
def test_an_unready_pod_of_a_set_is_evicted_so_that_it_does_not_hold_up_the_rest(wait: bool) -> None:
    run = Run(
        RolloutTask(DB, restart=True, unready=(("db-0", "db-0-0"),)), workloads={DB: k8s.workload("db")}, wait=wait
    )
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list(db(0, ready=False), db(1))
    run.workload(DB, k8s.workload("db", generation=2))
    assert run.tracker.advance(0.1) == [evict(0)]
    run.tracker.removal_accepted(evict(0))
    run.tracker.advance(0.2)
    assert run.tracker.is_finished is not wait


def test_a_held_pod_that_became_ready_is_left_to_the_controller() -> None:
    run = Run(RolloutTask(DB, restart=True, unready=(("db-0", "db-0-0"),)), workloads={DB: k8s.workload("db")})
    run.tracker.restart_written(DB, k8s.workload("db", generation=2, restarted_at=FIRST), 0.0)
    run.list(db(0), db(1))
    run.workload(DB, k8s.workload("db", generation=2))
    assert run.tracker.advance(0.1) == []


def clone(suffix: str, **options: t.Any) -> Json:
    return k8s.pod(f"clone-{suffix}", k8s.owner_reference("CloneSet", "clone", CUSTOM.api_version), **options)


def test_of_a_custom_kind_there_must_be_as_many_pods_as_before() -> None:
    run = Run(RolloutTask(CUSTOM, replace=(("clone-a", "uid-clone-a"),)))
    run.list(clone("a"), clone("b", role=k8s.ROLE))
    (command,) = run.tracker.advance(0.0)
    run.tracker.removal_accepted(command)
    run.gone(clone("a"))
    run.tracker.advance(1.0)
    assert not run.tracker.is_finished
    run.put(clone("c", role=k8s.ROLE))
    run.tracker.advance(2.0)
    assert run.tracker.is_finished


def test_a_bare_pod_only_has_to_go() -> None:
    owner = Owner("v1", "Pod", "lonely")
    run = Run(RolloutTask(owner, replace=(("lonely", "uid-lonely"),), strategy="delete"))
    run.list(k8s.pod("lonely"))
    (command,) = run.tracker.advance(0.0)
    assert command == Command("delete", owner, "lonely", "uid-lonely")
    run.tracker.removal_accepted(command)
    run.put(k8s.pod("lonely", deleting=True))
    run.tracker.advance(1.0)
    assert run.tracker.is_finished


def test_workloads_go_on_side_by_side_and_all_that_fail_are_named() -> None:
    run = Run(
        RESTART,
        RolloutTask(AGENT, restart=True),
        workloads={WEB: deployment(1, 2), AGENT: k8s.workload("agent", replicas=None)},
        wait_timeout=10,
    )
    run.tracker.restart_written(WEB, deployment(2, 2), 0.0)
    run.tracker.restart_written(AGENT, k8s.workload("agent", replicas=None, generation=2, restarted_at=FIRST), 0.0)
    run.list(*OLD)
    run.tracker.advance(0.0)
    commands = [command for now in (10.0, 10.0, 10.0) for command in run.tracker.advance(now)]
    assert {command.verb for command in commands} == {"events"}
    error = run.failure()
    assert error.message == "the rollout of Deployment shop/web, DaemonSet shop/agent did not finish"
    assert "Deployment web: not finished after 10 s" in str(error.cause)
    assert "DaemonSet agent: not finished after 10 s" in str(error.cause)


def test_pods_of_another_account_than_the_template_s_are_not_counted() -> None:
    moved = {**deployment(2, 2)}
    moved["spec"]["template"]["spec"]["serviceAccountName"] = "other"
    run = Run(RESTART, workloads={WEB: deployment(1, 2)})
    run.tracker.restart_written(WEB, moved, 0.0)
    run.list()
    run.workload(WEB, moved)
    run.tracker.advance(0.1)
    assert run.tracker.is_finished


def test_there_is_always_a_next_step() -> None:
    run = begun()
    run.tracker.advance(0.1)
    assert 0.1 < run.tracker.next_check_at() < math.inf
