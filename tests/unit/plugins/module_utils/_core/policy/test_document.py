# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents: parsing, comparison and size."""

from __future__ import annotations

import itertools
import json
import typing as t
import urllib.parse

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": ["a", "b"]}],
}
YAML = """
Version: 2012-10-17
Statement:
  - Effect: Allow
    Action: s3:GetObject
    Resource: [a, b]
"""


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(DOCUMENT, id="mapping"),
        pytest.param(json.dumps(DOCUMENT, indent=2), id="json"),
        pytest.param(urllib.parse.quote(json.dumps(DOCUMENT)), id="url-encoded"),
        pytest.param(YAML, id="yaml-with-a-date"),
        pytest.param(
            "{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: [a, b]}]}", id="flow"
        ),
    ],
)
def test_document_is_parsed_from_every_form(value: t.Any) -> None:
    assert policy_document.parse(value, "it", _runner.load_yaml) == DOCUMENT


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        ("{", "it is not JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        ("a: [", "it is neither JSON nor YAML: expected the node content, but found '<stream end>' in line 1"),
        ("policy.json", "it is text, not a mapping"),
        ("", "it is empty, not a mapping"),
        ("[]", "it is a list, not a mapping"),
        (None, "it is empty, not a mapping"),
        (3, "it is a number, not a mapping"),
        (True, "it is a boolean, not a mapping"),
    ],
)
def test_invalid_document_is_rejected(value: t.Any, cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        policy_document.parse(value, "inline policy 'x'", _runner.load_yaml)
    assert caught.value.message == "inline policy 'x' is not a policy document"
    assert caught.value.cause == cause


TWICE = "so all but the last of them would be lost"


@pytest.mark.parametrize(
    ("value", "cause"),
    [
        pytest.param('{"Version": "a", "Version": "a"}', "key 'Version' occurs twice", id="top"),
        pytest.param(
            '{"Statement": [{}, {"Condition": {"StringEquals": {"a": "1"}, "StringEquals": {"b": "2"}}}]}',
            "key 'StringEquals' occurs twice in Statement[1].Condition",
            id="condition",
        ),
        pytest.param(
            '{"Statement": {"Condition": {"StringEquals": {"a": "1", "a": "2"}}}}',
            "key 'a' occurs twice in Statement.Condition.StringEquals",
            id="condition-key",
        ),
        pytest.param(
            '{"Statement": {"Action": "a", "Action": "b"}, "Statement": {}}',
            "key 'Statement' occurs twice",
            id="nested",
        ),
        pytest.param(
            urllib.parse.quote('{"Statement": {"Effect": "Allow", "Effect": "Deny"}}'),
            "key 'Effect' occurs twice in Statement",
            id="url-encoded",
        ),
        pytest.param(
            "Statement:\n  - Condition:\n      StringEquals: {a: 1}\n      StringEquals: {b: 2}\n",
            "key 'StringEquals' occurs twice in Statement[0].Condition (line 4)",
            id="yaml",
        ),
        pytest.param("{Statement: {a: 1, a: 2}}", "key 'a' occurs twice in Statement (line 1)", id="yaml-flow"),
        pytest.param("a: &x {b: 1}\nc: {<<: *x, b: 2, b: 3}", "key 'b' occurs twice in c (line 2)", id="yaml-merge"),
        pytest.param("a: {1: x, '1': y}", "key '1' occurs twice", id="yaml-types"),
        pytest.param({"Statement": {1: "x", "1": "y"}}, "key '1' occurs twice", id="mapping"),
    ],
)
def test_key_that_occurs_twice_is_rejected(value: t.Any, cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        policy_document.parse(value, "inline policy 'x'", _runner.load_yaml)
    assert caught.value.message == "inline policy 'x' is not a valid policy document"
    assert caught.value.cause == f"{cause}, {TWICE}"


def test_key_may_occur_in_several_mappings() -> None:
    text = "a: &x {b: 1, d: []}\nc: {<<: *x, b: 2}\n"
    assert policy_document.parse(text, "it", _runner.load_yaml) == {"a": {"b": 1, "d": []}, "c": {"b": 2, "d": []}}
    assert policy_document.parse('{"a": {"b": 1}, "c": {"b": 1}}', "it") == {"a": {"b": 1}, "c": {"b": 1}}


def test_yaml_without_parser_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="it is not JSON"):
        policy_document.parse("a: 1", "it")


def doc(**statement: t.Any) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}


