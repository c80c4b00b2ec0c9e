# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run over many bindings knows of a chain, as the facts of a verification."""

from __future__ import annotations

import typing as t

from .findings import AwsFacts, KubernetesFacts, Observed, Unknown
from .options import Wanted

Json = t.Mapping[str, t.Any]

# How long a change in IAM is given to reach STS: the default of `irsa_verify`.
PROPAGATION_SECONDS = 120

_NOT_READ: t.Final = Unknown("it isn't read for many bindings at once")
# Another value, because a link without pods or webhook is unknown, and is not so without the facts above.
_NO_PODS: t.Final = Unknown("pods are not read for many bindings at once")


def wanted(namespace: str, name: str, *, role_arn: str | None, issuer: str, region: str | None, ask: bool) -> Wanted:
    """What is to be verified of one binding.

    :param issuer: empty where the cluster is known.
    :param ask: whether STS is asked, too.
    """
    return Wanted(
        namespace=namespace,
        service_account=name,
        role_arn=role_arn,
        issuer=issuer or None,
        region=region,
        probes=frozenset({"static", "token"} if ask else {"static"}),
        label_selectors=(),
        test_pod=None,
        propagation_timeout=PROPAGATION_SECONDS,
        fail_on="error",
        ignore=frozenset(),
    )


def role(found: Json) -> dict[str, t.Any]:
    """A role as GetRole gives it.

    :param found: as `irsa_role` returns it.
    """
    boundary = found["permissions_boundary"]
    return {
        "Arn": found["arn"],
        "RoleName": found["name"],
        "Path": found["path"],
        "AssumeRolePolicyDocument": found["trust_policy"],
        "Tags": found["tags"],
        **({"PermissionsBoundary": {"PermissionsBoundaryArn": boundary}} if boundary else {}),
    }


def aws_facts(provider: Json, of_role: Observed[Json | None], policies: Json | None = None) -> AwsFacts:
    """What is known of AWS's half.

    :param provider: as `iam_oidc_provider` returns it.
    :param of_role: as GetRole gives it; None if there is none.
    :param policies: the role as `irsa_role` returns it, where it was read as a whole.
    """
    managed = (policies or {}).get("managed_policies")
    inline = (policies or {}).get("inline_policies")
    return AwsFacts(
        provider={"ClientIDList": provider["client_ids"], "ThumbprintList": provider["thumbprints"] or []},
        provider_arns=_NOT_READ,
        role=of_role,
        managed_policies=_NOT_READ if managed is None else managed,
        inline_policies=_NOT_READ if inline is None else inline,
        boundary=_NOT_READ,
        quotas=_NOT_READ,
        addons=_NOT_READ,
        associations=_NOT_READ,
    )


def kubernetes_facts(of_account: Json | None) -> KubernetesFacts:
    """What is known of the cluster's half.

    :param of_account: as Kubernetes gives it; None if it is gone.
    """
    return KubernetesFacts(
        account=of_account,
        namespace=_NOT_READ,
        webhooks=_NO_PODS,
        serving_ca=_NOT_READ,
        pods=_NO_PODS,
        workloads={},
        admitted=None,
    )
