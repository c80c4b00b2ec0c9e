# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Delete the dependents of deleted owners, and the objects in deleted namespaces.

Needed by: every target.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster.controllers.base import CONTROLLER, Controller
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.resources import EVENTS, NAMESPACES
from sandbox.cluster.store import Change, Key, Resource


class GarbageCollector(Controller):
    """Deletes objects whose last owner was deleted, in the background, whatever the propagation policy is."""

    name = "garbage-collector-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        metadata = change.new.obj["metadata"]
        if change.resource == EVENTS:
            return
        if change.kind == "DELETED":
            if self.store.dependents(metadata["uid"]):
                yield "", metadata["uid"]
        elif metadata.get("ownerReferences") and change.kind == "ADDED":
            # The owner may already be deleted.
            for reference in metadata["ownerReferences"]:
                if not self._exists(reference, metadata.get("namespace", "")):
                    yield "", reference["uid"]

    def sync(self, key: Key) -> float | None:
        """Remove the owner with this uid from its dependents, and delete those without another owner."""
        for resource, name in self.store.dependents(key[1]):
            obj = self.store.get(resource, *name)
            if obj is None:
                continue
            namespace = obj["metadata"].get("namespace", "")
            references = obj["metadata"]["ownerReferences"]
            remaining = [ref for ref in references if ref["uid"] != key[1] and self._exists(ref, namespace)]
            if remaining:
                self._set_owners(resource, obj, remaining)
            else:
                self._delete(resource, name)
        return None

    def _exists(self, reference: Object, namespace: str) -> bool:
        kind = self.api.catalog.by_kind(reference["apiVersion"], reference["kind"])
        if kind is None:
            return False
        owner = self.store.get(kind.resource, namespace if kind.namespaced else "", reference["name"])
        return owner is not None and owner["metadata"]["uid"] == reference["uid"]

    def _set_owners(self, resource: Resource, obj: Object, owners: list[Object]) -> None:
        kind = self.kind(resource)
        self.api.modify(kind, obj, lambda new: new["metadata"].update(ownerReferences=owners), CONTROLLER)

    def _delete(self, resource: Resource, key: Key) -> None:
        try:
            self.api.delete(self.kind(resource), *key, {}, CONTROLLER)
        except StatusError as error:
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
        remaining = 0
        for resource in self.store.resources():
            for entry in self.store.entries(resource, name):
                metadata = entry.obj["metadata"]
                remaining += 1
                if "deletionTimestamp" not in metadata:
                    _obj, deleted = self.api.delete(self.kind(resource), name, metadata["name"], {}, CONTROLLER)
                    remaining -= deleted
        if not remaining:
            self.api.modify(
                self.kind(NAMESPACES), namespace, lambda new: new["spec"].update(finalizers=[]), CONTROLLER, "finalize"
            )
        return None
