# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: trust_policy
short_description: Render the trust policy by which a role trusts service accounts
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Takes Kubernetes service accounts and returns the trust policy that M(eksops.irsa.irsa_role) gives a new role for
    them, for a review or for a tool that makes the role. Nothing is asked of AWS.
  - Into a role that is there already, M(eksops.irsa.irsa_role) merges these statements. What becomes of that role's
    policy, its check mode shows.
positional: _input
options:
  _input:
    description:
      - The service accounts, each with C(namespace) and C(name), as O(eksops.irsa.irsa_role#module:service_accounts)
        has them, or with C(namespace) and C(service_account), as O(eksops.irsa.irsa#role:main:irsa_bindings) has them.
        One alone needs no list.
      - For no accounts the policy trusts nobody.
    type: list
    elements: dict
    required: true
  provider_arn:
    description:
      - ARN of the cluster's OIDC provider in the role's AWS account, as M(eksops.irsa.eks_oidc_info) returns it.
      - Exactly one of O(provider_arn) and O(issuer) is needed.
    type: str
  issuer:
    description: The cluster's OIDC issuer, with or without C(https://). It needs O(account_id).
    type: str
  account_id:
    description: The AWS account of the role, with O(issuer).
    type: str
  partition:
    description: The partition of that account, with O(issuer).
    type: str
    default: aws
  audiences:
    description:
      - What a token must be issued for, one of them. An empty list leaves the condition out.
      - By default it is what the bindings have as C(audience), and V(sts.amazonaws.com) for those that have none.
    type: list
    elements: str
  allow_wildcards:
    description: Whether C(*) and C(?) in the names stand for others.
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
    """:raises AnsibleFilterError: the accounts or the options can't be right."""
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
    """The filter ``eksops.irsa.trust_policy``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"trust_policy": trust_policy}
