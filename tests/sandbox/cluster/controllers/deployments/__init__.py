# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deployments: their ReplicaSets, rollouts and status.

Needed by: targets irsa_bindings, pod_rollout, role_irsa; demo.
"""
