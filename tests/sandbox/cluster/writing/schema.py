# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How lists and maps of the built-in types merge: what Kubernetes' OpenAPI marks with x-kubernetes-list-type and kin.

Only the fields of the resources that this server carries are listed; everything else has the defaults of the API:
a list is atomic, a map merges key by key.

Needed by: targets pod_rollout, sa_annotate; make sandbox (kubectl apply).
"""

from __future__ import annotations

import typing as t

# List field -> keys of its items (x-kubernetes-list-map-keys). A key in the value has a default where it may be absent.
_LIST_KEYS: dict[str, tuple[str, ...]] = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "secrets": ("name",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
    "webhooks": ("name",),
}
_SETS = {"finalizers"}
_ATOMIC_MAPS = {
    "configMapKeyRef",
    "fieldRef",
    "labelSelector",
    "nodeSelector",
    "resourceFieldRef",
    "roleRef",
    "secretKeyRef",
    "selector",
}
# Structs held by value, and the one list that is never left out: they always exist, so nobody owns them as such
# (no "." in FieldsV1).
_STRUCTS = {
    "containers",
    "metadata",
    "spec",
    "status",
    "template",
    "strategy",
    "updateStrategy",
    "lastState",
    "nodeInfo",
}
KEY_DEFAULTS = {"protocol": "TCP"}


def list_keys(path: tuple[str, ...]) -> tuple[str, ...] | None:
    """Keys of a map-like list, () for a set, None for an atomic list. The path holds field names only."""
    name = path[-1]
    if name in _SETS:
        return ()
    if name == "ports":
        return ("containerPort", "protocol") if path[-2:-1] != ("spec",) else ("port", "protocol")
    if name == "env" and path[-2:-1] not in (("containers",), ("initContainers",)):
        return None
    if name in ("secrets", "webhooks") and len(path) > 1:
        return None
    return _LIST_KEYS.get(name)


def atomic_map(path: tuple[str, ...]) -> bool:
    # A Service's or ReplicationController's selector is atomic as well as a LabelSelector.
    return path[:1] != ("metadata",) and path[-1] in _ATOMIC_MAPS


def struct(path: tuple[str, ...]) -> bool:
    return path[-1] in _STRUCTS


def patch_key(path: tuple[str, ...]) -> str | None:
    """The patchMergeKey of a list for strategic merge patches; None where the patch replaces the list."""
    keys = list_keys(path)
    return keys[0] if keys else None


def key_of(item: t.Any, keys: tuple[str, ...]) -> tuple[t.Any, ...] | None:
    """The identity of an item of a keyed list; None when it lacks a key that has no default."""
    if not isinstance(item, dict):
        return None
    found = tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)
    return None if any(value is None for value in found) else found
