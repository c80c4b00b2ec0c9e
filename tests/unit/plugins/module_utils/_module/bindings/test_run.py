# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import types
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.trust import policy as trust_policy
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings import run as run_module
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.run import BindingsRun
from unit.bindings_run import ACCOUNT_ID, PROVIDER_ARN, FakeAws, FakeServer, Json, binding, context_of
from unit.chain_objects import CLUSTER

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/app"


def run(aws: FakeAws, server: FakeServer, *bindings: Json, verify: t.Any = None, **params: t.Any) -> Json:
    """Run and return the result of the module."""
    bindings_run = BindingsRun(
        context_of(aws, server, *bindings, **params), ensure_provider=params.get("create_provider", True), verify=verify
    )
    bindings_run.execute()
    return bindings_run.result(diff=True)


def test_result_of_new_bindings(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web"), binding("cart"))
    assert result["changed"]
    assert result["counts"] == {"total": 2, "ok": 0, "changed": 2, "failed": 0}
    assert [outcome["role_arn"] for outcome in result["results"]] == [ROLE, ROLE]
    assert result["provider"]["arn"] == PROVIDER_ARN
    assert result["actions"].count("create role app for shop/cart, shop/web") == 1
    assert sorted(result["diff"]["after"]) == ["provider", "roles", "service_accounts"]
    assert not {"failed", "unbound", "restarted", "roles", "service_accounts"} & result.keys()


def test_second_run_changes_nothing(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, binding("web"))
    assert (result["changed"], result["actions"], result["diff"]) == (False, [], {"before": {}, "after": {}})


def test_check_mode_matches_apply(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web"), binding("cart", "other", tags={"a": "b"})]
    planned = run(aws, server, *given, check_mode=True)
    assert (server.writes, aws.roles()) == ([], [])
    applied = run(aws, server, *given)
    for key in ("changed", "counts", "actions", "results"):
        assert planned[key] == applied[key]


def test_created_namespaces_are_returned_and_in_the_diff(aws: FakeAws, server: FakeServer) -> None:
    bindings = [{**binding(name), "namespace": "new", "create_namespace": True} for name in ("web", "cart")]
    for check_mode in (True, False):
        result = run(aws, server, *bindings, check_mode=check_mode)
        assert result["created_namespaces"] == ["new"]
        assert result["diff"]["after"]["namespaces"] == {"new": {"name": "new"}}
    result = run(aws, server, *bindings)
    assert (result["created_namespaces"], result["notes"], result["diff"]["after"]) == ([], [], {})


def test_note_about_a_role_that_another_cluster_uses(
    aws: FakeAws, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = dataclasses.replace(CLUSTER, name="other", issuer=f"{CLUSTER.issuer}0")
    clusters = {"new": dataclasses.replace(CLUSTER, issuer=None), "other": other, CLUSTER.name: CLUSTER}
    grant = trust_policy.Grant(other.require_provider_arn(), ("system:serviceaccount:shop:a",))
    aws.client("iam").create_role(
        RoleName="app", AssumeRolePolicyDocument=json.dumps(trust_policy.build_document(grant))
    )
    monkeypatch.setattr(aws, "describe", clusters.__getitem__)
    monkeypatch.setattr(run_module.eks, "list_clusters", lambda _client: list(clusters))
    web = {**binding("web"), "purge_service_accounts": False}
    result = run(aws, server, web, cluster_name=CLUSTER.name)
    assert result["notes"] == [f"role app, which cluster other uses too, now trusts shop/web of cluster {CLUSTER.name}"]

    def deny(_client: t.Any) -> t.Any:
        raise errors.AccessDenied("could not list the EKS clusters")

    monkeypatch.setattr(run_module.eks, "list_clusters", deny)
    result = run(aws, server, {**web, "service_account": "cart"}, cluster_name=CLUSTER.name)
    assert result["notes"] == [
        f"role app, which the cluster of the OIDC provider {(other.issuer or '').removeprefix('https://')} uses too, "
        f"now trusts shop/cart of cluster {CLUSTER.name}"
    ]


def test_note_about_another_role(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web", "shop-cart"))
    (note, _kept) = run(aws, server, binding("web", "shop-kart"), state="absent")["notes"]
    assert note == (
        f"service account shop/web was annotated with role arn:aws:iam::{ACCOUNT_ID}:role/shop-cart, not with "
        "shop-kart; that role is unchanged"
    )
    assert aws.roles() == ["shop-cart"]


def test_provider_is_not_created_without_bindings(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server)
    assert (result["changed"], result["provider"], result["actions"]) == (False, {}, [])


def test_note_about_kept_objects(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, binding("web"), state="absent")
    assert [note.partition(" (")[0] for note in result["notes"]] == ["kept service account shop/web and namespace shop"]
    assert run(aws, server, binding("web"), state="absent")["notes"] == []


def test_details_include_roles_and_service_accounts(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web"), binding("cart", "other"), details=True)
    assert [role["name"] for role in result["roles"]] == ["app", "other"]
    assert [account["name"] for account in result["service_accounts"]] == ["web", "cart"]


def test_failed_binding_fails_the_run_and_other_bindings_are_applied(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web"), binding("cart", "other", "missing"))
    assert (result["failed"], result["changed"]) == (True, True)
    assert result["counts"] == {"total": 2, "ok": 0, "changed": 1, "failed": 1}
    assert "1 of 2 bindings failed:\n  missing/cart: namespace missing does not exist" in result["msg"]


def test_nothing_is_written_if_all_bindings_failed(aws: FakeAws, server: FakeServer) -> None:
    result = run(aws, server, binding("web", namespace="missing"))
    assert (result["failed"], result["changed"], result["provider"]) == (True, False, {})
    assert aws.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_stop_early_writes_nothing_after_an_error(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web", namespace="missing"), binding("cart", "other")]
    result = run(aws, server, *given, stop_early=True, max_workers=1)
    assert [outcome["error"]["kind"] for outcome in result["results"]] == ["not_found", "not_attempted"]
    assert "shop/cart was not processed" in result["results"][1]["error"]["message"]
    assert (result["changed"], server.writes, aws.roles()) == (False, [], [])


def test_unmanaged_provider_must_exist(aws: FakeAws, server: FakeServer) -> None:
    with pytest.raises(errors.IrsaError):
        run(aws, server, binding("web"), create_provider=False)
    assert (server.writes, aws.roles()) == ([], [])


def test_purge_without_bindings_unbinds_all(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, purge=True)
    assert result["counts"]["total"] == 0
    assert [outcome["status"] for outcome in result["unbound"]] == ["changed"]
    assert sorted(result["diff"]["after"]) == ["unbound_accounts", "unbound_roles"]
    assert (server.roles(), aws.roles()) == ({"shop/web": None}, [])


def test_too_many_unlisted_accounts_are_an_error_before_any_write(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"), binding("cart"))
    server.writes.clear()
    with pytest.raises(errors.Conflict):
        run(aws, server, binding("new", "new"), purge=True, purge_limit=1)
    assert (server.writes, aws.roles()) == ([], ["app"])


def test_state_absent_unbinds(aws: FakeAws, server: FakeServer) -> None:
    run(aws, server, binding("web"))
    result = run(aws, server, binding("web"), state="absent")
    assert (result["changed"], result["provider"]) == (True, {})
    assert (server.roles(), aws.roles()) == ({"shop/web": None}, [])


def test_verification_gets_the_provider_after_the_writes(aws: FakeAws, server: FakeServer) -> None:
    calls: list[t.Any] = []
    run(aws, server, binding("web"), verify=lambda _context, provider: calls.append((provider["arn"], server.roles())))
    assert calls == [(PROVIDER_ARN, {"shop/web": ROLE})]


def test_rollout_of_the_applied_bindings(aws: FakeAws, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def roll_out(_context: object, _kind: str, outcomes: t.Any) -> t.Any:
        calls.append([outcome.binding.title for outcome in outcomes])
        rollout_result = {"restarted": [{"name": "web"}], "unmanaged": [], "verified": [{"name": "web-1"}]}
        return types.SimpleNamespace(result=lambda: rollout_result)

    monkeypatch.setattr(run_module, "roll_out", roll_out)
    result = run(aws, server, binding("web"), binding("cart", "other", "missing"), rollout=True)
    assert calls == [["shop/web"]]
    assert (result["restarted"], result["unmanaged"]) == ([{"name": "web"}], [])
    assert "verified" not in result


def test_binding_with_wildcards_defines_only_the_role(
    aws: FakeAws, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled_out: list[str] = []

    def roll_out(_context: t.Any, _kind: str, outcomes: t.Any) -> t.Any:
        rolled_out.extend(outcome.binding.title for outcome in outcomes)
        return types.SimpleNamespace(result=lambda: {"restarted": [], "unmanaged": []})

    monkeypatch.setattr(run_module, "roll_out", roll_out)
    pattern = binding("job-*", allow_wildcards=True)
    for expected in ("changed", "ok"):
        result = run(aws, server, pattern, binding("job-1"), rollout=True)
        assert [entry["status"] for entry in result["results"]] == [expected, expected]
        assert server.roles() == {"shop/job-1": ROLE}
    assert rolled_out == ["shop/job-1"] * 2
    (statement,) = aws.client("iam").get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]["Statement"]
    assert list(statement["Condition"]["StringLike"].values()) == ["system:serviceaccount:shop:job-*"]
    unbound = run(aws, server, pattern, binding("job-1"), state="absent")
    assert [entry["status"] for entry in unbound["results"]] == ["changed", "changed"]
    assert aws.roles() == []


def test_provider_tags_are_added_and_kept(aws: FakeAws, server: FakeServer) -> None:
    assert run(aws, server, binding("web"), provider_tags={"team": "web"})["provider"]["tags"] == {"team": "web"}
    second = run(aws, server, binding("web"), provider_tags={"cost": "7"})
    assert (second["changed"], second["provider"]["tags"]) == (True, {"cost": "7", "team": "web"})
    assert not run(aws, server, binding("web"), provider_tags={"cost": "7"})["changed"]
    assert not run(aws, server, binding("web"))["changed"]
