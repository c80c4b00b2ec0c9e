# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls out the pods of service accounts: observes, decides, applies and waits. `_core` makes the decisions."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import datetime
import functools
import queue
import threading
import time
import typing as t

from ..._api.kubernetes import workloads as api
from ..._core.errors import IrsaError, RolloutFailed
from ..._core.plan import Plan
from ..._core.pods import readiness
from ..._core.pods.workload_kinds import Owner
from ..._core.rollout import decision as rollout_decision
from ..._core.rollout import staleness
from ..._core.rollout.decision import Command, RolloutDecision, RolloutSpec
from ..._core.rollout.tracker import RolloutTracker
from .observe import AccountName, Prefetched, RolloutState, observe, prefetch

if t.TYPE_CHECKING:
    import types

    from ..._api.kubernetes.client import ApiServer

Json = dict[str, t.Any]
Apply = t.Callable[[Plan, t.Mapping[str, t.Callable[..., t.Any]]], t.Any]
"""Applies a plan with these operations. In check mode, it applies nothing."""

# Events older than this when the run starts are ignored. The clocks of two machines may differ by this much.
_CLOCK_SKEW = datetime.timedelta(seconds=60)
# The time after the deadline for requests that were sent before it, and for the events that explain a failure.
_GRACE_SECONDS = 5.0
# How many reports of watches wait to be processed. A watch that sends more of them has to wait.
_MAX_REPORTS = 1000


class RolloutDriver:
    """Writes the restarts of one service account, and watches and waits for its workloads.

    :param state: the observed state on which the decision is based.
    :param deadline: when ``wait_timeout`` is over, as `time.monotonic`.
    :ivar written: the summaries of the completed writes.
    """

    def __init__(self, server: ApiServer, state: RolloutState, decision: RolloutDecision, deadline: float) -> None:
        self._server = server
        self._spec = state.spec
        self._state = state
        self._decision = decision
        self._started_at = datetime.datetime.now(datetime.timezone.utc)
        self._deadline = deadline
        self._tracker = RolloutTracker(
            state.spec, decision.tasks, state.workloads, state.find_expected, now=time.monotonic(), deadline=deadline
        )
        self._reports: queue.Queue[t.Callable[[], None]] = queue.Queue(_MAX_REPORTS)
        self._is_watching = False
        self.written: list[str] = []

    def operations(self) -> dict[str, t.Callable[..., t.Any]]:
        """The operations for the plan of the decision."""
        return {"restart": self._restart, "replace": self._replace}

    def wait(self) -> None:
        """Wait until the rollouts of all workloads have finished.

        A request that fails for now is sent again until ``wait_timeout``. If one workload fails, the others are still
        waited for.

        :raises RolloutFailed: a rollout failed or did not finish in time.
        :raises IrsaError: a request was refused.
        """
        if not self._tracker.is_finished:
            self._start_watches()
        while not self._tracker.is_finished:
            self._process_reports(self._tracker.next_check_at() - time.monotonic())
            while commands := self._tracker.advance(time.monotonic()):
                for command in commands:
                    self._run_command(command)
                # Listed pods are newer than the events that wait, so they are evaluated first.
                if all(command.verb != "list-pods" for command in commands):
                    self._process_reports(0.0)
        self._tracker.require_success()

    def list_verified(self) -> list[dict[str, t.Any]]:
        """The pods that have the expected injection now, each with its correct containers."""
        pods = [status.pod for status in self._state.statuses]
        if self._is_watching:
            tracked = {task.owner for task in self._decision.tasks}
            others = [status.pod for status in self._state.statuses if status.owner not in tracked]
            pods = [*others, *self._tracker.pods()]
        statuses = staleness.evaluate_pods(pods, self._state.find_expected, self._state.workloads)
        return [
            {"name": status.name, "containers": list(status.correct_containers)}
            for status in statuses
            if not status.stale and status.correct_containers
        ]

    def _restart(self, *, owner: Owner) -> None:
        # Milliseconds distinguish two restarts in the same second.
        at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        try:
            answer = api.restart(self._server, namespace=self._spec.namespace, at=at, **owner._asdict())
        except IrsaError as error:
            # The other workloads are still restarted and waited for.
            self._tracker.restart_refused(owner, error, time.monotonic())
            return
        self._tracker.restart_written(owner, answer, time.monotonic())
        self.written.append(f"restart {owner.kind} {self._spec.namespace}/{owner.name}")

    def _replace(self, *, owner: Owner) -> None:
        """Do nothing: `wait` removes the pods one by one and watches their replacements."""

    def _run_command(self, command: Command) -> None:
        namespace, owner = self._spec.namespace, command.owner
        if command.verb == "restart":
            self._restart(owner=owner)
        elif command.verb == "list-pods":
            query = api.pod_query(self._spec.service_account, ())
            try:
                self._tracker.pods_listed(api.list_pods(self._server, namespace=namespace, query=query))
            except IrsaError as error:
                self._tracker.list_refused(command, error, time.monotonic())
        elif command.verb == "read-events":
            try:
                events = api.list_events(self._server, namespace=namespace, kind=owner.kind, name=owner.name)
            except IrsaError:
                events = []  # they only explain why a rollout makes no progress
            self._tracker.events_read(owner, [event for event in events if self._is_recent(event)])
        elif command.verb == "read-replicas":
            try:
                replicas = api.count_replicas(self._server, namespace=namespace, **owner._asdict())
            except IrsaError:
                replicas = None
            self._tracker.replicas_read(owner, replicas)
        else:
            remove = api.evict_pod if command.verb == "evict" else api.delete_pod
            try:
                remove(self._server, namespace=namespace, name=command.pod, uid=command.uid)
            except IrsaError as error:
                self._tracker.removal_refused(command, error, time.monotonic())
            else:
                self._tracker.removal_accepted(command)
                self.written.append(f"{command.verb} pod {namespace}/{command.pod}")

    def _is_recent(self, event: Json) -> bool:
        earliest = (self._started_at - _CLOCK_SKEW).strftime("%Y-%m-%dT%H:%M:%S")
        return readiness.get_last_seen(event) >= earliest

    def _start_watches(self) -> None:
        """Start a watch for the pods, and one for each kind of workload."""
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
            seconds=self._deadline - time.monotonic() + _GRACE_SECONDS,
        )

        failed = functools.partial(self._tracker.watch_failed, kind)
        reports: dict[str, t.Callable[[t.Any], None]] = {"LIST": listed, "ERROR": failed}

        def read() -> None:
            with _Handover(self._reports):
                try:
                    for event, body in events:
                        report = reports.get(event) or functools.partial(changed, event)
                        self._reports.put(functools.partial(report, body))
                except IrsaError as error:
                    self._reports.put(functools.partial(failed, error))

        # The thread is a daemon because a watch blocks until the server sends an event. It must not block the exit.
        threading.Thread(target=read, name=f"watch {kind}", daemon=True).start()

    def _process_reports(self, seconds: float) -> None:
        """Wait for a report, then process the reports that have arrived until now."""
        try:
            self._reports.get(timeout=max(0.0, seconds))()
            for _report in range(self._reports.qsize()):
                self._reports.get_nowait()()
        except queue.Empty:
            return


