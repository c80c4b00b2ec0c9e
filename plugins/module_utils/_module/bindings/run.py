# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs `irsa_bindings`, from the preflight to the result."""

from __future__ import annotations

import typing as t

from ..._api.aws import eks
from ..._core.bindings import outcome as binding_outcome
from ..._core.errors import IrsaError
from . import bind, unbind
from .bind import AccountBinder, RoleBinder
from .context import roll_out, select_accounts

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._core.bindings.outcome import ObjectPlan
    from ..rollout.run import RolloutGroup
    from .context import BindingsContext
    from .unbind import Unbinder

# The highest number of clusters to read for their names.
_MAX_CLUSTERS = 50

Verify = t.Callable[["BindingsContext", t.Mapping[str, t.Any]], None]


class BindingsRun:
    """Binds the service accounts of a run, or unbinds them.

    :param ensure_provider: whether to create the OIDC provider of the cluster. Otherwise, it must exist.
    :param verify: verifies the bindings with the provider; None to skip the verification.
    """

    def __init__(self, context: BindingsContext, *, ensure_provider: bool, verify: Verify | None) -> None:
        self._context = context
        self._ensure_provider = ensure_provider
        self._verify = verify
        self._provider: dict[str, t.Any] = {}
        self._rollouts: list[RolloutGroup] = []
        self._unlisted: Unbinder | None = None

    def execute(self) -> None:
        """Run all steps. A failed binding does not stop the others.

        :raises IrsaError: the provider cannot be written or does not exist, or the bindings exceed a quota or
            ``purge_limit``. Nothing was written.
        """
        if self._context.spec.present:
            self._bind()
        else:
            unbinder = unbind.create_unbinder(self._context)
            unbinder.preflight()
            self._unbind(unbinder)

    def _bind(self) -> None:
        context = self._context
        roles, accounts = RoleBinder(context), AccountBinder(context)
        bind.preflight(context, roles, accounts)
        if context.spec.purge:
            self._unlisted = unbind.create_unlisted_unbinder(context, context.spec.purge, roles.purged)
            self._unlisted.preflight()
        if not context.is_stopped and any(not outcome.error for outcome in context.outcomes):
            self._provider = (bind.ensure_provider if self._ensure_provider else bind.require_provider)(context)
            roles.write()
            accounts.annotate()
            if context.spec.rollout is not None and not context.is_stopped:
                bound = [outcome for outcome in select_accounts(context.outcomes) if not outcome.error]
                self._rollouts.append(roll_out(context, "rollouts", bound))
        context.fail_unprocessed(context.outcomes)
        if self._unlisted:
            self._unbind(self._unlisted)
        if self._verify and not context.is_stopped:
            self._verify(context, self._provider)

    def _unbind(self, unbinder: Unbinder) -> None:
        unbinder.unbind()
        if unbinder.rollouts:
            self._rollouts.append(unbinder.rollouts)

    def result(self, *, diff: bool) -> dict[str, t.Any]:
        """The result of `irsa_bindings`. It has ``failed`` if a binding failed.

        :param diff: whether the result includes the diff.
        """
        context = self._context
        unlisted = list(self._unlisted.outcomes) if self._unlisted else []
        outcomes = [*context.outcomes, *unlisted]
        plans = context.plans()
        result: dict[str, t.Any] = {
            "changed": any(plan for _kind, _name, plan in plans) or any(outcome.changes for outcome in outcomes),
            "results": [outcome.as_dict() for outcome in context.outcomes],
            "counts": binding_outcome.count_by_status(context.outcomes),
            "check_mode": context.check_mode,
            "provider": self._provider,
            "created_namespaces": binding_outcome.list_created_namespaces(plans),
            "actions": binding_outcome.list_actions(outcomes, plans),
            "notes": self._find_notes(plans),
            "calls": context.server.calls.as_dict(),
        }
        if self._unlisted:
            result["unbound"] = [outcome.as_dict() for outcome in unlisted]
        if context.spec.rollout is not None:
            rollout_results = [group.result() for group in self._rollouts]
            for key in ("restarted", "unmanaged", *(["verified"] if context.details else [])):
                result[key] = [entry for rollout_result in rollout_results for entry in rollout_result[key]]
        if context.details:
            titles = [binding.title for binding in context.spec.bindings]
            result["roles"] = [context.roles[name] for name in context.spec.roles if name in context.roles]
            result["service_accounts"] = [
                context.service_accounts[title] for title in titles if title in context.service_accounts
            ]
        if diff:
            result["diff"] = binding_outcome.merge_diffs(plans)
        message = binding_outcome.build_failure_message(outcomes)
        if message:
            result.update(failed=True, msg=message)
        return result

    def _find_notes(self, plans: t.Sequence[ObjectPlan]) -> list[str]:
        """What the user should know about other clusters that use a role, and about objects that are kept."""
        context = self._context
        if not context.spec.present:
            return [
                *binding_outcome.describe_other_roles(context.outcomes, plans),
                *binding_outcome.describe_kept_objects(context.outcomes, context.service_accounts),
            ]
        arn = self._provider.get("arn")
        shared = binding_outcome.find_shared_roles(plans, arn) if arn else []
        if not shared:
            return []
        names = _find_cluster_names(context.aws, {arn for role in shared for arn in role.provider_arns})
        return [role.describe(context.spec.provider.cluster_name, names) for role in shared]


def _find_cluster_names(aws: Aws, provider_arns: t.Collection[str]) -> dict[str, str]:
    """The names of the clusters in the account and region by the ARN of their OIDC provider.

    :param provider_arns: the providers to find. Reading stops when all are found.
    """
    found: dict[str, str] = {}
    try:
        for name in eks.list_clusters(aws.client("eks"))[:_MAX_CLUSTERS]:
            cluster = aws.describe(name)
            if cluster.issuer and (arn := cluster.require_provider_arn()) in provider_arns:
                found[arn] = name
            if len(found) == len(provider_arns):
                break
    except IrsaError:
        pass  # the names are optional: the message then has the providers
    return found
