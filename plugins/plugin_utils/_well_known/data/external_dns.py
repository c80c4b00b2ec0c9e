# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""external-dns: writes records into hosted zones of Route 53."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "external-dns",
    "source": "https://github.com/kubernetes-sigs/external-dns/blob/v0.22.0/docs/tutorials/aws.md",
    "version": "0.22.0",
    "parameters": {
        "zones": {
            "kind": "zones",
            "description": "Hosted zones whose records may be changed.",
            "required": True,
        },
        "record_names": {
            "kind": "record_names",
            "description": "Names of the records that may be changed, all if left out. The registry's count, too.",
        },
        "record_types": {
            "kind": "record_types",
            "description": "Types of the records that may be changed, all if left out. The registry needs V(TXT).",
        },
    },
    "statements": [
        {
            "Sid": "ChangeRecords",
            "Effect": "Allow",
            "Action": "route53:ChangeResourceRecordSets",
            "Resource": "arn:${partition}:route53:::hostedzone/${zones}",
            "Condition": {
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": "${record_names}",
                },
                "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": "${record_types}"},
            },
        },
        {
            "Sid": "ReadRecords",
            "Effect": "Allow",
            "Action": "route53:ListResourceRecordSets",
            "Resource": "arn:${partition}:route53:::hostedzone/${zones}",
        },
        {
            "Sid": "FindZones",
            "Effect": "Allow",
            "Action": "route53:ListHostedZones",
            "Resource": "*",
        },
        {
            # Both: releases before 0.15 ask zone by zone. A filter by tags asks of every zone.
            "Sid": "ReadTagsOfZones",
            "Effect": "Allow",
            "Action": ["route53:ListTagsForResource", "route53:ListTagsForResources"],
            "Resource": "arn:${partition}:route53:::hostedzone/*",
        },
    ],
}
