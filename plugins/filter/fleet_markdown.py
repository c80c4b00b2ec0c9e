# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_markdown
short_description: Render what became of many clusters as Markdown
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Takes C(irsa_fleet), as the playbook C(eksops.irsa.fleet) hands it on, and returns a page in Markdown, for a job's
    artifact or a comment on a pull request.
  - It has a table of all clusters, the worst first, and what went wrong where.
  - Texts are escaped, so that nothing in a name or a message becomes markup.
positional: _input
options:
  _input:
    description:
      - A dictionary with an entry for each cluster, as the filter P(eksops.irsa.fleet_table#filter) takes it.
    type: dict
    required: true
  title:
    description: The page's heading.
    type: str
    default: IRSA in all clusters
seealso:
  - plugin: eksops.irsa.fleet_table
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Keep what became of the clusters of all slices
  ansible.builtin.copy:
    content: "{{ irsa_fleet_17 | combine(irsa_fleet_18) | eksops.irsa.fleet_markdown(title='IRSA this week') }}"
    dest: fleet.md
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The page, ending with a line feed.
  type: str
  sample: |
    # IRSA this week

    2 clusters: 1 failed, 1 changed; 4 bindings: 1 failed, 1 changed, 2 ok.

    | status | cluster | account | region | bindings | ok | changed | failed | proven | seconds |
    | --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
    | failed | shop | 111122223333 | eu-west-1 | 2 | 1 | 0 | 1 | 1 | 0.4 |
    | changed | bank | 444455556666 | eu-west-1 | 2 | 1 | 1 | 0 | 2 | 0.6 |

    ## shop

    1 of 2 bindings failed. shop/cart: there is no namespace shop. Cause: namespaces "shop" not found. Fix: check the
    namespace and the cluster, create it, or set create\_namespace: true.
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import fleet_summary
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput


def fleet_markdown(value: t.Any, title: str = "IRSA in all clusters") -> str:
    """:raises AnsibleFilterError: it is no summary of a fleet, or the title is no text."""
    if not isinstance(title, str):
        raise AnsibleFilterError("fleet_markdown takes its title as text")
    try:
        return fleet_summary.markdown(fleet_summary.clusters(value), title)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filter ``eksops.irsa.fleet_markdown``."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_markdown": fleet_markdown}
