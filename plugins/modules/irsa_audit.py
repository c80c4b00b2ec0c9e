#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_audit
short_description: Audit which service accounts of a cluster act as which IAM roles
version_added: 0.3.0
description:
  - Looks at a whole EKS cluster, in both directions. Each service account that is annotated with an IAM role, with its
    role, trust policy, policies and pods; and each role that trusts the cluster's OIDC provider, with its service
    accounts.
  - It finds what M(eksops.irsa.irsa_verify) finds of a single service account without a token, and beyond that what
    only the whole shows, such as roles that trust service accounts that don't exist, roles that nobody uses or that may
    do everything, roles that are shared, annotations that were set by hand, and providers of clusters that are gone.
  - It only reads, and that by pages, so that thousands of service accounts take seconds.
  - It fails if there is a finding at or above O(fail_on), and returns everything all the same.
extends_documentation_fragment:
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - eksops.irsa.attributes
  - eksops.irsa.attributes.info
attributes:
  check_mode:
    details:
      - The files that O(reports) names are written in check mode, too.
options:
  issuer:
    description:
      - URL of the cluster's OIDC issuer, for a cluster that is reached by O(kubeconfig) or other Kubernetes options
        and that EKS is not to be asked about.
      - One of O(cluster_name) and O(issuer) is required.
    type: str
  namespaces:
    description:
      - The namespaces whose service accounts are looked at, all by default.
      - Roles are looked at whatever accounts they trust. Of accounts in other namespaces it isn't known whether they
        exist, so that nothing is said of them.
    type: list
    elements: str
  role_accounts:
    description:
      - AWS accounts, besides the cluster's, whose roles the service accounts may name. A role of another account is a
        finding otherwise. IAM can't be asked about either.
    type: list
    elements: str
  pods:
    description: Whether to look at the pods of the service accounts.
    type: bool
    default: true
  rehearse:
    description:
      - Whether to have the API server rehearse the creation of a pod (server-side dry run), with one of the service
        accounts, to see that the pod identity webhook answers. Nothing is stored.
    type: bool
    default: true
  env_from:
    description:
      - Whether to look into the ConfigMaps and Secrets that containers take as a whole for variables that take the
        role's place. Only their metadata is asked for, which tells the names of their keys and no value. But Kubernetes
        has no permission for less than the whole object.
    type: bool
    default: false
  providers:
    description:
      - Whether to look for OIDC providers of EKS clusters that don't exist. It takes a request for each cluster in each
        region that a provider of the account names.
    type: bool
    default: true
  unused_days:
    description:
      - After how many days without use a role is a finding. IAM remembers use for 400 days.
      - With V(0) it doesn't matter.
    type: int
    default: 90
  fail_on:
    description: The least severity of a finding that fails the module. Notes never do.
    type: str
    choices: [error, warning, never]
    default: error
  ignore:
    description: Ids of findings that don't count. They are in no report either.
    type: list
    elements: str
  reports:
    description:
      - Files to write, on the host where the module runs. They hold everything that was found, however much it is.
      - A file that is there is replaced. That it is written again is no change that the module reports.
    type: dict
    suboptions:
      html:
        description:
          - A page for people, complete in one file. It shows each service account with its role and its policies, can
            be searched and filtered, and has the fix for each finding.
        type: path
      json:
        description: All of it as JSON.
        type: path
      junit:
        description: JUnit XML, in which each service account and each role is a test. What fails, O(fail_on) says.
        type: path
      markdown:
        description: The findings as Markdown, for a job's artifact or a ticket.
        type: path
      sarif:
        description: SARIF 2.1.0, for tools that keep track of findings.
        type: path
  limit:
    description:
      - How many findings to return, the worst first, so that the result of a large cluster stays small. RV(summary)
        counts all of them, and O(reports) have all of them.
      - With V(0) all are returned.
    type: int
    default: 100
  details:
    description: Whether to return RV(service_accounts) and RV(roles) too.
    type: bool
    default: false
  max_workers:
    description: How many requests are under way at the same time, 1 to 64.
    type: int
    default: 16
