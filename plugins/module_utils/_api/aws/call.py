# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits AWS calls, retries them where that helps, and translates their failures into the errors of `_core`."""

from __future__ import annotations

import functools
import io
import threading
import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from ..._core import errors
from ..._core.wording import excerpt
from .. import limits
from .credentials import (
    EXPIRED,
    FIX_ANSWER,
    FIX_CREDENTIALS,
    REJECTED,
    UnboundedAnswer,
    error_code,
    translate_credentials_failure,
    translate_local_failure,
)

try:
    import botocore.exceptions as botocore_errors
    import urllib3.exceptions
    from botocore.parsers import ResponseParserError
except ImportError:
    pass  # AnsibleAWSModule reports a missing boto3

if t.TYPE_CHECKING:
    import collections.abc

P = t.ParamSpec("P")
R = t.TypeVar("R")

NOT_FOUND = frozenset({"NoSuchEntity", "ResourceNotFoundException"})
EXISTS = frozenset({"EntityAlreadyExists", "ResourceInUseException"})
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedAccess"})
# The codes that botocore retries as throttling.
THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
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

# The calls that botocore itself makes to get credentials.
CREDENTIAL_OPERATIONS = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "CreateOAuth2Token", "CreateToken", "GetRoleCredentials"}
)
_BLOCK = 65536


def aws_call(action: str, what: str, *, retry: bool = True) -> t.Callable[[t.Callable[P, R]], t.Callable[P, R]]:
    """Decorate the function for an AWS call.

    :param action: the IAM action that the call needs, ``iam:GetRole``.
    :param what: the purpose of the call, a template for the function's keyword arguments: ``read role {name}``.
    :param retry: False for a write that must not be repeated without another read. It needs a client that sends
        requests once (`Aws.unretried`). Its transient errors have ``can_plan_again``.
    :returns: a decorator; the decorated function takes the client first and all other arguments by keyword.
    :raises IrsaError: the translated error of the call; MalformedAnswer for an answer that is cut or malformed, or that
        lacks a field which the function reads.
    """

    def decorate(function: t.Callable[P, R]) -> t.Callable[P, R]:
        backoff = _Retry.jittered_backoff(**limits.AWS_BACKOFF) if retry else _once
        retrying = t.cast("t.Callable[P, R]", backoff(function))

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return retrying(*args, **kwargs)
            except (botocore_errors.ClientError, botocore_errors.BotoCoreError) as error:
                translated = translate(error, action, what.format(**kwargs))
                raise (translated if retry else _mark_transient(translated, error)) from error
            except _answer_errors() as error:
                # Without the original error: its text may quote the answer, and the credentials in it.
                translated = _translate_invalid_answer(error, f"could not {what.format(**kwargs)}")
                raise (translated if retry else _mark_transient(translated, error)) from None

        return call

    return decorate


def pages(client: t.Any, operation: str, **arguments: t.Any) -> collections.abc.Iterator[dict[str, t.Any]]:
    """The pages of a list operation.

    :raises UnboundedAnswer: the list does not end.
    """
    ends = time.monotonic() + limits.AWS_LIST_SECONDS
    markers: set[str] = set()
    marker = None
    for page in client.get_paginator(operation).paginate(**arguments):
        if marker is not None:
            if marker in markers:
                raise UnboundedAnswer("AWS returned the same page marker twice")
            if len(markers) >= limits.AWS_MAX_PAGES:
                raise UnboundedAnswer(f"the list has more than {limits.AWS_MAX_PAGES} pages")
            if time.monotonic() > ends:
                raise UnboundedAnswer(f"the list did not end within {limits.AWS_LIST_SECONDS:.0f} seconds")
            markers.add(marker)
        yield page
        marker = page.get("Marker") or page.get("nextToken")


def _once(function: t.Callable[P, R]) -> t.Callable[P, R]:
    return function


def _mark_transient(translated: errors.IrsaError, error: Exception) -> errors.IrsaError:
    """Set whether a write that was sent once may succeed after another read, and whether it may be done later."""
    if isinstance(error, botocore_errors.ClientError):
        has_failed = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0) >= 500
        translated.can_plan_again = has_failed or error_code(error) in {*THROTTLED, *TRANSIENT}
        return translated
    not_sent = (
        botocore_errors.ConnectTimeoutError,
        botocore_errors.EndpointConnectionError,
        botocore_errors.ProxyConnectionError,
        botocore_errors.SSLError,
    )
    has_no_answer = isinstance(error, (botocore_errors.HTTPClientError, botocore_errors.ConnectionError))
    is_cut = isinstance(error, (botocore_errors.IncompleteReadError, botocore_errors.ResponseStreamingError))
    translated.can_plan_again = (has_no_answer or is_cut or _is_invalid_answer(error)) and not isinstance(
        error, botocore_errors.SSLError
    )
    translated.may_be_done_later = has_no_answer and not is_cut and not isinstance(error, not_sent)
    return translated


class _Retry(AWSRetry):
    """The backoff of amazon.aws, for errors that botocore does not retry."""

    base_class = None

    @staticmethod
    def status_code_from_exception(error: Exception) -> str:
        return _INVALID_ANSWER if _is_invalid_answer(error) else error_code(error)

    @staticmethod
    def found(response_code: str, catch_extra_error_codes: t.Any = None) -> bool:
        return response_code in TRANSIENT or response_code == _INVALID_ANSWER


# A cut answer, or that of an overloaded proxy.
_INVALID_ANSWER = "InvalidAnswer"


