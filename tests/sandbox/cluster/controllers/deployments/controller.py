# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Roll out Deployments: scale the ReplicaSet of the new template up and those of earlier templates down.

Needed by: targets irsa_bindings, pod_rollout, role_irsa; demo.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster.controllers.base import owner_keys
from sandbox.cluster.controllers.deployments.replica_sets import (
    ReplicaSetOperations,
    surge_and_unavailable,
    template_of,
)
from sandbox.cluster.controllers.deployments.status import status_of
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import DEPLOYMENTS, REPLICA_SETS
from sandbox.cluster.store import Change, Key


class DeploymentController(ReplicaSetOperations):
    name = "deployment-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == DEPLOYMENTS:
            yield change.key
        elif change.resource == REPLICA_SETS:
            yield from owner_keys(change, "Deployment")

    def sync(self, key: Key) -> float | None:
        deployment = self.store.get(DEPLOYMENTS, *key)
        if deployment is None or "deletionTimestamp" in deployment["metadata"]:
            return None
        sets = self.owned_objects(deployment, REPLICA_SETS)
        new = next((rs for rs in sets if template_of(rs) == deployment["spec"]["template"]), None)
        old = [rs for rs in sets if rs is not new]
        if deployment["spec"].get("paused"):
            self._scale_paused(deployment, new, old)
        else:
            self._roll(deployment, new, old)
        self._report(t.cast(Object, self.store.get(DEPLOYMENTS, *key)))
        return None

    # -- strategies

    def _roll(self, deployment: Object, new: Object | None, old: list[Object]) -> None:
        replicas = deployment["spec"]["replicas"]
        surge, unavailable = surge_and_unavailable(deployment)
        new = self.ensure_new(deployment, new, old)
        new_replicas = new["spec"]["replicas"]
        total = new_replicas + sum(rs["spec"]["replicas"] for rs in old)
        if new_replicas > replicas:
            self.scale(deployment, new, replicas)
            return
        if new_replicas < replicas and total < replicas + surge:
            self.scale(deployment, new, new_replicas + min(replicas + surge - total, replicas - new_replicas))
            return
        if not any(rs["spec"]["replicas"] for rs in old):
            self.annotate(deployment, new)
            return
        minimum = replicas - unavailable
        new_unavailable = new_replicas - (new.get("status") or {}).get("availableReplicas", 0)
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
                self.scale(deployment, rs, counts[rs["metadata"]["name"]])

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
        """Scale a paused deployment, without a rollout."""
        active = [rs for rs in [*old, *([new] if new else [])] if rs["spec"]["replicas"]]
        target = active[0] if len(active) == 1 else new
        if target is not None and len(active) <= 1 and target["spec"]["replicas"] != deployment["spec"]["replicas"]:
            self.scale(deployment, target, deployment["spec"]["replicas"])

    def _report(self, deployment: Object) -> None:
        self.write_status(DEPLOYMENTS, deployment, status_of(deployment, self.owned_objects(deployment, REPLICA_SETS)))
