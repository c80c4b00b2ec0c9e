# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out many bindings of one cluster in one process, with the plans and calls of the single modules."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import typing as t

from ..._api.aws import iam
from ..._core.bindings import spec as binding_spec
from ..._core.errors import AccessDenied, IrsaError, QuotaExceeded
from ..._core.plan import Plan
from ..._core.provider import spec_and_plan as provider_plan
from ..._core.service_account import plan as service_account_plan
from ..._core.service_account.state import ServiceAccountState
from .. import provider as provider_module
from .. import role as role_module
from .. import service_account as service_account_module
from ..rollout.run import RolloutGroup
from . import run as binding_run

if t.TYPE_CHECKING:
    from ..._core.bindings.spec import Outcome
    from ..._core.role.spec import Role
    from .run import Run


def _leaders(outcomes: t.Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """The first binding of each namespace that may be created, to be seen to before the others; and the others."""
    leaders: dict[str, Outcome] = {}
    for each in outcomes:
        if each.account.options["create_namespace"]:
            leaders.setdefault(each.account.options["namespace"], each)
    indices = {each.account.index for each in leaders.values()}
    return list(leaders.values()), [each for each in outcomes if each.account.index not in indices]


class Binding:
    """Makes the bindings, link by link: the provider, then the roles, then the service accounts.

    Objects of one link don't depend on each other, so as many as there are workers are seen to at once. A binding whose
    role or account can't be made has failed; the others go on.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._accounts: dict[int, ServiceAccountState] = {}
        self._role_plans: dict[str, Plan] = {}
        self._listed_roles: dict[str, Role] | None = None
        self._users: dict[str, list[Outcome]] = collections.defaultdict(list)
        self.provider: dict[str, t.Any] = {}
        self.rollouts: RolloutGroup | None = None

    def look_ahead(self) -> None:
        """Reads accounts and roles, so that nothing is written for what can't be.

        :raises QuotaExceeded: the account can't take all of it.
        """
        run, wanted_roles = self._run, self._run.wanted.roles
        # Clients are made here, by one thread; botocore's clients then serve any number.
        run.aws.client("iam")
        if run.wanted.provider.cluster_name:
            run.aws.describe(run.wanted.provider.cluster_name)
        else:
            run.aws.client("sts")
        settings = run.details or any(
            each.description is not None or each.max_session_duration is not None for each in wanted_roles.values()
        )
        # IAM takes its time for a thousand roles; meanwhile the accounts are read.
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            listed_roles = pool.submit(binding_run.known_roles, run, wanted_roles, settings=settings)
            self._look_at_accounts()
            self._listed_roles = listed_roles.result()
        self._plan_roles()

    def _look_at_accounts(self) -> None:
        known = binding_run.known_accounts(self._run)

        def look(outcome: Outcome) -> None:
            wanted = outcome.account.wanted(outcome.role_arn)
            try:
                if known:
                    observed = known.observed(wanted.namespace, wanted.name)
                else:
                    observed = service_account_module.observe_service_account(self._run.server, wanted)
                service_account_plan.require_place(wanted, observed)
            except IrsaError as error:
                self._run.fail([outcome], error)
                return
            self._accounts[outcome.account.index] = observed

        self._run.each("reading service accounts", look, self._run.outcomes, asks=not known)

    def _plan_roles(self) -> None:
        run, wanted = self._run, self._run.wanted.roles
        for outcome in run.outcomes:
            if outcome.account.role:
                self._users[outcome.account.role].append(outcome)
        excesses: dict[str, QuotaExceeded] = {}

        def look(name: str) -> None:
            try:
                self._role_plans[name] = self._plan_role(name, fresh=False)
            except QuotaExceeded as error:
                excesses[name] = error
            except IrsaError as error:
                run.fail(self._users[name], error)

        names = [name for name in wanted if self._is_to_be_made(name)]
        run.each("reading roles", look, names, asks=self._listed_roles is None)
        new = [name for name in wanted if name in self._role_plans and not self._role_plans[name].before]
        binding_spec.check_quotas(
            [
                ([each.account.index for each in self._users[name]], excesses[name])
                for name in wanted
                if name in excesses
            ],
            new,
            self._summary(run.aws.client("iam")) if len(new) > 1 else None,
        )

    def _summary(self, client: t.Any) -> dict[str, int] | None:
        try:
            return iam.account_summary(client)
        except AccessDenied:
            return None  # CreateRole tells

    def _is_to_be_made(self, name: str) -> bool:
        return not all(each.error for each in self._users[name])

    def _plan_role(self, name: str, *, fresh: bool) -> Plan:
        run, wanted = self._run, self._run.wanted.roles[name]
        if self._listed_roles is not None and not fresh:
            role = self._listed_roles.get(name)
        else:
            role = role_module.find(run.aws.client("iam"), wanted)
        return role_module.plan_for(run.aws, wanted, role, run.policies)

    def make_provider(self) -> None:
        """The cluster's OIDC provider, with every audience that is asked for.

        :raises IrsaError: it can't be made, and with it no binding.
        """
        run, wanted = self._run, self._run.wanted.provider
        operations = provider_module.operations(run.aws.client("iam"))
        plan, answers = run.converge(lambda: provider_module.plan(run.aws, wanted), operations)
        if answers:
            plan = provider_module.completed(run.aws, plan)
        run.note("provider", plan.after["arn"], plan)
        self.provider = dict(plan.after)

    def require_provider(self) -> None:
        """Where others keep the provider.

        :raises IrsaError: it is missing, or lacks an audience.
        """
        wanted = self._run.wanted.provider
        observed = provider_module.observe(self._run.aws, wanted)
        provider_plan.require_given(observed, wanted.client_ids)
        self.provider = provider_plan.shape(observed)

    def make_roles(self) -> None:
        """Every role once, however many bindings share it."""
        run = self._run
        operations = role_module.operations(run.aws.client("iam"))

        def make(name: str) -> None:
            first = self._role_plans.pop(name)
            # What isn't there yet can be made at once. What was listed and is to change is read by itself first: a
            # listing doesn't tell everything, and may be some seconds old.
            planned: Plan | None = None if first and self._listed_roles is not None and first.before else first

            def make_plan() -> Plan:
                nonlocal planned
                plan, planned = planned, None
                return self._plan_role(name, fresh=True) if plan is None else plan

            try:
                plan, answers = run.converge(make_plan, operations)
            except IrsaError as error:
                run.fail(self._users[name], error)
                return
            run.note("roles", name, plan)
            run.roles[name] = role_module.in_the_end(plan, answers)
            for outcome in self._users[name]:
                outcome.role_arn = run.roles[name]["arn"]
                outcome.changes += plan.summaries()

        names = [name for name in run.wanted.roles if name in self._role_plans and self._is_to_be_made(name)]
        busy = {name for name in names if self._role_plans[name]}
        done = run.steps("roles", len(names))
        run.each(done, make, [name for name in names if name not in busy], asks=False)
        run.each(done, make, [name for name in names if name in busy])

    def annotate_accounts(self) -> None:
        """The accounts of those bindings whose roles there are."""
        run = self._run
        operations = service_account_module.operations(run.server)
        outcomes = [each for each in run.outcomes if not each.error]
        new: set[str] = set()
        made: set[str] = set()

        def annotate(outcome: Outcome) -> None:
            wanted = outcome.account.wanted(outcome.role_arn)
            listed: ServiceAccountState | None = self._accounts[outcome.account.index]

            def make_plan() -> Plan:
                nonlocal listed
                # An apply names the version that it was planned from, so the look ahead will do for the first try.
                observed, listed = listed or service_account_module.observe_service_account(run.server, wanted), None
                if observed.account is None and wanted.namespace in made:
                    observed = dataclasses.replace(observed, namespace="Active")
                return service_account_plan.plan(wanted, observed)

            try:
                # A server can't rehearse what is to be in a namespace that is still to be made.
                plan, answers = run.converge(make_plan, operations, rehearse=wanted.namespace not in made)
            except IrsaError as error:
                run.fail([outcome], error)
                return
            self._settle(outcome, service_account_plan.confirmed(wanted, plan, answers))
            if any(action.operation == "create_namespace" for action in plan.actions):
                new.add(wanted.namespace)

        def leave(outcome: Outcome) -> None:
            run.apply(idle[outcome.account.index], {})  # for its warnings
            self._settle(outcome, idle[outcome.account.index])

        done = run.steps("service accounts", len(outcomes))
        found = ((each.account.index, self._plan_to_leave(each)) for each in outcomes)
        idle = {index: plan for index, plan in found if plan is not None}
        run.each(done, leave, [each for each in outcomes if each.account.index in idle], asks=False)
        first, rest = _leaders([each for each in outcomes if each.account.index not in idle])
        run.each(done, annotate, first)
        made.update(new)
        run.each(done, annotate, rest)
        for outcome in run.outcomes:
            if run.stopped and not outcome.error and outcome.account.title not in run.service_accounts:
                outcome.error = binding_spec.not_attempted(outcome)

    def _plan_to_leave(self, outcome: Outcome) -> Plan | None:
        """The plan for an account that was found as it is to be, so that there is nothing to write or to wait for."""
        observed = self._accounts[outcome.account.index]
        if observed.account is None:
            return None
        try:
            plan = service_account_plan.plan(outcome.account.wanted(outcome.role_arn), observed)
        except IrsaError:
            return None  # told when its turn comes
        return None if plan else plan

    def _settle(self, outcome: Outcome, plan: Plan) -> None:
        title = outcome.account.title
        self._run.note("service_accounts", title, plan)
        self._run.service_accounts[title] = dict(plan.after)
        outcome.changes += plan.summaries()

    def roll_out(self) -> None:
        """The pods of those accounts that name their role now."""
        run = self._run
        outcomes = [each for each in run.outcomes if not each.error]
        accounts = {
            (each.account.options["namespace"], each.account.options["name"]): {
                "metadata": {"annotations": run.service_accounts[each.account.title]["annotations"]}
            }
            for each in outcomes
        }
        self.rollouts = RolloutGroup(
            run.server,
            [run.wanted.rollout_of(each.account, each.role_arn) for each in outcomes],
            accounts=accounts,
            check_mode=run.foresee,
            workers=run.wanted.workers,
        )
        self.rollouts.observe()
        binding_run.follow(run, "rollouts", self.rollouts, outcomes)
