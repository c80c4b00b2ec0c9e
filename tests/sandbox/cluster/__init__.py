# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A simulated Kubernetes API server, with the controllers that a rollout needs.

Start it with ``python -m sandbox.cluster --dir D --port P``. It works with the official clients, kubectl and
kubernetes.core, and rejects invalid requests as Kubernetes does. As in a real cluster, a node agent sets the status of
pods through the API.

Needed by: every target; demo; benchmarks.
"""
