# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Audit documents of any size for tests of the page; the same seed gives the same document."""

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

# Names and texts that must not change the page.
HOSTILE = (
    "</script><script>document.title='taken'</script>",
    "<!--<script>",
    "<img src=x onerror=document.title='taken'>",
    "'\"><b>bold</b>&amp;&#60;",
    "abc\u202egnp.exe\u2066\u200b",
    "line\u2028separator\u2029and\x00controls\x1b[31m",
    "\u05e9\u05dc\u05d5\u05dd-cart",
    "${style}$policy%s{0}",
    "__proto__",
    "constructor",
    "half \ud83d of a pair",
)


class _Builder:
    """Collects accounts, roles and findings that refer to each other; `document` sorts and counts them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (names, no secrets)
        self.accounts: list[Json] = []
        self.roles: list[Json] = []
        self.findings: list[Json] = []
        self.names: set[str] = set()

    def role(self, name: str, *, account_id: str = ACCOUNT_ID, exists: bool | None = True, admin: bool = False) -> int:
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

    def account(
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

    def find(self, id_: str, accounts: t.Sequence[int], roles: t.Sequence[int], *texts: str | None) -> None:
        """Texts: message, evidence, expected, found, fix."""
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

    def find_any(self, account: int, role: int, candidates: t.Sequence[tuple[t.Any, ...]]) -> None:
        """Add one finding of ``candidates``, drawn by its frequency, about this account and role."""
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
        self.find(id_, [account], [role] if BY_ID[id_].link == "role" else [], *filled)

    def free_name(self) -> tuple[str, str]:
        draw = self.random
        while True:
            namespace = draw.choice(samples.NAMESPACES)
            name = draw.choice(samples.WORKLOADS)
            if len(self.names) > 150:
                name += draw.choice(("", "-eu", "-us", "-batch", "-internal")) + f"-{draw.randint(1, 99)}"
            if f"{namespace}/{name}" not in self.names:
                return namespace, name

    def document(self, **parts: t.Any) -> Json:
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
                "service_accounts": _states(self.accounts),
                "roles": _states(self.roles),
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
            "skipped_checks": ["The add-ons of the cluster: the permission eks:ListAddons is missing."],
            **parts,
        }


def _states(items: t.Sequence[Json]) -> Json:
    counts = collections.Counter(item["state"] for item in items)
    return {"total": len(items), **{state: counts[state] for state in ("ok", "note", "warning", "error", "unknown")}}


def example(accounts: int = 60, roles: int | None = None, findings: int | None = None, *, seed: int = 81) -> Json:
    """An audit of a cluster with ordinary findings, in every state.

    :param roles: how many roles; None: about as many as accounts.
    :param findings: how many findings; None: one for a quarter of the accounts.
    """
    build = _Builder(seed)
    _add_special_cases(build)
    draw = build.random
    while len(build.accounts) < accounts:
        namespace, name = build.free_name()
        # Some accounts share a role.
        shared = [role for role in range(max(0, len(build.roles) - 8), len(build.roles)) if build.roles[role]["exists"]]
        if shared and draw.random() < 0.06:
            build.account(namespace, name, draw.choice(shared))
        else:
            build.account(namespace, name, build.role(f"{namespace}-{name}"))
    while len(build.roles) < (roles or 0):
        # Roles that trust accounts by a pattern.
        role = build.role(f"preview-{len(build.roles)}")
        build.roles[role]["subjects"] = [f"system:serviceaccount:preview-{len(build.roles)}:*"]
    count = accounts // 4 if findings is None else findings
    while len(build.findings) < count:
        account = draw.randrange(len(build.accounts))
        role = build.accounts[account]["role"]
        if role is None or not build.roles[role]["exists"] or build.accounts[account]["findings"]:
            if findings is None or draw.random() < 0.9:
                continue
            if role is None:
                continue
        build.find_any(account, role, samples.ACCOUNT_FINDINGS if draw.random() < 0.65 else samples.ROLE_FINDINGS)
    return build.document()


def _add_special_cases(build: _Builder) -> None:
    """Add one of each thing that the page displays in its own way."""
    gone = build.role("payments-ledger", exists=False)
    ledger = build.account("payments", "ledger", gone)
    build.find(
        "role-missing",
        [ledger],
        [gone],
        "service account payments/ledger names role payments-ledger, which IAM doesn't have",
        "metadata.annotations[eks.amazonaws.com/role-arn]",
        "an existing role",
        f"arn:aws:iam::{ACCOUNT_ID}:role/payments-ledger",
        "make the role with eksops.irsa.irsa_role (name: payments-ledger, service_accounts: "
        "[{namespace: payments, name: ledger}])",
    )
    typo = build.account("legacy-crm", "sync", None, role_arn="arn:aws:iam:111122223333:role/crm-sync")
    build.find(
        "arn-malformed",
        [typo],
        [],
        "service account legacy-crm/sync: arn:aws:iam:111122223333:role/crm-sync is not a role's ARN "
        "(a colon is missing)",
        "metadata.annotations[eks.amazonaws.com/role-arn]",
        f"arn:aws:iam::{ACCOUNT_ID}:role/crm-sync",
        "arn:aws:iam:111122223333:role/crm-sync",
        "eksops.irsa.sa_annotate (namespace: legacy-crm, name: sync, "
        f"role_arn: arn:aws:iam::{ACCOUNT_ID}:role/crm-sync)",
    )
    for namespace in ("warehouse", "reporting"):
        build.account(namespace, "lake-reader", build.role(f"lake-{namespace}", account_id=OTHER_ID, exists=None))
    platform = build.role("platform-observability")
    agents = [build.account("observability", name, platform) for name in ("fluent-bit", "otel-collector", "prometheus")]
    build.find(
        "role-shared",
        agents,
        [platform],
        "role platform-observability is used by 3 service accounts of namespace observability",
        "annotations of the service accounts",
        "a role for each",
        "observability/fluent-bit, observability/otel-collector, observability/prometheus",
        "nothing, if they are meant to have the same permissions; else a role for each with eksops.irsa.irsa_bindings",
    )
    admin = build.role("ml-training-runner", admin=True)
    runner = build.account("ml-training", "runner", admin)
    build.find(
        "policy-too-broad",
        [runner],
        [admin],
        "inline policy admin of role ml-training-runner allows * on *",
        "role ml-training-runner: inline policy admin, statement 1",
        "actions and resources that the workload needs",
        "Action: *, Resource: *",
        "write the policy anew from what CloudTrail says ml-training/runner calls",
    )
    build.find(
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
    _add_forgotten_role(build, "cart-v1")
    spare = build.role("billing-invoices")
    build.account("billing", "invoices", spare)
    build.roles[spare]["subjects"].append("system:serviceaccount:billing:statements")
    unbound = build.account("billing", "statements", build.role("billing-statements"))
    build.find(
        "trusts-unannotated-account",
        [unbound],
        [spare],
        "role billing-invoices trusts system:serviceaccount:billing:statements, which uses role billing-statements",
        "role billing-invoices: AssumeRolePolicyDocument.Statement[0].Condition",
        None,
        "system:serviceaccount:billing:statements",
        "take it out with eksops.irsa.irsa_role (name: billing-invoices, service_accounts: "
        "[{namespace: billing, name: invoices}])",
    )


def _add_forgotten_role(build: _Builder, name: str) -> None:
    """Add a role that trusts an account that no longer exists."""
    role = build.role(name)
    build.roles[role]["last_used"] = "2026-02-11T08:00:00Z"
    build.roles[role]["subjects"] = [f"system:serviceaccount:shop:{name}"]
    build.find(
        "trusts-missing-account",
        [build.account("shop", name, None, exists=False)],
        [role],
        f"role {name} trusts a service account that the cluster hasn't got: shop/{name}",
        "iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument",
        None,
        f"shop/{name}",
        f"create it if it is still to come; else eksops.irsa.irsa_role (name: {name}, state: absent)",
    )


def large(accounts: int = 5000, *, seed: int = 11) -> Json:
    """An audit with a role for each account, 2 findings for 5 accounts, and one finding for half of the accounts."""
    document = example(accounts, accounts, accounts * 2 // 5 - 1, seed=seed)
    names = [f"{account['namespace']}/{account['name']}" for account in document["service_accounts"][::2]]
    at = next(index for index, other in enumerate(document["findings"]) if other["severity"] != "error")
    webhook: Json = {
        "id": "webhook-unreachable",
        "severity": "error",
        "link": "webhook",
        "message": "the API server can't reach the pod identity webhook: connection refused",
        "evidence": "MutatingWebhookConfiguration pod-identity-webhook",
        "expected": "an answer",
        "found": "connection refused",
        "fix": "see to it that the nodes' security group lets the control plane reach the webhook's port",
        "service_accounts": names,
        "roles": [],
    }
    return _with(document, webhook, at)


def _with(document: Json, finding: Json, at: int) -> Json:
    document["findings"].insert(at, finding)
    for item in [*document["service_accounts"], *document["roles"]]:
        item["findings"] = [number + (number >= at) for number in item["findings"]]
    names = set(finding["service_accounts"])
    for account in document["service_accounts"]:
        if f"{account['namespace']}/{account['name']}" in names:
            account["findings"] = sorted([*account["findings"], at])
            account["state"] = min(account["state"], finding["severity"], key=STATES.index)
    document["counts"]["service_accounts"] = _states(document["service_accounts"])
    document["counts"]["findings"][finding["severity"]] += 1
    return document


def hostile() -> Json:
    """A small audit with `HOSTILE` names and texts everywhere."""
    build = _Builder(3)
    for number, text in enumerate(HOSTILE):
        role = build.role(f"{text}-{number}")
        build.roles[role]["policies"].append({"kind": "inline", "name": text, "arn": None})
        build.roles[role]["subjects"].append(f"system:serviceaccount:{text}")
        account = build.account(text, f"{text}-sa", role)
        build.accounts[account]["bound_by"] = text
        build.find("pod-predates-annotation", [account], [role], text, text, text, text, text)
    document = build.document(skipped_checks=list(HOSTILE), namespaces=list(HOSTILE))
    document["cluster"].update(name=HOSTILE[0], version=HOSTILE[1], issuer=f"https://{HOSTILE[3]}")
    document["provider"]["arn"] = HOSTILE[2]
    return document


def empty() -> Json:
    """An audit without accounts, roles and findings, of a cluster of which only the issuer is known."""
    document = _Builder(1).document(skipped_checks=[])
    document["cluster"].update(name=None, account_id=None, version=None)
    document["provider"].update(arn=None, exists=None, client_ids=[], state="unknown")
    return document
