# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed policies: found by name, required by ARN, waited for, and proposed."""

from __future__ import annotations

import collections.abc as c
import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, Role, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.managed_policies import (
    CONSISTENCY_DELAYS,
    PolicyNames,
    find_policies,
)
from botocore.stub import Stubber

SCOPE = AccountScope("aws", "123456789012")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
QUEUE = "arn:aws:iam::123456789012:policy/team/queue"
EBS = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
PATHS = ("", "service-role/", "job-function/", "aws-service-role/")


@pytest.fixture
def iam() -> t.Any:
    return boto3.client("iam", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")


@pytest.fixture
def stub(iam: t.Any) -> c.Iterator[Stubber]:
    with Stubber(iam) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def policies(iam: t.Any, pauses: list[float]) -> PolicyNames:
    return PolicyNames(iam, pauses.append)


def spec(*names: str, boundary: str | None = None) -> RoleSpec:
    return RoleSpec(present=True, name="app", managed_policies=names, permissions_boundary=boundary)


def find(policies: PolicyNames, *names: str, boundary: str | None = None, role: Role | None = None) -> dict[str, str]:
    return find_policies(policies, spec(*names, boundary=boundary), role=role, scope=SCOPE)


def stub_list(stub: Stubber, scope: str, *arns: str) -> None:
    listed = [{"PolicyName": arn.rsplit("/", 1)[1], "Arn": arn} for arn in arns]
    stub.add_response("list_policies", {"Policies": listed, "IsTruncated": False}, {"Scope": scope, "MaxItems": 1000})


def stub_found(stub: Stubber, arn: str) -> None:
    stub.add_response("get_policy", {"Policy": {"Arn": arn, "DefaultVersionId": "v1"}}, {"PolicyArn": arn})


def stub_missing(stub: Stubber, *arns: str) -> None:
    for arn in arns:
        stub.add_client_error("get_policy", "NoSuchEntity", "not found", expected_params={"PolicyArn": arn})


def stub_missing_name(stub: Stubber, name: str, *paths: str) -> None:
    stub_missing(stub, *(f"arn:aws:iam::aws:policy/{path}{name}" for path in paths))


# By name


def test_names_of_own_and_aws_managed_policies(stub: Stubber, policies: PolicyNames, pauses: list[float]) -> None:
    stub_list(stub, "Local", QUEUE)
    stub_missing_name(stub, "queue", *PATHS)
    stub_list(stub, "AWS", S3)
    stub_found(stub, S3)
    expected = {"queue": QUEUE, "AmazonS3ReadOnlyAccess": S3}
    assert find(policies, *expected) == expected
    assert find(policies, *expected) == expected  # from the cache
    assert pauses == []


def test_name_of_an_aws_managed_policy_with_a_path(stub: Stubber, policies: PolicyNames) -> None:
    stub_list(stub, "Local")
    stub_missing_name(stub, "AmazonEBSCSIDriverPolicy", "")
    stub_found(stub, EBS)
    assert find(policies, "AmazonEBSCSIDriverPolicy") == {"AmazonEBSCSIDriverPolicy": EBS}


def test_ambiguous_name_is_rejected(stub: Stubber, policies: PolicyNames) -> None:
    own = "arn:aws:iam::123456789012:policy/AmazonS3ReadOnlyAccess"
    stub_list(stub, "Local", own)
    stub_found(stub, S3)
    with pytest.raises(errors.InvalidInput) as caught:
        find(policies, "AmazonS3ReadOnlyAccess")
    assert str(caught.value) == (
        f"the name of managed policy AmazonS3ReadOnlyAccess is ambiguous. Cause: {own} and {S3} have this name. "
        "Fix: use the ARN of the intended policy."
    )


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        pytest.param("Queue", f"use {QUEUE} if that is the intended policy", id="similar"),
        pytest.param("queues", f"use {QUEUE} if that is the intended policy", id="longer"),
        pytest.param("x", "correct the name (it is case-sensitive), create the policy, or use its ARN", id="other"),
    ],
)
def test_missing_name_is_rejected_after_a_while(
    stub: Stubber, policies: PolicyNames, pauses: list[float], name: str, fix: str
) -> None:
    stub_list(stub, "Local", QUEUE)
    stub_missing_name(stub, name, *PATHS)
    stub_list(stub, "AWS", S3)
    for _delay in CONSISTENCY_DELAYS:
        stub_list(stub, "Local", QUEUE)
    with pytest.raises(errors.NotFound) as caught:
        find(policies, name)
    assert str(caught.value) == (
        f"managed policy {name} does not exist. Cause: neither account 123456789012 nor AWS has it in partition aws. "
        f"Fix: {fix}."
    )
    assert pauses == list(CONSISTENCY_DELAYS)


