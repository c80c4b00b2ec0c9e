# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.calls import Calls, kubernetes_operation


@pytest.mark.parametrize(
    ("method", "path", "watch", "operation"),
    [
        ("GET", "/api/v1/namespaces/shop/pods", False, "list pods"),
        ("GET", "/api/v1/namespaces/shop/pods", True, "watch pods"),
        ("GET", "/api/v1/pods", False, "list pods"),
        ("GET", "/api/v1/namespaces/shop/pods/cart-1", False, "get pods"),
        ("GET", "/api/v1/namespaces/shop/pods/cart-1/log", False, "get pods/log"),
        ("POST", "/api/v1/namespaces/shop/serviceaccounts/cart/token", False, "create serviceaccounts/token"),
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/cart", False, "patch deployments"),
        ("DELETE", "/api/v1/namespaces/shop/pods/cart-1", False, "delete pods"),
        ("GET", "/api/v1/namespaces/shop", False, "get namespaces"),
        ("GET", "/api/v1/namespaces", False, "list namespaces"),
        ("POST", "/api/v1/namespaces", False, "create namespaces"),
        (
            "GET",
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            False,
            "list mutatingwebhookconfigurations",
        ),
        ("GET", "/version", False, "get /version"),
    ],
)
def test_operations_are_named_as_rbac_names_them(method: str, path: str, watch: bool, operation: str) -> None:
    assert kubernetes_operation(method, path, watch=watch) == operation


def test_counts_from_many_threads() -> None:
    calls = Calls()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _number in range(400):
            pool.submit(calls.add, "iam", "GetRole")
        pool.submit(calls.add, "kubernetes", "list pods")
    assert calls.as_dict() == {"iam": {"GetRole": 400}, "kubernetes": {"list pods": 1}}
