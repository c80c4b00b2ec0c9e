# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Binds service accounts in the order of the chain: provider, roles, service accounts.

Objects of the same kind are independent, so they are read and written in parallel. If a role or service account cannot
be written, its bindings fail. The other bindings continue.
"""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import typing as t

from ..._api.aws import iam
from ..._core.bindings.spec import build_loss_error, check_quotas, get_annotated_role_arn
from ..._core.errors import AccessDenied, IrsaError, QuotaExceeded
from ..._core.plan import Plan
from ..._core.policy.document import like
from ..._core.provider import plan as provider_plan
from ..._core.service_account import plan as service_account_plan
from ..._core.trust.evaluation import find_allowing, find_lost
from ..._core.trust.statements import has_wildcard, parse_subject, subject
from .. import provider as provider_module
from .. import role as role_module
from .. import service_account as service_account_module
from ..service_account import list_accounts
from .context import find_pods, get_observed_account, select_accounts

if t.TYPE_CHECKING:
    from ..._core.bindings.outcome import BindingOutcome
    from ..._core.role.spec import Role
    from ..._core.service_account.spec import ServiceAccountState
    from ..rollout.run import AccountRollout
    from .context import BindingsContext


def preflight(context: BindingsContext, roles: RoleBinder, accounts: AccountBinder) -> None:
    """Read service accounts and roles and plan the roles, to find errors before the first write.

    :raises QuotaExceeded: the bindings exceed quotas of the AWS account.
    """
    # Only one thread may create botocore clients. Any number of threads may use them.
    context.aws.client("iam")
    if context.spec.provider.cluster_name:
        context.aws.describe(context.spec.provider.cluster_name)
    else:
        context.aws.client("sts")
    # Reading a thousand roles takes seconds. The service accounts are read in the meantime.
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        listing = pool.submit(roles.read)
        accounts.read()
        listing.result()
    roles.plan()


def ensure_provider(context: BindingsContext) -> dict[str, t.Any]:
    """Create the OIDC provider of the cluster, or add missing audiences.

    :returns: the provider, as `iam_oidc_provider` returns it.
    :raises IrsaError: the provider cannot be written.
    """
    operations = provider_module.operations(context.aws)
    plan, answers = context.converge(lambda: provider_module.plan(context.aws, context.spec.provider), operations)
    if answers:
        plan = provider_module.add_thumbprints(context.aws, plan)
    context.record("provider", plan.after["arn"], plan)
    return dict(plan.after)


def require_provider(context: BindingsContext) -> dict[str, t.Any]:
    """Read the OIDC provider of the cluster, if this run does not manage it.

    :returns: the provider, as `iam_oidc_provider` returns it.
    :raises IrsaError: it does not exist, or it lacks an audience.
    """
    observed = provider_module.observe(context.aws, context.spec.provider)
    provider_plan.require_existing(observed, context.spec.provider.client_ids)
    return provider_plan.shape(observed)


class RoleBinder:
    """Plans and writes each role once, even if many bindings share it.

    :ivar purged: the names of the roles that service accounts lose if no binding lists them.
    """

    def __init__(self, context: BindingsContext) -> None:
        self._context = context
        self._specs = context.spec.roles
        self._plans: dict[str, Plan] = {}
        self._listed: dict[str, Role] | None = None
        self.purged: set[str] = set()
        self._users: dict[str, list[BindingOutcome]] = collections.defaultdict(list)
        for outcome in context.outcomes:
            if outcome.binding.role:
                self._users[outcome.binding.role].append(outcome)

    def read(self) -> None:
        """Read the roles by pages if they are many. Otherwise, `plan` reads them one by one."""
        settings = self._context.details or any(spec.names_settings for spec in self._specs.values())
        self._listed = self._context.list_roles(self._specs, settings=settings)

    def plan(self) -> None:
        """Plan the roles.

        :raises QuotaExceeded: the roles exceed quotas of the AWS account.
        """
        context = self._context
        excesses: dict[str, QuotaExceeded] = {}

        def plan_role(name: str) -> None:
            try:
                self._plans[name] = self._plan_role(name, fresh=False)
            except QuotaExceeded as error:
                excesses[name] = error
            except IrsaError as error:
                context.fail(self._users[name], error)

        names = [name for name in self._specs if self._is_needed(name)]
        context.for_each("reading roles", plan_role, names, in_parallel=self._listed is None)
        new = [name for name in names if name in self._plans and not self._plans[name].before]
        titles = {name: [outcome.binding.title for outcome in self._users[name]] for name in names}
        check_quotas(
            [(titles[name], excesses[name]) for name in names if name in excesses],
            new,
            self._read_account_summary() if len(new) > 1 else None,
        )
        if not context.spec.force:
            self._require_unused()

    def _require_unused(self) -> None:
        """Fail the bindings of roles that other service accounts would lose while their pods use the role."""
        context = self._context
        bound = {(outcome.binding.namespace, outcome.binding.service_account) for outcome in context.outcomes}
        lost: dict[tuple[str, tuple[str, str]], str] = {}
        for name, plan in self._plans.items():
            try:
                # The pods of accounts with a binding get their new role in this run.
                lost |= {(plan.before["arn"], key): name for key in _find_lost_accounts(context, plan) - bound}
            except IrsaError as error:
                context.fail(self._users[name], error)
        rollouts = dict(zip(lost, find_pods(context, [account for _arn, account in lost]), strict=True))
        in_use: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
        for (role_arn, account), rollout in rollouts.items():
            name = lost[role_arn, account]
            if rollout.error:
                context.fail(self._users[name], rollout.error)
            in_use[name] += [("/".join(account), pod) for pod in _list_users(rollout, role_arn)]
        for name, users in in_use.items():
            if users:
                accounts, pods = (sorted(set(titles)) for titles in zip(*users, strict=True))
                context.fail(self._users[name], build_loss_error(name, accounts, pods))

    def write(self) -> None:
        """Write the roles."""
        context = self._context
        operations = role_module.operations(context.aws)

        def write_role(name: str) -> None:
            try:
                plan, answers = context.converge(self._get_plan_maker(name), operations)
            except IrsaError as error:
                context.fail(self._users[name], error)
                return
            context.record("roles", name, plan)
            context.roles[name] = role_module.final_state(plan, answers)
            for outcome in self._users[name]:
                outcome.role_arn = context.roles[name]["arn"]
                outcome.changes += plan.summaries()

        names = [name for name in self._specs if name in self._plans and self._is_needed(name)]
        changing = [name for name in names if self._plans[name]]
        unchanged = [name for name in names if not self._plans[name]]
        step_done = context.count_steps("roles", len(names))
        context.for_each(step_done, write_role, unchanged, in_parallel=False)
        context.for_each(step_done, write_role, changing)

    def _get_plan_maker(self, name: str) -> t.Callable[[], Plan]:
        """A function that returns the plan of the preflight first, and then reads the role for each further plan.

        A role that was listed and changes is read again before its first plan: a list does not have all settings, and
        may be some seconds old.
        """
        plan: Plan | None = self._plans.pop(name)
        if plan and plan.before and self._listed is not None:
            plan = None

        def make_plan() -> Plan:
            nonlocal plan
            preflight_plan, plan = plan, None
            return self._plan_role(name, fresh=True) if preflight_plan is None else preflight_plan

        return make_plan

    def _plan_role(self, name: str, *, fresh: bool) -> Plan:
        context, spec = self._context, self._specs[name]
        if self._listed is not None and not fresh:
            role = self._listed.get(name)
        else:
            role = role_module.find(context.aws.client("iam"), spec)
        if spec.replace_trust or spec.purges_accounts_of(role):
            self.purged.add(name)
        return role_module.plan_for(context.aws, spec, role, context.policies)

    def _is_needed(self, name: str) -> bool:
        return not all(outcome.error for outcome in self._users[name])

    def _read_account_summary(self) -> dict[str, int] | None:
        try:
            return iam.account_summary(self._context.aws.client("iam"))
        except AccessDenied:
            return None  # CreateRole then reports an exceeded quota


def _find_lost_accounts(context: BindingsContext, plan: Plan) -> set[tuple[str, str]]:
    """The service accounts that lose the role; of those that match a pattern, the ones that are annotated with it.

    :raises IrsaError: the service accounts could not be listed.
    """
    changes = [action.arguments["change"] for action in plan.actions if action.operation == "change_trust_policy"]
    if not changes:
        return set()
    after, provider_arn = plan.after["trust_policy"], changes[0].grant.provider_arn
    lost: set[tuple[str, str]] = set()
    for text in find_lost(plan.before["trust_policy"], after, provider_arn):
        name = parse_subject(text)
        if name is None or not has_wildcard(text):
            lost |= {name} if name else set()
            continue
        listed = list_accounts(context.server, () if has_wildcard(name[0]) else name[:1])
        lost |= {
            key
            for key, account in listed.accounts.items()
            if like(text, subject(*key))
            and get_annotated_role_arn(account) == plan.before["arn"]
            and find_allowing(after, provider_arn, subject(*key))[0] is False
        }
    return lost


def _list_users(rollout: AccountRollout, role_arn: str) -> list[str]:
    """The pods of a service account that act as a role."""
    statuses = rollout.state.statuses if rollout.state else ()
    return [
        f"{rollout.spec.namespace}/{status.name}"
        for status in statuses
        if status.is_live and any(container.role == role_arn for container in status.containers)
    ]


class AccountBinder:
    """Reads, plans and writes the service accounts."""

    def __init__(self, context: BindingsContext) -> None:
        self._context = context
        self._observed: dict[int, ServiceAccountState] = {}

    def read(self) -> None:
        """Read the service accounts. A binding fails if its namespace or account is missing and must not be created."""
        context = self._context
        listed = context.list_bound_accounts()

        def read_account(outcome: BindingOutcome) -> None:
            spec = outcome.binding.account_spec(outcome.role_arn)
            try:
                if listed:
                    observed = get_observed_account(listed, spec.namespace, spec.name)
                else:
                    observed = service_account_module.observe_service_account(context.server, spec)
                service_account_plan.require_creatable(spec, observed)
            except IrsaError as error:
                context.fail([outcome], error)
                return
            self._observed[outcome.binding.index] = observed

        context.for_each(
            "reading service accounts", read_account, select_accounts(context.outcomes), in_parallel=not listed
        )

    def annotate(self) -> None:
        """Write the service accounts of the bindings whose roles exist."""
        context = self._context
        # If the run was stopped, some service accounts were not read.
        outcomes = [
            outcome for outcome in context.outcomes if not outcome.error and outcome.binding.index in self._observed
        ]
        unchanged: dict[int, Plan] = {}
        for outcome in outcomes:
            plan = self._plan_if_unchanged(outcome)
            if plan is not None:
                unchanged[outcome.binding.index] = plan
        changing = [outcome for outcome in outcomes if outcome.binding.index not in unchanged]

        def record_unchanged(outcome: BindingOutcome) -> None:
            plan = unchanged[outcome.binding.index]
            context.apply(plan, {})  # shows the warnings of the plan
            self._record(outcome, plan)

        step_done = context.count_steps("service accounts", len(outcomes))
        unchanged_outcomes = [outcome for outcome in outcomes if outcome.binding.index in unchanged]
        context.for_each(step_done, record_unchanged, unchanged_outcomes, in_parallel=False)
        # The first binding of a namespace creates it. The others use it.
        first, rest = _split_first_per_namespace(changing)
        created: set[str] = set()
        context.for_each(step_done, lambda outcome: self._annotate_account(outcome, frozenset(), created), first)
        existing = frozenset(created)
        context.for_each(step_done, lambda outcome: self._annotate_account(outcome, existing, created), rest)

    def _annotate_account(self, outcome: BindingOutcome, existing: frozenset[str], created: set[str]) -> None:
        """Write one service account.

        :param existing: the namespaces that this run has created; in check mode, that it would have created.
        :param created: if the service account's namespace is created, it is added here.
        """
        context, spec = self._context, outcome.binding.account_spec(outcome.role_arn)
        preflight_state: ServiceAccountState | None = self._observed[outcome.binding.index]

        def make_plan() -> Plan:
            nonlocal preflight_state
            # The first plan may use the state of the preflight: an apply fails if the version has changed since then.
            observed = preflight_state or service_account_module.observe_service_account(context.server, spec)
            preflight_state = None
            if observed.account is None and spec.namespace in existing:
                observed = dataclasses.replace(observed, namespace="Active")
            return service_account_plan.plan(spec, observed)

        try:
            # A server-side dry run fails in a namespace that does not exist because check mode did not create it.
            plan, answers = context.converge(
                make_plan,
                service_account_module.operations(context.server),
                server_dry_run=spec.namespace not in existing,
            )
        except IrsaError as error:
            context.fail([outcome], error)
            return
        self._record(outcome, service_account_plan.with_server_state(spec, plan, answers))
        if service_account_plan.creates_namespace(plan):
            created.add(spec.namespace)

    def _plan_if_unchanged(self, outcome: BindingOutcome) -> Plan | None:
        """The plan for a service account that needs no write; None if it needs one, or the plan fails."""
        observed = self._observed[outcome.binding.index]
        if observed.account is None:
            return None
        try:
            plan = service_account_plan.plan(outcome.binding.account_spec(outcome.role_arn), observed)
        except IrsaError:
            return None  # `_annotate_account` reports the error
        return None if plan else plan

    def _record(self, outcome: BindingOutcome, plan: Plan) -> None:
        title = outcome.binding.title
        self._context.record("service_accounts", title, plan)
        self._context.service_accounts[title] = dict(plan.after)
        outcome.changes += plan.summaries()


def _split_first_per_namespace(
    outcomes: t.Sequence[BindingOutcome],
) -> tuple[list[BindingOutcome], list[BindingOutcome]]:
    """The first binding of each namespace that may be created, and all others."""
    first: dict[str, BindingOutcome] = {}
    for outcome in outcomes:
        if outcome.binding.options["create_namespace"]:
            first.setdefault(outcome.binding.namespace, outcome)
    indices = {outcome.binding.index for outcome in first.values()}
    return list(first.values()), [outcome for outcome in outcomes if outcome.binding.index not in indices]
