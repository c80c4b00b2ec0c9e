# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust policies: build, merge, replace and remove, case by case."""

from __future__ import annotations

import copy
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.evaluation import allows
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import NOBODY, RETIRED, Change, Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import subject

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/"
ARN = "arn:aws:iam::123456789012:oidc-provider/"
ONE, TWO = f"{HOST}AAAA", f"{HOST}BBBB"
A, B, C = (subject("ns", name) for name in "abc")
WILD = subject("ns", "job-*")
STS = "sts.amazonaws.com"
EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}


def statement(
    *subjects: str, provider: str = ONE, operator: str = "StringEquals", aud: t.Any = STS, **more: t.Any
) -> t.Any:
    """A managed statement, built without the code under test."""
    condition: dict[str, t.Any] = {}
    if subjects:
        condition[operator] = {f"{provider}:sub": subjects[0] if len(subjects) == 1 else list(subjects)}
    if aud:
        condition.setdefault("StringEquals", {})[f"{provider}:aud"] = aud
    return {
        "Effect": "Allow",
        "Principal": {"Federated": ARN + provider},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
        **more,
    }


def narrowed(*subjects: str) -> t.Any:
    """A foreign statement: it has an additional condition."""
    own = statement(*subjects)
    return {**own, "Condition": {**own["Condition"], "StringEqualsIfExists": {"aws:SourceVpc": "vpc-1"}}}


def document(*statements: t.Any) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def grant(*subjects: str, provider: str = ONE, audiences: tuple[str, ...] = (STS,)) -> Grant:
    return Grant(ARN + provider, subjects, audiences)


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        pytest.param(grant(A), [statement(A)], id="one"),
        pytest.param(grant(C, A, B, A), [statement(A, B, C)], id="sorted-once"),
        pytest.param(grant(WILD), [statement(WILD, operator="StringLike")], id="wildcard"),
        pytest.param(grant(WILD, A), [statement(A), statement(WILD, operator="StringLike")], id="two-statements"),
        pytest.param(grant(A, audiences=()), [statement(A, aud=None)], id="no-audience"),
        pytest.param(grant(A, audiences=("x", STS)), [statement(A, aud=["x", STS])], id="two-audiences"),
        pytest.param(grant(), [NOBODY], id="nobody"),
        pytest.param(
            Grant("arn:aws-cn:iam::123456789012:oidc-provider/oidc.eks.cn-north-1.amazonaws.com.cn/id/X", (A,), (STS,)),
            [
                {
                    "Effect": "Allow",
                    "Principal": {
                        "Federated": "arn:aws-cn:iam::123456789012:oidc-provider/"
                        "oidc.eks.cn-north-1.amazonaws.com.cn/id/X"
                    },
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": {
                            "oidc.eks.cn-north-1.amazonaws.com.cn/id/X:sub": A,
                            "oidc.eks.cn-north-1.amazonaws.com.cn/id/X:aud": STS,
                        }
                    },
                }
            ],
            id="china",
        ),
    ],
)
def test_new_document_has_one_statement_for_each_operator(granted: Grant, expected: list[t.Any]) -> None:
    assert trust_policy.build_document(granted) == document(*expected)


UPPER = statement(A)
UPPER["Condition"] = {"StringEquals": {f"{ONE.upper()}:SUB": A, f"{ONE}:AUD": [STS]}}
UPPER["Action"] = ["STS:assumerolewithwebidentity"]


@pytest.mark.parametrize(
    ("before", "granted"),
    [
        pytest.param([statement(A, B)], grant(B, A), id="order"),
        pytest.param([UPPER], grant(A), id="case-and-lists"),
        pytest.param([statement(A), statement(B, Sid="second")], grant(A, B), id="several-statements"),
        pytest.param([statement(A, operator="StringLike")], grant(A), id="like-without-wildcard"),
        pytest.param([statement(A, WILD, operator="StringLike")], grant(A, WILD), id="like-with-both"),
        pytest.param([EC2, statement(A), statement(A, provider=TWO)], grant(A), id="among-others"),
        pytest.param([narrowed(A), statement(B)], grant(A, B), id="named-by-foreign-statement"),
        pytest.param([NOBODY], grant(), id="nobody"),
        pytest.param([EC2], grant(), id="no-statement-of-provider"),
    ],
)
def test_merge_of_existing_grant_is_unchanged(before: list[t.Any], granted: Grant) -> None:
    old = document(*before)
    assert trust_policy.merge(old, granted).document is old


