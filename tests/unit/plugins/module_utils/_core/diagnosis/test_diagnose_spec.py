# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The spec of a verification, the chain, the session name and the claims of a token."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import diagnose
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import (
    VerificationSpec,
    specs_from_params,
)
from unit.chain_objects import CHAIN, CLUSTER, ROLE

ISSUER = CHAIN.issuer
POD: t.Final = {
    "enabled": True,
    "image": "cli",
    "command": ["id"],
    "timeout": 5,
    "node_selector": {"a": 1},
    "tolerations": [],
}


def make_spec(**options: t.Any) -> VerificationSpec:
    params = {
        "namespace": "shop",
        "service_account": "app",
        "probes": list(diagnose.PROBES),
        "propagation_timeout": 120,
        "fail_on": "error",
        **options,
    }
    return specs_from_params(params)[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"namespace": "Shop"}, "'Shop' is not a valid namespace"),
        ({"service_account": "a*"}, "has a wildcard"),
        ({"role_arn": '"arn:aws:iam::123456789012:role/app"'}, "is not a valid IAM role ARN"),
        ({"issuer": "https://host/id/"}, "is not a valid OIDC issuer URL"),
        ({"propagation_timeout": -1}, "propagation_timeout is -1"),
        ({"test_pod": {**POD, "timeout": 0}}, "test_pod.timeout is 0"),
        ({"ignore": ["sub-mismach"]}, "did you mean sub-mismatch?"),
        ({"ignore": ["zzz"]}, "use the IDs of findings"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(errors.InvalidInput) as caught:
        make_spec(**options)
    assert message in str(caught.value)


def test_spec_from_options() -> None:
    assert make_spec(issuer=ISSUER.removeprefix("https://")).issuer == ISSUER
    assert make_spec(role_arn="").role_arn is None
    assert make_spec(test_pod={**POD, "enabled": False}).test_pod is None
    pod = make_spec(test_pod=POD).test_pod
    assert pod is not None
    assert (pod.command, pod.node_selector) == (("id",), {"a": "1"})


def account(**annotations: str) -> dict[str, t.Any]:
    return {
        "metadata": {"annotations": {f"eks.amazonaws.com/{key}".replace("_", "-"): v for key, v in annotations.items()}}
    }


def test_chain_of_a_cluster() -> None:
    chain = diagnose.build_chain(make_spec(), CLUSTER, account(role_arn=ROLE, audience="vault"))
    assert (chain.role_arn, chain.audience, chain.issuer) == (ROLE, "vault", ISSUER)
    assert (chain.account_id, chain.partition, chain.region, chain.cluster) == (
        "123456789012",
        "aws",
        "eu-west-1",
        "prod",
    )
    assert not chain.cross_account
    chain = diagnose.build_chain(make_spec(role_arn=f"{ROLE}-2"), CLUSTER, account(role_arn=ROLE))
    assert (chain.role_arn, chain.cross_account) == (f"{ROLE}-2", True)


@pytest.mark.parametrize(
    "service_account", [None, {"metadata": {}}, {"metadata": {"annotations": None}}, account(role_arn="", audience="")]
)
def test_chain_of_an_account_without_annotations(service_account: dict[str, t.Any] | None) -> None:
    chain = diagnose.build_chain(make_spec(), CLUSTER, service_account)
    assert (chain.role_arn, chain.audience) == (None, "sts.amazonaws.com")


@pytest.mark.parametrize(
    ("managers", "expected"),
    [
        (["eksops.irsa"], False),
        (["kubectl-annotate"], True),
        (["eksops.irsa", "kubectl-edit"], True),
        (["helm"], False),
        (["eks"], False),
        ([], True),  # it was set before the API server tracked the fields
    ],
)
def test_annotation_of_another_client_needs_force(managers: list[str], expected: bool) -> None:
    service_account = account(role_arn=ROLE)
    service_account["metadata"]["managedFields"] = [
        {
            "manager": manager,
            "operation": "Apply",
            "fieldsV1": {"f:metadata": {"f:annotations": {"f:eks.amazonaws.com/role-arn": {}}}},
        }
        for manager in managers
    ]
    assert diagnose.build_chain(make_spec(), CLUSTER, service_account).needs_force == expected


@pytest.mark.parametrize(
    ("issuer", "region", "expected"),
    [
        (ISSUER, None, "eu-west-1"),
        (ISSUER, "us-east-1", "us-east-1"),
        ("https://oidc.eks.cn-north-1.amazonaws.com.cn/id/0", None, "cn-north-1"),
        ("https://issuer.example.com", None, None),
        ("https://issuer.example.com", "us-east-1", "us-east-1"),
    ],
)
def test_region_of_an_issuer(issuer: str, region: str | None, expected: str | None) -> None:
    chain = diagnose.build_chain(make_spec(issuer=issuer, region=region), None, None)
    assert (chain.region, chain.issuer) == (expected, issuer)
    assert (chain.account_id, chain.partition, chain.cluster) == (None, None, None)
