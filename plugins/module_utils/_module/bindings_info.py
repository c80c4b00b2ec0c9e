# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the state of a cluster and its AWS account from which `_core` derives bindings."""

from __future__ import annotations

import concurrent.futures
import functools
import typing as t

from .._api.aws import iam
from .._api.kubernetes import service_accounts
from .._api.kubernetes.client import list_in_namespaces
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
# Up to this many roles are read one by one, more by listing all roles.
_FEW = 8


def read(aws: Aws, server: ApiServer, spec: ImportSpec) -> ImportFacts:
    """The service accounts, the roles that they name, and the cluster's provider.

    :raises AccessDenied: the caller may not read the service accounts, the provider or the roles.
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
        accepted = provider.result()
        names = importing.named_roles(accounts, account.account_id)
        found = _read_roles(client, names, pool)
        policies = _read_policies(client) if any(role.managed_policies for role in found.values()) else None
    return ImportFacts(
        partition=account.partition,
        account_id=account.account_id,
        issuer=issuer,
        audiences=None if accepted is None else frozenset(accepted["ClientIDList"]),
        service_accounts=accounts,
        roles=found,
        policies=policies,
    )


def _read_accounts(server: ApiServer, namespaces: t.Sequence[str]) -> dict[importing.Name, dict[str, t.Any]]:
    """The service accounts of some namespaces, or of all."""
    if namespaces:
        found = list_in_namespaces(server, service_accounts.list_service_accounts, namespaces)
    else:
        found = service_accounts.list_service_accounts(server)
    named = {(body["metadata"]["namespace"], body["metadata"]["name"]): body for body in found}
    return {name: body for name, body in named.items() if not namespaces or name[0] in namespaces}


def _read_roles(client: t.Any, names: t.Sequence[str], pool: concurrent.futures.Executor) -> dict[str, Role]:
    """The existing roles of these names, and perhaps others."""
    if len(names) > _FEW:
        try:
            return role_module.find_all(client, settings=True)
        except AccessDenied:
            pass  # reading roles one by one needs another permission
    find = functools.partial(role_module.find, client)
    found = pool.map(find, [RoleSpec(present=True, name=name) for name in names])
    return {role.name: role for role in found if role}


def _read_policies(client: t.Any) -> t.Collection[str] | None:
    """The names of the account's own managed policies; None if the caller may not list them."""
    try:
        return set(iam.list_policies(client, scope="Local"))
    except AccessDenied:
        return None  # policies are then named by ARN
