# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The effects of faults on requests to the API server: errors, lost connections, broken answers and ended watches.

Needed by: targets irsa_bindings_stress, pod_rollout; make faults; make kills.
"""

from __future__ import annotations

import asyncio
import collections.abc as c
import contextlib
import socket
import ssl
import struct
import time
import typing as t

from aiohttp import web

from sandbox.cluster import errors
from sandbox.cluster.errors import Object, StatusError
from sandbox.cluster.http.call import ApiCall
from sandbox.cluster.reading.watch import Watch
from sandbox.cluster.store import Store, encode
from sandbox.faults import BROKEN_ANSWERS, DROPS, ERRORS, WATCHES, Call, Hit

_REASONS = {
    409: (
        "Conflict",
        "Operation cannot be fulfilled: the object has been modified; please apply your changes to the "
        "latest version and try again",
    ),
    410: ("Expired", "The resourceVersion for the provided watch is too old."),
    429: ("TooManyRequests", "Too many requests, please try again later."),
    500: ("InternalError", "Internal error occurred: etcdserver: leader changed"),
    503: ("ServiceUnavailable", "The server is currently unable to handle the request"),
    504: ("Timeout", "Timeout: request did not complete within the allotted timeout"),
}
_WRITES = ("create", "update", "patch", "delete", "deletecollection")
_NODE = "system:node:"
_EKS_TOKEN = "Bearer k8s-aws-v1."
_TOKEN_SECONDS = 1.0
_PIECES = 20
_POLL = 0.05

Dispatch = c.Callable[[ApiCall], c.Awaitable[web.StreamResponse]]


class DropConnection(Exception):
    """Reset the connection without a response."""


class Listener:
    """The server's port, which can be closed for a time."""

    def __init__(self, runner: web.ServerRunner, port: int, context: ssl.SSLContext) -> None:
        self._runner = runner
        self._port = port
        self._context = context
        self._site: web.TCPSite | None = None

    async def open(self) -> int:
        """Accept connections, and return the port."""
        self._site = web.TCPSite(
            self._runner, "127.0.0.1", self._port, ssl_context=self._context, shutdown_timeout=0.2, reuse_address=True
        )
        await self._site.start()
        self._port = self._runner.addresses[0][1]
        return self._port

    async def pause(self, seconds: float) -> None:
        """Reset all connections, and refuse new ones for so many seconds."""
        site, self._site = self._site, None
        if site is None:
            return
        await site.stop()
        for handler in self._runner.server.connections if self._runner.server else ():
            if handler.transport is not None:
                _reset(handler.transport)
        await asyncio.sleep(seconds)
        await self.open()


class Injector:
    """Applies faults to requests."""

    def __init__(self, store: Store, dispatch: Dispatch, respond: t.Callable[[StatusError], web.Response]) -> None:
        self._store = store
        self._dispatch = dispatch
        self._respond = respond
        # When each EKS token was used first; None: a fault has expired it.
        self._tokens: dict[str, float | None] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.listener: Listener | None = None

    def check_token(self, request: web.BaseRequest) -> None:
        """Reject an EKS token that a fault has expired.

        :raises StatusError: 401.
        """
        token = request.headers.get("Authorization", "")
        if token.startswith(_EKS_TOKEN) and self._tokens.setdefault(token, time.monotonic()) is None:
            raise errors.unauthorized()

    def describe(self, call: ApiCall) -> Call | None:
        """The request for the selection of faults; None for one of the node, which gets none."""
        action = call.action
        if call.user.name.startswith(_NODE):
            return None
        reviews = call.kind is None or not call.kind.stored or action.subresource == "token"
        used_at = self._tokens.get(call.request.headers.get("Authorization", ""))
        return Call(
            "kubernetes",
            f"{action.verb} {action.path or action.full_resource}",
            {**call.query, "namespace": action.namespace, "name": action.name},
            is_write=action.verb in _WRITES and not reviews and not call.query.get("dryRun"),
            is_watch=action.verb == "watch",
            # A token that a client makes within the same second is the same one.
            has_old_token=used_at is not None and time.monotonic() - used_at > _TOKEN_SECONDS,
        )

    async def inject(self, call: ApiCall, hit: Hit) -> web.StreamResponse:
        """Apply a fault to a request.

        :raises StatusError: the error of the fault.
        :raises DropConnection: if the connection is to be reset.
        """
        fault = hit.fault
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if hit.kind == "page":
            return web.Response(text=fault.body, status=fault.status, content_type="text/html")
        if hit.call.is_watch and hit.kind in (*WATCHES, *BROKEN_ANSWERS):
            call.hit = hit
            return await self._dispatch(call)
        if hit.kind in ERRORS:
            if hit.kind == "token_expired":
                self._tokens[call.request.headers["Authorization"]] = None
                raise errors.unauthorized()
            raise make_error(hit)
        if hit.kind in DROPS:
            await call.request.read()
            self._close_port(hit)
            raise DropConnection
        try:
            response = await self._dispatch(call)
        except StatusError as error:
            response = self._respond(error)
        return await _break(call.request, hit, response) if isinstance(response, web.Response) else response

    def _close_port(self, hit: Hit) -> None:
        if hit.kind == "restart":
            # A new API server cannot resume the watches of the last one.
            self._store.forget_changes()
        if self.listener is not None and hit.kind in ("refused", "restart"):
            task = asyncio.get_running_loop().create_task(self.listener.pause(hit.fault.seconds))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def make_error(hit: Hit) -> StatusError:
    """The error of a real API server for a fault."""
    fault = hit.fault
    reason, message = _REASONS.get(fault.status, ("", f"sandbox: a fault with status {fault.status}"))
    details: Object = {}
    seconds = 1 if fault.retry_after is None and hit.kind in ("throttled", "too_many_requests") else fault.retry_after
    if seconds is not None:
        details["retryAfterSeconds"] = seconds
    return StatusError(fault.status, reason, fault.message or message, details=details)


