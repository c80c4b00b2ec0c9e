# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of trust policies, by the rules in the AWS documentation.

- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
- https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import fnmatch
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.conditions import Operator, replace_variables
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.document import PolicyValue, like
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.evaluation import (
    ACTION,
    Failure,
    Request,
    StatementVerdict,
    allowed_subjects,
    allows,
    evaluate,
    find_allowing,
    find_lost,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import display_subject
from hypothesis import given, settings
from hypothesis import strategies as st

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF"
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
SUB = "system:serviceaccount:web:app"
STS = "sts.amazonaws.com"
REQUEST = Request.of_token(PROVIDER, SUB, STS)

# Operator, values of the key in the request (None: absent), values in the policy, whether it holds.
ABSENT = None
OPERATORS: list[tuple[str, list[str] | None, list[str], bool]] = [
    # Case counts. Wildcards are plain text except for StringLike.
    ("StringEquals", ["a"], ["A"], False),
    ("StringEquals", ["ab"], ["a*"], False),
    ("StringEquals", ["a*"], ["a*"], True),
    ("StringLike", ["AB"], ["a*"], False),
    ("StringLike", ["a\nb"], ["a*b"], True),
    ("StringLike", [""], ["*"], True),
    ("StringLike", [""], ["?"], False),
    ("StringLike", ["a.b"], ["a?b"], True),
    ("StringLike", ["acb"], ["a.b"], False),
    ("StringLike", ["a[b]"], ["a[?]"], True),
    ("StringEqualsIgnoreCase", ["aB"], ["Ab"], True),
    ("StringEqualsIgnoreCase", ["ab"], ["A*"], False),
    # With several values in the policy one must match; for a negated operator none may match.
    ("StringEquals", ["a"], ["b", "a"], True),
    ("StringNotEquals", ["a"], ["b", "c"], True),
    ("StringNotEquals", ["a"], ["b", "a"], False),
    ("StringNotLike", ["abc"], ["x", "a*"], False),
    ("NumericNotEquals", ["1"], ["1.0", "2"], False),
    # An absent key fails, unless the operator is negated or ends in IfExists.
    ("StringEquals", ABSENT, ["a"], False),
    ("StringLike", ABSENT, ["*"], False),
    ("NumericLessThan", ABSENT, ["1"], False),
    ("Bool", ABSENT, ["false"], False),
    ("StringNotEquals", ABSENT, ["a"], True),
    ("ArnNotLike", ABSENT, ["arn:aws:iam::*:role/x"], True),
    ("NotIpAddress", ABSENT, ["10.0.0.0/8"], True),
    ("DateNotEquals", ABSENT, ["2026-01-01T00:00:00Z"], True),
    ("StringEqualsIfExists", ABSENT, ["a"], True),
    ("StringEqualsIfExists", ["b"], ["a"], False),
    ("BoolIfExists", ABSENT, ["true"], True),
    # Null.
    ("Null", ABSENT, ["true"], True),
    ("Null", ABSENT, ["false"], False),
    ("Null", ["a"], ["true"], False),
    ("Null", ["a"], ["false"], True),
    ("Null", ["a"], ["False"], True),
    ("Null", ["a"], ["no"], False),
    # Without values ForAllValues holds and ForAnyValue does not.
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b", "c"], True),
    ("ForAllValues:StringEquals", ["a", "d"], ["a", "b", "c"], False),
    ("ForAllValues:StringEquals", ABSENT, ["a"], True),
    ("ForAllValues:StringEquals", [""], ["a"], True),
    ("ForAllValues:StringNotEquals", ["a", "d"], ["a"], False),
    ("ForAllValues:StringNotEquals", ["c", "d"], ["a"], True),
    ("ForAnyValue:StringEquals", ["a", "d"], ["d"], True),
    ("ForAnyValue:StringEquals", ["a", "d"], ["e"], False),
    ("ForAnyValue:StringEquals", ABSENT, ["a"], False),
    ("ForAnyValue:StringEqualsIfExists", ABSENT, ["a"], False),
    ("ForAnyValue:StringNotEquals", ["a", "d"], ["a"], True),
    ("ForAnyValue:StringNotEquals", ABSENT, ["a"], False),
    # Numbers are compared as numbers. Other text never matches.
    ("NumericEquals", ["10"], ["1e1"], True),
    ("NumericLessThan", ["9"], ["10"], True),
    ("NumericLessThanEquals", ["10"], ["10.0"], True),
    ("NumericGreaterThan", ["10"], ["9"], True),
    ("NumericGreaterThanEquals", ["-1"], ["-2"], True),
    ("NumericEquals", ["nan"], ["nan"], False),
    ("NumericEquals", ["1_0"], ["10"], False),
    ("NumericNotEquals", ["x"], ["10"], True),
    # Dates: the W3C profile of ISO 8601, or seconds since 1970.
    ("DateEquals", ["2026-01-02T03:04:05Z"], ["1767323045"], True),
    ("DateEquals", ["2026-01-02T03:04:05Z"], ["2026-01-02T04:04:05+01:00"], True),
    ("DateEquals", ["2026-01-02T03:04:05Z"], ["2026-01-01T22:34:05-04:30"], True),
    ("DateEquals", ["2026-01-02T00:00:00Z"], ["2026-01-02"], True),
    ("DateEquals", ["2026-01-01T00:00:00Z"], ["2026-01"], True),
    ("DateEquals", ["2026-01-02T03:04:00Z"], ["2026-01-02T03:04Z"], True),
    ("DateLessThan", ["2026-01-02T03:04:05.25Z"], ["2026-01-02T03:04:05.5Z"], True),
    ("DateGreaterThan", ["2026-01-03T00:00:00Z"], ["2026-01-02T23:59:59Z"], True),
    ("DateGreaterThanEquals", ["2026-01-02T00:00:00Z"], ["2026-01-02T00:00:01Z"], False),
    ("DateLessThanEquals", ["2026-01-02T00:00:00Z"], ["2026-02-30"], False),
    ("DateLessThan", ["2026-01-02T00:00:00Z"], ["tomorrow"], False),
    # Other operators.
    ("Bool", ["true"], ["True"], True),
    ("Bool", ["true"], ["false"], False),
    ("BinaryEquals", ["aGVsbG8="], ["aGVsbG8="], True),
    ("BinaryEquals", ["aGVsbG8="], ["aGVsbG8"], False),
    ("IpAddress", ["203.0.113.7"], ["203.0.113.0/24"], True),
    ("IpAddress", ["203.0.113.7"], ["203.0.113.7"], True),
    ("IpAddress", ["203.0.113.7"], ["203.0.113.9/24"], True),
    ("IpAddress", ["2001:db8::7"], ["2001:db8::/32"], True),
    ("IpAddress", ["2001:db8::7"], ["0.0.0.0/0"], False),
    ("NotIpAddress", ["203.0.113.7"], ["203.0.113.0/24"], False),
    ("NotIpAddress", ["198.51.100.7"], ["203.0.113.0/24"], True),
    # ARNs: each of the six parts is compared separately. ArnEquals and ArnLike are the same.
    ("ArnEquals", ["arn:aws:iam::1:role/a/b"], ["arn:aws:iam::*:role/*"], True),
    ("ArnLike", ["arn:aws:iam::1:role/a/b"], ["arn:aws:iam::1:role/a"], False),
    ("ArnLike", ["arn:aws:sns:eu:1:a:b"], ["arn:aws:sns:eu:1:*"], True),
    ("ArnLike", ["arn:aws:iam::1:role/a"], ["arn:*"], False),
    ("ArnLike", ["arn:aws:iam::1:role/a"], ["arn:aws:*:role/a"], False),
    ("ArnNotEquals", ["arn:aws:iam::1:role/a"], ["arn:aws:iam::2:role/?"], True),
    ("ArnNotLike", ["arn:aws:iam::1:role/a"], ["arn:aws:iam::1:role/?"], False),
    ("ArnNotLike", ["no-arn"], ["arn:aws:iam::1:role/?"], False),
]


@pytest.mark.parametrize(("operator", "request_values", "values", "holds"), OPERATORS)
def test_operators(operator: str, request_values: list[str] | None, values: list[str], holds: bool) -> None:
    parsed = Operator.parse(operator)
    assert parsed
    assert parsed.holds(request_values, [PolicyValue.of(value) for value in values]) is holds


@pytest.mark.parametrize(
    "operator",
    ["", "StringEqual", "stringequals", "ForSome:StringEquals", "NullIfExists", "IfExists", "Not", "For:Null"],
)
def test_unknown_operator_is_not_parsed(operator: str) -> None:
    assert Operator.parse(operator) is None


@pytest.mark.parametrize(
    ("text", "resolved", "matching", "not_matching"),
    [
        ("${a:b}", "value", "value", "other"),
        ("x-${A:B}-*", "x-value-*", "x-value-y", "x-other-y"),
        ("${none:x, 'some one'}", "some one", "some one", "someone"),
        ("${ a:b , 'x'}", "value", "value", "x"),
        ("${*}${?}${$}{x}", "*?${x}", "*?${x}", "ab${x}"),
        ("*${wild:x}", "*a*", "xa*", "xab"),
        ("${none:x, '*'}", "*", "*", "x"),
    ],
)
def test_variables_are_replaced(text: str, resolved: str, matching: str, not_matching: str) -> None:
    context = {"a:b": ["value"], "wild:x": ["a*"], "many:x": ["a", "b"]}
    value = replace_variables(text, lambda key: context.get(key.lower()))
    assert value
    assert value.text == resolved
    assert value.like(matching)
    assert not value.like(not_matching)


@pytest.mark.parametrize("text", ["${none:x}", "a${many:x}", "${a:b}${none:x}", "${none:x, unquoted}", "${}"])
def test_variable_without_value(text: str) -> None:
    context = {"a:b": ["value"], "many:x": ["a", "b"]}
    assert replace_variables(text, lambda key: context.get(key.lower())) is None


def test_pattern_with_many_wildcards_is_fast() -> None:
    assert like("*a" * 30, "xa" * 30)
    assert not like("*a" * 30 + "b", "a" * 300)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
@settings(deadline=None, max_examples=1000)
def test_patterns_match_like_fnmatch(pattern: str, text: str) -> None:
    assert like(pattern, text) is fnmatch.fnmatchcase(text, pattern)


# Statements


def statement(condition: t.Any = None, /, **changes: t.Any) -> dict[str, t.Any]:
    """A statement that allows the request, with changed elements; None removes an element."""
    elements = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION, "Condition": condition}
    return {key: value for key, value in {**elements, **changes}.items() if value is not None}


