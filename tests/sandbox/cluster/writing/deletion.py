# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete objects, with preconditions, grace periods and finalizers.

Needed by: targets irsa_bindings, pod_rollout, sa_annotate.
"""

from __future__ import annotations

from sandbox.cluster import errors
from sandbox.cluster.clock import rfc3339
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import NAMESPACES, PODS, SERVICE_ACCOUNTS, Kind
from sandbox.cluster.store import Key, Store

# As in Kubernetes, the response to the deletion of these is the object.
_RETURN_DELETED = {PODS, SERVICE_ACCOUNTS, ("", "resourcequotas"), ("", "replicationcontrollers")}


def delete(store: Store, kind: Kind, obj: Object, options: Object, *, dry_run: bool) -> tuple[Object, bool]:
    """Delete an object.

    :returns: the object's last state or a success Status, and whether it is already removed.
    """
    metadata = obj["metadata"]
    key: Key = (metadata.get("namespace", ""), metadata["name"])
    _check_preconditions(kind, obj, options.get("preconditions") or {})
    grace = _grace_seconds(kind, obj, options)
    remains = (
        bool(metadata.get("finalizers"))
        or grace > 0
        or (kind.resource == NAMESPACES and bool((obj.get("spec") or {}).get("finalizers")))
    )
    if not remains:
        last = obj if dry_run else store.remove(kind.resource, key) or obj
        return (last if kind.resource in _RETURN_DELETED else _deleted(kind, obj)), True
    current_grace = metadata.get("deletionGracePeriodSeconds")
    if metadata.get("deletionTimestamp") and current_grace is not None and grace >= current_grace:
        return obj, False
    new = dict(obj, metadata=dict(metadata))
    new["metadata"]["deletionTimestamp"] = rfc3339(grace)
    if kind.resource != NAMESPACES:
        new["metadata"]["deletionGracePeriodSeconds"] = grace
    if kind.generation and not metadata.get("deletionTimestamp"):
        new["metadata"]["generation"] = metadata.get("generation", 0) + 1
    if kind.resource == NAMESPACES:
        new["status"] = dict(obj.get("status") or {}, phase="Terminating")
    if dry_run:
        return new, False
    return store.put(kind.resource, key, new), False


def _check_preconditions(kind: Kind, obj: Object, preconditions: Object) -> None:
    metadata = obj["metadata"]
    for key, title, end in (
        ("uid", "UID", "deleted and then recreated"),
        ("resourceVersion", "ResourceVersion", "modified"),
    ):
        required = preconditions.get(key)
        if required is not None and required != metadata[key]:
            why = (
                f"the {title} in the precondition ({required}) does not match the {title} in record "
                f"({metadata[key]}). The object might have been {end}"
            )
            raise errors.conflict(kind.group, kind.kind, metadata["name"], why)


def _grace_seconds(kind: Kind, obj: Object, options: Object) -> int:
    """The grace period in seconds. It is 0 for pods that do not run on a node, and for all other objects."""
    if kind.resource != PODS:
        return 0
    seconds = options.get("gracePeriodSeconds")
    if seconds is None:
        seconds = obj["spec"].get("terminationGracePeriodSeconds", 30)
    if not obj["spec"].get("nodeName") or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    return max(0, int(seconds))


def _deleted(kind: Kind, obj: Object) -> Object:
    details: Object = {"name": obj["metadata"]["name"]}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    details["uid"] = obj["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
