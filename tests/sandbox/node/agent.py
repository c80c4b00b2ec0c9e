# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches the pods of a cluster and moves them along: bound, started, ready, ended, gone."""

from __future__ import annotations

import heapq
import itertools
import platform
import sys
import threading
import time
import traceback
import typing as t

from sandbox import settings
from sandbox.api import Api, ApiError
from sandbox.node import behaviour, lifecycle, runtime, scheduling

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

WORKERS = 8
RETRY = 0.2
LAST_RETRY = 2.0
# How long a pod that must go stays, at most its grace period; 0 without the annotation.
TERMINATES_FOR = f"{behaviour.PREFIX}/terminates-for"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class Queue:
    """Names of pods to look at, each at its time and by one worker at once."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._times: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._busy: set[str] = set()
        self._closed = False

    def add(self, key: str, delay: float = 0.0) -> None:
        """Have a pod looked at after so many seconds, or sooner if that was asked for already."""
        with self._condition:
            when = time.monotonic() + delay
            if when < self._times.get(key, float("inf")):
                self._times[key] = when
                heapq.heappush(self._heap, (when, key))
                self._condition.notify_all()

    def take(self) -> str | None:
        """Wait for a pod whose time has come; None when the queue was closed."""
        with self._condition:
            while not self._closed:
                now = time.monotonic()
                held: list[tuple[float, str]] = []
                found = None
                while self._heap and self._heap[0][0] <= now and found is None:
                    when, key = heapq.heappop(self._heap)
                    if self._times.get(key) != when:
                        continue
                    if key in self._busy:
                        held.append((when, key))
                    else:
                        found = key
                for entry in held:
                    heapq.heappush(self._heap, entry)
                if found is not None:
                    del self._times[found]
                    self._busy.add(found)
                    return found
                upcoming = [when for when, key in self._heap if key not in self._busy]
                self._condition.wait(max(0.0, min(upcoming) - now) if upcoming else None)
            return None

    def done(self, key: str) -> None:
        with self._condition:
            self._busy.discard(key)
            self._condition.notify_all()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()


class Agent:
    """The node "sandbox-node"."""

    def __init__(self, api: Api, node_runtime: runtime.Runtime) -> None:
        self._api = api
        self._runtime = node_runtime
        self._queue = Queue()
        self._lock = threading.Lock()
        self._pods: dict[str, Json] = {}
        self._runs: dict[str, lifecycle.PodRun] = {}
        self._ended: dict[str, float] = {}
        self._said: dict[str, set[str]] = {}
        self._addresses = itertools.count(1)
        self._node: Json = {}
        self._stopped = threading.Event()

    def find(self, namespace: str, name: str) -> lifecycle.PodRun | None:
        """Return the run of a pod by name."""
        with self._lock:
            for uid, pod in self._pods.items():
                if (pod["metadata"]["namespace"], pod["metadata"]["name"]) == (namespace, name):
                    return self._runs.get(uid)
        return None

    def run(self, log_port: int) -> None:
        """Work until stop is called, through restarts of the API server."""
        workers = [threading.Thread(target=self._work, daemon=True) for _worker in range(WORKERS)]
        for worker in workers:
            worker.start()
        delay = RETRY / 4
        while not self._stopped.is_set():
            try:
                self._register(log_port)
                version = self._list()
                delay = RETRY / 4
                self._watch(version)
            except ApiError as error:
                print(f"API server: {error}", file=sys.stderr, flush=True)
                self._stopped.wait(delay)
                delay = min(delay * 2, LAST_RETRY)

    def stop(self) -> None:
        """End run, at the latest when its watch ends, and what runs for the pods."""
        self._stopped.set()
        self._queue.close()
        with self._lock:
            runs = list(self._runs.values())
        for each in runs:
            each.stop()

    def _register(self, log_port: int) -> None:
        path = f"/api/v1/nodes/{settings.NODE_NAME}"
        try:
            self._api.get(path)
        except ApiError as error:
            if error.status != 404:
                raise
            self._api.post("/api/v1/nodes", _node())
        self._node = self._api.patch(f"{path}/status", {"status": _node_status(log_port)})

    def _list(self) -> str:
        """Take in the pods that there are and return the version from which to watch."""
        answer = self._api.get("/api/v1/pods")
        listed = {pod["metadata"]["uid"]: pod for pod in answer["items"]}
        with self._lock:
            gone = set(self._pods) - set(listed)
        for uid in gone:
            self._forget(uid)
        for pod in listed.values():
            self._take_in(pod)
        return str(answer["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> None:
        while not self._stopped.is_set():
            for event in self._api.watch("/api/v1/pods", version):
                if event["type"] == "ERROR":
                    # Most often 410: the version is too old, so list again.
                    raise ApiError(int(event["object"].get("code") or 0), str(event["object"].get("message")))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._forget(event["object"]["metadata"]["uid"])
                elif event["type"] != "BOOKMARK":
                    self._take_in(event["object"])
                if self._stopped.is_set():
                    return

    def _take_in(self, pod: Json) -> None:
        with self._lock:
            self._pods[pod["metadata"]["uid"]] = pod
        self._queue.add(pod["metadata"]["uid"])

    def _forget(self, uid: str) -> None:
        with self._lock:
            pod, run = self._pods.pop(uid, None), self._runs.pop(uid, None)
            self._said.pop(uid, None)
            self._ended.pop(uid, None)
        if run:
            run.stop()
        if pod:
            self._runtime.unmount(pod)

    def _work(self) -> None:
        while (uid := self._queue.take()) is not None:
            delay: float | None = None
            try:
                with self._lock:
                    pod = self._pods.get(uid)
                if pod:
                    delay = self._reconcile(uid, pod)
            except ApiError as error:
                # Gone or changed meanwhile: the watch tells. Anything else is worth another try.
                if error.status not in (404, 409):
                    print(f"pod {uid}: {error}", file=sys.stderr, flush=True)
                delay = None if error.status == 404 else RETRY
            except (KeyError, TypeError, ValueError, OSError):
                # One odd pod must not take a worker away from the others.
                traceback.print_exc()
            finally:
                self._queue.done(uid)
            if delay is not None:
                self._queue.add(uid, delay)

    def _reconcile(self, uid: str, pod: Json) -> float | None:
        """Do what a pod needs now and return after how many seconds to look again."""
        metadata, spec, now = pod["metadata"], pod["spec"], time.time()
        if spec.get("nodeName") not in (None, "", settings.NODE_NAME):
            return None
        if metadata.get("deletionTimestamp") and spec.get("nodeName"):
            return self._terminate(uid, pod)
        if not spec.get("nodeName"):
            reason = scheduling.obstacle(pod, self._node)
            if reason:
                self._report_unschedulable(uid, pod, scheduling.message(reason), now)
                return None
            self._bind(pod)
            pod["spec"]["nodeName"] = settings.NODE_NAME
        if uid not in self._runs:
            if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                return None
            self._runtime.mount(pod)
            self._start(uid, pod, now)
        run = self._runs[uid]
        wake = run.advance(pod, now)
        self._report(uid, pod, run, now)
        return None if wake is None else max(0.0, wake - time.time())

    def _start(self, uid: str, pod: Json, now: float) -> None:
        number = next(self._addresses)
        address = f"10.0.{number // 250 % 256}.{number % 250 + 1}"

        def start_aws(container: Json, arguments: tuple[str, ...]) -> lifecycle.AwsRun:
            return self._runtime.start_aws(pod, container, arguments, lambda: self._queue.add(uid))

        run = lifecycle.PodRun.of(pod, now=now, address=address, start_aws=start_aws)
        with self._lock:
            self._runs[uid] = run

    def _bind(self, pod: Json) -> None:
        metadata = pod["metadata"]
        binding = {
            "apiVersion": "v1",
            "kind": "Binding",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "target": {"apiVersion": "v1", "kind": "Node", "name": settings.NODE_NAME},
        }
        self._api.post(f"{_path(pod)}/binding", binding)

    def _terminate(self, uid: str, pod: Json) -> float | None:
        metadata = pod["metadata"]
        now = time.time()
        since = self._ended.setdefault(uid, now)
        grace = float(metadata.get("deletionGracePeriodSeconds") or 0)
        wanted = behaviour.seconds((metadata.get("annotations") or {}).get(TERMINATES_FOR)) or 0.0
        remaining = since + min(wanted, grace) - now
        if remaining > 0:
            return remaining
        if run := self._runs.get(uid):
            run.stop()
        # With a finalizer the pod stays after this, and its last change brings the watch back here.
        if grace or not metadata.get("finalizers"):
            self._api.delete(_path(pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
        return None

    def _report(self, uid: str, pod: Json, run: lifecycle.PodRun, now: float) -> None:
        status = run.status(pod, now)
        have = pod.get("status") or {}
        if not _same(have, status):
            body = {"metadata": {"uid": uid}, "status": status}
            self._api.patch(f"{_path(pod)}/status", body)
        for container in [*run.init, *run.main]:
            waiting = container.state.get("waiting") or {}
            if waiting.get("reason") == "ErrImagePull":
                self._say(uid, pod, "Failed", waiting["message"], "kubelet")
                self._say(uid, pod, "Failed", "Error: ErrImagePull", "kubelet")
            elif waiting.get("reason") in ("ImagePullBackOff", "CrashLoopBackOff"):
                message = waiting["message"] if "Image" in waiting["reason"] else "Back-off restarting failed container"
                self._say(uid, pod, "BackOff", message, "kubelet")

    def _report_unschedulable(self, uid: str, pod: Json, message: str, now: float) -> None:
        conditions = (pod.get("status") or {}).get("conditions") or []
        if not any(each["type"] == "PodScheduled" and each.get("message") == message for each in conditions):
            status = lifecycle.unschedulable(pod, message, now)
            self._api.patch(f"{_path(pod)}/status", {"metadata": {"uid": uid}, "status": status})
        self._say(uid, pod, "FailedScheduling", message, "default-scheduler")

    def _say(self, uid: str, pod: Json, reason: str, message: str, component: str) -> None:
        """Post a warning about a pod, once for each message."""
        with self._lock:
            said = self._said.setdefault(uid, set())
            if message in said:
                return
            said.add(message)
        metadata, now = pod["metadata"], time.time()
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{metadata['name']}.{time.time_ns():x}", "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": "v1",
                "kind": "Pod",
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": uid,
            },
            "type": "Warning",
            "reason": reason,
            "message": message,
            "source": {"component": component, "host": settings.NODE_NAME},
            "firstTimestamp": lifecycle.timestamp(now),
            "lastTimestamp": lifecycle.timestamp(now),
            "count": 1,
        }
        self._api.post(f"/api/v1/namespaces/{metadata['namespace']}/events", event)


def _path(pod: Json) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _same(have: Json, want: Json) -> bool:
    """Compare two statuses by what tells; the API server adds fields to container states and conditions."""

    def conditions(status: Json) -> dict[str, t.Any]:
        return {each["type"]: (each["status"], each.get("reason")) for each in status.get("conditions") or []}

    def containers(status: Json) -> list[t.Any]:
        found = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
        return [(each["name"], each["ready"], each["restartCount"], _state(each["state"])) for each in found]

    tells = [(each.get("phase"), each.get("podIP"), conditions(each), containers(each)) for each in (have, want)]
    return tells[0] == tells[1]


def _state(state: Json) -> tuple[str, str | None]:
    [(name, detail)] = state.items()
    return name, detail.get("reason")


def _node() -> Json:
    architecture = _ARCHITECTURES.get(platform.machine(), platform.machine())
    labels = {
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": settings.NODE_NAME,
        "beta.kubernetes.io/os": "linux",
        "beta.kubernetes.io/arch": architecture,
        "topology.kubernetes.io/region": settings.REGION,
        "topology.kubernetes.io/zone": f"{settings.REGION}a",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": settings.NODE_NAME, "labels": labels},
        "spec": {"providerID": f"aws:///{settings.REGION}a/{settings.NODE_INSTANCE_ID}"},
    }


def _node_status(log_port: int) -> Json:
    now = lifecycle.timestamp()
    room = {"cpu": "8", "memory": "32Gi", "pods": "5000", "ephemeral-storage": "100Gi"}
    return {
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": settings.NODE_NAME},
        ],
        "capacity": room,
        "allocatable": room,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "KubeletReady",
                "message": "the stub node is ready",
                "lastHeartbeatTime": now,
                "lastTransitionTime": now,
            }
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": log_port}},
        "nodeInfo": {
            "architecture": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "bootID": "",
            "containerRuntimeVersion": "sandbox://0",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": "v0.0.0-sandbox",
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "sandbox",
            "systemUUID": "",
        },
    }
