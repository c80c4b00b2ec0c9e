# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A server on loopback that answers with any bytes, at any pace."""

from __future__ import annotations

import contextlib
import socket
import threading
import typing as t

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # Bytes to send, and pauses in seconds.
    Pieces = Iterable[bytes | float]


def http(body: str | bytes, *, status: str = "200 OK", kind: str = "text/xml", length: int | None = None) -> bytes:
    """An HTTP answer.

    :param length: the value of ``Content-Length``, if it is not the length of the body.
    """
    content = body.encode() if isinstance(body, str) else body
    size = len(content) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {size}\r\nConnection: close\r\n\r\n"
    return head.encode() + content


class RawServer:
    """Answers each connection with the pieces that ``answer`` returns for its number, which starts at 1."""

    def __init__(self, answer: Callable[[int], Pieces]) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()
        self._socket.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection, contextlib.suppress(OSError):
            # All of it, because closing a connection with data that was not read would reset it.
            with connection.makefile("rb") as stream:
                length = 0
                while (line := stream.readline().strip().lower()) != b"":
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                stream.read(length)
            for piece in self._answer(number):
                if isinstance(piece, bytes):
                    connection.sendall(piece)
                elif self._stopped.wait(piece):
                    return
