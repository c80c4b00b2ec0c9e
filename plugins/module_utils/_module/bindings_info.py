# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the facts from which `_core` derives the bindings of a cluster."""

from __future__ import annotations

import concurrent.futures
import functools
import typing as t

from .._api.aws import iam
from .._core import arn as arns
from .._core.bindings import importing
from .._core.bindings.importing import ImportFacts
from .._core.errors import AccessDenied
from .._core.role.spec import RoleSpec
from . import role as role_module
from .service_account import list_accounts

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws
    from .._api.kubernetes.client import ApiServer
    from .._core.bindings.importing import ImportSpec
    from .._core.role.spec import Role

WORKERS = 8
# Up to this many roles are read one by one. For more, all roles are listed.
_MAX_SINGLE_READS = 8


def read(aws: Aws, server: ApiServer, spec: ImportSpec) -> ImportFacts:
    """Reads the service accounts, the roles that they name, and the cluster's provider.

    :raises AccessDenied: the caller cannot read the service accounts, the provider or the roles.
    """
    cluster = aws.describe(spec.cluster_name) if spec.cluster_name else None
    account = cluster or aws.caller()
    issuer = cluster.require_issuer() if cluster else t.cast(str, spec.issuer)
    client = aws.client("iam")
    arn = arns.provider_arn(account.partition, account.account_id, issuer)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        provider = pool.submit(iam.find_oidc_provider, client, arn=arn)
        listed = list_accounts(server, spec.namespaces).accounts
        accounts = {name: body for name, body in listed.items() if not spec.namespaces or name[0] in spec.namespaces}
        observed_provider = provider.result()
        names = importing.list_role_names(accounts, account.account_id)
        roles = _read_roles(client, names, pool)
        policies = _list_own_policies(client) if any(role.managed_policies for role in roles.values()) else None
    return ImportFacts(
        partition=account.partition,
        account_id=account.account_id,
        issuer=issuer,
        audiences=None if observed_provider is None else frozenset(observed_provider["ClientIDList"]),
        service_accounts=accounts,
        roles=roles,
        policies=policies,
        empty_namespaces=sorted({*spec.namespaces} - {namespace for namespace, _name in accounts}),
    )


def _read_roles(client: t.Any, names: t.Sequence[str], pool: concurrent.futures.Executor) -> dict[str, Role]:
    """The existing roles with these names. The result can also contain other roles."""
    if len(names) > _MAX_SINGLE_READS:
        try:
            return role_module.find_all(client, settings=True)
        except AccessDenied:
            pass  # single reads need another permission
    find = functools.partial(role_module.find, client)
    roles = pool.map(find, [RoleSpec(present=True, name=name) for name in names])
    return {role.name: role for role in roles if role}


def _list_own_policies(client: t.Any) -> t.Collection[str] | None:
    """The names of the account's own managed policies; None if the caller cannot list them."""
    try:
        return set(iam.list_policies(client, scope="Local"))
    except AccessDenied:
        return None  # bindings then name policies by ARN