def document(*statements: t.Any, version: str | None = "2012-10-17") -> dict[str, t.Any]:
    elements = {"Version": version, "Statement": list(statements)}
    return {key: value for key, value in elements.items() if value is not None}


def on(operator: str, value: t.Any, key: str = f"{HOST}:sub") -> dict[str, t.Any]:
    return {operator: {key: value}}


YES, NO, UNDECIDABLE = True, False, None
POLICIES: list[tuple[dict[str, t.Any], bool | None]] = [
    (document(), NO),
    ({"Version": "2012-10-17", "Statement": statement()}, YES),
    ({"Version": "2012-10-17"}, NO),
    # Principal
    (document(statement(Principal="*")), YES),
    (document(statement(Principal={"AWS": "*"})), YES),
    (document(statement(Principal={"AWS": ["123456789012", "*"]})), YES),
    (document(statement(Principal={"AWS": "123456789012"})), NO),
    (document(statement(Principal={"AWS": PROVIDER})), NO),
    (document(statement(Principal={"Service": "ec2.amazonaws.com", "Federated": [PROVIDER]})), YES),
    (document(statement(Principal={"Federated": ["accounts.google.com", PROVIDER]})), YES),
    (document(statement(Principal={"Federated": PROVIDER.lower()})), NO),
    (document(statement(Principal={"Federated": f"{PROVIDER[:-1]}*"})), NO),
    (document(statement(Principal=None)), NO),
    (document(statement(Principal=None, NotPrincipal={"Federated": PROVIDER})), NO),
    (document(statement(Principal=None, NotPrincipal={"AWS": "123456789012"})), YES),
    (document(statement(Principal=None, NotPrincipal="*")), NO),
    # Action
    (document(statement(Action=ACTION.upper())), YES),
    (document(statement(Action="sts:*")), YES),
    (document(statement(Action="*")), YES),
    (document(statement(Action="sts:AssumeRoleWith???Identity")), YES),
    (document(statement(Action=["sts:TagSession", "sts:Assume*"])), YES),
    (document(statement(Action="sts:AssumeRole")), NO),
    (document(statement(Action=None)), NO),
    (document(statement(Action=None, NotAction="sts:AssumeRole")), YES),
    (document(statement(Action=None, NotAction="STS:assumerolewith*")), NO),
    # Effect
    (document(statement(Effect="Deny")), NO),
    (document(statement(), statement(Effect="Deny")), NO),
    (document(statement(Effect="Deny"), statement()), NO),
    (document(statement(), statement(on("StringLike", "*:other"), Effect="Deny")), YES),
    (document(statement(Effect="allow")), NO),
    (document("Allow", statement()), YES),
    # Conditions: all must hold
    (document(statement(on("StringEquals", SUB))), YES),
    (document(statement(on("StringEquals", [f"{SUB}2", SUB]))), YES),
    (document(statement(on("StringEquals", SUB, f"{HOST}:SUB".swapcase()))), YES),
    (document(statement(on("StringEquals", SUB.upper()))), NO),
    (document(statement({**on("StringEquals", SUB), **on("StringLike", "*:other")})), NO),
    (document(statement({"StringEquals": {f"{HOST}:sub": SUB, f"{HOST}:aud": "other"}})), NO),
    (document(statement(on("StringEquals", SUB, f"https://{HOST}:sub"))), NO),
    (document(statement({})), YES),
    (document(statement(on("Bool", True, f"{HOST}:flag"))), NO),
    (document(statement(on("Null", True, f"{HOST}:flag"))), YES),
    (document(statement(on("NumericEquals", 1, f"{HOST}:flag"))), NO),
    (document(statement(on("StringEquals", []))), NO),
    (document(statement(on("StringNotEquals", []))), YES),
    (document(statement(on("StringSame", SUB))), NO),
    (document(statement("StringEquals")), NO),
    # Variables, only in version 2012-10-17
    (document(statement(on("StringEquals", f"${{{HOST}:sub}}"))), YES),
    (document(statement(on("StringEquals", f"${{{HOST}:sub}}")), version="2008-10-17"), NO),
    (document(statement(on("StringEquals", f"${{{HOST}:sub}}")), version=None), NO),
    (document(statement(on("StringEquals", "${aws:PrincipalTag/account}"))), NO),
    (document(statement(on("StringNotEquals", "${aws:PrincipalTag/account}"))), YES),
    (document(statement(on("StringLike", "system:serviceaccount:${aws:PrincipalTag/ns, 'web'}:*"))), YES),
    (document(statement(on("StringLike", "system:serviceaccount:web:${*}"))), NO),
    # Keys that only the real request has
    (document(statement(on("IpAddress", "10.0.0.0/8", "aws:SourceIp"))), UNDECIDABLE),
    (document(statement(on("Null", "true", "aws:SourceVpc"))), UNDECIDABLE),
    (document(statement(on("StringEquals", "${sts:RoleSessionName}"))), UNDECIDABLE),
    (document(statement({**on("StringEquals", "x", "aws:SourceVpc"), **on("StringEquals", "x")})), NO),
    (document(statement(), statement(on("StringEquals", "x", "aws:SourceVpc"))), YES),
    (document(statement(), statement(on("StringEquals", "x", "aws:SourceVpc"), Effect="Deny")), UNDECIDABLE),
    (document(statement(on("StringEquals", "x")), statement(on("Bool", "x", "aws:SourceIp"), Effect="Deny")), NO),
    # Keys that the request never has
    (document(statement(on("StringEquals", "x", "aws:PrincipalOrgID"))), NO),
    (document(statement(on("StringNotEquals", "x", "aws:PrincipalTag/team"))), YES),
    (document(statement(on("Bool", "true", "aws:MultiFactorAuthPresent"))), NO),
    (document(statement(on("StringEquals", "x", "sts:ExternalId"))), NO),
    (document(statement(on("StringEquals", "x", "accounts.google.com:sub"))), NO),
]


