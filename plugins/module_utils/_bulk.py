# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out many bindings of one cluster in one process, with the plans and calls of the single modules."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import threading
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._api import cluster, providers, roles, workloads
from ansible_collections.eksops.irsa.plugins.module_utils._core import bulk, provider, service_account
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import AccessDenied, IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Plan
from ansible_collections.eksops.irsa.plugins.module_utils._rollout import Group

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._api.session import Aws
    from ansible_collections.eksops.irsa.plugins.module_utils._api.transport import ApiServer
    from ansible_collections.eksops.irsa.plugins.module_utils._core.bulk import Outcome, Wanted
    from ansible_collections.eksops.irsa.plugins.module_utils._core.role import Role

T = t.TypeVar("T")

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


@dataclasses.dataclass(frozen=True)
class _Accounts:
    """Service accounts that were listed.

    :param phases: of all namespaces; None if they weren't read.
    """

    accounts: t.Mapping[tuple[str, str], t.Mapping[str, t.Any]]
    phases: t.Mapping[str, str] | None

    def observed(self, namespace: str, name: str) -> service_account.Observed:
        """What is known of one account."""
        found = self.accounts.get((namespace, name))
        phase = None if found or self.phases is None else self.phases.get(namespace, "")
        return service_account.Observed.from_kubernetes(found, phase)


