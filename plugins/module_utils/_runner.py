# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module: observe, plan, stop here in check mode, apply, result with diff.

The one place that turns the errors of `_core` and `_api` into ``fail_json``.
"""

from __future__ import annotations

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Plan

if t.TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

Operations = t.Mapping[str, t.Callable[..., t.Any]]


def run(module: AnsibleAWSModule, body: t.Callable[[], dict[str, t.Any]]) -> t.NoReturn:
    """Exits the module with what ``body`` returns, or with the error it raises."""
    try:
        result = body()
    except IrsaError as error:
        module.fail_json(msg=str(error), error=error.as_dict())
    module.exit_json(**result)
    raise AssertionError("exit_json returned")


def apply(module: AnsibleAWSModule, plan: Plan, operations: Operations) -> list[t.Any]:
    """Does the plan's writes in order, or none of them in check mode.

    :returns: what each write returned, in order; empty in check mode.
    :raises IrsaError: the first write that failed, with the writes that were done before it in ``details``, so
        that the message tells how far the run came. Running again goes on from there.
    """
    for warning in plan.warnings:
        module.warn(warning)
    answers: list[t.Any] = []
    if module.check_mode:
        return answers
    for done, action in enumerate(plan.actions):
        try:
            answers.append(operations[action.operation](**action.arguments))
        except IrsaError as error:
            error.details.setdefault("done", plan.summaries()[:done])
            error.details.setdefault("failed", action.summary)
            raise
    return answers


def result(module: AnsibleAWSModule, plan: Plan, **returns: t.Any) -> dict[str, t.Any]:
    """The module's result: ``changed``, the writes in words, the returns, and the diff where it was asked for."""
    outcome: dict[str, t.Any] = {"changed": bool(plan), "actions": plan.summaries(), **returns}
    if module._diff:  # pylint: disable=protected-access  # AnsibleModule has no public name for it
        outcome["diff"] = plan.diff()
    return outcome