@pytest.mark.parametrize(("policy", "allowed"), POLICIES)
def test_policy_decision(policy: dict[str, t.Any], allowed: bool | None) -> None:
    assert evaluate(policy, REQUEST).allowed is allowed


def test_deny_overrides_undecidable_deny() -> None:
    policy = document(
        statement(), statement(on("StringEquals", "x", "aws:SourceVpc"), Effect="Deny"), statement(Effect="Deny")
    )
    assert evaluate(policy, REQUEST).allowed is False


# Reasons


def test_statement_lists_all_failures() -> None:
    policy = document(
        statement(Sid="Matches"),
        statement(
            {**on("StringEquals", ["x", "y"]), **on("StringLike", "z", f"{HOST}:email")},
            Sid="Fails",
            Principal={"Service": "ec2.amazonaws.com"},
            Action=["sts:AssumeRole"],
        ),
        statement(on("StringEquals", "x", "aws:SourceVpc"), Effect="Deny"),
    )
    matching, failing, vpc = evaluate(policy, REQUEST).verdicts
    assert matching == StatementVerdict(0, "Matches", "Allow", True)
    assert (failing.index, failing.sid, failing.matched, failing.undecidable) == (1, "Fails", False, ())
    principal, action, sub, email = failing.failures
    assert principal == Failure(
        "Principal", f"it does not name {PROVIDER}", values=("ec2.amazonaws.com",), request_values=(PROVIDER,)
    )
    assert action == Failure(
        "Action", f"it does not have {ACTION}", values=("sts:AssumeRole",), request_values=(ACTION,)
    )
    assert sub == Failure(
        "Condition",
        f"{HOST}:sub is {SUB}, the policy requires StringEquals x or y",
        "StringEquals",
        f"{HOST}:sub",
        ("x", "y"),
        (SUB,),
    )
    assert email == Failure(
        "Condition", f"the request has no key {HOST}:email", "StringLike", f"{HOST}:email", ("z",), lacking=True
    )
    assert (vpc.effect, vpc.matched, vpc.failures) == ("Deny", None, ())
    assert vpc.undecidable == (
        Failure(
            "Condition",
            "only the real request has a value of aws:SourceVpc",
            "StringEquals",
            "aws:SourceVpc",
            ("x",),
        ),
    )