notes:
  - What the caller isn't allowed to see is unknown, which RV(unread) and a warning say with the permission that is
    missing, and the rest goes on. Only without list on serviceaccounts there is nothing to look at.
  - In AWS it asks for C(eks:DescribeCluster), C(eks:ListPodIdentityAssociations), C(eks:DescribeAddon),
    C(iam:GetAccountAuthorizationDetails) (or C(iam:ListRoles), which shows no policies and no use),
    C(iam:ListOpenIDConnectProviders) and C(iam:GetOpenIDConnectProvider), for long trust policies for
    C(iam:GetAccountSummary), and with O(providers) for C(eks:ListClusters).
  - In Kubernetes it asks for list on serviceaccounts, namespaces, pods, mutatingwebhookconfigurations, and for get and
    list on the workloads that own pods. With O(rehearse) it asks for create on pods, for the dry run alone, and with
    O(env_from) for get on configmaps and secrets.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.irsa_verify
  - module: eksops.irsa.irsa_bindings
  - plugin: eksops.irsa.audit_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit a cluster, and leave a page and a file for the pipeline
  eksops.irsa.irsa_audit:
    cluster_name: production
    region: eu-west-1
    fail_on: never
    reports:
      html: /tmp/irsa-audit.html
      sarif: /tmp/irsa-audit.sarif
  register: audit

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ (audit | eksops.irsa.audit_report).splitlines() }}"

- name: Fail on warnings in one namespace, except for roles that are shared on purpose
  eksops.irsa.irsa_audit:
    cluster_name: production
    region: eu-west-1
    namespaces: [default]
    fail_on: warning
    ignore: [role-shared]

- name: Without EKS and pods, by a kubeconfig
  eksops.irsa.irsa_audit:
    kubeconfig: ~/.kube/config
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    pods: false
    rehearse: false
"""

RETURN = r"""
ok:
  description: Whether every chain holds that was looked at, none is broken and none unknown.
  returned: if the cluster was looked at
  type: bool
  sample: false
cluster:
  description: Which cluster it is. Where O(issuer) was given, name and version are null.
  returned: if the cluster was looked at
  type: dict
  sample:
    name: production
    account_id: "123456789012"
    partition: aws
    region: eu-west-1
    version: "1.34"
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
provider:
  description: The cluster's OIDC provider in IAM.
  returned: if the cluster was looked at
  type: dict
  contains:
    arn:
      description: Its ARN, be it there or not.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    exists:
      description: Whether it is there; null where that can't be told.
      type: bool
      returned: always
      sample: true
    client_ids:
      description: The audiences that it accepts.
      type: list
      elements: str
      returned: always
      sample: [sts.amazonaws.com]
    state:
      description: As of RV(service_accounts[].state).
      type: str
      returned: always
      sample: ok
    findings:
      description: The places in RV(findings) of the findings about it.
      type: list
      elements: int
      returned: always
      sample: []
counts:
  description:
    - How many service accounts and roles there are and in which state, how many pods and how many of them stale, and
      how many findings of each severity.
  returned: if the cluster was looked at
  type: dict
  sample:
    service_accounts: {total: 40, ok: 37, note: 0, warning: 1, unknown: 0, error: 2}
    roles: {total: 38, ok: 35, note: 1, warning: 2, unknown: 0, error: 0}
    pods: {total: 120, stale: 3}
    findings: {error: 2, warning: 3, note: 1}
summary:
  description: How often each finding was made, the worst first.
  returned: if the cluster was looked at
  type: list
  elements: dict
  contains:
    id:
      description: Which of the known causes it is. The troubleshooting guide explains each.
      type: str
      returned: always
      sample: pod-predates-annotation
    severity:
      description: V(error), V(warning) or V(note).
      type: str
      returned: always
      sample: error
    link:
      description: Where in the chain it is.
      type: str
      returned: always
      sample: pods
    title:
      description: What it is in a few words.
      type: str
      returned: always
      sample: Pods started before the annotation
    count:
      description: How many findings.
      type: int
      returned: always
      sample: 2
    service_accounts:
      description: How many service accounts they concern.
      type: int
      returned: always
      sample: 2
