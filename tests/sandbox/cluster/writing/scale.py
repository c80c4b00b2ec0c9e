# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The scale subresource."""

from __future__ import annotations

import typing as t

from sandbox.cluster import errors
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import Kind
from sandbox.cluster.writing import patch
from sandbox.cluster.writing.api import Api, Writer


def read_scale(kind: Kind, obj: Object) -> Object:
    metadata, spec, status = obj["metadata"], obj.get("spec") or {}, obj.get("status") or {}
    selector = spec.get("selector") or {}
    labels = selector.get("matchLabels", selector if "matchExpressions" not in selector else {})
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {
            key: metadata[key] for key in ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
        },
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {
            "replicas": status.get("replicas", 0),
            "selector": ",".join(f"{key}={value}" for key, value in sorted(labels.items())),
        },
    }


def write_scale(api: Api, kind: Kind, obj: Object, verb: str, media_type: str, body: t.Any, writer: Writer) -> Object:
    scale = read_scale(kind, obj)
    if verb == "patch" and media_type == patch.JSON:
        scale = patch.json_patch(scale, body)
    elif verb == "patch":
        scale = patch.merge_patch(scale, body)
    elif verb == "update":
        scale = body
    else:
        raise errors.method_not_allowed()
    version = (scale.get("metadata") or {}).get("resourceVersion")
    if version and version != obj["metadata"]["resourceVersion"]:
        raise errors.conflict(kind.group, kind.plural, obj["metadata"]["name"], errors.MODIFIED)
    replicas = (scale.get("spec") or {}).get("replicas", 0)

    def change(new: Object) -> None:
        new["spec"]["replicas"] = replicas

    return read_scale(kind, api.modify(kind, obj, change, writer))
