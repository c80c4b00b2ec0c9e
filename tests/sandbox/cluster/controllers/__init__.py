# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controllers of kube-controller-manager that the sandbox needs. Changes of objects trigger them.

Needed by: targets irsa_verify, pod_rollout, role_irsa; benchmarks.
"""
