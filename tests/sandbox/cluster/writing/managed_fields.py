# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns which field: sets of field paths, their form FieldsV1, and ``metadata.managedFields``.

A path is a tuple of elements as FieldsV1 writes them: ``f:name`` for a field, ``k:{"name":"x"}`` for an item of a keyed
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

# Fields that the server itself keeps: nobody owns them.
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


# A template's metadata carries an empty creationTimestamp.
_TEMPLATE_CREATION = ("f:metadata", "f:creationTimestamp")


def owned(paths: Paths) -> Paths:
    """The paths without those that nobody can own."""
    return {path for path in paths if path not in _UNOWNED and path[-2:] != _TEMPLATE_CREATION}


def key_element(key: tuple[t.Any, ...], keys: tuple[str, ...]) -> str:
    return "k:" + json.dumps(dict(sorted(zip(keys, key, strict=True))), separators=(",", ":"), ensure_ascii=False)


def value_element(value: t.Any) -> str:
    return "v:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def describe(path: Path) -> str:
    """A path as conflicts print it: ``.spec.template.spec.containers[name="app"].image``."""
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


def _items(value: list[t.Any], keys: tuple[str, ...]) -> dict[str, t.Any]:
    """Items of a set or a keyed list by their path element."""
    if keys == ():
        return {value_element(item): item for item in value}
    found = {}
    for item in value:
        key = key_of(item, keys)
        if key is not None:
            found[key_element(key, keys)] = item
    return found


def field_set(value: Object) -> Paths:
    """The fields that an applied configuration names (ToFieldSet)."""
    paths: Paths = set()
    _collect(value, (), (), paths)
    return owned(paths)


def _collect(value: t.Any, path: Path, names: tuple[str, ...], paths: Paths) -> None:
    if isinstance(value, dict) and value and not (names and schema.atomic_map(names)):
        for name, child in value.items():
            _collect(child, (*path, "f:" + name), (*names, name), paths)
        return
    if isinstance(value, list) and value:
        keys = schema.list_keys(names)
        if keys is not None:
            for element, item in _items(value, keys).items():
                paths.add((*path, element))
                if isinstance(item, dict):
                    for name, child in item.items():
                        _collect(child, (*path, element, "f:" + name), (*names, name), paths)
            return
    if path:
        paths.add(path)


class Comparison(t.NamedTuple):
    added: Paths
    modified: Paths
    removed: Paths


def compare(old: Object, new: Object) -> Comparison:
    """Which paths appear, change and go between two states of an object."""
    result = Comparison(set(), set(), set())
    _compare(old, new, (), (), result)
    return Comparison(owned(result.added), owned(result.modified), owned(result.removed))


_MISSING: t.Any = object()


def _compare(old: t.Any, new: t.Any, path: Path, names: tuple[str, ...], result: Comparison) -> None:
    if old is new or names == ("metadata", "managedFields"):
        return
    if _is_tree(old, names) or _is_tree(new, names):
        before, after = _children(old, names), _children(new, names)
        if before is not None and after is not None:
            if path and not (names and path[-1] == "f:" + names[-1] and schema.struct(names)):
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
        return bool(value) and not (names and schema.atomic_map(names))
    return isinstance(value, list) and bool(value) and schema.list_keys(names) is not None


def _children(value: t.Any, names: tuple[str, ...]) -> dict[str, t.Any] | None:
    """Children by path element; None when the value is a leaf that a tree replaces."""
    if value is _MISSING or value is None:
        return {}
    if isinstance(value, dict):
        return {"f:" + name: child for name, child in value.items()}
    if isinstance(value, list):
        keys = schema.list_keys(names) if names else None
        if keys is not None:
            return _items(value, keys)
    return None


# -- FieldsV1


def to_fields_v1(paths: Paths) -> Object:
    """The nested form; ``.`` marks a path that is a member itself and has members below."""
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


class Manager(t.NamedTuple):
    """Identity of an entry. Appliers are one whatever their apiVersion."""

    name: str
    operation: str  # Apply or Update
    api_version: str
    subresource: str

    def describe(self) -> str:
        text = json.dumps(self.name)
        if self.subresource:
            text += f" with subresource {json.dumps(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


class Managed:
    """The decoded managedFields of one object."""

    def __init__(self, entries: list[Object] | None) -> None:
        self.sets: dict[Manager, Paths] = {}
        self._times: dict[Manager, str] = {}
        self._before: dict[Manager, Paths] = {}
        for entry in entries or []:
            if not entry:
                continue
            manager = Manager(
                entry.get("manager", ""), entry["operation"], entry.get("apiVersion", ""), entry.get("subresource", "")
            )
            self.sets[manager] = from_fields_v1(entry.get("fieldsV1") or {})
            self._times[manager] = entry.get("time", "")
            self._before[manager] = set(self.sets[manager])

    def applier(self, manager: Manager) -> Manager | None:
        """The entry of the same applier, whatever apiVersion it used."""
        wanted = (manager.name, manager.operation, manager.subresource)
        for known in self.sets:
            if (known.name, known.operation, known.subresource) == wanted:
                return known
        return None

    def take(self, manager: Manager, changes: Comparison) -> None:
        """An update by this manager: it owns what it adds or changes, others lose that, all lose what went."""
        taken = changes.added | changes.modified
        for other in list(self.sets):
            if other != manager:
                self.sets[other] = self.sets[other] - taken - changes.removed
        self.sets[manager] = (self.sets.get(manager, set()) - changes.removed) | taken
        self._drop_empty()

    def _drop_empty(self) -> None:
        self.sets = {manager: paths for manager, paths in self.sets.items() if paths}

    def encode(self) -> list[Object]:
        """Entries as the API shows them: appliers first, then by time, a time anew only where the set changed."""
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
