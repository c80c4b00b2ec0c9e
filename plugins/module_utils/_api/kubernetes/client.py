# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP requests to a Kubernetes API server: time limits, retries, pages and watches.

They use the urllib3 pool that the kubernetes client configures with TLS, proxies and client certificates. Release 37 of
that client changed the arguments of ``ApiClient.call_api``, but not the pool. From that release on, the import of the
typed API classes costs half a second, so they are not used.
"""

from __future__ import annotations

import copy
import itertools
import json
import math
import re
import threading
import time
import typing as t
import urllib.parse

from ..._core import errors
from ..._core.plan import Calls
from .. import limits
from . import answers, schemas
from .answers import UnreadableAnswer

try:
    import urllib3
    import urllib3.exceptions as http_errors
    from urllib3._collections import HTTPHeaderDict  # urllib3 1.26 has no public name for it
except ImportError:
    pass  # `connection` reports a missing kubernetes client, which depends on urllib3

if t.TYPE_CHECKING:
    import collections.abc

T = t.TypeVar("T")
Json = answers.Json
Query = t.Mapping[str, t.Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"

_RETRIED = frozenset({429, 500, 502, 503, 504})
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class ApiServer:
    """An API server, and the caller's identity on it.

    :param pool: urllib3's pool manager or proxy manager.
    :param host: the server's URL.
    :param authorization: returns the value of the ``Authorization`` header, or None if a client certificate identifies
        the caller. It is called before each request, so that it can renew a token.
    :param renew: makes ``authorization`` renew the token, after 401 Unauthorized; None if it has none to renew.
    :param headers: more headers of each request, for impersonation.
    :param calls: counts the requests.
    """

    def __init__(
        self,
        pool: t.Any,
        host: str,
        *,
        authorization: t.Callable[[], str | None],
        renew: t.Callable[[], None] | None = None,
        headers: t.Iterable[tuple[str, str]] = (),
        calls: Calls | None = None,
    ) -> None:
        self.calls = calls or Calls()
        self.host = host.rstrip("/")
        self._transport = _Transport(pool, self.host, authorization, renew, headers)
        self._deadline = math.inf

    def within(self, seconds: float) -> ApiServer:
        """The same API server, for requests that end within this time, with their retries. A shorter limit is kept."""
        limited = copy.copy(self)
        limited._deadline = min(self._deadline, time.monotonic() + seconds)
        return limited

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: t.Any = None,
        content_type: str = "application/json",
        retried: t.Container[int] = _RETRIED,
        accept: str = "application/json",
        what: str | None = None,
    ) -> Json:
        """Send a request, and return the JSON of its answer.

        :param query: query parameters; None omits one, booleans become ``true`` and ``false``.
        :param retried: the statuses after which the request is sent again, at most five times, with backoff or after
            the time in Retry-After. After a lost or unreadable answer it is always sent again, so it must be safe to
            repeat: a patch, a delete with a uid, or a create whose caller handles AlreadyExists.
        :param accept: the media type of the answer; it must be JSON.
        :param what: the purpose of the request, an infinitive without "to", for error messages.
        :raises IrsaError: as `make_error`; Unreachable if there is no answer; MalformedAnswer if it cannot be used.
        """
        return self.exchange(
            method, path, query=query, body=body, content_type=content_type, retried=retried, accept=accept, what=what
        )[1]

    def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: t.Any = None,
        content_type: str = "application/json",
        retried: t.Container[int] = _RETRIED,
        accept: str = "application/json",
        what: str | None = None,
        max_bytes: int = limits.KUBERNETES_MAX_BYTES,
    ) -> tuple[int, Json]:
        """Do the same as `request`, and return the status too: an apply returns 201 if it creates the object, else 200.

        :param max_bytes: the limit of the answer.
        """

        def read(answer: t.Any) -> tuple[int, Json]:
            answers.require_success(self.host, method, path, answer, what=what)
            payload = answers.read_body(answer, max_bytes)
            answers.require_json(self.host, method, path, answer)
            return answer.status, answers.parse_answer(method, path, payload)

        return self._send(_Request(method, path, query, body, content_type, accept), read, retried)

    def text(self, path: str, *, query: Query | None = None) -> str:
        """The text that a GET returns, such as a pod's log."""

        def read(answer: t.Any) -> str:
            answers.require_success(self.host, "GET", path, answer)
            return answers.read_body(answer).decode("utf-8", "replace")

        return self._send(_Request("GET", path, query), read, _RETRIED)

    def pages(
        self, path: str, *, query: Query | None = None, keep: t.Callable[[Json], Json | None] | None = None
    ) -> tuple[list[Json], str]:
        """All objects of a list, from all of its pages.

        If the API server has forgotten the state of the first page (410 Gone), the list begins again, without pages.

        :param keep: returns the part of an object to keep, or None to skip the object. It is called page by page, so
            that only one page of whole objects is in memory. None keeps all objects.
        :returns: the objects, and the resourceVersion at which a watch can start.
        :raises MalformedAnswer: the pages have no end.
        """
        server = self.within(limits.KUBERNETES_LIST_SECONDS)
        result: list[Json] = []
        tokens: set[str] = set()
        parameters: dict[str, t.Any] = {**(query or {}), "limit": limits.KUBERNETES_PAGE}
        while True:
            try:
                # Without pages, the answer has all objects.
                max_bytes = limits.KUBERNETES_MAX_BYTES if "limit" in parameters else limits.MAX_BYTES
                page = server.exchange("GET", path, query=parameters, max_bytes=max_bytes)[1]
            except errors.NotFound as error:
                if error.details["code"] != 410 or "limit" not in parameters:
                    raise
                result, tokens, parameters = [], set(), {**(query or {})}
                continue
            items = page.get("items") or []
            result += items if keep is None else [part for body in items if (part := keep(body)) is not None]
            token = page["metadata"].get("continue")
            if not token:
                return result, str(page["metadata"].get("resourceVersion", ""))
            if token in tokens or len(tokens) >= limits.KUBERNETES_MAX_PAGES:
                repeats = ": a continue token repeats" if token in tokens else ""
                flaw = f"the list does not end after {len(tokens) + 1} pages{repeats}"
                raise answers.make_unreadable_error(self.host, f"GET {path}", flaw)
            tokens.add(token)
            parameters["continue"] = token

    def watch(
        self, path: str, *, resource_version: str, seconds: float, query: Query | None = None
    ) -> collections.abc.Iterator[tuple[str, Json]]:
        """The events after a resourceVersion, for ``seconds`` or until the server ends the watch. No status is retried.

        :returns: pairs of type (ADDED, MODIFIED, DELETED, BOOKMARK) and object.
        :raises NotFound: the resourceVersion is too old (410 Gone); the caller must list again.
        :raises IrsaError: as ``request``. A connection that is lost during the watch ends it without error.
        """
        options = {"watch": True, "allowWatchBookmarks": True, "resourceVersion": resource_version}
        query = {**(query or {}), **options, "timeoutSeconds": max(1, int(seconds + 0.999))}
        request = _Request("GET", path, query)
        left = min(seconds + 5, self._deadline - time.monotonic())
        if left <= 0:
            raise answers.make_late_error(self.host, str(request))
        self.calls.add("kubernetes", kubernetes_operation("GET", path, watch=True))
        try:
            answer = self._transport.open(request, left)
        except http_errors.HTTPError as error:
            raise answers.make_unreachable_error(self.host, str(request), error) from error
        try:
            answers.require_success(self.host, request.method, path, answer)
            yield from answers.read_events(path, answer)
        except UnreadableAnswer as flaw:
            raise answers.make_unreadable_error(self.host, str(request), flaw) from flaw
        except http_errors.HTTPError:
            return
        finally:
            # Not release_conn: the next request on this connection must not read the rest of the answer.
            answer.close()

    def _send(self, request: _Request, read: t.Callable[[t.Any], T], retried: t.Container[int]) -> T:
        """Send a request, and send it again after failures that may pass.

        :param read: returns the result of an answer. It raises UnreadableAnswer, or the error of the answer's status.
        """
        self.calls.add("kubernetes", kubernetes_operation(request.method, request.path))
        deadline = min(self._deadline, time.monotonic() + limits.KUBERNETES_REQUEST_SECONDS)
        for count in itertools.count():
            # Half of the time that is left: after a stalled answer, there is time for another try.
            seconds = min(limits.KUBERNETES_ANSWER_SECONDS, (deadline - time.monotonic()) / 2)
            if seconds <= 0:
                raise answers.make_late_error(self.host, str(request))
            answer = None
            pause = limits.KUBERNETES_DELAY * 2**count if count else 0.0
            failure: errors.IrsaError
            try:
                answer = self._transport.open(request, seconds)
                return read(answer)
            except http_errors.HTTPError as error:
                failure, retries = answers.make_unreachable_error(self.host, str(request), error), _count_retries(error)
                failure.__cause__ = error
            except UnreadableAnswer as flaw:
                failure = answers.make_unreadable_error(self.host, str(request), flaw)
                retries = limits.KUBERNETES_ANSWER_RETRIES
            except errors.IrsaError as error:
                if answer is None or answer.status not in retried:
                    raise
                failure, retries, pause = error, limits.KUBERNETES_RETRIES, _parse_retry_after(answer, pause)
            finally:
                if answer is not None:
                    # If the answer was read to its end, its connection is in the pool again and stays open.
                    answer.close()
            if count >= retries or time.monotonic() + pause >= deadline:
                raise failure
            if pause:
                time.sleep(pause)
        raise AssertionError("the loop has no end")


