# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import collections.abc as c
import json
import time
import typing as t

import pytest
from joserfc.jwk import RSAKey
from sandbox import settings
from sandbox.tests.support.aws_server import REGIONS, SUBJECT, Aws, CallError, expect_error

ACTION = "sts:AssumeRoleWithWebIdentity"
DENIED = CallError(403, "AccessDenied", f"Not authorized to perform {ACTION}")
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider, "
    "please reference AssumeRoleWithWebIdentity documentation for requirements"
)
NOT_A_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
ROLE = f"arn:aws:iam::{settings.ACCOUNT_ID}:role/app"


@pytest.fixture
def provider(aws: Aws) -> Aws:
    """A server with the cluster's OIDC provider."""
    aws.client("iam").create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    return aws


def assume(aws: Aws, *, region: str = settings.REGION, **changes: t.Any) -> t.Any:
    parameters = {"RoleArn": ROLE, "RoleSessionName": "session", "DurationSeconds": 900, **changes}
    if "WebIdentityToken" not in parameters:
        parameters["WebIdentityToken"] = aws.token()
    return aws.client("sts", region=region, access_key_id=None).assume_role_with_web_identity(**parameters)


@pytest.mark.parametrize("partition", sorted(REGIONS))
def test_assume_role_in_each_partition(aws: Aws, partition: str) -> None:
    region = REGIONS[partition]
    aws.client("iam", region=region).create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    role_arn = aws.role(aws.trust(partition), region=region, Path="/team/")
    assert role_arn == f"arn:{partition}:iam::{settings.ACCOUNT_ID}:role/team/app"

    response = assume(aws, region=region, RoleArn=role_arn)

    session_arn = f"arn:{partition}:sts::{settings.ACCOUNT_ID}:assumed-role/app/session"
    role_id = aws.client("iam", region=region).get_role(RoleName="app")["Role"]["RoleId"]
    assert response["SubjectFromWebIdentityToken"] == SUBJECT
    assert response["Audience"] == settings.AUDIENCE
    assert response["Provider"] == aws.provider_arn(partition)
    assert response["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:session", "Arn": session_arn}
    assert "PackedPolicySize" not in response
    credentials = response["Credentials"]
    assert 890 < credentials["Expiration"].timestamp() - time.time() <= 900

    session = aws.client(
        "sts",
        region=region,
        access_key_id=credentials["AccessKeyId"],
        secret=credentials["SecretAccessKey"],
        token=credentials["SessionToken"],
    )
    identity = session.get_caller_identity()
    assert identity["Arn"] == session_arn
    assert identity["UserId"] == f"{role_id}:session"
    assert identity["Account"] == settings.ACCOUNT_ID


def test_wrong_session_token_is_rejected(provider: Aws) -> None:
    provider.role()
    key = assume(provider)["Credentials"]["AccessKeyId"]
    for token in (None, "another"):
        sts = provider.client("sts", access_key_id=key, token=token)
        assert expect_error(sts.get_caller_identity)[:2] == (403, "InvalidClientTokenId")


def test_missing_provider_is_rejected(aws: Aws) -> None:
    aws.role()
    with_slash = aws.token(iss=f"{aws.issuer}/")
    message = f"No OpenIDConnect provider found in your account for {aws.issuer}"
    assert expect_error(assume, aws=aws) == (400, "InvalidIdentityToken", message)
    aws.client("iam").create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    assert expect_error(assume, aws=aws, WebIdentityToken=with_slash) == (
        400,
        "InvalidIdentityToken",
        f"{message}/",
    )
    foreign = ROLE.replace(settings.ACCOUNT_ID, "999999999999")
    assert expect_error(assume, aws=aws, RoleArn=foreign) == (400, "InvalidIdentityToken", message)


