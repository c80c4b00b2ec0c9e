# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for a service account, with field owners."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import Field, owners_of
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.plan import plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import (
    CREATED_MARK,
    ServiceAccount,
    ServiceAccountSpec,
    ServiceAccountState,
)
from unit import chain_objects

ROLE = "eks.amazonaws.com/role-arn"
EXPIRATION = "eks.amazonaws.com/token-expiration"
ARN, OTHER = "arn:aws:iam::123456789012:role/app", "arn:aws:iam::123456789012:role/other"
IRSA, KUBECTL, HELM = ("eksops.irsa", "Apply"), ("kubectl-annotate", "Update"), ("helm", "Apply")
CREATED = {CREATED_MARK.key: ("true", ("eksops.irsa", "Update"))}

FieldOwner = tuple[str, str]


def account(
    annotations: dict[str, tuple[t.Any, ...]] | None = None, labels: dict[str, tuple[t.Any, ...]] | None = None
) -> ServiceAccount:
    """A service account: by key, the value and the owners, each a pair of manager and operation."""
    values = {"annotations": annotations or {}, "labels": labels or {}}
    entries: dict[FieldOwner, dict[str, t.Any]] = {("kube-controller-manager", "Update"): {"f:secrets": {".": {}}}}
    for kind, fields in values.items():
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
                **{kind: {key: value[0] for key, value in fields.items()} for kind, fields in values.items()},
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


def make_spec(**options: t.Any) -> ServiceAccountSpec:
    defaults: dict[str, t.Any] = dict.fromkeys(
        ("role_arn", "audience", "sts_regional_endpoints", "token_expiration", "labels", "annotations")
    )
    flags = {"create": True, "create_namespace": False, "force": False, "delete": False}
    return ServiceAccountSpec.from_params(
        {"namespace": "ns", "name": "app", "state": "present", **defaults, **flags, **options}
    )


def applied(result: t.Any) -> dict[str, t.Any]:
    """The configuration of the only apply in a plan, without the name of the object."""
    (action,) = [action for action in result.actions if action.operation == "apply_service_account"]
    metadata = dict(action.arguments["body"]["metadata"])
    assert metadata.pop("name") == "app"
    assert metadata.pop("namespace") == "ns"
    return metadata


VERSION = {"uid": "u1", "resourceVersion": "7"}


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
    result = plan(make_spec(**options), ServiceAccountState(account()))
    assert applied(result) == {**VERSION, "annotations": annotations}
    assert result.after["annotations"] == annotations
    assert result.after["managed_annotations"] == sorted(annotations)


def test_missing_account_is_created_and_then_applied() -> None:
    result = plan(make_spec(role_arn=ARN, labels={"team": "a"}), ServiceAccountState(None, "Active"))
    create, apply = result.actions
    assert create.operation == "create_service_account"
    assert create.arguments["body"]["metadata"] == {
        "namespace": "ns",
        "name": "app",
        "annotations": {"eksops.irsa/created": "true"},
    }
    assert apply.arguments["manager"] == create.arguments["manager"] == "eksops.irsa"
    assert applied(result) == {"annotations": {ROLE: ARN}, "labels": {"team": "a"}}
    assert result.before == {}
    assert result.after == {
        "namespace": "ns",
        "name": "app",
        "uid": None,
        "annotations": {ROLE: ARN, "eksops.irsa/created": "true"},
        "labels": {"team": "a"},
        "managed_annotations": [ROLE],
        "managed_labels": ["team"],
        "created": True,
    }


