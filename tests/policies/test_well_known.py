# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The well-known policies are checked by parliament and against lists of the actions that AWS has."""

from __future__ import annotations

import functools
import json
import pathlib
import typing as t

import botocore.session
import parliament
import policy_sentry
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import Facts
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import policies, resolve

REGIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
CASES = [(name, everything) for name in policies.policy_names() for everything in (False, True)]

# False findings of parliament, by issue and subject, and why they are false.
EXCUSED = {
    ("UNKNOWN_ACTION", "ec2:CopyVolumes"): "newer than its list",
    ("UNKNOWN_ACTION", "elasticloadbalancing:ModifyIpPools"): "newer than its list",
    (
        "UNKNOWN_ACTION",
        "vpc-lattice:BatchUpdateRule",
    ): "an operation of the service, which its policy of all actions allows",
    ("UNKNOWN_PREFIX", "s3files"): "newer than its list",
    ("UNKNOWN_CONDITION_FOR_ACTION", "elasticloadbalancing:CreateAction"): "newer than its list",
    ("RESOURCE_STAR", "shield:DeleteProtection"): "the id of a protection isn't known",
    ("RESOURCE_STAR", "shield:DescribeProtection"): "asked by the ARN of a load balancer",
    ("RESOURCE_STAR", "arc-zonal-shift:GetManagedResource"): "limited by the condition, as Karpenter has it",
    ("RESOURCE_MISMATCH", "s3express:CreateSession"): "it takes a directory bucket's ARN for one without a slash",
    ("RESOURCE_MISMATCH", "ssm:GetParameter"): "AWS's public parameters have no account in their ARNs",
}


def document(name: str, partition: str = "aws", *, everything: bool = False) -> policy_document.Document:
    facts = Facts(partition, "123456789012", REGIONS[partition], "production")
    return resolve.make_template(name, resolve.example_parameters(name, partition, everything=everything)).document(
        facts
    )


def by_action(made: policy_document.Document) -> policy_document.Document:
    """The document with a statement for each action, and all the resources that it is allowed on.

    Where a call needs several resources, each may stand in a statement of its own.
    """
    resources: dict[str, list[str]] = {}
    for each in policy_document.statements(made):
        for action in policy_document.as_list(each["Action"]):
            resources.setdefault(action, []).extend(policy_document.as_list(each["Resource"]))
    statements = [{"Effect": "Allow", "Action": action, "Resource": where} for action, where in resources.items()]
    return {**made, "Statement": statements}


def findings(made: policy_document.Document) -> set[tuple[str, str]]:
    """What parliament finds, by its issue and what it is about."""
    found: set[tuple[str, str]] = set()
    for each in parliament.analyze_policy_string(json.dumps(made)).findings:
        found.update((each.issue, subject) for subject in subjects(each))
    return found


def subjects(finding: t.Any) -> list[str]:
    if finding.issue == "RESOURCE_MISMATCH":
        return [each["action"] for each in finding.detail]
    if finding.issue == "RESOURCE_STAR":
        return list(finding.detail)
    # "Unknown action x:y", "Unknown prefix x", "Unknown condition x:y for action z"
    words = str(finding.detail).split()
    return [words[2]] if words[:1] == ["Unknown"] else [str(finding.detail)]


@functools.cache
def known_actions() -> t.Mapping[str, t.Any]:
    data = pathlib.Path(policy_sentry.__file__ or "").parent / "shared" / "data" / "iam-definition.json"
    return t.cast("t.Mapping[str, t.Any]", json.loads(data.read_text(encoding="utf-8")))


@functools.cache
def operations(service: str) -> frozenset[str]:
    session = botocore.session.get_session()
    if service not in session.get_available_services():
        return frozenset()
    return frozenset(session.get_service_model(service).operation_names)


def exists(action: str) -> bool:
    service, name = action.split(":")
    return name in known_actions().get(service, {}).get("privileges", {}) or name in operations(service)


@pytest.mark.parametrize("partition", REGIONS)
@pytest.mark.parametrize(("name", "everything"), CASES)
def test_parliament_finds_nothing(name: str, partition: str, *, everything: bool) -> None:
    made = document(name, partition, everything=everything)
    found = {each for each in findings(made) if each[0] != "RESOURCE_MISMATCH"} | findings(by_action(made))
    assert found - EXCUSED.keys() == set()


def test_each_excuse_is_needed() -> None:
    found: set[tuple[str, str]] = set()
    for name in policies.policy_names():
        made = document(name, everything=True)
        # Flags may exclude each other, so a second look is at what the least parameters give.
        for each in (made, document(name)):
            found |= findings(each) | findings(by_action(each))
    assert EXCUSED.keys() <= found


@pytest.mark.parametrize("name", policies.policy_names())
def test_each_action_exists(name: str) -> None:
    actions = {
        action
        for each in policies.load_policy(name)["statements"]
        for action in policy_document.as_list(each["Action"])
    }
    assert [action for action in sorted(actions) if not exists(action)] == []


@pytest.mark.parametrize("action", ["ec2:DescribeEverything", "nothing:GetNothing", "route53:ListTagsForZone"])
def test_unknown_action_is_noticed(action: str) -> None:
    assert not exists(action)


@pytest.mark.parametrize(
    ("statement", "issue"),
    [
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"}, ("RESOURCE_MISMATCH", "s3:GetObject")),
        ({"Action": "s3:GetObjects", "Resource": "arn:aws:s3:::bucket/*"}, ("UNKNOWN_ACTION", "s3:GetObjects")),
        ({"Action": "sqs:SendMessage", "Resource": "*"}, ("RESOURCE_STAR", "sqs:SendMessage")),
    ],
)
def test_faulty_statement_is_noticed(statement: dict[str, t.Any], issue: tuple[str, str]) -> None:
    assert issue in findings({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
