# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests for Roles, ClusterRoles and their bindings."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import rbac
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.rbac import RbacObject
from unit.scripted import Answer, Scripted, status

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Connect = Callable[..., t.Any]

ROLE = RbacObject("Role", "shop", "cart-irsa")
GRANT = RbacObject("ClusterRoleBinding", "", "shop.cart-irsa")
PREFIX = "/apis/rbac.authorization.k8s.io/v1"
STORED = {"kind": "Role", "metadata": {"name": "cart-irsa", "namespace": "shop", "uid": "u"}, "rules": []}
MISSING = Answer(404, status(404, "NotFound", "not found"))


def test_object_is_found_or_missing(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(STORED, MISSING)
    server = connect(scripted)
    assert rbac.find(server, item=ROLE) == STORED
    assert rbac.find(server, item=GRANT) is None
    assert [request.path for request in scripted.requests] == [
        f"{PREFIX}/namespaces/shop/roles/cart-irsa",
        f"{PREFIX}/clusterrolebindings/shop.cart-irsa",
    ]


@pytest.mark.parametrize("dry_run", [False, True])
def test_writes(scripted: Scripted, connect: Connect, dry_run: bool) -> None:
    scripted.answer(STORED, STORED, {"kind": "Status", "status": "Success"})
    server = connect(scripted)
    rbac.create(server, item=ROLE, body={"rules": []}, dry_run=dry_run)
    rbac.patch(server, item=ROLE, body={"rules": []}, dry_run=dry_run)
    rbac.delete(server, item=GRANT, uid="u", dry_run=dry_run)
    create, patch, delete = scripted.requests
    query = {"fieldManager": "eksops.irsa", **({"dryRun": "All"} if dry_run else {})}
    assert (create.method, create.path, create.query) == ("POST", f"{PREFIX}/namespaces/shop/roles", query)
    assert (patch.method, patch.path, patch.query) == ("PATCH", f"{PREFIX}/namespaces/shop/roles/cart-irsa", query)
    assert patch.headers["Content-Type"] == "application/merge-patch+json"
    assert (delete.method, delete.body.get("dryRun")) == ("DELETE", ["All"] if dry_run else None)
    assert delete.body["preconditions"] == {"uid": "u"}


def test_missing_namespace_is_an_error_except_in_a_dry_run(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(MISSING, MISSING)
    server = connect(scripted)
    assert rbac.create(server, item=ROLE, body={}, dry_run=True) == {}
    with pytest.raises(errors.NotFound, match="could not create Role shop/cart-irsa"):
        rbac.create(server, item=ROLE, body={})


def test_object_that_was_deleted_in_the_meantime(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(MISSING, MISSING)
    server = connect(scripted)
    with pytest.raises(errors.OutOfDate, match="could not update Role shop/cart-irsa"):
        rbac.patch(server, item=ROLE, body={})
    rbac.delete(server, item=ROLE, uid="u")
