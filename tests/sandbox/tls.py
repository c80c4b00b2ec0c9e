# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An HTTPS server on loopback, for the hooks and for the node agent's logs.

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
    from sandbox.settings import StateDirectory

MAX_BODY = 8 * 1024 * 1024


class HttpsHandler(http.server.BaseHTTPRequestHandler):
    """A handler that keeps connections open (HTTP/1.1), as the API server expects of its webhooks."""

    protocol_version = "HTTP/1.1"
    # Send headers and body in one write. With two, the second waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60

    def setup(self) -> None:
        # Do the handshake in the connection's own thread, so that a silent peer does not block others.
        self.request.settimeout(self.timeout)
        self.request.do_handshake()
        super().setup()

    def read_json(self) -> t.Any:
        """Return the request's body.

        :raises ValueError: if it is too long or not valid JSON.
        """
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            raise ValueError(f"the body has {length} bytes, the maximum is {MAX_BODY}")
        return json.loads(self.rfile.read(length))

    def respond(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def respond_json(self, status: int, body: t.Any) -> None:
        self.respond(status, json.dumps(body).encode())

    def respond_text(self, status: int, text: str) -> None:
        self.respond(status, text.encode(), "text/plain; charset=utf-8")


class HttpsServer(http.server.ThreadingHTTPServer):
    """An HTTPS server on 127.0.0.1 with the sandbox's server certificate.

    :param port: 0 chooses a free port; ``server_port`` has its number.
    :param client_certificates: whether clients need a certificate of the sandbox's authority.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, state: StateDirectory, handler: type[HttpsHandler], port: int = 0, *, client_certificates: bool = False
    ) -> None:
        super().__init__(("127.0.0.1", port), handler)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(state.pki / "ca.crt"))
        context.load_cert_chain(state.pki / "server.crt", state.pki / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED if client_certificates else ssl.CERT_NONE
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        error = sys.exc_info()[1]
        # Ignore peers that close the connection or do not speak TLS.
        if not isinstance(error, (ssl.SSLError, ConnectionError, socket.timeout)):
            super().handle_error(request, client_address)
