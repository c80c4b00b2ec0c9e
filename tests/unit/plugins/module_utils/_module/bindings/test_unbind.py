# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import types
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import PurgeSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings import unbind
from unit.bindings_run import ACCOUNT_ID, PROVIDER_ARN, FakeAws, FakeServer, Json, binding, context_of
from unit.kubernetes_objects import pod
from unit.plugins.module_utils._module.bindings.test_bind import bind_all

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import BindingsContext

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/app"


def unbind_all(aws: FakeAws, server: FakeServer, *bindings: Json, **params: t.Any) -> BindingsContext:
    context = context_of(aws, server, *bindings, state="absent", **params)
    unbinder = unbind.create_unbinder(context)
    unbinder.preflight()
    unbinder.unbind()
    return context


@pytest.mark.parametrize("count", [1, 12], ids=["one-by-one", "by-pages"])
def test_unbind_removes_all_objects(aws: FakeAws, server: FakeServer, count: int) -> None:
    given = [binding(f"a{number}", f"role-{number}", delete=number == 0) for number in range(count)]
    bind_all(aws, server, *given)
    context = unbind_all(aws, server, *given)
    assert {outcome.status for outcome in context.outcomes} == {"changed"}
    assert context.outcomes[0].changes[0] == "delete service account shop/a0"
    assert context.outcomes[0].changes[-1] == "delete role role-0"
    assert server.roles() == {f"shop/a{number}": None for number in range(1, count)}
    assert aws.roles() == []


def test_unbound_account_is_unchanged(aws: FakeAws, server: FakeServer) -> None:
    server.annotate("shop", "web", None)
    context = unbind_all(aws, server, binding("web"), binding("gone", "other"))
    assert [outcome.status for outcome in context.outcomes] == ["ok", "ok"]
    assert server.writes == []


