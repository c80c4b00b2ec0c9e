# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documents of audits as a page gets them: the same for the same seed, of any size, with names as in the wild."""

from __future__ import annotations

import collections
import random
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.causes import BY_ID, LINKS

Json = dict[str, t.Any]

STATES = ("error", "unknown", "warning", "note", "ok")
SEVERITIES = ("error", "warning", "note")
ACCOUNT_ID = "111122223333"
OTHER_ID = "444455556666"
ISSUER = "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B716D3041E"

# Whatever a name or a text must not do to a page.
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

_NAMESPACES = [
    "shop",
    "payments",
    "search",
    "ingest",
    "observability",
    "external-dns",
    "cert-manager",
    "kube-system",
    "argo-workflows",
    "ml-training",
    "billing",
    "identity",
    "notifications",
    "warehouse",
    "reporting",
    "media",
    "legacy-crm",
    "sandbox",
]
_WORKLOADS = [
    "cart",
    "checkout",
    "catalog",
    "pricing",
    "inventory",
    "worker",
    "scheduler",
    "exporter",
    "api",
    "gateway",
    "indexer",
    "archiver",
    "mailer",
    "webhook",
    "consumer",
    "producer",
    "importer",
    "thumbnailer",
    "ledger",
    "refunds",
    "fraud-scoring",
    "session-store",
    "feature-flags",
    "backup",
]
_MANAGED = [
    "AmazonS3ReadOnlyAccess",
    "AmazonSQSFullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "CloudWatchAgentServerPolicy",
    "AmazonSSMReadOnlyAccess",
    "AmazonSNSFullAccess",
    "AWSXRayDaemonWriteAccess",
    "AmazonKinesisReadOnlyAccess",
]
_INLINE = ["queue", "bucket", "table", "events", "secrets", "topic"]
# What is wrong with one account or its role, by how often it is met; the texts name {sa} ns/name, {ns}, {name}, {role}.
_ACCOUNT_TROUBLES: tuple[tuple[int, str, str, str | None, str | None, str | None, str], ...] = (
    (
        5,
        "pod-predates-annotation",
        "container app of Deployment {sa} (pods {name}-7d9f6b-x2x9k, {name}-7d9f6b-q8m4t) has neither AWS_ROLE_ARN nor "
        "AWS_WEB_IDENTITY_TOKEN_FILE: the pods are older than the annotation",
        "pod {name}-7d9f6b-x2x9k: spec.containers[app].env",
        "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE",
        "neither",
        "replace the pods with eksops.irsa.pod_rollout (namespace: {ns}, service_account: {name})",
    ),
    (
        3,
        "sub-mismatch",
        "statement 1 of the trust policy of role {role}: sub is system:serviceaccount:{ns}:{name}, the policy wants "
        "system:serviceaccount:default:{name} (namespace differs)",
        "role {role}: AssumeRolePolicyDocument.Statement[0].Condition",
        "system:serviceaccount:{ns}:{name}",
        "system:serviceaccount:default:{name}",
        "add the account with eksops.irsa.irsa_role "
        "(name: {role}, service_accounts: [{{namespace: {ns}, name: {name}}}])",
    ),
    (
        2,
        "pod-stale-role",
        "container app of Deployment {sa} (pod {name}-0) has the role that the account named before",
        "pod {name}-0: spec.containers[app].env",
        f"arn:aws:iam::{ACCOUNT_ID}:role/{{role}}",
        f"arn:aws:iam::{ACCOUNT_ID}:role/{{role}}-old",
        "replace the pods with eksops.irsa.pod_rollout (namespace: {ns}, service_account: {name})",
    ),
    (
        2,
        "owner-reverts",
        "service account {sa}: the annotation eks.amazonaws.com/role-arn is managed by helm",
        "metadata.managedFields of the service account",
        "eksops.irsa",
        "helm",
        "set the annotation where helm takes it from, or take it over with eksops.irsa.sa_annotate (force: true)",
    ),
    (
        6,
        "bound-by-hand",
        "service account {sa}: the annotation eks.amazonaws.com/role-arn was set by kubectl-annotate",
        "metadata.managedFields of the service account",
        None,
        "kubectl-annotate",
        "put the binding under the care of eksops.irsa.irsa_bindings, or of whatever keeps your manifests",
    ),
    (
        1,
        "static-credentials",
        "container app of Deployment {sa} sets AWS_ACCESS_KEY_ID, which the SDKs prefer to the role",
        "pod {name}-0: spec.containers[app].env",
        "no AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY_ID from secret {name}-aws",
        "take the variable out of the workload and delete the access key",
    ),
)
_ROLE_TROUBLES: tuple[tuple[int, str, str, str | None, str | None, str | None, str], ...] = (
    (
        4,
        "role-unused",
        "role {role} was last used on 2026-05-02, 208 days before the audit",
        "role {role}: RoleLastUsed",
        "use within 90 days",
        "2026-05-02T08:00:00Z",
        "ask the owners of {sa} whether it is needed; else eksops.irsa.irsa_role (name: {role}, state: absent)",
    ),
    (
        2,
        "policy-too-broad",
        "inline policy admin of role {role} allows * on *",
        "role {role}: inline policy admin, statement 1",
        "actions and resources that the workload needs",
        "Action: *, Resource: *",
        "write the policy anew from what CloudTrail says {sa} calls",
    ),
    (
        1,
        "trust-too-broad",
        "role {role} trusts every service account of namespace {ns}",
        "role {role}: AssumeRolePolicyDocument.Statement[0].Condition",
        "system:serviceaccount:{ns}:{name}",
        "system:serviceaccount:{ns}:*",
        "name the accounts with eksops.irsa.irsa_role (name: {role}, allow_wildcards: false)",
    ),
)


