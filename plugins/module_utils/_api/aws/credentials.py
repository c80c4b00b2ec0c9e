# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors for what fails before AWS answers: credentials in each of their forms, options, and the network."""

from __future__ import annotations

import getpass
import shlex
import threading
import typing as t
import warnings

from ..._core import errors
from ..._core.wording import excerpt
from .. import limits

try:
    import botocore.exceptions as botocore_errors
    from botocore.parsers import ResponseParserError
except ImportError:
    pass  # AnsibleAWSModule reports a missing boto3

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
FIX_CREDENTIALS = (
    "provide valid credentials: AWS_* environment variables, a profile in ~/.aws, the options access_key, secret_key, "
    "session_token or profile, or an instance role"
)
FIX_ANSWER = (
    "run again; if it fails again, check endpoint_url and the proxy: another service may answer in place of AWS"
)
_FIX_PROFILE = "correct the profile in the AWS configuration files, or use another one"
_FIX_MFA = (
    "get temporary credentials before the run, for example with aws sts get-session-token, and set them as access_key, "
    "secret_key and session_token or as AWS_* variables; or use a profile without mfa_serial"
)
_PROCESS = "credential_process"


class UnboundedAnswer(Exception):
    """An answer exceeds a limit on its size, its time or its pages. The text says which one."""


def error_code(error: Exception) -> str:
    """The code of AWS's answer, or the name of the error's class."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return excerpt(str(response.get("Error", {}).get("Code", "")), 100)
    return type(error).__name__


def _run_within(seconds: float, function: t.Callable[[], None], failures: tuple[type[Exception], ...]) -> None:
    """Call a function, which may block for any time, in another thread.

    :param failures: the errors that the function raises.
    :raises TimeoutError: it has not returned in time. It goes on in a thread that does not keep the process alive.
    """
    outcomes: list[Exception | None] = []

    def run() -> None:
        try:
            function()
        except failures as error:
            outcomes.append(error)
        else:
            outcomes.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcomes:
        if thread.is_alive():
            raise TimeoutError
        raise RuntimeError("a thread ended with an unexpected error, which it printed")
    if outcomes[0] is not None:
        raise outcomes[0]


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
        _run_within(limits.AWS_CREDENTIALS_SECONDS, lambda: _load(core, message), _loading_errors())
    except (botocore_errors.ClientError, botocore_errors.BotoCoreError) as error:
        if isinstance(error, (botocore_errors.HTTPClientError, botocore_errors.ConnectionError)):
            raise translate_local_failure(error, message) from error
        raise translate_credentials_failure(error, message, core) from error
    except TimeoutError:
        raise errors.Unreachable(
            message,
            cause=f"they were not available within {limits.AWS_CREDENTIALS_SECONDS:.0f} seconds",
            fix="check the credential_process of the profile, and that the host of the task can reach the service that "
            "issues the credentials",
        ) from None
    except (OSError, EOFError, RuntimeError, ValueError, getpass.GetPassWarning) as error:
        # Without the original error, because it may quote the output of a program.
        raise translate_credentials_failure(error, message, core) from None
    except UnboundedAnswer as error:
        raise errors.MalformedAnswer(message, cause=str(error), fix=FIX_ANSWER) from None
    except (AttributeError, LookupError, ResponseParserError, TypeError) as error:
        if _find_profile_with(core, _PROCESS) is None:
            cause = f"the answer of AWS is cut or not valid ({type(error).__name__})"
            raise errors.MalformedAnswer(message, cause=cause, fix=FIX_ANSWER) from None
        raise translate_credentials_failure(error, message, core) from None


def _loading_errors() -> tuple[type[Exception], ...]:
    """The errors that botocore's providers of credentials raise."""
    return (
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        ResponseParserError,
        RuntimeError,
        TypeError,
        UnboundedAnswer,
        ValueError,
        getpass.GetPassWarning,
        botocore_errors.BotoCoreError,
        botocore_errors.ClientError,
        errors.BadCredentials,
    )


def _load(core: t.Any, message: str) -> None:
    with warnings.catch_warnings():
        # Without a terminal, getpass would read the code from the module's standard input, and show it.
        warnings.simplefilter("error", getpass.GetPassWarning)
        credentials = core.get_credentials()
        if credentials is not None:
            _require_usable(credentials.get_frozen_credentials(), message)


def _require_usable(keys: t.Any, message: str) -> None:
    """Reject keys that botocore cannot sign with, such as the value of an empty variable.

    :param keys: the frozen credentials of botocore.
    """
    for name, key in (("access key", keys.access_key), ("secret key", keys.secret_key)):
        if not key:
            raise errors.BadCredentials(message, cause=f"the {name} is empty", fix=FIX_CREDENTIALS)
    for name, key in (("access key", keys.access_key), ("secret key", keys.secret_key), ("session token", keys.token)):
        if key and not (key.isascii() and key.isprintable() and " " not in key):
            cause = f"the {name} has a space, a line break or a character that AWS does not use"
            raise errors.BadCredentials(message, cause=cause, fix=FIX_CREDENTIALS)


def translate_local_failure(error: Exception, message: str) -> errors.IrsaError:
    """Translate a failure without an answer from AWS.

    :param message: what failed.
    """
    text = excerpt(str(error))
    if isinstance(error, _credential_errors()):
        return translate_credentials_failure(error, message)
    if isinstance(error, (botocore_errors.NoRegionError, botocore_errors.InvalidRegionError)):
        return errors.BadConnection(
            message, cause=text, fix="set region or AWS_REGION to that of the EKS cluster", options=("region",)
        )
    if isinstance(error, botocore_errors.ParamValidationError):
        return errors.InvalidInput(message, cause=text)
    if isinstance(error, botocore_errors.SSLError):
        return errors.Unreachable(
            message, cause=text, fix="set aws_ca_bundle to the certificate authority of the endpoint"
        )
    if isinstance(error, (botocore_errors.HTTPClientError, botocore_errors.ConnectionError)):
        return errors.Unreachable(
            message,
            cause=text,
            fix="check region, endpoint_url, proxy and network: the host of the task must reach the endpoint",
            options=("region",),
        )
    if isinstance(error, botocore_errors.PaginationError):
        return errors.MalformedAnswer(message, cause="AWS returned the same page marker twice", fix=FIX_ANSWER)
    return errors.ApiError(message, cause=f"{type(error).__name__}: {text}")


def translate_credentials_failure(error: Exception, message: str, core: t.Any = None) -> errors.IrsaError:
    """Translate a failure to get credentials.

    :param message: what failed.
    :param core: the session of botocore; None if the settings of its profiles are not needed.
    """
    cause, fix = _describe_credentials_failure(error, core)
    code = {"code": error_code(error)} if isinstance(error, botocore_errors.ClientError) else {}
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
        return f"{cause}: {excerpt(str(error))}", _FIX_PROFILE
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
    code = error_code(error)
    text = "" if code in REJECTED | EXPIRED else f": {excerpt(str(error.response['Error'].get('Message')))}"
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
