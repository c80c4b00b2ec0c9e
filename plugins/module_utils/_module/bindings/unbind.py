# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unbinds service accounts in the reverse order of the chain: service accounts, pods, roles."""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ..._core.arn import Arn
from ..._core.bindings.outcome import BindingOutcome
from ..._core.bindings.spec import find_unlisted_accounts, get_annotated_role_arn
from ..._core.errors import IrsaError
from ..._core.service_account import plan as service_account_plan
from .. import role as role_module
from .. import service_account as service_account_module
from ..service_account import ListedAccounts, list_accounts
from .context import fail_bindings_in_use, get_observed_account, roll_out, select_accounts

if t.TYPE_CHECKING:
    from ..._core.bindings.spec import PurgeSpec
    from ..._core.plan import Plan
    from ..._core.role import spec as role_spec
    from ..rollout.run import RolloutGroup
    from .context import BindingsContext


@dataclasses.dataclass(frozen=True)
class _Kinds:
    """The kinds of the recorded plans, from `context.KINDS`."""

    accounts: str
    pods: str
    roles: str


_BOUND = _Kinds("service_accounts", "rollouts", "roles")
_UNLISTED = _Kinds("unbound_accounts", "unbound_pods", "unbound_roles")


class Unbinder:
    """Unbinds service accounts from their roles.

    :param outcomes: the outcomes of the bindings to remove.
    :param role_names: the name of the role to change for each binding, by the index of the binding.
    :param listed: the service accounts, if they were listed.
    :ivar rollouts: the rollouts of their pods, if any.
    """

    def __init__(
        self,
        context: BindingsContext,
        outcomes: t.Sequence[BindingOutcome],
        role_names: t.Mapping[int, str],
        kinds: _Kinds,
        listed: ListedAccounts | None,
    ) -> None:
        self.outcomes = outcomes
        self.rollouts: RolloutGroup | None = None
        self._context = context
        self._kinds = kinds
        self._listed = listed
        self._users: dict[str, list[BindingOutcome]] = collections.defaultdict(list)
        for outcome in outcomes:
            if outcome.binding.index in role_names:
                self._users[role_names[outcome.binding.index]].append(outcome)

    def preflight(self) -> None:
        """Fail the bindings whose role running pods use, unless ``force`` is true."""
        if not self._context.spec.force:
            fail_bindings_in_use(self._context, select_accounts(self.outcomes))

    def unbind(self) -> None:
        """Unbind the service accounts of the bindings that have not failed."""
        context = self._context
        to_unbind = [outcome for outcome in select_accounts(self.outcomes) if not outcome.error]
        context.for_each("unbinding service accounts", self._unbind_account, to_unbind)
        if context.spec.rollout is not None and not context.is_stopped:
            unbound = [outcome for outcome in select_accounts(self.outcomes) if not outcome.error]
            self.rollouts = roll_out(context, self._kinds.pods, unbound, without_role=True)
        self._unbind_roles()
        context.fail_unprocessed(self.outcomes)

    def _unbind_account(self, outcome: BindingOutcome) -> None:
        context, spec = self._context, outcome.binding.account_spec(None)
        listed = self._listed

        def make_plan() -> Plan:
            nonlocal listed
            if listed:
                observed, listed = get_observed_account(listed, spec.namespace, spec.name), None
            else:
                observed = service_account_module.observe_service_account(context.server, spec)
            return service_account_plan.plan(spec, observed)

        try:
            plan, answers = context.converge(
                make_plan, service_account_module.operations(context.server), server_dry_run=True
            )
        except IrsaError as error:
            context.fail([outcome], error)
            return
        plan = service_account_plan.with_server_state(spec, plan, answers)
        context.record(self._kinds.accounts, spec.title, plan)
        context.service_accounts[spec.title] = dict(plan.after)
        outcome.changes += plan.summaries()

    def _unbind_roles(self) -> None:
        """Remove the service accounts from the trust policies. Roles that trust no one else are deleted."""
        context = self._context
        client = context.aws.client("iam")
        operations = role_module.operations(context.aws)
        if context.spec.provider.cluster_name:
            context.aws.describe(context.spec.provider.cluster_name)
        listed = context.list_roles(self._users)
        failures: list[tuple[list[BindingOutcome], IrsaError]] = []

        def unbind_role(name: str) -> None:
            users = [outcome for outcome in self._users[name] if not outcome.error]
            spec = context.spec.unbound_role_spec(name, [outcome.binding for outcome in users])
            is_listed = listed is not None

            def make_plan() -> Plan:
                nonlocal is_listed
                if is_listed and listed is not None:
                    is_listed = False
                    plan = self._plan_role(spec, listed.get(name))
                    if not plan:
                        return plan
                # A list does not have all settings, so a role that changes is read again.
                return self._plan_role(spec, role_module.find(client, spec))

            try:
                plan, _answers = context.converge(make_plan, operations)
            except IrsaError as error:
                context.fail(users, error)
                return
            context.record(self._kinds.roles, name, plan)
            context.roles[name] = dict(plan.after)
            for outcome in users:
                outcome.role_arn = plan.before.get("arn") or outcome.role_arn
                outcome.changes += plan.summaries()
            if plan.failure:
                still_trusted = plan.failure.details["service_accounts"]
                failures.append(([user for user in users if user.binding.title in still_trusted], plan.failure))

        names = [name for name, users in self._users.items() if not all(outcome.error for outcome in users)]
        context.for_each("unbinding roles", unbind_role, names)
        # Last: the other roles are independent of a statement that only a user can change.
        for still_allowed, failure in failures:
            context.fail(still_allowed, failure)

    def _plan_role(self, spec: role_spec.RoleSpec, role: t.Any) -> Plan:
        return role_module.plan_for(self._context.aws, spec, role, self._context.policies)


def create_unbinder(context: BindingsContext) -> Unbinder:
    """The unbinder for the service accounts of all bindings, for state absent."""
    names = {outcome.binding.index: outcome.binding.role for outcome in context.outcomes if outcome.binding.role}
    return Unbinder(context, context.outcomes, names, _BOUND, context.list_bound_accounts())


def create_unlisted_unbinder(context: BindingsContext, purge: PurgeSpec, purged: t.Collection[str] = ()) -> Unbinder:
    """The unbinder for the service accounts that this collection bound and that no binding lists.

    :param purged: the names of the roles that trust only listed service accounts after this run.
    :raises Conflict: there are more of them than the limit allows.
    :raises AccessDenied: the caller may not list service accounts.
    """
    listed = list_accounts(context.server, purge.namespaces)
    bound = {(outcome.binding.namespace, outcome.binding.service_account) for outcome in context.outcomes}
    defined = {name.casefold() for name in purged}
    outcomes, role_names = [], {}
    for number, key in enumerate(find_unlisted_accounts(purge, bound, listed.accounts.values())):
        role_arn = get_annotated_role_arn(listed.accounts[key])
        outcome = BindingOutcome(context.spec.unlisted_binding(number, *key), role_arn=role_arn)
        if role_arn:
            arn = Arn.parse(role_arn)
            outcome.role_name = arn.resource.rpartition("/")[2]
            if outcome.role_name.casefold() not in defined and arn.account_id == context.account_id():
                role_names[outcome.binding.index] = outcome.role_name
        outcomes.append(outcome)
    return Unbinder(context, outcomes, role_names, _UNLISTED, listed)
