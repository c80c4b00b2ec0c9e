# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stub node: it schedules pods onto itself and reports their status as a kubelet does, but runs no images.

Needed by: targets irsa_verify, pod_rollout, role_irsa; demo.
"""
