# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback with scripted answers."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import http.server
import json
import ssl
import threading
import typing as t
import urllib.parse

# In a script: close the connection without an answer.
LOST = object()


@dataclasses.dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: t.Any
    body: t.Any


@dataclasses.dataclass(frozen=True)
class Answer:
    """An HTTP answer.

    :param chunks: sent one by one, each flushed, instead of ``body``.
    :param cut: whether the connection closes before the last chunk.
    """

    status: int = 200
    body: t.Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    chunks: tuple[bytes, ...] | None = None
    cut: bool = False


def status(code: int, reason: str, message: str, **details: t.Any) -> dict[str, t.Any]:
    """Make a Status object of the API server."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason,
        "details": details,
        "code": code,
    }


class Scripted:
    """A server on loopback that sends scripted answers in order and records the requests."""

    def __init__(self) -> None:
        self.script: collections.deque[t.Any] = collections.deque()
        self.requests: list[Request] = []
        handler = type("Handler", (_Handler,), {"scripted": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.scheme = "http"

    def use_tls(self, certificate: str, key: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.scheme = "https"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, *answers: t.Any) -> None:
        """Add answers to the script.

        :param answers: an `Answer`, `LOST`, the body of an answer with status 200, or a function that writes an answer
            with its status line into the file that it gets. The connection is then closed.
        """
        self.script.extend(answers)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scripted: Scripted

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        payload = self.rfile.read(length)
        path, _mark, query = self.path.partition("?")
        self.scripted.requests.append(
            Request(
                self.command,
                path,
                dict(urllib.parse.parse_qsl(query)),
                self.headers,
                json.loads(payload) if payload[:1] in (b"{", b"[") else payload.decode() or None,
            )
        )
        answer = self.scripted.script.popleft()
        if answer is LOST:
            self.close_connection = True
            return
        if callable(answer):
            self.close_connection = True
            with contextlib.suppress(OSError):  # the client has closed the connection
                answer(self.wfile)
            return
        if not isinstance(answer, Answer):
            answer = Answer(body=answer)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.chunks is None:
            body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in answer.chunks:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        if answer.cut:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _handle

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002
        pass
