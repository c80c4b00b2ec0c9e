# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_report
short_description: Render the results of many clusters
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Takes C(irsa_fleet), which the playbook C(eksops.irsa.fleet) sets, and returns a report. Combine several such
    dictionaries, of the slices of a job for instance, before.
  - As a table, each cluster has a line, the worst first, with its error below, wrapped to the width. The last line
    counts clusters and bindings.
  - As Markdown, a table of all clusters comes first, then the error of each cluster. Texts are escaped, so that nothing
    in a name or a message becomes markup.
positional: _input
options:
  _input:
    description:
      - A dictionary with an entry for each cluster, by the name of its host.
      - An entry has C(status) (V(ok), V(changed), V(failed), V(empty) for a cluster without bindings or V(stopped) for
        one that was not started), and where it is known C(account_id), C(region), C(counts) (C(total), C(ok),
        C(changed) and C(failed)), C(proofs), C(elapsed) in seconds and C(error).
    type: dict
    required: true
  format:
    description: V(table) for a terminal, or V(markdown) for a job's artifact or a comment on a pull request.
    type: str
    choices: [table, markdown]
    default: table
  width:
    description: The width of messages in a table in characters, 40 at least. The line of a cluster may be wider.
    type: int
    default: 100
  title:
    description: The heading of a Markdown page. A table has none.
    type: str
    default: IRSA in all clusters
seealso:
  - module: eksops.irsa.irsa_bindings
"""

EXAMPLES = r"""
- name: Show the results of the clusters of all slices
  ansible.builtin.debug:
    msg: "{{ (irsa_fleet_17 | combine(irsa_fleet_18) | eksops.irsa.fleet_report).splitlines() }}"

- name: Keep the results with the job
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
      1 of 2 bindings failed. shop/cart: there is no namespace shop. Cause: namespaces "shop" not found.
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
            return fleet_summary.markdown(results, title)
        return fleet_summary.table(results, width)
    except InvalidInput as error:
        raise AnsibleFilterError(f"fleet_report: {error}") from error


class FilterModule:
    """The filter ``eksops.irsa.fleet_report``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_report": fleet_report}
