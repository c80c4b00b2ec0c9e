# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enforced policies of users and role sessions."""

from __future__ import annotations

import collections.abc as c
import json
import typing as t

import boto3
import pytest
from sandbox import settings
from sandbox.tests.support.aws_server import Aws, expect_error

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


class LimitedUser:
    """A user whose policies are enforced."""

    def __init__(self, aws: Aws) -> None:
        self._admin = aws.client("iam")
        self._aws = aws
        self._admin.create_user(UserName="limited")
        self._key = self._admin.create_access_key(UserName="limited")["AccessKey"]
        aws.control("POST", "bound", [USER])

    def set_policy(self, *statements: dict[str, t.Any]) -> None:
        self._admin.put_user_policy(UserName="limited", PolicyName="p", PolicyDocument=document(*statements))

    def client(self, service: str) -> t.Any:
        return self._aws.client(service, access_key_id=self._key["AccessKeyId"], secret=self._key["SecretAccessKey"])


@pytest.fixture
def limited(aws: Aws) -> LimitedUser:
    return LimitedUser(aws)


def make_role(aws: Aws, name: str, **more: t.Any) -> None:
    aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(aws.trust()), **more)


@pytest.fixture
def roles(aws: Aws) -> None:
    """The role "inside" in the path /apps/, with a boundary, and the role "outside" without a path and a boundary."""
    iam = aws.client("iam")
    iam.create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    iam.create_policy(PolicyName="bound", PolicyDocument=document(EVERYTHING))
    tags = [{"Key": "Team", "Value": "shop"}]
    make_role(aws, "inside", Path="/apps/", PermissionsBoundary=BOUNDARY, Tags=tags)
    make_role(aws, "outside")


def test_call_without_policy_is_denied(limited: LimitedUser) -> None:
    error = expect_error(limited.client("iam").get_role, RoleName="none")
    assert error == (
        403,
        "AccessDenied",
        f"User: {USER} is not authorized to perform: iam:GetRole on resource: role none because no identity-based "
        "policy allows the iam:GetRole action",
    )
    assert limited.client("sts").get_caller_identity()["Arn"] == USER


def test_policies_of_other_users_are_not_enforced(aws: Aws, limited: LimitedUser) -> None:
    assert aws.client("iam").list_roles()["Roles"] == []
    aws.control("POST", "bound", [])
    assert limited.client("iam").list_roles()["Roles"] == []


def test_error_has_the_format_of_the_service(limited: LimitedUser) -> None:
    cluster = expect_error(limited.client("eks").describe_cluster, name=settings.CLUSTER_NAME)
    assert cluster[:2] == (403, "AccessDeniedException")
    assert f"eks:DescribeCluster on resource: arn:aws:eks:eu-west-1:{ACCOUNT}:cluster/production" in cluster.message
    regions = expect_error(limited.client("ec2").describe_regions)
    assert regions[:2] == (403, "UnauthorizedOperation")
    assert f"User: {USER} is not authorized to perform: ec2:DescribeRegions" in regions.message
    limited.set_policy(allow("ec2:Describe*"))
    assert limited.client("ec2").describe_regions(RegionNames=["eu-west-1"])["Regions"][0]["RegionName"] == "eu-west-1"


@pytest.mark.parametrize(
    ("action", "listing"),
    [("iam:ListRoles", "list_roles"), ("iam:ListPolicies", "list_policies"), ("eks:ListClusters", "list_clusters")],
)
def test_list_requires_permission_for_all_resources(limited: LimitedUser, action: str, listing: str) -> None:
    call = getattr(limited.client(action.partition(":")[0]), listing)
    limited.set_policy(allow(action, f"{ROLES}/*"))
    assert expect_error(call).status == 403
    limited.set_policy(allow(action, "*"))
    assert call()


