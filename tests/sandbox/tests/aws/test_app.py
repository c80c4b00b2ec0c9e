# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import concurrent.futures
import datetime
import json
import time
import typing as t
import urllib.error
import urllib.request
from xml.etree import ElementTree

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from botocore.parsers import ResponseParserError
from moto.core.utils import utcnow
from moto.sts.models import sts_backends
from sandbox import settings
from sandbox.aws.access import credentials
from sandbox.aws.errors import UnmodeledError
from sandbox.aws.sts import backend as sts
from sandbox.tests.support.aws_server import REGIONS, Aws, expect_error

TRUST = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}'
IDENTITY = "{https://sts.amazonaws.com/doc/2011-06-15/}"


# Credentials


def test_invalid_access_keys_are_rejected(aws: Aws) -> None:
    expired, unknown = settings.EXPIRED_ACCESS_KEY_ID, settings.INVALID_ACCESS_KEY_ID
    expired_message, invalid_message = (
        "The security token included in the request is expired",
        "The security token included in the request is invalid.",
    )
    for key, service, operation, parameters, expected in (
        (expired, "iam", "get_role", {"RoleName": "app"}, (403, "ExpiredToken", expired_message)),
        (expired, "sts", "get_caller_identity", {}, (403, "ExpiredToken", expired_message)),
        (expired, "eks", "list_clusters", {}, (403, "ExpiredTokenException", expired_message)),
        (unknown, "iam", "get_role", {"RoleName": "app"}, (403, "InvalidClientTokenId", invalid_message)),
        (unknown, "sts", "get_caller_identity", {}, (403, "InvalidClientTokenId", invalid_message)),
        (unknown, "eks", "list_clusters", {}, (403, "UnrecognizedClientException", invalid_message)),
        (
            "ASIAUNKNOWN000000000",
            "iam",
            "get_role",
            {"RoleName": "app"},
            (403, "InvalidClientTokenId", invalid_message),
        ),
    ):
        call = getattr(aws.client(service, access_key_id=key), operation)
        assert expect_error(call, **parameters) == expected


def test_expired_session_is_rejected() -> None:
    """This test runs without the server, because the shortest session lasts 15 minutes."""
    sts.install()
    session = sts_backends[settings.ACCOUNT_ID]["aws"].assume_role(
        region_name="aws",
        role_session_name="session",
        role_arn=f"arn:aws:iam::{settings.ACCOUNT_ID}:role/app",
        policy="",
        duration=900,
        external_id="",
    )
    call: dict[str, t.Any] = {
        "operation": "GetRole",
        "access_key_id": session.access_key_id,
        "token": session.session_token,
        "region": settings.REGION,
        "parameters": {},
    }
    credentials.check(service="iam", **call)
    session.expiration = utcnow() - datetime.timedelta(seconds=1)
    for service, code in (("iam", "ExpiredToken"), ("eks", "ExpiredTokenException")):
        with pytest.raises(UnmodeledError) as caught:
            credentials.check(service=service, **call)
        assert (caught.value.status, caught.value.code) == (403, code)


@pytest.mark.parametrize("partition", sorted(REGIONS))
def test_user_without_permissions(aws: Aws, partition: str) -> None:
    region = REGIONS[partition]
    provider = f"arn:{partition}:iam::{settings.ACCOUNT_ID}:oidc-provider/oidc.example/id/A"
    cluster = f"arn:{partition}:eks:{region}:{settings.ACCOUNT_ID}:cluster/production"
    user = f"arn:{partition}:iam::{settings.ACCOUNT_ID}:user/{settings.DENIED_USER_NAME}"
    for service, operation, parameters, code, action, resource in (
        ("iam", "get_role", {"RoleName": "app"}, "AccessDenied", "iam:GetRole", "role app"),
        (
            "iam",
            "get_open_id_connect_provider",
            {"OpenIDConnectProviderArn": provider},
            "AccessDenied",
            "iam:GetOpenIDConnectProvider",
            provider,
        ),
        (
            "iam",
            "create_open_id_connect_provider",
            {"Url": "https://oidc.example/id/A"},
            "AccessDenied",
            "iam:CreateOpenIDConnectProvider",
            provider,
        ),
        ("iam", "list_roles", {}, "AccessDenied", "iam:ListRoles", "*"),
        ("eks", "describe_cluster", {"name": "production"}, "AccessDeniedException", "eks:DescribeCluster", cluster),
    ):
        call = getattr(aws.client(service, region=region, access_key_id=settings.DENIED_ACCESS_KEY_ID), operation)
        assert expect_error(call, **parameters) == (
            403,
            code,
            f"User: {user} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action",
        )
    sts = aws.client("sts", region=region, access_key_id=settings.DENIED_ACCESS_KEY_ID)
    assert sts.get_caller_identity()["Arn"] == user


