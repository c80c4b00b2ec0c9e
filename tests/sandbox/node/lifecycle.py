# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of a pod and its containers. The time and the aws CLI are passed in.

Needed by: targets irsa_verify, pod_rollout; benchmarks.
"""

from __future__ import annotations

import dataclasses
import datetime
import time
import typing as t
import uuid

from sandbox.node import behaviour as behaviours

if t.TYPE_CHECKING:
    from collections.abc import Callable

    Json = dict[str, t.Any]
    # Parameters: the container's spec and the arguments of the aws CLI.
    StartAws = Callable[[Json, tuple[str, ...]], "AwsRun"]

READY_AFTER = f"{behaviours.PREFIX}/ready-after"

# In seconds. The kubelet's back-off for restarts and pulls is 10 s to 5 min.
FIRST_BACKOFF = 1.0
LAST_BACKOFF = 10.0
PULL_BACKOFF = 0.3
LOG_LIMIT = 1024 * 1024

_KUBELET_CONDITIONS = ("Initialized", "Ready", "ContainersReady", "PodScheduled")


class AwsRun(t.Protocol):
    """A run of the aws CLI."""

    def result(self) -> tuple[int, str] | None:
        """Return exit status and output; None while it runs."""

    def cancel(self) -> None:
        """Stop it."""


class ContainerRun:
    """A container of a pod, with its state."""

    def __init__(self, spec: Json, pod: Json, *, init: bool, start_aws: StartAws) -> None:
        self.spec = spec
        self.name = str(spec["name"])
        self.behaviour = behaviours.container_behaviour(spec, pod, init=init)
        self.restarts = 0
        self.log = ""
        self.state: Json = {"waiting": {"reason": "PodInitializing" if init else "ContainerCreating"}}
        self.last_state: Json = {}
        self._init = init
        self._policy = pod["spec"].get("restartPolicy", "Always")
        self._start_aws = start_aws
        self._id = ""
        self._step = 0
        self._step_started_at = 0.0
        self._started_at = 0.0
        self._next_check_at: float | None = 0.0
        self._run: AwsRun | None = None

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        """The exit status; None unless the container has ended and is not restarted."""
        if "terminated" not in self.state:
            return None
        return int(self.state["terminated"]["exitCode"])

    def advance(self, now: float) -> float | None:
        """Bring the container to its state at a time.

        :returns: the time of the next change; None if no change is due.
        """
        if self._run and self._run.result() is not None:
            self._next_check_at = now
        while self._next_check_at is not None and self._next_check_at <= now:
            self._advance_once(now)
        return self._next_check_at

    def stop(self) -> None:
        """Stop the aws CLI, if it runs."""
        if self._run:
            self._run.cancel()

    def status(self, *, ready: bool) -> Json:
        """Return the container's entry of containerStatuses."""
        status: Json = {
            "name": self.name,
            "image": self.spec.get("image", ""),
            "imageID": "",
            "ready": ready,
            "restartCount": self.restarts,
            "started": self.running,
            "state": self.state,
            "lastState": self.last_state,
        }
        if self._id:
            status["containerID"] = self._id
            status["imageID"] = f"sandbox://{status['image']}"
        return status

    def _advance_once(self, now: float) -> None:
        if not self.behaviour.pulls:
            self._fail_pull(now)
        elif not self.running:
            self._start(now)
        elif self.behaviour.never_ends:
            self._next_check_at = None
        elif self._step >= len(self.behaviour.steps):
            self._finish(0, now)
        else:
            self._run_step(self.behaviour.steps[self._step], now)

    def _fail_pull(self, now: float) -> None:
        image = self.spec.get("image", "")
        if self.state.get("waiting", {}).get("reason") == "ErrImagePull":
            message = f'Back-off pulling image "{image}"'
            self.state = {"waiting": {"reason": "ImagePullBackOff", "message": message}}
            self._next_check_at = None
        else:
            message = f'Failed to pull image "{image}": not found'
            self.state = {"waiting": {"reason": "ErrImagePull", "message": message}}
            self._next_check_at = now + PULL_BACKOFF

    def _start(self, now: float) -> None:
        if self.last_state:
            self.restarts += 1
        self.log = ""
        self._id = f"sandbox://{uuid.uuid4().hex}"
        self._step, self._step_started_at, self._started_at, self._next_check_at = 0, now, now, now
        self.state = {"running": {"startedAt": timestamp(now)}}

    def _run_step(self, step: behaviours.Step, now: float) -> None:
        code = step.code
        if step.aws is not None:
            self._run = self._run or self._start_aws(self.spec, step.aws)
            result = self._run.result()
            if result is None:
                # The end of the run triggers a check of the pod. This is for a lost trigger.
                self._next_check_at = now + 1.0
                return
            self._run, code = None, result[0]
            self._append_log(result[1])
        elif now < self._step_started_at + step.seconds:
            self._next_check_at = self._step_started_at + step.seconds
            return
        self._append_log(step.output)
        self._step, self._step_started_at, self._next_check_at = self._step + 1, now, now
        if self._step == len(self.behaviour.steps) or (step.must_succeed and code):
            self._finish(code or 0, now)

    def _append_log(self, text: str) -> None:
        self.log = (self.log + text)[-LOG_LIMIT:]

    def _finish(self, code: int, now: float) -> None:
        terminated = {
            "exitCode": code,
            "reason": "Error" if code else "Completed",
            "startedAt": timestamp(self._started_at),
            "finishedAt": timestamp(now),
            "containerID": self._id,
        }
        restarts = (code != 0 and self._policy != "Never") or (self._policy == "Always" and not self._init)
        if not restarts:
            self.state, self._next_check_at = {"terminated": terminated}, None
            return
        self.last_state = {"terminated": terminated}
        backoff = min(FIRST_BACKOFF * 2**self.restarts, LAST_BACKOFF)
        message = f"back-off {backoff:g}s restarting failed container={self.name}"
        self.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        self._next_check_at = now + backoff


