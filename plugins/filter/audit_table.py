# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_table
short_description: Render what irsa_audit found as a table for the terminal
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Takes what a task with M(eksops.irsa.irsa_audit) registered and returns a table.
  - First comes the cluster, and how many service accounts, roles, pods and findings it has. Then each kind of finding
    has a line, the worst first, with how many there are of it. Then the first findings are told in full, with what is
    wrong and what to do about it, wrapped to the width. What could not be read comes last.
  - Characters that can't be seen, or that turn the direction of writing, are shown as escapes, by their number.
positional: _input
options:
  _input:
    description:
      - A result of M(eksops.irsa.irsa_audit), the result of a loop over it, or a list of results. Each has a part of
        its own, with its cluster's name above it.
      - Results of skipped items are left out. Of a module that failed before it could look at the cluster, the message
        is shown.
    type: raw
    required: true
  width:
    description:
      - The table's width in characters, 40 at least.
      - Names and ARNs are never broken, so that they can be copied. A line with a long one may be wider, and so may the
        line of counts.
    type: int
    default: 100
  findings:
    description:
      - How many findings of each cluster are told in full. How many more there are is said below them.
      - V(0) leaves them out.
    type: int
    default: 20
seealso:
  - module: eksops.irsa.irsa_audit
  - plugin: eksops.irsa.findings_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit a cluster
  eksops.irsa.irsa_audit:
    cluster_name: production
    fail_on: never
  register: audited

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ (audited | eksops.irsa.audit_table(width=80, findings=5)).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The table, its lines separated by line feeds.
  type: str
  sample: |-
    cluster production (111122223333, eu-west-1, Kubernetes 1.33)
    3 service accounts: 1 broken, 2 ok; 2 roles: 1 with warnings, 1 ok; 5 pods: 2 stale; 2 findings: 1 error, 1 warning

    SEVERITY  LINK  ID                       COUNT  TITLE
    error     pods  pod-predates-annotation      1  The pods are older than the annotation
    warning   role  role-unused                  1  A role has not been used for a long time

    SEVERITY  LINK  ID                       CONCERNS
    error     pods  pod-predates-annotation  shop/cart
      container app of Deployment shop/cart (pods cart-5d4f-x2x1, cart-5d4f-9k2c) has neither
        AWS_ROLE_ARN nor AWS_WEB_IDENTITY_TOKEN_FILE
      fix: replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: cart)

    1 more

    not read:
      The add-ons of the cluster: the permission eks:ListAddons is missing.
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports import table as core
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def audit_table(value: t.Any, width: int = 100, findings: int = 20) -> str:
    """:raises AnsibleFilterError: it is no result of the module, or a number is none."""
    for name, number in (("width", width), ("findings", findings)):
        if isinstance(number, bool) or not isinstance(number, int):
            raise AnsibleFilterError(f"audit_table takes {name} as a number")
    try:
        return core.table(core.audits(value), width, findings)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter ``eksops.irsa.audit_table``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"audit_table": audit_table}
