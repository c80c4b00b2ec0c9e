# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_report
short_description: Render results of the playbook fleet as a report
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Renders the variable C(irsa_fleet), which the playbook C(eksops.irsa.fleet) sets, as a report. To report the slices
    of a job together, combine their dictionaries first.
  - A table has a line for each cluster, the worst first. If the cluster failed, its error follows, wrapped to the
    width. The last line counts clusters and bindings.
  - A Markdown page begins with a table of all clusters. The error of each failed cluster follows. Texts are escaped, so
    that nothing in a name or a message becomes markup.
positional: _input
options:
  _input:
    description:
      - A dictionary with an entry for each cluster. The keys are host names.
      - An entry has C(status), which is V(ok), V(changed), V(failed), V(empty) for a cluster without bindings or
        V(stopped) for a cluster that was not processed. If known, it also has C(account_id), C(region), C(counts)
        (C(total), C(ok), C(changed) and C(failed)), C(proofs), C(elapsed) in seconds and C(error).
    type: dict
    required: true
  format:
    description: The format of the report, V(table) for a terminal, V(markdown) for a job artifact or a pull request.
    type: str
    choices: [table, markdown]
    default: table
  width:
    description: The width of messages in a table in characters, 40 or more. The line of a cluster can be wider.
    type: int
    default: 100
  title:
    description: The heading of a Markdown page. A table has no heading.
    type: str
    default: IRSA in all clusters
seealso:
  - module: eksops.irsa.irsa_bindings
"""

EXAMPLES = r"""
- name: Show the results of two slices
  ansible.builtin.debug:
    msg: "{{ (irsa_fleet_17 | combine(irsa_fleet_18) | eksops.irsa.fleet_report).splitlines() }}"

- name: Write the results to a file
  ansible.builtin.copy:
    content: "{{ irsa_fleet | eksops.irsa.fleet_report(format='markdown', title='IRSA this week') }}"
    dest: fleet.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The report, its lines separated by line feeds. Markdown ends with a line feed, a table does not.
  type: str
  sample: |-
    STATUS   CLUSTER  ACCOUNT       REGION     BINDINGS  OK  CHANGED  FAILED  PROVEN  SECONDS
    failed   shop     111122223333  eu-west-1         2   1        0       1       1      0.4
      1 of 2 bindings failed. shop/cart: namespace shop does not exist. Cause: namespaces "shop" not found.
        Fix: check the namespace and the cluster, create it, or set create_namespace: true.
    changed  bank     444455556666  eu-west-1         2   1        1       0       2      0.6

    2 clusters: 1 failed, 1 changed; 4 bindings: 1 failed, 1 changed, 2 ok
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import fleet_summary
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _report_options


def fleet_report(
    value: t.Any,
    format: str = "table",  # noqa: A002 - the name of the option
    width: int = 100,
    title: str = "IRSA in all clusters",
) -> str:
    """:raises AnsibleFilterError: the value is not a summary of a fleet, or an option is not valid."""
    try:
        _report_options.check(report_format=format, width=width, title=title)
        results = fleet_summary.read_results(value)
        if format == "markdown":
            return fleet_summary.render_markdown(results, title)
        return fleet_summary.render_table(results, width)
    except InvalidInput as error:
        raise AnsibleFilterError(f"fleet_report: {error}") from error


class FilterModule:
    """Provides the filter ``eksops.irsa.fleet_report``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_report": fleet_report}