@dataclasses.dataclass
class PodRun:
    """A pod on this node, with the state of its containers.

    :param started: seconds since the epoch.
    :param running_since: when all containers were first running, in seconds since the epoch.
    """

    init: list[ContainerRun]
    main: list[ContainerRun]
    address: str
    started: float
    running_since: float | None = None

    @classmethod
    def for_pod(cls, pod: Json, *, now: float, address: str, start_aws: StartAws) -> PodRun:
        spec = pod["spec"]
        init = [
            ContainerRun(container, pod, init=True, start_aws=start_aws)
            for container in spec.get("initContainers") or []
        ]
        main = [ContainerRun(container, pod, init=False, start_aws=start_aws) for container in spec["containers"]]
        if init:
            for container in main:
                container.state = {"waiting": {"reason": "PodInitializing"}}
        return cls(init, main, address, now)

    def container(self, name: str) -> ContainerRun | None:
        """Return the container or init container with this name."""
        return next((container for container in [*self.init, *self.main] if container.name == name), None)

    def advance(self, pod: Json, now: float) -> float | None:
        """Bring the pod to its state at a time.

        :returns: the time of the next change; None if no change is due.
        """
        for container in self.init:
            check_at = container.advance(now)
            if container.exit_code != 0:
                return check_at
        check_times = [check_at for container in self.main if (check_at := container.advance(now)) is not None]
        if self.running_since is None and all(container.running for container in self.main):
            self.running_since = now
        if self.running_since is not None and now < self.running_since + _ready_delay(pod):
            check_times.append(self.running_since + _ready_delay(pod))
        return min(check_times, default=None)

    def stop(self) -> None:
        """Stop all containers."""
        for container in [*self.init, *self.main]:
            container.stop()

    @property
    def phase(self) -> str:
        failed = [container for container in self.init if container.exit_code]
        if failed:
            return "Failed"
        if any(container.exit_code is None for container in self.init):
            return "Pending"
        codes = [container.exit_code for container in self.main]
        if None not in codes:
            return "Failed" if any(codes) else "Succeeded"
        # Pending if a container was never started. One that waits for its restart does not count.
        waiting = any("waiting" in container.state and not container.last_state for container in self.main)
        return "Pending" if waiting else "Running"

    def status(self, pod: Json, now: float) -> Json:
        """Return the pod's status as the kubelet reports it. Conditions of others are kept."""
        phase = self.phase
        initialized = all(container.exit_code == 0 for container in self.init)
        passed = self.running_since is not None and now >= self.running_since + _ready_delay(pod)
        ready = {container.name: container.running and passed for container in self.main}
        all_ready = all(ready.values()) and phase == "Running"
        existing = {condition["type"]: condition for condition in (pod.get("status") or {}).get("conditions") or []}
        done = "PodCompleted" if phase == "Succeeded" else None
        not_ready = done or "ContainersNotReady"
        unready = ", ".join(name for name, is_ready in ready.items() if not is_ready)
        text = f"containers with unready status: [{unready}]"
        conditions = [
            _condition(existing, now, "Initialized", initialized, done or "ContainersNotInitialized"),
            _condition(existing, now, "Ready", all_ready, not_ready, text),
            _condition(existing, now, "ContainersReady", all_ready, not_ready, text),
            _condition(existing, now, "PodScheduled", True, ""),
        ]
        status: Json = {
            "phase": phase,
            "conditions": conditions
            + [condition for kind, condition in existing.items() if kind not in _KUBELET_CONDITIONS],
            "hostIP": "127.0.0.1",
            "podIP": self.address,
            "podIPs": [{"ip": self.address}],
            "startTime": timestamp(self.started),
            "containerStatuses": [container.status(ready=ready[container.name]) for container in self.main],
        }
        if self.init:
            status["initContainerStatuses"] = [
                container.status(ready=container.exit_code == 0) for container in self.init
            ]
        return status


def _ready_delay(pod: Json) -> float:
    """The seconds from the start of the pod until it is ready."""
    return behaviours.parse_seconds((pod["metadata"].get("annotations") or {}).get(READY_AFTER)) or 0.0


def timestamp(now: float | None = None) -> str:
    """Format a time, by default the current time, as Kubernetes does."""
    moment = datetime.datetime.fromtimestamp(time.time() if now is None else now, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _condition(existing: dict[str, Json], now: float, kind: str, value: bool, reason: str, message: str = "") -> Json:
    status = str(value)
    previous = existing.get(kind, {})
    changed = previous.get("status") != status
    condition: Json = {
        "type": kind,
        "status": status,
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now) if changed else previous.get("lastTransitionTime"),
    }
    if not value or reason == "PodCompleted":
        condition |= {"reason": reason, "message": message} if message else {"reason": reason}
    return condition
