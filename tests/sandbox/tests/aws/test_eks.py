# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import re

import pytest
from cryptography import x509
from sandbox import settings
from sandbox.tests.support.aws_server import REGIONS, Aws, expect_error

ROLE = f"arn:aws:iam::{settings.ACCOUNT_ID}:role/app"
CLUSTER_ROLE = {"roleArn": ROLE, "resourcesVpcConfig": {"subnetIds": ["subnet-0"]}}


def issuer_pattern(region: str) -> str:
    suffix = r"amazonaws\.com\.cn" if region.startswith("cn-") else r"amazonaws\.com"
    return rf"https://oidc\.eks\.{region}\.{suffix}/id/[0-9A-F]{{32}}"


def test_initial_clusters(aws: Aws) -> None:
    eks = aws.client("eks")
    clusters = {name: eks.describe_cluster(name=name)["cluster"] for name in eks.list_clusters()["clusters"]}
    assert set(clusters) == {
        settings.CLUSTER_NAME,
        settings.OTHER_CLUSTER,
        settings.NO_ISSUER_CLUSTER,
        settings.CREATING_CLUSTER,
    }
    other = clusters[settings.OTHER_CLUSTER]
    assert other["status"] == "ACTIVE"
    assert other["identity"]["oidc"]["issuer"] == settings.issuer(settings.OTHER_CLUSTER)
    assert re.fullmatch(issuer_pattern(settings.REGION), other["identity"]["oidc"]["issuer"])
    assert other["endpoint"].endswith(".eu-west-1.eks.amazonaws.com")
    assert other["arn"] == f"arn:aws:eks:eu-west-1:{settings.ACCOUNT_ID}:cluster/{settings.OTHER_CLUSTER}"
    authority = x509.load_pem_x509_certificate(base64.b64decode(other["certificateAuthority"]["data"], validate=True))
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value.ca

    assert clusters[settings.NO_ISSUER_CLUSTER]["status"] == "ACTIVE"
    assert not clusters[settings.NO_ISSUER_CLUSTER].get("identity", {}).get("oidc")
    creating = clusters[settings.CREATING_CLUSTER]
    assert creating["status"] == "CREATING"
    assert not creating.keys() & {"endpoint", "identity"}
    assert creating["certificateAuthority"] == {}


def test_changed_cluster_file_is_read_again(aws: Aws) -> None:
    eks = aws.client("eks")

    def describe() -> tuple[str, str, str, str]:
        cluster = eks.describe_cluster(name=settings.CLUSTER_NAME)["cluster"]
        authority = base64.b64decode(cluster["certificateAuthority"]["data"]).decode()
        return cluster["endpoint"], cluster["identity"]["oidc"]["issuer"], authority, cluster["version"]

    assert describe()[:2] == ("https://127.0.0.1:6443", aws.issuer)
    aws.write_cluster(
        endpoint="https://127.0.0.1:7443", certificate_authority="PEM", version="1.99", issuer="https://new"
    )
    assert describe() == ("https://127.0.0.1:7443", "https://new", "PEM", "1.99")
    aws.state.cluster_file.write_text("{", encoding="utf-8")
    assert describe()[0] == "https://127.0.0.1:7443"


def test_cluster_without_cluster_file(aws: Aws) -> None:
    aws.state.cluster_file.unlink()
    aws.control("POST", "reset")
    cluster = aws.client("eks").describe_cluster(name=settings.CLUSTER_NAME)["cluster"]
    assert cluster["identity"]["oidc"]["issuer"] == settings.issuer(settings.CLUSTER_NAME)


def test_unknown_cluster(aws: Aws) -> None:
    expected = (404, "ResourceNotFoundException", "No cluster found for name: nope.")
    eks = aws.client("eks")
    assert expect_error(eks.describe_cluster, name="nope") == expected
    for call, more in (
        (eks.list_pod_identity_associations, {}),
        (eks.create_pod_identity_association, {"namespace": "a", "serviceAccount": "b", "roleArn": ROLE}),
        (eks.list_addons, {}),
        (eks.describe_addon, {"addonName": "vpc-cni"}),
        (eks.list_access_entries, {}),
        (eks.describe_access_entry, {"principalArn": ROLE}),
    ):
        assert expect_error(call, clusterName="nope", **more) == expected
    elsewhere = aws.client("eks", region="eu-central-1")
    assert expect_error(elsewhere.describe_cluster, name=settings.CLUSTER_NAME).code == "ResourceNotFoundException"
    unknown_region = aws.client("eks", region="mx-central-1")
    assert expect_error(unknown_region.describe_cluster, name=settings.CLUSTER_NAME).code == "ResourceNotFoundException"


