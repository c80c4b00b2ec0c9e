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
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import ATTACHED_QUOTA, TRUST_QUOTA
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import Change, Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import subject
from ansible_collections.eksops.irsa.plugins.module_utils._module import role as role_module
from ansible_collections.eksops.irsa.plugins.module_utils._module.managed_policies import CONSISTENCY_DELAYS
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


@pytest.mark.parametrize(
    ("operation", "call", "arguments"),
    [
        ("attach_policy", "attach_role_policy", {"policy_arn": QUEUE}),
        ("put_inline_policy", "put_role_policy", {"policy_name": "p", "document": {}}),
        ("set_permissions_boundary", "put_role_permissions_boundary", {"arn": QUEUE}),
        ("update_role", "update_role", {"description": "", "max_session_duration": 3600}),
        ("tag_role", "tag_role", {"tags": {"a": "b"}}),
        ("untag_role", "untag_role", {"keys": ["a"]}),
    ],
)
def test_new_role_or_policy_is_waited_for(
    stub: Stubber, iam: t.Any, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    clock = Clock()
    stub.add_client_error(call, "NoSuchEntity", f"Policy {QUEUE} does not exist or is not attachable.")
    stub.add_client_error(call, "NoSuchEntity", "The role with name app cannot be found.")
    stub.add_response(call, {})
    role_module.operations(iam, clock)[operation](name="app", **arguments)
    assert clock.pauses == list(CONSISTENCY_DELAYS[:2])


def test_new_boundary_is_waited_for_when_a_role_is_created(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub.add_client_error("create_role", "NoSuchEntity", f"Scope ARN: {QUEUE} does not exist or is not attachable.")
    stub.add_response("create_role", role_response())
    arguments = {"path": "/", "trust_policy": document(OWN), "permissions_boundary": QUEUE}
    assert role_module.operations(iam, clock)["create_role"](name="app", **arguments)["RoleName"] == "app"
    assert clock.pauses == list(CONSISTENCY_DELAYS[:1])


def test_missing_policy_is_an_error_with_a_fix_after_a_while(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    for _attempt in range(len(CONSISTENCY_DELAYS) + 1):
        stub.add_client_error("attach_role_policy", "NoSuchEntity", f"Policy {S3} does not exist.")
    with pytest.raises(errors.NotFound, match="check that no other tool deletes the role or the policy"):
        role_module.operations(iam, clock)["attach_policy"](name="app", policy_arn=S3)
    assert clock.pauses == list(CONSISTENCY_DELAYS)


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


# Plans


def test_name_of_an_attached_policy_needs_no_call(aws: Account, stub: Stubber) -> None:
    stub.add_response("get_role", role_response(), {"RoleName": "app"})
    attached = [{"PolicyName": "queue", "PolicyArn": QUEUE}]
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": attached, "IsTruncated": False})
    stub.add_response("list_role_policies", {"PolicyNames": [], "IsTruncated": False})
    assert not role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", managed_policies=("queue",)))


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


LONG = tuple(subject("namespace", f"{'account' * 10}-{n}") for n in range(40))


@pytest.mark.parametrize(("quota", "is_sufficient"), [(8192, True), (4096, False), (None, False)])
def test_quota_is_read_for_long_trust_policies(
    aws: Account, stub: Stubber, quota: int | None, is_sufficient: bool
) -> None:
    stub_missing_role(stub)
    if quota:
        summary = {TRUST_QUOTA: quota, ATTACHED_QUOTA: 10, "RolesQuota": 1000}
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