BROAD = statement()
BOTH = statement(A, operator="StringEquals", aud=None)
BOTH["Condition"]["StringLike"] = {f"{ONE}:sub": WILD}


@pytest.mark.parametrize(
    ("before", "granted", "purge", "after"),
    [
        pytest.param([EC2], grant(A), True, [EC2, statement(A)], id="appended"),
        pytest.param(EC2, grant(A), True, [EC2, statement(A)], id="statement-without-list"),
        pytest.param([statement(B), EC2], grant(A), True, [statement(A), EC2], id="in-place"),
        pytest.param([statement(B, Sid="Web")], grant(A), True, [{**statement(A), "Sid": "Web"}], id="keeps-sid"),
        pytest.param([statement(B)], grant(A), False, [statement(A, B)], id="added"),
        pytest.param([EC2, statement(A)], grant(), True, [EC2], id="empty-list-purges"),
        pytest.param([statement(A)], grant(), True, [NOBODY], id="nobody-remains"),
        pytest.param([NOBODY], grant(A), True, [statement(A)], id="nobody-is-replaced"),
        pytest.param([NOBODY, EC2], grant(A), True, [NOBODY, EC2, statement(A)], id="nobody-among-others-stays"),
        pytest.param([statement(A, aud="old")], grant(A), True, [statement(A)], id="audience"),
        pytest.param([statement(A, aud=None)], grant(A), True, [statement(A)], id="audience-was-missing"),
        pytest.param([statement(A)], grant(A, audiences=()), True, [statement(A, aud=None)], id="audience-removed"),
        pytest.param(
            [statement(A, aud="old")],
            grant(B),
            False,
            [statement(A, aud="old"), statement(B)],
            id="added-next-to-other-audience",
        ),
        pytest.param(
            [statement(WILD)], grant(WILD), True, [statement(WILD, operator="StringLike")], id="wildcard-under-equals"
        ),
        pytest.param(
            [statement(A)],
            grant(A, WILD),
            True,
            [statement(A), statement(WILD, operator="StringLike")],
            id="wildcard-added",
        ),
        pytest.param(
            [statement(WILD, operator="StringLike"), EC2, statement(A)],
            grant(B),
            True,
            [EC2, statement(B)],
            id="statement-with-same-operator",
        ),
        pytest.param([BROAD], grant(A), True, [statement(A)], id="statement-without-sub"),
        pytest.param([BROAD], grant(A), False, [BROAD, statement(A)], id="statement-without-sub-is-kept-without-purge"),
        pytest.param([BOTH], grant(A), True, [statement(A)], id="both-operators"),
        pytest.param(
            [statement(A), statement(B)], grant(A, C), True, [statement(A, C)], id="two-statements-become-one"
        ),
        pytest.param(
            [statement(A, provider=TWO)],
            grant(A),
            True,
            [statement(A, provider=TWO), statement(A)],
            id="second-cluster",
        ),
        pytest.param([narrowed(A)], grant(A, B), True, [narrowed(A), statement(B)], id="narrowed-is-kept"),
        pytest.param(
            [narrowed(A), statement(A, B)], grant(A), True, [narrowed(A), statement(A)], id="managed-next-to-narrowed"
        ),
        pytest.param(
            [{**statement(A), "Effect": "Deny"}],
            grant(A),
            True,
            [{**statement(A), "Effect": "Deny"}, statement(A)],
            id="deny-is-foreign",
        ),
        pytest.param(
            [{**statement(A), "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]}],
            grant(B),
            True,
            [{**statement(A), "Action": ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]}, statement(B)],
            id="more-actions-are-foreign",
        ),
        pytest.param(
            [{**statement(A), "Principal": {"Federated": [ARN + ONE, ARN + TWO]}}],
            grant(B),
            True,
            [{**statement(A), "Principal": {"Federated": [ARN + ONE, ARN + TWO]}}, statement(B)],
            id="more-principals-are-foreign",
        ),
        pytest.param(
            [{**statement(A), "Action": "sts:AssumeRole"}],
            grant(A),
            True,
            [{**statement(A), "Action": "sts:AssumeRole"}, statement(A)],
            id="wrong-action-is-foreign",
        ),
    ],
)
def test_merge_writes_only_managed_statements(before: t.Any, granted: Grant, purge: bool, after: list[t.Any]) -> None:
    old = {"Version": "2012-10-17", "Statement": before}
    copied = copy.deepcopy(old)
    new = trust_policy.merge(old, granted, purge=purge).document
    assert new == document(*after)
    assert old == copied
    assert trust_policy.merge(new, granted, purge=purge).document is new


@pytest.mark.parametrize(
    ("before", "subjects", "after"),
    [
        pytest.param([EC2, statement(A, B)], None, [EC2], id="all"),
        pytest.param([EC2, statement(A, B, Sid="x")], [A], [EC2, statement(B, Sid="x")], id="one-of-two"),
        pytest.param([EC2, statement(A)], [A], [EC2], id="last"),
        pytest.param([statement(A)], None, [NOBODY], id="nobody-remains"),
        pytest.param([BROAD, EC2], None, [EC2], id="statement-without-sub"),
        pytest.param(
            [statement(A), statement(A, provider=TWO)], None, [statement(A, provider=TWO)], id="one-of-two-clusters"
        ),
        pytest.param(
            [statement(A, WILD, operator="StringLike")], [WILD], [statement(A, operator="StringLike")], id="wildcard"
        ),
        pytest.param([statement(A, B, aud="old")], [A], [statement(B, aud="old")], id="keeps-audience"),
    ],
)
def test_remove_keeps_other_subjects_and_foreign_statements(
    before: list[t.Any], subjects: list[str] | None, after: list[t.Any]
) -> None:
    new = trust_policy.remove(document(*before), ARN + ONE, subjects).document
    assert new == document(*after)
    assert trust_policy.remove(new, ARN + ONE, subjects).document is new


@pytest.mark.parametrize(
    ("before", "subjects"),
    [
        pytest.param([EC2], None, id="missing"),
        pytest.param([statement(A)], [B], id="other-subject"),
        pytest.param([statement(A)], [], id="none"),
        pytest.param([narrowed(A)], None, id="foreign"),
        pytest.param([BROAD], [A], id="statement-without-sub"),
    ],
)
def test_remove_of_missing_subjects_is_unchanged(before: list[t.Any], subjects: list[str] | None) -> None:
    old = document(*before)
    assert trust_policy.remove(old, ARN + ONE, subjects).document is old


@pytest.mark.parametrize(
    ("before", "granted", "changes"),
    [
        pytest.param([EC2, statement(A)], grant(A), True, id="other-statements"),
        pytest.param([narrowed(A)], grant(A), True, id="conditions"),
        pytest.param([statement(A, Sid="x")], grant(A), True, id="sid"),
        pytest.param([UPPER], grant(A), False, id="same"),
    ],
)
def test_replace_keeps_only_the_grant(before: list[t.Any], granted: Grant, changes: bool) -> None:
    old = document(*before)
    new = trust_policy.replace(old, granted).document
    assert new == (document(statement(A)) if changes else old)
    assert trust_policy.replace(new, granted).document is new


def test_foreign_statement_is_warned_about() -> None:
    foreign = {**narrowed(A), "Sid": "Office"}
    result = trust_policy.merge(document(EC2, foreign), grant(B))
    assert result.warnings == (
        f"statement 2 (Office) of the trust policy allows {A} of {ARN}{ONE} and is foreign (it has other conditions, "
        "principals or actions); it is kept",
    )
    assert trust_policy.remove(document(EC2, foreign), ARN + ONE).warnings == result.warnings
    assert trust_policy.merge(document(EC2, statement(A, provider=TWO)), grant(B)).warnings == ()


def test_remove_warns_about_statement_without_subjects() -> None:
    assert trust_policy.remove(document(BROAD), ARN + ONE, [A]).warnings == (
        f"statement 1 of the trust policy trusts every service account of {ARN}{ONE}",
    )


def test_change_removes_named_subjects_or_all() -> None:
    old = document(statement(A, B))
    assert Change("remove", grant(A), purge=False).apply(old).document == document(statement(B))
    assert Change("remove", grant(), purge=True).apply(old).document == document(NOBODY)
    assert Change("remove", grant(), purge=False).apply(old).document is old


DENY = {**EC2, "Effect": "Deny"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param([statement(A, B)], [RETIRED], id="last-subjects"),
        pytest.param([NOBODY], [RETIRED], id="nobody"),
        pytest.param([DENY, statement(A)], [DENY, RETIRED], id="keeps-foreign-denials"),
        pytest.param([EC2, statement(A)], [EC2], id="others-are-trusted"),
        pytest.param([RETIRED, EC2], [RETIRED, EC2], id="others-are-trusted-again"),
        pytest.param([RETIRED], [RETIRED], id="retired"),
    ],
)
def test_retire(before: list[t.Any], after: list[t.Any]) -> None:
    change = Change("retire", grant(A, B))
    changed = change.apply(document(*before)).document
    assert changed["Statement"] == after
    assert trust_policy.is_retired(changed) is (RETIRED in after)
    assert change.apply(changed).document is changed


