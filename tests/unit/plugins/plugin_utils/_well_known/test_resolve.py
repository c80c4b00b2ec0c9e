# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Resolving requests for well-known policies: all policies, and invalid requests."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy import document as policy_document
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import Facts
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import INLINE_QUOTA, inline_policy_faults
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import loader, resolve

REGIONS = {"aws": "eu-west-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
KEY = "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"

_NO_RESOURCE = "these calls take no resource"
_CONDITION = "these calls take no resource; the condition limits them"
_LISTS = "these calls list objects and take no resource"
# Why a statement may have the resource *, by policy and Sid.
STARS = {
    ("cert_manager", "FindZones"): _LISTS,
    ("cloudwatch_observability", "FindLogGroups"): _LISTS,
    ("cloudwatch_observability", "Observe"): _LISTS,
    ("cloudwatch_observability", "PutMetrics"): "metrics have no ARN; namespaces limits it",
    ("cloudwatch_observability", "PutTraces"): _NO_RESOURCE,
    ("cluster_autoscaler", "Observe"): _LISTS,
    ("ebs_csi", "Observe"): _LISTS,
    ("efs_csi", "Observe"): _LISTS,
    ("efs_csi", "ObserveS3Files"): _LISTS,
    ("external_dns", "FindZones"): _LISTS,
    ("external_secrets", "FindParameters"): _LISTS,
    ("external_secrets", "FindSecrets"): "these calls list secrets; ReadSecrets restricts the values",
    ("fsx_lustre_csi", "Observe"): _LISTS,
    ("fsx_openzfs_csi", "Observe"): _LISTS,
    ("gateway_api_controller", "DeliverAccessLogs"): _NO_RESOURCE,
    ("gateway_api_controller", "Observe"): _LISTS,
    ("gateway_api_controller", "TagLattice"): "ManageLattice restricts what may be tagged",
    ("image_builder", "LogIn"): _NO_RESOURCE,
    ("karpenter", "FollowZonalShifts"): _CONDITION,
    ("karpenter", "Observe"): _CONDITION,
    ("karpenter", "ObserveGlobally"): _LISTS,
    ("load_balancer_controller", "Observe"): _LISTS,
    ("load_balancer_controller", "SetWaf"): _NO_RESOURCE,
    ("load_balancer_controller", "UseShield"): "the ID of a protection is unknown; calls name the load balancer",
    ("load_balancer_controller_target_group_binding", "Observe"): _LISTS,
    ("node_termination_handler", "Observe"): _LISTS,
    ("velero", "ObserveVolumes"): _LISTS,
    ("vpc_cni_ipv4", "FindLogGroups"): _LISTS,
    ("vpc_cni_ipv4", "Observe"): _LISTS,
    ("vpc_cni_ipv6", "FindLogGroups"): _LISTS,
    ("vpc_cni_ipv6", "Observe"): _LISTS,
}
_LISTING = re.compile(r"[a-z0-9-]+:(BatchGet|Describe|Get|List)\w*")

CASES = [(name, everything) for name in loader.policy_names() for everything in (False, True)]


def document(name: str, partition: str = "aws", *, everything: bool = False, **more: t.Any) -> policy_document.Document:
    given = {**resolve.example_parameters(name, partition, everything=everything), **more}
    facts = Facts(partition, "123456789012", REGIONS[partition], "production")
    return resolve.make_template(name, given).document(facts)


def statements(name: str, **more: t.Any) -> dict[str, policy_document.Statement]:
    return {statement["Sid"]: statement for statement in policy_document.statements(document(name, **more))}


def rejection(*given: t.Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        resolve.make_templates(list(given))
    return caught.value


# Every policy


@pytest.mark.parametrize("partition", REGIONS)
@pytest.mark.parametrize(("name", "everything"), CASES)
def test_iam_accepts_the_policy(name: str, partition: str, *, everything: bool) -> None:
    policy = document(name, partition, everything=everything)
    assert inline_policy_faults(policy) == []
    assert policy_document.size(policy) < INLINE_QUOTA
    text = json.dumps(policy)
    assert "${" not in text
    assert {match[1] for match in re.finditer(r'"arn:([^:]*):', text)} <= {partition}
    sids = [statement["Sid"] for statement in policy_document.statements(policy)]
    assert len(set(sids)) == len(sids)
    assert all(statement["Effect"] == "Allow" for statement in policy_document.statements(policy))


@pytest.mark.parametrize(("name", "everything"), CASES)
def test_only_known_statements_have_all_resources(name: str, *, everything: bool) -> None:
    for statement in policy_document.statements(document(name, everything=everything)):
        if "*" in policy_document.as_list(statement["Resource"]):
            assert (name, statement["Sid"]) in STARS
        actions = policy_document.as_list(statement["Action"])
        assert all(re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action) for action in actions), "an action with a wildcard"
        if STARS.get((name, statement["Sid"])) == _LISTS:
            assert all(_LISTING.fullmatch(action) for action in actions if action != "ssm:DescribeParameters")


def test_known_statements_exist() -> None:
    existing = {
        (name, statement["Sid"])
        for name in loader.policy_names()
        for statement in loader.load_policy(name)["statements"]
        if statement["Resource"] == "*"
    }
    assert existing == STARS.keys()


REQUIRED = [
    (name, key)
    for name in loader.policy_names()
    for key, parameter in loader.load_policy(name)["parameters"].items()
    if parameter.get("required")
]


@pytest.mark.parametrize(("name", "parameter"), REQUIRED)
def test_missing_parameter_is_reported(name: str, parameter: str) -> None:
    parameters = resolve.example_parameters(name)
    del parameters[parameter]
    error = rejection({"name": name, **parameters})
    assert error.message == f"well-known policy {name}: the parameter {parameter} is missing"
    assert str(error.fix).startswith("use ")


@pytest.mark.parametrize("name", [name for name in loader.policy_names() if "one_of" in loader.load_policy(name)])
def test_one_of_several_parameters_is_needed(name: str) -> None:
    policy = loader.load_policy(name)
    flags = {key: False for key in policy["one_of"] if policy["parameters"][key]["kind"] == "bool"}
    given = {key: value for key, value in resolve.example_parameters(name).items() if key not in policy["one_of"]}
    assert "is set" in rejection({"name": name, **given, **flags}).message


PARAMETERS = [(name, key) for name in loader.policy_names() for key in loader.load_policy(name)["parameters"]]


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_invalid_value_is_reported(name: str, parameter: str) -> None:
    valid = {"name": name, **resolve.example_parameters(name)}
    for value in ([], {}, ["a b"], [""], [1], {"a": 1}, {"a": "${x}"}, "a b", "${x}", 1, ["${x}"]):
        assert rejection({**valid, parameter: value}).message.startswith(f"well-known policy {name}: {parameter} ")


# Requests


def test_unknown_policy_suggests_similar_names() -> None:
    assert rejection("external-dns").fix == "use external_dns or external_secrets"
    assert str(rejection("zzz")).startswith(
        "well-known policy zzz does not exist. Fix: use one of amazon_managed_prometheus, "
    )


@pytest.mark.parametrize(
    ("given", "message", "fix"),
    [
        (
            {"name": "velero", "bucket": ["backups"], "buckets": ["backups"]},
            "unknown parameter bucket",
            "use buckets",
        ),
        ({"name": "velero", "buckets": "backups"}, "buckets is not a list", "use names of buckets, such as "),
        ({"name": "velero", "buckets": []}, "buckets is an empty list, which grants nothing", "use names of buckets"),
        ({"name": "velero", "buckets": ["Backups"]}, "buckets has 'Backups', which is not valid", "use names of"),
        (
            {"name": "velero", "buckets": ["backups"], "snapshots": "no"},
            "snapshots is neither true nor false",
            "use true",
        ),
        (
            {"name": "velero", "buckets": ["backups"], "keys": ["arn:aws:kms:eu-west-1:123456789012:alias/backups"]},
            "keys has 'arn:aws:kms:eu-west-1:123456789012:alias/backups', which is not valid",
            "use ARNs of KMS keys (an alias matches no key), such as ['arn:aws:kms:",
        ),
        (
            {"name": "external_dns", "zones": ["example.com"]},
            "zones has 'example.com', which is not valid",
            "use IDs",
        ),
        ({"name": "cluster_autoscaler", "tags": {}}, "tags is empty, which limits nothing", "use tags, such as {"),
        (
            {"name": "cluster_autoscaler", "cluster_name": "a b"},
            "cluster_name 'a b' is not valid",
            "set cluster_name",
        ),
        ({"name": "private_ca_issuer", "region": "eu-west-1"}, "unknown parameter region", "use authorities"),
    ],
)
def test_invalid_request_is_rejected(given: dict[str, t.Any], message: str, fix: str) -> None:
    problems = rejection(given).details["problems"]
    assert problems[0]["message"] == f"well-known policy {given['name']}: {message}"
    assert problems[0]["fix"].startswith(fix)


def test_all_faults_are_reported_together() -> None:
    error = rejection("karpente", {"name": "velero"}, {"zones": ["*"]}, {"name": "karpenter", "policy_name": "a b"})
    assert [problem["message"] for problem in error.details["problems"]] == [
        "well-known policy karpente does not exist",
        "well-known policy velero: the parameter buckets is missing",
        "well_known_policies has an element without a name",
        "policy_name 'a b' is not a valid policy name",
    ]


def test_value_that_is_not_a_list_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="well_known_policies is not a list"):
        resolve.make_templates("karpenter")


