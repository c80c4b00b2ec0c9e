# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that several reports of an audit have."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports.text import (
    cluster_heading,
    cluster_name,
    list_affected_objects,
    summarize_counts,
)
from unit.plugins.module_utils._core.audit.audit_documents import CART, ORDERS, document


@pytest.mark.parametrize(
    ("cluster", "name", "heading"),
    [
        (document()["cluster"], "production", "production (111122223333, eu-west-1, Kubernetes 1.33)"),
        ({"name": "a\u202eb", "region": "eu-west-1"}, "a\\u202eb", "a\\u202eb (eu-west-1)"),
        ({"name": None, "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC"}, "ABC", "ABC"),
        ({}, "-", "-"),
    ],
)
def test_cluster_name_and_heading(cluster: dict[str, t.Any], name: str, heading: str) -> None:
    assert cluster_name(cluster) == name
    assert cluster_heading(cluster) == heading


def test_counts_are_summarized_in_one_line() -> None:
    assert summarize_counts(document()["counts"]) == (
        "5 service accounts: 1 broken, 1 unknown, 2 with notes, 1 ok; "
        "4 roles: 1 broken, 1 unknown, 1 with warnings, 1 with notes; 12 pods: 3 stale; "
        "6 findings: 3 errors, 2 warnings, 1 note"
    )
    empty = {"service_accounts": {"total": 1, "ok": 1}, "roles": {"total": 0}, "pods": {"total": 1, "stale": 0}}
    assert summarize_counts({**empty, "findings": {}}) == "1 service account: 1 ok; 0 roles; 1 pod; 0 findings"


@pytest.mark.parametrize(
    ("accounts", "roles", "expected"),
    [
        (["shop/a", "shop/b"], [CART], "shop/a and shop/b"),
        (["shop/a", "shop/b", "shop/c", "shop/d"], [], "shop/a, shop/b and 2 more"),
        ([], [CART, ORDERS], "shop-cart and orders"),
        ([], [], "-"),
    ],
)
def test_affected_objects_are_accounts_or_else_roles(accounts: list[str], roles: list[str], expected: str) -> None:
    assert list_affected_objects({"service_accounts": accounts, "roles": roles}, 2) == expected
