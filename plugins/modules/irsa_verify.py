#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_verify
short_description: Prove that a service account can act as its IAM role, or say which link is broken
version_added: 0.2.0
description:
  - Looks at the whole chain that gives the pods of a Kubernetes service account an IAM role (IRSA), from the OIDC
    provider to STS, and names what is wrong with it, where, and what to do about it.
  - It only reads. What it sends besides are a request for a token of the account, which it shows to STS once and keeps
    from every output, and the creation of a pod as a server-side dry run, which stores nothing. A pod is started only
    with O(test_pod).
  - Several causes are all found, each once, in the order of the chain, without those that merely follow from another.
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
      - The test pod is not started in check mode.
options:
  namespace:
    description: Namespace of the service account.
    type: str
    required: true
  service_account:
    description: Name of the service account.
    type: str
    required: true
    aliases: [name]
  role_arn:
    description:
      - ARN of the role that the account is to act as.
      - By default what the annotation C(eks.amazonaws.com/role-arn) of the account says.
      - Give it for a role of another AWS account than the cluster's, which is then taken to be meant, and wherever the
        annotation itself may be wrong.
    type: str
  issuer:
    description:
      - URL of the cluster's OIDC issuer, for a cluster that is reached by O(kubeconfig) or other Kubernetes options
        and that EKS is not to be asked about.
      - One of O(cluster_name) and O(issuer) is required.
    type: str
  probes:
    description:
      - What to do to find out.
      - V(static) reads IAM, EKS and the objects of Kubernetes, and evaluates the trust policy as IAM does, against the
        claims that the account's tokens have.
      - V(token) requests a token of the account and shows it to STS, as a pod does. It needs no pod and no AWS
        credentials. The session may do nothing (its policy denies everything), lasts 15 minutes and is dropped at once.
      - V(admission) has the API server dry-run the creation of a pod (server-side dry run), and looks what the pod
        identity webhook did to it.
      - V(pods) reads the pods of the account and the templates of their owners.
    type: list
    elements: str
    choices: [static, token, admission, pods]
    default: [static, token, admission, pods]
  label_selectors:
    description:
      - Look at pods with these labels, as C(kubectl -l) takes them, whatever their service account, so that one that
        uses another account is found.
      - By default the pods of the account.
    type: list
    elements: str
  test_pod:
    description:
      - A pod of the account that asks AWS who it is. It is deleted whatever becomes of it.
    type: dict
    suboptions:
      enabled:
        description: Whether to start it.
        type: bool
        default: false
      image:
        description: Its image, which has to have what O(test_pod.command) runs.
        type: str
        default: public.ecr.aws/aws-cli/aws-cli:2.25.4
      command:
        description: What it runs. The ARN that it prints is taken to be the caller's.
        type: list
        elements: str
        default: [aws, sts, get-caller-identity]
      timeout:
        description: How long to wait until it has ended, in seconds.
        type: int
        default: 120
      node_selector:
        description: Labels of the nodes that it may run on.
        type: dict
        default: {}
      tolerations:
        description: Its tolerations.
        type: list
        elements: dict
        default: []
  propagation_timeout:
    description:
      - How long to go on asking STS, in seconds, where IAM allows what STS refuses. A change of a role or a provider
        takes seconds to reach STS, seldom two minutes.
    type: int
    default: 120
  fail_on:
    description: The least severity of a finding that fails the module.
    type: str
    choices: [error, warning, never]
    default: error
  ignore:
    description: Ids of findings that don't count. They are returned in RV(ignored).
    type: list
    elements: str