def test_retired_role_is_used_again() -> None:
    changed = Change("merge", grant(A)).apply(document(DENY, RETIRED)).document
    assert changed["Statement"] == [DENY, statement(A)]
    assert not trust_policy.is_retired(changed)


@pytest.mark.parametrize(
    ("statements", "expected"),
    [([EC2], True), ([NOBODY], False), ([{**EC2, "Effect": "Deny"}], False), ([NOBODY, statement(A)], True)],
)
def test_allows_anything(statements: list[t.Any], expected: bool) -> None:
    assert trust_policy.allows_anything(document(*statements)) is expected


BROAD_ELEMENTS: dict[str, dict[str, t.Any]] = {
    "everybody": {"Principal": "*"},
    "every account": {"Principal": {"AWS": "*"}},
    "every provider": {"Principal": {"Federated": "*"}},
    "all principals but one": {"Principal": None, "NotPrincipal": {"AWS": "123456789012"}},
    "all actions but one": {"Action": None, "NotAction": "sts:AssumeRole"},
    "all actions": {"Action": "sts:*"},
}


@pytest.mark.parametrize("name", BROAD_ELEMENTS)
def test_broad_foreign_statement_is_warned_about(name: str) -> None:
    changed = {**statement(A), **BROAD_ELEMENTS[name]}
    foreign = {key: value for key, value in changed.items() if value is not None}
    old = document(foreign)
    assert allows(old, ARN + ONE, A, STS) is True
    result = trust_policy.merge(old, grant(A))
    assert result.document is old
    assert len(result.warnings) == 1
    assert trust_policy.merge(old, grant(B)).document == document(foreign, statement(B))


