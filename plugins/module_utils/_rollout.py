# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes a rollout's decisions to the API server, and its answers back. What to do, `_core` decides."""

from __future__ import annotations

import datetime
import functools
import queue
import threading
import time
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._api import workloads as api
from ansible_collections.eksops.irsa.plugins.module_utils._core import injection, owners, readiness, rollout
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError, NotFound, Throttled
from ansible_collections.eksops.irsa.plugins.module_utils._core.injection import Expected
from ansible_collections.eksops.irsa.plugins.module_utils._core.owners import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.progress import Rollouts, verified
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import Decision, Finding, Wanted
from ansible_collections.eksops.irsa.plugins.module_utils._core.stages import Command

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._api.transport import ApiServer

Json = dict[str, t.Any]

# An event this much older than the run's begin, by the clocks of two machines, is no word of it.
_CLOCK_SKEW = datetime.timedelta(seconds=60)


class Observed:
    """What the API server says: the accounts, the pods, and their owners as far as they matter.

    :raises NotFound: no such namespace, or an account that is named and has no role.
    """

    def __init__(self, server: ApiServer, wanted: Wanted) -> None:
        self._server = server
        self._wanted = wanted
        self.account: Json | None = None
        self.workloads: dict[Owner, Json | None] = {}
        self._by_account: dict[str, Expected | None] = {}
        self._read_accounts()
        selectors = api.pod_query(wanted.service_account, wanted.label_selectors)
        pods = api.list_pods(server, namespace=wanted.namespace, query=selectors)
        if not pods:
            self._require_namespace()
        self._read_workloads(pods, thorough=False)
        findings = rollout.find(pods, self.expected, self.workloads)
        self._read_workloads(rollout.of_interest(findings, wanted), thorough=True)
        self.findings: list[Finding] = rollout.find(pods, self.expected, self.workloads)

    def expected(self, pod: t.Mapping[str, t.Any]) -> Expected | None:
        """What the pod is to carry."""
        account = self._wanted.service_account or injection.account_of(pod)
        return self._by_account.get(account)

    def _read_accounts(self) -> None:
        namespace, name = self._wanted.namespace, self._wanted.service_account
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
