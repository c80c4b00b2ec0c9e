# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads service accounts, plans changes, and maps the operations of plans to API calls."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .._api.kubernetes import service_accounts as api
from .._core import errors
from .._core.plan import Plan
from .._core.service_account import plan as service_account_plan
from .._core.service_account.spec import ServiceAccountSpec, ServiceAccountState

if t.TYPE_CHECKING:
    from .._api.kubernetes.client import ApiServer


def plan_service_account(server: ApiServer, spec: ServiceAccountSpec) -> Plan:
    """Reads the observed state and makes the plan."""
    return service_account_plan.plan(spec, observe_service_account(server, spec))


def observe_service_account(server: ApiServer, spec: ServiceAccountSpec) -> ServiceAccountState:
    """Reads the service account and, if it must be created, the phase of its namespace."""
    account = api.find_service_account(server, namespace=spec.namespace, name=spec.name)
    phase = None
    if account is None and spec.state == "present":
        phase = api.namespace_phase(server, name=spec.namespace)
    return ServiceAccountState.from_kubernetes(account, phase)


def create_service_account(
    server: ApiServer, *, body: t.Mapping[str, t.Any], manager: str, dry_run: bool = False
) -> dict[str, t.Any]:
    """:raises NotFound: the namespace does not exist; the error has a fix."""
    try:
        return api.create_service_account(server, body=body, manager=manager, dry_run=dry_run)
    except errors.NotFound as error:
        raise service_account_plan.missing_namespace(body["metadata"]["namespace"], is_unreadable=True) from error


def operations(server: ApiServer) -> dict[str, t.Callable[..., t.Any]]:
    """The operations that plans of `_core.service_account` name.

    The apply after a creation is bound to what was created. Otherwise it would remove what another run of this
    collection, with the same field manager, has applied since then.
    """
    created: dict[tuple[str, str], dict[str, str]] = {}

    def create(*, body: t.Mapping[str, t.Any], dry_run: bool = False, **options: t.Any) -> dict[str, t.Any]:
        account = create_service_account(server, body=body, dry_run=dry_run, **options)
        if not dry_run:
            version = {field: account["metadata"][field] for field in ("uid", "resourceVersion")}
            created[body["metadata"]["namespace"], body["metadata"]["name"]] = version
        return account

    def apply(*, body: t.Mapping[str, t.Any], **options: t.Any) -> dict[str, t.Any]:
        version = created.pop((body["metadata"]["namespace"], body["metadata"]["name"]), {})
        body = {**body, "metadata": {**version, **body["metadata"]}}
        return api.apply_service_account(server, body=body, **options)

    return {
        "create_namespace": functools.partial(api.create_namespace, server),
        "create_service_account": create,
        "apply_service_account": apply,
        "remove_fields": functools.partial(api.remove_fields, server),
        "delete_service_account": functools.partial(api.delete_service_account, server),
    }


@dataclasses.dataclass(frozen=True)
class ListedAccounts:
    """Service accounts by namespace and name, as the API server returns them.

    :param namespace_phases: the phases of all namespaces by name; None if the namespaces were not listed.
    """

    accounts: t.Mapping[tuple[str, str], dict[str, t.Any]]
    namespace_phases: t.Mapping[str, str] | None = None


def list_accounts(server: ApiServer, namespaces: t.Sequence[str] = ()) -> ListedAccounts:
    """Lists the service accounts of these namespaces, or of all. The result can also contain those of others.

    :raises AccessDenied: the caller cannot list them.
    """
    if namespaces:
        accounts = api.list_in_namespaces(server, api.list_service_accounts, namespaces)
    else:
        accounts = api.list_service_accounts(server)
    return ListedAccounts(
        {(account["metadata"]["namespace"], account["metadata"]["name"]): account for account in accounts}
    )
