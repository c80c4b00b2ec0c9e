# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The context that the steps of an `irsa_bindings` run share.

It has the connections, the thread pool, the outcomes, the plans and the progress. The module also finds and rolls out
the pods of many bindings.
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
from ..._core import argument_specs
from ..._core.bindings.outcome import BindingOutcome, build_not_processed_error
from ..._core.bindings.spec import build_in_use_error
from ..._core.errors import AccessDenied, InvalidInput, IrsaError, MalformedAnswer
from ..._core.plan import Plan
from ..._core.rollout.decision import RolloutSpec
from ..._core.service_account.spec import ServiceAccountState
from .. import role as role_module
from ..managed_policies import PolicyNames
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

# Up to this many roles or service accounts are read one by one, more by pages.
_FEW = 8
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
# Seconds between two writes of the progress. The start and the end of a stage are always written.
_MIN_INTERVAL = 0.2
# The kinds of objects that have recorded plans, in the order of the chain.
KINDS = ("provider", "roles", "service_accounts", "rollouts", "unbound_accounts", "unbound_pods", "unbound_roles")
# The options to find pods without restarting them.
_SEARCH_OPTIONS = {**argument_specs.defaults(argument_specs.ROLLOUT), "wait": False, "label_selectors": None}


class Converge(t.Protocol):
    """`_runner.converge` for the current module."""

    def __call__(
        self, make_plan: t.Callable[[], Plan], operations: Operations, *, server_dry_run: bool = False
    ) -> tuple[Plan, list[t.Any]]: ...


@dataclasses.dataclass(frozen=True)
class PlanRunner:
    """Applies plans.

    :param converge: makes a plan and, unless in check mode, applies it.
    :param apply: applies an existing plan, unless in check mode.
    """

    converge: Converge
    apply: t.Callable[[Plan, Operations], t.Any]
    check_mode: bool = False


@dataclasses.dataclass(frozen=True)
class Progress:
    """The progress of a run. The progress file has the same keys, as JSON.

    :param stage: the name of the current stage for users, such as ``roles``.
    :param done: the number of processed objects of the stage.
    :param total: the number of objects of the stage.
    :param changed: the number of changed objects of the run; in check mode, of objects that would change.
    :param failed: the number of failed bindings of the run.
    """

    stage: str
    done: int
    total: int
    changed: int
    failed: int


