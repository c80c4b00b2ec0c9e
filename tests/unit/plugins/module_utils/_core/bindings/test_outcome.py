# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import provider_arn
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import outcome as binding_outcome
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.outcome import BindingOutcome
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import NotFound
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import Grant, build_document

ARN = "arn:aws:iam::123456789012:role/path/app"


def outcomes(*names: str) -> list[BindingOutcome]:
    return [
        BindingOutcome.before_run(BindingSpec(index, {"namespace": "shop", "name": name}, None, ARN))
        for index, name in enumerate(names)
    ]


def test_outcomes_are_counted_by_status() -> None:
    ok, changed, failed = outcomes("a", "b", "c")
    changed.changes = ["annotate"]
    failed.changes = ["create role app"]
    failed.error = NotFound("namespace shop does not exist", fix="create it")
    assert [outcome.status for outcome in (ok, changed, failed)] == ["ok", "changed", "failed"]
    assert binding_outcome.count_by_status([ok, changed, failed]) == {"total": 3, "ok": 1, "changed": 1, "failed": 1}
    assert failed.as_dict() == {
        "namespace": "shop",
        "service_account": "c",
        "role_name": "app",
        "role_arn": ARN,
        "status": "failed",
        "changes": ["create role app"],
        "error": {"kind": "not_found", "message": "namespace shop does not exist", "cause": None, "fix": "create it"},
    }


def test_failure_message_has_the_first_errors_once() -> None:
    all_outcomes = outcomes(*"abcdefghij")
    assert binding_outcome.build_failure_message(all_outcomes) is None
    all_outcomes[0].error = all_outcomes[1].error = NotFound("no role")
    for number in range(2, 9):
        all_outcomes[number].error = NotFound(f"error {number}")
    all_outcomes[9].error = binding_outcome.build_not_processed_error(all_outcomes[9])
    message = binding_outcome.build_failure_message(all_outcomes) or ""
    assert message.startswith("10 of 10 bindings failed:\n  shop/a and shop/b: no role.\n  shop/c: error 2.")
    assert "error 5." in message
    assert "error 6." not in message
    assert message.endswith("3 more errors are in the results.")
    assert "was not processed" not in message


def test_diff_has_only_changed_objects() -> None:
    unchanged = Plan({"arn": "x"}, {"arn": "x"})
    new = Plan({}, {"name": "app"}, (Action("create_role", {}, "create role app"),))
    assert binding_outcome.merge_diffs([("provider", "x", unchanged), ("roles", "app", new)]) == {
        "before": {"roles": {"app": {}}},
        "after": {"roles": {"app": {"name": "app"}}},
    }


def test_diff_has_created_namespaces_and_no_values_that_are_null_on_both_sides() -> None:
    action = Action(service_account_plan.CREATE_NAMESPACE, {"name": "shop"}, "create namespace shop")
    new = Plan({}, {"name": "cart", "uid": None}, (action,))
    deleted = Plan({"name": "b", "uid": "1"}, {"name": "b", "uid": None}, (Action("x", {}, "x"),))
    plans = [("service_accounts", "shop/cart", new), ("service_accounts", "shop/b", deleted)]
    assert binding_outcome.merge_diffs(plans) == {
        "before": {
            "namespaces": {"shop": {}},
            "service_accounts": {"shop/cart": {}, "shop/b": {"name": "b", "uid": "1"}},
        },
        "after": {
            "namespaces": {"shop": {"name": "shop"}},
            "service_accounts": {"shop/cart": {"name": "cart"}, "shop/b": {"name": "b", "uid": None}},
        },
    }
    assert binding_outcome.list_created_namespaces(plans) == ["shop"]


PROVIDERS = [
    provider_arn("aws", "123456789012", f"oidc.eks.eu-west-1.amazonaws.com/id/{id_}") for id_ in ("A1", "B2", "C3")
]


def trust(**subjects: list[str]) -> dict[str, t.Any]:
    """A trust policy with a statement for each provider, by the letter of its ID."""
    arns = {arn[-2]: arn for arn in PROVIDERS}
    statements = [build_document(Grant(arns[letter], tuple(names)))["Statement"] for letter, names in subjects.items()]
    return {"Version": "2012-10-17", "Statement": [statement for group in statements for statement in group]}


