# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans for OIDC providers: their reads and writes, validated by botocore."""

from __future__ import annotations

import datetime
import typing as t

import boto3
import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn, EksCluster
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.document import compact
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider import plan as provider_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.plan import ProviderSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import provider as provider_module
from botocore.stub import Stubber

if t.TYPE_CHECKING:
    from collections.abc import Iterator

URL = "https://oidc.eks.eu-west-1.amazonaws.com/id/ONE"
ARN = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/ONE"
PROVIDER = {"Url": URL.removeprefix("https://"), "ClientIDList": ["sts.amazonaws.com"], "ThumbprintList": ["a" * 40]}
ARGUMENTS = {"OpenIDConnectProviderArn": ARN}


class Aws:
    """The connections of one run, with stubbed clients."""

    def __init__(self) -> None:
        self._clients = {
            name: boto3.client(name, region_name="eu-west-1", aws_access_key_id="x", aws_secret_access_key="y")
            for name in ("iam", "sts")
        }
        self.stubs = {name: Stubber(client) for name, client in self._clients.items()}

    def client(self, service: str) -> t.Any:
        return self._clients[service]

    unretried = client

    def caller(self) -> Arn:
        return Arn.parse(self.client("sts").get_caller_identity()["Arn"])

    def describe(self, name: str) -> EksCluster:
        return EksCluster.from_aws(
            {
                "name": name,
                "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/one",
                "status": "ACTIVE",
                "identity": {"oidc": {"issuer": URL}},
            }
        )


@pytest.fixture
def aws() -> Iterator[t.Any]:
    aws = Aws()
    for stub in aws.stubs.values():
        stub.activate()
    yield aws
    for stub in aws.stubs.values():
        stub.assert_no_pending_responses()


def provider_spec(**options: t.Any) -> ProviderSpec:
    defaults: dict[str, t.Any] = {
        "state": "present",
        "cluster_name": "one",
        "url": None,
        "client_ids": ["sts.amazonaws.com"],
        "purge_client_ids": False,
        "thumbprints": None,
        "tags": None,
        "purge_tags": True,
        "force": False,
    }
    return ProviderSpec.from_params({**defaults, **options})


def test_provider_of_a_cluster_needs_one_read(aws: t.Any) -> None:
    aws.stubs["iam"].add_response("get_open_id_connect_provider", PROVIDER, ARGUMENTS)
    observed = provider_module.observe(aws, provider_spec())
    assert (observed.url, observed.arn) == (URL, ARN)
    assert not provider_plan.plan(provider_spec(), observed)


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_url_alone_uses_account_and_partition_of_the_caller(aws: t.Any, partition: str) -> None:
    caller = {"Account": "123456789012", "Arn": f"arn:{partition}:sts::123456789012:assumed-role/r/s", "UserId": "x"}
    arn = ARN.replace("arn:aws:", f"arn:{partition}:")
    aws.stubs["sts"].add_response("get_caller_identity", caller, {})
    aws.stubs["iam"].add_response("get_open_id_connect_provider", PROVIDER, {"OpenIDConnectProviderArn": arn})
    assert provider_module.observe(aws, provider_spec(cluster_name=None, url=URL)).arn == arn


def test_similar_url_of_a_missing_provider_is_a_warning(aws: t.Any) -> None:
    iam = aws.stubs["iam"]
    iam.add_client_error("get_open_id_connect_provider", "NoSuchEntity", "not found", expected_params=ARGUMENTS)
    iam.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": [{"Arn": f"{ARN}/"}]}, {})
    plan = provider_module.plan(aws, provider_spec())
    assert len(plan.warnings) == 1
    assert [action.operation for action in plan.actions] == ["create_oidc_provider"]


def test_no_warning_without_the_permission_to_list_providers(aws: t.Any) -> None:
    iam = aws.stubs["iam"]
    iam.add_client_error("get_open_id_connect_provider", "NoSuchEntity", "not found", expected_params=ARGUMENTS)
    iam.add_client_error("list_open_id_connect_providers", "AccessDenied", "no")
    assert provider_module.plan(aws, provider_spec()).warnings == ()


def test_roles_are_read_before_a_removal_without_force(aws: t.Any) -> None:
    iam = aws.stubs["iam"]
    iam.add_response("get_open_id_connect_provider", PROVIDER, ARGUMENTS)
    iam.add_response("list_roles", {"Roles": [], "IsTruncated": False}, {"MaxItems": 1000})
    assert provider_module.plan(aws, provider_spec(state="absent"))
    iam.add_response("get_open_id_connect_provider", PROVIDER, ARGUMENTS)
    assert provider_module.plan(aws, provider_spec(state="absent", force=True))


def test_fix_suggests_force_if_roles_cannot_be_listed(aws: t.Any) -> None:
    iam = aws.stubs["iam"]
    iam.add_response("get_open_id_connect_provider", PROVIDER, ARGUMENTS)
    iam.add_client_error("list_roles", "AccessDenied", "not authorized to perform: iam:ListRoles")
    with pytest.raises(errors.AccessDenied) as caught:
        provider_module.plan(aws, provider_spec(state="absent"))
    text = str(caught.value)
    assert f"could not check whether roles still trust OIDC provider {ARN}" in text
    assert "allow iam:ListRoles" in text
    assert "force: true" in text


