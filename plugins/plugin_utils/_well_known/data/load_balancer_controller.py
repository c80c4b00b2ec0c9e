# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Load Balancer Controller: makes load balancers and what belongs to them, for one cluster."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "AWS Load Balancer Controller",
    "source": "https://github.com/kubernetes-sigs/aws-load-balancer-controller/blob/v3.5.0/docs/install/iam_policy.json",
    "version": "3.5.0",
    "parameters": {
        "cognito": {
            "kind": "bool",
            "description": "Whether listeners may authenticate users with Amazon Cognito.",
            "default": True,
        },
        "shield": {
            "kind": "bool",
            "description": "Whether load balancers may be protected with AWS Shield Advanced.",
            "default": True,
        },
        "waf": {
            "kind": "bool",
            "description": "Whether load balancers may be associated with web ACLs of AWS WAF.",
            "default": True,
        },
    },
    "statements": [
        {
            "Sid": "LinkServiceRole",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/elasticloadbalancing.*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        },
        {
            "Sid": "Observe",
            "Effect": "Allow",
            "Action": [
                "acm:ListCertificates",
                "ec2:DescribeAccountAttributes",
                "ec2:DescribeAddresses",
                "ec2:DescribeAvailabilityZones",
                "ec2:DescribeCoipPools",
                "ec2:DescribeInstances",
                "ec2:DescribeInternetGateways",
                "ec2:DescribeIpamPools",
                "ec2:DescribeNetworkInterfaces",
                "ec2:DescribeRouteTables",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSubnets",
                "ec2:DescribeTags",
                "ec2:DescribeVpcPeeringConnections",
                "ec2:DescribeVpcs",
                "elasticloadbalancing:DescribeCapacityReservation",
                "elasticloadbalancing:DescribeListenerAttributes",
                "elasticloadbalancing:DescribeListenerCertificates",
                "elasticloadbalancing:DescribeListeners",
                "elasticloadbalancing:DescribeLoadBalancerAttributes",
                "elasticloadbalancing:DescribeLoadBalancers",
                "elasticloadbalancing:DescribeRules",
                "elasticloadbalancing:DescribeSSLPolicies",
                "elasticloadbalancing:DescribeTags",
                "elasticloadbalancing:DescribeTargetGroupAttributes",
                "elasticloadbalancing:DescribeTargetGroups",
                "elasticloadbalancing:DescribeTargetHealth",
                "elasticloadbalancing:DescribeTrustStores",
                "iam:ListServerCertificates",
            ],
            "Resource": "*",
        },
        {
            # The VPC and its pools of addresses may be of another account.
            "Sid": "ReadDetails",
            "Effect": "Allow",
            "Action": [
                "acm:DescribeCertificate",
                "ec2:GetCoipPoolUsage",
                "ec2:GetSecurityGroupsForVpc",
                "iam:GetServerCertificate",
            ],
            "Resource": [
                "arn:${partition}:acm:${region}:${account_id}:certificate/*",
                "arn:${partition}:ec2:${region}:*:coip-pool/*",
                "arn:${partition}:ec2:${region}:*:vpc/*",
                "arn:${partition}:iam::${account_id}:server-certificate/*",
            ],
        },
        {
            "given": "cognito",
            "Sid": "UseCognito",
            "Effect": "Allow",
            "Action": "cognito-idp:DescribeUserPoolClient",
            "Resource": "arn:${partition}:cognito-idp:${region}:${account_id}:userpool/*",
        },
        {
            "given": "waf",
            "Sid": "UseWaf",
            "Effect": "Allow",
            "Action": [
                "waf-regional:AssociateWebACL",
                "waf-regional:DisassociateWebACL",
                "waf-regional:GetWebACL",
                "waf-regional:GetWebACLForResource",
                "wafv2:AssociateWebACL",
                "wafv2:DisassociateWebACL",
                "wafv2:GetWebACL",
                "wafv2:GetWebACLForResource",
            ],
            "Resource": [
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:loadbalancer/app/*/*",
                "arn:${partition}:waf-regional:${region}:${account_id}:webacl/*",
                "arn:${partition}:wafv2:${region}:${account_id}:*/webacl/*/*",
            ],
        },
        {
            "given": "waf",
            "Sid": "SetWaf",
            "Effect": "Allow",
            "Action": "elasticloadbalancing:SetWebAcl",
            "Resource": "*",
        },
        {
            "given": "shield",
            "Sid": "UseShield",
            "Effect": "Allow",
            "Action": [
                "shield:CreateProtection",
                "shield:DeleteProtection",
                "shield:DescribeProtection",
                "shield:GetSubscriptionState",
            ],
            "Resource": "*",
        },
        {
            # The nodes' groups aren't the controller's, and those of a shared VPC not the account's.
            "Sid": "ManageRules",
            "Effect": "Allow",
            "Action": ["ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"],
            "Resource": "arn:${partition}:ec2:${region}:*:security-group/*",
        },
        {
            "Sid": "CreateSecurityGroups",
            "Effect": "Allow",
            "Action": "ec2:CreateSecurityGroup",
            "Resource": [
                "arn:${partition}:ec2:${region}:${account_id}:security-group/*",
                "arn:${partition}:ec2:${region}:*:vpc/*",
            ],
        },
        {
            "Sid": "TagSecurityGroupsAtCreation",
            "Effect": "Allow",
            "Action": "ec2:CreateTags",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:security-group/*",
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/elbv2.k8s.aws/cluster": "${cluster_name}",
                    "ec2:CreateAction": "CreateSecurityGroup",
                },
            },
        },
        {
            "Sid": "TagSecurityGroups",
            "Effect": "Allow",
            "Action": ["ec2:CreateTags", "ec2:DeleteTags"],
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:security-group/*",
            "Condition": {
                "Null": {"aws:RequestTag/elbv2.k8s.aws/cluster": "true"},
                "StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "${cluster_name}"},
            },
        },
        {
            "Sid": "DeleteSecurityGroups",
            "Effect": "Allow",
            "Action": "ec2:DeleteSecurityGroup",
            "Resource": "arn:${partition}:ec2:${region}:${account_id}:security-group/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "${cluster_name}"}},
        },
        {
            "Sid": "CreateLoadBalancers",
            "Effect": "Allow",
            "Action": ["elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup"],
            "Resource": [
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:loadbalancer/*",
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:targetgroup/*",
            ],
            "Condition": {"StringEquals": {"aws:RequestTag/elbv2.k8s.aws/cluster": "${cluster_name}"}},
        },
        {
            "Sid": "TagLoadBalancersAtCreation",
            "Effect": "Allow",
            "Action": "elasticloadbalancing:AddTags",
            "Resource": [
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:loadbalancer/*",
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:targetgroup/*",
            ],
            "Condition": {
                "StringEquals": {
                    "aws:RequestTag/elbv2.k8s.aws/cluster": "${cluster_name}",
                    "elasticloadbalancing:CreateAction": ["CreateLoadBalancer", "CreateTargetGroup"],
                },
            },
        },
        {
            "Sid": "TagLoadBalancers",
            "Effect": "Allow",
            "Action": ["elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags"],
            "Resource": [
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:loadbalancer/*",
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:targetgroup/*",
            ],
            "Condition": {
                "Null": {"aws:RequestTag/elbv2.k8s.aws/cluster": "true"},
                "StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "${cluster_name}"},
            },
        },
        {
            "Sid": "ManageLoadBalancers",
            "Effect": "Allow",
            "Action": [
                "elasticloadbalancing:DeleteLoadBalancer",
                "elasticloadbalancing:DeleteTargetGroup",
                "elasticloadbalancing:ModifyCapacityReservation",
                "elasticloadbalancing:ModifyIpPools",
                "elasticloadbalancing:ModifyListenerAttributes",
                "elasticloadbalancing:ModifyLoadBalancerAttributes",
                "elasticloadbalancing:ModifyTargetGroup",
                "elasticloadbalancing:ModifyTargetGroupAttributes",
                "elasticloadbalancing:SetIpAddressType",
                "elasticloadbalancing:SetSecurityGroups",
                "elasticloadbalancing:SetSubnets",
            ],
            "Resource": [
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:listener/*",
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:loadbalancer/*",
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:targetgroup/*",
            ],
            "Condition": {"StringEquals": {"aws:ResourceTag/elbv2.k8s.aws/cluster": "${cluster_name}"}},
        },
        {
            # Target groups that a TargetGroupBinding names may be anybody's.
            "Sid": "ManageTargets",
            "Effect": "Allow",
            "Action": ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"],
            "Resource": "arn:${partition}:elasticloadbalancing:${region}:${account_id}:targetgroup/*/*",
        },
        {
            # Listeners and rules of older releases have no tags.
            "Sid": "ManageListeners",
            "Effect": "Allow",
            "Action": [
                "elasticloadbalancing:AddListenerCertificates",
                "elasticloadbalancing:AddTags",
                "elasticloadbalancing:CreateRule",
                "elasticloadbalancing:DeleteListener",
                "elasticloadbalancing:DeleteRule",
                "elasticloadbalancing:ModifyListener",
                "elasticloadbalancing:ModifyRule",
                "elasticloadbalancing:RemoveListenerCertificates",
                "elasticloadbalancing:RemoveTags",
                "elasticloadbalancing:SetRulePriorities",
            ],
            "Resource": [
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:listener/*",
                "arn:${partition}:elasticloadbalancing:${region}:${account_id}:listener-rule/*",
            ],
        },
        {
            "Sid": "CreateListeners",
            "Effect": "Allow",
            "Action": "elasticloadbalancing:CreateListener",
            "Resource": "arn:${partition}:elasticloadbalancing:${region}:${account_id}:loadbalancer/*",
        },
    ],
}
