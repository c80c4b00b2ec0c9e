#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bindings_info
short_description: Read which service accounts of a cluster are bound to which IAM roles, as bindings
version_added: 0.3.0
description:
  - Looks at every Kubernetes service account of an EKS cluster that is annotated with an IAM role, whoever annotated it
    and made the role, be it eksctl, Terraform, Helm or a person. It returns the items of
    O(eksops.irsa.irsa_bindings#module:bindings) that describe what is there.
  - Each of them was put to the plans of M(eksops.irsa.irsa_bindings) before. Applied to the cluster as it is they
    change nothing, so from then on they can be kept in a file and changed there.
  - Where a role can't be described so, because its trust policy has conditions of its own for instance, the binding
    names it by its ARN, which leaves it as it is, and RV(notes) says why.
  - An account that isn't really bound is in RV(skipped_accounts) with the reason.
  - It only reads, many roles by pages.
extends_documentation_fragment:
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - eksops.irsa.attributes
  - eksops.irsa.attributes.info
options:
  issuer:
    description:
      - URL of the cluster's OIDC issuer, for a cluster that is reached by O(kubeconfig) or other Kubernetes options
        and that EKS is not to be asked about.
      - One of O(cluster_name) and O(issuer) is required.
    type: str
  namespaces:
    description: The namespaces whose service accounts are looked at, all by default.
    type: list
    elements: str
notes:
  - In AWS it asks for C(eks:DescribeCluster), C(iam:GetOpenIDConnectProvider), and for few roles C(iam:GetRole),
    C(iam:ListAttachedRolePolicies), C(iam:ListRolePolicies) and C(iam:GetRolePolicy), for many
    C(iam:GetAccountAuthorizationDetails) and C(iam:ListRoles) if it may. Without C(iam:ListPolicies) all managed
    policies go by their ARNs.
  - In Kubernetes it asks for list on serviceaccounts.
  - Pods are not looked at. Those that started before their account was annotated are re-created by the role
    P(eksops.irsa.irsa#role), unless it is told not to.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.irsa_bindings
  - module: eksops.irsa.irsa_audit
"""

EXAMPLES = r"""
- name: Read the bindings of a cluster
  eksops.irsa.irsa_bindings_info:
    cluster_name: production
    region: eu-west-1
  register: found

- name: Show what isn't among them, and why
  ansible.builtin.debug:
    msg: "{{ item.namespace }}/{{ item.service_account }}: {{ item.reason }}"
  loop: "{{ found.skipped_accounts }}"
  loop_control:
    label: "{{ item.namespace }}/{{ item.service_account }}"

- name: Applying them changes nothing
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings: "{{ found.bindings }}"
  check_mode: true
  diff: true
"""

RETURN = r"""
bindings:
  description:
    - The bindings, ordered by namespace and name, with those keys alone that it takes to make the same anew.
    - What is said of a role that several accounts share is in the first of their bindings.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The account's namespace.
      type: str
      returned: always
      sample: analytics
    service_account:
      description: The account's name.
      type: str
      returned: always
      sample: reports
    role_name:
      description: The role's name.
      type: str
      returned: if the role can be described
      sample: eksctl-production-addon-iamserviceaccount-analytics-reports-Role1-1A2B3C4D5E6F
    role_arn:
      description: The role's ARN.
      type: str
      returned: for a role of another account, and one that can't be described
      sample: arn:aws:iam::210987654321:role/reports
    path:
      description: The role's path.
      type: str
      returned: if it isn't V(/)
      sample: /teams/analytics/
    description:
      description: The role's description.
      type: str
      returned: if it has one
      sample: Reads the reports
    max_session_duration:
      description: How long a session of the role may last, in seconds.
      type: int
      returned: if it isn't V(3600)
      sample: 7200
    permissions_boundary:
      description: ARN of the policy that bounds the role.
      type: str
      returned: if it has one
      sample: arn:aws:iam::123456789012:policy/boundary
    managed_policies:
      description: The managed policies, those of AWS by name if that can mean no other, the others by ARN.
      type: list
      elements: str
      returned: if there are any
      sample: [AmazonS3ReadOnlyAccess, "arn:aws:iam::123456789012:policy/reports"]
    inline_policies:
      description: The inline policies, documents by name.
      type: dict
      returned: if there are any
      sample: {}
    tags:
      description: The role's tags, without those of AWS and this collection's own.
      type: dict
      returned: if there are any
      sample: {team: analytics}
    purge_service_accounts:
      description: That the role trusts more of the cluster's service accounts than name it. They stay in it.
      type: bool
      returned: if it does
      sample: false
    audience:
      description: The audience of the account's tokens.
      type: str
      returned: if the account is annotated with one
      sample: sts.amazonaws.com
    sts_regional_endpoints:
      description: Whether pods use the regional STS endpoint.
      type: bool
      returned: if the account is annotated with it
      sample: true
    token_expiration:
      description: Lifetime of the pods' tokens in seconds.
      type: int
      returned: if the account is annotated with it
      sample: 86400
skipped_accounts:
  description: The service accounts that name a role, or were meant to, and are in no binding.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The account's namespace.
      type: str
      returned: always
      sample: analytics
    service_account:
      description: The account's name.
      type: str
      returned: always
      sample: old-reports
    role_arn:
      description: What it is annotated with; null for nothing.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/old-reports
    reason:
      description: Why it is in no binding.
      type: str
      returned: always
      sample: there is no role old-reports
notes:
  description: What the bindings leave out, and why.
  returned: success
  type: list
  elements: dict
  contains:
    service_accounts:
      description: The accounts whose bindings it concerns, each as NAMESPACE/NAME.
      type: list
      elements: str
      returned: always
      sample: [analytics/reports]
    message:
      description: What is left out.
      type: str
      returned: always
      sample: "annotation eks.amazonaws.com/sts-regional-endpoints is 'yes', which no option can say; it stays as it is"
calls:
  description: How many requests were made, by service and operation.
  returned: success
  type: dict
  sample:
    iam: {GetOpenIDConnectProvider: 1, GetRole: 2}
    kubernetes: {list serviceaccounts: 1}
"""

import dataclasses
import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.connection import open_api_server
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import importing
from ansible_collections.eksops.irsa.plugins.module_utils._module import bindings_info

ARGUMENTS: dict[str, t.Any] = {
    **connection.OPTIONS,
    "issuer": {"type": "str"},
    "namespaces": {"type": "list", "elements": "str"},
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        required_one_of=[("cluster_name", "issuer")],
        mutually_exclusive=[("cluster_name", "issuer")],
        supports_check_mode=True,
    )

    def read() -> dict[str, t.Any]:
        spec = importing.ImportSpec.from_params(module.params)
        aws = Aws(module, connections=bindings_info.WORKERS)
        server = open_api_server(module, aws, connections=bindings_info.WORKERS)
        found = importing.collect(bindings_info.read(aws, server, spec))
        return _runner.info_result({**dataclasses.asdict(found), "calls": server.calls.as_dict()})

    _runner.run(module, read)


if __name__ == "__main__":
    main()
