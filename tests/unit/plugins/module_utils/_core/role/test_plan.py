# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The writes that bring a role to its spec."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import plan as role_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import (
    DEFAULT_QUOTAS,
    OWNER_TAG,
    OWNER_VALUE,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, Role, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import TRUST_QUOTA, Change, Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import display_subject, subject

PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
OTHER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/B"
STS = ("sts.amazonaws.com",)
A, B = (subject("ns", name) for name in "ab")
S3 = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
OWN = "arn:aws:iam::123456789012:policy/team/queue"
FOREIGN = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
CONTEXT = role_plan.PlanContext(AccountScope("aws", "123456789012"), PROVIDER, {"AmazonS3ReadOnlyAccess": S3})


def policy(action: str) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def trust(*grants: Grant, more: tuple[t.Any, ...] = ()) -> dict[str, t.Any]:
    statements = [statement for grant in grants for statement in trust_policy.build_statements(grant)]
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
UNMANAGED = dataclasses.replace(
    ROLE, tags={"team": "web"}, trust_policy=trust(Grant(PROVIDER, (A,), STS), more=(FOREIGN,))
)


def plan(
    role: Role | None = ROLE, context: role_plan.PlanContext = CONTEXT, *, present: bool = True, **options: t.Any
) -> t.Any:
    return role_plan.plan(RoleSpec(present=present, name="app", **options), role, context)


def operations(result: t.Any) -> list[tuple[str, dict[str, t.Any]]]:
    return [
        (action.operation, {key: value for key, value in action.arguments.items() if key != "name"})
        for action in result.actions
    ]


