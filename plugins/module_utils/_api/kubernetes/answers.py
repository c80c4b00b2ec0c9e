# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Answers of a Kubernetes API server: bodies, JSON, and the errors for refused and unreadable ones."""

from __future__ import annotations

import json
import re
import typing as t
import zlib

from ..._core import errors
from ..._core.wording import excerpt
from .. import limits
from . import schemas

try:
    import urllib3.exceptions as http_errors
except ImportError:
    pass  # `connection` reports a missing kubernetes client, which depends on urllib3

if t.TYPE_CHECKING:
    import collections.abc

Json = dict[str, t.Any]

_CHUNK_BYTES = 65536


class UnreadableAnswer(Exception):
    """An answer that cannot be used. A proxy or a lost connection may be the cause, so that another try may help."""


# Bodies


def read_body(answer: t.Any, limit: int = limits.KUBERNETES_MAX_BYTES) -> bytes:
    """The body of an answer. At most ``limit`` bytes of it are decompressed into memory.

    :raises UnreadableAnswer: it is longer, or cannot be decompressed. That of an error is cut instead.
    """
    if answer.status >= 400:
        limit = limits.KUBERNETES_MAX_ERROR_BYTES
    parts, size = [], 0
    for part in _decompress(answer, iter(lambda: answer.read(_CHUNK_BYTES, decode_content=False), b"")):
        size += len(part)
        if size > limit and answer.status < 400:
            raise UnreadableAnswer(f"the answer has more than {limit // 2**20} MiB")
        parts.append(part)
        if size > limit:
            break
    return b"".join(parts)[:limit]


def _read_lines(answer: t.Any) -> collections.abc.Iterator[bytes]:
    """The lines of an answer, as they arrive. An incomplete last line is dropped.

    :raises UnreadableAnswer: a line is too long, or cannot be decompressed.
    """
    rest = b""
    for part in _decompress(answer, answer.stream(_CHUNK_BYTES, decode_content=False)):
        *whole, rest = (rest + part).split(b"\n")
        yield from (line for line in whole if line.strip())
        if len(rest) > limits.KUBERNETES_MAX_LINE_BYTES:
            raise UnreadableAnswer(
                f"a line of the answer has more than {limits.KUBERNETES_MAX_LINE_BYTES // 2**20} MiB"
            )


def _decompress(answer: t.Any, chunks: t.Iterable[bytes]) -> collections.abc.Iterator[bytes]:
    """The chunks, decompressed piece by piece. urllib3 would decompress a whole chunk, up to a thousand times its size.

    No compression is requested, but a proxy may compress with gzip nevertheless.
    """
    encoding = str(answer.headers.get("Content-Encoding") or "identity").strip().lower()
    if encoding == "identity":
        yield from chunks
        return
    if encoding not in ("gzip", "x-gzip"):
        raise UnreadableAnswer(f"the answer is compressed with {encoding}, which was not requested")
    decompressor = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            while chunk:
                yield decompressor.decompress(chunk, _CHUNK_BYTES)
                chunk = decompressor.unconsumed_tail
        yield decompressor.flush()
    except zlib.error as error:
        raise UnreadableAnswer(f"the compression of the answer is broken: {error}") from error
    if not decompressor.eof:
        raise UnreadableAnswer("the compressed answer is incomplete")


# JSON


def parse_answer(method: str, path: str, payload: bytes) -> Json:
    """The object that the API server answered to a request.

    :raises UnreadableAnswer: it is not an object with the fields that the collection reads.
    """
    body = _parse_object(payload)
    _require_no_flaw(schemas.find_flaw(method, path, body))
    return body


def _parse_object(payload: bytes) -> Json:
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"the answer is not valid JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise UnreadableAnswer("the answer is not a JSON object")
    return parsed


def read_events(path: str, answer: t.Any) -> collections.abc.Iterator[tuple[str, Json]]:
    """The events of a watch, each with its type and object.

    :raises UnreadableAnswer: a line is not an event.
    :raises IrsaError: an event reports an error, as `make_error`.
    """
    for line in _read_lines(answer):
        event = _parse_object(line)
        _require_no_flaw(schemas.find_event_flaw(path, event))
        body = event["object"]
        if event["type"] == "ERROR":
            code = body.get("code")
            raise make_error("GET", path, code if isinstance(code, int) else 500, json.dumps(body).encode())
        yield event["type"], body


