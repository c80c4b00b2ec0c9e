# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests to a Kubernetes API server over real sockets: retries, pages, watches and errors."""

from __future__ import annotations

import json
import typing as t

import pytest
import trustme
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.scripted import LOST, Answer, status

if t.TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable

    from unit.scripted import Scripted

    Connect = Callable[..., client.ApiServer]

PATH = "/apis/example.com/v1/namespaces/ns/widgets/one"
LIST = "/apis/example.com/v1/namespaces/ns/widgets"
OBJECT = {"metadata": {"name": "one"}}


def item(name: str) -> dict[str, t.Any]:
    return {"metadata": {"name": name}}


THROTTLED = Answer(429, status(429, "TooManyRequests", "slow down"), {"Retry-After": "2"})
DOWN = Answer(503, b"upstream is down")


def test_request_is_sent_as_specified(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(Answer(201, OBJECT))
    server = connect(
        scripted,
        lambda: "Bearer abc",
        headers=[("Impersonate-User", "me"), ("Impersonate-Group", "a"), ("Impersonate-Group", "b")],
    )
    result = server.exchange(
        "PATCH",
        PATH,
        query={"fieldManager": "eksops.irsa", "force": True, "dryRun": None},
        body={"a": 1},
        content_type=client.APPLY,
    )
    assert result == (201, OBJECT)
    (request,) = scripted.requests
    assert (request.method, request.path) == ("PATCH", PATH)
    assert request.query == {"fieldManager": "eksops.irsa", "force": "true"}
    assert request.body == {"a": 1}
    assert request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert request.headers["Authorization"] == "Bearer abc"
    assert request.headers["Impersonate-User"] == "me"
    groups = ",".join(request.headers.get_all("Impersonate-Group"))
    assert groups.replace(" ", "") == "a,b"


@pytest.mark.parametrize("failure", [THROTTLED, DOWN, Answer(500), Answer(504), LOST])
@pytest.mark.parametrize("method", ["GET", "PATCH", "POST", "DELETE"])
def test_transient_failure_is_retried(
    scripted: Scripted, connect: Connect, pauses: list[float], failure: t.Any, method: str
) -> None:
    scripted.answer(failure, failure, OBJECT)
    body = None if method == "GET" else {"a": 1}
    assert connect(scripted).request(method, PATH, body=body) == OBJECT
    assert [request.method for request in scripted.requests] == [method] * 3
    assert [request.body for request in scripted.requests] == [body] * 3
    assert len(pauses) <= 2
    assert sum(pauses) > 0


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 410, 413, 415, 422, 501])
def test_permanent_error_is_not_retried(scripted: Scripted, connect: Connect, pauses: list[float], code: int) -> None:
    scripted.answer(Answer(code, status(code, "x", "no")))
    with pytest.raises(errors.IrsaError):
        connect(scripted).request("GET", PATH)
    assert len(scripted.requests) == 1
    assert pauses == []


@pytest.mark.parametrize(
    ("failure", "kind"),
    [(THROTTLED, errors.Throttled), (DOWN, errors.Unreachable), (Answer(500, b"boom"), errors.ApiError)],
)
def test_retries_are_limited(
    scripted: Scripted, connect: Connect, pauses: list[float], failure: Answer, kind: type[errors.IrsaError]
) -> None:
    scripted.answer(*[failure] * 9)
    with pytest.raises(kind) as caught:
        connect(scripted).request("GET", PATH)
    assert len(scripted.requests) == 6
    assert caught.value.details["code"] == failure.status


def test_retries_of_lost_connection_are_limited(scripted: Scripted, connect: Connect, pauses: list[float]) -> None:
    scripted.answer(*[LOST] * 9)
    with pytest.raises(errors.Unreachable, match="no answer from the Kubernetes API server http://127"):
        connect(scripted).request("GET", PATH)
    assert len(scripted.requests) == 4


@pytest.mark.parametrize(("retry_after", "pause"), [("2", 2), ("0", None), ("3600", 20)])
def test_retry_after_is_respected_up_to_a_limit(
    scripted: Scripted, connect: Connect, pauses: list[float], retry_after: str, pause: int | None
) -> None:
    scripted.answer(Answer(429, {}, {"Retry-After": retry_after}), OBJECT)
    connect(scripted).request("GET", PATH)
    assert pauses == ([pause] if pause else [])