def test_policy_requested_twice_needs_two_policy_names() -> None:
    requests = [{"name": "cluster_autoscaler", "cluster_name": name} for name in ("one", "two")]
    message = "well_known_policies would write inline policy well-known-cluster-autoscaler twice"
    assert rejection(*requests).message == message
    templates = resolve.make_templates([requests[0], {**requests[1], "policy_name": "autoscaler-two"}])
    assert [template.policy_name for template in templates] == ["well-known-cluster-autoscaler", "autoscaler-two"]


# Filling in


def test_list_parameter_becomes_one_resource_per_value() -> None:
    assert statements("external_dns", zones=["Z1", "Z2"])["ChangeRecords"]["Resource"] == [
        "arn:aws:route53:::hostedzone/Z1",
        "arn:aws:route53:::hostedzone/Z2",
    ]
    assert statements("velero", buckets=["one", "two"])["KeepBackups"]["Resource"] == [
        "arn:aws:s3:::one/*",
        "arn:aws:s3:::two/*",
    ]


def test_statement_without_its_parameter_is_omitted() -> None:
    assert "UseKeys" not in statements("ebs_csi")
    assert statements("ebs_csi", keys=[KEY])["UseKeys"]["Resource"] == KEY


def test_condition_without_its_parameter_is_omitted() -> None:
    assert "Condition" not in statements("external_dns")["ChangeRecords"]
    assert statements("external_dns", record_types=["TXT", "A"])["ChangeRecords"]["Condition"] == {
        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT", "A"]}
    }


