# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: findings_markdown
short_description: Render what irsa_verify found as Markdown
version_added: 0.2.0
author:
  - eksops contributors (@eksops)
description:
  - Takes what a task with M(eksops.irsa.irsa_verify) registered and returns a page in Markdown, for a job's artifact or
    a comment on a pull request.
  - It begins with a table of all findings. Then each service account has the state of its links, and each finding with
    its evidence, the expected and the found value and the fix.
  - Texts are escaped, so that nothing in a name or a policy becomes markup.
positional: _input
options:
  _input:
    description:
      - A result of M(eksops.irsa.irsa_verify), the result of a loop over it, or a list of results.
      - Results of skipped items are left out. Of a module that failed before it could verify, the message is shown.
    type: raw
    required: true
  title:
    description: The page's heading.
    type: str
    default: IRSA verification
seealso:
  - module: eksops.irsa.irsa_verify
  - plugin: eksops.irsa.findings_table
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

- name: Keep what was found with the job
  ansible.builtin.copy:
    content: "{{ verified | eksops.irsa.findings_markdown(title='IRSA in production') }}"
    dest: irsa.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The page, ending with a line feed.
  type: str
  sample: |
    # IRSA in production

    2 service accounts: 1 broken, 1 ok.

    | severity | link | id | service account | message |
    | --- | --- | --- | --- | --- |
    | error | role | `role-missing` | shop/cart | there is no role arn:aws:iam::111122223333:role/shop-cart |
    | ok | - | - | shop/orders | acts as arn:aws:sts::111122223333:assumed-role/shop-orders/irsa-verify.shop.orders |

    ## shop/cart

    Links: provider ok, role **broken**, account ok, webhook ok, pods ok, sts **broken**.

    ### `role-missing`, error

    there is no role arn:aws:iam::111122223333:role/shop-cart

    - evidence: `iam:GetRole answers NoSuchEntity`
    - expected: `arn:aws:iam::111122223333:role/shop-cart`
    - fix: create it: eksops.irsa.irsa\_role with name: shop-cart

    ## shop/orders

    Links: provider ok, role ok, account ok, webhook ok, pods ok, sts ok.

    It acts as `arn:aws:sts::111122223333:assumed-role/shop-orders/irsa-verify.shop.orders`.
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import report
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def findings_markdown(value: t.Any, title: str = "IRSA verification") -> str:
    """:raises AnsibleFilterError: it is no result of the module, or the title is no text."""
    if not isinstance(title, str):
        raise AnsibleFilterError("findings_markdown takes its title as text")
    try:
        return report.markdown(report.verifications(value), title)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter ``eksops.irsa.findings_markdown``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"findings_markdown": findings_markdown}