def test_create_with_all_options() -> None:
    result = plan(
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
    assert operations(result) == [
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
    assert result.summaries()[0] == "create role app for ns/a"
    assert result.before == {}
    assert result.after == {
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


def test_create_in_china() -> None:
    provider = PROVIDER.replace("arn:aws:", "arn:aws-cn:")
    result = plan(
        None, role_plan.PlanContext(AccountScope("aws-cn", "123456789012"), provider), cluster_name="c", subjects=(A,)
    )
    assert result.after["arn"] == "arn:aws-cn:iam::123456789012:role/app"
    assert result.after["trust_policy"]["Statement"][0]["Principal"] == {"Federated": provider}


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


@pytest.mark.parametrize("options", UNCHANGED)
def test_unchanged_role(options: dict[str, t.Any]) -> None:
    result = plan(cluster_name="c", **options)
    assert not result
    assert result.before == result.after == ROLE.as_dict()


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


@pytest.mark.parametrize(("options", "expected", "after"), CHANGES)
def test_changes(options: dict[str, t.Any], expected: list[t.Any], after: dict[str, t.Any]) -> None:
    result = plan(**options)
    assert operations(result) == expected
    assert result.before == ROLE.as_dict()
    assert result.after == {**ROLE.as_dict(), **after}


def test_boundary_is_removed() -> None:
    result = plan(dataclasses.replace(ROLE, permissions_boundary=OWN), permissions_boundary="")
    assert operations(result) == [("delete_permissions_boundary", {})]
    assert result.after["permissions_boundary"] is None


def test_policy_that_shrinks_is_written_first() -> None:
    role = dataclasses.replace(ROLE, inline_policies={"z": policy("a:" + "x" * 5000), "a": policy("a:b")})
    result = plan(role, inline_policies={"a": policy("a:" + "x" * 6000), "z": policy("a:b")})
    assert [arguments["policy_name"] for _operation, arguments in operations(result)] == ["z", "a"]


@pytest.mark.parametrize(
    ("options", "summary", "document"),
    [
        (
            {"subjects": (B,)},
            "update the trust policy of role app: add ns/b; remove ns/a",
            trust(Grant(PROVIDER, (B,), STS)),
        ),
        (
            {"subjects": (B,), "purge_service_accounts": False},
            "add ns/b to the trust policy of role app",
            trust(Grant(PROVIDER, (A, B), STS)),
        ),
        (
            {"subjects": (A,), "audiences": ()},
            "update the trust policy of role app",
            trust(Grant(PROVIDER, (A,))),
        ),
    ],
)
def test_trust_policy_is_merged(options: dict[str, t.Any], summary: str, document: t.Any) -> None:
    result = plan(cluster_name="c", **options)
    assert result.summaries() == [summary]
    assert result.after["trust_policy"] == document
    # The action has the change, not the document, so that it can be applied to a newer document.
    assert result.actions[0].arguments["change"].apply(ROLE.trust_policy).document == document


def test_trust_policy_is_replaced() -> None:
    assert not plan(UNMANAGED, cluster_name="c", subjects=(A,))
    result = plan(UNMANAGED, cluster_name="c", subjects=(A,), replace_trust=True)
    assert result.after["trust_policy"] == ROLE.trust_policy


DELETION = [
    ("detach_policy", {"policy_arn": S3}),
    ("delete_inline_policy", {"policy_name": "p"}),
    ("delete_role", {"restored": None}),
]
TWO_CLUSTERS = dataclasses.replace(ROLE, trust_policy=trust(Grant(PROVIDER, (A, B), STS), Grant(OTHER, (A,), STS)))
NOBODY = dataclasses.replace(ROLE, trust_policy={"Version": "2012-10-17", "Statement": [trust_policy.NOBODY]})


@pytest.mark.parametrize(
    ("role", "options"),
    [
        pytest.param(ROLE, {}, id="managed"),
        pytest.param(TWO_CLUSTERS, {}, id="managed-without-cluster"),
        pytest.param(TWO_CLUSTERS, {"cluster_name": "c", "force": True}, id="forced"),
        pytest.param(UNMANAGED, {"force": True}, id="unmanaged-forced"),
    ],
)
def test_role_is_deleted(role: Role, options: dict[str, t.Any]) -> None:
    context = CONTEXT if "cluster_name" in options else dataclasses.replace(CONTEXT, provider_arn=None)
    result = plan(role, context, present=False, **options)
    assert operations(result) == DELETION
    assert result.after == {}
    assert result.before == role.as_dict()


DENY = {**FOREIGN, "Effect": "Deny"}
RETIRED = dataclasses.replace(ROLE, trust_policy={"Version": "2012-10-17", "Statement": [DENY, trust_policy.RETIRED]})


@pytest.mark.parametrize(
    ("role", "options", "summary"),
    [
        pytest.param(ROLE, {}, "remove {A} from the trust policy of role app", id="last-cluster"),
        pytest.param(ROLE, {"subjects": (A,)}, "remove {A} from the trust policy of role app", id="last-account"),
        pytest.param(NOBODY, {}, "mark role app for deletion", id="trusts-nobody"),
        pytest.param(RETIRED, {}, None, id="interrupted"),
    ],
)
def test_role_trusts_nobody_before_its_policies_are_removed(
    role: Role, options: dict[str, t.Any], summary: str | None
) -> None:
    """Nobody else is trusted. Another cluster that is being added to the role is then seen before the deletion."""
    result = plan(role, present=False, cluster_name="c", **options)
    change = Change("retire", Grant(PROVIDER, options.get("subjects", ())), purge=not options)
    first = [("retire_role", {"change": change})] if summary else []
    policies = {"managed_policies": role.managed_policies, "inline_policies": role.inline_policies}
    assert operations(result) == [*first, *DELETION[:-1], ("delete_role", {"restored": policies})]
    assert result.after == {}
    if summary:
        assert result.summaries()[0] == summary.format(A=display_subject(A))
        retired = change.apply(role.trust_policy).document
        assert retired["Statement"] == [trust_policy.RETIRED]
        assert (
            operations(plan(dataclasses.replace(role, trust_policy=retired), present=False, cluster_name="c"))[0]
            == (DELETION[0])
        )


def test_role_is_removed_from_instance_profile_before_deletion() -> None:
    result = plan(dataclasses.replace(ROLE, instance_profiles=("i",)), present=False)
    assert operations(result) == [("remove_from_instance_profile", {"profile": "i"}), *DELETION]


@pytest.mark.parametrize(
    ("role", "options", "document"),
    [
        pytest.param(TWO_CLUSTERS, {}, trust(Grant(OTHER, (A,), STS)), id="one-of-two-clusters"),
        pytest.param(
            TWO_CLUSTERS,
            {"subjects": (A,)},
            trust(Grant(PROVIDER, (B,), STS), Grant(OTHER, (A,), STS)),
            id="one-account",
        ),
        pytest.param(UNMANAGED, {}, trust(more=(FOREIGN,)), id="unmanaged"),
        pytest.param(
            dataclasses.replace(UNMANAGED, trust_policy=ROLE.trust_policy),
            {},
            {"Version": "2012-10-17", "Statement": [trust_policy.NOBODY]},
            id="unmanaged-trusts-nobody-else",
        ),
    ],
)
def test_statements_are_removed(role: Role, options: dict[str, t.Any], document: t.Any) -> None:
    result = plan(role, present=False, cluster_name="c", **options)
    assert [operation for operation, _arguments in operations(result)] == ["change_trust_policy"]
    assert result.after == {**role.as_dict(), "trust_policy": document}
    after = dataclasses.replace(role, trust_policy=result.after["trust_policy"])
    assert not plan(after, present=False, cluster_name="c", **options)


def test_absent_role_is_unchanged() -> None:
    assert not plan(None, present=False)


LONG = tuple(subject("namespace", f"{'account' * 10}-{n}") for n in range(20))
LINKED = dataclasses.replace(ROLE, path="/aws-service-role/eks.amazonaws.com/")

REJECTED = [
    pytest.param(
        None,
        {"tags": {}},
        errors.InvalidInput,
        "role app does not exist and cannot be created without service_accounts and cluster_name",
        id="no-trust",
    ),
    pytest.param(ROLE, {"path": "/x/"}, errors.Conflict, "role app has the path /, not /x/", id="path"),
    pytest.param(LINKED, {"description": "x"}, errors.Conflict, "role app cannot be changed", id="service-linked"),
    pytest.param(
        LINKED,
        {"present": False, "force": True},
        errors.Conflict,
        "role app cannot be changed",
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
        "the inline policies of role app would have 10274 characters in total",
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
        {"tags": {f"t{n}": "" for n in range(50)}, "purge_tags": False},
        errors.InvalidInput,
        "role app would have 51 tags",
        id="tags",
    ),
    pytest.param(
        ROLE,
        {"permissions_boundary": OWN.replace("aws:", "aws-cn:", 1)},
        errors.InvalidInput,
        f"permissions_boundary {OWN.replace('aws:', 'aws-cn:', 1)} is in partition aws-cn, but role app is in aws",
        id="partition",
    ),
    pytest.param(
        ROLE,
        {"managed_policies": ("arn:aws:iam::999999999999:policy/x",)},
        errors.InvalidInput,
        "managed policy arn:aws:iam::999999999999:policy/x is in account 999999999999, but role app is in 123456789012",
        id="account",
    ),
]


@pytest.mark.parametrize(("role", "options", "error", "message"), REJECTED)
def test_invalid_plan_is_rejected(
    role: Role | None, options: dict[str, t.Any], error: type[errors.IrsaError], message: str
) -> None:
    with pytest.raises(error) as caught:
        plan(role, **options)
    assert caught.value.message == message
    assert caught.value.fix


def test_raised_quota_is_used() -> None:
    context = dataclasses.replace(CONTEXT, quotas={**DEFAULT_QUOTAS, TRUST_QUOTA: 4096})
    assert plan(ROLE, context, cluster_name="c", subjects=LONG)


def test_quota_does_not_apply_to_removal() -> None:
    role = dataclasses.replace(UNMANAGED, trust_policy=trust(Grant(PROVIDER, LONG, STS), Grant(OTHER, LONG, STS)))
    assert plan(role, present=False, cluster_name="c", subjects=LONG[:1])


def test_unmanaged_role_is_not_deleted() -> None:
    with pytest.raises(errors.Conflict) as caught:
        plan(UNMANAGED, dataclasses.replace(CONTEXT, provider_arn=None), present=False)
    assert str(caught.value) == (
        "role app was not created by this collection. Cause: it does not have the tag eksops.irsa/managed=true. "
        "Fix: set cluster_name or issuer to remove only that cluster's service accounts from its trust policy, or set "
        "force: true to delete the role."
    )


def test_absent_fails_after_its_writes_if_a_statement_still_allows_the_account() -> None:
    broad = Grant(PROVIDER, (A, subject("ns", "*")), STS)
    role = dataclasses.replace(ROLE, trust_policy=trust(broad))
    options: dict[str, t.Any] = {"present": False, "subjects": (A, B), "cluster_name": "c"}
    for state in ("first run", "second run"):
        result = plan(role, **options)
        assert bool(result) is (state == "first run")
        assert str(result.failure) == (
            "role app still trusts ns/a and ns/b. Cause: statement 1 of the trust policy (StringLike ns/*) allows ns/a "
            "and ns/b. Fix: in each of these statements, name only the service accounts that need the role, or remove "
            "the statement."
        )
        role = dataclasses.replace(role, trust_policy=result.after["trust_policy"])
    assert plan(role, **{**options, "subjects": None}).failure is None


MANY = {f"t{n:02}": "" for n in range(50)}
NO_ROOM = (
    "Role app: the tag eksops.irsa/managed=true is left out: IAM accepts only 50 tags. Without the tag, state absent "
    "does not delete the role, and service accounts that are not listed keep the role."
)


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        pytest.param(None, ["create_role"], id="new"),
        pytest.param(
            dataclasses.replace(ROLE, tags={**dict(list(MANY.items())[:49]), OWNER_TAG: OWNER_VALUE}),
            ["untag_role", "tag_role"],
            id="existing",
        ),
    ],
)
def test_own_tag_is_left_out_if_there_is_no_room(role: Role | None, actions: list[str]) -> None:
    options: dict[str, t.Any] = {"cluster_name": "c", "subjects": (A,), "tags": MANY}
    result = plan(role, **options)
    assert [action.operation for action in result.actions] == actions
    assert result.after["tags"] == MANY
    assert result.warnings == (NO_ROOM,)
    again = plan(dataclasses.replace(ROLE, tags=result.after["tags"]), **options)
    assert (again.actions, again.warnings) == ((), ())


@pytest.mark.parametrize("more", [{}, {"aws:cloudformation:stack-name": "x", "aws:x": "y"}])
def test_tags_of_aws_do_not_count(more: dict[str, str]) -> None:
    role = dataclasses.replace(UNMANAGED, tags={**MANY, **more})
    assert not plan(role, cluster_name="c", tags=MANY)
    changed = plan(role, cluster_name="c", tags={**MANY, "t00": "x"})
    assert changed.after["tags"] == {**MANY, **more, "t00": "x"}


@pytest.mark.parametrize("value", ["true", "True", " TRUE "])
@pytest.mark.parametrize("key", [OWNER_TAG, "Eksops.IRSA/managed"])
def test_own_tag_is_recognised_in_any_case(key: str, value: str) -> None:
    role = dataclasses.replace(ROLE, tags={key: value, "team": "web"})
    assert role.is_managed
    assert plan(role, present=False).actions[-1].operation == "delete_role"
    assert plan(role, cluster_name="c", tags={}).after["tags"] == {key: value}


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "sso.amazonaws.com"),
        ("/aws-service-role/eks.amazonaws.com/", "eks.amazonaws.com"),
    ],
)
@pytest.mark.parametrize("options", [{"description": "x"}, {"subjects": (B,)}, {"present": False, "force": True}])
def test_role_that_only_aws_can_change_is_rejected(path: str, service: str, options: dict[str, t.Any]) -> None:
    role = dataclasses.replace(ROLE, path=path)
    with pytest.raises(errors.Conflict) as caught:
        plan(role, cluster_name="c", **options)
    assert str(caught.value) == (
        f"role app cannot be changed. Cause: its path is {path}: it belongs to the AWS service {service}, and only the "
        "service can change it. Fix: use another role."
    )
    assert not plan(role, cluster_name="c", subjects=(A,))