class ProgressWriter:
    """Writes the progress to a file, because a module cannot print before it ends. Threads may share a writer.

    :param path: the path of the file; None to write nothing.
    """

    def __init__(self, path: str | None, clock: t.Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._last = float("-inf")

    def write(self, progress: Progress) -> None:
        """Replace the file. An error does not fail the run, and nothing more is written."""
        if self._path is None:
            return
        with self._lock:
            now = self._clock()
            if now - self._last < _MIN_INTERVAL and 0 < progress.done < progress.total:
                return
            self._last = now
            try:
                with open(os.open(f"{self._path}.new", _NEW_FILE, 0o644), "w", encoding="utf-8") as file:
                    json.dump(dataclasses.asdict(progress), file)
                os.replace(f"{self._path}.new", self._path)
            except OSError:
                self._path = None


class BindingsContext:
    """The connections, options and results of a run.

    :param progress: writes the progress of the run.
    :param stop_early: whether no object is processed after a binding has failed.
    :param details: whether the result includes the roles and service accounts, as the single modules return them.
    :ivar outcomes: the outcome of each binding, in order.
    :ivar roles: each role after the run, as `irsa_role` returns it, by name.
    :ivar service_accounts: each service account, as `sa_annotate` returns it, by ``NAMESPACE/NAME``.
    """

    def __init__(
        self,
        runner: PlanRunner,
        aws: Aws,
        server: ApiServer,
        spec: BindingsSpec,
        progress: ProgressWriter,
        *,
        stop_early: bool = False,
        details: bool = False,
    ) -> None:
        self.converge = runner.converge
        self.apply = runner.apply
        self.check_mode = runner.check_mode
        self.aws = aws
        self.server = server
        self.spec = spec
        self.details = details
        self.policies = PolicyNames(aws.client("iam"))
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
        process: t.Callable[[T], None],
        objects: t.Sequence[T],
        *,
        in_parallel: bool = True,
    ) -> None:
        """Process objects in parallel, limited by the number of workers, until the run is stopped.

        :param stage: the name of the stage for users; or the result of `count_steps` if the objects are a part of a
            stage.
        :param in_parallel: False if ``process`` only computes and threads bring no gain.
        """
        step_done = self.count_steps(stage, len(objects)) if isinstance(stage, str) else stage

        def process_unless_stopped(item: T) -> None:
            if not self.is_stopped:
                process(item)
            step_done()

        if len(objects) < 2 or not in_parallel:
            for item in objects:
                process_unless_stopped(item)
            return
        with concurrent.futures.ThreadPoolExecutor(min(self.spec.workers, len(objects))) as pool:
            # Reading each result raises unexpected exceptions.
            collections.deque(pool.map(process_unless_stopped, objects), maxlen=0)

    def count_steps(self, stage: str, total: int) -> t.Callable[[], None]:
        """Start a stage. Call the result after each processed object, from any thread."""
        count = -1

        def step_done() -> None:
            nonlocal count
            with self._lock:
                count += 1
                progress = Progress(stage, count, total, self._changed, len(self._failed))
            self._progress.write(progress)

        if total:
            step_done()  # writes 0, so that the progress names the stage during a slow first step
        return step_done

    def fail(self, outcomes: t.Iterable[BindingOutcome], error: IrsaError) -> None:
        """Record the error of these bindings, and the writes that were done before it."""
        for outcome in outcomes:
            outcome.error = error
            outcome.changes += error.details.get("done", ())
            with self._lock:
                self._failed.add(outcome.binding.index)

    def fail_unprocessed(self, outcomes: t.Iterable[BindingOutcome]) -> None:
        """If the run was stopped, record an error for each binding that it did not finish."""
        for outcome in outcomes:
            binding = outcome.binding
            is_done = binding.role in self.roles if binding.is_pattern else binding.title in self.service_accounts
            if self.is_stopped and not outcome.error and not is_done:
                outcome.error = build_not_processed_error(outcome)

    @property
    def is_stopped(self) -> bool:
        """Whether a binding has failed and no more objects are processed."""
        return self._stop_early and bool(self._failed)

    def account_id(self) -> str:
        """The ID of the AWS account of the credentials."""
        name = self.spec.provider.cluster_name
        # EKS returns only clusters of the caller's own account.
        return self.aws.describe(name).account_id if name else self.aws.caller().account_id

    def record(self, kind: str, name: str, plan: Plan, *, changed: bool | None = None) -> None:
        """Record the plan of an object.

        :param kind: one of `KINDS`.
        :param changed: whether the object was changed. By default, it was if the plan has writes.
        """
        with self._lock:
            self._plans.append((kind, name, plan))
            self._changed += bool(plan) if changed is None else changed

    def plans(self) -> list[ObjectPlan]:
        """The plan of each object, in the order of the chain."""
        return sorted(self._plans, key=lambda plan: (KINDS.index(plan[0]), plan[1]))

    def list_bound_accounts(self) -> ListedAccounts | None:
        """List the service accounts of the bindings by pages; None if they are few, or the caller may not list.

        If one of them does not exist yet, the namespaces are listed too.
        """
        names = {_get_name(outcome) for outcome in select_accounts(self.outcomes)}
        if len(names) <= _FEW:
            return None
        try:
            listed = list_accounts(self.server, sorted({namespace for namespace, _name in names}))
        except (AccessDenied, MalformedAnswer):  # a malformed object concerns only its own binding
            return None
        if listed.accounts.keys() >= names or not self.spec.present:
            return listed
        try:
            return dataclasses.replace(listed, namespace_phases=service_accounts.namespace_phases(self.server))
        except AccessDenied:
            return listed  # the first write fails if the namespace does not exist

    def list_roles(self, names: t.Sized, *, settings: bool = False) -> dict[str, Role] | None:
        """List all roles of the account by pages; None if ``names`` are few, or the caller may not list.

        :param settings: as for `role.find_all`.
        """
        if len(names) <= _FEW:
            return None
        try:
            return role_module.find_all(self.aws.client("iam"), settings=settings)
        except AccessDenied:
            return None  # listing is optional: the single modules do not need this permission


def select_accounts(outcomes: t.Iterable[BindingOutcome]) -> list[BindingOutcome]:
    """The outcomes of the bindings that have a service account. Those with wildcards define only a role."""
    return [outcome for outcome in outcomes if not outcome.binding.is_pattern]


