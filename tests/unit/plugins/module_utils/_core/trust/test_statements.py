# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a trust policy's statement, compared with the evaluation of the statement."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import statements as trust_statements
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.evaluation import Request, evaluate_statement

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/AAAA"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
SUBJECT = trust_statements.subject("web", "app")
REQUEST = Request.of_token(PROVIDER, SUBJECT, "sts.amazonaws.com")


@pytest.mark.parametrize(
    ("text", "parsed", "displayed"),
    [
        ("system:serviceaccount:web:app", ("web", "app"), "web/app"),
        ("system:serviceaccount:web:job-*", ("web", "job-*"), "web/job-*"),
        ("system:serviceaccount:web", None, "system:serviceaccount:web"),
        ("system:serviceaccount:web:app:x", None, "system:serviceaccount:web:app:x"),
        ("system:serviceaccount::app", None, "system:serviceaccount::app"),
        ("web:app", None, "web:app"),
        ("sts.amazonaws.com", None, "sts.amazonaws.com"),
    ],
)
def test_subjects_are_parsed_and_displayed(text: str, parsed: tuple[str, str] | None, displayed: str) -> None:
    assert trust_statements.parse_subject(text) == parsed
    assert trust_statements.display_subject(text) == displayed


def test_subject_round_trip() -> None:
    assert trust_statements.parse_subject(trust_statements.subject("web", "app")) == ("web", "app")


STATEMENTS: list[tuple[dict[str, t.Any], bool]] = [
    ({"Principal": {"Federated": PROVIDER}}, True),
    ({"Principal": {"Federated": [f"{PROVIDER}0", PROVIDER]}}, True),
    ({"Principal": {"Federated": f"{PROVIDER}0"}}, False),
    ({"Principal": {"Federated": PROVIDER.upper()}}, False),
    ({"Principal": {"Federated": f"{PROVIDER[:-1]}*"}}, False),
    ({"Principal": {"Federated": "*"}}, True),
    ({"Principal": {"AWS": "*"}}, True),
    ({"Principal": {"AWS": "123456789012"}}, False),
    ({"Principal": {"Service": "*"}}, False),
    ({"Principal": "*"}, True),
    ({"Principal": PROVIDER}, False),
    ({}, False),
    ({"NotPrincipal": {"Federated": PROVIDER}}, False),
    ({"NotPrincipal": {"AWS": "123456789012"}}, True),
    ({"Principal": "*", "Action": "sts:AssumeRole*"}, True),
    ({"Principal": "*", "Action": ["sts:TagSession", "STS:assumerolewithwebidentity"]}, True),
    ({"Principal": "*", "Action": "sts:AssumeRole"}, False),
    ({"Principal": "*", "Action": None}, False),
    ({"Principal": "*", "Action": None, "NotAction": "sts:AssumeRole"}, True),
    ({"Principal": "*", "Action": None, "NotAction": "sts:*"}, False),
    ({"Principal": "*", "Effect": "Deny"}, False),
    ({"Principal": "*", "Effect": "allow"}, False),
]


@pytest.mark.parametrize(("changes", "expected"), STATEMENTS)
def test_may_allow_agrees_with_the_evaluator(changes: dict[str, t.Any], expected: bool) -> None:
    changed = {"Effect": "Allow", "Action": trust_statements.ACTION, **changes}
    statement = {key: value for key, value in changed.items() if value is not None}
    assert trust_statements.may_allow(statement, PROVIDER) is expected
    verdict = evaluate_statement(statement, REQUEST)
    assert (verdict.effect == "Allow" and verdict.matched is True) is expected


def test_may_allow_ignores_conditions() -> None:
    condition = {"StringEquals": {f"{HOST}:sub": trust_statements.subject("web", "other")}}
    statement = {"Effect": "Allow", "Action": trust_statements.ACTION, "Principal": "*", "Condition": condition}
    assert trust_statements.may_allow(statement, PROVIDER) is True
    assert evaluate_statement(statement, REQUEST).matched is False


def test_statement_that_is_not_a_mapping_allows_nothing() -> None:
    assert trust_statements.may_allow("Allow", PROVIDER) is False


@pytest.mark.parametrize("suffix", ["", "IfExists"])
@pytest.mark.parametrize("quantifier", ["", "ForAllValues:", "ForAnyValue:", "ForEachValue:"])
@pytest.mark.parametrize(
    "name",
    [
        "StringEquals",
        "StringEqualsIgnoreCase",
        "StringLike",
        "StringNotEquals",
        "StringNotEqualsIgnoreCase",
        "StringNotLike",
        "stringequals",
        "ArnLike",
        "Bool",
        "Null",
    ],
)
def test_matches_strings(quantifier: str, name: str, suffix: str) -> None:
    matches = quantifier != "ForEachValue:" and name in ("StringEquals", "StringEqualsIgnoreCase", "StringLike")
    assert trust_statements.matches_strings(f"{quantifier}{name}{suffix}") is matches


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {f"{HOST}:sub": ["a", "b"]}, "StringLike": {f"{HOST}:SUB": "c*"}}, {"a", "b", "c*"}),
        ({"StringEqualsIgnoreCase": {f"{HOST}:sub": "A"}}, {"A"}),
        ({"ForAnyValue:StringEqualsIfExists": {f"{HOST}:sub": "a"}}, {"a"}),
        ({"StringNotEquals": {f"{HOST}:sub": "a"}}, set()),
        ({"StringEquals": {f"{HOST}:aud": "a", f"{HOST}0:sub": "b"}}, set()),
        ("text", set()),
        ({"StringEquals": "text"}, set()),
        (None, set()),
    ],
)
def test_named_subjects(condition: t.Any, expected: set[str]) -> None:
    assert trust_statements.named_subjects({"Condition": condition}, PROVIDER) == expected


def test_statement_is_described_by_number_and_sid() -> None:
    document = {"Statement": [{"Sid": "Web"}, {}, "text"]}
    assert trust_statements.describe_place(document, 0) == "statement 1 (Web) of the trust policy"
    assert trust_statements.describe_place(document, 1) == "statement 2 of the trust policy"
    assert trust_statements.describe_place(document, 2) == "statement 3 of the trust policy"


def _document(*statements: t.Any) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _allow(*names: str, **more: t.Any) -> dict[str, t.Any]:
    subjects = [trust_statements.subject("web", name) for name in names]
    condition = {"StringEquals": {f"{HOST}:sub": subjects, f"{HOST}:aud": "sts.amazonaws.com"}}
    return {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
        **more,
    }


DENY: t.Any = {"Sid": "No", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("found", "expected", "text"),
    [
        pytest.param([], [_allow("app")], f"it lacks the statement that allows web/app of {PROVIDER}", id="lacking"),
        pytest.param([DENY], [], "it has statement No that denies *", id="added"),
        pytest.param(
            [_allow("api"), DENY],
            [_allow("api", "app"), DENY],
            f"it lacks the statement that allows web/api, web/app of {PROVIDER}; "
            f"it has the statement that allows web/api of {PROVIDER}",
            id="changed",
        ),
        pytest.param(
            [7],
            [_allow(Condition={})],
            f"it lacks the statement that allows {PROVIDER}; it has an invalid statement",
            id="invalid",
        ),
        pytest.param([DENY, _allow("app")], [_allow("app"), DENY], "only the order differs", id="order"),
    ],
)
def test_difference_is_described(found: list[t.Any], expected: list[t.Any], text: str) -> None:
    assert trust_statements.describe_difference(_document(*found), _document(*expected)) == text
