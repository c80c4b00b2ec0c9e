# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolves well-known policies and runs the module `irsa_role`."""

from __future__ import annotations

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _variables
from ansible_collections.eksops.irsa.plugins.plugin_utils._module_action import ModuleAction
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve


class ActionModule(ModuleAction):
    """The action plugin of `irsa_role`."""

    MODULE = "eksops.irsa.irsa_role"

    def run_task(self, task_vars: dict[str, t.Any]) -> dict[str, t.Any]:
        """Runs the module with the documents of the well-known policies."""
        requests = self._task.args.get("well_known_policies")
        try:
            arguments = resolve.resolve_role_arguments(_variables.parse_inline_policies(self._task.args))
        except InvalidInput as error:
            return {"failed": True, "msg": str(error), "error": error.as_dict()}
        result = self.execute(arguments, task_vars)
        if requests:
            (result.get("invocation") or {}).get("module_args", {}).update(well_known_policies=requests)
        return result