def test_each_change_makes_the_expected_write(aws: t.Any) -> None:
    iam = aws.stubs["iam"]
    tags = [{"Key": "a", "Value": "b"}]
    one_tag = {"Url": URL, "ClientIDList": ["x"], "Tags": tags}
    iam.add_response("create_open_id_connect_provider", {"OpenIDConnectProviderArn": ARN}, one_tag)
    iam.add_response("add_client_id_to_open_id_connect_provider", {}, {**ARGUMENTS, "ClientID": "x"})
    iam.add_response("remove_client_id_from_open_id_connect_provider", {}, {**ARGUMENTS, "ClientID": "x"})
    iam.add_response("update_open_id_connect_provider_thumbprint", {}, {**ARGUMENTS, "ThumbprintList": ["a" * 40]})
    iam.add_response("tag_open_id_connect_provider", {}, {**ARGUMENTS, "Tags": tags})
    iam.add_response("untag_open_id_connect_provider", {}, {**ARGUMENTS, "TagKeys": ["a"]})
    iam.add_response("delete_open_id_connect_provider", {}, ARGUMENTS)
    operations = provider_module.operations(aws)
    created = operations["create_oidc_provider"](url=URL, client_ids=["x"], thumbprints=None, tags={"a": "b"})
    assert created == ARN
    operations["add_client_id"](arn=ARN, client_id="x")
    operations["remove_client_id"](arn=ARN, client_id="x")
    operations["set_thumbprints"](arn=ARN, thumbprints=["a" * 40])
    operations["tag_oidc_provider"](arn=ARN, tags={"a": "b"})
    operations["untag_oidc_provider"](arn=ARN, keys=["a"])
    operations["delete_oidc_provider"](arn=ARN, if_unused=False)


@pytest.mark.parametrize("is_readable", [True, False])
def test_thumbprints_of_a_new_provider_are_read(aws: t.Any, is_readable: bool) -> None:
    iam = aws.stubs["iam"]
    iam.add_client_error("get_open_id_connect_provider", "NoSuchEntity", "not found", expected_params=ARGUMENTS)
    iam.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": []}, {})
    plan = provider_module.plan(aws, provider_spec())
    assert plan.after["thumbprints"] is None
    if is_readable:
        iam.add_response("get_open_id_connect_provider", PROVIDER, ARGUMENTS)
    else:
        iam.add_client_error("get_open_id_connect_provider", "NoSuchEntity", "not yet", expected_params=ARGUMENTS)
    assert provider_module.add_thumbprints(aws, plan).after["thumbprints"] == (["a" * 40] if is_readable else None)


def test_unchanged_plan_needs_no_thumbprints(aws: t.Any) -> None:
    for unchanged in (Plan(), Plan(before={"arn": ARN}, after={})):
        assert provider_module.add_thumbprints(aws, unchanged) is unchanged


def test_roles_are_read_again_before_the_deletion(aws: t.Any) -> None:
    """Another writer may have added a role since the plan."""
    iam, pauses = aws.stubs["iam"], list[float]()
    delete = provider_module.operations(aws, pauses.append)["delete_oidc_provider"]
    statement = {"Effect": "Allow", "Principal": {"Federated": ARN}, "Action": "sts:AssumeRoleWithWebIdentity"}
    for statements in ([statement], []):
        role = {
            "Path": "/",
            "RoleName": "app",
            "RoleId": "AROAABCDEFGHIJKLMNOPQ",
            "Arn": "arn:aws:iam::123456789012:role/app",
            "CreateDate": datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),
            "AssumeRolePolicyDocument": compact({"Version": "2012-10-17", "Statement": statements}),
        }
        iam.add_response("list_roles", {"Roles": [role], "IsTruncated": False}, {"MaxItems": 1000})
    iam.add_response("delete_open_id_connect_provider", {}, ARGUMENTS)
    with pytest.raises(errors.OutOfDate, match="a role now trusts OIDC provider"):
        delete(arn=ARN, if_unused=True)
    delete(arn=ARN, if_unused=True)
    assert pauses == [0.5, 0.5]


@pytest.mark.parametrize(
    ("operation", "call", "arguments"),
    [
        ("add_client_id", "add_client_id_to_open_id_connect_provider", {"client_id": "x"}),
        ("set_thumbprints", "update_open_id_connect_provider_thumbprint", {"thumbprints": ["a" * 40]}),
        ("tag_oidc_provider", "tag_open_id_connect_provider", {"tags": {"a": "b"}}),
    ],
)
def test_provider_that_vanishes_is_planned_again(
    aws: t.Any, operation: str, call: str, arguments: dict[str, t.Any]
) -> None:
    aws.stubs["iam"].add_client_error(call, "NoSuchEntity", "not found")
    with pytest.raises(errors.OutOfDate, match=f"OIDC provider {ARN} was deleted by another writer"):
        provider_module.operations(aws)[operation](arn=ARN, **arguments)


def test_throttled_thumbprints_are_planned_again(aws: t.Any) -> None:
    aws.stubs["iam"].add_client_error("update_open_id_connect_provider_thumbprint", "Throttling", "slow down")
    with pytest.raises(errors.Throttled) as caught:
        provider_module.operations(aws)["set_thumbprints"](arn=ARN, thumbprints=["a" * 40])
    assert caught.value.can_plan_again
