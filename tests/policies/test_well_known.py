# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check the well-known policies with parliament and against lists of AWS actions."""

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
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import loader, resolve

REGIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
CASES = [(name, everything) for name in loader.policy_names() for everything in (False, True)]

# False positives of parliament by issue and subject, with the reason.
FALSE_POSITIVES = {
    ("UNKNOWN_ACTION", "ec2:CopyVolumes"): "newer than parliament's list",
    ("UNKNOWN_ACTION", "elasticloadbalancing:ModifyIpPools"): "newer than parliament's list",
    (
        "UNKNOWN_ACTION",
        "vpc-lattice:BatchUpdateRule",
    ): "an API operation, which policies with all actions include",
    ("UNKNOWN_PREFIX", "s3files"): "newer than parliament's list",
    ("UNKNOWN_CONDITION_FOR_ACTION", "elasticloadbalancing:CreateAction"): "newer than parliament's list",
    ("RESOURCE_STAR", "shield:DeleteProtection"): "the id of the protection is not known in advance",
    ("RESOURCE_STAR", "shield:DescribeProtection"): "called with the ARN of a load balancer",
    ("RESOURCE_STAR", "arc-zonal-shift:GetManagedResource"): "limited by a condition, as in Karpenter's policy",
    (
        "RESOURCE_MISMATCH",
        "s3express:CreateSession",
    ): "parliament expects the ARN of a directory bucket without a slash",
    ("RESOURCE_MISMATCH", "ssm:GetParameter"): "ARNs of AWS's public parameters have no account",
}


def make_document(name: str, partition: str = "aws", *, everything: bool = False) -> policy_document.Document:
    facts = Facts(partition, "123456789012", REGIONS[partition], "production")
    return resolve.make_template(name, resolve.example_parameters(name, partition, everything=everything)).document(
        facts
    )


def merge_by_action(policy: policy_document.Document) -> policy_document.Document:
    """Make one statement per action, with all resources on which the policy allows it.

    parliament expects all resources of a call in one statement.
    """
    resources: dict[str, list[str]] = {}
    for statement in policy_document.statements(policy):
        for action in policy_document.as_list(statement["Action"]):
            resources.setdefault(action, []).extend(policy_document.as_list(statement["Resource"]))
    statements = [{"Effect": "Allow", "Action": action, "Resource": arns} for action, arns in resources.items()]
    return {**policy, "Statement": statements}


def lint(policy: policy_document.Document) -> set[tuple[str, str]]:
    """Run parliament.

    :returns: issue and subject of each finding.
    """
    return {
        (finding.issue, subject)
        for finding in parliament.analyze_policy_string(json.dumps(policy)).findings
        for subject in subjects(finding)
    }


def subjects(finding: t.Any) -> list[str]:
    if finding.issue == "RESOURCE_MISMATCH":
        return [mismatch["action"] for mismatch in finding.detail]
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
def test_parliament_has_no_findings(name: str, partition: str, *, everything: bool) -> None:
    policy = make_document(name, partition, everything=everything)
    issues = {(issue, subject) for issue, subject in lint(policy) if issue != "RESOURCE_MISMATCH"}
    assert (issues | lint(merge_by_action(policy))) - FALSE_POSITIVES.keys() == set()


def test_all_false_positives_occur() -> None:
    issues: set[tuple[str, str]] = set()
    for name in loader.policy_names():
        # With the fewest parameters too, since flags can exclude each other.
        for policy in (make_document(name, everything=True), make_document(name)):
            issues |= lint(policy) | lint(merge_by_action(policy))
    assert FALSE_POSITIVES.keys() <= issues


@pytest.mark.parametrize("name", loader.policy_names())
def test_all_actions_exist(name: str) -> None:
    actions = {
        action
        for statement in loader.load_policy(name)["statements"]
        for action in policy_document.as_list(statement["Action"])
    }
    assert [action for action in sorted(actions) if not exists(action)] == []


@pytest.mark.parametrize("action", ["ec2:DescribeEverything", "nothing:GetNothing", "route53:ListTagsForZone"])
def test_unknown_action_is_detected(action: str) -> None:
    assert not exists(action)


@pytest.mark.parametrize(
    ("statement", "issue"),
    [
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket"}, ("RESOURCE_MISMATCH", "s3:GetObject")),
        ({"Action": "s3:GetObjects", "Resource": "arn:aws:s3:::bucket/*"}, ("UNKNOWN_ACTION", "s3:GetObjects")),
        ({"Action": "sqs:SendMessage", "Resource": "*"}, ("RESOURCE_STAR", "sqs:SendMessage")),
    ],
)
def test_faulty_statement_is_detected(statement: dict[str, t.Any], issue: tuple[str, str]) -> None:
    assert issue in lint({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
