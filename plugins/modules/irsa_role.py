#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_role
short_description: Manage an IAM role for Kubernetes service accounts
version_added: 0.1.0
description:
  - Creates, updates and deletes an IAM role that Kubernetes service accounts of an EKS cluster can assume through the
    OIDC provider of the cluster (IRSA).
  - The module manages only statements of the trust policy that are for the OIDC provider of O(cluster_name) or
    O(issuer) and have no conditions other than C(StringEquals) and C(StringLike) on C(sub) and C(aud). All others
    are foreign statements. They are kept, so several clusters and tools can share a role. O(trust=replace) removes
    them.
  - The module warns about foreign statements for the same provider. If a foreign statement allows a service account,
    the module adds no statement for this account. It is either not needed, or would bypass the conditions of the
    foreign statement.
  - Statements are compared by meaning. The order of statements, a list with one value in place of the value, the case
    of actions, and an account ID in place of its root ARN make no difference.
  - The module validates the options before the first API call, and everything else before the first write.
extends_documentation_fragment:
  - eksops.irsa.options.role
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - eksops.irsa.attributes
options:
  state:
    description:
      - V(present) creates the role, or updates what the other options set.
      - V(absent) without O(cluster_name) and O(issuer) deletes the role with its policies. The role must have the tag
        C(eksops.irsa/managed=true), which the module sets on each role that it creates.
      - V(absent) with O(cluster_name) or O(issuer) removes only the managed statements for the OIDC provider of that
        cluster, or only O(service_accounts) if they are set. If nothing is allowed after that, a role with the tag is
        deleted. A role without the tag is kept. IAM requires a statement, so the module writes one that trusts nobody.
      - If another statement, such as one with a wildcard, still allows one of O(service_accounts), the module fails
        after its writes and names the statement.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the role, without its path.
      - Names of roles are not case-sensitive in IAM.
    type: str
    required: true
  service_accounts:
    description:
      - The service accounts that may assume the role.
      - Required to create a role.
      - An empty list removes all service accounts of the cluster if O(purge_service_accounts) applies. A new role then
        trusts none.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: The namespace of the service account, or a pattern with O(allow_wildcards=true).
        type: str
        required: true
      name:
        description: The name of the service account, or a pattern with O(allow_wildcards=true).
        type: str
        required: true
  allow_wildcards:
    description:
      - Whether O(service_accounts) may contain the wildcards C(*) for any text and C(?) for any character.
      - Patterns get a separate statement with C(StringLike).
    type: bool
    default: false
  cluster_name:
    description:
      - The name of the EKS cluster of the service accounts. The module reads the issuer from EKS.
      - Required with O(service_accounts), unless O(issuer) is set.
    type: str
  issuer:
    description:
      - The OIDC issuer of the cluster, with or without C(https://), in place of O(cluster_name). The module then does
        not call EKS, so this also works for a cluster in another AWS account or for a deleted cluster.
      - The role trusts the OIDC provider for this issuer in the AWS account of the role.
    type: str
  audiences:
    description:
      - The audiences that the trust policy accepts. The token of a service account must have one of them.
      - With an empty list, the trust policy has no condition on the audience.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  force:
    description:
      - With O(state=absent), whether to delete the role even if another tool created it or if it still trusts others.
    type: bool
    default: false
notes:
  - The module needs C(iam:GetRole) and the permissions for what the options set, such as C(iam:CreateRole),
    C(iam:UpdateAssumeRolePolicy), C(iam:UpdateRole) and C(iam:TagRole). An error names the missing permission.
    C(iam:ListAttachedRolePolicies), C(iam:ListRolePolicies) and C(iam:GetRolePolicy) are required only if an option for
    policies is set. C(eks:DescribeCluster) is required with O(cluster_name). The module also calls
    C(sts:GetCallerIdentity), which needs no permission.
  - With C(iam:GetPolicy) the module checks that policies exist before the first write, and with C(iam:ListPolicies) it
    proposes similar ones. Policies given by name require both permissions, unless they are already attached. Those
    given by ARN require neither. Without C(iam:GetPolicy), the module does not check that they exist.
  - If a trust policy is longer than 2048 characters or a role has more than ten managed policies, the module calls
    C(iam:GetAccountSummary) to find out whether AWS raised the quota.
  - IAM has no version check for trust policies. The module therefore reads the trust policy before each try to write
    it, sends each try once, and reads it again half a second later, or two seconds later if the role trusts others too.
    If another writer has changed it, the module writes its change again, and checks it for eight more seconds. If
    another tool keeps restoring its own document, the module fails and says what was changed back. Parallel runs of
    this collection keep all statements, with the exceptions in
    R(the guide,ansible_collections.eksops.irsa.docsite.guide_two_clusters.writers).
  - Before the module deletes a role for O(state=absent) with O(cluster_name) or O(issuer), it writes a trust policy
    that trusts nobody, and reads it again. If another run has added a cluster to the role in the meantime, the role is
    kept.
  - IAM is eventually consistent. A change takes a few seconds to take effect everywhere.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.eks_oidc_info
  - module: eksops.irsa.iam_oidc_provider
  - module: eksops.irsa.sa_annotate
  - module: amazon.aws.iam_role
  - name: Assign IAM roles to Kubernetes service accounts
    description: The AWS documentation.
    link: https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
"""

EXAMPLES = r"""
- name: Create a role for a service account with an AWS managed policy and an inline policy
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: production
    region: eu-west-1
    service_accounts:
      - namespace: analytics
        name: reports
    managed_policies:
      - AmazonS3ReadOnlyAccess
    inline_policies:
      queue:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Action: sqs:SendMessage
            Resource: arn:aws:sqs:eu-west-1:123456789012:reports
    tags:
      team: analytics
  register: reports

- name: Create a role with well-known policies for external-dns and Cluster Autoscaler
  eksops.irsa.irsa_role:
    name: production-dns-and-scaling
    cluster_name: production
    region: eu-west-1
    service_accounts:
      - namespace: kube-system
        name: external-dns
      - namespace: kube-system
        name: cluster-autoscaler
    well_known_policies:
      - cluster_autoscaler
      - name: external_dns
        zones: [Z0123456789ABCDEFGHIJ]

- name: Add a service account of a second cluster
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: staging
    region: eu-west-1
    service_accounts:
      - namespace: analytics
        name: reports

- name: Add the service accounts of all review namespaces and keep the others
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: staging
    region: eu-west-1
    service_accounts:
      - namespace: review-*
        name: reports
    allow_wildcards: true
    purge_service_accounts: false

- name: Remove the service accounts of the second cluster
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: staging
    region: eu-west-1
    state: absent

- name: Delete the role
  eksops.irsa.irsa_role:
    name: reports
    region: eu-west-1
    state: absent
"""

RETURN = r"""
role:
  description:
    - The role after the task. In check mode, the role as it would be.
    - Empty if the role does not exist.
  returned: success
  type: dict
  contains:
    arn:
      description: The ARN of the role.
      type: str
      returned: if the role exists
      sample: arn:aws:iam::123456789012:role/reports
    name:
      description: The name of the role.
      type: str
      returned: if the role exists
      sample: reports
    path:
      description: The path of the role.
      type: str
      returned: if the role exists
      sample: /
    role_id:
      description: The unique ID of the role. Null in check mode if the role would be created.
      type: str
      returned: if the role exists
      sample: AROAABCDEFGHIJKLMNOPQ
    description:
      description: The description of the role. Empty if it has none.
      type: str
      returned: if the role exists
      sample: ""
    trust_policy:
      description: The trust policy of the role.
      type: dict
      returned: if the role exists
      sample:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal:
              Federated: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
            Action: sts:AssumeRoleWithWebIdentity
            Condition:
              StringEquals:
                oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:sub: system:serviceaccount:analytics:reports
                oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:aud: sts.amazonaws.com
    managed_policies:
      description:
        - The ARNs of the managed policies of the role, sorted.
        - Null if O(managed_policies) is not set and the caller may not list them.
      type: list
      elements: str
      returned: if the role exists
      sample: [arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess]
    inline_policies:
      description:
        - The inline policies of the role, a dictionary of policy documents by name.
        - Null if O(inline_policies) is not set and the caller may not read them.
      type: dict
      returned: if the role exists
      sample: {}
    permissions_boundary:
      description: The ARN of the permissions boundary of the role. Null if it has none.
      type: str
      returned: if the role exists
      sample: arn:aws:iam::123456789012:policy/boundary
    max_session_duration:
      description: The maximum session duration of the role, in seconds.
      type: int
      returned: if the role exists
      sample: 3600
    tags:
      description: The tags of the role.
      type: dict
      returned: if the role exists
      sample: {eksops.irsa/managed: "true", team: analytics}
wide_trust:
  description:
    - The statements of the trust policy, also those of others, that allow subjects that they do not name, for example
      without a condition on C(sub), or that accept any audience while other statements limit it. Each is a warning too.
  returned: success
  type: list
  elements: str
  sample:
    - "statement 2 of the trust policy allows subjects that it does not name: limit
      oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub in it"
  version_added: 0.3.0
actions:
  description: The changes that the module made, or would make in check mode, in order.
  returned: success
  type: list
  elements: str
  sample:
    - create role reports for analytics/reports
    - attach policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess to role reports
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.checks import describe_wide_trust
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import role as role_module

ARGUMENTS: dict[str, t.Any] = {**argument_specs.IRSA_ROLE, **argument_specs.ROLE}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, mutually_exclusive=[("cluster_name", "issuer")]
    )

    def manage_role() -> dict[str, t.Any]:
        spec = RoleSpec.from_params(module.params, _runner.load_yaml)
        aws = Aws(module)
        plan, answers = _runner.converge(module, lambda: role_module.plan(aws, spec), role_module.operations(aws))
        role = role_module.final_state(plan, answers)
        return _runner.result(module, plan, role=role, wide_trust=describe_wide_trust(role.get("trust_policy") or {}))

    _runner.run(module, manage_role)


if __name__ == "__main__":
    main()
