# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP requests to a Kubernetes API server: timeouts, retries, pages and watches.

They use the urllib3 pool that the kubernetes client configures with TLS, proxies and client certificates. Release 37 of
that client changed the arguments of ``ApiClient.call_api``, but not the pool. From that release on, the import of the
typed API classes costs half a second, so they are not used.
"""

from __future__ import annotations

import json
import typing as t
import urllib.parse

from ..._core import errors
from ..._core.plan import Calls

try:
    import urllib3
    import urllib3.exceptions as http_errors
    from urllib3._collections import HTTPHeaderDict  # urllib3 1.26 has no public name for it
except ImportError:
    pass  # `connection` reports a missing kubernetes client, which depends on urllib3

if t.TYPE_CHECKING:
    import collections.abc

Json = dict[str, t.Any]
Query = t.Mapping[str, t.Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PAGE = 500

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
# A TLS failure is retried only once, because it is rarely transient. A read timeout takes a minute, so there are fewer
# retries.
_RETRIES = {"total": 5, "read": 3, "other": 1}
_MAX_PAUSE = 20.0
_RETRIED = frozenset({429, 500, 502, 503, 504})
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class ApiServer:
    """An API server, and the caller's identity on it.

    :param pool: urllib3's pool manager or proxy manager.
    :param host: the server's URL.
    :param authorization: returns the value of the ``Authorization`` header, or None if a client certificate identifies
        the caller. It is called before each request, so that it can renew a token.
    :param headers: more headers of each request, for impersonation.
    :param calls: counts the requests.
    """

    def __init__(
        self,
        pool: t.Any,
        host: str,
        *,
        authorization: t.Callable[[], str | None],
        headers: t.Iterable[tuple[str, str]] = (),
        calls: Calls | None = None,
    ) -> None:
        self.calls = calls or Calls()
        self._pool = pool
        self.host = host.rstrip("/")
        self._authorization = authorization
        self._headers = tuple(headers)

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
            the time in Retry-After. A lost connection is always retried, so the request must be safe to repeat: a
            patch, a delete with a uid, or a create whose caller handles AlreadyExists.
        :param accept: the media type of the answer; it must be JSON.
        :param what: the purpose of the request, an infinitive without "to", for error messages.
        :raises IrsaError: as `make_error`; Unreachable if there is no answer.
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
    ) -> tuple[int, Json]:
        """As ``request``, but return the status too: an apply answers 201 if it creates the object, else 200."""
        answer = self._send(
            method, path, query=query, body=body, content_type=content_type, retried=retried, accept=accept
        )
        payload = answer.data
        if answer.status >= 400:
            raise make_error(method, path, answer.status, payload, what=what)
        try:
            parsed = json.loads(payload) if payload else {}
        except ValueError:
            parsed = None
        if answer.status >= 300 or not isinstance(parsed, dict):
            raise _make_not_kubernetes_error(self.host, f"{method} {path}", answer)
        return answer.status, parsed

    def text(self, path: str, *, query: Query | None = None) -> str:
        """The text that a GET returns, such as a pod's log."""
        answer = self._send("GET", path, query=query)
        if answer.status >= 400:
            raise make_error("GET", path, answer.status, answer.data)
        return str(answer.data.decode("utf-8", "replace"))

    def pages(
        self, path: str, *, query: Query | None = None, keep: t.Callable[[Json], Json | None] | None = None
    ) -> tuple[list[Json], str]:
        """All objects of a list, from all of its pages.

        If the API server has forgotten the state of the first page (410 Gone), the list begins again, without pages.

        :param keep: returns the part of an object to keep, or None to skip the object. It is called page by page, so
            that only one page of whole objects is in memory. None keeps all objects.
        :returns: the objects, and the resourceVersion at which a watch can start.
        """
        result: list[Json] = []
        parameters: dict[str, t.Any] = {**(query or {}), "limit": PAGE}
        while True:
            try:
                page = self.request("GET", path, query=parameters)
            except errors.NotFound as error:
                if error.details["code"] != 410 or "limit" not in parameters:
                    raise
                result, parameters = [], {**(query or {})}
                continue
            items = page.get("items") or []
            result += items if keep is None else [part for body in items if (part := keep(body)) is not None]
            parameters["continue"] = page["metadata"].get("continue")
            if not parameters["continue"]:
                return result, str(page["metadata"].get("resourceVersion", ""))

    def watch(
        self, path: str, *, resource_version: str, seconds: float, query: Query | None = None
    ) -> collections.abc.Iterator[tuple[str, Json]]:
        """The events after a resourceVersion, for ``seconds`` or until the server ends the watch. No status is retried.

        :returns: pairs of type (ADDED, MODIFIED, DELETED, BOOKMARK) and object.
        :raises NotFound: the resourceVersion is too old (410 Gone); the caller must list again.
        :raises IrsaError: as ``request``. A connection that is lost during the watch ends it without error.
        """
        parameters = {
            **(query or {}),
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": resource_version,
            "timeoutSeconds": max(1, int(seconds + 0.999)),
        }
        answer = self._send("GET", path, query=parameters, retried=(), stream=True, read_seconds=seconds + 5)
        if answer.status >= 400:
            raise make_error("GET", path, answer.status, answer.read())
        try:
            for line in _lines(answer):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise make_error("GET", path, int(status.get("code") or 500), json.dumps(status).encode())
                yield event["type"], event["object"]
        except http_errors.HTTPError:
            return
        finally:
            # Not release_conn: the next request on this connection must not read the rest of the answer.
            answer.close()

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: t.Any = None,
        content_type: str = "application/json",
        retried: t.Container[int] = _RETRIED,
        accept: str = "application/json",
        stream: bool = False,
        read_seconds: float = _READ_SECONDS,
    ) -> t.Any:
        url = self.host + path
        if query:
            url += "?" + urllib.parse.urlencode(
                [(k, str(v).lower() if isinstance(v, bool) else v) for k, v in query.items() if v is not None]
            )
        headers = HTTPHeaderDict(self._headers)
        headers["Accept"] = accept
        headers["User-Agent"] = "eksops.irsa"
        if body is not None:
            headers["Content-Type"] = content_type
        authorization = self._authorization()
        if authorization:
            headers["Authorization"] = authorization
        self.calls.add("kubernetes", kubernetes_operation(method, path, watch=bool(query and query.get("watch"))))
        try:
            return self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=headers,
                retries=_retries(retried),
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds),
                preload_content=not stream,
            )
        except http_errors.HTTPError as error:
            raise _make_unreachable_error(self.host, error) from error


