# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS Private CA issuer of cert-manager: has certificates issued by authorities of AWS Private CA."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "AWS Private CA issuer",
    "source": "https://github.com/cert-manager/aws-privateca-issuer/blob/v1.9.0/README.md",
    "version": "1.9.0",
    "parameters": {
        "authorities": {
            "kind": "authorities",
            "description": "Authorities that certificates are issued by.",
            "required": True,
        },
    },
    "statements": [
        {
            "Sid": "IssueCertificates",
            "Effect": "Allow",
            "Action": [
                "acm-pca:DescribeCertificateAuthority",
                "acm-pca:GetCertificate",
                "acm-pca:IssueCertificate",
            ],
            "Resource": "${authorities}",
        },
    ],
}
