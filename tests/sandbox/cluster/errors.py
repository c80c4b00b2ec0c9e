# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the API, which are returned as Kubernetes ``Status`` objects.

Reasons, codes and messages are those of k8s.io/apimachinery/pkg/api/errors.

Needed by: every target.
"""

from __future__ import annotations

import typing as t

Object = dict[str, t.Any]


class StatusError(Exception):
    """An error response. ``status()`` is its body, ``code`` its HTTP status."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        *,
        details: Object | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details

    def status(self) -> Object:
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        body["code"] = self.code
        return body


def _details(group: str, plural: str, name: str = "", **more: t.Any) -> Object:
    details: Object = {}
    if name:
        details["name"] = name
    if group:
        details["group"] = group
    if plural:
        details["kind"] = plural
    details.update({key: value for key, value in more.items() if value})
    return details


def qualified(group: str, plural: str) -> str:
    """``deployments.apps``, or ``pods`` for the core group."""
    return f"{plural}.{group}" if group else plural


def not_found(group: str, plural: str, name: str) -> StatusError:
    message = f'{qualified(group, plural)} "{name}" not found'
    return StatusError(404, "NotFound", message, details=_details(group, plural, name))


def page_not_found() -> StatusError:
    return StatusError(404, "NotFound", "the server could not find the requested resource", details={})


def already_exists(group: str, plural: str, name: str) -> StatusError:
    message = f'{qualified(group, plural)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, details=_details(group, plural, name))


def conflict(group: str, plural: str, name: str, why: str) -> StatusError:
    message = f'Operation cannot be fulfilled on {qualified(group, plural)} "{name}": {why}'
    return StatusError(409, "Conflict", message, details=_details(group, plural, name))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(group: str, plural: str, name: str, why: str) -> StatusError:
    subject = f'{qualified(group, plural)} "{name}"' if name else qualified(group, plural)
    message = f"{subject} is forbidden: {why}" if plural else f"forbidden: {why}"
    return StatusError(403, "Forbidden", message, details=_details(group, plural, name))


def bad_request(message: str) -> StatusError:
    return StatusError(400, "BadRequest", message)


def unauthorized() -> StatusError:
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, details={})


def unsupported_media_type(accepted: t.Iterable[str]) -> StatusError:
    message = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return StatusError(415, "UnsupportedMediaType", message)


def not_acceptable(accepted: t.Iterable[str]) -> StatusError:
    message = f"only the following media types are accepted: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message)


def expired(message: str) -> StatusError:
    return StatusError(410, "Expired", message)


def too_many_requests(message: str, *, retry_after: int = 0, causes: list[Object] | None = None) -> StatusError:
    details: Object = {}
    if causes:
        details["causes"] = causes
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return StatusError(429, "TooManyRequests", message, details=details)


def internal(message: str) -> StatusError:
    return StatusError(
        500, "InternalError", f"Internal error occurred: {message}", details={"causes": [{"message": message}]}
    )


class Cause(t.NamedTuple):
    """A validation error.

    :param reason: as in metav1.StatusCause.
    :param field: a path such as ``metadata.name``.
    """

    reason: str
    field: str
    message: str


def invalid(group: str, kind: str, name: str, causes: list[Cause]) -> StatusError:
    lines = list(dict.fromkeys(f"{cause.field}: {cause.message}" for cause in causes))
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    message = f'{kind}{"." + group if group else ""} "{name}" is invalid: {text}'
    listed = [{"reason": cause.reason, "message": cause.message, "field": cause.field} for cause in causes]
    return StatusError(422, "Invalid", message, details=_details(group, kind, name, causes=listed))


def apply_conflict(conflicts: list[tuple[str, str]]) -> StatusError:
    """The error of a server-side apply that changes fields of other managers.

    :param conflicts: the other manager, as in messages, and the field's path.
    """
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in conflicts
    ]
    return StatusError(409, "Conflict", _conflict_message(conflicts), details={"causes": causes})


def _conflict_message(conflicts: list[tuple[str, str]]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    by_manager: dict[str, list[str]] = {}
    for manager, path in conflicts:
        by_manager.setdefault(manager, []).append(path)
    groups = [
        f"conflicts with {manager}:\n" + "\n".join(f"- {path}" for path in paths)
        for manager, paths in sorted(by_manager.items())
    ]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(groups)