@pytest.mark.usefixtures("roles")
def test_role_path_in_policy(limited: LimitedUser) -> None:
    iam = limited.client("iam")
    limited.set_policy(allow("iam:GetRole", f"{ROLES}/apps/*"))
    assert iam.get_role(RoleName="inside")["Role"]["RoleName"] == "inside"
    assert expect_error(iam.get_role, RoleName="outside").code == "AccessDenied"
    # The path of a role that does not exist is unknown.
    assert expect_error(iam.get_role, RoleName="missing").code == "AccessDenied"
    limited.set_policy(allow("iam:GetRole", f"{ROLES}/*"))
    assert expect_error(iam.get_role, RoleName="missing").code == "NoSuchEntity"


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
def test_create_role_conditions(
    limited: LimitedUser, condition: dict[str, t.Any], boundary: str | None, path: str, allowed: bool, aws: Aws
) -> None:
    limited.set_policy(allow(["iam:CreateRole", "iam:TagRole"], f"{ROLES}/apps/*", Condition=condition))
    aws.client("iam").create_policy(PolicyName="bound-2", PolicyDocument=document(EVERYTHING))
    # A condition on the boundary denies TagRole, whose request has no boundary.
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
        error = expect_error(create, **parameters)
        assert f"iam:CreateRole on resource: {ROLES}{path}new because no identity-based policy" in error.message


def test_creation_with_tags_requires_permission_to_tag(aws: Aws, limited: LimitedUser) -> None:
    aws.client("iam").create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    iam = limited.client("iam")
    limited.set_policy(allow(["iam:CreateRole", "iam:CreateOpenIDConnectProvider"]))
    tags = [{"Key": "a", "Value": "b"}]
    role = {"RoleName": "new", "AssumeRolePolicyDocument": json.dumps(aws.trust())}
    assert "iam:TagRole on resource" in expect_error(iam.create_role, **role, Tags=tags).message
    assert (
        "iam:TagOpenIDConnectProvider"
        in expect_error(iam.create_open_id_connect_provider, **PROVIDER, Tags=tags).message
    )
    assert iam.create_role(**role)
    assert iam.create_open_id_connect_provider(**PROVIDER)


