# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a service account, over who owns what on it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import Field, owners_of
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.plan import plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import (
    MARK,
    ServiceAccount,
    ServiceAccountSpec,
    ServiceAccountState,
)
from unit import chain_objects

ROLE = "eks.amazonaws.com/role-arn"
EXPIRATION = "eks.amazonaws.com/token-expiration"
ARN, OTHER = "arn:aws:iam::123456789012:role/app", "arn:aws:iam::123456789012:role/other"
US, KUBECTL, HELM = ("eksops.irsa", "Apply"), ("kubectl-annotate", "Update"), ("helm", "Apply")
CREATED_BY_US = {MARK.key: ("true", ("eksops.irsa", "Update"))}

FieldOwner = tuple[str, str]


def account(
    annotations: dict[str, tuple[t.Any, ...]] | None = None, labels: dict[str, tuple[t.Any, ...]] | None = None
) -> ServiceAccount:
    """An account as the API server returns it: key to value and owners, each a pair of manager and operation."""
    given = {"annotations": annotations or {}, "labels": labels or {}}
    entries: dict[FieldOwner, dict[str, t.Any]] = {("kube-controller-manager", "Update"): {"f:secrets": {".": {}}}}
    for kind, fields in given.items():
        for key, (_value, *owners) in fields.items():
            for owner in owners:
                metadata = entries.setdefault(owner, {}).setdefault("f:metadata", {})
                metadata.setdefault(f"f:{kind}", {".": {}})[f"f:{key}"] = {}
    return ServiceAccount.from_kubernetes(
        {
            "metadata": {
                "namespace": "ns",
                "name": "app",
                "uid": "u1",
                "resourceVersion": "7",
                **{kind: {key: value[0] for key, value in fields.items()} for kind, fields in given.items()},
                "managedFields": [
                    {
                        "manager": manager,
                        "operation": operation,
                        "apiVersion": "v1",
                        "fieldsType": "FieldsV1",
                        "fieldsV1": fields,
                    }
                    for (manager, operation), fields in entries.items()
                ],
            }
        }
    )


def wanted(**options: t.Any) -> ServiceAccountSpec:
    defaults: dict[str, t.Any] = dict.fromkeys(
        ("role_arn", "audience", "sts_regional_endpoints", "token_expiration", "labels", "annotations")
    )
    flags = {"create": True, "create_namespace": False, "force": False, "delete": False}
    return ServiceAccountSpec.from_params(
        {"namespace": "ns", "name": "app", "state": "present", **defaults, **flags, **options}
    )


def applied(made: t.Any) -> dict[str, t.Any]:
    """The configuration of the plan's one apply, less what names the object."""
    (action,) = [action for action in made.actions if action.operation == "apply_service_account"]
    metadata = dict(action.arguments["body"]["metadata"])
    assert metadata.pop("name") == "app"
    assert metadata.pop("namespace") == "ns"
    return metadata


LOCK = {"uid": "u1", "resourceVersion": "7"}


@pytest.mark.parametrize(
    ("options", "annotations"),
    [
        ({"role_arn": ARN}, {ROLE: ARN}),
        (
            {"audience": "vault", "sts_regional_endpoints": True, "token_expiration": 600},
            {
                "eks.amazonaws.com/audience": "vault",
                "eks.amazonaws.com/sts-regional-endpoints": "true",
                EXPIRATION: "600",
            },
        ),
        ({"sts_regional_endpoints": False}, {"eks.amazonaws.com/sts-regional-endpoints": "false"}),
        ({"annotations": {"note": 5, "flag": True}}, {"note": "5", "flag": "true"}),
    ],
)
def test_options_become_annotations(options: dict[str, t.Any], annotations: dict[str, str]) -> None:
    made = plan(wanted(**options), ServiceAccountState(account()))
    assert applied(made) == {**LOCK, "annotations": annotations}
    assert made.after["annotations"] == annotations
    assert made.after["managed_annotations"] == sorted(annotations)


