# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon VPC CNI plugin where pods have IPv4 addresses."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon VPC CNI plugin, IPv4",
    "source": "https://github.com/aws/amazon-vpc-cni-k8s/blob/v1.23.0/docs/iam-policy.md",
    "version": "1.23.0",
    "parameters": {
        "vpc": {
            "kind": "vpc",
            "description": "The cluster's VPC. Limits the plugin to it and to the cluster's interfaces and instances. "
            "The plugin has to have C(CLUSTER_NAME) in its environment, and nodes that are older to be replaced.",
        },
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
            "Sid": "TagInterfaces",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
        },
        {
            # Subnets and security groups of a shared VPC are of another account.
            "unless": "vpc",
            "Sid": "ManageInterfaces",
            "Effect": "Allow",
            "Action": [
                "ec2:AssignPrivateIpAddresses",
                "ec2:AttachNetworkInterface",
                "ec2:CreateNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DetachNetworkInterface",
                "ec2:ModifyNetworkInterfaceAttribute",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:instance/*",
                "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
                "arn:${partition}:ec2:${region}:*:security-group/*",
                "arn:${partition}:ec2:${region}:*:subnet/*",
            ],
        },
        {
            "given": "vpc",
            "Sid": "CreateInterfaces",
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkInterface",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
            "Condition": {"StringEquals": {"aws:RequestTag/cluster.k8s.amazonaws.com/name": "${cluster_name}"}},
        },
        {
            "given": "vpc",
            "Sid": "CreateInterfacesInVpc",
            "Effect": "Allow",
            "Action": "ec2:CreateNetworkInterface",
            "Resource": [
                "arn:${partition}:ec2:${region}:*:security-group/*",
                "arn:${partition}:ec2:${region}:*:subnet/*",
            ],
            "Condition": {"ArnLike": {"ec2:Vpc": "arn:${partition}:ec2:${region}:*:vpc/${vpc}"}},
        },
        {
            "given": "vpc",
            "Sid": "ManageInterfacesOfCluster",
            "Effect": "Allow",
            "Action": [
                "ec2:AssignPrivateIpAddresses",
                "ec2:AttachNetworkInterface",
                "ec2:DeleteNetworkInterface",
                "ec2:DetachNetworkInterface",
                "ec2:ModifyNetworkInterfaceAttribute",
                "ec2:UnassignPrivateIpAddresses",
            ],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/cluster.k8s.amazonaws.com/name": "${cluster_name}"}},
        },
        {
            "given": "vpc",
            "Sid": "UseInstancesOfCluster",
            "Effect": "Allow",
            "Action": [
                "ec2:AttachNetworkInterface",
                "ec2:DetachNetworkInterface",
                "ec2:ModifyNetworkInterfaceAttribute",
            ],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/${cluster_name}": "owned"}},
        },
        {
            "given": "vpc",
            "Sid": "UseSecurityGroups",
            "Effect": "Allow",
            "Action": "ec2:ModifyNetworkInterfaceAttribute",
            "Resource": "arn:${partition}:ec2:${region}:*:security-group/*",
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
