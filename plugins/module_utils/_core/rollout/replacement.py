# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two ways to replace a workload's pods, as state machines: a rolling restart by its controller, and pod by pod.

A step is a value. `advance` and the events (`restart_written`, `removal_accepted`, `removal_refused`, `progress_made`)
take a step, and what the watches show, and return the step that follows; `advance` also returns the commands to carry
out. Times are seconds from any origin.

A rolling restart: UNWRITTEN -(restart_written)-> ROLLING -> SETTLING -> DONE. From SETTLING it goes back to ROLLING
when the controller reports that it has not finished; new pods that are stale lead from both to DELAYED, and from there,
after a delay, to UNWRITTEN with another restart.

Pod by pod: PENDING -> REPLACING -(removal_accepted)-> REMOVING -> REPLACING -> ... -> DONE.

Any of these ends in FAILED where new pods are stale once too often, or where the controller gives up.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import typing as t

from ..errors import IrsaError
from ..pods import readiness
from ..pods.workload_kinds import Owner, get_restarted_at, parse_ordinal
from .decision import PodNames, RolloutSpec, RolloutTask

if t.TYPE_CHECKING:
    from .tracker import WorkloadState

Json = t.Mapping[str, t.Any]
Step = t.TypeVar("Step", bound="ReplacementStep")

# How far the watch of the pods may lag behind that of the workloads.
_LAG = 2.0


class Phase(enum.Enum):
    """Where a step is."""

    UNWRITTEN = "the restart is not written yet"
    ROLLING = "the controller replaces the pods"
    SETTLING = "the controller has finished, its pods are still being observed"
    DELAYED = "the next restart waits"
    PENDING = "nothing is removed yet"
    REPLACING = "replacements become ready, then the next pod is removed"
    REMOVING = "a removal was accepted, and its pod still exists"
    DONE = "done"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class Command:
    """Something to do now.

    :param verb: ``restart`` the owner, ``evict`` or ``delete`` a pod, read the ``events`` about the owner.
    """

    verb: str
    owner: Owner
    pod: str = ""
    uid: str = ""


Advanced = tuple["ReplacementStep", "list[Command]"]


@dataclasses.dataclass(frozen=True)
class ReplacementStep:
    """What both ways have in common.

    :param waits: whether the step ends only when the new pods are ready; else when all is written.
    :param waiting_for: what is still missing.
    :param failure: why the step failed.
    :param not_injected: it failed because new pods are stale.
    :param blocked: what refused the last eviction.
    :param next_check_at: when to advance though nothing happens.
    :param next_try_at: when the next removal may be tried.
    :param refusals: how often in a row an eviction was refused.
    :param retries: how often stale new pods were replaced.
    """

    phase: Phase
    waits: bool
    waiting_for: str = "it has not begun"
    failure: str | None = None
    not_injected: bool = False
    blocked: str | None = None
    next_check_at: float = math.inf
    next_try_at: float = -math.inf
    refusals: int = 0
    retries: int = 0

    @property
    def is_over(self) -> bool:
        return self.phase in (Phase.DONE, Phase.FAILED)

    def is_new(self, pod: Json) -> bool:
        """Whether this step caused the pod."""
        raise NotImplementedError

    def is_leaving(self, owner: Owner, pod: Json) -> bool:
        """Whether the pod is being replaced, though its own watch may not show that yet."""
        return False


