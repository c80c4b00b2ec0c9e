# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import outcome as binding_outcome
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.outcome import BindingOutcome
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import NotFound
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan

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
    assert message.startswith("10 of 10 bindings failed. shop/a and shop/b: no role. shop/c: error 2.")
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