def test_tags_become_conditions() -> None:
    scale = statements("cluster_autoscaler")["Scale"]["Condition"]
    assert scale == {"StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/production": "owned"}}
    scale = statements("cluster_autoscaler", tags={"team": "a", "stage": "b"})["Scale"]["Condition"]
    assert scale == {"StringEquals": {"aws:ResourceTag/team": "a", "aws:ResourceTag/stage": "b"}}


def test_flags_select_statements() -> None:
    assert {"ManageInterfaces", "ManageInterfacesOfCluster"} & statements("vpc_cni_ipv4").keys() == {"ManageInterfaces"}
    limited = statements("vpc_cni_ipv4", vpc="vpc-0123456789abcdef0")
    assert {"ManageInterfaces", "ManageInterfacesOfCluster"} & limited.keys() == {"ManageInterfacesOfCluster"}
    assert statements("mountpoint_s3_csi", read_only=True).keys() == {"ListObjects", "ReadObjects"}


def test_external_secrets_finds_only_in_services_in_use() -> None:
    assert statements("external_secrets").keys() == {"ReadSecrets", "FindSecrets"}
    assert "FindSecrets" not in statements("external_secrets", find=False)
    assert {"FindSecrets", "FindParameters"} <= statements("external_secrets", everything=True).keys()


def test_karpenter_passes_roles_to_ec2_of_its_partition() -> None:
    condition = statements("karpenter")["PassNodeRoles"]["Condition"]
    assert condition == {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    chinese = policy_document.statements(document("karpenter", "aws-cn"))
    passed = next(statement for statement in chinese if statement["Sid"] == "PassNodeRoles")
    assert passed["Condition"]["StringEquals"]["iam:PassedToService"] == ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]
    assert passed["Resource"] == "arn:aws-cn:iam::123456789012:role/KarpenterNodeRole-production"


def test_empty_queue_of_karpenter_omits_the_statement() -> None:
    assert "FollowInterruptions" not in statements("karpenter", queue="")
    assert statements("karpenter")["FollowInterruptions"]["Resource"] == "arn:aws:sqs:eu-west-1:123456789012:production"


def test_request_overrides_cluster_name_and_region() -> None:
    overridden = statements("cluster_autoscaler", cluster_name="other", region="us-east-1")
    resource = overridden["ReadNodeGroups"]["Resource"]
    assert resource == "arn:aws:eks:us-east-1:123456789012:nodegroup/other/*/*"
