# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transitions of single steps. Complete rollouts are tested in test_tracker.py."""

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
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.staleness import WorkloadState
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


def state(body: Json | None, *pods: Json) -> WorkloadState:
    result = WorkloadState(WEB, "app", {WEB: body}, lambda _pod: ExpectedInjection(k8s.ROLE))
    result.pods = {pod["metadata"]["uid"]: pod for pod in pods}
    return result


def old_pod(role: str | None = None) -> Json:
    return k8s.deployment_pod("web", "6d", "a", role=role)


def new_pod(role: str | None = k8s.ROLE, **options: t.Any) -> Json:
    return k8s.deployment_pod("web", "7c", "b", role=role, restarted_at=AT, **options)


def restarted_step(**options: t.Any) -> RollingRestart:
    (step,) = replacement.build_steps(RolloutTask(WEB, restart=True), spec(**options))
    assert isinstance(step, RollingRestart)
    assert step.phase is Phase.UNWRITTEN
    assert replacement.advance(step, state(workload(1, 1), old_pod()), 0.0) == (step, [])
    return replacement.restart_written(step, workload(2, 0), WEB)


@pytest.mark.parametrize(
    ("body", "pods", "phase"),
    [
        pytest.param(workload(1, 1), [old_pod()], Phase.ROLLING, id="status-from-before-the-restart"),
        pytest.param(workload(2, 0), [old_pod()], Phase.ROLLING, id="rollout-in-progress"),
        pytest.param(workload(2, 1), [old_pod()], Phase.SETTLING, id="pod-event-missing"),
        pytest.param(workload(2, 1), [old_pod(k8s.ROLE)], Phase.SETTLING, id="pod-event-missing-and-old-pod-correct"),
        pytest.param(workload(2, 1), [new_pod(ready=False)], Phase.SETTLING, id="readiness-event-missing"),
        pytest.param(workload(2, 1), [new_pod()], Phase.DONE, id="complete"),
        pytest.param(workload(2, 0), [new_pod(None)], Phase.DELAYED, id="new-pod-is-stale"),
        pytest.param(None, [], Phase.DONE, id="workload-deleted"),
    ],
)
def test_phase_after_a_restart(body: Json | None, pods: list[Json], phase: Phase) -> None:
    step = restarted_step()
    assert step.phase is Phase.ROLLING
    result, commands = replacement.advance(step, state(body, *pods), 1.0)
    assert (result.phase, commands) == (phase, [])
    assert step.phase is Phase.ROLLING  # steps are immutable


def test_settling_returns_to_rolling_if_the_rollout_is_not_finished() -> None:
    settling, _commands = replacement.advance(restarted_step(), state(workload(2, 1), old_pod()), 1.0)
    assert settling.phase is Phase.SETTLING
    rolling, _commands = replacement.advance(settling, state(workload(2, 0), old_pod()), 2.0)
    assert rolling.phase is Phase.ROLLING
    # The settle delay starts again.
    settling, _commands = replacement.advance(rolling, state(workload(2, 1), old_pod()), 50.0)
    assert (settling.phase, settling.next_check_at) == (Phase.SETTLING, 52.0)
    done, _commands = replacement.advance(settling, state(workload(2, 1), new_pod(ready=False)), 52.0)
    assert done.phase is Phase.DONE


def test_stale_pods_are_restarted_after_a_delay_until_the_last_retry() -> None:
    stale = state(workload(2, 0), new_pod(None))
    delayed, _commands = replacement.advance(restarted_step(), stale, 1.0)
    assert (delayed.phase, delayed.next_check_at, delayed.retries) == (Phase.DELAYED, 2.0, 1)
    assert replacement.advance(delayed, stale, 1.9)[0].phase is Phase.DELAYED
    unwritten, commands = replacement.advance(delayed, stale, 2.0)
    assert (unwritten.phase, commands) == (Phase.UNWRITTEN, [Command("restart", WEB)])
    assert isinstance(unwritten, RollingRestart)
    failed, _commands = replacement.advance(replacement.restart_written(unwritten, workload(2, 0), WEB), stale, 3.0)
    assert (failed.phase, failed.not_injected) == (Phase.FAILED, True)
    assert str(failed.failure).startswith("new pods are stale: web-7c-b: container app has no AWS_ROLE_ARN")
    assert replacement.advance(failed, stale, 4.0)[0].phase is Phase.FAILED