@pytest.mark.parametrize(
    ("changes", "element", "reason"),
    [
        ({"Principal": None, "NotPrincipal": {"Federated": PROVIDER}}, "NotPrincipal", f"it excludes {PROVIDER}"),
        ({"Action": None, "NotAction": "sts:*"}, "NotAction", f"it excludes {ACTION}"),
        ({"Effect": "Permit"}, "Effect", "it is neither Allow nor Deny"),
        ({"Condition": on("Like", "x")}, "Condition", "IAM has no operator Like"),
    ],
)
def test_failure_reason(changes: dict[str, t.Any], element: str, reason: str) -> None:
    (verdict,) = evaluate(document(statement(**changes)), REQUEST).verdicts
    assert [(failure.element, failure.reason) for failure in verdict.failures] == [(element, reason)]


def test_denying_statements() -> None:
    policy = document(statement(), statement(Effect="Deny", Sid="Denies"), statement(on("Null", True), Effect="Deny"))
    assert [verdict.sid for verdict in evaluate(policy, REQUEST).denying] == ["Denies"]


OTHER_SUB = "system:serviceaccount:web:other"
PATTERN = "system:serviceaccount:jobs:*"


def trusting(*subjects: str, operator: str = "StringEquals", **more: t.Any) -> dict[str, t.Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": ACTION,
        "Condition": {operator: {f"{HOST}:sub": list(subjects)}, **more},
    }


