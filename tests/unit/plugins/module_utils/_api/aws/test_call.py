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


def client_error(code: str, message: str = "text of AWS", status: int = 400) -> aws.ClientError:
    answer: t.Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return aws.ClientError(answer, "GetRole")


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


def test_error_status_without_an_error_of_aws() -> None:
    """botocore raises it for XML that is not that of an error."""
    answer: t.Any = {"ResponseMetadata": {"HTTPStatusCode": 404}}
    error = translate.translate(aws.ClientError(answer, "GetRole"), "iam:GetRole", "read the role app")
    assert error.__class__ is errors.MalformedAnswer
    assert str(error).startswith("could not read the role app. Cause: the answer of AWS does not have the field Error")


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
    (aws.NoRegionError(), errors.BadConnection, "set region or AWS_REGION"),
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


URL = {"endpoint_url": "https://iam.amazonaws.com"}


@pytest.mark.parametrize(
    ("failure", "can_plan_again", "may_be_done_later"),
    [
        pytest.param(client_error("Throttling"), True, False, id="throttled"),
        pytest.param(client_error("ConcurrentModification"), True, False, id="concurrent"),
        pytest.param(client_error("ServiceFailure", status=500), True, False, id="server-error"),
        pytest.param(client_error("AccessDenied"), False, False, id="denied"),
        pytest.param(botocore.parsers.ResponseParserError("an HTML page"), True, False, id="not-XML"),
        pytest.param(aws.ConnectTimeoutError(**URL), True, False, id="not-connected"),
        pytest.param(aws.ReadTimeoutError(**URL), True, True, id="no-answer"),
        pytest.param(aws.ConnectionClosedError(**URL), True, True, id="reset"),
        pytest.param(aws.SSLError(**URL, error="x"), False, False, id="certificate"),
        pytest.param(aws.ParamValidationError(report="x"), False, False, id="invalid"),
    ],
)
def test_write_that_depends_on_a_read_is_made_once(
    failure: Exception, can_plan_again: bool, may_be_done_later: bool
) -> None:
    attempts = []

    @translate.aws_call("iam:UpdateRole", "update the role {name}", retry=False)
    def call(_client: t.Any, *, name: str) -> None:
        attempts.append(name)
        raise failure

    with pytest.raises(errors.IrsaError, match="could not update the role app") as caught:
        call(None, name="app")
    assert attempts == ["app"]
    assert (caught.value.can_plan_again, caught.value.may_be_done_later) == (can_plan_again, may_be_done_later)


def test_missing_field_is_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    call = FailingCall(monkeypatch, KeyError("Arn"))
    assert call.run() == "role app"
    assert call.attempts == 2
