# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The token probe: requests to STS, and retries."""

from __future__ import annotations

import base64
import dataclasses
import datetime
import json
import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import diagnose
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import PROBES, specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import ChainFacts, StsAnswer, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.observation import NO_ROLE
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.token_probe import (
    TokenProbe,
    read_claims,
    session_name,
)
from botocore.stub import Stubber
from unit.chain_objects import AWS, CHAIN, ROLE, kubernetes
from unit.scripted import Answer

Json = dict[str, t.Any]
SUBJECT = "system:serviceaccount:shop:app"
ACCOUNT = {"metadata": {"name": "app"}}
REFUSED = "Not authorized to perform sts:AssumeRoleWithWebIdentity"


def token(**claims: t.Any) -> str:
    payload = {"iss": CHAIN.issuer, "sub": SUBJECT, "aud": ["sts.amazonaws.com"], **claims}
    parts = ({"alg": "RS256"}, payload)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "signature"])


def forbidden(message: str) -> Json:
    return {"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}


def session(arn: str = "arn:aws:sts::123456789012:assumed-role/app/irsa-verify.shop.app") -> Json:
    expiration = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=900)
    keys = {"AccessKeyId": "ASIAIOSFODNN7EXAMPLE", "SecretAccessKey": "the-secret", "SessionToken": "the-session"}
    return {
        "Credentials": {**keys, "Expiration": expiration},
        "AssumedRoleUser": {"AssumedRoleId": "AROAEXAMPLE:x", "Arn": arn},
    }


