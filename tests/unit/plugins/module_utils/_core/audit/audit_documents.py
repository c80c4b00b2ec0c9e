# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit document of a small cluster with objects in every state, and parts for other documents."""

from __future__ import annotations

import collections
import copy
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.explanations import EXPLANATIONS

ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"
PROVIDER_ARN = f"arn:aws:iam::111122223333:oidc-provider/{ISSUER.removeprefix('https://')}"
CART = "arn:aws:iam::111122223333:role/shop-cart"
ORDERS = "arn:aws:iam::111122223333:role/teams/shop/orders"
MAIL = "arn:aws:iam::444455556666:role/mail"
UNUSED_ROLE = "arn:aws:iam::111122223333:role/idle"
ORPHANED_PROVIDER = (
    "arn:aws:iam::111122223333:oidc-provider/oidc.eks.us-west-2.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
)


def finding(id_: str, severity: str, link: str, message: str, **more: t.Any) -> dict[str, t.Any]:
    """Make a finding that affects nothing unless ``more`` says otherwise."""
    defaults = {"evidence": None, "expected": None, "found": None, "fix": None, "service_accounts": [], "roles": []}
    return {"id": id_, "severity": severity, "link": link, "message": message, **defaults, **more}


def account(namespace: str, name: str, state: str, findings: t.Sequence[int] = (), **more: t.Any) -> dict[str, t.Any]:
    """Make a service account without a role."""
    defaults = {"exists": True, "role_arn": None, "role": None, "bound_by": None, "pods": {"total": 0, "stale": 0}}
    return {"namespace": namespace, "name": name, **defaults, "state": state, "findings": list(findings), **more}


def role(arn: str, state: str, findings: t.Sequence[int] = (), **more: t.Any) -> dict[str, t.Any]:
    """Make an existing role without policies."""
    names = {"arn": arn, "name": arn.rpartition("/")[2], "account_id": arn.split(":")[4], "exists": True}
    defaults = {"created": None, "last_used": None, "policies": [], "permissions_boundary": None, "subjects": []}
    return {**names, **defaults, "service_accounts": [], "state": state, "findings": list(findings), **more}


SUB_MISMATCH = finding(
    "sub-mismatch",
    "error",
    "role",
    "statement 1 of the trust policy of role shop-cart trusts system:serviceaccount:default:cart, but not "
    "system:serviceaccount:shop:cart (namespace differs)",
    evidence="statement 1, StringEquals",
    expected="system:serviceaccount:shop:cart",
    found="system:serviceaccount:default:cart",
    fix="add the service account with eksops.irsa.irsa_role (name: shop-cart, "
    "service_accounts: [{namespace: shop, name: cart}])",
    service_accounts=["shop/cart"],
    roles=[CART],
)
STALE = finding(
    "pod-predates-annotation",
    "error",
    "pods",
    "container app of Deployment shop/cart (pods cart-5d4f-x2x1, cart-5d4f-9k2c) has neither AWS_ROLE_ARN nor "
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    evidence="pod cart-5d4f-x2x1: spec.containers[app].env",
    expected="AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
    found="neither",
    fix="replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: cart)",
    service_accounts=["shop/cart"],
)
STALE_WORKER = {
    **STALE,
    "message": "container worker of Deployment shop/cart-worker (pod worker-7f-1) has neither AWS_ROLE_ARN nor "
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "evidence": "pod worker-7f-1: spec.containers[worker].env",
}
ORPHANED = finding(
    "provider-orphaned",
    "warning",
    "provider",
    f"OIDC provider {ORPHANED_PROVIDER} does not belong to an EKS cluster of account 111122223333 in us-west-2; "
    "role old trusts it",
    evidence="eks:ListClusters and eks:DescribeCluster",
    found=ORPHANED_PROVIDER,
    fix=f"delete it with eksops.irsa.iam_oidc_provider (url: {ORPHANED_PROVIDER.partition('/')[2]}, state: absent)",
    roles=["arn:aws:iam::111122223333:role/old"],
)
UNUSED = finding(
    "role-unused",
    "warning",
    "role",
    "role idle was last used 400 days ago",
    evidence="RoleLastUsed",
    fix="delete it with eksops.irsa.irsa_role (name: idle, state: absent)",
    roles=[UNUSED_ROLE],
)
SHARED = finding(
    "role-shared",
    "note",
    "role",
    "2 service accounts share role orders: shop/orders and shop/refunds",
    fix="create a role for each",
    service_accounts=["shop/orders", "shop/refunds"],
    roles=[ORDERS],
)
FINDINGS = [STALE, STALE_WORKER, SUB_MISMATCH, ORPHANED, UNUSED, SHARED]

