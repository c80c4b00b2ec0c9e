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
from sandbox.cluster.writing.deletion import FOREGROUND, ORPHAN


class GarbageCollector(Controller):
    """Keys are an owner's uid, or for an owner that waits for its dependents its resource and name."""

    name = "garbage-collector-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        metadata = change.new.obj["metadata"]
        if change.resource == EVENTS:
            return
        if change.kind == "DELETED":
            if self.store.dependents(metadata["uid"]):
                yield "gone", metadata["uid"]
        elif metadata.get("deletionTimestamp") and set(metadata.get("finalizers") or ()) & {ORPHAN, FOREGROUND}:
            yield self._waiting(change.resource, change.key)
        elif metadata.get("ownerReferences") and change.kind == "ADDED":
            # Its owner may be gone already.
            for reference in metadata["ownerReferences"]:
                if self._owner(reference, metadata.get("namespace", "")) is None:
                    yield "gone", reference["uid"]
        if change.kind == "DELETED":
            for reference in metadata.get("ownerReferences") or ():
                owner = self._owner(reference, metadata.get("namespace", ""))
                if owner is not None and FOREGROUND in (owner["metadata"].get("finalizers") or ()):
                    kind = self.api.catalog.by_kind(reference["apiVersion"], reference["kind"])
                    if kind is not None:
                        yield self._waiting(kind.resource, (owner["metadata"].get("namespace", ""), reference["name"]))

    def _waiting(self, resource: Resource, key: Key) -> Key:
        return f"waiting:{resource[0]}:{resource[1]}:{key[0]}", key[1]

    def _owner(self, reference: Object, namespace: str) -> Object | None:
        kind = self.api.catalog.by_kind(reference["apiVersion"], reference["kind"])
        if kind is None:
            return None
        found = self.store.get(kind.resource, namespace if kind.namespaced else "", reference["name"])
        return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None

    def sync(self, key: Key) -> float | None:
        state, name = key
        if state == "gone":
            self._collect(name)
        else:
            _prefix, group, plural, namespace = state.split(":")
            self._release((group, plural), (namespace, name))
        return None

    def _collect(self, uid: str) -> None:
        """The owner is gone: so are objects that had no other."""
        for resource, key in self.store.dependents(uid):
            obj = self.store.get(resource, *key)
            if obj is None:
                continue
            namespace = obj["metadata"].get("namespace", "")
            references = obj["metadata"]["ownerReferences"]
            left = [ref for ref in references if ref["uid"] != uid and self._owner(ref, namespace) is not None]
            if left:
                self._rewrite(resource, obj, ownerReferences=left)
            else:
                self._delete(resource, key)

    def _release(self, resource: Resource, key: Key) -> None:
        """The owner waits: for its dependents to lose it, or to go."""
        owner = self.store.get(resource, *key)
        if owner is None:
            return
        uid = owner["metadata"]["uid"]
        finalizers = list(owner["metadata"].get("finalizers") or ())
        dependents = self.store.dependents(uid)
        if ORPHAN in finalizers:
            for known, name in dependents:
                obj = self.store.get(known, *name)
                if obj is not None:
                    left = [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != uid]
                    self._rewrite(known, obj, ownerReferences=left)
            self._rewrite(resource, owner, finalizers=[entry for entry in finalizers if entry != ORPHAN])
        elif FOREGROUND in finalizers:
            for known, name in dependents:
                obj = self.store.get(known, *name)
                if obj is not None and "deletionTimestamp" not in obj["metadata"]:
                    self._delete(known, name, {"propagationPolicy": "Foreground"})
            if not self.store.dependents(uid):
                self._rewrite(resource, owner, finalizers=[entry for entry in finalizers if entry != FOREGROUND])

    def _rewrite(self, resource: Resource, obj: Object, **metadata: t.Any) -> None:
        kind = self.kind(resource)
        self.api.modify(kind, obj, lambda new: new["metadata"].update(metadata), CONTROLLER)

    def _delete(self, resource: Resource, key: Key, options: Object | None = None) -> None:
        try:
            self.api.delete(self.kind(resource), *key, options or {}, CONTROLLER)
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
