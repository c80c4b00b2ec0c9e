# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls out the pods of service accounts: observes, decides, applies and waits. The decisions are `_core`'s."""

from __future__ import annotations

import collections
import concurrent.futures
import datetime
import functools
import queue
import threading
import time
import typing as t

from ..._api.kubernetes import workloads as api
from ..._core.errors import IrsaError, RolloutFailed, Throttled
from ..._core.plan import Plan
from ..._core.pods import readiness
from ..._core.pods.workload_kinds import Owner
from ..._core.rollout import decision as rollout_decision
from ..._core.rollout import staleness
from ..._core.rollout.decision import RolloutDecision, RolloutSpec
from ..._core.rollout.replacement import Command
from ..._core.rollout.tracker import RolloutTracker
from .observe import AccountName, Prefetched, RolloutState, observe, prefetch

if t.TYPE_CHECKING:
    from ..._api.kubernetes.client import ApiServer

Json = dict[str, t.Any]
Apply = t.Callable[[Plan, t.Mapping[str, t.Callable[..., t.Any]]], t.Any]
"""Applies a plan by these operations, or not in check mode."""

# An event this much older than the run's start, by the clocks of two machines, does not belong to it.
_CLOCK_SKEW = datetime.timedelta(seconds=60)


class RolloutDriver:
    """Writes, watches and waits for one account.

    :param state: what the decision was made from.
    :ivar written: the summaries of the writes that were done.
    """

    def __init__(self, server: ApiServer, state: RolloutState, decision: RolloutDecision) -> None:
        self._server = server
        self._spec = state.spec
        self._state = state
        self._decision = decision
        self._started_at = datetime.datetime.now(datetime.timezone.utc)
        self._tracker = RolloutTracker(
            state.spec, decision.tasks, state.workloads, state.expected, now=time.monotonic()
        )
        self._reports: queue.SimpleQueue[t.Callable[[], None]] = queue.SimpleQueue()
        self._is_watching = False
        self.written: list[str] = []

    def operations(self) -> dict[str, t.Callable[..., t.Any]]:
        """The operations of the decision's plan."""
        return {"restart": self._restart, "replace": self._replace}

    def wait(self) -> None:
        """Follows the workloads until their rollouts have finished.

        :raises RolloutFailed: one has not, and will not, or not in time.
        :raises IrsaError: a watch or a write failed.
        """
        if not self._tracker.is_finished:
            self._start_watches()
        while not self._tracker.is_finished:
            self._take_reports(self._tracker.next_check_at() - time.monotonic())
            while commands := self._tracker.advance(time.monotonic()):
                for command in commands:
                    self._carry_out(command)
        self._tracker.require_success()

    def verified(self) -> list[dict[str, t.Any]]:
        """The pods that carry what they should, by the latest reports, each with its containers that do."""
        pods = [status.pod for status in self._state.statuses]
        if self._is_watching:
            followed = {task.owner for task in self._decision.tasks}
            others = [status.pod for status in self._state.statuses if status.owner not in followed]
            pods = [*others, *self._tracker.pods()]
        statuses = staleness.evaluate_pods(pods, self._state.expected, self._state.workloads)
        return [
            {"name": status.name, "containers": list(status.correct_containers)}
            for status in statuses
            if not status.stale and status.correct_containers
        ]

    def _restart(self, *, owner: Owner) -> None:
        # Milliseconds, so that two restarts within a second are two.
        at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answer = api.restart(self._server, namespace=self._spec.namespace, at=at, **owner._asdict())
        self._tracker.restart_written(owner, answer, time.monotonic())
        self.written.append(f"restart {owner.kind} {self._spec.namespace}/{owner.name}")

    def _replace(self, *, owner: Owner) -> None:
        """Does nothing yet: pods are removed one by one in `wait`, which watches each one's replacement."""

    def _carry_out(self, command: Command) -> None:
        namespace, owner = self._spec.namespace, command.owner
        if command.verb == "restart":
            self._restart(owner=owner)
        elif command.verb == "events":
            events = api.list_events(self._server, namespace=namespace, kind=owner.kind, name=owner.name)
            self._tracker.events_read(owner, [event for event in events if self._is_recent(event)])
        else:
            remove = api.evict_pod if command.verb == "evict" else api.delete_pod
            try:
                remove(self._server, namespace=namespace, name=command.pod, uid=command.uid)
            except Throttled as error:
                self._tracker.removal_refused(command, error, time.monotonic())
            else:
                self._tracker.removal_accepted(command)
                self.written.append(f"{command.verb} pod {namespace}/{command.pod}")

    def _is_recent(self, event: Json) -> bool:
        earliest = (self._started_at - _CLOCK_SKEW).strftime("%Y-%m-%dT%H:%M:%S")
        return readiness.get_last_seen(event) >= earliest

    def _start_watches(self) -> None:
        """Starts a watch for the pods, and one for each kind of workload."""
        self._is_watching = True
        tracker = self._tracker
        pods = api.pod_query(self._spec.service_account, ())
        self._start_watch("v1", "Pod", pods, tracker.pods_listed, tracker.pod_changed)
        kinds: dict[tuple[str, str], list[str]] = {}
        for task in self._decision.tasks:
            if task.owner.rules.is_read:
                kinds.setdefault(task.owner[:2], []).append(task.owner.name)
        for (version, kind), names in kinds.items():
            query = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
            listed = functools.partial(tracker.workloads_listed, version, kind)
            self._start_watch(version, kind, query, listed, functools.partial(tracker.workload_changed, version, kind))

    def _start_watch(
        self,
        api_version: str,
        kind: str,
        query: t.Mapping[str, str],
        listed: t.Callable[[t.Any], None],
        changed: t.Callable[[str, t.Any], None],
    ) -> None:
        events = api.follow(
            self._server,
            namespace=self._spec.namespace,
            api_version=api_version,
            kind=kind,
            query=query,
            seconds=self._spec.wait_timeout + 60.0,
        )

        def read() -> None:
            try:
                for event, found in events:
                    report = listed if event == "LIST" else functools.partial(changed, event)
                    self._reports.put(functools.partial(report, found))
            except IrsaError as error:
                self._reports.put(functools.partial(_raise, error))

        # A watch ends only when the server has something to say: the thread must not keep the module alive.
        threading.Thread(target=read, name=f"watch {kind}", daemon=True).start()

    def _take_reports(self, seconds: float) -> None:
        """Waits for the first report, then takes what else has come."""
        try:
            self._reports.get(timeout=max(0.0, seconds))()
            while True:
                self._reports.get_nowait()()
        except queue.Empty:
            return


