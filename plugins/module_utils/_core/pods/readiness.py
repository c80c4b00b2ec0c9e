# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a pod is ready, how far a rollout is, and what blocks it: predicates over what the API server returns."""

from __future__ import annotations

import dataclasses
import typing as t

Json = t.Mapping[str, t.Any]

# Reasons to wait that time alone does not remove. CrashLoopBackOff is left out: a new role takes up to two
# minutes to reach STS, and programs that start sooner crash until then. So are CreateContainerError and
# RunContainerError, which the kubelet gives for passing faults of the node as well.
_PERMANENT_REASONS = frozenset(
    {
        "CreateContainerConfigError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
    }
)
_CREATION_FAILURES = ("FailedCreate", "ReplicaSetCreateError")


@dataclasses.dataclass(frozen=True)
class RolloutStatus:
    """How far a rollout is.

    :param done: all that kubectl requires is fulfilled.
    :param message: what is still missing.
    :param failed: the controller itself has given up.
    """

    done: bool
    message: str = ""
    failed: bool = False


@dataclasses.dataclass(frozen=True)
class RolloutBlocker:
    """Something that blocks a rollout.

    :param permanent: as far as anyone can tell, it stays until somebody corrects it; else it may pass (a full cluster).
    """

    message: str
    permanent: bool


def find_condition(status: Json, kind: str) -> Json:
    """The condition of that type; empty if it does not exist."""
    return next((found for found in status.get("conditions") or [] if found["type"] == kind), {})


def is_ready(pod: Json) -> bool:
    """Whether the pod's condition Ready is true."""
    return find_condition(pod.get("status") or {}, "Ready").get("status") == "True"


def find_pod_blocker(pod: Json) -> RolloutBlocker | None:
    """What keeps a pod from becoming ready."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        waiting = (container.get("state") or {}).get("waiting") or {}
        reason = waiting.get("reason")
        if reason and reason not in ("ContainerCreating", "PodInitializing"):
            text = f"{reason}: {waiting['message']}" if waiting.get("message") else reason
            last = (container.get("lastState") or {}).get("terminated") or {}
            if reason == "CrashLoopBackOff" and "exitCode" in last:
                text += f" (last exit code {last['exitCode']})"
            return RolloutBlocker(f"pod {name}, container {container['name']}: {text}", reason in _PERMANENT_REASONS)
    scheduled = find_condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        text = scheduled.get("message") or ""
        return RolloutBlocker(f"pod {name}: {scheduled.get('reason') or 'not scheduled'}: {text}".rstrip(": "), False)
    if status.get("phase") == "Failed":
        text = ": ".join(str(part) for part in (status.get("reason"), status.get("message")) if part)
        return RolloutBlocker(f"pod {name} failed: {text}".rstrip(": "), False)
    unready = [c["name"] for c in status.get("containerStatuses") or [] if not c.get("ready")]
    if status.get("phase") == "Running" and unready:
        return RolloutBlocker(f"pod {name}: container {', '.join(unready)} is running but not ready", False)
    if not is_ready(pod):
        return RolloutBlocker(f"pod {name} is {(status.get('phase') or 'Pending').lower()}", False)
    return None


def find_workload_blocker(workload: Json) -> RolloutBlocker | None:
    """The blocker that a workload's own conditions report: pods that cannot even be created."""
    failure = find_condition(workload.get("status") or {}, "ReplicaFailure")
    if failure.get("status") == "True":
        return RolloutBlocker(f"{failure.get('reason')}: {failure.get('message')}", True)
    return None


def find_event_blocker(events: t.Iterable[Json]) -> RolloutBlocker | None:
    """The latest event that says why the workload gets no pods. Sets have no condition for that.

    :param events: events about the workload, or about the ReplicaSets of a Deployment.
    """
    refused = [event for event in events if event.get("reason") in _CREATION_FAILURES]
    if not refused:
        return None
    latest = max(refused, key=get_last_seen)
    return RolloutBlocker(f"{latest['reason']}: {latest.get('message')}", True)


def get_last_seen(event: Json) -> str:
    """When an event was last seen, as RFC 3339, which sorts."""
    series = event.get("series") or {}
    stamps = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return str(next((stamp for stamp in stamps if stamp), event["metadata"].get("creationTimestamp") or ""))