class _Builder:
    """Accounts, roles and findings that point at each other; `document` counts and sorts them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 (names, no secrets)
        self.accounts: list[Json] = []
        self.roles: list[Json] = []
        self.findings: list[Json] = []
        self.names: set[str] = set()

    def role(self, name: str, *, account_id: str = ACCOUNT_ID, exists: bool | None = True, admin: bool = False) -> int:
        draw = self.random
        managed = draw.sample(_MANAGED, draw.choice((0, 1, 1, 2, 3)))
        policies: list[Json] = [
            {"kind": "managed", "name": each, "arn": f"arn:aws:iam::aws:policy/{each}"} for each in managed
        ]
        inline = ["admin"] if admin else [draw.choice(_INLINE)] if draw.random() < 0.6 or not managed else []
        policies += [{"kind": "inline", "name": each, "arn": None} for each in inline]
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
                "unread": exists is None,
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
                "unread": role is not None and self.roles[role]["unread"],
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
                f"{self.accounts[each]['namespace']}/{self.accounts[each]['name']}" for each in accounts
            ],
            "roles": [self.roles[each]["arn"] for each in roles],
        }
        self.findings.append(finding)
        for each in accounts:
            self.accounts[each]["findings"].append(finding)
        for each in roles:
            self.roles[each]["findings"].append(finding)
        if id_.startswith("pod-"):
            for each in accounts:
                pods = self.accounts[each]["pods"]
                pods["total"] = max(2, pods["total"])
                pods["stale"] = pods["total"] - 1

    def trouble(self, account: int, role: int, troubles: t.Sequence[tuple[t.Any, ...]]) -> None:
        """One that is drawn by its frequency, with its texts for this account and role."""
        chosen = self.random.choices(troubles, [each[0] for each in troubles])[0]
        id_, *texts = chosen[1:]
        whom = self.accounts[account]
        names = {
            "ns": whom["namespace"],
            "name": whom["name"],
            "sa": f"{whom['namespace']}/{whom['name']}",
            "role": self.roles[role]["name"],
        }
        filled = [None if text is None else text.format(**names) for text in texts]
        self.find(id_, [account], [role] if BY_ID[id_].link == "role" else [], *filled)

    def free_name(self) -> tuple[str, str]:
        draw = self.random
        while True:
            namespace = draw.choice(_NAMESPACES)
            name = draw.choice(_WORKLOADS)
            if len(self.names) > 150:
                name += draw.choice(("", "-eu", "-us", "-batch", "-internal")) + f"-{draw.randint(1, 99)}"
            if f"{namespace}/{name}" not in self.names:
                return namespace, name

    def document(self, **parts: t.Any) -> Json:
        order = sorted(
            self.findings,
            key=lambda each: (SEVERITIES.index(each["severity"]), LINKS.index(each["link"]), each["id"]),
        )
        numbers = {id(finding): number for number, finding in enumerate(order)}
        for each in [*self.accounts, *self.roles]:
            states = [finding["severity"] for finding in each["findings"]]
            states += ["unknown"] if each.pop("unread") else []
            each["state"] = min(states, key=STATES.index, default="ok")
            each["findings"] = sorted(numbers[id(finding)] for finding in each["findings"])
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
                "pods": {key: sum(each["pods"][key] for each in self.accounts) for key in ("total", "stale")},
                "findings": {each: severities[each] for each in SEVERITIES},
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
            "unread": ["The add-ons of the cluster: the permission eks:ListAddons is missing."],
            **parts,
        }


def _states(objects: t.Sequence[Json]) -> Json:
    counts = collections.Counter(each["state"] for each in objects)
    return {"total": len(objects), **{state: counts[state] for state in ("ok", "note", "warning", "error", "unknown")}}


def example(accounts: int = 60, roles: int | None = None, findings: int | None = None, *, seed: int = 81) -> Json:
    """An audit of a cluster with ordinary troubles, every state among them.

    :param roles: how many roles; left out, as many as come about: a few are shared, a few are nobody's.
    :param findings: how many findings; left out, an ordinary share of the accounts has one.
    """
    build = _Builder(seed)
    _set_pieces(build)
    draw = build.random
    while len(build.accounts) < accounts:
        namespace, name = build.free_name()
        # Now and then two accounts of a namespace share a role.
        shared = [each for each in range(max(0, len(build.roles) - 8), len(build.roles)) if build.roles[each]["exists"]]
        if shared and draw.random() < 0.06:
            build.account(namespace, name, draw.choice(shared))
        else:
            build.account(namespace, name, build.role(f"{namespace}-{name}"))
    while len(build.roles) < (roles or 0):
        # Roles for whoever comes and bears such a name.
        role = build.role(f"preview-{len(build.roles)}")
        build.roles[role]["subjects"] = [f"system:serviceaccount:preview-{len(build.roles)}:*"]
    wanted = accounts // 4 if findings is None else findings
    while len(build.findings) < wanted:
        account = draw.randrange(len(build.accounts))
        role = build.accounts[account]["role"]
        if role is None or not build.roles[role]["exists"] or build.accounts[account]["findings"]:
            if findings is None or draw.random() < 0.9:
                continue
            if role is None:
                continue
        build.trouble(account, role, _ACCOUNT_TROUBLES if draw.random() < 0.65 else _ROLE_TROUBLES)
    return build.document()


def _set_pieces(build: _Builder) -> None:
    """One of each thing that a page has to draw in its own way."""
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
    for each in ("warehouse", "reporting"):
        build.account(each, "lake-reader", build.role(f"lake-{each}", account_id=OTHER_ID, exists=None))
    platform = build.role("platform-observability")
    agents = [build.account("observability", each, platform) for each in ("fluent-bit", "otel-collector", "prometheus")]
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
    _forgotten(build, "cart-v1")
    spare = build.role("billing-invoices")
    build.account("billing", "invoices", spare)
    build.roles[spare]["subjects"].append("system:serviceaccount:billing:statements")
    unbound = build.account("billing", "statements", build.role("billing-statements"))
    build.find(
        "trusts-unbound-account",
        [unbound],
        [spare],
        "role billing-invoices trusts system:serviceaccount:billing:statements, which uses role billing-statements",
        "role billing-invoices: AssumeRolePolicyDocument.Statement[0].Condition",
        None,
        "system:serviceaccount:billing:statements",
        "take it out with eksops.irsa.irsa_role (name: billing-invoices, service_accounts: "
        "[{namespace: billing, name: invoices}])",
    )


def _forgotten(build: _Builder, name: str) -> None:
    """A role that trusts an account which isn't there any more."""
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
    """As many roles as accounts, 2 findings for 5 accounts, and one that concerns half of them."""
    document = example(accounts, accounts, accounts * 2 // 5 - 1, seed=seed)
    names = [f"{each['namespace']}/{each['name']}" for each in document["service_accounts"][::2]]
    at = next(number for number, each in enumerate(document["findings"]) if each["severity"] != "error")
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
    for each in [*document["service_accounts"], *document["roles"]]:
        each["findings"] = [number + (number >= at) for number in each["findings"]]
    names = set(finding["service_accounts"])
    for each in document["service_accounts"]:
        if f"{each['namespace']}/{each['name']}" in names:
            each["findings"] = sorted([*each["findings"], at])
            each["state"] = min(each["state"], finding["severity"], key=STATES.index)
    document["counts"]["service_accounts"] = _states(document["service_accounts"])
    document["counts"]["findings"][finding["severity"]] += 1
    return document


def hostile() -> Json:
    """A small audit whose names and texts are all `HOSTILE`, the cluster's too."""
    build = _Builder(3)
    for number, text in enumerate(HOSTILE):
        role = build.role(f"{text}-{number}")
        build.roles[role]["policies"].append({"kind": "inline", "name": text, "arn": None})
        build.roles[role]["subjects"].append(f"system:serviceaccount:{text}")
        account = build.account(text, f"{text}-sa", role)
        build.accounts[account]["bound_by"] = text
        build.find("pod-predates-annotation", [account], [role], text, text, text, text, text)
    document = build.document(unread=list(HOSTILE), namespaces=list(HOSTILE))
    document["cluster"].update(name=HOSTILE[0], version=HOSTILE[1], issuer=f"https://{HOSTILE[3]}")
    document["provider"]["arn"] = HOSTILE[2]
    return document


def empty() -> Json:
    """An audit that found nothing to look at, of a cluster that is known by its issuer alone."""
    document = _Builder(1).document(unread=[])
    document["cluster"].update(name=None, account_id=None, version=None)
    document["provider"].update(arn=None, exists=None, client_ids=[], state="unknown")
    return document
