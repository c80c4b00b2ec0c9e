# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""External Secrets Operator: reads, and if asked writes, secrets of Secrets Manager and Parameter Store."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "External Secrets Operator",
    "source": "https://github.com/external-secrets/external-secrets/blob/v2.9.0/docs/provider/aws-secrets-manager.md",
    "version": "2.9.0",
    "parameters": {
        "secrets": {
            "kind": "secrets",
            "description": "Secrets of Secrets Manager. An ARN ends with six characters that AWS adds, or with V(*).",
        },
        "ssm_parameters": {
            "kind": "ssm_parameters",
            "description": "Parameters of Parameter Store.",
        },
        "keys": {
            "kind": "keys",
            "description": "Customer managed KMS keys that they are encrypted with.",
        },
        "find": {
            "kind": "bool",
            "description": "Whether they are looked for by name, path or tag (C(dataFrom)). It may see all names.",
            "default": True,
        },
        "push": {
            "kind": "bool",
            "description": "Whether they are also written (C(PushSecret)).",
            "default": False,
        },
    },
    "one_of": ["secrets", "ssm_parameters"],
    "statements": [
        {
            "Sid": "ReadSecrets",
            "Effect": "Allow",
            "Action": [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetResourcePolicy",
                "secretsmanager:GetSecretValue",
                "secretsmanager:ListSecretVersionIds",
            ],
            "Resource": "${secrets}",
        },
        {
            # It gives those values alone that the statement above allows.
            "given": ["find", "secrets"],
            "Sid": "FindSecrets",
            "Effect": "Allow",
            "Action": ["secretsmanager:BatchGetSecretValue", "secretsmanager:ListSecrets"],
            "Resource": "*",
        },
        {
            "given": "push",
            "Sid": "WriteSecrets",
            "Effect": "Allow",
            "Action": [
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteResourcePolicy",
                "secretsmanager:PutResourcePolicy",
                "secretsmanager:PutSecretValue",
                "secretsmanager:RemoveRegionsFromReplication",
                "secretsmanager:ReplicateSecretToRegions",
                "secretsmanager:TagResource",
            ],
            "Resource": "${secrets}",
        },
        {
            "given": "push",
            "Sid": "DeleteOwnSecrets",
            "Effect": "Allow",
            "Action": "secretsmanager:DeleteSecret",
            "Resource": "${secrets}",
            "Condition": {"StringEquals": {"aws:ResourceTag/managed-by": "external-secrets"}},
        },
        {
            "Sid": "ReadParameters",
            "Effect": "Allow",
            "Action": [
                "ssm:GetParameter",
                "ssm:GetParameterHistory",
                "ssm:GetParameters",
                "ssm:GetParametersByPath",
            ],
            "Resource": "${ssm_parameters}",
        },
        {
            "given": ["find", "ssm_parameters"],
            "Sid": "FindParameters",
            "Effect": "Allow",
            "Action": ["ssm:DescribeParameters", "tag:GetResources"],
            "Resource": "*",
        },
        {
            "given": "push",
            "Sid": "WriteParameters",
            "Effect": "Allow",
            "Action": ["ssm:AddTagsToResource", "ssm:ListTagsForResource", "ssm:PutParameter"],
            "Resource": "${ssm_parameters}",
        },
        {
            "Sid": "Decrypt",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": "${keys}",
        },
        {
            "given": "push",
            "Sid": "Encrypt",
            "Effect": "Allow",
            "Action": ["kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": "${keys}",
        },
    ],
}
