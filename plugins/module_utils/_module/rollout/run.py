# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a rollout's decisions to the API server, and its answers back. What to do, `_core` decides."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import datetime
import functools
import queue
import threading
import time
import typing as t

from ..._api.kubernetes import workloads as api
from ..._core.errors import AccessDenied, IrsaError, NotFound, RolloutFailed, Throttled
from ..._core.plan import Plan
from ..._core.pods import injection, owners, readiness
from ..._core.pods.injection import Expected
from ..._core.pods.owners import Owner
from ..._core.rollout import decision as rollout
from ..._core.rollout.decision import Decision, Finding, Wanted
from ..._core.rollout.replacement import Command
from ..._core.rollout.tracker import Rollouts, verified

if t.TYPE_CHECKING:
    from ..._api.kubernetes.client import ApiServer

Json = dict[str, t.Any]

# Up to so many accounts are read one by one, more by pages.
_FEW = 8
# An event this much older than the run's begin, by the clocks of two machines, is no word of it.
_CLOCK_SKEW = datetime.timedelta(seconds=60)


@dataclasses.dataclass(frozen=True)
class Known:
    """What was read before, of all accounts at once. None is what wasn't.

    :param accounts: service accounts by namespace and name.
    :param pods: likewise the pods that use them.
    """

    accounts: t.Mapping[tuple[str, str], Json] | None
    pods: t.Mapping[tuple[str, str], t.Sequence[Json]] | None


class Observed:
    """What the API server says: the accounts, the pods, and their owners as far as they matter.

    :param known: what was read before of a named account.
    :param foresee: whether this only looks ahead, so that the namespace of a given role may be still to be made.
    :raises NotFound: no such namespace, or an account that is named and has no role.
    """

    def __init__(self, server: ApiServer, wanted: Wanted, known: Known | None = None, *, foresee: bool = False) -> None:
        self._server = server
        self._foresee = foresee
        self._wanted = wanted
        self._known = known
        self.account: Json | None = None
        self.workloads: dict[Owner, Json | None] = {}
        self._by_account: dict[str, Expected | None] = {}
        self._read_accounts()
        pods = self._read_pods()
        self._read_workloads(pods, thorough=False)
        findings = rollout.find(pods, self.expected, self.workloads)
        self._read_workloads(rollout.of_interest(findings, wanted), thorough=True)
        self.findings: list[Finding] = rollout.find(pods, self.expected, self.workloads)

    def expected(self, pod: t.Mapping[str, t.Any]) -> Expected | None:
        """What the pod is to carry."""
        account = self._wanted.service_account or injection.account_of(pod)
        return self._by_account.get(account)

    def _read_pods(self) -> t.Sequence[Json]:
        wanted = self._wanted
        if self._known and self._known.pods is not None and wanted.service_account:
            return self._known.pods.get((wanted.namespace, wanted.service_account), ())
        selectors = api.pod_query(wanted.service_account, wanted.label_selectors)
        pods = api.list_pods(self._server, namespace=wanted.namespace, query=selectors)
        if not pods:
            self._require_namespace()
        return pods

    def _read_accounts(self) -> None:
        namespace, name = self._wanted.namespace, self._wanted.service_account
        if name and self._known and self._known.accounts is not None:
            self.account = self._known.accounts.get((namespace, name))
            self._by_account[name] = rollout.expectation(self._wanted, self.account)
            return
        if name:
            self.account = api.find_service_account(self._server, namespace=namespace, name=name)
            if self.account is None:
                self._require_namespace()
            self._by_account[name] = rollout.expectation(self._wanted, self.account)
            return
        for account in api.list_service_accounts(self._server, namespace=namespace):
            promised = Expected.from_account(account)
            if self._wanted.role_arn is not None:
                promised = Expected(self._wanted.role_arn, promised.audience if promised else None)
            self._by_account[account["metadata"]["name"]] = promised

    def _require_namespace(self) -> None:
        if self._foresee and self._wanted.role_arn is not None:
            return
        if not api.namespace_exists(self._server, namespace=self._wanted.namespace):
            raise NotFound(
                f"there is no namespace {self._wanted.namespace}",
                fix="check namespace, and that the cluster is the right one",
            )

    def _read_workloads(self, pods: t.Sequence[t.Mapping[str, t.Any]], *, thorough: bool) -> None:
        # Twice at most: a ReplicaSet first, then the Deployment that it names.
        while lacking := owners.missing(pods, self.workloads, thorough=thorough):
            for owner in lacking:
                self.workloads[owner] = api.find_workload(
                    self._server, namespace=self._wanted.namespace, **owner._asdict()
                )