def _require_no_flaw(flaw: str) -> None:
    if flaw:
        raise UnreadableAnswer(f"field {flaw} in the answer")


# Errors


def make_error(method: str, path: str, code: int, payload: bytes, *, what: str | None = None) -> errors.IrsaError:
    """Make the error for an answer with status 400 or higher.

    :param payload: the answer's body: a Kubernetes Status, or any text of a proxy.
    :param what: the purpose of the request, as for `ApiServer.request`.
    """
    status = _status(payload)
    message, reason = str(status.get("message") or ""), excerpt(str(status.get("reason") or ""))
    cause = excerpt(message) or excerpt(payload[:4096].decode("utf-8", "replace"), 200) or f"status {code}"
    causes = _causes(status)
    kind, fix = _kind(method, code, reason, message, {item.get("reason") for item in causes})
    if kind in (errors.Unreachable, errors.ApiError):
        cause = f"{code}: {cause}"
    problem = f"could not {what}" if what else f"Kubernetes refused {method} {path}"
    options = [option for option in ("cluster_name", "force") if option in (fix or "")]
    return kind(problem, cause=cause, fix=fix, options=options, code=code, reason=reason, causes=causes)


def _status(payload: bytes) -> dict[str, t.Any]:
    try:
        status = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return status if isinstance(status, dict) else {}


def _causes(status: Json) -> list[dict[str, str]]:
    """The causes in the details of a Status, as far as they are well-formed."""
    details = status.get("details")
    items = details.get("causes") if isinstance(details, dict) else None
    return [
        {str(key): excerpt(str(value)) for key, value in item.items()}
        for item in (items if isinstance(items, list) else [])
        if isinstance(item, dict)
    ]


_Kind: t.TypeAlias = "tuple[type[errors.IrsaError], str | None]"


def _kind(method: str, code: int, reason: str, message: str, causes: t.Container[t.Any]) -> _Kind:
    """The class of the error, and its fix.

    :param causes: the reasons in the details of the Status.
    """
    if code < 500 and _POLICY_REFUSAL.match(message):
        return _BY_ADMISSION
    if code == 403 and "NamespaceTerminating" in causes:
        return errors.Conflict, "wait until the namespace is deleted"
    if code == 403 and method != "GET":
        return _refusal(message) or _KINDS[403]
    if code == 409 and "FieldManagerConflict" in causes:
        return errors.Conflict, "change the value at its source, or take it over with force: true"
    if code == 409:
        return (errors.AlreadyExists if reason == "AlreadyExists" else errors.OutOfDate), None
    return _KINDS.get(code, (errors.ApiError, None))


def _refusal(message: str) -> _Kind | None:
    """The class and the fix for a refused write; None if the caller lacks the permission for it.

    Admission plugins refuse with 403 as RBAC does, whose texts name the user:
    https://kubernetes.io/docs/reference/access-authn-authz/authorization/
    """
    _object, _is_forbidden, rule = message.partition(" is forbidden: ")
    if not rule or rule.lower().startswith("user "):
        return _ESCALATION if "attempting to grant RBAC permissions not currently held" in rule else None
    return next((kind for text, kind in _ADMISSION.items() if text in rule), _BY_ADMISSION)


