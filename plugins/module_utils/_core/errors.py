# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that `_core` and `_api` raise.

Each says what happened to which object, why, and what to do about it. `_runner` alone turns them into
``fail_json``, so everything below it can be used, and tested, without Ansible.
"""

from __future__ import annotations

import typing as t


class IrsaError(Exception):
    """Any failure this collection can explain.

    :param message: what happened, naming the object ("role app: ...").
    :param cause: why, in the words of the service that refused where there are any.
    :param fix: what the user can do about it.
    :param details: machine-readable facts (never a credential), returned under ``error``.
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


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else text + "."


class InvalidInput(IrsaError):
    """An option's value can't be right; found before any call."""

    kind = "invalid_input"


class NotFound(IrsaError):
    """The object doesn't exist."""

    kind = "not_found"


class AlreadyExists(IrsaError):
    """The object to be created is there already."""

    kind = "already_exists"


class AccessDenied(IrsaError):
    """AWS or Kubernetes refused the caller; the message names the permission that is missing."""

    kind = "access_denied"


class BadCredentials(IrsaError):
    """There are no credentials, or they are expired or not accepted."""

    kind = "bad_credentials"


class BadConnection(IrsaError):
    """The options or files that say where to connect are missing, broken or contradict each other."""

    kind = "bad_connection"


class Unreachable(IrsaError):
    """No connection, or a broken one, after the retries."""

    kind = "unreachable"


class Throttled(IrsaError):
    """The service went on refusing because of its rate limits after the retries."""

    kind = "throttled"


class Conflict(IrsaError):
    """Somebody else owns or uses what would be changed."""

    kind = "conflict"


class OutOfDate(Conflict):
    """The object was changed, or replaced, between reading and writing it: read again and decide again."""


class QuotaExceeded(IrsaError):
    """The service's limit for such objects or their size would be exceeded."""

    kind = "quota_exceeded"


class WrongCluster(IrsaError):
    """The API server is not the one of the named EKS cluster."""

    kind = "wrong_cluster"


class RolloutFailed(IrsaError):
    """Workloads did not come up again, or came up without the role."""

    kind = "rollout_failed"


class NotAttempted(IrsaError):
    """Nothing was tried, because something else had failed before."""

    kind = "not_attempted"


class ChainBroken(IrsaError):
    """A verification found what keeps a service account from its role."""

    kind = "chain_broken"


class ApiError(IrsaError):
    """The service answered with an error that none of the others describes."""

    kind = "api_error"
