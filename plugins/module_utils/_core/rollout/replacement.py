# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two ways to replace the pods of a workload, as state machines: a rolling restart, and pod by pod.

A step is an immutable value. `advance` takes a step and the observed state, and returns the next step and the commands
to run. The events (`restart_written`, `restart_refused`, `removal_accepted`, `removal_refused`, `progress_made`) return
the next step. Times are in seconds from any origin.

Rolling restart: UNWRITTEN -(restart_written)-> ROLLING -> SETTLING -> DONE, or UNWRITTEN -> DONE without waiting.
SETTLING returns to ROLLING if the controller reports that the rollout is not finished. ROLLING and SETTLING go to
DELAYED if new pods are stale. UNWRITTEN -(restart_refused)-> DELAYED -> UNWRITTEN after the delay.

Pod by pod: PENDING -> REPLACING -(removal_accepted)-> REMOVING -> REPLACING -> ... -> DONE.

A step ends in FAILED if new pods are stale after the last retry, or if the controller reports a failure.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import typing as t

from ..errors import IrsaError
from ..pods import readiness
from ..pods.injection import get_name, get_uid
from ..pods.readiness import RolloutBlocker
from ..pods.workload_kinds import Owner, get_restarted_at, parse_ordinal
from .decision import Command, PodNames, RolloutSpec, RolloutTask

if t.TYPE_CHECKING:
    from .staleness import WorkloadState

Json = t.Mapping[str, t.Any]
Step = t.TypeVar("Step", bound="ReplacementStep")
Advanced = tuple["ReplacementStep", "list[Command]"]

# Seconds by which the watch of the pods may be behind the watch of the workloads.
_LAG = 2.0
# Seconds until a restart is written again after the API server failed; until a removal is tried again after the first
# refusal, and at most; and until stale new pods are replaced again at most.
_RESTART_PAUSE, _REMOVAL_PAUSE, _MAX_REMOVAL_PAUSE, _MAX_RETRY_PAUSE = 2.0, 0.25, 2.0, 8.0


class Phase(enum.Enum):
    """The state of a step."""

    UNWRITTEN = "the restart is not written yet"
    ROLLING = "the controller is replacing the pods"
    SETTLING = "the controller has finished, but the events of its pods may be missing"
    DELAYED = "the next restart is delayed"
    PENDING = "no pod is removed yet"
    REPLACING = "the next pod is removed when all replacements are ready"
    REMOVING = "a removal was accepted, but the pod still exists"
    DONE = "done"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class ReplacementStep:
    """The fields of both kinds of steps.

    :param waits: whether the step ends when the new pods are ready. Otherwise, it ends when all writes are done.
    :param waiting_for: what is still missing.
    :param failure: why the step failed.
    :param not_injected: whether it failed because new pods are stale.
    :param blocked: what refused the last eviction.
    :param next_check_at: when to call `advance` if no event arrives.
    :param next_try_at: the earliest time of the next removal.
    :param refusals: the number of evictions that were refused in a row.
    :param retries: how many times stale new pods were replaced, of at most ``max_retries``.
    """

    phase: Phase
    waits: bool
    max_retries: int
    waiting_for: str = "it has not started"
    failure: str | None = None
    not_injected: bool = False
    blocked: RolloutBlocker | None = None
    next_check_at: float = math.inf
    next_try_at: float = -math.inf
    refusals: int = 0
    retries: int = 0

    @property
    def is_finished(self) -> bool:
        return self.phase in (Phase.DONE, Phase.FAILED)

    def is_new(self, pod: Json) -> bool:
        """Whether the pod was created because of this step."""
        raise NotImplementedError

    def is_leaving(self, owner: Owner, pod: Json) -> bool:
        """Whether the pod is being replaced, even if the watch of the pods does not show it yet."""
        return False


@dataclasses.dataclass(frozen=True)
class RollingRestart(ReplacementStep):
    """The controller of the owner replaces the pods. The rules of kubectl decide when it has finished.

    :param unready: pods to evict because the controller would wait for them.
    :param generation: the generation of the owner after the restart.
    :param stamp: the time of the restart, an annotation of new pods; None if another change is being rolled out.
    :param retry_at: when to restart again.
    :param settled_at: when the pods must be complete.
    """

    unready: PodNames = ()
    generation: int = 0
    stamp: str | None = None
    retry_at: float = math.inf
    settled_at: float = math.inf

    def is_new(self, pod: Json) -> bool:
        return self.stamp is None or get_restarted_at(pod) == self.stamp

    def is_leaving(self, owner: Owner, pod: Json) -> bool:
        return owner.rules.replaces_all_pods and not self.is_new(pod)


