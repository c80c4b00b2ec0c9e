# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon EC2."""

from __future__ import annotations

import typing as t

from .call import aws_call


@aws_call("ec2:DescribeRegions", "list the regions of the account")
def describe_regions(client: t.Any) -> list[str]:
    """The names of the regions that are enabled in the client's account.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html
    """
    return sorted(str(region["RegionName"]) for region in client.describe_regions()["Regions"])
