# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the status and the warning events of pods to the API server.

Needed by: targets irsa_verify, pod_rollout, role_irsa.
"""

from __future__ import annotations

import threading
import time
import typing as t

from sandbox import settings
from sandbox.node import lifecycle

if t.TYPE_CHECKING:
    from sandbox.api import ApiClient

    Json = dict[str, t.Any]


class StatusReporter:
    """Writes the status of pods when it changes, and each event once. Threads can share it."""

    def __init__(self, api: ApiClient) -> None:
        self._api = api
        self._lock = threading.Lock()
        self._reported: dict[str, set[str]] = {}

    def forget(self, uid: str) -> None:
        """Remove the data about a pod."""
        with self._lock:
            self._reported.pop(uid, None)

    def report(self, uid: str, pod: Json, run: lifecycle.PodRun, now: float) -> None:
        status = run.status(pod, now)
        current = pod.get("status") or {}
        if not _is_same_status(current, status):
            body = {"metadata": {"uid": uid}, "status": status}
            self._api.patch(f"{pod_path(pod)}/status", body)
        for container in [*run.init, *run.main]:
            waiting = container.state.get("waiting") or {}
            if waiting.get("reason") == "ErrImagePull":
                self._warn(uid, pod, "Failed", waiting["message"])
                self._warn(uid, pod, "Failed", "Error: ErrImagePull")
            elif waiting.get("reason") in ("ImagePullBackOff", "CrashLoopBackOff"):
                message = waiting["message"] if "Image" in waiting["reason"] else "Back-off restarting failed container"
                self._warn(uid, pod, "BackOff", message)

    def _warn(self, uid: str, pod: Json, reason: str, message: str) -> None:
        """Create a warning event of a pod, once for each message."""
        with self._lock:
            reported = self._reported.setdefault(uid, set())
            if message in reported:
                return
            reported.add(message)
        metadata, now = pod["metadata"], time.time()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{time.time_ns():x}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": uid,
            },
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": "kubelet", "host": settings.NODE_NAME},
            "firstTimestamp": lifecycle.timestamp(now),
            "lastTimestamp": lifecycle.timestamp(now),
            "count": 1,
        }
        self._api.post(f"/api/v1/namespaces/{metadata['namespace']}/events", event)


def pod_path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _is_same_status(current: Json, new: Json) -> bool:
    """Compare the fields that matter. The API server adds others to container states and conditions."""

    def conditions(status: Json) -> dict[str, t.Any]:
        return {
            condition["type"]: (condition["status"], condition.get("reason"))
            for condition in status.get("conditions") or []
        }

    def containers(status: Json) -> list[t.Any]:
        statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        return [
            (container["name"], container["ready"], container["restartCount"], _summarize_state(container["state"]))
            for container in statuses
        ]

    def summary(status: Json) -> tuple[t.Any, ...]:
        return status.get("phase"), status.get("podIP"), conditions(status), containers(status)

    return summary(current) == summary(new)


def _summarize_state(state: Json) -> tuple[str, str | None]:
    [(name, detail)] = state.items()
    return name, detail.get("reason")
