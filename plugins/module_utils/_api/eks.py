# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon EKS."""

from __future__ import annotations

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._api.translate import aws_call


@aws_call("eks:DescribeCluster", "read the EKS cluster {name}")
def describe_cluster(client: t.Any, *, name: str) -> dict[str, t.Any]:
    """DescribeCluster's ``cluster``, as AWS returns it.

    :raises NotFound: there is no such cluster in the client's region and account.
    """
    return t.cast("dict[str, t.Any]", client.describe_cluster(name=name)["cluster"])
