# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tracks the workloads of a run through their rollouts: it takes what happens, and returns what to do next.

It reads no clock and no server. The caller passes the time and the events of the API server's watches, carries out the
commands, and reports their outcomes.
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
from .replacement import Command, ReplacementStep, RollingRestart, name_of, uid_of
from .staleness import Expectations, PodStatus, evaluate_pod

Json = t.Mapping[str, t.Any]

# How long nothing may change before a permanent blocker ends the wait: long enough for a registry's hiccup, and for a
# quota that old pods are about to free.
STALL_SECONDS = 30.0
# How long nothing may change before the events are read, and how often then.
_EVENTS_SECONDS = 3.0


class WorkloadState:
    """One owner as the watches show it.

    :param workloads: all owners; the caller keeps it up to date.
    :ivar pods: the owner's pods by uid; the caller keeps it up to date.
    """

    def __init__(self, owner: Owner, spec: RolloutSpec, workloads: Workloads, expected: Expectations) -> None:
        self.owner = owner
        self.spec = spec
        self.pods: dict[str, Json] = {}
        self._workloads = workloads
        self._expected = expected
        self._statuses: dict[str, PodStatus] = {}

    @property
    def workload(self) -> Json | None:
        """The owner's own object; None where it is gone, or of a kind that isn't read."""
        return self._workloads.get(self.owner) if self.owner.rules.is_read else None

    @property
    def is_gone(self) -> bool:
        return self.owner.rules.is_read and self.workload is None

    @property
    def live(self) -> dict[str, Json]:
        """The pods that run or may yet run, by uid."""
        return {uid: pod for uid, pod in self.pods.items() if injection.is_live(pod)}

    @property
    def full_count(self) -> int | None:
        """How many pods there must be; None where nothing says it."""
        if not self.owner.rules.recreates_pods:
            return 0
        if self.workload is None:
            return None
        template = self.owner.rules.get_pod_template(self.workload)
        if template and self.spec.service_account not in (None, injection.get_account_name(template)):
            return 0  # new pods have another account, so they aren't among those that are watched
        return self.owner.rules.count_pods(self.workload)

    @property
    def first_updated_ordinal(self) -> int:
        return self.owner.rules.get_first_updated_ordinal(self.workload) if self.workload else 0

    @property
    def min_ready_seconds(self) -> int:
        return int(self.workload["spec"].get("minReadySeconds") or 0) if self.workload else 0

    def status_of(self, pod: Json) -> PodStatus:
        """The pod's status. Its containers' environments never change, so it is evaluated once."""
        uid = uid_of(pod)
        if uid not in self._statuses:
            self._statuses[uid] = evaluate_pod(pod, self._expected(pod), self._workloads)
        return self._statuses[uid]

    def stale(self, pods: t.Iterable[Json]) -> list[Json]:
        return [pod for pod in pods if self.status_of(pod).stale]

    def describe_stale(self, pods: t.Sequence[Json]) -> str:
        names = ", ".join(map(name_of, pods))
        reasons = "; ".join(dict.fromkeys(reason for pod in pods for reason in self.status_of(pod).reasons))
        return f"new pods are stale: {names}: {reasons}"


