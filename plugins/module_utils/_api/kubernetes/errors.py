# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Translates what a Kubernetes API server answers, or that it doesn't, into the collection's errors."""

from __future__ import annotations

import json
import typing as t

from ..._core import errors

try:
    import urllib3.exceptions as http_errors
except ImportError:
    pass  # `connection` reports a missing kubernetes client, which brings urllib3


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