class _Handover(contextlib.AbstractContextManager[None]):
    """Hands the exception that ends a reader thread over to the thread that waits, which raises it."""

    def __init__(self, reports: queue.Queue[t.Callable[[], None]]) -> None:
        self._reports = reports

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: types.TracebackType | None
    ) -> bool:
        if error is not None:
            self._reports.put(functools.partial(_raise, error))
        return True


def _raise(error: BaseException) -> None:
    raise error


class AccountRollout:
    """The rollout of one service account, or of pods selected by labels.

    Call `observe`, `decide`, `apply` and `wait` in this order.

    :param deadline: when ``wait_timeout`` is over, as `time.monotonic`.
    :ivar error: why the rollout failed. It does not affect the other rollouts of a group.
    """

    def __init__(self, server: ApiServer, spec: RolloutSpec, *, deadline: float, check_mode: bool = False) -> None:
        self._server = server
        self._deadline = deadline
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
        """The summaries of the completed writes."""
        return self.driver.written if self.driver else []

    def observe(self, prefetched: Prefetched) -> None:
        self.state = observe(self._server, self.spec, prefetched, check_mode=self._check_mode)

    def decide(self) -> None:
        """Make the decision."""
        if self.state:
            self.decision = rollout_decision.decide(self.spec, self.state.statuses, self.state.workloads)
            self.driver = RolloutDriver(self._server, self.state, self.decision, self._deadline)

    def apply(self, apply: Apply) -> None:
        """:raises Conflict: after a restart, the pods would not have the requested role."""
        if self.state and self.driver:
            if not self._check_mode:
                rollout_decision.require_no_contradiction(self.spec, self.state.account, self.decision)
            apply(self.decision.plan, self.driver.operations())

    def wait(self) -> None:
        """:raises RolloutFailed: the rollout did not finish, or new pods are stale."""
        if self.driver and not self._check_mode:
            self.driver.wait()

    def result(self) -> dict[str, list[dict[str, t.Any]]]:
        """The pods in the form in which `pod_rollout` returns them."""
        return {
            "pods": [status.as_dict(self.spec.namespace) for status in (self.state.statuses if self.state else ())],
            "restarted": list(self.decision.restarted),
            "unmanaged": list(self.decision.unmanaged),
            "verified": self.driver.list_verified() if self.driver and not self.error else [],
        }


