"""Validate arguments of modules, roles and inventory plugins by ansible-core's own validator."""

from __future__ import annotations

import ast
import json
import pathlib
import subprocess
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import UnsupportedError

Spec = dict[str, dict[str, t.Any]]
CONDITIONS = ("mutually_exclusive", "required_one_of")


def read_documentation(kind: str, names: t.Collection[str]) -> dict[str, t.Any]:
    """Read the documentation of plugins of a kind by ansible-doc.

    :returns: the documentation by name; plugins that do not exist are missing.
    """
    if not names:
        return {}
    command = ["ansible-doc", "-t", kind, "--json", *sorted(names)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return t.cast("dict[str, t.Any]", json.loads(result.stdout or "{}"))


def make_spec(options: t.Mapping[str, t.Any]) -> Spec:
    """Make an argument spec from documented options. ansible-test sanity checks that the module's own is equal."""
    return {name: _make_option(option) for name, option in options.items()}


def _make_option(option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    keys = ("type", "elements", "required", "choices", "aliases")
    spec = {key: option[key] for key in keys if option.get(key) is not None}
    if isinstance(spec.get("choices"), dict):
        spec["choices"] = list(spec["choices"])
    inner = option.get("suboptions") or option.get("options")
    if inner:
        spec["options"] = make_spec(inner)
    return spec


def read_conditions(module: pathlib.Path) -> dict[str, t.Any]:
    """Read `CONDITIONS` between options from the source of a module."""
    conditions: dict[str, t.Any] = {}
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        for keyword in getattr(node, "keywords", ()):
            if keyword.arg in CONDITIONS and isinstance(keyword.value, ast.List):
                conditions[keyword.arg] = ast.literal_eval(keyword.value)
    return conditions


def find_problems(
    spec: Spec, arguments: t.Mapping[str, t.Any], conditions: t.Mapping[str, t.Any] | None = None
) -> list[str]:
    """Find the problems of arguments. Templates are valid for all types."""
    validator = ArgumentSpecValidator(_relax_spec(spec, arguments), **(conditions or {}))
    errors = validator.validate(dict(arguments)).errors
    return [
        f"unsupported parameters: {error.msg}" if isinstance(error, UnsupportedError) else error.msg for error in errors
    ]


def is_template(value: object) -> bool:
    return isinstance(value, str) and "{{" in value


def _relax_spec(spec: Spec, arguments: t.Mapping[str, t.Any]) -> Spec:
    """Remove the restrictions of arguments that are templates, at any depth."""
    relaxed = {}
    for name, option in spec.items():
        values = [arguments[key] for key in (name, *option.get("aliases", ())) if key in arguments]
        relaxed[name] = _relax_option(option, values)
    return relaxed


def _relax_option(option: dict[str, t.Any], values: t.Sequence[t.Any]) -> dict[str, t.Any]:
    if any(map(is_template, values)):
        return {key: option[key] for key in ("required", "aliases") if key in option} | {"type": "raw"}
    items = [item for value in values for item in (value if isinstance(value, list) else [value])]
    if any(map(is_template, items)):
        return {key: option[key] for key in ("required", "aliases") if key in option} | {"type": option["type"]}
    if "options" not in option:
        return option
    merged: dict[str, t.Any] = {}
    for item in items:
        for key, value in item.items() if isinstance(item, dict) else ():
            # A template in one element of a list relaxes the option for all.
            if key not in merged or is_template(value):
                merged[key] = value
    return option | {"options": _relax_spec(option["options"], merged)}