def test_name_that_lacks_its_end_is_proposed_first(stub: Stubber, policies: PolicyNames, pauses: list[float]) -> None:
    lex = "arn:aws:iam::aws:policy/AmazonLexReadOnly"
    stub_list(stub, "Local")
    stub_missing_name(stub, "AmazonS3ReadOnly", *PATHS)
    stub_list(stub, "AWS", lex, S3)
    for _delay in CONSISTENCY_DELAYS:
        stub_list(stub, "Local")
    with pytest.raises(errors.NotFound, match=f"use {S3} or {lex} if"):
        find(policies, "AmazonS3ReadOnly")
    assert pauses == list(CONSISTENCY_DELAYS)


def test_new_policy_is_waited_for_by_name(stub: Stubber, policies: PolicyNames, pauses: list[float]) -> None:
    stub_list(stub, "Local")
    stub_missing_name(stub, "queue", *PATHS)
    stub_list(stub, "AWS")
    stub_list(stub, "Local")
    stub_list(stub, "Local", QUEUE)
    assert find(policies, "queue") == {"queue": QUEUE}
    assert pauses == list(CONSISTENCY_DELAYS[:2])


# By ARN


def test_existing_policies_and_boundary_are_read_once(stub: Stubber, policies: PolicyNames) -> None:
    stub_found(stub, EBS)
    stub_found(stub, QUEUE)
    for _role in ("one", "two"):
        assert find(policies, EBS, boundary=QUEUE) == {}


def test_missing_aws_managed_policy_is_rejected_without_waiting(
    stub: Stubber, policies: PolicyNames, pauses: list[float]
) -> None:
    text = "arn:aws:iam::aws:policy/AmazonEBSCSIDriverPolicy"
    stub_missing(stub, text)
    stub_list(stub, "AWS", S3, EBS, f"{EBS}V2")
    with pytest.raises(errors.NotFound) as caught:
        find(policies, text)
    assert str(caught.value) == (
        f"managed policy {text} does not exist. Cause: AWS has no policy with this ARN. "
        f"Fix: use {EBS} if that is the intended policy."
    )
    assert pauses == []


def test_missing_boundary_is_rejected_after_a_while(stub: Stubber, policies: PolicyNames, pauses: list[float]) -> None:
    text = "arn:aws:iam::123456789012:policy/boundary"
    stub_missing(stub, *[text] * (len(CONSISTENCY_DELAYS) + 1))
    stub_list(stub, "Local", QUEUE)
    with pytest.raises(errors.NotFound) as caught:
        find(policies, boundary=text)
    assert str(caught.value) == (
        f"permissions_boundary {text} does not exist. Cause: account 123456789012 has no policy with this ARN. "
        "Fix: correct the ARN: path and name are case-sensitive; or create the policy first."
    )
    assert pauses == list(CONSISTENCY_DELAYS)


def test_new_policies_are_waited_for_together(stub: Stubber, policies: PolicyNames, pauses: list[float]) -> None:
    other = f"{QUEUE}-2"
    stub_missing(stub, *[QUEUE] * len(CONSISTENCY_DELAYS))
    stub_found(stub, QUEUE)
    stub_missing(stub, other)
    stub.add_client_error("list_policies", "AccessDenied", "no")
    with pytest.raises(errors.NotFound, match="correct the ARN"):
        find(policies, QUEUE, other)
    assert pauses == list(CONSISTENCY_DELAYS)


def test_policy_that_the_caller_may_not_read_is_not_rejected(stub: Stubber, policies: PolicyNames) -> None:
    stub.add_client_error("get_policy", "AccessDenied", "no")
    assert find(policies, QUEUE) == {}


def test_policies_that_the_role_has_need_no_call(stub: Stubber, policies: PolicyNames) -> None:
    role = Role("", "app", "/", None, "", {}, (QUEUE, S3), None, EBS, 3600, {})
    assert find(policies, "queue", S3, boundary=EBS, role=role) == {"queue": QUEUE}


@pytest.mark.parametrize("text", ["arn:aws:iam::999999999999:policy/x", "arn:aws-cn:iam::aws:policy/x"])
def test_policy_of_another_account_or_partition_is_left_to_the_plan(
    stub: Stubber, policies: PolicyNames, text: str
) -> None:
    assert find(policies, text, boundary=text) == {}