@pytest.mark.parametrize(
    ("role", "purge", "summaries"),
    [
        pytest.param(UNMANAGED, None, ["add ns/b to the trust policy of role app"], id="of-others"),
        pytest.param(
            UNMANAGED, True, ["update the trust policy of role app: add ns/b; remove ns/a"], id="of-others-with-purge"
        ),
        pytest.param(ROLE, None, ["update the trust policy of role app: add ns/b; remove ns/a"], id="own"),
        pytest.param(ROLE, False, ["add ns/b to the trust policy of role app"], id="own-without-purge"),
    ],
)
def test_role_of_others_keeps_unlisted_accounts(role: Role, purge: bool | None, summaries: list[str]) -> None:
    result = plan(role, cluster_name="c", subjects=(B,), purge_service_accounts=purge)
    assert result.summaries() == summaries


def test_replaced_trust_policy_names_all_who_lose_the_role() -> None:
    other = Grant(OTHER, (B,), STS)
    wildcard = Grant(PROVIDER, (subject("ns", "*"),), STS)
    role = dataclasses.replace(ROLE, trust_policy=trust(Grant(PROVIDER, (A,), STS), other, wildcard, more=(FOREIGN,)))
    result = plan(role, cluster_name="c", subjects=(B,), replace_trust=True)
    assert result.summaries() == [
        f"replace the trust policy of role app: add ns/b; remove {OTHER}, ec2.amazonaws.com, ns/*, ns/a"
    ]


def test_wide_trust_is_a_warning_even_if_nothing_changes() -> None:
    wide = trust(Grant(PROVIDER, ("system:serviceaccount:*:*",), STS), more=ROLE.trust_policy["Statement"])
    result = plan(dataclasses.replace(ROLE, trust_policy=wide), managed_policies=(S3,))
    assert not result
    provider = PROVIDER.partition("/")[2]
    assert [*result.warnings][-1] == (
        f"Role app: statement 2 of the trust policy allows subjects that it does not name: limit {provider}:sub in it."
    )


def test_requested_wide_trust_is_a_warning() -> None:
    assert "allows subjects that it does not name" in plan(None, subjects=("system:serviceaccount:*:*",)).warnings[-1]
    assert plan(None, subjects=(A,)).warnings == ()
