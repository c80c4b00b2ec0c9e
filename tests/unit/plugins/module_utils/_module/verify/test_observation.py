# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of IAM and EKS for a verification: no more than it takes, and what is refused is unknown."""

from __future__ import annotations

import collections.abc as c
import concurrent.futures
import dataclasses
import json
import typing as t
import urllib.parse

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import PROBES, VerificationSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import AwsFacts, Chain, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.observation import OFF, AwsReader
from botocore.stub import Stubber
from unit.chain_objects import CHAIN, CLUSTER, ROLE

Json = dict[str, t.Any]
PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{CHAIN.issuer.removeprefix('https://')}"
MANAGED = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
NO_CLUSTER = dataclasses.replace(CHAIN, cluster=None, account_id=None, partition=None)


class AtOnce(concurrent.futures.Executor):
    """Does what is submitted before it returns, so that calls come in one order."""

    def submit(self, call: t.Any, /, *args: t.Any, **kwargs: t.Any) -> concurrent.futures.Future[t.Any]:
        future: concurrent.futures.Future[t.Any] = concurrent.futures.Future()
        future.set_result(call(*args, **kwargs))
        return future


class Cloud:
    """Clients whose answers are stubbed, in the order in which they are to be asked for."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}

    def client(self, service: str) -> t.Any:
        return self._stub(service).client

    def _stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            made = boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")  # type: ignore[call-overload]
            self.stubs[service] = Stubber(made)
            self.stubs[service].activate()
        return self.stubs[service]

    def answer(self, service: str, operation: str, answer: Json, **asked: t.Any) -> None:
        self._stub(service).add_response(operation, answer, asked)

    def refuse(self, service: str, operation: str, code: str) -> None:
        self._stub(service).add_client_error(operation, code, "no")

    # What is asked for of a chain that holds.

    def associations(self, *found: Json) -> None:
        asked = {"clusterName": "prod", "namespace": "shop", "serviceAccount": "app"}
        self.answer("eks", "list_pod_identity_associations", {"associations": list(found)}, **asked)

    def provider(self) -> None:
        answer = {"Url": "x", "ClientIDList": ["sts.amazonaws.com"]}
        self.answer("iam", "get_open_id_connect_provider", answer, OpenIDConnectProviderArn=PROVIDER_ARN)

    def role(self, *, length: int = 0, **more: t.Any) -> None:
        trust = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:*", "Sid": "x" * length}]}
        role = {
            "Path": "/",
            "RoleName": "app",
            "RoleId": "AROAABCDEFGHIJKLMNOPQ",
            "Arn": ROLE,
            "CreateDate": "2026-01-01T00:00:00Z",
            "AssumeRolePolicyDocument": urllib.parse.quote(json.dumps(trust)),
            **more,
        }
        self.answer("iam", "get_role", {"Role": role}, RoleName="app")

    def attached(self, *arns: str) -> None:
        found = [{"PolicyName": "x", "PolicyArn": arn} for arn in arns]
        self.answer("iam", "list_attached_role_policies", {"AttachedPolicies": found}, RoleName="app")


@pytest.fixture
def cloud() -> c.Iterator[Cloud]:
    made = Cloud()
    yield made
    for stub in made.stubs.values():
        stub.assert_no_pending_responses()


def read(cloud: Cloud, chain: Chain = CHAIN, *, static: bool = True) -> AwsFacts:
    spec = VerificationSpec.from_params(
        {
            "namespace": chain.namespace,
            "service_account": chain.service_account,
            "probes": list(PROBES),
            "propagation_timeout": 0,
            "fail_on": "error",
        }
    )
    cluster = CLUSTER if chain.cluster else None
    reads = AwsReader(AtOnce(), t.cast(t.Any, cloud) if static else None, cluster, spec)
    reads.begin()
    return reads.finish(chain)


def reason(fact: t.Any) -> str:
    assert isinstance(fact, Unknown)
    return fact.reason


def test_an_intact_chain_takes_four_requests(cloud: Cloud) -> None:
    cloud.associations()
    cloud.provider()
    cloud.role()
    cloud.attached(MANAGED)
    facts = read(cloud)
    assert isinstance(facts.provider, dict)
    assert facts.provider["ClientIDList"] == ["sts.amazonaws.com"]
    assert isinstance(facts.role, dict)
    assert facts.role["Arn"] == ROLE
    assert (facts.managed_policies, facts.boundary, facts.associations, facts.addons) == ([MANAGED], None, [], [])
    assert all(isinstance(each, Unknown) for each in (facts.provider_arns, facts.inline_policies, facts.quotas))


def test_reads_that_only_some_chains_need(cloud: Cloud) -> None:
    cloud.associations({"associationId": "a-1", "namespace": "shop", "serviceAccount": "app"})
    cloud.refuse("iam", "get_open_id_connect_provider", "NoSuchEntity")
    others = {"OpenIDConnectProviderList": [{"Arn": f"{PROVIDER_ARN}/"}]}
    cloud.answer("iam", "list_open_id_connect_providers", others)
    cloud.role(
        length=2048,
        PermissionsBoundary={"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": BOUNDARY},
    )
    policy = {"Policy": {"Arn": BOUNDARY, "DefaultVersionId": "v3"}}
    cloud.answer("iam", "get_policy", policy, PolicyArn=BOUNDARY)
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    version = {"PolicyVersion": {"VersionId": "v3", "Document": urllib.parse.quote(json.dumps(document))}}
    cloud.answer("iam", "get_policy_version", version, PolicyArn=BOUNDARY, VersionId="v3")
    cloud.answer("iam", "get_account_summary", {"SummaryMap": {"AssumeRolePolicySizeQuota": 4096}})
    cloud.attached()
    cloud.answer("iam", "list_role_policies", {"PolicyNames": ["inline"]}, RoleName="app")
    inline = {"RoleName": "app", "PolicyName": "inline", "PolicyDocument": urllib.parse.quote(json.dumps(document))}
    cloud.answer("iam", "get_role_policy", inline, RoleName="app", PolicyName="inline")
    facts = read(cloud)
    assert facts.provider is None
    assert facts.provider_arns == [f"{PROVIDER_ARN}/"]
    assert facts.boundary == document
    assert facts.quotas == {"AssumeRolePolicySizeQuota": 4096}
    assert (facts.managed_policies, facts.inline_policies) == ([], {"inline": document})
    assert isinstance(facts.associations, list)
    assert [each["associationId"] for each in facts.associations] == ["a-1"]


def test_the_add_on_that_may_own_the_account(cloud: Cloud) -> None:
    chain = dataclasses.replace(CHAIN, namespace="kube-system", service_account="aws-node")
    asked = {"clusterName": "prod", "namespace": "kube-system", "serviceAccount": "aws-node"}
    cloud.answer("eks", "list_pod_identity_associations", {"associations": []}, **asked)
    addon = {"addonName": "vpc-cni", "serviceAccountRoleArn": ROLE}
    cloud.answer("eks", "describe_addon", {"addon": addon}, clusterName="prod", addonName="vpc-cni")
    cloud.provider()
    cloud.role()
    cloud.attached(MANAGED)
    assert read(cloud, chain).addons == [addon]


def test_an_add_on_that_is_not_installed(cloud: Cloud) -> None:
    chain = dataclasses.replace(CHAIN, namespace="kube-system", service_account="ebs-csi-controller-sa")
    cloud.answer(
        "eks",
        "list_pod_identity_associations",
        {"associations": []},
        clusterName="prod",
        namespace="kube-system",
        serviceAccount="ebs-csi-controller-sa",
    )
    cloud.refuse("eks", "describe_addon", "ResourceNotFoundException")
    cloud.provider()
    cloud.role()
    cloud.attached(MANAGED)
    assert read(cloud, chain).addons == []


def test_a_denied_read_is_unknown_with_its_permission(cloud: Cloud) -> None:
    cloud.refuse("eks", "list_pod_identity_associations", "AccessDeniedException")
    for operation in ("get_open_id_connect_provider", "get_role", "list_attached_role_policies", "list_role_policies"):
        cloud.refuse("iam", operation, "AccessDenied")
    facts = read(cloud)
    found = (facts.associations, facts.provider, facts.role, facts.managed_policies, facts.inline_policies)
    assert [each.permission for each in found if isinstance(each, Unknown)] == [
        "eks:ListPodIdentityAssociations",
        "iam:GetOpenIDConnectProvider",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ]
    assert reason(facts.role) == "could not read the role app: the permission iam:GetRole is missing"


def test_an_error_of_aws_is_unknown_without_a_permission(cloud: Cloud) -> None:
    cloud.associations()
    cloud.provider()
    cloud.refuse("iam", "get_role", "ServiceUnavailable")
    cloud.attached(MANAGED)
    role = read(cloud).role
    assert isinstance(role, Unknown)
    assert role.permission is None
    assert role.reason.startswith("could not read the role app: ")


def test_a_missing_role(cloud: Cloud) -> None:
    cloud.associations()
    cloud.provider()
    cloud.refuse("iam", "get_role", "NoSuchEntity")
    cloud.refuse("iam", "list_attached_role_policies", "NoSuchEntity")
    facts = read(cloud)
    assert facts.role is None
    assert isinstance(facts.managed_policies, Unknown)


def test_iam_of_another_account_is_not_asked(cloud: Cloud) -> None:
    cloud.associations()
    facts = read(cloud, dataclasses.replace(CHAIN, role_arn=ROLE.replace("123456789012", "210987654321")))
    assert "is in another account than the credentials, which are of 123456789012" in reason(facts.role)
    assert facts.provider == facts.role
    assert facts.associations == []


def caller(cloud: Cloud, account_id: str) -> None:
    identity = {"Account": account_id, "Arn": f"arn:aws:iam::{account_id}:user/me", "UserId": "AIDA"}
    cloud.answer("sts", "get_caller_identity", identity)


def test_without_a_cluster_the_account_is_that_of_the_credentials(cloud: Cloud) -> None:
    caller(cloud, "123456789012")
    cloud.provider()
    cloud.role()
    cloud.attached(MANAGED)
    facts = read(cloud, NO_CLUSTER)
    assert isinstance(facts.role, dict)
    assert "without cluster_name" in reason(facts.addons)


def test_without_a_cluster_credentials_of_another_account_are_detected(cloud: Cloud) -> None:
    caller(cloud, "210987654321")
    assert "which are of 210987654321" in reason(read(cloud, NO_CLUSTER).role)


def test_without_credentials_all_is_unknown(cloud: Cloud) -> None:
    cloud.refuse("sts", "get_caller_identity", "ExpiredToken")
    facts = read(cloud, NO_CLUSTER)
    assert "have expired" in reason(facts.role)
    assert facts.role == facts.provider == facts.quotas


def test_without_a_region_all_is_unknown(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def client(service: str) -> t.Any:
        if service == "sts":
            raise errors.BadConnection("could not connect to sts of AWS", cause="You must specify a region.")
        return None

    monkeypatch.setattr(cloud, "client", client)
    assert reason(read(cloud, NO_CLUSTER).role) == "could not connect to sts of AWS: You must specify a region."


def test_an_account_that_names_no_role_still_has_a_provider(cloud: Cloud) -> None:
    cloud.associations()
    cloud.provider()
    facts = read(cloud, dataclasses.replace(CHAIN, role_arn=None))
    assert isinstance(facts.provider, dict)
    assert reason(facts.role) == reason(facts.managed_policies) == "no role is named"


def test_with_the_probe_off_nothing_is_asked(cloud: Cloud) -> None:
    facts = read(cloud, static=False)
    assert {getattr(facts, field.name) for field in dataclasses.fields(facts)} == {OFF}
    assert cloud.stubs == {}
