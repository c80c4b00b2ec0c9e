# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the steps of a run over many bindings share: the connections, a bounded pool, and what was read and written."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import threading
import typing as t

from ..._api.kubernetes import service_accounts, workloads
from ..._core.bindings import spec as binding_spec
from ..._core.errors import AccessDenied, IrsaError
from ..._core.plan import Plan
from ..._core.service_account.state import ServiceAccountState
from .. import role as role_module
from .progress import Progress

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.bindings.spec import Outcome, Wanted
    from ..._core.role.spec import Role
    from ..rollout.run import AccountRollout, RolloutGroup
    from .progress import Writer

T = t.TypeVar("T")
Apply = t.Callable[[Plan, t.Mapping[str, t.Callable[..., t.Any]]], t.Any]

# Up to so many roles or accounts are read one by one, more by pages.
_FEW = 8


class Converge(t.Protocol):
    """`_runner.converge` for the module at hand."""

    def __call__(
        self,
        make_plan: t.Callable[[], Plan],
        operations: t.Mapping[str, t.Callable[..., t.Any]],
        *,
        rehearse: bool = False,
    ) -> tuple[Plan, list[t.Any]]: ...


class Run:
    """One run: what its steps work with, and what they have done.

    :param converge: makes a plan and carries it out, or not in check mode.
    :param apply: carries out a plan that was made before, or not in check mode.
    :param foresee: whether nothing is written, so that there is nothing to wait for.
    :param stop_early: whether nothing more is begun once a binding has failed.
    :param progress: is told how far the run is.
    :param details: whether the roles and the accounts are to be returned as the single modules do.
    """

    def __init__(
        self,
        converge: Converge,
        apply: Apply,
        aws: Aws,
        server: ApiServer,
        wanted: Wanted,
        progress: Writer,
        *,
        foresee: bool = False,
        stop_early: bool = False,
        details: bool = False,
    ) -> None:
        self.converge = converge
        self.apply = apply
        self.aws = aws
        self.server = server
        self.wanted = wanted
        self.foresee = foresee
        self.details = details
        self._progress = progress
        self._stop_early = stop_early
        self._lock = threading.Lock()
        self._failed: set[int] = set()
        self._changed = 0
        self._plans: list[tuple[str, str, Plan]] = []
        self.policies = role_module.PolicyNames(aws.client("iam"))
        self.outcomes = [binding_spec.outcome_of(each) for each in wanted.accounts]
        self.roles: dict[str, dict[str, t.Any]] = {}
        self.service_accounts: dict[str, dict[str, t.Any]] = {}

    def each(
        self,
        stage: str | t.Callable[[], None],
        act: t.Callable[[T], None],
        things: t.Sequence[T],
        *,
        asks: bool = True,
    ) -> None:
        """Does it to all of them, as many at a time as there are workers, until the run is stopped.

        :param stage: what is done, in a word or two for people; or its `steps`, where these are only some of them.
        :param asks: whether it asks a service; what only computes gains nothing by threads.
        """
        done = self.steps(stage, len(things)) if isinstance(stage, str) else stage

        def unless_stopped(thing: T) -> None:
            if not self.stopped:
                act(thing)
            done()

        if len(things) < 2 or not asks:
            for thing in things:
                unless_stopped(thing)
            return
        with concurrent.futures.ThreadPoolExecutor(min(self.wanted.workers, len(things))) as pool:
            # Asks each for its result, so that an exception that nothing above expects isn't lost.
            collections.deque(pool.map(unless_stopped, things), maxlen=0)

    def steps(self, stage: str, total: int) -> t.Callable[[], None]:
        """What is to be called whenever one of so many steps is done, by any thread."""
        count = -1

        def done() -> None:
            nonlocal count
            with self._lock:
                count += 1
                progress = Progress(stage, count, total, self._changed, len(self._failed))
            self._progress.write(progress)

        if total:
            done()  # none yet, so that a slow first step shows what it belongs to
        return done

    def fail(self, outcomes: t.Iterable[Outcome], error: IrsaError) -> None:
        """Notes what went wrong with these bindings, and what was done of them before."""
        for outcome in outcomes:
            outcome.error = error
            outcome.changes += error.details.get("done", ())
            with self._lock:
                self._failed.add(outcome.account.index)

    @property
    def stopped(self) -> bool:
        """Whether a binding has failed and nothing more is to be begun."""
        return self._stop_early and bool(self._failed)

    def account_id(self) -> str:
        """The account of the credentials."""
        name = self.wanted.provider.cluster_name
        # EKS shows an account its own clusters only.
        return self.aws.describe(name).account_id if name else self.aws.caller().account_id

    def note(self, kind: str, name: str, plan: Plan, *, changed: bool | None = None) -> None:
        """Keeps the plan that an object was given.

        :param changed: whether the object was changed; as the plan says if it isn't given.
        """
        with self._lock:
            self._plans.append((kind, name, plan))
            self._changed += bool(plan) if changed is None else changed

    def plans(self) -> list[tuple[str, str, Plan]]:
        """The plan of each object, with the kind and the name of the object, in the order of the chain."""
        kinds = ("provider", "roles", "service_accounts", "rollouts", "freed_accounts", "freed_pods", "freed_roles")
        return sorted(self._plans, key=lambda each: (kinds.index(each[0]), each[1]))


