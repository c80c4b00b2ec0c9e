# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Return values of eks_oidc_info."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import arn as arns
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.oidc_info import describe

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
URL = f"https://{HOST}"
ONE = "a" * 40


def cluster(**options: t.Any) -> arns.EksCluster:
    return arns.EksCluster.from_aws(
        {
            "name": "production",
            "arn": "arn:aws-cn:eks:cn-north-1:123456789012:cluster/production",
            "status": "ACTIVE",
            "version": "1.33",
            "endpoint": "https://example.gr7.cn-north-1.eks.amazonaws.com.cn",
            "certificateAuthority": {"data": "Q0E="},
            "identity": {"oidc": {"issuer": URL}},
            **options,
        }
    )


def test_provider_arn_has_partition_and_account_of_cluster() -> None:
    assert cluster().require_provider_arn() == f"arn:aws-cn:iam::123456789012:oidc-provider/{HOST}"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identity": {}}, "DescribeCluster returns no identity.oidc"),
        ({"identity": {"oidc": {}}, "status": "CREATING"}, "its status is CREATING"),
    ],
)
def test_cluster_without_issuer_is_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(errors.InvalidInput, match=message):
        cluster(**options).require_provider_arn()


def test_description_of_cluster_and_provider() -> None:
    result = describe(cluster(), None)
    assert result["oidc"] == {
        "issuer": URL,
        "provider": HOST,
        "provider_arn": f"arn:aws-cn:iam::123456789012:oidc-provider/{HOST}",
        "provider_exists": False,
        "client_ids": [],
        "thumbprints": [],
        "tags": {},
    }
    assert result["cluster"]["partition"] == "aws-cn"
    assert result["cluster"]["certificate_authority"] == "Q0E="
    result = describe(cluster(), {"ClientIDList": ["b", "a"], "ThumbprintList": [ONE], "Tags": {"k": "v"}})
    assert result["oidc"]["provider_exists"] is True
    assert result["oidc"]["client_ids"] == ["a", "b"]
