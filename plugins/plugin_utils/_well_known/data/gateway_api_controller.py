# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Gateway API Controller: makes services, service networks and target groups of VPC Lattice."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "AWS Gateway API Controller (VPC Lattice)",
    "source": "https://github.com/aws/aws-application-networking-k8s/blob/v2.1.3/files/controller-installation/recommended-inline-policy.json",
    "version": "2.1.3",
    "parameters": {
        "access_logs": {
            "kind": "bool",
            "description": "Whether access logs are set up (C(AccessLogPolicy)).",
            "default": True,
        },
        "access_log_buckets": {
            "kind": "buckets",
            "description": "Buckets that access logs go to. Their bucket policies are written.",
        },
        "delivery_streams": {
            "kind": "names",
            "description": "Delivery streams of Data Firehose that access logs go to.",
        },
    },
    "statements": [
        {
            # A service network may be shared by another account.
            "Sid": "ManageLattice",
            "Effect": "Allow",
            "Action": [
                "vpc-lattice:BatchUpdateRule",
                "vpc-lattice:CreateAccessLogSubscription",
                "vpc-lattice:CreateListener",
                "vpc-lattice:CreateRule",
                "vpc-lattice:CreateService",
                "vpc-lattice:CreateServiceNetwork",
                "vpc-lattice:CreateServiceNetworkServiceAssociation",
                "vpc-lattice:CreateServiceNetworkVpcAssociation",
                "vpc-lattice:CreateTargetGroup",
                "vpc-lattice:DeleteAccessLogSubscription",
                "vpc-lattice:DeleteAuthPolicy",
                "vpc-lattice:DeleteListener",
                "vpc-lattice:DeleteRule",
                "vpc-lattice:DeleteService",
                "vpc-lattice:DeleteServiceNetwork",
                "vpc-lattice:DeleteServiceNetworkServiceAssociation",
                "vpc-lattice:DeleteServiceNetworkVpcAssociation",
                "vpc-lattice:DeleteTargetGroup",
                "vpc-lattice:DeregisterTargets",
                "vpc-lattice:GetAccessLogSubscription",
                "vpc-lattice:GetAuthPolicy",
                "vpc-lattice:GetListener",
                "vpc-lattice:GetRule",
                "vpc-lattice:GetService",
                "vpc-lattice:GetServiceNetwork",
                "vpc-lattice:GetServiceNetworkServiceAssociation",
                "vpc-lattice:GetServiceNetworkVpcAssociation",
                "vpc-lattice:GetTargetGroup",
                "vpc-lattice:ListTargets",
                "vpc-lattice:PutAuthPolicy",
                "vpc-lattice:RegisterTargets",
                "vpc-lattice:TagResource",
                "vpc-lattice:UntagResource",
                "vpc-lattice:UpdateAccessLogSubscription",
                "vpc-lattice:UpdateListener",
                "vpc-lattice:UpdateRule",
                "vpc-lattice:UpdateService",
                "vpc-lattice:UpdateServiceNetwork",
                "vpc-lattice:UpdateServiceNetworkVpcAssociation",
                "vpc-lattice:UpdateTargetGroup",
            ],
            "Resource": "arn:${partition}:vpc-lattice:${region}:*:*",
        },
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "acm:ListCertificates",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeTags",
                "ec2:DescribeVpcs",
                "tag:GetResources",
                "vpc-lattice:ListAccessLogSubscriptions",
                "vpc-lattice:ListListeners",
                "vpc-lattice:ListRules",
                "vpc-lattice:ListServiceNetworkServiceAssociations",
                "vpc-lattice:ListServiceNetworkVpcAssociations",
                "vpc-lattice:ListServiceNetworks",
                "vpc-lattice:ListServices",
                "vpc-lattice:ListTagsForResource",
                "vpc-lattice:ListTargetGroups",
            ],
            "Resource": "*",
        },
        {
            # What may be tagged, the statement on VPC Lattice says.
            "Sid": "TagLattice",
            "Effect": "Allow",
            "Action": ["tag:TagResources", "tag:UntagResources"],
            "Resource": "*",
        },
        {
            "Sid": "LinkServiceRole",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/vpc-lattice.amazonaws.com/*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": "vpc-lattice.amazonaws.com"}},
        },
        {
            "given": "access_logs",
            "Sid": "LinkServiceRoleOfLogs",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/delivery.logs.amazonaws.com/*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": "delivery.logs.amazonaws.com"}},
        },
        {
            "given": "access_logs",
            "Sid": "DeliverAccessLogs",
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ],
            "Resource": "*",
        },
        {
            "given": "access_logs",
            "Sid": "DeliverToStreams",
            "Effect": "Allow",
            "Action": "firehose:TagDeliveryStream",
            "Resource": "arn:${partition}:firehose:${region}:${account_id}:deliverystream/${delivery_streams}",
        },
        {
            "given": "access_logs",
            "Sid": "DeliverToBuckets",
            "Effect": "Allow",
            "Action": ["s3:GetBucketPolicy", "s3:PutBucketPolicy"],
            "Resource": "arn:${partition}:s3:::${access_log_buckets}",
        },
    ],
}
