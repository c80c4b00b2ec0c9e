#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_verify
short_description: Verify that service accounts can assume their IAM roles
version_added: 0.2.0
description:
  - Checks each link of the chain that gives the pods of a Kubernetes service account an IAM role (IRSA), from the OIDC
    provider to STS. For each broken link, the module returns the cause, the object and the fix.
  - If several links are broken, the module returns a finding for each cause. Findings that are only a consequence of
    another finding are omitted.
  - The module changes nothing. It creates a token of the service account, sends it to STS and removes it from all
    output. It creates a pod in a server-side dry run, which stores nothing. It starts a pod only with
    O(test_pod.enabled=true).
  - The module fails if there is a finding at or above O(fail_on). It still returns the full result.
  - With O(service_accounts), one task verifies many service accounts, and reads what they have in common only once.
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
      - The test pod is not started in check mode.
options:
  namespace:
    description:
      - The namespace of the service account.
      - Required unless O(service_accounts) is set.
    type: str
  service_account:
    description:
      - The name of the service account.
      - Exactly one of O(service_account) and O(service_accounts) is required.
    type: str
    aliases: [name]
  service_accounts:
    description:
      - Several service accounts of the cluster, which are verified in parallel. The results are in RV(results).
      - If one of them cannot be verified, its result has the error, and the others are still verified.
      - Mutually exclusive with O(namespace), O(service_account), O(label_selectors) and O(role_arn).
    type: list
    elements: dict
    version_added: 0.3.0
    suboptions:
      namespace:
        description: The namespace of the service account.
        type: str
        required: true
      name:
        description: The name of the service account.
        type: str
        required: true
        aliases: [service_account]
      role_arn:
        description: The ARN of the role that the service account should assume, as in O(role_arn).
        type: str
      role_name:
        description:
          - The name of the role, instead of O(service_accounts[].role_arn). The role is in the AWS account of the
            cluster. With O(issuer), it is in the AWS account of the credentials.
        type: str
      path:
        description: The path of the role with O(service_accounts[].role_name).
        type: str
        default: /
  role_arn:
    description:
      - The ARN of the role that the service account should assume.
      - The default is the annotation C(eks.amazonaws.com/role-arn) of the service account.
      - Set this option if the annotation itself may be wrong, or if the role is not in the AWS account of the
        cluster. The AWS account of the role then does not cause a finding.
    type: str
  issuer:
    description:
      - The OIDC issuer of the cluster, with or without C(https://), for a cluster that is reached with O(kubeconfig) or
        other Kubernetes options. The module then does not call EKS for the cluster.
      - The API server must have this issuer, see O(verify_cluster).
      - Exactly one of O(cluster_name) and O(issuer) is required.
    type: str
  probes:
    description:
      - The probes to run.
      - V(static) reads objects from IAM, EKS and Kubernetes. It evaluates the trust policy as IAM does, with the claims
        of the tokens of the service account.
      - V(token) creates a token of the service account and sends it to STS, as a pod does. It needs no pod and, with
        O(issuer), no AWS credentials. The session has a policy that denies everything, lasts 15 minutes and is not
        used.
      - V(admission) creates a pod in a server-side dry run and checks whether the pod identity webhook injected the
        role.
      - V(pods) checks the pods of the service account and the pod templates of their owners.
    type: list
    elements: str
    choices: [static, token, admission, pods]
    default: [static, token, admission, pods]
  label_selectors:
    description:
      - Check the pods with these labels, in the format of C(kubectl -l), whatever service account they use. This finds
        pods that use another service account by mistake.
      - The default is the pods of the service account.
    type: list
    elements: str
  test_pod:
    description:
      - Starts a test pod with the service account. The pod prints the identity that AWS returns. The module always
        deletes the pod.
    type: dict
    suboptions:
      enabled:
        description: Whether to start the pod.
        type: bool
        default: false
      image:
        description: The image of the pod. It must contain the program of O(test_pod.command).
        type: str
        default: public.ecr.aws/aws-cli/aws-cli:2.25.4
      command:
        description: The command to run. It must print the ARN of the caller.
        type: list
        elements: str
        default: [aws, sts, get-caller-identity]
      timeout:
        description: The maximum time to wait for the pod to end, in seconds.
        type: int
        default: 120
      node_selector:
        description: The labels of the nodes on which the pod may run.
        type: dict
        default: {}
      tolerations:
        description: The tolerations of the pod.
        type: list
        elements: dict
        default: []
  propagation_timeout:
    description:
      - The maximum time to retry a request that STS rejects although IAM allows it, in seconds. A change to a role or a
        provider takes seconds to reach STS, rarely up to two minutes.
    type: int
    default: 120
  fail_on:
    description: The lowest severity of a finding that makes the module fail. With V(never), findings are only returned.
    type: str
    choices: [error, warning, never]
    default: error
  ignore:
    description: IDs of findings to ignore. They are returned in RV(ignored).
    type: list
    elements: str
notes:
  - If the caller may not read something, its state is unknown. A warning names the missing permission, and the
    verification continues.
  - In AWS, the module needs C(eks:DescribeCluster), C(eks:DescribeAddon), C(eks:ListPodIdentityAssociations),
    C(iam:GetOpenIDConnectProvider), C(iam:ListOpenIDConnectProviders), C(iam:GetRole), C(iam:ListAttachedRolePolicies),
    C(iam:ListRolePolicies) and C(iam:GetRolePolicy). For a role with a permissions boundary it also needs
    C(iam:GetPolicy) and C(iam:GetPolicyVersion), and for a role with a long trust policy C(iam:GetAccountSummary).
  - With more than eight O(service_accounts), it reads all roles of the AWS account with one request for each thousand,
    if C(iam:GetAccountAuthorizationDetails) is allowed.
  - In Kubernetes, the module needs get on serviceaccounts, namespaces and the workloads that own pods, list on pods and
    mutatingwebhookconfigurations, create on serviceaccounts/token, and create on pods for the dry run. For the test pod
    it also needs watch and delete on pods, and get on pods/log. If containers use ConfigMaps or Secrets with
    C(envFrom), it reads the names of their keys, never the values.
  - With O(cluster_name), the credentials belong to the AWS account of the cluster. They cannot read a role of another
    AWS account from IAM, so only STS verifies such a role.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.pod_rollout
  - module: eksops.irsa.sa_annotate
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.iam_oidc_provider
  - name: AssumeRoleWithWebIdentity
    description: What STS checks, and the errors that it returns.
    link: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

EXAMPLES = r"""
- name: Verify that a service account can assume the role of its annotation
  eksops.irsa.irsa_verify:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default

- name: Verify a service account without failing
  eksops.irsa.irsa_verify:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default
    fail_on: never
    ignore: [trust-too-broad]
  register: verification

- name: Show the findings
  ansible.builtin.debug:
    msg: "{{ verification.findings | map(attribute='message') }}"

- name: Verify several service accounts
  eksops.irsa.irsa_verify:
    cluster_name: production
    region: eu-west-1
    service_accounts:
      - namespace: default
        name: default
      - namespace: kube-system
        name: default
    fail_on: never
  register: verifications

- name: Show the findings as a table
  ansible.builtin.debug:
    msg: "{{ (verifications | eksops.irsa.findings_report).splitlines() }}"

- name: Verify only with STS, without AWS credentials
  eksops.irsa.irsa_verify:
    kubeconfig: ~/.kube/config
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    namespace: default
    service_account: default
    probes: [token]

- name: Verify with a test pod too
  eksops.irsa.irsa_verify:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default
    test_pod:
      enabled: true
      node_selector:
        kubernetes.io/arch: arm64
"""

RETURN = r"""
namespace:
  description: The namespace of the service account.
  returned: if the chain was checked
  type: str
  sample: shop
service_account:
  description: The name of the service account.
  returned: if the chain was checked
  type: str
  sample: checkout
ok:
  description:
    - Whether all checked links are intact.
    - False if a link is unknown. If permissions are missing, grant them or remove the probe from O(probes). If the
      trust policy has conditions on the origin of the request, use O(test_pod).
  returned: if the chain was checked
  type: bool
  sample: false
findings:
  description: The findings, in the order of the chain.
  returned: if the chain was checked
  type: list
  elements: dict
  contains:
    id:
      description: The ID of the cause. The troubleshooting guide explains each.
      type: str
      returned: always
      sample: sub-mismatch
    severity:
      description: V(error) if it breaks the chain. V(warning) if the chain works, or may work, but should be corrected.
      type: str
      returned: always
      sample: error
    link:
      description: The link of the chain, V(provider), V(role), V(account), V(webhook), V(pods) or V(sts).
      type: str
      returned: always
      sample: role
    message:
      description: What is wrong with which object.
      type: str
      returned: always
      sample: >-
        statement 1 of the trust policy of role checkout trusts system:serviceaccount:default:checkout, but not
        system:serviceaccount:shop:checkout (namespace differs)
    evidence:
      description: The place of the problem. Null if the message contains it.
      type: str
      returned: always
      sample: Statement[0].Condition.StringEquals
    expected:
      description: The expected value. Null if it is not a single value.
      type: str
      returned: always
      sample: system:serviceaccount:shop:checkout
    found:
      description: The value found instead. Null if it is not a single value.
      type: str
      returned: always
      sample: system:serviceaccount:default:checkout
    fix:
      description: How to fix it.
      type: str
      returned: always
      sample: >-
        add the service account with eksops.irsa.irsa_role (name: checkout, cluster_name: production, service_accounts:
        [{namespace: shop, name: checkout}], purge_service_accounts: false)
ignored:
  description: The findings whose IDs are in O(ignore), like RV(findings).
  returned: if the chain was checked
  type: list
  elements: dict
  sample: []
links:
  description:
    - The state of each link of the chain, V(ok), V(broken), V(unknown) or V(skipped).
    - V(unknown) means that the link could not be read (see the warnings), or that another finding prevents the check.
      V(skipped) means that no probe checks the link.
    - The link V(sts) is also unknown if the trust policy has conditions on the origin of the request. Use O(test_pod)
      to check it.
    - If STS accepted the token of the service account, V(provider) and V(role) are V(ok) even if IAM could not be read.
  returned: if the chain was checked
  type: dict
  contains:
    provider:
      description: The state of the OIDC provider in IAM.
      type: str
      returned: always
      sample: ok
    role:
      description: The state of the role, its ARN and its trust policy.
      type: str
      returned: always
      sample: broken
    account:
      description: The state of the service account and its annotations.
      type: str
      returned: always
      sample: ok
    webhook:
      description: The state of the pod identity webhook.
      type: str
      returned: always
      sample: ok
    pods:
      description: The state of the pods.
      type: str
      returned: always
      sample: ok
    sts:
      description: Whether STS accepts the token.
      type: str
      returned: always
      sample: broken
proof:
  description: The answer of STS to the token of the service account. Null if STS did not accept it.
  returned: if the chain was checked
  type: dict
  contains:
    assumed_role_arn:
      description: The ARN of the session that STS created.
      type: str
      returned: if STS accepted the token
      sample: arn:aws:sts::123456789012:assumed-role/checkout/irsa-verify.shop.checkout
    caller_account:
      description: The AWS account of the session.
      type: str
      returned: if STS accepted the token
      sample: "123456789012"
    audience:
      description: The audience of the token.
      type: str
      returned: if STS accepted the token
      sample: sts.amazonaws.com
    issuer:
      description: The issuer of the token.
      type: str
      returned: if STS accepted the token
      sample: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    subject:
      description: The subject of the token.
      type: str
      returned: if STS accepted the token
      sample: system:serviceaccount:shop:checkout
    expires_in:
      description: The duration of the session, in seconds.
      type: int
      returned: if STS accepted the token
      sample: 900
pods:
  description: The pods. Empty without the probe V(pods).
  returned: if the chain was checked
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the pod.
      type: str
      returned: always
      sample: shop
    name:
      description: The name of the pod.
      type: str
      returned: always
      sample: checkout-7c5ddbdf54-2xkqn
    owner:
      description: The workload that re-creates the pod. Null if the pod has no owner.
      type: dict
      returned: always
      contains:
        kind:
          description: The kind of the workload.
          type: str
          returned: always
          sample: Deployment
        name:
          description: The name of the workload.
          type: str
          returned: always
          sample: checkout
    stale:
      description: Whether the pod lacks the role that a new pod would have.
      type: bool
      returned: always
      sample: true
    reasons:
      description: Why the pod is stale. For a pod that is not stale, other information about it.
      type: list
      elements: str
      returned: always
      sample: [container app has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE]
test_pod:
  description: The output of the test pod. Null if no test pod was started or it did not end.
  returned: if the chain was checked
  type: dict
  contains:
    log:
      description: The log of the pod. Tokens and keys are redacted.
      type: str
      returned: if the pod ended
      sample: '{"UserId": "AROAEXAMPLE:botocore-session-1", "Account": "123456789012"}'
    caller_arn:
      description: The ARN of the caller. Null if the log does not contain it.
      type: str
      returned: if the pod ended
      sample: arn:aws:sts::123456789012:assumed-role/checkout/botocore-session-1732406400
results:
  description:
    - The result of each service account, in the order of O(service_accounts), with the values above from RV(namespace)
      to RV(test_pod). The module then returns none of these itself, except RV(ok).
    - The result of a service account that fails the module has C(msg) and C(error) too. If it could not be verified, it
      has only these.
  returned: if O(service_accounts) is set and the chains were checked
  type: list
  elements: dict
  version_added: 0.3.0
  sample:
    - namespace: shop
      service_account: checkout
      ok: true
      findings: []
calls:
  description: The number of requests by service and operation.
  returned: if the chain was checked
  type: dict
  sample: {eks: {DescribeCluster: 1}, iam: {GetRole: 1}, kubernetes: {create serviceaccounts/token: 1}}
elapsed:
  description: The duration in seconds.
  returned: if the chain was checked
  type: float
  sample: 0.3
error:
  description: The error.
  returned: failure
  type: dict
  contains:
    kind:
      description: The kind of error. V(chain_broken) if the module failed because of findings.
      type: str
      returned: failure
      sample: chain_broken
"""

import time
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import specs_from_params
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import IrsaError
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify import run as verification
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.shared_reads import SharedReads

PROBES = ["static", "token", "admission", "pods"]
ARGUMENTS: dict[str, t.Any] = {
    **connection.OPTIONS,
    "namespace": {"type": "str"},
    "service_account": {"type": "str", "aliases": ["name"]},
    "service_accounts": {
        "type": "list",
        "elements": "dict",
        "options": {
            "namespace": {"type": "str", "required": True},
            "name": {"type": "str", "required": True, "aliases": ["service_account"]},
            "role_arn": {"type": "str"},
            "role_name": {"type": "str"},
            "path": {"type": "str", "default": "/"},
        },
        "mutually_exclusive": [("role_arn", "role_name")],
    },
    "role_arn": {"type": "str"},
    "issuer": {"type": "str"},
    "probes": {"type": "list", "elements": "str", "choices": PROBES, "default": PROBES},
    "label_selectors": {"type": "list", "elements": "str"},
    "test_pod": {
        "type": "dict",
        "options": {
            "enabled": {"type": "bool", "default": False},
            "image": {"type": "str", "default": "public.ecr.aws/aws-cli/aws-cli:2.25.4"},
            "command": {"type": "list", "elements": "str", "default": ["aws", "sts", "get-caller-identity"]},
            "timeout": {"type": "int", "default": 120},
            "node_selector": {"type": "dict", "default": {}},
            "tolerations": {"type": "list", "elements": "dict", "default": []},
        },
    },
    "propagation_timeout": {"type": "int", "default": 120},
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "ignore": {"type": "list", "elements": "str"},
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("cluster_name", "issuer"), ("service_account", "service_accounts")],
        required_by={"service_account": ["namespace"]},
        mutually_exclusive=[
            ("cluster_name", "issuer"),
            ("namespace", "service_accounts"),
            ("service_account", "service_accounts"),
            ("label_selectors", "service_accounts"),
            ("role_arn", "service_accounts"),
        ],
        check_boto3=False,
        supports_check_mode=True,
    )

    def verify() -> dict[str, t.Any]:
        started_at = time.monotonic()
        specs = specs_from_params(module.params)
        shared = SharedReads(len(specs))
        aws = Aws(module, connections=1 if len(specs) == 1 else shared.connections)
        name = module.params["cluster_name"]
        cluster = aws.describe(name) if name else None
        server = open_api_server(module, aws, connections=shared.connections)
        context = verification.VerificationContext(aws, server, cluster, module.no_log_values.add, shared=shared)
        start_pods = not module.check_mode
        warnings: t.Iterable[str]
        failure: IrsaError | None
        accounts = module.params["service_accounts"]
        if accounts is None:
            diagnosis = verification.verify(context, specs[0], start_pods=start_pods)
            returns, warnings = verification.result_of(diagnosis), diagnosis.warnings
            failure = diagnosis.failure(specs[0].fail_on)
        else:
            role_arns = verification.find_role_arns(accounts, aws, cluster)
            specs = specs_from_params({**module.params, "service_accounts": role_arns})
            results = verification.verify_all(context, specs, start_pods=start_pods, redact=_runner.redact)
            returns, warnings = verification.result_of_all(results), verification.list_warnings(results)
            failure = verification.find_failure(results)
        returns.update(calls=aws.calls.as_dict(), elapsed=round(time.monotonic() - started_at, 3))
        return _runner.info_result(returns, warnings=warnings, failure=failure)

    _runner.run(module, verify)


if __name__ == "__main__":
    main()