class RolloutTracker:
    """The workloads of one run.

    :param workloads: the owners as they were read when the plan was made.
    :param expected: what a pod is to carry.
    :param now: the time in seconds, from any origin; ``wait_timeout`` counts from here.
    """

    def __init__(
        self,
        spec: RolloutSpec,
        tasks: t.Iterable[RolloutTask],
        workloads: Workloads,
        expected: Expectations,
        *,
        now: float,
    ) -> None:
        self._spec = spec
        self._workloads: dict[Owner, Json | None] = dict(workloads)
        self._tracked = {
            task.owner: _TrackedWorkload(
                WorkloadState(task.owner, spec, self._workloads, expected), replacement.steps_of(task, spec), now
            )
            for task in tasks
        }
        self._deadline = now + spec.wait_timeout
        self._knows_pods = False
        self._is_last_check = False

    @property
    def is_finished(self) -> bool:
        """Whether there is nothing more to wait for, in success or failure."""
        return all(tracked.is_closed for tracked in self._tracked.values())

    def next_check_at(self) -> float:
        """When ``advance`` is due though nothing happens."""
        if not self._knows_pods:
            return self._deadline
        checks = [tracked.next_check_at for tracked in self._tracked.values() if not tracked.is_closed]
        return min([self._deadline, *checks])

    def pods_listed(self, pods: t.Iterable[Json]) -> None:
        """These are all pods. Before the first list nothing is done."""
        self._knows_pods = True
        for tracked in self._tracked.values():
            tracked.state.pods.clear()
            tracked.next_check_at = -math.inf
        for pod in pods:
            self.pod_changed("ADDED", pod)

    def pod_changed(self, event: str, pod: Json) -> None:
        """An event of the pods' watch: ADDED, MODIFIED or DELETED."""
        owner = find_owner(pod, self._workloads) or Owner("v1", "Pod", name_of(pod))
        tracked = self._tracked.get(owner)
        if tracked is None:
            return
        if event == "DELETED":
            tracked.state.pods.pop(uid_of(pod), None)
        else:
            tracked.state.pods[uid_of(pod)] = pod
        tracked.next_check_at = -math.inf

    def workloads_listed(self, api_version: str, kind: str, workloads: t.Iterable[Json]) -> None:
        """These are all workloads of a kind."""
        found = {workload["metadata"]["name"]: workload for workload in workloads}
        for owner, tracked in self._tracked.items():
            if owner[:2] == (api_version, kind):
                self._workloads[owner] = found.get(owner.name)
                tracked.next_check_at = -math.inf

    def workload_changed(self, api_version: str, kind: str, event: str, workload: Json) -> None:
        """An event of a workloads' watch."""
        owner = Owner(api_version, kind, workload["metadata"]["name"])
        if owner in self._tracked:
            self._workloads[owner] = None if event == "DELETED" else workload
            self._tracked[owner].next_check_at = -math.inf

    def restart_written(self, owner: Owner, workload: Json | None, now: float) -> None:
        """A restart was written; ``workload`` is the API server's answer, None where the workload does not exist."""
        tracked = self._tracked[owner]
        if workload is None:
            tracked.is_closed = True
        elif isinstance(tracked.step, RollingRestart):
            tracked.update(replacement.restart_written(tracked.step, workload, owner))
            tracked.is_closed = tracked.step.is_over and tracked.is_last_step
            tracked.progressed_at = now

    def removal_accepted(self, command: Command) -> None:
        """An eviction or deletion was accepted, or its pod was gone already."""
        tracked = self._tracked[command.owner]
        tracked.update(replacement.removal_accepted(tracked.step, command))

    def removal_refused(self, command: Command, error: IrsaError, now: float) -> None:
        """An eviction was refused for now, with status 429."""
        tracked = self._tracked[command.owner]
        tracked.update(replacement.removal_refused(tracked.step, command, error, now))

    def events_read(self, owner: Owner, events: t.Iterable[Json]) -> None:
        """The recent events about an owner, which a command asked for."""
        tracked = self._tracked[owner]
        tracked.event_blocker = readiness.find_event_blocker(events)
        tracked.next_check_at = -math.inf

    def advance(self, now: float) -> list[Command]:
        """What to do now. To be called after each report, and at ``next_check_at``."""
        commands = []
        for tracked in self._tracked.values():
            if self._knows_pods and not tracked.is_closed and tracked.next_check_at <= now:
                commands += tracked.advance(now)
        if commands or now < self._deadline:
            return commands
        unfinished = [tracked for tracked in self._tracked.values() if not tracked.is_closed]
        if not self._is_last_check:
            self._is_last_check = True
            unfinished_owners = [tracked.state.owner for tracked in unfinished]
            return [Command("events", owner) for owner in unfinished_owners if owner.rules.is_read]
        for tracked in unfinished:
            tracked.fail(f"not finished after {self._spec.wait_timeout} s: {tracked.step.waiting_for}")
        return []

    def pods(self) -> list[Json]:
        """The pods of the workloads of the run, as they are now, without those that have been replaced."""
        return [
            pod
            for owner, tracked in self._tracked.items()
            for pod in tracked.state.pods.values()
            if not tracked.step.is_leaving(owner, pod)
        ]

    def require_success(self) -> None:
        """:raises RolloutFailed: a workload hangs, or its new pods are stale."""
        failed = [tracked for tracked in self._tracked.values() if tracked.failure]
        if failed:
            raise _failure(self._spec, failed)