@pytest.mark.usefixtures("roles")
def test_role_policy_conditions(limited: LimitedUser) -> None:
    iam = limited.client("iam")
    condition = {
        "StringEquals": {"iam:PermissionsBoundary": BOUNDARY},
        "ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/*ReadOnly*"},
    }
    limited.set_policy(
        allow(["iam:AttachRolePolicy", "iam:DetachRolePolicy"], Condition=condition),
        allow("iam:PutRolePolicy", Condition={"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}),
    )
    good, bad = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws:iam::aws:policy/AdministratorAccess"
    iam.attach_role_policy(RoleName="inside", PolicyArn=good)
    iam.detach_role_policy(RoleName="inside", PolicyArn=good)
    assert expect_error(iam.attach_role_policy, RoleName="inside", PolicyArn=bad).code == "AccessDenied"
    assert expect_error(iam.attach_role_policy, RoleName="outside", PolicyArn=good).code == "AccessDenied"
    policy = {"PolicyName": "p", "PolicyDocument": document(EVERYTHING)}
    iam.put_role_policy(RoleName="inside", **policy)
    error = expect_error(iam.put_role_policy, RoleName="outside", **policy)
    assert "iam:PutRolePolicy on resource: role outside because no identity-based policy" in error.message


@pytest.mark.usefixtures("roles")
def test_denied_changes_of_boundary(limited: LimitedUser) -> None:
    iam = limited.client("iam")
    same = {"StringEquals": {"iam:PermissionsBoundary": BOUNDARY}}
    limited.set_policy(
        allow("iam:*"),
        deny("iam:DeleteRolePermissionsBoundary", Condition=same),
        deny("iam:PutRolePermissionsBoundary", Condition={"StringNotEquals": same["StringEquals"]}),
    )
    error = expect_error(iam.delete_role_permissions_boundary, RoleName="inside")
    assert error.message.endswith("with an explicit deny in an identity-based policy")
    other = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert expect_error(iam.put_role_permissions_boundary, RoleName="inside", PermissionsBoundary=other).status == 403
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
def test_statement_elements(limited: LimitedUser, statement: dict[str, t.Any], allowed: bool) -> None:
    limited.set_policy(statement)
    get = limited.client("iam").get_role
    if allowed:
        assert get(RoleName="inside")
    else:
        assert expect_error(get, RoleName="inside").status == 403


@pytest.mark.usefixtures("roles")
def test_boundary_limits_attached_policies(aws: Aws) -> None:
    admin = aws.client("iam")
    created = admin.create_policy(PolicyName="listing", PolicyDocument=document(allow("iam:ListRoles")))
    listing = created["Policy"]["Arn"]
    make_role(aws, "worker", PermissionsBoundary=listing)
    admin.attach_role_policy(RoleName="worker", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    role = f"{ROLES}/worker"
    aws.control("POST", "bound", [role])
    worker = _session(aws, role)
    assert worker.list_roles()["Roles"]
    error = expect_error(worker.list_policies)
    assert f"User: arn:aws:sts::{ACCOUNT}:assumed-role/worker/me is not authorized" in error.message
    assert error.message.endswith("because no permissions boundary allows the iam:ListPolicies action")


def test_session_policy_limits_session(aws: Aws) -> None:
    admin = aws.client("iam")
    admin.create_open_id_connect_provider(Url=aws.issuer, ClientIDList=[settings.AUDIENCE])
    make_role(aws, "worker")
    admin.put_role_policy(RoleName="worker", PolicyName="p", PolicyDocument=document(EVERYTHING))
    role = f"{ROLES}/worker"
    aws.control("POST", "bound", [role])
    assert _session(aws, role).list_policies()
    error = expect_error(_session(aws, role, Policy=document(allow("iam:ListRoles"))).list_policies)
    assert error.message.endswith("because no session policy allows the iam:ListPolicies action")


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


def test_assume_role_requires_permission(limited: LimitedUser) -> None:
    role = "arn:aws:iam::111122223333:role/other"
    assume: c.Callable[..., t.Any] = limited.client("sts").assume_role
    limited.set_policy(allow("sts:AssumeRole", "arn:aws:iam::111122223333:role/mine"))
    assert f"sts:AssumeRole on resource: {role}" in expect_error(assume, RoleArn=role, RoleSessionName="me").message
    limited.set_policy(allow("sts:AssumeRole", role))
    assert assume(RoleArn=role, RoleSessionName="me")["Credentials"]


def test_addon_resource(aws: Aws, limited: LimitedUser) -> None:
    eks = limited.client("eks")
    aws.client("eks").create_addon(clusterName=settings.CLUSTER_NAME, addonName="vpc-cni")
    names = {"clusterName": settings.CLUSTER_NAME, "addonName": "vpc-cni"}
    limited.set_policy(allow("eks:DescribeAddon", "arn:aws:eks:*:*:cluster/*"))
    assert "eks:DescribeAddon on resource: arn:aws:eks" in expect_error(eks.describe_addon, **names).message
    limited.set_policy(allow("eks:DescribeAddon", f"arn:aws:eks:eu-west-1:{ACCOUNT}:addon/{settings.CLUSTER_NAME}/*"))
    assert eks.describe_addon(**names)["addon"]["addonName"] == "vpc-cni"
    assert expect_error(eks.describe_addon, **{**names, "addonName": "coredns"}).code == "ResourceNotFoundException"
    associations = {"clusterName": settings.CLUSTER_NAME}
    assert expect_error(eks.list_pod_identity_associations, **associations).status == 403
    limited.set_policy(allow("eks:ListPodIdentityAssociations", "arn:aws:eks:*:*:cluster/prod*"))
    assert eks.list_pod_identity_associations(**associations)["associations"] == []
