# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS App Mesh controller: makes meshes and what is in them. AWS ends App Mesh on 30 September 2026."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "AWS App Mesh controller",
    "source": "https://github.com/aws/aws-app-mesh-controller-for-k8s/blob/v1.13.3/config/iam/controller-iam-policy.json",
    "version": "1.13.3",
    "parameters": {
        "meshes": {
            "kind": "names",
            "description": "Names of the meshes.",
            "default": ["*"],
        },
        "cloud_map": {
            "kind": "bool",
            "description": "Whether virtual nodes are registered with AWS Cloud Map.",
            "default": True,
        },
        "zones": {
            "kind": "zones",
            "description": "Hosted zones of the namespaces of Cloud Map.",
        },
        "certificates": {
            "kind": "bool",
            "description": "Whether gateways and nodes use certificates of ACM and authorities of AWS Private CA.",
            "default": True,
        },
    },
    "statements": [
        {
            "Sid": "FindMeshes",
            "Effect": "Allow",
            "Action": "appmesh:ListMeshes",
            "Resource": "*",
        },
        {
            # A mesh may be shared by another account.
            "Sid": "ManageMeshes",
            "Effect": "Allow",
            "Action": [
                "appmesh:CreateGatewayRoute",
                "appmesh:CreateMesh",
                "appmesh:CreateRoute",
                "appmesh:CreateVirtualGateway",
                "appmesh:CreateVirtualNode",
                "appmesh:CreateVirtualRouter",
                "appmesh:CreateVirtualService",
                "appmesh:DeleteGatewayRoute",
                "appmesh:DeleteMesh",
                "appmesh:DeleteRoute",
                "appmesh:DeleteVirtualGateway",
                "appmesh:DeleteVirtualNode",
                "appmesh:DeleteVirtualRouter",
                "appmesh:DeleteVirtualService",
                "appmesh:DescribeGatewayRoute",
                "appmesh:DescribeMesh",
                "appmesh:DescribeRoute",
                "appmesh:DescribeVirtualGateway",
                "appmesh:DescribeVirtualNode",
                "appmesh:DescribeVirtualRouter",
                "appmesh:DescribeVirtualService",
                "appmesh:ListGatewayRoutes",
                "appmesh:ListRoutes",
                "appmesh:ListVirtualGateways",
                "appmesh:ListVirtualNodes",
                "appmesh:ListVirtualRouters",
                "appmesh:ListVirtualServices",
                "appmesh:UpdateGatewayRoute",
                "appmesh:UpdateMesh",
                "appmesh:UpdateRoute",
                "appmesh:UpdateVirtualGateway",
                "appmesh:UpdateVirtualNode",
                "appmesh:UpdateVirtualRouter",
                "appmesh:UpdateVirtualService",
            ],
            "Resource": [
                "arn:${partition}:appmesh:${region}:*:mesh/${meshes}",
                "arn:${partition}:appmesh:${region}:*:mesh/${meshes}/*",
            ],
        },
        {
            "Sid": "LinkServiceRole",
            "Effect": "Allow",
            "Action": "iam:CreateServiceLinkedRole",
            "Resource": "arn:${partition}:iam::${account_id}:role/aws-service-role/appmesh.amazonaws.com/*",
            "Condition": {"StringEquals": {"iam:AWSServiceName": "appmesh.amazonaws.com"}},
        },
        {
            "given": "certificates",
            "Sid": "FindCertificates",
            "Effect": "Allow",
            "Action": ["acm:ListCertificates", "acm-pca:ListCertificateAuthorities"],
            "Resource": "*",
        },
        {
            "given": "certificates",
            "Sid": "ReadCertificates",
            "Effect": "Allow",
            "Action": ["acm:DescribeCertificate", "acm-pca:DescribeCertificateAuthority"],
            "Resource": [
                "arn:${partition}:acm:${region}:${account_id}:certificate/*",
                "arn:${partition}:acm-pca:${region}:*:certificate-authority/*",
            ],
        },
        {
            "given": "cloud_map",
            "Sid": "ObserveCloudMap",
            "Effect": "Allow",
            "Action": [
                "servicediscovery:GetInstance",
                "servicediscovery:GetInstancesHealthStatus",
                "servicediscovery:GetOperation",
                "servicediscovery:ListInstances",
                "servicediscovery:ListNamespaces",
                "servicediscovery:ListServices",
            ],
            "Resource": "*",
        },
        {
            "given": "cloud_map",
            "Sid": "ManageCloudMap",
            "Effect": "Allow",
            "Action": [
                "servicediscovery:CreateService",
                "servicediscovery:DeleteService",
                "servicediscovery:DeregisterInstance",
                "servicediscovery:GetService",
                "servicediscovery:RegisterInstance",
                "servicediscovery:UpdateInstanceCustomHealthStatus",
            ],
            "Resource": [
                "arn:${partition}:servicediscovery:${region}:${account_id}:namespace/*",
                "arn:${partition}:servicediscovery:${region}:${account_id}:service/*",
            ],
        },
        {
            "given": "cloud_map",
            "Sid": "CreateHealthChecks",
            "Effect": "Allow",
            "Action": "route53:CreateHealthCheck",
            "Resource": "*",
        },
        {
            "given": "cloud_map",
            "Sid": "ManageHealthChecks",
            "Effect": "Allow",
            "Action": ["route53:DeleteHealthCheck", "route53:GetHealthCheck", "route53:UpdateHealthCheck"],
            "Resource": "arn:${partition}:route53:::healthcheck/*",
        },
        {
            "given": "cloud_map",
            "Sid": "ChangeRecords",
            "Effect": "Allow",
            "Action": "route53:ChangeResourceRecordSets",
            "Resource": "arn:${partition}:route53:::hostedzone/${zones}",
        },
    ],
}