def _raise(error: IrsaError) -> None:
    raise error


class AccountRollout:
    """The rollout of one account, or of the pods with some labels: `observe`, `decide`, `apply`, `wait`.

    :ivar error: what failed; the other accounts of a group are not affected.
    """

    def __init__(self, server: ApiServer, spec: RolloutSpec, *, check_mode: bool = False) -> None:
        self._server = server
        self._check_mode = check_mode
        self.spec = spec
        self.state: RolloutState | None = None
        self.decision = RolloutDecision()
        self.driver: RolloutDriver | None = None
        self.error: IrsaError | None = None

    @property
    def title(self) -> str:
        return self.spec.title

    @property
    def written(self) -> list[str]:
        """The summaries of the writes that were done."""
        return self.driver.written if self.driver else []

    def observe(self, prefetched: Prefetched) -> None:
        self.state = observe(self._server, self.spec, prefetched, check_mode=self._check_mode)

    def decide(self) -> None:
        """Makes the decision; ``wait_timeout`` counts from here."""
        if self.state:
            self.decision = rollout_decision.decide(self.spec, self.state.statuses, self.state.workloads)
            self.driver = RolloutDriver(self._server, self.state, self.decision)

    def apply(self, apply: Apply) -> None:
        """:raises Conflict: a restart cannot bring the requested role."""
        if self.state and self.driver:
            if not self._check_mode:
                rollout_decision.require_no_contradiction(self.spec, self.state.account, self.decision)
            apply(self.decision.plan, self.driver.operations())

    def wait(self) -> None:
        """:raises RolloutFailed: the rollout did not finish, or new pods are stale."""
        if self.driver and not self._check_mode:
            self.driver.wait()

    def returns(self) -> dict[str, list[dict[str, t.Any]]]:
        """What `pod_rollout` returns of one account."""
        return {
            "pods": [status.as_dict(self.spec.namespace) for status in (self.state.statuses if self.state else ())],
            "restarted": list(self.decision.restarted),
            "unmanaged": list(self.decision.unmanaged),
            "verified": self.driver.verified() if self.driver and not self.error else [],
        }


