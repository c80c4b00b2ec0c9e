# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings import run as run_module
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.run import BindingsRun
from unit.bindings_run import ACCOUNT_ID, PROVIDER_ARN, FakeAws, FakeServer, Json, binding, context_of

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/app"


def run(aws: FakeAws, server: FakeServer, *bindings: Json, verify: t.Any = None, **params: t.Any) -> Json:
    """What the module returns."""
    bindings_run = BindingsRun(
        context_of(aws, server, *bindings, **params), ensure_provider=params.get("create_provider", True), verify=verify
    )
    bindings_run.execute()
    return bindings_run.result(diff=True)


def test_result_of_new_bindings(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web"), binding("cart"))
    assert result["changed"]
    assert result["counts"] == {"total": 2, "ok": 0, "changed": 2, "failed": 0}
    assert [each["role_arn"] for each in result["results"]] == [ROLE, ROLE]
    assert result["provider"]["arn"] == PROVIDER_ARN
    assert result["actions"].count("create role app for shop/cart, shop/web") == 1
    assert sorted(result["diff"]["after"]) == ["provider", "roles", "service_accounts"]
    assert not {"failed", "unbound", "restarted", "roles", "service_accounts"} & result.keys()


def test_second_run_changes_nothing(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, binding("web"))
    assert (result["changed"], result["actions"], result["diff"]) == (False, [], {"before": {}, "after": {}})


def test_check_mode_returns_what_a_run_then_returns(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web"), binding("cart", "other", tags={"a": "b"})]
    planned = run(aws, server, *given, check_mode=True)
    assert (server.writes, aws.roles()) == ([], [])
    done = run(aws, server, *given)
    for key in ("changed", "counts", "actions", "results"):
        assert planned[key] == done[key]


def test_details_have_roles_and_accounts_in_full(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web"), binding("cart", "other"), details=True)
    assert [role["name"] for role in result["roles"]] == ["app", "other"]
    assert [account["name"] for account in result["service_accounts"]] == ["web", "cart"]


def test_failed_binding_fails_the_run_with_all_that_was_done(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web"), binding("cart", "other", "missing"))
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["counts"] == {"total": 2, "ok": 0, "changed": 1, "failed": 1}
    assert "1 of 2 bindings failed. missing/cart: namespace missing does not exist" in result["msg"]


def test_nothing_is_written_if_every_binding_has_failed(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web", namespace="missing"))
    assert (result["failed"], result["changed"], result["provider"]) == (True, False, {})
    assert aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_stop_writes_nothing_after_an_early_error(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web", namespace="missing"), binding("cart", "other")]
    result = run(aws, server, *given, stop_early=True, max_workers=1)
    assert [each["error"]["kind"] for each in result["results"]] == ["not_found", "not_attempted"]
    assert "shop/cart was not processed" in result["results"][1]["error"]["message"]
    assert (result["changed"], server.writes, aws.roles()) == (False, [], [])


def test_provider_of_others_is_required(aws: FakeAws, server: FakeServer) -> None:
    with pytest.raises(errors.IrsaError):
        run(aws, server, binding("web"), create_provider=False)
    assert (server.writes, aws.roles()) == ([], [])


def test_no_bindings_with_exclusive_unbind_what_was_bound(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, purge=True)
    assert result["counts"]["total"] == 0
    assert [each["status"] for each in result["unbound"]] == ["changed"]
    assert sorted(result["diff"]["after"]) == ["unbound_accounts", "unbound_roles"]
    assert (server.roles(), aws.roles()) == ({"shop/web": None}, [])


def test_too_many_unlisted_accounts_stop_before_any_write(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"), binding("cart"))
    server.writes.clear()
    with pytest.raises(errors.Conflict):
        run(aws, server, binding("new", "new"), purge=True, purge_limit=1)
    assert (server.writes, aws.roles()) == ([], ["app"])


def test_absent_unbinds(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, binding("web"), state="absent")
    assert (result["changed"], result["provider"]) == (True, {})
    assert (server.roles(), aws.roles()) == ({"shop/web": None}, [])


def test_verification_gets_the_provider_after_the_writes(aws: FakeAws, server: FakeServer) -> None:
    seen: list[t.Any] = []
    run(aws, server, binding("web"), verify=lambda _context, provider: seen.append((provider["arn"], server.roles())))
    assert seen == [(PROVIDER_ARN, {"shop/web": ROLE})]


def test_pods_of_bound_accounts_are_rolled_out(
    aws: FakeAws, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled: list[list[str]] = []

    def roll_out(_context: object, _kind: str, outcomes: t.Any) -> t.Any:
        rolled.append([outcome.binding.title for outcome in outcomes])
        returns = {"restarted": [{"name": "web"}], "unmanaged": [], "verified": [{"name": "web-1"}]}
        return types.SimpleNamespace(returns=lambda: returns)

    monkeypatch.setattr(run_module, "roll_out", roll_out)
    result = run(aws, server, binding("web"), binding("cart", "other", "missing"), rollout=True)
    assert rolled == [["shop/web"]]
    assert (result["restarted"], result["unmanaged"]) == ([{"name": "web"}], [])
    assert "verified" not in result
