# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Retries AWS calls where that helps, and translates their failures into the errors of `_core`.

The last section has each way in which credentials can fail.
"""

from __future__ import annotations

import functools
import getpass
import shlex
import typing as t
import warnings

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

# The calls that botocore itself makes to get credentials.
CREDENTIAL_OPERATIONS = frozenset(
    {"AssumeRole", "AssumeRoleWithWebIdentity", "CreateOAuth2Token", "CreateToken", "GetRoleCredentials"}
)

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
    operation = error.operation_name
    if operation in CREDENTIAL_OPERATIONS and action.partition(":")[2] != operation:
        return translate_credentials_failure(error, message)
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
    if isinstance(error, _credential_errors()):
        return translate_credentials_failure(error, message)
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


# Credentials

_FIX_PROFILE = "correct the profile in the AWS configuration files, or use another one"
_FIX_MFA = (
    "get temporary credentials before the run, for example with aws sts get-session-token, and set them as access_key, "
    "secret_key and session_token or as AWS_* variables; or use a profile without mfa_serial"
)
_PROCESS = "credential_process"


def load_credentials(core: t.Any) -> None:
    """Get the credentials of a session, if it has any, before its first request.

    Some failures of botocore's providers are not errors of botocore: a missing program or token file, output that is
    not JSON, a question for an MFA code without a terminal.

    :param core: a session of botocore.
    :raises BadCredentials: the options, variables or files name credentials that cannot be used.
    :raises Unreachable: the service that issues the credentials does not answer.
    """
    message = "could not get AWS credentials"
    try:
        profile = core.get_config_variable("profile")
        message += f" with profile {profile}" if profile else ""
        with warnings.catch_warnings():
            # Without a terminal, getpass would read the code from the module's standard input, and show it.
            warnings.simplefilter("error", getpass.GetPassWarning)
            credentials = core.get_credentials()
            if credentials is not None:
                credentials.get_frozen_credentials()
    except (botocore_errors.ClientError, botocore_errors.BotoCoreError) as error:
        if isinstance(error, (botocore_errors.HTTPClientError, botocore_errors.ConnectionError)):
            raise _local_failure(error, message) from error
        raise translate_credentials_failure(error, message, core) from error
    except (OSError, EOFError, RuntimeError, ValueError, getpass.GetPassWarning) as error:
        # Without the original error, because it may quote the output of a program.
        raise translate_credentials_failure(error, message, core) from None
    except (AttributeError, LookupError, TypeError) as error:
        if _find_profile_with(core, _PROCESS) is None:
            raise
        raise translate_credentials_failure(error, message, core) from None


def translate_credentials_failure(error: Exception, message: str, core: t.Any = None) -> errors.IrsaError:
    """Translate a failure to get credentials.

    :param message: what failed.
    :param core: the session of botocore; None if the settings of its profiles are not needed.
    """
    cause, fix = _describe_credentials_failure(error, core)
    code = {"code": _code(error)} if isinstance(error, botocore_errors.ClientError) else {}
    return errors.BadCredentials(message, cause=cause, fix=fix, **code)


def _describe_credentials_failure(error: Exception, core: t.Any) -> tuple[str, str]:
    """The cause and the fix. Output of programs and answers of services may contain secrets and are omitted."""
    kind = type(error).__name__
    if isinstance(error, botocore_errors.ClientError):
        return _describe_refused_credentials(error)
    if isinstance(error, OSError):
        return _describe_unreadable_file(error, core)
    if isinstance(error, (EOFError, getpass.GetPassWarning, botocore_errors.RefreshWithMFAUnsupportedError)):
        return "an MFA code is required (mfa_serial), and the task has no terminal to ask for it", _FIX_MFA
    if isinstance(error, (botocore_errors.SSOError, botocore_errors.TokenRetrievalError)):
        return _describe_expired_login("IAM Identity Center (SSO)", "aws sso login", kind, core)
    if kind.startswith("Login"):  # older releases of botocore lack these errors
        return _describe_expired_login("aws login", "aws login", kind, core)
    if isinstance(error, botocore_errors.CredentialRetrievalError) and error.kwargs["provider"] == "custom-process":
        reason = str(error.kwargs.get("error_msg"))
        is_safe = reason.startswith(("Unsupported version", "Missing required key"))
        return _describe_process(core, reason if is_safe else "its program failed")
    if isinstance(error, botocore_errors.InfiniteLoopConfigError):
        return str(error), "correct source_profile: the last profile of the chain must have credentials of its own"
    if kind == "MissingDependencyException":
        return str(error), "install the library for the Python interpreter of the task"
    cause = f"no usable AWS credentials were found ({kind})"
    without_text = (
        botocore_errors.CredentialRetrievalError,
        botocore_errors.MetadataRetrievalError,
        botocore_errors.NoCredentialsError,
    )
    if isinstance(error, without_text):
        return cause, FIX_CREDENTIALS
    if isinstance(error, botocore_errors.BotoCoreError) or _find_profile_with(core, _PROCESS) is None:
        return f"{cause}: {error}", _FIX_PROFILE
    return _describe_process(core, "its output is not JSON with valid credentials")


def _credential_errors() -> tuple[type[Exception], ...]:
    """The errors of botocore about credentials. Older releases lack ``LoginError``."""
    return (
        botocore_errors.ConfigParseError,
        botocore_errors.CredentialRetrievalError,
        botocore_errors.InvalidConfigError,
        botocore_errors.MetadataRetrievalError,
        botocore_errors.NoCredentialsError,
        botocore_errors.PartialCredentialsError,
        botocore_errors.ProfileNotFound,
        botocore_errors.RefreshWithMFAUnsupportedError,
        botocore_errors.SSOError,
        botocore_errors.TokenRetrievalError,
        botocore_errors.UnknownCredentialError,
        *([botocore_errors.LoginError] if hasattr(botocore_errors, "LoginError") else []),
    )


def _describe_expired_login(service: str, command: str, kind: str, core: t.Any) -> tuple[str, str]:
    profile = core.get_config_variable("profile") if core else None
    return (
        f"the session of {service} has expired or does not exist ({kind})",
        f"as the user and on the host of the task, run {command}{f' --profile {profile}' if profile else ''}",
    )


def _describe_refused_credentials(error: t.Any) -> tuple[str, str]:
    """The failure of a call that botocore makes to get credentials."""
    code = _code(error)
    text = "" if code in REJECTED | EXPIRED else f": {error.response['Error'].get('Message')}"
    return (
        f"AWS refused {error.operation_name} for the credentials of the task ({code}){text}",
        "correct the profile or the AWS_* variables: the credentials that it starts from, role_arn, external_id and "
        "mfa_serial; the trust policy of the role must allow the caller",
    )


def _describe_unreadable_file(error: OSError, core: t.Any) -> tuple[str, str]:
    """A program or token file that cannot be used."""
    reason = error.strerror or type(error).__name__
    profile = _find_profile_with(core, _PROCESS)
    if profile and error.filename in _read_command(core, profile):
        return (
            f"could not run {error.filename}, the program in {_PROCESS} of profile {profile}: {reason}",
            "install it on the host of the task, or correct its path: ~ and variables are not expanded",
        )
    return (
        f"could not read {error.filename or 'a file with credentials'}: {reason}",
        "correct web_identity_token_file of the profile, or AWS_WEB_IDENTITY_TOKEN_FILE, and make the file readable "
        "for the user of the task",
    )


def _describe_process(core: t.Any, reason: str) -> tuple[str, str]:
    """A credential process that does not return credentials."""
    profile = _find_profile_with(core, _PROCESS)
    return (
        f"{_PROCESS}{f' of profile {profile}' if profile else ''} did not return credentials: {reason}",
        "run its command manually, as the user and on the host of the task: it must succeed and print JSON with "
        "Version 1, AccessKeyId and SecretAccessKey",
    )


def _read_command(core: t.Any, profile: str) -> list[str]:
    try:
        return shlex.split(core.full_config["profiles"][profile][_PROCESS])
    except ValueError:
        return []


def _find_profile_with(core: t.Any, setting: str) -> str | None:
    """The first profile with a setting: the one in use, or one that it names in ``source_profile``."""
    if core is None:
        return None
    profiles = core.full_config.get("profiles") or {}
    name, seen = core.get_config_variable("profile") or "default", []
    while name in profiles and name not in seen:
        if setting in profiles[name]:
            return str(name)
        seen.append(name)
        name = profiles[name].get("source_profile")
    return None
