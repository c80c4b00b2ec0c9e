# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables and bindings are validated in one run, with a message for each problem."""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _variables

ROOT = pathlib.Path(__file__).resolve().parents[4]
CART = {"namespace": "shop", "service_account": "cart", "role_name": "shop-cart"}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["irsa_state", "irsa_result", "cluster_name", "_irsa_internal"], []),
        (["irsa_sate"], ["irsa_sate is not a variable of eksops.irsa; did you mean irsa_state?"]),
        (["irsa_binding"], ["irsa_binding is not a variable of eksops.irsa; did you mean irsa_bindings?"]),
        (["irsa_zzzzzz"], ["irsa_zzzzzz is not a variable of eksops.irsa"]),
    ],
)
def test_unknown_variable_is_reported_with_the_nearest_name(names: list[str], expected: list[str]) -> None:
    assert _variables.check_names(names) == expected


@pytest.mark.parametrize("value", [None, ""])
def test_missing_variable_is_reported_with_an_example(value: str | None) -> None:
    (problem,) = _variables.check_required(
        ["irsa_cluster_name", "irsa_bindings"], {"irsa_cluster_name": value, "irsa_bindings": []}
    )
    assert problem.startswith("irsa_cluster_name is not set; ")
    assert "-e irsa_cluster_name=production" in problem


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"irsa_state": "absent", "irsa_force": "yes", "irsa_test_pod": {"enabled": True}}, []),
        (
            {"irsa_state": "absnt"},
            ["irsa_state is 'absnt', and must be one of present, absent; did you mean absent?"],
        ),
        ({"irsa_rollout": "evict"}, ["irsa_rollout is a string, and must be a dictionary"]),
        (
            {"irsa_rollout": {"strategy": "evct"}},
            ["irsa_rollout.strategy is 'evct', and must be one of restart, evict, delete; did you mean evict?"],
        ),
        (
            {"irsa_rollout": {"wait_timout": 3}},
            ["irsa_rollout.wait_timout is not an option; did you mean wait_timeout?"],
        ),
        ({"irsa_rollout": {"wait_timeout": "long"}}, ["irsa_rollout.wait_timeout is a string, and must be an integer"]),
        ({"irsa_test_pod": True}, ["irsa_test_pod is a boolean, and must be a dictionary"]),
        ({"irsa_force": ["yes"]}, ["irsa_force is a list, and must be a boolean"]),
        ({"irsa_rbac": {"rules": ["get"]}}, ["irsa_rbac.rules has an item that is not a dictionary"]),
    ],
)
def test_invalid_variable_is_reported(values: dict[str, t.Any], expected: list[str]) -> None:
    assert _variables.check_values(values) == expected


@pytest.mark.parametrize(
    ("bindings", "expected"),
    [
        (
            [CART, {**CART, "tags": {"team": "a"}, "purge_tag": True}],
            ["shop/cart (binding 2 of 2): purge_tag is not an option; did you mean purge_tags?"],
        ),
        (CART, ["the bindings are a dictionary, and must be a list"]),
        ("shop/cart", ["the bindings are a string, and must be a list"]),
        (["cart"], ["binding 1 of 1 is a string, and must be a dictionary"]),
        (
            [CART, {"namespace": "shop", "service_acount": "cart", "managed_policies": {"a": "b"}}],
            [
                "binding 2 of 2: service_acount is not an option; did you mean service_account?",
                "binding 2 of 2: service_account is not set",
                "binding 2 of 2: managed_policies is a dictionary, and must be a list",
            ],
        ),
        ([{**CART, "namespace": ""}], ["binding 1 of 1: namespace is not set"]),
        ([{**CART, "create": "maybe"}], ["shop/cart (binding 1 of 1): create is a string, and must be a boolean"]),
    ],
)
def test_invalid_binding_is_reported_with_its_number(bindings: t.Any, expected: list[str]) -> None:
    assert _variables.check_bindings(bindings) == expected


def test_json_text_of_a_survey_is_parsed() -> None:
    assert _variables.parse_bindings(' [{"namespace": "shop"}]') == [{"namespace": "shop"}]
    assert _variables.parse_bindings("shop") == "shop"
    assert _variables.parse_bindings([CART]) == [CART]
    with pytest.raises(InvalidInput, match="the bindings are text that is not valid JSON"):
        _variables.parse_bindings('[{"namespace": ')


@pytest.mark.parametrize(
    ("bindings", "text"),
    [
        (
            '[{"namespace": "shop", "inline_policies": {"p": {"Version": "1", "Version": "2"}}}]',
            "the bindings are not valid. Cause: key 'Version' occurs twice in [0].inline_policies.p. "
            "Fix: remove one of them.",
        ),
        (
            [{"namespace": "shop", "inline_policies": '{"p": {}, "p": {}}'}],
            "inline_policies of binding 1 is not valid. Cause: key 'p' occurs twice. Fix: remove one of them.",
        ),
    ],
)
def test_key_that_text_has_twice_is_rejected(bindings: t.Any, text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        _variables.parse_bindings(bindings)
    assert str(caught.value) == text


def test_inline_policies_are_parsed_from_json_text() -> None:
    policies = {"p": {"Version": "2012-10-17"}}
    assert _variables.parse_inline_policies({"inline_policies": json.dumps(policies)}) == {"inline_policies": policies}
    for other in ({"name": "app"}, {"inline_policies": policies}, {"inline_policies": "{'p': 1}"}):
        assert _variables.parse_inline_policies(other) == other


def test_message_has_at_most_ten_lines() -> None:
    _variables.stop([])
    with pytest.raises(InvalidInput) as raised:
        _variables.stop([f"problem {number}" for number in range(30)])
    lines = str(raised.value).splitlines()
    assert len(lines) == 10
    assert lines[:2] == ["invalid variables:", "  problem 0"]
    assert "and 22 more" in lines[-1]


def test_known_variables_are_those_of_the_role_and_the_playbooks() -> None:
    specs = yaml.safe_load((ROOT / "roles" / "irsa" / "meta" / "argument_specs.yml").read_text("utf-8"))
    options = specs["argument_specs"]["main"]["options"]
    assert set(_variables.ROLE) == set(options)
    for name, option in _variables.ROLE.items():
        if option.get("options"):
            assert set(option["options"]) == set(options[name]["options"]), name
    playbooks = "".join(path.read_text("utf-8") for path in (ROOT / "playbooks").rglob("*.yml"))
    # Modules and names with a number behind them are no variables.
    used = set(re.findall(r"(?<![\w.])irsa_[a-z_]*[a-z]\b(?!_%|:$)", playbooks)) - {"irsa_bindings_info"}
    assert used - _variables.KNOWN == set()
    assert _variables.KNOWN - used - set(_variables.ROLE) - {"irsa_result"} == set()
