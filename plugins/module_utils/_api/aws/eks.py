# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Amazon EKS."""

from __future__ import annotations

import typing as t

from ..._core.arn import EksCluster
from ..._core.errors import InvalidInput, NotFound
from .call import aws_call, pages


@aws_call("eks:DescribeCluster", "read the EKS cluster {name}")
def describe_cluster(client: t.Any, *, name: str) -> dict[str, t.Any]:
    """DescribeCluster's ``cluster``.

    :raises NotFound: the cluster does not exist in the client's region and account.
    """
    cluster: dict[str, t.Any] = client.describe_cluster(name=name)["cluster"]
    if EksCluster.from_aws(cluster).name != name:  # from_aws raises an error for an incomplete answer
        raise InvalidInput(f"it describes the cluster {cluster['name']}")
    return cluster


@aws_call("eks:ListClusters", "list the EKS clusters")
def list_clusters(client: t.Any) -> list[str]:
    """The names of the EKS clusters in the client's region and account, without connected clusters."""
    return [str(name) for page in pages(client, "list_clusters") for name in page["clusters"]]


def find_addon(client: t.Any, *, cluster: str, name: str) -> dict[str, t.Any] | None:
    """The add-on as ``describe_addon`` returns it; None if the cluster does not have it."""
    try:
        return describe_addon(client, cluster=cluster, name=name)
    except NotFound:
        return None


@aws_call("eks:DescribeAddon", "read the add-on {name} of the EKS cluster {cluster}")
def describe_addon(client: t.Any, *, cluster: str, name: str) -> dict[str, t.Any]:
    """DescribeAddon's ``addon``.

    :raises NotFound: the cluster does not have the add-on.
    """
    return t.cast("dict[str, t.Any]", client.describe_addon(clusterName=cluster, addonName=name)["addon"])


@aws_call(
    "eks:ListPodIdentityAssociations", "list the EKS Pod Identity associations of {namespace}/{name} in {cluster}"
)
def list_pod_identity_associations(client: t.Any, *, cluster: str, namespace: str, name: str) -> list[dict[str, t.Any]]:
    """The EKS Pod Identity associations of a service account. AWS does not list their roles."""
    return _associations(client, clusterName=cluster, namespace=namespace, serviceAccount=name)


@aws_call("eks:ListPodIdentityAssociations", "list the EKS Pod Identity associations of {cluster}")
def list_all_pod_identity_associations(client: t.Any, *, cluster: str) -> list[dict[str, t.Any]]:
    """The associations of all service accounts, each with ``namespace`` and ``serviceAccount``."""
    return _associations(client, clusterName=cluster)


def _associations(client: t.Any, **arguments: str) -> list[dict[str, t.Any]]:
    operation = "list_pod_identity_associations"
    return [
        {**item, "namespace": item["namespace"], "serviceAccount": item["serviceAccount"]}
        for page in pages(client, operation, **arguments)
        for item in page["associations"]
    ]
