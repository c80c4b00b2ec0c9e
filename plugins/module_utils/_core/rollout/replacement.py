# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two ways in which a workload's pods are replaced: by its controller all at once, or by us one by one.

A stage is told the time (seconds, from any origin), looks at the scene, and says what to do now and when to be asked
again.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ..errors import IrsaError
from ..pods import injection, owners, readiness
from ..pods.injection import Verdict
from ..pods.owners import Owner, Workloads
from .decision import Expectations, Task, Wanted, is_live, ordinal

Json = t.Mapping[str, t.Any]

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

# How far the watch of the pods may lie behind that of the workloads.
_LAG = 2.0


@dataclasses.dataclass(frozen=True)
class Command:
    """Something to do now.

    :param verb: ``restart`` the owner, ``evict`` or ``delete`` a pod, read the ``events`` about the owner.
    """

    verb: str
    owner: Owner
    pod: str = ""
    uid: str = ""


class Scene:
    """One owner as the watches show it.

    :param workloads: all owners, read through: others may replace what is in there.
    """

    def __init__(self, owner: Owner, wanted: Wanted, workloads: Workloads, expected: Expectations) -> None:
        self.owner = owner
        self.wanted = wanted
        self.pods: dict[str, Json] = {}
        self._workloads = workloads
        self._expected = expected
        self._verdicts: dict[str, Verdict] = {}
        self._retries = 0

    @property
    def workload(self) -> Json | None:
        """The owner's own object; None where it is gone, or of a kind that isn't read."""
        return self._workloads.get(self.owner) if self.owner.is_builtin else None

    @property
    def is_gone(self) -> bool:
        return self.owner.is_builtin and self.workload is None

    @property
    def live(self) -> list[Json]:
        return [pod for pod in self.pods.values() if is_live(pod)]

    @property
    def full_count(self) -> int | None:
        """How many pods there must be; None where nothing says it."""
        if self.owner.kind == "Pod":
            return 0
        if self.workload is None:
            return None
        if self.wanted.service_account not in (None, injection.account_of(self.workload["spec"]["template"])):
            return 0  # new pods have another account, so they aren't among those that are watched
        return readiness.desired(self.owner.kind, self.workload)

    @property
    def partition(self) -> int:
        """The ordinal from which on the owner updates its pods."""
        if self.owner.kind != "StatefulSet" or self.workload is None:
            return 0
        return readiness.partition(self.workload["spec"])

    @property
    def min_ready_seconds(self) -> int:
        return int(self.workload["spec"].get("minReadySeconds") or 0) if self.workload else 0

    def verdict(self, pod: Json) -> Verdict:
        """The judgement of a pod; its containers' environments never change, so one look is enough."""
        if uid_of(pod) not in self._verdicts:
            template = owners.template_of(self.owner, pod, self._workloads)
            self._verdicts[uid_of(pod)] = injection.judge(pod, self._expected(pod), template)
        return self._verdicts[uid_of(pod)]

    def stale(self, pods: t.Iterable[Json]) -> list[Json]:
        return [pod for pod in pods if self.verdict(pod).stale]

    def retry_at(self, now: float) -> float | None:
        """When to replace pods that came up as they should not; None when it was tried often enough.

        The webhook may have its service accounts out of a cache that lags, or be about to come back.
        """
        if self._retries >= self.wanted.max_retries:
            return None
        self._retries += 1
        return now + min(2.0 ** (self._retries - 1), 8.0)

    def describe_bare(self, pods: t.Iterable[Json]) -> str:
        pods = list(pods)
        names = ", ".join(name_of(pod) for pod in pods)
        reasons = "; ".join(dict.fromkeys(reason for pod in pods for reason in self.verdict(pod).reasons))
        return f"new pods came up wrong: {names}: {reasons}"