def _leaders(outcomes: t.Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """The first binding of each namespace that may be created, to be seen to before the others; and the others."""
    leaders: dict[str, Outcome] = {}
    for each in outcomes:
        if each.account.options["create_namespace"]:
            leaders.setdefault(each.account.options["namespace"], each)
    indices = {each.account.index for each in leaders.values()}
    return list(leaders.values()), [each for each in outcomes if each.account.index not in indices]


class Driver:
    """Makes the bindings, link by link: the provider, then the roles, then the service accounts.

    Objects of one link don't depend on each other, so as many as there are workers are seen to at once. A binding whose
    role or account can't be made has failed; the others go on.

    :param converge: makes a plan and carries it out, or not in check mode.
    :param apply: carries out a plan that was made before, or not in check mode.
    :param stop_early: whether nothing more is begun once a binding has failed.
    :param details: whether to return the roles and the accounts as the single modules do.
    """

    def __init__(
        self,
        converge: Converge,
        apply: t.Callable[[Plan, t.Mapping[str, t.Callable[..., t.Any]]], t.Any],
        aws: Aws,
        server: ApiServer,
        wanted: Wanted,
        *,
        stop_early: bool = False,
        details: bool = False,
    ) -> None:
        self._converge = converge
        self._apply = apply
        self._aws = aws
        self._server = server
        self._wanted = wanted
        self._stop_early = stop_early
        self._details = details
        self._failed = threading.Event()
        self._policies = roles.PolicyNames(aws.client("iam"))
        self._plans: list[tuple[str, str, Plan]] = []
        self._observed: dict[int, service_account.Observed] = {}
        self.provider: dict[str, t.Any] = {}
        self.roles: dict[str, dict[str, t.Any]] = {}
        self.service_accounts: dict[str, dict[str, t.Any]] = {}
        self.rollouts: Group | None = None
        self.outcomes = [bulk.outcome_of(each) for each in wanted.accounts]

    def carry_out(self, *, provider_is_ours: bool, foresee: bool) -> None:
        """All links, in their order.

        :param foresee: whether nothing is written, so that there is nothing to wait for.
        :raises IrsaError: the provider can't be made or isn't there, and with it no binding can be.
        """
        self._look_ahead()
        if all(each.error for each in self.outcomes) and self.outcomes:
            return
        if provider_is_ours:
            self._make_provider()
        else:
            self._require_provider()
        self._make_roles()
        self._annotate_accounts()
        if self._wanted.rollout is not None and not self.stopped:
            self._roll_out(foresee=foresee)

    def _look_ahead(self) -> None:
        """Reads the service accounts first, so that no role is written for one that can't be."""
        known = self._known_accounts()

        def look(outcome: Outcome) -> None:
            wanted = outcome.account.wanted(outcome.role_arn)
            try:
                if known:
                    observed = known.observed(wanted.namespace, wanted.name)
                else:
                    observed = cluster.observe_service_account(self._server, wanted)
                service_account.require_place(wanted, observed)
            except IrsaError as error:
                self._fail([outcome], error)
                return
            self._observed[outcome.account.index] = observed

        self._each(look, self.outcomes)

    def _make_provider(self) -> None:
        """The cluster's OIDC provider, with every audience that is asked for.

        :raises IrsaError: it can't be made, and with it no binding.
        """
        wanted = self._wanted.provider
        operations = providers.operations(self._aws.client("iam"))
        plan, answers = self._converge(lambda: providers.plan(self._aws, wanted), operations)
        if answers:
            plan = providers.completed(self._aws, plan)
        self._plans.append(("provider", plan.after["arn"], plan))
        self.provider = dict(plan.after)

    def _require_provider(self) -> None:
        """Where others keep the provider.

        :raises IrsaError: it is missing, or lacks an audience.
        """
        wanted = self._wanted.provider
        observed = providers.observe(self._aws, wanted)
        provider.require_given(observed, wanted.client_ids)
        self.provider = provider.shape(observed)

    def _make_roles(self) -> None:
        """Every role once, however many bindings share it."""
        # Clients are made here, by one thread; botocore's clients then serve any number.
        client = self._aws.client("iam")
        operations = roles.operations(client)
        if self._wanted.provider.cluster_name:
            self._aws.describe(self._wanted.provider.cluster_name)
        else:
            self._aws.client("sts")
        known = self._known_roles(client)
        users: dict[str, list[Outcome]] = collections.defaultdict(list)
        for outcome in self.outcomes:
            if outcome.account.role:
                users[outcome.account.role].append(outcome)

        def make(name: str) -> None:
            wanted = self._wanted.roles[name]
            first = known is not None

            def make_plan() -> Plan:
                nonlocal first
                if first and known is not None:
                    first = False
                    plan = roles.plan_for(self._aws, wanted, known.get(name), self._policies)
                    # What isn't there yet can be made at once. What is to change is read by itself first: a listing
                    # doesn't tell everything, and may be some seconds old.
                    if not plan or name not in known:
                        return plan
                return roles.plan_for(self._aws, wanted, roles.find(client, wanted), self._policies)

            try:
                plan, answers = self._converge(make_plan, operations)
            except IrsaError as error:
                self._fail(users[name], error)
                return
            self._plans.append(("roles", name, plan))
            self.roles[name] = roles.in_the_end(plan, answers)
            for outcome in users[name]:
                outcome.role_arn = self.roles[name]["arn"]
                outcome.changes += plan.summaries()

        self._each(make, [name for name in self._wanted.roles if not all(each.error for each in users[name])])

    def _annotate_accounts(self) -> None:
        """The accounts of those bindings whose roles there are."""
        operations = cluster.operations(self._server)
        outcomes = [each for each in self.outcomes if not each.error]
        new: set[str] = set()
        made: set[str] = set()

        def annotate(outcome: Outcome) -> None:
            wanted = outcome.account.wanted(outcome.role_arn)
            listed: service_account.Observed | None = self._observed[outcome.account.index]

            def make_plan() -> Plan:
                nonlocal listed
                # An apply names the version that it was planned from, so the look ahead will do for the first try.
                observed, listed = listed or cluster.observe_service_account(self._server, wanted), None
                if observed.account is None and wanted.namespace in made:
                    observed = dataclasses.replace(observed, namespace="Active")
                return service_account.plan(wanted, observed)

            try:
                # A server can't rehearse what is to be in a namespace that is still to be made.
                plan, answers = self._converge(make_plan, operations, rehearse=wanted.namespace not in made)
            except IrsaError as error:
                self._fail([outcome], error)
                return
            plan = service_account.confirmed(wanted, plan, answers)
            self._plans.append(("service_accounts", wanted.title, plan))
            self.service_accounts[wanted.title] = dict(plan.after)
            outcome.changes += plan.summaries()
            if any(action.operation == "create_namespace" for action in plan.actions):
                new.add(wanted.namespace)

        first, rest = _leaders(outcomes)
        self._each(annotate, first)
        made.update(new)
        self._each(annotate, rest)
        for outcome in self.outcomes:
            if self.stopped and not outcome.error and outcome.account.title not in self.service_accounts:
                outcome.error = bulk.not_attempted(outcome)

    def _roll_out(self, *, foresee: bool) -> None:
        """The pods of those accounts that name their role now."""
        outcomes = [each for each in self.outcomes if not each.error]
        accounts = {
            (each.account.options["namespace"], each.account.options["name"]): {
                "metadata": {"annotations": self.service_accounts[each.account.title]["annotations"]}
            }
            for each in outcomes
        }
        self.rollouts = Group(
            self._server,
            [self._wanted.rollout_of(each.account, each.role_arn) for each in outcomes],
            accounts=accounts,
            foresee=foresee,
            workers=self._wanted.workers,
        )
        if foresee:
            self._apply(self.rollouts.plan(), {})
        else:
            self.rollouts.roll_out(self._apply)
        for outcome, member in zip(outcomes, self.rollouts.members, strict=True):
            self._plans.append(("rollouts", member.title, member.decision.plan))
            if member.error:
                written = member.driver.written if member.driver else []
                member.error.details.setdefault("done", list(written))
                self._fail([outcome], member.error)
            else:
                outcome.changes += member.decision.plan.summaries()

    def _known_roles(self, client: t.Any) -> dict[str, Role] | None:
        """All roles of the account, read by pages; None where it is less to read each one that is wanted."""
        if len(self._wanted.roles) <= _FEW:
            return None
        settings = self._details or any(
            each.description is not None or each.max_session_duration is not None
            for each in self._wanted.roles.values()
        )
        try:
            return roles.find_all(client, settings=settings)
        except AccessDenied:
            return None  # a permission that the single modules don't need either

    def _known_accounts(self) -> _Accounts | None:
        """The cluster's service accounts, read by pages; None where it is less to read each one that is wanted."""
        if len(self.outcomes) <= _FEW:
            return None
        named = [(each.account.options["namespace"], each.account.options["name"]) for each in self.outcomes]
        namespaces = sorted({namespace for namespace, _name in named})
        try:
            found = workloads.everywhere(self._server, workloads.list_service_accounts, namespaces)
        except AccessDenied:
            return None
        accounts = {(each["metadata"]["namespace"], each["metadata"]["name"]): each for each in found}
        phases: dict[str, str] | None = None
        if not accounts.keys() >= set(named):
            try:
                phases = cluster.namespace_phases(self._server)
            except AccessDenied:
                pass  # the first write tells
        return _Accounts(accounts, phases)

    def _fail(self, outcomes: t.Iterable[Outcome], error: IrsaError) -> None:
        self._failed.set()
        for outcome in outcomes:
            outcome.error = error
            outcome.changes += error.details.get("done", ())

    def _each(self, act: t.Callable[[T], None], things: t.Sequence[T]) -> None:
        def unless_stopped(thing: T) -> None:
            if not self.stopped:
                act(thing)

        if len(things) < 2:
            for thing in things:
                unless_stopped(thing)
            return
        with concurrent.futures.ThreadPoolExecutor(min(self._wanted.workers, len(things))) as pool:
            # Asks each for its result, so that an exception that nothing above expects isn't lost.
            collections.deque(pool.map(unless_stopped, things), maxlen=0)

    @property
    def stopped(self) -> bool:
        """Whether a binding has failed and nothing more is to be begun."""
        return self._stop_early and self._failed.is_set()

    def plans(self) -> list[tuple[str, str, Plan]]:
        """The plan of each object, with the kind and the name of the object, in the order of the chain."""
        kinds = ("provider", "roles", "service_accounts", "rollouts")
        return sorted(self._plans, key=lambda each: (kinds.index(each[0]), each[1]))

    def returns(self, *, diff: bool) -> dict[str, t.Any]:
        """What `irsa_bindings` returns, failed if a binding did.

        :param diff: whether to return the diff.
        """
        plans = self.plans()
        actions = [summary for _kind, _name, plan in plans for summary in plan.summaries()]
        found: dict[str, t.Any] = {
            "changed": bool(actions) or any(each.changes for each in self.outcomes),
            "results": [each.as_dict() for each in self.outcomes],
            "counts": bulk.counts(self.outcomes),
            "provider": self.provider,
            "actions": actions,
            "calls": self._server.calls.as_dict(),
        }
        if self.rollouts:
            rolled = self.rollouts.returns()
            found.update(restarted=rolled["restarted"], unmanaged=rolled["unmanaged"])
            if self._details:
                found["verified"] = rolled["verified"]
        if self._details:
            found["roles"] = [self.roles[name] for name in self._wanted.roles if name in self.roles]
            found["service_accounts"] = [
                self.service_accounts[each.title]
                for each in self._wanted.accounts
                if each.title in self.service_accounts
            ]
        if diff:
            found["diff"] = bulk.diff(plans)
        message = bulk.failure(self.outcomes)
        if message:
            found.update(failed=True, msg=message)
        return found
