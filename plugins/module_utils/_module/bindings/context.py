# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of a run over many bindings share.

Connections, a bounded pool, what was read and written, the run's progress, and how pods of many bindings are found and
rolled out.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import json
import os
import threading
import time
import typing as t

from ..._api.kubernetes import service_accounts
from ..._core import options
from ..._core.bindings.outcome import BindingOutcome, not_processed_error
from ..._core.bindings.spec import in_use_error
from ..._core.errors import AccessDenied, InvalidInput, IrsaError
from ..._core.plan import Plan
from ..._core.rollout.decision import RolloutSpec
from ..._core.service_account.spec import ServiceAccountState
from .. import role as role_module
from ..rollout.run import RolloutGroup
from ..service_account import ListedAccounts, list_accounts

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.bindings.outcome import ObjectPlan
    from ..._core.bindings.spec import BindingsSpec
    from ..._core.role.spec import Role
    from ..rollout.run import AccountRollout

T = t.TypeVar("T")
Operations = t.Mapping[str, t.Callable[..., t.Any]]

# Up to so many roles or service accounts are read one by one, more by pages.
_FEW = 8
# Seconds between two writes; the first and the last one of a stage are always written.
_MIN_INTERVAL = 0.2
# The kinds of objects that plans are recorded for, in the order of the chain.
KINDS = ("provider", "roles", "service_accounts", "rollouts", "unbound_accounts", "unbound_pods", "unbound_roles")
# To find pods without restarting any.
_SEARCH_OPTIONS = {**options.defaults(options.ROLLOUT), "wait": False, "label_selectors": None}


class Converge(t.Protocol):
    """`_runner.converge` for the module at hand."""

    def __call__(
        self, make_plan: t.Callable[[], Plan], operations: Operations, *, server_dry_run: bool = False
    ) -> tuple[Plan, list[t.Any]]: ...


@dataclasses.dataclass(frozen=True)
class Writes:
    """How plans are carried out.

    :param converge: makes a plan and carries it out, unless in check mode.
    :param apply: carries out a plan that was made before, unless in check mode.
    :param check_mode: whether nothing is written, so that there is nothing to wait for.
    """

    converge: Converge
    apply: t.Callable[[Plan, Operations], t.Any]
    check_mode: bool = False


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of a run. Its file has the same keys, as JSON.

    :param stage: what is being done, in words for people: ``roles``.
    :param done: how many of the stage's objects were processed.
    :param total: how many objects the stage has.
    :param changed: how many objects of the whole run were changed, or would be in check mode.
    :param failed: how many bindings have failed so far.
    """

    stage: str
    done: int
    total: int
    changed: int
    failed: int


class ProgressWriter:
    """Writes the progress to a small file, for any number of threads: a module can print nothing before it ends.

    :param path: of the file; None to write nothing.
    """

    def __init__(self, path: str | None, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")

    def write(self, progress: Progress) -> None:
        """Replaces the file. A file that cannot be written doesn't fail the run."""
        if self._path is None:
            return
        with self._lock:
            now = self._clock()
            if now - self._last < _MIN_INTERVAL and 0 < progress.done < progress.total:
                return
            self._last = now
            try:
                with open(f"{self._path}.new", "w", encoding="utf-8") as file:
                    json.dump(dataclasses.asdict(progress), file)
                os.replace(f"{self._path}.new", self._path)
            except OSError:
                self._path = None


