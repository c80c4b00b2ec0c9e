# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads an OIDC provider, plans changes, and maps the operations of plans to calls of IAM."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._api.aws import iam
from .._core import errors
from .._core.arn import provider_arn
from .._core.plan import Plan
from .._core.provider import plan as provider_plan
from .._core.provider.plan import ObservedProvider, ProviderSpec

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws

_OPERATIONS = (
    iam.create_oidc_provider,
    iam.delete_oidc_provider,
    iam.add_client_id,
    iam.remove_client_id,
    iam.set_thumbprints,
    iam.tag_oidc_provider,
    iam.untag_oidc_provider,
)


def operations(client: t.Any) -> dict[str, t.Callable[..., t.Any]]:
    """The operations that plans of `_core.provider.plan` name."""
    return {function.__name__: functools.partial(function, client) for function in _OPERATIONS}


def plan(aws: Aws, spec: ProviderSpec) -> Plan:
    """Reads the observed state and makes the plan."""
    return provider_plan.plan(spec, observe(aws, spec))


def observe(aws: Aws, spec: ProviderSpec) -> ObservedProvider:
    """Reads the provider, and only what else the plan needs, so that the caller needs no other permissions."""
    url, arn = _target(aws, spec)
    client = aws.client("iam")
    found = iam.find_oidc_provider(client, arn=arn)
    if found is None:
        return ObservedProvider(url, arn, None, others=_others(client))
    if spec.state == "absent" and not spec.force:
        return ObservedProvider(url, arn, found, roles=tuple(_roles(client, arn)))
    return ObservedProvider(url, arn, found)


def _target(aws: Aws, spec: ProviderSpec) -> tuple[str, str]:
    """The issuer's URL and the provider's ARN in the account of the credentials."""
    if spec.cluster_name:
        # EKS returns only clusters of the caller's own account.
        cluster = aws.describe(spec.cluster_name)
        return cluster.require_issuer(), cluster.require_provider_arn()
    caller = aws.caller()
    return spec.url, provider_arn(caller.partition, caller.account_id, spec.url)


def _others(client: t.Any) -> tuple[str, ...]:
    try:
        return tuple(iam.list_oidc_providers(client))
    except errors.AccessDenied:
        return ()  # needed for a warning only


def _roles(client: t.Any, arn: str) -> list[dict[str, t.Any]]:
    try:
        return iam.list_roles(client)
    except errors.AccessDenied as error:
        error.message = f"could not check whether roles still trust OIDC provider {arn}"
        error.fix = f"{error.fix}; or set force: true to skip this check"
        raise


def add_thumbprints(aws: Aws, plan: Plan) -> Plan:
    """The plan with the thumbprints that AWS has chosen for a new provider."""
    if not plan or not plan.after or plan.after["thumbprints"] is not None:
        return plan
    found = iam.find_oidc_provider(aws.client("iam"), arn=plan.after["arn"])
    # Eventual consistency: IAM may not return a new provider yet.
    thumbprints = sorted(found["ThumbprintList"]) if found else None
    return dataclasses.replace(plan, after={**plan.after, "thumbprints": thumbprints})
