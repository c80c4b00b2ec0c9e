# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolves requests for well-known policies to templates: checks the parameters and fills them in.

A request is the name of a policy, or a mapping with ``name`` and the parameters of the policy. It may also have
``policy_name``, ``cluster_name`` and ``region``. Requests are resolved on the controller, so that a module gets only
the requested policies. The module fills in the facts that it reads from AWS.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core import validation
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import (
    PLACEHOLDER,
    Template,
    fill,
    placeholders,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.wording import join
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.loader import Policy, load_policy, needed_facts
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.parameters import KINDS, Value

_OPTION = "well_known_policies"
# Keys that every request may have, besides the parameters of its policy.
_NAME, _POLICY_NAME = "name", "policy_name"
# Facts that a request may override, if its policy uses them.
_OVERRIDES = ("cluster_name", "region")
_OVERRIDE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


def resolve_role_arguments(arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Resolves the requests in the arguments of `irsa_role`, or in a binding.

    :returns: the arguments with templates in place of requests.
    :raises InvalidInput: requests are not valid. The error lists all of them.
    """
    if not arguments.get(_OPTION):
        return dict(arguments)
    templates = make_templates(arguments[_OPTION])
    return {**arguments, _OPTION: [dataclasses.asdict(template) for template in templates]}


def resolve_bindings_arguments(arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Resolves the requests in the arguments of `irsa_bindings`.

    :returns: the arguments with templates in place of requests.
    :raises InvalidInput: requests are not valid. The error lists all of them, each with the index of its binding.
    """
    bindings = arguments.get("bindings")
    if not isinstance(bindings, list) or not any(isinstance(item, dict) and item.get(_OPTION) for item in bindings):
        return dict(arguments)
    resolved, problems = [], []
    for index, binding in enumerate(bindings):
        try:
            resolved.append(resolve_role_arguments(binding) if isinstance(binding, dict) else binding)
        except InvalidInput as error:
            problems.append(f"binding {index}: {error}")
    if problems:
        raise InvalidInput("invalid bindings", cause=" ".join(problems), fix="correct the bindings")
    return {**arguments, "bindings": resolved}


def make_templates(requests: t.Any) -> list[Template]:
    """Makes the templates of the requested policies.

    :param requests: a list of requests, not validated.
    :raises InvalidInput: requests are not valid. The error lists all of them.
    """
    problems = validation.Problems()
    if not isinstance(requests, (list, tuple)):
        problems.add(
            f"{_OPTION} is not a list", "use a list of names of policies, or of mappings with name and parameters"
        )
        problems.raise_if_any()
    templates: list[Template] = []
    for request in requests:
        template = _make_template(problems, request)
        if template is None:
            continue
        if any(template.policy_name == other.policy_name for other in templates):
            problems.add(
                f"{_OPTION} would write inline policy {template.policy_name} twice",
                "merge the elements, or give each its own policy_name",
            )
        templates.append(template)
    problems.raise_if_any()
    return templates


def make_template(name: str, parameters: t.Mapping[str, t.Any]) -> Template:
    """Makes the template of one policy.

    :raises InvalidInput: the policy does not exist, or parameters are not valid.
    """
    return make_templates([{**parameters, _NAME: name}])[0]


def example_parameters(name: str, partition: str = "aws", *, everything: bool = False) -> dict[str, Value]:
    """Valid parameters of a policy, for documentation and tests.

    :param everything: whether to return all parameters, and not only as many as the policy needs.
    :raises InvalidInput: the policy does not exist.
    """
    policy = load_policy(name)
    needed = {key for key, parameter in policy["parameters"].items() if parameter.get("required")}
    needed.update(policy.get("one_of", [])[:1])  # of several, the first is enough
    return {
        key: KINDS[parameter["kind"]].example_value(partition)
        for key, parameter in policy["parameters"].items()
        if everything or key in needed
    }


def _make_template(problems: validation.Problems, request: t.Any) -> Template | None:
    request = {_NAME: request} if isinstance(request, str) else request
    if not isinstance(request, t.Mapping) or not isinstance(request.get(_NAME), str):
        problems.add(
            f"{_OPTION} has an element without a name",
            "use the name of a policy, or a mapping with name and parameters",
        )
        return None
    name = str(request[_NAME])
    try:
        policy = load_policy(name)
    except InvalidInput as error:
        problems.add(error.message, error.fix or "")
        return None
    arguments = {str(key): value for key, value in request.items() if key not in (_NAME, _POLICY_NAME)}
    faults = _find_faults(policy, arguments)
    for message, fix in faults:
        problems.add(f"well-known policy {name}: {message}", fix)
    policy_name = request.get(_POLICY_NAME) or f"well-known-{name.replace('_', '-')}"
    validation.check_policy_name(problems, "policy_name", str(policy_name))
    if faults:
        return None
    return Template(name, str(policy_name), _fill_statements(policy, _values_of(policy, arguments)))


def _find_faults(policy: Policy, arguments: t.Mapping[str, t.Any]) -> list[tuple[str, str]]:
    """Finds unknown, missing and invalid parameters. Returns the message and the fix of each."""
    faults: list[tuple[str, str]] = []
    overrides = [fact for fact in _OVERRIDES if fact in needed_facts(policy)]
    for key, value in arguments.items():
        if key in overrides:
            if not isinstance(value, str) or not _OVERRIDE.fullmatch(value):
                faults.append((f"{key} {value!r} is not valid", f"set {key} to a valid name"))
        elif key not in policy["parameters"]:
            known = [*policy["parameters"], *overrides]
            similar = difflib.get_close_matches(key, known, n=1)
            faults.append((f"unknown parameter {key}", f"use {', '.join(similar or known) or 'none'}"))
    for key, parameter in policy["parameters"].items():
        kind, value = KINDS[parameter["kind"]], arguments.get(key)
        if value is None:
            if parameter.get("required"):
                faults.append((f"the parameter {key} is missing", kind.advice))
        elif fault := kind.describe_fault(value):
            faults.append((f"{key} {fault}", kind.advice))
    needed = policy.get("one_of", [])
    if needed and not faults:
        values = _values_of(policy, arguments)
        if not any(values[key] for key in needed):
            faults.append((f"none of {join(needed)} is set", "set at least one of them"))
    return faults


def _values_of(policy: Policy, arguments: t.Mapping[str, t.Any]) -> dict[str, Value]:
    """The value of each parameter: the argument, else the default, else None."""
    defaults = {key: parameter.get("default") for key, parameter in policy["parameters"].items()}
    return {**defaults, **{key: value for key, value in arguments.items() if value is not None}}


def _fill_statements(policy: Policy, values: t.Mapping[str, Value]) -> list[dict[str, t.Any]]:
    kept = []
    for statement in policy["statements"]:
        if not all(values[name] for name in policy_document.as_list(statement.get("given"))):
            continue
        if any(values[name] for name in policy_document.as_list(statement.get("unless"))):
            continue
        if any(not values[name] for name in placeholders(statement["Resource"]) & values.keys()):
            continue
        kept.append(_fill_statement(statement, values))
    return kept


def _fill_statement(statement: t.Mapping[str, t.Any], values: t.Mapping[str, Value]) -> dict[str, t.Any]:
    filled = {key: value for key, value in statement.items() if key not in ("given", "unless", "Condition")}
    filled["Resource"] = _expand_lists(statement["Resource"], values)
    condition = {
        operator: kept
        for operator, keys in statement.get("Condition", {}).items()
        if (kept := _fill_condition(keys, values))
    }
    if condition:
        filled["Condition"] = condition
    return t.cast("dict[str, t.Any]", fill(filled, _strings_of(values)))


def _fill_condition(keys: t.Mapping[str, t.Any], values: t.Mapping[str, Value]) -> dict[str, t.Any]:
    filled: dict[str, t.Any] = {}
    for key, text in keys.items():
        names = placeholders({key: text}) & values.keys()
        if any(not values[name] for name in names):
            continue
        mappings = [(name, value) for name in names if isinstance(value := values[name], t.Mapping)]
        if mappings:
            name, tags = mappings[0]
            filled.update({fill(key, {name: tag}): tag_value for tag, tag_value in tags.items()})
        else:
            filled[key] = _expand_lists(text, values)
    return filled


def _expand_lists(texts: str | t.Sequence[str], values: t.Mapping[str, Value]) -> list[str]:
    """Repeats each text with a list parameter for each value of the list."""
    expanded: list[str] = []
    for text in [texts] if isinstance(texts, str) else texts:
        lists = [name for name in PLACEHOLDER.findall(text) if isinstance(values.get(name), (list, tuple))]
        if lists:
            expanded += [fill(text, {lists[0]: value}) for value in t.cast(t.Sequence[str], values[lists[0]])]
        else:
            expanded.append(text)
    return expanded


def _strings_of(values: t.Mapping[str, Value]) -> dict[str, str]:
    return {name: value for name, value in values.items() if isinstance(value, str)}
