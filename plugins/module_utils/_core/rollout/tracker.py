# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follows the workloads of a run through their rollouts: told what happens, it says what to do and when all is well.

It never looks at a clock or a server itself. Whoever drives it passes the time and what the API server's watches bring,
carries out the commands, and reports their answers.
"""

from __future__ import annotations

import math
import typing as t

from ..errors import IrsaError, RolloutFailed
from ..pods import injection, owners, readiness
from ..pods.owners import Owner, Workloads
from ..pods.readiness import Trouble
from .decision import Expectations, Task, Wanted, is_live
from .replacement import Command, OneByOne, Rolling, Scene, Stage

Json = t.Mapping[str, t.Any]

# How long nothing may move before a fault that only somebody's correction mends ends the wait: long enough for a
# registry's hiccup, and for a quota that old pods are about to free.
PATIENCE = 30.0
# How long nothing may move before the events are asked, and how often then.
_ASK_EVENTS = 3.0


class Rollouts:
    """The workloads of one run.

    :param workloads: the owners as they were read when the plan was made.
    :param expected: what a pod is to carry.
    :param now: the time in seconds, from any origin; ``wait_timeout`` counts from here.
    """

    def __init__(
        self, wanted: Wanted, tasks: t.Iterable[Task], workloads: Workloads, expected: Expectations, *, now: float
    ) -> None:
        self._wanted = wanted
        self._expected = expected
        self._workloads: dict[Owner, Json | None] = dict(workloads)
        self._followed = {
            task.owner: _Followed(Scene(task.owner, wanted, self._workloads, expected), task, now) for task in tasks
        }
        self._deadline = now + wanted.wait_timeout
        self._knows_pods = False
        self._last_look = False

    @property
    def finished(self) -> bool:
        """Whether there is nothing more to wait for, be it for better or worse."""
        return all(each.closed for each in self._followed.values())

    def next_step_at(self) -> float:
        """When ``step`` is due though nothing happens."""
        if not self._knows_pods:
            return self._deadline
        return min([self._deadline, *(each.wake_at for each in self._followed.values() if not each.closed)])

    def see_pods(self, pods: t.Iterable[Json]) -> None:
        """All pods there are, from a list. Until the first one nothing is done."""
        self._knows_pods = True
        for each in self._followed.values():
            each.scene.pods.clear()
            each.wake_at = -math.inf
        for pod in pods:
            self.see_pod("ADDED", pod)

    def see_pod(self, event: str, pod: Json) -> None:
        """An event of the pods' watch: ADDED, MODIFIED or DELETED."""
        owner = owners.owner_of(pod, self._workloads) or Owner("v1", "Pod", pod["metadata"]["name"])
        followed = self._followed.get(owner)
        if followed is None:
            return
        if event == "DELETED":
            followed.scene.pods.pop(str(pod["metadata"]["uid"]), None)
        else:
            followed.scene.pods[str(pod["metadata"]["uid"])] = pod
        followed.wake_at = -math.inf

    def see_workloads(self, api_version: str, kind: str, workloads: t.Iterable[Json]) -> None:
        """All workloads of a kind, from a list."""
        present = {each["metadata"]["name"]: each for each in workloads}
        for owner, followed in self._followed.items():
            if owner[:2] == (api_version, kind):
                self._workloads[owner] = present.get(owner.name)
                followed.wake_at = -math.inf

    def see_workload(self, api_version: str, kind: str, event: str, workload: Json) -> None:
        """An event of a workloads' watch."""
        owner = Owner(api_version, kind, workload["metadata"]["name"])
        if owner in self._followed:
            self._workloads[owner] = None if event == "DELETED" else workload
            self._followed[owner].wake_at = -math.inf

    def restarted(self, owner: Owner, workload: Json | None, now: float) -> None:
        """A restart was written; ``workload`` is the API server's answer, None where there was none to restart."""
        followed = self._followed[owner]
        if workload is None:
            followed.closed = True
        elif isinstance(followed.stage, Rolling):
            followed.stage.restarted(workload)
            followed.closed = followed.stage.done and followed.is_last_stage
            followed.moved_at = now
            followed.wake_at = -math.inf

    def accepted(self, command: Command) -> None:
        """An eviction or deletion was accepted, or its pod was gone already."""
        self._followed[command.owner].stage.accepted(command)
        self._followed[command.owner].wake_at = -math.inf

    def refused(self, command: Command, error: IrsaError, now: float) -> None:
        """An eviction was refused for now, with status 429."""
        self._followed[command.owner].stage.refused(command, error, now)
        self._followed[command.owner].wake_at = -math.inf

    def see_events(self, owner: Owner, events: t.Iterable[Json]) -> None:
        """The recent events about an owner, which a command asked for."""
        self._followed[owner].refusal = readiness.event_trouble(events)
        self._followed[owner].wake_at = -math.inf

    def step(self, now: float) -> list[Command]:
        """What to do now. To be asked after each report, and at ``next_step_at``."""
        commands = []
        for followed in self._followed.values():
            if self._knows_pods and not followed.closed and followed.wake_at <= now:
                commands += followed.advance(now)
        if commands or now < self._deadline:
            return commands
        hanging = [each for each in self._followed.values() if not each.closed]
        if not self._last_look:
            self._last_look = True
            return [Command("events", each.scene.owner) for each in hanging if each.scene.owner.is_builtin]
        for followed in hanging:
            followed.fail(f"not finished after {self._wanted.wait_timeout} s: {followed.stage.waiting_for}")
        return []

    def pods(self) -> list[Json]:
        """The pods of the workloads of the run, as they are now, without those that have been replaced."""
        return [
            pod
            for each in self._followed.values()
            for pod in each.scene.pods.values()
            if not each.stage.is_leaving(pod)
        ]

    def check(self) -> None:
        """:raises RolloutFailed: a workload hangs, or came up without the role."""
        failed = [each for each in self._followed.values() if each.failure]
        if failed:
            raise _failure(self._wanted, failed)


