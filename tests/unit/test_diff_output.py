# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The output of ``--diff``: documents line by line, in a stable order."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible.plugins.callback import CallbackBase
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.outcome import merge_diffs
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role import plan as role_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import AccountScope, Role, RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account import plan as service_account_plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import Field
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import (
    ServiceAccountSpec as Annotated,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.spec import ServiceAccountState

PROVIDER = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
FEDERATED = f"arn:aws:iam::123456789012:oidc-provider/{PROVIDER}"
ARN = "arn:aws:iam::123456789012:role/app"


def subject(name: str) -> str:
    return f"system:serviceaccount:shop:{name}"


def policy(*actions: str) -> dict[str, t.Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}


def unchanged(value: t.Any) -> t.Any:
    return value


def reverse_keys(value: t.Any) -> t.Any:
    """Reverse the order of all keys, at any depth."""
    if isinstance(value, dict):
        return {key: reverse_keys(entry) for key, entry in reversed(value.items())}
    return [reverse_keys(entry) for entry in value] if isinstance(value, list) else value


def plan_role(reorder: t.Callable[[t.Any], t.Any]) -> Plan:
    """Plan to add a service account and an action to a role."""
    condition = {f"{PROVIDER}:sub": [subject("cart"), subject("orders")], f"{PROVIDER}:aud": "sts.amazonaws.com"}
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Federated": FEDERATED},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": condition},
            }
        ],
    }
    role = Role(
        arn=ARN,
        name="app",
        path="/",
        role_id="AROA",
        description="",
        trust_policy=reorder(trust),
        managed_policies=(),
        inline_policies={"read": reorder(policy("s3:GetObject"))},
        permissions_boundary=None,
        max_session_duration=3600,
        tags=reorder({"a": "1", "b": "2"}),
    )
    spec = RoleSpec(
        present=True,
        name="app",
        inline_policies={"read": reorder(policy("s3:GetObject", "s3:ListBucket"))},
        subjects=(subject("cart"), subject("orders"), subject("web")),
        issuer=PROVIDER,
    )
    return role_plan.plan(spec, role, role_plan.PlanContext(AccountScope("aws", "123456789012"), FEDERATED))


def plan_service_account(reorder: t.Callable[[t.Any], t.Any]) -> Plan:
    fields = {"a": "1", "b": "2"}
    existing = {
        "metadata": {"uid": "u", "resourceVersion": "1", "annotations": reorder(fields), "labels": reorder(fields)}
    }
    spec = Annotated("shop", "web", sets={Field("annotations", "eks.amazonaws.com/role-arn"): ARN})
    return service_account_plan.plan(spec, ServiceAccountState.from_kubernetes(existing))


class DiffRenderer(CallbackBase):
    """Renders diffs as Ansible does."""

    def lines(self, diff: dict[str, t.Any]) -> list[str]:
        """Return the changed lines without colours and indentation."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self._get_diff(diff))
        lines = [line for line in text.splitlines() if line.startswith(("+", "-")) and line[:3] not in ("+++", "---")]
        return [line[0] + line[1:].strip() for line in lines]


@pytest.mark.parametrize(
    ("make_plan", "expected"),
    [
        (
            plan_role,
            [
                '-"s3:GetObject"',
                '+"s3:GetObject",',
                '+"s3:ListBucket"',
                f'-"{subject("orders")}"',
                f'+"{subject("orders")}",',
                f'+"{subject("web")}"',
            ],
        ),
        (
            plan_service_account,
            [
                '-"b": "2"',
                '+"b": "2",',
                f'+"eks.amazonaws.com/role-arn": "{ARN}"',
                '-"managed_annotations": [],',
                '+"managed_annotations": [',
                '+"eks.amazonaws.com/role-arn"',
                "+],",
            ],
        ),
    ],
)
def test_diff_has_only_changed_lines(make_plan: t.Callable[..., Plan], expected: list[str]) -> None:
    plan = make_plan(unchanged)
    assert DiffRenderer().lines(plan.diff()) == expected
    assert DiffRenderer().lines(merge_diffs([("objects", "one", plan)])) == expected


@pytest.mark.parametrize("make_plan", [plan_role, plan_service_account])
def test_diff_does_not_depend_on_key_order(make_plan: t.Callable[..., Plan]) -> None:
    plans = [make_plan(unchanged), make_plan(reverse_keys)]
    outputs = {
        DiffRenderer()._get_diff(merge_diffs([("objects", name, plan) for name in names]))
        for plan in plans
        for names in ("ab", "ba")
    }
    assert len(outputs) == 1
