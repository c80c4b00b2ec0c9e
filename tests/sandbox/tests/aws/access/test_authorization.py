# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users and sessions may do once they are bound to their policies."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t

import boto3
import pytest
from sandbox import settings
from sandbox.tests.support.aws_server import Aws, refusal

ACCOUNT = settings.ACCOUNT_ID
USER = f"arn:aws:iam::{ACCOUNT}:user/limited"
ROLES = f"arn:aws:iam::{ACCOUNT}:role"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/bound"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
PROVIDER = {"Url": "https://example.com/id/A", "ClientIDList": ["a"]}


def allow(action: str | list[str], resource: str | list[str] = "*", **more: t.Any) -> dict[str, t.Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str | list[str], resource: str = "*", **more: t.Any) -> dict[str, t.Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def document(*statements: dict[str, t.Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


class Limited:
    """A user that may do what its statements say."""

    def __init__(self, aws: Aws) -> None:
        self._admin = aws.client("iam")
        self._aws = aws
        self._admin.create_user(UserName="limited")
        self._key = self._admin.create_access_key(UserName="limited")["AccessKey"]
        aws.admin("POST", "bound", [USER])

    def may(self, *statements: dict[str, t.Any]) -> None:
        self._admin.put_user_policy(UserName="limited", PolicyName="p", PolicyDocument=document(*statements))

    def client(self, service: str) -> t.Any:
        return self._aws.client(service, access_key_id=self._key["AccessKeyId"], secret=self._key["SecretAccessKey"])


@pytest.fixture
def limited(aws: Aws) -> Limited:
    return Limited(aws)


def make_role(aws: Aws, name: str, **more: t.Any) -> None:
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(aws.trust()), **more)


@pytest.fixture
def roles(aws: Aws) -> None:
    """One in the path /apps/ with a boundary, one at the root without."""
    iam = aws.client("iam")
    iam.create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    iam.create_policy(PolicyName="bound", PolicyDocument=document(EVERYTHING))
    tags = [{"Key": "Team", "Value": "shop"}]
    make_role(aws, "inside", Path="/apps/", PermissionsBoundary=BOUNDARY, Tags=tags)
    make_role(aws, "outside")


def test_without_a_policy_nothing_is_allowed(limited: Limited) -> None:
    denied = refusal(limited.client("iam").get_role, RoleName="none")
    assert denied == (
        403,
        "AccessDenied",
        f"User: {USER} is not authorized to perform: iam:GetRole on resource: role none because no identity-based "
        "policy allows the iam:GetRole action",
    )
    assert limited.client("sts").get_caller_identity()["Arn"] == USER


def test_others_are_not_bound(aws: Aws, limited: Limited) -> None:
    assert aws.client("iam").list_roles()["Roles"] == []
    aws.admin("POST", "bound", [])
    assert limited.client("iam").list_roles()["Roles"] == []


def test_each_service_refuses_in_its_own_words(limited: Limited) -> None:
    cluster = refusal(limited.client("eks").describe_cluster, name=settings.CLUSTER_NAME)
    assert cluster[:2] == (403, "AccessDeniedException")
    assert f"eks:DescribeCluster on resource: arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/irsa-demo" in cluster.message
    regions = refusal(limited.client("ec2").describe_regions)
    assert regions[:2] == (403, "UnauthorizedOperation")
    assert f"User: {USER} is not authorized to perform: ec2:DescribeRegions" in regions.message
    limited.may(allow("ec2:Describe*"))
    assert limited.client("ec2").describe_regions(RegionNames=["eu-west-1"])["Regions"][0]["RegionName"] == "eu-west-1"


@pytest.mark.parametrize(
    ("action", "listing"),
    [("iam:ListRoles", "list_roles"), ("iam:ListPolicies", "list_policies"), ("eks:ListClusters", "list_clusters")],
)
def test_a_listing_needs_every_resource(limited: Limited, action: str, listing: str) -> None:
    call = getattr(limited.client(action.partition(":")[0]), listing)
    limited.may(allow(action, f"{ROLES}/*"))
    assert refusal(call).status == 403
    limited.may(allow(action, "*"))
    assert call()


@pytest.mark.usefixtures("roles")
def test_a_path_covers_the_roles_in_it_and_none_that_is_not_there(limited: Limited) -> None:
    iam = limited.client("iam")
    limited.may(allow("iam:GetRole", f"{ROLES}/apps/*"))
    assert iam.get_role(RoleName="inside")["Role"]["RoleName"] == "inside"
    assert refusal(iam.get_role, RoleName="outside").code == "AccessDenied"
    # Nobody knows where a role that isn't there would be.
    assert refusal(iam.get_role, RoleName="missing").code == "AccessDenied"
    limited.may(allow("iam:GetRole", f"{ROLES}/*"))
    assert refusal(iam.get_role, RoleName="missing").code == "NoSuchEntity"


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("condition", "boundary", "path", "allowed"),
    [
        ({"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}, BOUNDARY, "/apps/", True),
        ({"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}, None, "/apps/", False),
        ({"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}, f"{BOUNDARY}-2", "/apps/", False),
        ({"Null": {"iam:PermissionsBoundary": "true"}}, None, "/apps/", True),
        ({}, None, "/apps/", True),
        ({}, None, "/", False),
        ({"StringEquals": {"aws:RequestTag/team": "shop"}}, None, "/apps/", True),
        ({"StringEquals": {"aws:RequestTag/team": "bank"}}, None, "/apps/", False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Team"]}}, None, "/apps/", True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["Other"]}}, None, "/apps/", False),
    ],
)
def test_a_new_role_is_judged_by_the_request(
    limited: Limited, condition: dict[str, t.Any], boundary: str | None, path: str, allowed: bool, aws: Aws
) -> None:
    limited.may(allow(["iam:CreateRole", "iam:TagRole"], f"{ROLES}/apps/*", Condition=condition))
    aws.client("iam").create_policy(PolicyName="bound-2", PolicyDocument=document(EVERYTHING))
    # TagRole has no boundary in its request, so a condition on it would refuse the tags.
    tags = [] if "PermissionsBoundary" in json.dumps(condition) else [{"Key": "Team", "Value": "shop"}]
    parameters = {
        "RoleName": "new",
        "Path": path,
        "AssumeRolePolicyDocument": json.dumps(aws.trust()),
        "Tags": tags,
        **({"PermissionsBoundary": boundary} if boundary else {}),
    }
    create = limited.client("iam").create_role
    if allowed:
        assert create(**parameters)["Role"]["Path"] == path
    else:
        denied = refusal(create, **parameters)
        assert f"iam:CreateRole on resource: {ROLES}{path}new because no identity-based policy" in denied.message


def test_tags_of_a_new_thing_need_the_permission_to_tag(aws: Aws, limited: Limited) -> None:
    aws.client("iam").create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    iam = limited.client("iam")
    limited.may(allow(["iam:CreateRole", "iam:CreateOpenIDConnectProvider"]))
    tags = [{"Key": "a", "Value": "b"}]
    role = {"RoleName": "new", "AssumeRolePolicyDocument": json.dumps(aws.trust())}
    assert "iam:TagRole on resource" in refusal(iam.create_role, **role, Tags=tags).message
    assert "iam:TagOpenIDConnectProvider" in refusal(iam.create_open_id_connect_provider, **PROVIDER, Tags=tags).message
    assert iam.create_role(**role)
    assert iam.create_open_id_connect_provider(**PROVIDER)


@pytest.mark.usefixtures("roles")
def test_what_is_put_on_a_role_is_judged_by_its_boundary_and_the_policy(limited: Limited) -> None:
    iam = limited.client("iam")
    condition = {
        "StringEquals": {"iam:PermissionsBoundary": BOUNDARY},
        "ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/*ReadOnly*"},
    }
    limited.may(
        allow(["iam:AttachRolePolicy", "iam:DetachRolePolicy"], Condition=condition),
        allow("iam:PutRolePolicy", Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}),
    )
    good, bad = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName="inside", PolicyArn=good)
    iam.detach_role_policy(RoleName="inside", PolicyArn=good)
    assert refusal(iam.attach_role_policy, RoleName="inside", PolicyArn=bad).code == "AccessDenied"
    assert refusal(iam.attach_role_policy, RoleName="outside", PolicyArn=good).code == "AccessDenied"
    policy = {"PolicyName": "p", "PolicyDocument": document(EVERYTHING)}
    iam.put_role_policy(RoleName="inside", **policy)
    denied = refusal(iam.put_role_policy, RoleName="outside", **policy)
    assert "iam:PutRolePolicy on resource: role outside because no identity-based policy" in denied.message


@pytest.mark.usefixtures("roles")
def test_the_boundary_of_a_role_is_kept(limited: Limited) -> None:
    iam = limited.client("iam")
    same = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    limited.may(
        allow("iam:*"),
        deny("iam:DeleteRolePermissionsBoundary", Condition=same),
        deny("iam:PutRolePermissionsBoundary", Condition={"StringNotEquals": same["StringEquals"]}),
    )
    denied = refusal(iam.delete_role_permissions_boundary, RoleName="inside")
    assert denied.message.endswith("with an explicit deny in an identity-based policy")
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert refusal(iam.put_role_permissions_boundary, RoleName="inside", PermissionsBoundary=other).status == 403
    iam.put_role_permissions_boundary(RoleName="outside", PermissionsBoundary=BOUNDARY)


@pytest.mark.usefixtures("roles")
@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        (allow("iam:Get*", Condition={"StringEquals": {"aws:ResourceTag/team": "shop"}}), True),
        (allow("iam:Get*", Condition={"StringEquals": {"iam:ResourceTag/Team": "bank"}}), False),
        ({"Effect": "Allow", "NotAction": "iam:Delete*", "Resource": "*"}, True),
        ({"Effect": "Allow", "NotAction": "iam:Get*", "Resource": "*"}, False),
        ({"Effect": "Allow", "Action": "*", "NotResource": f"{ROLES}/apps/*"}, False),
        (allow("iam:GetRole", f"{ROLES}/apps/${{aws:username}}"), False),
        (allow("iam:GetRole", f"{ROLES}/apps/ins?de"), True),
        (allow("iam:GetRole", "arn:aws:iam::*:role/apps/inside"), True),
        (allow("iam:GetRole", "arn:aws:iam::*:role/inside"), False),
        (allow("IAM:getrole"), True),
    ],
)
def test_statements_are_read_as_they_stand(limited: Limited, statement: dict[str, t.Any], allowed: bool) -> None:
    limited.may(statement)
    get = limited.client("iam").get_role
    if allowed:
        assert get(RoleName="inside")
    else:
        assert refusal(get, RoleName="inside").status == 403


@pytest.mark.usefixtures("roles")
def test_policies_that_are_attached_count_and_the_boundary_bounds(aws: Aws) -> None:
    admin = aws.client("iam")
    made = admin.create_policy(PolicyName="listing", PolicyDocument=document(allow("iam:ListRoles")))
    listing = made["Policy"]["Arn"]
    make_role(aws, "worker", PermissionsBoundary=listing)
    admin.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    role = f"{ROLES}/worker"
    aws.admin("POST", "bound", [role])
    worker = _session(aws, role)
    assert worker.list_roles()["Roles"]
    denied = refusal(worker.list_policies)
    assert f"User: arn:aws:sts::{ACCOUNT}:assumed-role/worker/me is not authorized" in denied.message
    assert denied.message.endswith("because no permissions boundary allows the iam:ListPolicies action")


def test_a_session_policy_bounds_its_session(aws: Aws) -> None:
    admin = aws.client("iam")
    admin.create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    make_role(aws, "worker")
    admin.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document(EVERYTHING))
    role = f"{ROLES}/worker"
    aws.admin("POST", "bound", [role])
    assert _session(aws, role).list_policies()
    denied = refusal(_session(aws, role, Policy=document(allow("iam:ListRoles"))).list_policies)
    assert denied.message.endswith("because no session policy allows the iam:ListPolicies action")


def _session(aws: Aws, role: str, **options: t.Any) -> t.Any:
    keys = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="me", **options)["Credentials"]
    return boto3.client(
        "iam",
        region_name=settings.REGION,
        endpoint_url=aws.endpoint,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def test_assuming_a_role_needs_the_permission_for_it(limited: Limited) -> None:
    role = "arn:aws:iam::111122223333:role/other"
    assume: c.Callable[..., t.Any] = limited.client("sts").assume_role
    limited.may(allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/mine"))
    assert f"sts:AssumeRole on resource: {role}" in refusal(assume, RoleArn=role, RoleSessionName="me").message
    limited.may(allow("sts:AssumeRole", role))
    assert assume(RoleArn=role, RoleSessionName="me")["Credentials"]


def test_addons_are_resources_of_their_own(aws: Aws, limited: Limited) -> None:
    eks = limited.client("eks")
    aws.client("eks").create_addon(clusterName=settings.CLUSTER_NAME, addonName="vpc-cni")
    names = {"clusterName": settings.CLUSTER_NAME, "addonName": "vpc-cni"}
    limited.may(allow("eks:DescribeAddon", "arn:aws:eks:*:*:cluster/*"))
    assert "eks:DescribeAddon on resource: arn:aws:eks" in refusal(eks.describe_addon, **names).message
    limited.may(allow("eks:DescribeAddon", f"arn:aws:eks:eu-west-1:{ACCOUNT}:addon/{settings.CLUSTER_NAME}/*"))
    assert eks.describe_addon(**names)["addon"]["addonName"] == "vpc-cni"
    assert refusal(eks.describe_addon, **{**names, "addonName": "coredns"}).code == "ResourceNotFoundException"
    associations = {"clusterName": settings.CLUSTER_NAME}
    assert refusal(eks.list_pod_identity_associations, **associations).status == 403
    limited.may(allow("eks:ListPodIdentityAssociations", "arn:aws:eks:*:*:cluster/irsa-*"))
    assert eks.list_pod_identity_associations(**associations)["associations"] == []
