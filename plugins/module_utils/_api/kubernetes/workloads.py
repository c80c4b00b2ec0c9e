# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Calls for pods and the workloads that own them."""

from __future__ import annotations

import time
import typing as t

from ..._core import errors
from ..._core.pods.workload_kinds import kind_of
from .client import MERGE, ApiServer, Json

if t.TYPE_CHECKING:
    import collections.abc

Keep: t.TypeAlias = "t.Callable[[Json], Json | None] | None"

FIELD_MANAGER = "eksops.irsa"
# A refused eviction is not retried blindly: the disruption budget decides when there is room.
_NOT_429 = frozenset({500, 502, 503, 504})
_WATCH_SECONDS = 240.0


def _path(namespace: str | None, api_version: str, kind: str, name: str | None = None) -> str:
    root = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
    plural = kind_of(api_version, kind).plural
    path = f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
    return f"{path}/{name}" if name else path


def pod_query(service_account: str | None, label_selectors: t.Sequence[str]) -> dict[str, str]:
    """The selectors of a list or watch of pods."""
    query = {}
    if service_account:
        query["fieldSelector"] = f"spec.serviceAccountName={service_account}"
    if label_selectors:
        query["labelSelector"] = ",".join(label_selectors)
    return query


def list_pods(
    server: ApiServer, *, namespace: str | None = None, query: t.Mapping[str, str] | None = None, keep: Keep = None
) -> list[Json]:
    """The pods of a namespace, or of all namespaces, that the selectors choose.

    :param keep: as for `ApiServer.pages`.
    """
    return server.pages(_path(namespace, "v1", "Pod"), query=query, keep=keep)[0]


def list_workloads(
    server: ApiServer, *, api_version: str, kind: str, namespace: str | None = None, keep: Keep = None
) -> list[Json]:
    """The workloads of a known kind, of a namespace or of all.

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
    """Restarts the workload, as its kind is restarted.

    :param at: the time, RFC 3339; one that the template doesn't have yet.
    :returns: the workload; None if it is gone.
    """
    try:
        return server.request(
            "PATCH",
            _path(namespace, api_version, kind, name),
            query={"fieldManager": FIELD_MANAGER},
            body=kind_of(api_version, kind).restart_patch(at),
            content_type=MERGE,
            what=f"restart {kind} {namespace}/{name}",
        )
    except errors.NotFound:
        return None


def evict_pod(server: ApiServer, *, namespace: str, name: str, uid: str) -> None:
    """Evicts the pod with that uid; one that is gone or was replaced is left alone.

    :raises Throttled: a disruption budget is in the way; ``details["causes"]`` names it.
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
            # Servers before 1.22 know the older version alone.
            if version == "policy/v1":
                continue
            raise
        return


def delete_pod(server: ApiServer, *, namespace: str, name: str, uid: str) -> None:
    """Deletes the pod with that uid; one that is gone or was replaced is left alone."""
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
    """The events about one object; none where the caller may not read them."""
    selector = f"involvedObject.kind={kind},involvedObject.name={name}"
    try:
        return server.pages(f"/api/v1/namespaces/{namespace}/events", query={"fieldSelector": selector})[0]
    except errors.AccessDenied:
        return []


def follow(
    server: ApiServer, *, namespace: str, api_version: str, kind: str, query: t.Mapping[str, str], seconds: float
) -> collections.abc.Iterator[tuple[str, t.Any]]:
    """The objects, and then their changes, for so many seconds.

    :returns: pairs: LIST with all objects, at first and whenever events may have been missed, else the type of a
        watch's event (ADDED, MODIFIED, DELETED) with one object.
    """
    path = _path(namespace, api_version, kind)
    until = time.monotonic() + seconds
    version: str | None = None
    while (left := until - time.monotonic()) > 0:
        if version is None:
            found, version = server.pages(path, query=query)
            yield "LIST", found
        began = time.monotonic()
        try:
            for event, thing in server.watch(
                path, resource_version=version, seconds=min(left, _WATCH_SECONDS), query=query
            ):
                version = str(thing["metadata"]["resourceVersion"])
                if event != "BOOKMARK":
                    yield event, thing
        except errors.NotFound:
            version = None
        if time.monotonic() - began < 1:
            # A server that ends watches at once, or has forgotten the version, isn't called in a tight loop.
            time.sleep(0.2)