def test_account_without_fields_is_only_created() -> None:
    assert [action.operation for action in plan(make_spec(), ServiceAccountState(None, "Active")).actions] == [
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
def test_namespace_is_created_if_missing(options: dict[str, t.Any], phase: str | None, operations: list[str]) -> None:
    assert [
        action.operation for action in plan(make_spec(**options), ServiceAccountState(None, phase)).actions
    ] == operations


@pytest.mark.parametrize(
    ("options", "phase", "kind", "message"),
    [
        ({}, "", errors.NotFound, "namespace ns does not exist. "),
        ({"create": False}, "Active", errors.NotFound, "create is false. Fix:"),
        (
            {"create": False, "create_namespace": True},
            "",
            errors.NotFound,
            "create is false, and namespace ns does not exist. Fix:",
        ),
        ({}, "Terminating", errors.Conflict, "is being deleted"),
    ],
)
def test_create_is_rejected(options: dict[str, t.Any], phase: str, kind: type[errors.IrsaError], message: str) -> None:
    with pytest.raises(kind) as caught:
        plan(make_spec(**options), ServiceAccountState(None, phase))
    assert message in str(caught.value)


HELD = dataclasses.replace(account({**CREATED, ROLE: (ARN, IRSA)}), finalizers=("example.com/hold",))
HELD_TEXT = "service account ns/app is being deleted"


@pytest.mark.parametrize("role_arn", [ARN, OTHER])
def test_account_that_is_being_deleted_gets_no_role(role_arn: str) -> None:
    observed = ServiceAccountState(dataclasses.replace(HELD, is_being_deleted=True))
    for function in (plan, service_account_plan.require_creatable):
        with pytest.raises(errors.Conflict, match=f"{HELD_TEXT}.*its finalizers.*: example.com/hold. Fix: wait until"):
            function(make_spec(role_arn=role_arn), observed)


def test_finalizers_and_deletion_are_observed() -> None:
    metadata = {"uid": "u1", "resourceVersion": "7", "finalizers": ["example.com/hold"]}
    assert not ServiceAccount.from_kubernetes({"metadata": metadata}).is_being_deleted
    metadata["deletionTimestamp"] = "2026-11-30T00:00:00Z"
    held = ServiceAccount.from_kubernetes({"metadata": metadata})
    assert (held.finalizers, held.is_being_deleted) == (("example.com/hold",), True)


# Observed account, options, applied configuration; None without a write.
PRESENT: dict[str, tuple[ServiceAccount, dict[str, t.Any], dict[str, t.Any] | None]] = {
    "unchanged": (account({ROLE: (ARN, IRSA)}), {"role_arn": ARN}, None),
    "no options": (account({ROLE: (ARN, IRSA)}), {}, None),
    "unchanged with another owner": (account({ROLE: (ARN, KUBECTL, IRSA)}), {"role_arn": ARN}, None),
    "another owner set the value": (account({ROLE: (ARN, KUBECTL)}), {"role_arn": ARN}, None),
    "value without owner": (account({ROLE: (ARN,)}), {"role_arn": ARN}, None),
    "another owner set one of two values": (
        account({ROLE: (ARN, HELM)}),
        {"role_arn": ARN, "token_expiration": 600},
        {"annotations": {EXPIRATION: "600"}},
    ),
    "force takes joint ownership": (
        account({ROLE: (ARN, KUBECTL)}),
        {"role_arn": ARN, "force": True},
        {"annotations": {ROLE: ARN}},
    ),
    "own value changes": (
        account({ROLE: (OTHER, IRSA)}),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN}},
    ),
    "fields of an earlier run are applied again": (
        account({ROLE: (OTHER, IRSA), EXPIRATION: ("600", IRSA), "note": ("x", HELM)}, {"team": ("a", IRSA)}),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN, EXPIRATION: "600"}, "labels": {"team": "a"}},
    ),
    "null removes": (
        account({ROLE: (ARN, IRSA), "note": ("x", IRSA)}, {"team": ("a", IRSA)}),
        {"annotations": {"note": None}, "labels": {"team": None, "missing": None}},
        {"annotations": {ROLE: ARN}},
    ),
    "last field is removed": (account({"note": ("x", IRSA)}), {"annotations": {"note": None}}, {}),
    "field without owner changes": (
        account({ROLE: (OTHER,)}),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN}},
    ),
    "creation mark is not applied": (
        account(CREATED),
        {"role_arn": ARN},
        {"annotations": {ROLE: ARN}},
    ),
}


