# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from sandbox.tests.support.aws_server import POLICY, READ_ONLY, TRUST, Aws, expect_error

ROLE_PARAMETERS = [
    ({"RoleName": "a" * 65}, "ValidationError", "have length less than or equal to 64"),
    ({"RoleName": "a/b"}, "ValidationError", "The specified value for roleName is invalid."),
    ({"Path": "team"}, "ValidationError", "It must begin and end with /"),
    ({"Path": "/" + "a" * 511 + "/"}, "ValidationError", "have length less than or equal to 512"),
    ({"Description": "a" * 1001}, "ValidationError", "have length less than or equal to 1000"),
    ({"Description": "\u4e2d"}, "ValidationError", "satisfy regular expression pattern"),
    ({"MaxSessionDuration": 3599}, "ValidationError", "have value greater than or equal to 3600"),
    ({"MaxSessionDuration": 43201}, "ValidationError", "have value less than or equal to 43200"),
    ({"Tags": [{"Key": f"k{i}", "Value": ""} for i in range(51)]}, "ValidationError", "less than or equal to 50"),
    ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidInput", "case insensitive"),
    ({"Tags": [{"Key": "AWS:x", "Value": "1"}]}, "InvalidInput", "reserved"),
    ({"Tags": [{"Key": "a" * 129, "Value": ""}]}, "ValidationError", "less than or equal to 128"),
    ({"Tags": [{"Key": "a", "Value": "b" * 257}]}, "ValidationError", "less than or equal to 256"),
    ({"Tags": [{"Key": "a", "Value": "b*"}]}, "ValidationError", "satisfy regular expression pattern"),
    (
        {"PermissionsBoundary": "arn:aws:iam::aws:policy/None"},
        "NoSuchEntity",
        "Scope ARN: arn:aws:iam::aws:policy/None",
    ),
    ({"PermissionsBoundary": "arn:aws:iam::aws:role/ReadOnly"}, "InvalidInput", "is not valid"),
]


@pytest.mark.parametrize(("changes", "code", "message"), ROLE_PARAMETERS)
def test_invalid_parameters_are_rejected(aws: Aws, changes: dict[str, t.Any], code: str, message: str) -> None:
    iam = aws.client("iam")
    parameters = {"RoleName": "app", "AssumeRolePolicyDocument": json.dumps(TRUST), **changes}
    error = expect_error(iam.create_role, **parameters)
    assert (error.code, error.status) == (code, 404 if code == "NoSuchEntity" else 400)
    assert message in error.message
    assert iam.list_roles()["Roles"] == []


def test_role_names_are_case_insensitive(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST, name="App")
    create = {"RoleName": "aPP", "AssumeRolePolicyDocument": json.dumps(TRUST)}
    assert expect_error(iam.create_role, **create) == (409, "EntityAlreadyExists", "Role with name aPP already exists.")
    iam.delete_role(RoleName="App")
    iam.create_role(**create)


def test_missing_role(aws: Aws) -> None:
    iam = aws.client("iam")
    expected = (404, "NoSuchEntity", "The role with name app cannot be found.")
    for call, more in (
        (iam.get_role, {}),
        (iam.delete_role, {}),
        (iam.update_role, {"Description": "x"}),
        (iam.update_assume_role_policy, {"PolicyDocument": json.dumps(TRUST)}),
        (iam.attach_role_policy, {"PolicyArn": READ_ONLY}),
        (iam.detach_role_policy, {"PolicyArn": READ_ONLY}),
        (iam.put_role_policy, {"PolicyName": "p", "PolicyDocument": POLICY}),
        (iam.delete_role_policy, {"PolicyName": "p"}),
        (iam.list_role_policies, {}),
        (iam.list_attached_role_policies, {}),
        (iam.list_role_tags, {}),
        (iam.tag_role, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (iam.put_role_permissions_boundary, {"PermissionsBoundary": READ_ONLY}),
    ):
        assert expect_error(call, RoleName="app", **more) == expected


def test_update_role_keeps_description(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST, Description="first", MaxSessionDuration=7200)
    iam.update_role(RoleName="app", MaxSessionDuration=10800)
    role = iam.get_role(RoleName="app")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("first", 10800)
    assert expect_error(iam.update_role, RoleName="app", MaxSessionDuration=60).code == "ValidationError"
    assert expect_error(iam.update_role, RoleName="app", Description="a" * 1001).code == "ValidationError"


def test_permissions_boundary(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    error = expect_error(iam.delete_role_permissions_boundary, RoleName="app")
    assert error.code == "NoSuchEntity"
    iam.put_role_permissions_boundary(RoleName="app", PermissionsBoundary=READ_ONLY)
    assert iam.get_role(RoleName="app")["Role"]["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    missing = expect_error(iam.put_role_permissions_boundary, RoleName="app", PermissionsBoundary=f"{READ_ONLY}2")
    assert missing == (404, "NoSuchEntity", f"Scope ARN: {READ_ONLY}2 does not exist or is not attachable.")
    iam.delete_role_permissions_boundary(RoleName="app")
    assert "PermissionsBoundary" not in iam.get_role(RoleName="app")["Role"]


def test_delete_of_role_in_use_is_rejected(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST)
    iam.attach_role_policy(RoleName="app", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="app", PolicyName="p", PolicyDocument=POLICY)
    iam.create_instance_profile(InstanceProfileName="profile")
    iam.add_role_to_instance_profile(InstanceProfileName="profile", RoleName="app")
    for message, undo, parameters in (
        (
            "must remove roles from instance profile first",
            iam.remove_role_from_instance_profile,
            {"InstanceProfileName": "profile"},
        ),
        ("must detach all policies first", iam.detach_role_policy, {"PolicyArn": READ_ONLY}),
        ("must delete policies first", iam.delete_role_policy, {"PolicyName": "p"}),
    ):
        expected = (409, "DeleteConflict", f"Cannot delete entity, {message}.")
        assert expect_error(iam.delete_role, RoleName="app") == expected
        undo(RoleName="app", **parameters)
    iam.delete_role(RoleName="app")


def test_roles_quota(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.control("POST", "quotas", {"RolesQuota": 1})
    aws.role(TRUST)
    error = expect_error(iam.create_role, RoleName="b", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert error == (409, "LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1")
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["RolesQuota"], summary["Roles"], summary["AttachedPoliciesPerRoleQuota"]) == (1, 1, 10)


def test_tags_of_roles(aws: Aws) -> None:
    iam = aws.client("iam")
    aws.role(TRUST, Tags=[{"Key": "Team", "Value": "a"}])
    iam.tag_role(RoleName="app", Tags=[{"Key": "team", "Value": "b"}, {"Key": "Other", "Value": ""}])
    tags = {tag["Key"]: tag["Value"] for tag in iam.list_role_tags(RoleName="app")["Tags"]}
    assert tags == {"team": "b", "Other": ""}
    iam.untag_role(RoleName="app", TagKeys=["TEAM", "absent"])
    iam.tag_role(RoleName="app", Tags=[{"Key": f"k{i:02}", "Value": ""} for i in range(49)])
    error = expect_error(iam.tag_role, RoleName="app", Tags=[{"Key": "last", "Value": ""}])
    assert error == (409, "LimitExceeded", "Cannot exceed quota for TagsPerRole: 50")
    assert expect_error(iam.tag_role, RoleName="app", Tags=[{"Key": "aws:x", "Value": ""}]).code == "InvalidInput"
    pages = list(iam.get_paginator("list_role_tags").paginate(RoleName="app", PaginationConfig={"PageSize": 20}))
    assert [len(page["Tags"]) for page in pages] == [20, 20, 10]
