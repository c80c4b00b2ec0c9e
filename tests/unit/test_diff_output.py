# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees of ``--diff``: documents line by line, in an order that is always the same."""

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


def shuffled(value: t.Any) -> t.Any:
    """The same with all keys the other way round."""
    if isinstance(value, dict):
        return {key: shuffled(each) for key, each in reversed(value.items())}
    return [shuffled(each) for each in value] if isinstance(value, list) else value


def role_change(turn: t.Callable[[t.Any], t.Any]) -> Plan:
    """One account more and one action more."""
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
        trust_policy=turn(trust),
        managed_policies=(),
        inline_policies={"read": turn(policy("s3:GetObject"))},
        permissions_boundary=None,
        max_session_duration=3600,
        tags=turn({"a": "1", "b": "2"}),
    )
    wanted = RoleSpec(
        present=True,
        name="app",
        inline_policies={"read": turn(policy("s3:GetObject", "s3:ListBucket"))},
        subjects=(subject("cart"), subject("orders"), subject("web")),
        issuer=PROVIDER,
    )
    return role_plan.plan(wanted, role, role_plan.PlanContext(AccountScope("aws", "123456789012"), FEDERATED))


def account_change(turn: t.Callable[[t.Any], t.Any]) -> Plan:
    fields = {"a": "1", "b": "2"}
    there = {"metadata": {"uid": "u", "resourceVersion": "1", "annotations": turn(fields), "labels": turn(fields)}}
    wanted = Annotated("shop", "web", sets={Field("annotations", "eks.amazonaws.com/role-arn"): ARN})
    return service_account_plan.plan(wanted, ServiceAccountState.from_kubernetes(there))


class Shown(CallbackBase):
    """Ansible's own rendering."""

    def lines(self, diff: dict[str, t.Any]) -> list[str]:
        """The changed lines, without colours and indentation."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self._get_diff(diff))
        lines = [line for line in text.splitlines() if line.startswith(("+", "-")) and line[:3] not in ("+++", "---")]
        return [line[0] + line[1:].strip() for line in lines]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            role_change,
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
            account_change,
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
def test_what_changes_is_shown_line_by_line(change: t.Callable[..., Plan], expected: list[str]) -> None:
    plan = change(lambda value: value)
    assert Shown().lines(plan.diff()) == expected
    assert Shown().lines(merge_diffs([("objects", "one", plan)])) == expected


@pytest.mark.parametrize("change", [role_change, account_change])
def test_the_order_that_keys_were_read_in_doesnt_show(change: t.Callable[..., Plan]) -> None:
    plans = [change(lambda value: value), change(shuffled)]
    shown = {
        Shown()._get_diff(merge_diffs([("objects", name, plan) for name in names]))
        for plan in plans
        for names in ("ab", "ba")
    }
    assert len(shown) == 1
