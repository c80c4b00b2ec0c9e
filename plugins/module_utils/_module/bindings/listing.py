# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lists service accounts by pages, for all that read many of them."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._api.kubernetes import service_accounts, workloads

if t.TYPE_CHECKING:
    from ..._api.kubernetes.client import ApiServer


@dataclasses.dataclass(frozen=True)
class ListedAccounts:
    """Service accounts by namespace and name, as the API server lists them.

    :param namespace_phases: of all namespaces, by name; None if the namespaces weren't listed.
    """

    accounts: t.Mapping[tuple[str, str], dict[str, t.Any]]
    namespace_phases: t.Mapping[str, str] | None = None


def list_accounts(server: ApiServer, namespaces: t.Sequence[str] = ()) -> ListedAccounts:
    """The service accounts of these namespaces; of all namespaces if none is named.

    :raises AccessDenied: the caller may not list them.
    """
    if namespaces:
        accounts = workloads.everywhere(server, service_accounts.list_service_accounts, namespaces)
    else:
        accounts = service_accounts.list_service_accounts(server)
    return ListedAccounts(
        {(account["metadata"]["namespace"], account["metadata"]["name"]): account for account in accounts}
    )
