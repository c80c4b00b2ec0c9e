# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon Managed Service for Prometheus: sends metrics to workspaces, or queries them."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon Managed Service for Prometheus",
    "source": "https://docs.aws.amazon.com/prometheus/latest/userguide/set-up-irsa.html",
    "version": "AmazonPrometheusRemoteWriteAccess v1, AmazonPrometheusQueryAccess v1",
    "parameters": {
        "workspaces": {
            "kind": "workspaces",
            "description": "Workspaces of the service.",
            "required": True,
        },
        "ingest": {
            "kind": "bool",
            "description": "Whether metrics are sent.",
            "default": True,
        },
        "query": {
            "kind": "bool",
            "description": "Whether metrics are queried.",
            "default": False,
        },
    },
    "one_of": ["ingest", "query"],
    "statements": [
        {
            "given": "ingest",
            "Sid": "Ingest",
            "Effect": "Allow",
            "Action": "aps:RemoteWrite",
            "Resource": "${workspaces}",
        },
        {
            "given": "query",
            "Sid": "Query",
            "Effect": "Allow",
            "Action": ["aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics"],
            "Resource": "${workspaces}",
        },
    ],
}
