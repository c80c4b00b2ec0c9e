# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prepare the new state of a stored object: keep what the writer cannot change, set what the server maintains.

Needed by: targets irsa_bindings, pod_rollout, sa_annotate.
"""

from __future__ import annotations

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import NAMESPACES, NODES, PODS, Kind
from sandbox.cluster.writing import defaults, validation
from sandbox.cluster.writing.managed_fields import FieldChanges

_SERVER_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)


def prepare(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    """Return the state to store, without changes that this URL or the server does not allow.

    :raises StatusError: 409 for an old resourceVersion, 422 for an object that is not valid.
    """
    check_version(kind, old, new["metadata"].get("resourceVersion"))
    _check_uid(kind, old, new["metadata"].get("uid"))
    new = _keep_unwritten_part(kind, old, new, subresource)
    before, metadata = old["metadata"], new["metadata"]
    for key in _SERVER_FIELDS:
        if key in before:
            metadata[key] = before[key]
        else:
            metadata.pop(key, None)
    for key in ("annotations", "labels", "finalizers", "ownerReferences"):
        if key in metadata and not metadata[key]:
            del metadata[key]
    if not subresource:
        defaults.apply_defaults(kind, new)
    validation.validate(kind, new, old)
    if kind.generation and subresource != "status" and _desired_state(old) != _desired_state(new):
        metadata["generation"] = before.get("generation", 0) + 1
    return new


def check_version(kind: Kind, old: Object, version: str | None) -> None:
    """Check that a write has the current resourceVersion, if it has one.

    :raises StatusError: 409.
    """
    if version and version != old["metadata"]["resourceVersion"]:
        raise errors.conflict(kind.group, kind.plural, old["metadata"]["name"], errors.MODIFIED)


def without_reset_fields(kind: Kind, subresource: str, changes: FieldChanges) -> FieldChanges:
    """Remove the fields that this URL cannot change. Its writers do not own them."""
    if not kind.status:
        return changes

    def keep(path: tuple[str, ...]) -> bool:
        if kind.resource == NAMESPACES and path[0] == "f:spec":
            return False
        return (path[0] == "f:status") == (subresource == "status") or path[0] == "f:metadata"

    return FieldChanges(*({path for path in paths if keep(path)} for paths in changes))


def _check_uid(kind: Kind, old: Object, uid: str | None) -> None:
    before = old["metadata"]
    if not uid or uid == before["uid"]:
        return
    path = "/".join(filter(None, (kind.group, kind.plural, before.get("namespace"), before["name"])))
    why = (
        f"StorageError: invalid object, Code: 4, Key: /registry/{path}, ResourceVersion: 0, "
        f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, UID in object meta: {before['uid']}"
    )
    raise errors.conflict(kind.group, kind.plural, before["name"], why)


def _keep_unwritten_part(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    """Keep the part that this URL does not write: the status URL writes only the status, other URLs all the rest."""
    if subresource == "status":
        metadata = dict(old["metadata"])
        if kind.resource in (PODS, NODES):
            metadata.update(
                {key: new["metadata"][key] for key in ("annotations", "labels") if new["metadata"].get(key)}
            )
        return dict(old, metadata=metadata, status=new.get("status") or {})
    if kind.status:
        new.pop("status", None)
        if "status" in old:
            new["status"] = old["status"]
    return new


def _desired_state(obj: Object) -> Object:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status", "apiVersion", "kind")}