@dataclasses.dataclass(frozen=True)
class PodByPodReplacement(ReplacementStep):
    """Pods are evicted or deleted one by one. The next pod is removed when the last replacement is ready.

    :param verb: ``evict`` or ``delete``.
    :param queue: the pods to remove.
    :param known: the UIDs of the pods before the step, and of stale replacements.
    :param count: the pods that should exist: those before the step, minus those that disappear without it (scale-down).
    :param removing: the UID of the pod whose removal was accepted.
    :param removed: the UIDs of all pods whose removal was accepted.
    :param seen: the UIDs of the pods at the last call of `advance`.
    :param ready_since: when each new pod became ready, by UID.
    """

    verb: str = "evict"
    queue: PodNames = ()
    known: frozenset[str] = frozenset()
    count: int = 0
    removing: str = ""
    removed: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    ready_since: t.Mapping[str, float] = dataclasses.field(default_factory=dict)

    def is_new(self, pod: Json) -> bool:
        return self.phase is not Phase.PENDING and get_uid(pod) not in self.known


def build_steps(task: RolloutTask, spec: RolloutSpec) -> list[ReplacementStep]:
    """The steps of a task, in order."""
    steps: list[ReplacementStep] = []
    if task.restart or task.unready or not task.replace:
        phase = Phase.UNWRITTEN if task.restart else Phase.ROLLING
        steps += [RollingRestart(phase, spec.wait or bool(task.replace), spec.max_retries, unready=task.unready)]
    if task.replace:
        steps += [
            PodByPodReplacement(Phase.PENDING, spec.wait, spec.max_retries, verb=task.strategy, queue=task.replace)
        ]
    return steps


def advance(step: ReplacementStep, state: WorkloadState, now: float) -> Advanced:
    """The next step, and the commands to run now."""
    return _TRANSITIONS[step.phase](dataclasses.replace(step, next_check_at=math.inf), state, now)


# -- events


def restart_written(step: RollingRestart, workload: Json, owner: Owner) -> RollingRestart:
    """UNWRITTEN to ROLLING, or to DONE if the step does not wait. ``workload`` is the answer of the API server."""
    return dataclasses.replace(
        step,
        phase=Phase.ROLLING if step.unready or step.waits else Phase.DONE,
        generation=int(workload["metadata"].get("generation") or 0),
        stamp=owner.rules.get_restarted_at(workload),
    )


def restart_refused(step: Step, error: IrsaError, now: float) -> Step:
    """To DELAYED: the API server failed, so the restart is written again."""
    at = now + _RESTART_PAUSE
    waiting_for = f"the restart is not written: {error.cause or error.message}"
    return dataclasses.replace(step, phase=Phase.DELAYED, waiting_for=waiting_for, retry_at=at)  # type: ignore[call-arg]


def removal_accepted(step: Step, command: Command) -> Step:
    """The eviction or deletion was accepted, or the pod no longer exists."""
    step = dataclasses.replace(step, refusals=0, blocked=None, next_try_at=-math.inf)
    if isinstance(step, PodByPodReplacement):
        removed = step.removed | {command.uid}
        return dataclasses.replace(step, phase=Phase.REMOVING, removing=command.uid, removed=removed)
    if isinstance(step, RollingRestart):
        return dataclasses.replace(step, unready=tuple(pod for pod in step.unready if pod[1] != command.uid))
    return step


def removal_refused(step: Step, command: Command, error: IrsaError, now: float) -> Step:
    """The removal was refused for now: a disruption budget does not allow it, or the API server failed."""
    return dataclasses.replace(
        step,
        blocked=readiness.make_removal_blocker(command.verb, command.pod, error),
        next_try_at=now + min(_REMOVAL_PAUSE * 2**step.refusals, _MAX_REMOVAL_PAUSE),
        refusals=step.refusals + 1,
    )


def progress_made(step: Step, now: float) -> Step:
    """Pods or workload changed, so that a disruption budget may now allow the eviction."""
    next_try_at = min(step.next_try_at, now + _REMOVAL_PAUSE) if step.blocked else step.next_try_at
    return dataclasses.replace(step, refusals=0, next_try_at=next_try_at)


