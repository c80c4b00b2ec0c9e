# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The IAM OIDC provider of a cluster."""

from __future__ import annotations

import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._core import model


def arn_of(cluster: model.EksCluster) -> str:
    """The ARN that the cluster's provider has in the cluster's own account.

    :raises InvalidInput: the cluster has no issuer.
    """
    return model.provider_arn(cluster.partition, cluster.account_id, cluster.require_issuer())


def describe(cluster: model.EksCluster, found: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """What `eks_oidc_info` returns: ``cluster`` and ``oidc``.

    :param found: the provider as `_api.iam.get_oidc_provider` gives it; None if IAM doesn't know it.
    :raises InvalidInput: the cluster has no issuer.
    """
    issuer = cluster.require_issuer()
    return {
        "cluster": {
            "name": cluster.name,
            "arn": cluster.arn,
            "status": cluster.status,
            "version": cluster.version,
            "endpoint": cluster.endpoint,
            "certificate_authority": cluster.certificate_authority,
            "account_id": cluster.account_id,
            "partition": cluster.partition,
            "region": cluster.region,
        },
        "oidc": {
            "issuer": issuer,
            "provider": model.provider_of(issuer),
            "provider_arn": arn_of(cluster),
            "provider_exists": found is not None,
            "client_ids": sorted(found["ClientIDList"]) if found else [],
            "thumbprints": list(found["ThumbprintList"]) if found else [],
            "tags": dict(found["Tags"]) if found else {},
        },
    }
