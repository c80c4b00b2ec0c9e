# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cluster Autoscaler: scales the Auto Scaling groups of one cluster."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Cluster Autoscaler",
    "source": "https://github.com/kubernetes/autoscaler/blob/cluster-autoscaler-1.36.1/cluster-autoscaler/cloudprovider/aws/README.md",
    "version": "1.36.1",
    "parameters": {
        "tags": {
            "kind": "tags",
            "description": "Tags that an Auto Scaling group must have to be scaled.",
            "default": {"kubernetes.io/cluster/${cluster_name}": "owned"},
        },
    },
    "statements": [
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "autoscaling:DescribeAutoScalingGroups",
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeLaunchConfigurations",
                "autoscaling:DescribeScalingActivities",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplateVersions",
                "ec2:GetInstanceTypesFromInstanceRequirements",
            ],
            "Resource": "*",
        },
        {
            "Sid": "ReadNodeGroups",
            "Effect": "Allow",
            "Action": "eks:DescribeNodegroup",
            "Resource": "arn:${partition}:eks:${region}:${account_id}:nodegroup/${cluster_name}/*/*",
        },
        {
            "Sid": "Scale",
            "Effect": "Allow",
            "Action": ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
            "Resource": "arn:${partition}:autoscaling:${region}:${account_id}:autoScalingGroup:*",
            "Condition": {"StringEquals": {"aws:ResourceTag/${tags}": "${tags}"}},
        },
    ],
}