class BindingsContext:
    """What the steps of one run work with, and what they have done.

    :param progress: records how far the run is.
    :param stop_early: whether nothing more is begun once a binding has failed.
    :param details: whether the roles and the service accounts are returned as the single modules return them.
    :ivar outcomes: of each binding, in order.
    :ivar roles: each role after the run, as `irsa_role` returns it.
    :ivar service_accounts: likewise, by ``NAMESPACE/NAME``.
    """

    def __init__(
        self,
        writes: Writes,
        aws: Aws,
        server: ApiServer,
        spec: BindingsSpec,
        progress: ProgressWriter,
        *,
        stop_early: bool = False,
        details: bool = False,
    ) -> None:
        self.converge = writes.converge
        self.apply = writes.apply
        self.check_mode = writes.check_mode
        self.aws = aws
        self.server = server
        self.spec = spec
        self.details = details
        self.policies = role_module.PolicyNames(aws.client("iam"))
        self.outcomes = [BindingOutcome.before_run(binding) for binding in spec.bindings]
        self.roles: dict[str, dict[str, t.Any]] = {}
        self.service_accounts: dict[str, dict[str, t.Any]] = {}
        self._progress = progress
        self._stop_early = stop_early
        self._lock = threading.Lock()
        self._failed: set[int] = set()
        self._changed = 0
        self._plans: list[ObjectPlan] = []

    def for_each(
        self,
        stage: str | t.Callable[[], None],
        act: t.Callable[[T], None],
        things: t.Sequence[T],
        *,
        in_parallel: bool = True,
    ) -> None:
        """Calls ``act`` for each thing, as many in parallel as there are workers, until the run is stopped.

        :param stage: what is done, in a word or two for people; or the stage's `count_steps`, if these are some of its
            steps only.
        :param in_parallel: False for what only computes, which gains nothing by threads.
        """
        step_done = self.count_steps(stage, len(things)) if isinstance(stage, str) else stage

        def act_unless_stopped(thing: T) -> None:
            if not self.stopped:
                act(thing)
            step_done()

        if len(things) < 2 or not in_parallel:
            for thing in things:
                act_unless_stopped(thing)
            return
        with concurrent.futures.ThreadPoolExecutor(min(self.spec.workers, len(things))) as pool:
            # Reads each result, so that an unexpected exception isn't lost.
            collections.deque(pool.map(act_unless_stopped, things), maxlen=0)

    def count_steps(self, stage: str, total: int) -> t.Callable[[], None]:
        """What to call whenever one of the stage's steps is done, by any thread."""
        count = -1

        def step_done() -> None:
            nonlocal count
            with self._lock:
                count += 1
                progress = Progress(stage, count, total, self._changed, len(self._failed))
            self._progress.write(progress)

        if total:
            step_done()  # 0 of them, so that a slow first step shows what it belongs to
        return step_done

    def fail(self, outcomes: t.Iterable[BindingOutcome], error: IrsaError) -> None:
        """Records the error of these bindings, and the writes that were done before it."""
        for outcome in outcomes:
            outcome.error = error
            outcome.changes += error.details.get("done", ())
            with self._lock:
                self._failed.add(outcome.binding.index)

    def fail_unprocessed(self, outcomes: t.Iterable[BindingOutcome]) -> None:
        """Records of a run that was stopped which bindings it did not finish."""
        for outcome in outcomes:
            if self.stopped and not outcome.error and outcome.binding.title not in self.service_accounts:
                outcome.error = not_processed_error(outcome)

    @property
    def stopped(self) -> bool:
        """Whether a binding has failed and nothing more is to be begun."""
        return self._stop_early and bool(self._failed)

    def account_id(self) -> str:
        """The account of the credentials."""
        name = self.spec.provider.cluster_name
        # EKS shows an account its own clusters only.
        return self.aws.describe(name).account_id if name else self.aws.caller().account_id

    def record(self, kind: str, name: str, plan: Plan, *, changed: bool | None = None) -> None:
        """Records the plan of an object.

        :param kind: one of `KINDS`.
        :param changed: whether the object was changed; by default as the plan says.
        """
        with self._lock:
            self._plans.append((kind, name, plan))
            self._changed += bool(plan) if changed is None else changed

    def plans(self) -> list[ObjectPlan]:
        """The plan of each object, in the order of the chain."""
        return sorted(self._plans, key=lambda plan: (KINDS.index(plan[0]), plan[1]))

    def list_bound_accounts(self) -> ListedAccounts | None:
        """The service accounts of the bindings, read by pages; None if they are few, or the caller may not list.

        If one of them does not exist yet, the namespaces are read too.
        """
        names = {(outcome.binding.namespace, outcome.binding.service_account) for outcome in self.outcomes}
        if len(names) <= _FEW:
            return None
        try:
            listed = list_accounts(self.server, sorted({namespace for namespace, _name in names}))
        except AccessDenied:
            return None
        if listed.accounts.keys() >= names or not self.spec.present:
            return listed
        try:
            return dataclasses.replace(listed, namespace_phases=service_accounts.namespace_phases(self.server))
        except AccessDenied:
            return listed  # the first write tells

    def list_roles(self, names: t.Sized, *, settings: bool = False) -> dict[str, Role] | None:
        """All roles of the account, read by pages; None if ``names`` are few, or the caller may not list.

        :param settings: as for `role.find_all`.
        """
        if len(names) <= _FEW:
            return None
        try:
            return role_module.find_all(self.aws.client("iam"), settings=settings)
        except AccessDenied:
            return None  # a permission that the single modules don't need either


