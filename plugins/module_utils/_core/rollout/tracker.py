# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tracks the rollouts of workloads: takes events, and returns the next commands.

It does not read the clock or the API server. The caller passes the time and the events of the watches, runs the
commands, and reports their results.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ..errors import IrsaError, can_pass
from ..pods import injection, readiness
from ..pods.injection import get_name, get_uid
from ..pods.readiness import RolloutBlocker
from ..pods.workload_kinds import Owner, Workloads, find_owner
from . import replacement
from .decision import Command, RolloutSpec, RolloutTask, WorkloadFailure, build_failure
from .replacement import ReplacementStep, RollingRestart
from .staleness import FindExpected, WorkloadState

Json = t.Mapping[str, t.Any]

# How long nothing may change before a permanent blocker ends the wait. A registry may recover in this time, and old
# pods may end and release their quota.
STALL_SECONDS = 30.0
# How long nothing may change before the events are read, and the interval of further reads.
_EVENTS_SECONDS = 3.0
_LIST_PAUSE = 1.0


class RolloutTracker:
    """Tracks the workloads of a run.

    :param workloads: the owners as read for the plan.
    :param now: the time in seconds from any origin.
    :param deadline: when the time is over; by default, ``wait_timeout`` starts now.
    """

    def __init__(
        self,
        spec: RolloutSpec,
        tasks: t.Iterable[RolloutTask],
        workloads: Workloads,
        find_expected: FindExpected,
        *,
        now: float,
        deadline: float | None = None,
    ) -> None:
        self._spec = spec
        self._workloads: dict[Owner, Json | None] = dict(workloads)
        self._tracked = {
            task.owner: _TrackedWorkload(
                WorkloadState(task.owner, spec.service_account, self._workloads, find_expected),
                replacement.build_steps(task, spec),
                now,
            )
            for task in tasks
        }
        self._watch_errors: dict[str, IrsaError] = {}
        self._deadline = now + spec.wait_timeout if deadline is None else deadline
        # Whether the pods were listed since their watch failed. Nothing is done with outdated pods.
        self._has_current_pods = False
        self._is_last_check = False

    @property
    def is_finished(self) -> bool:
        """Whether every rollout has succeeded or failed."""
        return all(tracked.is_closed for tracked in self._tracked.values())

    def next_check_at(self) -> float:
        """When to call ``advance`` if no event arrives."""
        if not self._has_current_pods:
            return self._deadline
        checks = [tracked.next_check_at for tracked in self._tracked.values() if not tracked.is_closed]
        return min([self._deadline, *checks])

    def pods_listed(self, pods: t.Iterable[Json]) -> None:
        """Replace the known pods. Before the first call, and after `watch_failed`, ``advance`` returns no commands."""
        self._has_current_pods = True
        self._watch_errors.pop("Pod", None)
        for tracked in self._tracked.values():
            tracked.state.pods.clear()
            tracked.has_listed_pods = True
            tracked.next_check_at = -math.inf
        for pod in pods:
            self.pod_changed("ADDED", pod)

    def pod_changed(self, event: str, pod: Json) -> None:
        """Handle an event of the pod watch: ``ADDED``, ``MODIFIED`` or ``DELETED``."""
        owner = find_owner(pod, self._workloads) or Owner("v1", "Pod", get_name(pod))
        tracked = self._tracked.get(owner)
        if tracked is None:
            return
        if event == "DELETED":
            tracked.state.pods.pop(get_uid(pod), None)
        else:
            tracked.state.pods[get_uid(pod)] = pod
        tracked.next_check_at = -math.inf

    def workloads_listed(self, api_version: str, kind: str, workloads: t.Iterable[Json]) -> None:
        """Replace the known workloads of a kind."""
        self._watch_errors.pop(kind, None)
        by_name = {workload["metadata"]["name"]: workload for workload in workloads}
        for owner, tracked in self._tracked.items():
            if owner[:2] == (api_version, kind):
                self._workloads[owner] = by_name.get(owner.name)
                tracked.next_check_at = -math.inf

    def workload_changed(self, api_version: str, kind: str, event: str, workload: Json) -> None:
        """Handle an event of a workload watch."""
        owner = Owner(api_version, kind, workload["metadata"]["name"])
        if owner in self._tracked:
            self._workloads[owner] = None if event == "DELETED" else workload
            self._tracked[owner].next_check_at = -math.inf

    def watch_failed(self, kind: str, error: IrsaError) -> None:
        """Record that objects of a kind cannot be watched, until they are listed again."""
        self._watch_errors[kind] = error
        self._has_current_pods &= kind != "Pod"
        for owner, tracked in self._tracked.items():  # all rollouts depend on the pods
            if kind in ("Pod", owner.kind) and not tracked.is_closed and not can_pass(error):
                tracked.fail_with(error)

    def list_refused(self, command: Command, error: IrsaError, now: float) -> None:
        """Record that the pods could not be listed. They are listed again later, unless the error does not pass."""
        if can_pass(error):
            self._tracked[command.owner].next_check_at = now + _LIST_PAUSE
        else:
            self._tracked[command.owner].fail_with(error)

    def restart_refused(self, owner: Owner, error: IrsaError, now: float) -> None:
        """Record that a restart was refused. It is written again later, unless the error does not pass."""
        tracked = self._tracked[owner]
        if can_pass(error) and tracked.step.waits:
            tracked.update(replacement.restart_refused(tracked.step, error, now))
        else:
            tracked.fail_with(error)

    def restart_written(self, owner: Owner, workload: Json | None, now: float) -> None:
        """Record a restart. ``workload`` is the answer of the API server; None if the workload does not exist."""
        tracked = self._tracked[owner]
        if workload is None:
            tracked.is_closed = True
        elif isinstance(tracked.step, RollingRestart):
            tracked.update(replacement.restart_written(tracked.step, workload, owner))
            tracked.is_closed = tracked.step.is_finished and tracked.is_last_step
            tracked.progressed_at = now

    def removal_accepted(self, command: Command) -> None:
        """Record that an eviction or deletion was accepted, or that its pod does not exist."""
        tracked = self._tracked[command.owner]
        tracked.update(replacement.removal_accepted(tracked.step, command))

    def removal_refused(self, command: Command, error: IrsaError, now: float) -> None:
        """Record that an eviction or deletion was refused. It is tried again, unless the error does not pass."""
        tracked = self._tracked[command.owner]
        if can_pass(error):
            tracked.update(replacement.removal_refused(tracked.step, command, error, now))
        else:
            tracked.fail_with(error)

    def events_read(self, owner: Owner, events: t.Iterable[Json]) -> None:
        """Record the recent events about an owner, for the command ``read-events``."""
        tracked = self._tracked[owner]
        tracked.event_blocker = readiness.find_event_blocker(events)
        tracked.next_check_at = -math.inf

    def replicas_read(self, owner: Owner, replicas: int | None) -> None:
        """Record the number of replicas of an owner, for the command ``read-replicas``."""
        self._tracked[owner].state.replicas, self._tracked[owner].next_check_at = replicas, -math.inf

    def advance(self, now: float) -> list[Command]:
        """The commands to run now. Call this after each event, and at ``next_check_at``."""
        commands = []
        for tracked in self._tracked.values():
            if self._has_current_pods and not tracked.is_closed and tracked.next_check_at <= now:
                commands += tracked.advance(now)
        if commands or now < self._deadline:
            return commands
        unfinished = [tracked for tracked in self._tracked.values() if not tracked.is_closed]
        if not self._is_last_check:
            self._is_last_check = True
            owners = [tracked.state.owner for tracked in unfinished]
            return [Command("read-events", owner) for owner in owners if owner.rules.is_read]
        for tracked in unfinished:
            tracked.fail(f"not finished after {self._spec.wait_timeout} s: {tracked.step.waiting_for}")
            error = self._watch_errors.get("Pod") or self._watch_errors.get(tracked.state.owner.kind)
            if error:
                tracked.blocker = RolloutBlocker(f"{error.message}: {error.cause}", False)
        return []

    def pods(self) -> list[Json]:
        """The current pods of the tracked workloads, without pods that are being replaced."""
        return [
            pod
            for owner, tracked in self._tracked.items()
            for pod in tracked.state.pods.values()
            if not tracked.step.is_leaving(owner, pod)
        ]

    def require_success(self) -> None:
        """Raise the failures as one error.

        :raises RolloutFailed: a rollout did not finish, or new pods are stale.
        :raises IrsaError: all failed rollouts failed because of this refused request.
        """
        failed = [tracked for tracked in self._tracked.values() if tracked.failure]
        if not failed:
            return
        error, refused = build_failure(self._spec, [tracked.describe_failure() for tracked in failed]), failed[0].error
        if refused and all(tracked.error is refused for tracked in failed):
            refused.details.update(error.details)
            raise refused
        raise error