@pytest.mark.parametrize("partition", sorted(REGIONS))
def test_each_cluster_has_its_own_issuer(aws: Aws, partition: str) -> None:
    region = REGIONS[partition]
    eks = aws.client("eks", region=region)
    issuers = []
    for name in ("one", "two", "one"):
        cluster = eks.create_cluster(name=name, **CLUSTER_ROLE)["cluster"]
        assert cluster["arn"] == f"arn:{partition}:eks:{region}:{settings.ACCOUNT_ID}:cluster/{name}"
        issuers.append(cluster["identity"]["oidc"]["issuer"])
        eks.delete_cluster(name=name)
    assert len(set(issuers)) == 3
    assert all(re.fullmatch(issuer_pattern(region), issuer) for issuer in issuers)
    assert expect_error(eks.create_cluster, name="with space", **CLUSTER_ROLE).code == "InvalidParameterException"


def test_pod_identity_associations(aws: Aws) -> None:
    eks = aws.client("eks")
    cluster = {"clusterName": settings.CLUSTER_NAME}
    assert eks.list_pod_identity_associations(**cluster)["associations"] == []
    account = {"namespace": "default", "serviceAccount": "app"}
    created = eks.create_pod_identity_association(**cluster, **account, roleArn=ROLE)["association"]
    assert re.fullmatch(r"a-[0-9a-z]{17}", created["associationId"])
    duplicate = expect_error(eks.create_pod_identity_association, **cluster, **account, roleArn=ROLE)
    assert duplicate == (409, "ResourceInUseException", f"Association already exists: {created['associationId']}")
    for index in range(3):
        eks.create_pod_identity_association(**cluster, namespace=f"n{index}", serviceAccount="app", roleArn=ROLE)
    filtered = eks.list_pod_identity_associations(**cluster, namespace="default", serviceAccount="app")["associations"]
    assert filtered == [
        {key: created[key] for key in ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")}
    ]
    pages = eks.get_paginator("list_pod_identity_associations").paginate(**cluster, PaginationConfig={"PageSize": 3})
    assert [len(page["associations"]) for page in pages] == [3, 1]
    association = {**cluster, "associationId": created["associationId"]}
    eks.delete_pod_identity_association(**association)
    assert expect_error(eks.delete_pod_identity_association, **association)[:2] == (404, "ResourceNotFoundException")
    invalid = expect_error(eks.create_pod_identity_association, **cluster, **account, roleArn="role")
    assert invalid.code == "InvalidParameterException"


def test_addons_and_access_entries(aws: Aws) -> None:
    eks = aws.client("eks")
    cluster = {"clusterName": settings.CLUSTER_NAME}
    assert eks.list_addons(**cluster)["addons"] == []
    missing = expect_error(eks.describe_addon, **cluster, addonName="vpc-cni")
    assert missing == (404, "ResourceNotFoundException", "No addon: vpc-cni found in cluster: production")
    eks.create_addon(**cluster, addonName="vpc-cni", serviceAccountRoleArn=ROLE)
    assert eks.describe_addon(**cluster, addonName="vpc-cni")["addon"]["serviceAccountRoleArn"] == ROLE
    assert expect_error(eks.create_addon, **cluster, addonName="vpc-cni").code == "ResourceInUseException"
    eks.delete_addon(**cluster, addonName="vpc-cni")
    assert eks.list_addons(**cluster)["addons"] == []

    assert eks.list_access_entries(**cluster)["accessEntries"] == []
    assert expect_error(eks.describe_access_entry, **cluster, principalArn=ROLE)[:2] == (
        404,
        "ResourceNotFoundException",
    )
    eks.create_access_entry(**cluster, principalArn=ROLE, kubernetesGroups=["deployers"])
    entry = eks.describe_access_entry(**cluster, principalArn=ROLE)["accessEntry"]
    assert (entry["principalArn"], entry["kubernetesGroups"], entry["type"]) == (ROLE, ["deployers"], "STANDARD")
    assert eks.list_access_entries(**cluster)["accessEntries"] == [ROLE]
