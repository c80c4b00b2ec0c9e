# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Kubernetes API server in one process: storage, API semantics and the controllers that a rollout needs.

Start it with ``python -m sandbox.cluster --dir D --port P``. It answers what the official clients, kubectl and
kubernetes.core ask of a cluster, and refuses what a cluster refuses. Pods get their status from a node agent that
speaks to it over the API, as a kubelet does.

Needed by: every target; demo; benchmarks.
"""
