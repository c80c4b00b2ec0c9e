# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Envoy proxies of AWS App Mesh. AWS ends App Mesh on 30 September 2026."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "Envoy of AWS App Mesh",
    "source": "https://github.com/aws/aws-app-mesh-controller-for-k8s/blob/v1.13.3/config/iam/envoy-iam-policy.json",
    "version": "1.13.3",
    "parameters": {
        "meshes": {
            "kind": "names",
            "description": "Names of the meshes.",
            "required": True,
        },
        "certificates": {
            "kind": "certificates",
            "description": "Certificates of ACM that the proxies present.",
        },
        "authorities": {
            "kind": "authorities",
            "description": "Authorities of AWS Private CA that the proxies trust.",
        },
    },
    "statements": [
        {
            # A mesh may be shared by another account.
            "Sid": "Configure",
            "Effect": "Allow",
            "Action": "appmesh:StreamAggregatedResources",
            "Resource": [
                "arn:${partition}:appmesh:${region}:*:mesh/${meshes}/virtualGateway/*",
                "arn:${partition}:appmesh:${region}:*:mesh/${meshes}/virtualNode/*",
            ],
        },
        {
            "Sid": "ExportCertificates",
            "Effect": "Allow",
            "Action": "acm:ExportCertificate",
            "Resource": "${certificates}",
        },
        {
            "Sid": "ReadAuthorities",
            "Effect": "Allow",
            "Action": "acm-pca:GetCertificateAuthorityCertificate",
            "Resource": "${authorities}",
        },
    ],
}
