# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from sandbox.tests.support.aws_server import POLICY, READ_ONLY, TRUST, Aws, expect_error


def test_entities_for_policy(aws: Aws) -> None:
    iam = aws.client("iam")
    for index in range(3):
        aws.role(TRUST, name=f"role{index}")
        iam.attach_role_policy(RoleName=f"role{index}", PolicyArn=READ_ONLY)
    pages = iam.get_paginator("list_entities_for_policy").paginate(
        PolicyArn=READ_ONLY, EntityFilter="Role", PaginationConfig={"PageSize": 2}
    )
    assert [[role["RoleName"] for role in page["PolicyRoles"]] for page in pages] == [["role0", "role1"], ["role2"]]


def test_authorization_details_are_paged_before_filtering(aws: Aws) -> None:
    iam = aws.client("iam")
    for index in range(7):
        aws.role(aws.trust(), name=f"Role{index}", Tags=[{"Key": "n", "Value": str(index)}])
    iam.create_user(UserName="Person")
    iam.put_role_policy(RoleName="Role0", PolicyName="p", PolicyDocument=POLICY)
    iam.attach_role_policy(RoleName="Role0", PolicyArn=READ_ONLY)
    iam.put_role_permissions_boundary(RoleName="Role1", PermissionsBoundary=READ_ONLY)

    paginator = iam.get_paginator("get_account_authorization_details")
    pages = list(paginator.paginate(Filter=["Role"], PaginationConfig={"PageSize": 3}))
    assert all(not page["UserDetailList"] and not page["Policies"] for page in pages)
    # The user counts for the first page although the filter excludes it, so that page is short.
    assert [len(page["RoleDetailList"]) for page in pages] == [2, 3, 2]
    roles = {role["RoleName"]: role for page in pages for role in page["RoleDetailList"]}
    assert sorted(roles) == [f"Role{index}" for index in range(7)]
    first = roles["Role0"]
    assert first["AssumeRolePolicyDocument"] == aws.trust()
    assert first["RolePolicyList"] == [{"PolicyName": "p", "PolicyDocument": json.loads(POLICY)}]
    assert first["AttachedManagedPolicies"] == [{"PolicyName": "ReadOnlyAccess", "PolicyArn": READ_ONLY}]
    assert first["Tags"] == [{"Key": "n", "Value": "0"}]
    assert "PermissionsBoundary" not in first
    assert roles["Role1"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY

    users = iam.get_account_authorization_details(Filter=["User"])
    assert [user["UserName"] for user in users["UserDetailList"]] == ["Person"]
    assert expect_error(iam.get_account_authorization_details, Marker="nonsense").code == "ValidationError"


@pytest.mark.parametrize("size", [1, 3, 4])
def test_list_roles_pages(aws: Aws, size: int) -> None:
    for name in ("d", "B", "a", "C"):
        aws.role(TRUST, name=name)
    pages = list(aws.client("iam").get_paginator("list_roles").paginate(PaginationConfig={"PageSize": size}))
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == ["a", "B", "C", "d"]
    assert len(pages) == -(-4 // size)
    assert not pages[-1]["IsTruncated"]