PAIRS = [
    pytest.param(doc(Action="s3:Get*"), doc(Action=["S3:get*"]), True, id="action"),
    pytest.param(doc(Action=["a:B", "c:D"]), doc(Action=["c:d", "A:b"]), True, id="action-order"),
    pytest.param(doc(Action="a:B"), doc(NotAction="a:B"), False, id="not-action"),
    pytest.param(doc(Resource="arn:aws:s3:::A"), doc(Resource="arn:aws:s3:::a"), False, id="resource-case"),
    pytest.param(doc(), {"Version": "2012-10-17", "Statement": {"Effect": "Allow"}}, True, id="one-statement"),
    pytest.param(doc(Condition={}), doc(), True, id="empty-condition"),
    pytest.param(doc(Sid="a"), doc(Sid="b"), False, id="sid"),
    pytest.param(doc(), {**doc(), "Id": "x"}, False, id="id"),
    pytest.param(doc(), {**doc(), "Version": "2008-10-17"}, False, id="version"),
    pytest.param({"Statement": []}, {"Version": "2008-10-17", "Statement": []}, True, id="no-version"),
    pytest.param(doc(Principal="*"), doc(Principal={"AWS": ["*"]}), True, id="everybody"),
    pytest.param(doc(Principal={"AWS": "*"}), doc(Principal={"Federated": "*"}), False, id="everybody-federated"),
    pytest.param(
        doc(Condition={"StringEquals": {"aws:RequestTag/X": "a"}}),
        doc(Condition={"StringEquals": {"AWS:requesttag/x": ["a"]}}),
        True,
        id="condition-key",
    ),
    pytest.param(
        doc(Condition={"StringEquals": {"k:x": "a"}}), doc(Condition={"StringEquals": {"k:x": "A"}}), False, id="value"
    ),
    pytest.param(
        doc(Condition={"Bool": {"k:x": True}}), doc(Condition={"Bool": {"k:x": "true"}}), True, id="boolean-as-text"
    ),
    pytest.param(
        doc(Condition={"StringLike": {"k:x": "a"}}), doc(Condition={"StringEquals": {"k:x": "a"}}), False, id="operator"
    ),
    pytest.param(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "a:b"}, {"Effect": "Deny", "Action": "a:c"}],
        },
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Deny", "Action": "a:c"}, {"Action": "a:b", "Effect": "Allow"}],
        },
        True,
        id="order-of-statements",
    ),
]


@pytest.mark.parametrize(("one", "other", "same"), PAIRS)
def test_equality(one: dict[str, t.Any], other: dict[str, t.Any], same: bool) -> None:
    for pair in itertools.permutations((one, other)):
        assert policy_document.equal(*pair) is same


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_account_id_equals_its_root_arn(partition: str) -> None:
    with_id = doc(Principal={"AWS": "123456789012"})
    with_arn = doc(Principal={"AWS": f"arn:{partition}:iam::123456789012:root"})
    assert policy_document.equal(with_id, with_arn, partition=partition)
    others = {"aws", "aws-cn", "aws-us-gov"} - {partition}
    assert not any(policy_document.equal(with_id, with_arn, partition=other) for other in others)
    assert not policy_document.equal(with_id, doc(Principal={"AWS": f"arn:{partition}:iam::123456789012:role/root"}))


def test_size_counts_sent_characters_without_white_space() -> None:
    assert policy_document.size({"a": "b c\n"}) == len('{"a":"bc\\n"}')
    # JSON escapes it with six characters.
    assert policy_document.size({"a": "é"}) == len('{"a":"\\u00e9"}')


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Principal": {"Federated": "a"}}, ["a"]),
        ({"Principal": {"Federated": ["a", "b"], "AWS": "c"}}, ["a", "b"]),
        ({"Principal": "*"}, []),
        ({"NotPrincipal": {"Federated": "a"}}, []),
        ("not a statement", []),
    ],
)
def test_federated_principals(statement: t.Any, expected: list[str]) -> None:
    assert policy_document.federated_principals(statement) == expected