def test_caller_may_disable_retries_of_a_status(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(THROTTLED)
    with pytest.raises(errors.Throttled):
        connect(scripted).request("POST", PATH, retried=frozenset({503}))
    assert len(scripted.requests) == 1


def test_each_request_gets_the_current_token(scripted: Scripted, connect: Connect) -> None:
    tokens = iter(["Bearer one", "Bearer two"])
    server = connect(scripted, lambda: next(tokens))
    scripted.answer(OBJECT, OBJECT)
    server.request("GET", PATH)
    server.request("GET", PATH)
    assert [request.headers["Authorization"] for request in scripted.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, b"<html>log in</html>", {"Content-Type": "text/html"}),
        Answer(302, b"", {"Location": "/login"}),
        Answer(302, b"<html>", {"Location": "/login"}),
    ],
    ids=["page", "redirect", "redirect with a page"],
)
def test_answer_of_another_service_is_rejected(scripted: Scripted, connect: Connect, answer: Answer) -> None:
    scripted.answer(answer)
    with pytest.raises(errors.BadConnection, match="does not answer like a Kubernetes API server"):
        connect(scripted).request("GET", PATH)
    assert len(scripted.requests) == 1


def test_all_pages_are_read(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(
        {"metadata": {"continue": "next", "resourceVersion": "5"}, "items": [item("a"), item("b")]},
        {"metadata": {"continue": "", "resourceVersion": "5"}, "items": [item("c")]},
    )
    assert connect(scripted).pages(LIST, query={"labelSelector": "a=b"}) == ([item("a"), item("b"), item("c")], "5")
    assert [request.query for request in scripted.requests] == [
        {"labelSelector": "a=b", "limit": "500"},
        {"labelSelector": "a=b", "limit": "500", "continue": "next"},
    ]


def test_list_begins_again_if_its_state_is_forgotten(scripted: Scripted, connect: Connect) -> None:
    expired = Answer(410, status(410, "Expired", "The provided continue parameter is too old"))
    scripted.answer(
        {"metadata": {"continue": "next", "resourceVersion": "5"}, "items": [item("a"), item("b")]},
        expired,
        {"metadata": {"resourceVersion": "9"}, "items": [item("b"), item("c")]},
    )
    assert connect(scripted).pages(LIST, query={"labelSelector": "a=b"}) == ([item("b"), item("c")], "9")
    assert [request.query for request in scripted.requests] == [
        {"labelSelector": "a=b", "limit": "500"},
        {"labelSelector": "a=b", "limit": "500", "continue": "next"},
        {"labelSelector": "a=b"},
    ]
    # A server that still returns pages, and forgets them too, is not asked for ever.
    more = {"metadata": {"continue": "next"}, "items": []}
    scripted.answer(more, expired, more, expired)
    with pytest.raises(errors.NotFound, match="continue parameter is too old"):
        connect(scripted).pages(LIST)
    scripted.answer(Answer(404, status(404, "NotFound", "the server could not find the requested resource")))
    with pytest.raises(errors.NotFound):
        connect(scripted).pages(LIST)


def test_text_is_returned(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(Answer(200, "Grüße\n".encode()), Answer(404, status(404, "NotFound", 'pods "x" not found')))
    server = connect(scripted)
    assert server.text("/log") == "Grüße\n"
    with pytest.raises(errors.NotFound, match='pods "x" not found'):
        server.text("/log")


def event(kind: str, name: str) -> bytes:
    return json.dumps({"type": kind, "object": item(name)}).encode() + b"\n"


def test_watch_returns_events(scripted: Scripted, connect: Connect) -> None:
    body = event("ADDED", "a") + event("MODIFIED", "b") + event("DELETED", "c")
    # The chunks do not match the lines.
    scripted.answer(Answer(chunks=(body[:10], body[10:75], body[75:])))
    events = list(connect(scripted).watch(LIST, resource_version="7", seconds=1.2, query={"fieldSelector": "x=y"}))
    assert [(kind, item["metadata"]["name"]) for kind, item in events] == [
        ("ADDED", "a"),
        ("MODIFIED", "b"),
        ("DELETED", "c"),
    ]
    assert scripted.requests[0].query == {
        "fieldSelector": "x=y",
        "watch": "true",
        "allowWatchBookmarks": "true",
        "resourceVersion": "7",
        "timeoutSeconds": "2",
    }


def test_lost_watch_ends_after_the_last_complete_event(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(Answer(chunks=(event("ADDED", "a"), b'{"type": "MODIF'), cut=True))
    assert [kind for kind, _item in connect(scripted).watch(LIST, resource_version="7", seconds=5)] == ["ADDED"]


def test_watch_of_old_version_is_rejected(scripted: Scripted, connect: Connect) -> None:
    gone = status(410, "Expired", "too old resource version: 7 (99)")
    scripted.answer(
        Answer(chunks=(event("ADDED", "a"), json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")),
        Answer(410, gone),
    )
    for _form in ("as event", "as answer"):
        with pytest.raises(errors.NotFound, match="too old resource version"):
            list(connect(scripted).watch(LIST, resource_version="7", seconds=5))


def test_abandoned_watch_does_not_affect_the_next_request(scripted: Scripted, connect: Connect) -> None:
    server = connect(scripted)
    scripted.answer(Answer(chunks=(event("ADDED", "a"), event("ADDED", "b"))), OBJECT)
    for _kind, _item in server.watch(LIST, resource_version="7", seconds=5):
        break
    assert server.request("GET", PATH) == OBJECT


def test_connection_refused(scripted: Scripted, connect: Connect, pauses: list[float]) -> None:
    server = connect(scripted)
    scripted.stop()
    with pytest.raises(errors.Unreachable) as caught:
        server.request("GET", PATH)
    assert "Connection refused" in str(caught.value)
    assert "Fix: check the address" in str(caught.value)
    assert len(pauses) == 4


@pytest.fixture
def ca_file(scripted: Scripted, tmp_path: pathlib.Path) -> pathlib.Path:
    """The certificate authority of the scripted server, which then uses TLS."""
    authority = trustme.CA()
    certificate = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    scripted.use_tls(str(certificate), str(certificate))
    return tmp_path / "ca.pem"


def test_tls_with_trusted_certificate_authority(scripted: Scripted, connect: Connect, ca_file: pathlib.Path) -> None:
    scripted.answer(OBJECT)
    assert connect(scripted, ca_certs=str(ca_file)).request("GET", PATH) == OBJECT


def test_tls_with_untrusted_certificate_authority(
    scripted: Scripted, connect: Connect, ca_file: pathlib.Path, pauses: list[float]
) -> None:
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    with pytest.raises(errors.Unreachable) as caught:
        connect(scripted, ca_certs=str(ca_file)).request("GET", PATH)
    assert "TLS failed" in str(caught.value)
    assert "CERTIFICATE_VERIFY_FAILED" in str(caught.value)
    assert "ca_cert" in str(caught.value)
    assert sum(pauses) == 0


def test_tls_to_a_plain_http_server(scripted: Scripted, connect: Connect, pauses: list[float]) -> None:
    scripted.scheme = "https"
    with pytest.raises(errors.Unreachable, match="TLS failed"):
        connect(scripted).request("GET", PATH)


def test_missing_tls_files(scripted: Scripted, connect: Connect, tmp_path: pathlib.Path) -> None:
    scripted.scheme = "https"
    missing = str(tmp_path / "missing.pem")
    for options in ({"cert_file": missing}, {"ca_certs": missing}, {"ca_certs": str(tmp_path)}):
        with pytest.raises(errors.BadConnection, match="could not prepare the connection"):
            connect(scripted, **options).request("GET", PATH)


@pytest.mark.parametrize(
    ("method", "path", "watch", "operation"),
    [
        ("GET", "/api/v1/namespaces/shop/pods", False, "list pods"),
        ("GET", "/api/v1/namespaces/shop/pods", True, "watch pods"),
        ("GET", "/api/v1/pods", False, "list pods"),
        ("GET", "/api/v1/namespaces/shop/pods/cart-1", False, "get pods"),
        ("GET", "/api/v1/namespaces/shop/pods/cart-1/log", False, "get pods/log"),
        ("POST", "/api/v1/namespaces/shop/serviceaccounts/cart/token", False, "create serviceaccounts/token"),
        ("PATCH", "/apis/apps/v1/namespaces/shop/deployments/cart", False, "patch deployments"),
        ("DELETE", "/api/v1/namespaces/shop/pods/cart-1", False, "delete pods"),
        ("GET", "/api/v1/namespaces/shop", False, "get namespaces"),
        ("GET", "/api/v1/namespaces", False, "list namespaces"),
        ("POST", "/api/v1/namespaces", False, "create namespaces"),
        (
            "GET",
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            False,
            "list mutatingwebhookconfigurations",
        ),
        ("GET", "/version", False, "get /version"),
    ],
)
def test_operation_is_named_as_in_rbac(method: str, path: str, watch: bool, operation: str) -> None:
    assert client.kubernetes_operation(method, path, watch=watch) == operation
