# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes several calls of IAM, and IAM's way of being late."""

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
OURS = trust_policy.build_statements(Grant(PROVIDER, (A,)))[0]
THEIRS = trust_policy.build_statements(Grant(OTHER, (B,)))[0]
SCOPE = AccountScope("aws", "123456789012")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
QUEUE = "arn:aws:iam::123456789012:policy/team/queue"


def document(*statements: t.Any) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def answer(trust: t.Any = None, **more: t.Any) -> dict[str, t.Any]:
    return {
        "Role": {
            "Path": "/",
            "RoleName": "app",
            "RoleId": "AROAABCDEFGHIJKLMNOPQ",
            "Arn": "arn:aws:iam::123456789012:role/app",
            "CreateDate": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
            "AssumeRolePolicyDocument": compact(trust or document(OURS)),
            **more,
        }
    }


class Clock:
    """Notes the pauses instead of making them."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Account:
    """Stubbed clients of one account, in the place of `session.Aws`."""

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


def reads(stub: Stubber, *documents: t.Any) -> None:
    for each in documents:
        stub.add_response("get_role", answer(each), {"RoleName": "app"})


def writes(stub: Stubber, trust: t.Any) -> None:
    stub.add_response("update_assume_role_policy", {}, {"RoleName": "app", "PolicyDocument": compact(trust)})


def test_a_trust_policy_is_changed_as_it_is_at_that_moment(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    reads(stub, document(THEIRS))
    writes(stub, document(THEIRS, OURS))
    reads(stub, document(THEIRS, OURS))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock) == document(THEIRS, OURS)
    assert clock.pauses == [0.5]


def test_what_another_run_did_in_the_meantime_is_not_written_again(stub: Stubber, iam: t.Any) -> None:
    reads(stub, document(OURS))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=Clock()) == document(OURS)


def test_a_writer_that_came_in_between_loses_nothing(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    reads(stub, document(trust_policy.NOBODY))
    writes(stub, document(OURS))
    reads(stub, document(THEIRS))
    writes(stub, document(THEIRS, OURS))
    reads(stub, document(THEIRS, OURS))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock) == document(THEIRS, OURS)
    assert clock.pauses == [0.5, 0.5]


def test_a_read_that_is_behind_is_no_other_writer(stub: Stubber, iam: t.Any) -> None:
    reads(stub, document(THEIRS))
    writes(stub, document(THEIRS, OURS))
    reads(stub, document(THEIRS))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=Clock()) == document(THEIRS, OURS)


def test_a_writer_that_never_gives_in_is_reported(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    reads(stub, document(trust_policy.NOBODY))
    expected = document(OURS)
    for number in range(5):
        writes(stub, expected)
        theirs = document({**THEIRS, "Sid": f"n{number}"})
        reads(stub, theirs)
        expected = document(*theirs["Statement"], OURS)
    with pytest.raises(errors.Conflict, match="the trust policy of role app is being changed by somebody else"):
        role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock)
    assert clock.pauses == [0.5, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(("code", "status"), [("ConcurrentModification", 409), ("EntityTemporarilyUnmodifiable", 409)])
def test_what_is_refused_because_of_another_writer_is_merged_anew(
    stub: Stubber, iam: t.Any, code: str, status: int
) -> None:
    clock = Clock()
    reads(stub, document(trust_policy.NOBODY))
    stub.add_client_error("update_assume_role_policy", code, "in use", status)
    reads(stub, document(THEIRS))
    writes(stub, document(THEIRS, OURS))
    reads(stub, document(THEIRS, OURS))
    assert role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock) == document(THEIRS, OURS)
    assert clock.pauses == [0.5, 0.5]


def malformed(stub: Stubber, operation: str, principal: str) -> None:
    stub.add_client_error(operation, "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{principal}"')


def test_a_principal_that_was_just_made_is_waited_for(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    malformed(stub, "create_role", "arn:aws:iam::123456789012:role/new")
    stub.add_response("create_role", answer())
    made = role_module.create(iam, name="app", path="/", trust_policy=document(OURS), sleep=clock)
    assert made["RoleId"] == "AROAABCDEFGHIJKLMNOPQ"
    assert clock.pauses == [0.25]


def test_a_principal_that_never_comes_is_reported(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    for _attempt in range(7):
        malformed(stub, "create_role", "arn:aws:iam::123456789012:role/new")
    with pytest.raises(errors.InvalidInput, match="Invalid principal in policy"):
        role_module.create(iam, name="app", path="/", trust_policy=document(OURS), sleep=clock)
    assert sum(clock.pauses) < 13


def test_a_principal_that_is_gone_is_not_waited_for(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    reads(stub, document(THEIRS))
    malformed(stub, "update_assume_role_policy", "AROAZZZZZZZZZZZZZZZZZ")
    with pytest.raises(errors.InvalidInput) as caught:
        role_module.change_trust_policy(iam, name="app", change=MERGE, sleep=clock)
    assert "the role or user that it trusted was deleted" in str(caught.value)
    assert sum(clock.pauses) == 0


def test_a_role_that_is_not_known_everywhere_yet_is_waited_for(stub: Stubber, iam: t.Any) -> None:
    clock = Clock()
    stub.add_client_error("attach_role_policy", "NoSuchEntity", "The role with name app cannot be found.")
    stub.add_response("attach_role_policy", {}, {"RoleName": "app", "PolicyArn": S3})
    role_module.operations(iam, clock)["attach_policy"](name="app", policy_arn=S3)
    assert clock.pauses == [0.25]


def test_a_policy_that_does_not_exist_is_not_waited_for(stub: Stubber, iam: t.Any) -> None:
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
def test_what_is_gone_already_counts_as_removed(
    stub: Stubber, iam: t.Any, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    stub.add_client_error(call, "NoSuchEntity", "gone")
    role_module.operations(iam, Clock())[operation](name="app", **arguments)


def test_a_name_in_another_case_is_explained(stub: Stubber, iam: t.Any) -> None:
    stub.add_client_error("create_role", "EntityAlreadyExists", "Role with name App already exists.")
    with pytest.raises(errors.AlreadyExists) as caught:
        role_module.create(iam, name="App", path="/", trust_policy=document(OURS))
    assert "without regard to case" in str(caught.value)


# Names of managed policies


def lists(stub: Stubber, scope: str, *arns: str) -> None:
    policies = [{"PolicyName": arn.rsplit("/", 1)[1], "Arn": arn} for arn in arns]
    stub.add_response("list_policies", {"Policies": policies, "IsTruncated": False}, {"Scope": scope, "MaxItems": 1000})


def unknown(stub: Stubber, *paths: str, name: str) -> None:
    for path in paths:
        arn = f"arn:aws:iam::aws:policy/{path}{name}"
        stub.add_client_error("get_policy", "NoSuchEntity", "not found", expected_params={"PolicyArn": arn})


PATHS = ("", "service-role/", "job-function/", "aws-service-role/")


def test_a_name_that_is_on_the_role_costs_no_call(aws: Account, stub: Stubber) -> None:
    stub.add_response("get_role", answer(), {"RoleName": "app"})
    attached = [{"PolicyName": "queue", "PolicyArn": QUEUE}]
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": attached, "IsTruncated": False})
    stub.add_response("list_role_policies", {"PolicyNames": [], "IsTruncated": False})
    made = role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", managed_policies=("queue",)))
    assert not made


def test_a_name_of_aws_and_one_of_the_account(stub: Stubber, iam: t.Any) -> None:
    lists(stub, "Local", QUEUE)
    unknown(stub, *PATHS, name="queue")
    lists(stub, "AWS", S3)
    stub.add_response("get_policy", {"Policy": {"Arn": S3}}, {"PolicyArn": S3})
    found = role_module.find_policies(
        role_module.PolicyNames(iam), ["queue", "AmazonS3ReadOnlyAccess"], role=None, scope=SCOPE
    )
    assert found == {"queue": QUEUE, "AmazonS3ReadOnlyAccess": S3}


def test_a_name_of_aws_under_a_path(stub: Stubber, iam: t.Any) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy"
    lists(stub, "Local")
    unknown(stub, "", name="AmazonEBSCSIDriverPolicy")
    stub.add_response("get_policy", {"Policy": {"Arn": arn}}, {"PolicyArn": arn})
    found = role_module.find_policies(
        role_module.PolicyNames(iam), ["AmazonEBSCSIDriverPolicy"], role=None, scope=SCOPE
    )
    assert found == {"AmazonEBSCSIDriverPolicy": arn}


def test_an_unknown_name(stub: Stubber, iam: t.Any) -> None:
    lists(stub, "Local", QUEUE)
    unknown(stub, *PATHS, name="Queue")
    lists(stub, "AWS", S3)
    with pytest.raises(errors.NotFound) as caught:
        role_module.find_policies(role_module.PolicyNames(iam), ["Queue"], role=None, scope=SCOPE)
    assert str(caught.value) == (
        "there is no managed policy Queue. Cause: neither account 123456789012 nor AWS has one of that name in "
        "partition aws. Fix: correct the name (case counts), create the policy first, or give its ARN."
    )


def test_an_ambiguous_name(stub: Stubber, iam: t.Any) -> None:
    own = "arn:aws:iam::123456789012:policy/AmazonS3ReadOnlyAccess"
    lists(stub, "Local", own)
    stub.add_response("get_policy", {"Policy": {"Arn": S3}}, {"PolicyArn": S3})
    with pytest.raises(errors.InvalidInput) as caught:
        role_module.find_policies(role_module.PolicyNames(iam), ["AmazonS3ReadOnlyAccess"], role=None, scope=SCOPE)
    assert str(caught.value) == (
        f"the name of managed policy AmazonS3ReadOnlyAccess is ambiguous. Cause: it is the name of {own} and of {S3}. "
        "Fix: give the ARN of the one that is meant."
    )


# Plans from reads


def no_role(stub: Stubber) -> None:
    stub.add_client_error("get_role", "NoSuchEntity", "The role with name app cannot be found.")


def test_a_new_role_by_cluster_asks_nobody_who_the_caller_is(aws: Account, stub: Stubber) -> None:
    no_role(stub)
    made = role_module.plan(
        t.cast(t.Any, aws), RoleSpec(present=True, name="app", cluster_name="c", subjects=(A,), audiences=())
    )
    assert made.after["trust_policy"] == document(OURS)
    assert aws.described == ["c"]


@pytest.mark.parametrize("issuer", [ISSUER, ISSUER.removeprefix("https://")])
def test_a_new_role_by_issuer_is_in_the_callers_account(aws: Account, stub: Stubber, issuer: str) -> None:
    no_role(stub)
    identity = {"Account": "111122223333", "Arn": "arn:aws-us-gov:sts::111122223333:assumed-role/x/y", "UserId": "x"}
    aws.stubs["sts"].add_response("get_caller_identity", identity)
    made = role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", issuer=issuer, subjects=(A,)))
    principal = made.after["trust_policy"]["Statement"][0]["Principal"]
    assert principal == {"Federated": "arn:aws-us-gov:iam::111122223333:oidc-provider/oidc.example/id/A"}
    assert aws.described == []


def policies(stub: Stubber) -> None:
    stub.add_response("list_attached_role_policies", {"AttachedPolicies": [], "IsTruncated": False})
    stub.add_response("list_role_policies", {"PolicyNames": [], "IsTruncated": False})


def test_an_existing_role_tells_its_account(aws: Account, stub: Stubber) -> None:
    reads(stub, document(OURS))
    policies(stub)
    assert not role_module.plan(
        t.cast(t.Any, aws), RoleSpec(present=True, name="app", issuer=ISSUER, subjects=(A,), audiences=())
    )


def test_policies_that_nobody_asks_for_need_no_permission(aws: Account, stub: Stubber) -> None:
    reads(stub, document(OURS))
    stub.add_client_error("list_attached_role_policies", "AccessDenied", "no")
    stub.add_client_error("list_role_policies", "AccessDenied", "no")
    made = role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", description="x"))
    assert made.summaries() == ["set the description of role app"]
    assert made.after["managed_policies"] is None
    assert made.after["inline_policies"] is None


def test_policies_that_are_asked_for_do(aws: Account, stub: Stubber) -> None:
    reads(stub, document(OURS))
    stub.add_client_error("list_attached_role_policies", "AccessDenied", "no")
    with pytest.raises(errors.AccessDenied, match="allow iam:ListAttachedRolePolicies"):
        role_module.plan(t.cast(t.Any, aws), RoleSpec(present=True, name="app", managed_policies=()))


LONG = tuple(subject("namespace", f"{'account' * 10}-{n}") for n in range(20))


@pytest.mark.parametrize(("quota", "fits"), [(4096, True), (2100, False), (None, False)])
def test_the_accounts_quota_is_asked_only_when_it_matters(
    aws: Account, stub: Stubber, quota: int | None, fits: bool
) -> None:
    no_role(stub)
    if quota:
        summary = {role_plan.TRUST_QUOTA: quota, role_plan.ATTACHED_QUOTA: 10, "RolesQuota": 1000}
        stub.add_response("get_account_summary", {"SummaryMap": summary})
    else:
        stub.add_client_error("get_account_summary", "AccessDenied", "no")
    wanted = RoleSpec(present=True, name="app", cluster_name="c", subjects=LONG)
    if fits:
        assert role_module.plan(t.cast(t.Any, aws), wanted)
        return
    with pytest.raises(errors.QuotaExceeded) as caught:
        role_module.plan(t.cast(t.Any, aws), wanted)
    assert f"the account's quota AssumeRolePolicySizeQuota is {quota or 2048}" in str(caught.value)
    assert ("or allow iam:GetAccountSummary for the caller" in str(caught.value)) is (quota is None)


def test_nothing_more_is_read_for_the_removal_of_what_is_gone(aws: Account, stub: Stubber) -> None:
    no_role(stub)
    assert not role_module.plan(t.cast(t.Any, aws), RoleSpec(present=False, name="app"))


def test_final_state_has_what_only_the_writes_return() -> None:
    actions = (
        Action("create_role", {}, ""),
        Action("attach_policy", {}, ""),
        Action("change_trust_policy", {}, ""),
    )
    plan = Plan(after={"role_id": None, "trust_policy": document(OURS)}, actions=actions)
    before = copy.deepcopy(plan.after)
    answers = [{"RoleId": "AROA"}, None, document(THEIRS, OURS)]
    assert role_module.final_state(plan, answers) == {"role_id": "AROA", "trust_policy": document(THEIRS, OURS)}
    assert role_module.final_state(plan, answers[1:])["role_id"] is None
    assert role_module.final_state(plan, []) == plan.after == before
