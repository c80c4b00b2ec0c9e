# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small HTTPS server on loopback, for the hooks and for the node agent's logs.

Needed by: targets examples, irsa_verify (pod logs); make test-envtest.
"""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import sys
import typing as t

if t.TYPE_CHECKING:
    from sandbox.settings import State

MAX_BODY = 8 * 1024 * 1024


class Handler(http.server.BaseHTTPRequestHandler):
    """Speaks HTTP/1.1 with connections kept open, as the API server expects of its webhooks."""

    protocol_version = "HTTP/1.1"
    # One segment an answer: headers and body in two writes would wait for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self) -> None:
        # The handshake happens here, in the connection's own thread, so that a silent peer blocks nobody else.
        self.request.settimeout(self.timeout)
        self.request.do_handshake()
        super().setup()

    def read_json(self) -> t.Any:
        """Return the request's body.

        Raises:
            ValueError: it is too long or no JSON.
        """
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            raise ValueError(f"body of {length} bytes is over {MAX_BODY}")
        return json.loads(self.rfile.read(length))

    def answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def answer_json(self, status: int, body: t.Any) -> None:
        self.answer(status, json.dumps(body).encode())

    def answer_text(self, status: int, text: str) -> None:
        self.answer(status, text.encode(), "text/plain; charset=utf-8")


class Server(http.server.ThreadingHTTPServer):
    """Serves on 127.0.0.1 with the sandbox's server certificate.

    Args:
        state: Where the certificates are.
        handler: The request handler.
        port: 0 lets the system choose; server_port says which it is.
        client_certificates: Whether a client must show a certificate of the sandbox's authority.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, state: State, handler: type[Handler], port: int = 0, *, client_certificates: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(state.pki / "ca.crt"))
        context.load_cert_chain(state.pki / "server.crt", state.pki / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED if client_certificates else ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        error = sys.exc_info()[1]
        # A peer that goes away or does not speak TLS is its own affair.
        if not isinstance(error, (ssl.SSLError, ConnectionError, socket.timeout)):
            super().handle_error(request, client_address)