_DOCUMENT: dict[str, t.Any] = {
    "format": "eksops.irsa/audit/1",
    "generated_at": "2026-11-26T10:00:00Z",
    "cluster": {
        "name": "production",
        "account_id": "111122223333",
        "partition": "aws",
        "region": "eu-west-1",
        "version": "1.33",
        "issuer": ISSUER,
    },
    "namespaces": None,
    "counts": {
        "service_accounts": {"total": 5, "ok": 1, "note": 2, "warning": 0, "error": 1, "unknown": 1},
        "roles": {"total": 4, "ok": 0, "note": 1, "warning": 1, "error": 1, "unknown": 1},
        "pods": {"total": 12, "stale": 3},
        "findings": {"error": 3, "warning": 2, "note": 1},
    },
    "provider": {
        "arn": PROVIDER_ARN,
        "exists": True,
        "client_ids": ["sts.amazonaws.com"],
        "state": "ok",
        "findings": [],
    },
    "service_accounts": [
        account("shop", "cart", "error", [0, 1, 2], role_arn=CART, role=0, pods={"total": 6, "stale": 3}),
        account("shop", "mail", "unknown", role_arn=MAIL, role=2, bound_by="helm"),
        account("shop", "orders", "note", [5], role_arn=ORDERS, role=3, pods={"total": 4, "stale": 0}),
        account("shop", "refunds", "note", [5], role_arn=ORDERS, role=3, pods={"total": 2, "stale": 0}),
        account("web", "front", "ok"),
    ],
    "roles": [
        role(CART, "error", [2], service_accounts=[0], subjects=["system:serviceaccount:default:cart"]),
        role(UNUSED_ROLE, "warning", [4], last_used="2025-10-22T00:00:00Z"),
        role(MAIL, "unknown", exists=None, service_accounts=[1]),
        role(ORDERS, "note", [5], service_accounts=[2, 3]),
    ],
    "findings": FINDINGS,
    "skipped_checks": ["The role of shop/mail: it is in another account.", "The permission eks:ListAddons is missing."],
}


def document(**changes: t.Any) -> dict[str, t.Any]:
    """Return the document with changes."""
    return copy.deepcopy({**_DOCUMENT, **changes})


def with_findings(*findings: dict[str, t.Any]) -> dict[str, t.Any]:
    """Return a document with these findings and the service accounts and roles that they affect."""
    accounts = dict.fromkeys(name for row in findings for name in row["service_accounts"])
    roles = dict.fromkeys(arn for row in findings for arn in row["roles"])

    def find_state(key: str, value: str) -> tuple[str, list[int]]:
        indices = [index for index, row in enumerate(findings) if value in row[key]]
        severities = {findings[index]["severity"] for index in indices}
        return next(severity for severity in ("error", "warning", "note") if severity in severities), indices

    return document(
        findings=list(findings),
        service_accounts=[account(*name.split("/", 1), *find_state("service_accounts", name)) for name in accounts],
        roles=[role(arn, *find_state("roles", arn)) for arn in roles],
        skipped_checks=[],
    )


def result(**changes: t.Any) -> dict[str, t.Any]:
    """Return the module's result for the document, with changes."""
    counts = collections.Counter(row["id"] for row in FINDINGS)
    summary = [
        {key: getattr(BY_ID[id_], key) for key in ("id", "severity", "link")}
        | {"title": EXPLANATIONS[id_].title, "count": count}
        for id_, count in counts.items()
    ]
    common = {key: _DOCUMENT[key] for key in ("cluster", "counts", "findings", "skipped_checks")}
    return copy.deepcopy({"changed": False, **common, "omitted": 0, "summary": summary, **changes})
