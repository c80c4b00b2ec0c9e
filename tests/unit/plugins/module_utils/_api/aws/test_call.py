# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translation and retries of AWS errors."""

from __future__ import annotations

import typing as t

import botocore.exceptions as aws
import botocore.parsers
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import call as translate
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors

SECRET = "FQoGZXIvYXdzEXAMPLESESSION"
DENIED = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: iam:GetRole on resource: role app"


def client_error(code: str, message: str = "text of AWS") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}}, "GetRole")


ANSWERS: list[tuple[str, type[errors.IrsaError], str]] = [
    ("NoSuchEntity", errors.NotFound, "text of AWS"),
    ("ResourceNotFoundException", errors.NotFound, "text of AWS"),
    ("EntityAlreadyExists", errors.AlreadyExists, "text of AWS"),
    ("AccessDenied", errors.AccessDenied, "Fix: allow iam:GetRole for the caller"),
    ("AccessDeniedException", errors.AccessDenied, "allow iam:GetRole"),
    ("ExpiredToken", errors.BadCredentials, "have expired (ExpiredToken)"),
    ("ExpiredTokenException", errors.BadCredentials, "have expired"),
    ("InvalidClientTokenId", errors.BadCredentials, "does not accept the credentials (InvalidClientTokenId)"),
    ("SignatureDoesNotMatch", errors.BadCredentials, "does not accept the credentials"),
    ("Throttling", errors.Throttled, "still throttled the request"),
    ("LimitExceeded", errors.QuotaExceeded, "Service Quotas"),
    ("DeleteConflict", errors.Conflict, "text of AWS"),
    ("MalformedPolicyDocument", errors.InvalidInput, "text of AWS"),
    ("ValidationError", errors.InvalidInput, "text of AWS"),
    ("ServiceFailure", errors.ApiError, "ServiceFailure: text of AWS"),
]


@pytest.mark.parametrize(("code", "kind", "message"), ANSWERS, ids=[code for code, _kind, _message in ANSWERS])
def test_error_of_aws_is_translated(code: str, kind: type[errors.IrsaError], message: str) -> None:
    error = translate.translate(client_error(code), "iam:GetRole", "read the role app")
    assert error.__class__ is kind
    assert str(error).startswith("could not read the role app. Cause: ")
    assert message in str(error)
    assert error.details == {"code": code, "action": "iam:GetRole"}


def test_denied_error_has_text_of_aws() -> None:
    error = translate.translate(client_error("AccessDenied", DENIED), "iam:GetRole", "read the role app")
    assert DENIED in str(error)


@pytest.mark.parametrize(
    "code", ["SignatureDoesNotMatch", "IncompleteSignature", "ExpiredToken", "InvalidClientTokenId"]
)
def test_text_about_credentials_is_omitted(code: str) -> None:
    error = translate.translate(client_error(code, f"x-amz-security-token:{SECRET}"), "iam:GetRole", "read it")
    assert SECRET not in str(error)
    assert SECRET not in repr(error.as_dict())


LOCAL: list[tuple[Exception, type[errors.IrsaError], str]] = [
    (aws.NoCredentialsError(), errors.BadCredentials, "no usable AWS credentials were found (NoCredentialsError)"),
    (aws.PartialCredentialsError(provider="env", cred_var="x"), errors.BadCredentials, "no usable AWS credentials"),
    (aws.CredentialRetrievalError(provider="process", error_msg=SECRET), errors.BadCredentials, "no usable"),
    (aws.NoRegionError(), errors.BadConnection, "set the option region"),
    (aws.InvalidRegionError(region_name="a b"), errors.BadConnection, "'a b'"),
    (aws.ParamValidationError(report="Invalid length"), errors.InvalidInput, "Invalid length"),
    (aws.SSLError(endpoint_url="https://x", error="bad"), errors.Unreachable, "set aws_ca_bundle"),
    (aws.EndpointConnectionError(endpoint_url="https://x"), errors.Unreachable, "https://x"),
    (aws.ConnectTimeoutError(endpoint_url="https://x"), errors.Unreachable, "check region, endpoint_url, proxy"),
    (aws.ReadTimeoutError(endpoint_url="https://x"), errors.Unreachable, "https://x"),
    (aws.DataNotFoundError(data_path="x"), errors.ApiError, "DataNotFoundError"),
]


@pytest.mark.parametrize(
    ("raised", "kind", "message"), LOCAL, ids=[type(raised).__name__ for raised, _kind, _message in LOCAL]
)
def test_local_error_is_translated(raised: Exception, kind: type[errors.IrsaError], message: str) -> None:
    error = translate.translate(raised, "iam:GetRole", "read the role app")
    assert error.__class__ is kind
    assert message in str(error)
    assert SECRET not in str(error)


class FailingCall:
    """A decorated call that raises the given errors first."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failures: Exception) -> None:
        self.failures = [*failures]
        self.attempts = 0
        # amazon.aws's backoff sleeps through its own import of the module.
        monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def run(self) -> t.Any:
        @translate.aws_call("iam:GetRole", "read the role {name}")
        def call(_client: t.Any, *, name: str) -> str:
            self.attempts += 1
            if self.failures:
                raise self.failures.pop(0)
            return f"role {name}"

        return call(None, name="app")


@pytest.mark.parametrize(
    "failure",
    [
        client_error("ConcurrentModification"),
        client_error("EntityTemporarilyUnmodifiable"),
        botocore.parsers.ResponseParserError("an HTML page"),
    ],
    ids=["concurrent", "unmodifiable", "not XML"],
)
def test_transient_error_is_retried(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    call = FailingCall(monkeypatch, failure, failure)
    assert call.run() == "role app"
    assert call.attempts == 3


def test_retries_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    call = FailingCall(monkeypatch, *[client_error("ConcurrentModification")] * 20)
    with pytest.raises(errors.Conflict, match="could not read the role app"):
        call.run()
    assert 3 <= call.attempts <= 10


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "DeleteConflict", "Throttling", "ServiceFailure"])
def test_other_errors_are_not_retried(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    call = FailingCall(monkeypatch, client_error(code))
    with pytest.raises(errors.IrsaError):
        call.run()
    assert call.attempts == 1


def test_programming_error_is_not_translated(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        FailingCall(monkeypatch, KeyError("x")).run()
