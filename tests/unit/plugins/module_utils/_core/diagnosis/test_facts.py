# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role name and the provider ARN of a chain."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from unit.chain_objects import CHAIN, ROLE

HOST = CHAIN.issuer.removeprefix("https://")
CN_HOST = HOST.replace("eu-west-1.amazonaws.com", "cn-north-1.amazonaws.com.cn")
OTHER_ACCOUNT = "210987654321"


def provider(host: str = HOST, *, account: str = "123456789012", partition: str = "aws") -> str:
    return f"arn:{partition}:iam::{account}:oidc-provider/{host}"


@pytest.mark.parametrize(
    ("changes", "name", "provider_arn"),
    [
        pytest.param({}, "app", provider(), id="valid"),
        pytest.param({"role_arn": ROLE.replace("role/", "role/team/")}, "app", provider(), id="path"),
        pytest.param({"role_arn": f" '{ROLE}'"}, "app", provider(), id="whitespace-and-quotes"),
        pytest.param(
            {"role_arn": ROLE.replace("123456789012", OTHER_ACCOUNT), "cross_account": True},
            "app",
            provider(account=OTHER_ACCOUNT),
            id="other-account",
        ),
        pytest.param({"role_arn": ROLE.replace("aws", "aws-cn", 1)}, "app", provider(), id="other-partition"),
        pytest.param({"role_arn": "app"}, None, provider(), id="role-name-instead-of-arn"),
        pytest.param({"role_arn": None}, None, provider(), id="no-role"),
        pytest.param({"account_id": None, "partition": None}, "app", provider(), id="issuer-without-cluster"),
        pytest.param({"account_id": None, "partition": None, "role_arn": None}, None, None, id="issuer-without-role"),
        pytest.param(
            {
                "issuer": f"https://{CN_HOST}",
                "partition": "aws-cn",
                "role_arn": "arn:aws-cn:iam::123456789012:role/app",
            },
            "app",
            provider(CN_HOST, partition="aws-cn"),
            id="china",
        ),
    ],
)
def test_role_name_and_provider_arn(changes: dict[str, t.Any], name: str | None, provider_arn: str | None) -> None:
    chain = dataclasses.replace(CHAIN, **changes)
    assert chain.role_name == name
    assert chain.provider_arn == provider_arn