def follow(run: Run, kind: str, rollouts: RolloutGroup, outcomes: t.Sequence[Outcome]) -> None:
    """Rolls out, and notes what became of each binding's pods.

    :param kind: under which the plans are noted.
    :param outcomes: of the bindings whose accounts the members of the rollouts are, in that order.
    """
    outcome_of = dict(zip(rollouts.members, outcomes, strict=True))
    done = run.steps("pods", len(outcomes))

    def settle(member: AccountRollout) -> None:
        outcome, plan = outcome_of[member], member.decision.plan
        written = member.driver.written if member.driver else []
        run.note(kind, member.title, plan, changed=bool(written) if member.error else None)
        if member.error:
            member.error.details.setdefault("done", list(written))
            run.fail([outcome], member.error)
        else:
            outcome.changes += plan.summaries()
        done()

    if run.foresee:
        run.apply(rollouts.plan(), {})
        for each in rollouts.members:
            settle(each)
    else:
        rollouts.roll_out(run.apply, settle)


@dataclasses.dataclass(frozen=True)
class Accounts:
    """Service accounts that were listed.

    :param phases: of all namespaces; None if they weren't read.
    """

    found: t.Mapping[tuple[str, str], dict[str, t.Any]]
    phases: t.Mapping[str, str] | None = None

    def observed(self, namespace: str, name: str) -> ServiceAccountState:
        """What is known of one account."""
        found = self.found.get((namespace, name))
        phase = None if found or self.phases is None else self.phases.get(namespace, "")
        return ServiceAccountState.from_kubernetes(found, phase)


def all_accounts(server: ApiServer, namespaces: t.Sequence[str] = ()) -> Accounts:
    """The service accounts of all namespaces, or of some.

    :raises AccessDenied: the caller may not list them.
    """
    if namespaces:
        found = workloads.everywhere(server, service_accounts.list_service_accounts, namespaces)
    else:
        found = service_accounts.list_service_accounts(server)
    return Accounts({(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in found})


def known_accounts(run: Run) -> Accounts | None:
    """The accounts of the bindings, read by pages; None where it is less to read each one, or the caller may not list.

    Where one of them is still to be made, the namespaces are read too.
    """
    named = [(each.account.options["namespace"], each.account.options["name"]) for each in run.outcomes]
    if len(named) <= _FEW:
        return None
    try:
        listed = all_accounts(run.server, sorted({namespace for namespace, _name in named}))
    except AccessDenied:
        return None
    if listed.found.keys() >= set(named) or not run.wanted.present:
        return listed
    try:
        return dataclasses.replace(listed, phases=service_accounts.namespace_phases(run.server))
    except AccessDenied:
        return listed  # the first write tells


def known_roles(run: Run, names: t.Sized, *, settings: bool = False) -> dict[str, Role] | None:
    """All roles of the account, read by pages; None where it is less to read each one, or the caller may not list.

    :param settings: as for `roles.find_all`.
    """
    if len(names) <= _FEW:
        return None
    try:
        return role_module.find_all(run.aws.client("iam"), settings=settings)
    except AccessDenied:
        return None  # a permission that the single modules don't need either
