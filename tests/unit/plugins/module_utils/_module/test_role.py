# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans and writes of roles: several calls of IAM, concurrent writers, and eventual consistency."""

from __future__ import annotations

import collections.abc as c
import copy
import datetime
import json
import types
import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import LONGEST_TRY
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn, EksCluster
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.document import compact
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import ATTACHED_QUOTA
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import TRUST_QUOTA, Change, Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import subject
from ansible_collections.eksops.irsa.plugins.module_utils._module import role as role_module
from ansible_collections.eksops.irsa.plugins.module_utils._module.managed_policies import CONSISTENCY_DELAYS
from botocore.exceptions import ReadTimeoutError
from botocore.stub import Stubber

ISSUER = "https://oidc.example/id/A"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
OTHER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/B"
A, B = (subject("ns", name) for name in "ab")
MERGE = Change("merge", Grant(PROVIDER, (A,), ()))
OWN = trust_policy.build_statements(Grant(PROVIDER, (A,)))[0]
FOREIGN = trust_policy.build_statements(Grant(OTHER, (B,)))[0]
THIRD = trust_policy.build_statements(Grant(f"{OTHER}3", (B,)))[0]
DELAYS = role_module._LONG_DELAYS
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

    unretried = client

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


def test_change_applies_to_the_current_trust_policy(stub: Stubber, aws: Account) -> None:
    clock = Clock()
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_reads(stub, document(FOREIGN, OWN))
    assert role_module.change_trust_policy(t.cast(t.Any, aws), name="app", change=MERGE, sleep=clock) == document(
        FOREIGN, OWN
    )
    assert clock.pauses == [2.0]


def test_role_that_trusts_no_others_is_fast(aws: Account, stub: Stubber) -> None:
    clock = Clock()
    stub_reads(stub, document(trust_policy.NOBODY))
    stub_write(stub, document(OWN))
    stub_reads(stub, document(OWN))
    assert change_trust_policy(aws, clock=clock) == document(OWN)
    assert clock.pauses == [0.5]


def test_present_change_is_not_written_again(stub: Stubber, aws: Account) -> None:
    stub_reads(stub, document(OWN))
    assert role_module.change_trust_policy(t.cast(t.Any, aws), name="app", change=MERGE, sleep=Clock()) == document(OWN)


def change_trust_policy(aws: Account, change: Change = MERGE, clock: Clock | None = None) -> dict[str, t.Any]:
    return role_module.change_trust_policy(t.cast(t.Any, aws), name="app", change=change, sleep=clock or Clock())


def stub_long_look(stub: Stubber, trust: t.Any) -> None:
    """Stub the reads after another writer was seen."""
    stub_reads(stub, *[trust] * len(DELAYS))