def test_a_missing_account_is_created_with_the_mark_and_then_applied() -> None:
    made = plan(wanted(role_arn=ARN, labels={"team": "a"}), ServiceAccountState(None, "Active"))
    create, apply = made.actions
    assert create.operation == "create_service_account"
    assert create.arguments["body"]["metadata"] == {
        "namespace": "ns",
        "name": "app",
        "annotations": {"eksops.irsa/created": "true"},
    }
    assert apply.arguments["manager"] == create.arguments["manager"] == "eksops.irsa"
    assert applied(made) == {"annotations": {ROLE: ARN}, "labels": {"team": "a"}}
    assert made.before == {}
    assert made.after == {
        "namespace": "ns",
        "name": "app",
        "uid": None,
        "annotations": {ROLE: ARN, "eksops.irsa/created": "true"},
        "labels": {"team": "a"},
        "managed_annotations": [ROLE],
        "managed_labels": ["team"],
        "created": True,
    }


def test_an_account_without_options_is_only_created() -> None:
    assert [action.operation for action in plan(wanted(), ServiceAccountState(None, "Active")).actions] == [
        "create_service_account"
    ]


@pytest.mark.parametrize(
    ("options", "phase", "operations"),
    [
        ({"create_namespace": True}, "", ["create_namespace", "create_service_account"]),
        ({"create_namespace": True}, "Active", ["create_service_account"]),
        ({}, None, ["create_service_account"]),
    ],
)
def test_namespace(options: dict[str, t.Any], phase: str | None, operations: list[str]) -> None:
    assert [
        action.operation for action in plan(wanted(**options), ServiceAccountState(None, phase)).actions
    ] == operations


@pytest.mark.parametrize(
    ("options", "phase", "kind", "says"),
    [
        ({}, "", errors.NotFound, "there is no namespace ns. "),
        ({"create": False}, "Active", errors.NotFound, "create is false. Fix:"),
        ({"create": False, "create_namespace": True}, "", errors.NotFound, "no namespace ns either"),
        ({}, "Terminating", errors.Conflict, "is being deleted"),
    ],
)
def test_what_must_not_be_created(
    options: dict[str, t.Any], phase: str, kind: type[errors.IrsaError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        plan(wanted(**options), ServiceAccountState(None, phase))
    assert says in str(caught.value)


# What is on the account, what is asked for, what our manager then applies; None for no write at all.
PRESENT: dict[str, tuple[ServiceAccount, dict[str, t.Any], dict[str, t.Any] | None]] = {
    "nothing to do": (account({ROLE: (ARN, US)}), {"role_arn": ARN}, None),
    "nothing asked for": (account({ROLE: (ARN, US)}), {}, None),
    "nothing to do beside others": (account({ROLE: (ARN, KUBECTL, US)}), {"role_arn": ARN}, None),
    "what others set as it is wanted stays theirs": (account({ROLE: (ARN, KUBECTL)}), {"role_arn": ARN}, None),
    "so does what nobody owns": (account({ROLE: (ARN,)}), {"role_arn": ARN}, None),
    "theirs beside a write of ours": (
        account({ROLE: (ARN, HELM)}),
        {"role_arn": ARN, "token_expiration": 600},
        {"annotations": {EXPIRATION: "600"}},
    ),
    "owned together by force": (
        account({ROLE: (ARN, KUBECTL)}),
        {"role_arn": ARN, "force": True},
        {"annotations": {ROLE: ARN}},
    ),
    "a value of our own changes": (
        account({ROLE: (OTHER, US)}),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN}},
    ),
    "what an earlier run set is carried on": (
        account({ROLE: (OTHER, US), EXPIRATION: ("600", US), "note": ("x", HELM)}, {"team": ("a", US)}),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN, EXPIRATION: "600"}, "labels": {"team": "a"}},
    ),
    "null takes away": (
        account({ROLE: (ARN, US), "note": ("x", US)}, {"team": ("a", US)}),
        {"annotations": {"note": None}, "labels": {"team": None, "gone": None}},
        {"annotations": {ROLE: ARN}},
    ),
    "the last field goes": (account({"note": ("x", US)}), {"annotations": {"note": None}}, {}),
    "a field without owner is free": (
        account({ROLE: (OTHER,)}),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN}},
    ),
    "the mark of creation is not applied": (
        account(CREATED_BY_US),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN}},
    ),
}


