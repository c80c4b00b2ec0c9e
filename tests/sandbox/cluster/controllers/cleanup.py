# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes when something else goes: dependents of deleted owners, and the content of deleted namespaces.

Needed by: every target.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster.controllers.base import CONTROLLER, Controller
from sandbox.cluster.errors import ApiError, Object
from sandbox.cluster.resources import EVENTS, NAMESPACES
from sandbox.cluster.store import Change, Key, Resource


class GarbageCollector(Controller):
    """Deletes what has lost its last owner: background deletion, whatever propagation a client asks for."""

    name = "garbage-collector-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        metadata = change.new.obj["metadata"]
        if change.resource == EVENTS:
            return
        if change.kind == "DELETED":
            if self.store.dependents(metadata["uid"]):
                yield "", metadata["uid"]
        elif metadata.get("ownerReferences") and change.kind == "ADDED":
            # Its owner may be gone already.
            for reference in metadata["ownerReferences"]:
                if not self._exists(reference, metadata.get("namespace", "")):
                    yield "", reference["uid"]

    def sync(self, key: Key) -> float | None:
        """Delete the objects that had no owner besides the one with this uid."""
        for resource, name in self.store.dependents(key[1]):
            obj = self.store.get(resource, *name)
            if obj is None:
                continue
            namespace = obj["metadata"].get("namespace", "")
            references = obj["metadata"]["ownerReferences"]
            left = [ref for ref in references if ref["uid"] != key[1] and self._exists(ref, namespace)]
            if left:
                self._set_owners(resource, obj, left)
            else:
                self._delete(resource, name)
        return None

    def _exists(self, reference: Object, namespace: str) -> bool:
        kind = self.api.catalog.by_kind(reference["apiVersion"], reference["kind"])
        if kind is None:
            return False
        found = self.store.get(kind.resource, namespace if kind.namespaced else "", reference["name"])
        return found is not None and found["metadata"]["uid"] == reference["uid"]

    def _set_owners(self, resource: Resource, obj: Object, owners: list[Object]) -> None:
        kind = self.kind(resource)
        self.api.modify(kind, obj, lambda new: new["metadata"].update(ownerReferences=owners), CONTROLLER)

    def _delete(self, resource: Resource, key: Key) -> None:
        try:
            self.api.delete(self.kind(resource), *key, {}, CONTROLLER)
        except ApiError as error:
            if error.code != 404:
                raise


class NamespaceController(Controller):
    name = "namespace-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == NAMESPACES:
            if change.kind != "DELETED" and "deletionTimestamp" in change.new.obj["metadata"]:
                yield change.key
        elif change.kind == "DELETED" and change.key[0]:
            namespace = self.store.get(NAMESPACES, "", change.key[0])
            if namespace is not None and "deletionTimestamp" in namespace["metadata"]:
                yield "", change.key[0]

    def sync(self, key: Key) -> float | None:
        name = key[1]
        namespace = self.store.get(NAMESPACES, "", name)
        if namespace is None or "deletionTimestamp" not in namespace["metadata"]:
            return None
        left = 0
        for resource in self.store.resources():
            for entry in self.store.entries(resource, name):
                metadata = entry.obj["metadata"]
                left += 1
                if "deletionTimestamp" not in metadata:
                    _obj, gone = self.api.delete(self.kind(resource), name, metadata["name"], {}, CONTROLLER)
                    left -= gone
        if not left:
            self.api.modify(
                self.kind(NAMESPACES), namespace, lambda new: new["spec"].update(finalizers=[]), CONTROLLER, "finalize"
            )
        return None
