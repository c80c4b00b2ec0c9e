# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Velero: keeps backups in a bucket, and snapshots of volumes."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Velero",
    "source": "https://github.com/vmware-tanzu/velero-plugin-for-aws/blob/v1.13.2/README.md#set-permissions-for-velero",
    "version": "1.13.2",
    "parameters": {
        "buckets": {
            "kind": "buckets",
            "description": "Buckets that keep the backups.",
            "required": True,
        },
        "snapshots": {
            "kind": "bool",
            "description": "Whether it makes snapshots of volumes, where the CSI driver doesn't do it for it.",
            "default": True,
        },
        "keys": {
            "kind": "keys",
            "description": "Customer managed KMS keys that the backups are encrypted with.",
        },
    },
    "statements": [
        {
            "Sid": "ListBackups",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:${partition}:s3:::${buckets}",
        },
        {
            "Sid": "KeepBackups",
            "Effect": "Allow",
            "Action": [
                "s3:AbortMultipartUpload",
                "s3:DeleteObject",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:PutObject",
                "s3:PutObjectTagging",
            ],
            "Resource": "arn:${partition}:s3:::${buckets}/*",
        },
        {
            "Sid": "UseKeys",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "${keys}",
        },
        {
            "given": "snapshots",
            "Sid": "ObserveVolumes",
            "Effect": "Allow",
            "Action": ["ec2:DescribeSnapshots", "ec2:DescribeVolumes"],
            "Resource": "*",
        },
        {
            "given": "snapshots",
            "Sid": "KeepSnapshots",
            "Effect": "Allow",
            "Action": ["ec2:CreateSnapshot", "ec2:CreateTags", "ec2:CreateVolume", "ec2:DeleteSnapshot"],
            "Resource": [
                "arn:${partition}:ec2:${region}:*:snapshot/*",
                "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            ],
        },
    ],
}
