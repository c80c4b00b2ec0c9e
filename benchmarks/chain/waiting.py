"""Measures how long after its workload is ready pod_rollout ends, with pods that take a second to become ready.

Readiness is seen by a second client that asks every 10 ms; the end is the end of the module's process.
"""

from __future__ import annotations

import argparse
import json
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    rounds = parser.parse_args().rounds
    kubernetes.config.load_kube_config()
    late = [once() for _round in range(rounds)]
    print(
        f"\npod_rollout's process ended {statistics.median(late):.2f} s after the DaemonSet was ready "
        f"({min(late):.2f} - {max(late):.2f}, {rounds} rounds)"
    )


def once() -> float:
    start_daemonset(NAME, {"sandbox.eksops.io/ready-after": "1"})
    annotations = {"metadata": {"annotations": {"eks.amazonaws.com/role-arn": ROLE}}}
    kubernetes.client.CoreV1Api().patch_namespaced_service_account(NAME, NAMESPACE, annotations)
    apps = kubernetes.client.AppsV1Api()
    before = apps.read_namespaced_daemon_set(NAME, NAMESPACE).metadata.generation
    with tempfile.TemporaryDirectory() as directory:
        arguments = pathlib.Path(directory, "arguments.json")
        options = {"cluster_name": CLUSTER["name"], "namespace": NAMESPACE, "service_account": NAME}
        arguments.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": options}))
        with subprocess.Popen(
            [sys.executable, "-m", MODULE, str(arguments)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            ready = 0.0
            while process.poll() is None:
                if not ready:
                    seen = apps.read_namespaced_daemon_set(NAME, NAMESPACE)
                    status = seen.status
                    if (
                        seen.metadata.generation > before
                        and status.observed_generation == seen.metadata.generation
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


if __name__ == "__main__":
    main()
