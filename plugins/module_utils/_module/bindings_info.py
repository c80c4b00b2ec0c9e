# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what the bindings of a cluster are made out of. What they are, `_core` decides."""

from __future__ import annotations

import concurrent.futures
import functools
import typing as t

from .._api.aws import iam
from .._core import arn as arns
from .._core.bindings import importing
from .._core.bindings.importing import Facts
from .._core.errors import AccessDenied
from .._core.role import spec as role_spec
from . import role as role_module
from .bindings.listing import list_accounts

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws
    from .._api.kubernetes.client import ApiServer
    from .._core.bindings.importing import Wanted
    from .._core.role.spec import Role

WORKERS = 8
# Up to so many roles are read one by one, more by pages.
_FEW = 8


def read(aws: Aws, server: ApiServer, wanted: Wanted) -> Facts:
    """The service accounts, the roles that they name, and the cluster's provider.

    :raises AccessDenied: the service accounts, the provider or the roles may not be read.
    """
    cluster = aws.describe(wanted.cluster_name) if wanted.cluster_name else None
    place = cluster or aws.caller()
    issuer = cluster.require_issuer() if cluster else t.cast(str, wanted.issuer)
    client = aws.client("iam")
    arn = arns.provider_arn(place.partition, place.account_id, issuer)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        provider = pool.submit(iam.find_oidc_provider, client, arn=arn)
        listed = list_accounts(server, wanted.namespaces).accounts
        accounts = {
            name: body for name, body in listed.items() if not wanted.namespaces or name[0] in wanted.namespaces
        }
        accepted = provider.result()
        names = importing.roles_named(accounts, place.account_id)
        found = _read_roles(client, names, pool)
        policies = _read_policies(client) if any(each.managed_policies for each in found.values()) else None
    return Facts(
        partition=place.partition,
        account_id=place.account_id,
        issuer=issuer,
        audiences=None if accepted is None else frozenset(accepted["ClientIDList"]),
        service_accounts=accounts,
        roles=found,
        policies=policies,
    )


def _read_roles(client: t.Any, names: t.Sequence[str], pool: concurrent.futures.Executor) -> dict[str, Role]:
    """The roles of these names that there are, and others perhaps."""
    if len(names) > _FEW:
        try:
            return role_module.find_all(client, settings=True)
        except AccessDenied:
            pass  # a permission that irsa_bindings can do without, too
    find = functools.partial(role_module.find, client)
    found = pool.map(find, [role_spec.Wanted(present=True, name=name) for name in names])
    return {each.name: each for each in found if each}


def _read_policies(client: t.Any) -> t.Collection[str] | None:
    """The names of the account's own managed policies; None if the caller may not list them."""
    try:
        return set(iam.list_policies(client, scope="Local"))
    except AccessDenied:
        return None  # then every policy goes by its ARN