# -- transitions of a rolling restart


def _keep_step(step: ReplacementStep, _state: WorkloadState, _now: float) -> Advanced:
    return step, []


def _follow_controller(step: RollingRestart, state: WorkloadState, now: float) -> Advanced:
    """From ROLLING or SETTLING."""
    workload = state.workload
    if workload is None:
        return _finish(step), []
    if int(workload["metadata"].get("generation") or 0) < step.generation:
        return dataclasses.replace(step, waiting_for="its controller has not seen the change yet"), []
    live = state.live_pods
    unready = tuple(pod for pod in step.unready if pod[1] in live and not readiness.is_ready(live[pod[1]]))
    step = dataclasses.replace(step, unready=unready)
    if unready and now >= step.next_try_at:
        return step, [Command("evict", state.owner, *unready[0])]
    if unready:
        step = dataclasses.replace(step, next_check_at=step.next_try_at)
    elif not step.waits:
        return _finish(step), []
    pods = [pod for pod in live.values() if parse_ordinal(get_name(pod)) >= state.first_updated_ordinal]
    stale = state.find_stale(pods)
    stale_new = [pod for pod in stale if step.stamp and step.is_new(pod)]
    if stale_new:  # the remaining pods would be stale too
        return _delay_restart(step, state, stale_new, now), []
    return _check_rollout(step, state, workload, pods, stale, now), []


def _check_rollout(
    step: RollingRestart, state: WorkloadState, workload: Json, pods: list[Json], stale: list[Json], now: float
) -> ReplacementStep:
    """To SETTLING and DONE by the rules of kubectl, or back to ROLLING."""
    status = state.owner.rules.get_rollout_status(workload)
    step = dataclasses.replace(step, waiting_for=status.message)
    if status.failed:
        return _fail(step, status.message)
    if not status.done:
        return dataclasses.replace(step, phase=Phase.ROLLING)
    settled_at = step.settled_at if step.phase is Phase.SETTLING else now + _LAG
    step = dataclasses.replace(step, phase=Phase.SETTLING, settled_at=settled_at)
    # Old pods may be ready and correct too, if all pods are replaced. Their deletion may not have been seen yet.
    updated = [pod for pod in pods if not step.is_leaving(state.owner, pod)]
    is_complete = not stale and sum(map(readiness.is_ready, updated)) >= state.updated_count
    if not is_complete and now < settled_at:
        return _check_again(dataclasses.replace(step, waiting_for="some of its pods are not ready yet"), settled_at)
    return _delay_restart(step, state, stale, now) if stale else _finish(step)


def _delay_restart(step: RollingRestart, state: WorkloadState, stale: list[Json], now: float) -> RollingRestart:
    """To DELAYED, or to FAILED after the last retry."""
    retried = _retry(step, state, stale, now)
    if retried.is_finished:
        return retried
    return dataclasses.replace(retried, phase=Phase.DELAYED, retry_at=retried.next_try_at, next_try_at=step.next_try_at)


def _restart_again(step: RollingRestart, state: WorkloadState, now: float) -> Advanced:
    """From DELAYED to UNWRITTEN after the delay."""
    if now < step.retry_at:
        return _check_again(step, step.retry_at), []
    return dataclasses.replace(step, phase=Phase.UNWRITTEN), [Command("restart", state.owner)]


# -- transitions of a replacement pod by pod


def _start_replacing(step: PodByPodReplacement, state: WorkloadState, now: float) -> Advanced:
    """From PENDING to REPLACING."""
    known = frozenset(state.live_pods)
    step = dataclasses.replace(step, phase=Phase.REPLACING, known=known, count=len(known), seen=known)
    return _replace_next(step, state, now)


def _await_removal(step: PodByPodReplacement, state: WorkloadState, now: float) -> Advanced:
    """From REMOVING to REPLACING when the pod no longer exists."""
    step = _count_pods(step, state)
    pod = state.live_pods.get(step.removing)
    if pod is not None:
        return dataclasses.replace(step, waiting_for=f"pod {get_name(pod)} still exists"), []
    return _replace_next(dataclasses.replace(step, phase=Phase.REPLACING, removing=""), state, now)