def test_change_of_a_concurrent_writer_is_kept(aws: Account, stub: Stubber) -> None:
    clock = Clock()
    stub_reads(stub, document(trust_policy.NOBODY))
    stub_write(stub, document(OWN))
    stub_reads(stub, document(FOREIGN), document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_long_look(stub, document(FOREIGN, OWN))
    assert change_trust_policy(aws, clock=clock) == document(FOREIGN, OWN)
    assert (clock.pauses[0], tuple(clock.pauses[2:])) == (0.5, DELAYS)
    assert sum(DELAYS) == LONGEST_TRY


def test_change_of_a_slow_writer_is_kept(aws: Account, stub: Stubber) -> None:
    """Another writer was seen, so its next write is waited for: it undoes the change after some seconds."""
    stub_reads(stub, document(trust_policy.NOBODY))
    stub_write(stub, document(OWN))
    stub_reads(stub, document(OWN, FOREIGN))
    stub_reads(stub, *[document(OWN, FOREIGN)] * 3, document(FOREIGN), document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_long_look(stub, document(FOREIGN, OWN))
    assert change_trust_policy(aws) == document(FOREIGN, OWN)


def test_outdated_read_is_not_a_conflict(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    stub_reads(stub, document(FOREIGN), document(FOREIGN), *[document(FOREIGN, OWN)] * (len(DELAYS) - 1))
    assert change_trust_policy(aws) == document(FOREIGN, OWN)


def test_document_that_another_tool_restores_is_an_error(aws: Account, stub: Stubber) -> None:
    for is_first in (True, False):
        stub_reads(stub, document(FOREIGN))
        stub_write(stub, document(FOREIGN, OWN))
        stub_reads(stub, *[document(FOREIGN)] * (len(DELAYS) + is_first))
    with pytest.raises(errors.Conflict) as caught:
        change_trust_policy(aws)
    assert str(caught.value) == (
        "the trust policy of role app was changed back. Cause: IAM accepted 2 writes, but then returned the document "
        f"from before the write: it lacks the statement that allows ns/a of {PROVIDER}. Fix: stop the other tool that "
        "manages the role (such as Terraform or CloudFormation), or make the same change there; then run again."
    )
    assert not caught.value.can_plan_again


def test_repeated_concurrent_changes_are_a_conflict(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(trust_policy.NOBODY))
    expected = document(OWN)
    for number in range(5):
        stub_write(stub, expected)
        foreign = document({**FOREIGN, "Sid": f"n{number}"})
        stub_reads(stub, *[foreign] * (2 if number < 4 else 1))
        expected = document(*foreign["Statement"], OWN)
    with pytest.raises(errors.Conflict) as caught:
        change_trust_policy(aws)
    text = str(caught.value)
    assert "another writer keeps changing the trust policy of role app. Cause: IAM accepted 5 writes, but then" in text
    assert f"it lacks statement n3 that allows ns/b of {OTHER} and the statement that allows ns/a of {PROVIDER}" in text
    assert f"it has statement n4 that allows ns/b of {OTHER}" in text


@pytest.mark.parametrize(
    "code", ["ConcurrentModification", "EntityTemporarilyUnmodifiable", "Throttling", "ServiceFailure"]
)
def test_policy_is_read_again_before_each_try(aws: Account, stub: Stubber, code: str) -> None:
    """The statement that another writer adds in the meantime is kept."""
    clock = Clock()
    stub_reads(stub, document(trust_policy.NOBODY))
    stub.add_client_error("update_assume_role_policy", code, "later", 500 if code == "ServiceFailure" else 400)
    stub_reads(stub, document(FOREIGN))
    stub_write(stub, document(FOREIGN, OWN))
    if code == "ConcurrentModification":
        stub_long_look(stub, document(FOREIGN, OWN))
    else:
        stub_reads(stub, document(FOREIGN, OWN))
    assert change_trust_policy(aws, clock=clock) == document(FOREIGN, OWN)
    assert 0 < clock.pauses[0] < 0.5


def test_number_of_tries_is_limited(aws: Account, stub: Stubber) -> None:
    clock = Clock()
    stub_reads(stub, document(FOREIGN))
    for _try in range(8):
        stub.add_client_error("update_assume_role_policy", "Throttling", "slow down")
        stub_reads(stub, document(FOREIGN))
    with pytest.raises(errors.Throttled, match="could not write the trust policy of the role app") as caught:
        change_trust_policy(aws, clock=clock)
    assert 10 < sum(clock.pauses) < 40
    assert not caught.value.can_plan_again


class LateWrites:
    """Loses the answers of the first writes, and carries each out at a later read.

    :ivar other: the document that another writer writes at the second read.
    """

    def __init__(self, document: t.Any, late_at: int, other: t.Any = None) -> None:
        self.document, self.other, self.reads, self.sent = document, other, 0, []
        self._late_at = late_at

    def get_role(self, **_arguments: t.Any) -> t.Any:
        self.reads += 1
        if self.reads == 2 and self.other:
            self.document = self.other
        if self.sent and self.reads == self._late_at:
            self.document = json.loads(self.sent[0])
        return role_response(AssumeRolePolicyDocument=self.document)

    def update_assume_role_policy(self, *, RoleName: str, PolicyDocument: str) -> None:
        self.sent.append(PolicyDocument)
        if len(self.sent) == 1:
            raise ReadTimeoutError(endpoint_url="https://iam.amazonaws.com")
        self.document = json.loads(PolicyDocument)


@pytest.mark.parametrize(
    ("late_at", "other", "expected", "writes"),
    [
        pytest.param(2, None, document(FOREIGN, OWN), 1, id="only-the-answer-is-lost"),
        pytest.param(5, None, document(FOREIGN, OWN), 1, id="done-late"),
        pytest.param(99, None, document(FOREIGN, OWN), 2, id="never-done"),
        pytest.param(5, document(FOREIGN, THIRD), document(FOREIGN, THIRD, OWN), 2, id="undoes-another-writer"),
    ],
)
def test_late_write_undoes_nothing(late_at: int, other: t.Any, expected: t.Any, writes: int) -> None:
    iam, clock = LateWrites(document(FOREIGN), late_at, other), Clock()
    aws = types.SimpleNamespace(client=lambda _service: iam, unretried=lambda _service: iam)
    assert change_trust_policy(t.cast(t.Any, aws), clock=clock) == expected
    assert iam.document == expected
    assert len(iam.sent) == writes
    if late_at > 5:
        assert sum(clock.pauses) >= LONGEST_TRY


@pytest.mark.parametrize("is_read", [True, False], ids=["read", "written"])
def test_role_that_vanishes_is_planned_again(aws: Account, stub: Stubber, is_read: bool) -> None:
    if is_read:
        stub_reads(stub, document(FOREIGN))
        stub.add_client_error("update_assume_role_policy", "NoSuchEntity", "The role with name app cannot be found.")
    else:
        stub_missing_role(stub)
    with pytest.raises(errors.OutOfDate, match="role app was deleted"):
        change_trust_policy(aws)


def test_role_that_is_about_to_be_deleted_is_planned_again(aws: Account, stub: Stubber) -> None:
    """Its policies may be removed already."""
    stub_reads(stub, document(trust_policy.RETIRED))
    stub_write(stub, document(OWN))
    stub_long_look(stub, document(OWN))
    with pytest.raises(errors.OutOfDate, match="role app was deleted, or used again"):
        change_trust_policy(aws)


def test_role_that_is_about_to_be_deleted_after_a_failed_try_is_planned_again(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(FOREIGN))
    stub.add_client_error("update_assume_role_policy", "Throttling", "slow down")
    stub_reads(stub, document(trust_policy.RETIRED))
    stub_write(stub, document(OWN))
    stub_long_look(stub, document(OWN))
    with pytest.raises(errors.OutOfDate, match="role app was deleted, or used again"):
        change_trust_policy(aws)


RETIRE = Change("retire", Grant(PROVIDER, (A,), ()))


def test_role_is_retired(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(OWN))
    stub_write(stub, document(trust_policy.RETIRED))
    stub_reads(stub, document(trust_policy.RETIRED))
    assert role_module.operations(t.cast(t.Any, aws), Clock())["retire_role"](name="app", change=RETIRE) == document(
        trust_policy.RETIRED
    )


def test_role_that_is_used_again_is_not_retired(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(OWN))
    stub_write(stub, document(trust_policy.RETIRED))
    stub_reads(stub, document(OWN, FOREIGN), document(OWN, FOREIGN))
    stub_write(stub, document(FOREIGN))
    stub_long_look(stub, document(FOREIGN))
    with pytest.raises(errors.OutOfDate):
        role_module.operations(t.cast(t.Any, aws), Clock())["retire_role"](name="app", change=RETIRE)


def test_role_that_is_used_again_is_not_deleted(aws: Account, stub: Stubber) -> None:
    """It gets back the policies that were removed before the deletion."""
    policies = {"managed_policies": (S3,), "inline_policies": {"p": {}}}
    stub_reads(stub, document(FOREIGN))
    stub.add_response("attach_role_policy", {}, {"RoleName": "app", "PolicyArn": S3})
    stub.add_response("put_role_policy", {}, {"RoleName": "app", "PolicyName": "p", "PolicyDocument": "{}"})
    with pytest.raises(errors.OutOfDate):
        role_module.operations(t.cast(t.Any, aws), Clock())["delete_role"](name="app", restored=policies)
    stub_reads(stub, document(trust_policy.RETIRED))
    stub.add_response("delete_role", {}, {"RoleName": "app"})
    role_module.operations(t.cast(t.Any, aws), Clock())["delete_role"](name="app", restored=policies)


def test_policies_that_an_earlier_plan_has_removed_are_restored(aws: Account, stub: Stubber) -> None:
    delete = role_module.operations(t.cast(t.Any, aws), Clock())["delete_role"]
    stub_reads(stub, document(trust_policy.RETIRED))
    stub.add_client_error("delete_role", "Throttling", "slow down")
    with pytest.raises(errors.Throttled):
        delete(name="app", restored={"managed_policies": (S3,), "inline_policies": {}})
    stub_reads(stub, document(FOREIGN))
    stub.add_response("attach_role_policy", {}, {"RoleName": "app", "PolicyArn": S3})
    with pytest.raises(errors.OutOfDate):
        delete(name="app", restored={"managed_policies": (), "inline_policies": {}})


def test_role_with_a_new_policy_is_planned_again(aws: Account, stub: Stubber) -> None:
    stub.add_client_error("delete_role", "DeleteConflict", "Cannot delete entity, must detach all policies first.")
    with pytest.raises(errors.Conflict) as caught:
        role_module.operations(t.cast(t.Any, aws), Clock())["delete_role"](name="app", restored=None)
    assert caught.value.can_plan_again


def test_deletion_without_an_answer_is_waited_for(aws: Account, stub: Stubber) -> None:
    """A later read then has its effect, and it cannot hit a new role."""
    clock = Clock()
    aws.unretried = lambda _service: types.SimpleNamespace(delete_role=lose_answer)  # type: ignore[method-assign]
    with pytest.raises(errors.Unreachable) as caught:
        role_module.operations(t.cast(t.Any, aws), clock)["delete_role"](name="app", restored=None)
    assert caught.value.can_plan_again
    assert clock.pauses == [LONGEST_TRY]


def lose_answer(**_arguments: t.Any) -> None:
    raise ReadTimeoutError(endpoint_url="https://iam.amazonaws.com")


def test_role_that_vanishes_between_two_reads_does_not_exist(aws: Account, stub: Stubber) -> None:
    stub_reads(stub, document(OWN))
    stub.add_client_error("list_attached_role_policies", "NoSuchEntity", "The role with name app cannot be found.")
    assert role_module.find(aws.client("iam"), RoleSpec(present=False, name="app")) is None


@pytest.mark.parametrize(
    ("operation", "call", "arguments"),
    [
        ("update_role", "update_role", {"description": "", "max_session_duration": 3600}),
        ("put_inline_policy", "put_role_policy", {"policy_name": "p", "document": {}}),
        ("delete_role", "delete_role", {"restored": None}),
    ],
)
def test_throttled_write_is_planned_again(
    aws: Account, stub: Stubber, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    stub.add_client_error(call, "Throttling", "slow down")
    with pytest.raises(errors.Throttled) as caught:
        role_module.operations(t.cast(t.Any, aws), Clock())[operation](name="app", **arguments)
    assert caught.value.can_plan_again


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


def test_deleted_principal_is_not_retried(stub: Stubber, aws: Account) -> None:
    clock = Clock()
    stub_reads(stub, document(FOREIGN))
    stub_invalid_principal(stub, "update_assume_role_policy", "AROAZZZZZZZZZZZZZZZZZ")
    with pytest.raises(errors.InvalidInput) as caught:
        role_module.change_trust_policy(t.cast(t.Any, aws), name="app", change=MERGE, sleep=clock)
    assert "the trusted role or user was deleted" in str(caught.value)
    assert sum(clock.pauses) == 0


def test_new_role_is_retried(stub: Stubber, aws: Account) -> None:
    clock = Clock()
    stub.add_client_error("attach_role_policy", "NoSuchEntity", "The role with name app cannot be found.")
    stub.add_response("attach_role_policy", {}, {"RoleName": "app", "PolicyArn": S3})
    role_module.operations(t.cast(t.Any, aws), clock)["attach_policy"](name="app", policy_arn=S3)
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
    stub: Stubber, aws: Account, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    clock = Clock()
    stub.add_client_error(call, "NoSuchEntity", f"Policy {QUEUE} does not exist or is not attachable.")
    stub.add_client_error(call, "NoSuchEntity", "The role with name app cannot be found.")
    stub.add_response(call, {})
    role_module.operations(t.cast(t.Any, aws), clock)[operation](name="app", **arguments)
    assert clock.pauses == list(CONSISTENCY_DELAYS[:2])


def test_new_boundary_is_waited_for_when_a_role_is_created(stub: Stubber, aws: Account) -> None:
    clock = Clock()
    stub.add_client_error("create_role", "NoSuchEntity", f"Scope ARN: {QUEUE} does not exist or is not attachable.")
    stub.add_response("create_role", role_response())
    arguments = {"path": "/", "trust_policy": document(OWN), "permissions_boundary": QUEUE}
    assert (
        role_module.operations(t.cast(t.Any, aws), clock)["create_role"](name="app", **arguments)["RoleName"] == "app"
    )
    assert clock.pauses == list(CONSISTENCY_DELAYS[:1])


def test_missing_policy_is_an_error_with_a_fix_after_a_while(stub: Stubber, aws: Account) -> None:
    clock = Clock()
    for _attempt in range(len(CONSISTENCY_DELAYS) + 1):
        stub.add_client_error("attach_role_policy", "NoSuchEntity", f"Policy {S3} does not exist.")
    with pytest.raises(errors.NotFound, match="check that no other tool deletes the role or the policy"):
        role_module.operations(t.cast(t.Any, aws), clock)["attach_policy"](name="app", policy_arn=S3)
    assert clock.pauses == list(CONSISTENCY_DELAYS)


@pytest.mark.parametrize(
    ("operation", "call", "arguments"),
    [
        ("detach_policy", "detach_role_policy", {"policy_arn": S3}),
        ("delete_inline_policy", "delete_role_policy", {"policy_name": "p"}),
        ("remove_from_instance_profile", "remove_role_from_instance_profile", {"profile": "i"}),
        ("delete_role", "delete_role", {"restored": None}),
        ("delete_permissions_boundary", "delete_role_permissions_boundary", {}),
    ],
)
def test_removal_of_a_missing_object_succeeds(
    stub: Stubber, aws: Account, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    stub.add_client_error(call, "NoSuchEntity", "not found")
    role_module.operations(t.cast(t.Any, aws), Clock())[operation](name="app", **arguments)


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