class Member:
    """The rollout of one account among several.

    :ivar error: what went wrong; the others go on.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.observed: Observed | None = None
        self.decision = Decision(Plan(), (), (), ())
        self.driver: Driver | None = None
        self.error: IrsaError | None = None

    @property
    def title(self) -> str:
        """``NAMESPACE/ACCOUNT``."""
        return f"{self.wanted.namespace}/{self.wanted.service_account}"

    def returns(self) -> dict[str, list[dict[str, t.Any]]]:
        """What `pod_rollout` returns of it, each entry with its namespace."""
        namespace = self.wanted.namespace
        findings = self.observed.findings if self.observed else []
        verified = self.driver.verified() if self.driver and not self.error else []
        return {
            "pods": [each.as_dict(namespace) for each in findings],
            "restarted": [{"namespace": namespace, **each} for each in self.decision.restarted],
            "unmanaged": list(self.decision.unmanaged),
            "verified": [{"namespace": namespace, **each} for each in verified],
        }


class Group:
    """The rollouts of several accounts side by side.

    :param wanted: for each of the accounts, which are named.
    :param accounts: the accounts as far as they are known; else they are read.
    :param foresee: as for `Observed`.
    :param workers: how many are followed at the same time.
    """

    def __init__(
        self,
        server: ApiServer,
        wanted: t.Sequence[Wanted],
        *,
        accounts: t.Mapping[tuple[str, str], Json] | None = None,
        foresee: bool = False,
        workers: int = 16,
    ) -> None:
        self._server = server
        self._workers = workers
        self.members = [Member(each) for each in wanted]
        known = self._read_by_pages(accounts) if len(wanted) > _FEW else Known(accounts, None)

        def look(member: Member) -> None:
            member.observed = Observed(server, member.wanted, known, foresee=foresee)
            member.decision = rollout.decide(member.wanted, member.observed.findings, member.observed.workloads)
            member.driver = Driver(server, member.wanted, member.observed, member.decision)

        self._each(look)

    def roll_out(
        self,
        apply: t.Callable[[Plan, t.Mapping[str, t.Callable[..., t.Any]]], t.Any],
        settle: t.Callable[[Member], None] | None = None,
    ) -> None:
        """Restarts what is stale and waits for it, unless it is only to be planned.

        :param apply: carries out a plan with these operations.
        :param settle: called with each of the members when its pods were seen to or it has failed, by any thread.
        """

        def run(member: Member) -> None:
            driver, observed = member.driver, member.observed
            if driver is None or observed is None:
                return
            rollout.require_no_contradiction(member.wanted, observed.account, member.decision)
            apply(member.decision.plan, {"restart": driver.restart, "replace": driver.replace})
            driver.wait()

        self._each(run, settle)

    def plan(self) -> Plan:
        """All their plans as one."""
        before: dict[str, t.Any] = {}
        after: dict[str, t.Any] = {}
        for member in self.members:
            if member.decision.plan:
                before[member.title] = member.decision.plan.before["stale_pods"]
                after[member.title] = member.decision.plan.after["stale_pods"]
        return Plan(
            before={"stale_pods": before} if before else {},
            after={"stale_pods": after} if before else {},
            actions=tuple(action for member in self.members for action in member.decision.plan.actions),
            warnings=tuple(warning for member in self.members for warning in member.decision.plan.warnings),
        )

    def returns(self) -> dict[str, t.Any]:
        """What `pod_rollout` returns of all of them, each entry with its namespace."""
        found: dict[str, t.Any] = {"pods": [], "restarted": [], "unmanaged": [], "verified": []}
        for member in self.members:
            for key, entries in member.returns().items():
                found[key] += entries
        return found

    def written(self) -> list[str]:
        """The writes that were done, in words."""
        return [summary for each in self.members if each.driver for summary in each.driver.written]

    def failure(self) -> IrsaError | None:
        """What went wrong with any of them, as one error; None if nothing did."""
        failed = [each for each in self.members if each.error]
        if len(failed) == 1:
            return failed[0].error
        if not failed:
            return None
        return RolloutFailed(
            f"the pods of {len(failed)} of {len(self.members)} service accounts could not be given their roles",
            cause="; ".join(f"{each.title}: {each.error}" for each in failed),
            fix="mend what the causes name and run again: it goes on from there",
            workloads=[fact for each in failed if each.error for fact in each.error.details.get("workloads", ())],
        )

    def _each(self, act: t.Callable[[Member], None], settle: t.Callable[[Member], None] | None = None) -> None:
        def noting_errors(member: Member) -> None:
            if not member.error:
                try:
                    act(member)
                except IrsaError as error:
                    member.error = error
            if settle:
                settle(member)

        with concurrent.futures.ThreadPoolExecutor(min(self._workers, len(self.members) or 1)) as pool:
            # Asks each for its result, so that an exception that nothing above expects isn't lost.
            collections.deque(pool.map(noting_errors, self.members), maxlen=0)

    def _read_by_pages(self, accounts: t.Mapping[tuple[str, str], Json] | None) -> Known:
        """All that is needed in as few requests as there are pages, as far as the caller may list."""
        names = {(each.wanted.namespace, each.wanted.service_account or "") for each in self.members}
        namespaces = sorted({namespace for namespace, _name in names})
        try:
            if accounts is None:
                found = api.everywhere(self._server, api.list_service_accounts, namespaces)
                accounts = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in found}
            pods: dict[tuple[str, str], list[Json]] = {}
            for pod in api.everywhere(self._server, api.list_pods, namespaces):
                key = (pod["metadata"]["namespace"], injection.account_of(pod))
                if key in names:
                    pods.setdefault(key, []).append(pod)
        except AccessDenied:
            return Known(accounts, None)
        return Known(accounts, pods)


class Driver:
    """Writes, watches and waits.

    :param observed: what the decision was made from.
    :ivar written: the writes that were done, in words.
    """

    def __init__(self, server: ApiServer, wanted: Wanted, observed: Observed, decision: Decision) -> None:
        self._server = server
        self._wanted = wanted
        self._observed = observed
        self._decision = decision
        self._began = time.monotonic()
        self._began_at = datetime.datetime.now(datetime.timezone.utc)
        self._rollouts = Rollouts(wanted, decision.tasks, observed.workloads, observed.expected, now=self._began)
        self._news: queue.SimpleQueue[t.Callable[[], None]] = queue.SimpleQueue()
        self._waited = False
        self.written: list[str] = []

    def restart(self, *, owner: Owner) -> None:
        """Restarts a workload."""
        # Milliseconds, so that two restarts within a second are two.
        at = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        answer = api.restart(self._server, namespace=self._wanted.namespace, at=at, **owner._asdict())
        self._rollouts.restarted(owner, answer, time.monotonic())
        self.written.append(f"restart {owner.kind} {self._wanted.namespace}/{owner.name}")

    def replace(self, *, owner: Owner) -> None:
        """Pods that go one by one begin to go while `wait` watches the last one's replacement."""

    def wait(self) -> None:
        """Follows the workloads until all is well.

        :raises RolloutFailed: it isn't, and won't be, or not in time.
        """
        if not self._rollouts.finished:
            self._waited = True
            self._follow()
        while not self._rollouts.finished:
            self._listen(self._rollouts.next_step_at() - time.monotonic())
            self._carry_out(time.monotonic())
        self._rollouts.check()

    def verified(self) -> list[dict[str, t.Any]]:
        """The pods that carry what they should, as last seen."""
        if not self._waited:
            return verified([each.pod for each in self._observed.findings], self._observed.expected)
        followed = {task.owner for task in self._decision.tasks}
        others = [each.pod for each in self._observed.findings if each.owner not in followed]
        return verified([*others, *self._rollouts.pods()], self._observed.expected)

    def _carry_out(self, now: float) -> None:
        while commands := self._rollouts.step(now):
            for command in commands:
                self._do(command)

    def _do(self, command: Command) -> None:
        namespace, owner = self._wanted.namespace, command.owner
        if command.verb == "restart":
            self.restart(owner=owner)
        elif command.verb == "events":
            found = api.list_events(self._server, namespace=namespace, kind=owner.kind, name=owner.name)
            self._rollouts.see_events(owner, [event for event in found if self._is_recent(event)])
        else:
            remove = api.evict_pod if command.verb == "evict" else api.delete_pod
            try:
                remove(self._server, namespace=namespace, name=command.pod, uid=command.uid)
            except Throttled as error:
                self._rollouts.refused(command, error, time.monotonic())
            else:
                self._rollouts.accepted(command)
                self.written.append(f"{command.verb} pod {namespace}/{command.pod}")

    def _is_recent(self, event: Json) -> bool:
        from_ = (self._began_at - _CLOCK_SKEW).strftime("%Y-%m-%dT%H:%M:%S")
        return readiness.last_seen(event) >= from_

    def _follow(self) -> None:
        """Starts a watch for the pods, and one for each kind of workload."""
        pods = api.pod_query(self._wanted.service_account, ())
        self._watch("v1", "Pod", pods, self._rollouts.see_pods, self._rollouts.see_pod)
        kinds: dict[tuple[str, str], list[str]] = {}
        for task in self._decision.tasks:
            if task.owner.is_builtin:
                kinds.setdefault(task.owner[:2], []).append(task.owner.name)
        for (version, kind), names in kinds.items():
            query = {"fieldSelector": f"metadata.name={names[0]}"} if len(names) == 1 else {}
            listed = functools.partial(self._rollouts.see_workloads, version, kind)
            self._watch(version, kind, query, listed, functools.partial(self._rollouts.see_workload, version, kind))

    def _watch(
        self,
        api_version: str,
        kind: str,
        query: t.Mapping[str, str],
        listed: t.Callable[[t.Any], None],
        changed: t.Callable[[str, t.Any], None],
    ) -> None:
        events = api.follow(
            self._server,
            namespace=self._wanted.namespace,
            api_version=api_version,
            kind=kind,
            query=query,
            seconds=self._wanted.wait_timeout + 60.0,
        )

        def read() -> None:
            try:
                for event, what in events:
                    seen = functools.partial(listed) if event == "LIST" else functools.partial(changed, event)
                    self._news.put(functools.partial(seen, what))
            except IrsaError as error:
                self._news.put(functools.partial(self._lose, error))

        # A watch ends only when the server has something to say: the thread must not keep the module alive.
        threading.Thread(target=read, name=f"watch {kind}", daemon=True).start()

    def _lose(self, error: IrsaError) -> None:
        raise error

    def _listen(self, seconds: float) -> None:
        """Takes in the news: waits for the first piece, then takes what else has come."""
        try:
            self._news.get(timeout=max(0.0, seconds))()
            while True:
                self._news.get_nowait()()
        except queue.Empty:
            return
