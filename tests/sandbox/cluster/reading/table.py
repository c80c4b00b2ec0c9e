# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables that ``kubectl get`` requests, with the columns of the common kinds.

Needed by: make sandbox (kubectl get).
"""

from __future__ import annotations

import time
import typing as t

from sandbox.cluster import pods
from sandbox.cluster.clock import parse
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import Kind

Columns = list[tuple[str, t.Callable[[Object], t.Any]]]


def age(timestamp: str | None) -> str:
    """The time since a timestamp in kubectl's format: 5s, 3m12s, 4h, 2d."""
    if not timestamp:
        return "<unknown>"
    seconds = max(0, int(time.time() - parse(timestamp)))
    if seconds < 120:
        return f"{seconds}s"
    if seconds < 600:
        return f"{seconds // 60}m{seconds % 60}s" if seconds % 60 else f"{seconds // 60}m"
    if seconds < 3 * 3600:
        return f"{seconds // 60}m"
    if seconds < 48 * 3600:
        return f"{seconds // 3600}h"
    return f"{seconds // 86400}d"


def _field(path: str, default: t.Any = 0) -> t.Callable[[Object], t.Any]:
    def read(obj: Object) -> t.Any:
        value: t.Any = obj
        for part in path.split("."):
            value = (value or {}).get(part)
        return default if value is None else value

    return read


def _ratio(ready: str, desired: str) -> t.Callable[[Object], str]:
    return lambda obj: f"{_field(ready)(obj)}/{_field(desired)(obj)}"


def pod_status(pod: Object) -> str:
    """The STATUS column: the phase, or the reason why a container waits or has ended."""
    status = pod.get("status") or {}
    text = str(status.get("reason") or status.get("phase") or "Pending")
    for container in status.get("containerStatuses") or ():
        state = container.get("state") or {}
        for kind in ("waiting", "terminated"):
            if (state.get(kind) or {}).get("reason"):
                text = state[kind]["reason"]
    return "Terminating" if pods.is_terminating(pod) else text


def _pod_ready(pod: Object) -> str:
    statuses = (pod.get("status") or {}).get("containerStatuses") or []
    return f"{sum(1 for status in statuses if status.get('ready'))}/{len(pod['spec']['containers'])}"


def _restarts(pod: Object) -> int:
    return sum(status.get("restartCount", 0) for status in (pod.get("status") or {}).get("containerStatuses") or ())


def _node_status(node: Object) -> str:
    return "Ready" if pods.is_ready(node) else "NotReady"


_COLUMNS: dict[str, Columns] = {
    "Pod": [("Ready", _pod_ready), ("Status", pod_status), ("Restarts", _restarts)],
    "Deployment": [
        ("Ready", _ratio("status.readyReplicas", "spec.replicas")),
        ("Up-to-date", _field("status.updatedReplicas")),
        ("Available", _field("status.availableReplicas")),
    ],
    "ReplicaSet": [
        ("Desired", _field("spec.replicas")),
        ("Current", _field("status.replicas")),
        ("Ready", _field("status.readyReplicas")),
    ],
    "StatefulSet": [("Ready", _ratio("status.readyReplicas", "spec.replicas"))],
    "DaemonSet": [
        ("Desired", _field("status.desiredNumberScheduled")),
        ("Current", _field("status.currentNumberScheduled")),
        ("Ready", _field("status.numberReady")),
        ("Up-to-date", _field("status.updatedNumberScheduled")),
        ("Available", _field("status.numberAvailable")),
    ],
    "Job": [("Completions", _ratio("status.succeeded", "spec.completions"))],
    "Namespace": [("Status", _field("status.phase", "Active"))],
    "Node": [("Status", _node_status), ("Version", _field("status.nodeInfo.kubeletVersion", ""))],
    "ServiceAccount": [("Secrets", lambda obj: len(obj.get("secrets") or ()))],
    "Event": [
        ("Type", _field("type", "")),
        ("Reason", _field("reason", "")),
        ("Object", lambda obj: f"{obj['involvedObject'].get('kind', '').lower()}/{obj['involvedObject'].get('name')}"),
        ("Message", _field("message", "")),
    ],
    "PodDisruptionBudget": [
        ("Min Available", _field("spec.minAvailable", "N/A")),
        ("Max Unavailable", _field("spec.maxUnavailable", "N/A")),
        ("Allowed Disruptions", _field("status.disruptionsAllowed")),
    ],
}


def _cell_type(value: t.Any) -> str:
    return "integer" if isinstance(value, int) else "string"


def render(kind: Kind, objects: t.Sequence[Object], metadata: Object, *, whole: bool = False) -> Object:
    """Return a meta.k8s.io/v1 Table.

    :param whole: whether rows contain the complete objects, not only their metadata.
    """
    extra = _COLUMNS.get(kind.kind, [])
    definitions = [
        {"name": "Name", "type": "string", "format": "name", "description": "Name of the object.", "priority": 0}
    ]
    sample = objects[0] if objects else None
    for title, cell in extra:
        cell_type = _cell_type(cell(sample)) if sample else "string"
        definitions.append({"name": title, "type": cell_type, "format": "", "description": title, "priority": 0})
    definitions.append({"name": "Age", "type": "string", "format": "", "description": "Age.", "priority": 0})
    rows = []
    for obj in objects:
        part = obj if whole else partial(obj)
        cells = [obj["metadata"]["name"], *(cell(obj) for _title, cell in extra)]
        rows.append({"cells": [*cells, age(obj["metadata"].get("creationTimestamp"))], "object": part})
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows,
    }


def partial(obj: Object) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
