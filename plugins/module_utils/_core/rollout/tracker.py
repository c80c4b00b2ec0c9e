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

from ..errors import IrsaError, RolloutFailed
from ..pods import injection, readiness
from ..pods.readiness import RolloutBlocker
from ..pods.workload_kinds import Owner, Workloads, find_owner
from . import replacement
from .decision import RolloutSpec, RolloutTask
from .replacement import Command, ReplacementStep, RollingRestart, get_name, get_uid
from .staleness import FindExpected, PodStatus, evaluate_pod

Json = t.Mapping[str, t.Any]

# How long nothing may change before a permanent blocker ends the wait. A registry may recover in this time, and old
# pods may end and release their quota.
STALL_SECONDS = 30.0
# How long nothing may change before the events are read, and the interval of further reads.
_EVENTS_SECONDS = 3.0


class WorkloadState:
    """The observed state of one owner.

    :param workloads: all owners. The caller updates it.
    :ivar pods: the pods of the owner by UID. The caller updates it.
    """

    def __init__(self, owner: Owner, spec: RolloutSpec, workloads: Workloads, find_expected: FindExpected) -> None:
        self.owner = owner
        self.spec = spec
        self.pods: dict[str, Json] = {}
        self._workloads = workloads
        self._find_expected = find_expected
        self._statuses: dict[str, PodStatus] = {}

    @property
    def workload(self) -> Json | None:
        """The object of the owner; None if it does not exist or its kind is not read."""
        return self._workloads.get(self.owner) if self.owner.rules.is_read else None

    @property
    def is_deleted(self) -> bool:
        return self.owner.rules.is_read and self.workload is None

    @property
    def live_pods(self) -> dict[str, Json]:
        """The pods that are neither finished nor being deleted, by UID."""
        return {uid: pod for uid, pod in self.pods.items() if injection.is_live(pod)}

    @property
    def expected_count(self) -> int | None:
        """The number of pods that must exist; None if unknown."""
        if not self.owner.rules.recreates_pods:
            return 0
        if self.workload is None:
            return None
        template = self.owner.rules.get_pod_template(self.workload)
        if template and self.spec.service_account not in (None, injection.get_account_name(template)):
            return 0  # new pods have another service account, so the watch does not include them
        return self.owner.rules.count_pods(self.workload)

    @property
    def first_updated_ordinal(self) -> int:
        return self.owner.rules.get_first_updated_ordinal(self.workload) if self.workload else 0

    @property
    def min_ready_seconds(self) -> int:
        return int(self.workload["spec"].get("minReadySeconds") or 0) if self.workload else 0

    def get_status(self, pod: Json) -> PodStatus:
        """The status of a pod. It is evaluated once, because the environment of a container never changes."""
        uid = get_uid(pod)
        if uid not in self._statuses:
            self._statuses[uid] = evaluate_pod(pod, self._find_expected(pod), self._workloads)
        return self._statuses[uid]

    def find_stale(self, pods: t.Iterable[Json]) -> list[Json]:
        return [pod for pod in pods if self.get_status(pod).stale]

    def describe_stale(self, pods: t.Sequence[Json]) -> str:
        names = ", ".join(map(get_name, pods))
        reasons = "; ".join(dict.fromkeys(reason for pod in pods for reason in self.get_status(pod).reasons))
        return f"new pods are stale: {names}: {reasons}"


