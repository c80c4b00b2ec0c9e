# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Service accounts and namespaces of a Kubernetes cluster: a function per call.

Each takes the API server first and everything else by keyword, returns the object as the server has it, and raises
what `transport.error_of` makes of a refusal. With ``dry_run`` the server does everything but store the result.
"""

from __future__ import annotations

import functools
import typing as t

from ..._core import errors
from ..._core.plan import Plan
from ..._core.service_account import plan as service_account_plan
from ..._core.service_account.spec import Wanted
from . import client
from .client import ApiServer, Json


def _dry(dry_run: bool) -> str | None:
    return "All" if dry_run else None


def _accounts(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/serviceaccounts"


def find_service_account(server: ApiServer, *, namespace: str, name: str) -> Json | None:
    """The service account; None if there is none, or no such namespace."""
    try:
        return server.request(
            "GET", f"{_accounts(namespace)}/{name}", what=f"read the service account {namespace}/{name}"
        )
    except errors.NotFound:
        return None


def create_service_account(
    server: ApiServer, *, body: t.Mapping[str, t.Any], manager: str, dry_run: bool = False
) -> Json:
    """Creates the account that ``body`` describes; ``manager`` becomes the owner of its fields, by update.

    :raises AlreadyExists: there is one, perhaps by an answer of this very request that got lost.
    :raises NotFound: there is no such namespace.
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    try:
        return server.request(
            "POST",
            _accounts(namespace),
            query={"fieldManager": manager, "dryRun": _dry(dry_run)},
            body=body,
            what=f"create the service account {namespace}/{name}",
        )
    except errors.NotFound as error:
        raise service_account_plan.missing_namespace(namespace, unseen=True) from error


def apply_service_account(
    server: ApiServer, *, body: t.Mapping[str, t.Any], manager: str, force: bool, dry_run: bool = False
) -> Json:
    """Applies ``body`` on the server's side: all that ``manager`` wants, no less.

    :param body: with uid and resourceVersion it holds for that very object in that very state only.
    :param force: whether to take over fields that others own with other values.
    :raises Conflict: others own such fields; the cause names them.
    :raises OutOfDate: the object has changed since it was read.
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    return server.request(
        "PATCH",
        f"{_accounts(namespace)}/{name}",
        query={"fieldManager": manager, "force": force, "dryRun": _dry(dry_run)},
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
    """Removes annotations and labels of the account with that uid, whoever owns them.

    :raises OutOfDate: the account has been replaced.
    """
    metadata: Json = {"uid": uid}
    for kind, keys in (("annotations", annotations), ("labels", labels)):
        if keys:
            metadata[kind] = dict.fromkeys(keys)
    return server.request(
        "PATCH",
        f"{_accounts(namespace)}/{name}",
        query={"fieldManager": manager, "dryRun": _dry(dry_run)},
        body={"metadata": metadata},
        content_type=client.MERGE,
        what=f"remove annotations of the service account {namespace}/{name}",
    )


def delete_service_account(
    server: ApiServer, *, namespace: str, name: str, uid: str, resource_version: str, dry_run: bool = False
) -> None:
    """Deletes the account if it is still that very object in that very state. One that is gone already is no error.

    :raises OutOfDate: the account has changed since it was read.
    """
    try:
        server.request(
            "DELETE",
            f"{_accounts(namespace)}/{name}",
            # In the body and not in the query, which a server reads only where there is no body.
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


def namespace_phase(server: ApiServer, *, name: str) -> str | None:
    """``Active`` or ``Terminating``; empty if there is no such namespace, None if the caller may not see it."""
    try:
        found = server.request("GET", f"/api/v1/namespaces/{name}", what=f"read the namespace {name}")
    except errors.NotFound:
        return ""
    except errors.AccessDenied:
        return None
    return str(found.get("status", {}).get("phase", "Active"))


def create_namespace(server: ApiServer, *, name: str, manager: str, dry_run: bool = False) -> None:
    """Creates the namespace; one that is there already is no error."""
    try:
        server.request(
            "POST",
            "/api/v1/namespaces",
            query={"fieldManager": manager, "dryRun": _dry(dry_run)},
            body={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}},
            what=f"create the namespace {name}",
        )
    except errors.AlreadyExists:
        pass


def namespace_phases(server: ApiServer) -> dict[str, str]:
    """The phase of each namespace, as `namespace_phase` gives it."""
    found = list_namespaces(server)
    return {each["metadata"]["name"]: str(each.get("status", {}).get("phase", "Active")) for each in found}


def list_namespaces(server: ApiServer) -> list[Json]:
    """All namespaces."""
    return server.pages("/api/v1/namespaces")[0]


def plan_service_account(server: ApiServer, wanted: Wanted) -> Plan:
    """Reads what the plan for a service account depends on, and makes it."""
    return service_account_plan.plan(wanted, observe_service_account(server, wanted))


def observe_service_account(server: ApiServer, wanted: Wanted) -> service_account_plan.Observed:
    """Reads what the plan for a service account depends on."""
    found = find_service_account(server, namespace=wanted.namespace, name=wanted.name)
    phase = None
    if found is None and wanted.state == "present":
        phase = namespace_phase(server, name=wanted.namespace)
    return service_account_plan.Observed.from_kubernetes(found, phase)


_OPERATIONS = (
    create_namespace,
    create_service_account,
    apply_service_account,
    remove_fields,
    delete_service_account,
)


def operations(server: ApiServer) -> dict[str, t.Callable[..., t.Any]]:
    """What the plans of `_core.service_account` call for."""
    return {function.__name__: functools.partial(function, server) for function in _OPERATIONS}


def request_token(
    server: ApiServer, *, namespace: str, name: str, audience: str, seconds: int, conceal: t.Callable[[str], None]
) -> str:
    """A token of the service account, as the kubelet requests it for a pod.

    https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/

    :param seconds: how long it is good for; 600 at least.
    :param conceal: told the token before anything else is done with it.
    :raises NotFound: there is no such account.
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
    conceal(token)
    return token
