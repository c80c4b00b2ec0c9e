# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Subresources of pods (binding, eviction, log), and properties of a pod.

Needed by: targets irsa_verify, pod_rollout.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import errors
from sandbox.cluster.clock import parse, rfc3339
from sandbox.cluster.errors import Object
from sandbox.cluster.reading import selectors
from sandbox.cluster.resources import BUDGETS, NODES, PODS
from sandbox.cluster.writing.api import ObjectApi, Writer

_MANY_BUDGETS = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."


def find_condition(obj: Object, kind: str) -> Object | None:
    for condition in (obj.get("status") or {}).get("conditions") or ():
        if condition["type"] == kind:
            return t.cast(Object, condition)
    return None


def is_ready(pod: Object) -> bool:
    condition = find_condition(pod, "Ready")
    return condition is not None and condition["status"] == "True"


def is_terminating(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def phase(pod: Object) -> str:
    return str((pod.get("status") or {}).get("phase", "Pending"))


def is_active(pod: Object) -> bool:
    """Whether controllers count the pod: it has neither ended nor is it being deleted."""
    return phase(pod) not in ("Succeeded", "Failed") and not is_terminating(pod)


def seconds_until_available(pod: Object, min_ready_seconds: int, now: float) -> float | None:
    """The seconds until the pod is available; 0 if it is, None if it is not ready."""
    if not is_ready(pod):
        return None
    if not min_ready_seconds:
        return 0.0
    condition = find_condition(pod, "Ready") or {}
    since = parse(condition.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"])
    return max(0.0, since + min_ready_seconds - now)


def bind(api: ObjectApi, namespace: str, name: str, body: Object, writer: Writer) -> Object:
    """POST pods/<name>/binding: bind a pod to a node."""
    kind = api.catalog.of(PODS)
    node = (body.get("target") or {}).get("name")
    old = api.get(kind, namespace, name).obj
    if is_terminating(old):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
        raise errors.conflict("", "pods/binding", name, why)
    if old["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{old["spec"]["nodeName"]}"'
        raise errors.conflict("", "pods/binding", name, why)
    new = dict(old, metadata=dict(old["metadata"]), spec=dict(old["spec"], nodeName=node))
    status = dict(old.get("status") or {})
    others = [entry for entry in status.get("conditions") or () if entry["type"] != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": rfc3339()}
    status["conditions"] = [*others, scheduled]
    new["status"] = status
    if not writer.dry_run:
        api.store.put(PODS, (namespace, name), new)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def evict(api: ObjectApi, namespace: str, name: str, body: Object, writer: Writer) -> Object:
    """POST pods/<name>/eviction: delete a pod if its disruption budget allows it."""
    if body.get("apiVersion") not in ("policy/v1", "policy/v1beta1") or body.get("kind") != "Eviction":
        raise errors.bad_request(
            f'no kind "{body.get("kind")}" is registered for version "{body.get("apiVersion")}" in scheme'
        )
    pod = api.get(api.catalog.of(PODS), namespace, name).obj
    if phase(pod) not in ("Succeeded", "Failed", "Pending") and not is_terminating(pod):
        _spend_budget(api, namespace, pod, writer)
    options = body.get("deleteOptions") or {}
    api.delete(api.catalog.of(PODS), namespace, name, options, writer)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _spend_budget(api: ObjectApi, namespace: str, pod: Object, writer: Writer) -> None:
    labels = pod["metadata"].get("labels") or {}
    budgets = [
        budget
        for budget in api.store.list(BUDGETS, namespace)
        if selectors.matches((budget.get("spec") or {}).get("selector"), labels)
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise errors.internal(_MANY_BUDGETS)
    budget = budgets[0]
    metadata, status = budget["metadata"], budget.get("status") or {}
    name = metadata["name"]
    if status.get("observedGeneration", 0) < metadata.get("generation", 0):
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {name} is still being processed by the server.",
        }
        raise errors.too_many_requests(
            "Cannot evict pod as it would violate the pod's disruption budget.", retry_after=10, causes=[cause]
        )
    if status.get("disruptionsAllowed", 0) <= 0:
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {name} needs {needs} healthy pods and has {has} currently",
        }
        raise errors.too_many_requests(
            "Cannot evict pod as it would violate the pod's disruption budget.", causes=[cause]
        )

    def spend(new: Object) -> None:
        new["status"]["disruptionsAllowed"] -= 1
        new["status"].setdefault("disruptedPods", {})[pod["metadata"]["name"]] = rfc3339()

    api.modify(api.catalog.of(BUDGETS), budget, spend, writer, "status")


def log_url(api: ObjectApi, namespace: str, name: str, query: t.Mapping[str, str]) -> str:
    """The URL of the pod's log on the kubelet of its node.

    :raises StatusError: 400 if the container is not valid or the pod is not bound to a node.
    """
    pod = api.get(api.catalog.of(PODS), namespace, name).obj
    names = [container["name"] for container in pod["spec"]["containers"]]
    init_names = [container["name"] for container in pod["spec"].get("initContainers") or ()]
    container_name = query.get("container") or ""
    if not container_name:
        if len(names) != 1:
            text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
            if init_names:
                text += f" or one of the init containers: [{' '.join(init_names)}]"
            raise errors.bad_request(text)
        container_name = names[0]
    elif container_name not in names + init_names:
        raise errors.bad_request(f"container {container_name} is not valid for pod {name}")
    node_name = pod["spec"].get("nodeName")
    if not node_name:
        raise errors.bad_request(f"pod {name} does not have a host assigned")
    node = api.store.get(NODES, "", node_name)
    if node is None:
        raise errors.not_found("", "nodes", node_name)
    status = node.get("status") or {}
    addresses = {entry["type"]: entry["address"] for entry in status.get("addresses") or ()}
    port = ((status.get("daemonEndpoints") or {}).get("kubeletEndpoint") or {}).get("Port", 10250)
    address = addresses.get("InternalIP") or addresses.get("Hostname") or node_name
    return f"https://{address}:{port}/containerLogs/{namespace}/{name}/{container_name}"
