# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Field ownership: sets of field paths, their FieldsV1 form, and ``metadata.managedFields``.

A path is a tuple of elements in the form of FieldsV1: ``f:name`` for a field, ``k:{"name":"x"}`` for an item of a keyed
list, ``v:"x"`` for an item of a set. The rules are those of sigs.k8s.io/structured-merge-diff.

Needed by: targets irsa_bindings, role_irsa, sa_annotate.
"""

from __future__ import annotations

import datetime
import json
import typing as t

from sandbox.cluster.errors import Object
from sandbox.cluster.writing import schema
from sandbox.cluster.writing.schema import key_of

Path = tuple[str, ...]
Paths = set[Path]

# The server maintains these fields. They have no owner.
_UNOWNED = {("f:apiVersion",), ("f:kind",), ("f:metadata",)} | {
    ("f:metadata", f"f:{name}")
    for name in (
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    )
}


# The metadata of a template has an empty creationTimestamp.
_TEMPLATE_CREATION = ("f:metadata", "f:creationTimestamp")


def without_unowned(paths: Paths) -> Paths:
    """Remove the paths that cannot have an owner."""
    return {path for path in paths if path not in _UNOWNED and path[-2:] != _TEMPLATE_CREATION}


def key_element(key: tuple[t.Any, ...], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps(dict(sorted(zip(keys, key, strict=True))), separators=(",", ":"), ensure_ascii=False)


def value_element(value: t.Any) -> str:
    return "v:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def describe(path: Path) -> str:
    """A path as in messages about conflicts: ``.spec.template.spec.containers[name="app"].image``."""
    text = ""
    for element in path:
        kind, _colon, rest = element.partition(":")
        if kind == "f":
            text += "." + rest
        elif kind == "k":
            pairs = (f"{name}={json.dumps(value)}" for name, value in json.loads(rest).items())
            text += f"[{','.join(pairs)}]"
        else:
            text += f"[={rest}]"
    return text


def _items_by_element(value: list[t.Any], keys: tuple[str, ...]) -> dict[str, t.Any]:
    """The items of a set or a keyed list by their path element."""
    if keys == ():
        return {value_element(item): item for item in value}
    items = {}
    for item in value:
        key = key_of(item, keys)
        if key is not None:
            items[key_element(key, keys)] = item
    return items


def field_set(value: Object) -> Paths:
    """The paths of the fields of an applied configuration (ToFieldSet)."""
    paths: Paths = set()
    _collect(value, (), (), paths)
    return without_unowned(paths)


def _collect(value: t.Any, path: Path, names: tuple[str, ...], paths: Paths) -> None:
    if isinstance(value, dict) and value and not (names and schema.is_atomic_map(names)):
        for name, child in value.items():
            _collect(child, (*path, "f:" + name), (*names, name), paths)
        return
    if isinstance(value, list) and value:
        keys = schema.list_keys(names)
        if keys is not None:
            for element, item in _items_by_element(value, keys).items():
                paths.add((*path, element))
                if isinstance(item, dict):
                    for name, child in item.items():
                        _collect(child, (*path, element, "f:" + name), (*names, name), paths)
            return
    if path:
        paths.add(path)


class FieldChanges(t.NamedTuple):
    added: Paths
    modified: Paths
    removed: Paths


def compare(old: Object, new: Object) -> FieldChanges:
    """The paths that are added, modified and removed between two states of an object."""
    result = FieldChanges(set(), set(), set())
    _compare(old, new, (), (), result)
    return FieldChanges(
        without_unowned(result.added), without_unowned(result.modified), without_unowned(result.removed)
    )


_MISSING: t.Any = object()


def _compare(old: t.Any, new: t.Any, path: Path, names: tuple[str, ...], result: FieldChanges) -> None:
    if old is new or names == ("metadata", "managedFields"):
        return
    if _is_tree(old, names) or _is_tree(new, names):
        before, after = _children(old, names), _children(new, names)
        if before is not None and after is not None:
            if path and not (names and path[-1] == "f:" + names[-1] and schema.is_struct(names)):
                if old is _MISSING:
                    result.added.add(path)
                elif new is _MISSING:
                    result.removed.add(path)
            for element in after.keys() | before.keys():
                child = (*names, element[2:]) if element.startswith("f:") else names
                _compare(before.get(element, _MISSING), after.get(element, _MISSING), (*path, element), child, result)
            return
    if old is _MISSING:
        result.added.add(path)
    elif new is _MISSING:
        result.removed.add(path)
    elif old != new:
        result.modified.add(path)


def _is_tree(value: t.Any, names: tuple[str, ...]) -> bool:
    if isinstance(value, dict):
        return bool(value) and not (names and schema.is_atomic_map(names))
    return isinstance(value, list) and bool(value) and schema.list_keys(names) is not None


def _children(value: t.Any, names: tuple[str, ...]) -> dict[str, t.Any] | None:
    """The children of a value by path element; None if it is a leaf."""
    if value is _MISSING or value is None:
        return {}
    if isinstance(value, dict):
        return {"f:" + name: child for name, child in value.items()}
    if isinstance(value, list):
        keys = schema.list_keys(names) if names else None
        if keys is not None:
            return _items_by_element(value, keys)
    return None


# -- FieldsV1


def to_fields_v1(paths: Paths) -> Object:
    """The nested form of a set of paths. ``.`` marks a path of the set that has children."""
    root: Object = {}
    for path in sorted(paths):
        node = root
        for element in path[:-1]:
            node = node.setdefault(element, {})
        node.setdefault(path[-1], {})
    for path in paths:
        node = root
        for element in path:
            node = node[element]
        if node:
            node["."] = {}
    return _ordered(root)


def _ordered(node: Object) -> Object:
    return {key: _ordered(child) for key, child in sorted(node.items())}


def from_fields_v1(fields: Object) -> Paths:
    paths: Paths = set()

    def walk(node: Object, path: Path) -> None:
        if path and (not node or "." in node):
            paths.add(path)
        for element, child in node.items():
            if element != ".":
                walk(child, (*path, element))

    walk(fields, ())
    return paths


# -- metadata.managedFields


class FieldManager(t.NamedTuple):
    """The identity of an entry in managedFields. For an apply, the apiVersion is not part of it."""

    name: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str

    def describe(self) -> str:
        text = json.dumps(self.name)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


class ManagedFields:
    """The decoded managedFields of an object."""

    def __init__(self, entries: list[Object] | None) -> None:
        self.sets: dict[FieldManager, Paths] = {}
        self._times: dict[FieldManager, str] = {}
        self._before: dict[FieldManager, Paths] = {}
        for entry in entries or []:
            if not entry:
                continue
            manager = FieldManager(
                entry.get("manager", ""), entry["operation"], entry.get("apiVersion", ""), entry.get("subresource", "")
            )
            self.sets[manager] = from_fields_v1(entry.get("fieldsV1") or {})
            self._times[manager] = entry.get("time", "")
            self._before[manager] = set(self.sets[manager])

    def find_applier(self, manager: FieldManager) -> FieldManager | None:
        """The entry of this manager, with any apiVersion."""
        identity = (manager.name, manager.operation, manager.subresource)
        for existing in self.sets:
            if (existing.name, existing.operation, existing.subresource) == identity:
                return existing
        return None

    def record_update(self, manager: FieldManager, changes: FieldChanges) -> None:
        """Record an update. The manager becomes the only owner of added and modified fields; removed ones have none."""
        taken = changes.added | changes.modified
        for other in list(self.sets):
            if other != manager:
                self.sets[other] = self.sets[other] - taken - changes.removed
        self.sets[manager] = (self.sets.get(manager, set()) - changes.removed) | taken
        self._drop_empty()

    def _drop_empty(self) -> None:
        self.sets = {manager: paths for manager, paths in self.sets.items() if paths}

    def encode(self) -> list[Object]:
        """The entries for the API, sorted by operation (Apply first) and time. Changed entries get the current time."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        entries = []
        for manager, paths in self.sets.items():
            if not paths:
                continue
            time = self._times.get(manager, now) if self._before.get(manager) == paths else now
            entry: Object = {
                "manager": manager.name,
                "operation": manager.operation,
                "apiVersion": manager.api_version,
                "time": time,
                "fieldsType": "FieldsV1",
                "fieldsV1": to_fields_v1(paths),
            }
            if manager.subresource:
                entry["subresource"] = manager.subresource
            entries.append(entry)
        entries.sort(key=lambda entry: (entry["operation"] != "Apply", entry["time"], entry["manager"]))
        return entries