class RolloutGroup:
    """The rollouts of any number of accounts, in parallel.

    :param accounts: the accounts, where they are known; else they are read.
    :param check_mode: whether nothing is written, nor waited for.
    :param workers: how many accounts are processed at the same time.
    """

    def __init__(
        self,
        server: ApiServer,
        specs: t.Sequence[RolloutSpec],
        *,
        accounts: t.Mapping[AccountName, Json] | None = None,
        check_mode: bool = False,
        workers: int = 16,
    ) -> None:
        self._server = server
        self._accounts = accounts
        self._workers = workers
        self.members = [AccountRollout(server, spec, check_mode=check_mode) for spec in specs]

    def observe(self) -> None:
        """Reads all accounts, and decides what to do about their pods."""
        prefetched = prefetch(self._server, [member.spec for member in self.members], self._accounts)

        def observe_member(member: AccountRollout) -> None:
            member.observe(prefetched)
            member.decide()

        self._each(observe_member)

    def roll_out(self, apply: Apply, settle: t.Callable[[AccountRollout], None] | None = None) -> None:
        """Restarts what is stale and waits for it, unless in check mode.

        :param settle: called with each member when it is finished or has failed, by any thread.
        """

        def roll_out_member(member: AccountRollout) -> None:
            member.apply(apply)
            member.wait()

        self._each(roll_out_member, settle)

    def plan(self) -> Plan:
        """All their plans as one."""
        plans = {member.title: member.decision.plan for member in self.members}
        changing = {title: plan for title, plan in plans.items() if plan}
        before = {title: plan.before["stale_pods"] for title, plan in changing.items()}
        after = {title: plan.after["stale_pods"] for title, plan in changing.items()}
        return Plan(
            before={"stale_pods": before} if changing else {},
            after={"stale_pods": after} if changing else {},
            actions=tuple(action for plan in plans.values() for action in plan.actions),
            warnings=tuple(warning for plan in plans.values() for warning in plan.warnings),
        )

    def returns(self) -> dict[str, list[dict[str, t.Any]]]:
        """What `pod_rollout` returns of all of them, each entry with its namespace."""
        found: dict[str, list[dict[str, t.Any]]] = {"pods": [], "restarted": [], "unmanaged": [], "verified": []}
        for member in self.members:
            for key, entries in member.returns().items():
                found[key] += [{"namespace": member.spec.namespace, **entry} for entry in entries]
        return found

    def written(self) -> list[str]:
        """The summaries of the writes that were done."""
        return [summary for member in self.members for summary in member.written]

    def failure(self) -> IrsaError | None:
        """What failed, as one error; None if nothing did."""
        failed = {member.title: member.error for member in self.members if member.error}
        if len(failed) <= 1:
            return next(iter(failed.values()), None)
        return RolloutFailed(
            f"the pods of {len(failed)} of {len(self.members)} service accounts could not be given their roles",
            cause="; ".join(f"{title}: {error}" for title, error in failed.items()),
            fix="correct what the causes name and run again: the rollout continues",
            workloads=[fact for error in failed.values() for fact in error.details.get("workloads", ())],
        )

    def _each(
        self, act: t.Callable[[AccountRollout], None], settle: t.Callable[[AccountRollout], None] | None = None
    ) -> None:
        def record_errors(member: AccountRollout) -> None:
            if not member.error:
                try:
                    act(member)
                except IrsaError as error:
                    member.error = error
            if settle:
                settle(member)

        with concurrent.futures.ThreadPoolExecutor(min(self._workers, len(self.members) or 1)) as pool:
            # Consumes each result, so that an unexpected exception isn't lost.
            collections.deque(pool.map(record_errors, self.members), maxlen=0)
