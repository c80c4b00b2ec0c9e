# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Create, scale and annotate the ReplicaSets of a Deployment.

Needed by: targets irsa_bindings, pod_rollout, role_irsa; demo.
"""

from __future__ import annotations

from sandbox.cluster.clock import rfc3339
from sandbox.cluster.controllers.base import (
    CONTROLLER,
    Controller,
    owner_reference,
    resolve_percentage,
    set_condition,
    template_hash,
)
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import DEPLOYMENTS, REPLICA_SETS
from sandbox.cluster.store import clone

_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OWN_ANNOTATIONS = (_REVISION, _DESIRED, _MAXIMUM, _LAST_APPLIED)


class ReplicaSetOperations(Controller):
    """The operations of the deployment controller on ReplicaSets."""

    def ensure_new(self, deployment: Object, new: Object | None, old: list[Object]) -> Object:
        metadata = deployment["metadata"]
        revision = str(max((_revision(rs) for rs in old), default=0) + 1)
        if new is None:
            new = self._create(deployment, revision, sum(rs["spec"]["replicas"] for rs in old))
            self._progress(deployment, "NewReplicaSetCreated", f'Created new replica set "{new["metadata"]["name"]}"')
        elif _revision(new) < int(revision):
            new = self.api.modify(
                self.kind(REPLICA_SETS), new, lambda obj: _annotate(obj, _REVISION, revision), CONTROLLER
            )
        current = str(_revision(new))
        if (metadata.get("annotations") or {}).get(_REVISION) != current:
            self.api.modify(
                self.kind(DEPLOYMENTS), deployment, lambda obj: _annotate(obj, _REVISION, current), CONTROLLER
            )
        return new

    def _create(self, deployment: Object, revision: str, others: int) -> Object:
        """Create a ReplicaSet with as many replicas as maxSurge allows.

        :param others: the number of replicas of the other ReplicaSets.
        """
        metadata, spec = deployment["metadata"], deployment["spec"]
        digest = template_hash(spec["template"])
        replicas = max(0, min(spec["replicas"], spec["replicas"] + surge_and_unavailable(deployment)[0] - others))
        template = clone(spec["template"])
        labels = template["metadata"].setdefault("labels", {})
        labels[_HASH] = digest
        selector = clone(spec["selector"])
        selector.setdefault("matchLabels", {})[_HASH] = digest
        annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _OWN_ANNOTATIONS}
        body = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "labels": dict(labels),
                "annotations": {**annotations, _REVISION: revision, **_limits_annotations(deployment)},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        created = self.api.create(self.kind(REPLICA_SETS), metadata["namespace"], body, CONTROLLER)
        if replicas:
            text = f"Scaled up replica set {created['metadata']['name']} from 0 to {replicas}"
            self.record_event(deployment, "Normal", "ScalingReplicaSet", text)
        return created

    def scale(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        before = replica_set["spec"]["replicas"]

        def change(obj: Object) -> None:
            obj["spec"]["replicas"] = replicas
            for key, value in _limits_annotations(deployment).items():
                _annotate(obj, key, value)

        self.api.modify(self.kind(REPLICA_SETS), replica_set, change, CONTROLLER)
        direction = "up" if replicas > before else "down"
        text = f"Scaled {direction} replica set {replica_set['metadata']['name']} from {before} to {replicas}"
        self.record_event(deployment, "Normal", "ScalingReplicaSet", text)

    def annotate(self, deployment: Object, replica_set: Object) -> None:
        annotations = _limits_annotations(deployment)
        if annotations.items() <= (replica_set["metadata"].get("annotations") or {}).items():
            return
        self.api.modify(
            self.kind(REPLICA_SETS),
            replica_set,
            lambda obj: obj["metadata"]["annotations"].update(annotations),
            CONTROLLER,
        )

    def _progress(self, deployment: Object, reason: str, message: str) -> None:
        def change(obj: Object) -> None:
            status = obj.setdefault("status", {})
            condition = new_condition("Progressing", "True", reason, message)
            status["conditions"] = set_condition(status.get("conditions") or (), condition)

        self.api.modify(self.kind(DEPLOYMENTS), deployment, change, CONTROLLER, "status")


def new_condition(kind: str, status: str, reason: str, message: str) -> Object:
    time = rfc3339()
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": time,
        "lastTransitionTime": time,
        "reason": reason,
        "message": message,
    }


def surge_and_unavailable(deployment: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable as numbers of pods."""
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate")
    if not rolling:
        # Recreate: all pods are replaced together.
        return 0, int(spec["replicas"])
    surge = resolve_percentage(rolling.get("maxSurge", 0), spec["replicas"], up=True)
    unavailable = resolve_percentage(rolling.get("maxUnavailable", 0), spec["replicas"], up=False)
    if not surge and not unavailable:
        unavailable = 1
    return surge, min(unavailable, spec["replicas"])


def _limits_annotations(deployment: Object) -> Object:
    replicas = deployment["spec"]["replicas"]
    return {_DESIRED: str(replicas), _MAXIMUM: str(replicas + surge_and_unavailable(deployment)[0])}


def template_of(replica_set: Object) -> Object:
    """The deployment's template from which a ReplicaSet was created."""
    template = dict(replica_set["spec"]["template"])
    metadata = template["metadata"] = dict(template.get("metadata") or {})
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != _HASH}
    metadata["labels"] = labels
    if not labels:
        del metadata["labels"]
    return template


def _revision(replica_set: Object) -> int:
    return int((replica_set["metadata"].get("annotations") or {}).get(_REVISION, 0))


def _annotate(obj: Object, key: str, value: str) -> None:
    obj["metadata"].setdefault("annotations", {})[key] = value