def test_unknown_key_belongs_to_default_user(aws: Aws) -> None:
    identity = aws.client("sts").get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (
        settings.ACCOUNT_ID,
        f"arn:aws:iam::{settings.ACCOUNT_ID}:user/moto",
    )


def test_key_of_user(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="person", Path="/team/")
    key = iam.create_access_key(UserName="person")["AccessKey"]
    sts = aws.client("sts", access_key_id=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:iam::{settings.ACCOUNT_ID}:user/team/person"


@pytest.mark.parametrize(
    ("access_key_id", "user"),
    [(settings.ACCESS_KEY_ID, "moto"), (settings.DENIED_ACCESS_KEY_ID, settings.DENIED_USER_NAME)],
)
def test_presigned_urls(aws: Aws, access_key_id: str, user: str) -> None:
    """EKS tokens contain a presigned URL, which the authenticator sends to STS."""
    url = aws.client("sts", access_key_id=access_key_id).generate_presigned_url("get_caller_identity", ExpiresIn=60)
    with urllib.request.urlopen(url, timeout=5) as response:
        response_xml = ElementTree.fromstring(response.read())  # noqa: S314
    assert response_xml.findtext(f".//{IDENTITY}Arn") == f"arn:aws:iam::{settings.ACCOUNT_ID}:user/{user}"


@pytest.mark.parametrize("header", [True, False])
def test_presigned_url_of_session(aws: Aws, header: bool) -> None:
    """The session token is in the query. A header may contain the access key too."""
    aws.client("iam").create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    session = aws.client("sts", access_key_id=None).assume_role_with_web_identity(
        RoleArn=aws.role(), RoleSessionName="session", WebIdentityToken=aws.token()
    )["Credentials"]
    key, secret, token = session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]
    sts = aws.client("sts", access_key_id=key, secret=secret, token=token)
    request = urllib.request.Request(sts.generate_presigned_url("get_caller_identity"))
    if header:
        credential = f"AWS4-HMAC-SHA256 Credential={key}/20260101/{settings.REGION}/sts/aws4_request"
        request.add_header("Authorization", credential)
    with urllib.request.urlopen(request, timeout=5) as response:
        response_xml = ElementTree.fromstring(response.read())  # noqa: S314
    assert response_xml.findtext(f".//{IDENTITY}Arn", "").endswith(":assumed-role/app/session")


def test_presigned_url_with_expired_credentials(aws: Aws) -> None:
    sts = aws.client("sts", access_key_id=settings.EXPIRED_ACCESS_KEY_ID)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(sts.generate_presigned_url("get_caller_identity"), timeout=5)
    assert caught.value.code == 403
    assert "<Code>ExpiredToken</Code>" in caught.value.read().decode()


