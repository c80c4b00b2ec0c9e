# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Policy documents with placeholders."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import Facts, Template, fill

FACTS = Facts("aws", "123456789012", "eu-west-1", "production")


def template(resource: t.Any, **more: t.Any) -> Template:
    return Template("x", "well-known-x", [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource, **more}])


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("${a}-${b}", "1-${b}"),
        ("${aws:username}/${A}", "${aws:username}/${A}"),
        ({"k/${a}": ["${a}", "1", "2"]}, {"k/1": ["1", "2"]}),
        (["${a}", "1"], "1"),
        ([{"x": "${a}"}], [{"x": "1"}]),
        ([], []),
        (True, True),
    ],
)
def test_known_placeholders_are_replaced(value: t.Any, filled: t.Any) -> None:
    assert fill(value, {"a": "1"}) == filled


@pytest.mark.parametrize(
    ("partition", "suffix"),
    [
        ("aws", "amazonaws.com"),
        ("aws-cn", "amazonaws.com.cn"),
        ("aws-us-gov", "amazonaws.com"),
        ("aws-iso", "c2s.ic.gov"),
    ],
)
def test_service_names_have_the_suffix_of_the_partition(partition: str, suffix: str) -> None:
    condition = {"StringEquals": {"iam:PassedToService": "ec2.${dns_suffix}"}}
    document = template("*", Condition=condition).document(Facts(partition, None, None, None))
    assert document["Statement"][0]["Condition"] == {"StringEquals": {"iam:PassedToService": f"ec2.{suffix}"}}


@pytest.mark.parametrize("name", ["partition", "account_id", "region", "cluster_name"])
def test_missing_fact_is_reported(name: str) -> None:
    facts = Facts(**{**FACTS.__dict__, name: None})
    with pytest.raises(InvalidInput) as caught:
        template(f"${{{name}}}").document(facts)
    assert caught.value.message == f"well-known policy x needs {name}"
    assert str(caught.value.fix).startswith(f"set {name}")


def test_arn_in_another_partition_is_rejected() -> None:
    with pytest.raises(InvalidInput) as caught:
        template(["arn:aws:s3:::a", "arn:aws-cn:s3:::b"]).document(FACTS)
    assert caught.value.message == "well-known policy x names arn:aws-cn:s3:::b, which is in partition aws-cn"
    assert caught.value.fix == "use arn:aws:..."