@pytest.mark.parametrize(
    ("claims", "code", "message"),
    [
        pytest.param({"aud": ["sts.amazonaws.com.cn"]}, "InvalidIdentityToken", "Incorrect token audience", id="aud"),
        pytest.param({"sub": None}, "InvalidIdentityToken", "Missing a required claim: sub", id="no-sub"),
        pytest.param({"aud": None}, "InvalidIdentityToken", "Missing a required claim: aud", id="no-aud"),
        pytest.param({"nbf": time.time() + 3600}, "InvalidIdentityToken", "Token is not yet valid", id="nbf"),
        pytest.param(
            {"iat": 1_000_000_000, "nbf": 1_000_000_000, "exp": 1_000_000_600},
            "ExpiredTokenException",
            "must be before the expiration date/time 1000000600",
            id="expired",
        ),
        pytest.param({"iss": "http://plain"}, "InvalidIdentityToken", "Issuer must be a valid URL", id="iss"),
    ],
)
def test_invalid_claims_are_rejected(provider: Aws, claims: dict[str, t.Any], code: str, message: str) -> None:
    provider.role()
    status, actual, text = expect_error(assume, aws=provider, WebIdentityToken=provider.token(**claims))
    assert (status, actual) == (400, code)
    assert message in text


def forged(aws: Aws) -> str:
    """A token that another key signed, with the cluster's key id."""
    return aws.token(RSAKey.generate_key(2048, {"kid": "cluster"}))


def unknown_key(aws: Aws) -> str:
    return aws.token(RSAKey.generate_key(2048, {"kid": "other"}))


def altered(aws: Aws) -> str:
    header, payload, signature = aws.token(sub="system:serviceaccount:default:other").split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    changed = base64.urlsafe_b64encode(json.dumps({**claims, "sub": SUBJECT}).encode()).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


def unsigned(aws: Aws) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","kid":"cluster"}').decode().rstrip("=")
    return f"{header}.{aws.token().split('.')[1]}."


@pytest.mark.parametrize(
    ("make_token", "message"),
    [
        (forged, "Provided ID Token signature is invalid"),
        (altered, "Provided ID Token signature is invalid"),
        (unknown_key, NO_KEY),
        (unsigned, "The ID Token provided is not signed with a supported algorithm"),
        (lambda _aws: "not-a-token", NOT_A_JWT),
        (lambda _aws: "a.b.c.d", NOT_A_JWT),
    ],
)
def test_forged_token_is_rejected(provider: Aws, make_token: c.Callable[[Aws], str], message: str) -> None:
    provider.role()
    assert expect_error(assume, aws=provider, WebIdentityToken=make_token(provider)) == (
        400,
        "InvalidIdentityToken",
        message,
    )


def test_missing_cluster_keys(provider: Aws) -> None:
    provider.role()
    provider.state.cluster_file.unlink()
    provider.write_cluster(jwks={"keys": []})
    assert expect_error(assume, aws=provider) == (400, "InvalidIdentityToken", NO_KEY)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Action": "sts:AssumeRole"}, id="wrong action"),
        pytest.param({"Principal": {"Federated": "accounts.google.com"}}, id="foreign federated principal"),
        pytest.param({"Principal": {"Federated": "arn:aws:iam::999999999999:oidc-provider/PROVIDER"}}, id="account"),
        pytest.param(
            {"Principal": {"Federated": "arn:aws-cn:iam::123456789012:oidc-provider/PROVIDER"}}, id="partition"
        ),
        pytest.param({"Principal": {"AWS": "123456789012"}}, id="foreign principal"),
        pytest.param({"Principal": {"Service": "ec2.amazonaws.com"}}, id="service principal"),
        pytest.param({"Condition": {"StringEquals": {"PROVIDER:sub": "system:serviceaccount:default:App"}}}, id="case"),
        pytest.param({"Condition": {"StringEquals": {"PROVIDER:sub": "system:serviceaccount:*:app"}}}, id="wildcard"),
        pytest.param({"Condition": {"StringEquals": {"PROVIDER:aud": SUBJECT}}}, id="swapped"),
        pytest.param({"Condition": {"StringEquals": {"https://PROVIDER:sub": SUBJECT}}}, id="scheme in the key"),
        pytest.param({"Condition": {"StringEquals": {"PROVIDER/:sub": SUBJECT}}}, id="slash in the key"),
        pytest.param({"Condition": {"StringEquals": {"PROVIDER:iss": "https://PROVIDER"}}}, id="unknown key"),
        pytest.param({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, id="anonymous caller"),
        pytest.param(
            {"Condition": {"StringEquals": {"PROVIDER:sub": "x"}, "StringLike": {"PROVIDER:sub": "*"}}},
            id="all conditions must match",
        ),
    ],
)
def test_unmatched_trust_policy_denies(provider: Aws, changes: dict[str, t.Any]) -> None:
    provider.role(provider.trust(**json.loads(json.dumps(changes).replace("PROVIDER", provider.provider))))
    assert expect_error(assume, aws=provider) == DENIED


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Action": "STS:AssumeRoleWith*"}, id="action in wildcards and another case"),
        pytest.param({"Action": ["sts:TagSession", ACTION]}, id="action in a list"),
        pytest.param({"Principal": "*"}, id="everyone"),
        pytest.param({"Principal": {"Federated": ["accounts.google.com", "ARN"]}}, id="principal in a list"),
        pytest.param({"Condition": {"StringEquals": {"PROVIDER:SUB": [SUBJECT, "x"]}}}, id="key in another case"),
        pytest.param({"Condition": {"StringLike": {"PROVIDER:sub": "system:serviceaccount:*:ap?"}}}, id="wildcard"),
        pytest.param({"Condition": {"StringEqualsIfExists": {"PROVIDER:amr": "x"}}}, id="if exists"),
        pytest.param({"Condition": {"ForAnyValue:StringEquals": {"PROVIDER:aud": "sts.amazonaws.com"}}}, id="any"),
    ],
)
def test_matched_trust_policy_allows(provider: Aws, changes: dict[str, t.Any]) -> None:
    text = json.dumps(changes).replace("PROVIDER", provider.provider).replace("ARN", provider.provider_arn())
    provider.role(provider.trust(**json.loads(text)))
    assert assume(provider)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/app/session")


