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
from sandbox.cluster.cluster import Cluster
from sandbox.cluster.http.server import BODY_LIMIT, Server
from sandbox.settings import State


def server_tls(directory: pathlib.Path) -> ssl.SSLContext:
    """TLS that asks for a client certificate of the sandbox's CA and goes on without one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(directory / "ca.crt"))
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(directory / "server.crt", directory / "server.key")
    return context


def kubelet_tls(directory: pathlib.Path) -> ssl.SSLContext:
    """TLS towards a node's log server, as the API server shows itself to kubelets."""
    context = ssl.create_default_context(cafile=str(directory / "ca.crt"))
    context.load_cert_chain(directory / "kubelet-client.crt", directory / "kubelet-client.key")
    return context


def _request(loop: asyncio.AbstractEventLoop) -> t.Callable[..., web.BaseRequest]:
    """Requests whose bodies may be as long as the API takes them."""

    def make(message: t.Any, payload: t.Any, protocol: t.Any, writer: t.Any, task: t.Any) -> web.BaseRequest:
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=BODY_LIMIT)

    return make


async def serve(state: State, port: int) -> None:
    pki.ensure(state.pki)
    cluster = Cluster(state)
    server = Server(cluster, kubelet_tls(state.pki))
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    cluster.controllers.start(loop)
    runner = web.ServerRunner(
        web.Server(server.handle, request_factory=_request(loop), access_log=None, keepalive_timeout=300)
    )
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, ssl_context=server_tls(state.pki), shutdown_timeout=0.2)
    await site.start()
    for address in runner.addresses:
        print(f"serving on https://127.0.0.1:{address[1]}", flush=True)
    # What is there now stays: leave it out of collections.
    gc.collect()
    gc.freeze()
    await stopped.wait()
    await server.close()
    await runner.cleanup()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster", description=__doc__)
    parser.add_argument("--dir", type=pathlib.Path, required=True, help="state directory, with cluster.json in it")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one and prints it")
    arguments = parser.parse_args()
    asyncio.run(serve(State(arguments.dir), arguments.port))


if __name__ == "__main__":
    main()
