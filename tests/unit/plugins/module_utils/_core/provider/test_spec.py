# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spec of an OIDC provider, and what is returned about a cluster and its provider."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import arn as arns
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider import spec as provider_spec
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.spec import ProviderSpec

HOST = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
URL = f"https://{HOST}"
STS = "sts.amazonaws.com"
ONE = "a" * 40


def wanted(**options: t.Any) -> ProviderSpec:
    defaults = {
        "state": "present",
        "cluster_name": None,
        "url": URL,
        "client_ids": [STS],
        "purge_client_ids": False,
        "thumbprints": None,
        "tags": None,
        "purge_tags": True,
        "force": False,
    }
    return ProviderSpec.from_params({**defaults, **options})


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


def test_arn_is_in_the_clusters_partition_and_account() -> None:
    assert provider_spec.arn_of(cluster()) == f"arn:aws-cn:iam::123456789012:oidc-provider/{HOST}"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"identity": {}}, "DescribeCluster returns no identity.oidc"),
        ({"identity": {"oidc": {}}, "status": "CREATING"}, "its status is CREATING"),
    ],
)
def test_cluster_without_issuer_is_rejected(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(errors.InvalidInput, match=says):
        provider_spec.arn_of(cluster(**options))


def test_description_of_cluster_and_provider() -> None:
    found = provider_spec.describe(cluster(), None)
    assert found["oidc"] == {
        "issuer": URL,
        "provider": HOST,
        "provider_arn": f"arn:aws-cn:iam::123456789012:oidc-provider/{HOST}",
        "provider_exists": False,
        "client_ids": [],
        "thumbprints": [],
        "tags": {},
    }
    assert found["cluster"]["partition"] == "aws-cn"
    assert found["cluster"]["certificate_authority"] == "Q0E="
    found = provider_spec.describe(cluster(), {"ClientIDList": ["b", "a"], "ThumbprintList": [ONE], "Tags": {"k": "v"}})
    assert found["oidc"]["provider_exists"] is True
    assert found["oidc"]["client_ids"] == ["a", "b"]


BAD: list[tuple[dict[str, t.Any], str]] = [
    ({"url": HOST}, "is not an issuer that IAM accepts"),
    ({"url": f"http://{HOST}"}, "is not an issuer that IAM accepts"),
    ({"url": f"{URL}?x=y"}, "is not an issuer that IAM accepts"),
    ({"url": f"{URL}#x"}, "is not an issuer that IAM accepts"),
    ({"url": "https://example.com:8443/id"}, "is not an issuer that IAM accepts"),
    ({"url": "https://user@example.com"}, "is not an issuer that IAM accepts"),
    ({"url": f" {URL}"}, "is not an issuer that IAM accepts"),
    ({"url": f"{URL}\n"}, "is not an issuer that IAM accepts"),
    ({"url": "https://"}, "is not an issuer that IAM accepts"),
    ({"url": f"https://example.com/{'x' * 236}"}, "is not an issuer that IAM accepts"),
    ({"client_ids": [""]}, "'' is not a valid audience"),
    ({"client_ids": ["a b"]}, "'a b' is not a valid audience"),
    ({"client_ids": ["x" * 256]}, "is not a valid audience"),
    ({"thumbprints": []}, "thumbprints has 0 entries"),
    ({"thumbprints": [f"{number:040x}" for number in range(6)]}, "thumbprints has 6 entries"),
    ({"thumbprints": ["aa:bb"]}, "'aa:bb' is not a SHA-1 digest"),
    ({"thumbprints": ["g" * 40]}, "is not a SHA-1 digest"),
    ({"tags": {"aws:x": "y"}}, "reserved for AWS"),
    ({"tags": {"x": {"y": "z"}}}, "tag 'x'"),
]


@pytest.mark.parametrize(("options", "says"), BAD, ids=[f"{i}" for i in range(len(BAD))])
def test_invalid_options_are_rejected(options: dict[str, t.Any], says: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        wanted(**options)
    assert says in str(caught.value)
    assert "Fix:" in str(caught.value)


def test_slash_at_the_end_of_the_url_is_kept() -> None:
    assert wanted(url="https://example.auth0.com/").url == "https://example.auth0.com/"
