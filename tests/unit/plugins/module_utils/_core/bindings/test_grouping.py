# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import grouping
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def binding(account: str, role: str = "app", namespace: str = "shop", **more: object) -> dict[str, object]:
    return {"namespace": namespace, "service_account": account, "role_name": role, **more}


def test_roles_with_their_accounts_in_order() -> None:
    roles = grouping.group_by_role([binding("b"), binding("x", role="other"), binding("a")])
    assert roles == [
        {
            "name": "app",
            "service_accounts": [{"namespace": "shop", "name": "b"}, {"namespace": "shop", "name": "a"}],
            "audiences": ["sts.amazonaws.com"],
        },
        {
            "name": "other",
            "service_accounts": [{"namespace": "shop", "name": "x"}],
            "audiences": ["sts.amazonaws.com"],
        },
    ]


@pytest.mark.parametrize(
    ("first", "second", "merged"),
    [
        pytest.param(
            {"managed_policies": ["A", "B"]},
            {"managed_policies": ["B", "C"]},
            {"managed_policies": ["A", "B", "C"]},
            id="lists",
        ),
        pytest.param({"managed_policies": []}, {}, {"managed_policies": []}, id="empty-list"),
        pytest.param(
            {"well_known_policies": ["ebs_csi", {"name": "external_dns", "zones": ["Z1"]}]},
            {"well_known_policies": [{"zones": ["Z1"], "name": "external_dns"}, "karpenter"]},
            {"well_known_policies": ["ebs_csi", {"name": "external_dns", "zones": ["Z1"]}, "karpenter"]},
            id="lists-of-mappings",
        ),
        pytest.param({"well_known_policies": []}, {}, {"well_known_policies": []}, id="empty-list-of-mappings"),
        pytest.param({"tags": {"a": "1"}}, {"tags": {"b": "2"}}, {"tags": {"a": "1", "b": "2"}}, id="mappings"),
        pytest.param({"tags": {"a": "1"}}, {"tags": {"a": "1"}}, {"tags": {"a": "1"}}, id="equal-mappings"),
        pytest.param({"path": "/x/"}, {}, {"path": "/x/"}, id="option-of-one-binding"),
        pytest.param(
            {"purge_policies": False}, {"purge_policies": False}, {"purge_policies": False}, id="equal-options"
        ),
        pytest.param(
            {"inline_policies": {"p": {"Version": "1", "Statement": []}}},
            {"inline_policies": {"p": {"Statement": [], "Version": "1"}}},
            {"inline_policies": {"p": {"Version": "1", "Statement": []}}},
            id="equal-documents",
        ),
        pytest.param({"audience": "custom"}, {}, {"audiences": ["custom", "sts.amazonaws.com"]}, id="audiences"),
        pytest.param(
            {"audiences": ["sts.amazonaws.com", "x"]},
            {},
            {"audiences": ["sts.amazonaws.com", "x"]},
            id="more-audiences",
        ),
        pytest.param(
            {"audiences": ["x"], "audience": "x"},
            {"audience": "y"},
            {"audiences": ["x", "y"]},
            id="audiences-of-both",
        ),
        pytest.param({"audiences": []}, {}, {"audiences": []}, id="no-audience"),
        pytest.param({}, {"audiences": []}, {"audiences": []}, id="no-audience-in-the-second"),
    ],
)
def test_bindings_of_one_role_are_merged(
    first: dict[str, object], second: dict[str, object], merged: dict[str, object]
) -> None:
    given = [binding("a", **first), binding("b", **second)]
    before = copy.deepcopy(given)
    (role,) = grouping.group_by_role(given)
    assert {key: role[key] for key in merged} == merged
    assert set(role) == {"name", "service_accounts", "audiences"} | set(merged)
    assert given == before


