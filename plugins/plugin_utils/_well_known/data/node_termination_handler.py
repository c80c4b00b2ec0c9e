# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Node Termination Handler in queue mode: drains nodes before their instances end."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "AWS Node Termination Handler, queue mode",
    "source": "https://github.com/aws/aws-node-termination-handler/blob/v1.25.6/README.md#5-create-an-iam-role-for-the-pods",
    "version": "1.25.6",
    "parameters": {
        "queues": {
            "kind": "queues",
            "description": "Queues that tell of interruptions.",
            "required": True,
        },
        "tags": {
            "kind": "tags",
            "description": "Tags that an Auto Scaling group must have to be told that its instance may end.",
        },
        "keys": {
            "kind": "keys",
            "description": "Customer managed KMS keys that the queues are encrypted with.",
        },
    },
    "statements": [
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "autoscaling:DescribeAutoScalingInstances",
                "autoscaling:DescribeTags",
                "ec2:DescribeInstances",
            ],
            "Resource": "*",
        },
        {
            "Sid": "CompleteLifecycleHooks",
            "Effect": "Allow",
            "Action": "autoscaling:CompleteLifecycleAction",
            "Resource": "arn:${partition}:autoscaling:${region}:${account_id}:autoScalingGroup:*",
            "Condition": {"StringEquals": {"aws:ResourceTag/${tags}": "${tags}"}},
        },
        {
            "Sid": "FollowInterruptions",
            "Effect": "Allow",
            "Action": ["sqs:DeleteMessage", "sqs:ReceiveMessage"],
            "Resource": "${queues}",
        },
        {
            "Sid": "DecryptMessages",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": "${keys}",
        },
    ],
}
