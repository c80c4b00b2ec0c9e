# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of roles, sessions and OIDC providers."""

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import (
    Arn,
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
