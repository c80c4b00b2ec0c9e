# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates objects from the API server: whether a pod is ready, and what blocks a rollout."""

from __future__ import annotations

import dataclasses
import typing as t

Json = t.Mapping[str, t.Any]

# Waiting reasons that do not pass without a fix. CrashLoopBackOff can pass: STS knows a new role only after up to two
# minutes, and programs that start earlier crash until then. CreateContainerError and RunContainerError can pass too:
# the kubelet also reports them for temporary faults of the node.
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
    """The progress of a rollout.

    :param done: whether the rollout has finished by the rules of kubectl.
    :param message: what is still missing.
    :param failed: whether the controller reports that the rollout failed.
    """

    done: bool
    message: str = ""
    failed: bool = False


@dataclasses.dataclass(frozen=True)
class RolloutBlocker:
    """Something that blocks a rollout.

    :param permanent: whether it needs a fix. Other blockers can pass, such as a cluster without free nodes.
    """

    message: str
    permanent: bool


def find_condition(status: Json, kind: str) -> Json:
    """The condition of a type; empty if it does not exist."""
    return next((condition for condition in status.get("conditions") or [] if condition["type"] == kind), {})


def is_ready(pod: Json) -> bool:
    """Whether the condition Ready of a pod is true."""
    return find_condition(pod.get("status") or {}, "Ready").get("status") == "True"


def find_pod_blocker(pod: Json) -> RolloutBlocker | None:
    """What keeps a pod from becoming ready; None if it is ready."""
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
    statuses = status.get("containerStatuses") or []
    unready = [container["name"] for container in statuses if not container.get("ready")]
    if status.get("phase") == "Running" and unready:
        return RolloutBlocker(f"pod {name}: container {', '.join(unready)} is running but not ready", False)
    if not is_ready(pod):
        return RolloutBlocker(f"pod {name} is {(status.get('phase') or 'Pending').lower()}", False)
    return None


def find_workload_blocker(workload: Json) -> RolloutBlocker | None:
    """The blocker in the conditions of a workload: its pods cannot be created."""
    failure = find_condition(workload.get("status") or {}, "ReplicaFailure")
    if failure.get("status") == "True":
        return RolloutBlocker(f"{failure.get('reason')}: {failure.get('message')}", True)
    return None


def find_event_blocker(events: t.Iterable[Json]) -> RolloutBlocker | None:
    """The blocker in the latest event about pods that could not be created.

    StatefulSets and DaemonSets have no condition for this.

    :param events: events about the workload, or about the ReplicaSets of a Deployment.
    """
    failures = [event for event in events if event.get("reason") in _CREATION_FAILURES]
    if not failures:
        return None
    latest = max(failures, key=get_last_seen)
    return RolloutBlocker(f"{latest['reason']}: {latest.get('message')}", True)


def get_last_seen(event: Json) -> str:
    """The time at which an event last occurred, in RFC 3339. These strings sort by time."""
    series = event.get("series") or {}
    times = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return str(next((time for time in times if time), event["metadata"].get("creationTimestamp") or ""))
