# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables and bindings are validated in one run, with a message for each problem."""

from __future__ import annotations

import copy
import json
import pathlib
import typing as t

import jinja2
import pytest
import yaml
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _variables

ROOT = pathlib.Path(__file__).resolve().parents[4]
CART = {"namespace": "shop", "service_account": "cart", "role_name": "shop-cart"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"irsa_state": "absent", "irsa_force": "yes", "irsa_test_pod": {"enabled": True}}, []),
        (
            {"irsa_state": "absnt"},
            ["irsa_state is 'absnt', and must be one of present, absent; did you mean absent?"],
        ),
        (
            {"irsa_rollout": "evict"},
            ['irsa_rollout is a string, and must be a dictionary, such as {"enabled": true}'],
        ),
        (
            {"irsa_rollout": {"strategy": "evct"}},
            ["irsa_rollout.strategy is 'evct', and must be one of restart, evict, delete; did you mean evict?"],
        ),
        (
            {"irsa_rollout": {"wait_timout": 3}},
            ["irsa_rollout.wait_timout is not an option; did you mean wait_timeout?"],
        ),
        ({"irsa_rollout": {"wait_timeout": "long"}}, ["irsa_rollout.wait_timeout is 'long', and must be an integer"]),
        ({"irsa_test_pod": True}, ['irsa_test_pod is a boolean, and must be a dictionary, such as {"enabled": true}']),
        ({"irsa_force": ["yes"]}, ["irsa_force is a list, and must be a boolean"]),
        (
            {"irsa_rollout": "no"},
            ['irsa_rollout is a string, and must be a dictionary, such as {"enabled": false}'],
        ),
        ({"irsa_rbac": {"rules": ["get"]}}, ["irsa_rbac.rules has an item that is not a dictionary"]),
        ({"irsa_serial": [1, "20%"], "irsa_max_fail_percentage": "33.5", "irsa_report_formats": "html,json"}, []),
        ({"irsa_serial": "abc"}, ["irsa_serial is 'abc', and must be a number or a percentage"]),
        ({"irsa_max_fail_percentage": "abc"}, ["irsa_max_fail_percentage is 'abc', and must be a number"]),
        ({"irsa_findings_shown": "all"}, ["irsa_findings_shown is 'all', and must be an integer"]),
        (
            {"irsa_report_formats": ["html", "pdf"]},
            ["irsa_report_formats has an item that is not one of html, json, junit, markdown, sarif"],
        ),
        (
            {"irsa_report_formats": "pdf"},
            ["irsa_report_formats is 'pdf', and must be one of html, json, junit, markdown, sarif"],
        ),
    ],
)
def test_invalid_variable_is_reported(values: dict[str, t.Any], expected: list[str]) -> None:
    assert _variables.check_values(values) == expected