def _retries(statuses: t.Container[int]) -> t.Any:
    """The retries of a request: with backoff, or after the time in Retry-After up to a limit."""

    class Retry(urllib3.Retry):
        def get_retry_after(self, response: t.Any) -> float | None:
            seconds = super().get_retry_after(response)
            return None if seconds is None else min(seconds, _MAX_PAUSE)

    return Retry(
        **_RETRIES,
        status_forcelist=statuses,
        allowed_methods=None,
        backoff_factor=0.2,
        raise_on_status=False,
        redirect=False,
        # With Retry-After, urllib3 would retry any status. A rejected eviction has this header.
        respect_retry_after_header=429 in statuses,
    )


def _lines(answer: t.Any) -> collections.abc.Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(65536, decode_content=True):
        rest += chunk
        *whole, rest = rest.split(b"\n")
        yield from (line for line in whole if line)


def list_in_namespaces(
    server: ApiServer, list_all: t.Callable[..., list[Json]], namespaces: t.Sequence[str]
) -> list[Json]:
    """The objects in some namespaces. With several namespaces, one request lists all namespaces if the caller may.

    The result may then have objects of other namespaces.

    :param list_all: lists the objects of one namespace (keyword ``namespace``), or of all.
    :raises AccessDenied: the caller may not list one of the namespaces.
    """
    if len(namespaces) > 1:
        try:
            return list_all(server)
        except errors.AccessDenied:
            pass  # list them one by one
    return [body for name in namespaces for body in list_all(server, namespace=name)]


def kubernetes_operation(method: str, path: str, *, watch: bool = False) -> str:
    """A request as RBAC names it: ``list pods``, ``create serviceaccounts/token``.

    :param path: without query. The result for a path that is not a resource has the path: ``get /version``.
    """
    parts = path.strip("/").split("/")
    prefix = {"api": 2, "apis": 3}.get(parts[0])
    rest = parts[prefix:] if prefix else []
    if len(rest) > 2 and rest[0] == "namespaces":
        rest = rest[2:]
    if not rest:
        return f"{_VERBS.get(method, method.lower())} {path}"
    resource = "/".join([rest[0], *rest[2:]])
    if method == "GET":
        verb = "watch" if watch else "list" if len(rest) == 1 else "get"
    else:
        verb = _VERBS.get(method, method.lower())
    return f"{verb} {resource}"


