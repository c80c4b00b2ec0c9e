# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module `pod_rollout`."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._module_action import ModuleAction


class ActionModule(ModuleAction):
    """The action plugin of `pod_rollout`."""

    MODULE = "eksops.irsa.pod_rollout"
