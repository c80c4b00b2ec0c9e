# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects in memory with resource versions, an event history for watches, and consistent pages for lists.

Objects in the store are never changed in place: a write replaces the whole object, so readers may keep what they got.

Needed by: every target; benchmarks.
"""

from __future__ import annotations

import bisect
import collections
import json
import typing as t

from sandbox.cluster.errors import Object

Resource = tuple[str, str]
"""API group and plural name, such as ("apps", "deployments")."""
Key = tuple[str, str]
"""Namespace (empty for cluster scope) and name."""

HISTORY = 8192
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def encode(value: t.Any) -> bytes:
    return _encode(value).encode()


def clone(value: t.Any) -> t.Any:
    """A deep copy of JSON data; several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: clone(child) if isinstance(child, (dict, list)) else child for key, child in value.items()}
    if isinstance(value, list):
        return [clone(child) if isinstance(child, (dict, list)) else child for child in value]
    return value


class Entry:
    """A stored object, with its JSON made once and shared by lists and watches."""

    __slots__ = ("_json", "obj", "version")

    def __init__(self, obj: Object, version: int) -> None:
        self.obj = obj
        self.version = version
        self._json: bytes | None = None

    def json(self) -> bytes:
        if self._json is None:
            self._json = encode(self.obj)
        return self._json


class Change(t.NamedTuple):
    """A step in the history. ``old`` is None on creation, ``new.obj`` is the last state on deletion."""

    kind: str  # ADDED, MODIFIED or DELETED
    resource: Resource
    key: Key
    old: Entry | None
    new: Entry


Listener = t.Callable[[Change], None]


class Bucket:
    """All objects of one resource."""

    def __init__(self) -> None:
        self.entries: dict[Key, Entry] = {}
        self.history: collections.deque[Change] = collections.deque(maxlen=HISTORY)
        self.forgotten = 0  # the newest version whose change is no longer in the history
        self._keys: list[Key] | None = []

    def keys(self) -> list[Key]:
        if self._keys is None:
            self._keys = sorted(self.entries)
        return self._keys

    def touch(self) -> None:
        self._keys = None

    def remember(self, change: Change) -> None:
        if len(self.history) == self.history.maxlen:
            self.forgotten = self.history[0].new.version
        self.history.append(change)


class Store:
    def __init__(self) -> None:
        self.version = 1
        self._buckets: dict[Resource, Bucket] = {}
        self._listeners: dict[Resource, set[Listener]] = {}
        self._observers: list[Listener] = []
        self._owned: dict[str, set[tuple[Resource, Key]]] = {}

    def bucket(self, resource: Resource) -> Bucket:
        found = self._buckets.get(resource)
        if found is None:
            found = self._buckets[resource] = Bucket()
        return found

    def resources(self) -> list[Resource]:
        return list(self._buckets)

    # -- reads

    def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        entry = self.entry(resource, namespace, name)
        return None if entry is None else entry.obj

    def entry(self, resource: Resource, namespace: str, name: str) -> Entry | None:
        bucket = self._buckets.get(resource)
        return None if bucket is None else bucket.entries.get((namespace, name))

    def entries(self, resource: Resource, namespace: str = "") -> list[Entry]:
        """In key order; of one namespace, or of all when it is empty."""
        bucket = self.bucket(resource)
        keys = bucket.keys()
        if namespace:
            start = bisect.bisect_left(keys, (namespace, ""))
            end = bisect.bisect_left(keys, (namespace + "\0", ""))
            keys = keys[start:end]
        return [bucket.entries[key] for key in keys]

    def list(self, resource: Resource, namespace: str = "") -> t.List[Object]:
        return [entry.obj for entry in self.entries(resource, namespace)]

    def dependents(self, uid: str) -> t.List[tuple[Resource, Key]]:
        """Objects with an ownerReference to this uid."""
        return sorted(self._owned.get(uid, ()))

    # -- writes

    def next_version(self) -> int:
        self.version += 1
        return self.version

    def put(self, resource: Resource, key: Key, obj: Object) -> Object:
        """Store the object under a new resourceVersion, which is set on it."""
        bucket = self.bucket(resource)
        old = bucket.entries.get(key)
        version = self.next_version()
        obj["metadata"]["resourceVersion"] = str(version)
        entry = Entry(obj, version)
        bucket.entries[key] = entry
        if old is None:
            bucket.touch()
        self._index(resource, key, old, entry)
        self._publish(bucket, Change("MODIFIED" if old else "ADDED", resource, key, old, entry))
        return obj

    def remove(self, resource: Resource, key: Key) -> Object | None:
        """Take the object out; the last state that watchers see carries the version of the deletion."""
        bucket = self.bucket(resource)
        old = bucket.entries.pop(key, None)
        if old is None:
            return None
        bucket.touch()
        version = self.next_version()
        last = dict(old.obj, metadata=dict(old.obj["metadata"], resourceVersion=str(version)))
        self._index(resource, key, old, None)
        self._publish(bucket, Change("DELETED", resource, key, old, Entry(last, version)))
        return last

    def _index(self, resource: Resource, key: Key, old: Entry | None, new: Entry | None) -> None:
        before = {o["uid"] for o in old.obj["metadata"].get("ownerReferences") or ()} if old else set()
        after = {o["uid"] for o in new.obj["metadata"].get("ownerReferences") or ()} if new else set()
        for uid in before - after:
            owned = self._owned.get(uid, set())
            owned.discard((resource, key))
            if not owned:
                self._owned.pop(uid, None)
        for uid in after - before:
            self._owned.setdefault(uid, set()).add((resource, key))

    # -- changes

    def _publish(self, bucket: Bucket, change: Change) -> None:
        bucket.remember(change)
        for observer in self._observers:
            observer(change)
        for listener in tuple(self._listeners.get(change.resource, ())):
            listener(change)

    def observe(self, listener: Listener) -> None:
        """Call the listener on every change of every resource, for the life of the store."""
        self._observers.append(listener)

    def subscribe(self, resource: Resource, listener: Listener) -> t.Callable[[], None]:
        """Call the listener on changes of one resource, until the returned function is called."""
        self._listeners.setdefault(resource, set()).add(listener)
        return lambda: self._listeners[resource].discard(listener)

    def since(self, resource: Resource, version: int) -> t.List[Change] | None:
        """Changes after a version; None when the history no longer reaches back that far."""
        bucket = self.bucket(resource)
        if version < bucket.forgotten:
            return None
        return [change for change in bucket.history if change.new.version > version]
