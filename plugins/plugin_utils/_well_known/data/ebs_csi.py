# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EBS CSI driver: makes, attaches, copies and deletes volumes and snapshots."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Amazon EBS CSI driver",
    "source": "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/v1.64.0/docs/example-iam-policy.json",
    "version": "1.64.0",
    "parameters": {
        "keys": {
            "kind": "keys",
            "description": "Customer managed KMS keys that volumes are encrypted with.",
        },
        "tags": {
            "kind": "tags",
            "description": "Tags that the driver is set to put on volumes and snapshots. Others are out of its reach.",
        },
    },
    "statements": [
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeInstances",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeSnapshots",
                "ec2:DescribeTags",
                "ec2:DescribeVolumes",
                "ec2:DescribeVolumesModifications",
                "ec2:DescribeVolumeStatus",
            ],
            "Resource": "*",
        },
        {
            "Sid": "UseVolumes",
            "Effect": "Allow",
            "Action": [
                "ec2:AttachVolume",
                "ec2:CopyVolumes",
                "ec2:CreateSnapshot",
                "ec2:DetachVolume",
                "ec2:ModifyVolume",
            ],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:volume/vol-*",
            "Condition": {"StringEquals": {"aws:ResourceTag/${tags}": "${tags}"}},
        },
        {
            "Sid": "AttachToInstances",
            "Effect": "Allow",
            "Action": ["ec2:AttachVolume", "ec2:DetachVolume"],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:instance/*",
        },
        {
            # The ARN of a snapshot has no account.
            "Sid": "RestoreSnapshots",
            "Effect": "Allow",
            "Action": ["ec2:CreateVolume", "ec2:EnableFastSnapshotRestores"],
            "Resource": "arn:${partition}:ec2:${region}:*:snapshot/*",
        },
        {
            "Sid": "TagAtCreation",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:volume/*",
                "arn:${partition}:ec2:${region}:*:snapshot/*",
            ],
            "Condition": {"StringEquals": {"ec2:CreateAction": ["CreateVolume", "CreateSnapshot", "CopyVolumes"]}},
        },
        {
            "Sid": "Untag",
            "Effect": "Allow",
            "Action": "ec2:DeleteTags",
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:volume/*",
                "arn:${partition}:ec2:${region}:*:snapshot/*",
            ],
            "Condition": {"StringEquals": {"aws:ResourceTag/${tags}": "${tags}"}},
        },
        {
            "Sid": "CreateVolumes",
            "Effect": "Allow",
            "Action": ["ec2:CreateVolume", "ec2:CopyVolumes"],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            "Condition": {
                "StringLike": {"aws:RequestTag/CSIVolumeName": "*"},
                "StringEquals": {"aws:RequestTag/${tags}": "${tags}"},
            },
        },
        {
            "Sid": "CreateVolumesOfDriver",
            "Effect": "Allow",
            "Action": ["ec2:CreateVolume", "ec2:CopyVolumes"],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/ebs.csi.aws.com/cluster": "true",
                    "aws:RequestTag/${tags}": "${tags}",
                },
            },
        },
        {
            "Sid": "DeleteVolumes",
            "Effect": "Allow",
            "Action": "ec2:DeleteVolume",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            "Condition": {
                "StringLike": {"aws:ResourceTag/CSIVolumeName": "*"},
                "StringEquals": {"aws:ResourceTag/${tags}": "${tags}"},
            },
        },
        {
            "Sid": "DeleteVolumesOfDriver",
            "Effect": "Allow",
            "Action": "ec2:DeleteVolume",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            "Condition": {
                "StringEquals": {
                    "aws:ResourceTag/ebs.csi.aws.com/cluster": "true",
                    "aws:ResourceTag/${tags}": "${tags}",
                },
            },
        },
        {
            # Volumes that the provisioner within Kubernetes made, before there was the driver.
            "Sid": "DeleteMigratedVolumes",
            "Effect": "Allow",
            "Action": "ec2:DeleteVolume",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:volume/*",
            "Condition": {
                "StringLike": {"aws:ResourceTag/kubernetes.io/created-for/pvc/name": "*"},
                "StringEquals": {"aws:ResourceTag/${tags}": "${tags}"},
            },
        },
        {
            "Sid": "CreateSnapshots",
            "Effect": "Allow",
            "Action": "ec2:CreateSnapshot",
            "Resource": "arn:${partition}:ec2:${region}:*:snapshot/*",
            "Condition": {
                "StringLike": {"aws:RequestTag/CSIVolumeSnapshotName": "*"},
                "StringEquals": {"aws:RequestTag/${tags}": "${tags}"},
            },
        },
        {
            "Sid": "CreateSnapshotsOfDriver",
            "Effect": "Allow",
            "Action": "ec2:CreateSnapshot",
            "Resource": "arn:${partition}:ec2:${region}:*:snapshot/*",
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/ebs.csi.aws.com/cluster": "true",
                    "aws:RequestTag/${tags}": "${tags}",
                },
            },
        },
        {
            "Sid": "EndSnapshots",
            "Effect": "Allow",
            "Action": ["ec2:DeleteSnapshot", "ec2:LockSnapshot"],
            "Resource": "arn:${partition}:ec2:${region}:*:snapshot/*",
            "Condition": {
                "StringLike": {"aws:ResourceTag/CSIVolumeSnapshotName": "*"},
                "StringEquals": {"aws:ResourceTag/${tags}": "${tags}"},
            },
        },
        {
            "Sid": "EndSnapshotsOfDriver",
            "Effect": "Allow",
            "Action": ["ec2:DeleteSnapshot", "ec2:LockSnapshot"],
            "Resource": "arn:${partition}:ec2:${region}:*:snapshot/*",
            "Condition": {
                "StringEquals": {
                    "aws:ResourceTag/ebs.csi.aws.com/cluster": "true",
                    "aws:ResourceTag/${tags}": "${tags}",
                },
            },
        },
        {
            "Sid": "GrantKeysToEbs",
            "Effect": "Allow",
            "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
            "Resource": "${keys}",
            "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
        },
        {
            "Sid": "UseKeys",
            "Effect": "Allow",
            "Action": [
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:Encrypt",
                "kms:GenerateDataKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            "Resource": "${keys}",
        },
    ],
}
