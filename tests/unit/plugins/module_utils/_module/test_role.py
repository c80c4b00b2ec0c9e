# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and writes of roles: several calls of IAM, concurrent writers, and eventual consistency."""

from __future__ import annotations

import collections.abc as c
import copy
import datetime
import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn, EksCluster
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.document import compact
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import plan as role_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import Change, Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import subject
from ansible_collections.eksops.irsa.plugins.module_utils._module import role as role_module
from botocore.stub import Stubber

ISSUER = "https://oidc.example/id/A"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
OTHER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/B"
A, B = (subject("ns", name) for name in "ab")
MERGE = Change("merge", Grant(PROVIDER, (A,), ()))
OWN = trust_policy.build_statements(Grant(PROVIDER, (A,)))[0]
FOREIGN = trust_policy.build_statements(Grant(OTHER, (B,)))[0]
SCOPE = AccountScope("aws", "123456789012")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
QUEUE = "arn:aws:iam::123456789012:policy/team/queue"


def document(*statements: t.Any) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def role_response(trust: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    return {
        "Role": {
            "Path": "/",
            "RoleName": "app",
            "RoleId": "AROAABCDEFGHIJKLMNOPQ",
            "Arn": "arn:aws:iam::123456789012:role/app",
            "CreateDate": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
            "AssumeRolePolicyDocument": compact(trust or document(OWN)),
            **more,
        }
    }


class Clock:
    """Records pauses instead of sleeping."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Account:
    """Replaces `session.Aws` by the stubbed clients of one account."""

    def __init__(self) -> None:
        keys = {"region_name": "us-east-1", "aws_access_key_id": "x", "aws_secret_access_key": "x"}
        self.clients = {service: boto3.client(service, **keys) for service in ("iam", "sts")}
        self.stubs = {service: Stubber(client) for service, client in self.clients.items()}
        self.described: list[str] = []

    def client(self, service: str) -> t.Any:
        return self.clients[service]

    def caller(self) -> Arn:
        return Arn.parse(self.clients["sts"].get_caller_identity()["Arn"])

    def describe(self, name: str) -> EksCluster:
        self.described.append(name)
        return EksCluster(
            name,
            "",
            "ACTIVE",
            "1.33",
            None,
            None,
            ISSUER,
            region="eu-west-1",
            account_id=SCOPE.account_id,
            partition="aws",
        )


@pytest.fixture
def aws() -> c.Iterator[Account]:
    account = Account()
    for stub in account.stubs.values():
        stub.activate()
    yield account
    for stub in account.stubs.values():
        stub.assert_no_pending_responses()


@pytest.fixture
def stub(aws: Account) -> Stubber:
    return aws.stubs["iam"]


@pytest.fixture
def iam(aws: Account) -> t.Any:
    return aws.client("iam")


def stub_reads(stub: Stubber, *documents: t.Any) -> None:
    for trust in documents:
        stub.add_response("get_role", role_response(trust), {"RoleName": "app"})


def stub_write(stub: Stubber, trust: t.Any) -> None:
    stub.add_response("update_assume_role_policy", {}, {"RoleName": "app", "PolicyDocument": compact(trust)})


def test_change_applies_to_the_current_trust_policy(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_reads(stub, document(FOREIGN, OWN))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock) == document(FOREIGN, OWN)
    assert clock.pauses == [0.5]


def test_present_change_is_not_written_again(stub: Stubber, iam: t.Any) -> None:
    stub_reads(stub, document(OWN))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=Clock()) == document(OWN)


def test_change_of_a_concurrent_writer_is_kept(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub_reads(stub, document(trust_policy.NOBODY))
    stub_write(stub, document(OWN))
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_reads(stub, document(FOREIGN, OWN))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock) == document(FOREIGN, OWN)
    assert clock.pauses == [0.5, 0.5]


def test_outdated_read_is_not_a_conflict(stub: Stubber, iam: t.Any) -> None:
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_reads(stub, document(FOREIGN))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=Clock()) == document(FOREIGN, OWN)


def test_repeated_concurrent_changes_are_a_conflict(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub_reads(stub, document(trust_policy.NOBODY))
    expected = document(OWN)
    for number in range(5):
        stub_write(stub, expected)
        foreign = document({**FOREIGN, "Sid": f"n{number}"})
        stub_reads(stub, foreign)
        expected = document(*foreign["Statement"], OWN)
    with pytest.raises(errors.Conflict, match="another writer keeps changing the trust policy of role app"):
        role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock)
    assert clock.pauses == [0.5, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(("code", "status"), [("ConcurrentModification", 409), ("EntityTemporarilyUnmodifiable", 409)])
def test_write_is_repeated_after_a_conflict(stub: Stubber, iam: t.Any, code: str, status: int) -> None:
    clock = Clock()
    stub_reads(stub, document(trust_policy.NOBODY))
    stub.add_client_error("update_assume_role_policy", code, "in use", status)
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_reads(stub, document(FOREIGN, OWN))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock) == document(FOREIGN, OWN)
    assert clock.pauses == [0.5, 0.5]


def stub_invalid_principal(stub: Stubber, operation: str, principal: str) -> None:
    stub.add_client_error(operation, "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{principal}"')


def test_new_principal_is_retried(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub_invalid_principal(stub, "create_role", "arn:aws:iam::123456789012:role/new")
    stub.add_response("create_role", role_response())
    role = role_module.create(iam, name="app", path="/", trust_policy=document(OWN), sleep=clock)
    assert role["RoleId"] == "AROAABCDEFGHIJKLMNOPQ"
    assert clock.pauses == [0.25]


def test_missing_principal_is_an_error(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    for _attempt in range(7):
        stub_invalid_principal(stub, "create_role", "arn:aws:iam::123456789012:role/new")
    with pytest.raises(errors.InvalidInput, match="Invalid principal in policy"):
        role_module.create(iam, name="app", path="/", trust_policy=document(OWN), sleep=clock)
    assert sum(clock.pauses) < 13


def test_deleted_principal_is_not_retried(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub_reads(stub, document(FOREIGN))
    stub_invalid_principal(stub, "update_assume_role_policy", "AROAZZZZZZZZZZZZZZZZZ")
    with pytest.raises(errors.InvalidInput) as caught:
        role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock)
    assert "the trusted role or user was deleted" in str(caught.value)
    assert sum(clock.pauses) == 0


def test_new_role_is_retried(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub.add_client_error("attach_role_policy", "NoSuchEntity", "The role with name app cannot be found.")
    stub.add_response("attach_role_policy", {}, {"RoleName": "app", "PolicyArn": S3})
    role_module.operations(iam, clock)["attach_policy"](name="app", policy_arn=S3)
    assert clock.pauses == [0.25]


def test_missing_policy_is_not_retried(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub.add_client_error("attach_role_policy", "NoSuchEntity", f"Policy {S3} does not exist or is not attachable.")
    with pytest.raises(errors.NotFound, match="does not exist"):
        role_module.operations(iam, clock)["attach_policy"](name="app", policy_arn=S3)
    assert clock.pauses == []


@pytest.mark.parametrize(
    ("operation", "call", "arguments"),
    [
        ("detach_policy", "detach_role_policy", {"policy_arn": S3}),
        ("delete_inline_policy", "delete_role_policy", {"policy_name": "p"}),
        ("remove_from_instance_profile", "remove_role_from_instance_profile", {"profile": "i"}),
        ("delete_role", "delete_role", {}),
        ("delete_permissions_boundary", "delete_role_permissions_boundary", {}),
    ],
)
def test_removal_of_a_missing_object_succeeds(
    stub: Stubber, iam: t.Any, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    stub.add_client_error(call, "NoSuchEntity", "not found")
    role_module.operations(iam, Clock())[operation](name="app", **arguments)


def test_existing_name_with_different_case_has_a_fix(stub: Stubber, iam: t.Any) -> None:
    stub.add_client_error("create_role", "EntityAlreadyExists", "Role with name App already exists.")
    with pytest.raises(errors.AlreadyExists) as caught:
        role_module.create(iam, name="App", path="/", trust_policy=document(OWN))
    assert "unique regardless of case" in str(caught.value)


# Names of managed policies


def stub_policies(stub: Stubber, scope: str, *arns: str) -> None:
    policies = [{"PolicyName": arn.rsplit("/", 1)[1], "Arn": arn} for arn in arns]
    stub.add_response("list_policies", {"Policies": policies, "IsTruncated": False}, {"Scope": scope, "MaxItems": 1000})


def stub_missing_policy(stub: Stubber, *paths: str, name: str) -> None:
    for path in paths:
        arn = f"arn:aws:iam::aws:policy/{path}{name}"
        stub.add_client_error("get_policy", "NoSuchEntity", "not found", expected_params={"PolicyArn": arn})


PATHS = ("", "service-role/", "job-function/", "aws-service-role/")


def test_name_of_an_attached_policy_needs_no_call(aws: Account, stub: Stubber) -> None:
    stub.add_response("get_role", role_response(), {"RoleName": "app"})
    attached = [{"PolicyName": "queue", "PolicyArn": QUEUE}]
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": attached, "IsTruncated": False})
    stub.add_response("list_role_policies", {"PolicyNames": [], "IsTruncated": False})
    assert not role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", managed_policies=("queue",)))


def test_names_of_own_and_aws_managed_policies(stub: Stubber, iam: t.Any) -> None:
    stub_policies(stub, "Local", QUEUE)
    stub_missing_policy(stub, *PATHS, name="queue")
    stub_policies(stub, "AWS", S3)
    stub.add_response("get_policy", {"Policy": {"Arn": S3}}, {"PolicyArn": S3})
    found = role_module.find_policies(
        role_module.PolicyNames(iam), ["queue", "AmazonS3ReadOnlyAccess"], role=None, scope=SCOPE
    )
    assert found == {"queue": QUEUE, "AmazonS3ReadOnlyAccess": S3}


def test_name_of_an_aws_managed_policy_with_a_path(stub: Stubber, iam: t.Any) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
    stub_policies(stub, "Local")
    stub_missing_policy(stub, "", name="AmazonEBSCSIDriverPolicy")
    stub.add_response("get_policy", {"Policy": {"Arn": arn}}, {"PolicyArn": arn})
    found = role_module.find_policies(
        role_module.PolicyNames(iam), ["AmazonEBSCSIDriverPolicy"], role=None, scope=SCOPE
    )
    assert found == {"AmazonEBSCSIDriverPolicy": arn}


def test_missing_managed_policy_is_an_error(stub: Stubber, iam: t.Any) -> None:
    stub_policies(stub, "Local", QUEUE)
    stub_missing_policy(stub, *PATHS, name="Queue")
    stub_policies(stub, "AWS", S3)
    with pytest.raises(errors.NotFound) as caught:
        role_module.find_policies(role_module.PolicyNames(iam), ["Queue"], role=None, scope=SCOPE)
    assert str(caught.value) == (
        "managed policy Queue does not exist. Cause: neither account 123456789012 nor AWS has it in partition aws. "
        "Fix: correct the name (it is case-sensitive), create the policy, or give its ARN."
    )


def test_ambiguous_name_is_rejected(stub: Stubber, iam: t.Any) -> None:
    own = "arn:aws:iam::123456789012:policy/AmazonS3ReadOnlyAccess"
    stub_policies(stub, "Local", own)
    stub.add_response("get_policy", {"Policy": {"Arn": S3}}, {"PolicyArn": S3})
    with pytest.raises(errors.InvalidInput) as caught:
        role_module.find_policies(role_module.PolicyNames(iam), ["AmazonS3ReadOnlyAccess"], role=None, scope=SCOPE)
    assert str(caught.value) == (
        f"the name of managed policy AmazonS3ReadOnlyAccess is ambiguous. Cause: {own} and {S3} have this name. "
        "Fix: give the ARN of the intended policy."
    )


# Plans


def stub_missing_role(stub: Stubber) -> None:
    stub.add_client_error("get_role", "NoSuchEntity", "The role with name app cannot be found.")


def test_new_role_with_a_cluster_name_needs_no_caller_identity(aws: Account, stub: Stubber) -> None:
    stub_missing_role(stub)
    plan = role_module.plan(
        t.cast(t.Any, aws), RoleSpec(present=True, name="app", cluster_name="c", subjects=(A,), audiences=())
    )
    assert plan.after["trust_policy"] == document(OWN)
    assert aws.described == ["c"]


@pytest.mark.parametrize("issuer", [ISSUER, ISSUER.removeprefix("https://")])
def test_new_role_with_an_issuer_is_in_the_callers_account(aws: Account, stub: Stubber, issuer: str) -> None:
    stub_missing_role(stub)
    identity = {"Account": "111122223333", "Arn": "arn:aws-us-gov:sts::111122223333:assumed-role/x/y", "UserId": "x"}
    aws.stubs["sts"].add_response("get_caller_identity", identity)
    plan = role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", issuer=issuer, subjects=(A,)))
    principal = plan.after["trust_policy"]["Statement"][0]["Principal"]
    assert principal == {"Federated": "arn:aws-us-gov:iam::111122223333:oidc-provider/oidc.example/id/A"}
    assert aws.described == []


def stub_no_policies(stub: Stubber) -> None:
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": [], "IsTruncated": False})
    stub.add_response("list_role_policies", {"PolicyNames": [], "IsTruncated": False})


def test_existing_role_needs_no_caller_identity(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(OWN))
    stub_no_policies(stub)
    assert not role_module.plan(
        t.cast(t.Any, aws), RoleSpec(present=True, name="app", issuer=ISSUER, subjects=(A,), audiences=())
    )


def test_policies_outside_the_spec_need_no_permission(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(OWN))
    stub.add_client_error("list_attached_role_policies", "AccessDenied", "no")
    stub.add_client_error("list_role_policies", "AccessDenied", "no")
    plan = role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", description="x"))
    assert plan.summaries() == ["set the description of role app"]
    assert plan.after["managed_policies"] is None
    assert plan.after["inline_policies"] is None


def test_policies_in_the_spec_need_a_permission(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(OWN))
    stub.add_client_error("list_attached_role_policies", "AccessDenied", "no")
    with pytest.raises(errors.AccessDenied, match="allow iam:ListAttachedRolePolicies"):
        role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", managed_policies=()))


LONG = tuple(subject("namespace", f"{'account' * 10}-{n}") for n in range(20))


@pytest.mark.parametrize(("quota", "is_sufficient"), [(4096, True), (2100, False), (None, False)])
def test_quota_is_read_for_long_trust_policies(
    aws: Account, stub: Stubber, quota: int | None, is_sufficient: bool
) -> None:
    stub_missing_role(stub)
    if quota:
        summary = {role_plan.TRUST_QUOTA: quota, role_plan.ATTACHED_QUOTA: 10, "RolesQuota": 1000}
        stub.add_response("get_account_summary", {"SummaryMap": summary})
    else:
        stub.add_client_error("get_account_summary", "AccessDenied", "no")
    spec = RoleSpec(present=True, name="app", cluster_name="c", subjects=LONG)
    if is_sufficient:
        assert role_module.plan(t.cast(t.Any, aws), spec)
        return
    with pytest.raises(errors.QuotaExceeded) as caught:
        role_module.plan(t.cast(t.Any, aws), spec)
    assert f"the account's quota AssumeRolePolicySizeQuota is {quota or 2048}" in str(caught.value)
    assert ("or allow iam:GetAccountSummary for the caller" in str(caught.value)) is (quota is None)


def test_removal_of_a_missing_role_needs_no_other_reads(aws: Account, stub: Stubber) -> None:
    stub_missing_role(stub)
    assert not role_module.plan(t.cast(t.Any, aws), RoleSpec(present=False, name="app"))


def test_final_state_has_the_results_of_the_writes() -> None:
    actions = (
        Action("create_role", {}, ""),
        Action("attach_policy", {}, ""),
        Action("change_trust_policy", {}, ""),
    )
    plan = Plan(after={"role_id": None, "trust_policy": document(OWN)}, actions=actions)
    before = copy.deepcopy(plan.after)
    answers = [{"RoleId": "AROA"}, None, document(FOREIGN, OWN)]
    assert role_module.final_state(plan, answers) == {
        "role_id": "AROA",
        "trust_policy": document(FOREIGN, OWN),
    }
    assert role_module.final_state(plan, answers[1:])["role_id"] is None
    assert role_module.final_state(plan, []) == plan.after == before
