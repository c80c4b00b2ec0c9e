# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""OIDC providers as wholes: what takes several calls."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._api.aws import iam
from .._core import errors
from .._core.arn import provider_arn
from .._core.plan import Plan
from .._core.provider import spec_and_plan as provider_plan

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
    """What the plans of `_core.provider` call for."""
    return {function.__name__: functools.partial(function, client) for function in _OPERATIONS}


def plan(aws: Aws, wanted: provider_plan.Wanted) -> Plan:
    """Reads what the plan for a provider depends on, and makes it."""
    return provider_plan.plan(wanted, observe(aws, wanted))


def observe(aws: Aws, wanted: provider_plan.Wanted) -> provider_plan.Observed:
    """Reads no more than the plan needs, so that it takes no more permissions."""
    url, arn = _target(aws, wanted)
    client = aws.client("iam")
    found = iam.find_oidc_provider(client, arn=arn)
    if found is None:
        return provider_plan.Observed(url, arn, None, others=_others(client))
    if wanted.state == "absent" and not wanted.force:
        return provider_plan.Observed(url, arn, found, roles=tuple(_roles(client, arn)))
    return provider_plan.Observed(url, arn, found)


def _target(aws: Aws, wanted: provider_plan.Wanted) -> tuple[str, str]:
    """The issuer's URL, and its provider's ARN in the account of the credentials."""
    if wanted.cluster_name:
        # EKS shows an account its own clusters only.
        cluster = aws.describe(wanted.cluster_name)
        return cluster.require_issuer(), provider_plan.arn_of(cluster)
    caller = aws.caller()
    return wanted.url, provider_arn(caller.partition, caller.account_id, wanted.url)


def _others(client: t.Any) -> tuple[str, ...]:
    try:
        return tuple(iam.list_oidc_providers(client))
    except errors.AccessDenied:
        return ()  # only a warning hangs on it


def _roles(client: t.Any, arn: str) -> list[dict[str, t.Any]]:
    try:
        return iam.list_roles(client)
    except errors.AccessDenied as error:
        error.message = f"could not find out whether roles still trust the OIDC provider {arn}"
        error.fix = f"{error.fix}; or set force: true, which doesn't ask"
        raise


def completed(aws: Aws, plan: Plan) -> Plan:
    """The plan with the thumbprints that AWS chose for a provider that was created."""
    if not plan or not plan.after or plan.after["thumbprints"] is not None:
        return plan
    found = iam.find_oidc_provider(aws.client("iam"), arn=plan.after["arn"])
    # A provider that was just made may not be readable everywhere yet.
    thumbprints = sorted(found["ThumbprintList"]) if found else None
    return dataclasses.replace(plan, after={**plan.after, "thumbprints": thumbprints})
