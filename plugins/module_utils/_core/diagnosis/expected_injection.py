# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the pods of a chain's service account are to carry, and where that is to be seen."""

from __future__ import annotations

import typing as t

from ..pods import injection
from ..pods.injection import Expected
from .facts import Chain, KubernetesFacts, Unknown

Json = t.Mapping[str, t.Any]


def name_of(chain: Chain) -> str:
    """The account's namespace and name."""
    return f"{chain.namespace}/{chain.service_account}"


def role_placeholder(chain: Chain) -> str:
    """The role's ARN for a fix, or what stands for it where the chain names none."""
    return chain.role_arn or "the role's ARN"


def admitted(facts: KubernetesFacts) -> Json | None:
    """The pod that came back from the dry run; None where there was none, or it was refused."""
    return None if isinstance(facts.admitted, Unknown) else facts.admitted


def carried(facts: KubernetesFacts) -> str | None:
    """The role that a new pod was given in the dry run, whatever gave the webhook the idea."""
    pod = admitted(facts)
    for _field, container in injection.containers_of(pod["spec"]) if pod is not None else ():
        if injection.is_injected(container):
            return str(injection.environment_of(container)[injection.ROLE_VARIABLE]["value"])
    return None


def has_pod_identity(facts: KubernetesFacts) -> bool:
    """Whether a new pod was given the credentials of an EKS Pod Identity association in the dry run."""
    pod = admitted(facts)
    return pod is not None and any(
        injection.POD_IDENTITY_VARIABLE in injection.environment_of(container)
        for _field, container in injection.containers_of(pod["spec"])
    )


def is_touched(facts: KubernetesFacts) -> bool | None:
    """Whether the webhook gave credentials of either kind to the pod of the dry run; None without a dry run."""
    if admitted(facts) is None:
        return None
    return carried(facts) is not None or has_pod_identity(facts)


def annotated(facts: KubernetesFacts) -> Expected | None:
    """What the account's annotations promise; None where they promise nothing or can't be read."""
    if facts.account is None or isinstance(facts.account, Unknown):
        return None
    return Expected.from_account(facts.account)


def promised(chain: Chain, facts: KubernetesFacts) -> Expected | None:
    """What a new pod of the account would carry; None where that is nothing.

    In this order: the annotation; what the dry run shows, as the webhook's own ConfigMap may name a role for an
    account without one; and for an account that can't be read the role that the user named.
    """
    by_annotation = annotated(facts)
    if by_annotation is not None:
        return by_annotation
    role_arn = carried(facts)
    if role_arn is None and isinstance(facts.account, Unknown):
        role_arn = chain.role_arn
    return Expected(role_arn) if role_arn else None
