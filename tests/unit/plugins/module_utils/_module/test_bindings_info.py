# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read for the bindings of a cluster: few roles one by one, many by pages, less where that is refused."""

from __future__ import annotations

import json
import typing as t
import urllib.parse

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn, EksCluster
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.importing import ImportFacts, ImportSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import bindings_info
from botocore.stub import ANY, Stubber
from unit.chain_objects import ANNOTATION, CHAIN, CLUSTER

Json = dict[str, t.Any]

PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{CHAIN.issuer.removeprefix('https://')}"
TRUST = urllib.parse.quote(json.dumps({"Version": "2012-10-17", "Statement": []}))
S3 = {"PolicyName": "AmazonS3ReadOnlyAccess", "PolicyArn": "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
REFUSED = "AccessDenied"


def role(name: str, **more: t.Any) -> Json:
    return {
        "Path": "/",
        "RoleName": name,
        "RoleId": "AROAABCDEFGHIJKLMNOPQ",
        "Arn": f"arn:aws:iam::123456789012:role/{name}",
        "CreateDate": "2026-01-01T00:00:00Z",
        "AssumeRolePolicyDocument": TRUST,
        **more,
    }


class Cloud:
    """AWS whose IAM has these answers, in the order in which they are asked for."""

    def __init__(self) -> None:
        self.iam = boto3.client("iam", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
        self.stub = Stubber(self.iam)
        self.stub.activate()
        self.answer("get_open_id_connect_provider", {"Url": "x", "ClientIDList": ["a"]}, OpenIDConnectProviderArn=ANY)

    def answer(self, operation: str, answer: Json | str, **asked: t.Any) -> None:
        if isinstance(answer, str):
            self.stub.add_client_error(operation, answer, "no", 403, expected_params=asked)
        else:
            self.stub.add_response(operation, answer, asked)

    def client(self, _service: str) -> t.Any:
        return self.iam

    def describe(self, _name: str) -> EksCluster:
        return CLUSTER

    def caller(self) -> Arn:
        return Arn.parse("arn:aws:iam::123456789012:user/x")


class Server:
    """An API server with accounts for roles of these names, and one in another namespace."""

    def __init__(self, *roles: str) -> None:
        named = [("ns", name, f"arn:aws:iam::123456789012:role/{name}") for name in roles]
        self.accounts = [
            {"metadata": {"namespace": namespace, "name": name, "annotations": {ANNOTATION: arn}}}
            for namespace, name, arn in [*named, ("other", "x", "arn:aws:iam::210987654321:role/x")]
        ]
        self.paths: list[str] = []

    def pages(self, path: str, **_options: t.Any) -> tuple[t.Any, str]:
        self.paths.append(path)
        return self.accounts, "1"


@pytest.fixture
def cloud() -> t.Iterator[Cloud]:
    made = Cloud()
    yield made
    made.stub.assert_no_pending_responses()


def read(cloud: Cloud, server: Server, **options: t.Any) -> ImportFacts:
    wanted = ImportSpec(**{"cluster_name": "prod", "issuer": None, **options})
    return bindings_info.read(t.cast(t.Any, cloud), t.cast(t.Any, server), wanted)


def test_few_roles_are_read_one_by_one(cloud: Cloud) -> None:
    cloud.answer("get_role", {"Role": role("app", Description="x")}, RoleName="app")
    cloud.answer("list_attached_role_policies", {"AttachedPolicies": [S3]}, RoleName="app")
    cloud.answer("list_role_policies", {"PolicyNames": []}, RoleName="app")
    own = {"PolicyName": "own", "Arn": "arn:aws:iam::123456789012:policy/own"}
    cloud.answer("list_policies", {"Policies": [own]}, Scope="Local", MaxItems=ANY)
    found = read(cloud, Server("app"))
    assert (found.partition, found.account_id, found.issuer) == ("aws", "123456789012", CHAIN.issuer)
    assert found.provider_arn == PROVIDER_ARN
    assert found.audiences == {"a"}
    assert list(found.service_accounts) == [("ns", "app"), ("other", "x")]
    assert found.roles["app"].description == "x"
    assert found.policies == {"own"}


def test_what_is_refused_and_not_needed(cloud: Cloud) -> None:
    cloud.answer("get_role", {"Role": role("app")}, RoleName="app")
    cloud.answer("list_attached_role_policies", {"AttachedPolicies": [S3]}, RoleName="app")
    cloud.answer("list_role_policies", REFUSED, RoleName="app")
    cloud.answer("list_policies", REFUSED, Scope="Local", MaxItems=ANY)
    found = read(cloud, Server("app"), cluster_name=None, issuer=CHAIN.issuer)
    assert found.roles["app"].inline_policies is None
    assert found.policies is None


def test_a_role_may_not_be_read(cloud: Cloud) -> None:
    cloud.answer("get_role", REFUSED, RoleName="app")
    with pytest.raises(errors.AccessDenied, match="iam:GetRole"):
        read(cloud, Server("app"))


MANY = [f"app-{number}" for number in range(9)]


def test_many_roles_are_read_by_pages(cloud: Cloud) -> None:
    listed = {"Roles": [role(name, MaxSessionDuration=7200) for name in MANY], "IsTruncated": False}
    cloud.answer("list_roles", listed, MaxItems=ANY)
    details = {"RoleDetailList": [role(name) for name in [*MANY, "another"]], "IsTruncated": False}
    cloud.answer("get_account_authorization_details", details, Filter=["Role"], MaxItems=1000)
    found = read(cloud, Server(*MANY))
    assert set(found.roles) == {*MANY, "another"}
    assert found.roles["app-8"].max_session_duration == 7200
    assert found.policies is None  # no role has any


def test_where_pages_are_refused_they_are_read_one_by_one(cloud: Cloud) -> None:
    cloud.answer("list_roles", REFUSED, MaxItems=ANY)
    for _name in MANY:
        cloud.answer("get_role", "NoSuchEntity", RoleName=ANY)
    assert read(cloud, Server(*MANY)).roles == {}


def test_namespaces(cloud: Cloud) -> None:
    server = Server()
    found = read(cloud, server, namespaces=("other",))
    assert server.paths == ["/api/v1/namespaces/other/serviceaccounts"]
    assert list(found.service_accounts) == [("other", "x")]
    assert found.roles == {}