findings:
  description: What was found, the worst first, at most O(limit).
  returned: if the cluster was looked at
  type: list
  elements: dict
  contains:
    id:
      description: As of RV(summary[].id).
      type: str
      returned: always
      sample: trusts-missing-account
    severity:
      description: V(error), V(warning) or V(note).
      type: str
      returned: always
      sample: warning
    link:
      description: Where it is, V(provider), V(role), V(account), V(webhook), V(pods) or V(sts).
      type: str
      returned: always
      sample: role
    message:
      description: What is wrong with which object.
      type: str
      returned: always
      sample: "role reports trusts a service account that the cluster hasn't got: analytics/reports"
    evidence:
      description: Where it was seen; null where the message says it.
      type: str
      returned: always
      sample: iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument
    expected:
      description: What there should be, where one value says it; else null.
      type: str
      returned: always
      sample: null
    found:
      description: What there is instead, where one value says it; else null.
      type: str
      returned: always
      sample: analytics/reports
    fix:
      description: What to do about it.
      type: str
      returned: always
      sample: "create it if it is still to come; else eksops.irsa.irsa_role with name: reports, state: absent"
    service_accounts:
      description: The service accounts that it concerns, each as NAMESPACE/NAME.
      type: list
      elements: str
      returned: always
      sample: [analytics/reports]
    roles:
      description: The ARNs of the roles that it concerns.
      type: list
      elements: str
      returned: always
      sample: [arn:aws:iam::123456789012:role/reports]
omitted:
  description: How many findings are not among RV(findings) because of O(limit).
  returned: if the cluster was looked at
  type: int
  sample: 0
unread:
  description: What could not be looked at, and why.
  returned: if the cluster was looked at
  type: list
  elements: str
  sample: ["Could not read the add-on vpc-cni: the permission eks:DescribeAddon is missing."]
service_accounts:
  description:
    - The service accounts that anything binds to a role, they themselves, their pods, or a role that trusts them; those
      that roles trust and that don't exist are among them.
  returned: with O(details=true)
  type: list
  elements: dict
  contains:
    namespace:
      description: The account's namespace.
      type: str
      returned: always
      sample: analytics
    name:
      description: The account's name.
      type: str
      returned: always
      sample: reports
    exists:
      description: Whether it exists.
      type: bool
      returned: always
      sample: true
    role_arn:
      description: What it is annotated with; null for nothing.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/reports
    role:
      description: The place of that role in RV(roles); null if none can be made out.
      type: int
      returned: always
      sample: 0
    bound_by:
      description: Who owns the annotation, by V(metadata.managedFields); null if nobody does.
      type: str
      returned: always
      sample: eksops.irsa
    pods:
      description: How many pods it has (C(total)), and how many lack what a new one would be given (C(stale)).
      type: dict
      returned: always
      sample: {total: 3, stale: 0}
    state:
      description:
        - The worst that is known of it, V(error), V(unknown), V(warning), V(note) or V(ok). V(unknown) stands for
          something that could not be looked at.
      type: str
      returned: always
      sample: ok
    findings:
      description: The places in RV(findings) of the findings that concern it, as if none were omitted.
      type: list
      elements: int
      returned: always
      sample: []
