# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of roles, sessions and OIDC providers, and endpoints of EKS clusters."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import (
    Arn,
    EksCluster,
    describe_url_difference,
    is_session_of,
    issuer_in_tokens,
    region_of,
)

ROLE = "arn:aws:iam::123456789012:role/app"
SESSION = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1"


@pytest.mark.parametrize(
    ("caller", "role", "expected"),
    [
        (SESSION, ROLE, True),
        (SESSION, "arn:aws:iam::123456789012:role/teams/web/app", True),
        (SESSION, "arn:aws:iam::210987654321:role/app", False),
        (SESSION, "arn:aws-cn:iam::123456789012:role/app", False),
        (SESSION, f"{ROLE}-2", False),
        ("arn:aws:sts::123456789012:assumed-role/nodes/i-0123456789abcdef0", ROLE, False),
        ("arn:aws:iam::123456789012:user/app", ROLE, False),
    ],
)
def test_caller_is_a_session_of_the_role(caller: str, role: str, expected: bool) -> None:
    assert is_session_of(caller, Arn.parse(role)) is expected


@pytest.mark.parametrize(
    ("issuer", "region"),
    [
        ("https://oidc.eks.eu-west-1.amazonaws.com/id/0123", "eu-west-1"),
        ("oidc.eks.cn-north-1.amazonaws.com.cn/id/0123", "cn-north-1"),
        ("https://oidc.eks-fips.us-gov-west-1.amazonaws.com/id/0123", "us-gov-west-1"),
        ("https://oidc-eks.eu-west-1.api.aws/id/0123", "eu-west-1"),
        ("https://example.com/id/0123", None),
        ("https://oidcxeks.eu-west-1.amazonaws.com/id/0123", None),
        (None, None),
    ],
)
def test_region_of_issuer(issuer: str | None, region: str | None) -> None:
    assert region_of(issuer) == region


@pytest.mark.parametrize(
    ("issuer", "expected"),
    [
        ("https://oidc-eks.eu-west-1.api.aws/id/0A", "https://oidc.eks.eu-west-1.amazonaws.com/id/0A"),
        ("oidc-eks.eu-west-1.api.aws/id/0A/", "oidc.eks.eu-west-1.amazonaws.com/id/0A"),
        ("OIDC-EKS.us-gov-west-1.api.aws/id/0A", "oidc.eks.us-gov-west-1.amazonaws.com/id/0A"),
        ("oidc-eks.cn-north-1.api.amazonwebservices.com.cn/id/0A", "oidc.eks.cn-north-1.amazonaws.com.cn/id/0A"),
        ("oidc-eks.eusc-de-east-1.api.amazonwebservices.eu/id/0A", "oidc.eks.eusc-de-east-1.amazonaws.eu/id/0A"),
        ("https://oidc.eks.eu-west-1.amazonaws.com/id/0A", None),
        ("https://example.com/id/0A", None),
    ],
)
def test_issuer_in_tokens(issuer: str, expected: str | None) -> None:
    assert issuer_in_tokens(issuer) == expected


@pytest.mark.parametrize(
    ("name", "difference"),
    [
        ("oidc.eks.eu-west-1.amazonaws.com/id/0A", None),
        ("oidc.eks.eu-west-1.amazonaws.com/id/0B", None),
        ("oidc.eks.eu-west-1.amazonaws.com/id/0a", "upper and lower case"),
        ("oidc.eks.eu-west-2.amazonaws.com/id/0A", "the region"),
        ("oidc-eks.eu-west-1.api.aws/id/0A", "the host (it has the dual-stack host of the same cluster)"),
        ("oidc-eks.eu-west-1.api.aws/id/0a/", "the host (it has the dual-stack host of the same cluster)"),
        ("oidc-eks.eu-west-1.api.aws/id/0B", None),
        ("oidc-eks.eu-west-2.api.aws/id/0A", "the region"),
        ("oidc.eks-fips.eu-west-1.amazonaws.com/id/0A", "the host"),
        ("example.com/id/0A", None),
    ],
)
def test_url_difference(name: str, difference: str | None) -> None:
    assert describe_url_difference(name, "oidc.eks.eu-west-1.amazonaws.com/id/0A") == difference


# Endpoints

CLUSTER = EksCluster(
    name="production",
    arn="arn:aws:eks:eu-west-1:123456789012:cluster/production",
    status="ACTIVE",
    version=None,
    endpoint=None,
    certificate_authority="LS0tLS1CRUdJTi",
    issuer=None,
    region="eu-west-1",
    account_id="123456789012",
    partition="aws",
)
HEX = "0123456789ABCDEF0123456789ABCDEF"
AWS, CHINA = ("amazonaws.com", "api.aws"), ("amazonaws.com.cn", "api.amazonwebservices.com.cn")
ENDPOINTS = [
    (f"https://{HEX}.gr7.eu-west-1.eks.amazonaws.com", "eu-west-1", AWS),
    (f"https://{HEX}.gr7.eu-west-1.eks.amazonaws.com/", "eu-west-1", AWS),
    (f"https://{HEX}.gr7.eu-west-1.eks.amazonaws.com:443", "eu-west-1", AWS),
    (f"https://{HEX}.eu-west-1.eks.amazonaws.com", "eu-west-1", AWS),
    (f"https://{HEX}.gr7.us-gov-west-1.eks.amazonaws.com", "us-gov-west-1", AWS),
    (f"https://{HEX}.gr7.cn-north-1.eks.amazonaws.com.cn", "cn-north-1", CHINA),
    (f"https://{HEX}.gr7.us-iso-east-1.eks.c2s.ic.gov", "us-iso-east-1", ("c2s.ic.gov", "api.aws.ic.gov")),
    (f"https://{HEX}.eu-west-1.api.aws", "eu-west-1", AWS),
    (f"https://{HEX}.gr7.eu-west-1.api.aws", "eu-west-1", AWS),
    (f"https://{HEX}.eks-cluster.eu-west-1.api.aws", "eu-west-1", AWS),
    (f"https://{HEX}.gr7.cn-north-1.api.amazonwebservices.com.cn", "cn-north-1", CHINA),
    ("https://127.0.0.1:8443", "eu-west-1", AWS),
]


