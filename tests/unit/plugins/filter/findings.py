# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registered results of irsa_verify."""

from __future__ import annotations

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import Finding

OK = dict.fromkeys(("provider", "role", "account", "webhook", "pods", "sts"), "ok")
SUB_MISMATCH = Finding(
    "sub-mismatch",
    "statement 1 of the trust policy of role shop-cart trusts system:serviceaccount:default:cart, but not "
    "system:serviceaccount:shop:cart (namespace differs)",
    "add shop/cart to service_accounts of eksops.irsa.irsa_role",
    evidence="Statement[0].Condition.StringEquals",
    expected="system:serviceaccount:shop:cart",
    found="system:serviceaccount:default:cart",
)
NO_PERMISSIONS = Finding("no-permissions", "role shop-cart has no policy", "attach one", evidence="role shop-cart")


def result(
    *findings: Finding, account: str = "cart", links: t.Mapping[str, str] | None = None, proof: bool = False
) -> dict[str, t.Any]:
    """The result for one service account."""
    return {
        "namespace": "shop",
        "service_account": account,
        "changed": False,
        "ok": not findings,
        "findings": [finding.as_dict() for finding in findings],
        "links": OK | dict(links or {}),
        "proof": {"assumed_role_arn": f"arn:aws:sts::111122223333:assumed-role/shop-{account}/verify"}
        if proof
        else None,
    }