@pytest.mark.parametrize(("before", "options", "config"), PRESENT.values(), ids=PRESENT.keys())
def test_applied_configuration(
    before: ServiceAccount, options: dict[str, t.Any], config: dict[str, t.Any] | None
) -> None:
    result = plan(make_spec(**options), ServiceAccountState(before))
    assert result.warnings == ()
    if config is None:
        assert not result
        assert result.before == result.after
    else:
        assert applied(result) == {**VERSION, **config}
        assert result.after != result.before
        managed = {kind: result.after[f"managed_{kind}"] for kind in ("annotations", "labels")}
        assert managed == {kind: sorted(config.get(kind, {})) for kind in managed}


def test_conflict_names_the_owners() -> None:
    before = account({ROLE: (OTHER, KUBECTL, HELM)}, {"team": ("a", HELM)})
    with pytest.raises(errors.Conflict) as caught:
        plan(make_spec(role_arn=ARN, labels={"team": "b"}), ServiceAccountState(before))
    message = str(caught.value)
    assert f"annotation {ROLE} of service account ns/app is owned by kubectl-annotate (Update), helm (Apply)" in message
    assert f"annotation {ROLE} is '{OTHER}', not '{ARN}'; label team is 'a', not 'b'" in message
    assert "force: true" in message
    assert [conflict["field"] for conflict in caught.value.details["conflicts"]] == [f"annotation {ROLE}", "label team"]
    assert caught.value.details["conflicts"][1]["owners"] == [{"manager": "helm", "operation": "Apply"}]


def test_joint_ownership_does_not_prevent_a_conflict() -> None:
    with pytest.raises(errors.Conflict, match="owned by helm"):
        plan(make_spec(role_arn=ARN), ServiceAccountState(account({ROLE: (OTHER, IRSA, HELM)})))


def test_force_takes_over_with_a_warning() -> None:
    assert plan(make_spec(role_arn=ARN), ServiceAccountState(account())).actions[0].arguments["force"] is False
    result = plan(make_spec(role_arn=ARN, force=True), ServiceAccountState(account({ROLE: (OTHER, KUBECTL)})))
    assert result.actions[0].arguments["force"] is True
    assert applied(result) == {**VERSION, "annotations": {ROLE: ARN}}
    assert result.warnings == (
        f"annotation {ROLE} of service account ns/app was set by kubectl-annotate (Update), which may set it again.",
    )


UNTRACKED = {
    "metadata": {"namespace": "ns", "name": "app", "uid": "u", "resourceVersion": "1", "annotations": {ROLE: OTHER}}
}
FIX_UNRECORDED = (
    "set force: true, which replaces the value and makes this collection its owner, or set the new value manually; "
    "before, check that no tool or script sets the old value again"
)


def test_value_from_before_the_fields_were_tracked() -> None:
    # kubectl create serviceaccount, then kubectl annotate.
    with pytest.raises(errors.Conflict) as caught:
        plan(make_spec(role_arn=ARN), ServiceAccountState.from_kubernetes(UNTRACKED))
    assert caught.value.message == (
        f"annotation {ROLE} of service account ns/app has another value, and the API server has no record of who set it"
    )
    assert caught.value.cause == f"annotation {ROLE} is {OTHER!r}, not {ARN!r}"
    assert caught.value.fix == FIX_UNRECORDED
    # The manager's name as in managedFields, for scripts.
    assert caught.value.details["conflicts"][0]["owners"] == [{"manager": "before-first-apply", "operation": "Update"}]


def test_value_from_before_the_fields_were_tracked_is_replaced_with_force() -> None:
    result = plan(make_spec(role_arn=ARN, force=True), ServiceAccountState.from_kubernetes(UNTRACKED))
    assert result.actions[0].arguments["force"] is True
    assert result.warnings == (
        f"annotation {ROLE} of service account ns/app was set by a client of which the API server has no record, which "
        "may set it again.",
    )
    removed = plan(make_spec(state="absent"), ServiceAccountState.from_kubernetes(UNTRACKED))
    assert removed.warnings == (
        f"annotation {ROLE} of service account ns/app is kept because it was set by a client of which the API server "
        "has no record; remove it there, or set force: true.",
    )


