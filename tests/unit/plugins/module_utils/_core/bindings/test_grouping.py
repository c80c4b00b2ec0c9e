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


def test_binding_with_role_arn_has_no_role() -> None:
    assert (
        grouping.group_by_role([{"namespace": "n", "service_account": "s", "role_arn": "arn:aws:iam::1:role/x"}]) == []
    )


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([{"namespace": "shop"}], "binding 0: set service_account"),
        (
            [{"namespace": "shop", "service_account": "a"}],
            "shop/a (binding 0): set exactly one of role_name and role_arn",
        ),
        ([binding("a", role_arn="arn")], "shop/a (binding 0): set exactly one of role_name and role_arn"),
        ([binding("a"), binding("a", role="other")], "bindings 0 and 1 are for the same service account, shop/a"),
        ([binding("a"), binding("b", role="App")], "binding 1: role_name App differs only in case from app"),
        (
            [binding("a", path="/x/"), binding("c"), binding("b", path="/y/")],
            "bindings 0 and 2 set different values of path for role app",
        ),
        (
            [binding("a", tags={"t": "1"}), binding("b", tags={"t": "2"})],
            "bindings 0 and 1 set different values of tags.t for role app",
        ),
    ],
)
def test_invalid_bindings_are_rejected(given: list[dict[str, object]], problem: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        grouping.group_by_role(given)
    assert raised.value.cause == problem
    assert raised.value.fix


def test_error_lists_all_problems() -> None:
    with pytest.raises(InvalidInput) as raised:
        grouping.group_by_role([{"namespace": "x"}, binding("a"), binding("a")])
    assert "binding 0: set" in (raised.value.cause or "")
    assert "bindings 1 and 2" in (raised.value.cause or "")
