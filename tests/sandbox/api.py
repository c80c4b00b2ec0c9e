# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the sandbox's API server, simulated or real.

Needed by: every target; make permissions.
"""

from __future__ import annotations

import json
import typing as t
import urllib.parse

import urllib3

if t.TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.settings import StateDirectory

    Json = dict[str, t.Any]

MERGE_PATCH = "application/merge-patch+json"


class ApiError(Exception):
    """The API server returned an error.

    :param status: the HTTP status, 0 if there was no response.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ApiClient:
    """A client of the API server of a state directory. Threads can share it.

    :param user: one of ``pki.CLIENTS``, whose client certificate is used.
    :param timeout: of a read, in seconds.
    """

    def __init__(self, state: StateDirectory, user: str = "admin", *, timeout: float = 10) -> None:
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
        """Send a request and return the JSON of the response.

        :raises ApiError: for a status of 400 or higher and for a lost connection.
        """
        response = self._send(method, path, body, query or {}, content_type, self._timeout, stream=False)
        return t.cast("Json", json.loads(response.data))

    def get_text(self, path: str, **query: t.Any) -> str:
        """Return a response that is plain text, such as a pod's log.

        :raises ApiError: for a status of 400 or higher and for a lost connection.
        """
        return self._send("GET", path, None, query, "", self._timeout, stream=False).data.decode(errors="replace")

    def is_ready(self) -> bool:
        """Whether the API server reports that it is ready."""
        try:
            return self.get_text("/readyz") == "ok"
        except ApiError:
            return False

    def watch(self, path: str, resource_version: str, *, seconds: int = 240, **query: t.Any) -> Iterator[Json]:
        """Yield watch events until the server ends the watch.

        :raises ApiError: if the watch cannot start or the connection breaks.
        """
        query = {**query, "watch": "1", "resourceVersion": resource_version, "timeoutSeconds": seconds}
        query["allowWatchBookmarks"] = "true"
        timeout = urllib3.Timeout(connect=2, read=seconds + 10)
        response = self._send("GET", path, None, query, "", timeout, stream=True)
        partial_line = b""
        try:
            for chunk in response.stream(65536):
                *complete_lines, partial_line = (partial_line + chunk).split(b"\n")
                yield from (json.loads(line) for line in complete_lines if line)
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, f"lost the watch of {path}: {error}") from error
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
            raise ApiError(response.status, f"{method} {path}: {response.status} {_status_message(text)}")
        return response


def _status_message(text: str) -> str:
    try:
        return str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return text[:300]