def get_observed_account(listed: ListedAccounts, namespace: str, name: str) -> ServiceAccountState:
    """The observed state of a listed service account."""
    account = listed.accounts.get((namespace, name))
    phases = listed.namespace_phases
    phase = None if account or phases is None else phases.get(namespace, "")
    return ServiceAccountState.from_kubernetes(account, phase)


# Pods of many bindings


def find_rollout_problems(params: t.Mapping[str, t.Any]) -> list[str]:
    """The problems of the option ``rollout_options`` of `irsa_bindings`."""
    if not params["rollout"]:
        return []
    try:
        _build_rollout_spec("default", "default", {**params["rollout_options"], "label_selectors": None}, None)
    except InvalidInput as error:
        return [f"rollout_options: {error}"]
    return []


def find_pods(context: BindingsContext, names: t.Iterable[tuple[str, str]]) -> list[AccountRollout]:
    """Find the pods of service accounts; pods with a role are stale.

    :param names: namespace and name of each service account.
    :returns: the observed state or the error for each.
    """
    specs = [_build_rollout_spec(*name, _SEARCH_OPTIONS, "") for name in names]
    group = RolloutGroup(context.server, specs, check_mode=True, workers=context.spec.workers)
    group.observe()
    return group.rollouts


def fail_bindings_in_use(context: BindingsContext, outcomes: t.Sequence[BindingOutcome]) -> None:
    """Fail each binding whose role running pods use, or whose pods cannot be read."""
    rollouts = find_pods(context, map(_get_name, outcomes))
    for outcome, rollout in zip(outcomes, rollouts, strict=True):
        pods = [f"{pod['namespace']}/{pod['name']}" for pod in rollout.result()["pods"] if pod["stale"]]
        error = rollout.error or (build_in_use_error(outcome.binding, pods) if pods else None)
        if error:
            context.fail([outcome], error)


def roll_out(
    context: BindingsContext, kind: str, outcomes: t.Sequence[BindingOutcome], *, without_role: bool = False
) -> RolloutGroup:
    """Re-create the stale pods of the bindings, and record the result of each rollout.

    :param kind: the kind of the plans, one of `KINDS`.
    :param without_role: whether pods with a role are stale.
    """
    accounts = None
    if not without_role:
        accounts = {
            _get_name(outcome): {
                "metadata": {"annotations": context.service_accounts[outcome.binding.title]["annotations"]}
            }
            for outcome in outcomes
        }
    specs = [
        _build_rollout_spec(*_get_name(outcome), context.spec.rollout or {}, "" if without_role else outcome.role_arn)
        for outcome in outcomes
    ]
    check_mode, workers = context.check_mode, context.spec.workers
    group = RolloutGroup(context.server, specs, accounts=accounts, check_mode=check_mode, workers=workers)
    group.observe()
    run_rollouts(context, kind, group, outcomes)
    return group


def run_rollouts(
    context: BindingsContext, kind: str, group: RolloutGroup, outcomes: t.Sequence[BindingOutcome]
) -> None:
    """Run a group of rollouts and record their results. In check mode, only record the plans.

    :param outcomes: the outcome of the binding of each rollout, in the order of the group.
    """
    outcome_by_rollout = dict(zip(group.rollouts, outcomes, strict=True))
    step_done = context.count_steps("pods", len(outcomes))

    def record(rollout: AccountRollout) -> None:
        outcome, plan = outcome_by_rollout[rollout], rollout.decision.plan
        context.record(kind, rollout.title, plan, changed=bool(rollout.written) if rollout.error else None)
        if rollout.error:
            rollout.error.details.setdefault("done", list(rollout.written))
            context.fail([outcome], rollout.error)
        else:
            outcome.changes += plan.summaries()
        step_done()

    if context.check_mode:
        context.apply(group.plan(), {})
        for rollout in group.rollouts:
            record(rollout)
    else:
        group.roll_out(context.apply, record)


def _get_name(outcome: BindingOutcome) -> tuple[str, str]:
    return outcome.binding.namespace, outcome.binding.service_account


def _build_rollout_spec(
    namespace: str, name: str, rollout_options: t.Mapping[str, t.Any], role_arn: str | None
) -> RolloutSpec:
    names = {"namespace": namespace, "service_account": name, "role_arn": role_arn}
    return RolloutSpec.from_params({**rollout_options, **names})
