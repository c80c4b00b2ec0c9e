# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validates the variables of the role `irsa` and of the playbooks, and the bindings in them.

It finds all problems in one run and names each binding. Ansible's own validation stops at the first problem of a
module, and prints the whole specification with a problem of a role.
"""

from __future__ import annotations

import copy
import difflib
import json
import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE

from ..module_utils._core import argument_specs, rbac
from ..module_utils._core.audit.facts import FORMATS
from ..module_utils._core.bindings import grouping
from ..module_utils._core.bindings.spec import BindingsSpec
from ..module_utils._core.errors import DuplicateKey, InvalidInput
from ..module_utils._core.policy.document import load_json
from ..module_utils._core.wording import excerpt
from ..module_utils._runner import load_yaml
from ._module_action import ARGUMENTS_ENCODER
from ._well_known import resolve

Spec = t.Mapping[str, t.Mapping[str, t.Any]]

# The role's variables. Its argument_specs has no types for lists and dictionaries, so that Ansible does not report
# their problems first.
_RBAC: argument_specs.Options = {
    "name": {"type": "str"},
    "rules": {"type": "list", "elements": "dict"},
    "cluster_name": {"type": "str"},
    "cluster_rules": {"type": "list", "elements": "dict"},
}
ROLLOUT = {
    "enabled": {"type": "bool"},
    **{name: {"type": option["type"]} for name, option in argument_specs.ROLLOUT.items() if name != "wait"},
}
ROLLOUT["strategy"]["choices"] = argument_specs.ROLLOUT["strategy"]["choices"]
ROLE: argument_specs.Options = {
    "irsa_cluster_name": {"type": "str"},
    "irsa_region": {"type": "str"},
    "irsa_bindings": {"type": "raw"},
    "irsa_state": {"type": "str", "choices": ["present", "absent"]},
    "irsa_create_provider": {"type": "bool"},
    "irsa_provider_tags": {"type": "dict"},
    "irsa_remove_provider": {"type": "bool"},
    "irsa_force": {"type": "bool"},
    "irsa_rbac": {"type": "dict", "options": _RBAC},
    "irsa_rollout": {"type": "dict", "options": ROLLOUT},
    "irsa_verify": {"type": "bool"},
    "irsa_details": {"type": "bool"},
    "irsa_fail_on": {"type": "str", "choices": ["error", "warning", "never"]},
    "irsa_test_pod": {
        "type": "dict",
        "options": {
            "enabled": {"type": "bool"},
            "image": {"type": "str"},
            "timeout": {"type": "int"},
            "node_selector": {"type": "dict"},
            "tolerations": {"type": "list", "elements": "dict"},
        },
    },
}
# The types of the variables that only playbooks read. `_variable_names` has which playbook reads each.
PLAYBOOK_VARIABLES: argument_specs.Options = {
    "irsa_assume_role_arn": {"type": "str"},
    "irsa_dry_run_pod": {"type": "bool"},
    "irsa_env_from": {"type": "bool"},
    "irsa_external_id": {"type": "str"},
    "irsa_findings_shown": {"type": "int"},
    "irsa_hosts": {"type": "raw"},
    "irsa_ignore": {"type": "list", "elements": "str"},
    "irsa_import_path": {"type": "str"},
    "irsa_max_fail_percentage": {"type": "float"},
    "irsa_namespaces": {"type": "list", "elements": "str"},
    "irsa_profile": {"type": "str"},
    "irsa_report": {"type": "str"},
    "irsa_report_dir": {"type": "str"},
    "irsa_report_formats": {"type": "list", "elements": "str", "choices": [*FORMATS]},
    "irsa_report_mode": {"type": "raw"},
    "irsa_role_accounts": {"type": "list", "elements": "str"},
    "irsa_serial": {"type": "raw"},
    "irsa_unused_days": {"type": "int"},
}
# What serial of a play accepts.
_SERIAL = re.compile(r"\d+%?")
_TYPES = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "dict": "a dictionary",
    "list": "a list",
}
# More problems would hide the first.
_MOST = 8
_OPTIONAL = {name: {**option, "required": False} for name, option in argument_specs.BINDING.items()}
_BINDING = {**_OPTIONAL, "rbac": {"type": "dict", "options": _RBAC}}
_BINDING_VALIDATOR = ArgumentSpecValidator(_OPTIONAL)
# A copy, because the validator fills the default of rollout_options.
_OTHERS = copy.deepcopy(
    {name: option for name, option in argument_specs.IRSA_BINDINGS.items() if name not in ("bindings", "issuer")}
)
_OTHERS_VALIDATOR = ArgumentSpecValidator(_OTHERS)


def check_values(values: t.Mapping[str, t.Any]) -> list[str]:
    """Find what is not valid in the variables of the role and the playbooks, except in the bindings.

    :param values: the variables that are set.
    """
    problems = list(_check(values, {**ROLE, **PLAYBOOK_VARIABLES}))
    serial = values.get("irsa_serial", 1)
    for part in serial if isinstance(serial, list) else [serial]:
        if not _SERIAL.fullmatch(str(part)):
            problems.append(f"irsa_serial is {excerpt(str(part))!r}, and must be a number or a percentage")
    return problems


def check_state(state: t.Any, only: str | None) -> list[str]:
    """Find a state that the playbook does not support. `check_values` finds invalid ones.

    :param state: the value of ``irsa_state``; None if it is not set.
    :param only: the state that the playbook supports; None for any.
    """
    if only is None or state == only or state not in (*ROLE["irsa_state"]["choices"], None):
        return []
    return [f"irsa_state is {state or 'not set'}, but this playbook supports only {only}; remove the extra variable"]


def parse_bindings(bindings: t.Any) -> t.Any:
    """A list, from JSON text of one, as the survey of a job template returns it; other values unchanged.

    :raises InvalidInput: the text, or text in a binding, is not valid JSON or has a key twice in one dictionary.
    """
    if isinstance(bindings, str) and bindings.lstrip().startswith(("[", "{")):
        try:
            bindings = load_json(bindings)
        except DuplicateKey as error:
            raise InvalidInput("the bindings are not valid", cause=str(error), fix="remove one of them") from error
        except ValueError as error:
            raise InvalidInput(
                "the bindings are text that is not valid JSON",
                cause=str(error),
                fix='correct the text, or set a list in a file (-e @bindings.yml) or as JSON (-e \'{"irsa_bindings": '
                "[...]}'), because the value of -e irsa_bindings=... ends at the first blank",
            ) from error
    if not isinstance(bindings, list):
        return bindings
    return [
        parse_inline_policies(binding, f"inline_policies of binding {number}") if isinstance(binding, dict) else binding
        for number, binding in enumerate(bindings, start=1)
    ]


def parse_inline_policies(options: t.Mapping[str, t.Any], what: str = "inline_policies") -> dict[str, t.Any]:
    """The options of a role or a binding, with inline_policies from JSON text as a dictionary.

    Ansible would parse the text too, but keep only the last value of a key that a dictionary has twice.

    :param what: the option, for messages.
    :raises InvalidInput: the text has a key twice in one dictionary.
    """
    text = options.get("inline_policies")
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return dict(options)
    try:
        return {**options, "inline_policies": load_json(text)}
    except DuplicateKey as error:
        raise InvalidInput(f"{what} is not valid", cause=str(error), fix="remove one of them") from error
    except ValueError:
        return dict(options)  # Ansible reports it


def check_accounts(bindings: t.Any) -> list[str]:
    """Find what is not valid in a list of bindings of which only the service accounts are needed.

    :param bindings: not validated.
    """
    if not isinstance(bindings, list):
        return [f"irsa_bindings is {_type_name(bindings)}, and must be a list of bindings"]
    problems = []
    for index, binding in enumerate(bindings):
        title = grouping.describe_binding(bindings, index)
        if not isinstance(binding, dict):
            problems.append(f"{title} is {_type_name(binding)}, and must be a dictionary")
            continue
        missing = [name for name in ("namespace", "service_account") if not binding.get(name)]
        if missing:
            names = sorted(name for name in binding.keys() - argument_specs.BINDING.keys())
            problems += [f"{title}: {name} is not an option{suggest(name, argument_specs.BINDING)}" for name in names]
        problems += [f"{title}: {name} is not set" for name in missing]
    return problems


def check_bindings(
    bindings: t.Any, others: t.Mapping[str, t.Any] | None = None, *, name: str = "bindings"
) -> list[str]:
    """Find what is not valid in a list of bindings, with the number of each, in their order.

    :param bindings: the option ``bindings`` of `irsa_bindings`, not validated.
    :param others: its other options.
    :param name: the option or the variable, for messages.
    """
    if not isinstance(bindings, list):
        return [f"{name} is {_type_name(bindings)}, and must be a list of bindings"]
    bindings = _as_sent(bindings)
    problems, valid = [], {}
    titles = [grouping.describe_binding(bindings, index) for index in range(len(bindings))]
    for index, (title, binding) in enumerate(zip(titles, bindings, strict=True)):
        if not isinstance(binding, dict):
            problems.append(f"{title} is {_type_name(binding)}, and must be a dictionary")
            continue
        found = list(_check(binding, _BINDING))
        problems += [f"{title}: {problem}" for problem in found]
        valid[index] = _convert(_keep_valid(binding) if found else binding)
        try:
            valid[index] = resolve.resolve_role_arguments(valid[index])
        except InvalidInput as error:
            del valid[index]["well_known_policies"]
            problems += [f"{title}: {fault['message']} ({fault['fix']})" for fault in error.details["problems"]]
    problems += _check_specs([valid.get(index) for index in range(len(bindings))], others or {})
    return sorted(
        problems,
        key=lambda problem: next((i for i, title in enumerate(titles) if problem.startswith(title)), len(titles)),
    )


def _as_sent(values: t.Any) -> t.Any:
    """The values as a module gets them. Ansible's own strings, with their origin, take long to copy."""
    return json.loads(json.dumps(values, cls=ARGUMENTS_ENCODER))


