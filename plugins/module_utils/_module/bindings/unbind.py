# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frees many service accounts of their roles, the links of the chain backwards: accounts, then pods, then roles."""

from __future__ import annotations

import collections
import typing as t

from ..._core.arn import Arn
from ..._core.bindings import spec as binding_spec
from ..._core.errors import IrsaError
from ..._core.plan import Plan
from ..._core.service_account import plan as service_account_plan
from .. import role as role_module
from .. import service_account as service_account_module
from ..rollout.run import RolloutGroup
from . import run as binding_run

if t.TYPE_CHECKING:
    from ..._core.bindings.spec import Outcome
    from ..._core.role.spec import Role
    from .run import Run


class Freeing:
    """Takes roles away from service accounts.

    :param outcomes: of the accounts that are to be freed.
    :param names: the role of each account by its index, as far as there is one to change.
    :param kinds: under which the plans of accounts, pods and roles are noted.
    :param accounts: the accounts, where they were listed.
    """

    def __init__(
        self,
        run: Run,
        outcomes: t.Sequence[Outcome],
        names: t.Mapping[int, str],
        kinds: tuple[str, str, str],
        accounts: binding_run.Accounts | None,
    ) -> None:
        self._run = run
        self.outcomes = outcomes
        self._kinds = kinds
        self._accounts = accounts
        self._users: dict[str, list[Outcome]] = collections.defaultdict(list)
        for each in outcomes:
            if each.account.index in names:
                self._users[names[each.account.index]].append(each)
        self.rollouts: RolloutGroup | None = None

    def look_ahead(self) -> None:
        """Finds the accounts whose pods act as their roles; these are not freed, unless by force."""
        if self._run.wanted.force:
            return
        looks = RolloutGroup(
            self._run.server,
            [binding_spec.looked_for(each.account) for each in self.outcomes],
            check_mode=True,
            workers=self._run.wanted.workers,
        )
        looks.observe()
        for outcome, member in zip(self.outcomes, looks.members, strict=True):
            users = [f"{pod['namespace']}/{pod['name']}" for pod in member.returns()["pods"] if pod["stale"]]
            error = member.error or (binding_spec.in_use(outcome.account, users) if users else None)
            if error:
                self._run.fail([outcome], error)

    def free(self) -> None:
        """Frees those that may be."""
        self._free_accounts()
        if self._run.wanted.rollout is not None and not self._run.stopped:
            self._roll_out()
        self._take_roles_away()
        for outcome in self.outcomes:
            if self._run.stopped and not outcome.error and outcome.account.title not in self._run.service_accounts:
                outcome.error = binding_spec.not_attempted(outcome)

    def _free_accounts(self) -> None:
        run = self._run
        operations = service_account_module.operations(run.server)

        def free(outcome: Outcome) -> None:
            wanted = outcome.account.wanted(None)
            fresh = False

            def make_plan() -> Plan:
                nonlocal fresh
                if self._accounts and not fresh:
                    fresh = True
                    return service_account_plan.plan(wanted, self._accounts.observed(wanted.namespace, wanted.name))
                return service_account_plan.plan(
                    wanted, service_account_module.observe_service_account(run.server, wanted)
                )

            try:
                plan, answers = run.converge(make_plan, operations, rehearse=True)
            except IrsaError as error:
                run.fail([outcome], error)
                return
            plan = service_account_plan.confirmed(wanted, plan, answers)
            run.note(self._kinds[0], wanted.title, plan)
            run.service_accounts[wanted.title] = dict(plan.after)
            outcome.changes += plan.summaries()

        run.each("freeing service accounts", free, [each for each in self.outcomes if not each.error])

    def _roll_out(self) -> None:
        """The pods that were started with a role, again and without it."""
        run = self._run
        outcomes = [each for each in self.outcomes if not each.error]
        wanted = [run.wanted.rollout_of(each.account, "") for each in outcomes]
        self.rollouts = RolloutGroup(run.server, wanted, check_mode=run.foresee, workers=run.wanted.workers)
        self.rollouts.observe()
        binding_run.follow(run, self._kinds[1], self.rollouts, outcomes)

    def _take_roles_away(self) -> None:
        """From each role what it grants the accounts that are free now; the role itself where nothing is left."""
        run = self._run
        client = run.aws.client("iam")
        operations = role_module.operations(client)
        if run.wanted.provider.cluster_name:
            run.aws.describe(run.wanted.provider.cluster_name)
        known = binding_run.known_roles(run, self._users)

        def take(name: str) -> None:
            users = [each for each in self._users[name] if not each.error]
            wanted = run.wanted.freed_role(name, [each.account for each in users])
            first = known is not None

            def make_plan() -> Plan:
                nonlocal first
                if first and known is not None:
                    first = False
                    plan = self._plan(wanted, known.get(name))
                    if not plan:
                        return plan
                return self._plan(wanted, role_module.find(client, wanted))

            try:
                plan, _answers = run.converge(make_plan, operations)
            except IrsaError as error:
                run.fail(users, error)
                return
            run.note(self._kinds[2], name, plan)
            run.roles[name] = dict(plan.after)
            for outcome in users:
                outcome.role_arn = plan.before.get("arn") or outcome.role_arn
                outcome.changes += plan.summaries()

        run.each(
            "freeing roles",
            take,
            [name for name, users in self._users.items() if not all(each.error for each in users)],
        )

    def _plan(self, wanted: t.Any, role: Role | None) -> Plan:
        return role_module.plan_for(self._run.aws, wanted, role, self._run.policies)


def named(run: Run) -> Freeing:
    """All accounts of the bindings, for state absent."""
    names = {each.account.index: each.account.role for each in run.outcomes if each.account.role}
    kinds = ("service_accounts", "rollouts", "roles")
    return Freeing(run, run.outcomes, names, kinds, binding_run.known_accounts(run))


def strangers(run: Run, exclusive: binding_spec.Exclusive) -> Freeing:
    """The accounts that this collection bound and that no binding names.

    :raises Conflict: they are more than may be freed.
    :raises AccessDenied: the caller may not list service accounts.
    """
    listed = binding_run.all_accounts(run.server, exclusive.namespaces)
    taken = {(each.account.options["namespace"], each.account.options["name"]) for each in run.outcomes}
    # What a role that is written here trusts is settled by its bindings, unless they only add to it.
    settled = {name.casefold() for name, each in run.wanted.roles.items() if each.purge_service_accounts}
    outcomes, names = [], {}
    for number, key in enumerate(binding_spec.strangers(exclusive, taken, listed.found.values())):
        account = run.wanted.stranger(number, *key)
        role_arn = binding_spec.bound_to(listed.found[key])
        outcome = binding_spec.Outcome(account, role_arn=role_arn)
        arn = Arn.parse(role_arn) if role_arn else None
        if arn:
            outcome.role_name = arn.resource.rpartition("/")[2]
            if outcome.role_name.casefold() not in settled and arn.account_id == run.account_id():
                names[account.index] = outcome.role_name
        outcomes.append(outcome)
    return Freeing(run, outcomes, names, ("freed_accounts", "freed_pods", "freed_roles"), listed)
