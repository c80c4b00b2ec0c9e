# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status of a Deployment: the counts of its pods and its conditions.

Needed by: targets irsa_bindings, pod_rollout, role_irsa; demo.
"""

from __future__ import annotations

from sandbox.cluster import pods
from sandbox.cluster.controllers.base import remove_condition, set_condition
from sandbox.cluster.controllers.deployments.replica_sets import new_condition, surge_and_unavailable, template_of
from sandbox.cluster.errors import Object


def status_of(deployment: Object, sets: list[Object]) -> Object:
    new = next((rs for rs in sets if template_of(rs) == deployment["spec"]["template"]), None)
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
    _surge, unavailable = surge_and_unavailable(deployment)
    enough = available >= spec["replicas"] - unavailable
    condition = new_condition(
        "Available",
        "True" if enough else "False",
        "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "Deployment has minimum availability." if enough else "Deployment does not have minimum availability.",
    )
    conditions = set_condition(old.get("conditions") or (), condition, keep_update_time=True)
    conditions = _progressing(deployment, new, counts, conditions)
    failure = _failure(sets, new)
    conditions = (
        set_condition(conditions, failure, keep_update_time=True)
        if failure
        else remove_condition(conditions, "ReplicaFailure")
    )
    status: Object = {"observedGeneration": deployment["metadata"]["generation"]}
    status.update({key: value for key, value in counts.items() if value})
    status["conditions"] = conditions
    return status


def _progressing(
    deployment: Object, new: Object | None, counts: dict[str, int], conditions: list[Object]
) -> list[Object]:
    spec, old = deployment["spec"], deployment.get("status") or {}
    current = next((entry for entry in conditions if entry["type"] == "Progressing"), None)
    if spec.get("paused"):
        condition = new_condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused")
        return set_condition(conditions, condition, keep_update_time=True)
    if current is not None and current["reason"] == "DeploymentPaused":
        current = new_condition("Progressing", "Unknown", "DeploymentResumed", "Deployment is resumed")
        conditions = set_condition(conditions, current)
    done = current is not None and current["reason"] == "NewReplicaSetAvailable"
    if done and counts["replicas"] == counts["updatedReplicas"]:
        return conditions
    what = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if _is_complete(spec, counts):
        text = f"{what} has successfully progressed."
        return set_condition(conditions, new_condition("Progressing", "True", "NewReplicaSetAvailable", text))
    if _has_progressed(old, counts):
        condition = new_condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.")
        return set_condition(conditions, condition)
    return conditions


def _is_complete(spec: Object, counts: dict[str, int]) -> bool:
    return bool(counts["updatedReplicas"] == counts["replicas"] == counts["availableReplicas"] == spec["replicas"])


def _has_progressed(old: Object, counts: dict[str, int]) -> bool:
    def before(field: str) -> int:
        return int(old.get(field, 0))

    return (
        counts["updatedReplicas"] > before("updatedReplicas")
        or counts["replicas"] - counts["updatedReplicas"] < before("replicas") - before("updatedReplicas")
        or counts["readyReplicas"] > before("readyReplicas")
        or counts["availableReplicas"] > before("availableReplicas")
    )


def _failure(sets: list[Object], new: Object | None) -> Object | None:
    for rs in ([new] if new else []) + sets:
        condition = pods.find_condition(rs, "ReplicaFailure")
        if condition is not None:
            return new_condition("ReplicaFailure", condition["status"], condition["reason"], condition["message"])
    return None