def test_binding_with_role_arn_defines_no_role() -> None:
    assert (
        grouping.group_by_role([{"namespace": "n", "service_account": "s", "role_arn": "arn:aws:iam::1:role/x"}]) == []
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([{"namespace": "shop", "role_name": "app"}], "binding 1 of 1: service_account is not set"),
        (
            [{"namespace": "shop", "service_account": "a"}],
            "shop/a (binding 1 of 1): neither role_name nor role_arn is set; use one of them",
        ),
        (
            [binding("a", role_arn="arn")],
            "shop/a (binding 1 of 1): role_name and role_arn are both set; use one of them",
        ),
        ([binding("a"), binding("a", role="other")], "shop/a is bound twice, by bindings 1 and 2 of 2"),
        (
            [binding("a"), binding("b", role="App")],
            "shop/b (binding 2 of 2): role_name App differs only in case from app",
        ),
        (
            [binding("a", path="/x/"), binding("c"), binding("b", path="/y/")],
            "shop/a (binding 1 of 3) and shop/b (binding 3 of 3) set different values of path for role app",
        ),
        (
            [binding("a", tags={"t": "1"}), binding("b", tags={"t": "2"})],
            "shop/a (binding 1 of 2) and shop/b (binding 2 of 2) set different values of tags.t for role app",
        ),
        ([binding("a", inline_policies="{}")], "shop/a (binding 1 of 1): inline_policies is not an object"),
        ([binding("a", managed_policies="ReadOnly")], "shop/a (binding 1 of 1): managed_policies is not a list"),
        ([binding("a", audience=["vault"])], "shop/a (binding 1 of 1): audience is not a string"),
    ],
)
def test_invalid_bindings_are_rejected(given: list[dict[str, object]], problem: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        grouping.group_by_role(given)
    assert raised.value.cause == problem
    assert raised.value.fix


def test_error_lists_all_problems() -> None:
    with pytest.raises(InvalidInput) as raised:
        grouping.group_by_role([{"namespace": "x"}, binding("a"), binding("a", role_arn="arn")])
    assert raised.value.details["problems"] == [
        "binding 1 of 3: service_account is not set",
        "binding 1 of 3: neither role_name nor role_arn is set; use one of them",
        "shop/a (binding 3 of 3): role_name and role_arn are both set; use one of them",
        "shop/a is bound twice, by bindings 2 and 3 of 3",
    ]


def test_pattern_covers_the_service_accounts_of_its_role() -> None:
    pattern = {"namespace": "shop-*", "service_account": "a?p", "role_name": "app", "allow_wildcards": True}
    named = [
        {"namespace": namespace, "service_account": name, "role_name": "app"}
        for namespace, name in (("shop-1", "app"), ("shop-1", "other"), ("shop", "app"))
    ]
    (role,) = grouping.group_by_role([named[0], pattern, *named[1:]])
    assert role["service_accounts"] == [
        {"namespace": "shop-*", "name": "a?p"},
        {"namespace": "shop-1", "name": "other"},
        {"namespace": "shop", "name": "app"},
    ]
    assert role["allow_wildcards"] is True


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (
            {"audiences": ["x"]},
            "audiences does not have sts.amazonaws.com, the audience of the tokens; add it, set audience, or set "
            "audiences to an empty list",
        ),
        (
            {"service_account": "*", "allow_wildcards": True, "role_name": None, "role_arn": "arn:aws:iam::1:role/x"},
            "has a wildcard and role_arn, so it defines nothing; set role_name, or name the service account",
        ),
        (
            {"service_account": "*", "allow_wildcards": True, "labels": {"a": "b"}, "create_namespace": True},
            "has a wildcard, so no service account gets create_namespace, labels; set the option in bindings without "
            "wildcards",
        ),
    ],
)
def test_problems_of_the_trust_options(options: dict[str, object], problem: str) -> None:
    _roles, problems = grouping.find_roles([{**binding("a"), **options}])
    (found,) = problems
    assert found.endswith(f"(binding 1 of 1): {problem}")


def test_audiences_and_no_audience_contradict_each_other() -> None:
    given = [binding("a", audiences=[]), binding("b", audiences=["sts.amazonaws.com"])]
    _roles, problems = grouping.find_roles(given)
    assert problems == [
        "shop/a (binding 1 of 2) and shop/b (binding 2 of 2) set different values of audiences for role app"
    ]
