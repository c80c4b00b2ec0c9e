# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reads of IAM and EKS for a verification: as few as possible, and unknown facts if a read fails."""

from __future__ import annotations

import collections.abc as c
import dataclasses
import json
import typing as t
import urllib.parse

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import PROBES, specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import AwsFacts, Chain, Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.observation import OFF, AwsReader
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.shared_reads import SharedReads
from botocore.stub import Stubber
from unit.chain_objects import CHAIN, CLUSTER, ROLE

Json = dict[str, t.Any]
PROVIDER_ARN = f"arn:aws:iam::123456789012:oidc-provider/{CHAIN.issuer.removeprefix('https://')}"
MANAGED = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
BOUNDARY = "arn:aws:iam::123456789012:policy/boundary"
NO_CLUSTER = dataclasses.replace(CHAIN, cluster=None, account_id=None, partition=None)


class StubbedAws:
    """Clients with stubbed responses. The requests must have the order of the responses."""

    def __init__(self) -> None:
        self.stubs: dict[str, Stubber] = {}

    def client(self, service: str) -> t.Any:
        return self._stub(service).client

    def _stub(self, service: str) -> Stubber:
        if service not in self.stubs:
            client = boto3.client(service, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")  # type: ignore[call-overload]
            self.stubs[service] = Stubber(client)
            self.stubs[service].activate()
        return self.stubs[service]

    def add_response(self, service: str, operation: str, response: Json, **parameters: t.Any) -> None:
        self._stub(service).add_response(operation, response, parameters)

    def add_error(self, service: str, operation: str, code: str) -> None:
        self._stub(service).add_client_error(operation, code, "no")

    # The requests for an intact chain.

    def add_associations(self, *associations: Json) -> None:
        parameters = {"clusterName": "prod", "namespace": "shop", "serviceAccount": "app"}
        response = {"associations": list(associations)}
        self.add_response("eks", "list_pod_identity_associations", response, **parameters)

    def add_provider(self) -> None:
        provider = {"Url": "x", "ClientIDList": ["sts.amazonaws.com"]}
        self.add_response("iam", "get_open_id_connect_provider", provider, OpenIDConnectProviderArn=PROVIDER_ARN)

    def add_role(self, *, length: int = 0, **more: t.Any) -> None:
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
        self.add_response("iam", "get_role", {"Role": role}, RoleName="app")

    def add_managed_policies(self, *arns: str) -> None:
        policies = [{"PolicyName": "x", "PolicyArn": arn} for arn in arns]
        self.add_response("iam", "list_attached_role_policies", {"AttachedPolicies": policies}, RoleName="app")


@pytest.fixture
def aws() -> c.Iterator[StubbedAws]:
    stubbed_aws = StubbedAws()
    yield stubbed_aws
    for stub in stubbed_aws.stubs.values():
        stub.assert_no_pending_responses()


def read(aws: StubbedAws, chain: Chain = CHAIN, *, static: bool = True, accounts: int = 2) -> AwsFacts:
    shared = SharedReads(accounts)
    (spec,) = specs_from_params(
        {
            "namespace": chain.namespace,
            "service_account": chain.service_account,
            "probes": list(PROBES),
            "propagation_timeout": 0,
            "fail_on": "error",
        }
    )
    cluster = CLUSTER if chain.cluster else None
    reader = AwsReader(shared.executor(), t.cast(t.Any, aws) if static else None, cluster, spec, shared)
    reader.begin()
    return reader.finish(chain)


def reason(fact: t.Any) -> str:
    assert isinstance(fact, Unknown)
    return fact.reason


def test_intact_chain_needs_four_requests(aws: StubbedAws) -> None:
    aws.add_associations()
    aws.add_provider()
    aws.add_role()
    aws.add_managed_policies(MANAGED)
    facts = read(aws)
    assert isinstance(facts.provider, dict)
    assert facts.provider["ClientIDList"] == ["sts.amazonaws.com"]
    assert isinstance(facts.role, dict)
    assert facts.role["Arn"] == ROLE
    assert (facts.managed_policies, facts.boundary, facts.associations, facts.addons) == ([MANAGED], None, [], [])
    assert all(isinstance(fact, Unknown) for fact in (facts.provider_arns, facts.inline_policies, facts.quotas))


def test_reads_that_only_some_chains_need(aws: StubbedAws) -> None:
    aws.add_associations({"associationId": "a-1", "namespace": "shop", "serviceAccount": "app"})
    aws.add_error("iam", "get_open_id_connect_provider", "NoSuchEntity")
    providers = {"OpenIDConnectProviderList": [{"Arn": f"{PROVIDER_ARN}/"}]}
    aws.add_response("iam", "list_open_id_connect_providers", providers)
    aws.add_role(
        length=2048,
        PermissionsBoundary={"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": BOUNDARY},
    )
    policy = {"Policy": {"Arn": BOUNDARY, "DefaultVersionId": "v3"}}
    aws.add_response("iam", "get_policy", policy, PolicyArn=BOUNDARY)
    document = {"Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    version = {"PolicyVersion": {"VersionId": "v3", "Document": urllib.parse.quote(json.dumps(document))}}
    aws.add_response("iam", "get_policy_version", version, PolicyArn=BOUNDARY, VersionId="v3")
    aws.add_response("iam", "get_account_summary", {"SummaryMap": {"AssumeRolePolicySizeQuota": 4096}})
    aws.add_managed_policies()
    aws.add_response("iam", "list_role_policies", {"PolicyNames": ["inline"]}, RoleName="app")
    inline = {"RoleName": "app", "PolicyName": "inline", "PolicyDocument": urllib.parse.quote(json.dumps(document))}
    aws.add_response("iam", "get_role_policy", inline, RoleName="app", PolicyName="inline")
    facts = read(aws)
    assert facts.provider is None
    assert facts.provider_arns == [f"{PROVIDER_ARN}/"]
    assert facts.boundary == document
    assert facts.quotas == {"AssumeRolePolicySizeQuota": 4096}
    assert (facts.managed_policies, facts.inline_policies) == ([], {"inline": document})
    assert isinstance(facts.associations, list)
    assert [association["associationId"] for association in facts.associations] == ["a-1"]


def test_addon_that_may_own_the_account_is_read(aws: StubbedAws) -> None:
    chain = dataclasses.replace(CHAIN, namespace="kube-system", service_account="aws-node")
    parameters = {"clusterName": "prod", "namespace": "kube-system", "serviceAccount": "aws-node"}
    aws.add_response("eks", "list_pod_identity_associations", {"associations": []}, **parameters)
    addon = {"addonName": "vpc-cni", "serviceAccountRoleArn": ROLE}
    aws.add_response("eks", "describe_addon", {"addon": addon}, clusterName="prod", addonName="vpc-cni")
    aws.add_provider()
    aws.add_role()
    aws.add_managed_policies(MANAGED)
    assert read(aws, chain).addons == [addon]


def test_addon_that_is_not_installed_is_skipped(aws: StubbedAws) -> None:
    chain = dataclasses.replace(CHAIN, namespace="kube-system", service_account="ebs-csi-controller-sa")
    aws.add_response(
        "eks",
        "list_pod_identity_associations",
        {"associations": []},
        clusterName="prod",
        namespace="kube-system",
        serviceAccount="ebs-csi-controller-sa",
    )
    aws.add_error("eks", "describe_addon", "ResourceNotFoundException")
    aws.add_provider()
    aws.add_role()
    aws.add_managed_policies(MANAGED)
    assert read(aws, chain).addons == []


def test_denied_read_is_unknown_with_its_permission(aws: StubbedAws) -> None:
    aws.add_error("eks", "list_pod_identity_associations", "AccessDeniedException")
    for operation in ("get_open_id_connect_provider", "get_role", "list_attached_role_policies", "list_role_policies"):
        aws.add_error("iam", operation, "AccessDenied")
    facts = read(aws)
    denied = (facts.associations, facts.provider, facts.role, facts.managed_policies, facts.inline_policies)
    assert [fact.permission for fact in denied if isinstance(fact, Unknown)] == [
        "eks:ListPodIdentityAssociations",
        "iam:GetOpenIDConnectProvider",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "iam:ListRolePolicies",
    ]
    assert reason(facts.role) == "could not read the role app: the permission iam:GetRole is missing"


def test_error_of_aws_is_unknown_without_a_permission(aws: StubbedAws) -> None:
    aws.add_associations()
    aws.add_provider()
    aws.add_error("iam", "get_role", "ServiceUnavailable")
    aws.add_managed_policies(MANAGED)
    role = read(aws).role
    assert isinstance(role, Unknown)
    assert role.permission is None
    assert role.reason.startswith("could not read the role app: ")


def test_role_that_does_not_exist(aws: StubbedAws) -> None:
    aws.add_associations()
    aws.add_provider()
    aws.add_error("iam", "get_role", "NoSuchEntity")
    aws.add_error("iam", "list_attached_role_policies", "NoSuchEntity")
    facts = read(aws)
    assert facts.role is None
    assert isinstance(facts.managed_policies, Unknown)


def test_iam_of_another_account_is_not_read(aws: StubbedAws) -> None:
    aws.add_associations()
    facts = read(aws, dataclasses.replace(CHAIN, role_arn=ROLE.replace("123456789012", "210987654321")))
    assert "is not in the AWS account of the credentials, which is 123456789012" in reason(facts.role)
    assert facts.provider == facts.role
    assert facts.associations == []


def add_caller(aws: StubbedAws, account_id: str) -> None:
    identity = {"Account": account_id, "Arn": f"arn:aws:iam::{account_id}:user/me", "UserId": "AIDA"}
    aws.add_response("sts", "get_caller_identity", identity)


def test_account_of_the_credentials_is_used_without_a_cluster(aws: StubbedAws) -> None:
    add_caller(aws, "123456789012")
    aws.add_provider()
    aws.add_role()
    aws.add_managed_policies(MANAGED)
    facts = read(aws, NO_CLUSTER)
    assert isinstance(facts.role, dict)
    assert reason(facts.addons) == "EKS is read only with cluster_name"


def test_credentials_of_another_account_without_a_cluster(aws: StubbedAws) -> None:
    add_caller(aws, "210987654321")
    assert "the credentials, which is 210987654321" in reason(read(aws, NO_CLUSTER).role)


def test_expired_credentials_leave_all_facts_unknown(aws: StubbedAws) -> None:
    aws.add_error("sts", "get_caller_identity", "ExpiredToken")
    facts = read(aws, NO_CLUSTER)
    assert "have expired" in reason(facts.role)
    assert facts.role == facts.provider == facts.quotas


def test_missing_region_leaves_all_facts_unknown(aws: StubbedAws, monkeypatch: pytest.MonkeyPatch) -> None:
    def client(service: str) -> t.Any:
        if service == "sts":
            raise errors.BadConnection("could not connect to sts of AWS", cause="You must specify a region.")
        return None

    monkeypatch.setattr(aws, "client", client)
    assert reason(read(aws, NO_CLUSTER).role) == "could not connect to sts of AWS: You must specify a region."


def test_provider_is_read_without_a_role(aws: StubbedAws) -> None:
    aws.add_associations()
    aws.add_provider()
    facts = read(aws, dataclasses.replace(CHAIN, role_arn=None))
    assert isinstance(facts.provider, dict)
    expected = "neither the role annotation nor role_arn is a valid role ARN"
    assert reason(facts.role) == reason(facts.managed_policies) == expected


def test_disabled_probe_sends_no_requests(aws: StubbedAws) -> None:
    facts = read(aws, static=False)
    assert {getattr(facts, field.name) for field in dataclasses.fields(facts)} == {OFF}
    assert aws.stubs == {}


def test_run_with_many_accounts_reads_lists(aws: StubbedAws) -> None:
    association = {"namespace": "shop", "serviceAccount": "app", "associationId": "a-1"}
    others = [{**association, "serviceAccount": "cart"}, {**association, "namespace": "web"}]
    aws.add_response(
        "eks", "list_pod_identity_associations", {"associations": [*others, association]}, clusterName="prod"
    )
    aws.add_provider()
    role = {
        "RoleName": "app",
        "RoleId": "AROAABCDEFGHIJKLMNOPQ",
        "Path": "/",
        "Arn": ROLE,
        "AssumeRolePolicyDocument": "%7B%7D",
    }
    policies = {"AttachedManagedPolicies": [{"PolicyName": "x", "PolicyArn": "arn:aws:iam::aws:policy/x"}]}
    aws.add_response(
        "iam",
        "get_account_authorization_details",
        {"RoleDetailList": [{**role, **policies}, {**role, "RoleName": "other"}]},
        Filter=["Role"],
        MaxItems=1000,
    )
    facts = read(aws, accounts=20)
    assert facts.associations == [association]
    assert t.cast(Json, facts.role)["Arn"] == ROLE
    assert (facts.managed_policies, facts.inline_policies) == (["arn:aws:iam::aws:policy/x"], {})


def test_run_that_may_not_list_roles_reads_each(aws: StubbedAws) -> None:
    aws.add_response("eks", "list_pod_identity_associations", {"associations": []}, clusterName="prod")
    aws.add_provider()
    aws.add_error("iam", "get_account_authorization_details", "AccessDenied")
    aws.add_role()
    aws.add_managed_policies("arn:aws:iam::aws:policy/x")
    facts = read(aws, accounts=20)
    assert t.cast(Json, facts.role)["Arn"] == ROLE
    assert facts.managed_policies == ["arn:aws:iam::aws:policy/x"]