DENY = {**trusting(SUB), "Effect": "Deny"}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        pytest.param([trusting(SUB, OTHER_SUB)], {SUB: True, OTHER_SUB: True}, id="named"),
        pytest.param([trusting(PATTERN, operator="StringLike")], {PATTERN: True}, id="pattern"),
        pytest.param([trusting(SUB, operator="StringEqualsIgnoreCase")], {SUB: True}, id="ignores-case"),
        pytest.param(
            [trusting(SUB, IpAddress={"aws:SourceIp": "192.0.2.0/24"}), trusting(OTHER_SUB)],
            {SUB: False, OTHER_SUB: True},
            id="undecidable",
        ),
        pytest.param([trusting(SUB, OTHER_SUB), DENY], {OTHER_SUB: True}, id="denied"),
        pytest.param([trusting(SUB, Bool={"aws:MultiFactorAuthPresent": "true"})], {}, id="condition-never-holds"),
        pytest.param([trusting(SUB, StringLike={f"{HOST}:sub": PATTERN})], {}, id="contradictory-operators"),
        pytest.param([trusting(SUB, StringLike={f"{HOST}:aud": "vault"})], {SUB: True}, id="other-audience"),
        pytest.param([{**trusting(SUB), "Principal": "*"}], {SUB: True}, id="everybody"),
        pytest.param([{**trusting(SUB), "Action": "sts:AssumeRole"}], None, id="other-action"),
        pytest.param([{**trusting(SUB), "Principal": {"Federated": f"{PROVIDER}0"}}], None, id="other-provider"),
        pytest.param([DENY], None, id="no-allow"),
    ],
)
def test_allowed_subjects(statements: list[t.Any], allowed: dict[str, bool] | None) -> None:
    assert allowed_subjects({"Version": "2012-10-17", "Statement": statements}, PROVIDER) == allowed


