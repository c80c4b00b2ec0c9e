# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests for pods and workloads, with recorded answers of a kube-apiserver."""

from __future__ import annotations

import itertools
import json
import threading
import time
import typing as t

import pytest
import urllib3
from ansible_collections.eksops.irsa.plugins.module_utils._api import limits
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import workloads
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.client import ApiServer
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit import kubernetes_objects as k8s
from unit.scripted import Answer, Scripted, status

Json = dict[str, t.Any]
DEPLOYMENT: t.Final = {"namespace": "shop", "api_version": "apps/v1", "kind": "Deployment", "name": "web"}
POD: t.Final = {"namespace": "shop", "name": "web-1", "uid": "1"}


NOT_FOUND = status(404, "NotFound", 'pods "web-1" not found')
OTHER_UID = status(409, "Conflict", "Precondition failed: UID in precondition: 1, UID in object meta: 2")
OLD_SERVER = status(
    400, "BadRequest", 'no kind "Eviction" is registered for version "policy/v1" in scheme "pkg/api/legacyscheme"'
)
FORBIDDEN = status(403, "Forbidden", 'events is forbidden: User "u" cannot list resource "events"')
BUDGET = status(
    429,
    "TooManyRequests",
    "Cannot evict pod as it would violate the pod's disruption budget.",
    causes=[
        {
            "reason": "DisruptionBudget",
            "message": "The disruption budget tight needs 2 healthy pods and has 2 currently",
        }
    ],
)


class Recorded:
    """A server with recorded answers, in order; a list is the stream of a watch."""

    def __init__(self, *answers: Json | list[Json]) -> None:
        self._server = Scripted()
        self._server.answer(*map(answer, answers))
        self.api = ApiServer(urllib3.PoolManager(), self._server.url, authorization=lambda: None)

    @property
    def requests(self) -> list[tuple[str, str, Json, Json | None, str | None]]:
        return [
            (request.method, request.path, request.query, request.body, request.headers.get("Content-Type"))
            for request in self._server.requests
        ]

    def __enter__(self) -> Recorded:
        self._server.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.stop()


def answer(recorded: Json | list[Json]) -> Answer:
    if isinstance(recorded, list):
        return Answer(body=b"".join(json.dumps(line).encode() + b"\n" for line in recorded))
    code = recorded["code"] if recorded.get("kind") == "Status" else 200
    return Answer(code, recorded, {"Retry-After": "10"} if code == 429 else {})


