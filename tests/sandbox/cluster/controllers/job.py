# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs: run pods until enough have succeeded or too many have failed.

Needed by: target pod_rollout.
"""

from __future__ import annotations

import typing as t

from sandbox.cluster import pods
from sandbox.cluster.clock import rfc3339
from sandbox.cluster.controllers.base import Controller, owner_keys
from sandbox.cluster.errors import Object
from sandbox.cluster.resources import JOBS, PODS
from sandbox.cluster.store import Change, Key


class JobController(Controller):
    name = "job-controller"

    def keys(self, change: Change) -> t.Iterable[Key]:
        if change.resource == JOBS:
            yield change.key
        elif change.resource == PODS:
            yield from owner_keys(change, "Job")

    def sync(self, key: Key) -> float | None:
        job = self.store.get(JOBS, *key)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        if _finished(job):
            return None
        status = dict(job.get("status") or {})
        status.setdefault("startTime", rfc3339())
        spec = job["spec"]
        owned = self.owned_objects(job, PODS)
        succeeded = sum(pods.phase(pod) == "Succeeded" for pod in owned)
        failed = sum(pods.phase(pod) == "Failed" for pod in owned)
        active = [pod for pod in owned if pods.is_active(pod)]
        completions = spec.get("completions")
        end = self._end(job, succeeded, failed, active)
        if end is not None:
            for pod in active:
                self.delete_pod(pod)
            active = []
        else:
            remaining = spec["parallelism"] if completions is None else completions - succeeded
            if completions is None and succeeded:
                remaining = 0
            for _pod in range(min(spec["parallelism"], remaining) - len(active)):
                active.append(self.create_pod(job, spec["template"]))
        if end is not None:
            status["conditions"] = [*(status.get("conditions") or ()), end]
            if end["type"] == "Complete":
                status["completionTime"] = rfc3339()
            kind = "Normal" if end["type"] == "Complete" else "Warning"
            reason = "Completed" if end["type"] == "Complete" else end["reason"]
            self.record_event(job, kind, reason, end.get("message") or "Job completed")
        ready = sum(pods.is_ready(pod) for pod in active)
        for name, value in (("active", len(active)), ("ready", ready), ("succeeded", succeeded), ("failed", failed)):
            status.pop(name, None)
            if value:
                status[name] = value
        self.write_status(JOBS, job, status)
        return None

    def _end(self, job: Object, succeeded: int, failed: int, active: list[Object]) -> Object | None:
        """The condition that ends the job; None if it continues."""
        spec = job["spec"]
        restarts = sum(
            container.get("restartCount", 0)
            for pod in active
            for container in (pod.get("status") or {}).get("containerStatuses") or ()
        )
        on_failure = spec["template"]["spec"].get("restartPolicy") == "OnFailure"
        if failed > spec["backoffLimit"] or (on_failure and restarts > 0 and restarts >= spec["backoffLimit"]):
            return _condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
        completions = spec.get("completions")
        if completions is None:
            return _condition("Complete") if succeeded and not active else None
        return _condition("Complete") if succeeded >= completions else None


def _finished(job: Object) -> bool:
    return any(
        condition["type"] in ("Complete", "Failed") and condition["status"] == "True"
        for condition in (job.get("status") or {}).get("conditions") or ()
    )


def _condition(kind: str, reason: str = "", message: str = "") -> Object:
    time = rfc3339()
    condition = {"type": kind, "status": "True", "lastProbeTime": time, "lastTransitionTime": time}
    if reason:
        condition.update(reason=reason, message=message)
    return condition
