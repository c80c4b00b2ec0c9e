# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""FSx for Lustre CSI driver: makes and deletes file systems, linked to buckets or not."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon FSx for Lustre CSI driver",
    "source": "https://github.com/kubernetes-sigs/aws-fsx-csi-driver/blob/v1.9.0/docs/install.md",
    "version": "1.9.0",
    "parameters": {
        "buckets": {
            "kind": "buckets",
            "description": "Buckets that file systems are linked to.",
        },
    },
    "statements": [
        {
            "Sid": "LinkServiceRole",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/fsx.amazonaws.com/*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": "fsx.amazonaws.com"}},
        },
        {
            "given": "buckets",
            "Sid": "LinkServiceRoleOfBuckets",
            "Effect": "Allow",
            "Action": ["iam:AttachRolePolicy", "iam:CreateServiceLinkedRole", "iam:PutRolePolicy"],
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/s3.data-source.lustre.fsx.*",
        },
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": "fsx:DescribeFileSystems",
            "Resource": "*",
        },
        {
            "Sid": "ManageFileSystems",
            "Effect": "Allow",
            "Action": ["fsx:CreateFileSystem", "fsx:DeleteFileSystem", "fsx:TagResource", "fsx:UpdateFileSystem"],
            "Resource": "arn:${partition}:fsx:${region}:${account_id}:file-system/*",
        },
        {
            "Sid": "ReadBuckets",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:${partition}:s3:::${buckets}",
        },
    ],
}
