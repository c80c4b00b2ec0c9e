# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of IAM, checked against botocore's model of requests and answers."""

from __future__ import annotations

import collections.abc as c
import datetime
import json
import typing as t
import urllib.parse

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import iam
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from botocore.stub import Stubber

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
COMPACT = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},'
    '"Action":"sts:AssumeRole"}]}'
)
POLICY_ARN = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def role() -> dict[str, t.Any]:
    """A role as IAM sends it; botocore decodes the document."""
    return {
        "Path": "/",
        "RoleName": "app",
        "RoleId": "AROAABCDEFGHIJKLMNOPQ",
        "Arn": "arn:aws:iam::123456789012:role/app",
        "CreateDate": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
        "AssumeRolePolicyDocument": urllib.parse.quote(json.dumps(TRUST)),
    }


@pytest.fixture
def client() -> t.Any:
    return boto3.client("iam", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stub(client: t.Any) -> c.Iterator[Stubber]:
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def test_get_role_returns_tags_as_a_mapping(client: t.Any, stub: Stubber) -> None:
    stub.add_response("get_role", {"Role": {**role(), "Tags": [{"Key": "a", "Value": "b"}]}}, {"RoleName": "app"})
    result = iam.get_role(client, name="app")
    assert result["Tags"] == {"a": "b"}
    assert result["AssumeRolePolicyDocument"] == TRUST


def test_find_role_returns_none_for_missing_role(client: t.Any, stub: Stubber) -> None:
    stub.add_client_error("get_role", "NoSuchEntity", "The role with name app cannot be found.", 404)
    assert iam.find_role(client, name="app") is None


def test_create_role_omits_unset_options(client: t.Any, stub: Stubber) -> None:
    stub.add_response(
        "create_role", {"Role": role()}, {"RoleName": "app", "Path": "/", "AssumeRolePolicyDocument": COMPACT}
    )
    assert iam.create_role(client, name="app", path="/", trust_policy=TRUST)["Tags"] == {}


def test_create_role_sends_all_options(client: t.Any, stub: Stubber) -> None:
    stub.add_response(
        "create_role",
        {"Role": role()},
        {
            "RoleName": "app",
            "Path": "/x/",
            "AssumeRolePolicyDocument": COMPACT,
            "Description": "d",
            "MaxSessionDuration": 7200,
            "PermissionsBoundary": POLICY_ARN,
            "Tags": [{"Key": "a", "Value": "b"}],
        },
    )
    iam.create_role(
        client,
        name="app",
        path="/x/",
        trust_policy=TRUST,
        description="d",
        max_session_duration=7200,
        permissions_boundary=POLICY_ARN,
        tags={"a": "b"},
    )


WRITES: list[tuple[t.Any, str, dict[str, t.Any], dict[str, t.Any]]] = [
    (
        iam.set_trust_policy,
        "update_assume_role_policy",
        {"trust_policy": TRUST},
        {"PolicyDocument": COMPACT},
    ),
    (
        iam.update_role,
        "update_role",
        {"description": "", "max_session_duration": 7200},
        {"Description": "", "MaxSessionDuration": 7200},
    ),
    (
        iam.set_permissions_boundary,
        "put_role_permissions_boundary",
        {"arn": POLICY_ARN},
        {"PermissionsBoundary": POLICY_ARN},
    ),
    (iam.delete_permissions_boundary, "delete_role_permissions_boundary", {}, {}),
    (iam.tag_role, "tag_role", {"tags": {"a": "b"}}, {"Tags": [{"Key": "a", "Value": "b"}]}),
    (iam.untag_role, "untag_role", {"keys": ["a"]}, {"TagKeys": ["a"]}),
    (iam.attach_policy, "attach_role_policy", {"policy_arn": POLICY_ARN}, {"PolicyArn": POLICY_ARN}),
    (iam.detach_policy, "detach_role_policy", {"policy_arn": POLICY_ARN}, {"PolicyArn": POLICY_ARN}),
    (
        iam.put_inline_policy,
        "put_role_policy",
        {"policy_name": "p", "document": TRUST},
        {"PolicyName": "p", "PolicyDocument": COMPACT},
    ),
    (iam.delete_inline_policy, "delete_role_policy", {"policy_name": "p"}, {"PolicyName": "p"}),
    (
        iam.remove_from_instance_profile,
        "remove_role_from_instance_profile",
        {"profile": "i"},
        {"InstanceProfileName": "i"},
    ),
    (iam.delete_role, "delete_role", {}, {}),
]


@pytest.mark.parametrize(("call", "operation", "arguments", "sent"), WRITES)
def test_write_sends_its_arguments(
    client: t.Any, stub: Stubber, call: t.Any, operation: str, arguments: dict[str, t.Any], sent: dict[str, t.Any]
) -> None:
    stub.add_response(operation, {}, {"RoleName": "app", **sent})
    assert call(client, name="app", **arguments) is None


def test_all_pages_are_read(client: t.Any, stub: Stubber) -> None:
    arns = [f"arn:aws:iam::123456789012:policy/p{n}" for n in range(250)]
    for start in range(0, 250, 100):
        page = [{"PolicyName": arn.rsplit("/", 1)[1], "PolicyArn": arn} for arn in arns[start : start + 100]]
        more = {"IsTruncated": True, "Marker": str(start + 100)} if start < 200 else {"IsTruncated": False}
        sent = {"RoleName": "app", **({"Marker": str(start)} if start else {})}
        stub.add_response("list_attached_role_policies", {"AttachedPolicies": page, **more}, sent)
    assert iam.list_attached_policies(client, name="app") == arns


def test_empty_page_does_not_end_a_list(client: t.Any, stub: Stubber) -> None:
    pages: list[tuple[list[dict[str, str]], dict[str, t.Any], dict[str, t.Any]]] = [
        ([{"Key": f"k{n}", "Value": "v"} for n in range(100)], {"IsTruncated": True, "Marker": "1"}, {}),
        ([], {"IsTruncated": True, "Marker": "2"}, {"Marker": "1"}),
        ([{"Key": "last", "Value": "v"}], {"IsTruncated": False}, {"Marker": "2"}),
    ]
    for tags, more, sent in pages:
        stub.add_response("list_role_tags", {"Tags": tags, **more}, {"RoleName": "app", **sent})
    tags_by_key = iam.list_role_tags(client, name="app")
    assert len(tags_by_key) == 101
    assert tags_by_key["last"] == "v"


def test_policies_of_a_scope_are_read_in_large_pages(client: t.Any, stub: Stubber) -> None:
    for number, more in ((0, {"IsTruncated": True, "Marker": "m"}), (1, {"IsTruncated": False})):
        stub.add_response(
            "list_policies",
            {"Policies": [{"PolicyName": f"policy{number}", "Arn": f"arn:aws:iam::aws:policy/policy{number}"}], **more},
            {"Scope": "AWS", "MaxItems": 1000, **({"Marker": "m"} if number else {})},
        )
    policies = iam.list_policies(client, scope="AWS")
    assert policies == {f"policy{number}": f"arn:aws:iam::aws:policy/policy{number}" for number in (0, 1)}


def test_inline_policy_is_decoded(client: t.Any, stub: Stubber) -> None:
    stub.add_response(
        "get_role_policy",
        {"RoleName": "app", "PolicyName": "p", "PolicyDocument": urllib.parse.quote(json.dumps(TRUST))},
        {"RoleName": "app", "PolicyName": "p"},
    )
    assert iam.get_inline_policy(client, name="app", policy_name="p") == TRUST


@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        ("NoSuchEntity", errors.NotFound, "could not delete the role app. Cause: because."),
        ("DeleteConflict", errors.Conflict, "could not delete the role app. Cause: because."),
        ("UnmodifiableEntity", errors.Conflict, "could not delete the role app. Cause: because."),
        (
            "AccessDenied",
            errors.AccessDenied,
            "could not delete the role app. Cause: because. Fix: allow iam:DeleteRole for the caller; check "
            "permissions boundaries and service control policies too.",
        ),
    ],
)
def test_error_has_role_cause_and_action(
    client: t.Any, stub: Stubber, code: str, error: type[errors.IrsaError], text: str
) -> None:
    stub.add_client_error("delete_role", code, "because")
    with pytest.raises(error) as caught:
        iam.delete_role(client, name="app")
    assert str(caught.value) == text
    assert caught.value.details["action"] == "iam:DeleteRole"