def test_access_key_secrets(aws: Aws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="person")
    key = iam.create_access_key(UserName="person")["AccessKey"]
    aws.client("iam").create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    session = aws.client("sts", access_key_id=None).assume_role_with_web_identity(
        RoleArn=aws.role(), RoleSessionName="session", WebIdentityToken=aws.token()
    )["Credentials"]
    for access_key_id, secret, token in (
        (settings.ACCESS_KEY_ID, settings.SECRET_ACCESS_KEY, None),
        (key["AccessKeyId"], key["SecretAccessKey"], None),
        (session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"]),
    ):
        secrets = aws.control("GET", f"access-keys/{access_key_id}")
        assert secrets == {"secret_access_key": secret, "session_token": token}
    with pytest.raises(urllib.error.HTTPError) as caught:
        aws.control("GET", "access-keys/AKIAUNKNOWN000000000")
    assert caught.value.code == 400


def test_unsigned_call_is_rejected(aws: Aws) -> None:
    for service, operation, parameters in (
        ("iam", "get_role", {"RoleName": "app"}),
        ("sts", "get_caller_identity", {}),
        ("eks", "describe_cluster", {"name": "production"}),
    ):
        error = expect_error(getattr(aws.client(service, access_key_id=None), operation), **parameters)
        assert error == (403, "MissingAuthenticationToken", "Request is missing Authentication Token")


def test_unimplemented_operation(aws: Aws) -> None:
    call = aws.client("iam").simulate_principal_policy
    error = expect_error(call, PolicySourceArn="arn:aws:iam::123456789012:role/app", ActionNames=["s3:*"])
    assert error[:2] == (501, "NotImplemented")
    assert "iam:SimulatePrincipalPolicy" in error.message


def test_moto_serves_other_services(aws: Aws) -> None:
    s3 = aws.client("s3", region="us-east-1")
    s3.create_bucket(Bucket="bucket")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["bucket"]


# Faults and counts


def test_fault_hits_number_of_calls(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(json.loads(TRUST))
    fault = {"service": "iam", "operation": "GetRole", "code": "Throttling", "message": "Rate exceeded", "times": 2}
    aws.control("POST", "faults", fault)
    for _attempt in range(2):
        assert expect_error(iam.get_role, RoleName="app") == (400, "Throttling", "Rate exceeded")
    assert iam.get_role(RoleName="app")["Role"]["RoleName"] == "app"
    assert aws.control("GET", "faults") == []


def test_client_retries_after_fault(aws: Aws) -> None:
    aws.role(json.loads(TRUST))
    aws.control("DELETE", "calls")
    aws.control(
        "POST", "faults", {"service": "iam", "operation": "GetRole", "code": "ServiceUnavailable", "status": 503}
    )
    assert aws.client("iam", retries=2).get_role(RoleName="app")["Role"]["RoleName"] == "app"
    assert aws.control("GET", "calls") == {"iam": {"GetRole": 2}}


def test_fault_by_parameter_without_limit(aws: Aws) -> None:
    iam = aws.client("iam")
    for name in ("a", "b"):
        aws.role(json.loads(TRUST), name=name)
    aws.control(
        "POST",
        "faults",
        [
            {"service": "*", "operation": "*", "parameters": {"RoleName": "b"}, "code": "X", "times": 0, "status": 500},
            {"service": "eks", "operation": "DescribeCluster", "parameters": {"name": "production"}, "code": "Y"},
        ],
    )
    assert iam.get_role(RoleName="a")["Role"]["RoleName"] == "a"
    for _attempt in range(3):
        assert expect_error(iam.get_role, RoleName="b")[:2] == (500, "X")
    assert expect_error(aws.client("eks").describe_cluster, name="production")[:2] == (400, "Y")
    aws.control("DELETE", "faults")
    iam.get_role(RoleName="b")


def test_fault_hits_every_third_call(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(json.loads(TRUST))
    aws.control(
        "POST", "faults", {"service": "iam", "operation": "GetRole", "code": "Throttling", "times": 0, "every": 3}
    )
    aws.client("sts").get_caller_identity()  # other operations do not count
    for _round in range(2):
        iam.get_role(RoleName="app")
        iam.get_role(RoleName="app")
        assert expect_error(iam.get_role, RoleName="app")[:2] == (400, "Throttling")


def test_lost_response_after_write(aws: Aws) -> None:
    iam = aws.client("iam")
    create = {"RoleName": "app", "AssumeRolePolicyDocument": TRUST}
    aws.control("POST", "faults", {"service": "iam", "operation": "CreateRole", "kind": "reset_after"})
    with pytest.raises(ConnectionClosedError):
        iam.create_role(**create)
    assert expect_error(iam.create_role, **create).code == "EntityAlreadyExists"


def test_response_that_is_not_from_aws(aws: Aws) -> None:
    page = {"service": "iam", "operation": "ListRoles", "body": "<html><body>oops<br></body>"}
    aws.control("POST", "faults", [{**page, "status": 200}, {**page, "status": 502}])
    with pytest.raises(ResponseParserError):
        aws.client("iam").list_roles()
    assert expect_error(aws.client("iam").list_roles)[:2] == (502, "502")


def test_delay(aws: Aws) -> None:
    aws.control("POST", "faults", {"service": "sts", "operation": "GetCallerIdentity", "delay": 0.3})
    start = time.monotonic()
    aws.client("sts").get_caller_identity()
    assert time.monotonic() - start >= 0.3


def test_calls_are_counted(aws: Aws) -> None:
    aws.control("DELETE", "calls")
    aws.client("eks").list_clusters()
    aws.client("sts").get_caller_identity()
    for _attempt in range(2):
        expect_error(aws.client("iam").get_role, RoleName="none")
    assert aws.control("GET", "calls") == {
        "eks": {"ListClusters": 1},
        "iam": {"GetRole": 2},
        "sts": {"GetCallerIdentity": 1},
    }
    aws.control("DELETE", "calls")
    assert aws.control("GET", "calls") == {}


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("POST", "faults", {"service": "iam", "operation": "GetRole"}, 400),
        ("POST", "faults", {"service": "iam", "operation": "GetRole", "code": "X", "colour": "red"}, 400),
        ("POST", "quotas", {"Nonsense": 1}, 400),
        ("GET", "nonsense", None, 404),
    ],
)
def test_control_api_rejects_invalid_requests(aws: Aws, method: str, name: str, body: t.Any, status: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        aws.control(method, name, body)
    assert caught.value.code == status
    assert json.load(caught.value)["error"]


def test_reset_restores_initial_state(aws: Aws) -> None:
    aws.role(json.loads(TRUST))
    aws.client("eks").delete_cluster(name=settings.OTHER_CLUSTER)
    aws.control("POST", "quotas", {"RolesQuota": 1})
    aws.control("POST", "faults", {"service": "*", "operation": "*", "code": "X", "times": 0})
    aws.control("POST", "reset")
    assert aws.client("iam").list_roles()["Roles"] == []
    assert settings.OTHER_CLUSTER in aws.client("eks").list_clusters()["clusters"]
    assert aws.client("iam").get_account_summary()["SummaryMap"]["RolesQuota"] == 1000


def test_parallel_calls_succeed(aws: Aws) -> None:
    iam, eks, sts = aws.client("iam"), aws.client("eks"), aws.client("sts")
    unsigned = aws.client("sts", access_key_id=None)
    iam.create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    trusted, token, trust = aws.role(name="shared"), aws.token(), json.dumps(aws.trust())

    def work(worker: int) -> list[str]:
        codes = []
        for step in range(10):
            name = f"role-{worker}-{step}"
            calls = (
                (iam.create_role, {"RoleName": name, "AssumeRolePolicyDocument": trust}),
                (iam.attach_role_policy, {"RoleName": name, "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
                (iam.get_account_authorization_details, {"Filter": ["Role"], "MaxItems": 20}),
                (eks.describe_cluster, {"name": settings.CLUSTER_NAME}) if step % 2 else (sts.get_caller_identity, {}),
                (
                    unsigned.assume_role_with_web_identity,
                    {"RoleArn": trusted, "RoleSessionName": f"s{worker}", "WebIdentityToken": token},
                ),
            )
            for call, parameters in calls:
                try:
                    codes.append(str(call(**parameters)["ResponseMetadata"]["HTTPStatusCode"]))
                except ClientError as error:
                    codes.append(str(error))
        return codes

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        results = [code for codes in pool.map(work, range(16)) for code in codes]
    assert results == ["200"] * 16 * 50
    roles = [role for page in iam.get_paginator("list_roles").paginate() for role in page["Roles"]]
    assert len(roles) == 161
