#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: irsa_role
short_description: Manage an IAM role that Kubernetes service accounts act as
version_added: 0.1.0
description:
  - Makes, changes and removes an IAM role that trusts service accounts of an EKS cluster by the cluster's OIDC
    provider, which is the second link of the chain that gives Kubernetes service accounts an IAM role (IRSA).
  - A role may be shared. Of its trust policy the module writes only the plain statements of the one provider that
    O(cluster_name) or O(issuer) names, and keeps everybody else's as they are. Plain is a statement that allows
    C(sts:AssumeRoleWithWebIdentity) to that provider alone, on no other conditions than C(StringEquals) or
    C(StringLike) on the provider's C(sub) and C(aud), whoever wrote it.
  - A statement of that provider with further conditions, principals or actions is somebody's own. It is kept, a warning
    tells of it, and service accounts that it names are not granted the role a second time, since beside a plain
    statement its conditions would mean nothing. O(trust=replace) does away with it.
  - Statements are compared by what they mean, so their order, a list of one value against the value, the case of
    actions or an account's id against its root ARN make no change.
  - Everything that can be checked is checked before the first call, the rest before the first write.
extends_documentation_fragment:
  - eksops.irsa.options.role
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
  - eksops.irsa.attributes
attributes:
  action:
    description: Has an action plugin of the same name, which runs on the controller.
    support: full
    details:
      - It looks O(well_known_policies) up and runs the module.
