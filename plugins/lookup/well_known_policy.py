# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: well_known_policy
short_description: Return a well-known policy with its parameters filled in
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Returns the policy document that O(eksops.irsa.irsa_role#module:well_known_policies) writes, for a review or for
    another tool. The lookup makes no API calls.
  - The R(guide to policies,ansible_collections.eksops.irsa.docsite.guide_policies) lists the policies and their
    parameters.
options:
  _terms:
    description: The names of the policies, such as V(external_dns).
    type: list
    elements: str
    required: true
  partition:
    description: The AWS partition of the role.
    type: str
    default: aws
  account_id:
    description: The ID of the AWS account of the role. Required only if the policy uses it.
    type: str
  region:
    description: The AWS region of the cluster. Required only if the policy uses it.
    type: str
  cluster_name:
    description: The name of the cluster. Required only if the policy uses it.
    type: str
notes:
  - All other keywords are parameters of the policy.
seealso:
  - module: eksops.irsa.irsa_role
  - module: eksops.irsa.irsa_bindings
"""

EXAMPLES = r"""
- name: Show the policy of external-dns for one hosted zone
  ansible.builtin.debug:
    msg: "{{ lookup('eksops.irsa.well_known_policy', 'external_dns', zones=['Z0123456789ABCDEFGHIJ']) }}"

- name: Show the policy of Cluster Autoscaler for a cluster in China
  ansible.builtin.debug:
    msg: "{{ lookup('eksops.irsa.well_known_policy', 'cluster_autoscaler', **cluster) | to_nice_json }}"
  vars:
    cluster:
      cluster_name: production
      partition: aws-cn
      region: cn-north-1
      account_id: "123456789012"
"""

RETURN = r"""
_raw:
  description: The policy document for each name.
  type: list
  elements: dict
  sample:
    - Version: "2012-10-17"
      Statement:
        - Sid: IssueCertificates
          Effect: Allow
          Action:
            - acm-pca:DescribeCertificateAuthority
            - acm-pca:GetCertificate
            - acm-pca:IssueCertificate
          Resource: arn:aws:acm-pca:eu-west-1:123456789012:certificate-authority/12345678-1234-1234-1234-123456789012
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.module_utils._core.policy.templates import Facts
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve

_FACTS = ("partition", "account_id", "region", "cluster_name")


class LookupModule(LookupBase):
    """Provides the lookup ``eksops.irsa.well_known_policy``."""

    def run(
        self, terms: t.Sequence[str], variables: t.Mapping[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        """:raises AnsibleLookupError: a name or a parameter is not valid, or a needed fact is unknown."""
        parameters = {key: value for key, value in kwargs.items() if key not in _FACTS}
        self.set_options(var_options=variables, direct={key: kwargs[key] for key in _FACTS if key in kwargs})
        facts = Facts(**{name: self.get_option(name) for name in _FACTS})
        try:
            return [resolve.make_template(name, parameters).document(facts) for name in terms]
        except InvalidInput as error:
            raise AnsibleLookupError(str(error)) from error
