# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_table
short_description: Render what became of many clusters as a table for the terminal
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Takes C(irsa_fleet), as the playbook C(eksops.irsa.fleet) hands it on, and returns a table. Several such
    dictionaries, of the slices of a job for instance, can be combined before.
  - Each cluster has a line, the worst come first. What went wrong in a cluster stands below its line, wrapped to the
    width. The last line counts clusters and bindings.
positional: _input
options:
  _input:
    description:
      - A dictionary with an entry for each cluster, by the name of its host.
      - An entry has C(status) (V(ok), V(changed), V(failed), V(empty) for a cluster without bindings or V(stopped) for
        one that was not begun), and where it is known C(account_id), C(region), C(counts) (C(total), C(ok), C(changed)
        and C(failed)), C(proofs), C(elapsed) in seconds and C(error).
    type: dict
    required: true
  width:
    description:
      - The width of messages in characters, 40 at least. A cluster's line is as long as it has to be.
    type: int
    default: 100
seealso:
  - plugin: eksops.irsa.fleet_markdown
    plugin_type: filter
  - module: eksops.irsa.irsa_bindings
"""

EXAMPLES = r"""
- name: Show what became of the clusters of all slices
  ansible.builtin.debug:
    msg: "{{ (irsa_fleet_17 | combine(irsa_fleet_18) | eksops.irsa.fleet_table).splitlines() }}"
"""

RETURN = r"""
_value:
  description: The table, its lines separated by line feeds.
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


def fleet_table(value: t.Any, width: int = 100) -> str:
    """:raises AnsibleFilterError: it is no summary of a fleet, or the width is none."""
    if isinstance(width, bool) or not isinstance(width, int):
        raise AnsibleFilterError("fleet_table takes its width as a number")
    try:
        return fleet_summary.table(fleet_summary.clusters(value), width)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter ``eksops.irsa.fleet_table``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_table": fleet_table}