options:
  state:
    description:
      - With V(present) the role is made, or changed in what the options name.
      - With V(absent) and neither O(cluster_name) nor O(issuer), the role is deleted with its policies. It must carry
        the tag C(eksops.irsa/managed=true), which the module puts on every role that it makes.
      - With V(absent) and a cluster, only the plain statements of that cluster's provider are taken out of the trust
        policy, or the O(service_accounts) alone if they are given. A role with the tag is deleted once no statement is
        left that allows anybody anything; so taking one of two clusters away leaves the role to the other. A role
        without the tag stays, if need be with a statement that says that it trusts nobody.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The role's name, without its path.
      - IAM keeps names unique without regard to case.
    type: str
    required: true
  service_accounts:
    description:
      - The service accounts that may act as the role.
      - Needed to make a role. An empty list makes, or leaves, a role that trusts no service account of the cluster.
    type: list
    elements: dict
    suboptions:
      namespace:
        description: The account's namespace, or a pattern with O(allow_wildcards).
        type: str
        required: true
      name:
        description: The account's name, or a pattern with O(allow_wildcards).
        type: str
        required: true
  allow_wildcards:
    description:
      - Whether C(*) and C(?) may stand in O(service_accounts) for any text and for any character.
      - Such accounts get a statement of their own with C(StringLike).
    type: bool
    default: false
  cluster_name:
    description:
      - Name of the EKS cluster whose service accounts are meant. Its issuer is read from EKS.
      - Needed with O(service_accounts), unless O(issuer) is given.
    type: str
  issuer:
    description:
      - The OIDC issuer of the service accounts, with or without C(https://), in place of O(cluster_name). EKS is not
        asked then, so it also serves for a cluster in another account or one that is gone.
      - The provider that the role trusts is that of this issuer in the role's own account.
    type: str
  audiences:
    description:
      - What the service accounts' tokens must be issued for, any one of them.
      - An empty list leaves the condition on the audience out.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  force:
    description: With O(state=absent), delete the role whoever made it and whomever else it trusts.
    type: bool
    default: false
notes:
  - The calling identity needs C(iam:GetRole), and for what the options ask for C(iam:CreateRole),
    C(iam:UpdateAssumeRolePolicy), C(iam:UpdateRole), C(iam:TagRole) and so forth; an error names the action that is
    missing. C(iam:ListAttachedRolePolicies), C(iam:ListRolePolicies) and C(iam:GetRolePolicy) may be missing where the
    options don't speak of policies. C(eks:DescribeCluster) is needed with O(cluster_name),
    C(sts:GetCallerIdentity) never needs to be allowed.
  - C(iam:GetAccountSummary) is called only when a trust policy is longer than 2048 characters or a role has more than
    ten managed policies, to learn whether the account's quota was raised.
  - IAM has no version check on a trust policy. It is read again just before and half a second after it is written, and
    written again if another writer came in between, so that runs at the same time come to agree. It is still better to
    have one writer of a role at a time.
  - A change takes some seconds to reach all of AWS.
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.eks_oidc_info
  - module: eksops.irsa.iam_oidc_provider
  - module: eksops.irsa.sa_annotate
  - module: amazon.aws.iam_role
  - name: Assign IAM roles to Kubernetes service accounts
    description: What AWS says of it.
    link: https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
"""

EXAMPLES = r"""
- name: A role for one service account, with a policy of AWS and one of its own
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

- name: A role for external-dns, which may write into one zone, and for Cluster Autoscaler
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

- name: Let the same accounts of a second cluster use it too
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: staging
    region: eu-west-1
    service_accounts:
      - namespace: analytics
        name: reports

- name: All accounts of the review namespaces, added to what is there
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: staging
    region: eu-west-1
    service_accounts:
      - namespace: review-*
        name: reports
    allow_wildcards: true
    purge_service_accounts: false

- name: Take the second cluster away again
  eksops.irsa.irsa_role:
    name: reports
    cluster_name: staging
    region: eu-west-1
    state: absent

- name: Remove the role
  eksops.irsa.irsa_role:
    name: reports
    region: eu-west-1
    state: absent
"""

RETURN = r"""
role:
  description:
    - The role as it is in the end, or as it would be in check mode.
    - Empty if there is no role in the end.
  returned: success
  type: dict
  contains:
    arn:
      description: Its ARN.
      type: str
      returned: if the role exists
      sample: arn:aws:iam::123456789012:role/reports
    name:
      description: Its name.
      type: str
      returned: if the role exists
      sample: reports
    path:
      description: Its path.
      type: str
      returned: if the role exists
      sample: /
    role_id:
      description: Its unique id. It is null in check mode if the role is still to be made.
      type: str
      returned: if the role exists
      sample: AROAABCDEFGHIJKLMNOPQ
    description:
      description: Its description, empty if it has none.
      type: str
      returned: if the role exists
      sample: ""
    trust_policy:
      description: Its trust policy.
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
        - The ARNs of its managed policies, sorted.
        - It is null if O(managed_policies) is left out and the caller isn't allowed to list them.
      type: list
      elements: str
      returned: if the role exists
      sample: [arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess]
    inline_policies:
      description:
        - Its inline policies, documents by name.
        - It is null if O(inline_policies) is left out and the caller isn't allowed to read them.
      type: dict
      returned: if the role exists
      sample: {}
    permissions_boundary:
      description: The ARN of its permissions boundary, null if it has none.
      type: str
      returned: if the role exists
      sample: arn:aws:iam::123456789012:policy/boundary
    max_session_duration:
      description: How long its sessions last at most, in seconds.
      type: int
      returned: if the role exists
      sample: 3600
    tags:
      description: Its tags.
      type: dict
      returned: if the role exists
      sample: {eksops.irsa/managed: "true", team: analytics}
actions:
  description: What was written, or would be in check mode, in words and in order.
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
from ansible_collections.eksops.irsa.plugins.module_utils._core import options
from ansible_collections.eksops.irsa.plugins.module_utils._core.role.spec import RoleSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import role as role_module

ARGUMENTS: dict[str, t.Any] = {**options.IRSA_ROLE, **options.ROLE}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS, supports_check_mode=True, mutually_exclusive=[("cluster_name", "issuer")]
    )

    def body() -> dict[str, t.Any]:
        spec = RoleSpec.from_params(module.params, _runner.load_yaml)
        aws = Aws(module)
        client = aws.client("iam")
        plan, answers = _runner.converge(module, lambda: role_module.plan(aws, spec), role_module.operations(client))
        return _runner.result(module, plan, role=role_module.final_state(plan, answers))

    _runner.run(module, body)


if __name__ == "__main__":
    main()
