# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a module: observe, plan, apply (unless in check mode), return the result with its diff.

Only this file turns the errors of `_core` and `_api` into ``fail_json``.
"""

from __future__ import annotations

import atexit
import dataclasses
import gc
import itertools
import json
import random
import time
import typing as t

from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.common.warnings import warn  # AnsibleAWSModule.warn warns twice

from ._core.errors import AccessDenied, AlreadyExists, DuplicateKey, InvalidInput, IrsaError, OutOfDate
from ._core.wording import LONE_SURROGATE, visible

if t.TYPE_CHECKING:
    from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule

    from ._core.plan import Action, Plan

Operations = t.Mapping[str, t.Callable[..., t.Any]]

# How often an object is planned again: after a change by another writer, and after a transient error of AWS.
_ROUNDS, _TRANSIENT_ROUNDS = 5, 8
_PAUSE_SECONDS = 0.1
# Policy documents have less: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
_MAX_YAML_DEPTH, _MAX_YAML_VALUES, _MAX_YAML_NUMBER = 20, 4000, 100


def load_yaml(text: str) -> t.Any:
    """Parse YAML from an option. Only text that is not JSON needs PyYAML, so the import is here.

    Aliases could make a huge document of a small text, and tags objects that JSON does not have.

    :raises DuplicateKey: a mapping has a key twice.
    :raises ValueError: the text is not valid YAML (the message names the line), has aliases or tags, or PyYAML is
        missing.
    """
    try:
        import yaml
    except ImportError:
        raise ValueError("reading YAML needs the Python library PyYAML") from None

    class Loader(yaml.SafeLoader):
        depth = count = 0

        def fetch_flow_collection_start(self, *args: t.Any) -> None:
            if self.flow_level > _MAX_YAML_DEPTH:
                raise yaml.scanner.ScannerError(None, None, "it is nested too deeply", self.get_mark())
            super().fetch_flow_collection_start(*args)

        def compose_node(self, parent: t.Any, index: t.Any) -> t.Any:
            event: t.Any = self.peek_event()  # type: ignore[no-untyped-call]
            self.depth += 1
            self.count += 1
            problems = {
                "YAML aliases are not allowed": isinstance(event, yaml.AliasEvent),
                f"the YAML tag {getattr(event, 'tag', None)} is not allowed": getattr(event, "tag", None),
                "it is nested too deeply": self.depth > _MAX_YAML_DEPTH,
                f"it has more than {_MAX_YAML_VALUES} values": self.count > _MAX_YAML_VALUES,
            }
            node = None if any(problems.values()) else super().compose_node(parent, index)
            if node and node.tag.endswith((":int", ":float")) and len(node.value) > _MAX_YAML_NUMBER:
                problems[f"a number has {len(node.value)} digits"] = True
            problem = next((text for text, is_found in problems.items() if is_found), None)
            if problem:
                raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
            self.depth -= 1
            return node

    try:
        loader = Loader(text)
        root = loader.get_single_node()
        _require_unique_keys(root)
        return None if root is None else loader.construct_document(root)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ValueError(f"{getattr(error, 'problem', None) or 'not readable'}{where}") from None


def _require_unique_keys(root: t.Any) -> None:
    """PyYAML keeps only the last value of a key that a mapping has twice.

    :param root: the composed text, without aliases.
    """
    nodes = [(root, "")]
    while nodes:
        node, path = nodes.pop()
        kind = getattr(node, "id", None)
        if kind == "sequence":
            nodes += [(item, f"{path}[{index}]") for index, item in enumerate(node.value)]
        if kind != "mapping":
            continue
        names = set()
        for key, value in node.value:
            nodes.append((value, f"{path}.{key.value}" if path else str(key.value)))
            if key.id == "scalar" and (key.tag, key.value) in names:
                raise DuplicateKey(key.value, path, key.start_mark.line + 1)
            names.add((key.tag, str(key.value)))


def disable_garbage_collection() -> None:
    """Keep Python from searching thousands of objects for reference cycles, which they do not have, also at its exit.

    It would take a quarter of the time.
    """
    gc.disable()
    atexit.register(gc.freeze)


def run(
    module: AnsibleAWSModule,
    body: t.Callable[[], dict[str, t.Any]],
    *,
    reported_args: t.Mapping[str, t.Any] | None = None,
) -> t.NoReturn:
    """Exit the module with the result that ``body`` returns, or with the error that it raises.

    An error sets ``changed`` if its details list completed writes. A result with ``failed`` and ``msg`` fails the
    module and is returned in full.

    :param reported_args: shortened options for the result, if the options are too large for a job's events.
    """
    invocation: dict[str, t.Any] = {}
    if reported_args:
        invocation = {"invocation": {"module_args": {**module.params, **reported_args}}}
    result: dict[str, t.Any] = {}
    failure: IrsaError | None = None
    try:
        _require_sendable(module)
        _require_one_of(module)
        result = {**body(), **invocation}
    except IrsaError as error:
        failure = error
    if failure:
        # Not in the handler: with -vvv Ansible would add the texts of the errors that caused this one. Those of
        # botocore may quote a whole request.
        done = bool(failure.details.get("done"))
        module.fail_json(msg=str(failure), changed=done, error=failure.as_dict(), **invocation)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
    raise AssertionError("exit_json returned")


def _require_sendable(module: AnsibleAWSModule) -> None:
    """Require that all values can be sent.

    :raises InvalidInput: one cannot.
    """
    for name, value in module.params.items():
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            flaw, fix = LONE_SURROGATE, "write the whole character"
        except ValueError:
            flaw, fix = "has an integer of thousands of digits", "use a smaller number"
        else:
            continue
        module.params[name] = None  # Ansible adds the options to the result, and could not print it
        raise InvalidInput(f"{name} {flaw}", fix=fix, options=(name,))


def _require_one_of(module: AnsibleAWSModule) -> None:
    """Require that options of which one is required are not all null. Ansible accepts that.

    :raises InvalidInput: they are.
    """
    for names in module._module.required_one_of or ():
        if all(module.params.get(name) is None for name in names):
            raise InvalidInput(f"{' and '.join(names)} are not set", fix="set one of them", options=tuple(names))


def apply(module: AnsibleAWSModule, plan: Plan, operations: Operations, *, server_dry_run: bool = False) -> list[t.Any]:
    """Do the plan's writes in order, or none of them in check mode.

    :param server_dry_run: in check mode, send the first write to the service with ``dry_run``; the service reports what
        would happen. Later writes may depend on the first one, which a dry run does not store.
    :returns: what each write returned, in order; empty in check mode.
    :raises IrsaError: a write failed. ``details`` lists the completed writes; the next run continues after them.
    """
    for warning in plan.warnings:
        warn(visible(warning))
    answers: list[t.Any] = []
    if module.check_mode:
        if server_dry_run:
            _dry_run(plan.actions[:1], operations)
        return answers
    for done, action in enumerate(plan.actions):
        try:
            answers.append(operations[action.operation](**action.arguments))
        except IrsaError as error:
            error.details.setdefault("done", plan.summaries()[:done])
            error.details.setdefault("failed", action.summary)
            raise
    return answers


def _dry_run(actions: t.Iterable[Action], operations: Operations) -> None:
    for action in actions:
        try:
            operations[action.operation](**action.arguments, dry_run=True)
        except AccessDenied as error:
            # Users with read-only permissions may use check mode too.
            warn(f"A run without check mode would fail with these credentials: {error}")


def converge(
    module: AnsibleAWSModule, make_plan: t.Callable[[], Plan], operations: Operations, *, server_dry_run: bool = False
) -> tuple[Plan, list[t.Any]]:
    """Make the plan and apply it; start again if the object was created or changed after it was read.

    The cause is another writer, a retried request whose first answer was lost, or a transient error of a write that
    must not be repeated without another read.

    :param make_plan: observes and plans.
    :param server_dry_run: as for `apply`.
    :returns: the plan, which starts from the state that was read first, and what `apply` returned in the last round.
    :raises IrsaError: as `apply`; an error with ``can_plan_again`` if all rounds end with it.
    """
    before: t.Mapping[str, t.Any] | None = None
    done: tuple[Action, ...] = ()
    refused: tuple[Action, ...] = ()
    for number in itertools.count():
        plan = make_plan()
        try:
            answers = apply(module, plan, operations, server_dry_run=server_dry_run)
            break
        except IrsaError as error:
            is_changed = isinstance(error, (AlreadyExists, OutOfDate))
            if not error.can_plan_again or number + 1 >= (_ROUNDS if is_changed else _TRANSIENT_ROUNDS):
                raise
            before = plan.before if before is None else before
            # A create counts as done if the object exists. Another write counts as done if the next plan is empty: the
            # object was outdated, or the answer was lost.
            count = len(error.details.get("done", ())) + isinstance(error, AlreadyExists)
            done = (*done, *plan.actions[:count])
            refused = () if isinstance(error, AlreadyExists) else plan.actions[count : count + 1]
        # Different for each writer, so that they do not meet again.
        time.sleep(_PAUSE_SECONDS * 2**number * random.uniform(0.75, 1.25))  # noqa: S311
    if before is not None:
        plan = dataclasses.replace(plan, before=before, actions=(*done, *(plan.actions or refused)))
    return plan, answers


def result(module: AnsibleAWSModule, plan: Plan, **returns: t.Any) -> dict[str, t.Any]:
    """The module's result: ``changed``, the summaries of the writes, the returns, and the diff if requested.

    It has ``failed`` and ``msg`` if the plan's writes do not bring the object to its spec.
    """
    outcome: dict[str, t.Any] = {"changed": bool(plan), "actions": plan.summaries(), **returns}
    if plan.failure:
        outcome.update(failed=True, msg=str(plan.failure), error=plan.failure.as_dict())
    if module._diff:  # pylint: disable=protected-access  # AnsibleModule has no public name for it
        outcome["diff"] = plan.diff()
    return outcome


def redact(value: t.Any, secrets: t.Collection[str]) -> t.Any:
    """Remove secrets from a result or a part of it.

    For many secrets: AnsibleModule would search every value for each of them.
    """
    return remove_values(value, secrets)


def info_result(
    returns: dict[str, t.Any], *, warnings: t.Iterable[str] = (), failure: IrsaError | None = None
) -> dict[str, t.Any]:
    """The result of a module that only reads.

    :param failure: fails the module with this error; the result still has all returns.
    """
    for warning in warnings:
        warn(visible(warning))
    outcome: dict[str, t.Any] = {"changed": False, **returns}
    if failure:
        outcome.update(failed=True, msg=str(failure), error=failure.as_dict())
    return outcome
