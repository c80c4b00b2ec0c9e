# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kubernetes API calls for pods and the workloads that own them."""

from __future__ import annotations

import time
import typing as t

from ..._core import errors
from ..._core.pods.workload_kinds import find_kind
from .. import limits
from .answers import Json
from .client import MERGE, ApiServer

if t.TYPE_CHECKING:
    import collections.abc

Keep: t.TypeAlias = "t.Callable[[Json], Json | None] | None"

FIELD_MANAGER = "eksops.irsa"
# 429 is not retried: a disruption budget rejects the eviction, and the caller waits until it allows one. 500 is not
# retried: several budgets select the pod, and the caller tries again later.
_EVICTION_RETRIED = frozenset({502, 503, 504})


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


def find_pod(server: ApiServer, *, namespace: str, name: str) -> Json | None:
    """The pod; None if it does not exist. It needs the permission to list pods, as the rollouts do."""
    return next(iter(list_pods(server, namespace=namespace, query={"fieldSelector": f"metadata.name={name}"})), None)


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
    :raises OutOfDate: the pod or its budget changes all the time.
    """

    def evict(version: str) -> None:
        body = {
            "apiVersion": version,
            "kind": "Eviction",
            "metadata": {"namespace": namespace, "name": name},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        path, what = f"{_path(namespace, 'v1', 'Pod', name)}/eviction", f"evict pod {namespace}/{name}"
        server.request("POST", path, body=body, retried=_EVICTION_RETRIED, what=what)

    try:
        _remove_pod(server, namespace, name, uid, lambda: evict("policy/v1"))
    except errors.AdmissionRefused:
        raise  # the version is not the reason
    except errors.InvalidInput:
        # API servers before 1.22 have only the older version.
        _remove_pod(server, namespace, name, uid, lambda: evict("policy/v1beta1"))


def delete_pod(server: ApiServer, *, namespace: str, name: str, uid: str) -> None:
    """Delete the pod with this uid; a pod that no longer exists or was replaced is not an error.

    :raises OutOfDate: the pod changes all the time.
    """

    def delete() -> None:
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        server.request("DELETE", _path(namespace, "v1", "Pod", name), body=body, what=f"delete pod {namespace}/{name}")

    _remove_pod(server, namespace, name, uid, delete)


def _remove_pod(server: ApiServer, namespace: str, name: str, uid: str, remove: t.Callable[[], None]) -> None:
    """Remove a pod. A conflict means that it was replaced, or that it or its budget has just changed (tried again)."""
    for tries_left in reversed(range(limits.KUBERNETES_REMOVALS)):
        try:
            remove()
        except errors.NotFound:
            return
        except errors.OutOfDate:
            pod = find_pod(server, namespace=namespace, name=name)
            if pod is None or pod["metadata"]["uid"] != uid:
                return
            if not tries_left:
                raise
            time.sleep(limits.KUBERNETES_CONFLICT_PAUSE * (limits.KUBERNETES_REMOVALS - tries_left))
        else:
            return


def count_replicas(server: ApiServer, *, namespace: str, api_version: str, kind: str, name: str) -> int | None:
    """``spec.replicas`` of a workload of any kind, such as a custom resource; 0 if the workload does not exist.

    :returns: None if the kind is not served, or the workload has no such field.
    """
    root = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
    try:
        resources = server.request("GET", root).get("resources") or []
    except errors.NotFound:
        return None
    plurals = [resource["name"] for resource in resources if resource["kind"] == kind and "/" not in resource["name"]]
    if not plurals:
        return None
    try:
        body = server.request("GET", f"{root}/namespaces/{namespace}/{plurals[0]}/{name}")
    except errors.NotFound:
        return 0
    replicas = (body.get("spec") or {}).get("replicas")
    return replicas if isinstance(replicas, int) else None


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
        (ADDED, MODIFIED, DELETED) and its object; or ERROR and an error, after which the objects are listed again.
    :raises IrsaError: an error that does not pass without a fix.
    """
    path = _path(namespace, api_version, kind)
    until = time.monotonic() + seconds
    server = server.within(seconds)
    version: str | None = None
    while (left := until - time.monotonic()) > 0:
        try:
            if version is None:
                items, version = server.pages(path, query=query)
                yield "LIST", items
            started, first = time.monotonic(), version
            for event, body in server.watch(
                path, resource_version=version, seconds=min(left, limits.KUBERNETES_WATCH_SECONDS), query=query
            ):
                version = str(body["metadata"]["resourceVersion"])
                if event != "BOOKMARK":
                    yield event, body
            if version == first and time.monotonic() - started < 1:
                version = None  # the server ended the watch immediately, so it may not send events at all
                time.sleep(limits.KUBERNETES_WATCH_PAUSE)
        except errors.IrsaError as error:
            if not errors.can_pass(error):
                raise
            # A version that is too old is not a failure.
            if version is None or not isinstance(error, errors.NotFound):
                yield "ERROR", error
                time.sleep(max(0.0, min(limits.KUBERNETES_WATCH_PAUSE, until - time.monotonic())))
            version = None
        time.sleep(limits.KUBERNETES_LOOP_PAUSE)
