# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes that make a role what it is wanted to be."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import plan as role_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import (
    OWNER_TAG,
    OWNER_VALUE,
    AccountScope,
    Role,
    RoleSpec,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import subject

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
OTHER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/B"
STS = ("sts.amazonaws.com",)
A, B = (subject("ns", name) for name in "ab")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
OWN = "arn:aws:iam::123456789012:policy/team/queue"
FOREIGN = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
SETTING = role_plan.PlanContext(AccountScope("aws", "123456789012"), PROVIDER, {"AmazonS3ReadOnlyAccess": S3})


def policy(action: str) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def trust(*grants: Grant, more: tuple[t.Any, ...] = ()) -> dict[str, t.Any]:
    statements = [each for grant in grants for each in trust_policy.build_statements(grant)]
    return {"Version": "2012-10-17", "Statement": [*more, *statements]}


ROLE = Role(
    arn="arn:aws:iam::123456789012:role/app",
    name="app",
    path="/",
    role_id="AROAABCDEFGHIJKLMNOPQ",
    description="",
    trust_policy=trust(Grant(PROVIDER, (A,), STS)),
    managed_policies=(S3,),
    inline_policies={"p": policy("s3:*")},
    permissions_boundary=None,
    max_session_duration=3600,
    tags={OWNER_TAG: OWNER_VALUE, "team": "web"},
)
THEIRS = dataclasses.replace(
    ROLE, tags={"team": "web"}, trust_policy=trust(Grant(PROVIDER, (A,), STS), more=(FOREIGN,))
)


def plan(
    role: Role | None = ROLE, setting: role_plan.PlanContext = SETTING, *, present: bool = True, **wanted: t.Any
) -> t.Any:
    return role_plan.plan(RoleSpec(present=present, name="app", **wanted), role, setting)


