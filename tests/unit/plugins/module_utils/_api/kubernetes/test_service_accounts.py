# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests for service accounts and namespaces."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import service_accounts
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.scripted import LOST, Answer

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client
    from unit.scripted import Scripted

    Connect = Callable[..., client.ApiServer]

ACCOUNTS = "/api/v1/namespaces/ns/serviceaccounts"
ROLE = "eks.amazonaws.com/role-arn"
METADATA = {"namespace": "ns", "name": "app", "uid": "u1", "resourceVersion": "7"}
BODY = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": METADATA}
MISSING = Answer(404, {"kind": "Status", "reason": "NotFound", "message": 'serviceaccounts "app" not found'})
NO_NAMESPACE = Answer(404, {"kind": "Status", "reason": "NotFound", "message": 'namespaces "ns" not found'})
EXISTS = Answer(409, {"kind": "Status", "reason": "AlreadyExists", "message": '"app" already exists'})
CHANGED = Answer(409, {"kind": "Status", "reason": "Conflict", "message": "the object has been modified"})
FORBIDDEN = Answer(403, {"kind": "Status", "reason": "Forbidden", "message": "cannot get"})


def test_find_service_account(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(BODY, MISSING, FORBIDDEN)
    server = connect(scripted)
    assert service_accounts.find_service_account(server, namespace="ns", name="app") == BODY
    assert service_accounts.find_service_account(server, namespace="ns", name="app") is None
    with pytest.raises(errors.AccessDenied, match="could not read the service account ns/app"):
        service_accounts.find_service_account(server, namespace="ns", name="app")
    assert {(request.method, request.path) for request in scripted.requests} == {("GET", f"{ACCOUNTS}/app")}


@pytest.mark.parametrize(("dry_run", "query"), [(False, {}), (True, {"dryRun": "All"})])
def test_write_requests(scripted: Scripted, connect: Connect, dry_run: bool, query: dict[str, str]) -> None:
    server = connect(scripted)
    manager = {"fieldManager": "eksops.irsa"}
    scripted.answer(Answer(201, BODY), BODY, BODY, BODY, Answer(201, {"metadata": {"name": "ns"}}))
    service_accounts.create_service_account(server, body=BODY, manager="eksops.irsa", dry_run=dry_run)
    service_accounts.apply_service_account(server, body=BODY, manager="eksops.irsa", force=False, dry_run=dry_run)
    service_accounts.remove_fields(
        server,
        namespace="ns",
        name="app",
        uid="u1",
        annotations=["a", "b"],
        labels=[],
        manager="eksops.irsa",
        dry_run=dry_run,
    )
    service_accounts.delete_service_account(
        server, namespace="ns", name="app", uid="u1", resource_version="7", dry_run=dry_run
    )
    service_accounts.create_namespace(server, name="ns", manager="eksops.irsa", dry_run=dry_run)
    create, apply, remove, delete, namespace = scripted.requests
    assert (create.method, create.path, create.query) == ("POST", ACCOUNTS, {**manager, **query})
    assert create.body == BODY
    assert (apply.method, apply.path) == ("PATCH", f"{ACCOUNTS}/app")
    assert apply.query == {**manager, "force": "false", **query}
    assert apply.headers["Content-Type"] == "application/apply-patch+yaml"
    assert apply.body == BODY
    assert (remove.method, remove.query) == ("PATCH", {**manager, **query})
    assert remove.headers["Content-Type"] == "application/merge-patch+json"
    assert remove.body == {"metadata": {"uid": "u1", "annotations": {"a": None, "b": None}}}
    # The API server reads the query of a DELETE only if there is no body.
    assert (delete.method, delete.path, delete.query) == ("DELETE", f"{ACCOUNTS}/app", {})
    assert delete.body["dryRun"] == (["All"] if dry_run else None)
    assert delete.body["preconditions"] == {"uid": "u1", "resourceVersion": "7"}
    assert (namespace.method, namespace.path, namespace.query) == ("POST", "/api/v1/namespaces", {**manager, **query})
    assert namespace.body["metadata"] == {"name": "ns"}


def test_missing_account_and_existing_namespace_are_accepted(scripted: Scripted, connect: Connect) -> None:
    server = connect(scripted)
    scripted.answer(MISSING, EXISTS)
    service_accounts.delete_service_account(server, namespace="ns", name="app", uid="u1", resource_version="7")
    service_accounts.create_namespace(server, name="ns", manager="eksops.irsa")
    assert len(scripted.requests) == 2


@pytest.mark.parametrize(("answer", "kind"), [(NO_NAMESPACE, errors.NotFound), (EXISTS, errors.AlreadyExists)])
def test_create_error(scripted: Scripted, connect: Connect, answer: Answer, kind: type[errors.IrsaError]) -> None:
    scripted.answer(answer)
    with pytest.raises(kind, match="could not create the service account ns/app"):
        service_accounts.create_service_account(connect(scripted), body=BODY, manager="eksops.irsa")


@pytest.mark.parametrize(("namespace", "path"), [("ns", ACCOUNTS), (None, "/api/v1/serviceaccounts")])
def test_list_service_accounts(scripted: Scripted, connect: Connect, namespace: str | None, path: str) -> None:
    scripted.answer({"metadata": {}, "items": [BODY]})
    assert service_accounts.list_service_accounts(connect(scripted), namespace=namespace) == [BODY]
    assert scripted.requests[0].path == path


def test_changed_object_is_rejected(scripted: Scripted, connect: Connect) -> None:
    server = connect(scripted)
    scripted.answer(CHANGED, CHANGED)
    with pytest.raises(errors.OutOfDate, match="could not apply the service account ns/app"):
        service_accounts.apply_service_account(server, body=BODY, manager="eksops.irsa", force=False)
    with pytest.raises(errors.OutOfDate, match="could not delete the service account ns/app"):
        service_accounts.delete_service_account(server, namespace="ns", name="app", uid="u1", resource_version="7")


def test_retry_of_create_with_lost_answer(scripted: Scripted, connect: Connect, pauses: list[float]) -> None:
    scripted.answer(LOST, EXISTS)
    with pytest.raises(errors.AlreadyExists):
        service_accounts.create_service_account(connect(scripted), body=BODY, manager="eksops.irsa")


@pytest.mark.parametrize(
    ("answer", "phase"),
    [
        ({"metadata": {"name": "ns"}, "status": {"phase": "Active"}}, "Active"),
        ({"metadata": {"name": "ns"}, "status": {"phase": "Terminating"}}, "Terminating"),
        ({"metadata": {"name": "ns"}}, "Active"),
        (NO_NAMESPACE, ""),
        (FORBIDDEN, None),
    ],
)
def test_namespace_phase(scripted: Scripted, connect: Connect, answer: t.Any, phase: str | None) -> None:
    scripted.answer(answer)
    assert service_accounts.namespace_phase(connect(scripted), name="ns") == phase


def test_token_request(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer({"status": {"token": "the-token"}})
    secrets: list[str] = []
    token = service_accounts.request_token(
        connect(scripted), namespace="shop", name="app", audience="vault", seconds=600, register_secret=secrets.append
    )
    (request,) = scripted.requests
    assert (request.method, request.path) == ("POST", "/api/v1/namespaces/shop/serviceaccounts/app/token")
    assert request.body["spec"] == {"audiences": ["vault"], "expirationSeconds": 600}
    assert token == "the-token"
    assert secrets == ["the-token"]