class RolloutGroup:
    """Rollouts of several service accounts in parallel. ``wait_timeout`` starts when the group is created.

    :param accounts: the service accounts, if known. Otherwise, they are read.
    :param check_mode: if true, nothing is written and the rollouts do not wait.
    :param workers: how many service accounts are processed in parallel.
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
        now = time.monotonic()
        if not check_mode:
            server = server.within(max((spec.wait_timeout for spec in specs), default=0) + _GRACE_SECONDS)
        self._server = server
        self._accounts = accounts
        self._workers = workers
        self.rollouts = [
            AccountRollout(server, spec, deadline=now + spec.wait_timeout, check_mode=check_mode) for spec in specs
        ]

    def observe(self) -> None:
        """Read the state of all service accounts, and decide what to do with their pods."""
        try:
            prefetched = prefetch(self._server, [rollout.spec for rollout in self.rollouts], self._accounts)
        except IrsaError as error:  # the error of each rollout, so that the caller still has all other results
            for rollout in self.rollouts:
                rollout.error = error
            return

        def observe_and_decide(rollout: AccountRollout) -> None:
            rollout.observe(prefetched)
            rollout.decide()

        self._for_each(observe_and_decide)

    def roll_out(self, apply: Apply, on_finished: t.Callable[[AccountRollout], None] | None = None) -> None:
        """Restart stale workloads and wait for them, unless in check mode.

        :param on_finished: called for each rollout when it has finished or failed, by any thread.
        """

        def apply_and_wait(rollout: AccountRollout) -> None:
            rollout.apply(apply)
            rollout.wait()

        self._for_each(apply_and_wait, on_finished)

    def plan(self) -> Plan:
        """The plans of all rollouts as one plan."""
        plans = {rollout.title: rollout.decision.plan for rollout in self.rollouts}
        changing = {title: plan for title, plan in plans.items() if plan}
        before = {title: plan.before["stale_pods"] for title, plan in changing.items()}
        after = {title: plan.after["stale_pods"] for title, plan in changing.items()}
        return Plan(
            before={"stale_pods": before} if changing else {},
            after={"stale_pods": after} if changing else {},
            actions=tuple(action for plan in plans.values() for action in plan.actions),
            warnings=tuple(warning for plan in plans.values() for warning in plan.warnings),
        )

    def result(self) -> dict[str, list[dict[str, t.Any]]]:
        """The pods of all rollouts in the form in which `pod_rollout` returns them. Each entry has its namespace."""
        result: dict[str, list[dict[str, t.Any]]] = {"pods": [], "restarted": [], "unmanaged": [], "verified": []}
        for rollout in self.rollouts:
            for key, entries in rollout.result().items():
                result[key] += [{"namespace": rollout.spec.namespace, **entry} for entry in entries]
        return result

    def written(self) -> list[str]:
        """The summaries of the completed writes."""
        return [summary for rollout in self.rollouts for summary in rollout.written]

    def failure(self) -> IrsaError | None:
        """The errors of all rollouts as one error; None if no rollout failed."""
        failed = {rollout.title: rollout.error for rollout in self.rollouts if rollout.error}
        if len({id(error) for error in failed.values()}) <= 1:
            return next(iter(failed.values()), None)
        return RolloutFailed(
            f"the rollout failed for {len(failed)} of {len(self.rollouts)} service accounts",
            cause="; ".join(f"{title}: {error}" for title, error in failed.items()),
            fix="fix the causes and run again: the rollout continues",
            workloads=[fact for error in failed.values() for fact in error.details.get("workloads", ())],
        )

    def _for_each(
        self, process: t.Callable[[AccountRollout], None], on_finished: t.Callable[[AccountRollout], None] | None = None
    ) -> None:
        def process_and_record_error(rollout: AccountRollout) -> None:
            if not rollout.error:
                try:
                    process(rollout)
                except IrsaError as error:
                    rollout.error = error
            if on_finished:
                on_finished(rollout)

        with concurrent.futures.ThreadPoolExecutor(min(self._workers, len(self.rollouts) or 1)) as pool:
            # Reading each result raises unexpected exceptions.
            collections.deque(pool.map(process_and_record_error, self.rollouts), maxlen=0)
