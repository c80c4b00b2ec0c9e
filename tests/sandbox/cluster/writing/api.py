# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the API on stored objects: create, update, patch, delete. HTTP and controllers both go through it."""

from __future__ import annotations

import dataclasses
import random
import typing as t
import uuid

from sandbox.cluster import errors
from sandbox.cluster.access.rbac import User
from sandbox.cluster.clock import rfc3339
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import CRDS, DAEMON_SETS, NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS, Catalog, Kind
from sandbox.cluster.store import Entry, Key, Store, clone
from sandbox.cluster.writing import apply as server_side
from sandbox.cluster.writing import defaults, patch, validation
from sandbox.cluster.writing.admission import Admission
from sandbox.cluster.writing.managed_fields import Comparison, Managed, Manager, compare, field_set

_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
_GENERATED_LIMIT = 58
# Deleting these answers with the object itself, as their storage does in Kubernetes.
_RETURN_DELETED = {PODS, SERVICE_ACCOUNTS, ("", "resourcequotas"), ("", "replicationcontrollers")}
_CONDITIONAL_ONLY = {("policy", "poddisruptionbudgets"), CRDS}
# Counters that show from the start.
_DAEMON_COUNTERS = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
_FIRST_STATUS: dict[str, Object] = {
    "DaemonSet": dict.fromkeys(_DAEMON_COUNTERS, 0),
    "ReplicaSet": {"replicas": 0},
    "ReplicationController": {"replicas": 0},
    "StatefulSet": {"replicas": 0, "availableReplicas": 0},
}
ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"


@dataclasses.dataclass(frozen=True)
class Writer:
    """Who writes, and how: the field manager's name and whether anything is kept."""

    user: User
    manager: str
    dry_run: bool = False


def random_suffix(length: int = 5) -> str:
    return "".join(random.choices(_SUFFIX, k=length))  # noqa: S311 - a name, no secret


