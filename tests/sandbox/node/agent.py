# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node agent: watches the pods of a cluster, binds and starts them, reports their status and deletes them.

Needed by: targets irsa_verify, pod_rollout, role_irsa; demo.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
import traceback
import typing as t

from sandbox import settings
from sandbox.api import ApiClient, ApiError
from sandbox.node import lifecycle, registration, runtime
from sandbox.node.queue import PodQueue
from sandbox.node.reporting import StatusReporter, pod_path

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

WORKERS = 8
RETRY = 0.2
LAST_RETRY = 2.0


class NodeAgent:
    """The agent of the node "sandbox-node"."""

    def __init__(self, api: ApiClient, node_runtime: runtime.Runtime) -> None:
        self._api = api
        self._runtime = node_runtime
        self._queue = PodQueue()
        self._lock = threading.Lock()
        self._pods: dict[str, Json] = {}
        self._runs: dict[str, lifecycle.PodRun] = {}
        self._reporter = StatusReporter(api)
        self._addresses = itertools.count(1)
        self._stopped = threading.Event()

    def find(self, namespace: str, name: str) -> lifecycle.PodRun | None:
        """Return the run of a pod; None if it does not run here."""
        with self._lock:
            for uid, pod in self._pods.items():
                if (pod["metadata"]["namespace"], pod["metadata"]["name"]) == (namespace, name):
                    return self._runs.get(uid)
        return None

    def run(self, log_port: int) -> None:
        """Run until ``stop`` is called. If the API server is not available, retry.

        :param log_port: the port of the pod logs.
        """
        workers = [threading.Thread(target=self._work, daemon=True) for _worker in range(WORKERS)]
        for worker in workers:
            worker.start()
        delay = RETRY / 4
        while not self._stopped.is_set():
            try:
                registration.register(self._api, log_port)
                version = self._list()
                delay = RETRY / 4
                self._watch(version)
            except ApiError as error:
                print(f"API server: {error}", file=sys.stderr, flush=True)
                self._stopped.wait(delay)
                delay = min(delay * 2, LAST_RETRY)

    def stop(self) -> None:
        """Stop the pods, and let ``run`` return when its watch ends."""
        self._stopped.set()
        self._queue.close()
        with self._lock:
            runs = list(self._runs.values())
        for run in runs:
            run.stop()

    def _list(self) -> str:
        """Add all pods and return the resource version from which to watch."""
        response = self._api.get("/api/v1/pods")
        listed = {pod["metadata"]["uid"]: pod for pod in response["items"]}
        with self._lock:
            deleted = set(self._pods) - set(listed)
        for uid in deleted:
            self._forget(uid)
        for pod in listed.values():
            self._add(pod)
        return str(response["metadata"]["resourceVersion"])

    def _watch(self, version: str) -> None:
        while not self._stopped.is_set():
            for event in self._api.watch("/api/v1/pods", version):
                if event["type"] == "ERROR":
                    # Usually 410: the version is too old. The pods are then listed again.
                    raise ApiError(int(event["object"].get("code") or 0), str(event["object"].get("message")))
                version = event["object"]["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._forget(event["object"]["metadata"]["uid"])
                elif event["type"] != "BOOKMARK":
                    self._add(event["object"])
                if self._stopped.is_set():
                    return

    def _add(self, pod: Json) -> None:
        with self._lock:
            self._pods[pod["metadata"]["uid"]] = pod
        self._queue.add(pod["metadata"]["uid"])

    def _forget(self, uid: str) -> None:
        with self._lock:
            pod, run = self._pods.pop(uid, None), self._runs.pop(uid, None)
        self._reporter.forget(uid)
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
                # 404 and 409: the pod was deleted or changed, which the watch reports.
                if error.status not in (404, 409):
                    print(f"pod {uid}: {error}", file=sys.stderr, flush=True)
                delay = None if error.status == 404 else RETRY
            except (KeyError, TypeError, ValueError, OSError):
                # A malformed pod must not stop the worker.
                traceback.print_exc()
            finally:
                self._queue.done(uid)
            if delay is not None:
                self._queue.add(uid, delay)

    def _reconcile(self, uid: str, pod: Json) -> float | None:
        """Bring a pod to its next state.

        :returns: the seconds until the next check; None if only a change of the pod needs one.
        """
        metadata, spec, now = pod["metadata"], pod["spec"], time.time()
        if spec.get("nodeName") not in (None, "", settings.NODE_NAME):
            return None
        if metadata.get("deletionTimestamp") and spec.get("nodeName"):
            self._terminate(uid, pod)
            return None
        if not spec.get("nodeName"):
            self._bind(pod)
            pod["spec"]["nodeName"] = settings.NODE_NAME
        if uid not in self._runs:
            if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
                return None
            self._runtime.mount(pod)
            self._start(uid, pod, now)
        run = self._runs[uid]
        check_at = run.advance(pod, now)
        self._reporter.report(uid, pod, run, now)
        return None if check_at is None else max(0.0, check_at - time.time())

    def _start(self, uid: str, pod: Json, now: float) -> None:
        number = next(self._addresses)
        address = f"10.0.{number // 250 % 256}.{number % 250 + 1}"

        def start_aws(container: Json, arguments: tuple[str, ...]) -> lifecycle.AwsRun:
            return self._runtime.start_aws(pod, container, arguments, lambda: self._queue.add(uid))

        run = lifecycle.PodRun.for_pod(pod, now=now, address=address, start_aws=start_aws)
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
        self._api.post(f"{pod_path(pod)}/binding", binding)

    def _terminate(self, uid: str, pod: Json) -> None:
        metadata = pod["metadata"]
        if run := self._runs.get(uid):
            run.stop()
        # A pod with a finalizer still exists after this, and the watch reports its change. Do not delete it again.
        if metadata.get("deletionGracePeriodSeconds") or not metadata.get("finalizers"):
            self._api.delete(pod_path(pod), {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}})