class RolloutTracker:
    """Tracks the workloads of a run.

    :param workloads: the owners as read for the plan.
    :param now: the time in seconds from any origin. ``wait_timeout`` starts at this time.
    """

    def __init__(
        self,
        spec: RolloutSpec,
        tasks: t.Iterable[RolloutTask],
        workloads: Workloads,
        find_expected: FindExpected,
        *,
        now: float,
    ) -> None:
        self._spec = spec
        self._workloads: dict[Owner, Json | None] = dict(workloads)
        self._tracked = {
            task.owner: _TrackedWorkload(
                WorkloadState(task.owner, spec, self._workloads, find_expected),
                replacement.build_steps(task, spec),
                now,
            )
            for task in tasks
        }
        self._deadline = now + spec.wait_timeout
        self._has_pods = False
        self._is_last_check = False

    @property
    def is_finished(self) -> bool:
        """Whether every rollout has succeeded or failed."""
        return all(tracked.is_closed for tracked in self._tracked.values())

    def next_check_at(self) -> float:
        """When to call ``advance`` if no event arrives."""
        if not self._has_pods:
            return self._deadline
        checks = [tracked.next_check_at for tracked in self._tracked.values() if not tracked.is_closed]
        return min([self._deadline, *checks])

    def pods_listed(self, pods: t.Iterable[Json]) -> None:
        """Replace the known pods. Before the first call, ``advance`` returns no commands."""
        self._has_pods = True
        for tracked in self._tracked.values():
            tracked.state.pods.clear()
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
        """Record that an eviction was refused for now, with status 429."""
        tracked = self._tracked[command.owner]
        tracked.update(replacement.removal_refused(tracked.step, command, error, now))

    def events_read(self, owner: Owner, events: t.Iterable[Json]) -> None:
        """Record the recent events about an owner, for the command ``read-events``."""
        tracked = self._tracked[owner]
        tracked.event_blocker = readiness.find_event_blocker(events)
        tracked.next_check_at = -math.inf

    def advance(self, now: float) -> list[Command]:
        """The commands to run now. Call this after each event, and at ``next_check_at``."""
        commands = []
        for tracked in self._tracked.values():
            if self._has_pods and not tracked.is_closed and tracked.next_check_at <= now:
                commands += tracked.advance(now)
        if commands or now < self._deadline:
            return commands
        unfinished = [tracked for tracked in self._tracked.values() if not tracked.is_closed]
        if not self._is_last_check:
            self._is_last_check = True
            unfinished_owners = [tracked.state.owner for tracked in unfinished]
            return [Command("read-events", owner) for owner in unfinished_owners if owner.rules.is_read]
        for tracked in unfinished:
            tracked.fail(f"not finished after {self._spec.wait_timeout} s: {tracked.step.waiting_for}")
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
        """:raises RolloutFailed: a rollout did not finish, or new pods are stale."""
        failed = [tracked for tracked in self._tracked.values() if tracked.failure]
        if failed:
            raise _build_error(self._spec, failed)


class _TrackedWorkload:
    """One owner with its current step and its progress.

    :ivar progressed_at: the time of the last change.
    """

    def __init__(self, state: WorkloadState, steps: list[ReplacementStep], now: float) -> None:
        self.state = state
        self.is_closed = False
        self.failure: str | None = None
        self.blocker: RolloutBlocker | None = None
        self.event_blocker: RolloutBlocker | None = None
        self.next_check_at = -math.inf
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

    def find_blocker(self) -> RolloutBlocker | None:
        """The blocker of the rollout; a permanent one if there is one."""
        step, pods = self.step, self.state.pods.values()
        new = [pod for pod in pods if step.is_new(pod) and not injection.is_terminating(pod)]
        candidates = [readiness.find_pod_blocker(pod) for pod in new]
        candidates += [readiness.find_workload_blocker(self.state.workload or {}), self.event_blocker]
        if step.blocked:
            candidates.append(RolloutBlocker(step.blocked, False))
        # Blockers of old pods come last: only some controllers wait for old pods.
        old = [pod for pod in self.state.live_pods.values() if not step.is_new(pod)]
        candidates += [readiness.find_pod_blocker(pod) for pod in old]
        blockers = [blocker for blocker in candidates if blocker]
        return next((blocker for blocker in blockers if blocker.permanent), blockers[0] if blockers else None)

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
        if self.state.owner.rules.is_read:
            due_at = max(self.progressed_at, self._events_read_at) + _EVENTS_SECONDS
            if now >= due_at:
                self._events_read_at = now
                return [Command("read-events", self.state.owner)]
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


def _build_error(spec: RolloutSpec, failed: t.Sequence[_TrackedWorkload]) -> RolloutFailed:
    facts, causes = [], []
    for tracked in failed:
        owner = tracked.state.owner
        blocker = tracked.blocker.message if tracked.blocker else None
        facts.append({"kind": owner.kind, "name": owner.name, "reason": tracked.failure, "blocker": blocker})
        is_named = not blocker or blocker in str(tracked.failure)
        cause = str(tracked.failure) if is_named else f"{tracked.failure} ({blocker})"
        causes.append(cause if len(failed) == 1 else f"{owner}: {cause}")
    names = ", ".join(f"{tracked.state.owner.kind} {spec.namespace}/{tracked.state.owner.name}" for tracked in failed)
    if all(tracked.step.not_injected for tracked in failed):
        retries = "1 retry" if spec.max_retries == 1 else f"{spec.max_retries} retries"
        message = f"the new pods of {names} are still stale after {retries}"
        fix = (
            "check the annotation of the service account, the pod identity webhook (MutatingWebhookConfiguration "
            "pod-identity-webhook, its selectors and caBundle), and whether an EKS Pod Identity association of the "
            "service account takes precedence; then run again"
        )
    else:
        message = f"the rollout of {names} did not finish"
        fix = "fix the cause, or increase wait_timeout, and run again: the rollout continues"
    return RolloutFailed(message, cause="; ".join(causes), fix=fix, namespace=spec.namespace, workloads=facts)
