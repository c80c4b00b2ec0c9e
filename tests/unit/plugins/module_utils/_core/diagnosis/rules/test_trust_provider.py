# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings about the provider and the audience. test_role.py has whole chains."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.facts import Unknown
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules import trust as trust_rules
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.rules.trust import Refusal
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.evaluation import Failure
from unit.chain_objects import AWS, CHAIN, ROLE

HOST = CHAIN.issuer.removeprefix("https://")
PROVIDER = f"arn:aws:iam::123456789012:oidc-provider/{HOST}"
STS, CN, VAULT = "sts.amazonaws.com", "sts.amazonaws.com.cn", "vault"
CROSS = dataclasses.replace(CHAIN, role_arn=ROLE.replace("123456789012", "210987654321"), cross_account=True)


@pytest.mark.parametrize(
    ("provider", "accepted"),
    [
        pytest.param(Unknown("not read"), None, id="unknown"),
        pytest.param(None, False, id="missing"),
        pytest.param({"ClientIDList": [VAULT]}, False, id="other-audience"),
        pytest.param({"ClientIDList": [VAULT, STS]}, True, id="accepted"),
    ],
)
def test_provider_accepts_the_audience(provider: t.Any, accepted: bool | None) -> None:
    assert trust_rules.accepts_audience(CHAIN, dataclasses.replace(AWS, provider=provider)) is accepted


@pytest.mark.parametrize(
    ("chain", "others", "expected"),
    [
        pytest.param(CHAIN, [], ["provider-missing"], id="missing"),
        pytest.param(CHAIN, [f"{PROVIDER}-other"], ["provider-missing"], id="other-providers"),
        pytest.param(CHAIN, [f"{PROVIDER}/"], ["provider-url-mismatch"], id="slash"),
        pytest.param(CHAIN, [PROVIDER.lower()], ["provider-url-mismatch"], id="case"),
        pytest.param(CHAIN, [PROVIDER.replace("eu-west-1", "eu-west-2")], ["provider-url-mismatch"], id="region"),
        pytest.param(CROSS, [f"{PROVIDER}/"], ["provider-wrong-account"], id="similar-in-another-account"),
    ],
)
def test_findings_about_a_missing_provider(chain: t.Any, others: list[str], expected: list[str]) -> None:
    aws = dataclasses.replace(AWS, provider=None, provider_arns=others)
    assert [finding.id for finding in trust_rules.provider_findings(chain, aws)] == expected


def test_unknown_provider_has_no_finding() -> None:
    aws = dataclasses.replace(AWS, provider=Unknown("not read"), provider_arns=[f"{PROVIDER}/"])
    assert list(trust_rules.provider_findings(CHAIN, aws)) == []


def refusal(*audiences: str) -> Refusal:
    """The refusal of a trust policy that requires one of these audiences."""
    failure = Failure("Condition", "differs", operator="StringEquals", key=f"{HOST}:aud", values=audiences)
    return Refusal((), failure, "statement 1 of role app", "Statement[0].Condition.StringEquals")


@pytest.mark.parametrize(
    ("audience", "client_ids", "refused", "expected"),
    [
        pytest.param(STS, [STS], Refusal(), [], id="accepted"),
        pytest.param(STS, [VAULT], Refusal(), ["client-id-missing"], id="provider"),
        pytest.param(STS, [STS], refusal(VAULT), ["aud-mismatch"], id="trust-policy"),
        pytest.param(STS, [VAULT], refusal(VAULT), ["client-id-missing", "aud-mismatch"], id="both"),
        pytest.param(VAULT, [STS], refusal(STS), ["audience-annotation"], id="annotation"),
        pytest.param(CN, [STS], Refusal(), ["cn-audience"], id="cn-audience-in-annotation"),
        pytest.param(STS, [CN], Refusal(), ["cn-audience"], id="cn-audience-in-provider"),
        pytest.param(STS, [STS, CN], Refusal(), [], id="cn-audience-in-provider-but-accepted"),
        pytest.param(STS, [STS], refusal(CN), ["cn-audience"], id="cn-audience-in-trust-policy"),
    ],
)
def test_findings_about_the_audience(
    audience: str, client_ids: list[str], refused: Refusal, expected: list[str]
) -> None:
    chain = dataclasses.replace(CHAIN, audience=audience)
    aws = dataclasses.replace(AWS, provider={"ClientIDList": client_ids})
    findings = list(trust_rules.audience_findings(chain, aws, refused))
    assert [finding.id for finding in findings] == expected
    assert all(finding.evidence for finding in findings)
