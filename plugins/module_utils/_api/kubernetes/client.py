# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""HTTP to a Kubernetes API server: time-outs, retries, pages and watches.

It works on the urllib3 pool that the kubernetes client configures (TLS, proxies, client certificates), one level below
``ApiClient.call_api``, whose arguments changed with release 37 of the client; the pool is the same on both sides. The
typed API classes are left alone because importing them costs half a second from release 37 on.
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
    pass  # `session` reports a missing kubernetes client, which brings urllib3

if t.TYPE_CHECKING:
    import collections.abc

Json = dict[str, t.Any]
Query = t.Mapping[str, t.Any]

APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
PAGE = 500

_CONNECT_SECONDS = 10.0
_READ_SECONDS = 60.0
# A TLS failure is retried once only: it is seldom the network's. A server that takes a minute to answer gets three
# requests.
_RETRIES = {"total": 5, "read": 3, "other": 1}
_LONGEST_PAUSE = 20.0
_RETRIED = frozenset({429, 500, 502, 503, 504})
_VERBS = {"POST": "create", "PATCH": "patch", "PUT": "update", "DELETE": "delete"}


class ApiServer:
    """One API server and the caller's identity on it.

    :param pool: urllib3's pool manager or proxy manager.
    :param host: the server's URL without a trailing slash.
    :param authorization: gives the current ``Authorization`` header's value, or None where a client certificate
        identifies the caller; called before each request, so that a token can be renewed.
    :param headers: further headers of each request (impersonation).
    :param calls: where its requests are counted.
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
        """One request; its answer's JSON.

        :param query: query parameters; those that are None are left out, booleans become ``true`` and ``false``.
        :param accept: the form that the answer is to have; JSON of one kind or another.
        :param what: what the request is for, in the infinitive without "to", for the message of an error.
        :param retried: the statuses after which the request is sent again, at most five times with backoff or as the
            answer's Retry-After says. A lost connection is always retried, so a request must be one that may arrive
            twice: a patch, a delete with a uid, a create whose AlreadyExists the caller understands.
        :raises IrsaError: `error_of` a refusal; Unreachable for no answer.
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
        """As ``request``, with the answer's status before its JSON: an apply that creates answers 201, else 200."""
        answer = self._send(
            method, path, query=query, body=body, content_type=content_type, retried=retried, accept=accept
        )
        payload = answer.data
        if answer.status >= 400:
            raise error_of(method, path, answer.status, payload, what=what)
        try:
            found = json.loads(payload) if payload else {}
        except ValueError:
            found = None
        if answer.status >= 300 or not isinstance(found, dict):
            raise not_kubernetes(self.host, f"{method} {path}", answer)
        return answer.status, found

    def text(self, path: str, *, query: Query | None = None) -> str:
        """A GET whose answer is text, such as a pod's log."""
        answer = self._send("GET", path, query=query)
        if answer.status >= 400:
            raise error_of("GET", path, answer.status, answer.data)
        return str(answer.data.decode("utf-8", "replace"))

    def pages(
        self, path: str, *, query: Query | None = None, keep: t.Callable[[Json], Json | None] | None = None
    ) -> tuple[list[Json], str]:
        """All pages of a list.

        :param keep: gives what is to be kept of an object, None for nothing of it; all of it if left out. A page at a
            time, so that no more than a page is ever held besides.
        :returns: the objects, and the resourceVersion from which a watch goes on.
        """
        found: list[Json] = []
        token: str | None = None
        while True:
            page = self.request("GET", path, query={**(query or {}), "limit": PAGE, "continue": token})
            items = page.get("items") or []
            found += items if keep is None else [kept for each in items if (kept := keep(each)) is not None]
            token = page["metadata"].get("continue")
            if not token:
                return found, str(page["metadata"].get("resourceVersion", ""))

    def watch(
        self, path: str, *, resource_version: str, seconds: float, query: Query | None = None
    ) -> collections.abc.Iterator[tuple[str, Json]]:
        """The events after a resourceVersion, until ``seconds`` are over or the server ends the watch.

        :returns: pairs of type (ADDED, MODIFIED, DELETED, BOOKMARK) and object.
        :raises NotFound: the resourceVersion is too old (410 Gone): list again.
        :raises IrsaError: as ``request``. A connection lost in the middle simply ends the watch.
        """
        parameters = {
            **(query or {}),
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": resource_version,
            "timeoutSeconds": max(1, int(seconds + 0.999)),
        }
        answer = self._send("GET", path, query=parameters, stream=True, read_seconds=seconds + 5)
        if answer.status >= 400:
            raise error_of("GET", path, answer.status, answer.read())
        try:
            for line in _lines(answer):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise error_of("GET", path, int(status.get("code") or 500), json.dumps(status).encode())
                yield event["type"], event["object"]
        except http_errors.HTTPError:
            return
        finally:
            # Not release_conn: the rest of an endless answer must not be read by the connection's next user.
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
            raise unreachable(self.host, error) from error


