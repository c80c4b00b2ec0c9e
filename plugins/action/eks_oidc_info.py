# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module `eks_oidc_info` after checking that the task is for the cluster of its host."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._cluster_action import ClusterAction


class ActionModule(ClusterAction):
    """The action plugin of `eks_oidc_info`."""

    MODULE = "eksops.irsa.eks_oidc_info"
