# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_arn
short_description: Whether a value is the ARN of an IAM role
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Whether a value can be the ARN of an IAM role, path included, by its form alone. Nothing is asked of AWS.
  - Blanks and quotes around it make it none. The pod identity webhook passes them on, and STS refuses them.
positional: _input
options:
  _input:
    description: The value. What is no string is no ARN.
    type: raw
    required: true
seealso:
  - module: eksops.irsa.sa_annotate
"""

EXAMPLES = r"""
- name: Stop where a binding names something else than a role
  ansible.builtin.assert:
    that: item.role_arn is eksops.irsa.role_arn
    fail_msg: "{{ item.namespace }}/{{ item.service_account }} names {{ item.role_arn }}, which is no role"
  loop: "{{ irsa_bindings | default([]) | selectattr('role_arn', 'defined') }}"
  loop_control:
    label: "{{ item.namespace }}/{{ item.service_account }}"
"""

RETURN = r"""
_value:
  description: Whether it is one.
  type: bool
  sample: true
"""

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import is_role_arn


def role_arn(value: t.Any) -> bool:
    """Whether it is a string that can be a role's ARN."""
    return isinstance(value, str) and is_role_arn(value)


class TestModule:
    """The test ``eksops.irsa.role_arn``."""

    def tests(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"role_arn": role_arn}