@pytest.mark.parametrize(
    ("bindings", "expected"),
    [
        (
            [{**CART, "service_account": "guest"}, {**CART, "tags": {"team": "a"}, "purge_tag": True}],
            ["shop/cart (binding 2 of 2): purge_tag is not an option; did you mean purge_tags?"],
        ),
        (CART, ["bindings is a dictionary, and must be a list of bindings"]),
        ("shop/cart", ["bindings is a string, and must be a list of bindings"]),
        (["cart"], ["binding 1 of 1 is a string, and must be a dictionary"]),
        (
            [CART, {"namespace": "shop", "service_acount": "cart", "managed_policies": {"a": "b"}}],
            [
                "binding 2 of 2: service_acount is not an option; did you mean service_account?",
                "binding 2 of 2: managed_policies is a dictionary, and must be a list",
                "binding 2 of 2: service_account is not set",
                "binding 2 of 2: neither role_name nor role_arn is set; use one of them",
            ],
        ),
        (
            # The duplicate and the unknown option hide none of the others.
            [
                CART,
                {**CART, "purge_tag": True, "role_arn": "arn:aws:iam::123456789012:role/x"},
                {**CART, "service_account": "a", "role_name": "a b", "token_expiration": 10},
                "guest",
            ],
            [
                "shop/cart (binding 2 of 4): purge_tag is not an option; did you mean purge_tags?",
                "shop/cart (binding 2 of 4): role_name and role_arn are both set; use one of them",
                "shop/a (binding 3 of 4): token_expiration 10 is not a valid token lifetime",
                "shop/a (binding 3 of 4): role_name 'a b' is not a valid IAM role name",
                "binding 4 of 4 is a string, and must be a dictionary",
                "shop/cart is bound twice, by bindings 1 and 2 of 4",
            ],
        ),
        (
            [{**CART, "well_known_policies": ["external_dns", "nowhere"]}],
            [
                "shop/cart (binding 1 of 1): well-known policy external_dns: the parameter zones is missing",
                "shop/cart (binding 1 of 1): well-known policy nowhere does not exist",
            ],
        ),
        (
            [{**CART, "rbac": {"rule": []}}],
            ["shop/cart (binding 1 of 1): rbac.rule is not an option; did you mean rules?"],
        ),
        ([{**CART, "namespace": ""}], ["binding 1 of 1: namespace is not set"]),
        ([{**CART, "create": "maybe"}], ["shop/cart (binding 1 of 1): create is 'maybe', and must be a boolean"]),
    ],
)
def test_invalid_binding_is_reported_with_its_number(bindings: t.Any, expected: list[str]) -> None:
    assert [problem.partition(" (use ")[0] for problem in _variables.check_bindings(bindings)] == expected


def test_problems_of_other_options_are_reported_with_those_of_bindings() -> None:
    problems = _variables.check_bindings(
        [{**CART, "role_name": "a b"}], {"max_workers": 0, "issuer": "x", "state": "absent"}
    )
    assert [problem.partition(" (use ")[0] for problem in problems] == [
        "shop/cart (binding 1 of 1): role_name 'a b' is not a valid IAM role name",
        "max_workers 0 is out of range",
    ]
    # The module reports options of a wrong type.
    assert _variables.check_bindings([CART], {"max_workers": "many"}) == []


@pytest.mark.parametrize(
    ("bindings", "expected"),
    [
        ([CART, {"namespace": "shop", "service_account": "guest", "other": 1}], []),
        ("text", ["irsa_bindings is a string, and must be a list of bindings"]),
        ([1], ["binding 1 of 1 is a number, and must be a dictionary"]),
        (
            [{"namespace": "shop", "service_acount": "cart"}],
            [
                "binding 1 of 1: service_acount is not an option; did you mean service_account?",
                "binding 1 of 1: service_account is not set",
            ],
        ),
    ],
)
def test_accounts_of_bindings_are_checked(bindings: t.Any, expected: list[str]) -> None:
    assert _variables.check_accounts(bindings) == expected


RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
RBAC = {"rules": RULES, "cluster_rules": RULES}


def account(title: str, **options: t.Any) -> dict[str, t.Any]:
    namespace, name = title.split("/")
    return {"namespace": namespace, "service_account": name, "role_name": "app", **options}


def test_default_names_of_rbac_objects_differ_for_all_accounts() -> None:
    titles = ["l4-team/app", "l4/team-app", "l4/team.app", "a/b", "a/b-irsa"]
    assert _variables.check_rbac([account(title) for title in titles], RBAC) == []
    assert [role.title for role in _variables.find_rbac_roles(account("l4-team/app"), RBAC)] == [
        "Role l4-team/app-irsa",
        "ClusterRole l4-team.app-irsa",
    ]


