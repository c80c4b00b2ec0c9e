# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes API calls for Roles, ClusterRoles and their bindings: one function for each call.

Each takes the API server first and all other arguments by keyword. With ``dry_run`` the server does not store the
result.
"""

from __future__ import annotations

import typing as t

from ..._core import errors
from ..._core.rbac import GROUP, RbacObject
from .client import MERGE, ApiServer, Json

_MANAGER = "eksops.irsa"


def _path(item: RbacObject, *, named: bool = True) -> str:
    namespace = f"/namespaces/{item.namespace}" if item.namespace else ""
    path = f"/apis/{GROUP}/v1{namespace}/{item.kind.lower()}s"
    return f"{path}/{item.name}" if named else path


def _query(dry_run: bool) -> dict[str, t.Any]:
    return {"fieldManager": _MANAGER, "dryRun": "All" if dry_run else None}


def find(server: ApiServer, *, item: RbacObject) -> Json | None:
    """The object; None if it, or its namespace, does not exist."""
    try:
        return server.request("GET", _path(item), what=f"read {item.title}")
    except errors.NotFound:
        return None


def create(server: ApiServer, *, item: RbacObject, body: t.Mapping[str, t.Any], dry_run: bool = False) -> Json:
    """Create the object.

    :raises AlreadyExists: it exists. An earlier attempt of this request whose answer was lost may have created it.
    :raises NotFound: the namespace does not exist. In a dry run, the caller may be about to create it.
    """
    try:
        return server.request(
            "POST", _path(item, named=False), query=_query(dry_run), body=body, what=f"create {item.title}"
        )
    except errors.NotFound:
        if dry_run:
            return {}
        raise


def patch(server: ApiServer, *, item: RbacObject, body: t.Mapping[str, t.Any], dry_run: bool = False) -> Json:
    """Replace the fields of the object that the body has.

    :raises OutOfDate: the object does not exist any more.
    """
    try:
        return server.request(
            "PATCH", _path(item), query=_query(dry_run), body=body, content_type=MERGE, what=f"update {item.title}"
        )
    except errors.NotFound as error:
        raise errors.OutOfDate(error.message, cause=error.cause, **error.details) from error


def delete(server: ApiServer, *, item: RbacObject, uid: str, dry_run: bool = False) -> None:
    """Delete the object with this uid; a missing one is not an error.

    :raises OutOfDate: it was replaced.
    """
    options: Json = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
    if dry_run:
        options["dryRun"] = ["All"]
    try:
        server.request("DELETE", _path(item), body=options, what=f"delete {item.title}")
    except errors.NotFound:
        pass
