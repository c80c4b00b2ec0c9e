# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents: parsing, comparison and size."""

from __future__ import annotations

import itertools
import json
import time
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


TWICE = "so only the last one would take effect"


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
        pytest.param("a: {b: 1}\nc: {b: 2, b: 3}", "key 'b' occurs twice in c (line 2)", id="yaml-second-line"),
        pytest.param("a: {1: x, '1': y}", "key '1' occurs twice", id="yaml-types"),
        pytest.param({"Statement": {1: "x", "1": "y"}}, "key '1' occurs twice", id="mapping"),
    ],
)
def test_key_that_occurs_twice_is_rejected(value: t.Any, cause: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        policy_document.parse(value, "inline policy 'x'", _runner.load_yaml)
    assert caught.value.message == "inline policy 'x' is not a valid policy document"
    assert caught.value.cause == f"{cause}, {TWICE}"


def nest(depth: int, value: t.Any = "x") -> t.Any:
    for _level in range(depth):
        value = [value]
    return value


LAUGHS = "\n".join(["a0: &a0 [x, x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))])
SHARED: list[t.Any] = ["x"]
for _level in range(12):
    SHARED = [SHARED] * 9
YAML_ERROR = "it is neither JSON nor YAML: "
HOSTILE: dict[str, tuple[t.Any, str]] = {
    "depth": ({"Statement": nest(21)}, "it is nested too deeply"),
    "json depth": ('{"a": ' + "[" * 40_000 + "]" * 40_000 + "}", "it is nested too deeply"),
    "json depth of objects": ('{"a":' * 15_000 + "1" + "}" * 15_000, "it is nested too deeply"),
    "yaml flow depth": ("a: " + "[" * 40_000, YAML_ERROR + "it is nested too deeply in line 1"),
    "yaml block depth": ("- " * 40_000 + "a", YAML_ERROR + "it is nested too deeply in line 1"),
    "yaml mapping depth": ("a: " + "{b: " * 20_000, YAML_ERROR + "it is nested too deeply in line 1"),
    "yaml aliases": (LAUGHS, YAML_ERROR + "YAML aliases are not allowed in line 2"),
    "yaml merge of an alias": (
        "a: &x {b: c}\nd: {<<: *x}",
        YAML_ERROR + "YAML aliases are not allowed in line 2",
    ),
    "yaml recursion": ("a: &a [*a]", YAML_ERROR + "YAML aliases are not allowed in line 1"),
    "yaml binary": (
        "a: !!binary aGk=",
        YAML_ERROR + "the YAML tag tag:yaml.org,2002:binary is not allowed in line 1",
    ),
    "yaml object": (
        "a: !!python/object/apply:os.getpid []",
        YAML_ERROR + "the YAML tag tag:yaml.org,2002:python/object/apply:os.getpid is not allowed in line 1",
    ),
    "yaml set": (
        "a: !!set {b}",
        YAML_ERROR + "the YAML tag tag:yaml.org,2002:set is not allowed in line 1",
    ),
    "yaml own tag": ("a: !x b", YAML_ERROR + "the YAML tag !x is not allowed in line 1"),
    "yaml control character": ("a: \x1b[31m", YAML_ERROR + "not readable"),
    "yaml nan": ("a: .nan", "the number at a is too large or not a number"),
    "yaml infinity": ("a: {b: [-.inf]}", "the number at a.b[0] is too large or not a number"),
    "yaml surrogate": ('a: "\\ud800"', "the text at a has a surrogate without its other half"),
    "yaml values": ("a: [" + "b," * 40_000 + "]", YAML_ERROR + "it has more than 4000 values in line 1"),
    "yaml empty values": ("a: [" + "{}," * 30_000 + "]", YAML_ERROR + "it has more than 4000 values in line 1"),
    "yaml digits": ("a: " + "9" * 90_000, YAML_ERROR + "a number has 90000 digits in line 1"),
    "yaml sexagesimal": ("a: " + "1:" * 40_000 + "1", YAML_ERROR + "a number has 80001 digits in line 1"),
    "yaml anchors": (
        "\n".join(f"k{n}: &a{n} v" for n in range(4500)),
        YAML_ERROR + "it has more than 4000 values in line 2000",
    ),
    "json nan": ('{"a": NaN}', "NaN is not a number of JSON"),
    "json infinity": ('{"a": -Infinity}', "-Infinity is not a number of JSON"),
    "json overflow": ('{"a": 1e999}', "the number at a is too large or not a number"),
    "json digits": ('{"a": ' + "9" * 90_000 + "}", "a number has 90000 digits"),
    "json large": ('{"a": {"b": 9223372036854775808}}', "the number at a.b is too large or not a number"),
    "json surrogate": ('{"a": ["\\udc00"]}', "the text at a[0] has a surrogate without its other half"),
    "json surrogate key": ('{"\\udc00": 1}', "the text has a surrogate without its other half"),
    "json size": ('{"a": "' + "x" * 100_000 + '"}', "it has 100009 characters, more than 100000"),
    "yaml size": ("a: b\n" * 20_001, "it has 100005 characters, more than 100000"),
    "bytes": ({"a": {"b": b"c"}}, "the value at a.b has the type bytes"),
    "set": ({"a": {"b"}}, "the value at a has the type set"),
    "float": ({"a": float("nan")}, "the number at a is too large or not a number"),
    "integer": ({"a": 10**400}, "the number at a is too large or not a number"),
    "surrogate": ({"a": "\ud800"}, "the text at a has a surrogate without its other half"),
    "shared": ({"a": SHARED}, "it has more than 4000 values"),
}


@pytest.mark.parametrize(("value", "cause"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_document_is_rejected_within_a_second(value: t.Any, cause: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidInput) as caught:
        policy_document.parse(value, "inline policy 'x'", _runner.load_yaml)
    assert time.process_time() - start < 1
    assert caught.value.message.startswith("inline policy 'x' is not a")
    assert caught.value.cause == cause


def test_ordinary_values_are_accepted() -> None:
    values = {"a": [None, True, 1, -1.5, 2**63 - 1, "字 😀 \x1b"], "b": nest(18)}
    assert policy_document.parse(values, "it") == values
    assert policy_document.parse(json.dumps(values), "it") == values
    assert policy_document.parse("a: {b: [yes, 1.5, ~]}", "it", _runner.load_yaml) == {"a": {"b": [True, 1.5, None]}}


def test_document_that_is_not_one_has_no_statements() -> None:
    assert policy_document.statements(t.cast(t.Any, "{not JSON")) == []


def test_key_may_occur_in_several_mappings() -> None:
    text = "a: {b: 1, d: []}\nc: {<<: {b: 1, d: []}, b: 2}\n"
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
