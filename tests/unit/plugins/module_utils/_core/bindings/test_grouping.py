# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bindings grouped by the role that they share."""

from __future__ import annotations

import copy

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import grouping
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def binding(account: str, role: str = "app", namespace: str = "shop", **more: object) -> dict[str, object]:
    return {"namespace": namespace, "service_account": account, "role_name": role, **more}


def test_each_role_is_there_once_with_all_its_accounts_in_order() -> None:
    grouped = grouping.group_by_role([binding("b"), binding("x", role="other"), binding("a")])
    assert grouped == [
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
    ("first", "second", "together"),
    [
        (
            {"managed_policies": ["A", "B"]},
            {"managed_policies": ["B", "C"]},
            {"managed_policies": ["A", "B", "C"]},
        ),
        ({"managed_policies": []}, {}, {"managed_policies": []}),
        (
            {"well_known_policies": ["ebs_csi", {"name": "external_dns", "zones": ["Z1"]}]},
            {"well_known_policies": [{"zones": ["Z1"], "name": "external_dns"}, "karpenter"]},
            {"well_known_policies": ["ebs_csi", {"name": "external_dns", "zones": ["Z1"]}, "karpenter"]},
        ),
        ({"well_known_policies": []}, {}, {"well_known_policies": []}),
        ({"tags": {"a": "1"}}, {"tags": {"b": "2"}}, {"tags": {"a": "1", "b": "2"}}),
        ({"tags": {"a": "1"}}, {"tags": {"a": "1"}}, {"tags": {"a": "1"}}),
        ({"path": "/x/"}, {}, {"path": "/x/"}),
        ({"purge_policies": False}, {"purge_policies": False}, {"purge_policies": False}),
        (
            {"inline_policies": {"p": {"Version": "1", "Statement": []}}},
            {"inline_policies": {"p": {"Statement": [], "Version": "1"}}},
            {"inline_policies": {"p": {"Version": "1", "Statement": []}}},
        ),
        ({"audience": "custom"}, {}, {"audiences": ["custom", "sts.amazonaws.com"]}),
    ],
)
def test_what_bindings_of_one_role_say_is_put_together(
    first: dict[str, object], second: dict[str, object], together: dict[str, object]
) -> None:
    given = [binding("a", **first), binding("b", **second)]
    before = copy.deepcopy(given)
    (role,) = grouping.group_by_role(given)
    assert {key: role[key] for key in together} == together
    assert set(role) == {"name", "service_accounts", "audiences"} | set(together)
    assert given == before


def test_a_binding_with_a_role_arn_asks_for_no_role() -> None:
    assert grouping.group_by_role([{"namespace": "n", "service_account": "s", "role_arn": "arn:aws:iam::1:role/x"}]) == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([{"namespace": "shop"}], "binding 0 lacks service_account"),
        (
            [{"namespace": "shop", "service_account": "a"}],
            "shop/a (binding 0): set exactly one of role_name and role_arn",
        ),
        ([binding("a", role_arn="arn")], "shop/a (binding 0): set exactly one of role_name and role_arn"),
        ([binding("a"), binding("a", role="other")], "bindings 0 and 1 name the same account, shop/a"),
        ([binding("a"), binding("b", role="App")], "binding 1 writes the role app as App"),
        (
            [binding("a", path="/x/"), binding("c"), binding("b", path="/y/")],
            "bindings 0 and 2 give role app different values of path",
        ),
        (
            [binding("a", tags={"t": "1"}), binding("b", tags={"t": "2"})],
            "bindings 0 and 1 give role app different values of tags.t",
        ),
    ],
)
def test_contradictions_are_named_with_their_index(given: list[dict[str, object]], problem: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        grouping.group_by_role(given)
    assert raised.value.cause == problem
    assert raised.value.fix


def test_everything_wrong_is_named_at_once() -> None:
    with pytest.raises(InvalidInput) as raised:
        grouping.group_by_role([{"namespace": "x"}, binding("a"), binding("a")])
    assert "binding 0 lacks" in (raised.value.cause or "")
    assert "bindings 1 and 2" in (raised.value.cause or "")
