# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_arn
short_description: Test whether a value is the ARN of an IAM role
version_added: 0.3.0
author:
  - eksops contributors (@eksops)
description:
  - Tests whether a value has the form of the ARN of an IAM role. The path may be included. The test makes no API calls.
  - A value with spaces or quotes around the ARN is not valid. The pod identity webhook would inject it unchanged, and
    STS would reject it.
positional: _input
options:
  _input:
    description: The value. A value that is not a string is not an ARN.
    type: raw
    required: true
seealso:
  - module: eksops.irsa.sa_annotate
"""

EXAMPLES = r"""
- name: Fail if a binding does not have a valid role ARN
  ansible.builtin.assert:
    that: item.role_arn is eksops.irsa.role_arn
    fail_msg: "{{ item.namespace }}/{{ item.service_account }} has {{ item.role_arn }}, which is not a role ARN"
  loop: "{{ irsa_bindings | default([]) | selectattr('role_arn', 'defined') }}"
  loop_control:
    label: "{{ item.namespace }}/{{ item.service_account }}"
"""

RETURN = r"""
_value:
  description: Whether the value is a role ARN.
  type: bool
  sample: true
"""

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import is_role_arn


def role_arn(value: t.Any) -> bool:
    """Whether the value is a string with the form of a role's ARN."""
    return isinstance(value, str) and is_role_arn(value)


class TestModule:
    """Provides the test ``eksops.irsa.role_arn``."""

    def tests(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"role_arn": role_arn}