@pytest.mark.parametrize(
    ("bindings", "shared", "expected"),
    [
        pytest.param(
            [account("a/x"), account("b/x")],
            {**RBAC, "cluster_name": "nodes"},
            [
                "b/x (binding 2 of 2): ClusterRole nodes is also that of a/x (binding 1 of 2); "
                "set another rbac.cluster_name"
            ],
            id="one-cluster-role-for-two-accounts",
        ),
        pytest.param(
            [account("a/x", rbac={"rules": RULES, "name": "y-irsa"}), account("a/y", rbac={"rules": RULES})],
            {},
            ["a/y (binding 2 of 2): Role y-irsa is also that of a/x (binding 1 of 2); set another rbac.name"],
            id="name-that-is-the-default-of-another",
        ),
        pytest.param([account("a/x"), account("b/x")], {"rules": RULES, "name": "r"}, [], id="other-namespace"),
        pytest.param([account("a/x", rbac={}), account("b/x")], {**RBAC, "cluster_name": "n"}, [], id="no-rules"),
        pytest.param([account("a/x"), account("a/x")], RBAC, [], id="duplicate-is-reported-elsewhere"),
        pytest.param([account("a/x", rbac=None)], None, [], id="without-rbac"),
        pytest.param(["a/x", {"namespace": "a"}], RBAC, [], id="invalid-bindings-are-reported-elsewhere"),
        pytest.param("nothing", RBAC, [], id="no-list"),
        pytest.param([account("a*/x"), account("b/x-?")], {**RBAC, "cluster_name": "n"}, [], id="patterns"),
        pytest.param([account("a/x-*", rbac=RBAC)], {}, [], id="rbac-of-a-pattern-is-reported-elsewhere"),
        pytest.param(
            [account(f"a/{'x' * 250}", rbac={"cluster_rules": RULES})],
            {},
            [
                f"a/{'x' * 250} (binding 1 of 1): ClusterRole a.{'x' * 250}-irsa has more than 253 characters; "
                "set rbac.cluster_name"
            ],
            id="long-name",
        ),
    ],
)
def test_rbac_objects_of_two_accounts_are_rejected(bindings: t.Any, shared: t.Any, expected: list[str]) -> None:
    assert _variables.check_rbac(bindings, shared) == expected


def test_template_has_the_rules_of_each_account() -> None:
    environment = jinja2.Environment(trim_blocks=True)  # noqa: S701 -- YAML, not HTML; as Ansible does
    environment.filters["to_json"] = json.dumps
    template = environment.from_string((ROOT / "roles" / "irsa" / "templates" / "rbac.yml.j2").read_text("utf-8"))
    own = {"rules": RULES, "name": "r"}
    bindings = [account("l4-team/app"), account("a/x", rbac=None), account("a/y", rbac=own), account("a/z", rbac={})]
    assert yaml.safe_load(template.render(_irsa_named_bindings=bindings, irsa_rbac=RBAC)) == [
        {"namespace": "l4-team", "service_account": "app", "rbac": RBAC},
        {"namespace": "a", "service_account": "x", "rbac": RBAC},
        {"namespace": "a", "service_account": "y", "rbac": own},
        {"namespace": "a", "service_account": "z", "rbac": {}},
    ]
    assert yaml.safe_load(template.render(_irsa_named_bindings=[], irsa_rbac={})) == []


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


@pytest.mark.parametrize(
    ("state", "only", "expected"),
    [
        ("present", None, []),
        ("absnt", "absent", []),
        (None, "absent", ["irsa_state is not set, but this playbook supports only absent; remove the extra variable"]),
        ("absent", "absent", []),
        (
            "present",
            "absent",
            ["irsa_state is present, but this playbook supports only absent; remove the extra variable"],
        ),
    ],
)
def test_state_of_another_playbook_is_rejected(state: str | None, only: str | None, expected: list[str]) -> None:
    assert _variables.check_state(state, only) == expected


def test_message_has_at_most_ten_lines() -> None:
    _variables.stop([])
    with pytest.raises(InvalidInput) as raised:
        _variables.stop([f"problem {number}" for number in range(30)])
    lines = str(raised.value).splitlines()
    assert len(lines) == 10
    assert lines[:2] == ["invalid variables:", "  problem 0"]
    assert "and 22 more" in lines[-1]


def test_table_of_options_is_not_changed() -> None:
    before = copy.deepcopy(argument_specs.IRSA_BINDINGS)
    _variables.check_bindings([CART], {"rollout": True})
    assert before == argument_specs.IRSA_BINDINGS
