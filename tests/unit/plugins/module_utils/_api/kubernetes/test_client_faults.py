# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that are late, endless, cut or malformed."""

from __future__ import annotations

import gzip
import itertools
import json
import threading
import time
import tracemalloc
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api import limits
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit import kubernetes_objects as k8s
from unit.scripted import Answer

if t.TYPE_CHECKING:
    from collections.abc import Callable

    from unit.scripted import Scripted

    Connect = Callable[..., client.ApiServer]

POD = "/api/v1/namespaces/shop/pods/web-a"
PODS = "/api/v1/namespaces/shop/pods"
BODY = json.dumps(k8s.pod("web-a")).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n"


def send(*parts: bytes, pause: float = 0.05) -> t.Callable[[t.Any], None]:
    """Write the parts one after the other, with a pause after each."""

    def write(file: t.Any) -> None:
        for part in parts:
            file.write(part)
            file.flush()
            threading.Event().wait(pause)  # the tests record time.sleep

    return write


def repeat(start: bytes, part: bytes, pause: float = 0.0) -> t.Callable[[t.Any], None]:
    """Write the part until the client closes the connection."""

    def write(file: t.Any) -> None:
        file.write(start)
        while True:
            file.write(part)
            file.flush()
            threading.Event().wait(pause)

    return write


