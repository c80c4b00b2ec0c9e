# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mountpoint for Amazon S3 CSI driver: mounts buckets."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Mountpoint for Amazon S3 CSI driver",
    "source": "https://github.com/awslabs/mountpoint-s3/blob/main/doc/CONFIGURATION.md#iam-permissions",
    "version": "2.7.0",
    "parameters": {
        "buckets": {
            "kind": "buckets",
            "description": "Buckets to mount.",
        },
        "directory_buckets": {
            "kind": "directory_buckets",
            "description": "Directory buckets (S3 Express One Zone) to mount.",
        },
        "keys": {
            "kind": "keys",
            "description": "Customer managed KMS keys that objects are encrypted with.",
        },
        "read_only": {
            "kind": "bool",
            "description": "Whether O(buckets) and O(directory_buckets) are only read.",
            "default": False,
        },
    },
    "one_of": ["buckets", "directory_buckets"],
    "statements": [
        {
            "Sid": "ListObjects",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:${partition}:s3:::${buckets}",
        },
        {
            "Sid": "ReadObjects",
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "arn:${partition}:s3:::${buckets}/*",
        },
        {
            "unless": "read_only",
            "Sid": "WriteObjects",
            "Effect": "Allow",
            "Action": ["s3:AbortMultipartUpload", "s3:DeleteObject", "s3:PutObject"],
            "Resource": "arn:${partition}:s3:::${buckets}/*",
        },
        {
            "unless": "read_only",
            "Sid": "OpenDirectoryBuckets",
            "Effect": "Allow",
            "Action": "s3express:CreateSession",
            "Resource": "arn:${partition}:s3express:${region}:${account_id}:bucket/${directory_buckets}",
        },
        {
            "given": "read_only",
            "Sid": "OpenDirectoryBucketsForReading",
            "Effect": "Allow",
            "Action": "s3express:CreateSession",
            "Resource": "arn:${partition}:s3express:${region}:${account_id}:bucket/${directory_buckets}",
            "Condition": {"StringEquals": {"s3express:SessionMode": "ReadOnly"}},
        },
        {
            "Sid": "UseKeys",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
            "Resource": "${keys}",
        },
    ],
}