class _Request(t.NamedTuple):
    method: str
    path: str
    query: Query | None = None
    body: t.Any = None
    content_type: str = "application/json"
    accept: str = "application/json"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class _Transport:
    """Sends single requests. The parameters are those of `ApiServer`."""

    def __init__(
        self,
        pool: t.Any,
        host: str,
        authorization: t.Callable[[], str | None],
        renew: t.Callable[[], None] | None,
        headers: t.Iterable[tuple[str, str]],
    ) -> None:
        self._renew = renew
        # Each request has a read timeout: that of a watch can be long.
        pool.pool_classes_by_scheme = limits.limit_answers(pool.pool_classes_by_scheme, math.inf)
        self._pool = pool
        self._host = host
        self._authorization = authorization
        self._headers = tuple(headers)

    def open(self, request: _Request, seconds: float) -> t.Any:
        """Send a request. Its answer must be complete within ``seconds`` and is not read yet.

        It is sent once, or a second time with a new token if the API server does not accept the token any more.
        """
        answer = self._open(request, seconds)
        if answer.status == 401 and self._renew is not None:
            answer.close()
            self._renew()
            answer = self._open(request, seconds)
        return answer

    def _open(self, request: _Request, seconds: float) -> t.Any:
        url = self._host + request.path
        if request.query:
            url += "?" + urllib.parse.urlencode(
                [(k, str(v).lower() if isinstance(v, bool) else v) for k, v in request.query.items() if v is not None]
            )
        headers = HTTPHeaderDict(self._headers)
        headers["Accept"] = request.accept
        headers["User-Agent"] = "eksops.irsa"
        if request.body is not None:
            headers["Content-Type"] = request.content_type
        authorization = self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        return self._pool.request(
            request.method,
            url,
            body=None if request.body is None else json.dumps(request.body).encode(),
            headers=headers,
            retries=False,
            redirect=False,
            timeout=urllib3.Timeout(connect=min(limits.KUBERNETES_CONNECT_SECONDS, seconds), read=seconds),
            preload_content=False,
            enforce_content_length=True,
        )