notes:
  - What the caller isn't allowed to see is unknown, with a warning that names the permission, and the rest goes on.
  - In AWS it asks for C(eks:DescribeCluster), C(eks:DescribeAddon), C(eks:ListPodIdentityAssociations),
    C(iam:GetOpenIDConnectProvider), C(iam:ListOpenIDConnectProviders), C(iam:GetRole),
    C(iam:ListAttachedRolePolicies), C(iam:ListRolePolicies) and C(iam:GetRolePolicy), for a role with a permissions
    boundary for C(iam:GetPolicy) and C(iam:GetPolicyVersion), and for one with a long trust policy for
    C(iam:GetAccountSummary).
  - In Kubernetes it asks for get on serviceaccounts, namespaces, and the workloads that own pods, list on pods and
    mutatingwebhookconfigurations, create on serviceaccounts/token, create on pods (for the dry run and the test pod),
    and for the test pod watch and delete on pods and get on pods/log. Where containers take whole ConfigMaps or Secrets
    as their environment it asks for the names of their keys, never for values.
  - With O(cluster_name) the credentials are of the cluster's AWS account. IAM can't be asked about a role of another
    account then, and STS alone decides.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.pod_rollout
  - module: eksops.irsa.sa_annotate
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.iam_oidc_provider
  - name: AssumeRoleWithWebIdentity
    description: What STS checks, and how it refuses.
    link: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

