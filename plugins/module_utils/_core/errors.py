# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The errors that `_core` and `_api` raise.

Each has a message, a cause and a fix. Only `_runner` turns them into ``fail_json``, so all other code works, and is
tested, without Ansible.
"""

from __future__ import annotations

import typing as t

from .wording import sentence, visible


class IrsaError(Exception):
    """A failure with its cause and fix, without invisible characters. Foreign text in them must be an `excerpt`.

    :param message: what is wrong with which object.
    :param cause: why; the service's own text if it returned one.
    :param fix: what the user can do.
    :param options: the options that the fix names. The role and the playbooks show their variables in place of them.
    :param lines: what is wrong, a line for each; the message is their heading.
    :param details: machine-readable facts, never credentials; modules return them under ``error``.
    :ivar can_plan_again: whether the caller may read the object, plan and write again.
    :ivar may_be_done_later: whether the write may still be applied: it was sent, and there was no answer.
    """

    kind: t.ClassVar[str] = "error"
    can_plan_again = False
    may_be_done_later = False

    def __init__(
        self,
        message: str,
        *,
        cause: str | None = None,
        fix: str | None = None,
        options: t.Sequence[str] = (),
        lines: t.Sequence[str] = (),
        **details: t.Any,
    ) -> None:
        super().__init__(message)
        self.message = visible(message)
        self.cause = None if cause is None else visible(cause)
        self.fix = None if fix is None else visible(fix)
        self.options = tuple(options)
        self.lines = tuple(visible(line) for line in lines)
        self.details = details

    def __str__(self) -> str:
        parts = [sentence(self.message)]
        if self.cause:
            parts.append(f"Cause: {sentence(self.cause)}")
        if self.fix:
            parts.append(f"Fix: {sentence(self.fix)}")
        text = " ".join(parts)
        return "\n  ".join([f"{text.rstrip('.')}:", *self.lines]) if self.lines else text

    def redact(self, redact: t.Callable[[t.Any], t.Any]) -> None:
        """Remove secrets from all texts and facts.

        :param redact: returns a value without its secrets.
        """
        vars(self).update({key: redact(value) for key, value in vars(self).items()})

    def as_dict(self) -> dict[str, t.Any]:
        """The error as modules return it: kind, message, cause, fix, the details, and if set options and lines."""
        error = {"kind": self.kind, "message": self.message, "cause": self.cause, "fix": self.fix, **self.details}
        if self.options:
            error["options"] = list(self.options)
        if self.lines:
            error["lines"] = list(self.lines)
        return error


class DuplicateKey(ValueError):
    """A mapping in JSON or YAML text has a key twice.

    :param path: the path of the mapping, such as ``Statement[0].Condition``; empty for the outermost mapping.
    """

    def __init__(self, key: str, path: str = "", line: int | None = None) -> None:
        place = f" in {path}" if path else ""
        super().__init__(f"key {key!r} occurs twice{place}{f' (line {line})' if line else ''}")


class InvalidInput(IrsaError):
    """An option is not valid, or AWS or Kubernetes rejects a value."""

    kind = "invalid_input"


class NotFound(IrsaError):
    """The object does not exist."""

    kind = "not_found"


class AlreadyExists(IrsaError):
    """The object to create already exists."""

    kind = "already_exists"
    can_plan_again = True


class AdmissionRefused(InvalidInput):
    """An admission plugin, a webhook or a policy of the cluster refused the write."""


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


class MalformedAnswer(Unreachable):
    """The service answered with something that cannot be used, after all retries."""


class Throttled(IrsaError):
    """The service rejected the request because of its rate limits, after all retries."""

    kind = "throttled"


class Conflict(IrsaError):
    """The object belongs to another owner, or is in use."""

    kind = "conflict"


class OutOfDate(Conflict):
    """The object was changed, replaced or deleted after it was read. The caller must read it and plan again."""

    can_plan_again = True


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


def make_being_deleted_error(title: str, finalizers: t.Sequence[str]) -> Conflict:
    """The error for an object of Kubernetes whose deletion has begun: what is written to it would be lost."""
    names = ", ".join(finalizers)
    return Conflict(
        f"{title} is being deleted",
        cause=f"it exists until its finalizers are removed: {names}" if names else "its deletion is not complete",
        fix="wait until it is deleted, or remove its finalizers if their controllers no longer run; then run again",
    )


def make_being_deleted_warning(title: str, finalizers: t.Sequence[str]) -> str:
    """The warning about the same object, if it is to be deleted anyway."""
    error = make_being_deleted_error(title, finalizers)
    return f"{error.message}, but {error.cause}."


def can_pass(error: IrsaError) -> bool:
    """Whether the same request to Kubernetes may succeed later without a fix."""
    return not isinstance(error, (AccessDenied, BadConnection, InvalidInput))
