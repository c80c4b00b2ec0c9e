# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""DaemonSets: a pod on every matching node.

Needed by: target pod_rollout; benchmarks.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import pods
from sandbox.cluster.controllers import revisions
from sandbox.cluster.controllers.base import Controller, now, owner_keys, resolve_percentage, soonest
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.resources import DAEMON_SETS, NODES, PODS
from sandbox.cluster.store import Change, Key
from sandbox.cluster.writing.defaults import TEMPLATE_GENERATION

# Tolerations that are added to those of the template.
_TOLERATIONS = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSetController(Controller):
    name = "daemonset-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == DAEMON_SETS:
            yield change.key
        elif change.resource == PODS:
            yield from owner_keys(change, "DaemonSet")
        elif change.resource == NODES and _affects_scheduling(change):
            for obj in self.store.list(DAEMON_SETS):
                yield obj["metadata"]["namespace"], obj["metadata"]["name"]

    def sync(self, key: Key) -> float | None:
        obj = self.store.get(DAEMON_SETS, *key)
        if obj is None:
            return None
        revision = revisions.ensure_revision(self, obj)
        revision_hash = revision["metadata"]["labels"][revisions.HASH_LABEL]
        nodes = [node["metadata"]["name"] for node in self.store.list(NODES) if _fits(obj, node)]
        failure: StatusError | None = None
        if "deletionTimestamp" not in obj["metadata"]:
            try:
                self._manage(obj, nodes, revision_hash)
                if obj["spec"]["updateStrategy"]["type"] == "RollingUpdate":
                    self._update(obj, nodes, revision_hash)
            except StatusError as error:
                failure = error
        delay = self._report(obj, nodes, revision_hash)
        if failure is not None:
            raise failure
        return delay

    def _by_node(self, obj: Object) -> dict[str, list[Object]]:
        by_node: dict[str, list[Object]] = {}
        for pod in self.owned_objects(obj, PODS):
            by_node.setdefault(node_of(pod), []).append(pod)
        return by_node

    def _manage(self, obj: Object, nodes: list[str], revision_hash: str) -> None:
        existing = self._by_node(obj)
        for node, node_pods in existing.items():
            live = [pod for pod in node_pods if not pods.is_terminating(pod)]
            if node not in nodes:
                for pod in live:
                    self.delete_pod(pod)
                continue
            for pod in live:
                if pods.phase(pod) in ("Failed", "Succeeded"):
                    text = f"Found failed daemon pod {pod['metadata']['namespace']}/{pod['metadata']['name']} on node "
                    self.record_event(obj, "Warning", "FailedDaemonPod", f"{text}{node}, will try to kill it")
                    self.delete_pod(pod)
            for pod in sorted(live, key=lambda pod: pod["metadata"]["creationTimestamp"])[1:]:
                self.delete_pod(pod)
        existing = self._by_node(obj)
        for node in nodes:
            # The new pod is created after the old one is deleted.
            if not existing.get(node):
                self._create(obj, node, revision_hash)

    def _create(self, obj: Object, node: str, revision_hash: str) -> None:
        annotations = obj["metadata"].get("annotations") or {}
        labels = {
            revisions.HASH_LABEL: revision_hash,
            "pod-template-generation": annotations.get(TEMPLATE_GENERATION, "1"),
        }

        def change(pod: Object) -> None:
            spec = pod["spec"]
            term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
            node_affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
            node_affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": [term]}
            tolerations = spec.setdefault("tolerations", [])
            tolerations += [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATIONS]

        self.create_pod(obj, obj["spec"]["template"], labels=labels, change=change)

    def _update(self, obj: Object, nodes: list[str], revision_hash: str) -> None:
        rolling = obj["spec"]["updateStrategy"].get("rollingUpdate") or {}
        limit = max(1, resolve_percentage(rolling.get("maxUnavailable", 1), len(nodes), up=True))
        unavailable = 0
        outdated: list[Object] = []
        for node in nodes:
            live = [pod for pod in self._by_node(obj).get(node) or [] if not pods.is_terminating(pod)]
            ready = [pod for pod in live if self._available(obj, pod)]
            unavailable += not ready
            outdated += [pod for pod in live if _hash(pod) != revision_hash]
        for pod in sorted(outdated, key=lambda pod: self._available(obj, pod)):
            down = not self._available(obj, pod)
            if not down and unavailable >= limit:
                return
            self.delete_pod(pod)
            self.record_event(obj, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
            unavailable += not down

    def _available(self, obj: Object, pod: Object) -> bool:
        return pods.seconds_until_available(pod, obj["spec"].get("minReadySeconds", 0), now()) == 0

    def _report(self, obj: Object, nodes: list[str], revision_hash: str) -> float | None:
        existing = self._by_node(obj)
        scheduled = ready = available = updated = 0
        waits: list[float | None] = []
        for node in nodes:
            live = [pod for pod in existing.get(node) or [] if not pods.is_terminating(pod)]
            if not live:
                continue
            pod = live[0]
            wait = pods.seconds_until_available(pod, obj["spec"].get("minReadySeconds", 0), now())
            waits.append(wait)
            scheduled += 1
            ready += wait is not None
            available += wait == 0
            updated += _hash(pod) == revision_hash
        status: Object = {
            "currentNumberScheduled": scheduled,
            "numberMisscheduled": sum(len(node_pods) for node, node_pods in existing.items() if node not in nodes),
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "observedGeneration": obj["metadata"]["generation"],
        }
        for key, value in (
            ("updatedNumberScheduled", updated),
            ("numberAvailable", available),
            ("numberUnavailable", len(nodes) - available),
        ):
            if value:
                status[key] = value
        self.write_status(DAEMON_SETS, obj, status)
        return soonest(*(wait for wait in waits if wait))


def node_of(pod: Object) -> str:
    """The node of a pod: the one it runs on, else the one of its affinity."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""


def _hash(pod: Object) -> str:
    return str((pod["metadata"].get("labels") or {}).get(revisions.HASH_LABEL, ""))


def _fits(obj: Object, node: Object) -> bool:
    selector = obj["spec"]["template"]["spec"].get("nodeSelector") or {}
    return bool(selector.items() <= (node["metadata"].get("labels") or {}).items())


def _affects_scheduling(change: Change) -> bool:
    """Whether a node was created or deleted, or its labels changed."""
    if change.old is None or change.kind == "DELETED":
        return True
    return bool(change.old.obj["metadata"].get("labels") != change.new.obj["metadata"].get("labels"))
