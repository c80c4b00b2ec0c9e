# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply: merge a configuration into the live object, remove fields it no longer has, detect conflicts.

Needed by: targets irsa_bindings, role_irsa, sa_annotate; demo.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.store import clone
from sandbox.cluster.writing import schema
from sandbox.cluster.writing.managed_fields import (
    FieldManager,
    ManagedFields,
    Path,
    Paths,
    compare,
    describe,
    field_set,
    key_element,
    value_element,
)
from sandbox.cluster.writing.schema import key_of


def apply(live: Object, config: Object, managed: ManagedFields, manager: FieldManager, *, force: bool) -> Object:
    """Apply a configuration and return the new object. Also updates ``managed``.

    :param force: take over fields that other managers own with another value.
    :raises StatusError: 409 with a cause for each such field, without ``force``.
    """
    merged = _merge(live, config, ())
    applied = field_set(config)
    last_manager = managed.find_applier(manager)
    last = managed.sets.pop(last_manager) if last_manager is not None else set()
    managed.sets[manager] = applied
    others: Paths = set().union(*managed.sets.values())
    removed = {path for path in last if path not in others and not _is_prefix_of_any(path, others)}
    # Parents first: an item of a list is found by its key, which is one of its children.
    for path in sorted(removed, key=len):
        _remove(merged, path)
    _resolve_conflicts(managed, manager, compare(live, merged), force=force)
    return t.cast(Object, merged)


def without_empty_maps(config: Object) -> Object:
    """Remove empty annotations and labels. As in Kubernetes, an apply does not own them."""
    metadata = config.get("metadata") or {}
    kept = {key: value for key, value in metadata.items() if value != {} or key not in ("annotations", "labels")}
    return {**config, "metadata": kept}


def _is_prefix_of_any(path: Path, paths: Paths) -> bool:
    length = len(path)
    return any(other[:length] == path for other in paths if len(other) > length)


def _resolve_conflicts(managed: ManagedFields, manager: FieldManager, changes: t.Any, *, force: bool) -> None:
    touched = changes.added | changes.modified
    conflicts: list[tuple[str, str]] = []
    for other, paths in managed.sets.items():
        if other != manager:
            conflicts += [(other.describe(), describe(path)) for path in sorted(paths & touched)]
    if conflicts and not force:
        raise errors.apply_conflict(conflicts)
    for other in list(managed.sets):
        if other != manager:
            managed.sets[other] = managed.sets[other] - touched - changes.removed


def _merge(live: t.Any, config: t.Any, names: tuple[str, ...]) -> t.Any:
    if isinstance(config, dict) and isinstance(live, dict) and not (names and schema.is_atomic_map(names)):
        result = dict(live)
        for name, value in config.items():
            result[name] = _merge(live.get(name), value, (*names, name))
        return result
    if isinstance(config, list) and isinstance(live, list) and names:
        keys = schema.list_keys(names)
        if keys == ():
            return live + [item for item in config if item not in live]
        if keys is not None:
            return _merge_items(live, config, keys, names)
    return clone(config)


def _merge_items(live: list[t.Any], config: list[t.Any], keys: tuple[str, ...], names: tuple[str, ...]) -> list[t.Any]:
    result = list(live)
    indexes = {key_of(item, keys): index for index, item in enumerate(result)}
    for item in config:
        index = indexes.get(key_of(item, keys))
        if index is None:
            result.append(clone(item))
        else:
            merged = dict(result[index])
            for name, value in item.items():
                merged[name] = _merge(merged.get(name), value, (*names, name))
            result[index] = merged
    return result


def _remove(root: Object, path: Path) -> None:
    """Remove a path from a merged object. Its parents are copied because the live object shares them.

    Maps that become empty are removed too, as in Kubernetes.
    """
    trail: list[tuple[t.Any, t.Any]] = []
    node: t.Any = root
    names: tuple[str, ...] = ()
    for depth, element in enumerate(path):
        last = depth == len(path) - 1
        if element.startswith("f:"):
            name: t.Any = element[2:]
            names = (*names, name)
            if not isinstance(node, dict) or name not in node:
                return
        else:
            name = _index(node, element, names)
            if name is None:
                return
        if last:
            del node[name]
            break
        child = node[name]
        child = dict(child) if isinstance(child, dict) else list(child) if isinstance(child, list) else child
        node[name] = child
        trail.append((node, name))
        node = child
    for parent, name in reversed(trail):
        if parent[name] or not isinstance(name, str) or name in ("metadata", "spec"):
            break
        del parent[name]


def _index(items: t.Any, element: str, names: tuple[str, ...]) -> int | None:
    if not isinstance(items, list):
        return None
    keys = schema.list_keys(names)
    for index, item in enumerate(items):
        if keys == ():
            if value_element(item) == element:
                return index
        elif keys is not None:
            key = key_of(item, keys)
            if key is not None and key_element(key, keys) == element:
                return index
    return None