@pytest.mark.parametrize(("before", "options", "config"), PRESENT.values(), ids=PRESENT.keys())
def test_what_is_applied(before: ServiceAccount, options: dict[str, t.Any], config: dict[str, t.Any] | None) -> None:
    made = plan(wanted(**options), ServiceAccountState(before))
    assert made.warnings == ()
    if config is None:
        assert not made
        assert made.before == made.after
    else:
        assert applied(made) == {**LOCK, **config}
        assert made.after != made.before
        managed = {kind: made.after[f"managed_{kind}"] for kind in ("annotations", "labels")}
        assert managed == {kind: sorted(config.get(kind, {})) for kind in managed}


def test_foreign_values_are_a_conflict_that_names_the_owners() -> None:
    before = account({ROLE: (OTHER, KUBECTL, HELM)}, {"team": ("a", HELM)})
    with pytest.raises(errors.Conflict) as caught:
        plan(wanted(role_arn=ARN, labels={"team": "b"}), ServiceAccountState(before))
    text = str(caught.value)
    assert f"annotation {ROLE} of service account ns/app is owned by kubectl-annotate (Update), helm (Apply)" in text
    assert f"annotation {ROLE} is '{OTHER}', wanted is '{ARN}'; label team is 'a', wanted is 'b'" in text
    assert "force: true" in text
    assert [each["field"] for each in caught.value.details["conflicts"]] == [f"annotation {ROLE}", "label team"]
    assert caught.value.details["conflicts"][1]["owners"] == [{"manager": "helm", "operation": "Apply"}]


def test_our_own_share_doesnt_free_a_field() -> None:
    with pytest.raises(errors.Conflict, match="owned by helm"):
        plan(wanted(role_arn=ARN), ServiceAccountState(account({ROLE: (OTHER, US, HELM)})))


def test_force_takes_over_and_says_whose_it_was() -> None:
    assert plan(wanted(role_arn=ARN), ServiceAccountState(account())).actions[0].arguments["force"] is False
    made = plan(wanted(role_arn=ARN, force=True), ServiceAccountState(account({ROLE: (OTHER, KUBECTL)})))
    assert made.actions[0].arguments["force"] is True
    assert applied(made) == {**LOCK, "annotations": {ROLE: ARN}}
    assert made.warnings == (
        f"annotation {ROLE} of service account ns/app was set by kubectl-annotate (Update), which may set it back.",
    )


def test_an_object_without_managed_fields_belongs_to_whoever_was_before() -> None:
    bare = {
        "metadata": {
            "namespace": "ns",
            "name": "app",
            "uid": "u",
            "resourceVersion": "1",
            "annotations": {ROLE: OTHER},
        }
    }
    with pytest.raises(errors.Conflict, match="owned by before-first-apply"):
        plan(wanted(role_arn=ARN), ServiceAccountState.from_kubernetes(bare))


def test_absent_takes_away_what_is_ours_alone() -> None:
    before = account({ROLE: (ARN, US), EXPIRATION: ("600", US), "note": ("x", HELM)}, {"team": ("a", US)})
    made = plan(wanted(state="absent"), ServiceAccountState(before))
    assert applied(made) == LOCK
    assert made.after["annotations"] == {"note": "x"}
    assert made.after["labels"] == {}
    assert made.warnings == ()
    assert made.summaries() == [
        f"service account ns/app: remove annotation {ROLE}, annotation {EXPIRATION}, label team"
    ]