def _replace_next(step: PodByPodReplacement, state: WorkloadState, now: float) -> Advanced:
    """From REPLACING: remove the next pod when all replacements are ready; to DONE after the last pod."""
    live = state.live_pods
    step = _count_pods(step, state)
    stale = state.find_stale(pod for pod in live.values() if step.is_new(pod))
    if stale:
        step = _requeue_stale(step, state, stale, now)
        if step.is_finished:
            return step, []
    step = dataclasses.replace(step, queue=tuple(pod for pod in step.queue if pod[1] in live))
    step, unready = _find_unavailable(step, state, live, now)
    needed = state.count_needed(step.count)
    is_settled = state.is_deleted or (not unready and len(live) >= needed)
    if not step.queue and (is_settled or not step.waits):
        return _finish(step), []
    if step.queue and is_settled and now >= step.next_try_at:
        return step, [Command(step.verb, state.owner, *step.queue[0])]
    if unready:
        return dataclasses.replace(step, waiting_for=f"pod {get_name(unready[0])} is not ready yet"), []
    if not is_settled:
        return dataclasses.replace(step, waiting_for=f"{len(live)} of {needed} pods exist"), []
    return _check_again(
        dataclasses.replace(step, waiting_for=step.blocked.message if step.blocked else step.waiting_for),
        step.next_try_at,
    ), []


def _count_pods(step: PodByPodReplacement, state: WorkloadState) -> PodByPodReplacement:
    """Count the pods that should exist. Without this step, their number changes only if the workload is scaled."""
    live = frozenset(state.live_pods)
    count = max(step.count - len(step.seen - live - step.removed), len(live))
    return dataclasses.replace(step, count=count, seen=live)


def _requeue_stale(
    step: PodByPodReplacement, state: WorkloadState, stale: list[Json], now: float
) -> PodByPodReplacement:
    """Put stale replacements first in the queue; to FAILED after the last retry."""
    step = dataclasses.replace(
        step,
        known=step.known | {get_uid(pod) for pod in stale},
        queue=(*((get_name(pod), get_uid(pod)) for pod in stale), *step.queue),
    )
    return _retry(step, state, stale, now)


def _find_unavailable(
    step: PodByPodReplacement, state: WorkloadState, live: t.Mapping[str, Json], now: float
) -> tuple[PodByPodReplacement, list[Json]]:
    """The new pods that are not ready, or not yet for the minReadySeconds of the owner."""
    new = {uid: pod for uid, pod in live.items() if step.is_new(pod)}
    since = {uid: step.ready_since.get(uid, now) for uid, pod in new.items() if readiness.is_ready(pod)}
    step = dataclasses.replace(step, ready_since=since)
    unavailable = []
    for uid, pod in new.items():
        available_at = since.get(uid, math.inf) + state.min_ready_seconds
        if now < available_at:
            unavailable.append(pod)
            step = _check_again(step, available_at)
    return step, unavailable


def _retry(step: Step, state: WorkloadState, stale: list[Json], now: float) -> Step:
    """Allow another try after a delay; to FAILED after the last retry.

    The webhook may use an outdated cache of service accounts, or be temporarily unavailable.
    """
    reason = state.describe_stale(stale)
    if step.retries >= step.max_retries:
        return _fail(dataclasses.replace(step, not_injected=True, waiting_for=reason), reason)
    at = now + min(2.0**step.retries, _MAX_RETRY_PAUSE)
    return _check_again(dataclasses.replace(step, waiting_for=reason, next_try_at=at, retries=step.retries + 1), at)


def _finish(step: Step) -> Step:
    return dataclasses.replace(step, phase=Phase.DONE)


def _fail(step: Step, failure: str) -> Step:
    return dataclasses.replace(step, phase=Phase.FAILED, failure=failure)


def _check_again(step: Step, at: float) -> Step:
    return dataclasses.replace(step, next_check_at=min(step.next_check_at, at))


_TRANSITIONS: t.Final[t.Mapping[Phase, t.Callable[[t.Any, WorkloadState, float], Advanced]]] = {
    Phase.UNWRITTEN: _keep_step,
    Phase.ROLLING: _follow_controller,
    Phase.SETTLING: _follow_controller,
    Phase.DELAYED: _restart_again,
    Phase.PENDING: _start_replacing,
    Phase.REPLACING: _replace_next,
    Phase.REMOVING: _await_removal,
    Phase.DONE: _keep_step,
    Phase.FAILED: _keep_step,
}