class _TrackedWorkload:
    """One owner with its current step and its progress.

    :ivar has_listed_pods: whether the pods were listed since the last call of ``advance``.
    :ivar progressed_at: the time of the last change.
    """

    def __init__(self, state: WorkloadState, steps: list[ReplacementStep], now: float) -> None:
        self.state = state
        self.is_closed = False
        self.failure: str | None = None
        self.error: IrsaError | None = None
        self.blocker: RolloutBlocker | None = None
        self.event_blocker: RolloutBlocker | None = None
        self.next_check_at = -math.inf
        self.has_listed_pods = False
        self.progressed_at = now
        self._steps = steps
        self._events_read_at = now
        self._snapshot: t.Any = None

    @property
    def step(self) -> ReplacementStep:
        return self._steps[0]

    @property
    def is_last_step(self) -> bool:
        return len(self._steps) == 1

    def update(self, step: ReplacementStep) -> None:
        """Set the step that follows from an event."""
        self._steps[0] = step
        self.next_check_at = -math.inf

    def advance(self, now: float) -> list[Command]:
        """The commands to run now for this owner."""
        self._note_progress(now)
        if not self.has_listed_pods and self._replaces_stale_pods(now):
            # A watch that is late or dead shows pods that no longer exist.
            self.next_check_at = math.inf
            return [Command("list-pods", self.state.owner)]
        self.has_listed_pods = False
        commands = self._advance_step(now)
        while self.step.is_finished and not self.step.failure and not self.is_last_step:
            retries = self._steps.pop(0).retries
            self._steps[0] = dataclasses.replace(self.step, retries=retries)
            commands += self._advance_step(now)
        self.next_check_at = self.step.next_check_at
        self.is_closed = self.step.is_finished
        if self.step.failure:
            self.fail(self.step.failure)
        if not self.is_closed and not commands:
            commands = self._check_blockers(now)
        return commands

    def fail(self, failure: str) -> None:
        self.is_closed = True
        self.failure = failure
        self.blocker = None if self.step.not_injected else self.find_blocker()

    def fail_with(self, error: IrsaError) -> None:
        """Fail because of a request that was refused."""
        self.is_closed, self.error, self.blocker = True, error, None
        self.failure = f"{error.message}: {error.cause}" if error.cause else error.message

    def describe_failure(self) -> WorkloadFailure:
        blocker = self.blocker.message if self.blocker else None
        return WorkloadFailure(self.state.owner, str(self.failure), blocker, self.step.not_injected)

    def find_blocker(self) -> RolloutBlocker | None:
        """The blocker of the rollout; a permanent one if there is one."""
        step, pods = self.step, self.state.pods.values()
        new = [pod for pod in pods if step.is_new(pod) and not injection.is_terminating(pod)]
        candidates = [readiness.find_pod_blocker(pod) for pod in new]
        candidates += [readiness.find_workload_blocker(self.state.workload or {}), self.event_blocker]
        if step.blocked:
            candidates.append(step.blocked)
        # Blockers of old and of deleted pods come last: only some controllers wait for them.
        old = [pod for pod in self.state.live_pods.values() if not step.is_new(pod)]
        candidates += [readiness.find_pod_blocker(pod) for pod in [*filter(injection.is_terminating, pods), *old]]
        blockers = [blocker for blocker in candidates if blocker]
        return next((blocker for blocker in blockers if blocker.permanent), blockers[0] if blockers else None)

    def _replaces_stale_pods(self, now: float) -> bool:
        """Whether the step would now replace stale new pods, or fail because of them."""
        step, _commands = replacement.advance(self.step, self.state, now)
        return step.not_injected or step.retries > self.step.retries

    def _advance_step(self, now: float) -> list[Command]:
        self._steps[0], commands = replacement.advance(self.step, self.state, now)
        return list(commands)

    def _check_blockers(self, now: float) -> list[Command]:
        """Fail after a while because of a permanent blocker; read the events if nothing changes."""
        blocker = self.find_blocker()
        if blocker and blocker.permanent:
            if now >= self.progressed_at + STALL_SECONDS:
                self.fail(self.step.waiting_for)
                return []
            self.next_check_at = min(self.next_check_at, self.progressed_at + STALL_SECONDS)
        rules = self.state.owner.rules
        if rules.is_read or rules.recreates_pods:
            due_at = max(self.progressed_at, self._events_read_at) + _EVENTS_SECONDS
            if now >= due_at:
                self._events_read_at = now
                return [Command("read-events" if rules.is_read else "read-replicas", self.state.owner)]
            self.next_check_at = min(self.next_check_at, due_at)
        return []

    def _note_progress(self, now: float) -> None:
        pods = sorted((uid, readiness.is_ready(pod), injection.is_live(pod)) for uid, pod in self.state.pods.items())
        status = (self.state.workload or {}).get("status") or {}
        snapshot = (pods, {key: value for key, value in status.items() if isinstance(value, (int, str))})
        if snapshot == self._snapshot:
            return
        if self._snapshot is not None:
            self._steps[0] = replacement.progress_made(self.step, now)
        self._snapshot, self.progressed_at, self.event_blocker = snapshot, now, None