def claimed(*fields: str) -> ServiceAccountState:
    """An account of ours whose annotations as such belong to somebody who set none of them."""
    entries = {"helm": ("Update", {}), "eksops.irsa": ("Apply", {f"f:{key}": {} for key in fields})}
    return ServiceAccountState.from_kubernetes(
        {
            "metadata": {
                "uid": "u1",
                "resourceVersion": "7",
                "annotations": dict.fromkeys(fields, OTHER),
                "managedFields": [
                    {
                        "manager": manager,
                        "operation": operation,
                        "fieldsV1": {"f:metadata": {"f:annotations": owned}},
                    }
                    for manager, (operation, owned) in entries.items()
                ],
            }
        }
    )


def test_who_owns_only_the_map_is_not_in_the_way() -> None:
    made = plan(wanted(role_arn=ARN), claimed(ROLE))
    assert made.actions[0].arguments["force"] is True
    assert made.warnings == ()
    made = plan(wanted(state="absent"), claimed(ROLE, "note"))
    # The API server would hand over to the map's owner what is applied away.
    assert made.summaries() == [
        f"service account ns/app: no longer own annotation {ROLE}, annotation note",
        f"service account ns/app: remove annotation {ROLE}, annotation note",
    ]
    assert made.actions[1].arguments["annotations"] == [ROLE, "note"]
    assert made.after["annotations"] == {}
    assert made.warnings == ()


def test_absent_keeps_what_others_own_too_and_says_so() -> None:
    made = plan(wanted(state="absent"), ServiceAccountState(account({ROLE: (ARN, US, KUBECTL)})))
    assert applied(made) == LOCK
    assert made.after["annotations"] == {ROLE: ARN}
    assert made.after["managed_annotations"] == []
    assert len(made.warnings) == 1
    assert "stays, since kubectl-annotate (Update) set it" in made.warnings[0]


@pytest.mark.parametrize("owners", [(KUBECTL,), ()], ids=["somebody's", "nobody's"])
def test_absent_leaves_what_it_did_not_set(owners: tuple[FieldOwner, ...]) -> None:
    made = plan(wanted(state="absent"), ServiceAccountState(account({ROLE: (ARN, *owners)})))
    assert not made
    assert made.before == made.after
    assert len(made.warnings) == 1


def test_absent_by_force_removes_the_webhooks_annotations_of_others() -> None:
    before = account({ROLE: (ARN, KUBECTL), EXPIRATION: ("600", US, HELM), "note": ("x", HELM)})
    made = plan(wanted(state="absent", force=True), ServiceAccountState(before))
    apply, remove = made.actions
    assert apply.operation == "apply_service_account"
    assert remove.operation == "remove_fields"
    assert remove.arguments == {
        "namespace": "ns",
        "name": "app",
        "uid": "u1",
        "manager": "eksops.irsa",
        "annotations": [ROLE, EXPIRATION],
        "labels": [],
    }
    assert remove.summary == f"service account ns/app: remove annotation {ROLE}, annotation {EXPIRATION}"
    assert made.after["annotations"] == {"note": "x"}
    assert made.warnings == ()


@pytest.mark.parametrize(("force", "left"), [(False, {"note": "x"}), (True, {})])
def test_null_on_a_field_of_others(force: bool, left: dict[str, str]) -> None:
    made = plan(wanted(annotations={"note": None}, force=force), ServiceAccountState(account({"note": ("x", HELM)})))
    assert made.after["annotations"] == left
    assert bool(made) is force
    assert len(made.warnings) == (not force)


def test_absent_keeps_an_account_that_was_created_until_delete() -> None:
    before = account({**CREATED_BY_US, ROLE: (ARN, US)})
    made = plan(wanted(state="absent"), ServiceAccountState(before))
    assert made.after["created"] is True
    assert not plan(wanted(state="absent"), ServiceAccountState(account(CREATED_BY_US)))
    made = plan(wanted(state="absent", delete=True), ServiceAccountState(before))
    (action,) = made.actions
    assert action.operation == "delete_service_account"
    assert action.arguments == {"namespace": "ns", "name": "app", "uid": "u1", "resource_version": "7"}
    assert made.after == {}
    assert made.warnings == ()


