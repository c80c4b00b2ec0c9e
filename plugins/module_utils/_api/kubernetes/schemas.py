# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fields of Kubernetes objects that the collection reads, and their types."""

from __future__ import annotations

import typing as t

from ..._core.validation import Schema
from ..._core.validation import find_flaw as find_value_flaw

# https://kubernetes.io/docs/reference/kubernetes-api/
_STRINGS = {"*": str}
_NAMED = [{"name!": str}]
_SELECTOR = {"matchLabels": _STRINGS, "matchExpressions": [{"key!": str, "operator!": str, "values": [str]}]}
_METADATA = {
    "name!": str,
    "namespace": str,
    "uid": str,
    "resourceVersion": str,
    "generation": int,
    "deletionTimestamp": str,
    "labels": _STRINGS,
    "annotations": _STRINGS,
    "finalizers": [str],
    "ownerReferences": [{"apiVersion!": str, "kind!": str, "name!": str}],
    "managedFields": [
        {
            "manager": str,
            "operation!": str,
            "fieldsV1": {"f:metadata": {"f:annotations": {}, "f:labels": {}}, "f:data": {}, "f:binaryData": {}},
        }
    ],
}
_CONTAINERS = [
    {
        "name!": str,
        "env": [{"name!": str, "value": str}],
        "envFrom": [{"configMapRef": {"name!": str}, "secretRef": {"name!": str}, "prefix": str}],
        "volumeMounts": [{"name!": str, "mountPath!": str}],
        "securityContext": {},
    }
]
_POD_SPEC = {
    "serviceAccountName": str,
    "nodeName": str,
    "restartPolicy": str,
    "containers!": _CONTAINERS,
    "initContainers": _CONTAINERS,
    "volumes": [
        {
            "name!": str,
            "projected": {"sources": [{"serviceAccountToken": {"audience": str, "expirationSeconds": int}}]},
        }
    ],
    "readinessGates": [{"conditionType!": str}],
    "securityContext": {},
    "os": {},
    "nodeSelector": _STRINGS,
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [_SELECTOR]},
        }
    },
}
_CONTAINER_FIELDS, _POD_SPEC_FIELDS = ([name.rstrip("!") for name in schema] for schema in (_CONTAINERS[0], _POD_SPEC))
_CONTAINER_STATUSES = [
    {
        "name!": str,
        "state": {"waiting": {"reason": str, "message": str}, "running": {}, "terminated": {}},
        "lastState": {"terminated": {}},
    }
]
_STATUS = {
    "phase": str,
    "reason": str,
    "message": str,
    "conditions": [{"type!": str, "status": str, "reason": str, "message": str}],
    "containerStatuses": _CONTAINER_STATUSES,
    "initContainerStatuses": _CONTAINER_STATUSES,
    "observedGeneration": int,
    "replicas": int,
    "readyReplicas": int,
    "updatedReplicas": int,
    "availableReplicas": int,
    "desiredNumberScheduled": int,
    "updatedNumberScheduled": int,
    "numberAvailable": int,
    "updateRevision": str,
    "currentRevision": str,
}
_OBJECT = {"metadata!": _METADATA, "spec": {}, "status": _STATUS}
_NAMESPACED = {**_METADATA, "namespace!": str, "uid!": str, "resourceVersion!": str}
_WORKLOAD = {
    "metadata!": _NAMESPACED,
    "spec!": {
        "replicas": int,
        "minReadySeconds": int,
        "ordinals": {"start": int},
        "podManagementPolicy": str,
        "updateStrategy": {"type": str, "rollingUpdate": {"partition": int}},
        "template": {"metadata": {"labels": _STRINGS, "annotations": _STRINGS}, "spec!": _POD_SPEC},
    },
    "status": _STATUS,
}
_RBAC = {"metadata!": {**_METADATA, "uid!": str}, "rules": [{}], "subjects": [{}], "roleRef": _STRINGS}
_SCHEMAS: t.Final[t.Mapping[str, Schema]] = {
    "pods": {"metadata!": _NAMESPACED, "spec!": _POD_SPEC, "status": _STATUS},
    "serviceaccounts": {"metadata!": _NAMESPACED},
    "events": {
        "metadata!": _METADATA,
        "reason": str,
        "message": str,
        "lastTimestamp": str,
        "eventTime": str,
        "series": {"lastObservedTime": str},
    },
    "secrets": {"metadata!": _METADATA, "data": _STRINGS},
    "roles": _RBAC,
    "rolebindings": _RBAC,
    "clusterroles": _RBAC,
    "clusterrolebindings": _RBAC,
    "mutatingwebhookconfigurations": {
        "metadata!": _METADATA,
        "webhooks": [
            {
                "name": str,
                "clientConfig": {"url": str, "caBundle": str, "service": {"namespace!": str, "name": str}},
                "rules": [{"operations": [str], "apiGroups": [str], "apiVersions": [str], "resources": [str]}],
                "namespaceSelector": _SELECTOR,
                "objectSelector": _SELECTOR,
            }
        ],
    },
    **dict.fromkeys(("deployments", "replicasets", "statefulsets", "daemonsets", "replicationcontrollers"), _WORKLOAD),
}
_DISCOVERY = {"resources": [{"name!": str, "kind!": str}]}
_TOKEN = {"status!": {"token!": str}}


def split_resource(path: str) -> list[str]:
    """The resource, name and subresource in a path, without its namespace; empty if it is not of a resource.

    :param path: without query.
    """
    parts = path.strip("/").split("/")
    prefix = {"api": 2, "apis": 3}.get(parts[0])
    rest = parts[prefix:] if prefix else []
    return rest[2:] if len(rest) > 2 and rest[0] == "namespaces" else rest


def find_flaw(method: str, path: str, body: t.Mapping[str, t.Any]) -> str:
    """The first field that the collection reads and that is missing or has another type; empty if all are correct.

    :param body: what the API server answered to this request.
    """
    parts = split_resource(path)
    if method == "DELETE" or parts[2:] == ["eviction"]:
        return ""  # it is a Status or the object, which nobody reads
    schema = _SCHEMAS.get(parts[0], _OBJECT) if parts else _DISCOVERY
    if parts[2:] == ["token"]:
        schema = _TOKEN
    elif method != "GET":
        schema = {**schema, "metadata!": _METADATA}  # what a dry run creates has no resourceVersion
    elif method == "GET" and len(parts) == 1:
        schema = {"metadata!": {"continue": str, "resourceVersion": str}, "items": [schema]}
    return find_value_flaw(body, schema).removeprefix(".")


def find_event_flaw(path: str, event: t.Mapping[str, t.Any]) -> str:
    """Like `find_flaw`, for an event of a watch."""
    schema = _SCHEMAS.get(split_resource(path)[0], _OBJECT)
    if event.get("type") == "ERROR":
        schema = {}
    elif event.get("type") == "BOOKMARK":
        schema = {"metadata!": {"resourceVersion!": str}}
    return find_value_flaw(event, {"type!": str, "object!": schema}).removeprefix(".")


def trim_pod_spec(spec: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A pod's spec without fields that are not read, which can be most of it."""
    trimmed = {name: spec[name] for name in _POD_SPEC_FIELDS if name in spec}
    for kind in ("containers", "initContainers"):
        if trimmed.get(kind):
            trimmed[kind] = [
                {name: container[name] for name in _CONTAINER_FIELDS if name in container}
                for container in trimmed[kind]
            ]
    return trimmed