def test_explicit_deny_wins(provider: Aws) -> None:
    trust = provider.trust()
    trust["Statement"].append({**trust["Statement"][0], "Effect": "Deny"})
    provider.role(trust)
    assert expect_error(assume, aws=provider) == DENIED


def test_wrong_role_arn_is_denied(provider: Aws) -> None:
    assert expect_error(assume, aws=provider) == DENIED
    provider.role(Path="/team/")
    assert expect_error(assume, aws=provider) == DENIED


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"RoleArn": f'"{ROLE}"'}, "ValidationError", "Request ARN is invalid"),
        ({"RoleArn": "arn:aws:iam::1234:role/application"}, "ValidationError", "Request ARN is invalid"),
        ({"RoleArn": ROLE.replace(":role/", ":user/")}, "ValidationError", "Request ARN is invalid"),
        ({"RoleSessionName": "a b"}, "ValidationError", "'roleSessionName' failed to satisfy constraint"),
        ({"DurationSeconds": 43201}, "ValidationError", "have value less than or equal to 43200"),
        ({"DurationSeconds": 3601}, "ValidationError", "exceeds the MaxSessionDuration set for this role"),
        ({"Policy": "{"}, "MalformedPolicyDocument", "invalid Json"),
        (
            {"Policy": '{"Statement":{"Effect":"Deny","Action":"*"}}'},
            "MalformedPolicyDocument",
            "must contain resources",
        ),
        ({"PolicyArns": [{"arn": "arn:aws:iam::aws:role/ReadOnly"}]}, "InvalidInput", "is not valid"),
        ({"Policy": " " * 2049}, "PackedPolicyTooLarge", "please use smaller policy"),
    ],
)
def test_invalid_parameters_are_rejected(provider: Aws, changes: dict[str, t.Any], code: str, message: str) -> None:
    provider.role()
    status, actual, text = expect_error(assume, aws=provider, **changes)
    assert (status, actual) == (400, code)
    assert message in text


def test_session_policy_and_duration(provider: Aws) -> None:
    provider.role(MaxSessionDuration=7200)
    deny_all = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'
    response = assume(provider, DurationSeconds=7200, Policy=deny_all)
    assert 1 <= response["PackedPolicySize"] <= 100


def test_changes_are_effective_immediately(provider: Aws) -> None:
    """Each call uses the current client ids, trust policy and provider."""
    iam = provider.client("iam")
    provider.role()
    arn = provider.provider_arn()
    assume(provider)
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=settings.AUDIENCE)
    assert expect_error(assume, aws=provider).message == "Incorrect token audience"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=settings.AUDIENCE)
    assume(provider)
    narrowed = provider.trust(Condition={"StringEquals": {f"{provider.provider}:sub": "nobody"}})
    iam.update_assume_role_policy(RoleName="app", PolicyDocument=json.dumps(narrowed))
    assert expect_error(assume, aws=provider) == DENIED
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert expect_error(assume, aws=provider).code == "InvalidIdentityToken"