def test_delete_tells_whose_fields_go_too() -> None:
    before = account({**CREATED_BY_US, "note": ("x", HELM)})
    made = plan(wanted(state="absent", delete=True), ServiceAccountState(before))
    assert [action.operation for action in made.actions] == ["delete_service_account"]
    assert "helm (Apply)" in made.warnings[0]


@pytest.mark.parametrize(
    "mark",
    [{}, {MARK.key: ("true", ("kubectl-client-side-apply", "Update"))}, {MARK.key: ("no", ("eksops.irsa", "Update"))}],
    ids=["no mark", "copied mark", "another value"],
)
@pytest.mark.parametrize("force", [False, True])
def test_delete_keeps_an_account_that_others_created(mark: dict[str, t.Any], force: bool) -> None:
    made = plan(
        wanted(state="absent", delete=True, force=force), ServiceAccountState(account({**mark, ROLE: (ARN, US)}))
    )
    assert [action.operation for action in made.actions] == ["apply_service_account"]
    assert "was not created by this collection" in made.warnings[0]


def test_absent_without_account_is_nothing() -> None:
    made = plan(wanted(state="absent", delete=True), ServiceAccountState(None))
    assert not made
    assert service_account_plan.build_returns(made) == {
        "service_account": {},
        "role_arn": None,
        "previous_role_arn": None,
        "near_misses": [],
    }


def test_remarks_on_what_looks_right() -> None:
    before = account({"eks.amazon.com/role-arn": (ARN, KUBECTL), ROLE: (f'"{ARN}"', KUBECTL)})
    made = plan(wanted(labels={"team": "a"}), ServiceAccountState(before))
    assert "eks.amazon.com/role-arn of service account ns/app has no effect; it looks like " + ROLE in made.warnings[0]
    assert "is no role's ARN" in made.warnings[1]
    found = service_account_plan.build_returns(made)
    assert found["near_misses"] == [{"key": "eks.amazon.com/role-arn", "intended": ROLE}]
    assert found["role_arn"] == found["previous_role_arn"] == f'"{ARN}"'


