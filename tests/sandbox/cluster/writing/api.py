# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, update, patch and delete objects, for HTTP requests and controllers.

Needed by: every target.
"""

from __future__ import annotations

import dataclasses
import typing as t

from sandbox.cluster import errors
from sandbox.cluster.access.rbac import User
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import BUDGETS, DAEMON_SETS, NAMESPACES, Catalog, Kind
from sandbox.cluster.store import Key, Store, StoredObject, clone
from sandbox.cluster.writing import apply as server_side
from sandbox.cluster.writing import defaults, deletion, patch, validation
from sandbox.cluster.writing.admission import Admission
from sandbox.cluster.writing.incoming import read_object, require_name, require_object, set_identity
from sandbox.cluster.writing.managed_fields import FieldManager, ManagedFields, compare, field_set
from sandbox.cluster.writing.replacement import check_version, prepare, without_reset_fields

# Counters that a new object has.
_DAEMON_COUNTERS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
_FIRST_STATUS: dict[str, Object] = {
    "DaemonSet": dict.fromkeys(_DAEMON_COUNTERS, 0),
    "ReplicaSet": {"replicas": 0},
    "ReplicationController": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
}


@dataclasses.dataclass(frozen=True)
class Writer:
    """The user and the field manager of a write, and whether it is a dry run."""

    user: User
    manager: str
    dry_run: bool = False


class ObjectApi:
    def __init__(self, store: Store, catalog: Catalog, admission: Admission) -> None:
        self.store = store
        self.catalog = catalog
        self.admission = admission

    def get(self, kind: Kind, namespace: str, name: str) -> StoredObject:
        entry = self.store.entry(kind.resource, namespace, name)
        if entry is None:
            raise errors.not_found(kind.group, kind.plural, name)
        return entry

    def create(self, kind: Kind, namespace: str, body: Object, writer: Writer) -> Object:
        obj = read_object(kind, namespace, body)
        self._complete(kind, namespace, obj)
        managed = ManagedFields(None)
        # Fields that admission adds have no owner.
        changes = compare({}, obj)
        managed.record_update(_updating_manager(writer, kind, ""), without_reset_fields(kind, "", changes))
        return self._store_new(kind, namespace, obj, managed, writer)

    def _complete(self, kind: Kind, namespace: str, obj: Object) -> None:
        """Set the name, uid, times and defaults of a new object."""
        set_identity(kind, obj)
        if kind.namespaced:
            self.admission.check_namespace(kind, namespace, obj["metadata"].get("name", ""))
        if obj["metadata"].get("name"):
            defaults.apply_defaults(kind, obj)

    def _store_new(self, kind: Kind, namespace: str, obj: Object, managed: ManagedFields, writer: Writer) -> Object:
        obj = self.admission.mutate(kind, obj)
        validation.validate(kind, obj)
        name = obj["metadata"]["name"]
        if self.store.get(kind.resource, namespace, name) is not None:
            raise errors.already_exists(kind.group, kind.plural, name)
        self.admission.check_quota(kind, obj)
        if kind.status:
            obj.setdefault("status", dict(_FIRST_STATUS.get(kind.kind, {})))
        entries = managed.encode()
        if entries:
            obj["metadata"]["managedFields"] = entries
        if writer.dry_run:
            return obj
        return self.store.put(kind.resource, (namespace, name), obj)

    def update(
        self, kind: Kind, namespace: str, name: str, body: Object, writer: Writer, subresource: str = ""
    ) -> Object:
        obj = read_object(kind, namespace, body, "update")
        metadata = obj["metadata"]
        metadata.setdefault("name", name)
        require_name(name, obj)
        old = self.get(kind, namespace, name).obj
        if not metadata.get("resourceVersion") and kind.resource == BUDGETS:
            cause = errors.Cause(
                "FieldValueInvalid",
                "metadata.resourceVersion",
                "Invalid value: 0x0: must be specified for an update",
            )
            raise errors.invalid(kind.group, kind.kind, name, [cause])
        return self.replace(kind, old, obj, writer, subresource)

    def modify(
        self, kind: Kind, obj: Object, change: t.Callable[[Object], None], writer: Writer, subresource: str = ""
    ) -> Object:
        """Change the newest state of a stored object. Controllers use this.

        :param change: changes a copy of the object in place.
        """
        metadata = obj["metadata"]
        old = self.get(kind, metadata.get("namespace", ""), metadata["name"]).obj
        new = clone(old)
        change(new)
        return self.replace(kind, old, new, writer, subresource)

    def replace(self, kind: Kind, old: Object, new: Object, writer: Writer, subresource: str = "") -> Object:
        """Check and store a new state of an object, and update its managed fields.

        :returns: the stored object; the old one if nothing changed.
        """
        managed = self._managed(old, new)
        new = prepare(kind, old, new, subresource)
        if managed is not None:
            changes = compare(old, new)
            managed.record_update(
                _updating_manager(writer, kind, subresource), without_reset_fields(kind, subresource, changes)
            )
        return self._store(kind, old, new, managed, writer)

    def _managed(self, old: Object, new: Object) -> ManagedFields | None:
        """The managed fields to update; None if the write resets them or none are tracked since a reset."""
        requested = new["metadata"].get("managedFields")
        if requested == [{}]:
            return None
        entries = requested or old["metadata"].get("managedFields")
        return ManagedFields(entries) if entries else None

    def _store(self, kind: Kind, old: Object, new: Object, managed: ManagedFields | None, writer: Writer) -> Object:
        if kind.resource == DAEMON_SETS:
            defaults.count_template(old, new)
        entries = managed.encode() if managed is not None else []
        before = old["metadata"].get("managedFields") or []
        if _without_times(entries) == _without_times(before):
            entries = before
        new["metadata"].pop("managedFields", None)
        if entries:
            new["metadata"]["managedFields"] = entries
        if new == old:
            return old
        if writer.dry_run:
            return new
        key: Key = (new["metadata"].get("namespace", ""), new["metadata"]["name"])
        if self._is_deleted(kind, new):
            return self.store.remove(kind.resource, key) or new
        return self.store.put(kind.resource, key, new)

    def _is_deleted(self, kind: Kind, obj: Object) -> bool:
        metadata = obj["metadata"]
        if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
            return False
        if kind.resource == NAMESPACES:
            return not (obj.get("spec") or {}).get("finalizers")
        return not metadata.get("deletionGracePeriodSeconds")

    def patch(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        media_type: str,
        body: t.Any,
        writer: Writer,
        subresource: str = "",
        *,
        force: bool = False,
    ) -> tuple[Object, bool]:
        """Patch an object.

        :returns: the object, and whether it was created. Only an apply creates objects.
        """
        if media_type == patch.APPLY:
            return self._apply(kind, namespace, name, body, writer, subresource, force=force)
        if force:
            text = "may not be specified for non-apply patch"
            cause = errors.Cause("FieldValueForbidden", "force", f"Forbidden: {text}")
            raise errors.invalid("meta.k8s.io", "PatchOptions", "", [cause])
        old = self.get(kind, namespace, name).obj
        if media_type == patch.MERGE:
            new = patch.merge_patch(old, require_object(body))
        elif media_type == patch.STRATEGIC:
            new = patch.strategic_patch(old, require_object(body))
        else:
            raise errors.unsupported_media_type([patch.MERGE, patch.STRATEGIC])
        new = clone(new)
        require_name(name, new)
        return self.replace(kind, old, new, writer, subresource), False

    def _apply(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        body: t.Any,
        writer: Writer,
        subresource: str,
        *,
        force: bool,
    ) -> tuple[Object, bool]:
        if not writer.manager:
            cause = errors.Cause("FieldValueRequired", "fieldManager", "Required value: is required for apply patch")
            raise errors.invalid("meta.k8s.io", "PatchOptions", "", [cause])
        body = require_object(body)
        if (body.get("metadata") or {}).get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        if not body.get("apiVersion") or not body.get("kind"):
            raise errors.bad_request("Object 'Kind' is missing in the applied configuration")
        config = server_side.without_empty_maps(read_object(kind, namespace, body, "apply"))
        config["metadata"].setdefault("name", name)
        require_name(name, config)
        manager = FieldManager(writer.manager, "Apply", kind.api_version, subresource)
        live = self.store.get(kind.resource, namespace, name)
        if live is None:
            if config["metadata"].get("uid"):
                why = f"Precondition failed: UID in precondition: {config['metadata']['uid']}, UID in object meta: "
                raise errors.conflict(kind.group, kind.plural, name, why)
            managed = ManagedFields(None)
            managed.sets[manager] = field_set(config)
            obj = clone(config)
            self._complete(kind, namespace, obj)
            return self._store_new(kind, namespace, obj, managed, writer), True
        check_version(kind, live, config["metadata"].pop("resourceVersion", None))
        managed = ManagedFields(live["metadata"].get("managedFields"))
        if not managed.sets:
            # The object has no managed fields. As in Kubernetes, this manager then owns all fields.
            first = FieldManager("before-first-apply", "Update", kind.api_version, "")
            managed.sets[first] = field_set(live)
        merged = server_side.apply(live, config, managed, manager, force=force)
        new = prepare(kind, live, clone(merged), subresource)
        return self._store(kind, live, new, managed, writer), False

    def delete(self, kind: Kind, namespace: str, name: str, options: Object, writer: Writer) -> tuple[Object, bool]:
        """Delete an object.

        :returns: the object's last state or a success Status, and whether it is already removed.
        """
        obj = self.get(kind, namespace, name).obj
        return deletion.delete(self.store, kind, obj, options, dry_run=writer.dry_run)


def _updating_manager(writer: Writer, kind: Kind, subresource: str) -> FieldManager:
    return FieldManager(writer.manager, "Update", kind.api_version, subresource)


def _without_times(entries: list[Object]) -> list[Object]:
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]
