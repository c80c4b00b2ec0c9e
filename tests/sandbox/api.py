# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain client of the sandbox's API server, whichever of the two it is.

Needed by: every target; make permissions.
"""

from __future__ import annotations

import json
import typing as t
import urllib.parse

import urllib3

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.settings import State

    Json = dict[str, t.Any]

MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """The API server answered with an error; status is the HTTP status, 0 when there was no answer at all."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """Requests to the API server of a state directory, with one of the client certificates of pki.CLIENTS.

    Safe to share between threads.
    """

    def __init__(self, state: State, user: str = "admin", *, timeout: float = 10) -> None:
        self._server = state.cluster()["endpoint"]
        self._timeout = urllib3.Timeout(connect=2, read=timeout)
        self._http = urllib3.PoolManager(
            maxsize=32,
            ca_certs=str(state.pki / "ca.crt"),
            cert_file=str(state.pki / f"{user}.crt"),
            key_file=str(state.pki / f"{user}.key"),
            retries=False,
        )

    def get(self, path: str, **query: t.Any) -> Json:
        return self.request("GET", path, query=query)

    def post(self, path: str, body: Json, **query: t.Any) -> Json:
        return self.request("POST", path, body, query=query)

    def patch(self, path: str, body: Json, content_type: str = MERGE_PATCH) -> Json:
        return self.request("PATCH", path, body, content_type=content_type)

    def delete(self, path: str, body: Json | None = None) -> Json:
        return self.request("DELETE", path, body)

    def request(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Json | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """Make one request and return the decoded JSON answer.

        Raises:
            ApiError: any status from 400 up, and lost connections.
        """
        response = self._send(method, path, body, query or {}, content_type, self._timeout, stream=False)
        return t.cast("Json", json.loads(response.data))

    def text(self, path: str, **query: t.Any) -> str:
        """Return an answer that is plain text, such as a pod's log.

        Raises:
            ApiError: any status from 400 up, and lost connections.
        """
        return self._send("GET", path, None, query, "", self._timeout, stream=False).data.decode(errors="replace")

    def is_ready(self) -> bool:
        """Tell whether the API server says that it is ready."""
        try:
            return self.text("/readyz") == "ok"
        except ApiError:
            return False

    def watch(self, path: str, resource_version: str, *, seconds: int = 240, **query: t.Any) -> Iterator[Json]:
        """Yield watch events until the server ends the watch.

        Raises:
            ApiError: the watch could not start, or the connection broke.
        """
        query = {**query, "watch": "1", "resourceVersion": resource_version, "timeoutSeconds": seconds}
        query["allowWatchBookmarks"] = "true"
        timeout = urllib3.Timeout(connect=2, read=seconds + 10)
        response = self._send("GET", path, None, query, "", timeout, stream=True)
        rest = b""
        try:
            for chunk in response.stream(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"watch of {path} broke: {error}") from error
        finally:
            response.close()

    def _send(
        self,
        method: str,
        path: str,
        body: Json | None,
        query: Json,
        content_type: str,
        timeout: urllib3.Timeout,
        *,
        stream: bool,
    ) -> urllib3.BaseHTTPResponse:
        url = self._server + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Accept": "application/json, */*"}
        if body is not None:
            headers["Content-Type"] = content_type
        payload = None if body is None else json.dumps(body).encode()
        try:
            response = self._http.request(
                method, url, body=payload, headers=headers, timeout=timeout, preload_content=not stream
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"{method} {path}: {error}") from error
        if response.status >= 400:
            text = response.data.decode(errors="replace")
            response.close()
            raise ApiError(response.status, f"{method} {path}: {response.status} {_message(text)}")
        return response


def _message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:300]