LATE = {
    "nothing": send(b"", pause=9),
    "status line by the byte": repeat(b"HTTP/1.1 200 ", b"K", 0.05),
    "headers by the line": repeat(HEAD, b"X: y\r\n", 0.05),
    "continue for ever": repeat(b"", b"HTTP/1.1 100 Continue\r\n\r\n", 0.05),
    "body by the byte": repeat(HEAD + LENGTH % 100_000, b" ", 0.05),
    "chunks by the byte": repeat(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", 0.05),
    "body without end": repeat(HEAD + b"\r\n", b" ", 0.05),
}


@pytest.mark.parametrize("answer", LATE.values(), ids=LATE.keys())
def test_answer_has_a_time_limit(
    scripted: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch, answer: t.Any
) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(limits, "KUBERNETES_REQUEST_SECONDS", 1.5)
    scripted.answer(*[answer] * 9)
    started = time.monotonic()
    with pytest.raises(errors.Unreachable, match=f"GET {POD} had no complete answer in time"):
        connect(scripted).request("GET", POD)
    assert time.monotonic() - started < 20
    scripted.script.clear()
    # More than one, because the server may handle a request after the client has given it up.
    scripted.answer(*[k8s.pod("web-a")] * 5)
    assert connect(scripted).request("GET", POD)["metadata"]["name"] == "web-a"
    assert 3 <= len(scripted.requests) <= 5  # a stalled answer leaves time for another try


def test_limit_of_a_wait_includes_retries_and_pauses(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(*[Answer(503, b"down", {"Retry-After": "1"})] * 9)
    server = connect(scripted).within(0.9)
    with pytest.raises(errors.Unreachable, match="503: down"):
        server.request("GET", POD)
    assert len(scripted.requests) == 1  # the pause would end after the limit
    over = server.within(-1)
    with pytest.raises(errors.Unreachable, match=f"no time is left for GET {POD}"):
        over.within(60).request("GET", POD)
    with pytest.raises(errors.Unreachable, match="no time is left"):
        next(over.watch(PODS, resource_version="1", seconds=9))


ENDLESS = {
    "length": repeat(HEAD + LENGTH % 2**40, b" " * 65536),
    "chunks": repeat(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b" " * 0x8000 + b"\r\n"),
    "until it closes": repeat(HEAD + b"\r\n", b" " * 65536),
    "gzip bomb": Answer(body=gzip.compress(bytes(2**26)), headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
def test_answer_has_a_size_limit(scripted: Scripted, connect: Connect, pauses: list[float], answer: t.Any) -> None:
    scripted.answer(*[answer] * 9)
    tracemalloc.start()
    with pytest.raises(errors.MalformedAnswer, match="the answer has more than 1 MiB"):
        connect(scripted).exchange("GET", POD, max_bytes=2**20)
    _size, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**23


def test_body_of_an_error_is_cut(scripted: Scripted, connect: Connect) -> None:
    scripted.answer(repeat(b"HTTP/1.1 404 Not Found\r\n\r\n", b"no such page " * 5000))
    with pytest.raises(errors.NotFound, match="no such page"):
        connect(scripted).request("GET", POD)


def test_compressed_answer(scripted: Scripted, connect: Connect, pauses: list[float]) -> None:
    whole = gzip.compress(BODY)
    scripted.answer(Answer(body=whole, headers={"Content-Encoding": "gzip"}))
    assert connect(scripted).request("GET", POD) == k8s.pod("web-a")
    for body, encoding, message in (
        (whole[:-20], "gzip", "the compressed answer is incomplete"),
        (BODY, "gzip", "the compression of the answer is broken"),
        (BODY, "br", "compressed with br, which was not requested"),
    ):
        scripted.script.clear()
        scripted.answer(*[Answer(body=body, headers={"Content-Encoding": encoding})] * 4)
        with pytest.raises(errors.MalformedAnswer, match=message):
            connect(scripted).request("GET", POD)


def pod_with(**metadata: t.Any) -> dict[str, t.Any]:
    pod = k8s.pod("web-a")
    pod["metadata"].update(metadata)
    return pod


MALFORMED = {
    "cut": (send(HEAD + LENGTH % len(BODY) + BODY[:-9]), "the answer was cut at least 9 bytes before its end"),
    "cut-chunk": (Answer(chunks=(BODY[:20],), cut=True), "the answer was cut|Response ended"),
    "no-status-line": (send(b"ok\r\n\r\n"), "BadStatusLine"),
    "length twice": (send(HEAD + b"Content-Length: 3, 3\r\n\r\n" + BODY), "a size in it is not valid"),
    "two-lengths": (send(HEAD + b"Content-Length: 1,2\r\n\r\n"), "Content-Length|differing values"),
    "cut-json": (Answer(body=BODY[:-9]), "not valid JSON"),
    "empty": (Answer(body=b""), "not valid JSON"),
    "no-text": (Answer(body=b"\xff\xfe"), "not valid JSON"),
    "deep": (Answer(body=b"[" * 200_000), "not valid JSON: maximum recursion depth"),
    "number": (Answer(body=b"9" * 9000), "not valid JSON"),
    "null": (Answer(body=None), "not a JSON object"),
    "list": (Answer(body=[]), "not a JSON object"),
    "no-metadata": ({}, "field metadata is missing"),
    "metadata": ({"metadata": []}, "field metadata is not an object"),
    "name": (pod_with(name=7), "field metadata.name is not a string"),
    "annotation": (pod_with(annotations={"a": None}), "field metadata.annotations.a is not a string"),
    "managed-fields": (pod_with(managedFields={}), "field metadata.managedFields is not a list"),
    "fields": (
        pod_with(managedFields=[{"operation": "Update", "fieldsV1": {"f:metadata": 1}}]),
        r"field metadata.managedFields\[0\].fieldsV1.f:metadata is not an object",
    ),
}


@pytest.mark.parametrize(("answer", "message"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_answer_is_retried(
    scripted: Scripted, connect: Connect, pauses: list[float], answer: t.Any, message: str
) -> None:
    scripted.answer(answer, answer, k8s.pod("web-a"), *[answer] * 4)
    assert connect(scripted).request("GET", POD) == k8s.pod("web-a")
    with pytest.raises(errors.Unreachable, match=message) as caught:
        connect(scripted).request("GET", POD)
    assert len(scripted.requests) == 7
    assert caught.value.fix
    assert errors.can_pass(caught.value)


@pytest.mark.parametrize(
    "head", [b"", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"], ids=["no status", "no size of a chunk"]
)
def test_token_in_a_malformed_answer_is_not_shown(
    scripted: Scripted, connect: Connect, pauses: list[float], head: bytes
) -> None:
    scripted.answer(*[send(head + b"s3cr3t\r\n")] * 4)
    with pytest.raises(errors.Unreachable, match="Cause: the connection was lost: ") as caught:
        connect(scripted).request("GET", POD)
    assert "s3cr3t" not in f"{caught.value}{caught.value.as_dict()}"


@pytest.mark.parametrize(
    "status",
    [
        b"{",
        b"[" * 200_000,
        {"message": {"a": 1}, "reason": ["x"], "details": [], "code": "x"},
        {"details": {"causes": [1, {"reason": ["x"], "message": 5}]}},
        {"details": {"causes": {"reason": "x"}}, "status": 3},
    ],
    ids=["cut", "deep", "types", "causes", "no-list"],
)
def test_malformed_status_is_an_error_of_its_code(scripted: Scripted, connect: Connect, status: t.Any) -> None:
    scripted.answer(Answer(403, status))
    with pytest.raises(errors.AccessDenied):
        connect(scripted).request("GET", POD)


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", "9" * 9000, "Wed, 21 Oct 2999 07:28:00 GMT", ""])
def test_invalid_retry_after_is_ignored(scripted: Scripted, connect: Connect, pauses: list[float], text: str) -> None:
    scripted.answer(*[Answer(429, {}, {"Retry-After": text})] * 2, k8s.pod("web-a"))
    connect(scripted).request("GET", POD)
    assert pauses == [0.4]


def test_list_without_end_is_an_error(scripted: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = ({"metadata": {"continue": token}, "items": []} for token in ("a", "b", "a"))
    scripted.answer(*pages)
    with pytest.raises(errors.MalformedAnswer, match="does not end after 3 pages: a continue token repeats"):
        connect(scripted).pages(PODS)
    monkeypatch.setattr(limits, "KUBERNETES_MAX_PAGES", 5)
    scripted.answer(*({"metadata": {"continue": str(number)}, "items": []} for number in range(9)))
    with pytest.raises(errors.MalformedAnswer, match="does not end after 6 pages"):
        connect(scripted).pages(PODS)


def event(kind: str, body: t.Any) -> bytes:
    return json.dumps({"type": kind, "object": body}).encode() + b"\n"


BROKEN_EVENTS = {
    "cut": (b'{"type": "MODIF\n', errors.MalformedAnswer, "not valid JSON"),
    "text": (b"<html>\n", errors.MalformedAnswer, "not valid JSON"),
    "no-object": (b'{"type": "ADDED"}\n', errors.MalformedAnswer, "field object is missing"),
    "type": (event(["ADDED"], {}), errors.MalformedAnswer, "field type is not a string"),  # type: ignore[arg-type]
    "no-name": (event("ADDED", {"metadata": {}}), errors.MalformedAnswer, "field object.metadata.name is missing"),
    "bookmark": (event("BOOKMARK", {}), errors.MalformedAnswer, "field object.metadata is missing"),
    "error-500": (event("ERROR", {"code": 500, "message": "etcd"}), errors.ApiError, "500: etcd"),
    "error-503": (event("ERROR", {"code": 503, "message": "closed"}), errors.Unreachable, "503: closed"),
    "error-410": (event("ERROR", {"code": 410, "message": "too old"}), errors.NotFound, "too old"),
    "error-code": (event("ERROR", {"code": "x"}), errors.ApiError, "500: "),
    "error-text": (event("ERROR", "x"), errors.MalformedAnswer, "field object is not an object"),
}


@pytest.mark.parametrize(("line", "kind", "message"), BROKEN_EVENTS.values(), ids=BROKEN_EVENTS.keys())
def test_broken_event_ends_the_watch_with_an_error(
    scripted: Scripted, connect: Connect, line: bytes, kind: type[errors.IrsaError], message: str
) -> None:
    scripted.answer(Answer(chunks=(event("ADDED", k8s.pod("a")), line, event("ADDED", k8s.pod("b")))))
    received = []
    with pytest.raises(kind, match=message) as caught:
        received.extend(
            body["metadata"]["name"] for _event, body in connect(scripted).watch(PODS, resource_version="1", seconds=5)
        )
    assert caught.type is kind
    assert errors.can_pass(caught.value)


def test_watch_has_limits(scripted: Scripted, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_MAX_LINE_BYTES", 2**20)
    chunked = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    scripted.answer(repeat(chunked, b"8000\r\n" + b" " * 0x8000 + b"\r\n"), repeat(chunked, b"1\r\n \r\n", 0.05))
    with pytest.raises(errors.MalformedAnswer, match="a line of the answer has more than 1 MiB"):
        next(connect(scripted).watch(PODS, resource_version="1", seconds=5))
    started = time.monotonic()
    assert list(connect(scripted).within(0.4).watch(PODS, resource_version="1", seconds=30)) == []
    assert time.monotonic() - started < 20


def test_events_of_a_watch_arrive_without_delay(scripted: Scripted, connect: Connect) -> None:
    line = event("ADDED", k8s.pod("a"))
    body = b"%x\r\n%s\r\n" % (len(line), line)
    scripted.answer(send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", body, body, b"", b"", pause=1.0))
    started = time.monotonic()
    times = [
        time.monotonic() - started
        for _event in itertools.islice(connect(scripted).watch(PODS, resource_version="1", seconds=5), 2)
    ]
    assert times[1] - times[0] > 0.5
    assert times[1] < 4
