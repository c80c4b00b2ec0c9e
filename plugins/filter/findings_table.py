# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: findings_table
short_description: Render what irsa_verify found as a table for the terminal
version_added: 0.2.0
author:
  - eksops contributors (@eksops)
description:
  - Takes what a task with M(eksops.irsa.irsa_verify) registered and returns a table of fixed width.
  - Each finding has a line with its severity, link, id and service account. What is wrong and what to do about it
    stands below, wrapped to the width.
  - Accounts without a finding have a line as well, and so have links that could not be looked at. The last line counts
    the accounts.
positional: _input
options:
  _input:
    description:
      - A result of M(eksops.irsa.irsa_verify), the result of a loop over it, or a list of results.
      - Results of skipped items are left out. Of a module that failed before it could verify, the message is shown.
    type: raw
    required: true
  width:
    description:
      - The table's width in characters, 40 at least.
      - Names and ARNs are never broken, so that they can be copied. A line with a long one may be wider.
    type: int
    default: 100
seealso:
  - module: eksops.irsa.irsa_verify
  - plugin: eksops.irsa.findings_markdown
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Verify two service accounts
  eksops.irsa.irsa_verify:
    cluster_name: production
    namespace: shop
    service_account: "{{ item }}"
    fail_on: never
  loop: [cart, orders]
  register: verified

- name: Show what was found
  ansible.builtin.debug:
    msg: "{{ (verified | eksops.irsa.findings_table(width=80)).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The table, its lines separated by line feeds.
  type: str
  sample: |-
    SEVERITY  LINK  ID            SERVICE ACCOUNT
    error     role  sub-mismatch  shop/cart
      statement 1 of the trust policy of role shop-cart: sub is
        system:serviceaccount:shop:cart, the policy wants
        system:serviceaccount:default:cart (namespace differs)
      fix: add the account to the role: eksops.irsa.irsa_role with name: shop-cart,
        cluster_name: production, service_accounts: [{namespace: shop, name: cart}],
        purge_service_accounts: false
    ok        -     -             shop/orders
      acts as arn:aws:sts::111122223333:assumed-role/shop-orders/irsa-verify.shop.orders

    2 service accounts: 1 broken, 1 ok
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import report
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def findings_table(value: t.Any, width: int = 100) -> str:
    """:raises AnsibleFilterError: it is no result of the module, or the width is none."""
    if isinstance(width, bool) or not isinstance(width, int):
        raise AnsibleFilterError("findings_table takes its width as a number")
    try:
        return report.table(report.verifications(value), width)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter ``eksops.irsa.findings_table``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"findings_table": findings_table}
