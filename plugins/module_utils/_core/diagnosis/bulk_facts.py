# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a chain that a bulk run has already read, in the shape that a verification needs."""

from __future__ import annotations

import typing as t

from .facts import AwsFacts, KubernetesFacts, OrUnknown, Unknown
from .spec import VerificationSpec

Json = t.Mapping[str, t.Any]

# How long to wait for a change of IAM to reach STS: the default of `irsa_verify`.
PROPAGATION_SECONDS = 120

_NOT_READ: t.Final = Unknown("it isn't read for many bindings at once")


def build_spec(
    namespace: str, name: str, *, role_arn: str | None, issuer: str, region: str | None, ask: bool
) -> VerificationSpec:
    """The verification of one binding.

    :param issuer: empty where the cluster is known.
    :param ask: whether STS is asked, too.
    """
    return VerificationSpec(
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


def as_get_role(found: Json) -> dict[str, t.Any]:
    """A role as GetRole returns it.

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


def aws_facts(provider: Json, of_role: OrUnknown[Json | None], policies: Json | None = None) -> AwsFacts:
    """The facts of IAM.

    :param provider: as `iam_oidc_provider` returns it.
    :param of_role: as GetRole returns it; None if it does not exist.
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
    """The facts of the cluster.

    :param of_account: as Kubernetes returns it; None if it does not exist.
    """
    return KubernetesFacts(
        account=of_account,
        namespace=_NOT_READ,
        webhooks=_NOT_READ,
        serving_ca=_NOT_READ,
        pods=_NOT_READ,
        workloads={},
        admitted=None,
    )
