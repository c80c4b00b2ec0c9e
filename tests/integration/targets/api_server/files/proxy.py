# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forward requests to an API server, and send others in the middle of a run. A real API server has no faults.

``PUT /proxy/trigger`` with ``{"method": ..., "path": ..., "requests": [[METHOD, PATH, BODY], ...]}``: before the next
request with this method and path is forwarded, the requests are sent, once. ``GET /proxy/requests`` returns the
requests since then, and whether the trigger was used. ``GET /proxy/stop`` ends the proxy.

Usage: python proxy.py KUBECONFIG PORT_FILE
"""

from __future__ import annotations

import base64
import http.client
import http.server
import json
import os
import ssl
import sys
import tempfile
import threading
import typing as t
import urllib.parse

import yaml

# The proxy ends by itself if nobody stops it.
_SECONDS = 900
_TIMEOUT = 300
_CHUNK = 65536


class Upstream:
    """The API server of a kubeconfig with a client certificate."""

    def __init__(self, kubeconfig: str) -> None:
        with open(kubeconfig, encoding="utf-8") as file:
            content = yaml.safe_load(file)
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        url = urllib.parse.urlsplit(cluster["server"])
        self._host, self._port = str(url.hostname), url.port or 443
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile(delete=False) as file:
            for key in ("client-certificate-data", "client-key-data"):
                file.write(base64.b64decode(user[key]))
        self._tls.load_cert_chain(file.name)
        os.unlink(file.name)

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(self._host, self._port, context=self._tls, timeout=_TIMEOUT)
        connection.request(method, path, body=body, headers=headers)
        return connection.getresponse()


class Proxy(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: Upstream) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream = upstream
        self.lock = threading.Lock()
        self.trigger: dict[str, t.Any] | None = None
        self.requests: list[str] = []

    def record(self, method: str, path: str) -> None:
        """Record a request, and send those of the trigger first if it matches."""
        with self.lock:
            self.requests.append(f"{method} {path}")
            trigger = self.trigger
            if not trigger or (trigger["method"], trigger["path"]) != (method, path.partition("?")[0]):
                return
            self.trigger = None
            for other_method, other_path, body in trigger["requests"]:
                data = None if body is None else json.dumps(body).encode()
                content = "application/merge-patch+json" if other_method == "PATCH" else "application/json"
                response = self.upstream.send(other_method, other_path, data, {"Content-Type": content})
                self.requests.append(f"{other_method} {other_path} by the proxy: {response.status}")
                response.read()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def do_GET(self) -> None:
        if self.path == "/proxy/requests":
            with self.server.lock:
                body = {"requests": self.server.requests, "is_used": self.server.trigger is None}
            self._respond(200, json.dumps(body).encode())
        elif self.path == "/proxy/stop":
            self._respond(200, b"{}")
            self.server.shutdown()
        else:
            self._forward()

    def do_PUT(self) -> None:
        with self.server.lock:
            self.server.trigger, self.server.requests = json.loads(self._read()), []
        self._respond(200, b"{}")

    def do_POST(self) -> None:
        self._forward()

    do_PATCH = do_DELETE = do_POST

    def _read(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _respond(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _forward(self) -> None:
        body = self._read()
        self.server.record(self.command, self.path)
        headers = {name: self.headers[name] for name in ("Accept", "Content-Type") if name in self.headers}
        response = self.server.upstream.send(self.command, self.path, body or None, headers)
        self.send_response(response.status)
        for name in ("Content-Type", "Retry-After"):
            if response.headers[name]:
                self.send_header(name, response.headers[name])
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        # In the pieces in which it arrives, so that the events of a watch are not delayed.
        while chunk := response.read1(_CHUNK):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *arguments: t.Any) -> None:
        """Do not log."""


def main() -> None:
    proxy = Proxy(Upstream(sys.argv[1]))
    with open(f"{sys.argv[2]}.new", "w", encoding="utf-8") as file:
        file.write(str(proxy.server_port))
    os.rename(file.name, sys.argv[2])
    timer = threading.Timer(_SECONDS, proxy.shutdown)
    timer.start()
    proxy.serve_forever()
    timer.cancel()


if __name__ == "__main__":
    main()
