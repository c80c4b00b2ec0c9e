# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon CloudWatch Observability add-on: sends metrics, logs and traces of one cluster."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon CloudWatch Observability add-on",
    "source": "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/install-CloudWatch-Observability-EKS-addon.html",
    "version": "CloudWatchAgentServerPolicy of 2024, AWSXrayWriteOnlyAccess v2",
    "parameters": {
        "log_groups": {
            "kind": "log_groups",
            "description": "Log groups that are made and written to.",
            "default": [
                "/aws/application-signals/*",
                "/aws/containerinsights/${cluster_name}/*",
            ],
        },
        "namespaces": {
            "kind": "namespaces",
            "description": "Namespaces that metrics are put into, all if left out.",
        },
    },
    "statements": [
        {
            "Sid": "PutMetrics",
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "${namespaces}"}},
        },
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": ["ec2:DescribeTags", "ec2:DescribeVolumes"],
            "Resource": "*",
        },
        {
            "Sid": "FindLogGroups",
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        },
        {
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
                "logs:PutRetentionPolicy",
            ],
            "Resource": [
                "arn:${partition}:logs:${region}:${account_id}:log-group:${log_groups}",
                "arn:${partition}:logs:${region}:${account_id}:log-group:${log_groups}:*",
            ],
        },
        {
            "Sid": "PutTraces",
            "Effect": "Allow",
            "Action": [
                "xray:GetSamplingRules",
                "xray:GetSamplingStatisticSummaries",
                "xray:GetSamplingTargets",
                "xray:PutTelemetryRecords",
                "xray:PutTraceSegments",
            ],
            "Resource": "*",
        },
        {
            "Sid": "ReadSettings",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": "arn:${partition}:ssm:${region}:${account_id}:parameter/AmazonCloudWatch-*",
        },
    ],
}
