# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EFS CSI driver: makes and deletes access points of file systems."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon EFS CSI driver",
    "source": "https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/v3.4.1/docs/iam-policy-example.json",
    "version": "3.4.1",
    "parameters": {
        "file_systems": {
            "kind": "file_systems",
            "description": "File systems in which volumes are made.",
            "default": ["*"],
        },
        "s3_files": {
            "kind": "bool",
            "description": "Whether the driver also makes volumes in file systems of Amazon S3 Files.",
            "default": False,
        },
    },
    "statements": [
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeAvailabilityZones",
                "elasticfilesystem:DescribeAccessPoints",
                "elasticfilesystem:DescribeFileSystems",
            ],
            "Resource": "*",
        },
        {
            "Sid": "FindMountTargets",
            "Effect": "Allow",
            "Action": "elasticfilesystem:DescribeMountTargets",
            "Resource": "arn:${partition}:elasticfilesystem:${region}:${account_id}:file-system/*",
        },
        {
            "Sid": "CreateAccessPoints",
            "Effect": "Allow",
            "Action": "elasticfilesystem:CreateAccessPoint",
            "Resource": "arn:${partition}:elasticfilesystem:${region}:${account_id}:file-system/${file_systems}",
            "Condition": {"StringEquals": {"aws:RequestTag/efs.csi.aws.com/cluster": "true"}},
        },
        {
            "Sid": "TagAccessPoints",
            "Effect": "Allow",
            "Action": "elasticfilesystem:TagResource",
            "Resource": [
                "arn:${partition}:elasticfilesystem:${region}:${account_id}:access-point/*",
                "arn:${partition}:elasticfilesystem:${region}:${account_id}:file-system/*",
            ],
            "Condition": {"StringEquals": {"aws:ResourceTag/efs.csi.aws.com/cluster": "true"}},
        },
        {
            "Sid": "DeleteAccessPoints",
            "Effect": "Allow",
            "Action": "elasticfilesystem:DeleteAccessPoint",
            "Resource": "arn:${partition}:elasticfilesystem:${region}:${account_id}:access-point/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/efs.csi.aws.com/cluster": "true"}},
        },
        {
            "given": "s3_files",
            "Sid": "ObserveS3Files",
            "Effect": "Allow",
            "Action": ["s3files:ListAccessPoints", "s3files:ListFileSystems"],
            "Resource": "*",
        },
        {
            "given": "s3_files",
            "Sid": "CreateAccessPointsOfS3Files",
            "Effect": "Allow",
            "Action": "s3files:CreateAccessPoint",
            "Resource": "arn:${partition}:s3files:${region}:${account_id}:*",
            "Condition": {"StringEquals": {"aws:RequestTag/efs.csi.aws.com/cluster": "true"}},
        },
        {
            "given": "s3_files",
            "Sid": "EndAccessPointsOfS3Files",
            "Effect": "Allow",
            "Action": ["s3files:DeleteAccessPoint", "s3files:TagResource"],
            "Resource": "arn:${partition}:s3files:${region}:${account_id}:*",
            "Condition": {"StringEquals": {"aws:ResourceTag/efs.csi.aws.com/cluster": "true"}},
        },
    ],
}
