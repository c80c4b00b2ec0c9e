# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pod logs, which the API server reads from the node.

Needed by: targets examples, irsa_verify; make sandbox (kubectl logs).
"""

from __future__ import annotations

import ssl

import aiohttp
from aiohttp import web

from sandbox.cluster.errors import StatusError
from sandbox.cluster.http.call import ApiCall


class LogProxy:
    """The API server's client of kubelets."""

    def __init__(self, kubelet_tls: ssl.SSLContext) -> None:
        self._kubelet_tls = kubelet_tls
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def proxy(self, call: ApiCall, url: str) -> web.StreamResponse:
        """Request a log from the node and send the response to the client as it arrives."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None, connect=10))
        query = {key: value for key, value in call.query.items() if key != "container"}
        try:
            async with self._session.get(url, params=query, ssl=self._kubelet_tls) as kubelet_response:
                if kubelet_response.status != 200:
                    message = (await kubelet_response.text()).strip()
                    raise StatusError(kubelet_response.status, "", message or "unknown")
                response = web.StreamResponse(headers={"Content-Type": "text/plain"})
                await response.prepare(call.request)
                async for chunk in kubelet_response.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientConnectionError as error:
            raise StatusError(500, "InternalError", f'Get "{url}": {error}', details={}) from error