def _answer_errors() -> tuple[type[Exception], ...]:
    """The errors that an answer causes which is not as AWS documents it, in botocore or in the function of the call.

    Also those of the files and programs that renew the credentials in the middle of a run.
    """
    return (
        ArithmeticError,
        AttributeError,
        LookupError,
        OSError,
        RecursionError,
        ResponseParserError,
        TypeError,
        UnboundedAnswer,
        ValueError,
        errors.InvalidInput,  # text that `_core` cannot parse, such as an ARN
    )


def _is_invalid_answer(error: Exception) -> bool:
    """Whether the next answer may be valid."""
    return isinstance(error, _answer_errors()) and not isinstance(error, (OSError, UnboundedAnswer))


def _translate_invalid_answer(error: Exception, message: str) -> errors.IrsaError:
    """The error for an answer that is not as AWS documents it."""
    if isinstance(error, OSError):
        return translate_credentials_failure(error, message)
    if isinstance(error, UnboundedAnswer):
        cause = str(error)
    elif isinstance(error, KeyError):
        cause = excerpt(f"the answer of AWS does not have the field {error.args[0]}")
    elif isinstance(error, errors.InvalidInput):
        cause = f"the answer of AWS is not valid: {excerpt(error.message)}"
    else:
        cause = f"the answer of AWS is cut or not valid ({type(error).__name__})"
    return errors.MalformedAnswer(message, cause=cause, fix=FIX_ANSWER)


def translate(error: Exception, action: str, what: str) -> errors.IrsaError:
    """Translate an error of botocore.

    :param error: a ``ClientError`` or another ``BotoCoreError``.
    :param action: the IAM action of the call.
    :param what: the purpose of the call, an infinitive without "to".
    """
    message = f"could not {what}"
    if not isinstance(error, botocore_errors.ClientError):
        return translate_local_failure(error, message)
    if "Error" not in error.response:
        # An error status whose body is XML, but not that of an error.
        return _translate_invalid_answer(KeyError("Error"), message)
    code = error_code(error)
    operation = error.operation_name
    if operation in CREDENTIAL_OPERATIONS and action.partition(":")[2] != operation:
        return translate_credentials_failure(error, message)
    text = excerpt(str(error.response["Error"].get("Message") or code))
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
    # Without a code of AWS, botocore uses the status.
    fix = FIX_ANSWER if code.isdigit() else None
    return errors.ApiError(message, cause=f"{code}: {text}", fix=fix, **facts)


# Limits on the time and the size of an answer


def limit_clients(core: t.Any) -> None:
    """Limit the answers of all clients of a session of botocore.

    An answer with all of its bytes may take the read timeout of its client, but not longer than a call.
    """
    # https://docs.aws.amazon.com/boto3/latest/guide/events.html
    core.register("creating-client-class", lambda base_classes, **_event: base_classes.insert(0, _LimitedClient))


class _LimitedClient:
    """A base class of clients. botocore passes the parts of the client as keyword arguments."""

    def __init__(self, **parts: t.Any) -> None:
        super().__init__(**parts)
        sender = _LimitedSender(parts["endpoint"].http_session)
        events = parts["event_emitter"]
        events.register("before-call", sender.start_call)
        events.register("before-send", sender.send)


class _LimitedSender:
    """Sends the requests of a client. Threads may share it.

    :param session: botocore's HTTP session.
    """

    def __init__(self, session: t.Any) -> None:
        self._session = session
        # The session shares this dict with the managers of its proxies. botocore has no public name for it. Without it,
        # only each read of a socket has a limit.
        classes = getattr(session, "_pool_classes_by_scheme", {})
        classes.update(limits.limit_answers(classes, limits.AWS_CALL_SECONDS))
        self._call = threading.local()

    def start_call(self, **_event: t.Any) -> None:
        """Start the time of a call."""
        self._call.ends = time.monotonic() + limits.AWS_CALL_SECONDS

    def send(self, request: t.Any, **_event: t.Any) -> t.Any:
        """Send one request of the call.

        :raises UnboundedAnswer: the time of the call is over.
        """
        if time.monotonic() > self._call.ends:
            raise UnboundedAnswer(f"there was no answer within {limits.AWS_CALL_SECONDS:.0f} seconds")
        request.stream_output = True  # the session leaves the body to `_read`
        response = self._session.send(request)
        try:
            response.raw = _Body(_read(response))
        except urllib3.exceptions.ReadTimeoutError:
            raise botocore_errors.ReadTimeoutError(endpoint_url=request.url) from None
        except urllib3.exceptions.HTTPError as error:
            raise botocore_errors.ResponseStreamingError(error=limits.describe_http_error(error)) from None
        except ValueError:
            raise botocore_errors.ResponseStreamingError(error="its size is not valid") from None
        return response


def _read(response: t.Any) -> bytes:
    body = bytearray()
    for block in response.raw.stream(_BLOCK):
        body += block
        if len(body) > limits.AWS_MAX_BYTES:
            response.raw.close()
            raise UnboundedAnswer(f"the answer has more than {limits.AWS_MAX_BYTES // 1024**2} MiB")
    length = response.headers.get("Content-Length", "")
    if length.isdigit() and len(body) < int(length):
        raise botocore_errors.ResponseStreamingError(error=limits.describe_cut(int(length) - len(body)))
    return bytes(body)


class _Body(io.BytesIO):
    """A body as botocore reads it."""

    def stream(self) -> collections.abc.Iterator[bytes]:
        """The whole body."""
        yield self.read()
