# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls out the pods of many bindings, and finds those that use a role."""

from __future__ import annotations

import typing as t

from ..._core import options
from ..._core.bindings.spec import in_use_error
from ..._core.errors import InvalidInput
from ..._core.rollout.spec import RolloutSpec
from ..rollout.run import RolloutGroup

if t.TYPE_CHECKING:
    from ..._core.bindings.outcome import BindingOutcome
    from ..rollout.run import AccountRollout
    from .context import BindingsContext

# To find pods without restarting any.
_SEARCH_OPTIONS = {**options.defaults(options.ROLLOUT), "wait": False, "label_selectors": None}


def find_option_problems(params: t.Mapping[str, t.Any]) -> list[str]:
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
