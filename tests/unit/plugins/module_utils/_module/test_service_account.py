# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for a service account: the reads they need, and the calls that apply them."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import Field
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccountSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import service_account
from unit.scripted import Answer

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client
    from unit.scripted import Scripted

    Connect = Callable[..., client.ApiServer]

ACCOUNTS = "/api/v1/namespaces/ns/serviceaccounts"
ROLE = "eks.amazonaws.com/role-arn"
MISSING = Answer(404, {"kind": "Status", "reason": "NotFound", "message": 'serviceaccounts "app" not found'})
NO_NAMESPACE = Answer(404, {"kind": "Status", "reason": "NotFound", "message": 'namespaces "ns" not found'})


def test_creation_in_a_missing_namespace_has_a_fix(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(NO_NAMESPACE)
    create = service_account.operations(connect(scripted))["create_service_account"]
    with pytest.raises(errors.NotFound, match="set create_namespace: true"):
        create(body={"metadata": {"namespace": "ns", "name": "app"}}, manager="eksops.irsa")


SPEC = ServiceAccountSpec("ns", "app", sets={Field("annotations", ROLE): "arn:aws:iam::123456789012:role/app"})


def test_namespace_is_read_only_before_a_creation(scripted: Scripted, connect: Connect) -> None:
    server = connect(scripted)
    account = {"metadata": {"uid": "u1", "resourceVersion": "7", "name": "app", "namespace": "ns"}}
    scripted.answer(account)
    assert service_account.plan_service_account(server, SPEC)
    scripted.answer(MISSING)
    assert not service_account.plan_service_account(server, ServiceAccountSpec("ns", "app", state="absent"))
    assert [request.path for request in scripted.requests] == [f"{ACCOUNTS}/app"] * 2
    scripted.answer(MISSING, {"metadata": {"name": "ns"}, "status": {"phase": "Active"}})
    plan = service_account.plan_service_account(server, SPEC)
    assert scripted.requests[-1].path == "/api/v1/namespaces/ns"
    scripted.answer(Answer(201, account), account)
    operations = service_account.operations(server)
    for action in plan.actions:
        operations[action.operation](**action.arguments)
    assert [request.method for request in scripted.requests[-2:]] == ["POST", "PATCH"]
    # Another run may have applied its own fields in between.
    assert scripted.requests[-1].body["metadata"].items() >= {"uid": "u1", "resourceVersion": "7"}.items()


def test_dry_run_of_a_creation_is_not_bound_to_a_version(scripted: Scripted, connect: Connect) -> None:
    account = {"metadata": {"uid": "u1", "name": "app", "namespace": "ns"}}
    scripted.answer(MISSING, {"metadata": {"name": "ns"}, "status": {"phase": "Active"}}, Answer(201, account), account)
    server = connect(scripted)
    operations = service_account.operations(server)
    for action in service_account.plan_service_account(server, SPEC).actions:
        operations[action.operation](**action.arguments, dry_run=True)
    assert {"uid", "resourceVersion"}.isdisjoint(scripted.requests[-1].body["metadata"])