# Of webhooks, and of ValidatingAdmissionPolicies, which choose the status.
_POLICY_REFUSAL = re.compile(
    r"""admission webhook ".*" denied the request|.*ValidatingAdmissionPolicy '.*' with binding '.*' denied request"""
)
_NOT_FOUND: _Kind = (errors.NotFound, None)
_INVALID: _Kind = (errors.InvalidInput, None)
_LATER = "run again later, or with fewer hosts in parallel; completed changes are kept"
_UNAVAILABLE: _Kind = (errors.Unreachable, "run again when the API server is available")
_BY_ADMISSION: _Kind = (errors.AdmissionRefused, "comply with the rule of this admission control, or change the rule")
_ESCALATION: _Kind = (errors.AccessDenied, "grant these permissions to the caller too")
# Refusals by plugins and by the eviction API that are not rules for the object.
_ADMISSION: t.Final[t.Mapping[str, _Kind]] = {
    "exceeded quota: ": (errors.QuotaExceeded, "raise the ResourceQuota, or delete objects that it counts"),
    "status unknown for quota": _UNAVAILABLE,
    "not yet ready to handle request": _UNAVAILABLE,
    "pdb disruptions allowed is negative": (errors.Throttled, _LATER),
    "DisruptedPods map too big": (errors.Throttled, _LATER),
    "error looking up service account": (errors.NotFound, "create the service account"),
}
_KINDS: t.Final[t.Mapping[int, _Kind]] = {
    **dict.fromkeys((400, 413, 415, 422), _INVALID),
    **dict.fromkeys((404, 410), _NOT_FOUND),
    **dict.fromkeys((502, 503, 504), _UNAVAILABLE),
    401: (
        errors.BadCredentials,
        "use credentials that the API server accepts; with cluster_name, the AWS identity needs an EKS access entry or "
        "an entry in aws-auth",
    ),
    403: (errors.AccessDenied, "bind the caller to a Role or ClusterRole that allows this verb on this resource"),
    429: (errors.Throttled, _LATER),
}


def make_not_kubernetes_error(host: str, request: str, answer: t.Any) -> errors.BadConnection:
    """Make the error for an answer that a Kubernetes API server would not send."""
    return errors.BadConnection(
        f"{host} does not answer like a Kubernetes API server",
        cause=excerpt(
            f"{request} returned status {answer.status} with content type {answer.headers.get('Content-Type')}"
        ),
        fix="check host, the kubeconfig's server and the proxy: it may be another service, or a login page",
        host=host,
    )


def make_unreachable_error(host: str, request: str, error: Exception) -> errors.IrsaError:
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
    if isinstance(reason, http_errors.ReadTimeoutError):
        return errors.Unreachable(
            message,
            cause=f"{request} had no complete answer in time",
            fix="run again; if it happens again, check the load of the API server, the proxy and the network",
            host=host,
        )
    if isinstance(reason, http_errors.SSLError):
        return errors.Unreachable(
            message,
            cause=excerpt(f"TLS failed: {reason}"),
            fix="set the server's certificate authority (ca_cert, or in the kubeconfig) and a client certificate with "
            "the matching key; or connect with cluster_name, which needs none of them",
            options=("cluster_name",),
            host=host,
        )
    is_lost = isinstance(reason, http_errors.ProtocolError)
    return errors.Unreachable(
        message,
        cause=excerpt(f"the connection was lost: {limits.describe_http_error(reason)}" if is_lost else str(reason)),
        fix="check the address, the proxy and the network: a private endpoint is reachable only from its VPC",
        host=host,
    )


def make_unreadable_error(host: str, request: str, flaw: object) -> errors.MalformedAnswer:
    """Make the error for an `UnreadableAnswer`, after all retries."""
    return errors.MalformedAnswer(
        f"the answer of the Kubernetes API server {host} cannot be used",
        cause=excerpt(f"{request}: {flaw}"),
        fix="run again; if it happens again, check the proxy or load balancer between this host and the API server",
        host=host,
    )


def make_late_error(host: str, request: str) -> errors.Unreachable:
    """Make the error for a request for which no time is left."""
    return errors.Unreachable(
        f"no answer from the Kubernetes API server {host}",
        cause=f"no time is left for {request}",
        fix="run again, with a longer timeout if the API server is slow",
        host=host,
    )


def require_success(host: str, method: str, path: str, answer: t.Any, *, what: str | None = None) -> None:
    """Check the status of an answer, whose body is not read yet.

    :param what: as for `make_error`.
    :raises IrsaError: as `make_error`; BadConnection for a redirect.
    """
    if answer.status >= 400:
        raise make_error(method, path, answer.status, read_body(answer), what=what)
    if answer.status >= 300:
        raise make_not_kubernetes_error(host, f"{method} {path}", answer)


def require_json(host: str, method: str, path: str, answer: t.Any) -> None:
    """Check the media type of an answer.

    :raises BadConnection: it is another one than JSON.
    """
    if "json" not in str(answer.headers.get("Content-Type") or "json").lower():
        raise make_not_kubernetes_error(host, f"{method} {path}", answer)
