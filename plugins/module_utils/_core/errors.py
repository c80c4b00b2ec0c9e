# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that `_core` and `_api` raise.

Each has a message, a cause and a fix. Only `_runner` turns them into ``fail_json``, so all other code works, and is
tested, without Ansible.
"""

from __future__ import annotations

import typing as t


class IrsaError(Exception):
    """A failure with its cause and fix.

    :param message: what is wrong with which object.
    :param cause: why; the service's own text if it returned one.
    :param fix: what the user can do.
    :param details: machine-readable facts, never credentials; modules return them under ``error``.
    """

    kind: t.ClassVar[str] = "error"

    def __init__(self, message: str, *, cause: str | None = None, fix: str | None = None, **details: t.Any) -> None:
        super().__init__(message)
        self.message = message
        self.cause = cause
        self.fix = fix
        self.details = details

    def __str__(self) -> str:
        parts = [_sentence(self.message)]
        if self.cause:
            parts.append(f"Cause: {_sentence(self.cause)}")
        if self.fix:
            parts.append(f"Fix: {_sentence(self.fix)}")
        return " ".join(parts)

    def as_dict(self) -> dict[str, t.Any]:
        """The error as modules return it: kind, message, cause, fix and the details."""
        return {"kind": self.kind, "message": self.message, "cause": self.cause, "fix": self.fix, **self.details}


class DuplicateKey(ValueError):
    """A mapping in JSON or YAML text has a key twice.

    :param path: the path of the mapping, such as ``Statement[0].Condition``; empty for the outermost mapping.
    """

    def __init__(self, key: str, path: str = "", line: int | None = None) -> None:
        place = f" in {path}" if path else ""
        super().__init__(f"key {key!r} occurs twice{place}{f' (line {line})' if line else ''}")


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


class InvalidInput(IrsaError):
    """An option is not valid, or AWS or Kubernetes rejects a value."""

    kind = "invalid_input"


class NotFound(IrsaError):
    """The object does not exist."""

    kind = "not_found"


class AlreadyExists(IrsaError):
    """The object to create already exists."""

    kind = "already_exists"


class AccessDenied(IrsaError):
    """AWS or Kubernetes denied the request; the message names the missing permission."""

    kind = "access_denied"


class BadCredentials(IrsaError):
    """The credentials are missing, expired or not accepted."""

    kind = "bad_credentials"


class BadConnection(IrsaError):
    """The options or files for a connection are missing, invalid or contradictory."""

    kind = "bad_connection"


class Unreachable(IrsaError):
    """The service did not answer, after all retries."""

    kind = "unreachable"


class Throttled(IrsaError):
    """The service rejected the request because of its rate limits, after all retries."""

    kind = "throttled"


class Conflict(IrsaError):
    """The object belongs to another owner, or is in use."""

    kind = "conflict"


class OutOfDate(Conflict):
    """The object was changed or replaced after it was read. The caller must read it and plan again."""


class QuotaExceeded(IrsaError):
    """The change would exceed a quota of the service."""

    kind = "quota_exceeded"


class WrongCluster(IrsaError):
    """The API server does not belong to the named EKS cluster."""

    kind = "wrong_cluster"


class RolloutFailed(IrsaError):
    """Workloads did not become ready, or their new pods lack the role."""

    kind = "rollout_failed"


class NotAttempted(IrsaError):
    """The change was not attempted because an earlier one failed."""

    kind = "not_attempted"


class ChainBroken(IrsaError):
    """A verification found errors between a service account and its role."""

    kind = "chain_broken"


class ApiError(IrsaError):
    """The service returned an error that no other class describes."""

    kind = "api_error"


def can_pass(error: IrsaError) -> bool:
    """Whether the same request to Kubernetes may succeed later without a fix."""
    return not isinstance(error, (AccessDenied, BadConnection, InvalidInput))