def test_document_allows_subject_for_its_audience() -> None:
    document = {"Version": "2012-10-17", "Statement": [trusting(SUB, StringLike={f"{HOST}:aud": STS})]}
    assert allows(document, PROVIDER, SUB, STS) is True
    assert allows(document, PROVIDER, SUB, "vault") is False
    assert allows(document, PROVIDER, OTHER_SUB, STS) is False


BROAD = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}


def named(*names: str, operator: str = "StringEquals", **more: t.Any) -> dict[str, t.Any]:
    key = f"{PROVIDER.partition('/')[2]}:sub"
    values = [f"system:serviceaccount:{name.replace('/', ':')}" for name in names]
    return {**BROAD, "Condition": {operator: {key: values}, **more}}


ADDRESS = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        pytest.param([named("a/b", "a/c")], [named("a/c")], ["a/b"], id="named"),
        pytest.param([named("a/b")], [named("a/*", operator="StringLike")], [], id="still-allowed-by-a-pattern"),
        pytest.param([named("a/*", operator="StringLike")], [named("a/b")], ["a/*"], id="pattern"),
        pytest.param([BROAD], [named("a/b")], ["*/*"], id="all"),
        pytest.param([named("a/b", **ADDRESS)], [], ["a/b"], id="undecidable"),
        pytest.param([named("a/b")], [named("a/b", **ADDRESS)], [], id="may-still-be-allowed"),
        pytest.param([named("a/b"), {**named("a/b"), "Effect": "Deny"}], [], [], id="was-denied"),
        pytest.param([named("a/b")], [{**BROAD, "Principal": "*"}], [], id="everybody"),
    ],
)
def test_find_lost(before: list[t.Any], after: list[t.Any], lost: list[str]) -> None:
    old, new = ({"Version": "2012-10-17", "Statement": statements} for statements in (before, after))
    assert [display_subject(subject) for subject in find_lost(old, new, PROVIDER)] == lost


@pytest.mark.parametrize(
    ("statements", "subject", "expected"),
    [
        pytest.param([named("a/b")], "a/b", (True, [0]), id="named"),
        pytest.param([named("x/y"), named("a/*", operator="StringLike"), BROAD], "a/b", (True, [1, 2]), id="several"),
        pytest.param([named("a/b", **ADDRESS)], "a/b", (None, [0]), id="undecidable"),
        pytest.param([named("a/b")], "a/*", (False, []), id="pattern-is-not-covered"),
        pytest.param([named("*/*", operator="StringLike")], "a/*", (True, [0]), id="pattern-is-covered"),
        pytest.param([BROAD, {**BROAD, "Effect": "Deny"}], "a/b", (False, []), id="denied"),
    ],
)
def test_find_allowing(statements: list[t.Any], subject: str, expected: tuple[bool | None, list[int]]) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    assert find_allowing(document, PROVIDER, f"system:serviceaccount:{subject.replace('/', ':')}") == expected
