# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Trust policies: properties that hold for every document.

The sandbox's evaluator, which shares no code with the collection, decides who may assume a role.
"""

from __future__ import annotations

import copy
import json
import random
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import Chain
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import trust as trust_rules
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules.trust import Trust
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules.trust_refusal import refusal
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.evaluation import (
    accepts_any_audience,
    allowed_subjects,
    is_broad,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.policy import Grant
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import parse_managed
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.statements import subject as trust_subject
from hypothesis import given, settings
from hypothesis import strategies as st
from sandbox.aws.evaluation import allows

# No deadline: the duration of an example varies on a shared machine.
settings.register_profile("irsa", deadline=None, max_examples=100)
settings.load_profile("irsa")

ACTION = "sts:AssumeRoleWithWebIdentity"
PROVIDERS = [f"oidc.eks.eu-west-1.amazonaws.com/id/{letter * 4}" for letter in "AB"]
ARNS = [f"arn:aws:iam::123456789012:oidc-provider/{provider}" for provider in PROVIDERS]
NAMES = ["app", "job-1", "job-2"]
SUBJECTS = [trust_subject(namespace, name) for namespace in ("web", "batch") for name in NAMES]
PATTERNS = [trust_subject("web", "*"), trust_subject("batch", "job-?")]
AUDIENCES = ["sts.amazonaws.com", "other"]

one_or_many = st.one_of(
    st.sampled_from(SUBJECTS + PATTERNS), st.lists(st.sampled_from(SUBJECTS + PATTERNS), min_size=1)
)


@st.composite
def conditions(draw: st.DrawFn, provider: str) -> dict[str, t.Any]:
    """Conditions of managed and of foreign statements."""
    block: dict[str, dict[str, t.Any]] = {}
    for operator in draw(st.lists(st.sampled_from(["StringEquals", "StringLike"]), max_size=2, unique=True)):
        block[operator] = {f"{provider}:sub": draw(one_or_many)}
    if draw(st.booleans()):
        aud = draw(st.one_of(st.sampled_from(AUDIENCES), st.just(AUDIENCES)))
        block.setdefault("StringEquals", {})[f"{provider}:aud"] = aud
    if draw(st.integers(0, 3)) == 0:
        block["IpAddress"] = {"aws:SourceIp": "192.0.2.0/24"}
    return block


@st.composite
def statements(draw: st.DrawFn) -> dict[str, t.Any]:
    provider, arn = draw(st.sampled_from(list(zip(PROVIDERS, ARNS, strict=True))))
    principal = draw(
        st.sampled_from(
            [
                {"Federated": arn},
                {"Federated": [arn]},
                {"Federated": ARNS},
                {"AWS": "123456789012"},
                {"AWS": ["arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/x"]},
                {"Service": "ec2.amazonaws.com"},
            ]
        )
    )
    statement: dict[str, t.Any] = {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"])),
        "Principal": principal,
        "Action": draw(
            st.sampled_from([ACTION, [ACTION], ACTION.lower(), [ACTION, "sts:TagSession"], "sts:AssumeRole"])
        ),
    }
    condition = draw(conditions(provider))
    if condition:
        statement["Condition"] = condition
    return statement


@st.composite
def usual_statements(draw: st.DrawFn) -> dict[str, t.Any]:
    """The usual form of a managed statement: one operator, and an audience."""
    operator = draw(st.sampled_from(["StringEquals", "StringLike"]))
    condition: dict[str, t.Any] = {operator: {f"{PROVIDERS[0]}:sub": draw(one_or_many)}}
    aud = draw(st.sampled_from([None, "sts.amazonaws.com", "sts.amazonaws.com", AUDIENCES]))
    if aud:
        condition.setdefault("StringEquals", {})[f"{PROVIDERS[0]}:aud"] = aud
    return {"Effect": "Allow", "Principal": {"Federated": ARNS[0]}, "Action": ACTION, "Condition": condition}


@st.composite
def documents(draw: st.DrawFn) -> dict[str, t.Any]:
    many = draw(st.lists(st.one_of(usual_statements(), statements()), min_size=1, max_size=4))
    return {"Version": "2012-10-17", "Statement": many[0] if len(many) == 1 and draw(st.booleans()) else many}


subjects = st.lists(st.sampled_from(SUBJECTS + PATTERNS), max_size=4, unique=True).map(tuple)
grants = st.builds(
    Grant, st.just(ARNS[0]), subjects, st.sampled_from([(), ("sts.amazonaws.com",), ("sts.amazonaws.com", "other")])
)


def allowed(document: t.Mapping[str, t.Any], provider: int = 0) -> set[tuple[str, str]]:
    """The subjects and audiences of tokens that the document allows."""
    return {
        (subject, audience)
        for subject in SUBJECTS
        for audience in AUDIENCES
        if allows(
            document,
            action=ACTION,
            provider_arn=ARNS[provider],
            context={f"{PROVIDERS[provider]}:sub".lower(): [subject], f"{PROVIDERS[provider]}:aud".lower(): [audience]},
        )
    }


def is_foreign(statement: dict[str, t.Any]) -> bool:
    """Whether a statement is foreign to the first provider, by the definition of the documentation."""
    return (
        statement["Effect"] != "Allow"
        or policy_document.as_list(statement["Principal"].get("Federated")) != [ARNS[0]]
        or [action.lower() for action in policy_document.as_list(statement["Action"])] != [ACTION.lower()]
        or "IpAddress" in statement.get("Condition", {})
    )


def foreign(document: t.Mapping[str, t.Any]) -> list[str]:
    """The foreign statements as text, in order."""
    return [
        json.dumps(statement)
        for statement in policy_document.statements(document)
        if statement != trust_policy.NOBODY and is_foreign(statement)
    ]


@given(documents(), grants, st.booleans())
def test_merge_is_idempotent_and_keeps_its_argument(document: dict[str, t.Any], grant: Grant, purge: bool) -> None:
    before = copy.deepcopy(document)
    once = trust_policy.merge(document, grant, purge=purge).document
    assert document == before
    assert trust_policy.merge(once, grant, purge=purge).document is once


@given(documents(), grants, st.booleans())
def test_merge_keeps_foreign_statements_and_their_order(document: dict[str, t.Any], grant: Grant, purge: bool) -> None:
    merged = trust_policy.merge(document, grant, purge=purge).document
    assert foreign(merged) == foreign(document)
    assert allowed(merged, provider=1) == allowed(document, provider=1)


@given(documents(), grants, st.booleans())
def test_remove_reverses_merge(document: dict[str, t.Any], grant: Grant, purge: bool) -> None:
    original = trust_policy.remove(document, ARNS[0]).document
    merged = trust_policy.merge(original, grant, purge=purge).document
    assert policy_document.equal(trust_policy.remove(merged, ARNS[0]).document, original)
    named = trust_policy.managed_subjects(merged, ARNS[0])
    assert policy_document.equal(trust_policy.remove(merged, ARNS[0], named).document, original)


@given(documents(), grants)
def test_merge_with_purge_allows_only_the_grant_and_foreign_statements(
    document: dict[str, t.Any], grant: Grant
) -> None:
    rest = trust_policy.remove(document, ARNS[0]).document
    merged = trust_policy.merge(document, grant).document
    # The managed statements of a grant allow exactly its subjects. The foreign statements may deny some of them, or
    # name them, so that they are not added.
    granted = allowed(trust_policy.build_document(grant))
    denied = {token for token in granted if is_denied(rest, token)}
    assert allowed(merged) <= (granted - denied) | allowed(rest)
    assert allowed(merged) >= allowed(rest)
    if not trust_policy.merge(document, grant).warnings:
        assert allowed(merged) == (granted - denied) | allowed(rest)


def is_denied(rest: t.Mapping[str, t.Any], token: tuple[str, str]) -> bool:
    """Whether a statement denies the token."""
    everybody = {"Effect": "Allow", "Principal": {"Federated": ARNS[0]}, "Action": ACTION}
    return token not in allowed({"Version": "2012-10-17", "Statement": [*policy_document.statements(rest), everybody]})


@given(documents(), grants)
def test_merge_without_purge_removes_no_access(document: dict[str, t.Any], grant: Grant) -> None:
    merged = trust_policy.merge(document, grant, purge=False).document
    assert allowed(merged) >= allowed(document)
    assert set(trust_policy.managed_subjects(merged, ARNS[0])) >= set(trust_policy.managed_subjects(document, ARNS[0]))


@given(documents(), grants)
def test_wildcards_are_not_written_under_string_equals(document: dict[str, t.Any], grant: Grant) -> None:
    merged = trust_policy.merge(document, grant).document
    for statement in policy_document.statements(merged):
        if statement in policy_document.statements(document):
            continue
        equals = statement.get("Condition", {}).get("StringEquals", {}).get(f"{PROVIDERS[0]}:sub", [])
        assert not any("*" in value or "?" in value for value in policy_document.as_list(equals))


def shuffled(value: t.Any, chance: random.Random) -> t.Any:
    """The same document in another form: other order, scalars as lists, lists of one item as scalars."""
    if not isinstance(value, dict):
        return value
    pairs = list(value.items())
    chance.shuffle(pairs)
    result: dict[str, t.Any] = {}
    for key, element in pairs:
        if key in ("Version", "Effect"):
            result[key] = element
        elif isinstance(element, dict) and key != "Statement":
            result[key] = shuffled(element, chance)
        else:
            items = [shuffled(item, chance) for item in policy_document.as_list(element)]
            chance.shuffle(items)
            result[key] = items[0] if len(items) == 1 and chance.random() < 0.5 else items
    if isinstance(result.get("Principal"), dict) and result["Principal"].get("AWS") == "123456789012":
        result["Principal"] = {"AWS": "arn:aws:iam::123456789012:root"}
    return result


@given(documents(), st.randoms(use_true_random=False))
def test_equality_ignores_order_lists_and_form_of_accounts(document: dict[str, t.Any], chance: random.Random) -> None:
    assert policy_document.equal(document, shuffled(document, chance))


@given(documents(), documents())
def test_equal_documents_allow_the_same(one: dict[str, t.Any], other: dict[str, t.Any]) -> None:
    if policy_document.equal(one, other):
        assert [allowed(one, index) for index in (0, 1)] == [allowed(other, index) for index in (0, 1)]
    else:
        assert json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True)


@given(documents(), grants)
def test_replaced_document_allows_only_the_grant(document: dict[str, t.Any], grant: Grant) -> None:
    replaced = trust_policy.replace(document, grant).document
    assert allowed(replaced) == allowed(trust_policy.build_document(grant))
    assert allowed(replaced, provider=1) == set()
    assert trust_policy.replace(replaced, grant).document is replaced


def grant_of(*names: str) -> Grant:
    return Grant(ARNS[0], names, (AUDIENCES[0],))


trivial_cases = st.sampled_from(SUBJECTS).flatmap(
    lambda subject: st.tuples(
        st.just(subject),
        st.one_of(
            documents(),
            # Most of these documents allow nobody, so the grant is added.
            documents().map(lambda document: trust_policy.merge(document, grant_of(subject), purge=False).document),
        ),
    )
)


@given(trivial_cases)
def test_trivially_allowed_subject_is_allowed_and_has_no_finding(case: tuple[str, dict[str, t.Any]]) -> None:
    subject, document = case
    if not trust_policy.trivially_allows(document, ARNS[0], subject, AUDIENCES[0]):
        return
    _system, _kind, namespace, name = subject.split(":")
    issuer = f"https://{PROVIDERS[0]}"
    chain = Chain(namespace, name, issuer, "arn:aws:iam::123456789012:role/app", AUDIENCES[0])
    trust = Trust(chain, "arn:aws:iam::123456789012:role/app", ARNS[0], document)
    refused = refusal(trust)
    assert trust.decision.allowed is True
    assert (refused.findings, refused.audience) == ((), None)
    assert trust_rules.policy_findings(trust, refused) == []
    assert (subject, AUDIENCES[0]) in allowed(document)
    named = set(allowed_subjects(document, ARNS[0]) or ())
    assert {name for name, _audience in allowed(document)} <= named


@pytest.mark.parametrize("subject", SUBJECTS)
def test_built_document_trivially_allows_its_subjects(subject: str) -> None:
    document = trust_policy.build_document(grant_of(*SUBJECTS))
    assert trust_policy.trivially_allows(document, ARNS[0], subject, AUDIENCES[0])
    both = trust_policy.merge(document, Grant(ARNS[1], tuple(SUBJECTS), (AUDIENCES[0],))).document
    assert trust_policy.trivially_allows(both, ARNS[0], subject, AUDIENCES[0])
    assert not trust_policy.trivially_allows(document, ARNS[0], subject, AUDIENCES[1])
    assert not trust_policy.trivially_allows(document, ARNS[1], subject, AUDIENCES[0])
    assert not trust_policy.trivially_allows(document, ARNS[0], f"{subject}-2", AUDIENCES[0])


@given(documents())
def test_exact_statement_allows_only_what_it_names(document: dict[str, t.Any]) -> None:
    for index, statement in enumerate(policy_document.statements(document)):
        managed = parse_managed(statement, ARNS[0])
        if managed and managed.is_exact:
            assert not is_broad(document, index, ARNS[0])
            assert not accepts_any_audience(document, index, ARNS[0])


@given(st.lists(usual_statements(), min_size=1, max_size=3))
def test_allowed_subjects_are_those_that_iam_allows(statements: list[dict[str, t.Any]]) -> None:
    document = {"Version": "2012-10-17", "Statement": statements}
    named = allowed_subjects(document, ARNS[0]) or {}
    exact = {subject for subject in named if subject in SUBJECTS}
    assert exact <= {subject for subject, _audience in allowed(document)}
    assert all(named.values())
    # A subject that only a pattern allows is not named.
    texts = [text for statement in statements for text in json.dumps(statement).split('"')]
    assert exact == {subject for subject, _audience in allowed(document) if subject in texts}
