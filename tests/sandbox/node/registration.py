# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Node object of the stub node.

Needed by: targets irsa_verify, pod_rollout, role_irsa.
"""

from __future__ import annotations

import platform
import typing as t

from sandbox import settings
from sandbox.api import ApiClient, ApiError
from sandbox.node import lifecycle

if t.TYPE_CHECKING:
    Json = dict[str, t.Any]

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def register(api: ApiClient, log_port: int) -> None:
    """Create the node if it does not exist, and report it as ready."""
    path = f"/api/v1/nodes/{settings.NODE_NAME}"
    try:
        api.get(path)
    except ApiError as error:
        if error.status != 404:
            raise
        api.post("/api/v1/nodes", _node())
    api.patch(f"{path}/status", {"status": _node_status(log_port)})


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
    capacity = {"cpu": "8", "memory": "32Gi", "pods": "5000", "ephemeral-storage": "100Gi"}
    return {
        "addresses": [
            {"type": "InternalIP", "address": "127.0.0.1"},
            {"type": "Hostname", "address": settings.NODE_NAME},
        ],
        "capacity": capacity,
        "allocatable": capacity,
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