def test_role_keeps_its_other_bindings(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"), binding("cart"))
    unbind_all(aws, server, binding("web"))
    assert aws.subjects("app") == ["shop/cart"]
    assert server.roles() == {"shop/cart": ROLE, "shop/web": None}


def test_check_mode_matches_apply(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web"), binding("cart"), binding("job", "other", delete=True)]
    bind_all(aws, server, *given)
    server.writes.clear()
    planned = unbind_all(aws, server, *given, check_mode=True)
    assert (server.writes, aws.roles()) == ([], ["app", "other"])
    applied = unbind_all(aws, server, *given)
    assert [outcome.changes for outcome in planned.outcomes] == [outcome.changes for outcome in applied.outcomes]


@pytest.mark.parametrize("count", [1, 12], ids=["one-by-one", "by-pages"])
@pytest.mark.parametrize("rollout", [False, True])
def test_account_in_a_deleted_namespace_is_unbound_in_iam(
    aws: FakeAws, server: FakeServer, rollout: bool, count: int
) -> None:
    server.namespaces.add("gone")
    given = [binding("web", "first", "gone"), *(binding(f"cart-{number}", "shared") for number in range(count))]
    bind_all(aws, server, *given)
    server.namespaces.remove("gone")
    del server.accounts["gone", "web"]
    server.writes.clear()
    planned = unbind_all(aws, server, *given, check_mode=True, stop_early=True, rollout=rollout)
    assert server.writes == []
    applied = unbind_all(aws, server, *given, stop_early=True, rollout=rollout)
    assert {outcome.status for outcome in applied.outcomes} == {"changed"}
    assert [outcome.changes for outcome in planned.outcomes] == [outcome.changes for outcome in applied.outcomes]
    assert applied.outcomes[0].changes[-1] == "delete role first"
    assert (aws.roles(), set(server.roles().values())) == ([], {None})
    again = unbind_all(aws, server, *given, rollout=rollout)
    assert {outcome.status for outcome in again.outcomes} == {"ok"}


def running_pod(name: str, account: str, role: str | None = ROLE) -> Json:
    return pod(name, role=role, account=account)


def test_binding_in_use_fails_and_the_others_are_unbound(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web"), binding("cart", "other")]
    bind_all(aws, server, *given)
    server.pods = [running_pod("web-1", "web"), running_pod("cart-1", "cart", None)]
    context = unbind_all(aws, server, *given)
    web, cart = context.outcomes
    assert isinstance(web.error, errors.Conflict)
    assert (web.error.details["pods"], web.changes) == (["shop/web-1"], [])
    assert cart.status == "changed"
    assert server.roles() == {"shop/cart": None, "shop/web": ROLE}
    assert aws.roles() == ["app"]


def test_force_unbinds_while_pods_use_the_role(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"))
    server.pods = [running_pod("web-1", "web")]
    context = unbind_all(aws, server, binding("web"), force=True)
    assert context.outcomes[0].status == "changed"
    assert (server.roles(), aws.roles()) == ({"shop/web": None}, [])


def test_pods_that_cannot_be_read_fail_their_binding(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"))
    server.refused = {"/pods"}
    context = unbind_all(aws, server, binding("web"))
    assert isinstance(context.outcomes[0].error, errors.AccessDenied)
    assert server.roles() == {"shop/web": ROLE}


def test_failed_binding_does_not_affect_the_others(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web"), binding("cart", "other")]
    bind_all(aws, server, *given)
    server.refused = {"serviceaccounts/web"}
    context = unbind_all(aws, server, *given)
    assert [outcome.status for outcome in context.outcomes] == ["failed", "changed"]
    # The role of the account that is still bound is not changed.
    assert aws.roles() == ["app"]


def test_stop_early_does_not_process_the_remaining_bindings(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web"), binding("cart", "other")]
    bind_all(aws, server, *given)
    server.pods = [running_pod("web-1", "web")]
    context = unbind_all(aws, server, *given, stop_early=True)
    assert [type(outcome.error) for outcome in context.outcomes] == [errors.Conflict, errors.NotAttempted]
    assert aws.roles() == ["app", "other"]


def test_pods_are_rolled_out_without_a_role(aws: FakeAws, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bind_all(aws, server, binding("web"), binding("cart", namespace="missing"))
    calls: list[t.Any] = []
    group: t.Any = types.SimpleNamespace(rollouts=[])

    def roll_out(_context: object, kind: str, outcomes: t.Any, *, without_role: bool) -> t.Any:
        calls.append((kind, [outcome.binding.title for outcome in outcomes], without_role, server.roles()))
        return group

    monkeypatch.setattr(unbind, "roll_out", roll_out)
    context = context_of(aws, server, binding("web"), state="absent", rollout=True)
    unbinder = unbind.create_unbinder(context)
    unbinder.unbind()
    # The account is unbound before its pods are re-created.
    assert calls == [("rollouts", ["shop/web"], True, {"shop/web": None})]
    assert unbinder.rollouts is group


# Unlisted service accounts


def test_unlisted_accounts_of_this_collection_are_unbound(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"), binding("old", "old"), binding("older", "old"))
    server.annotate("shop", "other", ROLE, manager="helm")
    server.annotate("shop", "default", None)
    context = context_of(aws, server, binding("web"))
    unbinder = unbind.create_unlisted_unbinder(context, PurgeSpec(2))
    assert [(outcome.binding.title, outcome.role_name) for outcome in unbinder.outcomes] == [
        ("shop/old", "old"),
        ("shop/older", "old"),
    ]
    unbinder.unbind()
    assert server.roles() == {
        "shop/default": None,
        "shop/old": None,
        "shop/older": None,
        "shop/other": ROLE,
        "shop/web": ROLE,
    }
    assert aws.roles() == ["app"]
    assert {kind for kind, _name, _plan in context.plans()} == {"unbound_accounts", "unbound_roles"}


def test_more_unlisted_accounts_than_the_limit_are_rejected(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("old"), binding("older"))
    server.writes.clear()
    with pytest.raises(errors.Conflict, match="would unbind 2 service accounts, and purge_limit is 1"):
        unbind.create_unlisted_unbinder(context_of(aws, server, binding("web")), PurgeSpec(1))
    assert server.writes == []


def test_role_of_a_listed_binding_is_not_changed(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"), binding("old"))
    bind_all(aws, server, binding("web"))
    assert aws.subjects("app") == ["shop/web"]
    context = context_of(aws, server, binding("web"))
    unbinder = unbind.create_unlisted_unbinder(context, PurgeSpec(1))
    unbinder.unbind()
    assert [kind for kind, _name, plan in context.plans() if plan] == ["unbound_accounts"]
    assert aws.roles() == ["app"]


def test_role_in_another_aws_account_is_not_changed(aws: FakeAws, server: FakeServer) -> None:
    server.annotate("shop", "old", "arn:aws:iam::210987654321:role/app")
    context = context_of(aws, server, binding("web"))
    unbinder = unbind.create_unlisted_unbinder(context, PurgeSpec(1))
    unbinder.unbind()
    assert server.roles() == {"shop/old": None}
    assert unbinder.outcomes[0].role_arn == "arn:aws:iam::210987654321:role/app"


@pytest.mark.parametrize("check_mode", [True, False])
def test_account_that_a_statement_still_allows_is_not_unbound(
    aws: FakeAws, server: FakeServer, *, check_mode: bool
) -> None:
    bind_all(aws, server, binding("web"), binding("cart"), binding("job", "other"))
    client = aws.client("iam")
    document = client.get_role(RoleName="app")["Role"]["AssumeRolePolicyDocument"]
    provider = PROVIDER_ARN.partition("/")[2]
    condition = {"StringLike": {f"{provider}:sub": "system:serviceaccount:shop:w*"}}
    document["Statement"].append({**document["Statement"][0], "Condition": condition})
    client.update_assume_role_policy(RoleName="app", PolicyDocument=json.dumps(document))
    given = [binding("web"), binding("cart"), binding("job", "other")]
    context = unbind_all(aws, server, *given, check_mode=check_mode)
    assert [outcome.status for outcome in context.outcomes] == ["failed", "changed", "changed"]
    assert str(context.outcomes[0].error) == (
        "role app still trusts shop/web. Cause: statement 1 of the trust policy (StringLike shop/w*) allows shop/web. "
        "Fix: in each of these statements, name only the service accounts that need the role, or remove the statement."
    )
    assert context.outcomes[0].changes[-1] == "remove shop/cart, shop/web from the trust policy of role app"
    assert aws.roles() == (["app", "other"] if check_mode else ["app"])
