# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How lists and maps of the built-in types merge (x-kubernetes-list-type and similar in Kubernetes' OpenAPI).

It lists only fields of this server's resources. All others have the defaults of the API: lists are atomic, maps merge
key by key.

Needed by: targets pod_rollout, sa_annotate; make sandbox (kubectl apply).
"""

from __future__ import annotations

import typing as t

# The keys of the items by list (x-kubernetes-list-map-keys).
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
# Fields that always exist (structs, and the list of containers). They have no owner themselves: no "." in FieldsV1.
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
    """The keys of a keyed list; () for a set, None for an atomic list.

    :param path: field names.
    """
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


def is_atomic_map(path: tuple[str, ...]) -> bool:
    # The selectors of a Service and a ReplicationController are atomic too, like a LabelSelector.
    return path[:1] != ("metadata",) and path[-1] in _ATOMIC_MAPS


def is_struct(path: tuple[str, ...]) -> bool:
    return path[-1] in _STRUCTS


def patch_key(path: tuple[str, ...]) -> str | None:
    """The patchMergeKey of a list for strategic merge patches; None if the patch replaces the list."""
    keys = list_keys(path)
    return keys[0] if keys else None


def key_of(item: t.Any, keys: tuple[str, ...]) -> tuple[t.Any, ...] | None:
    """The values of an item's keys; None if one is missing and has no default."""
    if not isinstance(item, dict):
        return None
    values = tuple(item.get(key, KEY_DEFAULTS.get(key)) for key in keys)
    return None if any(value is None for value in values) else values
