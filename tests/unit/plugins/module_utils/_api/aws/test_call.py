# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of AWS's errors, and which of them are tried again."""

from __future__ import annotations

import typing as t

import botocore.exceptions as aws
import botocore.parsers
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import call as translate
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors

SECRET = "FQoGZXIvYXdzEXAMPLESESSION"
DENIED = "User: arn:aws:iam::123456789012:user/me is not authorized to perform: iam:GetRole on resource: role app"


def client_error(code: str, message: str = "as AWS says it") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}}, "GetRole")


ANSWERS: list[tuple[str, type[errors.IrsaError], str]] = [
    ("NoSuchEntity", errors.NotFound, "as AWS says it"),
    ("ResourceNotFoundException", errors.NotFound, "as AWS says it"),
    ("EntityAlreadyExists", errors.AlreadyExists, "as AWS says it"),
    ("AccessDenied", errors.AccessDenied, "Fix: allow iam:GetRole for the caller"),
    ("AccessDeniedException", errors.AccessDenied, "allow iam:GetRole"),
    ("ExpiredToken", errors.BadCredentials, "have expired (ExpiredToken)"),
    ("ExpiredTokenException", errors.BadCredentials, "have expired"),
    ("InvalidClientTokenId", errors.BadCredentials, "doesn't accept the credentials (InvalidClientTokenId)"),
    ("SignatureDoesNotMatch", errors.BadCredentials, "doesn't accept the credentials"),
    ("Throttling", errors.Throttled, "went on throttling"),
    ("LimitExceeded", errors.QuotaExceeded, "Service Quotas"),
    ("DeleteConflict", errors.Conflict, "as AWS says it"),
    ("MalformedPolicyDocument", errors.InvalidInput, "as AWS says it"),
    ("ValidationError", errors.InvalidInput, "as AWS says it"),
    ("ServiceFailure", errors.ApiError, "ServiceFailure: as AWS says it"),
]


@pytest.mark.parametrize(("code", "kind", "says"), ANSWERS, ids=[each[0] for each in ANSWERS])
def test_answers(code: str, kind: type[errors.IrsaError], says: str) -> None:
    error = translate.translate(client_error(code), "iam:GetRole", "read the role app")
    assert error.__class__ is kind
    assert str(error).startswith("could not read the role app. Cause: ")
    assert says in str(error)
    assert error.details == {"code": code, "action": "iam:GetRole"}


def test_the_refusal_names_action_and_resource() -> None:
    error = translate.translate(client_error("AccessDenied", DENIED), "iam:GetRole", "read the role app")
    assert DENIED in str(error)


@pytest.mark.parametrize(
    "code", ["SignatureDoesNotMatch", "IncompleteSignature", "ExpiredToken", "InvalidClientTokenId"]
)
def test_what_aws_says_of_credentials_is_not_repeated(code: str) -> None:
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


@pytest.mark.parametrize(("raised", "kind", "says"), LOCAL, ids=[type(each[0]).__name__ for each in LOCAL])
def test_without_an_answer(raised: Exception, kind: type[errors.IrsaError], says: str) -> None:
    error = translate.translate(raised, "iam:GetRole", "read the role app")
    assert error.__class__ is kind
    assert says in str(error)
    assert SECRET not in str(error)


class Calls:
    """A call that fails a few times, under the decorator."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *failures: Exception) -> None:
        self.failures = [*failures]
        self.made = 0
        # amazon.aws's backoff sleeps through its own import of the module.
        monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def run(self) -> t.Any:
        @translate.aws_call("iam:GetRole", "read the role {name}")
        def call(_client: t.Any, *, name: str) -> str:
            self.made += 1
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
    ids=["concurrent", "held", "no XML"],
)
def test_what_passes_is_tried_again(monkeypatch: pytest.MonkeyPatch, failure: Exception) -> None:
    calls = Calls(monkeypatch, failure, failure)
    assert calls.run() == "role app"
    assert calls.made == 3


def test_retries_end(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch, *[client_error("ConcurrentModification")] * 20)
    with pytest.raises(errors.Conflict, match="could not read the role app"):
        calls.run()
    assert 3 <= calls.made <= 10


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchEntity", "DeleteConflict", "Throttling", "ServiceFailure"])
def test_what_does_not_pass_or_is_botocores_to_retry_is_not(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    calls = Calls(monkeypatch, client_error(code))
    with pytest.raises(errors.IrsaError):
        calls.run()
    assert calls.made == 1


def test_mistakes_of_the_program_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        Calls(monkeypatch, KeyError("x")).run()