# Errors


def make_error(method: str, path: str, code: int, payload: bytes, *, what: str | None = None) -> errors.IrsaError:
    """Make the error for an answer with status 400 or higher.

    :param payload: the answer's body: a Kubernetes Status, or any text of a proxy.
    :param what: the purpose of the request, as for `ApiServer.request`.
    """
    status = _status(payload)
    cause = str(status.get("message") or payload[:200].decode("utf-8", "replace") or f"status {code}")
    reason = str(status.get("reason") or "")
    causes = (status.get("details") or {}).get("causes") or []
    kind, fix = _kind(code, reason, {item.get("reason") for item in causes})
    if kind in (errors.Unreachable, errors.ApiError):
        cause = f"{code}: {cause}"
    message = f"could not {what}" if what else f"Kubernetes refused {method} {path}"
    return kind(message, cause=cause, fix=fix, code=code, reason=reason, causes=causes)


def _status(payload: bytes) -> dict[str, t.Any]:
    try:
        status = json.loads(payload)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def _kind(code: int, reason: str, causes: t.Container[t.Any]) -> tuple[type[errors.IrsaError], str | None]:
    """The class of the error, and its fix.

    :param causes: the reasons in the details of the Status.
    """
    if code == 403 and "NamespaceTerminating" in causes:
        return errors.Conflict, "wait until the namespace is deleted"
    if code == 409 and "FieldManagerConflict" in causes:
        return errors.Conflict, "change the value at its source, or take it over with force: true"
    if code == 409:
        return (errors.AlreadyExists if reason == "AlreadyExists" else errors.OutOfDate), None
    return _KINDS.get(code, (errors.ApiError, None))


_NOT_FOUND = (errors.NotFound, None)
_INVALID = (errors.InvalidInput, None)
_UNAVAILABLE = (errors.Unreachable, "run again when the API server is available")
_KINDS: t.Final[t.Mapping[int, tuple[type[errors.IrsaError], str | None]]] = {
    400: _INVALID,
    401: (
        errors.BadCredentials,
        "use credentials that the API server accepts; with cluster_name, the AWS identity needs an EKS access entry or "
        "an entry in aws-auth",
    ),
    403: (errors.AccessDenied, "bind the caller to a Role or ClusterRole that allows this verb on this resource"),
    404: _NOT_FOUND,
    410: _NOT_FOUND,
    413: _INVALID,
    415: _INVALID,
    422: _INVALID,
    429: (errors.Throttled, "run again later, or with fewer hosts in parallel; completed changes are kept"),
    502: _UNAVAILABLE,
    503: _UNAVAILABLE,
    504: _UNAVAILABLE,
}


def _make_not_kubernetes_error(host: str, request: str, answer: t.Any) -> errors.BadConnection:
    """Make the error for an answer that a Kubernetes API server would not send."""
    return errors.BadConnection(
        f"{host} does not answer like a Kubernetes API server",
        cause=f"{request} returned status {answer.status} with content type {answer.headers.get('Content-Type')}",
        fix="check host, the kubeconfig's server and the proxy: it may be another service, or a login page",
        host=host,
    )


def _make_unreachable_error(host: str, error: Exception) -> errors.IrsaError:
    """Make the error for a request without an answer, after all retries."""
    reason = getattr(error, "reason", None) or error
    for inner in reason.args:
        if isinstance(inner, (FileNotFoundError, IsADirectoryError, PermissionError)):
            return errors.BadConnection(
                f"could not prepare the connection to the Kubernetes API server {host}",
                cause=f"cannot read a certificate or key file: {inner.strerror}",
                fix="check ca_cert, client_cert and client_key, or the same settings of the kubeconfig",
                host=host,
            )
    message = f"no answer from the Kubernetes API server {host}"
    if isinstance(reason, http_errors.SSLError):
        return errors.Unreachable(
            message,
            cause=f"TLS failed: {reason}",
            fix="set the server's certificate authority (ca_cert, or in the kubeconfig) and a client certificate with "
            "its own key; or connect with cluster_name, which needs none of them",
            host=host,
        )
    return errors.Unreachable(
        message,
        cause=str(reason),
        fix="check the address, the proxy and the network: a private endpoint is reachable only from its VPC",
        host=host,
    )