def _keep_valid(binding: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The valid options of a binding."""
    return {
        name: value for name, value in binding.items() if name in _BINDING and not any(_check({name: value}, _BINDING))
    }


def _convert(binding: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The options of a binding, converted to their types as the module does it."""
    return dict(_BINDING_VALIDATOR.validate(dict(binding)).validated_parameters)


def _check_specs(bindings: t.Sequence[t.Mapping[str, t.Any] | None], others: t.Mapping[str, t.Any]) -> list[str]:
    """Find what is not valid in the roles and service accounts of the bindings.

    :param bindings: the bindings; None for those that are not dictionaries.
    """
    given = _OTHERS_VALIDATOR.validate({name: value for name, value in others.items() if name in _OTHERS})
    params = {
        **argument_specs.defaults(argument_specs.IRSA_BINDINGS),
        **({} if given.error_messages else given.validated_parameters),
        "cluster_name": "any",
        "bindings": [{} if binding is None else binding for binding in bindings],
    }
    try:
        BindingsSpec.from_params(params, load_yaml)
    except InvalidInput as error:
        invalid = [f"binding {number} of {len(bindings)}:" for number, binding in enumerate(bindings, 1) if not binding]
        return [problem for problem in error.details["problems"] if not problem.startswith(tuple(invalid))]
    return []


def check_rbac(bindings: t.Any, shared: t.Any) -> list[str]:
    """Find RBAC objects that two service accounts would share, so that one of them would lose its rights.

    :param bindings: the bindings, not validated.
    :param shared: the value of ``irsa_rbac``.
    """
    accounts = []
    for index, binding in enumerate(bindings if isinstance(bindings, list) else ()):
        if isinstance(binding, dict) and binding.get("namespace") and binding.get("service_account"):
            account = f"{binding['namespace']}/{binding['service_account']}"
            accounts.append((grouping.describe_binding(bindings, index), account, find_rbac_roles(binding, shared)))
    return [f"{message}; {fix}" for message, fix in rbac.find_problems(accounts)]


def find_rbac_roles(binding: t.Mapping[str, t.Any], shared: t.Any) -> list[rbac.RbacObject]:
    """The Role and the ClusterRole of a binding."""
    rules = shared if binding.get("rbac") is None else binding["rbac"]
    # A pattern does not name a service account, so it has no RBAC objects.
    if not isinstance(rules, dict) or grouping.is_pattern(binding):
        return []
    return rbac.find_roles(str(binding["namespace"]), str(binding["service_account"]), rules)


def stop(problems: t.Sequence[str], what: str = "variables") -> None:
    """:param what: what has the problems.
    :raises InvalidInput: there are problems. It names each in a line of its own.
    """
    if problems:
        more = [f"and {len(problems) - _MOST} more"] if len(problems) > _MOST else []
        raise InvalidInput(f"invalid {what}", lines=[*problems[:_MOST], *more])


def _check(values: t.Mapping[str, t.Any], spec: Spec, prefix: str = "") -> t.Iterator[str]:
    """Yield what is not valid, one message for each option."""
    aliases = {alias: name for name, option in spec.items() for alias in option.get("aliases", ())}
    for name in sorted(values.keys() - spec.keys() - aliases.keys()):
        yield f"{prefix}{name} is not an option{suggest(name, spec)}"
    for name, option in spec.items():
        if option.get("required") and values.get(name) in (None, ""):
            yield f"{prefix}{name} is not set"
    for given, value in values.items():
        name = aliases.get(given, given)
        if name in spec and value is not None:
            yield from _check_value(f"{prefix}{given}", value, spec[name])


def _check_value(title: str, value: t.Any, option: t.Mapping[str, t.Any]) -> t.Iterator[str]:
    if option.get("options"):
        if isinstance(value, dict):
            yield from _check(value, option["options"], f"{title}.")
        else:
            example = f', such as {{"enabled": {_lower(value)}}}' if "enabled" in option["options"] else ""
            yield f"{title} is {_type_name(value)}, and must be a dictionary{example}"
        return
    spec = {key: option[key] for key in ("type", "elements", "choices") if key in option}
    errors = ArgumentSpecValidator({"value": spec}).validate({"value": value}).error_messages
    if not errors:
        return
    if "choices" in spec and isinstance(value, str):
        near = suggest(value, spec["choices"])
        yield f"{title} is {value!r}, and must be one of {', '.join(spec['choices'])}{near}"
    elif "choices" in spec and isinstance(value, list):
        yield f"{title} has an item that is not one of {', '.join(spec['choices'])}"
    elif isinstance(value, list) and spec["type"] == "list":
        yield f"{title} has an item that is not {_TYPES[spec['elements']]}"
    else:
        is_word = isinstance(value, str) and spec["type"] in ("bool", "int", "float")
        yield f"{title} is {repr(excerpt(value)) if is_word else _type_name(value)}, and must be {_TYPES[spec['type']]}"


def suggest(name: str, names: t.Iterable[str]) -> str:
    """The end of a message about an unknown name; empty if no name is similar."""
    near = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _lower(value: t.Any) -> str:
    return "false" if str(value).lower() in BOOLEANS_FALSE else "true"


def _type_name(value: t.Any) -> str:
    names = {dict: "a dictionary", str: "a string", list: "a list", bool: "a boolean", type(None): "empty"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a number")