def _retries(statuses: t.Container[int]) -> t.Any:
    """The retries of one request: with backoff, or after the pause that Retry-After asks for if that is bearable."""

    class Retry(urllib3.Retry):
        def get_retry_after(self, response: t.Any) -> float | None:
            seconds = super().get_retry_after(response)
            return None if seconds is None else min(seconds, _LONGEST_PAUSE)

    return Retry(
        **_RETRIES,
        status_forcelist=statuses,
        allowed_methods=None,
        backoff_factor=0.2,
        raise_on_status=False,
        redirect=False,
        # urllib3 would take Retry-After for a reason to retry whatever the statuses say: a refused eviction has it.
        respect_retry_after_header=429 in statuses,
    )


def _lines(answer: t.Any) -> collections.abc.Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(65536, decode_content=True):
        rest += chunk
        *whole, rest = rest.split(b"\n")
        yield from (line for line in whole if line)


def everywhere(server: ApiServer, list_all: t.Callable[..., list[Json]], namespaces: t.Sequence[str]) -> list[Json]:
    """The objects in any of the namespaces, by one list of all namespaces where there are several and the caller may.

    :param list_all: a function that lists one namespace, given as ``namespace``, or all of them.
    :raises AccessDenied: the caller may not list in one of them.
    """
    if len(namespaces) > 1:
        try:
            return list_all(server)
        except errors.AccessDenied:
            pass  # one by one then
    return [body for name in namespaces for body in list_all(server, namespace=name)]


def kubernetes_operation(method: str, path: str, *, watch: bool = False) -> str:
    """A request to a Kubernetes API server in the words of RBAC: ``list pods``, ``create serviceaccounts/token``.

    :param path: without query; what is no resource's (``/version``) stands for itself: ``get /version``.
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


def error_of(method: str, path: str, code: int, payload: bytes, *, what: str | None = None) -> errors.IrsaError:
    """The error for an answer of status 400 and up.

    :param payload: the answer's body: a Kubernetes Status, or whatever a proxy in between sends.
    :param what: what the request was for, as `ApiServer.request` takes it.
    """
    status = _status(payload)
    cause = str(status.get("message") or payload[:200].decode("utf-8", "replace") or f"status {code}")
    reason = str(status.get("reason") or "")
    causes = (status.get("details") or {}).get("causes") or []
    kind, fix = _kind(code, reason, {found.get("reason") for found in causes})
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
    """The class of error, and the fix.

    :param causes: the reasons among the Status' details.
    """
    if code == 403 and "NamespaceTerminating" in causes:
        return errors.Conflict, "wait until the namespace is gone"
    if code == 409 and "FieldManagerConflict" in causes:
        return errors.Conflict, "change the value where its owner has it from, or take it over with force: true"
    if code == 409:
        return (errors.AlreadyExists if reason == "AlreadyExists" else errors.OutOfDate), None
    return _KINDS.get(code, (errors.ApiError, None))


_GONE = (errors.NotFound, None)
_INVALID = (errors.InvalidInput, None)
_AWAY = (errors.Unreachable, "run again when the API server is available")
_KINDS: t.Final[t.Mapping[int, tuple[type[errors.IrsaError], str | None]]] = {
    400: _INVALID,
    401: (
        errors.BadCredentials,
        "give credentials that the API server accepts; with cluster_name the AWS identity needs an EKS access entry or "
        "a line in aws-auth",
    ),
    403: (errors.AccessDenied, "give the caller a Role or ClusterRole with that verb on that resource"),
    404: _GONE,
    410: _GONE,
    413: _INVALID,
    415: _INVALID,
    422: _INVALID,
    429: (errors.Throttled, "run again later or with fewer hosts at a time; what is done stays done"),
    502: _AWAY,
    503: _AWAY,
    504: _AWAY,
}


def not_kubernetes(host: str, request: str, answer: t.Any) -> errors.BadConnection:
    """The error for an answer that no Kubernetes API server gives."""
    return errors.BadConnection(
        f"{host} doesn't answer as a Kubernetes API server",
        cause=f"to {request} it said {answer.status} with {answer.headers.get('Content-Type')}",
        fix="check host, the kubeconfig's server and the proxy: it may be another service, or a login page",
        host=host,
    )


def unreachable(host: str, error: Exception) -> errors.IrsaError:
    """The error for no answer, after the retries."""
    reason = getattr(error, "reason", None) or error
    for inner in reason.args:
        if isinstance(inner, (FileNotFoundError, IsADirectoryError, PermissionError)):
            return errors.BadConnection(
                f"could not prepare the connection to the Kubernetes API server {host}",
                cause=f"a file of certificates or keys can't be read: {inner.strerror}",
                fix="check ca_cert, client_cert and client_key, or the kubeconfig's",
                host=host,
            )
    message = f"no answer from the Kubernetes API server {host}"
    if isinstance(reason, http_errors.SSLError):
        return errors.Unreachable(
            message,
            cause=f"TLS failed: {reason}",
            fix="give the server's own certificate authority (ca_cert, or the kubeconfig's), and a client "
            "certificate and key that belong together; or connect by cluster_name, which needs none of them",
            host=host,
        )
    return errors.Unreachable(
        message,
        cause=str(reason),
        fix="check the address, the proxy and the network: a private endpoint answers inside its VPC only",
        host=host,
    )
