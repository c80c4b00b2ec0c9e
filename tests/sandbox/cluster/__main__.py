# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m sandbox.cluster --dir D --port P``: serve the cluster until SIGTERM or SIGINT.

Needed by: every target.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import pathlib
import signal
import ssl
import typing as t

from aiohttp import web

from sandbox import pki
from sandbox.cluster.cluster import SimulatedCluster
from sandbox.cluster.http.faulty import Listener
from sandbox.cluster.http.server import BODY_LIMIT, HttpFrontend
from sandbox.settings import StateDirectory


def server_tls(directory: pathlib.Path) -> ssl.SSLContext:
    """The server's TLS context. Clients may have a certificate of the sandbox's CA."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca.crt"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    return context


def kubelet_tls(directory: pathlib.Path) -> ssl.SSLContext:
    """The TLS context for requests to kubelets, with the API server's client certificate."""
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / "kubelet-client.crt", directory / "kubelet-client.key")
    return context


def _request_factory(loop: asyncio.AbstractEventLoop) -> t.Callable[..., web.BaseRequest]:
    """A factory of requests with the body limit of the API."""

    def make(message: t.Any, payload: t.Any, protocol: t.Any, writer: t.Any, task: t.Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT)

    return make


async def serve(state: StateDirectory, port: int) -> None:
    pki.ensure(state.pki)
    cluster = SimulatedCluster(state)
    server = HttpFrontend(cluster, kubelet_tls(state.pki))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    cluster.controllers.start(loop)
    runner = web.ServerRunner(
        web.Server(server.handle, request_factory=_request_factory(loop), access_log=None, keepalive_timeout=300)
    )
    await runner.setup()
    server.injector.listener = Listener(runner, port, server_tls(state.pki))
    print(f"serving on https://127.0.0.1:{await server.injector.listener.open()}", flush=True)
    # Exclude the objects that exist now, which stay in use, from garbage collection.
    gc.collect()
    gc.freeze()
    await stopped.wait()
    await server.close()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster", description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="the state directory, with cluster.json")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 chooses a free one and prints it")
    arguments = parser.parse_args()
    asyncio.run(serve(StateDirectory(arguments.dir), arguments.port))


if __name__ == "__main__":
    main()
