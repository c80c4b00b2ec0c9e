# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_policy
short_description: Render the trust policy of a role for service accounts
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Renders the trust policy that M(eksops.irsa.irsa_role) creates for Kubernetes service accounts, for a review or for
    another tool that creates the role. The filter makes no API calls.
  - M(eksops.irsa.irsa_role) merges these statements into the trust policy of an existing role. To see the merged trust
    policy, run the module in check mode.
positional: _input
options:
  _input:
    description:
      - The service accounts, each with C(namespace) and C(name), as in
        O(eksops.irsa.irsa_role#module:service_accounts), or with C(namespace) and C(service_account), as in
        O(eksops.irsa.irsa#role:main:irsa_bindings). A single service account does not have to be in a list.
      - With an empty list, the trust policy trusts nobody.
    type: list
    elements: dict
    required: true
  provider_arn:
    description:
      - The ARN of the OIDC provider of the cluster in the AWS account of the role, as M(eksops.irsa.eks_oidc_info)
        returns it.
      - Exactly one of O(provider_arn) and O(issuer) is required.
    type: str
  issuer:
    description: The OIDC issuer of the cluster, with or without C(https://). Requires O(account_id).
    type: str
  account_id:
    description: The ID of the AWS account of the role. Used with O(issuer).
    type: str
  partition:
    description: The AWS partition of the role. Used with O(issuer).
    type: str
    default: aws
  audiences:
    description:
      - The audiences that the trust policy accepts. The token of a service account must have one of them.
      - With an empty list, the trust policy has no condition on the audience.
      - The default is C(audiences) of each binding, or its C(audience), or V(sts.amazonaws.com).
    type: list
    elements: str
  allow_wildcards:
    description: Whether the service accounts may contain the wildcards C(*) for any text and C(?) for any character.
    type: bool
    default: false
seealso:
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.eks_oidc_info
"""

EXAMPLES = r"""
- name: Show the trust policy of a role for two service accounts
  ansible.builtin.debug:
    msg: "{{ accounts | eksops.irsa.trust_policy(issuer=issuer, account_id='123456789012') }}"
  vars:
    issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF
    accounts:
      - {namespace: shop, name: cart}
      - {namespace: shop, name: orders}

- name: Read the cluster's provider
  eksops.irsa.eks_oidc_info:
    cluster_name: production
  register: production

- name: Show the trust policy of each binding
  ansible.builtin.debug:
    msg: "{{ item | eksops.irsa.trust_policy(provider_arn=production.oidc.provider_arn) }}"
  loop: "{{ irsa_bindings | default([]) }}"
  loop_control:
    label: "{{ item.namespace }}/{{ item.service_account }}"
"""

RETURN = r"""
_value:
  description: The policy document. V(to_nice_json) renders it as text.
  type: dict
  sample:
    Version: "2012-10-17"
    Statement:
      - Effect: Allow
        Principal:
          Federated: arn:aws:iam::123456789012:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF
        Action: sts:AssumeRoleWithWebIdentity
        Condition:
          StringEquals:
            oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:sub: system:serviceaccount:shop:cart
            oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF:aud: sts.amazonaws.com
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust.preview import preview


def trust_policy(
    value: t.Any,
    provider_arn: str | None = None,
    issuer: str | None = None,
    account_id: str | None = None,
    partition: str = "aws",
    audiences: t.Sequence[str] | None = None,
    allow_wildcards: bool = False,
) -> dict[str, t.Any]:
    """:raises AnsibleFilterError: the service accounts or the options are not valid."""
    try:
        return preview(
            value,
            provider_arn=provider_arn,
            issuer=issuer,
            account_id=account_id,
            partition=partition,
            audiences=audiences,
            allow_wildcards=allow_wildcards,
        )
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Provides the filter ``eksops.irsa.trust_policy``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trust_policy": trust_policy}
