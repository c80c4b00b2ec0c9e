# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The object in the body of a write: check it against the URL, and set the name and uid of a new one.

Needed by: every target.
"""

from __future__ import annotations

import random
import typing as t
import uuid

from sandbox.cluster import errors
from sandbox.cluster.clock import rfc3339
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import NODES, Kind
from sandbox.cluster.store import clone

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LIMIT = 58


def read_object(kind: Kind, namespace: str, body: Object, verb: str = "create") -> Object:
    """Return the object of a request, with apiVersion, kind and namespace of the URL.

    :raises StatusError: 400 if it has others.
    """
    if not isinstance(body, dict):
        raise errors.bad_request("the request's body is not an object")
    api_version, kind_name = body.get("apiVersion") or kind.api_version, body.get("kind") or kind.kind
    version = api_version.rpartition("/")[2]
    if kind_name != kind.kind:
        raise errors.bad_request(
            f'{kind_name} in version "{version}" cannot be handled as a {kind.kind}: converting '
            f"({version}.{kind_name}) to ({kind.group or 'core'}.{kind.kind}): unknown conversion"
        )
    if api_version != kind.api_version:
        raise errors.bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version ({kind.api_version})"
        )
    metadata = dict(body.get("metadata") or {})
    if kind.namespaced and metadata.get("namespace", namespace) != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
            if verb == "create"
            else f"the namespace of the object ({metadata['namespace']}) does not match the namespace on the "
            f"request ({namespace})"
        )
    if kind.namespaced:
        metadata["namespace"] = namespace
    else:
        metadata.pop("namespace", None)
    rest = {key: value for key, value in body.items() if key not in ("apiVersion", "kind", "metadata")}
    head = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
    return t.cast(Object, clone({**head, **rest}))


def set_identity(kind: Kind, obj: Object) -> None:
    """Set name, uid and times of a new object, and remove fields that only the server may set."""
    metadata = obj["metadata"]
    if not metadata.get("name") and metadata.get("generateName"):
        suffix = "".join(random.choices(_SUFFIX, k=5))  # noqa: S311 - a name, not a secret
        metadata["name"] = metadata["generateName"][:_GENERATED_LIMIT] + suffix
    for key in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"):
        metadata.pop(key, None)
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = rfc3339()
    metadata.pop("generation", None)
    if kind.generation:
        metadata["generation"] = 1
    if kind.status and kind.resource != NODES:
        obj.pop("status", None)


def require_object(body: t.Any) -> Object:
    if not isinstance(body, dict):
        raise errors.bad_request("the patch is not an object")
    return body


def require_name(name: str, obj: Object) -> None:
    """Check that the object has the name in the URL."""
    actual = obj["metadata"].get("name")
    if actual != name:
        raise errors.bad_request(f"the name of the object ({actual}) does not match the name on the URL ({name})")
