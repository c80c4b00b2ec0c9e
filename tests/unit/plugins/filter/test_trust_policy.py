# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter trust_policy."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.filter.trust_policy import FilterModule, trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as core

PROVIDER = "oidc.eks.cn-north-1.amazonaws.com.cn/id/0123456789ABCDEF0123456789ABCDEF"
ARN = f"arn:aws-cn:iam::012345678901:oidc-provider/{PROVIDER}"
CART, ORDERS = {"namespace": "shop", "name": "cart"}, {"namespace": "shop", "name": "orders"}
STS = "sts.amazonaws.com"


def subject(name: str) -> str:
    return f"system:serviceaccount:shop:{name}"


def statement(operators: dict[str, dict[str, t.Any]]) -> dict[str, t.Any]:
    condition = {name: {f"{PROVIDER}:{key}": value for key, value in keys.items()} for name, keys in operators.items()}
    action = "sts:AssumeRoleWithWebIdentity"
    return {"Effect": "Allow", "Principal": {"Federated": ARN}, "Action": action, "Condition": condition}


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        pytest.param(
            [ORDERS, CART],
            {},
            [statement({"StringEquals": {"sub": [subject("cart"), subject("orders")], "aud": STS}})],
            id="accounts",
        ),
        pytest.param(
            {"namespace": "shop", "service_account": "cart", "role_name": "x", "audience": "example.com"},
            {},
            [statement({"StringEquals": {"sub": subject("cart"), "aud": "example.com"}})],
            id="binding",
        ),
        pytest.param(
            [{"namespace": "shop", "service_account": "cart", "audience": "example.com"}, ORDERS],
            {},
            [
                statement(
                    {"StringEquals": {"sub": [subject("cart"), subject("orders")], "aud": ["example.com", STS]}},
                )
            ],
            id="audiences",
        ),
        pytest.param(
            [CART], {"audiences": []}, [statement({"StringEquals": {"sub": subject("cart")}})], id="no-audience"
        ),
        pytest.param(
            [{"namespace": "shop", "name": "*"}],
            {"allow_wildcards": True},
            [statement({"StringLike": {"sub": subject("*")}, "StringEquals": {"aud": STS}})],
            id="wildcard",
        ),
        pytest.param(
            {"namespace": "shop", "service_account": "*", "allow_wildcards": True, "audiences": []},
            {},
            [statement({"StringLike": {"sub": subject("*")}})],
            id="binding-with-wildcard-and-without-audience",
        ),
        pytest.param([], {}, [core.NOBODY], id="nobody"),
    ],
)
def test_policy_document(value: t.Any, options: dict[str, t.Any], expected: list[dict[str, t.Any]]) -> None:
    document = trust_policy(value, provider_arn=ARN, **options)
    assert document == {"Version": "2012-10-17", "Statement": expected}
    by_issuer = {"issuer": f"https://{PROVIDER}", "account_id": "012345678901", "partition": "aws-cn"}
    assert trust_policy(value, **by_issuer, **options) == document


@pytest.mark.parametrize(
    ("value", "options", "message"),
    [
        ("cart", {"provider_arn": ARN}, "are not a list of dictionaries"),
        (["cart"], {"provider_arn": ARN}, "are not a list of dictionaries"),
        ([{"name": "cart"}], {"provider_arn": ARN}, "has no namespace or no name"),
        ([CART], {}, "exactly one of provider_arn and issuer is required"),
        ([CART], {"provider_arn": ARN, "issuer": PROVIDER}, "exactly one of provider_arn and issuer is required"),
        ([CART], {"provider_arn": "arn:aws:iam::123456789012:role/x"}, "is not a valid OIDC provider ARN"),
        ([CART], {"issuer": PROVIDER, "account_id": 123456789012}, "is not a valid AWS account ID"),
        (
            [CART],
            {"issuer": PROVIDER, "account_id": "123456789012", "partition": "gcp"},
            "is not a valid OIDC provider ARN",
        ),
        ([CART], {"issuer": "https://x/?y", "account_id": "123456789012"}, "is not a valid OIDC issuer URL"),
        ([CART], {"provider_arn": ARN, "audiences": ["a b"]}, "is not a valid token audience"),
        ([{"namespace": "shop", "name": "*"}], {"provider_arn": ARN}, "has a wildcard"),
        ([{"namespace": "Shop", "name": "x"}], {"provider_arn": ARN}, "is not a valid namespace"),
    ],
)
def test_invalid_input_is_rejected(value: t.Any, options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        trust_policy(value, **options)


def test_filter_name() -> None:
    assert FilterModule().filters() == {"trust_policy": trust_policy}
