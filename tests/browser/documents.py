# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit documents of any size for tests of the page. The same seed gives the same document."""

from __future__ import annotations

import collections
import random
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, LINKS
from browser import samples

Json = dict[str, t.Any]

STATES = ("error", "unknown", "warning", "note", "ok")
SEVERITIES = ("error", "warning", "note")
ACCOUNT_ID = samples.ACCOUNT_ID
OTHER_ID = "444455556666"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"


class _DocumentBuilder:
    """Builds a document: accounts, roles and findings that refer to each other, sorted and counted."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (names, no secrets)
        self.accounts: list[Json] = []
        self.roles: list[Json] = []
        self.findings: list[Json] = []
        self.names: set[str] = set()

    def add_role(
        self, name: str, *, account_id: str = ACCOUNT_ID, exists: bool | None = True, admin: bool = False
    ) -> int:
        draw = self.random
        managed = draw.sample(samples.MANAGED_POLICIES, draw.choice((0, 1, 1, 2, 3)))
        policies: list[Json] = [
            {"kind": "managed", "name": policy, "arn": f"arn:aws:iam::aws:policy/{policy}"} for policy in managed
        ]
        inline = ["admin"] if admin else []
        if not admin and (draw.random() < 0.6 or not managed):
            inline = [draw.choice(samples.INLINE_POLICIES)]
        policies += [{"kind": "inline", "name": policy, "arn": None} for policy in inline]
        used = exists and draw.random() < 0.9
        self.roles.append(
            {
                "arn": f"arn:aws:iam::{account_id}:role/{name}",
                "name": name,
                "account_id": account_id,
                "exists": exists,
                "created": f"202{draw.randint(2, 5)}-0{draw.randint(1, 9)}-1{draw.randint(0, 9)}T03:04:05Z"
                if exists
                else None,
                "last_used": f"2026-11-{draw.randint(10, 25)}T0{draw.randint(0, 9)}:00:00Z" if used else None,
                "policies": policies if exists else [],
                "permissions_boundary": f"arn:aws:iam::{account_id}:policy/workload-boundary"
                if exists and draw.random() < 0.3
                else None,
                "subjects": [],
                "service_accounts": [],
                "findings": [],
                "unknown": exists is None,
            }
        )
        return len(self.roles) - 1

    def add_account(
        self, namespace: str, name: str, role: int | None, *, role_arn: str | None = None, exists: bool = True
    ) -> int:
        number = len(self.accounts)
        if role is not None:
            self.roles[role]["service_accounts"].append(number)
            if self.roles[role]["exists"]:
                self.roles[role]["subjects"].append(f"system:serviceaccount:{namespace}:{name}")
        self.names.add(f"{namespace}/{name}")
        self.accounts.append(
            {
                "namespace": namespace,
                "name": name,
                "exists": exists,
                "role_arn": role_arn if role is None else self.roles[role]["arn"],
                "role": role,
                "bound_by": self.random.choice(("eksops.irsa", "eksops.irsa", "helm", "argocd-controller", "eksctl"))
                if exists
                else None,
                "pods": {"total": self.random.choice((0, 1, 2, 2, 3, 3, 5, 8)) if exists else 0, "stale": 0},
                "findings": [],
                "unknown": role is not None and self.roles[role]["unknown"],
            }
        )
        return number

    def add_finding(self, id_: str, accounts: t.Sequence[int], roles: t.Sequence[int], *texts: str | None) -> None:
        """Add a finding; ``texts`` are its message, evidence, expected, found and fix."""
        message, evidence, expected, found, fix = texts
        cause = BY_ID[id_]
        finding = {
            "id": id_,
            "severity": cause.severity,
            "link": cause.link,
            "message": message,
            "evidence": evidence,
            "expected": expected,
            "found": found,
            "fix": fix,
            "service_accounts": [
                f"{self.accounts[account]['namespace']}/{self.accounts[account]['name']}" for account in accounts
            ],
            "roles": [self.roles[role]["arn"] for role in roles],
        }
        self.findings.append(finding)
        for account in accounts:
            self.accounts[account]["findings"].append(finding)
        for role in roles:
            self.roles[role]["findings"].append(finding)
        if id_.startswith("pod-"):
            for account in accounts:
                pods = self.accounts[account]["pods"]
                pods["total"] = max(2, pods["total"])
                pods["stale"] = pods["total"] - 1

    def add_random_finding(self, account: int, role: int, candidates: t.Sequence[tuple[t.Any, ...]]) -> None:
        """Add a finding about this account and role, drawn from ``candidates`` by frequency."""
        chosen = self.random.choices(candidates, [candidate[0] for candidate in candidates])[0]
        id_, *texts = chosen[1:]
        data = self.accounts[account]
        names = {
            "ns": data["namespace"],
            "name": data["name"],
            "sa": f"{data['namespace']}/{data['name']}",
            "role": self.roles[role]["name"],
        }
        filled = [None if text is None else text.format(**names) for text in texts]
        self.add_finding(id_, [account], [role] if BY_ID[id_].link == "role" else [], *filled)

    def choose_unused_name(self) -> tuple[str, str]:
        draw = self.random
        while True:
            namespace = draw.choice(samples.NAMESPACES)
            name = draw.choice(samples.WORKLOADS)
            if len(self.names) > 150:
                name += draw.choice(("", "-eu", "-us", "-batch", "-internal")) + f"-{draw.randint(1, 99)}"
            if f"{namespace}/{name}" not in self.names:
                return namespace, name

    def make_document(self, **parts: t.Any) -> Json:
        order = sorted(
            self.findings,
            key=lambda finding: (SEVERITIES.index(finding["severity"]), LINKS.index(finding["link"]), finding["id"]),
        )
        numbers = {id(finding): number for number, finding in enumerate(order)}
        for item in [*self.accounts, *self.roles]:
            states = [finding["severity"] for finding in item["findings"]]
            states += ["unknown"] if item.pop("unknown") else []
            item["state"] = min(states, key=STATES.index, default="ok")
            item["findings"] = sorted(numbers[id(finding)] for finding in item["findings"])
        severities = collections.Counter(finding["severity"] for finding in order)
        return {
            "format": "eksops.irsa/audit/1",
            "generated_at": "2026-11-26T10:00:00Z",
            "cluster": {
                "name": "production",
                "account_id": ACCOUNT_ID,
                "partition": "aws",
                "region": "eu-west-1",
                "version": "1.33",
                "issuer": ISSUER,
            },
            "namespaces": None,
            "counts": {
                "service_accounts": _count_states(self.accounts),
                "roles": _count_states(self.roles),
                "pods": {key: sum(account["pods"][key] for account in self.accounts) for key in ("total", "stale")},
                "findings": {severity: severities[severity] for severity in SEVERITIES},
            },
            "provider": {
                "arn": f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/{ISSUER.removeprefix('https://')}",
                "exists": True,
                "client_ids": ["sts.amazonaws.com"],
                "state": "ok",
                "findings": [],
            },
            "service_accounts": self.accounts,
            "roles": self.roles,
            "findings": order,
            "skipped_checks": ["add-ons of the cluster: permission eks:ListAddons is missing"],
            **parts,
        }


def _count_states(items: t.Sequence[Json]) -> Json:
    counts = collections.Counter(item["state"] for item in items)
    return {"total": len(items), **{state: counts[state] for state in ("ok", "note", "warning", "error", "unknown")}}


def example(accounts: int = 60, roles: int | None = None, findings: int | None = None, *, seed: int = 81) -> Json:
    """Make an audit with ordinary findings in every state.

    :param roles: None: about as many as accounts.
    :param findings: None: a quarter as many as accounts.
    """
    builder = _DocumentBuilder(seed)
    _add_special_cases(builder)
    draw = builder.random
    while len(builder.accounts) < accounts:
        namespace, name = builder.choose_unused_name()
        # Some accounts share a role.
        shared = [
            role for role in range(max(0, len(builder.roles) - 8), len(builder.roles)) if builder.roles[role]["exists"]
        ]
        if shared and draw.random() < 0.06:
            builder.add_account(namespace, name, draw.choice(shared))
        else:
            builder.add_account(namespace, name, builder.add_role(f"{namespace}-{name}"))
    while len(builder.roles) < (roles or 0):
        # Roles that trust a pattern.
        role = builder.add_role(f"preview-{len(builder.roles)}")
        builder.roles[role]["subjects"] = [f"system:serviceaccount:preview-{len(builder.roles)}:*"]
    count = accounts // 4 if findings is None else findings
    while len(builder.findings) < count:
        account = draw.randrange(len(builder.accounts))
        role = builder.accounts[account]["role"]
        if role is None or not builder.roles[role]["exists"] or builder.accounts[account]["findings"]:
            if findings is None or draw.random() < 0.9:
                continue
            if role is None:
                continue
        candidates = samples.ACCOUNT_FINDINGS if draw.random() < 0.65 else samples.ROLE_FINDINGS
        builder.add_random_finding(account, role, candidates)
    return builder.make_document()


def _add_special_cases(builder: _DocumentBuilder) -> None:
    """Add one case of each kind that the page displays differently."""
    missing = builder.add_role("payments-ledger", exists=False)
    ledger = builder.add_account("payments", "ledger", missing)
    builder.add_finding(
        "role-missing",
        [ledger],
        [missing],
        "service account payments/ledger names role payments-ledger, which does not exist",
        "metadata.annotations[eks.amazonaws.com/role-arn]",
        "an existing role",
        f"arn:aws:iam::{ACCOUNT_ID}:role/payments-ledger",
        "create the role with eksops.irsa.irsa_role (name: payments-ledger, service_accounts: "
        "[{namespace: payments, name: ledger}])",
    )
    typo = builder.add_account("legacy-crm", "sync", None, role_arn="arn:aws:iam:111122223333:role/crm-sync")
    builder.add_finding(
        "arn-malformed",
        [typo],
        [],
        "service account legacy-crm/sync: arn:aws:iam:111122223333:role/crm-sync is not a valid "
        "role ARN (a colon is missing)",
        "metadata.annotations[eks.amazonaws.com/role-arn]",
        f"arn:aws:iam::{ACCOUNT_ID}:role/crm-sync",
        "arn:aws:iam:111122223333:role/crm-sync",
        "eksops.irsa.sa_annotate (namespace: legacy-crm, name: sync, "
        f"role_arn: arn:aws:iam::{ACCOUNT_ID}:role/crm-sync)",
    )
    for namespace in ("warehouse", "reporting"):
        lake = builder.add_role(f"lake-{namespace}", account_id=OTHER_ID, exists=None)
        builder.add_account(namespace, "lake-reader", lake)
    platform = builder.add_role("platform-observability")
    agents = [
        builder.add_account("observability", name, platform) for name in ("fluent-bit", "otel-collector", "prometheus")
    ]
    builder.add_finding(
        "role-shared",
        agents,
        [platform],
        "role platform-observability is used by 3 service accounts of namespace observability",
        "annotations of the service accounts",
        "one role for each service account",
        "observability/fluent-bit, observability/otel-collector, observability/prometheus",
        "if they need different permissions, give each its own role with eksops.irsa.irsa_bindings",
    )
    admin = builder.add_role("ml-training-runner", admin=True)
    runner = builder.add_account("ml-training", "runner", admin)
    builder.add_finding(
        "policy-too-broad",
        [runner],
        [admin],
        "inline policy admin of role ml-training-runner allows * on *",
        "role ml-training-runner: inline policy admin, statement 1",
        "actions and resources that the workload needs",
        "Action: *, Resource: *",
        "replace the policy by one that allows what ml-training/runner calls according to CloudTrail",
    )
    builder.add_finding(
        "pod-predates-annotation",
        [runner],
        [],
        "container train of Job ml-training/runner (pod runner-4xk2p) has neither AWS_ROLE_ARN nor "
        "AWS_WEB_IDENTITY_TOKEN_FILE: the pod is older than the annotation",
        "pod runner-4xk2p: spec.containers[train].env",
        "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
        "neither",
        "replace the pods with eksops.irsa.pod_rollout (namespace: ml-training, service_account: runner)",
    )
    _add_orphaned_role(builder, "cart-v1")
    spare = builder.add_role("billing-invoices")
    builder.add_account("billing", "invoices", spare)
    builder.roles[spare]["subjects"].append("system:serviceaccount:billing:statements")
    unbound = builder.add_account("billing", "statements", builder.add_role("billing-statements"))
    builder.add_finding(
        "trusts-unannotated-account",
        [unbound],
        [spare],
        "role billing-invoices trusts system:serviceaccount:billing:statements, which uses role billing-statements",
        "role billing-invoices: AssumeRolePolicyDocument.Statement[0].Condition",
        None,
        "system:serviceaccount:billing:statements",
        "remove it with eksops.irsa.irsa_role (name: billing-invoices, service_accounts: "
        "[{namespace: billing, name: invoices}])",
    )


def _add_orphaned_role(builder: _DocumentBuilder, name: str) -> None:
    """Add a role that trusts an account that no longer exists."""
    role = builder.add_role(name)
    builder.roles[role]["last_used"] = "2026-02-11T08:00:00Z"
    builder.roles[role]["subjects"] = [f"system:serviceaccount:shop:{name}"]
    builder.add_finding(
        "trusts-missing-account",
        [builder.add_account("shop", name, None, exists=False)],
        [role],
        f"role {name} trusts service account shop/{name}, which does not exist in the cluster",
        "iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument",
        None,
        f"shop/{name}",
        f"create the service account, or delete the role: eksops.irsa.irsa_role (name: {name}, state: absent)",
    )


def large(accounts: int = 5000, *, seed: int = 11) -> Json:
    """Make an audit with a role per account, 2 findings per 5 accounts, and a finding that affects half of them."""
    document = example(accounts, accounts, accounts * 2 // 5 - 1, seed=seed)
    names = [f"{account['namespace']}/{account['name']}" for account in document["service_accounts"][::2]]
    at = next(index for index, other in enumerate(document["findings"]) if other["severity"] != "error")
    webhook: Json = {
        "id": "webhook-unreachable",
        "severity": "error",
        "link": "webhook",
        "message": "the API server cannot reach the pod identity webhook: connection refused",
        "evidence": "MutatingWebhookConfiguration pod-identity-webhook",
        "expected": "an answer",
        "found": "connection refused",
        "fix": "allow the control plane to reach the webhook's port in the nodes' security group",
        "service_accounts": names,
        "roles": [],
    }
    return _insert_finding(document, webhook, at)


def _insert_finding(document: Json, finding: Json, at: int) -> Json:
    document["findings"].insert(at, finding)
    for item in [*document["service_accounts"], *document["roles"]]:
        item["findings"] = [number + (number >= at) for number in item["findings"]]
    names = set(finding["service_accounts"])
    for account in document["service_accounts"]:
        if f"{account['namespace']}/{account['name']}" in names:
            account["findings"] = sorted([*account["findings"], at])
            account["state"] = min(account["state"], finding["severity"], key=STATES.index)
    document["counts"]["service_accounts"] = _count_states(document["service_accounts"])
    document["counts"]["findings"][finding["severity"]] += 1
    return document


def hostile() -> Json:
    """Make a small audit in which all names and texts are `samples.HOSTILE`."""
    builder = _DocumentBuilder(3)
    for number, text in enumerate(samples.HOSTILE):
        role = builder.add_role(f"{text}-{number}")
        builder.roles[role]["policies"].append({"kind": "inline", "name": text, "arn": None})
        builder.roles[role]["subjects"].append(f"system:serviceaccount:{text}")
        account = builder.add_account(text, f"{text}-sa", role)
        builder.accounts[account]["bound_by"] = text
        builder.add_finding("pod-predates-annotation", [account], [role], text, text, text, text, text)
    document = builder.make_document(skipped_checks=list(samples.HOSTILE), namespaces=list(samples.HOSTILE))
    document["cluster"].update(
        name=samples.HOSTILE[0], version=samples.HOSTILE[1], issuer=f"https://{samples.HOSTILE[3]}"
    )
    document["provider"]["arn"] = samples.HOSTILE[2]
    return document


def empty() -> Json:
    """Make an audit without accounts, roles and findings. Of the cluster only the issuer is known."""
    document = _DocumentBuilder(1).make_document(skipped_checks=[])
    document["cluster"].update(name=None, account_id=None, version=None)
    document["provider"].update(arn=None, exists=None, client_ids=[], state="unknown")
    return document
