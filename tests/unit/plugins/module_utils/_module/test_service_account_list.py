# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of service accounts."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._module.service_account import list_accounts
from unit.bindings_run import FakeServer


@pytest.mark.parametrize(
    ("namespaces", "names"),
    [((), ["web", "job"]), (("shop",), ["web"]), (("shop", "bank"), ["web", "job"]), (("missing",), [])],
)
def test_accounts_are_listed_by_namespace_and_name(namespaces: t.Sequence[str], names: list[str]) -> None:
    server = FakeServer("shop", "bank")
    server.annotate("shop", "web", None)
    server.annotate("bank", "job", None)
    listed = list_accounts(t.cast("t.Any", server), namespaces)
    assert [name for _namespace, name in listed.accounts] == names
    assert all(body["metadata"]["namespace"] == namespace for (namespace, _name), body in listed.accounts.items())


def test_denied_list_is_an_error() -> None:
    server = FakeServer("shop")
    server.refused = {"serviceaccounts"}
    with pytest.raises(errors.AccessDenied):
        list_accounts(t.cast("t.Any", server))