class Stage:
    """What both ways have in common.

    :ivar done: the stage is through.
    :ivar waiting_for: what is still missing, in words.
    :ivar gave_up: why it never will be through.
    :ivar blocked: what refused the last eviction.
    :ivar bare: the reason is that new pods came up as they should not.
    :ivar wake_at: when to ask again though nothing happens.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.done = False
        self.waiting_for = "it has not begun"
        self.gave_up: str | None = None
        self.bare = False
        self.blocked: str | None = None
        self.wake_at = math.inf
        self._next_try = -math.inf
        self._refusals = 0

    def advance(self, now: float) -> list[Command]:
        """What to do now."""
        raise NotImplementedError

    def is_new(self, pod: Json) -> bool:
        """Whether the pod is one that this stage brought about."""
        raise NotImplementedError

    def is_leaving(self, pod: Json) -> bool:
        """Whether the pod goes, though its own watch may not have said so yet."""
        return False

    def accepted(self, command: Command) -> None:
        """The eviction or deletion was accepted, or the pod was gone already."""
        self._refusals, self.blocked, self._next_try = 0, None, -math.inf

    def refused(self, command: Command, error: IrsaError, now: float) -> None:
        """The eviction was refused for now: a disruption budget is in the way, or the server is busy."""
        budgets = [each["message"] for each in error.details.get("causes") or [] if each.get("message")]
        self.blocked = f"the eviction of pod {command.pod} is refused: {'; '.join(budgets) or error.cause}"
        self._next_try = now + min(0.25 * 2**self._refusals, 2.0)
        self._refusals += 1

    def moved(self, now: float) -> None:
        """Something changed, so a budget may have room again."""
        self._refusals = 0
        self._next_try = min(self._next_try, now + 0.25) if self.blocked else self._next_try

    def _wake(self, at: float) -> None:
        self.wake_at = min(self.wake_at, at)

    def _retry_at(self, bare: list[Json], now: float) -> float | None:
        self.waiting_for = self.scene.describe_bare(bare)
        at = self.scene.retry_at(now)
        if at is None:
            self.gave_up, self.bare = self.waiting_for, True
        else:
            self._wake(at)
        return at


class Rolling(Stage):
    """The owner's controller replaces the pods: kubectl's rules say when it is through.

    What the task's restart is, `restarted` is told; a task without one is under way already.
    """

    def __init__(self, scene: Scene, task: Task) -> None:
        super().__init__(scene)
        self._restart_open = task.restart
        self._held = list(task.held)
        self._lasts = scene.wanted.wait or bool(task.replace)
        self._retry: float | None = None
        self._generation = 0
        self._stamp: str | None = None
        self._settled_at: float | None = None

    def accepted(self, command: Command) -> None:
        super().accepted(command)
        self._held = [each for each in self._held if each[1] != command.uid]

    def restarted(self, workload: Json) -> None:
        """The restart was written; ``workload`` is the API server's answer."""
        self.done = not (self._held or self._lasts)
        self._generation = int(workload["metadata"].get("generation") or 0)
        self._stamp = _stamp(workload["spec"]["template"])
        self._restart_open = False

    def is_new(self, pod: Json) -> bool:
        return self._stamp is None or _stamp(pod) == self._stamp

    def is_leaving(self, pod: Json) -> bool:
        # Pods of a StatefulSet below its partition keep their template, and stay.
        return self.scene.owner.kind in ("Deployment", "DaemonSet") and not self.is_new(pod)

    def advance(self, now: float) -> list[Command]:
        self.wake_at = math.inf
        if self._retry is not None:
            if now < self._retry:
                self._wake(self._retry)
                return []
            self._retry, self._restart_open = None, True
            return [Command("restart", self.scene.owner)]
        if self._restart_open:
            return []
        workload = self.scene.workload
        if workload is None:
            self.done = True
            return []
        if int(workload["metadata"].get("generation") or 0) < self._generation:
            self.waiting_for = "its controller has not seen the change yet"
            return []
        live = {uid_of(pod): pod for pod in self.scene.live}
        self._held = [each for each in self._held if each[1] in live and not readiness.is_ready(live[each[1]])]
        if self._held and now >= self._next_try:
            return [Command("evict", self.scene.owner, *self._held[0])]
        if self._held:
            self._wake(self._next_try)
        elif not self._lasts:
            self.done = True
            return []
        pods = [pod for pod in live.values() if ordinal(name_of(pod)) >= self.scene.partition]
        bare = self.scene.stale(pods)
        new = [pod for pod in bare if self._stamp and self.is_new(pod)]
        if new:  # no need to see the rest come up in the same way
            self._retry = self._retry_at(new, now)
            return []
        self._judge(readiness.rollout_status(self.scene.owner.kind, workload), pods, bare, now)
        return []

    def _judge(self, progress: readiness.Progress, pods: list[Json], bare: list[Json], now: float) -> None:
        self.waiting_for = progress.message
        if progress.failed:
            self.gave_up = progress.message
        if not progress.done:
            self._settled_at = None
            return
        self._settled_at = now if self._settled_at is None else self._settled_at
        expected = (self.scene.full_count or 0) - self.scene.partition
        caught_up = not bare and sum(readiness.is_ready(pod) for pod in pods) >= expected
        if not caught_up and now < self._settled_at + _LAG:
            self.waiting_for = "its pods are not all known to be ready"
            self._wake(self._settled_at + _LAG)
        elif bare:
            self._settled_at = None
            self._retry = self._retry_at(bare, now)
        else:
            self.done = True


