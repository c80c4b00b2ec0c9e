# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next state of a stored object: what the writer must not change is kept, what the server maintains is set.

Needed by: targets irsa_bindings, pod_rollout, sa_annotate.
"""

from __future__ import annotations

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import NAMESPACES, NODES, PODS, Kind
from sandbox.cluster.writing import defaults, validation
from sandbox.cluster.writing.managed_fields import Comparison

_SERVER_FIELDS = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
)


def prepare(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    """Keep what this address must not change, and what the server itself keeps.

    Raises the API's 409 for a stale version and its 422 for an invalid object.
    """
    check_version(kind, old, new["metadata"].get("resourceVersion"))
    _check_uid(kind, old, new["metadata"].get("uid"))
    new = _keep_other_half(kind, old, new, subresource)
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
    if kind.generation and subresource != "status" and _desired(old) != _desired(new):
        metadata["generation"] = before.get("generation", 0) + 1
    return new


def check_version(kind: Kind, old: Object, version: str | None) -> None:
    """Raise the API's 409 for a write that is based on an older version."""
    if version and version != old["metadata"]["resourceVersion"]:
        raise errors.conflict(kind.group, kind.plural, old["metadata"]["name"], errors.MODIFIED)


def without_reset(kind: Kind, subresource: str, changes: Comparison) -> Comparison:
    """Without the fields that this address resets, which its writers therefore do not own."""
    if not kind.status:
        return changes

    def keep(path: tuple[str, ...]) -> bool:
        if kind.resource == NAMESPACES and path[0] == "f:spec":
            return False
        return (path[0] == "f:status") == (subresource == "status") or path[0] == "f:metadata"

    return Comparison(*({path for path in paths if keep(path)} for paths in changes))


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


def _keep_other_half(kind: Kind, old: Object, new: Object, subresource: str) -> Object:
    """The status address writes the status alone, all others everything else."""
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


def _desired(obj: Object) -> Object:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status", "apiVersion", "kind")}
