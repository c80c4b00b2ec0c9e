# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes API calls for service accounts and namespaces: one function for each call.

Each takes the API server first and all other arguments by keyword, and returns the object that the server returns. With
``dry_run`` the server does not store the result.
"""

from __future__ import annotations

import typing as t

from ..._core import errors
from . import client
from .answers import Json
from .client import ApiServer


def _dry_run_value(dry_run: bool) -> str | None:
    return "All" if dry_run else None


def _accounts(namespace: str | None) -> str:
    return f"/api/v1/namespaces/{namespace}/serviceaccounts" if namespace else "/api/v1/serviceaccounts"


def find_service_account(server: ApiServer, *, namespace: str, name: str) -> Json | None:
    """The service account; None if it, or its namespace, does not exist."""
    try:
        return server.request(
            "GET", f"{_accounts(namespace)}/{name}", what=f"read the service account {namespace}/{name}"
        )
    except errors.NotFound:
        return None


def list_service_accounts(server: ApiServer, *, namespace: str | None = None) -> list[Json]:
    """The service accounts of a namespace, or of all namespaces."""
    return server.pages(_accounts(namespace))[0]


def request_token(
    server: ApiServer,
    *,
    namespace: str,
    name: str,
    audience: str,
    seconds: int,
    register_secret: t.Callable[[str], None],
) -> str:
    """A token of the service account, as the kubelet requests it for a pod.

    https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/

    :param seconds: the lifetime of the token, at least 600.
    :param register_secret: called with the token, so that it is redacted.
    :raises NotFound: the account does not exist.
    """
    answer = server.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        body={
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"audiences": [audience], "expirationSeconds": seconds},
        },
        what=f"request a token of the service account {namespace}/{name}",
    )
    token = str(answer["status"]["token"])
    register_secret(token)
    return token


def create_service_account(
    server: ApiServer, *, body: t.Mapping[str, t.Any], manager: str, dry_run: bool = False
) -> Json:
    """Create a service account; ``manager`` owns its fields with the operation ``Update``.

    :raises AlreadyExists: it exists. An earlier attempt of this request whose answer was lost may have created it.
    :raises NotFound: the namespace does not exist.
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    return server.request(
        "POST",
        _accounts(namespace),
        query={"fieldManager": manager, "dryRun": _dry_run_value(dry_run)},
        body=body,
        what=f"create the service account {namespace}/{name}",
    )


def apply_service_account(
    server: ApiServer, *, body: t.Mapping[str, t.Any], manager: str, force: bool, dry_run: bool = False
) -> Json:
    """Apply a service account, server-side.

    :param body: the complete configuration of ``manager``. With uid and resourceVersion, the apply is bound to this
        version of the object.
    :param force: whether to take over fields with other values from their owners.
    :raises Conflict: other managers own fields with other values; the cause names them.
    :raises OutOfDate: the object has changed since it was read.
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    return server.request(
        "PATCH",
        f"{_accounts(namespace)}/{name}",
        query={"fieldManager": manager, "force": force, "dryRun": _dry_run_value(dry_run)},
        body=body,
        content_type=client.APPLY,
        what=f"apply the service account {namespace}/{name}",
    )


def remove_fields(
    server: ApiServer,
    *,
    namespace: str,
    name: str,
    uid: str,
    annotations: t.Sequence[str],
    labels: t.Sequence[str],
    manager: str,
    dry_run: bool = False,
) -> Json:
    """Remove annotations and labels of the service account with this uid, regardless of their owners.

    :raises OutOfDate: the service account was replaced.
    """
    metadata: Json = {"uid": uid}
    for kind, keys in (("annotations", annotations), ("labels", labels)):
        if keys:
            metadata[kind] = dict.fromkeys(keys)
    return server.request(
        "PATCH",
        f"{_accounts(namespace)}/{name}",
        query={"fieldManager": manager, "dryRun": _dry_run_value(dry_run)},
        body={"metadata": metadata},
        content_type=client.MERGE,
        what=f"remove annotations of the service account {namespace}/{name}",
    )


def delete_service_account(
    server: ApiServer, *, namespace: str, name: str, uid: str, resource_version: str, dry_run: bool = False
) -> None:
    """Delete this version of the service account. A missing service account is not an error.

    :raises OutOfDate: it has changed since it was read.
    """
    try:
        server.request(
            "DELETE",
            f"{_accounts(namespace)}/{name}",
            # In the body: the API server reads the query only if there is no body.
            body={
                "apiVersion": "v1",
                "kind": "DeleteOptions",
                "dryRun": ["All"] if dry_run else None,
                "preconditions": {"uid": uid, "resourceVersion": resource_version},
            },
            what=f"delete the service account {namespace}/{name}",
        )
    except errors.NotFound:
        pass


def find_namespace(server: ApiServer, *, name: str) -> Json | None:
    """The namespace; None if it does not exist."""
    try:
        return server.request("GET", f"/api/v1/namespaces/{name}", what=f"read the namespace {name}")
    except errors.NotFound:
        return None


def namespace_phase(server: ApiServer, *, name: str) -> str | None:
    """``Active`` or ``Terminating``; empty if the namespace does not exist, None if the caller may not read it."""
    try:
        namespace = find_namespace(server, name=name)
    except errors.AccessDenied:
        return None
    return _phase(namespace) if namespace is not None else ""


def create_namespace(server: ApiServer, *, name: str, manager: str, dry_run: bool = False) -> None:
    """Create the namespace; an existing one is not an error."""
    try:
        server.request(
            "POST",
            "/api/v1/namespaces",
            query={"fieldManager": manager, "dryRun": _dry_run_value(dry_run)},
            body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            what=f"create the namespace {name}",
        )
    except errors.AlreadyExists:
        pass


def namespace_phases(server: ApiServer) -> dict[str, str]:
    """The phase of each namespace, by name."""
    return {namespace["metadata"]["name"]: _phase(namespace) for namespace in list_namespaces(server)}


def list_namespaces(server: ApiServer) -> list[Json]:
    """All namespaces."""
    return server.pages("/api/v1/namespaces")[0]


def _phase(namespace: Json) -> str:
    return str(namespace.get("status", {}).get("phase", "Active"))


def list_in_namespaces(
    server: ApiServer, list_all: t.Callable[..., list[Json]], namespaces: t.Sequence[str]
) -> list[Json]:
    """The objects in some namespaces. With several namespaces, one request lists all namespaces if the caller may.

    The result may then have objects of other namespaces.

    :param list_all: lists the objects of one namespace (keyword ``namespace``), or of all.
    :raises AccessDenied: the caller may not list one of the namespaces.
    """
    if len(namespaces) > 1:
        try:
            return list_all(server)
        except (errors.AccessDenied, errors.MalformedAnswer):
            pass  # list them one by one
    return [body for name in namespaces for body in list_all(server, namespace=name)]
