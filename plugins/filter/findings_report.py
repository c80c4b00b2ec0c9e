# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: findings_report
short_description: Render results of irsa_verify as a report
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Renders the registered result of a task with M(eksops.irsa.irsa_verify) as a report.
  - A table has a line for each finding, with severity, link, ID and service account. Message and fix follow, wrapped to
    the width. Links that could not be checked have a line too. Service accounts that are ok have a line if there are at
    most 10 of them. The last line counts the service accounts.
  - A Markdown page begins with a table of all findings. For each service account, it then has the state of the links,
    and each finding with evidence, expected value, found value and fix. Texts are escaped, so that nothing in a name or
    a policy becomes markup.
positional: _input
options:
  _input:
    description:
      - A result of M(eksops.irsa.irsa_verify), the result of a loop over it, or a list of results.
      - Results of skipped items are omitted. If the module failed before it could verify the service account, the
        report shows the error.
    type: raw
    required: true
  format:
    description: The format of the report, V(table) for a terminal, V(markdown) for a job artifact or a pull request.
    type: str
    choices: [table, markdown]
    default: table
  width:
    description:
      - The width of a table in characters, 40 or more. Markdown is not wrapped.
      - Names and ARNs are never broken, so that they can be copied. Lines with a long name can be wider.
    type: int
    default: 100
  title:
    description: The heading of a Markdown page. A table has no heading.
    type: str
    default: IRSA verification
seealso:
  - module: eksops.irsa.irsa_verify
"""

EXAMPLES = r"""
- name: Verify two service accounts
  eksops.irsa.irsa_verify:
    cluster_name: production
    namespace: shop
    service_account: "{{ item }}"
    fail_on: never
  loop: [cart, orders]
  register: verification

- name: Show the findings
  ansible.builtin.debug:
    msg: "{{ (verification | eksops.irsa.findings_report(width=80)).splitlines() }}"

- name: Write the findings to a file
  ansible.builtin.copy:
    content: "{{ verification | eksops.irsa.findings_report(format='markdown', title='IRSA in production') }}"
    dest: irsa.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The report, its lines separated by line feeds. Markdown ends with a line feed, a table does not.
  type: str
  sample: |-
    SEVERITY  LINK  ID            SERVICE ACCOUNT
    error     role  sub-mismatch  shop/cart
      statement 1 of the trust policy of role shop-cart trusts
        system:serviceaccount:default:cart, but not system:serviceaccount:shop:cart
        (namespace differs)
      fix: add the service account with eksops.irsa.irsa_role (name: shop-cart,
        cluster_name: production, service_accounts: [{namespace: shop, name: cart}],
        purge_service_accounts: false)
    ok        -     -             shop/orders
      assumed arn:aws:sts::111122223333:assumed-role/shop-orders/irsa-verify.shop.orders

    2 service accounts: 1 broken, 1 ok
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.diagnosis import report
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _report_options


def findings_report(
    value: t.Any,
    format: str = "table",  # noqa: A002 - the name of the option
    width: int = 100,
    title: str = "IRSA verification",
) -> str:
    """:raises AnsibleFilterError: the value is not a result of the module, or an option is not valid."""
    try:
        _report_options.check(report_format=format, width=width, title=title)
        verifications = report.verifications(value)
        if format == "markdown":
            return report.markdown(verifications, title)
        return report.table(verifications, width)
    except InvalidInput as error:
        raise AnsibleFilterError(f"findings_report: {error}") from error


class FilterModule:
    """Provides the filter ``eksops.irsa.findings_report``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"findings_report": findings_report}
