"""Measure the delay between the moment that a workload is ready and the end of pod_rollout.

The pods take a second to become ready. A second client checks readiness every 10 ms. The end of pod_rollout is the end
of its process.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import kubernetes
from daemonset import CLUSTER, NAMESPACE, start_daemonset

NAME = "bench-waiting"
MODULE = "ansible_collections.eksops.irsa.plugins.modules.pod_rollout"
ROLE = f"arn:aws:iam::{CLUSTER['account_id']}:role/{NAME}"


def measure_delays(rounds: int) -> str:
    delays = [measure_delay() for _round in range(rounds)]
    return (
        f"pod_rollout ended {statistics.median(delays):.2f} s after the DaemonSet was ready "
        f"({min(delays):.2f} - {max(delays):.2f}, {rounds} rounds)."
    )


def measure_delay() -> float:
    """Bind the DaemonSet's account, and restart the DaemonSet with pod_rollout.

    :returns: the delay in seconds.
    """
    start_daemonset(NAME, {"sandbox.eksops.io/ready-after": "1"})
    annotations = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}}
    kubernetes.client.CoreV1Api().patch_namespaced_service_account(NAME, NAMESPACE, annotations)
    apps = kubernetes.client.AppsV1Api()
    generation = apps.read_namespaced_daemon_set(NAME, NAMESPACE).metadata.generation
    with tempfile.TemporaryDirectory() as directory:
        arguments = pathlib.Path(directory, "arguments.json")
        options = {"cluster_name": CLUSTER["name"], "namespace": NAMESPACE, "service_account": NAME}
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        with subprocess.Popen(
            [sys.executable, "-m", MODULE, str(arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.environ["ANSIBLE_COLLECTIONS_PATH"]},
        ) as process:
            ready = 0.0
            while process.poll() is None:
                if not ready:
                    daemonset = apps.read_namespaced_daemon_set(NAME, NAMESPACE)
                    status = daemonset.status
                    if (
                        daemonset.metadata.generation > generation
                        and status.observed_generation == daemonset.metadata.generation
                        and status.updated_number_scheduled == status.number_available == 1
                    ):
                        ready = time.perf_counter()
                time.sleep(0.01)
            end = time.perf_counter()
            output = process.communicate()[0]
        result = json.loads(output)
        if process.returncode or not result.get("verified") or not ready:
            sys.exit(f"pod_rollout: exit {process.returncode}, {result.get('msg')}")
        return end - ready
