# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ReplicaSets and ReplicationControllers.

Needed by: target pod_rollout; make permissions.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import pods
from sandbox.cluster.clock import rfc3339
from sandbox.cluster.controllers.base import Controller, controller_of, now, remove_condition, soonest
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.resources import PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, RESOURCE_QUOTAS, Kind
from sandbox.cluster.store import Change, Key


class ReplicaSetController(Controller):
    """Reconciles ReplicaSets and ReplicationControllers. A key is the namespace and "KIND/NAME"."""

    name = "replicaset-controller"

    def _kinds(self) -> list[Kind]:
        return [self.kind(REPLICA_SETS), self.kind(REPLICATION_CONTROLLERS)]

    def keys(self, change: Change) -> t.Iterable[Key]:
        namespace, name = change.key
        if change.resource == PODS:
            for entry in (change.old, change.new):
                reference = controller_of(entry.obj) if entry is not None else None
                if reference is not None:
                    yield namespace, f"{reference['kind']}/{reference['name']}"
        elif change.resource == RESOURCE_QUOTAS:
            for kind in self._kinds():
                for obj in self.store.list(kind.resource, namespace):
                    yield namespace, f"{kind.kind}/{obj['metadata']['name']}"
        elif change.resource in (REPLICA_SETS, REPLICATION_CONTROLLERS):
            yield namespace, f"{self.kind(change.resource).kind}/{name}"

    def sync(self, key: Key) -> float | None:
        namespace, path = key
        kind_name, _slash, name = path.partition("/")
        kind = next((kind for kind in self._kinds() if kind.kind == kind_name), None)
        obj = self.store.get(kind.resource, namespace, name) if kind else None
        if kind is None or obj is None:
            return None
        failure: StatusError | None = None
        if "deletionTimestamp" not in obj["metadata"]:
            failure = self._manage(obj)
        return self._report(kind, obj, failure)

    def _manage(self, obj: Object) -> StatusError | None:
        """Create or delete pods. Returns the error if a pod was rejected."""
        active = [pod for pod in self.owned_objects(obj, PODS) if pods.is_active(pod)]
        replicas = obj["spec"].get("replicas", 1)
        for _pod in range(replicas - len(active)):
            try:
                self.create_pod(obj, obj["spec"]["template"])
            except StatusError as error:
                return error
        if len(active) > replicas:
            for pod in sorted(active, key=_deletion_order)[: len(active) - replicas]:
                self.delete_pod(pod)
                self.record_event(obj, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        return None

    def _report(self, kind: Kind, obj: Object, failure: StatusError | None) -> float | None:
        active = [pod for pod in self.owned_objects(obj, PODS) if pods.is_active(pod)]
        waits = [pods.seconds_until_available(pod, obj["spec"].get("minReadySeconds", 0), now()) for pod in active]
        labels = ((obj["spec"]["template"].get("metadata") or {}).get("labels") or {}).items()
        counts = {
            "fullyLabeledReplicas": sum(labels <= (pod["metadata"].get("labels") or {}).items() for pod in active),
            "readyReplicas": sum(wait is not None for wait in waits),
            "availableReplicas": sum(wait == 0 for wait in waits),
        }
        old = obj.get("status") or {}
        conditions = list(old.get("conditions") or ())
        if failure is None:
            conditions = remove_condition(conditions, "ReplicaFailure")
        elif not any(entry["type"] == "ReplicaFailure" for entry in conditions):
            # The first failure is kept until pods can be created again.
            condition = {
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": rfc3339(),
                "reason": "FailedCreate",
                "message": failure.message,
            }
            conditions.append(condition)
        status: Object = {"replicas": len(active)}
        status.update({key: value for key, value in counts.items() if value})
        status["observedGeneration"] = obj["metadata"].get("generation", 0)
        if conditions:
            status["conditions"] = conditions
        self.write_status(kind.resource, obj, status)
        if failure is not None:
            raise failure
        return soonest(*(wait for wait in waits if wait))


def _deletion_order(pod: Object) -> tuple[t.Any, ...]:
    """A sort key for the order of deletion: unassigned pods first, then pending ones, unready ones, the newest ones."""
    rank = {"Pending": 0, "Unknown": 1}.get(pods.phase(pod), 2)
    created = pod["metadata"]["creationTimestamp"]
    return bool(pod["spec"].get("nodeName")), rank, pods.is_ready(pod), tuple(-ord(char) for char in created)
