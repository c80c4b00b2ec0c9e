# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps as state machines: which phase follows which, and by what. Whole rollouts are in test_tracker.py."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import Throttled
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import replacement
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import RolloutSpec, RolloutTask
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.replacement import (
    Command,
    Phase,
    PodByPodReplacement,
    RollingRestart,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.tracker import WorkloadState
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

WEB = Owner("apps/v1", "Deployment", "web")
AT = "2026-11-22T10:00:00.000Z"


def spec(**options: t.Any) -> RolloutSpec:
    return RolloutSpec(
        "shop",
        "app",
        (),
        None,
        "restart",
        True,
        False,
        **{"wait": True, "wait_timeout": 300, "max_retries": 1, **options},
    )


def workload(generation: int, updated: int) -> Json:
    status = {"replicas": 1, "updatedReplicas": updated, "availableReplicas": 1}
    return k8s.workload("web", replicas=1, generation=generation, status=status, restarted_at=AT)


def state(found: Json | None, *pods: Json, **options: t.Any) -> WorkloadState:
    made = WorkloadState(WEB, spec(**options), {WEB: found}, lambda _pod: ExpectedInjection(k8s.ROLE))
    made.pods = {pod["metadata"]["uid"]: pod for pod in pods}
    return made


def old() -> Json:
    return k8s.deployment_pod("web", "6d", "a")


def new(role: str | None = k8s.ROLE, **options: t.Any) -> Json:
    return k8s.deployment_pod("web", "7c", "b", role=role, restarted_at=AT, **options)


def restarted(**options: t.Any) -> RollingRestart:
    (step,) = replacement.steps_of(RolloutTask(WEB, restart=True), spec(**options))
    assert isinstance(step, RollingRestart)
    assert step.phase is Phase.UNWRITTEN
    assert replacement.advance(step, state(workload(1, 1), old()), 0.0) == (step, [])
    return replacement.restart_written(step, workload(2, 0), WEB)


@pytest.mark.parametrize(
    ("found", "pods", "phase"),
    [
        pytest.param(workload(1, 1), [old()], Phase.ROLLING, id="status-of-before-the-restart"),
        pytest.param(workload(2, 0), [old()], Phase.ROLLING, id="controller-replaces"),
        pytest.param(workload(2, 1), [old()], Phase.SETTLING, id="controller-is-ahead-of-the-pods"),
        pytest.param(workload(2, 1), [new(ready=False)], Phase.SETTLING, id="readiness-not-seen-yet"),
        pytest.param(workload(2, 1), [new()], Phase.DONE, id="complete"),
        pytest.param(workload(2, 0), [new(None)], Phase.DELAYED, id="new-pod-is-stale"),
        pytest.param(None, [], Phase.DONE, id="workload-is-gone"),
    ],
)
def test_what_follows_a_restart(found: Json | None, pods: list[Json], phase: Phase) -> None:
    step = restarted()
    assert step.phase is Phase.ROLLING
    following, commands = replacement.advance(step, state(found, *pods), 1.0)
    assert (following.phase, commands) == (phase, [])
    assert step.phase is Phase.ROLLING  # a value: nothing changes it


def test_a_rollout_that_goes_back_leaves_settling() -> None:
    settling, _commands = replacement.advance(restarted(), state(workload(2, 1), old()), 1.0)
    assert settling.phase is Phase.SETTLING
    rolling, _commands = replacement.advance(settling, state(workload(2, 0), old()), 2.0)
    assert rolling.phase is Phase.ROLLING
    # The time to settle starts again.
    again, _commands = replacement.advance(rolling, state(workload(2, 1), old()), 50.0)
    assert (again.phase, again.next_check_at) == (Phase.SETTLING, 52.0)
    late, _commands = replacement.advance(again, state(workload(2, 1), new(ready=False)), 52.0)
    assert late.phase is Phase.DONE


def test_stale_pods_are_restarted_after_a_delay_and_then_given_up() -> None:
    seen = state(workload(2, 0), new(None))
    delayed, _commands = replacement.advance(restarted(), seen, 1.0)
    assert (delayed.phase, delayed.next_check_at, delayed.retries) == (Phase.DELAYED, 2.0, 1)
    assert replacement.advance(delayed, seen, 1.9)[0].phase is Phase.DELAYED
    unwritten, commands = replacement.advance(delayed, seen, 2.0)
    assert (unwritten.phase, commands) == (Phase.UNWRITTEN, [Command("restart", WEB)])
    assert isinstance(unwritten, RollingRestart)
    failed, _commands = replacement.advance(replacement.restart_written(unwritten, workload(2, 0), WEB), seen, 3.0)
    assert (failed.phase, failed.not_injected) == (Phase.FAILED, True)
    assert str(failed.failure).startswith("new pods are stale: web-7c-b: container app has no AWS_ROLE_ARN")
    assert replacement.advance(failed, seen, 4.0)[0].phase is Phase.FAILED


def test_without_waiting_a_written_restart_is_done() -> None:
    assert restarted(wait=False).phase is Phase.DONE


def pod_by_pod(*names: str) -> PodByPodReplacement:
    task = RolloutTask(WEB, replace=tuple((name, f"uid-{name}") for name in names))
    (step,) = replacement.steps_of(task, spec())
    assert isinstance(step, PodByPodReplacement)
    return step


def test_pod_by_pod() -> None:
    seen = state(workload(1, 1), old())
    step = pod_by_pod("web-6d-a")
    assert step.phase is Phase.PENDING
    replacing, commands = replacement.advance(step, seen, 0.0)
    assert (replacing.phase, commands) == (Phase.REPLACING, [Command("evict", WEB, "web-6d-a", "uid-web-6d-a")])
    refused = replacement.removal_refused(replacing, commands[0], Throttled("no", cause="a budget"), 0.0)
    waiting, none = replacement.advance(refused, seen, 0.1)
    assert (waiting.phase, none, waiting.next_check_at) == (Phase.REPLACING, [], 0.25)
    assert waiting.waiting_for == "the eviction of pod web-6d-a is refused: a budget"
    again, commands = replacement.advance(waiting, seen, 0.25)
    removing = replacement.removal_accepted(again, commands[0])
    assert (removing.phase, removing.blocked, removing.refusals) == (Phase.REMOVING, None, 0)
    assert replacement.advance(removing, seen, 0.3)[0].phase is Phase.REMOVING
    missing, _commands = replacement.advance(removing, state(workload(1, 1)), 0.4)
    assert (missing.phase, missing.waiting_for) == (Phase.REPLACING, "0 of 1 pods exist")
    done, _commands = replacement.advance(missing, state(workload(1, 1), new()), 0.5)
    assert done.phase is Phase.DONE


def test_a_stale_replacement_is_removed_again() -> None:
    step, commands = replacement.advance(pod_by_pod("web-6d-a"), state(workload(1, 1), old()), 0.0)
    step = replacement.removal_accepted(step, commands[0])
    seen = state(workload(1, 1), new(None))
    step, commands = replacement.advance(step, seen, 1.0)
    assert (step.phase, commands, step.next_check_at) == (Phase.REPLACING, [], 2.0)
    step, commands = replacement.advance(step, seen, 2.0)
    assert commands == [Command("evict", WEB, "web-7c-b", "uid-web-7c-b")]


@pytest.mark.parametrize(
    ("task", "steps"),
    [
        (RolloutTask(WEB), [Phase.ROLLING]),
        (RolloutTask(WEB, restart=True), [Phase.UNWRITTEN]),
        (RolloutTask(WEB, unready=(("a", "1"),)), [Phase.ROLLING]),
        (RolloutTask(WEB, replace=(("a", "1"),)), [Phase.PENDING]),
        (RolloutTask(WEB, restart=True, replace=(("a", "1"),)), [Phase.UNWRITTEN, Phase.PENDING]),
    ],
)
def test_the_steps_of_a_task(task: RolloutTask, steps: list[Phase]) -> None:
    assert [step.phase for step in replacement.steps_of(task, spec())] == steps