def test_conflicts_with_and_without_a_record() -> None:
    unrecorded = ("before-first-apply", "Update")
    before = account({ROLE: (OTHER, unrecorded), EXPIRATION: ("600", HELM)})
    with pytest.raises(errors.Conflict) as caught:
        plan(make_spec(role_arn=ARN, token_expiration=900), ServiceAccountState(before))
    assert caught.value.message == (
        f"annotation {ROLE} of service account ns/app has another value, and the API server has no record of who set "
        f"it; annotation {EXPIRATION} of service account ns/app is owned by helm (Apply)"
    )
    assert caught.value.fix == (f"change the value at its source, or take it over with force: true; {FIX_UNRECORDED}")


def test_absent_removes_own_fields() -> None:
    before = account({ROLE: (ARN, IRSA), EXPIRATION: ("600", IRSA), "note": ("x", HELM)}, {"team": ("a", IRSA)})
    result = plan(make_spec(state="absent"), ServiceAccountState(before))
    assert applied(result) == VERSION
    assert result.after["annotations"] == {"note": "x"}
    assert result.after["labels"] == {}
    assert result.warnings == ()
    assert result.summaries() == [
        f"service account ns/app: remove annotation {ROLE}, annotation {EXPIRATION}, label team"
    ]


def with_foreign_map(*fields: str) -> ServiceAccountState:
    """An account with own annotations, where another manager owns the map of annotations and no field in it."""
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


def test_owner_of_the_map_only_is_ignored() -> None:
    result = plan(make_spec(role_arn=ARN), with_foreign_map(ROLE))
    assert result.actions[0].arguments["force"] is True
    assert result.warnings == ()
    result = plan(make_spec(state="absent"), with_foreign_map(ROLE, "note"))
    # The API server would pass fields that an apply removes to the owner of the map.
    assert result.summaries() == [
        f"service account ns/app: release ownership of annotation {ROLE}, annotation note",
        f"service account ns/app: remove annotation {ROLE}, annotation note",
    ]
    assert result.actions[1].arguments["annotations"] == [ROLE, "note"]
    assert result.after["annotations"] == {}
    assert result.warnings == ()


def test_absent_keeps_jointly_owned_field_with_a_warning() -> None:
    result = plan(make_spec(state="absent"), ServiceAccountState(account({ROLE: (ARN, IRSA, KUBECTL)})))
    assert applied(result) == VERSION
    assert result.after["annotations"] == {ROLE: ARN}
    assert result.after["managed_annotations"] == []
    assert len(result.warnings) == 1
    assert "is kept because it was set by kubectl-annotate (Update)" in result.warnings[0]


@pytest.mark.parametrize("owners", [(KUBECTL,), ()], ids=["other owner", "no owner"])
def test_absent_keeps_field_that_it_does_not_own(owners: tuple[FieldOwner, ...]) -> None:
    result = plan(make_spec(state="absent"), ServiceAccountState(account({ROLE: (ARN, *owners)})))
    assert not result
    assert result.before == result.after
    assert len(result.warnings) == 1


def test_absent_with_force_removes_webhook_annotations_of_other_owners() -> None:
    before = account({ROLE: (ARN, KUBECTL), EXPIRATION: ("600", IRSA, HELM), "note": ("x", HELM)})
    result = plan(make_spec(state="absent", force=True), ServiceAccountState(before))
    apply, remove = result.actions
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
    assert result.after["annotations"] == {"note": "x"}
    assert result.warnings == ()


@pytest.mark.parametrize(("force", "expected"), [(False, {"note": "x"}), (True, {})])
def test_null_for_field_of_another_owner(force: bool, expected: dict[str, str]) -> None:
    result = plan(
        make_spec(annotations={"note": None}, force=force), ServiceAccountState(account({"note": ("x", HELM)}))
    )
    assert result.after["annotations"] == expected
    assert bool(result) is force
    assert len(result.warnings) == (not force)


def test_absent_deletes_created_account_only_with_delete() -> None:
    before = account({**CREATED, ROLE: (ARN, IRSA)})
    result = plan(make_spec(state="absent"), ServiceAccountState(before))
    assert result.after["created"] is True
    assert not plan(make_spec(state="absent"), ServiceAccountState(account(CREATED)))
    result = plan(make_spec(state="absent", delete=True), ServiceAccountState(before))
    (action,) = result.actions
    assert action.operation == "delete_service_account"
    assert action.arguments == {"namespace": "ns", "name": "app", "uid": "u1", "resource_version": "7"}
    assert result.after == {}
    assert result.warnings == ()


