# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Karpenter: starts and ends instances for one cluster."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Karpenter",
    "source": (
        "https://github.com/aws/karpenter-provider-aws/blob/v1.14.1/website/content/en/preview/getting-started/"
        "getting-started-with-karpenter/cloudformation.yaml"
    ),
    "version": "1.14.1",
    "parameters": {
        "node_roles": {
            "kind": "role_names",
            "description": "Names, with their paths, of the roles that instances are started with.",
            "default": ["KarpenterNodeRole-${cluster_name}"],
        },
        "queue": {
            "kind": "queue_name",
            "description": "Name of the queue that tells of interruptions. An empty one for none.",
            "default": "${cluster_name}",
        },
    },
    "statements": [
        {
            "Sid": "LaunchWith",
            "Effect": "Allow",
            "Action": ["ec2:CreateFleet", "ec2:RunInstances"],
            "Resource": [
                "arn:${partition}:ec2:${region}::image/*",
                "arn:${partition}:ec2:${region}::snapshot/*",
                "arn:${partition}:ec2:${region}:*:capacity-reservation/*",
                "arn:${partition}:ec2:${region}:*:placement-group/*",
                "arn:${partition}:ec2:${region}:*:security-group/*",
                "arn:${partition}:ec2:${region}:*:subnet/*",
            ],
        },
        {
            "Sid": "LaunchFromOwnTemplates",
            "Effect": "Allow",
            "Action": ["ec2:CreateFleet", "ec2:RunInstances"],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:launch-template/*",
            "Condition": {
                "StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/${cluster_name}": "owned"},
                "StringLike": {"aws:ResourceTag/karpenter.sh/nodepool": "*"},
            },
        },
        {
            "Sid": "LaunchTagged",
            "Effect": "Allow",
            "Action": ["ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances"],
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:fleet/*",
                "arn:${partition}:ec2:${region}:${account_id}:instance/*",
                "arn:${partition}:ec2:${region}:${account_id}:launch-template/*",
                "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
                "arn:${partition}:ec2:${region}:${account_id}:spot-instances-request/*",
                "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            ],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks:eks-cluster-name": "${cluster_name}",
                    "aws:RequestTag/kubernetes.io/cluster/${cluster_name}": "owned",
                },
                "StringLike": {"aws:RequestTag/karpenter.sh/nodepool": "*"},
            },
        },
        {
            "Sid": "TagAtLaunch",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:fleet/*",
                "arn:${partition}:ec2:${region}:${account_id}:instance/*",
                "arn:${partition}:ec2:${region}:${account_id}:launch-template/*",
                "arn:${partition}:ec2:${region}:${account_id}:network-interface/*",
                "arn:${partition}:ec2:${region}:${account_id}:spot-instances-request/*",
                "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            ],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks:eks-cluster-name": "${cluster_name}",
                    "aws:RequestTag/kubernetes.io/cluster/${cluster_name}": "owned",
                    "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"],
                },
                "StringLike": {"aws:RequestTag/karpenter.sh/nodepool": "*"},
            },
        },
        {
            "Sid": "TagInstances",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:instance/*",
            "Condition": {
                "StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/${cluster_name}": "owned"},
                "StringLike": {"aws:ResourceTag/karpenter.sh/nodepool": "*"},
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": "${cluster_name}"},
                "ForAllValues:StringEquals": {
                    "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"],
                },
            },
        },
        {
            "Sid": "EndInstances",
            "Effect": "Allow",
            "Action": ["ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"],
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:instance/*",
                "arn:${partition}:ec2:${region}:${account_id}:launch-template/*",
            ],
            "Condition": {
                "StringEquals": {"aws:ResourceTag/kubernetes.io/cluster/${cluster_name}": "owned"},
                "StringLike": {"aws:ResourceTag/karpenter.sh/nodepool": "*"},
            },
        },
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeCapacityReservations",
                "ec2:DescribeImages",
                "ec2:DescribeInstances",
                "ec2:DescribeInstanceStatus",
                "ec2:DescribeInstanceTypeOfferings",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeLaunchTemplates",
                "ec2:DescribePlacementGroups",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSpotPriceHistory",
                "ec2:DescribeSubnets",
            ],
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:RequestedRegion": "${region}"}},
        },
        {
            "Sid": "ObserveGlobally",
            "Effect": "Allow",
            "Action": ["iam:ListInstanceProfiles", "pricing:GetProducts"],
            "Resource": "*",
        },
        {
            "Sid": "FindImages",
            "Effect": "Allow",
            "Action": "ssm:GetParameter",
            "Resource": "arn:${partition}:ssm:${region}::parameter/aws/service/*",
        },
        {
            "Sid": "FindCluster",
            "Effect": "Allow",
            "Action": "eks:DescribeCluster",
            "Resource": "arn:${partition}:eks:${region}:${account_id}:cluster/${cluster_name}",
        },
        {
            "Sid": "FollowZonalShifts",
            "Effect": "Allow",
            "Action": "arc-zonal-shift:GetManagedResource",
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "arc-zonal-shift:ResourceIdentifier": (
                        "arn:${partition}:eks:${region}:${account_id}:cluster/${cluster_name}"
                    ),
                },
            },
        },
        {
            "Sid": "FollowInterruptions",
            "Effect": "Allow",
            "Action": ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
            "Resource": "arn:${partition}:sqs:${region}:${account_id}:${queue}",
        },
        {
            "Sid": "PassNodeRoles",
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/${node_roles}",
            "Condition": {"StringEquals": {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.${dns_suffix}"]}},
        },
        {
            "Sid": "ReadInstanceProfiles",
            "Effect": "Allow",
            "Action": "iam:GetInstanceProfile",
            "Resource": "arn:${partition}:iam::${account_id}:instance-profile/*",
        },
        {
            "Sid": "CreateInstanceProfiles",
            "Effect": "Allow",
            "Action": "iam:CreateInstanceProfile",
            "Resource": "arn:${partition}:iam::${account_id}:instance-profile/*",
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks:eks-cluster-name": "${cluster_name}",
                    "aws:RequestTag/kubernetes.io/cluster/${cluster_name}": "owned",
                    "aws:RequestTag/topology.kubernetes.io/region": "${region}",
                },
                "StringLike": {"aws:RequestTag/karpenter.k8s.aws/ec2nodeclass": "*"},
            },
        },
        {
            "Sid": "TagInstanceProfiles",
            "Effect": "Allow",
            "Action": "iam:TagInstanceProfile",
            "Resource": "arn:${partition}:iam::${account_id}:instance-profile/*",
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/eks:eks-cluster-name": "${cluster_name}",
                    "aws:RequestTag/kubernetes.io/cluster/${cluster_name}": "owned",
                    "aws:RequestTag/topology.kubernetes.io/region": "${region}",
                    "aws:ResourceTag/kubernetes.io/cluster/${cluster_name}": "owned",
                    "aws:ResourceTag/topology.kubernetes.io/region": "${region}",
                },
                "StringLike": {
                    "aws:RequestTag/karpenter.k8s.aws/ec2nodeclass": "*",
                    "aws:ResourceTag/karpenter.k8s.aws/ec2nodeclass": "*",
                },
            },
        },
        {
            "Sid": "ManageInstanceProfiles",
            "Effect": "Allow",
            "Action": [
                "iam:AddRoleToInstanceProfile",
                "iam:DeleteInstanceProfile",
                "iam:RemoveRoleFromInstanceProfile",
            ],
            "Resource": "arn:${partition}:iam::${account_id}:instance-profile/*",
            "Condition": {
                "StringEquals": {
                    "aws:ResourceTag/kubernetes.io/cluster/${cluster_name}": "owned",
                    "aws:ResourceTag/topology.kubernetes.io/region": "${region}",
                },
                "StringLike": {"aws:ResourceTag/karpenter.k8s.aws/ec2nodeclass": "*"},
            },
        },
    ],
}