IP = {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
EVERYWHERE = statement("system:serviceaccount:ns:*", operator="StringLike")
CONDITIONAL = {
    "everybody": {**statement(A), "Principal": "*", "Condition": {**statement(A)["Condition"], **IP}},
    "sub-and-address": {**statement(A), "Condition": {**statement(A)["Condition"], **IP}},
    "pattern": {**EVERYWHERE, "Condition": {**EVERYWHERE["Condition"], **IP}},
    "address-only": {**statement(A), "Condition": IP},
}


@pytest.mark.parametrize("name", CONDITIONAL)
def test_subject_is_not_granted_without_the_condition_of_a_foreign_statement(name: str) -> None:
    old = document(EC2, CONDITIONAL[name])
    for granted in (grant(A), grant(A, audiences=())):
        result = trust_policy.merge(old, granted)
        assert result.document is old
        assert len(result.warnings) == 1
        assert result.warnings[0].startswith("statement 2 of the trust policy allows ")
        assert result.warnings[0].endswith(
            "it is kept and decides whether ns/a can assume the role: no other statement is added"
        )


def test_pattern_is_covered_only_by_a_statement_that_covers_all_of_it() -> None:
    wider, part = ({**statement(name, operator="StringLike")} for name in ("system:serviceaccount:ns:*", A))
    for foreign in (wider, part):
        foreign["Condition"].update(IP)
    covered = document(wider)
    assert trust_policy.merge(covered, grant(WILD)).document is covered
    added = trust_policy.merge(document(part), grant(WILD)).document
    assert added == document(part, statement(WILD, operator="StringLike"))


TWO_PROVIDERS = statement(A)
TWO_PROVIDERS["Principal"] = {"Federated": [ARN + ONE, ARN + TWO]}
TWO_PROVIDERS["Condition"] = {"StringEquals": {f"{ONE}:sub": A, f"{TWO}:sub": A}}


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(TWO_PROVIDERS, id="keys-of-two-providers"),
        pytest.param({**statement(A, aud="x"), "Principal": "*"}, id="other-audience"),
        pytest.param(
            {**statement(A), "Condition": {"StringEquals": {f"{ONE}:sub": A, "aws:PrincipalArn": "x"}}},
            id="no-such-key",
        ),
        pytest.param({**statement(WILD), "Principal": "*"}, id="literal-wildcard"),
    ],
)
def test_foreign_statement_that_never_matches_does_not_count(foreign: t.Any) -> None:
    subject = WILD if WILD in str(foreign) else A
    merged = trust_policy.merge(document(foreign), grant(subject)).document
    assert allows(merged, ARN + ONE, subject, STS) is True
    assert merged["Statement"][0] == foreign


