# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon VPC CNI plugin where pods have IPv6 addresses."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon VPC CNI plugin, IPv6",
    "source": "https://github.com/aws/amazon-vpc-cni-k8s/blob/v1.23.0/docs/iam-policy.md",
    "version": "1.23.0",
    "parameters": {
        "network_policy_logs": {
            "kind": "bool",
            "description": "Whether the agent of network policies sends its logs to CloudWatch.",
            "default": False,
        },
    },
    "statements": [
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeInstances",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeTags",
            ],
            "Resource": "*",
        },
        {
            "Sid": "ManageInterfaces",
            "Effect": "Allow",
            "Action": ["ec2:AssignIpv6Addresses", "ec2:CreateTags"],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
        },
        {
            "given": "network_policy_logs",
            "Sid": "FindLogGroups",
            "Effect": "Allow",
            "Action": "logs:DescribeLogGroups",
            "Resource": "*",
        },
        {
            "given": "network_policy_logs",
            "Sid": "WriteLogs",
            "Effect": "Allow",
            "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "arn:${partition}:logs:${region}:${account_id}:log-group:/aws/eks/${cluster_name}/cluster*",
        },
    ],
}
