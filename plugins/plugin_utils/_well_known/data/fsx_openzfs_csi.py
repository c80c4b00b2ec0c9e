# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FSx for OpenZFS CSI driver: makes and deletes file systems, volumes and snapshots."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon FSx for OpenZFS CSI driver",
    "source": "https://github.com/kubernetes-sigs/aws-fsx-openzfs-csi-driver/blob/v1.2.0/docs/example-iam-policy.json",
    "version": "1.2.0",
    "parameters": {},
    "statements": [
        {
            "Sid": "LinkServiceRole",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/fsx.amazonaws.com/*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": "fsx.amazonaws.com"}},
        },
        {
            "Sid": "CompleteServiceRole",
            "Effect": "Allow",
            "Action": ["iam:AttachRolePolicy", "iam:PutRolePolicy"],
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/fsx.amazonaws.com/*",
        },
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": ["fsx:DescribeFileSystems", "fsx:DescribeSnapshots", "fsx:DescribeVolumes"],
            "Resource": "*",
        },
        {
            "Sid": "ManageFileSystems",
            "Effect": "Allow",
            "Action": ["fsx:CreateFileSystem", "fsx:DeleteFileSystem", "fsx:UpdateFileSystem"],
            "Resource": "arn:${partition}:fsx:${region}:${account_id}:file-system/*",
        },
        {
            "Sid": "ManageVolumes",
            "Effect": "Allow",
            "Action": ["fsx:CreateVolume", "fsx:DeleteVolume"],
            "Resource": "arn:${partition}:fsx:${region}:${account_id}:volume/*",
        },
        {
            "Sid": "ManageSnapshots",
            "Effect": "Allow",
            "Action": ["fsx:CreateSnapshot", "fsx:DeleteSnapshot"],
            "Resource": [
                "arn:${partition}:fsx:${region}:${account_id}:snapshot/*",
                "arn:${partition}:fsx:${region}:${account_id}:volume/*",
            ],
        },
        {
            "Sid": "Tag",
            "Effect": "Allow",
            "Action": ["fsx:ListTagsForResource", "fsx:TagResource"],
            "Resource": [
                "arn:${partition}:fsx:${region}:${account_id}:file-system/*",
                "arn:${partition}:fsx:${region}:${account_id}:snapshot/*",
                "arn:${partition}:fsx:${region}:${account_id}:volume/*",
            ],
        },
    ],
}