def observed_account(listed: ListedAccounts, namespace: str, name: str) -> ServiceAccountState:
    """The observed state of a listed service account."""
    account = listed.accounts.get((namespace, name))
    phases = listed.namespace_phases
    phase = None if account or phases is None else phases.get(namespace, "")
    return ServiceAccountState.from_kubernetes(account, phase)


# Pods of many bindings


def find_rollout_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    """What is wrong with ``rollout_options`` of `irsa_bindings`."""
    if not params["rollout"]:
        return []
    try:
        _rollout_spec("default", "default", {**params["rollout_options"], "label_selectors": None}, None)
    except InvalidInput as error:
        return [f"rollout_options: {error}"]
    return []


def fail_bindings_in_use(context: BindingsContext, outcomes: t.Sequence[BindingOutcome]) -> None:
    """Fails each binding whose role running pods use, or whose pods cannot be read."""
    group = RolloutGroup(
        context.server,
        [_rollout_spec(*_name_of(outcome), _SEARCH_OPTIONS, "") for outcome in outcomes],
        check_mode=True,
        workers=context.spec.workers,
    )
    group.observe()
    for outcome, member in zip(outcomes, group.members, strict=True):
        pods = [f"{pod['namespace']}/{pod['name']}" for pod in member.returns()["pods"] if pod["stale"]]
        error = member.error or (in_use_error(outcome.binding, pods) if pods else None)
        if error:
            context.fail([outcome], error)


def roll_out(
    context: BindingsContext, kind: str, outcomes: t.Sequence[BindingOutcome], *, without_role: bool = False
) -> RolloutGroup:
    """Re-creates the stale pods of the bindings, and records what became of each binding's pods.

    :param kind: of `context.KINDS`, for the plans.
    :param without_role: whether the pods are to have no role.
    """
    accounts = None
    if not without_role:
        accounts = {
            _name_of(outcome): {
                "metadata": {"annotations": context.service_accounts[outcome.binding.title]["annotations"]}
            }
            for outcome in outcomes
        }
    group = RolloutGroup(
        context.server,
        [
            _rollout_spec(*_name_of(outcome), context.spec.rollout or {}, "" if without_role else outcome.role_arn)
            for outcome in outcomes
        ],
        accounts=accounts,
        check_mode=context.check_mode,
        workers=context.spec.workers,
    )
    group.observe()
    follow(context, kind, group, outcomes)
    return group


def follow(context: BindingsContext, kind: str, group: RolloutGroup, outcomes: t.Sequence[BindingOutcome]) -> None:
    """Carries out a group of rollouts, unless in check mode, and records each.

    :param outcomes: of the bindings whose pods the members of the group roll out, in that order.
    """
    outcome_of = dict(zip(group.members, outcomes, strict=True))
    step_done = context.count_steps("pods", len(outcomes))

    def record(member: AccountRollout) -> None:
        outcome, plan = outcome_of[member], member.decision.plan
        context.record(kind, member.title, plan, changed=bool(member.written) if member.error else None)
        if member.error:
            member.error.details.setdefault("done", list(member.written))
            context.fail([outcome], member.error)
        else:
            outcome.changes += plan.summaries()
        step_done()

    if context.check_mode:
        context.apply(group.plan(), {})
        for member in group.members:
            record(member)
    else:
        group.roll_out(context.apply, record)


def _name_of(outcome: BindingOutcome) -> tuple[str, str]:
    return outcome.binding.namespace, outcome.binding.service_account


def _rollout_spec(
    namespace: str, name: str, rollout_options: t.Mapping[str, t.Any], role_arn: str | None
) -> RolloutSpec:
    names = {"namespace": namespace, "service_account": name, "role_arn": role_arn}
    return RolloutSpec.from_params({**rollout_options, **names})