def operations(made: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return [(each.operation, {k: v for k, v in each.arguments.items() if k != "name"}) for each in made.actions]


def test_a_new_role_is_made_with_everything() -> None:
    made = plan(
        None,
        cluster_name="c",
        subjects=(A,),
        path="/team/",
        description="for the app",
        max_session_duration=7200,
        permissions_boundary=OWN,
        managed_policies=("AmazonS3ReadOnlyAccess", OWN),
        inline_policies={"p": policy("s3:*")},
        tags={"team": "web"},
    )
    document = trust(Grant(PROVIDER, (A,), STS))
    tags = {OWNER_TAG: OWNER_VALUE, "team": "web"}
    assert operations(made) == [
        (
            "create_role",
            {
                "path": "/team/",
                "trust_policy": document,
                "description": "for the app",
                "max_session_duration": 7200,
                "permissions_boundary": OWN,
                "tags": tags,
            },
        ),
        ("attach_policy", {"policy_arn": OWN}),
        ("attach_policy", {"policy_arn": S3}),
        ("put_inline_policy", {"policy_name": "p", "document": policy("s3:*")}),
    ]
    assert made.summaries()[0] == "create role app for ns/a"
    assert made.before == {}
    assert made.after == {
        "arn": "arn:aws:iam::123456789012:role/team/app",
        "name": "app",
        "path": "/team/",
        "role_id": None,
        "description": "for the app",
        "trust_policy": document,
        "managed_policies": [OWN, S3],
        "inline_policies": {"p": policy("s3:*")},
        "permissions_boundary": OWN,
        "max_session_duration": 7200,
        "tags": tags,
    }


def test_a_new_role_in_china() -> None:
    provider = PROVIDER.replace("arn:aws:", "arn:aws-cn:")
    made = plan(
        None, role_plan.PlanContext(AccountScope("aws-cn", "123456789012"), provider), cluster_name="c", subjects=(A,)
    )
    assert made.after["arn"] == "arn:aws-cn:iam::123456789012:role/app"
    assert made.after["trust_policy"]["Statement"][0]["Principal"] == {"Federated": provider}


UNCHANGED: list[dict[str, t.Any]] = [
    {},
    {"subjects": (A,)},
    {"path": "/", "description": "", "max_session_duration": 3600, "permissions_boundary": ""},
    {"managed_policies": (S3,), "purge_policies": True},
    {"managed_policies": ("AmazonS3ReadOnlyAccess",), "purge_policies": True},
    {"managed_policies": ()},
    {
        "inline_policies": {"p": {**policy("S3:*"), "Statement": policy("S3:*")["Statement"][0]}},
        "purge_inline_policies": True,
    },
    {"inline_policies": {}},
    {"tags": {"team": "web"}},
    {"tags": {}, "purge_tags": False},
]


@pytest.mark.parametrize("wanted", UNCHANGED)
def test_what_is_so_already_makes_no_plan(wanted: dict[str, t.Any]) -> None:
    made = plan(cluster_name="c", **wanted)
    assert not made
    assert made.before == made.after == ROLE.as_dict()


CHANGES: list[tuple[dict[str, t.Any], list[tuple[str, dict[str, t.Any]]], dict[str, t.Any]]] = [
    (
        {"description": "x", "max_session_duration": 7200},
        [("update_role", {"description": "x", "max_session_duration": 7200})],
        {"description": "x", "max_session_duration": 7200},
    ),
    (
        {"max_session_duration": 7200},
        [("update_role", {"description": "", "max_session_duration": 7200})],
        {"max_session_duration": 7200},
    ),
    (
        {"description": "x"},
        [("update_role", {"description": "x", "max_session_duration": 3600})],
        {"description": "x"},
    ),
    (
        {"permissions_boundary": OWN},
        [("set_permissions_boundary", {"arn": OWN})],
        {"permissions_boundary": OWN},
    ),
    ({"tags": {}}, [("untag_role", {"keys": ["team"]})], {"tags": {OWNER_TAG: OWNER_VALUE}}),
    (
        {"tags": {"Team": "x", "a": "b"}},
        [("tag_role", {"tags": {"Team": "x", "a": "b"}})],
        {"tags": {"Team": "x", "a": "b", OWNER_TAG: OWNER_VALUE}},
    ),
    (
        {"tags": {"a": "b"}},
        [("untag_role", {"keys": ["team"]}), ("tag_role", {"tags": {"a": "b"}})],
        {"tags": {"a": "b", OWNER_TAG: OWNER_VALUE}},
    ),
    ({"managed_policies": (OWN,)}, [("attach_policy", {"policy_arn": OWN})], {"managed_policies": [OWN, S3]}),
    (
        {"managed_policies": (OWN,), "purge_policies": True},
        [("detach_policy", {"policy_arn": S3}), ("attach_policy", {"policy_arn": OWN})],
        {"managed_policies": [OWN]},
    ),
    (
        {"managed_policies": (), "purge_policies": True},
        [("detach_policy", {"policy_arn": S3})],
        {"managed_policies": []},
    ),
    (
        {"inline_policies": {"q": policy("a:b")}},
        [("put_inline_policy", {"policy_name": "q", "document": policy("a:b")})],
        {"inline_policies": {"p": policy("s3:*"), "q": policy("a:b")}},
    ),
    (
        {"inline_policies": {"q": policy("a:b")}, "purge_inline_policies": True},
        [
            ("delete_inline_policy", {"policy_name": "p"}),
            ("put_inline_policy", {"policy_name": "q", "document": policy("a:b")}),
        ],
        {"inline_policies": {"q": policy("a:b")}},
    ),
    (
        {"inline_policies": {}, "purge_inline_policies": True},
        [("delete_inline_policy", {"policy_name": "p"})],
        {"inline_policies": {}},
    ),
]


@pytest.mark.parametrize(("wanted", "expected", "after"), CHANGES)
def test_changes(wanted: dict[str, t.Any], expected: list[t.Any], after: dict[str, t.Any]) -> None:
    made = plan(**wanted)
    assert operations(made) == expected
    assert made.before == ROLE.as_dict()
    assert made.after == {**ROLE.as_dict(), **after}


def test_a_boundary_is_removed() -> None:
    made = plan(dataclasses.replace(ROLE, permissions_boundary=OWN), permissions_boundary="")
    assert operations(made) == [("delete_permissions_boundary", {})]
    assert made.after["permissions_boundary"] is None


def test_what_frees_room_in_the_quota_is_written_first() -> None:
    role = dataclasses.replace(ROLE, inline_policies={"z": policy("a:" + "x" * 5000), "a": policy("a:b")})
    made = plan(role, inline_policies={"a": policy("a:" + "x" * 6000), "z": policy("a:b")})
    assert [arguments["policy_name"] for _operation, arguments in operations(made)] == ["z", "a"]


@pytest.mark.parametrize(
    ("wanted", "summary", "document"),
    [
        (
            {"subjects": (B,)},
            "update the trust policy of role app for ns/b, no longer for ns/a",
            trust(Grant(PROVIDER, (B,), STS)),
        ),
        (
            {"subjects": (B,), "purge_service_accounts": False},
            "update the trust policy of role app for ns/b",
            trust(Grant(PROVIDER, (A, B), STS)),
        ),
        (
            {"subjects": (A,), "audiences": ()},
            "update the trust policy of role app",
            trust(Grant(PROVIDER, (A,))),
        ),
    ],
)
def test_the_trust_policy_is_merged(wanted: dict[str, t.Any], summary: str, document: t.Any) -> None:
    made = plan(cluster_name="c", **wanted)
    assert made.summaries() == [summary]
    assert made.after["trust_policy"] == document
    # What is applied is the change, to whatever the document has become by then.
    assert made.actions[0].arguments["change"].apply(ROLE.trust_policy).document == document


def test_the_trust_policy_is_replaced() -> None:
    assert not plan(THEIRS, cluster_name="c", subjects=(A,))
    made = plan(THEIRS, cluster_name="c", subjects=(A,), replace_trust=True)
    assert made.after["trust_policy"] == ROLE.trust_policy


DELETION = [
    ("detach_policy", {"policy_arn": S3}),
    ("delete_inline_policy", {"policy_name": "p"}),
    ("delete_role", {}),
]
TWO_CLUSTERS = dataclasses.replace(ROLE, trust_policy=trust(Grant(PROVIDER, (A, B), STS), Grant(OTHER, (A,), STS)))
NOBODY = dataclasses.replace(ROLE, trust_policy={"Version": "2012-10-17", "Statement": [trust_policy.NOBODY]})


@pytest.mark.parametrize(
    ("role", "wanted"),
    [
        pytest.param(ROLE, {}, id="ours"),
        pytest.param(TWO_CLUSTERS, {}, id="ours-of-two-clusters-without-naming-one"),
        pytest.param(ROLE, {"cluster_name": "c"}, id="ours-the-last-cluster"),
        pytest.param(ROLE, {"cluster_name": "c", "subjects": (A,)}, id="ours-the-last-account"),
        pytest.param(NOBODY, {"cluster_name": "c"}, id="ours-trusts-nobody"),
        pytest.param(TWO_CLUSTERS, {"cluster_name": "c", "force": True}, id="forced"),
        pytest.param(THEIRS, {"force": True}, id="theirs-forced"),
    ],
)
def test_removal_of_the_role(role: Role, wanted: dict[str, t.Any]) -> None:
    setting = SETTING if "cluster_name" in wanted else dataclasses.replace(SETTING, provider_arn=None)
    made = plan(role, setting, present=False, **wanted)
    assert operations(made) == DELETION
    assert made.after == {}
    assert made.before == role.as_dict()


def test_an_instance_profile_is_left_first() -> None:
    made = plan(dataclasses.replace(ROLE, instance_profiles=("i",)), present=False)
    assert operations(made) == [("remove_from_instance_profile", {"profile": "i"}), *DELETION]


@pytest.mark.parametrize(
    ("role", "wanted", "document"),
    [
        pytest.param(TWO_CLUSTERS, {}, trust(Grant(OTHER, (A,), STS)), id="one-of-two-clusters"),
        pytest.param(
            TWO_CLUSTERS,
            {"subjects": (A,)},
            trust(Grant(PROVIDER, (B,), STS), Grant(OTHER, (A,), STS)),
            id="one-account",
        ),
        pytest.param(THEIRS, {}, trust(more=(FOREIGN,)), id="theirs"),
        pytest.param(
            dataclasses.replace(THEIRS, trust_policy=ROLE.trust_policy),
            {},
            {"Version": "2012-10-17", "Statement": [trust_policy.NOBODY]},
            id="theirs-that-trusts-nobody-else",
        ),
    ],
)
def test_removal_of_statements(role: Role, wanted: dict[str, t.Any], document: t.Any) -> None:
    made = plan(role, present=False, cluster_name="c", **wanted)
    assert [operation for operation, _arguments in operations(made)] == ["change_trust_policy"]
    assert made.after == {**role.as_dict(), "trust_policy": document}
    after = dataclasses.replace(role, trust_policy=made.after["trust_policy"])
    assert not plan(after, present=False, cluster_name="c", **wanted)


def test_removal_of_what_is_gone() -> None:
    assert not plan(None, present=False)


LONG = tuple(subject("namespace", f"{'account' * 10}-{n}") for n in range(20))
LINKED = dataclasses.replace(ROLE, path="/aws-service-role/eks.amazonaws.com/")

REFUSALS = [
    pytest.param(
        None,
        {"tags": {}},
        errors.InvalidInput,
        "role app doesn't exist, and nothing says whom it should trust",
        id="no-trust",
    ),
    pytest.param(ROLE, {"path": "/x/"}, errors.Conflict, "role app is at the path /, not /x/", id="path"),
    pytest.param(LINKED, {"description": "x"}, errors.Conflict, "role app can't be changed", id="service-linked"),
    pytest.param(
        LINKED,
        {"present": False, "force": True},
        errors.Conflict,
        "role app can't be changed",
        id="service-linked-absent",
    ),
    pytest.param(
        ROLE,
        {"managed_policies": tuple(f"{S3}{n}" for n in range(10))},
        errors.QuotaExceeded,
        "role app would have 11 managed policies",
        id="too-many-policies",
    ),
    pytest.param(
        ROLE,
        {"inline_policies": {"q": policy("a:" + "x" * 10100)}},
        errors.QuotaExceeded,
        "the inline policies of role app would have 10274 characters together",
        id="inline-policies-too-long",
    ),
    pytest.param(
        ROLE,
        {"subjects": LONG},
        errors.QuotaExceeded,
        "the trust policy of role app would have 2435 characters",
        id="trust-too-long",
    ),
    pytest.param(
        None,
        {"subjects": LONG},
        errors.QuotaExceeded,
        "the trust policy of role app would have 2435 characters",
        id="new-too-long",
    ),
    pytest.param(
        ROLE,
        {"tags": {f"t{n}": "" for n in range(49)}, "purge_tags": False},
        errors.InvalidInput,
        "role app would have 51 tags",
        id="tags",
    ),
    pytest.param(
        ROLE,
        {"permissions_boundary": OWN.replace("aws:", "aws-cn:", 1)},
        errors.InvalidInput,
        f"permissions_boundary {OWN.replace('aws:', 'aws-cn:', 1)} is in the partition aws-cn, role app in aws",
        id="partition",
    ),
    pytest.param(
        ROLE,
        {"managed_policies": ("arn:aws:iam::999999999999:policy/x",)},
        errors.InvalidInput,
        "managed policy arn:aws:iam::999999999999:policy/x is of account 999999999999, role app of 123456789012",
        id="account",
    ),
]


@pytest.mark.parametrize(("role", "wanted", "error", "message"), REFUSALS)
def test_refusals(role: Role | None, wanted: dict[str, t.Any], error: type[errors.IrsaError], message: str) -> None:
    with pytest.raises(error) as caught:
        plan(role, **wanted)
    assert caught.value.message == message
    assert caught.value.fix


def test_a_raised_quota_is_believed() -> None:
    setting = dataclasses.replace(SETTING, quotas={**role_plan.DEFAULT_QUOTAS, role_plan.TRUST_QUOTA: 4096})
    assert plan(ROLE, setting, cluster_name="c", subjects=LONG)


def test_removal_is_never_stopped_by_a_quota() -> None:
    role = dataclasses.replace(THEIRS, trust_policy=trust(Grant(PROVIDER, LONG, STS), Grant(OTHER, LONG, STS)))
    assert plan(role, present=False, cluster_name="c", subjects=LONG[:1])


def test_somebody_elses_role_is_not_deleted() -> None:
    with pytest.raises(errors.Conflict) as caught:
        plan(THEIRS, dataclasses.replace(SETTING, provider_arn=None), present=False)
    assert str(caught.value) == (
        "role app was not made by this collection. Cause: it lacks the tag eksops.irsa/managed=true. Fix: give "
        "cluster_name or issuer to take only that cluster's accounts out of its trust policy, or set force to delete "
        "the role all the same."
    )