@pytest.mark.parametrize(("endpoint", "region", "suffixes"), ENDPOINTS)
def test_endpoint_of_eks(endpoint: str, region: str, suffixes: tuple[str, str]) -> None:
    cluster = dataclasses.replace(CLUSTER, endpoint=endpoint, region=region)
    assert cluster.require_endpoint(*suffixes, "127.0.0.1") == endpoint.rstrip("/")


HOST = f"{HEX}.gr7.eu-west-1.eks.amazonaws.com"


@pytest.mark.parametrize(
    "endpoint",
    [
        f"http://{HOST}",
        f"{HOST}",
        f"https://user@{HOST}",
        f"https://user:password@{HOST}",
        f"https://{HOST}@attacker.example.com",
        f"https://{HOST}/path",
        f"https://{HOST}?query",
        f"https://{HOST}#fragment",
        f"https://{HOST}\\@attacker.example.com",
        f"https://{HOST}\n.attacker.example.com",
        f"https://{HOST} ",
        f"https://{HOST}:8443",
        f"https://{HOST}:99999",
        f"https://{HOST}.attacker.example.com",
        "https://eu-west-1.eks.amazonaws.com",
        f"https://{HEX}.gr7.eu-west-2.eks.amazonaws.com",
        f"https://{HEX}.gr7.eu-west-1.eks.amazonaws.com.cn",
        f"https://{HEX}.gr7.eu-west-1.eksXamazonaws.com",
        "https://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com",
        "https://a1b2c3d4e5.execute-api.eu-west-1.api.aws",
        f"https://{HEX}.execute-api.eu-west-1.api.aws",
        f"https://{HEX}.s3.eu-west-1.api.aws",
        "https://127.0.0.1",
        "https://169.254.169.254",
        "https://[::1]",
        "https://",
    ],
)
def test_endpoint_of_another_service(endpoint: str) -> None:
    with pytest.raises(errors.BadConnection, match="of EKS cluster production is not an endpoint of EKS"):
        dataclasses.replace(CLUSTER, endpoint=endpoint).require_endpoint(*AWS, "eks.eu-west-1.amazonaws.com")


def test_cluster_without_endpoint() -> None:
    cluster = dataclasses.replace(CLUSTER, status="CREATING")
    with pytest.raises(errors.BadConnection, match=r"production has no API endpoint. Cause: its status is CREATING"):
        cluster.require_endpoint(*AWS, None)


def pem(*bodies: str) -> str:
    return "".join(f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n" for body in bodies)


@pytest.mark.parametrize(
    ("url", "authority", "is_served"),
    [
        ("https://a.example.com", None, True),
        ("https://A.example.com:443/", pem("OTHER"), True),
        ("https://a.example.com:8443", None, None),
        ("https://b.example.com", None, None),
        ("https://b.example.com", "", None),
        ("https://b.example.com", pem("ONE"), True),
        ("https://b.example.com", pem("O\nNE"), True),
        ("https://b.example.com", pem("TWO"), True),
        ("https://b.example.com", pem("OTHER"), False),
        ("https://b.example.com", pem("ONE", "OTHER"), None),
    ],
)
def test_cluster_of_an_api_server(url: str, authority: str | None, is_served: bool | None) -> None:
    own = base64.b64encode(pem("ONE", "TWO").encode()).decode()
    cluster = dataclasses.replace(CLUSTER, endpoint="https://a.example.com", certificate_authority=own)
    assert cluster.is_served_by(url, authority) is is_served


@pytest.mark.parametrize("data", [None, "", "not base64!", base64.b64encode(b"\xff").decode()])
def test_unreadable_certificate_authority_shows_nothing(data: str | None) -> None:
    cluster = dataclasses.replace(CLUSTER, certificate_authority=data)
    assert cluster.is_served_by("https://b.example.com", pem("ONE")) is None


@pytest.mark.parametrize(
    "changes",
    [{"name": 1}, {"arn": ["x"]}, {"status": None}, {"endpoint": 5}, {"certificateAuthority": {"data": {}}}],
)
def test_value_that_is_not_text(changes: dict[str, object]) -> None:
    answer = {"name": "a", "arn": "arn:aws:eks:eu-west-1:123456789012:cluster/a", "status": "ACTIVE", **changes}
    with pytest.raises(errors.InvalidInput, match="of an EKS cluster is not text"):
        EksCluster.from_aws(answer)
