#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_bindings_info
short_description: Read the existing IRSA bindings of an EKS cluster
version_added: 0.3.0
description:
  - Reads the service accounts of an EKS cluster that are annotated with an IAM role, whichever tool bound them, such as
    eksctl, Terraform or Helm. Returns bindings that describe the current state, for the option
    O(eksops.irsa.irsa_bindings#module:bindings).
  - The module compares each binding with the current state, with the same code as M(eksops.irsa.irsa_bindings). If you
    apply the bindings to the cluster, nothing changes. You can then keep them in a file and edit them there.
  - If options cannot describe a role, for example because of extra conditions in its trust policy, the binding refers
    to the role by ARN. The role then stays unchanged. RV(notes) has the reason.
  - Service accounts that are not bound correctly are in RV(skipped_accounts), with the reason.
  - The module only reads.
extends_documentation_fragment:
  - eksops.irsa.cluster
  - kubernetes.core.k8s_auth_options
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
  - eksops.irsa.attributes.info
options:
  issuer:
    description:
      - The OIDC issuer of the cluster, with or without C(https://), for a cluster that is reached with O(kubeconfig) or
        other Kubernetes options. The module then does not call EKS for the cluster.
      - The API server must have this issuer, see O(verify_cluster).
      - Exactly one of O(cluster_name) and O(issuer) is required.
    type: str
  namespaces:
    description: The namespaces of the service accounts to read. The default is all namespaces.
    type: list
    elements: str
notes:
  - In AWS, the module needs C(eks:DescribeCluster), C(iam:GetOpenIDConnectProvider), C(iam:GetRole),
    C(iam:ListAttachedRolePolicies), C(iam:ListRolePolicies) and C(iam:GetRolePolicy). For many roles it uses
    C(iam:GetAccountAuthorizationDetails) and C(iam:ListRoles) instead, if the caller has these permissions. Without
    C(iam:ListPolicies), all managed policies are returned by ARN.
  - In Kubernetes, the module needs list on serviceaccounts.
  - The module does not read pods. When you apply the bindings with the role P(eksops.irsa.irsa#role), it re-creates
    pods that started before their service account was annotated, unless you turn this off.
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
  register: current

- name: Show the skipped service accounts
  ansible.builtin.debug:
    msg: "{{ item.namespace }}/{{ item.service_account }}: {{ item.reason }}"
  loop: "{{ current.skipped_accounts }}"
  loop_control:
    label: "{{ item.namespace }}/{{ item.service_account }}"

- name: Check that the bindings change nothing
  eksops.irsa.irsa_bindings:
    cluster_name: production
    region: eu-west-1
    bindings: "{{ current.bindings }}"
  check_mode: true
  diff: true
"""

RETURN = r"""
bindings:
  description:
    - The bindings, ordered by namespace and name. They have only the keys that are needed to create the same state.
    - If several service accounts share a role, only the first of their bindings has the options for the role.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the service account.
      type: str
      returned: always
      sample: analytics
    service_account:
      description: The name of the service account, or a pattern if C(allow_wildcards) is true.
      type: str
      returned: always
      sample: reports
    allow_wildcards:
      description:
        - V(true), because C(namespace) or C(service_account) contains the wildcards C(*) or C(?). Such a binding
          defines only the role.
      type: bool
      returned: if the trust policy of the role allows service accounts by a pattern
      sample: true
    role_name:
      description: The name of the role.
      type: str
      returned: if options can describe the role
      sample: eksctl-production-addon-iamserviceaccount-analytics-reports-Role1-1A2B3C4D5E6F
    role_arn:
      description: The ARN of the role.
      type: str
      returned: if the role is in another AWS account, or if options cannot describe it
      sample: arn:aws:iam::210987654321:role/reports
    path:
      description: The path of the role.
      type: str
      returned: if it is not V(/)
      sample: /teams/analytics/
    description:
      description: The description of the role.
      type: str
      returned: if the role has one
      sample: Reads the reports
    max_session_duration:
      description: The maximum session duration of the role, in seconds.
      type: int
      returned: if it is not V(3600)
      sample: 7200
    permissions_boundary:
      description: The ARN of the permissions boundary of the role.
      type: str
      returned: if the role has one
      sample: arn:aws:iam::123456789012:policy/boundary
    managed_policies:
      description: The managed policies. AWS managed policies have their name if it is unique, all others their ARN.
      type: list
      elements: str
      returned: if the role has any
      sample: [AmazonS3ReadOnlyAccess, "arn:aws:iam::123456789012:policy/reports"]
    inline_policies:
      description: The inline policies, a dictionary of policy documents by name.
      type: dict
      returned: if the role has any
      sample: {}
    tags:
      description: The tags of the role, without those of AWS and of this collection.
      type: dict
      returned: if the role has any
      sample: {team: analytics}
    purge_service_accounts:
      description: V(false), because the role trusts more service accounts of the cluster than are annotated with it.
      type: bool
      returned: if the role trusts such service accounts
      sample: false
    audiences:
      description:
        - The audiences that the trust policy of the role accepts. If the list is empty, the trust policy has no
          condition on the audience.
      type: list
      elements: str
      returned: if they differ from the audiences of the pods' tokens
      sample: [sts.amazonaws.com, analytics.example.com]
    audience:
      description: The audience of the pods' tokens.
      type: str
      returned: if the service account has the annotation
      sample: sts.amazonaws.com
    sts_regional_endpoints:
      description: Whether pods use the STS endpoint of their region.
      type: bool
      returned: if the service account has the annotation
      sample: true
    token_expiration:
      description: The lifetime of the pods' tokens in seconds.
      type: int
      returned: if the service account has the annotation
      sample: 86400
skipped_accounts:
  description: The service accounts with a role annotation, or a misspelled one, that no binding describes.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the service account.
      type: str
      returned: always
      sample: analytics
    service_account:
      description: The name of the service account.
      type: str
      returned: always
      sample: old-reports
    role_arn:
      description: The value of the annotation. Null if the service account does not have it.
      type: str
      returned: always
      sample: arn:aws:iam::123456789012:role/old-reports
    reason:
      description: Why no binding describes the service account.
      type: str
      returned: always
      sample: role old-reports does not exist
notes:
  description: What the bindings do not describe, and why.
  returned: success
  type: list
  elements: dict
  contains:
    service_accounts:
      description: The service accounts of the bindings that the note is about, each as NAMESPACE/NAME.
      type: list
      elements: str
      returned: always
      sample: [analytics/reports]
    message:
      description: The message of the note.
      type: str
      returned: always
      sample: "annotation eks.amazonaws.com/sts-regional-endpoints is kept: no option can set its value 'yes'"
calls:
  description: The number of requests by service and operation.
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
    _runner.disable_garbage_collection()
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
        imported = importing.collect_bindings(bindings_info.read(aws, server, spec))
        return _runner.info_result({**dataclasses.asdict(imported), "calls": server.calls.as_dict()})

    _runner.run(module, read)


if __name__ == "__main__":
    main()
