# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the kubelet's HTTPS API that the API server needs for pod logs.

Needed by: targets examples, irsa_verify; make sandbox (kubectl logs).
"""

from __future__ import annotations

import time
import typing as t
import urllib.parse

from sandbox import tls

if t.TYPE_CHECKING:
    from sandbox.node.lifecycle import PodRun
    from sandbox.settings import StateDirectory

    class Pods(t.Protocol):
        """The pods whose logs are served."""

        def find(self, namespace: str, name: str) -> PodRun | None:
            """Return the run of a pod on this node."""


FOLLOW_POLL = 0.05
# In seconds. After this, following the log of a container that never ends stops.
FOLLOW_LIMIT = 3600


def serve(state: StateDirectory, pods: Pods) -> tls.HttpsServer:
    """Create the server of GET /containerLogs/<namespace>/<pod>/<container>. Call ``serve_forever`` to serve.

    Clients, such as the API server, need a certificate of the sandbox's authority.
    """

    class KubeletHandler(tls.HttpsHandler):
        def do_GET(self) -> None:
            url = urllib.parse.urlsplit(self.path)
            parts = url.path.strip("/").split("/")
            if parts == ["healthz"]:
                self.respond_text(200, "ok\n")
            elif len(parts) == 4 and parts[0] == "containerLogs":
                query = {key: values[-1] for key, values in urllib.parse.parse_qs(url.query).items()}
                namespace, pod, container = (urllib.parse.unquote(part) for part in parts[1:])
                self._logs(namespace, pod, container, query)
            else:
                self.respond_text(404, f"page {url.path} does not exist\n")

        def _logs(self, namespace: str, pod: str, name: str, query: dict[str, str]) -> None:
            run = pods.find(namespace, pod)
            container = run.container(name) if run else None
            if container is None:
                self.respond_text(404, f'container "{name}" of pod "{namespace}/{pod}" is not on this node\n')
                return
            waiting = container.state.get("waiting")
            if waiting and not container.last_state:
                text = f'container "{name}" in pod "{pod}" is waiting to start: {waiting["reason"]}'
                self.respond_text(400, text)
                return
            if query.get("follow") == "true" and container.running:
                self._follow(lambda: (container.log, not container.running))
                return
            # Between two runs, this is the log of the run that ended.
            self.respond_text(200, _tail(container.log, query.get("tailLines", "")))

        def _follow(self, read: t.Callable[[], tuple[str, bool]]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            sent, deadline = 0, time.monotonic() + FOLLOW_LIMIT
            while True:
                log, ended = read()
                if chunk := log[sent:].encode():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                    sent = len(log)
                self.wfile.flush()
                if ended or time.monotonic() > deadline:
                    break
                time.sleep(FOLLOW_POLL)
            self.wfile.write(b"0\r\n\r\n")
            self.wfile.flush()

    return tls.HttpsServer(state, KubeletHandler, client_certificates=True)


def _tail(log: str, count: str) -> str:
    lines = log.splitlines(keepends=True)
    return "".join(lines[max(0, len(lines) - int(count)) :] if count.isdigit() else lines)
