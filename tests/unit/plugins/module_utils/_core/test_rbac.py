# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RBAC objects of service accounts, and the plan for them."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors, rbac
from ansible_collections.eksops.irsa.plugins.module_utils._core.rbac import RbacObject

RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
CART = {"namespace": "shop", "service_account": "cart", "rbac": {"rules": RULES, "cluster_rules": RULES}}
ITEMS = [
    RbacObject("Role", "shop", "cart-irsa"),
    RbacObject("RoleBinding", "shop", "cart-irsa"),
    RbacObject("ClusterRole", "", "shop.cart-irsa"),
    RbacObject("ClusterRoleBinding", "", "shop.cart-irsa"),
]


def build(*bindings: dict[str, t.Any]) -> dict[RbacObject, t.Any]:
    return rbac.build_objects({"bindings": bindings})


def stored(objects: t.Mapping[RbacObject, t.Any]) -> dict[RbacObject, t.Any]:
    """The objects as the API server returns them."""
    bodies = copy.deepcopy(dict(objects))
    for item, body in bodies.items():
        body["metadata"].update(uid=f"uid of {item.title}", labels={"team": "shop"})
    return bodies


def test_objects_of_a_service_account() -> None:
    objects = build(CART)
    assert list(objects) == ITEMS
    assert objects[ITEMS[0]] == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "cart-irsa", "namespace": "shop"},
        "rules": RULES,
    }
    assert objects[ITEMS[3]] == {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "shop.cart-irsa"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "shop.cart-irsa"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "shop", "name": "cart"}],
    }


@pytest.mark.parametrize("rules", [None, {}, {"rules": []}, {"name": "r", "cluster_rules": None}])
def test_account_without_rules_has_no_objects(rules: t.Any) -> None:
    assert build({**CART, "rbac": rules}) == {}


def test_shared_and_invalid_names_are_rejected() -> None:
    shared = {"cluster_rules": RULES, "cluster_name": "nodes"}
    bindings = [{**CART, "rbac": shared}, {**CART, "service_account": "Orders", "rbac": {**shared, "name": "x" * 254}}]
    with pytest.raises(errors.InvalidInput) as caught:
        build(*bindings, {**CART, "service_account": "mail", "rbac": {"rules": RULES, "name": "x" * 254}})
    problems = caught.value.details["problems"]
    assert [problem["message"] for problem in problems][1:] == [
        "shop/Orders: ClusterRole nodes is also that of shop/cart",
        f"shop/mail: Role {'x' * 254} has more than 253 characters",
    ]
    assert "Orders" in problems[0]["message"]


def test_missing_objects_are_created_in_order() -> None:
    objects = build(CART)
    plan = rbac.plan("present", objects, dict.fromkeys(objects))
    assert plan.summaries() == [f"create {item.title}" for item in ITEMS]
    assert [action.arguments["body"] for action in plan.actions] == list(objects.values())
    assert (plan.before, plan.after["Role shop/cart-irsa"]) == ({}, {"rules": RULES})


def test_equal_objects_are_unchanged() -> None:
    objects = build({**CART, "rbac": {"rules": [{**RULES[0], "resourceNames": [], "nonResourceURLs": None}]}})
    observed = stored(build({**CART, "rbac": {"rules": RULES}}))
    assert not rbac.plan("present", objects, observed)


def test_only_rules_and_subjects_are_updated() -> None:
    objects = build(CART)
    observed = stored(objects)
    observed[ITEMS[0]]["rules"] = []
    observed[ITEMS[3]]["subjects"] = None
    plan = rbac.plan("present", objects, observed)
    assert [(action.operation, action.arguments) for action in plan.actions] == [
        ("patch", {"item": ITEMS[0], "body": {"rules": RULES}}),
        ("patch", {"item": ITEMS[3], "body": {"subjects": objects[ITEMS[3]]["subjects"]}}),
    ]
    assert plan.before["Role shop/cart-irsa"] == {"rules": []}


def test_binding_for_another_role_is_an_error_before_any_write() -> None:
    objects = build(CART)
    observed = {**dict.fromkeys(objects), **stored(objects)}
    observed[ITEMS[1]]["roleRef"]["name"] = "admin"
    with pytest.raises(errors.Conflict) as caught:
        rbac.plan("present", objects, observed)
    assert str(caught.value) == (
        "RoleBinding shop/cart-irsa exists for another role. Cause: it is for Role admin, and Kubernetes does not "
        "allow changing that. Fix: delete it, or set another rbac.name."
    )


def test_existing_objects_are_deleted_in_reverse_order() -> None:
    objects = build(CART)
    observed = {**stored(objects), ITEMS[2]: None}
    plan = rbac.plan("absent", objects, observed)
    assert [(action.operation, action.arguments) for action in plan.actions] == [
        ("delete", {"item": item, "uid": f"uid of {item.title}"}) for item in (ITEMS[3], ITEMS[1], ITEMS[0])
    ]
    assert plan.after == {}
    assert not rbac.plan("absent", objects, dict.fromkeys(objects))


def test_object_that_is_being_deleted_is_not_written() -> None:
    objects = build({**CART, "rbac": {"rules": RULES}})
    observed = stored(objects)
    observed[ITEMS[0]]["metadata"].update(deletionTimestamp="2026-11-30T00:00:00Z", finalizers=["example.com/hold"])
    with pytest.raises(
        errors.Conflict, match=r"Role shop/cart-irsa is being deleted.*: example\.com/hold\. Fix: wait until"
    ):
        rbac.plan("present", objects, observed)
    plan = rbac.plan("absent", objects, observed)
    assert plan.summaries() == ["delete RoleBinding shop/cart-irsa"]
    assert plan.warnings == (
        "Role shop/cart-irsa is being deleted, but it exists until its finalizers are removed: example.com/hold.",
    )
    assert not rbac.plan("absent", objects, {ITEMS[0]: observed[ITEMS[0]], ITEMS[1]: None})
