# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects of faults on calls of AWS: errors, lost connections and broken answers.

Needed by: targets bad_input, irsa_bindings_stress, irsa_role; make faults; make kills.
"""

from __future__ import annotations

import http
import socket
import struct
import threading
import time
import typing as t

from werkzeug.serving import ThreadedWSGIServer
from werkzeug.wrappers import Response

from sandbox.aws.errors import UnmodeledError
from sandbox.faults import BROKEN_ANSWERS, DROPS, ERRORS, Hit

_CODES = {
    "internal_error": "InternalFailure",
    "unavailable": "ServiceUnavailable",
    "conflict": "ConcurrentModification",
}
_PIECES = 20


class PausableServer(ThreadedWSGIServer):
    """A server whose port can be closed for a time."""

    def __init__(self, host: str, port: int, application: t.Any, handler: t.Any) -> None:
        self._open = threading.Event()
        self._open.set()
        # A socket whose port the system chose would get another one when it listens again.
        super().__init__(host, port or _free_port(host), application, handler)

    def pause(self, seconds: float) -> None:
        """Refuse connections for so many seconds."""
        if self._open.is_set():
            self._open.clear()
            # Linux then refuses connections until the socket listens again.
            self.socket.shutdown(socket.SHUT_RDWR)
            threading.Timer(seconds, self._resume).start()

    def _resume(self) -> None:
        self.socket.listen(self.request_queue_size)
        self._open.set()

    def get_request(self) -> t.Any:
        # The socket is ready to accept while it is closed, and then fails.
        self._open.wait()
        return super().get_request()


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def refuse(hit: Hit, connection: socket.socket, server: PausableServer) -> Response | None:
    """Apply a fault that keeps a call from being made.

    :returns: an answer that is not AWS's, or None if the call is to be made.
    :raises UnmodeledError: AWS's error.
    :raises ConnectionError: the connection was dropped.
    """
    fault = hit.fault
    if fault.delay:
        time.sleep(fault.delay)
    if hit.kind == "page":
        return Response(fault.body or "", fault.status, mimetype="text/html")
    if hit.kind in ERRORS:
        code, status = hit.throttling() if hit.kind == "throttled" else (_code(hit), fault.status)
        error = UnmodeledError(code, fault.message or ("Rate exceeded" if hit.kind == "throttled" else code), status)
        error.retry_after = 1 if hit.kind == "too_many_requests" and fault.retry_after is None else fault.retry_after
        raise error
    if hit.kind in DROPS:
        if hit.kind == "refused":
            server.pause(fault.seconds)
        reset(connection)
    return None


def _code(hit: Hit) -> str:
    if hit.fault.code:
        return hit.fault.code
    if hit.kind == "too_many_requests":
        return "TooManyRequestsException" if hit.call.service == "eks" else "Throttling"
    return _CODES.get(hit.kind, "InternalFailure")


def break_answer(hit: Hit, connection: socket.socket, response: Response) -> Response:
    """Apply a fault to the answer of a call.

    :raises ConnectionError: the answer was cut or lost.
    """
    body = response.get_data()
    if hit.kind not in BROKEN_ANSWERS:
        return response
    if hit.kind == "malformed":
        response.set_data(hit.malform(body))
        return response
    if hit.kind == "reset_after":
        reset(connection)
    phrase = http.HTTPStatus(response.status_code).phrase
    headers = "".join(f"{name}: {value}\r\n" for name, value in response.headers if name.lower() != "content-length")
    head = f"HTTP/1.1 {response.status_code} {phrase}\r\n{headers}Content-Length: {len(body)}\r\n"
    connection.sendall(f"{head}Connection: close\r\n\r\n".encode("latin-1"))
    if hit.kind == "slow":
        size = max(1, -(-len(body) // _PIECES))
        for begin in range(0, len(body), size):
            time.sleep(hit.fault.seconds / _PIECES)
            connection.sendall(body[begin : begin + size])
    else:
        connection.sendall(body[: len(body) // 2])
        if hit.kind == "stalled":
            _hold(connection, hit.fault.seconds)
            reset(connection)
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionAbortedError("a fault cut the answer")


def _hold(connection: socket.socket, seconds: float) -> None:
    """Wait until the client closes the connection, at most so many seconds."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass  # the time is over, or the connection was reset


def reset(connection: socket.socket) -> t.NoReturn:
    """Reset a connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The handler then reads the end of the stream, and closes the last reference to the connection.
    connection.shutdown(socket.SHUT_RD)
    connection.close()
    raise ConnectionAbortedError("a fault reset the connection")
