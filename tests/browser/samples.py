# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Realistic names and findings for the audit documents in `documents`."""

from __future__ import annotations

ACCOUNT_ID = "111122223333"

NAMESPACES = [
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
WORKLOADS = [
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
MANAGED_POLICIES = [
    "AmazonS3ReadOnlyAccess",
    "AmazonSQSFullAccess",
    "AmazonDynamoDBReadOnlyAccess",
    "CloudWatchAgentServerPolicy",
    "AmazonSSMReadOnlyAccess",
    "AmazonSNSFullAccess",
    "AWSXRayDaemonWriteAccess",
    "AmazonKinesisReadOnlyAccess",
]
INLINE_POLICIES = ["queue", "bucket", "table", "events", "secrets", "topic"]
# Findings about one account or its role: frequency, id, message, evidence, expected, found, fix. Placeholders in the
# texts: {sa} (namespace/name), {ns}, {name}, {role}.
ACCOUNT_FINDINGS: tuple[tuple[int, str, str, str | None, str | None, str | None, str], ...] = (
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
        "statement 1 of the trust policy of role {role}: sub is system:serviceaccount:{ns}:{name}, the policy allows "
        "system:serviceaccount:default:{name} (namespace differs)",
        "role {role}: AssumeRolePolicyDocument.Statement[0].Condition",
        "system:serviceaccount:{ns}:{name}",
        "system:serviceaccount:default:{name}",
        "add the service account with eksops.irsa.irsa_role "
        "(name: {role}, service_accounts: [{{namespace: {ns}, name: {name}}}])",
    ),
    (
        2,
        "pod-stale-role",
        "container app of Deployment {sa} (pod {name}-0) has the previous role of the service account",
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
        "set the annotation in the Helm values, or take ownership of it with eksops.irsa.sa_annotate (force: true)",
    ),
    (
        6,
        "unmanaged-annotation",
        "service account {sa}: the annotation eks.amazonaws.com/role-arn was set by kubectl-annotate",
        "metadata.managedFields of the service account",
        None,
        "kubectl-annotate",
        "manage the binding with eksops.irsa.irsa_bindings or in your manifests",
    ),
    (
        1,
        "static-credentials",
        "container app of Deployment {sa} sets AWS_ACCESS_KEY_ID, which SDKs use instead of the role",
        "pod {name}-0: spec.containers[app].env",
        "no AWS_ACCESS_KEY_ID",
        "AWS_ACCESS_KEY_ID from secret {name}-aws",
        "remove the variable from the workload and delete the access key",
    ),
)
ROLE_FINDINGS: tuple[tuple[int, str, str, str | None, str | None, str | None, str], ...] = (
    (
        4,
        "role-unused",
        "role {role} was last used on 2026-05-02, 208 days before the audit",
        "role {role}: RoleLastUsed",
        "use within 90 days",
        "2026-05-02T08:00:00Z",
        "if the owners of {sa} do not need it: eksops.irsa.irsa_role (name: {role}, state: absent)",
    ),
    (
        2,
        "policy-too-broad",
        "inline policy admin of role {role} allows * on *",
        "role {role}: inline policy admin, statement 1",
        "actions and resources that the workload needs",
        "Action: *, Resource: *",
        "replace the policy by one that allows what {sa} calls according to CloudTrail",
    ),
    (
        1,
        "trust-too-broad",
        "role {role} trusts every service account of namespace {ns}",
        "role {role}: AssumeRolePolicyDocument.Statement[0].Condition",
        "system:serviceaccount:{ns}:{name}",
        "system:serviceaccount:{ns}:*",
        "list the service accounts with eksops.irsa.irsa_role (name: {role}, allow_wildcards: false)",
    ),
)
# Names and texts that try to change the page.
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