def test_delete_warns_about_fields_of_other_owners() -> None:
    before = account({**CREATED, "note": ("x", HELM)})
    result = plan(make_spec(state="absent", delete=True), ServiceAccountState(before))
    assert [action.operation for action in result.actions] == ["delete_service_account"]
    assert "helm (Apply)" in result.warnings[0]


def test_delete_is_not_repeated_while_a_finalizer_keeps_the_account() -> None:
    spec = make_spec(state="absent", delete=True)
    warning = f"S{HELD_TEXT[1:]}, but it exists until its finalizers are removed: example.com/hold."
    first = plan(spec, ServiceAccountState(HELD))
    assert [action.operation for action in first.actions] == ["delete_service_account"]
    second = plan(spec, ServiceAccountState(dataclasses.replace(HELD, is_being_deleted=True)))
    assert not second
    assert first.after == second.before == second.after == {}
    assert first.warnings == second.warnings == (warning,)


@pytest.mark.parametrize(
    "mark",
    [
        {},
        {CREATED_MARK.key: ("true", ("kubectl-client-side-apply", "Update"))},
        {CREATED_MARK.key: ("no", ("eksops.irsa", "Update"))},
    ],
    ids=["no mark", "copied mark", "other value"],
)
@pytest.mark.parametrize("force", [False, True])
def test_delete_keeps_account_that_was_not_created_here(mark: dict[str, t.Any], force: bool) -> None:
    result = plan(
        make_spec(state="absent", delete=True, force=force), ServiceAccountState(account({**mark, ROLE: (ARN, IRSA)}))
    )
    assert [action.operation for action in result.actions] == ["apply_service_account"]
    assert "was not created by this collection" in result.warnings[0]


def test_absent_without_account_is_unchanged() -> None:
    result = plan(make_spec(state="absent", delete=True), ServiceAccountState(None))
    assert not result
    assert service_account_plan.build_returns(result) == {
        "service_account": {},
        "role_arn": None,
        "previous_role_arn": None,
        "near_misses": [],
    }


def test_ineffective_annotations_are_warned_about() -> None:
    before = account({"eks.amazon.com/role-arn": (ARN, KUBECTL), ROLE: (f'"{ARN}"', KUBECTL)})
    result = plan(make_spec(labels={"team": "a"}), ServiceAccountState(before))
    assert (
        "eks.amazon.com/role-arn of service account ns/app has no effect; it looks like " + ROLE in result.warnings[0]
    )
    assert "is not a valid role ARN" in result.warnings[1]
    returns = service_account_plan.build_returns(result)
    assert returns["near_misses"] == [{"key": "eks.amazon.com/role-arn", "intended": ROLE}]
    assert returns["role_arn"] == returns["previous_role_arn"] == f'"{ARN}"'


def test_after_is_the_state_that_the_server_returned() -> None:
    result = plan(make_spec(role_arn=ARN), ServiceAccountState(None, "Active"))
    answer = {
        "metadata": {
            "uid": "u9",
            "resourceVersion": "9",
            "annotations": {ROLE: ARN, "added-by-admission": "x"},
            "managedFields": [],
        }
    }
    after_write = service_account_plan.with_server_state(make_spec(role_arn=ARN), result, [{}, answer])
    assert after_write.after["uid"] == "u9"
    assert "added-by-admission" in after_write.after["annotations"]
    assert service_account_plan.with_server_state(make_spec(), result, []) is result
    assert service_account_plan.with_server_state(make_spec(), result, [None]) is result


