# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods and workloads as an API server returns them, with only the fields that tests need."""

from __future__ import annotations

import typing as t

Json = dict[str, t.Any]

ROLE = "arn:aws:iam::123456789012:role/app"
RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"

_MOUNT = "/var/run/secrets/eks.amazonaws.com/serviceaccount"


def container(role: str | None = None, name: str = "app") -> Json:
    """Make a container, injected unless ``role`` is None."""
    if role is None:
        return {"name": name}
    env = [{"name": "AWS_ROLE_ARN", "value": role}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": f"{_MOUNT}/token"}]
    return {"name": name, "env": env, "volumeMounts": [{"name": "aws-iam-token", "mountPath": _MOUNT}]}


def owner_reference(kind: str, name: str, api_version: str = "apps/v1") -> Json:
    return {"apiVersion": api_version, "kind": kind, "name": name, "uid": f"uid-of-{name}", "controller": True}


def pod(
    name: str,
    owner: Json | None = None,
    *,
    role: str | None = None,
    ready: bool = True,
    uid: str | None = None,
    account: str = "app",
    phase: str = "Running",
    labels: Json | None = None,
    restarted_at: str | None = None,
    deleting: bool = False,
    **status: t.Any,
) -> Json:
    metadata: Json = {"name": name, "namespace": "shop", "uid": uid or f"uid-{name}", "resourceVersion": "1"}
    metadata["labels"] = labels or {}
    if owner:
        metadata["ownerReferences"] = [owner]
    if restarted_at:
        metadata["annotations"] = {RESTARTED_AT: restarted_at}
    if deleting:
        metadata["deletionTimestamp"] = "2026-11-22T10:00:00Z"
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": metadata,
        "spec": {"serviceAccountName": account, "containers": [container(role)]},
        "status": {"phase": phase, "conditions": conditions, **status},
    }


def workload(
    name: str,
    *,
    replicas: int | None = 2,
    generation: int = 1,
    status: Json | None = None,
    annotations: Json | None = None,
    owner: Json | None = None,
    restarted_at: str | None = None,
    account: str = "app",
    **spec: t.Any,
) -> Json:
    metadata: Json = {"name": name, "namespace": "shop", "uid": f"uid-of-{name}", "resourceVersion": "1"}
    metadata |= {"generation": generation, "annotations": annotations or {}}
    if owner:
        metadata["ownerReferences"] = [owner]
    template: Json = {"metadata": {}, "spec": {"serviceAccountName": account, "containers": [container()]}}
    if restarted_at:
        template["metadata"]["annotations"] = {RESTARTED_AT: restarted_at}
    workload_spec: Json = {"template": template, **spec}
    if replicas is not None:
        workload_spec["replicas"] = replicas
    return {"metadata": metadata, "spec": workload_spec, "status": {"observedGeneration": generation, **(status or {})}}


def deployment_pod(deployment: str, revision: str, suffix: str, **options: t.Any) -> Json:
    """Make a pod of a Deployment; ``revision`` selects its ReplicaSet."""
    labels = {"pod-template-hash": revision}
    name = f"{deployment}-{revision}"
    return pod(f"{name}-{suffix}", owner_reference("ReplicaSet", name), labels=labels, **options)