class Api:
    def __init__(self, store: Store, catalog: Catalog, admission: Admission) -> None:
        self.store = store
        self.catalog = catalog
        self.admission = admission

    # -- reads

    def get(self, kind: Kind, namespace: str, name: str) -> Entry:
        entry = self.store.entry(kind.resource, namespace, name)
        if entry is None:
            raise errors.not_found(kind.group, kind.plural, name)
        return entry

    # -- create

    def create(self, kind: Kind, namespace: str, body: Object, writer: Writer) -> Object:
        obj = self._incoming(kind, namespace, body)
        self._complete(kind, namespace, obj)
        managed = Managed(None)
        # What admission adds has no owner.
        changes = compare({}, obj, kind.schema)
        managed.take(_updater(writer, kind, ""), self._without_reset(kind, "", changes))
        return self._store_new(kind, namespace, obj, managed, writer)

    def _incoming(self, kind: Kind, namespace: str, body: Object, verb: str = "create") -> Object:
        """A request's object with its head in order, checked against the address that it was sent to."""
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
                f"the API version in the data ({api_version}) does not match the expected API version "
                f"({kind.api_version})"
            )
        validation.check_types(kind, body, verb)
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

    def _complete(self, kind: Kind, namespace: str, obj: Object) -> None:
        """Give a new object its name, identity and defaults."""
        metadata = obj["metadata"]
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"][:_GENERATED_LIMIT] + random_suffix()
        for key in ("resourceVersion", "selfLink", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields"):
            metadata.pop(key, None)
        metadata["uid"] = str(uuid.uuid4())
        metadata["creationTimestamp"] = rfc3339()
        metadata.pop("generation", None)
        if kind.generation:
            metadata["generation"] = 1
        if kind.status and kind.resource != NODES:
            obj.pop("status", None)
        if kind.namespaced:
            self.admission.check_namespace(kind, namespace, metadata.get("name", ""))
        if metadata.get("name"):
            defaults.apply_defaults(kind, obj)

    def _store_new(self, kind: Kind, namespace: str, obj: Object, managed: Managed, writer: Writer) -> Object:
        obj = self.admission.mutate(kind, obj)
        validation.validate(kind, obj)
        name = obj["metadata"]["name"]
        if self.store.get(kind.resource, namespace, name) is not None:
            raise errors.already_exists(kind.group, kind.plural, name)
        self.admission.check_quota(kind, obj)
        if kind.status and not kind.custom:
            obj.setdefault("status", dict(_FIRST_STATUS.get(kind.kind, {})))
        entries = managed.encode()
        if entries:
            obj["metadata"]["managedFields"] = entries
        if writer.dry_run:
            return obj
        return self.store.put(kind.resource, (namespace, name), obj)

    # -- update

    def update(
        self, kind: Kind, namespace: str, name: str, body: Object, writer: Writer, subresource: str = ""
    ) -> Object:
        obj = self._incoming(kind, namespace, body, "update")
        metadata = obj["metadata"]
        if metadata.setdefault("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        old = self.get(kind, namespace, name).obj
        if not metadata.get("resourceVersion") and (kind.custom or kind.resource in _CONDITIONAL_ONLY):
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
        """Change a copy of a stored object and store it: what controllers do, on the newest state."""
        metadata = obj["metadata"]
        old = self.get(kind, metadata.get("namespace", ""), metadata["name"]).obj
        new = clone(old)
        change(new)
        return self.replace(kind, old, new, writer, subresource)

    def replace(self, kind: Kind, old: Object, new: Object, writer: Writer, subresource: str = "") -> Object:
        """Store a new state of an object, checked, its owner noted; the old one when nothing changed."""
        managed = self._managed(old, new)
        new = self._prepare(kind, old, new, subresource)
        if managed is not None:
            changes = compare(old, new, kind.schema)
            managed.take(_updater(writer, kind, subresource), self._without_reset(kind, subresource, changes))
        return self._store(kind, old, new, managed, writer)

    def _managed(self, old: Object, new: Object) -> Managed | None:
        """The ownership to start from; None when it was reset and nobody applied since: then it is not tracked."""
        given = new["metadata"].get("managedFields")
        if given == [{}]:
            return None
        entries = given or old["metadata"].get("managedFields")
        return Managed(entries) if entries else None

    def _prepare(self, kind: Kind, old: Object, new: Object, subresource: str) -> Object:
        """Keep what this address must not change, and what the server itself keeps."""
        before, metadata = old["metadata"], new["metadata"]
        name = before["name"]
        version = metadata.get("resourceVersion")
        if version and version != before["resourceVersion"]:
            raise errors.conflict(kind.group, kind.plural, name, errors.MODIFIED)
        if metadata.get("uid") and metadata["uid"] != before["uid"]:
            path = "/".join(filter(None, (kind.group, kind.plural, before.get("namespace"), name)))
            why = (
                f"StorageError: invalid object, Code: 4, Key: /registry/{path}, ResourceVersion: 0, "
                f"AdditionalErrorMsg: Precondition failed: UID in precondition: {metadata['uid']}, "
                f"UID in object meta: {before['uid']}"
            )
            raise errors.conflict(kind.group, kind.plural, name, why)
        if subresource == "status":
            new = dict(old, metadata=dict(before), status=new.get("status") or {})
            if kind.resource in (PODS, NODES):
                for key in ("annotations", "labels"):
                    if metadata.get(key):
                        new["metadata"][key] = metadata[key]
        elif kind.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        metadata = new["metadata"]
        for key in (
            "uid",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "resourceVersion",
        ):
            if key in before:
                metadata[key] = before[key]
            else:
                metadata.pop(key, None)
        for key in ("annotations", "labels", "finalizers", "ownerReferences"):
            if key in metadata and not metadata[key]:
                del metadata[key]
        if not subresource:
            defaults.apply_defaults(kind, new)
        validation.check_types(kind, new, "patch")
        validation.validate(kind, new, old)
        if kind.generation and subresource != "status" and _desired(old) != _desired(new):
            metadata["generation"] = before.get("generation", 0) + 1
        return new

    def _without_reset(self, kind: Kind, subresource: str, changes: Comparison) -> Comparison:
        """Without the fields that this address resets, which its writers therefore do not own."""
        if not kind.status:
            return changes

        def keep(path: tuple[str, ...]) -> bool:
            if kind.resource == NAMESPACES and path[0] == "f:spec":
                return False
            return (path[0] == "f:status") == (subresource == "status") or path[0] == "f:metadata"

        return Comparison(*({path for path in paths if keep(path)} for paths in changes))

    def _store(self, kind: Kind, old: Object, new: Object, managed: Managed | None, writer: Writer) -> Object:
        if kind.resource == DAEMON_SETS:
            defaults.count_template(old, new)
        entries = managed.encode() if managed is not None else []
        before = old["metadata"].get("managedFields") or []
        if _timeless(entries) == _timeless(before):
            entries = before
        new["metadata"].pop("managedFields", None)
        if entries:
            new["metadata"]["managedFields"] = entries
        if new == old:
            return old
        if writer.dry_run:
            return new
        key: Key = (new["metadata"].get("namespace", ""), new["metadata"]["name"])
        if self._is_gone(kind, new):
            return self.store.remove(kind.resource, key) or new
        return self.store.put(kind.resource, key, new)

    def _is_gone(self, kind: Kind, obj: Object) -> bool:
        metadata = obj["metadata"]
        if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
            return False
        if kind.resource == NAMESPACES:
            return not (obj.get("spec") or {}).get("finalizers")
        return not metadata.get("deletionGracePeriodSeconds")

    # -- patch

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
        """The patched object, and whether it was created, which only an apply may do."""
        if media_type == patch.APPLY:
            return self._apply(kind, namespace, name, body, writer, subresource, force=force)
        if force:
            text = "may not be specified for non-apply patch"
            cause = errors.Cause("FieldValueForbidden", "force", f"Forbidden: {text}")
            raise errors.invalid("meta.k8s.io", "PatchOptions", "", [cause])
        old = self.get(kind, namespace, name).obj
        if media_type == patch.JSON:
            new = patch.json_patch(old, body)
        elif media_type == patch.MERGE:
            new = patch.merge_patch(old, _object(body))
        elif media_type == patch.STRATEGIC and not kind.custom:
            new = patch.strategic_patch(old, _object(body), kind.schema)
        else:
            known = [patch.JSON, patch.MERGE, patch.APPLY]
            raise errors.unsupported_media_type(known if kind.custom else [patch.JSON, patch.MERGE, patch.STRATEGIC])
        new = clone(new)
        if new["metadata"].get("name") != name:
            raise errors.bad_request(
                f"the name of the object ({new['metadata'].get('name')}) does not match the name on the URL ({name})"
            )
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
        body = _object(body)
        if (body.get("metadata") or {}).get("managedFields"):
            raise errors.bad_request("metadata.managedFields must be nil")
        if not body.get("apiVersion") or not body.get("kind"):
            raise errors.bad_request("Object 'Kind' is missing in the applied configuration")
        config = server_side.without_empty_maps(self._incoming(kind, namespace, body, "apply"))
        if config["metadata"].setdefault("name", name) != name:
            raise errors.bad_request(
                f"the name of the object ({config['metadata']['name']}) does not match the name on the URL ({name})"
            )
        manager = Manager(writer.manager, "Apply", kind.api_version, subresource)
        found = self.store.get(kind.resource, namespace, name)
        if found is None:
            if config["metadata"].get("uid"):
                why = f"Precondition failed: UID in precondition: {config['metadata']['uid']}, UID in object meta: "
                raise errors.conflict(kind.group, kind.plural, name, why)
            managed = Managed(None)
            managed.sets[manager] = field_set(config, kind.schema)
            obj = clone(config)
            self._complete(kind, namespace, obj)
            return self._store_new(kind, namespace, obj, managed, writer), True
        version = config["metadata"].pop("resourceVersion", None)
        if version and version != found["metadata"]["resourceVersion"]:
            raise errors.conflict(kind.group, kind.plural, name, errors.MODIFIED)
        managed = Managed(found["metadata"].get("managedFields"))
        if not managed.sets:
            # Nobody's fields are known: they are given to a manager of this name before the first apply.
            first = Manager("before-first-apply", "Update", kind.api_version, "")
            managed.sets[first] = field_set(found, kind.schema)
        merged = server_side.apply(found, config, managed, manager, kind.schema, force=force)
        new = self._prepare(kind, found, clone(merged), subresource)
        return self._store(kind, found, new, managed, writer), False

    # -- delete

    def delete(self, kind: Kind, namespace: str, name: str, options: Object, writer: Writer) -> tuple[Object, bool]:
        """The last state of the object or a success Status, and whether it is gone at once."""
        obj = self.get(kind, namespace, name).obj
        metadata = obj["metadata"]
        self._check_preconditions(kind, obj, options.get("preconditions") or {})
        finalizers = list(metadata.get("finalizers") or [])
        policy = options.get("propagationPolicy")
        if options.get("orphanDependents"):
            policy = "Orphan"
        for wanted, finalizer in (("Orphan", ORPHAN), ("Foreground", FOREGROUND)):
            if policy == wanted and finalizer not in finalizers:
                finalizers.append(finalizer)
        grace = self._grace(kind, obj, options)
        lingers = (
            bool(finalizers)
            or grace > 0
            or (kind.resource == NAMESPACES and bool((obj.get("spec") or {}).get("finalizers")))
        )
        if not lingers:
            last = obj if writer.dry_run else self.store.remove(kind.resource, (namespace, name)) or obj
            return (last if kind.resource in _RETURN_DELETED else _deleted(kind, obj)), True
        known = metadata.get("deletionGracePeriodSeconds")
        if metadata.get("deletionTimestamp") and known is not None and grace >= known:
            if finalizers == (metadata.get("finalizers") or []):
                return obj, False
            grace = known
        new = dict(obj, metadata=dict(metadata))
        new["metadata"]["deletionTimestamp"] = rfc3339(grace)
        if kind.resource != NAMESPACES:
            new["metadata"]["deletionGracePeriodSeconds"] = grace
        if finalizers:
            new["metadata"]["finalizers"] = finalizers
        if kind.generation and not metadata.get("deletionTimestamp"):
            new["metadata"]["generation"] = metadata.get("generation", 0) + 1
        if kind.resource == NAMESPACES:
            new["status"] = dict(obj.get("status") or {}, phase="Terminating")
        if writer.dry_run:
            return new, False
        return self.store.put(kind.resource, (namespace, name), new), False

    def _check_preconditions(self, kind: Kind, obj: Object, preconditions: Object) -> None:
        metadata = obj["metadata"]
        for key, title, end in (
            ("uid", "UID", "deleted and then recreated"),
            ("resourceVersion", "ResourceVersion", "modified"),
        ):
            wanted = preconditions.get(key)
            if wanted is not None and wanted != metadata[key]:
                why = (
                    f"the {title} in the precondition ({wanted}) does not match the {title} in record "
                    f"({metadata[key]}). The object might have been {end}"
                )
                raise errors.conflict(kind.group, kind.kind, metadata["name"], why)

    def _grace(self, kind: Kind, obj: Object, options: Object) -> int:
        """Seconds that a pod gets; nothing else has a grace period, nor has a pod that runs nowhere any more."""
        if kind.resource != PODS:
            return 0
        seconds = options.get("gracePeriodSeconds")
        if seconds is None:
            seconds = obj["spec"].get("terminationGracePeriodSeconds", 30)
        if not obj["spec"].get("nodeName") or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        return max(0, int(seconds))


def _object(body: t.Any) -> Object:
    if not isinstance(body, dict):
        raise errors.bad_request("the patch is not an object")
    return body


def _updater(writer: Writer, kind: Kind, subresource: str) -> Manager:
    return Manager(writer.manager, "Update", kind.api_version, subresource)


def _desired(obj: Object) -> Object:
    return {k: v for k, v in obj.items() if k not in ("metadata", "status", "apiVersion", "kind")}


def _timeless(entries: list[Object]) -> list[Object]:
    return [{key: value for key, value in entry.items() if key != "time"} for entry in entries]


def _deleted(kind: Kind, obj: Object) -> Object:
    details: Object = {"name": obj["metadata"]["name"]}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.plural
    details["uid"] = obj["metadata"]["uid"]
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