class _Followed:
    """One owner: where it is in its stages, and whether it moves at all."""

    def __init__(self, scene: Scene, task: Task, now: float) -> None:
        self.scene = scene
        self._stages: list[Stage] = []
        if task.restart or task.held or not task.replace:
            self._stages.append(Rolling(scene, task))
        if task.replace:
            self._stages.append(OneByOne(scene, task))
        self.closed = False
        self.failure: str | None = None
        self.trouble: Trouble | None = None
        self.refusal: Trouble | None = None
        self.wake_at = -math.inf
        self.moved_at = now
        self._asked_at = now
        self._picture: t.Any = None

    @property
    def stage(self) -> Stage:
        return self._stages[0]

    @property
    def is_last_stage(self) -> bool:
        return len(self._stages) == 1

    def advance(self, now: float) -> list[Command]:
        """What to do now about this owner."""
        self.wake_at = math.inf
        self._note_movement(now)
        commands = self.stage.advance(now)
        while self.stage.done and not self.is_last_stage:
            del self._stages[0]
            commands += self.stage.advance(now)
        self.closed = self.stage.done
        if self.stage.gave_up:
            self.fail(self.stage.gave_up)
        if not self.closed and not commands:
            commands = self._look_for_trouble(now)
        self.wake_at = min(self.wake_at, self.stage.wake_at)
        return commands

    def fail(self, why: str) -> None:
        self.closed = True
        self.failure = why
        self.trouble = None if self.stage.bare else self.find_trouble()

    def find_trouble(self) -> Trouble | None:
        """What is in the way: first of all what can't pass by itself."""
        stage = self.stage
        news = [pod for pod in self.scene.pods.values() if stage.is_new(pod) and not injection.is_terminating(pod)]
        found = [readiness.pod_trouble(pod) for pod in news]
        found += [readiness.workload_trouble(self.scene.workload or {}), self.refusal]
        if stage.blocked:
            found.append(Trouble(stage.blocked, False))
        # The old pods' own troubles come last: they matter only to a controller that waits for them.
        found += [readiness.pod_trouble(pod) for pod in self.scene.live if not stage.is_new(pod)]
        known = [each for each in found if each]
        return next((each for each in known if each.hard), known[0] if known else None)

    def _look_for_trouble(self, now: float) -> list[Command]:
        """Gives up on what can't come good, and asks for events where nothing moves."""
        trouble = self.find_trouble()
        if trouble and trouble.hard:
            if now >= self.moved_at + PATIENCE:
                self.fail(self.stage.waiting_for)
                return []
            self.wake_at = min(self.wake_at, self.moved_at + PATIENCE)
        if self.scene.owner.is_builtin:
            ask_at = max(self.moved_at, self._asked_at) + _ASK_EVENTS
            if now >= ask_at:
                self._asked_at = now
                return [Command("events", self.scene.owner)]
            self.wake_at = min(self.wake_at, ask_at)
        return []

    def _note_movement(self, now: float) -> None:
        pods = sorted((uid, readiness.is_ready(pod), is_live(pod)) for uid, pod in self.scene.pods.items())
        status = (self.scene.workload or {}).get("status") or {}
        picture = (pods, {key: value for key, value in status.items() if isinstance(value, (int, str))})
        if picture == self._picture:
            return
        if self._picture is not None:
            self.stage.moved(now)
        self._picture, self.moved_at, self.refusal = picture, now, None


def verified(pods: t.Iterable[Json], expected: Expectations) -> list[dict[str, t.Any]]:
    """The pods whose containers have what they should have, and which containers those are."""
    found = []
    for pod in sorted(pods, key=lambda each: str(each["metadata"]["name"])):
        verdict = injection.judge(pod, expected(pod))
        if not verdict.stale and verdict.containers:
            found.append({"name": pod["metadata"]["name"], "containers": list(verdict.containers)})
    return found


def _failure(wanted: Wanted, failed: t.Sequence[_Followed]) -> RolloutFailed:
    facts, causes = [], []
    for each in failed:
        owner = each.scene.owner
        trouble = each.trouble.message if each.trouble else None
        facts.append({"kind": owner.kind, "name": owner.name, "reason": each.failure, "trouble": trouble})
        why = f"{each.failure} ({trouble})" if trouble and trouble not in str(each.failure) else str(each.failure)
        causes.append(why if len(failed) == 1 else f"{owner}: {why}")
    names = ", ".join(f"{each.scene.owner.kind} {wanted.namespace}/{each.scene.owner.name}" for each in failed)
    if all(each.stage.bare for each in failed):
        message = f"the pods of {names} still came up wrong after {wanted.max_retries} retries"
        fix = (
            "see whether the account's annotation is what it should be, whether the pod identity webhook runs and is "
            "reached (MutatingWebhookConfiguration pod-identity-webhook, its selectors, its caBundle), and whether an "
            "EKS Pod Identity association for the account takes precedence; then run again"
        )
    else:
        message = f"the rollout of {names} did not finish"
        fix = "correct what the cause names, or wait longer (wait_timeout), and run again: it goes on from there"
    return RolloutFailed(message, cause="; ".join(causes), fix=fix, namespace=wanted.namespace, workloads=facts)
