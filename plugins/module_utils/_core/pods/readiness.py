# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a workload has rolled out, and what keeps it from it: predicates over what the API server returns.

The rules are ``kubectl rollout status``'s (kubectl/pkg/polymorphichelpers/rollout_status.go).
"""

from __future__ import annotations

import dataclasses
import typing as t

Json = t.Mapping[str, t.Any]

# What a container waits for that time alone doesn't mend. CrashLoopBackOff is left out: a new role takes up to two
# minutes to reach STS, and programs that start sooner crash until then. So are CreateContainerError and
# RunContainerError, which the kubelet gives for passing faults of the node as well.
_STUCK = frozenset(
    {
        "CreateContainerConfigError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
    }
)
_REFUSED = ("FailedCreate", "ReplicaSetCreateError")


@dataclasses.dataclass(frozen=True)
class Progress:
    """How far a rollout is.

    :param done: all that kubectl asks for is there.
    :param message: what is still missing, in words.
    :param failed: the controller itself has given up.
    """

    done: bool
    message: str = ""
    failed: bool = False


@dataclasses.dataclass(frozen=True)
class Trouble:
    """Something in the way of a rollout.

    :param hard: only somebody's correction mends it, as far as anyone can tell; else it may pass (a full cluster).
    """

    message: str
    hard: bool


def rollout_status(kind: str, workload: Json) -> Progress:
    """Whether a Deployment, StatefulSet or DaemonSet that updates by itself is through."""
    status = workload.get("status") or {}
    if int(status.get("observedGeneration") or 0) < int(workload["metadata"].get("generation") or 0):
        return Progress(False, "its controller has not seen the change yet")
    return _RULES[kind](workload["spec"], status)


def _deployment(spec: Json, status: Json) -> Progress:
    progressing = condition(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        message = progressing.get("message") or "it made no progress"
        return Progress(False, f"it exceeded its progress deadline: {message}", failed=True)
    wanted, total = _replicas(spec), int(status.get("replicas") or 0)
    updated, available = int(status.get("updatedReplicas") or 0), int(status.get("availableReplicas") or 0)
    if updated < wanted:
        return Progress(False, f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return Progress(False, f"{total - updated} old replicas are still there")
    if available < updated:
        return Progress(False, f"{available} of {updated} updated replicas are available")
    return Progress(True)


def _stateful_set(spec: Json, status: Json) -> Progress:
    wanted = _replicas(spec)
    updated = int(status.get("updatedReplicas") or 0)
    ready = int(status.get("readyReplicas") or 0)
    if ready < wanted:
        return Progress(False, f"{ready} of {wanted} replicas are ready")
    if int(spec.get("minReadySeconds") or 0) and int(status.get("availableReplicas") or 0) < wanted:
        return Progress(False, f"{status.get('availableReplicas') or 0} of {wanted} replicas are available")
    below = partition(spec)
    if below:
        if updated < wanted - below:
            return Progress(False, f"{updated} of {wanted - below} replicas from ordinal {below} on are updated")
        return Progress(True)
    if status.get("updateRevision") != status.get("currentRevision"):
        return Progress(False, f"{updated} of {wanted} replicas are updated")
    return Progress(True)


def _daemon_set(spec: Json, status: Json) -> Progress:
    wanted = int(status.get("desiredNumberScheduled") or 0)
    updated, available = int(status.get("updatedNumberScheduled") or 0), int(status.get("numberAvailable") or 0)
    if updated < wanted:
        return Progress(False, f"{updated} of {wanted} pods are updated")
    if available < wanted:
        return Progress(False, f"{available} of {wanted} updated pods are available")
    return Progress(True)


_RULES: dict[str, t.Callable[[Json, Json], Progress]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}


def updates_itself(kind: str, workload: Json) -> bool:
    """Whether the workload's controller replaces its pods by itself when the template changes."""
    if kind == "Deployment":
        return not workload["spec"].get("paused")
    if kind not in _RULES:
        return False
    return (workload["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"


def is_under_way(kind: str, workload: Json) -> bool:
    """Whether a change of the template is being rolled out. A pod that fails later is no rollout."""
    if not updates_itself(kind, workload):
        return False
    progress = rollout_status(kind, workload)
    if progress.done:
        return False
    status = workload.get("status") or {}
    if kind == "Deployment":
        return condition(status, "Progressing").get("reason") != "NewReplicaSetAvailable"
    if kind == "StatefulSet":
        return not partition(workload["spec"]) and status.get("updateRevision") != status.get("currentRevision")
    return int(status.get("updatedNumberScheduled") or 0) < int(status.get("desiredNumberScheduled") or 0)


def desired(kind: str, workload: Json) -> int | None:
    """How many pods the workload is to have; None where it doesn't say."""
    if kind == "DaemonSet":
        return int((workload.get("status") or {}).get("desiredNumberScheduled") or 0)
    if kind in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"):
        return _replicas(workload["spec"])
    return None


def _replicas(spec: Json) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def partition(spec: Json) -> int:
    """The ordinal from which on a StatefulSet updates its pods."""
    return int(((spec.get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0)


def condition(status: Json, kind: str) -> Json:
    """The condition of that type; empty if there is none."""
    return next((each for each in status.get("conditions") or [] if each["type"] == kind), {})


def is_ready(pod: Json) -> bool:
    """Whether the pod's condition Ready is true."""
    return condition(pod.get("status") or {}, "Ready").get("status") == "True"


def pod_trouble(pod: Json) -> Trouble | None:
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
            return Trouble(f"pod {name}, container {container['name']}: {text}", reason in _STUCK)
    scheduled = condition(status, "PodScheduled")
    if scheduled.get("status") == "False":
        text = scheduled.get("message") or ""
        return Trouble(f"pod {name}: {scheduled.get('reason') or 'not scheduled'}: {text}".rstrip(": "), False)
    if status.get("phase") == "Failed":
        text = ": ".join(str(part) for part in (status.get("reason"), status.get("message")) if part)
        return Trouble(f"pod {name} failed: {text}".rstrip(": "), False)
    unready = [c["name"] for c in status.get("containerStatuses") or [] if not c.get("ready")]
    if status.get("phase") == "Running" and unready:
        return Trouble(f"pod {name}: container {', '.join(unready)} is running but not ready", False)
    if not is_ready(pod):
        return Trouble(f"pod {name} is {(status.get('phase') or 'Pending').lower()}", False)
    return None


def workload_trouble(workload: Json) -> Trouble | None:
    """What a workload's own conditions say is in the way: pods that can't even be created."""
    failure = condition(workload.get("status") or {}, "ReplicaFailure")
    if failure.get("status") == "True":
        return Trouble(f"{failure.get('reason')}: {failure.get('message')}", True)
    return None


def event_trouble(events: t.Iterable[Json]) -> Trouble | None:
    """The latest event that says why the workload gets no pods; the only word of it for sets, which have no conditions.

    :param events: events about the workload, or about the ReplicaSets of a Deployment.
    """
    refused = [event for event in events if event.get("reason") in _REFUSED]
    if not refused:
        return None
    latest = max(refused, key=last_seen)
    return Trouble(f"{latest['reason']}: {latest.get('message')}", True)


def last_seen(event: Json) -> str:
    """When an event was last seen, as RFC 3339, which sorts."""
    series = event.get("series") or {}
    stamps = (event.get("lastTimestamp"), series.get("lastObservedTime"), event.get("eventTime"))
    return str(next((stamp for stamp in stamps if stamp), event["metadata"].get("creationTimestamp") or ""))
