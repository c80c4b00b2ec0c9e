# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of the well-known policies: their structure and their names."""

from __future__ import annotations

import re
import types
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import FACTS, placeholders
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import loader
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.parameters import KINDS

NAMES = loader.policy_names()
STATEMENT_KEYS = {"Sid", "Effect", "Action", "Resource", "Condition", "given", "unless"}


def find_faults(value: t.Any, shape: t.Any, where: str) -> list[str]:
    """Finds where a value differs from a TypedDict or from the type of an annotation."""
    if t.is_typeddict(shape):
        if not isinstance(value, dict):
            return [f"{where} is not a mapping"]
        hints = t.get_type_hints(shape)
        faults = [f"{where} lacks {key}" for key in sorted(shape.__required_keys__ - value.keys())]
        faults += [f"{where} has {key}" for key in sorted(value.keys() - hints.keys())]
        return faults + [
            fault
            for key in value.keys() & hints.keys()
            for fault in find_faults(value[key], hints[key], f"{where}.{key}")
        ]
    origin, arguments = t.get_origin(shape), t.get_args(shape)
    if origin in (t.Union, types.UnionType):
        return [] if any(not find_faults(value, part, where) for part in arguments) else [f"{where} is not {shape}"]
    if shape is t.Any:
        return []
    if not isinstance(value, origin or shape):
        return [f"{where} is not {shape}"]
    if origin is list:
        return [fault for item in value for fault in find_faults(item, arguments[0], f"{where}[]")]
    if origin is dict:
        return [fault for key, item in value.items() for fault in find_faults(item, arguments[1], f"{where}.{key}")]
    return []


@pytest.mark.parametrize("name", NAMES)
def test_file_has_the_structure_of_a_policy(name: str) -> None:
    policy = loader.load_policy(name)
    assert find_faults(policy, loader.Policy, name) == []
    for statement in policy["statements"]:
        assert statement.keys() <= STATEMENT_KEYS
        assert {"Sid", "Effect", "Action", "Resource"} <= statement.keys()
    assert policy.get("comparison") != {}


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_used_and_described(name: str) -> None:
    policy = loader.load_policy(name)
    assert policy["source"].startswith("https://")
    assert policy["version"]
    assert policy["title"]
    used = placeholders([policy["statements"]]) | {
        parameter
        for statement in policy["statements"]
        for key in ("given", "unless")
        for parameter in policy_document.as_list(statement.get(key))
    }
    assert used - FACTS == policy["parameters"].keys()
    assert set(policy.get("one_of", [])) <= policy["parameters"].keys()
    for parameter in policy["parameters"].values():
        assert parameter["kind"] in KINDS
        assert parameter["description"].endswith(".")
        assert not (parameter.get("required") and "default" in parameter)


def test_every_kind_is_used() -> None:
    kinds = {parameter["kind"] for name in NAMES for parameter in loader.load_policy(name)["parameters"].values()}
    assert kinds == KINDS.keys()


@pytest.mark.parametrize(
    ("policy", "faults"),
    [
        ([], ["x is not a mapping"]),
        ({"title": "X"}, ["x lacks parameters", "x lacks source", "x lacks statements", "x lacks version"]),
        (
            {
                "title": 1,
                "source": "",
                "version": "1",
                "statements": [[]],
                "parameters": {"a": {"kind": "b", "description": "c", "default": [1], "defaults": 1}},
            },
            [
                "x.parameters.a has defaults",
                "x.parameters.a.default is not bool | str | list[str] | dict[str, str]",
                "x.statements[] is not dict[str, typing.Any]",
                "x.title is not <class 'str'>",
            ],
        ),
    ],
)
def test_wrong_structure_is_detected(policy: t.Any, faults: list[str]) -> None:
    assert sorted(find_faults(policy, loader.Policy, "x")) == faults


def test_policy_names_match_the_files() -> None:
    assert sorted(file.name for file in loader.DATA.glob("*.yml")) == [f"{name}.yml" for name in NAMES]
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name) for name in NAMES)
    assert {"ebs_csi", "external_dns", "karpenter"} <= set(NAMES)


@pytest.mark.parametrize("name", ["../policies", "EBS_CSI", "", "app_mesh_controller"])
def test_unknown_policy_is_rejected(name: str) -> None:
    with pytest.raises(InvalidInput, match=f"well-known policy {re.escape(name or repr(name))} does not exist"):
        loader.load_policy(name)
