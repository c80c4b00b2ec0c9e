#!/usr/bin/python
# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: eks_oidc_info
short_description: Read the OIDC issuer of an EKS cluster and its IAM OIDC provider
version_added: 0.1.0
description:
  - Reads the OpenID Connect (OIDC) issuer of an EKS cluster and the IAM OIDC provider for it. The provider is the first
    link of the chain that gives Kubernetes service accounts an IAM role (IRSA).
  - The module returns the issuer exactly as AWS does. It makes no connection to the issuer.
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - eksops.irsa.attributes
  - eksops.irsa.attributes.info
attributes:
  check_mode: {}
options:
  cluster_name:
    description: The name of the EKS cluster.
    type: str
    required: true
    aliases: [name]
author:
  - eksops contributors (@eksops)
seealso:
  - module: eksops.irsa.iam_oidc_provider
  - module: eksops.irsa.irsa_role
  - name: IAM roles for service accounts
    description: The AWS documentation.
    link: https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html
"""

EXAMPLES = r"""
- name: Read the issuer of a cluster
  eksops.irsa.eks_oidc_info:
    cluster_name: production
    region: eu-west-1
  register: cluster

- name: Fail if the OIDC provider does not exist in IAM
  ansible.builtin.assert:
    that: cluster.oidc.provider_exists
    fail_msg: "Create the provider {{ cluster.oidc.provider_arn }} first."
"""

RETURN = r"""
cluster:
  description: The EKS cluster.
  returned: success
  type: dict
  contains:
    name:
      description: The name of the cluster.
      type: str
      returned: success
      sample: production
    arn:
      description: The ARN of the cluster.
      type: str
      returned: success
      sample: arn:aws:eks:eu-west-1:123456789012:cluster/production
    status:
      description: The status of the cluster, as EKS returns it.
      type: str
      returned: success
      sample: ACTIVE
    version:
      description: The Kubernetes version of the cluster.
      type: str
      returned: success
      sample: "1.34"
    endpoint:
      description: The URL of the API server.
      type: str
      returned: success
      sample: https://0123456789ABCDEF0123456789ABCDEF.gr7.eu-west-1.eks.amazonaws.com
    certificate_authority:
      description: The certificate authority of the API server, in PEM format, base64 encoded.
      type: str
      returned: success
      sample: LS0tLS1CRUdJTi...
    account_id:
      description: The ID of the AWS account that the cluster belongs to.
      type: str
      returned: success
      sample: "123456789012"
    partition:
      description: The AWS partition of the cluster.
      type: str
      returned: success
      sample: aws
    region:
      description: The AWS region of the cluster.
      type: str
      returned: success
      sample: eu-west-1
oidc:
  description: The OIDC issuer of the cluster and the IAM OIDC provider for it in the cluster's AWS account.
  returned: success
  type: dict
  contains:
    issuer:
      description: The URL of the issuer, exactly as AWS returns it.
      type: str
      returned: success
      sample: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    provider:
      description: The issuer without C(https://), as trust policies name it.
      type: str
      returned: success
      sample: oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    provider_arn:
      description: The ARN of the IAM OIDC provider, whether or not it exists.
      type: str
      returned: success
      sample: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
    provider_exists:
      description: Whether the provider exists in IAM.
      type: bool
      returned: success
      sample: true
    client_ids:
      description: The audiences that the provider accepts.
      type: list
      elements: str
      returned: success
      sample: [sts.amazonaws.com]
    thumbprints:
      description: The certificate thumbprints of the provider, in lower-case hexadecimal.
      type: list
      elements: str
      returned: success
      sample: [9e99a48a9960b14926bb7f3b02e22da2b0ab7280]
    tags:
      description: The tags of the provider.
      type: dict
      returned: success
      sample: {team: platform}
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.eksops.irsa.plugins.module_utils import _runner
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws import iam
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.session import Aws
from ansible_collections.eksops.irsa.plugins.module_utils._core.provider.oidc_info import describe


def main() -> None:
    module = AnsibleAWSModule(
        argument_spec={"cluster_name": {"type": "str", "required": True, "aliases": ["name"]}},
        supports_check_mode=True,
    )

    def read() -> dict[str, object]:
        aws = Aws(module)
        cluster = aws.describe(module.params["cluster_name"])
        arn = cluster.require_provider_arn()
        provider = iam.find_oidc_provider(aws.client("iam"), arn=arn)
        return {"changed": False, **describe(cluster, provider)}

    _runner.run(module, read)


if __name__ == "__main__":
    main()
