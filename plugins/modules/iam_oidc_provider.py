#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: iam_oidc_provider
short_description: Manage the IAM OIDC provider of an EKS cluster
version_added: 0.1.0
description:
  - Creates, repairs and removes the IAM OpenID Connect provider of an EKS cluster's issuer, without which no role can
    trust the cluster's service accounts (IRSA).
  - The provider is made in the account of the credentials. That is the cluster's own account where O(cluster_name) is
    used.
  - No connection to the issuer is ever made, so private clusters are no different.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - amazon.aws.tags
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - The C(thumbprints) of a provider that would be created are null, unless they are given.
options:
  state:
    description:
      - V(present) creates the provider, or changes what the other options name.
      - V(absent) deletes it.
    type: str
    choices: [present, absent]
    default: present
  cluster_name:
    description:
      - Name of the EKS cluster whose issuer it is.
      - Exactly one of O(cluster_name) and O(url) is needed.
    type: str
  url:
    description:
      - The issuer's URL, exactly as the claim C(iss) of the tokens has it. A slash at the end counts, and so does case.
      - Use it to remove the provider of a cluster that is gone.
    type: str
    aliases: [issuer]
  client_ids:
    description: The audiences that the provider accepts.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  purge_client_ids:
    description: Whether to remove audiences that O(client_ids) doesn't name.
    type: bool
    default: false
  thumbprints:
    description:
      - SHA-1 digests, in 40 hexadecimal digits, of certificate authorities that the provider's TLS certificate may come
        from, 1 to 5 of them. They replace the ones that are there.
      - Leave it out and AWS decides. It trusts the authorities of EKS whatever stands here.
    type: list
    elements: str
  force:
    description:
      - Whether to delete the provider even if roles still trust it.
      - With V(true) the permission C(iam:ListRoles) is not needed.
    type: bool
    default: false
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.eks_oidc_info
  - module: eksops.irsa.irsa_role
  - name: Create an IAM OIDC provider for your cluster
    description: What AWS says of it.
    link: https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
"""

EXAMPLES = r"""
- name: Let IAM know the issuer of a cluster
  eksops.irsa.iam_oidc_provider:
    cluster_name: production
    region: eu-west-1
    tags:
      cluster: production

- name: Accept another audience too
  eksops.irsa.iam_oidc_provider:
    cluster_name: production
    region: eu-west-1
    client_ids:
      - sts.amazonaws.com
      - vault.example.com

- name: Remove the provider of a cluster that is gone, if no role trusts it any more
  eksops.irsa.iam_oidc_provider:
    url: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    region: eu-west-1
    state: absent
"""

RETURN = r"""
provider:
  description: The provider as it is after the task. Empty if there is none.
  returned: success
  type: dict
  contains:
    arn:
      description: Its ARN.
      type: str
      returned: if there is one
      sample: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    url:
      description: The issuer's URL.
      type: str
      returned: if there is one
      sample: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    client_ids:
      description: The audiences that it accepts, sorted.
      type: list
      elements: str
      returned: if there is one
      sample: [sts.amazonaws.com]
    thumbprints:
      description:
        - Its certificate thumbprints in lower-case hexadecimal, sorted.
        - Null in check mode where AWS would choose them.
      type: list
      elements: str
      returned: if there is one
      sample: [9e99a48a9960b14926bb7f3b02e22da2b0ab7280]
    tags:
      description: Its tags.
      type: dict
      returned: if there is one
      sample: {cluster: production}
actions:
  description: What the task did, or would do in check mode, in words.
  returned: success
  type: list
  elements: str
  sample:
    - create OIDC provider arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
"""

import typing as t

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._core import options
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.plan import ProviderSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module import provider as provider_module

ARGUMENTS: dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "cluster_name": {"type": "str"},
    "url": {"type": "str", "aliases": ["issuer"]},
    "client_ids": {"type": "list", "elements": "str", "default": ["sts.amazonaws.com"]},
    "purge_client_ids": {"type": "bool", "default": False},
    "thumbprints": {"type": "list", "elements": "str"},
    "force": {"type": "bool", "default": False},
    **options.TAGS,
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("cluster_name", "url")],
        required_one_of=[("cluster_name", "url")],
    )

    def body() -> dict[str, t.Any]:
        spec = ProviderSpec.from_params(module.params)
        aws = Aws(module)
        operations = provider_module.operations(aws.client("iam"))
        plan, answers = _runner.converge(module, lambda: provider_module.plan(aws, spec), operations)
        if answers:
            plan = provider_module.add_thumbprints(aws, plan)
        return _runner.result(module, plan, provider=dict(plan.after))

    _runner.run(module, body)


if __name__ == "__main__":
    main()
