#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_audit
short_description: Audit the service accounts of an EKS cluster and their IAM roles
version_added: 0.3.0
description:
  - Checks each service account of an EKS cluster that is annotated with an IAM role, with its role, trust policy,
    policies and pods. Also checks each role that trusts the OIDC provider of the cluster.
  - The module returns the findings that M(eksops.irsa.irsa_verify) returns for a single service account, without the
    probe V(token). Other findings appear only in an audit of the whole cluster. Examples are roles that trust missing
    service accounts, unused roles, roles that allow everything, shared roles, annotations that this collection does not
    manage, and OIDC providers of deleted clusters.
  - The module only reads. It lists objects in pages, so thousands of service accounts take seconds.
  - The module fails if there is a finding at or above O(fail_on). It still returns the full result.
extends_documentation_fragment:
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
  - eksops.irsa.attributes.info
attributes:
  check_mode:
    details:
      - The files of O(reports) are also written in check mode.
options:
  issuer:
    description:
      - The OIDC issuer of the cluster, with or without C(https://), for a cluster that is reached with O(kubeconfig) or
        other Kubernetes options. The module then does not call EKS for the cluster.
      - The API server must have this issuer, see O(verify_cluster).
      - Exactly one of O(cluster_name) and O(issuer) is required.
    type: str
  namespaces:
    description:
      - The namespaces of the service accounts to check. The default is all namespaces.
      - All roles are checked, including those that trust service accounts of other namespaces. Whether service accounts
        of other namespaces exist is unknown, so there are no findings about them.
    type: list
    elements: str
  role_accounts:
    description:
      - Other AWS accounts whose roles the service accounts may use. A role in an AWS account that is neither in this
        list nor the AWS account of the cluster is a finding. The module cannot read roles of other AWS accounts.
    type: list
    elements: str
  pods:
    description: Whether to check the pods of the service accounts.
    type: bool
    default: true
  dry_run_pod:
    description:
      - Whether to create a pod with one of the service accounts in a server-side dry run. This shows whether the pod
        identity webhook works. Nothing is stored.
    type: bool
    default: true
  env_from:
    description:
      - Whether to check the ConfigMaps and Secrets that containers use with C(envFrom) for variables that override the
        role. The module reads only their metadata. C(metadata.managedFields) has the names of the keys, and no values.
        The Kubernetes permission, however, covers the whole objects.
    type: bool
    default: false
  providers:
    description:
      - Whether to find OIDC providers of deleted EKS clusters. The module looks in each region that occurs in the URL
        of an OIDC provider, with one request for each cluster there.
    type: bool
    default: true
  unused_days:
    description:
      - The number of days without use after which a role is a finding. IAM tracks the use of a role for 400 days.
      - V(0) turns the check off.
    type: int
    default: 90
  fail_on:
    description:
      - The lowest severity of a finding that makes the module fail. With V(never), findings are only returned.
      - Findings of the severity V(note) never fail the module.
    type: str
    choices: [error, warning, never]
    default: error
  ignore:
    description: IDs of findings to ignore. They are neither returned nor in the reports.
    type: list
    elements: str
  reports:
    description:
      - The report files to write on the host where the module runs. They have all findings.
      - Existing files and symbolic links are replaced. A written report does not count as a change.
    type: dict
    suboptions:
      html:
        description:
          - The path of a single HTML page. It shows each service account with its role and policies, has a search and
            filters, and shows the fix for each finding.
        type: path
      json:
        description: The path of a JSON file with all data.
        type: path
      junit:
        description:
          - The path of a JUnit XML file. Each service account and each role is a test. O(fail_on) determines which
            tests fail.
        type: path
      markdown:
        description: The path of a Markdown file with the findings, for a job artifact or a ticket.
        type: path
      sarif:
        description: The path of a SARIF 2.1.0 file, for tools that track findings.
        type: path
  mode:
    description:
      - The permissions of the files in O(reports), as for the option O(ansible.builtin.copy#module:mode) of
        M(ansible.builtin.copy).
      - By default, only the user who runs the module can read them, because they show who can use which role. This is
        also the case in check mode, whatever the option is.
    type: raw
    default: "0600"
    version_added: 0.3.0
  max_findings:
    description:
      - The maximum number of findings to return, the worst first. This keeps the result of a large cluster small.
        RV(summary) counts all findings, and O(reports) have all of them.
      - V(0) returns all findings.
    type: int
    default: 100
  details:
    description: Whether to return RV(service_accounts) and RV(roles) too.
    type: bool
    default: false
  max_workers:
    description: The number of requests to make in parallel, 1 to 64.
    type: int
    default: 16
notes:
  - If the caller may not read something, its state is unknown. RV(skipped_checks) and a warning name the missing
    permission, and the audit continues. Only list on serviceaccounts, and C(eks:DescribeCluster) with
    O(cluster_name), are required.
  - In AWS, the module needs C(eks:DescribeCluster), C(eks:ListPodIdentityAssociations), C(eks:DescribeAddon),
    C(iam:GetAccountAuthorizationDetails), C(iam:ListOpenIDConnectProviders) and C(iam:GetOpenIDConnectProvider). With
    C(iam:ListRoles) in place of C(iam:GetAccountAuthorizationDetails), policies and last use are unknown. For long
    trust policies it also needs C(iam:GetAccountSummary), and with O(providers=true) C(eks:ListClusters).
  - In Kubernetes, the module needs list on serviceaccounts, namespaces, pods and mutatingwebhookconfigurations, and get
    and list on the workloads that own pods. With O(dry_run_pod=true) it also needs create on pods, only for the dry
    run. With O(env_from=true) it needs get on configmaps and secrets.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.irsa_verify
  - module: eksops.irsa.irsa_bindings
  - plugin: eksops.irsa.audit_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit a cluster and write reports
  eksops.irsa.irsa_audit:
    cluster_name: production
    region: eu-west-1
    fail_on: never
    reports:
      html: /tmp/irsa-audit.html
      sarif: /tmp/irsa-audit.sarif
  register: audit

- name: Show the findings
  ansible.builtin.debug:
    msg: "{{ (audit | eksops.irsa.audit_report).splitlines() }}"

- name: Fail on warnings in one namespace, but allow shared roles
  eksops.irsa.irsa_audit:
    cluster_name: production
    region: eu-west-1
    namespaces: [default]
    fail_on: warning
    ignore: [role-shared]

- name: Audit a cluster with a kubeconfig, without its pods
  eksops.irsa.irsa_audit:
    kubeconfig: ~/.kube/config
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    pods: false
    dry_run_pod: false
"""

RETURN = r"""
ok:
  description: Whether all chains are intact. False if one is broken or unknown.
  returned: if the cluster was audited
  type: bool
  sample: false
cluster:
  description: The cluster. With O(issuer), name and version are null.
  returned: if the cluster was audited
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
  returned: if the cluster was audited
  type: dict
  contains:
    arn:
      description: The ARN of the provider, whether or not it exists.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    exists:
      description: Whether the provider exists. Null if this is unknown.
      type: bool
      returned: always
      sample: true
    client_ids:
      description: The audiences that the provider accepts.
      type: list
      elements: str
      returned: always
      sample: [sts.amazonaws.com]
    state:
      description: The state, as in RV(service_accounts[].state).
      type: str
      returned: always
      sample: ok
    findings:
      description: The indices of the provider's findings in RV(findings).
      type: list
      elements: int
      returned: always
      sample: []
counts:
  description:
    - The number of service accounts and roles by state, of pods and stale pods, and of findings by severity.
  returned: if the cluster was audited
  type: dict
  sample:
    service_accounts: {total: 40, ok: 37, note: 0, warning: 1, unknown: 0, error: 2}
    roles: {total: 38, ok: 35, note: 1, warning: 2, unknown: 0, error: 0}
    pods: {total: 120, stale: 3}
    findings: {error: 2, warning: 3, note: 1}
summary:
  description: The number of findings by cause, the worst first.
  returned: if the cluster was audited
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the cause. The troubleshooting guide explains each.
      type: str
      returned: always
      sample: pod-predates-annotation
    severity:
      description: V(error), V(warning) or V(note).
      type: str
      returned: always
      sample: error
    link:
      description: The link of the chain, V(provider), V(role), V(account), V(webhook), V(pods) or V(sts).
      type: str
      returned: always
      sample: pods
    title:
      description: The title of the cause.
      type: str
      returned: always
      sample: The pods are older than the annotation
    count:
      description: The number of findings.
      type: int
      returned: always
      sample: 2
    service_accounts:
      description: The number of service accounts that these findings concern.
      type: int
      returned: always
      sample: 2
findings:
  description: The findings, the worst first, at most O(max_findings).
  returned: if the cluster was audited
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the cause, as in RV(summary[].id).
      type: str
      returned: always
      sample: trusts-missing-account
    severity:
      description: V(error), V(warning) or V(note).
      type: str
      returned: always
      sample: warning
    link:
      description: The link of the chain, V(provider), V(role), V(account), V(webhook), V(pods) or V(sts).
      type: str
      returned: always
      sample: role
    message:
      description: What is wrong with which object.
      type: str
      returned: always
      sample: "role reports trusts 1 service account that does not exist in the cluster: analytics/reports"
    evidence:
      description: The place of the problem. Null if the message contains it.
      type: str
      returned: always
      sample: iam:GetAccountAuthorizationDetails AssumeRolePolicyDocument
    expected:
      description: The expected value. Null if it is not a single value.
      type: str
      returned: always
      sample: null
    found:
      description: The value found instead. Null if it is not a single value.
      type: str
      returned: always
      sample: analytics/reports
    fix:
      description: How to fix it.
      type: str
      returned: always
      sample: >-
        create it with eksops.irsa.sa_annotate (role_arn: arn:aws:iam::123456789012:role/reports), or delete the role
        with eksops.irsa.irsa_role (name: reports, cluster_name: production, state: absent)
    service_accounts:
      description: The service accounts that the finding concerns, each as NAMESPACE/NAME.
      type: list
      elements: str
      returned: always
      sample: [analytics/reports]
    roles:
      description: The ARNs of the roles that the finding concerns.
      type: list
      elements: str
      returned: always
      sample: [arn:aws:iam::123456789012:role/reports]
omitted:
  description: The number of findings that are not in RV(findings) because of O(max_findings).
  returned: if the cluster was audited
  type: int
  sample: 0
skipped_checks:
  description: What could not be checked, and why.
  returned: if the cluster was audited
  type: list
  elements: str
  sample: ["Could not read the add-on vpc-cni: the permission eks:DescribeAddon is missing."]
service_accounts:
  description:
    - The service accounts that are annotated with a role, even if the annotation is misspelled or is on the pods by
      mistake. Also the service accounts that a role trusts, whether or not they exist.
  returned: with O(details=true)
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the service account.
      type: str
      returned: always
      sample: analytics
    name:
      description: The name of the service account.
      type: str
      returned: always
      sample: reports
    exists:
      description: Whether the service account exists.
      type: bool
      returned: always
      sample: true
    role_arn:
      description: The ARN in the role annotation. Null without the annotation.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/reports
    role:
      description: The index of this role in RV(roles). Null if the annotation is not a role ARN.
      type: int
      returned: always
      sample: 0
    bound_by:
      description: The field managers of the annotation, from C(metadata.managedFields). Null if unknown.
      type: str
      returned: always
      sample: eksops.irsa
    pods:
      description: The number of pods (C(total)) and of stale pods (C(stale)) of the service account.
      type: dict
      returned: always
      sample: {total: 3, stale: 0}
    state:
      description:
        - The worst severity of the findings, V(error), V(warning) or V(note).
        - V(unknown) if something could not be read and there is no error. V(ok) otherwise.
      type: str
      returned: always
      sample: ok
    findings:
      description: The indices of the findings in the list of all findings, which begins with RV(findings).
      type: list
      elements: int
      returned: always
      sample: []
roles:
  description: The roles that trust the cluster's provider, and the roles that service accounts are annotated with.
  returned: with O(details=true)
  type: list
  elements: dict
  contains:
    arn:
      description: The ARN of the role.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/reports
    name:
      description: The name of the role.
      type: str
      returned: always
      sample: reports
    account_id:
      description: The AWS account of the role.
      type: str
      returned: always
      sample: "123456789012"
    exists:
      description: Whether the role exists. Null if this is unknown, as for a role in another AWS account.
      type: bool
      returned: always
      sample: true
    created:
      description: When the role was created, in RFC 3339 format. Null if this is unknown.
      type: str
      returned: always
      sample: "2026-01-02T03:04:05Z"
    last_used:
      description: When the role was last used, in RFC 3339 format. Null if never or unknown.
      type: str
      returned: always
      sample: "2026-11-20T08:00:00Z"
    policies:
      description: The policies of the role, each with C(kind) (V(managed) or V(inline)), C(name) and C(arn).
      type: list
      elements: dict
      returned: always
      sample: [{kind: managed, name: AmazonS3ReadOnlyAccess, arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}]
    permissions_boundary:
      description: The ARN of the permissions boundary. Null if the role has none.
      type: str
      returned: always
      sample: null
    subjects:
      description: The subjects of this cluster that the role trusts, as in its trust policy.
      type: list
      elements: str
      returned: always
      sample: ["system:serviceaccount:analytics:reports"]
    service_accounts:
      description: The indices of the service accounts that are annotated with the role, in RV(service_accounts).
      type: list
      elements: int
      returned: always
      sample: [0]
    state:
      description: The state, as in RV(service_accounts[].state).
      type: str
      returned: always
      sample: ok
    findings:
      description: The indices of the findings, as in RV(service_accounts[].findings).
      type: list
      elements: int
      returned: always
      sample: []
reports:
  description: The files that were written, by format.
  returned: if the cluster was audited
  type: dict
  sample: {html: /tmp/irsa-audit.html, sarif: /tmp/irsa-audit.sarif}
calls:
  description: The number of requests by service and operation.
  returned: if the cluster was audited
  type: dict
  sample:
    eks: {DescribeCluster: 1}
    iam: {GetAccountAuthorizationDetails: 1, GetOpenIDConnectProvider: 1, ListOpenIDConnectProviders: 1}
    kubernetes: {list pods: 1, list serviceaccounts: 1}
elapsed:
  description: The duration in seconds.
  returned: if the cluster was audited
  type: float
  sample: 1.2
"""

import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.build import (
    build_document,
    build_failure,
    build_result,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.facts import FORMATS, AuditSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import audit_files
from ansible_collections.eksops.irsa.plugins.module_utils._module.audit import read_facts

ARGUMENTS: dict[str, t.Any] = {
    **connection.OPTIONS,
    "issuer": {"type": "str"},
    "namespaces": {"type": "list", "elements": "str"},
    "role_accounts": {"type": "list", "elements": "str"},
    "pods": {"type": "bool", "default": True},
    "dry_run_pod": {"type": "bool", "default": True},
    "env_from": {"type": "bool", "default": False},
    "providers": {"type": "bool", "default": True},
    "unused_days": {"type": "int", "default": 90},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "ignore": {"type": "list", "elements": "str"},
    "reports": {"type": "dict", "options": {name: {"type": "path"} for name in FORMATS}},
    "mode": {"type": "raw", "default": "0600"},
    "max_findings": {"type": "int", "default": 100},
    "details": {"type": "bool", "default": False},
    "max_workers": {"type": "int", "default": 16},
}


def main() -> None:
    _runner.disable_garbage_collection()
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("cluster_name", "issuer")],
        mutually_exclusive=[("cluster_name", "issuer")],
        supports_check_mode=True,
    )

    def audit() -> dict[str, t.Any]:
        started_at = time.monotonic()
        spec = AuditSpec.from_params(module.params)
        audit_files.check_paths(spec.reports)
        aws = Aws(module, connections=spec.workers)
        cluster = aws.describe(spec.cluster_name) if spec.cluster_name else None
        server = open_api_server(module, aws, connections=spec.workers)
        document = build_document(read_facts(aws, server, spec, cluster, redact=module.no_log_values.add), spec)

        def set_mode(path: str) -> None:
            module.set_mode_if_different(path, module.params["mode"], False)

        audit_files.write_reports(spec.reports, document, fail_on=spec.fail_on, set_mode=set_mode)
        result = {
            **build_result(document, limit=spec.max_findings, details=module.params["details"]),
            "reports": dict(spec.reports),
            "calls": server.calls.as_dict(),
            "elapsed": round(time.monotonic() - started_at, 3),
        }
        return _runner.info_result(
            result, warnings=document["skipped_checks"], failure=build_failure(document, spec.fail_on)
        )

    _runner.run(module, audit)


if __name__ == "__main__":
    main()
