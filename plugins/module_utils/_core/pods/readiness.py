# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates objects from the API server: whether a pod is ready, and what blocks a rollout."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import IrsaError
from ..wording import excerpt

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

    def __post_init__(self) -> None:
        # Texts of controllers and kubelets can be long, and have any character.
        object.__setattr__(self, "message", excerpt(self.message))


@dataclasses.dataclass(frozen=True)
class RolloutBlocker:
    """Something that blocks a rollout.

    :param permanent: whether it needs a fix. Other blockers can pass, such as a cluster without free nodes.
    """

    message: str
    permanent: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", excerpt(self.message))


def find_condition(status: Json, kind: str) -> Json:
    """The condition of a type; empty if it does not exist."""
    return next((condition for condition in status.get("conditions") or [] if condition["type"] == kind), {})


def is_ready(pod: Json) -> bool:
    """Whether the condition Ready of a pod is true."""
    return find_condition(pod.get("status") or {}, "Ready").get("status") == "True"


def find_pod_blocker(pod: Json) -> RolloutBlocker | None:
    """What keeps a pod from becoming ready, or from disappearing if it is being deleted; None if it is ready."""
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    if pod["metadata"].get("deletionTimestamp"):
        return _make_deletion_blocker(pod)
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
    if is_ready(pod):
        return None
    text = _describe_init_container(pod) or _describe_unready_containers(status) or _describe_readiness_gates(pod)
    return RolloutBlocker(f"pod {name}: {text}" if text else f"pod {name} is {_get_phase(status).lower()}", False)


def _get_phase(status: Json) -> str:
    return str(status.get("phase") or "Pending")


def _describe_init_container(pod: Json) -> str | None:
    """The init container that the other containers wait for; None if all have ended, or have started as sidecars."""
    spec, status = pod.get("spec") or {}, pod.get("status") or {}
    sidecars = {item["name"] for item in spec.get("initContainers") or [] if item.get("restartPolicy") == "Always"}
    for container in status.get("initContainerStatuses") or []:
        name, state = container["name"], container.get("state") or {}
        if name in sidecars:
            if container.get("started") is False and "running" in state:
                return f"init container {name} is running, but its startup probe does not succeed"
        elif "running" in state:
            since = (state["running"] or {}).get("startedAt")
            return f"init container {name} is still running{f' since {since}' if since else ''}, and must end first"
        elif (state.get("terminated") or {}).get("exitCode"):
            return f"init container {name} ended with exit code {state['terminated']['exitCode']}"
    return None


def _describe_unready_containers(status: Json) -> str | None:
    if _get_phase(status) != "Running":
        return None
    texts = []
    unready = [container for container in status.get("containerStatuses") or [] if not container.get("ready")]
    for container in unready:
        ended = (container.get("state") or {}).get("terminated")
        if ended:
            texts.append(f"container {container['name']} ended with exit code {ended.get('exitCode')}")
    names = [container["name"] for container in unready if not (container.get("state") or {}).get("terminated")]
    if names:
        texts.append(f"container {', '.join(names)} is running but not ready")
    return "; ".join(texts) or None


def _describe_readiness_gates(pod: Json) -> str | None:
    """The readiness gates of a pod that are not met: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/"""
    texts = []
    for gate in (pod.get("spec") or {}).get("readinessGates") or []:
        condition = find_condition(pod.get("status") or {}, gate["conditionType"])
        if condition.get("status") != "True":
            details = ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
            state = f"is {condition['status']}" if condition else "was not set by its controller"
            texts.append(f"readiness gate {gate['conditionType']} {state}{f' ({details})' if details else ''}")
    return "; ".join(texts) or None


def _make_deletion_blocker(pod: Json) -> RolloutBlocker:
    finalizers = pod["metadata"].get("finalizers") or []
    if finalizers:
        text = f"finalizer {', '.join(finalizers)} keeps it until the controller of the finalizer removes it"
    else:
        node = (pod.get("spec") or {}).get("nodeName")
        text = f"node {node} has not ended its containers yet" if node else "its containers have not ended yet"
    return RolloutBlocker(f"pod {pod['metadata']['name']} is being deleted, but {text}", False)


def make_removal_blocker(verb: str, pod_name: str, error: IrsaError) -> RolloutBlocker:
    """The blocker for a pod whose eviction or deletion was refused.

    :param verb: ``evict`` or ``delete``.
    """
    budgets = [cause["message"] for cause in error.details.get("causes") or [] if cause.get("message")]
    text = "; ".join(budgets) or error.cause or error.message
    if "more than one PodDisruptionBudget" in text:
        # The API server refuses such evictions with status 500:
        # https://github.com/kubernetes/kubernetes/blob/master/pkg/registry/core/pod/storage/eviction.go
        text = f"{text.rstrip('.')}; keep only one of the budgets that select it, or use strategy delete"
    noun = "eviction" if verb == "evict" else "deletion"
    return RolloutBlocker(f"the {noun} of pod {pod_name} is refused: {text}", False)


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
