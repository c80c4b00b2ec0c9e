# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new pod of a chain's service account would carry."""

from __future__ import annotations

import dataclasses
import typing as t

from ..pods import injection
from ..pods.injection import Expected
from .facts import Chain, KubernetesFacts, Unknown

Json = t.Mapping[str, t.Any]


def name_of(chain: Chain) -> str:
    """The account's namespace and name."""
    return f"{chain.namespace}/{chain.service_account}"


def role_placeholder(chain: Chain) -> str:
    """The role's ARN for a fix, or a placeholder where the chain names none."""
    return chain.role_arn or "the role's ARN"


def admitted(facts: KubernetesFacts) -> Json | None:
    """The pod that came back from the dry run; None where there was none, or it was refused."""
    return None if isinstance(facts.admitted, Unknown) else facts.admitted


def injected_role(facts: KubernetesFacts) -> str | None:
    """The role that the webhook gave to the pod of the dry run, by whatever configuration."""
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


def was_mutated(facts: KubernetesFacts) -> bool | None:
    """Whether the webhook gave credentials of either kind to the pod of the dry run; None without a dry run."""
    if admitted(facts) is None:
        return None
    return injected_role(facts) is not None or has_pod_identity(facts)


def annotated(facts: KubernetesFacts) -> Expected | None:
    """What the account's annotations ask for; None where they name no role or cannot be read."""
    if facts.account is None or isinstance(facts.account, Unknown):
        return None
    return Expected.from_account(facts.account)


def expected_injection(chain: Chain, facts: KubernetesFacts) -> Expected | None:
    """What a new pod of the account would carry; None where that is nothing.

    In this order: the annotation; the role of the dry run, as the webhook's own ConfigMap may name one for an account
    without an annotation; for an account that cannot be read, the role that the user named.
    """
    role_arn = injected_role(facts)
    # A dry run that brings the role shows that no association takes precedence.
    pod_identity = role_arn is None
    by_annotation = annotated(facts)
    if by_annotation is not None:
        return dataclasses.replace(by_annotation, pod_identity=pod_identity)
    if role_arn is None and isinstance(facts.account, Unknown):
        role_arn = chain.role_arn
    return Expected(role_arn, pod_identity=pod_identity) if role_arn else None
