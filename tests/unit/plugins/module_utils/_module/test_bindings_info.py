# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts for the bindings of a cluster, with few and many roles, and missing permissions."""

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
DENIED = "AccessDenied"


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
    """AWS with stubbed responses of IAM in the order of the requests."""

    def __init__(self) -> None:
        self.iam = boto3.client("iam", region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
        self.stub = Stubber(self.iam)
        self.stub.activate()
        self.stub_response(
            "get_open_id_connect_provider", {"Url": "x", "ClientIDList": ["a"]}, OpenIDConnectProviderArn=ANY
        )

    def stub_response(self, operation: str, response: Json | str, **expected: t.Any) -> None:
        """:param response: the response, or the code of an error."""
        if isinstance(response, str):
            self.stub.add_client_error(operation, response, "no", 403, expected_params=expected)
        else:
            self.stub.add_response(operation, response, expected)

    def client(self, _service: str) -> t.Any:
        return self.iam

    def describe(self, _name: str) -> EksCluster:
        return CLUSTER

    def caller(self) -> Arn:
        return Arn.parse("arn:aws:iam::123456789012:user/x")


class Server:
    """An API server with one account for each of these roles, and one in another namespace."""

    def __init__(self, *roles: str) -> None:
        bindings = [("ns", name, f"arn:aws:iam::123456789012:role/{name}") for name in roles]
        self.accounts = [
            {"metadata": {"namespace": namespace, "name": name, "annotations": {ANNOTATION: arn}}}
            for namespace, name, arn in [*bindings, ("other", "x", "arn:aws:iam::210987654321:role/x")]
        ]
        self.paths: list[str] = []

    def pages(self, path: str, **_options: t.Any) -> tuple[t.Any, str]:
        self.paths.append(path)
        return self.accounts, "1"


@pytest.fixture
def cloud() -> t.Iterator[Cloud]:
    cloud = Cloud()
    yield cloud
    cloud.stub.assert_no_pending_responses()


def read(cloud: Cloud, server: Server, **options: t.Any) -> ImportFacts:
    spec = ImportSpec(**{"cluster_name": "prod", "issuer": None, **options})
    return bindings_info.read(t.cast(t.Any, cloud), t.cast(t.Any, server), spec)


def test_few_roles_are_read_one_by_one(cloud: Cloud) -> None:
    cloud.stub_response("get_role", {"Role": role("app", Description="x")}, RoleName="app")
    cloud.stub_response("list_attached_role_policies", {"AttachedPolicies": [S3]}, RoleName="app")
    cloud.stub_response("list_role_policies", {"PolicyNames": []}, RoleName="app")
    own = {"PolicyName": "own", "Arn": "arn:aws:iam::123456789012:policy/own"}
    cloud.stub_response("list_policies", {"Policies": [own]}, Scope="Local", MaxItems=ANY)
    facts = read(cloud, Server("app"))
    assert (facts.partition, facts.account_id, facts.issuer) == ("aws", "123456789012", CHAIN.issuer)
    assert facts.provider_arn == PROVIDER_ARN
    assert facts.audiences == {"a"}
    assert list(facts.service_accounts) == [("ns", "app"), ("other", "x")]
    assert facts.roles["app"].description == "x"
    assert facts.policies == {"own"}


def test_denied_policies_are_unknown(cloud: Cloud) -> None:
    cloud.stub_response("get_role", {"Role": role("app")}, RoleName="app")
    cloud.stub_response("list_attached_role_policies", {"AttachedPolicies": [S3]}, RoleName="app")
    cloud.stub_response("list_role_policies", DENIED, RoleName="app")
    cloud.stub_response("list_policies", DENIED, Scope="Local", MaxItems=ANY)
    facts = read(cloud, Server("app"), cluster_name=None, issuer=CHAIN.issuer)
    assert facts.roles["app"].inline_policies is None
    assert facts.policies is None


def test_denied_role_is_an_error(cloud: Cloud) -> None:
    cloud.stub_response("get_role", DENIED, RoleName="app")
    with pytest.raises(errors.AccessDenied, match="iam:GetRole"):
        read(cloud, Server("app"))


MANY = [f"app-{number}" for number in range(9)]


def test_many_roles_are_listed(cloud: Cloud) -> None:
    listed = {"Roles": [role(name, MaxSessionDuration=7200) for name in MANY], "IsTruncated": False}
    cloud.stub_response("list_roles", listed, MaxItems=ANY)
    details = {"RoleDetailList": [role(name) for name in [*MANY, "another"]], "IsTruncated": False}
    cloud.stub_response("get_account_authorization_details", details, Filter=["Role"], MaxItems=1000)
    facts = read(cloud, Server(*MANY))
    assert set(facts.roles) == {*MANY, "another"}
    assert facts.roles["app-8"].max_session_duration == 7200
    assert facts.policies is None  # not read if no role has a managed policy


def test_many_roles_are_read_one_by_one_if_listing_is_denied(cloud: Cloud) -> None:
    cloud.stub_response("list_roles", DENIED, MaxItems=ANY)
    for _name in MANY:
        cloud.stub_response("get_role", "NoSuchEntity", RoleName=ANY)
    assert read(cloud, Server(*MANY)).roles == {}


def test_only_the_named_namespaces_are_read(cloud: Cloud) -> None:
    server = Server()
    facts = read(cloud, server, namespaces=("other",))
    assert server.paths == ["/api/v1/namespaces/other/serviceaccounts"]
    assert list(facts.service_accounts) == [("other", "x")]
    assert facts.roles == {}
    assert facts.empty_namespaces == []


def test_namespace_without_accounts_is_reported(cloud: Cloud) -> None:
    assert read(cloud, Server(), namespaces=("other", "othre")).empty_namespaces == ["othre"]
