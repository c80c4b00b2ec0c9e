# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retries AWS calls where that helps, and translates their failures into the errors of `_core`."""

from __future__ import annotations

import functools
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ..._core import errors

try:
    import botocore.exceptions as botocore_errors
except ImportError:
    pass  # AnsibleAWSModule reports a missing boto3

P = t.ParamSpec("P")
R = t.TypeVar("R")

NOT_FOUND = frozenset({"NoSuchEntity", "ResourceNotFoundException"})
EXISTS = frozenset({"EntityAlreadyExists", "ResourceInUseException"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
REJECTED = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
INVALID = frozenset(
    {
        "InvalidInput",
        "InvalidParameterException",
        "InvalidRequestException",
        "MalformedPolicyDocument",
        "MalformedPolicyDocumentException",
        "ValidationError",
        "ValidationException",
    }
)
QUOTA = frozenset({"LimitExceeded", "LimitExceededException"})
CONFLICT = frozenset(
    {"ConcurrentModification", "ConcurrentModificationException", "DeleteConflict", "UnmodifiableEntity"}
)
# Transient errors that botocore does not retry (it retries throttling and 5xx): another writer changes the entity.
TRANSIENT = ["ConcurrentModification", "ConcurrentModificationException", "EntityTemporarilyUnmodifiable"]

FIX_CREDENTIALS = (
    "provide valid credentials: the options access_key, secret_key, session_token or profile, the AWS_* environment "
    "variables, or an instance role"
)


def aws_call(action: str, what: str, *, retry: bool = True) -> t.Callable[[t.Callable[P, R]], t.Callable[P, R]]:
    """Decorate the function for an AWS call.

    :param action: the IAM action that the call needs, ``iam:GetRole``.
    :param what: the purpose of the call, a template for the function's keyword arguments: ``read role {name}``.
    :param retry: False for a write that must not be repeated without another read; botocore's own retries remain.
    :returns: a decorator; the decorated function takes the client first and all other arguments by keyword.
    :raises IrsaError: the translated error of the call.
    """

    def decorate(function: t.Callable[P, R]) -> t.Callable[P, R]:
        backoff = _Retry.jittered_backoff(retries=6, delay=0.3, max_delay=8) if retry else _once
        retrying = t.cast("t.Callable[P, R]", backoff(function))

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return retrying(*args, **kwargs)
            except (botocore_errors.ClientError, botocore_errors.BotoCoreError) as error:
                raise translate(error, action, what.format(**kwargs)) from error

        return call

    return decorate


def _once(function: t.Callable[P, R]) -> t.Callable[P, R]:
    return function


class _Retry(AWSRetry):
    """The backoff of amazon.aws, for errors that botocore does not retry."""

    base_class = None

    @staticmethod
    def status_code_from_exception(error: Exception) -> str:
        return _code(error)

    @staticmethod
    def found(response_code: str, catch_extra_error_codes: t.Any = None) -> bool:
        # ResponseParserError: the answer is not XML or JSON, for example from an overloaded proxy.
        return response_code in TRANSIENT or response_code == "ResponseParserError"


def _code(error: Exception) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return str(response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def translate(error: Exception, action: str, what: str) -> errors.IrsaError:
    """Translate an error of botocore.

    :param error: a ``ClientError`` or another ``BotoCoreError``.
    :param action: the IAM action of the call.
    :param what: the purpose of the call, an infinitive without "to".
    """
    message = f"could not {what}"
    if not isinstance(error, botocore_errors.ClientError):
        return _local_failure(error, message)
    code = _code(error)
    text = error.response["Error"].get("Message") or code
    facts = {"code": code, "action": action}
    if code in NOT_FOUND:
        return errors.NotFound(message, cause=text, **facts)
    if code in EXISTS:
        return errors.AlreadyExists(message, cause=text, **facts)
    if code in DENIED:
        return errors.AccessDenied(
            message,
            cause=text,
            fix=f"allow {action} for the caller; check permissions boundaries and service control policies too",
            **facts,
        )
    if code in EXPIRED:
        return errors.BadCredentials(
            message, cause=f"the AWS credentials have expired ({code})", fix=FIX_CREDENTIALS, **facts
        )
    if code in REJECTED:
        # AWS's text is omitted: for a wrong signature it contains the signed headers, which include the session token.
        return errors.BadCredentials(
            message, cause=f"AWS does not accept the credentials ({code})", fix=FIX_CREDENTIALS, **facts
        )
    if code in THROTTLED:
        return errors.Throttled(
            message,
            cause=f"AWS still throttled the request after all retries ({code})",
            fix="run again later, or with fewer hosts in parallel; completed changes are kept",
            **facts,
        )
    if code in QUOTA:
        return errors.QuotaExceeded(
            message, cause=text, fix="request a higher quota (Service Quotas), or delete unused objects", **facts
        )
    if code in CONFLICT:
        return errors.Conflict(message, cause=text, **facts)
    if code in INVALID:
        return errors.InvalidInput(message, cause=text, **facts)
    return errors.ApiError(message, cause=f"{code}: {text}", **facts)


def _local_failure(error: Exception, message: str) -> errors.IrsaError:
    """The error for a failure without an answer from AWS."""
    if isinstance(
        error,
        (
            botocore_errors.NoCredentialsError,
            botocore_errors.PartialCredentialsError,
            botocore_errors.CredentialRetrievalError,
            botocore_errors.SSOError,
            botocore_errors.TokenRetrievalError,
        ),
    ):
        # The class, not the text: the output of a credential process may contain secrets.
        return errors.BadCredentials(
            message, cause=f"no usable AWS credentials were found ({type(error).__name__})", fix=FIX_CREDENTIALS
        )
    if isinstance(error, (botocore_errors.NoRegionError, botocore_errors.InvalidRegionError)):
        return errors.BadConnection(
            message, cause=str(error), fix="set the option region, or AWS_REGION, to the region of the EKS cluster"
        )
    if isinstance(error, botocore_errors.ParamValidationError):
        return errors.InvalidInput(message, cause=str(error))
    if isinstance(error, botocore_errors.SSLError):
        return errors.Unreachable(
            message, cause=str(error), fix="set aws_ca_bundle to the certificate authority of the endpoint"
        )
    if isinstance(error, (botocore_errors.HTTPClientError, botocore_errors.ConnectionError)):
        return errors.Unreachable(
            message,
            cause=str(error),
            fix="check region, endpoint_url, proxy and network: the host of the task must reach the endpoint",
        )
    return errors.ApiError(message, cause=f"{type(error).__name__}: {error}")
