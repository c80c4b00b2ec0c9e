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


def several(*names: str) -> Json:
    accounts = [{"namespace": "shop", "name": name, "role_arn": k8s.ROLE} for name in names]
    return {**PARAMS, "namespace": None, "service_account": None, "service_accounts": accounts}


def test_the_options_give_one_spec_or_one_for_each_account() -> None:
    assert decision.specs_from_params(PARAMS) == [SPEC]
    specs = decision.specs_from_params(several("a", "b"))
    assert [(spec.title, spec.role_arn, spec.wait_timeout) for spec in specs] == [
        ("shop/a", k8s.ROLE, 300),
        ("shop/b", k8s.ROLE, 300),
    ]
    assert decision.specs_from_params(several()) == []


def test_an_account_that_is_given_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="service account shop/a is given twice"):
        decision.specs_from_params(several("a", "b", "a"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"namespace": "Shop"}, "'Shop' is no namespace"),
        ({"service_account": "app_1"}, "'app_1' is no name of a service account"),
        ({"service_account": None}, "service_account or label_selectors"),
        ({"role_arn": "arn:aws:iam::1:role/app"}, "is no ARN of an IAM role"),
        ({"role_arn": f" {k8s.ROLE}"}, "is no ARN of an IAM role"),
        ({"wait_timeout": 0}, "wait_timeout is 0"),
        ({"max_retries": -1}, "max_retries is -1"),
    ],
)
def test_bad_options(changes: Json, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        RolloutSpec.from_params({**PARAMS, **changes})


def account(role: str | None, audience: str | None = None) -> Json:
    annotations = {"eks.amazonaws.com/role-arn": role, "eks.amazonaws.com/audience": audience}
    return {"metadata": {"name": "app", "annotations": {key: value for key, value in annotations.items() if value}}}


def test_the_annotation_says_what_is_expected_unless_the_option_does() -> None:
    assert decision.require_expected_injection(SPEC, account(k8s.ROLE, "vault")) == ExpectedInjection(k8s.ROLE, "vault")
    none = dataclasses.replace(SPEC, role_arn="")
    assert decision.require_expected_injection(none, account(k8s.ROLE, "vault")) == ExpectedInjection("", "vault")
    assert decision.require_expected_injection(none, None) == ExpectedInjection("")
    with pytest.raises(NotFound, match="there is no service account shop/app"):
        decision.require_expected_injection(SPEC, None)
    with pytest.raises(NotFound, match="service account shop/app names no role"):
        decision.require_expected_injection(SPEC, account(None))
