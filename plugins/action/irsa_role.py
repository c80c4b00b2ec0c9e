# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolves well-known policies and runs the module `irsa_role`."""

from __future__ import annotations

import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput
from ansible_collections.eksops.irsa.plugins.plugin_utils import _variables
from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known import resolve


class ActionModule(ActionBase):
    """The action plugin of `irsa_role`."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_diff = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Runs the module and returns its result unchanged."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        requests = self._task.args.get("well_known_policies")
        try:
            arguments = resolve.resolve_role_arguments(_variables.parse_inline_policies(self._task.args))
        except InvalidInput as error:
            return {**result, "failed": True, "msg": str(error), "error": error.as_dict()}
        result.update(
            self._execute_module(
                module_name="eksops.irsa.irsa_role",
                module_args=arguments,
                task_vars=task_vars or {},
                wrap_async=self._task.async_val,
            )
        )
        if requests:
            (result.get("invocation") or {}).get("module_args", {}).update(well_known_policies=requests)
        return result
