# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Return values of `eks_oidc_info`."""

from __future__ import annotations

import typing as t

from ..arn import EksCluster, provider_of


def describe(cluster: EksCluster, provider: t.Mapping[str, t.Any] | None) -> dict[str, t.Any]:
    """Describe a cluster and its IAM OIDC provider: ``cluster`` and ``oidc``.

    :param provider: the provider as `_api.aws.iam.get_oidc_provider` returns it; None if it does not exist.
    :raises InvalidInput: the cluster does not have an issuer.
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
            "provider": provider_of(issuer),
            "provider_arn": cluster.require_provider_arn(),
            "provider_exists": provider is not None,
            "client_ids": sorted(provider["ClientIDList"]) if provider else [],
            "thumbprints": list(provider["ThumbprintList"]) if provider else [],
            "tags": dict(provider["Tags"]) if provider else {},
        },
    }