def subject_of(name: str) -> str:
    return f"system:serviceaccount:shop:{name}"


@pytest.mark.parametrize(
    ("before", "after", "accounts"),
    [
        (trust(B=[subject_of("a")]), trust(B=[subject_of("a")], A=[subject_of("cart")]), ["shop/cart"]),
        (
            trust(A=[subject_of("cart")], B=[subject_of("a")]),
            trust(A=[subject_of("cart")], B=[subject_of("a"), subject_of("b")]),
            None,
        ),
        (trust(A=[subject_of("a")]), trust(A=[subject_of("a"), subject_of("b")]), None),
        (None, trust(A=[subject_of("a")]), None),
        (None, trust(A=[subject_of("a")], B=[subject_of("a")]), ["shop/a"]),
    ],
    ids=["shared", "nothing-added-for-this-cluster", "not-shared", "new", "just-created-by-another-run"],
)
def test_role_of_other_clusters_that_trusts_more_accounts_is_found(
    before: dict[str, t.Any] | None, after: dict[str, t.Any], accounts: list[str] | None
) -> None:
    plan = Plan({"trust_policy": before} if before else {}, {"trust_policy": after}, ())
    plans = [("roles", "app", plan), ("provider", "x", Plan())]
    found = binding_outcome.find_shared_roles(plans, PROVIDERS[0])
    assert found == ([binding_outcome.SharedRole("app", accounts, [PROVIDERS[1]])] if accounts else [])


def test_note_about_a_shared_role_names_the_clusters() -> None:
    role = binding_outcome.SharedRole("shop-cart", ["shop/cart"], PROVIDERS[1:2])
    assert role.describe("staging", {PROVIDERS[1]: "production"}) == (
        "role shop-cart, which cluster production uses too, now trusts shop/cart of cluster staging"
    )
    assert role._replace(provider_arns=PROVIDERS[1:]).describe(None, {PROVIDERS[1]: "production"}) == (
        "role shop-cart, which cluster production and the cluster of the OIDC provider "
        "oidc.eks.eu-west-1.amazonaws.com/id/C3 use too, now trusts shop/cart"
    )


def test_note_about_kept_objects() -> None:
    kept, deleted, unchanged = all_outcomes = outcomes("a", "b", "c")
    kept.changes = deleted.changes = ["remove annotation"]
    accounts = {"shop/a": {"name": "a"}, "shop/b": {}, "shop/c": {"name": "c"}}
    assert binding_outcome.describe_kept_objects(all_outcomes, accounts) == [
        "kept service account shop/a and namespace shop "
        "(delete: true deletes only service accounts that this collection created)"
    ]
    assert binding_outcome.describe_kept_objects([unchanged], accounts) == []


def test_shortened_bindings_omit_unset_options_and_many_are_names() -> None:
    bindings = [{"namespace": "shop", "service_account": "web", "role_name": "r", "tags": None}]
    result = binding_outcome.shorten_bindings(bindings)
    assert result == [{"namespace": "shop", "service_account": "web", "role_name": "r"}]
    assert binding_outcome.shorten_bindings(bindings * (binding_outcome.MAX_DETAILED + 1)) == ["shop/web"] * (
        binding_outcome.MAX_DETAILED + 1
    )


@pytest.mark.parametrize(
    ("count", "expected"), [(100, ["create the provider", "annotate it"]), (101, ["create the provider"])]
)
def test_actions_of_many_bindings_do_not_repeat_changes(count: int, expected: list[str]) -> None:
    all_outcomes = outcomes(*(f"a{number}" for number in range(count)))
    all_outcomes[0].changes = ["annotate it"]
    plans = [
        ("provider", "p", Plan(actions=(Action("create", {}, "create the provider"),))),
        ("service_accounts", "a0", Plan(actions=(Action("apply", {}, "annotate it"),))),
    ]
    assert binding_outcome.list_actions(all_outcomes, plans) == expected


def test_verified_outcome_has_findings_and_proof() -> None:
    (outcome,) = outcomes("web")
    assert "findings" not in outcome.as_dict()
    outcome.findings, outcome.proof = [], {"subject": "x"}
    assert (outcome.as_dict()["findings"], outcome.as_dict()["proof"]) == ([], {"subject": "x"})