def make_sts_client() -> t.Any:
    return boto3.client("sts", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")


class Clock:
    """A clock that advances only in `sleep`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.pauses: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(round(seconds, 3))
        self.now += seconds


class ProbeCase:
    """A token probe with a scripted API server and a stubbed STS."""

    def __init__(self, server: t.Any, propagation_timeout: int = 30) -> None:
        self.client = make_sts_client()
        self.stub = Stubber(self.client)
        self.stub.activate()
        self.clock = Clock()
        self.secrets: list[str] = []
        self.regions: list[str] = []
        (spec,) = specs_from_params(
            {
                "namespace": "shop",
                "service_account": "app",
                "probes": list(PROBES),
                "propagation_timeout": propagation_timeout,
                "fail_on": "error",
            }
        )
        self.probe = TokenProbe(
            server,
            t.cast(t.Any, self),
            spec,
            register_secret=self.secrets.append,
            sleep=self.clock.sleep,
            clock=self.clock.time,
        )

    def unsigned(self, _service: str, region: str) -> t.Any:
        self.regions.append(region)
        return self.client

    def reject(self, times: int, code: str = "AccessDenied", message: str = REFUSED) -> None:
        for _number in range(times):
            self.stub.add_client_error("assume_role_with_web_identity", code, message)

    def accept(self) -> None:
        self.stub.add_response("assume_role_with_web_identity", session())

    def settle(self, monkeypatch: pytest.MonkeyPatch, allowed: bool | None) -> StsAnswer:
        monkeypatch.setattr(diagnose, "static_allows", lambda _facts: allowed)
        facts = ChainFacts(CHAIN, AWS, kubernetes(), self.probe.ask(CHAIN, ACCOUNT))
        answer = self.probe.settle(facts)
        assert isinstance(answer, StsAnswer)
        self.stub.assert_no_pending_responses()
        return answer


@pytest.fixture
def make_case(scripted: t.Any, connect: t.Any) -> t.Callable[..., ProbeCase]:
    scripted.answer({"status": {"token": token()}}, {"status": {"token": token()}}, {"status": {"token": token()}})
    return lambda **options: ProbeCase(connect(scripted), **options)


def test_token_is_accepted(make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case()
    case.accept()
    answer = case.settle(monkeypatch, True)
    assert (answer.code, answer.attempts, answer.first, case.clock.pauses) == (None, 1, None, [])
    assert answer.claims == {"iss": CHAIN.issuer, "sub": SUBJECT, "aud": ["sts.amazonaws.com"]}
    assert case.regions == ["eu-west-1"]
    assert case.secrets == [token(), "the-secret", "the-session"]


def test_token_is_accepted_after_retries(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    case.reject(3)
    case.accept()
    answer = case.settle(monkeypatch, True)
    assert (answer.code, answer.attempts, answer.first, answer.waited) == (None, 4, "AccessDenied", 7.0)
    assert case.clock.pauses == [1.0, 2.0, 4.0]


def test_token_is_rejected_until_the_timeout(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    case.reject(7)
    answer = case.settle(monkeypatch, True)
    assert (answer.code, answer.message, answer.settled, answer.waited) == ("AccessDenied", REFUSED, True, 30.0)
    assert case.clock.pauses == [1.0, 2.0, 4.0, 8.0, 10.0, 5.0], "the last pause is the remaining time"


def test_no_retry_without_a_timeout(make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(propagation_timeout=0)
    case.reject(1)
    answer = case.settle(monkeypatch, True)
    assert (answer.code, answer.settled, answer.attempts, case.clock.pauses) == ("AccessDenied", False, 1, [])


@pytest.mark.parametrize("allowed", [False, None])
def test_refusal_that_iam_explains_is_not_retried(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch, allowed: bool | None
) -> None:
    case = make_case()
    case.reject(1)
    answer = case.settle(monkeypatch, allowed)
    assert (answer.code, answer.attempts, case.clock.pauses) == ("AccessDenied", 1, [])


def test_unreachable_keys_are_retried_a_few_times(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    case.reject(4, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
    answer = case.settle(monkeypatch, None)
    assert (answer.code, answer.attempts) == ("InvalidIdentityToken", 4)
    assert case.clock.pauses == [1.0, 2.0, 4.0]


def test_short_outage_is_not_propagation(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    case.reject(1, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider")
    case.accept()
    answer = case.settle(monkeypatch, True)
    assert (answer.code, answer.attempts, answer.first) == (None, 2, None)


def test_token_is_renewed_before_it_expires(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch, scripted: t.Any
) -> None:
    case = make_case(propagation_timeout=600)
    case.reject(64)
    case.settle(monkeypatch, True)
    assert len(scripted.requests) == 2


def test_error_code_without_its_own_class(
    make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case()
    case.reject(1, "RegionDisabledException", "STS is not activated")
    answer = case.settle(monkeypatch, True)
    assert (answer.code, answer.message) == ("RegionDisabledException", "STS is not activated")


def test_throttled_request_is_unknown(make_case: t.Callable[..., ProbeCase], monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case()
    case.reject(1, "Throttling", "Rate exceeded")
    answer = case.probe.ask(CHAIN, ACCOUNT)
    assert isinstance(answer, Unknown)
    assert answer.permission is None
    assert f"could not assume the role {ROLE} with a token" in answer.reason


@pytest.mark.parametrize(
    ("claims", "kind", "message"),
    [
        ({"iss": "https://issuer.example.com"}, errors.WrongCluster, "is not the EKS cluster prod"),
        ({"sub": "system:serviceaccount:shop:web"}, errors.ApiError, "a token that differs from the request"),
        ({"aud": ["vault"]}, errors.ApiError, "a token that differs from the request"),
    ],
)
def test_token_with_other_claims_is_rejected(
    scripted: t.Any, connect: t.Any, claims: Json, kind: type[errors.IrsaError], message: str
) -> None:
    scripted.answer({"status": {"token": token(**claims)}})
    with pytest.raises(kind, match=message) as caught:
        ProbeCase(connect(scripted)).probe.ask(CHAIN, ACCOUNT)
    assert "eyJ" not in str(caught.value)


def test_no_token_is_requested_without_account_role_or_region(scripted: t.Any, connect: t.Any) -> None:
    case = ProbeCase(connect(scripted))
    assert isinstance(case.probe.ask(CHAIN, None), Unknown)
    assert case.probe.ask(dataclasses.replace(CHAIN, role_arn=None), ACCOUNT) == NO_ROLE
    answer = case.probe.ask(dataclasses.replace(CHAIN, region=None), ACCOUNT)
    assert isinstance(answer, Unknown)
    assert "set the option region" in answer.reason
    assert scripted.requests == []


def test_denied_token_request_is_unknown_with_its_permission(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer(Answer(403, forbidden('serviceaccounts "app" is forbidden: User "u" cannot create resource')))
    answer = ProbeCase(connect(scripted)).probe.ask(CHAIN, ACCOUNT)
    assert isinstance(answer, Unknown)
    assert answer.permission == "create serviceaccounts/token in shop"


def test_token_request_that_a_policy_refuses_is_unknown(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer(Answer(403, forbidden('admission webhook "tokens.example.com" denied the request: no tokens')))
    answer = ProbeCase(connect(scripted)).probe.ask(CHAIN, ACCOUNT)
    assert isinstance(answer, Unknown)
    assert answer.reason.endswith('admission webhook "tokens.example.com" denied the request: no tokens')
    assert answer.permission is None


@pytest.mark.parametrize(
    ("name", "expected"), [("app", "irsa-verify.shop.app"), ("a" * 253, f"irsa-verify.shop.{'a' * 47}")]
)
def test_session_name_has_at_most_64_characters(name: str, expected: str) -> None:
    spec = diagnose.build_bulk_spec("shop", name, role_arn=ROLE, issuer=CHAIN.issuer, region=None, ask_sts=True)
    assert session_name(spec) == expected


def encode(claims: t.Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("malformed", "message"),
    [
        ("", "it does not have three parts"),
        ("the-token", "it does not have three parts"),
        ("a.b.c.d", "it does not have three parts"),
        ("a.%%%.c", "its claims are not JSON in base64"),
        ("a.é.c", "its claims are not JSON in base64"),
        (f"a.{base64.urlsafe_b64encode(b'{').decode()}.c", "its claims are not JSON in base64"),
        (f"a.{base64.urlsafe_b64encode(b'[' * 200_000).decode()}.c", "its claims are not JSON in base64"),
        (f"a.{encode(['iss'])}.c", "its claims are not a JSON object"),
    ],
)
def test_malformed_token_is_an_error_of_the_api_server(
    scripted: t.Any, make_case: t.Callable[..., ProbeCase], malformed: str, message: str
) -> None:
    scripted.script.clear()
    scripted.answer({"status": {"token": malformed}})
    with pytest.raises(errors.MalformedAnswer, match=f"it is not a JSON Web Token: {message}") as caught:
        make_case().probe.ask(CHAIN, ACCOUNT)
    assert len(malformed) < 9 or malformed not in str(caught.value)
    assert caught.value.__cause__ is None


def test_claims_of_a_token() -> None:
    expected = {"iss": CHAIN.issuer, "sub": SUBJECT, "aud": ["sts.amazonaws.com"]}
    assert read_claims(token(jti="x", **{"kubernetes.io": {}})) == expected