@dataclasses.dataclass(frozen=True)
class RollingRestart(ReplacementStep):
    """The owner's controller replaces the pods; kubectl's rules say when it has finished.

    :param unready: pods to evict because the controller would wait for them.
    :param generation: the owner's generation after the restart.
    :param stamp: the restart's time, which new pods carry; None where another change is being rolled out.
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
    """Each pod is evicted or deleted, and its replacement is ready before the next one is removed.

    :param verb: ``evict`` or ``delete``.
    :param queue: the pods to remove.
    :param known: the uids of the pods that there were at first, and of stale replacements.
    :param count: how many pods there were at first.
    :param removing: the uid of the pod whose removal was accepted.
    :param ready_since: since when each new pod is ready, by uid.
    """

    verb: str = "evict"
    queue: PodNames = ()
    known: frozenset[str] = frozenset()
    count: int = 0
    removing: str = ""
    ready_since: t.Mapping[str, float] = dataclasses.field(default_factory=dict)

    def is_new(self, pod: Json) -> bool:
        return self.phase is not Phase.PENDING and uid_of(pod) not in self.known


def steps_of(task: RolloutTask, spec: RolloutSpec) -> list[ReplacementStep]:
    """The steps of a task, in order."""
    steps: list[ReplacementStep] = []
    if task.restart or task.unready or not task.replace:
        phase = Phase.UNWRITTEN if task.restart else Phase.ROLLING
        steps.append(RollingRestart(phase, spec.wait or bool(task.replace), unready=task.unready))
    if task.replace:
        steps.append(PodByPodReplacement(Phase.PENDING, spec.wait, verb=task.strategy, queue=task.replace))
    return steps


def advance(step: ReplacementStep, state: WorkloadState, now: float) -> Advanced:
    """The step that follows, and the commands to carry out now."""
    return _TRANSITIONS[step.phase](dataclasses.replace(step, next_check_at=math.inf), state, now)


# -- events


def restart_written(step: RollingRestart, workload: Json, owner: Owner) -> RollingRestart:
    """UNWRITTEN to ROLLING, or to DONE where nothing is waited for: the API server answered with ``workload``."""
    return dataclasses.replace(
        step,
        phase=Phase.ROLLING if step.unready or step.waits else Phase.DONE,
        generation=int(workload["metadata"].get("generation") or 0),
        stamp=owner.rules.get_restarted_at(workload),
    )


def removal_accepted(step: Step, command: Command) -> Step:
    """The eviction or deletion was accepted, or the pod was gone already."""
    step = dataclasses.replace(step, refusals=0, blocked=None, next_try_at=-math.inf)
    if isinstance(step, PodByPodReplacement):
        return dataclasses.replace(step, phase=Phase.REMOVING, removing=command.uid)
    if isinstance(step, RollingRestart):
        return dataclasses.replace(step, unready=tuple(pod for pod in step.unready if pod[1] != command.uid))
    return step


def removal_refused(step: Step, command: Command, error: IrsaError, now: float) -> Step:
    """The eviction was refused for now: a disruption budget prevents it, or the server is busy."""
    budgets = [cause["message"] for cause in error.details.get("causes") or [] if cause.get("message")]
    return dataclasses.replace(
        step,
        blocked=f"the eviction of pod {command.pod} is refused: {'; '.join(budgets) or error.cause}",
        next_try_at=now + min(0.25 * 2**step.refusals, 2.0),
        refusals=step.refusals + 1,
    )


def progress_made(step: Step, now: float) -> Step:
    """Something changed, so a disruption budget may have room again."""
    next_try_at = min(step.next_try_at, now + 0.25) if step.blocked else step.next_try_at
    return dataclasses.replace(step, refusals=0, next_try_at=next_try_at)


# -- transitions of a rolling restart


def _stay(step: ReplacementStep, _state: WorkloadState, _now: float) -> Advanced:
    return step, []


def _follow_controller(step: RollingRestart, state: WorkloadState, now: float) -> Advanced:
    """From ROLLING or SETTLING."""
    workload = state.workload
    if workload is None:
        return _done(step), []
    if int(workload["metadata"].get("generation") or 0) < step.generation:
        return dataclasses.replace(step, waiting_for="its controller has not seen the change yet"), []
    live = state.live
    unready = tuple(pod for pod in step.unready if pod[1] in live and not readiness.is_ready(live[pod[1]]))
    step = dataclasses.replace(step, unready=unready)
    if unready and now >= step.next_try_at:
        return step, [Command("evict", state.owner, *unready[0])]
    if unready:
        step = dataclasses.replace(step, next_check_at=step.next_try_at)
    elif not step.waits:
        return _done(step), []
    pods = [pod for pod in live.values() if parse_ordinal(name_of(pod)) >= state.first_updated_ordinal]
    stale = state.stale(pods)
    new = [pod for pod in stale if step.stamp and step.is_new(pod)]
    if new:  # the others would come up in the same way
        return _delay_restart(step, state, new, now), []
    return _check_rollout(step, state, workload, pods, stale, now), []


def _check_rollout(
    step: RollingRestart, state: WorkloadState, workload: Json, pods: list[Json], stale: list[Json], now: float
) -> ReplacementStep:
    """To SETTLING and DONE by kubectl's rules, or back to ROLLING."""
    status = state.owner.rules.get_rollout_status(workload)
    step = dataclasses.replace(step, waiting_for=status.message)
    if status.failed:
        return _fail(step, status.message)
    if not status.done:
        return dataclasses.replace(step, phase=Phase.ROLLING)
    settled_at = step.settled_at if step.phase is Phase.SETTLING else now + _LAG
    step = dataclasses.replace(step, phase=Phase.SETTLING, settled_at=settled_at)
    needed = (state.full_count or 0) - state.first_updated_ordinal
    is_complete = not stale and sum(map(readiness.is_ready, pods)) >= needed
    if not is_complete and now < settled_at:
        return _check_again(dataclasses.replace(step, waiting_for="its pods are not all known to be ready"), settled_at)
    return _delay_restart(step, state, stale, now) if stale else _done(step)


def _delay_restart(step: RollingRestart, state: WorkloadState, stale: list[Json], now: float) -> RollingRestart:
    """To DELAYED, or to FAILED after the last retry."""
    retried = _retry(step, state, stale, now)
    if retried.is_over:
        return retried
    return dataclasses.replace(retried, phase=Phase.DELAYED, retry_at=retried.next_try_at, next_try_at=step.next_try_at)


