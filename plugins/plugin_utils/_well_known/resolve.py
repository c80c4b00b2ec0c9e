# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts what a task's well-known policies say into its arguments, before the module is sent with them.

So the policies that are asked for travel, and the others stay where Ansible runs.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput

_OPTION = "well_known_policies"


def in_role(arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The arguments of `irsa_role`, or a binding, with templates in the place of names and parameters.

    :raises InvalidInput: all that can't be right.
    """
    if not arguments.get(_OPTION):
        return dict(arguments)
    # Imported here because few tasks ask for any.
    from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import policies as well_known_policies

    found = well_known_policies.templates(arguments[_OPTION])
    return {**arguments, _OPTION: [dataclasses.asdict(each) for each in found]}


def in_bindings(arguments: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The arguments of `irsa_bindings` likewise.

    :raises InvalidInput: all that can't be right, with the index of its binding.
    """
    bindings = arguments.get("bindings")
    if not isinstance(bindings, list) or not any(isinstance(each, dict) and each.get(_OPTION) for each in bindings):
        return dict(arguments)
    found, problems = [], []
    for index, binding in enumerate(bindings):
        try:
            found.append(in_role(binding) if isinstance(binding, dict) else binding)
        except InvalidInput as error:
            problems.append(f"binding {index}: {error}")
    if problems:
        raise InvalidInput("invalid bindings", cause=" ".join(problems), fix="correct the bindings")
    return {**arguments, "bindings": found}