roles:
  description: The roles that trust the cluster's provider, and those that service accounts name.
  returned: with O(details=true)
  type: list
  elements: dict
  contains:
    arn:
      description: The role's ARN.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/reports
    name:
      description: The role's name.
      type: str
      returned: always
      sample: reports
    account_id:
      description: The AWS account that it is in.
      type: str
      returned: always
      sample: "123456789012"
    exists:
      description: Whether it exists; null where that can't be told, as for a role of another AWS account.
      type: bool
      returned: always
      sample: true
    created:
      description: When it was created, RFC 3339; null if that isn't known.
      type: str
      returned: always
      sample: "2026-01-02T03:04:05Z"
    last_used:
      description: When it was last used, RFC 3339; null if never, or that isn't known.
      type: str
      returned: always
      sample: "2026-11-20T08:00:00Z"
    policies:
      description: Its policies, each with C(kind) (V(managed) or V(inline)), C(name) and C(arn).
      type: list
      elements: dict
      returned: always
      sample: [{kind: managed, name: AmazonS3ReadOnlyAccess, arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    permissions_boundary:
      description: The ARN of the policy that bounds it; null for none.
      type: str
      returned: always
      sample: null
    subjects:
      description: Whom of this cluster it trusts, as its trust policy has it.
      type: list
      elements: str
      returned: always
      sample: ["system:serviceaccount:analytics:reports"]
    service_accounts:
      description: The places in RV(service_accounts) of those that name it.
      type: list
      elements: int
      returned: always
      sample: [0]
    state:
      description: As of RV(service_accounts[].state).
      type: str
      returned: always
      sample: ok
    findings:
      description: As of RV(service_accounts[].findings).
      type: list
      elements: int
      returned: always
      sample: []
reports:
  description: The files that were written, by their formats.
  returned: if the cluster was looked at
  type: dict
  sample: {html: /tmp/irsa-audit.html, sarif: /tmp/irsa-audit.sarif}
calls:
  description: How many requests were made, by service and operation.
  returned: if the cluster was looked at
  type: dict
  sample:
    eks: {DescribeCluster: 1}
    iam: {GetAccountAuthorizationDetails: 1, GetOpenIDConnectProvider: 1, ListOpenIDConnectProviders: 1}
    kubernetes: {list pods: 1, list serviceaccounts: 1}
elapsed:
  description: How long it took, in seconds.
  returned: if the cluster was looked at
  type: float
  sample: 1.2
"""

import gc
import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _options, _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.build import (
    build_document,
    find_failure,
    module_result,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.facts import FORMATS, AuditSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import audit_files
from ansible_collections.eksops.irsa.plugins.module_utils._module.audit import read_facts

ARGUMENTS: dict[str, t.Any] = {
    **_options.KUBERNETES,
    "issuer": {"type": "str"},
    "namespaces": {"type": "list", "elements": "str"},
    "role_accounts": {"type": "list", "elements": "str"},
    "pods": {"type": "bool", "default": True},
    "rehearse": {"type": "bool", "default": True},
    "env_from": {"type": "bool", "default": False},
    "providers": {"type": "bool", "default": True},
    "unused_days": {"type": "int", "default": 90},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "ignore": {"type": "list", "elements": "str"},
    "reports": {"type": "dict", "options": {name: {"type": "path"} for name in FORMATS}},
    "limit": {"type": "int", "default": 100},
    "details": {"type": "bool", "default": False},
    "max_workers": {"type": "int", "default": 16},
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("cluster_name", "issuer")],
        mutually_exclusive=[("cluster_name", "issuer")],
        supports_check_mode=True,
    )

    def audit() -> dict[str, t.Any]:
        started_at = time.monotonic()
        # What is read has no cycles. Looking for some would take a quarter of the time.
        gc.disable()
        spec = AuditSpec.from_params(module.params)
        audit_files.check_paths(spec.reports)
        aws = Aws(module, connections=spec.workers)
        cluster = aws.describe(spec.cluster_name) if spec.cluster_name else None
        server = open_api_server(module, aws, connections=spec.workers)
        document = build_document(read_facts(aws, server, spec, cluster, redact=module.no_log_values.add), spec)
        audit_files.write_reports(spec.reports, document, fail_on=spec.fail_on)
        result = {
            **module_result(document, limit=spec.limit, details=module.params["details"]),
            "reports": dict(spec.reports),
            "calls": server.calls.as_dict(),
            "elapsed": round(time.monotonic() - started_at, 3),
        }
        return _runner.info_result(result, warnings=document["unread"], failure=find_failure(document, spec.fail_on))

    _runner.run(module, audit)


if __name__ == "__main__":
    main()