def test_restart_without_wait_is_done_when_written() -> None:
    assert restarted_step(wait=False).phase is Phase.DONE


def pod_by_pod_step(*names: str) -> PodByPodReplacement:
    task = RolloutTask(WEB, replace=tuple((name, f"uid-{name}") for name in names))
    (step,) = replacement.build_steps(task, spec())
    assert isinstance(step, PodByPodReplacement)
    return step


def test_pod_by_pod_replacement() -> None:
    before = state(workload(1, 1), old_pod())
    step = pod_by_pod_step("web-6d-a")
    assert step.phase is Phase.PENDING
    replacing, commands = replacement.advance(step, before, 0.0)
    assert (replacing.phase, commands) == (Phase.REPLACING, [Command("evict", WEB, "web-6d-a", "uid-web-6d-a")])
    refused = replacement.removal_refused(replacing, commands[0], Throttled("no", cause="a budget"), 0.0)
    waiting, commands = replacement.advance(refused, before, 0.1)
    assert (waiting.phase, commands, waiting.next_check_at) == (Phase.REPLACING, [], 0.25)
    assert waiting.waiting_for == "the eviction of pod web-6d-a is refused: a budget"
    replacing, commands = replacement.advance(waiting, before, 0.25)
    removing = replacement.removal_accepted(replacing, commands[0])
    assert (removing.phase, removing.blocked, removing.refusals) == (Phase.REMOVING, None, 0)
    assert replacement.advance(removing, before, 0.3)[0].phase is Phase.REMOVING
    missing, _commands = replacement.advance(removing, state(workload(1, 1)), 0.4)
    assert (missing.phase, missing.waiting_for) == (Phase.REPLACING, "0 of 1 pods exist")
    done, _commands = replacement.advance(missing, state(workload(1, 1), new_pod()), 0.5)
    assert done.phase is Phase.DONE


def test_stale_replacement_is_removed_again() -> None:
    step, commands = replacement.advance(pod_by_pod_step("web-6d-a"), state(workload(1, 1), old_pod()), 0.0)
    step = replacement.removal_accepted(step, commands[0])
    stale = state(workload(1, 1), new_pod(None))
    step, commands = replacement.advance(step, stale, 1.0)
    assert (step.phase, commands, step.next_check_at) == (Phase.REPLACING, [], 2.0)
    step, commands = replacement.advance(step, stale, 2.0)
    assert commands == [Command("evict", WEB, "web-7c-b", "uid-web-7c-b")]


@pytest.mark.parametrize(
    ("task", "phases"),
    [
        pytest.param(RolloutTask(WEB), [Phase.ROLLING], id="wait"),
        pytest.param(RolloutTask(WEB, restart=True), [Phase.UNWRITTEN], id="restart"),
        pytest.param(RolloutTask(WEB, unready=(("a", "1"),)), [Phase.ROLLING], id="evict-unready-pods"),
        pytest.param(RolloutTask(WEB, replace=(("a", "1"),)), [Phase.PENDING], id="replace"),
        pytest.param(
            RolloutTask(WEB, restart=True, replace=(("a", "1"),)),
            [Phase.UNWRITTEN, Phase.PENDING],
            id="restart-and-replace",
        ),
    ],
)
def test_steps_of_a_task(task: RolloutTask, phases: list[Phase]) -> None:
    assert [step.phase for step in replacement.build_steps(task, spec())] == phases