INVALID: list[tuple[dict[str, t.Any], str]] = [
    ({"namespace": "Kube"}, "'Kube' is not a valid namespace"),
    ({"namespace": "a.b"}, "'a.b' is not a valid namespace"),
    ({"namespace": "a" * 64}, "is not a valid namespace"),
    ({"namespace": ""}, "'' is not a valid namespace"),
    ({"namespace": "../x"}, "is not a valid namespace"),
    ({"namespace": "a\n"}, "is not a valid namespace"),
    ({"name": "a_b"}, "'a_b' is not a valid service account name"),
    ({"name": "a..b"}, "is not a valid service account name"),
    ({"name": "a" * 254}, "is not a valid service account name"),
    ({"name": "a?force=true"}, "has a wildcard"),
    ({"name": "*"}, "has a wildcard"),
    ({"role_arn": "app"}, "role_arn 'app' is not a valid IAM role ARN"),
    ({"role_arn": ""}, "is not a valid IAM role ARN"),
    ({"role_arn": f" {ARN}"}, "is not a valid IAM role ARN"),
    ({"role_arn": f"{ARN}\n"}, "is not a valid IAM role ARN"),
    ({"role_arn": f'"{ARN}"'}, "is not a valid IAM role ARN"),
    ({"role_arn": "arn:aws:iam::12345678901:role/app"}, "is not a valid IAM role ARN"),
    ({"role_arn": "arn:aws:iam::123456789012:user/app"}, "is not a valid IAM role ARN"),
    ({"role_arn": "arn:aws:iam::١٢٣٤٥٦٧٨٩٠١٢:role/app"}, "is not a valid IAM role ARN"),
    ({"audience": ""}, "is not a valid token audience"),
    ({"audience": "a b"}, "is not a valid token audience"),
    ({"token_expiration": 599}, "token_expiration 599"),
    ({"token_expiration": 2**32 + 1}, "is not a valid token lifetime"),
    ({"annotations": {ROLE: ARN}}, "is set in annotations. Fix: use the option role_arn."),
    ({"annotations": {CREATED_MARK.key: "true"}}, "is reserved for this collection"),
    ({"annotations": {CREATED_MARK.key: None}}, "is reserved for this collection"),
    ({"labels": {"app.kubernetes.io/managed-by": "x"}}, "names the tool that manages the service account"),
    ({"labels": {"app.kubernetes.io/managed-by": None}}, "names the tool that manages the service account"),
    ({"annotations": {"a/b/c": "x"}}, "does not have a valid prefix"),
    ({"annotations": {"Upper.example.com/x": "x"}}, "does not have a valid prefix"),
    ({"annotations": {"": "x"}}, "is not a valid key"),
    ({"annotations": {"x" * 64: "x"}}, "is not a valid key"),
    ({"annotations": {"x": 1.5}}, "the value of annotation x is not a string"),
    ({"annotations": {"x": ["y"]}}, "the value of annotation x is not a string"),
    ({"annotations": {"x": "y" * 262144}}, "annotations have 262145 bytes in total"),
    ({"labels": {"x": "a b"}}, "label x does not have a valid value"),
    ({"labels": {"x": "a" * 64}}, "label x does not have a valid value"),
]


@pytest.mark.parametrize(("options", "message"), INVALID, ids=[f"{number}" for number in range(len(INVALID))])
def test_invalid_option_is_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        make_spec(**options)
    assert message in str(caught.value)
    assert "Fix:" in str(caught.value)


def test_error_lists_all_invalid_options() -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        make_spec(namespace="Kube", role_arn="x", token_expiration=1)
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
        {"state": "absent", "role_arn": "ignored"},
    ],
)
def test_valid_options_are_accepted(options: dict[str, t.Any]) -> None:
    make_spec(**options)


def test_option_takes_precedence_over_null() -> None:
    result = make_spec(annotations={ROLE: None}, role_arn=ARN)
    assert result.sets == {Field("annotations", ROLE): ARN}
    assert result.removes == frozenset()


@pytest.mark.parametrize("owners", [{"eksops.irsa": "Apply"}, {"kubectl-edit": "Update", "helm": "Apply"}])
def test_owners_of_one_field_match_those_of_all_fields(owners: dict[str, str]) -> None:
    body = chain_objects.account(owners=owners)
    field = Field("annotations", ROLE)
    owners_by_field = ServiceAccount.from_kubernetes(body).owners
    assert owners_of(body, field) == owners_by_field[field]
    del body["metadata"]["managedFields"]
    owners_by_field = ServiceAccount.from_kubernetes(body).owners
    assert owners_of(body, field) == owners_by_field[field]
    assert owners_of(body, Field("labels", "x")) == ()
