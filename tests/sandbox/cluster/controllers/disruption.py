# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PodDisruptionBudgets: the number of pods that may be evicted.

Needed by: target pod_rollout.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import pods
from sandbox.cluster.clock import parse, rfc3339
from sandbox.cluster.controllers.base import Controller, now, resolve_percentage, set_condition
from sandbox.cluster.errors import Object
from sandbox.cluster.reading import selectors
from sandbox.cluster.resources import BUDGETS, PODS
from sandbox.cluster.store import Change, Key

# In seconds. A pod whose eviction was allowed counts as disrupted for this time, or until it is deleted.
_DELETION_SECONDS = 120.0


class DisruptionController(Controller):
    name = "controllermanager"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == BUDGETS:
            yield change.key
        elif change.resource == PODS or change.resource[0] == "apps":
            for budget in self.store.list(BUDGETS, change.key[0]):
                yield change.key[0], budget["metadata"]["name"]

    def sync(self, key: Key) -> float | None:
        budget = self.store.get(BUDGETS, *key)
        if budget is None:
            return None
        spec, old = budget.get("spec") or {}, budget.get("status") or {}
        covered = [
            pod
            for pod in self.store.list(PODS, key[0])
            if selectors.matches(spec.get("selector"), pod["metadata"].get("labels"))
            and pods.phase(pod) not in ("Succeeded", "Failed")
        ]
        disrupted = {
            pod["metadata"]["name"]: old["disruptedPods"][pod["metadata"]["name"]]
            for pod in covered
            if pod["metadata"]["name"] in (old.get("disruptedPods") or {})
            and not pods.is_terminating(pod)
            and parse(old["disruptedPods"][pod["metadata"]["name"]]) + _DELETION_SECONDS > now()
        }
        healthy = sum(
            pods.is_ready(pod) and not pods.is_terminating(pod) and pod["metadata"]["name"] not in disrupted
            for pod in covered
        )
        desired = self._desired_healthy(spec, len(covered))
        allowed = max(0, healthy - desired) if covered else 0
        condition = {
            "type": "DisruptionAllowed",
            "status": "True" if allowed else "False",
            "reason": "SufficientPods" if allowed else "InsufficientPods",
            "message": "",
            "observedGeneration": budget["metadata"]["generation"],
            "lastTransitionTime": rfc3339(),
        }
        status: Object = {
            "conditions": set_condition(old.get("conditions") or (), condition),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": len(covered),
            "observedGeneration": budget["metadata"]["generation"],
        }
        if disrupted:
            status["disruptedPods"] = disrupted
        self.write_status(BUDGETS, budget, status)
        return _DELETION_SECONDS if disrupted else None

    def _desired_healthy(self, spec: Object, expected: int) -> int:
        """The number of pods that must be healthy.

        :param expected: the number of pods that the budget covers.
        """
        if spec.get("maxUnavailable") is not None:
            return max(0, expected - resolve_percentage(spec["maxUnavailable"], expected, up=True))
        return resolve_percentage(spec.get("minAvailable"), expected, up=True)