async def run_watch(watch: Watch, response: web.StreamResponse, call: ApiCall) -> None:
    """Send the events of a watch; a fault ends it early."""
    hit = call.hit
    if hit is None:
        await watch.run(response.write)
        await response.write_eof()
        return
    if hit.kind == "slow":
        await watch.run(lambda data: _drip(response, data, hit.fault.seconds))
        await response.write_eof()
        return
    with contextlib.suppress(TimeoutError, asyncio.TimeoutError):
        await asyncio.wait_for(watch.run(response.write), 0.0 if hit.kind == "gone" else hit.fault.seconds)
    if hit.kind in ("watch_error", "gone"):
        status = StatusError(410 if hit.kind == "gone" else 500, *_REASONS[410 if hit.kind == "gone" else 500])
        await response.write(encode({"type": "ERROR", "object": status.status()}) + b"\n")
    elif hit.kind == "malformed":
        await response.write(hit.malform(b'{"type":"MODIFIED","object":{"metadata":{"name":"app"}}}') + b"\n")
    elif hit.kind == "cut_body":
        await response.write(b'{"type":"MODIFIED","object":{"metada')
    elif hit.kind == "stalled":
        await _hold(call.request, hit.fault.seconds)
    if hit.kind in ("reset_after", "stalled"):
        raise DropConnection
    if hit.kind != "cut_body":
        await response.write_eof()
    elif call.request.transport is not None:
        call.request.transport.close()


async def _break(request: web.BaseRequest, hit: Hit, response: web.Response) -> web.StreamResponse:
    """Break an answer, or lose it."""
    body = t.cast("bytes", response.body or b"")
    if hit.kind == "reset_after":
        raise DropConnection
    if hit.kind == "malformed":
        response.body = hit.malform(body)
    if hit.kind not in ("cut_body", "stalled", "slow"):
        return response
    broken = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
    broken.content_length = len(body)
    await broken.prepare(request)
    if hit.kind == "slow":
        await _drip(broken, body, hit.fault.seconds)
        return broken
    await broken.write(body[: len(body) // 2])
    if hit.kind == "stalled":
        await _hold(request, hit.fault.seconds)
    if request.transport is not None:
        request.transport.close()
    return broken


async def _drip(response: web.StreamResponse, data: bytes, seconds: float) -> None:
    size = max(1, -(-len(data) // _PIECES))
    for begin in range(0, len(data), size):
        await asyncio.sleep(seconds / _PIECES)
        await response.write(data[begin : begin + size])


async def _hold(request: web.BaseRequest, seconds: float) -> None:
    """Wait until the client closes the connection, at most so many seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and request.transport is not None and not request.transport.is_closing():
        await asyncio.sleep(_POLL)


def reset(request: web.BaseRequest) -> web.Response:
    """Reset the connection of a request."""
    if request.transport is not None:
        _reset(request.transport)
    return web.Response(status=500)


def _reset(transport: asyncio.BaseTransport) -> None:
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    t.cast("asyncio.Transport", transport).abort()
