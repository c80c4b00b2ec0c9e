# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cert-manager: solves DNS-01 challenges with TXT records in hosted zones of Route 53."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.plugin_utils._well_known.model import Policy

POLICY: Policy = {
    "title": "cert-manager",
    "source": "https://cert-manager.io/docs/configuration/acme/dns01/route53/",
    "version": "1.21",
    "parameters": {
        "zones": {
            "kind": "zones",
            "description": "Hosted zones in which challenges are solved.",
            "required": True,
        },
        "find_zones": {
            "kind": "bool",
            "description": "Whether zones are looked up by name. Not needed where solvers give their C(hostedZoneID).",
            "default": True,
        },
    },
    "statements": [
        {
            "Sid": "FollowChanges",
            "Effect": "Allow",
            "Action": "route53:GetChange",
            "Resource": "arn:${partition}:route53:::change/*",
        },
        {
            "Sid": "SolveChallenges",
            "Effect": "Allow",
            "Action": "route53:ChangeResourceRecordSets",
            "Resource": "arn:${partition}:route53:::hostedzone/${zones}",
            "Condition": {"ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": "TXT"}},
        },
        {
            "Sid": "ReadRecords",
            "Effect": "Allow",
            "Action": "route53:ListResourceRecordSets",
            "Resource": "arn:${partition}:route53:::hostedzone/${zones}",
        },
        {
            "given": "find_zones",
            "Sid": "FindZones",
            "Effect": "Allow",
            "Action": "route53:ListHostedZonesByName",
            "Resource": "*",
        },
    ],
}