def _restart_again(step: RollingRestart, state: WorkloadState, now: float) -> Advanced:
    """From DELAYED to UNWRITTEN when the time has come."""
    if now < step.retry_at:
        return _check_again(step, step.retry_at), []
    return dataclasses.replace(step, phase=Phase.UNWRITTEN), [Command("restart", state.owner)]


# -- transitions of a replacement pod by pod


def _begin(step: PodByPodReplacement, state: WorkloadState, now: float) -> Advanced:
    """From PENDING to REPLACING."""
    known = frozenset(state.live)
    return _replace_next(dataclasses.replace(step, phase=Phase.REPLACING, known=known, count=len(known)), state, now)


def _await_removal(step: PodByPodReplacement, state: WorkloadState, now: float) -> Advanced:
    """From REMOVING to REPLACING when the pod is gone."""
    pod = state.live.get(step.removing)
    if pod is not None:
        return dataclasses.replace(step, waiting_for=f"pod {name_of(pod)} still exists"), []
    return _replace_next(dataclasses.replace(step, phase=Phase.REPLACING, removing=""), state, now)


def _replace_next(step: PodByPodReplacement, state: WorkloadState, now: float) -> Advanced:
    """From REPLACING: removes the next pod once the replacements are ready; to DONE after the last one."""
    live = state.live
    stale = state.stale(pod for pod in live.values() if step.is_new(pod))
    if stale:
        step = _queue_again(step, state, stale, now)
        if step.is_over:
            return step, []
    step = dataclasses.replace(step, queue=tuple(pod for pod in step.queue if pod[1] in live))
    step, unready = _find_unavailable(step, state, live, now)
    full = state.full_count
    needed = step.count if full is None else full
    is_settled = state.is_gone or (not unready and len(live) >= needed)
    if not step.queue and (is_settled or not step.waits):
        return _done(step), []
    if step.queue and is_settled and now >= step.next_try_at:
        return step, [Command(step.verb, state.owner, *step.queue[0])]
    if unready:
        return dataclasses.replace(step, waiting_for=f"pod {name_of(unready[0])} is not ready yet"), []
    if not is_settled:
        return dataclasses.replace(step, waiting_for=f"{len(live)} of {needed} pods exist"), []
    return _check_again(dataclasses.replace(step, waiting_for=step.blocked or step.waiting_for), step.next_try_at), []


def _queue_again(step: PodByPodReplacement, state: WorkloadState, stale: list[Json], now: float) -> PodByPodReplacement:
    """Puts stale replacements first in the queue; to FAILED after the last retry."""
    step = dataclasses.replace(
        step,
        known=step.known | {uid_of(pod) for pod in stale},
        queue=(*((name_of(pod), uid_of(pod)) for pod in stale), *step.queue),
    )
    return _retry(step, state, stale, now)


def _find_unavailable(
    step: PodByPodReplacement, state: WorkloadState, live: t.Mapping[str, Json], now: float
) -> tuple[PodByPodReplacement, list[Json]]:
    """The new pods that have not been ready for the owner's minReadySeconds, counted from when that was observed."""
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


# -- what both share


def _retry(step: Step, state: WorkloadState, stale: list[Json], now: float) -> Step:
    """Allows another try after a delay; to FAILED when it was tried often enough.

    The webhook may have its service accounts from a cache that lags, or be about to come back.
    """
    reason = state.describe_stale(stale)
    if step.retries >= state.spec.max_retries:
        return _fail(dataclasses.replace(step, not_injected=True, waiting_for=reason), reason)
    at = now + min(2.0**step.retries, 8.0)
    return _check_again(dataclasses.replace(step, waiting_for=reason, next_try_at=at, retries=step.retries + 1), at)


def _done(step: Step) -> Step:
    return dataclasses.replace(step, phase=Phase.DONE)


def _fail(step: Step, why: str) -> Step:
    return dataclasses.replace(step, phase=Phase.FAILED, failure=why)


def _check_again(step: Step, at: float) -> Step:
    return dataclasses.replace(step, next_check_at=min(step.next_check_at, at))


_TRANSITIONS: t.Final[t.Mapping[Phase, t.Callable[[t.Any, WorkloadState, float], Advanced]]] = {
    Phase.UNWRITTEN: _stay,
    Phase.ROLLING: _follow_controller,
    Phase.SETTLING: _follow_controller,
    Phase.DELAYED: _restart_again,
    Phase.PENDING: _begin,
    Phase.REPLACING: _replace_next,
    Phase.REMOVING: _await_removal,
    Phase.DONE: _stay,
    Phase.FAILED: _stay,
}


def uid_of(pod: Json) -> str:
    return str(pod["metadata"]["uid"])


def name_of(pod: Json) -> str:
    return str(pod["metadata"]["name"])
