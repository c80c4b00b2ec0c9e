# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput, NotFound
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout import decision
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import RolloutSpec
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

PARAMS: Json = {
    "namespace": "shop",
    "service_account": "app",
    "service_accounts": None,
    "label_selectors": None,
    "role_arn": None,
    "strategy": "restart",
    "only_stale": True,
    "delete_unmanaged": False,
    "wait": True,
    "wait_timeout": 300,
    "max_retries": 2,
}
SPEC = RolloutSpec.from_params(PARAMS)


def params_for_accounts(*names: str) -> Json:
    accounts = [{"namespace": "shop", "name": name, "role_arn": k8s.ROLE} for name in names]
    return {**PARAMS, "namespace": None, "service_account": None, "service_accounts": accounts}


def test_one_spec_without_service_accounts() -> None:
    assert decision.specs_from_params(PARAMS) == [SPEC]


def test_one_spec_for_each_service_account() -> None:
    specs = decision.specs_from_params(params_for_accounts("a", "b"))
    assert [(spec.title, spec.role_arn, spec.wait_timeout) for spec in specs] == [
        ("shop/a", k8s.ROLE, 300),
        ("shop/b", k8s.ROLE, 300),
    ]
    assert decision.specs_from_params(params_for_accounts()) == []


def test_duplicate_service_account_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="service account shop/a is listed twice"):
        decision.specs_from_params(params_for_accounts("a", "b", "a"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"namespace": "Shop"}, "'Shop' is not a valid namespace"),
        ({"service_account": "app_1"}, "'app_1' is not a valid service account name"),
        ({"service_account": None}, "neither service_account nor label_selectors is set"),
        ({"role_arn": "arn:aws:iam::1:role/app"}, "is not a valid IAM role ARN"),
        ({"role_arn": f" {k8s.ROLE}"}, "is not a valid IAM role ARN"),
        ({"wait_timeout": 0}, "wait_timeout is 0"),
        ({"max_retries": -1}, "max_retries is -1"),
    ],
)
def test_invalid_options_are_rejected(changes: Json, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        RolloutSpec.from_params({**PARAMS, **changes})


def account(role: str | None, audience: str | None = None) -> Json:
    annotations = {"eks.amazonaws.com/role-arn": role, "eks.amazonaws.com/audience": audience}
    return {"metadata": {"name": "app", "annotations": {key: value for key, value in annotations.items() if value}}}


def test_expected_injection_from_the_annotations() -> None:
    assert decision.require_expected_injection(SPEC, account(k8s.ROLE, "vault")) == ExpectedInjection(k8s.ROLE, "vault")


def test_role_arn_overrides_the_annotation() -> None:
    without_role = dataclasses.replace(SPEC, role_arn="")
    result = decision.require_expected_injection(without_role, account(k8s.ROLE, "vault"))
    assert result == ExpectedInjection("")
    other = "arn:aws:iam::123456789012:role/other"
    with_role = dataclasses.replace(SPEC, role_arn=other)
    result = decision.require_expected_injection(with_role, account(k8s.ROLE, "vault"))
    assert result == ExpectedInjection(other, "vault")
    assert decision.require_expected_injection(without_role, None) == ExpectedInjection("")


def test_missing_account_or_annotation_is_an_error() -> None:
    with pytest.raises(NotFound, match="service account shop/app does not exist"):
        decision.require_expected_injection(SPEC, None)
    with pytest.raises(NotFound, match="service account shop/app has no role"):
        decision.require_expected_injection(SPEC, account(None))