EXAMPLES = r"""
- name: Prove that the account can act as the role that it names
  eksops.irsa.irsa_verify:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default

- name: See what is wrong, and go on
  eksops.irsa.irsa_verify:
    cluster_name: production
    region: eu-west-1
    namespace: default
    service_account: default
    fail_on: never
    ignore: [trust-too-broad]
  register: verification

- name: Print it
  ansible.builtin.debug:
    msg: "{{ verification.findings | map(attribute='message') }}"

- name: Only ask STS, without AWS credentials
  eksops.irsa.irsa_verify:
    kubeconfig: ~/.kube/config
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    namespace: default
    service_account: default
    probes: [token]

- name: Ask from within a pod as well
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
  description: The namespace that was given.
  returned: if the chain was looked at
  type: str
  sample: shop
service_account:
  description: The service account that was given.
  returned: if the chain was looked at
  type: str
  sample: checkout
ok:
  description:
    - Whether every link that was looked at holds.
    - It is false, too, where a link is unknown; leave out of O(probes) what the caller isn't allowed to do.
  returned: if the chain was looked at
  type: bool
  sample: false
findings:
  description: What is wrong, in the order of the chain.
  returned: if the chain was looked at
  type: list
  elements: dict
  contains:
    id:
      description: Which of the known causes it is. The troubleshooting guide explains each.
      type: str
      returned: always
      sample: sub-mismatch
    severity:
      description: V(error) for what breaks the chain, V(warning) for what works but shouldn't stay so.
      type: str
      returned: always
      sample: error
    link:
      description: Where it is, V(provider), V(role), V(account), V(webhook), V(pods) or V(sts).
      type: str
      returned: always
      sample: role
    message:
      description: What is wrong with which object.
      type: str
      returned: always
      sample: >-
        statement 1 of the trust policy of role checkout: sub is system:serviceaccount:shop:checkout, the policy wants
        system:serviceaccount:default:checkout (namespace differs)
    evidence:
      description: Where it was seen; null where the message says it.
      type: str
      returned: always
      sample: Statement[0].Condition.StringEquals
    expected:
      description: What there should be, where one value says it; else null.
      type: str
      returned: always
      sample: system:serviceaccount:shop:checkout
    found:
      description: What there is instead, where one value says it; else null.
      type: str
      returned: always
      sample: system:serviceaccount:default:checkout
    fix:
      description: What to do about it.
      type: str
      returned: always
      sample: "run eksops.irsa.irsa_role with name: checkout and service_accounts: [{namespace: shop, name: checkout}]"
ignored:
  description: The findings whose ids O(ignore) names, in the same form.
  returned: if the chain was looked at
  type: list
  elements: dict
  sample: []
links:
  description:
    - How each link of the chain is, V(ok), V(broken), V(unknown) or V(skipped).
    - V(unknown) is a link that could not be looked at, which a warning explains, or that can't be judged because of
      another finding; V(skipped) is one that no probe was to look at.
    - If STS accepted the account's token, provider and role are V(ok) even where IAM could not be asked.
  returned: if the chain was looked at
  type: dict
  contains:
    provider:
      description: The OIDC provider in IAM.
      type: str
      returned: always
      sample: ok
    role:
      description: The role, its ARN, and its trust policy.
      type: str
      returned: always
      sample: broken
    account:
      description: The service account and its annotations.
      type: str
      returned: always
      sample: ok
    webhook:
      description: The pod identity webhook.
      type: str
      returned: always
      sample: ok
    pods:
      description: The pods.
      type: str
      returned: always
      sample: ok
    sts:
      description: The answer of STS.
      type: str
      returned: always
      sample: broken
proof:
  description: What proves the chain. It is null unless STS accepted the account's token.
  returned: if the chain was looked at
  type: dict
  contains:
    assumed_role_arn:
      description: The session that STS made.
      type: str
      returned: if STS accepted the token
      sample: arn:aws:sts::123456789012:assumed-role/checkout/irsa-verify.shop.checkout
    caller_account:
      description: The AWS account that the session is in.
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
      description: How long the session would have lasted, in seconds.
      type: int
      returned: if STS accepted the token
      sample: 900
pods:
  description: The pods as they were found; none without the probe V(pods).
  returned: if the chain was looked at
  type: list
  elements: dict
  contains:
    namespace:
      description: The pod's namespace.
      type: str
      returned: always
      sample: shop
    name:
      description: The pod's name.
      type: str
      returned: always
      sample: checkout-7c5ddbdf54-2xkqn
    owner:
      description: The workload that makes the pod again; null for a bare pod.
      type: dict
      returned: always
      contains:
        kind:
          description: The workload's kind.
          type: str
          returned: always
          sample: Deployment
        name:
          description: The workload's name.
          type: str
          returned: always
          sample: checkout
    stale:
      description: Whether the pod lacks what a new one would have.
      type: bool
      returned: always
      sample: true
    reasons:
      description: Why, in words; for a pod that is not stale, what else there is to know.
      type: list
      elements: str
      returned: always
      sample: [container app has no AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE]
test_pod:
  description: What the test pod said. It is null where none was started, or it came to no end.
  returned: if the chain was looked at
  type: dict
  contains:
    log:
      description: What it printed, without what looks like a token or a key.
      type: str
      returned: if it has ended
      sample: '{"UserId": "AROAEXAMPLE:botocore-session-1", "Account": "123456789012"}'
    caller_arn:
      description: Who AWS says that it is; null if it didn't say.
      type: str
      returned: if it has ended
      sample: arn:aws:sts::123456789012:assumed-role/checkout/botocore-session-1732406400
calls:
  description: How many requests were made, by operation by service.
  returned: if the chain was looked at
  type: dict
  sample: {eks: {DescribeCluster: 1}, iam: {GetRole: 1}, kubernetes: {create serviceaccounts/token: 1}}
elapsed:
  description: How long the module took, in seconds.
  returned: if the chain was looked at
  type: float
  sample: 0.3
error:
  description: Why the module failed.
  returned: failure
  type: dict
  contains:
    kind:
      description: V(chain_broken) if it is because of the findings; else there is no verification.
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
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis.diagnose import VerificationSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify import run as verification

PROBES = ["static", "token", "admission", "pods"]
ARGUMENTS: dict[str, t.Any] = {
    **connection.OPTIONS,
    "namespace": {"type": "str", "required": True},
    "service_account": {"type": "str", "required": True, "aliases": ["name"]},
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
        required_one_of=[("cluster_name", "issuer")],
        mutually_exclusive=[("cluster_name", "issuer")],
        check_boto3=False,
        supports_check_mode=True,
    )

    def verify() -> dict[str, t.Any]:
        started_at = time.monotonic()
        spec = VerificationSpec.from_params(module.params)
        aws = Aws(module)
        name = module.params["cluster_name"]
        cluster = aws.describe(name) if name else None
        server = open_api_server(module, aws, connections=verification.CONNECTIONS)
        context = verification.VerificationContext(aws, server, cluster, module.no_log_values.add)
        diagnosis = verification.verify(context, spec, start_pods=not module.check_mode)
        returns = {
            **verification.result_of(diagnosis),
            "calls": aws.calls.as_dict(),
            "elapsed": round(time.monotonic() - started_at, 3),
        }
        return _runner.info_result(returns, warnings=diagnosis.warnings, failure=diagnosis.failure(spec.fail_on))

    _runner.run(module, verify)


if __name__ == "__main__":
    main()
