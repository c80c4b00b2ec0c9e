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
  - Creates, updates and deletes the IAM OpenID Connect (OIDC) provider for the issuer of an EKS cluster. IAM roles can
    trust the service accounts of the cluster (IRSA) only if this provider exists.
  - The module manages the provider in the AWS account of the credentials. With O(cluster_name), this is the AWS
    account of the cluster.
  - The module makes no connection to the issuer. It works the same for private clusters.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.tags
  - eksops.irsa.attributes
attributes:
  check_mode:
    details:
      - If the provider would be created, RV(provider.thumbprints) is null unless O(thumbprints) is set.
options:
  state:
    description:
      - V(present) creates the provider, or updates what the other options set.
      - V(absent) deletes the provider.
    type: str
    choices: [present, absent]
    default: present
  cluster_name:
    description:
      - The name of the EKS cluster. The module reads the issuer from EKS.
      - Exactly one of O(cluster_name) and O(url) is required.
    type: str
  url:
    description:
      - The URL of the issuer, exactly as in the claim C(iss) of the tokens. Case and a trailing slash are significant.
      - Use this option to delete the provider of a cluster that no longer exists.
    type: str
    aliases: [issuer]
  client_ids:
    description: The audiences that the provider accepts.
    type: list
    elements: str
    default: [sts.amazonaws.com]
  purge_client_ids:
    description: Whether to remove audiences that are not in O(client_ids).
    type: bool
    default: false
  thumbprints:
    description:
      - The SHA-1 digests of the CA certificates that may sign the issuer's TLS certificate, 1 to 5 values of 40
        hexadecimal digits. They replace the existing thumbprints.
      - If not set, AWS chooses the thumbprints. AWS trusts the certificate authorities of EKS whatever the thumbprints
        are.
    type: list
    elements: str
  force:
    description:
      - Whether to delete the provider even if roles still trust it.
      - If V(true), the permission C(iam:ListRoles) is not needed.
    type: bool
    default: false
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.eks_oidc_info
  - module: eksops.irsa.irsa_role
  - name: Create an IAM OIDC provider for your cluster
    description: The AWS documentation.
    link: https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
"""

EXAMPLES = r"""
- name: Create the OIDC provider of a cluster
  eksops.irsa.iam_oidc_provider:
    cluster_name: production
    region: eu-west-1
    tags:
      cluster: production

- name: Add an audience
  eksops.irsa.iam_oidc_provider:
    cluster_name: production
    region: eu-west-1
    client_ids:
      - sts.amazonaws.com
      - vault.example.com

- name: Delete the provider of a deleted cluster, unless a role still trusts it
  eksops.irsa.iam_oidc_provider:
    url: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    region: eu-west-1
    state: absent
"""

RETURN = r"""
provider:
  description: The provider after the task. Empty if it does not exist.
  returned: success
  type: dict
  contains:
    arn:
      description: The ARN of the provider.
      type: str
      returned: if the provider exists
      sample: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    url:
      description: The URL of the issuer.
      type: str
      returned: if the provider exists
      sample: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    client_ids:
      description: The audiences that the provider accepts, sorted.
      type: list
      elements: str
      returned: if the provider exists
      sample: [sts.amazonaws.com]
    thumbprints:
      description:
        - The certificate thumbprints of the provider, in lower-case hexadecimal, sorted.
        - Null in check mode if AWS would choose them.
      type: list
      elements: str
      returned: if the provider exists
      sample: [9e99a48a9960b14926bb7f3b02e22da2b0ab7280]
    tags:
      description: The tags of the provider.
      type: dict
      returned: if the provider exists
      sample: {cluster: production}
actions:
  description: The changes that the module made, or would make in check mode.
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
from ansible_collections.eksops.irsa.plugins.module_utils._core import argument_specs
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
    **argument_specs.TAGS,
}


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec=ARGUMENTS,
        supports_check_mode=True,
        mutually_exclusive=[("cluster_name", "url")],
        required_one_of=[("cluster_name", "url")],
    )

    def manage_provider() -> dict[str, t.Any]:
        spec = ProviderSpec.from_params(module.params)
        aws = Aws(module)
        operations = provider_module.operations(aws)
        plan, answers = _runner.converge(module, lambda: provider_module.plan(aws, spec), operations)
        if answers:
            plan = provider_module.add_thumbprints(aws, plan)
        return _runner.result(module, plan, provider=dict(plan.after))

    _runner.run(module, manage_provider)


if __name__ == "__main__":
    main()
