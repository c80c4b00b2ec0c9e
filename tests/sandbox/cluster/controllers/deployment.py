# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments: a ReplicaSet for each pod template, scaled against one another."""

from __future__ import annotations

import typing as t

from sandbox.cluster import pods
from sandbox.cluster.clock import parse, rfc3339
from sandbox.cluster.controllers.base import (
    CONTROLLER,
    Controller,
    controller_of,
    hash_of,
    now,
    owner_key,
    reference_to,
    scaled,
    with_condition,
    without_condition,
)
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import DEPLOYMENTS, PODS, REPLICA_SETS
from sandbox.cluster.store import Change, Key, clone

_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAXIMUM = "deployment.kubernetes.io/max-replicas"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_OWN = (_REVISION, _DESIRED, _MAXIMUM, _LAST_APPLIED)


class DeploymentController(Controller):
    name = "deployment-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == DEPLOYMENTS:
            yield change.key
        elif change.resource == REPLICA_SETS:
            yield from owner_key(change, "Deployment")
        elif change.resource == PODS and change.kind == "DELETED":
            # A Recreate waits for the last old pod.
            for namespace, name in owner_key(change, "ReplicaSet"):
                replica_set = self.store.get(REPLICA_SETS, namespace, name)
                reference = controller_of(replica_set) if replica_set else None
                if reference is not None and reference["kind"] == "Deployment":
                    yield namespace, reference["name"]

    def sync(self, key: Key) -> float | None:
        deployment = self.store.get(DEPLOYMENTS, *key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return None
        sets = self.owned(deployment, REPLICA_SETS)
        new = next((rs for rs in sets if _template(rs) == deployment["spec"]["template"]), None)
        old = [rs for rs in sets if rs is not new]
        if deployment["spec"].get("paused"):
            self._scale_paused(deployment, new, old)
        elif deployment["spec"]["strategy"]["type"] == "Recreate":
            self._recreate(deployment, new, old)
        else:
            self._roll(deployment, new, old)
        return self._report(t.cast(Object, self.store.get(DEPLOYMENTS, *key)))

    # -- strategies

    def _recreate(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        for replica_set in old:
            if replica_set["spec"]["replicas"]:
                self._scale(deployment, replica_set, 0)
        if any(pods.phase(pod) not in ("Succeeded", "Failed") for rs in old for pod in self.owned(rs, PODS)):
            return
        new = self._ensure_new(deployment, new, old)
        if new["spec"]["replicas"] != deployment["spec"]["replicas"]:
            self._scale(deployment, new, deployment["spec"]["replicas"])
        self._clean_up(deployment, old)

    def _roll(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        replicas = deployment["spec"]["replicas"]
        surge, unavailable = _limits(deployment)
        new = self._ensure_new(deployment, new, old)
        have = new["spec"]["replicas"]
        total = have + sum(rs["spec"]["replicas"] for rs in old)
        if have > replicas:
            self._scale(deployment, new, replicas)
            return
        if have < replicas and total < replicas + surge:
            self._scale(deployment, new, have + min(replicas + surge - total, replicas - have))
            return
        if not any(rs["spec"]["replicas"] for rs in old):
            self._annotate(deployment, new)
            self._clean_up(deployment, old)
            return
        minimum = replicas - unavailable
        new_unavailable = have - (new.get("status") or {}).get("availableReplicas", 0)
        spare = total - minimum - new_unavailable
        if spare <= 0:
            return
        old = sorted(old, key=lambda rs: (rs["metadata"]["creationTimestamp"], int(rs["metadata"]["resourceVersion"])))
        counts = {rs["metadata"]["name"]: rs["spec"]["replicas"] for rs in old}
        self._drop_unhealthy(old, counts, spare)
        available = sum((rs.get("status") or {}).get("availableReplicas", 0) for rs in [new, *old])
        self._drop_available(old, counts, available - minimum)
        for rs in old:
            if counts[rs["metadata"]["name"]] != rs["spec"]["replicas"]:
                self._scale(deployment, rs, counts[rs["metadata"]["name"]])

    def _drop_unhealthy(self, old: list[Object], counts: dict[str, int], spare: int) -> None:
        for rs in old:
            name = rs["metadata"]["name"]
            unhealthy = counts[name] - (rs.get("status") or {}).get("availableReplicas", 0)
            step = max(0, min(spare, unhealthy))
            counts[name] -= step
            spare -= step

    def _drop_available(self, old: list[Object], counts: dict[str, int], spare: int) -> None:
        for rs in old:
            name = rs["metadata"]["name"]
            step = max(0, min(spare, counts[name]))
            counts[name] -= step
            spare -= step

    def _scale_paused(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        """A paused deployment starts no rollout but follows its replica count."""
        active = [rs for rs in [*old, *([new] if new else [])] if rs["spec"]["replicas"]]
        target = active[0] if len(active) == 1 else new
        if target is not None and len(active) <= 1 and target["spec"]["replicas"] != deployment["spec"]["replicas"]:
            self._scale(deployment, target, deployment["spec"]["replicas"])

    # -- replica sets

    def _ensure_new(self, deployment: Object, new: Object | None, old: list[Object]) -> Object:
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
        """A new ReplicaSet, with as many pods from the start as the others' count leaves room for."""
        metadata, spec = deployment["metadata"], deployment["spec"]
        digest = hash_of(spec["template"])
        replicas = max(0, min(spec["replicas"], spec["replicas"] + _limits(deployment)[0] - others))
        template = clone(spec["template"])
        labels = template["metadata"].setdefault("labels", {})
        labels[_HASH] = digest
        selector = clone(spec["selector"])
        selector.setdefault("matchLabels", {})[_HASH] = digest
        annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _OWN}
        body = {
            "metadata": {
                "name": f"{metadata['name']}-{digest}",
                "labels": dict(labels),
                "annotations": {**annotations, _REVISION: revision, **_limits_annotations(deployment)},
                "ownerReferences": [reference_to(deployment)],
            },
            "spec": {"replicas": replicas, "selector": selector, "template": template},
        }
        if spec.get("minReadySeconds"):
            body["spec"]["minReadySeconds"] = spec["minReadySeconds"]
        created = self.api.create(self.kind(REPLICA_SETS), metadata["namespace"], body, CONTROLLER)
        if replicas:
            text = f"Scaled up replica set {created['metadata']['name']} from 0 to {replicas}"
            self.event(deployment, "Normal", "ScalingReplicaSet", text)
        return created

    def _scale(self, deployment: Object, replica_set: Object, replicas: int) -> None:
        before = replica_set["spec"]["replicas"]

        def change(obj: Object) -> None:
            obj["spec"]["replicas"] = replicas
            for key, value in _limits_annotations(deployment).items():
                _annotate(obj, key, value)

        self.api.modify(self.kind(REPLICA_SETS), replica_set, change, CONTROLLER)
        direction = "up" if replicas > before else "down"
        text = f"Scaled {direction} replica set {replica_set['metadata']['name']} from {before} to {replicas}"
        self.event(deployment, "Normal", "ScalingReplicaSet", text)

    def _annotate(self, deployment: Object, replica_set: Object) -> None:
        wanted = _limits_annotations(deployment)
        if wanted.items() <= (replica_set["metadata"].get("annotations") or {}).items():
            return
        self.api.modify(
            self.kind(REPLICA_SETS), replica_set, lambda obj: obj["metadata"]["annotations"].update(wanted), CONTROLLER
        )

    def _clean_up(self, deployment: Object, old: list[Object]) -> None:
        limit = deployment["spec"].get("revisionHistoryLimit", 10)
        idle = [rs for rs in old if not rs["spec"]["replicas"] and not (rs.get("status") or {}).get("replicas")]
        for rs in sorted(idle, key=_revision)[: max(0, len(idle) - limit)]:
            metadata = rs["metadata"]
            self.api.delete(self.kind(REPLICA_SETS), metadata["namespace"], metadata["name"], {}, CONTROLLER)

    # -- status

    def _progress(self, deployment: Object, reason: str, message: str) -> None:
        def change(obj: Object) -> None:
            status = obj.setdefault("status", {})
            condition = _condition("Progressing", "True", reason, message)
            status["conditions"] = with_condition(status.get("conditions") or (), condition)

        self.api.modify(self.kind(DEPLOYMENTS), deployment, change, CONTROLLER, "status")

    def _report(self, deployment: Object) -> float | None:
        sets = self.owned(deployment, REPLICA_SETS)
        new = next((rs for rs in sets if _template(rs) == deployment["spec"]["template"]), None)
        spec, old = deployment["spec"], deployment.get("status") or {}

        def count(field: str, only: Object | None = None) -> int:
            return sum((rs.get("status") or {}).get(field, 0) for rs in ([only] if only else sets))

        replicas, available = count("replicas"), count("availableReplicas")
        total = sum(rs["spec"]["replicas"] for rs in sets)
        counts = {
            "replicas": replicas,
            "updatedReplicas": count("replicas", new) if new else 0,
            "readyReplicas": count("readyReplicas"),
            "availableReplicas": available,
            "unavailableReplicas": max(0, total - available),
        }
        _surge, unavailable = _limits(deployment)
        enough = available >= spec["replicas"] - unavailable
        condition = _condition(
            "Available",
            "True" if enough else "False",
            "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
            "Deployment has minimum availability." if enough else "Deployment does not have minimum availability.",
        )
        conditions = with_condition(old.get("conditions") or (), condition, keep_update_time=True)
        conditions = self._progressing(deployment, new, counts, conditions)
        failure = _failure(sets, new)
        conditions = (
            with_condition(conditions, failure, keep_update_time=True)
            if failure
            else without_condition(conditions, "ReplicaFailure")
        )
        status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
        status.update({key: value for key, value in counts.items() if value})
        status["conditions"] = conditions
        self.write_status(DEPLOYMENTS, deployment, status)
        return _deadline_in(deployment, conditions, counts)

    def _progressing(
        self, deployment: Object, new: Object | None, counts: dict[str, int], conditions: list[Object]
    ) -> list[Object]:
        spec, old = deployment["spec"], deployment.get("status") or {}
        current = next((entry for entry in conditions if entry["type"] == "Progressing"), None)
        if spec.get("paused"):
            condition = _condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
            return with_condition(conditions, condition, keep_update_time=True)
        if current is not None and current["reason"] == "DeploymentPaused":
            current = _condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
            conditions = with_condition(conditions, current)
        done = current is not None and current["reason"] == "NewReplicaSetAvailable"
        if done and counts["replicas"] == counts["updatedReplicas"]:
            return conditions
        what = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
        if _is_complete(spec, counts):
            text = f"{what} has successfully progressed."
            return with_condition(conditions, _condition("Progressing", "True", "NewReplicaSetAvailable", text))
        if _moved(old, counts):
            condition = _condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.")
            return with_condition(conditions, condition)
        if current is not None and not done and _timed_out(spec, current):
            text = f"{what} has timed out progressing."
            condition = _condition("Progressing", "False", "ProgressDeadlineExceeded", text)
            return with_condition(conditions, condition, keep_update_time=True)
        return conditions


def _condition(kind: str, status: str, reason: str, message: str) -> Object:
    time = rfc3339()
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": time,
        "lastTransitionTime": time,
        "reason": reason,
        "message": message,
    }


def _is_complete(spec: Object, counts: dict[str, int]) -> bool:
    return bool(counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == spec["replicas"])


def _moved(old: Object, counts: dict[str, int]) -> bool:
    def before(field: str) -> int:
        return int(old.get(field, 0))

    return (
        counts["updatedReplicas"] > before("updatedReplicas")
        or counts["replicas"] - counts["updatedReplicas"] < before("replicas") - before("updatedReplicas")
        or counts["readyReplicas"] > before("readyReplicas")
        or counts["availableReplicas"] > before("availableReplicas")
    )


def _timed_out(spec: Object, condition: Object) -> bool:
    if condition["reason"] == "ProgressDeadlineExceeded":
        return True
    return bool(parse(condition["lastUpdateTime"]) + spec.get("progressDeadlineSeconds", 600) < now())


def _deadline_in(deployment: Object, conditions: list[Object], counts: dict[str, int]) -> float | None:
    """Seconds until the rollout's deadline, while one is under way."""
    spec = deployment["spec"]
    current = next((entry for entry in conditions if entry["type"] == "Progressing"), None)
    if current is None or spec.get("paused") or _is_complete(spec, counts):
        return None
    if current["reason"] == "ProgressDeadlineExceeded":
        return None
    return float(max(0.05, parse(current["lastUpdateTime"]) + spec.get("progressDeadlineSeconds", 600) - now() + 0.01))


def _failure(sets: list[Object], new: Object | None) -> Object | None:
    for rs in ([new] if new else []) + sets:
        found = pods.condition(rs, "ReplicaFailure")
        if found is not None:
            return _condition("ReplicaFailure", found["status"], found["reason"], found["message"])
    return None


def _limits(deployment: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable as counts."""
    spec = deployment["spec"]
    rolling = spec["strategy"].get("rollingUpdate")
    if not rolling or not spec["replicas"]:
        return 0, 0
    surge = scaled(rolling.get("maxSurge", 0), spec["replicas"], up=True)
    unavailable = scaled(rolling.get("maxUnavailable", 0), spec["replicas"], up=False)
    if not surge and not unavailable:
        unavailable = 1
    return surge, min(unavailable, spec["replicas"])


def _limits_annotations(deployment: Object) -> Object:
    replicas = deployment["spec"]["replicas"]
    return {_DESIRED: str(replicas), _MAXIMUM: str(replicas + _limits(deployment)[0])}


def _template(replica_set: Object) -> Object:
    """The deployment's own template, out of its ReplicaSet's."""
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
