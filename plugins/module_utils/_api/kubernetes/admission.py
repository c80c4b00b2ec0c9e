# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes API calls for webhooks and test pods, and for the keys of ConfigMaps and Secrets."""

from __future__ import annotations

import re
import typing as t

from ..._core import errors
from . import workloads
from .answers import Json
from .client import ApiServer

if t.TYPE_CHECKING:
    import collections.abc

_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
# Not 500: the dry run is to report it, because the API server answers 500 if a webhook fails.
_RETRIED = frozenset({429, 502, 503, 504})
_ENDED = ("Succeeded", "Failed")


def dry_run_pod(server: ApiServer, *, body: Json) -> Json:
    """The pod after admission, from a server-side dry run; nothing is stored.

    https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run

    :param body: a pod with generateName.
    """
    namespace = body["metadata"]["namespace"]
    return server.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/pods",
        query={"dryRun": "All"},
        body=body,
        retried=_RETRIED,
        what=f"dry-run the creation of a pod in the namespace {namespace}",
    )


def list_webhooks(server: ApiServer) -> list[Json]:
    """All MutatingWebhookConfigurations."""
    return server.pages(_WEBHOOKS)[0]


def find_certificate_authority(server: ApiServer, *, namespace: str, secret: str) -> str | None:
    """``ca.crt`` of a secret of type kubernetes.io/tls, in base64; None if it does not exist."""
    try:
        body = server.request(
            "GET", f"/api/v1/namespaces/{namespace}/secrets/{secret}", what=f"read the secret {namespace}/{secret}"
        )
    except errors.NotFound:
        return None
    return t.cast("str | None", (body.get("data") or {}).get("ca.crt"))


def data_keys(server: ApiServer, *, namespace: str, kind: str, name: str) -> list[str] | None:
    """The keys of a ConfigMap or Secret; None if it does not exist or its keys are unknown.

    It reads only the object's metadata, whose managedFields name the keys, so that no value leaves the server.
    https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches

    :param kind: ``ConfigMap`` or ``Secret``.
    """
    try:
        body = server.request(
            "GET",
            f"/api/v1/namespaces/{namespace}/{kind.lower()}s/{name}",
            accept="application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            what=f"read the metadata of {kind} {namespace}/{name}",
        )
    except errors.NotFound:
        return None
    entries = body["metadata"].get("managedFields") or []
    fields = [entry.get("fieldsV1") or {} for entry in entries]
    keys = {key for owned in fields for part in ("f:data", "f:binaryData") for key in owned.get(part) or {}}
    return sorted(key.removeprefix("f:") for key in keys if key.startswith("f:")) or None


def minor_version(server: ApiServer) -> int | None:
    """The API server's minor version: 33 for 1.33; None if it is unknown."""
    version = server.request("GET", "/version", what="read the API server's version")
    number = re.match(r"\d+", str(version.get("minor")))
    return int(number[0]) if number else None


def create_pod(server: ApiServer, *, body: Json) -> Json:
    """Create a pod.

    :param body: a pod with a name.
    :raises AlreadyExists: the pod exists. An earlier attempt of this request whose answer was lost may have created it.
    """
    namespace, name = body["metadata"]["namespace"], body["metadata"]["name"]
    return server.request(
        "POST",
        f"/api/v1/namespaces/{namespace}/pods",
        query={"fieldManager": workloads.FIELD_MANAGER},
        body=body,
        what=f"create the pod {namespace}/{name}",
    )


def follow_pod(
    server: ApiServer, *, namespace: str, name: str, seconds: float
) -> collections.abc.Iterator[Json | None]:
    """The states of a pod, in order, until it has ended or ``seconds`` are over; None if it does not exist."""
    events = workloads.follow(
        server,
        namespace=namespace,
        api_version="v1",
        kind="Pod",
        query={"fieldSelector": f"metadata.name={name}"},
        seconds=seconds,
    )
    for event, item in events:
        if event == "ERROR":
            continue  # the pod is listed again
        pod = (item[0] if item else None) if event == "LIST" else None if event == "DELETED" else item
        yield pod
        if pod is None or (pod.get("status") or {}).get("phase") in _ENDED:
            return


def pod_log(server: ApiServer, *, namespace: str, name: str) -> str:
    """The log of the pod's container."""
    return server.text(f"/api/v1/namespaces/{namespace}/pods/{name}/log")
