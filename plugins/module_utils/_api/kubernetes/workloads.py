# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes API calls for pods and the workloads that own them."""

from __future__ import annotations

import time
import typing as t

from ..._core import errors
from ..._core.pods.workload_kinds import find_kind
from .client import MERGE, ApiServer, Json

if t.TYPE_CHECKING:
    import collections.abc

Keep: t.TypeAlias = "t.Callable[[Json], Json | None] | None"

FIELD_MANAGER = "eksops.irsa"
# 429 is not retried: a disruption budget rejects the eviction, and the caller waits until it allows one.
_NOT_429 = frozenset({500, 502, 503, 504})
_WATCH_SECONDS = 240.0


def _path(namespace: str | None, api_version: str, kind: str, name: str | None = None) -> str:
    root = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
    plural = find_kind(api_version, kind).plural
    path = f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
    return f"{path}/{name}" if name else path


def pod_query(service_account: str | None, label_selectors: t.Sequence[str]) -> dict[str, str]:
    """The query parameters that select pods in a list or watch."""
    query = {}
    if service_account:
        query["fieldSelector"] = f"spec.serviceAccountName={service_account}"
    if label_selectors:
        query["labelSelector"] = ",".join(label_selectors)
    return query


def list_pods(
    server: ApiServer, *, namespace: str | None = None, query: t.Mapping[str, str] | None = None, keep: Keep = None
) -> list[Json]:
    """The selected pods of a namespace, or of all namespaces.

    :param keep: as for `ApiServer.pages`.
    """
    return server.pages(_path(namespace, "v1", "Pod"), query=query, keep=keep)[0]


def list_workloads(
    server: ApiServer, *, api_version: str, kind: str, namespace: str | None = None, keep: Keep = None
) -> list[Json]:
    """The workloads of a known kind in a namespace, or in all namespaces.

    :param keep: as for `ApiServer.pages`.
    """
    return server.pages(_path(namespace, api_version, kind), keep=keep)[0]


def find_workload(server: ApiServer, *, namespace: str, api_version: str, kind: str, name: str) -> Json | None:
    """A workload of a known kind; None if it does not exist."""
    try:
        return server.request("GET", _path(namespace, api_version, kind, name), what=f"read {kind} {namespace}/{name}")
    except errors.NotFound:
        return None


def restart(server: ApiServer, *, namespace: str, api_version: str, kind: str, name: str, at: str) -> Json | None:
    """Restart the workload in the way of its kind.

    :param at: the time of the restart in RFC 3339; it must differ from the time in the template.
    :returns: the workload; None if it does not exist.
    """
    try:
        return server.request(
            "PATCH",
            _path(namespace, api_version, kind, name),
            query={"fieldManager": FIELD_MANAGER},
            body=find_kind(api_version, kind).build_restart_patch(at),
            content_type=MERGE,
            what=f"restart {kind} {namespace}/{name}",
        )
    except errors.NotFound:
        return None


def evict_pod(server: ApiServer, *, namespace: str, name: str, uid: str) -> None:
    """Evict the pod with this uid; a pod that no longer exists or was replaced is not an error.

    :raises Throttled: a disruption budget does not allow it; ``details["causes"]`` names the budget.
    """
    for version in ("policy/v1", "policy/v1beta1"):
        body = {
            "apiVersion": version,
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        try:
            server.request(
                "POST",
                f"{_path(namespace, 'v1', 'Pod', name)}/eviction",
                body=body,
                retried=_NOT_429,
                what=f"evict pod {namespace}/{name}",
            )
        except (errors.NotFound, errors.OutOfDate):
            pass
        except errors.InvalidInput:
            # API servers before 1.22 have only the older version.
            if version == "policy/v1":
                continue
            raise
        return


def delete_pod(server: ApiServer, *, namespace: str, name: str, uid: str) -> None:
    """Delete the pod with this uid; a pod that no longer exists or was replaced is not an error."""
    try:
        server.request(
            "DELETE",
            _path(namespace, "v1", "Pod", name),
            body={"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}},
            what=f"delete pod {namespace}/{name}",
        )
    except (errors.NotFound, errors.OutOfDate):
        pass


def list_events(server: ApiServer, *, namespace: str, kind: str, name: str) -> list[Json]:
    """The events of an object; empty if the caller may not read them."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    try:
        return server.pages(f"/api/v1/namespaces/{namespace}/events", query={"fieldSelector": selector})[0]
    except errors.AccessDenied:
        return []


def follow(
    server: ApiServer, *, namespace: str, api_version: str, kind: str, query: t.Mapping[str, str], seconds: float
) -> collections.abc.Iterator[tuple[str, t.Any]]:
    """List objects, and watch their changes for ``seconds``.

    :returns: pairs: LIST and all objects, first and whenever events may have been missed; or the type of a watch event
        (ADDED, MODIFIED, DELETED) and its object.
    """
    path = _path(namespace, api_version, kind)
    until = time.monotonic() + seconds
    version: str | None = None
    while (left := until - time.monotonic()) > 0:
        if version is None:
            items, version = server.pages(path, query=query)
            yield "LIST", items
        started = time.monotonic()
        try:
            for event, body in server.watch(
                path, resource_version=version, seconds=min(left, _WATCH_SECONDS), query=query
            ):
                version = str(body["metadata"]["resourceVersion"])
                if event != "BOOKMARK":
                    yield event, body
        except errors.NotFound:
            version = None
        if time.monotonic() - started < 1:
            # Prevents a tight loop if the API server ends watches immediately or the version is too old.
            time.sleep(0.2)
