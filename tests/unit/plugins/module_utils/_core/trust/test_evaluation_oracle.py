# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation of trust policies, compared with independent evaluators.

- @cloud-copilot/iam-simulate, with recorded decisions on 800 policies: iam_verdicts/make.py
- npkt, for each operator. It evaluates service control policies and differs from IAM: a negated operator on an absent
  key fails, ArnEquals means equality, ``[`` is a wildcard, and it parses fewer forms of dates. The strategy omits these
  cases; the recorded decisions and test_evaluation.py cover them.
- the sandbox's evaluator, which shares no code with the collection, on whole policies.
"""

from __future__ import annotations

import collections
import datetime
import json
import pathlib
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.conditions import Operator
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.document import PolicyValue
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.evaluation import Request, evaluate
from hypothesis import given, settings
from hypothesis import strategies as st
from npkt.engine.condition_evaluator import evaluate_single_condition
from npkt.models.report import EvaluationContext
from sandbox.aws import evaluation as sandbox

RECORDED = json.loads((pathlib.Path(__file__).parent / "iam_verdicts.json").read_text(encoding="utf-8"))
HOST = RECORDED["provider"].partition(":oidc-provider/")[2]
REQUEST = Request(
    RECORDED["provider"],
    {key.lower(): [value] if isinstance(value, str) else value for key, value in RECORDED["context"].items()},
)


@pytest.mark.parametrize("index", range(len(RECORDED["cases"])))
def test_decision_matches_iam_simulate(index: int) -> None:
    case = RECORDED["cases"][index]
    assert evaluate(case["document"], REQUEST).allowed is case["allowed"]


def test_recorded_decisions_cover_operators_and_outcomes() -> None:
    outcomes = collections.defaultdict(set)
    for case in RECORDED["cases"]:
        statement = case["document"]["Statement"]
        if isinstance(statement, dict):
            operator = Operator.parse(next(iter(statement["Condition"])))
            assert operator
            outcomes[operator.quantifier, operator.comparison, operator.negated].add(case["allowed"])
    unquantified = {key: allowed for key, allowed in outcomes.items() if not key[0]}
    # All comparisons and their negations.
    assert len(unquantified) == 27
    assert all(allowed == {True, False} for allowed in unquantified.values())
    assert {key[0] for key in outcomes} == {"", "ForAllValues", "ForAnyValue"}


# Operators

TEXT = st.text("abA:*?.-", max_size=5)
ADDRESSES = ["10.1.2.3", "10.1.2.4", "192.0.2.1", "2001:db8::1"]
NETWORKS = [*ADDRESSES, "10.0.0.0/8", "10.1.2.0/30", "192.0.2.0/24", "2001:db8::/32", "not a network"]
NUMBERS = ["0", "1", "-1", "1.0", "1e0", "2.5", "10", "x"]
ARNS = [
    f"arn:aws:{service}::1:{resource}" for service in ("iam", "s3") for resource in ("role/a", "role/b", "role/a/b")
]
ARN_PATTERNS = [*ARNS, "arn:aws:*::1:role/a", "arn:aws:iam::1:role/?", "arn:*:iam::1:role/*"]
DATES = [f"2026-01-0{day}T00:00:0{second}Z" for day in (1, 2) for second in (0, 1)]
ORDERS = ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"]
request_text = st.text("abA:.-", min_size=1, max_size=5)
KINDS: list[tuple[list[str], st.SearchStrategy[str], st.SearchStrategy[str]]] = [
    (["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"], request_text, TEXT),
    (["StringLike", "StringNotLike"], request_text, TEXT),
    (["ArnLike", "ArnNotLike"], st.sampled_from(ARNS), st.sampled_from(ARN_PATTERNS)),
    (["ArnEquals", "ArnNotEquals"], st.sampled_from(ARNS), st.sampled_from(ARNS)),
    ([f"Numeric{order}" for order in ORDERS], st.sampled_from(NUMBERS), st.sampled_from(NUMBERS)),
    ([f"Date{order}" for order in ORDERS], st.sampled_from(DATES), st.sampled_from(DATES)),
    (["Bool"], st.sampled_from(["true", "false"]), st.sampled_from(["true", "false", "TRUE"])),
    (["BinaryEquals"], st.sampled_from(["aGk=", "aG8="]), st.sampled_from(["aGk=", "aG8="])),
    (["IpAddress", "NotIpAddress"], st.sampled_from(ADDRESSES), st.sampled_from(NETWORKS)),
    (["Null"], request_text, st.sampled_from(["true", "false"])),
]


class Case(t.NamedTuple):
    """An operator, the values of the request, and the values of the policy."""

    operator: str
    request_values: list[str] | None
    values: list[str]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    operators, request_value, value = draw(st.sampled_from(KINDS))
    operator = draw(st.sampled_from(operators))
    request_values: list[str] | None = [draw(request_value)]
    if operator != "Null" and draw(st.booleans()):
        operator = f"{draw(st.sampled_from(['ForAllValues', 'ForAnyValue']))}:{operator}"
        request_values = draw(st.lists(request_value, min_size=1, max_size=3))
    if operator == "Null" or (":" not in operator and "Not" not in operator and draw(st.booleans())):
        operator += "IfExists" if operator != "Null" else ""
        request_values = draw(st.sampled_from([request_values, None]))
    return Case(operator, request_values, draw(st.lists(value, min_size=1, max_size=3)))


def evaluate_with_npkt(case: Case) -> bool:
    value: t.Any = case.request_values
    if value is not None and not case.operator.startswith("For"):
        value = value[0]
    context = EvaluationContext(
        event=None,
        region="",
        account_id=None,
        source_ip=None,
        user_agent=None,
        request_time=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
        principal_arn=None,
        principal_type="",
        request_tags={} if value is None else {"key": value},
    )
    return bool(evaluate_single_condition(case.operator, "aws:RequestTag/key", case.values, context).matches)


@given(cases())
@settings(deadline=None, max_examples=1500)
def test_operator_matches_npkt_and_the_sandbox(case: Case) -> None:
    operator = Operator.parse(case.operator)
    assert operator
    holds = operator.holds(case.request_values, [PolicyValue.of(value) for value in case.values])
    assert holds is evaluate_with_npkt(case)
    assert holds is sandbox.condition_holds(case.operator, case.request_values, case.values)


# Whole policies

SUBJECTS = ["system:serviceaccount:web:app", "system:serviceaccount:web:other", "system:serviceaccount:*:app", "*"]
ACTIONS = ["sts:AssumeRoleWithWebIdentity", "sts:assumerolewithwebidentity", "sts:AssumeRole", "sts:*", "*", "sts:?"]
PRINCIPALS: list[t.Any] = [
    "*",
    {"AWS": "*"},
    {"AWS": "123456789012"},
    {"Federated": RECORDED["provider"]},
    {"Federated": ["cognito-identity.amazonaws.com", RECORDED["provider"]]},
    {"Federated": RECORDED["provider"].lower()},
    {"Service": "ec2.amazonaws.com"},
]
VALUES = [
    *SUBJECTS,
    f"${{{HOST}:sub}}",
    f"${{{HOST}:none}}",
    f"${{{HOST}:none, '*'}}",
    "system:serviceaccount:web:${*}",
]


@st.composite
def statements(draw: st.DrawFn) -> dict[str, t.Any]:
    condition: dict[str, dict[str, t.Any]] = collections.defaultdict(dict)
    for _index in range(draw(st.integers(0, 2))):
        quantifier = draw(st.sampled_from(["", "", "ForAllValues:", "ForAnyValue:"]))
        name = draw(st.sampled_from(["StringEquals", "StringLike", "StringNotLike", "StringEqualsIgnoreCase"]))
        exists = draw(st.sampled_from(["", "", "IfExists"]))
        key = f"{HOST}:{draw(st.sampled_from(['sub', 'SUB', 'amr', 'none']))}"
        values = draw(st.one_of(st.sampled_from(VALUES), st.lists(st.sampled_from(VALUES), min_size=1, max_size=3)))
        condition[f"{quantifier}{name}{exists}"][key] = values
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        draw(st.sampled_from(["Principal"] * 4 + ["NotPrincipal"])): draw(st.sampled_from(PRINCIPALS)),
        draw(st.sampled_from(["Action"] * 4 + ["NotAction"])): draw(
            st.one_of(st.sampled_from(ACTIONS), st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=2))
        ),
        **({"Condition": dict(condition)} if condition else {}),
    }


@given(st.lists(statements(), min_size=1, max_size=3), st.sampled_from(["2012-10-17", "2008-10-17"]))
@settings(deadline=None, max_examples=800)
def test_decision_matches_the_sandbox(policy: list[dict[str, t.Any]], version: str) -> None:
    document = {"Version": version, "Statement": policy}
    decision = evaluate(document, REQUEST)
    assert decision.allowed is sandbox.allows(
        document, action=REQUEST.action, provider_arn=REQUEST.provider_arn, context=REQUEST.context
    )
    # The verdicts on the statements agree with the decision.
    denied = any(verdict.matched for verdict in decision.verdicts if verdict.effect == "Deny")
    allowed = any(verdict.matched for verdict in decision.verdicts if verdict.effect == "Allow")
    assert decision.allowed is (allowed and not denied)
    assert all(bool(verdict.failures) is not verdict.matched for verdict in decision.verdicts)
