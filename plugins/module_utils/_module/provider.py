# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads an OIDC provider, plans changes, and maps the operations of plans to calls of IAM."""

from __future__ import annotations

import dataclasses
import functools
import time
import typing as t

from .._api.aws import iam
from .._core import errors
from .._core.arn import provider_arn
from .._core.plan import Plan
from .._core.provider import plan as provider_plan
from .._core.provider.plan import ObservedProvider, ProviderSpec

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws

_CHANGES = (
    iam.add_client_id,
    iam.remove_client_id,
    iam.set_thumbprints,
    iam.tag_oidc_provider,
    iam.untag_oidc_provider,
)
# Seconds before the second check of the roles. In this time, another writer that has planned its role writes it.
_SETTLE_DELAY = 0.5


def operations(aws: Aws, sleep: t.Callable[[float], None] = time.sleep) -> dict[str, t.Callable[..., t.Any]]:
    """The operations that plans of `_core.provider.plan` name."""
    client = aws.client("iam")

    def change(function: t.Callable[..., None], **arguments: t.Any) -> None:
        try:
            function(aws.unretried("iam") if function is iam.set_thumbprints else client, **arguments)
        except errors.NotFound as error:
            raise errors.OutOfDate(
                f"OIDC provider {arguments['arn']} was deleted by another writer while this run changed it",
                fix="run again when the other run has ended",
            ) from error

    return {
        "create_oidc_provider": functools.partial(iam.create_oidc_provider, client),
        "delete_oidc_provider": functools.partial(_delete, aws, sleep),
        **{function.__name__: functools.partial(change, function) for function in _CHANGES},
    }


def _delete(aws: Aws, sleep: t.Callable[[float], None], *, arn: str, if_unused: bool) -> None:
    """Delete a provider.

    :param if_unused: only if no role trusts it: look again, because another writer may have added one since the plan.
    """
    if if_unused:
        sleep(_SETTLE_DELAY)
        if provider_plan.find_trusting_roles(arn, _roles(aws.client("iam"), arn)):
            raise errors.OutOfDate(f"a role now trusts OIDC provider {arn}")
    iam.delete_oidc_provider(aws.unretried("iam"), arn=arn)


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
        error.options = (*error.options, "force")
        raise


def add_thumbprints(aws: Aws, plan: Plan) -> Plan:
    """The plan with the thumbprints that AWS has chosen for a new provider."""
    if not plan or not plan.after or plan.after["thumbprints"] is not None:
        return plan
    found = iam.find_oidc_provider(aws.client("iam"), arn=plan.after["arn"])
    # Eventual consistency: IAM may not return a new provider yet.
    thumbprints = sorted(found["ThumbprintList"]) if found else None
    return dataclasses.replace(plan, after={**plan.after, "thumbprints": thumbprints})
