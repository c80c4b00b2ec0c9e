# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: bindings_by_role
short_description: Group IRSA bindings by IAM role
version_added: 0.1.0
author:
  - eksops contributors (@eksops)
description:
  - Groups a list of bindings, such as O(eksops.irsa.irsa#role:main:irsa_bindings), by IAM role. Returns each role with
    all of its service accounts.
  - A task can then write each role once for all of its bindings. Several tasks for the same role would overwrite each
    other.
positional: _input
options:
  _input:
    description: The bindings.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: eksops.irsa.irsa
    plugin_type: role
"""

EXAMPLES = r"""
- name: Write each role once
  eksops.irsa.irsa_role:
    name: "{{ item.name }}"
    cluster_name: production
    service_accounts: "{{ item.service_accounts }}"
    managed_policies: "{{ item.managed_policies | default(omit) }}"
  loop: "{{ irsa_bindings | eksops.irsa.bindings_by_role }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
_value:
  description:
    - A dictionary for each role, with C(name), C(service_accounts), C(audiences) and the options of
      M(eksops.irsa.irsa_role) that the bindings set.
    - Lists and dictionaries of bindings that share a role are merged. All other options must have the same value in
      each binding that sets them.
    - C(well_known_policies) are returned unchanged.
  type: list
  elements: dict
  sample:
    - name: app
      service_accounts: [{namespace: shop, name: cart}, {namespace: shop, name: orders}]
      audiences: [sts.amazonaws.com]
      managed_policies: [AmazonS3ReadOnlyAccess]
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import grouping
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def bindings_by_role(value: t.Any) -> list[dict[str, t.Any]]:
    """:raises AnsibleFilterError: the bindings are not a list of dictionaries, or contradict each other."""
    if not isinstance(value, list) or not all(isinstance(binding, dict) for binding in value):
        raise AnsibleFilterError("bindings_by_role: the input is not a list of dictionaries")
    try:
        return grouping.group_by_role(value)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Provides the filter ``eksops.irsa.bindings_by_role``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"bindings_by_role": bindings_by_role}