class OneByOne(Stage):
    """Each pod is evicted or deleted, and its replacement is ready before the next one goes."""

    def __init__(self, scene: Scene, task: Task) -> None:
        super().__init__(scene)
        self._verb = task.strategy
        self._queue = list(task.replace)
        self._lasts = scene.wanted.wait
        self._known: set[str] | None = None
        self._count = 0
        self._in_flight: str | None = None
        self._ready_since: dict[str, float] = {}

    def accepted(self, command: Command) -> None:
        super().accepted(command)
        self._in_flight = command.uid

    def is_new(self, pod: Json) -> bool:
        return self._known is not None and uid_of(pod) not in self._known

    def advance(self, now: float) -> list[Command]:
        self.wake_at = math.inf
        live = {uid_of(pod): pod for pod in self.scene.live}
        if self._known is None:
            self._known = set(live)
            self._count = len(live)
        if self._in_flight in live:
            self.waiting_for = f"pod {name_of(live[self._in_flight])} is still there"
            return []
        self._in_flight = None
        self._take_back(self.scene.stale(pod for pod in live.values() if self.is_new(pod)), now)
        if self.gave_up:
            return []
        self._queue = [(name, uid) for name, uid in self._queue if uid in live]
        unready = [pod for pod in live.values() if self.is_new(pod) and not self._is_available(pod, now)]
        full = self.scene.full_count
        needed = self._count if full is None else full
        settled = self.scene.is_gone or (not unready and len(live) >= needed)
        if not self._queue:
            self.done = settled or not self._lasts
        elif settled and now >= self._next_try:
            return [Command(self._verb, self.scene.owner, *self._queue[0])]
        if unready:
            self.waiting_for = f"pod {name_of(unready[0])} is not ready yet"
        elif not settled:
            self.waiting_for = f"{len(live)} of {needed} pods are there"
        else:
            self.waiting_for = self.blocked or self.waiting_for
            self._wake(self._next_try)
        return []

    def _take_back(self, bare: list[Json], now: float) -> None:
        """Queues replacements that came up as they should not."""
        if not bare or self._known is None:
            return
        self._known.update(uid_of(pod) for pod in bare)
        self._queue[:0] = [(name_of(pod), uid_of(pod)) for pod in bare]
        self._next_try = self._retry_at(bare, now) or now

    def _is_available(self, pod: Json, now: float) -> bool:
        """Whether the pod has been ready for the owner's minReadySeconds, counted from when that was seen."""
        if not readiness.is_ready(pod):
            self._ready_since.pop(uid_of(pod), None)
            return False
        at = self._ready_since.setdefault(uid_of(pod), now) + self.scene.min_ready_seconds
        if now < at:
            self._wake(at)
        return now >= at


def uid_of(pod: Json) -> str:
    return str(pod["metadata"]["uid"])


def name_of(pod: Json) -> str:
    return str(pod["metadata"]["name"])


def _stamp(thing: Json) -> str | None:
    """When the template that the pod was made from, or that a workload has, was last restarted."""
    return ((thing.get("metadata") or {}).get("annotations") or {}).get(RESTARTED_AT)
