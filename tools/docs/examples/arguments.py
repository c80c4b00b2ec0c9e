"""Whether arguments are what a module, a role or an inventory plugin takes, by ansible-core's own validator."""

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


def documented(kind: str, names: t.Collection[str]) -> dict[str, t.Any]:
    """What ansible-doc says of plugins of a kind, by name; a name that it doesn't know is missing."""
    if not names:
        return {}
    command = ["ansible-doc", "-t", kind, "--json", *sorted(names)]
    found = subprocess.run(command, check=False, capture_output=True, text=True)
    return t.cast("dict[str, t.Any]", json.loads(found.stdout or "{}"))


def spec_of(options: t.Mapping[str, t.Any]) -> Spec:
    """The argument spec that documented options amount to; ansible-test sanity compares the two."""
    return {name: _option(option) for name, option in options.items()}


def _option(option: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    kept = ("type", "elements", "required", "choices", "aliases")
    spec = {key: option[key] for key in kept if option.get(key) is not None}
    if isinstance(spec.get("choices"), dict):
        spec["choices"] = list(spec["choices"])
    inner = option.get("suboptions") or option.get("options")
    if inner:
        spec["options"] = spec_of(inner)
    return spec


def conditions_of(module: pathlib.Path) -> dict[str, t.Any]:
    """What the source of a module says of options that exclude or need each other."""
    found: dict[str, t.Any] = {}
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        for keyword in getattr(node, "keywords", ()):
            if keyword.arg in CONDITIONS and isinstance(keyword.value, ast.List):
                found[keyword.arg] = ast.literal_eval(keyword.value)
    return found


def problems(
    spec: Spec, arguments: t.Mapping[str, t.Any], conditions: t.Mapping[str, t.Any] | None = None
) -> list[str]:
    """What is wrong with arguments; a template stands for any value."""
    validator = ArgumentSpecValidator(_loosened(spec, arguments), **(conditions or {}))
    errors = validator.validate(dict(arguments)).errors
    return [f"it takes no {error.msg}" if isinstance(error, UnsupportedError) else error.msg for error in errors]


def is_template(value: object) -> bool:
    return isinstance(value, str) and "{{" in value


def _loosened(spec: Spec, arguments: t.Mapping[str, t.Any]) -> Spec:
    """The spec without what it asks of those arguments that are templates, at any depth."""
    loosened = {}
    for name, option in spec.items():
        values = [arguments[key] for key in (name, *option.get("aliases", ())) if key in arguments]
        loosened[name] = _loosened_option(option, values)
    return loosened


def _loosened_option(option: dict[str, t.Any], values: t.Sequence[t.Any]) -> dict[str, t.Any]:
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
            # Of several elements of a list the one with a template decides.
            if key not in merged or is_template(value):
                merged[key] = value
    return option | {"options": _loosened(option["options"], merged)}
