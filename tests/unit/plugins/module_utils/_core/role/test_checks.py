# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust policies that allow more than the service accounts that they name, and inline policies that IAM rejects."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import (
    describe_wide_trust,
    inline_policy_faults,
)

PROVIDER = "oidc.eks.eu-west-1.amazonaws.com/id/ONE"
OTHER = "oidc.eks.eu-west-1.amazonaws.com/id/TWO"
CART = "system:serviceaccount:shop:cart"
STS = "sts.amazonaws.com"


def statement(provider: str = PROVIDER, **blocks: t.Any) -> dict[str, t.Any]:
    """An Allow statement; ``blocks`` has the values of ``sub`` and ``aud`` by operator."""
    return {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::111122223333:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {
            operator.replace("_", ":"): {f"{provider}:{claim}": value for claim, value in claims.items()}
            for operator, claims in blocks.items()
        },
    }


NAMED = statement(StringEquals={"sub": CART, "aud": STS})
BROAD = "statement {0} of the trust policy allows subjects that it does not name: limit {1}:sub in it"
ANY_AUDIENCE = "statement {0} of the trust policy accepts any audience, unlike other statements: limit {1}:aud in it"
WIDE: dict[str, tuple[list[t.Any], list[str]]] = {
    "named": ([NAMED], []),
    "pattern of names": ([statement(StringLike={"sub": "system:serviceaccount:shop:*", "aud": STS})], []),
    "every account": (
        [statement(StringLike={"sub": "system:serviceaccount:*:*"}, StringEquals={"aud": STS})],
        [BROAD.format(1, PROVIDER)],
    ),
    "foreign statement without sub": ([NAMED, statement(StringEquals={"aud": STS})], [BROAD.format(2, PROVIDER)]),
    "other cluster without sub": ([NAMED, statement(OTHER)], [BROAD.format(2, OTHER)]),
    "only ForAllValues": ([statement(ForAllValues_StringEquals={"sub": CART})], [BROAD.format(1, PROVIDER)]),
    "other kind of provider": (
        [statement("token.actions.githubusercontent.com", StringLike={"sub": "repo:shop/*"})],
        [],
    ),
    "Deny": ([NAMED, {**statement(), "Effect": "Deny"}], []),
    "no audience in any": ([statement(StringEquals={"sub": CART})], []),
    "no audience beside others": ([NAMED, statement(StringEquals={"sub": CART})], [ANY_AUDIENCE.format(2, PROVIDER)]),
    "two audiences": ([NAMED, statement(StringEquals={"sub": CART, "aud": ["vault", STS]})], []),
    "not a statement": ([NAMED, "x", None, {"Condition": 1}], []),
}


@pytest.mark.parametrize(("statements", "expected"), WIDE.values(), ids=WIDE.keys())
def test_wide_trust(statements: list[t.Any], expected: list[str]) -> None:
    assert describe_wide_trust({"Version": "2012-10-17", "Statement": statements}) == expected


def test_document_without_statements_is_not_wide() -> None:
    assert describe_wide_trust({}) == []
    assert describe_wide_trust({"Statement": []}) == []


VALID_STATEMENT = {"Effect": "Allow", "Action": ["s3:*"], "NotResource": "*"}


@pytest.mark.parametrize(
    ("document", "faults"),
    [
        ({"Version": "2012-10-17", "Statement": VALID_STATEMENT}, []),
        ({"Statement": [VALID_STATEMENT], "Id": "x"}, []),
        ({}, ["it has no Statement"]),
        ({"Statement": []}, ["it has no Statement"]),
        ({"Statement": [VALID_STATEMENT], "statement": 1}, ["unknown element statement"]),
        ({"Version": "2012", "Statement": [VALID_STATEMENT]}, ["Version '2012' is neither 2012-10-17 nor 2008-10-17"]),
        ({"Statement": ["x"]}, ["statement 1 is not a mapping"]),
        (
            {"Statement": [VALID_STATEMENT, {**VALID_STATEMENT, "Effect": "allow"}]},
            ["statement 2: Effect is neither Allow nor Deny"],
        ),
        (
            {"Statement": {**VALID_STATEMENT, "Principal": "*"}},
            ["statement 1: Principal is not allowed in an inline policy"],
        ),
        ({"Statement": {**VALID_STATEMENT, "Resources": "*"}}, ["statement 1: unknown element Resources"]),
        (
            {"Statement": {**VALID_STATEMENT, "Resource": "*"}},
            ["statement 1: exactly one of Resource and NotResource is required"],
        ),
        ({"Statement": {**VALID_STATEMENT, "Action": []}}, ["statement 1: Action is not a list of strings"]),
        ({"Statement": {**VALID_STATEMENT, "NotResource": [3]}}, ["statement 1: NotResource is not a list of strings"]),
        (
            {"Statement": {**VALID_STATEMENT, "Sid": "a b"}},
            ["statement 1: Sid 'a b' has characters other than letters and digits"],
        ),
    ],
)
def test_inline_policy_faults(document: dict[str, t.Any], faults: list[str]) -> None:
    assert inline_policy_faults(document) == faults
