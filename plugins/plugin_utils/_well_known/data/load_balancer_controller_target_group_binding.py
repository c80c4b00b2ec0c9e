# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Load Balancer Controller for target groups that somebody else makes: adds and removes addresses."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "AWS Load Balancer Controller, TargetGroupBinding alone",
    "source": "https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/v3.5.0/docs/deploy/installation.md#special-iam-cases",
    "version": "3.5.0",
    "parameters": {
        "target_groups": {
            "kind": "target_groups",
            "description": "Target groups whose targets are managed.",
            "required": True,
        },
        "security_groups": {
            "kind": "security_groups",
            "description": "Security groups whose rules are managed, where the bindings have networking rules.",
        },
        "assume_roles": {
            "kind": "roles",
            "description": "Roles that are assumed for target groups of other accounts.",
        },
    },
    "statements": [
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "ec2:DescribeInstances",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
            ],
            "Resource": "*",
        },
        {
            "Sid": "ManageTargets",
            "Effect": "Allow",
            "Action": [
                "elasticloadbalancing:DeregisterTargets",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:RegisterTargets",
            ],
            "Resource": "${target_groups}",
        },
        {
            "Sid": "ManageRules",
            "Effect": "Allow",
            "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
            "Resource": "arn:${partition}:ec2:${region}:*:security-group/${security_groups}",
        },
        {
            "Sid": "AssumeRolesOfOthers",
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Resource": "${assume_roles}",
        },
    ],
}
