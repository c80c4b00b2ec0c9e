# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pod logs, fetched from the node.

Needed by: targets examples, irsa_verify; make sandbox (kubectl logs).
"""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp import web

from sandbox.cluster.errors import ApiError
from sandbox.cluster.http.call import Call


class Logs:
    """The API server's client of the nodes' log servers."""

    def __init__(self, kubelet_tls: ssl.SSLContext) -> None:
        self._kubelet_tls = kubelet_tls
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def pass_on(self, call: Call, url: str) -> web.StreamResponse:
        """Fetch from the node, with the API server's own client certificate, and pass on as it comes."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=10))
        query = {key: value for key, value in call.query.items() if key != "container"}
        try:
            async with self._session.get(url, params=query, ssl=self._kubelet_tls) as answer:
                if answer.status != 200:
                    raise ApiError(answer.status, "", (await answer.text()).strip() or "unknown")
                response = web.StreamResponse(headers={"Content-Type": "text/plain"})
                await response.prepare(call.request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientConnectionError as error:
            raise ApiError(500, "InternalError", f'Get "{url}": {error}', details={}) from error
