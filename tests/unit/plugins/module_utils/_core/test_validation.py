# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that several modules share: role ARNs and tags."""

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import validation
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def check_role_arn(arn: str) -> None:
    problems = validation.Problems()
    validation.check_role_arn(problems, "role_arn", arn)
    problems.raise_if_any()


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::123456789012:role/app",
        "arn:aws-cn:iam::123456789012:role/team/web/app",
        "arn:aws-us-gov:iam::123456789012:role/a+b=c,d.e@f_g-h",
    ],
)
def test_role_arn_is_accepted(arn: str) -> None:
    check_role_arn(arn)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        " ",
        "null",
        "app",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::12345678901:role/app",
        "arn:aws:iam::123456789012:user/app",
        "arn:aws:sts::123456789012:role/app",
        " arn:aws:iam::123456789012:role/app",
        "arn:aws:iam::123456789012:role/app\n",
        '"arn:aws:iam::123456789012:role/app"',
        "arn:aws:iam::\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660\u0661\u0662:role/app",
    ],
)
def test_invalid_role_arn_is_rejected(arn: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_role_arn(arn)
    assert caught.value.message == f"role_arn {arn!r} is not a valid IAM role ARN"
    assert caught.value.fix == (
        "use arn:PARTITION:iam::ACCOUNT:role/PATH/NAME as AWS shows it, without blanks or quotes"
    )


TAGS = {"Team": "web", "stage": "test", "owner": "me", "aws:x": "y"}


@pytest.mark.parametrize(
    ("expected", "purge", "changes"),
    [
        pytest.param({}, False, ([], {}, TAGS), id="keep"),
        pytest.param({}, True, (["Team", "stage"], {}, {"owner": "me", "aws:x": "y"}), id="purge"),
        pytest.param({"Team": "web"}, False, ([], {}, TAGS), id="unchanged"),
        pytest.param({"Team": "shop"}, False, ([], {"Team": "shop"}, {**TAGS, "Team": "shop"}), id="new-value"),
        pytest.param(
            {"team": "web"},
            True,
            (["stage"], {"team": "web"}, {"owner": "me", "aws:x": "y", "team": "web"}),
            id="new-case",
        ),
        pytest.param({"b": "1", "a": "2"}, False, ([], {"a": "2", "b": "1"}, {**TAGS, "a": "2", "b": "1"}), id="new"),
    ],
)
def test_tags_are_compared_as_iam_compares_them(
    expected: dict[str, str], purge: bool, changes: tuple[list[str], dict[str, str], dict[str, str]]
) -> None:
    assert validation.compare_tags(TAGS, expected, purge=purge, kept=("owner",)) == changes


@pytest.mark.parametrize(
    ("value", "flaw"),
    [
        ({"name": "a", "count": 1, "items": [{"key": "k"}], "labels": {"a": "b"}, "other": object()}, ""),
        ({"name": "a", "count": None}, ""),
        ([], " is not an object"),
        ({}, ".name is missing"),
        ({"name": None}, ".name is not a string"),
        ({"name": "a", "count": True}, ".count is not an integer"),
        ({"name": "a", "items": {}}, ".items is not a list"),
        ({"name": "a", "items": [{"key": "k"}, {}]}, ".items[1].key is missing"),
        ({"name": "a", "labels": {"a": "b", "c": None}}, ".labels.c is not a string"),
        ({"name": "a", "labels": {"*": "b", "c": 1}}, ".labels.c is not a string"),
        ({"name!": "a"}, ".name is missing"),
    ],
)
def test_flaw_of_a_value(value: object, flaw: str) -> None:
    schema = {"name!": str, "count": int, "items": [{"key!": str}], "labels": {"*": str}}
    assert validation.find_flaw(value, schema) == flaw