class RenewedToken:
    """A bearer token that is renewed before it expires. Threads may share it.

    :param make: creates a token.
    :param seconds: the time after which a token is renewed.
    """

    def __init__(
        self, make: t.Callable[[], str], seconds: float, clock: t.Callable[[], float] = time.monotonic
    ) -> None:
        self._make = make
        self._seconds = seconds
        self._clock = clock
        self._token = ""
        self._until = float("-inf")
        self._lock = threading.Lock()

    def expire(self) -> None:
        """Make the next request renew the token, because the API server does not accept it any more."""
        with self._lock:
            self._until = float("-inf")

    def authorization(self) -> str:
        """The value of the ``Authorization`` header."""
        with self._lock:
            if self._clock() >= self._until:
                # Read before the token is created, because its lifetime starts with the signature.
                started = self._clock()
                self._token = self._make()
                self._until = started + self._seconds
            return f"Bearer {self._token}"


def _count_retries(error: Exception) -> int:
    """How often a request is sent again after this failure."""
    error = getattr(error, "original_error", error)  # of a ProxyError
    if isinstance(error, http_errors.ConnectTimeoutError):
        return limits.KUBERNETES_RETRIES
    if isinstance(error, http_errors.SSLError):
        return limits.KUBERNETES_TLS_RETRIES
    return limits.KUBERNETES_ANSWER_RETRIES


def _parse_retry_after(answer: t.Any, default: float) -> float:
    """The seconds in Retry-After, up to a limit. A date, which an API server does not send, is ignored."""
    text = str(answer.headers.get("Retry-After") or "").strip()
    return min(float(text), limits.KUBERNETES_MAX_RETRY_AFTER) if re.fullmatch("[0-9]{1,9}", text) else default


def kubernetes_operation(method: str, path: str, *, watch: bool = False) -> str:
    """A request as RBAC names it: ``list pods``, ``create serviceaccounts/token``.

    :param path: without query. The result for a path that is not a resource has the path: ``get /version``.
    """
    parts = schemas.split_resource(path)
    if not parts:
        return f"{_VERBS.get(method, method.lower())} {path}"
    if method == "GET":
        verb = "watch" if watch else "list" if len(parts) == 1 else "get"
    else:
        verb = _VERBS.get(method, method.lower())
    return f"{verb} {'/'.join([parts[0], *parts[2:]])}"
