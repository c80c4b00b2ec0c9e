# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from sandbox.aws.evaluation import allows, condition_holds, is_known_operator

ACTION = "sts:AssumeRoleWithWebIdentity"
PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.example/id/A"
CONTEXT = {"oidc.example/id/a:sub": ["system:serviceaccount:ns:app"], "oidc.example/id/a:aud": ["sts.amazonaws.com"]}

ABSENT = None
OPERATORS = [
    # operator, the key's values in the request, its values in the policy, whether the condition holds
    ("StringEquals", ["a"], ["a"], True),
    ("StringEquals", ["a"], ["A"], False),
    ("StringEquals", ["a"], ["b", "a"], True),
    ("StringEquals", ["a"], ["*"], False),
    ("StringEquals", ABSENT, ["a"], False),
    ("StringEquals", ["a", "b"], ["b"], True),
    ("StringEqualsIfExists", ABSENT, ["a"], True),
    ("StringEqualsIfExists", ["b"], ["a"], False),
    ("StringNotEquals", ["a"], ["b", "c"], True),
    ("StringNotEquals", ["a"], ["b", "a"], False),
    ("StringNotEquals", ABSENT, ["a"], True),
    ("StringNotEquals", ["a", "b"], ["b"], False),
    ("StringEqualsIgnoreCase", ["a"], ["A"], True),
    ("StringNotEqualsIgnoreCase", ["a"], ["A"], False),
    ("StringLike", ["system:serviceaccount:ns:app"], ["system:serviceaccount:*:app"], True),
    ("StringLike", ["abc"], ["a?c"], True),
    ("StringLike", ["ac"], ["a?c"], False),
    ("StringLike", ["abc"], ["ABC"], False),
    ("StringLike", ["a.c"], ["a.c"], True),
    ("StringLike", ["abc"], ["a.c"], False),
    ("StringLike", ["a[b"], ["a[*"], True),
    ("StringLike", [""], ["*"], True),
    ("StringNotLike", ["abc"], ["a*"], False),
    ("StringNotLike", ABSENT, ["a*"], True),
    ("NumericEquals", ["10"], ["10.0"], True),
    ("NumericNotEquals", ["10"], ["11"], True),
    ("NumericLessThan", ["9"], ["10"], True),
    ("NumericLessThanEquals", ["10"], ["10"], True),
    ("NumericGreaterThan", ["9"], ["10"], False),
    ("NumericGreaterThanEquals", ["x"], ["10"], False),
    ("DateLessThan", ["2026-01-01T00:00:00Z"], ["2026-01-02T00:00:00Z"], True),
    ("DateGreaterThan", ["2026-01-01T00:00:00Z"], ["1767225599"], True),
    ("DateEquals", ["nonsense"], ["2026-01-02T00:00:00Z"], False),
    ("Bool", ["true"], ["True"], True),
    ("Bool", ["true"], ["false"], False),
    ("BoolIfExists", ABSENT, ["false"], True),
    ("BinaryEquals", ["aGk="], ["aGk="], True),
    ("IpAddress", ["10.1.2.3"], ["10.0.0.0/8"], True),
    ("IpAddress", ["2001:db8::1"], ["10.0.0.0/8"], False),
    ("NotIpAddress", ["10.1.2.3"], ["10.0.0.0/8"], False),
    ("ArnLike", ["arn:aws:iam::1:role/a/b"], ["arn:aws:iam::*:role/*"], True),
    ("ArnEquals", ["arn:aws:iam::1:role/a"], ["arn:*"], False),
    ("ArnNotLike", ["arn:aws:iam::1:role/a"], ["arn:aws:iam::2:role/*"], True),
    ("ArnNotLike", ["no-arn"], ["arn:aws:iam::2:role/*"], False),
    ("Null", ABSENT, ["true"], True),
    ("Null", ABSENT, ["false"], False),
    ("Null", ["a"], ["false"], True),
    ("Null", ["a"], ["true"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["b", "c"], True),
    ("ForAnyValue:StringEquals", ["a"], ["b", "c"], False),
    ("ForAnyValue:StringEquals", ABSENT, ["b"], False),
    ("ForAnyValue:StringEqualsIfExists", ABSENT, ["b"], False),
    ("ForAnyValue:StringNotEquals", ["a", "b"], ["b"], True),
    ("ForAnyValue:StringNotEquals", ABSENT, ["b"], False),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b", "c"], True),
    ("ForAllValues:StringEquals", ["a", "d"], ["a", "b"], False),
    ("ForAllValues:StringEquals", ABSENT, ["a"], True),
    ("ForAllValues:StringLike", ["ab", "ac"], ["a*"], True),
]


@pytest.mark.parametrize(("operator", "actual", "expected", "holds"), OPERATORS)
def test_operators(operator: str, actual: list[str] | None, expected: list[str], holds: bool) -> None:
    assert is_known_operator(operator)
    assert condition_holds(operator, actual, expected) is holds


@pytest.mark.parametrize("operator", ["StringEqual", "stringequals", "ForSome:StringEquals", "NullIfExists", "Strings"])
def test_unknown_operators(operator: str) -> None:
    assert not is_known_operator(operator)


def policy(*statements: dict[str, t.Any], version: str = "2012-10-17") -> dict[str, t.Any]:
    defaults = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": ACTION}
    merged = [{**defaults, **changes} for changes in statements]
    return {"Version": version, "Statement": [{k: v for k, v in s.items() if v is not None} for s in merged]}


SUB = "oidc.example/id/A:sub"
POLICIES = [
    (policy({}), True),
    (policy({"Action": "sts:*"}), True),
    (policy({"Action": "*"}), True),
    (policy({"Action": "sts:AssumeRole"}), False),
    (policy({"Action": None, "NotAction": "sts:AssumeRole"}), True),
    (policy({"Action": None, "NotAction": "sts:assumerolewith*"}), False),
    (policy({"Principal": {"Federated": [PROVIDER, "accounts.google.com"]}}), True),
    (policy({"Principal": {"Federated": "*"}}), True),
    (policy({"Principal": {"AWS": "*"}}), True),
    (policy({"Principal": {"Federated": PROVIDER.lower()}}), False),
    (policy({"Principal": {"Federated": f"{PROVIDER}/"}}), False),
    (policy({"Principal": {"Federated": PROVIDER[:-1] + "*"}}), False),
    (policy({"Principal": None, "NotPrincipal": {"Federated": PROVIDER}}), False),
    (policy({"Condition": {"StringEquals": {SUB: "system:serviceaccount:ns:app"}}}), True),
    (policy({"Condition": {"StringEquals": {SUB: "system:serviceaccount:ns:app", f"{SUB}x": "y"}}}), False),
    (policy({"Condition": {"StringEquals": {SUB: "x"}}}, {}), True),
    (policy({}, {"Effect": "Deny", "Condition": {"StringLike": {SUB: "*:app"}}}), False),
    (policy({}, {"Effect": "Deny", "Condition": {"StringLike": {SUB: "*:other"}}}), True),
    (policy({"Effect": "Deny"}), False),
    (policy({"Condition": {"StringEquals": {SUB: "${oidc.example/id/A:sub}"}}}), True),
    (policy({"Condition": {"StringEquals": {SUB: "${oidc.example/id/A:none}"}}}), False),
    (policy({"Condition": {"StringLike": {SUB: "*:${aws:nobody, 'app'}"}}}), True),
    (policy({"Condition": {"StringLike": {SUB: "${aws:nobody, '*'}"}}}), False),
    (policy({"Condition": {"StringLike": {SUB: "${*}"}}}), False),
    (policy({"Condition": {"StringLike": {SUB: "*${*}"}}}), False),
    # Policy variables require version 2012-10-17.
    (policy({"Condition": {"StringEquals": {SUB: "${oidc.example/id/A:sub}"}}}, version="2008-10-17"), False),
    ({"Statement": policy({})["Statement"][0]}, True),
]


@pytest.mark.parametrize(("document", "expected"), POLICIES)
def test_policies(document: dict[str, t.Any], expected: bool) -> None:
    assert allows(document, action=ACTION, provider_arn=PROVIDER, context=CONTEXT) is expected
