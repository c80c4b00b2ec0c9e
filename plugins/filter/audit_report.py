# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: audit_report
short_description: Render results of irsa_audit as a report
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Renders the registered result of a task with M(eksops.irsa.irsa_audit) as a report.
  - A table begins with the cluster and the numbers of its service accounts, roles, pods and findings. It then lists the
    causes, each with the number of its findings, the worst first. Below, it shows the first findings with message and
    fix, and what could not be read.
  - A Markdown page has a section for each cause, with the first ten findings of the result. It has the form of the file
    O(eksops.irsa.irsa_audit#module:reports.markdown), which has all findings. Texts are escaped, so that nothing in a
    name or a policy becomes markup.
  - Invisible characters, and characters that change the direction of writing, are shown as escapes.
positional: _input
options:
  _input:
    description:
      - A result of M(eksops.irsa.irsa_audit), the result of a loop over it, or a list of results. Each result has its
        own part of the report, with the name of its cluster.
      - Results of skipped items are omitted. If the module failed before it could audit the cluster, the report shows
        the error.
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
      - Names and ARNs are never broken, so that they can be copied. Lines with a long name and the line of counts can
        be wider.
    type: int
    default: 100
  findings:
    description:
      - The maximum number of findings of each cluster that a table shows in full. The number of the others follows.
      - V(0) shows none.
    type: int
    default: 20
seealso:
  - module: eksops.irsa.irsa_audit
  - plugin: eksops.irsa.findings_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Audit a cluster
  eksops.irsa.irsa_audit:
    cluster_name: production
    fail_on: never
  register: audit

- name: Show the findings
  ansible.builtin.debug:
    msg: "{{ (audit | eksops.irsa.audit_report(width=80, findings=5)).splitlines() }}"

- name: Write the findings as a comment for a pull request
  ansible.builtin.copy:
    content: "{{ audit | eksops.irsa.audit_report(format='markdown') }}"
    dest: comment.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The report, its lines separated by line feeds. Markdown ends with a line feed, a table does not.
  type: str
  sample: |-
    cluster production (111122223333, eu-west-1, Kubernetes 1.33)
    3 service accounts: 1 broken, 2 ok; 2 roles: 1 with warnings, 1 ok; 5 pods: 2 stale; 2 findings: 1 error, 1 warning

    SEVERITY  LINK  ID                       COUNT  TITLE
    error     pods  pod-predates-annotation      1  The pods are older than the annotation
    warning   role  role-unused                  1  The role has not been used for a long time

    SEVERITY  LINK  ID                       AFFECTS
    error     pods  pod-predates-annotation  shop/cart
      container app of Deployment shop/cart (pods cart-5d4f-x2x1, cart-5d4f-9k2c) has neither
        AWS_ROLE_ARN nor AWS_WEB_IDENTITY_TOKEN_FILE
      fix: replace the pods with eksops.irsa.pod_rollout (namespace: shop, service_account: cart)

    1 more

    skipped checks:
      The add-ons of the cluster: the permission eks:ListAddons is missing.
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.audit.reports import results, table
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _report_options


def audit_report(
    value: t.Any,
    format: str = "table",  # noqa: A002 - the name of the option
    width: int = 100,
    findings: int = 20,
) -> str:
    """:raises AnsibleFilterError: the value is not a result of the module, or an option is not valid."""
    try:
        _report_options.check(report_format=format, width=width, findings=findings)
        audits = results.read_results(value)
        if format == "markdown":
            return results.render_markdown(audits)
        return table.render(audits, width, findings)
    except InvalidInput as error:
        raise AnsibleFilterError(f"audit_report: {error}") from error


class FilterModule:
    """Provides the filter ``eksops.irsa.audit_report``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"audit_report": audit_report}