@pytest.mark.parametrize(
    ("before", "subject", "still_allowed", "warnings"),
    [
        pytest.param([statement(A)], A, {}, 0, id="removed"),
        pytest.param([statement(B)], A, {}, 0, id="missing"),
        pytest.param(
            [statement(A), EVERYWHERE],
            A,
            {A: "statement 1 of the trust policy (StringLike ns/*)"},
            0,
            id="pattern",
        ),
        pytest.param(
            [EC2, EVERYWHERE], WILD, {WILD: "statement 2 of the trust policy (StringLike ns/*)"}, 0, id="wider-pattern"
        ),
        pytest.param(
            [{**statement(A), "Action": "sts:*", "Sid": "Web"}],
            A,
            {A: "statement 1 (Web) of the trust policy (StringEquals ns/a)"},
            1,
            id="foreign",
        ),
        pytest.param(
            [statement(A, aud="x"), statement(aud="x")],
            A,
            {A: "statement 1 of the trust policy (every service account)"},
            1,
            id="other-audience",
        ),
        pytest.param([EVERYWHERE, {**statement(A), "Effect": "Deny"}], A, {}, 0, id="denied"),
        pytest.param([CONDITIONAL["pattern"]], A, {}, 2, id="depends-on-the-request"),
    ],
)
def test_remove_reports_subjects_that_other_statements_allow(
    before: list[t.Any], subject: str, still_allowed: dict[str, str], warnings: int
) -> None:
    result = trust_policy.remove(document(*before), ARN + ONE, [subject])
    assert result.still_allowed == still_allowed
    assert len(result.warnings) == warnings


def test_remove_warns_about_a_statement_that_may_allow_the_subject() -> None:
    assert trust_policy.remove(document(CONDITIONAL["pattern"]), ARN + ONE, [A]).warnings[1] == (
        "statement 1 of the trust policy (StringLike ns/*) may still allow ns/a, if a request meets its conditions"
    )


def test_subject_under_ignore_case_is_not_granted_again() -> None:
    foreign = statement(A, operator="StringEqualsIgnoreCase")
    old = document(foreign)
    assert allows(old, ARN + ONE, A, STS) is True
    assert trust_policy.merge(old, grant(A)).document is old


@pytest.mark.parametrize("condition", ["text", ["text"], {"StringEquals": "text"}])
def test_statement_with_malformed_conditions_is_foreign(condition: t.Any) -> None:
    malformed = {**statement(A), "Condition": condition}
    assert trust_policy.parse_managed(malformed, ARN + ONE) is None
    assert trust_policy.merge(document(malformed), grant(B)).document == document(malformed, statement(B))
