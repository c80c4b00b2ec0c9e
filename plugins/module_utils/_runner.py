# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module: observe, plan, stop here in check mode, apply, result with diff.

The one place that turns the errors of `_core` and `_api` into ``fail_json``.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.warnings import warn  # AnsibleAWSModule.warn says it twice

from ._core.errors import AccessDenied, AlreadyExists, IrsaError, OutOfDate

if t.TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

    from ._core.plan import Action, Plan

Operations = t.Mapping[str, t.Callable[..., t.Any]]

_ROUNDS = 5
_PAUSE_SECONDS = 0.1


def load_yaml(text: str) -> t.Any:
    """YAML as users write it into an option.

    Imported here because only texts that are no JSON need it.

    :raises ValueError: the text is no YAML, with the line; or PyYAML is missing.
    """
    try:
        import yaml
    except ImportError:
        raise ValueError("reading YAML needs the Python library PyYAML") from None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"{getattr(error, 'problem', None) or 'not readable'}{where}") from None


def run(
    module: AnsibleAWSModule, body: t.Callable[[], dict[str, t.Any]], *, told: t.Mapping[str, t.Any] | None = None
) -> t.NoReturn:
    """Exits the module with what ``body`` returns, or with the error it raises.

    :param told: options as the result tells them, where as they are they would be too much for a job's events.

    An error whose details tell of writes that were done before it has ``changed`` set. A result with ``failed`` and
    ``msg`` fails the module with all that it holds, for what is of use although something went wrong.
    """
    also: dict[str, t.Any] = {"invocation": {"module_args": {**module.params, **told}}} if told else {}
    try:
        result = {**body(), **also}
    except IrsaError as error:
        module.fail_json(msg=str(error), changed=bool(error.details.get("done")), error=error.as_dict(), **also)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
    raise AssertionError("exit_json returned")


def apply(module: AnsibleAWSModule, plan: Plan, operations: Operations, *, rehearse: bool = False) -> list[t.Any]:
    """Does the plan's writes in order, or none of them in check mode.

    :param rehearse: whether, in check mode, the first write is given ``dry_run`` and put to the service, which then
        says of itself what would become of it. Those after it may build on what a dry run doesn't leave behind.
    :returns: what each write returned, in order; empty in check mode.
    :raises IrsaError: the first write that failed, with the writes that were done before it in ``details``, so
        that the message tells how far the run came. Running again goes on from there.
    """
    for warning in plan.warnings:
        warn(warning)
    answers: list[t.Any] = []
    if module.check_mode:
        if rehearse:
            _rehearse(module, plan.actions[:1], operations)
        return answers
    for done, action in enumerate(plan.actions):
        try:
            answers.append(operations[action.operation](**action.arguments))
        except IrsaError as error:
            error.details.setdefault("done", plan.summaries()[:done])
            error.details.setdefault("failed", action.summary)
            raise
    return answers


def _rehearse(module: AnsibleAWSModule, actions: t.Iterable[Action], operations: Operations) -> None:
    for action in actions:
        try:
            operations[action.operation](**action.arguments, dry_run=True)
        except AccessDenied as error:
            # Check mode is of use to those, too, who may read only.
            warn(f"With these credentials a real run would be refused: {error}")


def converge(
    module: AnsibleAWSModule, make_plan: t.Callable[[], Plan], operations: Operations, *, rehearse: bool = False
) -> tuple[Plan, list[t.Any]]:
    """Makes the plan and applies it; again from the start if the object was made or changed after the look at it.

    That was somebody else, or a request of ours whose answer was lost and which was sent again. In the end the plan
    tells of the way from the first look on.

    :param make_plan: observes and plans.
    :param rehearse: as for `apply`.
    :returns: the plan, and what `apply` returned in the last round.
    :raises IrsaError: as `apply`; AlreadyExists and OutOfDate if that goes on for five rounds.
    """
    before: t.Mapping[str, t.Any] | None = None
    done: tuple[Action, ...] = ()
    refused: tuple[Action, ...] = ()
    for rounds_left in reversed(range(_ROUNDS)):
        plan = make_plan()
        try:
            answers = apply(module, plan, operations, rehearse=rehearse)
            break
        except (AlreadyExists, OutOfDate) as error:
            if not rounds_left:
                raise
            before = plan.before if before is None else before
            # What already exists is there, by us or not. What is out of date was done if nothing is left to do.
            count = len(error.details.get("done", ())) + isinstance(error, AlreadyExists)
            done = (*done, *plan.actions[:count])
            refused = plan.actions[count : count + 1] if isinstance(error, OutOfDate) else ()
        time.sleep(_PAUSE_SECONDS * 2 ** (_ROUNDS - rounds_left - 1))
    if before is not None:
        plan = dataclasses.replace(plan, before=before, actions=(*done, *(plan.actions or refused)))
    return plan, answers


def result(module: AnsibleAWSModule, plan: Plan, **returns: t.Any) -> dict[str, t.Any]:
    """The module's result: ``changed``, the writes in words, the returns, and the diff where it was asked for."""
    outcome: dict[str, t.Any] = {"changed": bool(plan), "actions": plan.summaries(), **returns}
    if module._diff:  # pylint: disable=protected-access  # AnsibleModule has no public name for it
        outcome["diff"] = plan.diff()
    return outcome


def without(value: t.Any, secrets: t.Collection[str]) -> t.Any:
    """A result, or a part of one, without these; for those of which there are too many to have AnsibleModule look for
    them everywhere.
    """
    return remove_values(value, secrets)


def concluded(
    returns: dict[str, t.Any], *, warnings: t.Iterable[str] = (), failure: IrsaError | None = None
) -> dict[str, t.Any]:
    """The result of a module that only looks, failed if what it saw is bad enough.

    :param failure: what the module says then; it returns everything all the same.
    """
    for warning in warnings:
        warn(warning)
    outcome: dict[str, t.Any] = {"changed": False, **returns}
    if failure:
        outcome.update(failed=True, msg=str(failure), error=failure.as_dict())
    return outcome