def test_confirmed_takes_the_servers_word() -> None:
    made = plan(wanted(role_arn=ARN), ServiceAccountState(None, "Active"))
    answer = {
        "metadata": {
            "uid": "u9",
            "resourceVersion": "9",
            "annotations": {ROLE: ARN, "added-by-admission": "x"},
            "managedFields": [],
        }
    }
    confirmed = service_account_plan.with_server_state(wanted(role_arn=ARN), made, [{}, answer])
    assert confirmed.after["uid"] == "u9"
    assert "added-by-admission" in confirmed.after["annotations"]
    assert service_account_plan.with_server_state(wanted(), made, []) is made
    assert service_account_plan.with_server_state(wanted(), made, [None]) is made


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"namespace": "Kube"}, "'Kube' is no namespace"),
    ({"namespace": "a.b"}, "'a.b' is no namespace"),
    ({"namespace": "a" * 64}, "is no namespace"),
    ({"namespace": ""}, "'' is no namespace"),
    ({"namespace": "../x"}, "is no namespace"),
    ({"namespace": "a\n"}, "is no namespace"),
    ({"name": "a_b"}, "'a_b' is no name of a service account"),
    ({"name": "a..b"}, "is no name of a service account"),
    ({"name": "a" * 254}, "is no name of a service account"),
    ({"name": "a?force=true"}, "has a wildcard"),
    ({"name": "*"}, "has a wildcard"),
    ({"role_arn": "app"}, "role_arn 'app' is no ARN of an IAM role"),
    ({"role_arn": ""}, "is no ARN of an IAM role"),
    ({"role_arn": f" {ARN}"}, "is no ARN of an IAM role"),
    ({"role_arn": f"{ARN}\n"}, "is no ARN of an IAM role"),
    ({"role_arn": f'"{ARN}"'}, "is no ARN of an IAM role"),
    ({"role_arn": "arn:aws:iam::12345678901:role/app"}, "is no ARN of an IAM role"),
    ({"role_arn": "arn:aws:iam::123456789012:user/app"}, "is no ARN of an IAM role"),
    ({"role_arn": "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/app"}, "is no ARN of an IAM role"),
    ({"audience": ""}, "can't be the audience of a token"),
    ({"audience": "a b"}, "can't be the audience of a token"),
    ({"token_expiration": 599}, "token_expiration 599"),
    ({"token_expiration": 2**32 + 1}, "can't be the lifetime of a token"),
    ({"annotations": {ROLE: ARN}}, "is given under annotations"),
    ({"annotations": {MARK.key: "true"}}, "is this collection's own"),
    ({"annotations": {MARK.key: None}}, "is this collection's own"),
    ({"labels": {"app.kubernetes.io/managed-by": "x"}}, "whose tool manages the account"),
    ({"labels": {"app.kubernetes.io/managed-by": None}}, "whose tool manages the account"),
    ({"annotations": {"a/b/c": "x"}}, "has a prefix that Kubernetes doesn't take"),
    ({"annotations": {"Upper.example.com/x": "x"}}, "has a prefix that Kubernetes doesn't take"),
    ({"annotations": {"": "x"}}, "is no key that Kubernetes takes"),
    ({"annotations": {"x" * 64: "x"}}, "is no key that Kubernetes takes"),
    ({"annotations": {"x": 1.5}}, "has a value that is no string"),
    ({"annotations": {"x": ["y"]}}, "has a value that is no string"),
    ({"annotations": {"x": "y" * 262144}}, "annotations have 262145 bytes"),
    ({"labels": {"x": "a b"}}, "which Kubernetes doesn't take"),
    ({"labels": {"x": "a" * 64}}, "which Kubernetes doesn't take"),
]


@pytest.mark.parametrize(("options", "says"), BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_bad_options(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        wanted(**options)
    assert says in str(caught.value)
    assert "Fix:" in str(caught.value)


def test_all_that_is_bad_is_named_at_once() -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        wanted(namespace="Kube", role_arn="x", token_expiration=1)
    assert len(caught.value.details["problems"]) == 3


@pytest.mark.parametrize(
    "options",
    [
        {"role_arn": "arn:aws-cn:iam::123456789012:role/a/b/app"},
        {"role_arn": "arn:aws-us-gov:iam::123456789012:role/App_1+=,.@-x"},
        {"role_arn": "arn:aws-iso-b:iam::123456789012:role/app"},
        {"name": "a.b-c.d", "namespace": "a" * 63},
        {"annotations": {ROLE: None}, "role_arn": ARN},
        {"labels": {"x": "", "example.com/a": "A_b.c-9"}},
        {"state": "absent", "role_arn": "not looked at"},
    ],
)
def test_good_options(options: dict[str, t.Any]) -> None:
    wanted(**options)


def test_the_option_beats_the_null() -> None:
    made = wanted(annotations={ROLE: None}, role_arn=ARN)
    assert made.sets == {Field("annotations", ROLE): ARN}
    assert made.drops == frozenset()


@pytest.mark.parametrize("owners", [{"eksops.irsa": "Apply"}, {"kubectl-edit": "Update", "helm": "Apply"}])
def test_the_owners_of_one_field_are_those_of_the_whole(owners: dict[str, str]) -> None:
    found = chain_objects.account(owners=owners)
    field = Field("annotations", ROLE)
    whole = ServiceAccount.from_kubernetes(found).owners
    assert owners_of(found, field) == whole[field]
    del found["metadata"]["managedFields"]
    whole = ServiceAccount.from_kubernetes(found).owners
    assert owners_of(found, field) == whole[field]
    assert owners_of(found, Field("labels", "x")) == ()