def test_restart_patches_the_template() -> None:
    answer = k8s.workload("web", generation=2)
    with Recorded(answer) as server:
        at = "2026-11-22T10:00:00.000Z"
        assert workloads.restart(server.api, at=at, **DEPLOYMENT) == answer
    assert server.requests == [
        (
            "PATCH",
            "/apis/apps/v1/namespaces/shop/deployments/web",
            {"fieldManager": "eksops.irsa"},
            {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": at}}}}},
            "application/merge-patch+json",
        )
    ]


def test_missing_object_is_not_an_error() -> None:
    replaced = listing("5", k8s.pod("web-1", uid="2"))
    with Recorded(NOT_FOUND, NOT_FOUND, NOT_FOUND, NOT_FOUND, OTHER_UID, replaced, OTHER_UID, listing("5")) as server:
        assert workloads.restart(server.api, at="now", **DEPLOYMENT) is None
        assert workloads.find_workload(server.api, **DEPLOYMENT) is None
        workloads.evict_pod(server.api, **POD)
        workloads.delete_pod(server.api, **POD)
        workloads.evict_pod(server.api, **POD)
        workloads.delete_pod(server.api, **POD)
    assert len(server.requests) == 8


BUDGET_CHANGED = status(
    409,
    "Conflict",
    'Operation cannot be fulfilled on poddisruptionbudgets.policy "tight": the object has been modified',
)


@pytest.mark.parametrize("remove", [workloads.evict_pod, workloads.delete_pod])
def test_conflict_is_tried_again(remove: t.Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_CONFLICT_PAUSE", 0.0)
    still_there = listing("5", k8s.pod("web-1", uid="1"))
    with Recorded(BUDGET_CHANGED, still_there, BUDGET_CHANGED, still_there, {"kind": "Status", "code": 201}) as server:
        remove(server.api, **POD)
    assert len(server.requests) == 5
    assert server.requests[1][2] == {"fieldSelector": "metadata.name=web-1", "limit": "500"}
    with Recorded(*[BUDGET_CHANGED, still_there] * 9) as server, pytest.raises(errors.OutOfDate) as caught:
        remove(server.api, **POD)
    assert len(server.requests) == 8
    assert errors.can_pass(caught.value)  # a rollout tries it again later


def test_eviction_has_uid_and_falls_back_to_older_version() -> None:
    with Recorded(OLD_SERVER, {"kind": "Status", "code": 201, "status": "Success"}) as server:
        workloads.evict_pod(server.api, **POD)
    paths = {request[:2] for request in server.requests}
    assert paths == {("POST", "/api/v1/namespaces/shop/pods/web-1/eviction")}
    bodies = [request[3] for request in server.requests]
    assert [body["apiVersion"] for body in bodies if body] == ["policy/v1", "policy/v1beta1"]
    assert [body["deleteOptions"] for body in bodies if body] == [{"preconditions": {"uid": "1"}}] * 2


def test_eviction_that_a_policy_refuses_is_not_sent_again() -> None:
    refusal = {"kind": "Status", "code": 403, "message": 'pods "web-1" is forbidden: no evictions on Friday'}
    with Recorded(refusal) as server, pytest.raises(errors.AdmissionRefused, match="no evictions on Friday"):
        workloads.evict_pod(server.api, **POD)
    assert len(server.requests) == 1


def test_eviction_rejected_by_budget_is_not_retried() -> None:
    with Recorded(BUDGET) as server, pytest.raises(errors.Throttled) as caught:
        workloads.evict_pod(server.api, **POD)
    assert len(server.requests) == 1  # in spite of Retry-After
    assert caught.value.details["causes"] == BUDGET["details"]["causes"]
    assert caught.value.message == "could not evict pod shop/web-1"


def test_delete_has_uid() -> None:
    with Recorded({"kind": "Pod"}) as server:
        workloads.delete_pod(server.api, **POD)
    method, path, _query, body, _type = server.requests[0]
    assert (method, path) == ("DELETE", "/api/v1/namespaces/shop/pods/web-1")
    assert body == {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": "1"}}


@pytest.mark.parametrize(
    ("account", "labels", "query"),
    [
        ("app", (), {"fieldSelector": "spec.serviceAccountName=app"}),
        (None, ("app=web", "tier in (a,b)"), {"labelSelector": "app=web,tier in (a,b)"}),
        ("app", ("x",), {"fieldSelector": "spec.serviceAccountName=app", "labelSelector": "x"}),
    ],
)
def test_pods_are_selected_by_the_server(account: str | None, labels: tuple[str, ...], query: Json) -> None:
    page = {"kind": "PodList", "metadata": {"resourceVersion": "5"}, "items": [k8s.pod("web-1")]}
    with Recorded({**page, "metadata": {"continue": "more"}}, page) as server:
        pods = workloads.list_pods(server.api, namespace="shop", query=workloads.pod_query(account, labels))
    assert len(pods) == 2
    assert [request[2] for request in server.requests] == [
        {**query, "limit": "500"},
        {**query, "limit": "500", "continue": "more"},
    ]


def test_forbidden_events_are_empty() -> None:
    with Recorded(FORBIDDEN) as server:
        assert workloads.list_events(server.api, namespace="shop", kind="StatefulSet", name="db") == []
    assert server.requests[0][2]["fieldSelector"] == "involvedObject.kind=StatefulSet,involvedObject.name=db"


def pod(name: str, version: str) -> Json:
    body = k8s.pod(name)
    body["metadata"]["resourceVersion"] = version
    return body


def listing(version: str, *pods: Json) -> Json:
    return {"kind": "PodList", "metadata": {"resourceVersion": version}, "items": list(pods)}


def test_follow_continues_after_a_watch_and_lists_again_if_too_old() -> None:
    too_old = status(410, "Expired", "too old resource version")
    with Recorded(
        listing("5", pod("a", "3")),
        [{"type": "ADDED", "object": pod("b", "6")}, {"type": "BOOKMARK", "object": pod("", "9")}],
        [{"type": "DELETED", "object": pod("b", "10")}],
        [{"type": "ERROR", "object": too_old}],
        listing("20", pod("c", "20")),
        too_old,
        listing("30"),
    ) as server:
        events = workloads.follow(
            server.api, namespace="shop", api_version="v1", kind="Pod", query={"x": "y"}, seconds=9
        )
        first_events = list(itertools.islice(events, 5))
        events.close()
    assert first_events == [
        ("LIST", [pod("a", "3")]),
        ("ADDED", pod("b", "6")),
        ("DELETED", pod("b", "10")),
        ("LIST", [pod("c", "20")]),
        ("LIST", []),
    ]
    queries = [request[2] for request in server.requests]
    watches = [query for query in queries if "watch" in query]
    assert [query["resourceVersion"] for query in watches] == ["5", "9", "10", "20"]
    assert all(query["x"] == "y" for query in queries)


def test_failed_list_or_watch_is_reported_and_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_WATCH_PAUSE", 0.0)
    unavailable = status(503, "ServiceUnavailable", "the server is unavailable")
    unauthorized = status(401, "Unauthorized", "the authenticator is unavailable")
    lost = {"type": "ADDED", "object": pod("b", "6")}
    with Recorded(listing("5"), [lost], unavailable, unauthorized, listing("7", pod("b", "6"))) as server:
        events = workloads.follow(server.api, namespace="shop", api_version="v1", kind="Pod", query={}, seconds=9)
        received = list(itertools.islice(events, 5))
        events.close()
    assert [event for event, _body in received] == ["LIST", "ADDED", "ERROR", "ERROR", "LIST"]
    assert isinstance(received[2][1], errors.Unreachable)
    assert isinstance(received[3][1], errors.BadCredentials)
    assert received[4] == ("LIST", [pod("b", "6")])


CLONE_SET = {"metadata": {"name": "web"}}
RESOURCES = {"resources": [{"name": "clonesets", "kind": "CloneSet"}, {"name": "clonesets/scale", "kind": "Scale"}]}


@pytest.mark.parametrize(
    ("answers", "count"),
    [
        pytest.param([RESOURCES, {**CLONE_SET, "spec": {"replicas": 2}}], 2, id="replicas"),
        pytest.param([RESOURCES, {**CLONE_SET, "spec": {}}], None, id="no-replicas"),
        pytest.param([RESOURCES, status(404, "NotFound", "not found")], 0, id="no-workload"),
        pytest.param([{"resources": []}], None, id="no-kind"),
        pytest.param([status(404, "NotFound", "not found")], None, id="no-group"),
    ],
)
def test_count_replicas(answers: list[t.Any], count: int | None) -> None:
    with Recorded(*answers) as server:
        owner = {"api_version": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "name": "web"}
        assert workloads.count_replicas(server.api, namespace="shop", **owner) == count
    paths = [request[1] for request in server.requests]
    expected = ["/apis/apps.kruise.io/v1alpha1", "/apis/apps.kruise.io/v1alpha1/namespaces/shop/clonesets/web"]
    assert paths == expected[: len(answers)]


def test_forbidden_watch_is_rejected() -> None:
    with Recorded(listing("5"), FORBIDDEN) as server:
        events = workloads.follow(server.api, namespace="shop", api_version="v1", kind="Pod", query={}, seconds=9)
        assert next(events) == ("LIST", [])
        with pytest.raises(errors.AccessDenied):
            next(events)


def test_watch_that_ends_immediately_is_listed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_WATCH_PAUSE", 0.0)
    with Recorded(listing("5"), [], listing("6", pod("a", "6")), []) as server:
        events = workloads.follow(server.api, namespace="shop", api_version="v1", kind="Pod", query={}, seconds=9)
        assert list(itertools.islice(events, 2)) == [("LIST", []), ("LIST", [pod("a", "6")])]
        events.close()


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "MODIFIED", "obj',
        b'{"type": "MODIFIED", "object": []}',
        b'{"type": "ERROR", "object": {"code": 500}}',
        b'{"type": "ERROR", "object": {"code": 503}}',
        b'{"type": "ERROR", "object": 1}',
    ],
)
def test_broken_watch_is_listed_again(line: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_WATCH_PAUSE", 0.0)
    server = Scripted()
    server.answer(listing("5"), Answer(body=line + b"\n"), listing("7", pod("b", "6")))
    server.start()
    api = ApiServer(urllib3.PoolManager(), server.url, authorization=lambda: None)
    events = workloads.follow(api, namespace="shop", api_version="v1", kind="Pod", query={}, seconds=9)
    received = list(itertools.islice(events, 3))
    events.close()
    server.stop()
    assert [event for event, _body in received] == ["LIST", "ERROR", "LIST"]
    assert received[2][1] == [pod("b", "6")]


def test_follow_ends_in_time() -> None:
    server = Scripted()
    server.answer(*[lambda _file: threading.Event().wait(9)] * 9)
    server.start()
    api = ApiServer(urllib3.PoolManager(), server.url, authorization=lambda: None)
    started = time.monotonic()
    events = list(workloads.follow(api, namespace="shop", api_version="v1", kind="Pod", query={}, seconds=0.5))
    server.stop()
    assert time.monotonic() - started < 8
    assert {event for event, _body in events} == {"ERROR"}