class _TrackedWorkload:
    """One owner: where it is in its steps, and whether anything changes.

    :ivar progressed_at: when something changed last.
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
        """Replaces the current step by what follows from an event."""
        self._steps[0] = step
        self.next_check_at = -math.inf

    def advance(self, now: float) -> list[Command]:
        """What to do now about this owner."""
        self._note_progress(now)
        commands = self._advance_step(now)
        while self.step.is_over and not self.step.failure and not self.is_last_step:
            retries = self._steps.pop(0).retries
            self._steps[0] = dataclasses.replace(self.step, retries=retries)
            commands += self._advance_step(now)
        self.next_check_at = self.step.next_check_at
        self.is_closed = self.step.is_over
        if self.step.failure:
            self.fail(self.step.failure)
        if not self.is_closed and not commands:
            commands = self._check_blockers(now)
        return commands

    def fail(self, why: str) -> None:
        self.is_closed = True
        self.failure = why
        self.blocker = None if self.step.not_injected else self.find_blocker()

    def find_blocker(self) -> RolloutBlocker | None:
        """What blocks the rollout; permanent blockers come first."""
        step, pods = self.step, self.state.pods.values()
        new = [pod for pod in pods if step.is_new(pod) and not injection.is_terminating(pod)]
        found = [readiness.find_pod_blocker(pod) for pod in new]
        found += [readiness.find_workload_blocker(self.state.workload or {}), self.event_blocker]
        if step.blocked:
            found.append(RolloutBlocker(step.blocked, False))
        # The old pods' own blockers come last: they matter only to a controller that waits for them.
        found += [readiness.find_pod_blocker(pod) for pod in self.state.live.values() if not step.is_new(pod)]
        known = [blocker for blocker in found if blocker]
        return next((blocker for blocker in known if blocker.permanent), known[0] if known else None)

    def _advance_step(self, now: float) -> list[Command]:
        self._steps[0], commands = replacement.advance(self.step, self.state, now)
        return list(commands)

    def _check_blockers(self, now: float) -> list[Command]:
        """Gives up on a permanent blocker, and reads the events where nothing changes."""
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
                return [Command("events", self.state.owner)]
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


def _failure(spec: RolloutSpec, failed: t.Sequence[_TrackedWorkload]) -> RolloutFailed:
    facts, causes = [], []
    for tracked in failed:
        owner = tracked.state.owner
        blocker = tracked.blocker.message if tracked.blocker else None
        facts.append({"kind": owner.kind, "name": owner.name, "reason": tracked.failure, "trouble": blocker})
        is_told = not blocker or blocker in str(tracked.failure)
        why = str(tracked.failure) if is_told else f"{tracked.failure} ({blocker})"
        causes.append(why if len(failed) == 1 else f"{owner}: {why}")
    names = ", ".join(f"{tracked.state.owner.kind} {spec.namespace}/{tracked.state.owner.name}" for tracked in failed)
    if all(tracked.step.not_injected for tracked in failed):
        retries = "1 retry" if spec.max_retries == 1 else f"{spec.max_retries} retries"
        message = f"the new pods of {names} are still stale after {retries}"
        fix = (
            "check that the account's annotation is correct, that the pod identity webhook runs and is reached "
            "(MutatingWebhookConfiguration pod-identity-webhook, its selectors, its caBundle), and whether an EKS Pod "
            "Identity association for the account takes precedence; then run again"
        )
    else:
        message = f"the rollout of {names} did not finish"
        fix = "correct what the cause names, or wait longer (wait_timeout), and run again: the rollout continues"
    return RolloutFailed(message, cause="; ".join(causes), fix=fix, namespace=spec.namespace, workloads=facts)
