# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""StatefulSets: numbered pods in order, and rolling updates from the highest number down to the partition.

Needed by: target pod_rollout.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import pods
from sandbox.cluster.controllers import revisions
from sandbox.cluster.controllers.base import Controller, now, owner_keys, soonest
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import CONTROLLER_REVISIONS, PODS, STATEFUL_SETS
from sandbox.cluster.store import Change, Key

_POD_NAME = "statefulset.kubernetes.io/pod-name"
_POD_INDEX = "apps.kubernetes.io/pod-index"


class StatefulSetController(Controller):
    name = "statefulset-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == STATEFUL_SETS:
            yield change.key
        elif change.resource == PODS:
            yield from owner_keys(change, "StatefulSet")

    def sync(self, key: Key) -> float | None:
        obj = self.store.get(STATEFUL_SETS, *key)
        if obj is None:
            return None
        update = revisions.ensure_revision(self, obj)
        update_name = update["metadata"]["name"]
        current_name = (obj.get("status") or {}).get("currentRevision") or update_name
        current = self.store.get(CONTROLLER_REVISIONS, key[0], current_name) or update
        try:
            if "deletionTimestamp" not in obj["metadata"]:
                self._manage(obj, current, update)
        finally:
            delay = self._report(obj, current["metadata"]["name"], update_name)
        return delay

    def _pods(self, obj: Object) -> dict[int, Object]:
        by_ordinal = {}
        for pod in self.owned_objects(obj, PODS):
            ordinal = pod["metadata"]["name"].rpartition("-")[2]
            if ordinal.isdigit():
                by_ordinal[int(ordinal)] = pod
        return by_ordinal

    def _manage(self, obj: Object, current: Object, update: Object) -> None:
        """Create, delete or update pods. With ordered pods this is at most one step: the next pod waits for it."""
        spec = obj["spec"]
        ordered = spec.get("podManagementPolicy") != "Parallel"
        replicas = spec["replicas"]
        existing = self._pods(obj)
        start = _first_ordinal(obj)
        for ordinal in range(start, start + replicas):
            pod = existing.get(ordinal)
            if pod is not None and pods.phase(pod) in ("Succeeded", "Failed") and not pods.is_terminating(pod):
                self.record_event(obj, "Warning", "RecreatingFailedPod", _recreating(obj, pod))
                self.delete_pod(pod)
                pod = self._pods(obj).get(ordinal)
            if pod is None:
                revision = self._revision_for(obj, ordinal, current, update)
                existing[ordinal] = self._create(obj, ordinal, revision)
                if ordered:
                    return
                continue
            if ordered and (pods.is_terminating(pod) or not self._healthy(obj, pod)):
                return
        for ordinal in sorted((number for number in existing if not start <= number < start + replicas), reverse=True):
            pod = existing[ordinal]
            if not pods.is_terminating(pod):
                self._delete(obj, pod)
            if ordered:
                return
        self._update(obj, existing, update)

    def _update(self, obj: Object, existing: dict[int, Object], update: Object) -> None:
        strategy = obj["spec"]["updateStrategy"]
        if strategy["type"] == "OnDelete":
            return
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        revision_hash = update["metadata"]["labels"][revisions.HASH_LABEL]
        for number in range(obj["spec"]["replicas"] - 1, partition - 1, -1):
            pod = existing.get(_first_ordinal(obj) + number)
            if pod is None:
                return
            if _hash(pod) != revision_hash and not pods.is_terminating(pod):
                self._delete(obj, pod)
                return
            if pods.is_terminating(pod) or not self._healthy(obj, pod):
                return

    def _healthy(self, obj: Object, pod: Object) -> bool:
        if pods.phase(pod) != "Running":
            return False
        return pods.seconds_until_available(pod, obj["spec"].get("minReadySeconds", 0), now()) == 0

    def _revision_for(self, obj: Object, ordinal: int, current: Object, update: Object) -> Object:
        """The revision of a new pod: the current one below the partition, else the update revision."""
        strategy = obj["spec"]["updateStrategy"]
        if strategy["type"] == "OnDelete":
            return update
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        return current if ordinal < _first_ordinal(obj) + partition else update

    def _create(self, obj: Object, ordinal: int, revision: Object) -> Object:
        name = f"{obj['metadata']['name']}-{ordinal}"
        labels = {
            revisions.HASH_LABEL: f"{obj['metadata']['name']}-{revision['metadata']['labels'][revisions.HASH_LABEL]}",
            _POD_NAME: name,
            _POD_INDEX: str(ordinal),
        }

        def change(pod: Object) -> None:
            pod["spec"]["hostname"] = name
            if obj["spec"].get("serviceName"):
                pod["spec"]["subdomain"] = obj["spec"]["serviceName"]

        template = revision["data"]["spec"]["template"]
        return self.create_pod(obj, template, name=name, labels=labels, change=change)

    def _delete(self, obj: Object, pod: Object) -> None:
        self.delete_pod(pod)
        name = pod["metadata"]["name"]
        text = f"delete Pod {name} in StatefulSet {obj['metadata']['name']} successful"
        self.record_event(obj, "Normal", "SuccessfulDelete", text)

    def _report(self, obj: Object, current: str, update: str) -> float | None:
        spec, old = obj["spec"], obj.get("status") or {}
        existing = self._pods(obj).values()
        prefix = obj["metadata"]["name"]
        waits = [pods.seconds_until_available(pod, spec.get("minReadySeconds", 0), now()) for pod in existing]
        live = [f"{prefix}-{_hash(pod)}" for pod in existing if not pods.is_terminating(pod)]
        ready = sum(pods.is_ready(pod) and pods.phase(pod) == "Running" for pod in existing)
        updated = sum(name == update for name in live)
        partition = (spec["updateStrategy"].get("rollingUpdate") or {}).get("partition", 0)
        rolling = spec["updateStrategy"]["type"] == "RollingUpdate"
        if rolling and not partition and updated == len(existing) == ready == spec["replicas"]:
            current = update
        status: Object = {
            "observedGeneration": obj["metadata"]["generation"],
            "replicas": len(existing),
            "readyReplicas": ready,
            "availableReplicas": sum(wait == 0 for wait in waits),
            "currentReplicas": sum(name == current for name in live),
            "updatedReplicas": updated,
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": old.get("collisionCount", 0),
        }
        for key in ("readyReplicas", "currentReplicas", "updatedReplicas"):
            if not status[key]:
                del status[key]
        self.write_status(STATEFUL_SETS, obj, status)
        return soonest(*(wait for wait in waits if wait))


def _first_ordinal(obj: Object) -> int:
    return int((obj["spec"].get("ordinals") or {}).get("start") or 0)


def _hash(pod: Object) -> str:
    """The hash of the pod's revision. The label has the name of the StatefulSet before it."""
    label = (pod["metadata"].get("labels") or {}).get(revisions.HASH_LABEL, "")
    return str(label.rpartition("-")[2])


def _recreating(obj: Object, pod: Object) -> str:
    metadata = obj["metadata"]
    return f"StatefulSet {metadata['namespace']}/{metadata['name']} is recreating failed Pod {pod['metadata']['name']}"
