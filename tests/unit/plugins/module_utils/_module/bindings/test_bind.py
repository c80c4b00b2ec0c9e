# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings import bind
from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.bind import AccountBinder, RoleBinder
from unit.bindings_run import ACCOUNT_ID, PROVIDER_ARN, FakeAws, FakeServer, Json, binding, context_of
from unit.kubernetes_objects import pod

if t.TYPE_CHECKING:
    from ansible_collections.eksops.irsa.plugins.module_utils._module.bindings.context import BindingsContext

ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/app"


def bind_all(aws: FakeAws, server: FakeServer, *bindings: Json, **params: t.Any) -> BindingsContext:
    """Run all steps of the module."""
    context = context_of(aws, server, *bindings, **params)
    roles, accounts = RoleBinder(context), AccountBinder(context)
    bind.preflight(context, roles, accounts)
    bind.ensure_provider(context)
    roles.write()
    accounts.annotate()
    return context


def statuses(context: BindingsContext) -> list[str]:
    return [outcome.status for outcome in context.outcomes]


def test_new_binding_writes_all_objects(aws: FakeAws, server: FakeServer) -> None:
    context = bind_all(aws, server, binding("web"))
    (outcome,) = context.outcomes
    assert (outcome.status, outcome.role_arn) == ("changed", ROLE)
    assert outcome.changes == [
        "create role app for shop/web",
        "create service account shop/web",
        f"service account shop/web: set annotation eks.amazonaws.com/role-arn={ROLE}",
    ]
    assert server.roles() == {"shop/web": ROLE}
    assert aws.subjects("app") == ["shop/web"]
    assert [(kind, name, bool(plan)) for kind, name, plan in context.plans()] == [
        ("provider", PROVIDER_ARN, True),
        ("roles", "app", True),
        ("service_accounts", "shop/web", True),
    ]


def test_second_run_changes_nothing(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"), binding("cart", "other"))
    server.writes.clear()
    context = bind_all(aws, server, binding("web"), binding("cart", "other"))
    assert statuses(context) == ["ok", "ok"]
    assert not any(plan for _kind, _name, plan in context.plans())
    assert server.writes == []
    assert context.service_accounts["shop/web"]["annotations"]["eks.amazonaws.com/role-arn"] == ROLE


@pytest.mark.parametrize("count", [1, 12], ids=["one-by-one", "by-pages"])
def test_changed_binding_writes_only_the_difference(aws: FakeAws, server: FakeServer, count: int) -> None:
    given = [binding(f"a{number}", f"role-{number}") for number in range(count)]
    bind_all(aws, server, *given)
    server.writes.clear()
    given[0] = {**given[0], "token_expiration": 900, "tags": {"team": "x"}}
    context = bind_all(aws, server, *given)
    assert statuses(context) == ["changed", *["ok"] * (count - 1)]
    assert context.outcomes[0].changes == [
        "set the tags team of role role-0",
        "service account shop/a0: set annotation eks.amazonaws.com/token-expiration=900",
    ]
    assert server.writes == ["PATCH /api/v1/namespaces/shop/serviceaccounts/a0"]


def test_role_trusts_all_of_its_bindings(aws: FakeAws, server: FakeServer) -> None:
    context = bind_all(aws, server, binding("web"), binding("cart"))
    assert aws.subjects("app") == ["shop/cart", "shop/web"]
    assert aws.roles() == ["app"]
    assert [outcome.changes[0] for outcome in context.outcomes] == ["create role app for shop/cart, shop/web"] * 2


def test_binding_with_role_arn_writes_no_role(aws: FakeAws, server: FakeServer) -> None:
    arn = "arn:aws:iam::210987654321:role/x"
    bind_all(aws, server, binding("web", None, role_arn=arn))
    assert server.roles() == {"shop/web": arn}
    assert aws.roles() == []


def test_failed_binding_does_not_affect_the_others(aws: FakeAws, server: FakeServer) -> None:
    context = bind_all(aws, server, binding("web"), binding("cart", "other", "missing"), binding("job"))
    assert statuses(context) == ["changed", "failed", "changed"]
    assert isinstance(context.outcomes[1].error, errors.NotFound)
    # The role of the failed binding is not created.
    assert aws.roles() == ["app"]
    assert server.roles() == {"shop/job": ROLE, "shop/web": ROLE}


def test_failed_role_fails_all_of_its_bindings(aws: FakeAws, server: FakeServer) -> None:
    invalid = binding("web", managed_policies=["NoSuchPolicy"])
    context = bind_all(aws, server, invalid, binding("cart"), binding("job", "other"))
    assert statuses(context) == ["failed", "failed", "changed"]
    assert "NoSuchPolicy" in str(context.outcomes[1].error)
    assert list(server.roles()) == ["shop/job"]


def test_foreign_annotation_fails_only_its_binding(aws: FakeAws, server: FakeServer) -> None:
    server.annotate("shop", "web", "arn:aws:iam::210987654321:role/x", manager="helm")
    context = bind_all(aws, server, binding("web"), binding("cart"))
    assert statuses(context) == ["failed", "changed"]
    assert "helm" in str(context.outcomes[0].error)
    # Completed writes are reported.
    assert context.outcomes[0].changes == ["create role app for shop/cart, shop/web"]


@pytest.mark.parametrize("check_mode", [False, True])
def test_namespace_is_created_once(aws: FakeAws, server: FakeServer, *, check_mode: bool) -> None:
    given = [binding(name, namespace="new", create_namespace=True) for name in "abcd"]
    context = bind_all(aws, server, *given, check_mode=check_mode)
    creations = [change for outcome in context.outcomes for change in outcome.changes if "namespace new" in change]
    assert creations == ["create namespace new"]
    assert statuses(context) == ["changed"] * 4
    assert server.writes.count("POST /api/v1/namespaces") == (0 if check_mode else 1)


def test_check_mode_matches_apply(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web", tags={"a": "b"}), binding("cart"), binding("x", "other", "new", create_namespace=True)]
    planned = bind_all(aws, server, *given, check_mode=True)
    assert (server.writes, aws.roles()) == ([], [])
    applied = bind_all(aws, server, *given)
    assert [outcome.changes for outcome in planned.outcomes] == [outcome.changes for outcome in applied.outcomes]
    assert [(kind, name, plan.summaries()) for kind, name, plan in planned.plans()] == [
        (kind, name, plan.summaries()) for kind, name, plan in applied.plans()
    ]
    assert {outcome.role_arn for outcome in planned.outcomes} == {outcome.role_arn for outcome in applied.outcomes}


def test_stop_early_writes_nothing_after_an_error(aws: FakeAws, server: FakeServer) -> None:
    given = [binding("web", namespace="missing"), binding("cart", "other")]
    context = bind_all(aws, server, *given, stop_early=True, max_workers=1)
    assert isinstance(context.outcomes[0].error, errors.NotFound)
    assert (server.roles(), aws.roles()) == ({}, [])


def test_exceeded_quota_is_an_error_before_the_first_write(aws: FakeAws, server: FakeServer) -> None:
    # Together more than the default quota of a trust policy, but less than its maximum.
    many = [binding(f"{'x' * 55}-{number}") for number in range(30)]
    with pytest.raises(errors.QuotaExceeded, match="nothing was written") as raised:
        bind_all(aws, server, *many, binding("web", "other"))
    assert "-0, shop/" in (raised.value.cause or "")
    assert (server.writes, aws.roles()) == ([], [])


def test_unmanaged_provider_must_exist_with_the_audience(aws: FakeAws, server: FakeServer) -> None:
    context = context_of(aws, server, binding("web", audience="vault"))
    with pytest.raises(errors.IrsaError):
        bind.require_provider(context)
    issuer = f"https://{PROVIDER_ARN.partition('oidc-provider/')[2]}"
    aws.client("iam").create_open_id_connect_provider(Url=issuer, ClientIDList=["sts.amazonaws.com"])
    with pytest.raises(errors.IrsaError, match="vault"):
        bind.require_provider(context)
    provider = bind.require_provider(context_of(aws, server, binding("web")))
    assert (provider["arn"], provider["client_ids"]) == (PROVIDER_ARN, ["sts.amazonaws.com"])


# Service accounts that lose a role


def untag(aws: FakeAws, role: str) -> None:
    """Make the role one of others."""
    aws.client("iam").untag_role(RoleName=role, TagKeys=["eksops.irsa/managed"])


@pytest.mark.parametrize("check_mode", [True, False])
@pytest.mark.parametrize("purge", [None, True, False])
@pytest.mark.parametrize("is_own", [True, False])
def test_only_an_own_role_loses_unlisted_accounts(
    aws: FakeAws, server: FakeServer, *, is_own: bool, purge: bool | None, check_mode: bool
) -> None:
    bind_all(aws, server, binding("web"), binding("cart"))
    if not is_own:
        untag(aws, "app")
    options = {} if purge is None else {"purge_service_accounts": purge}
    context = bind_all(aws, server, binding("job", **options), check_mode=check_mode)
    purged = is_own if purge is None else purge
    removed = "; remove shop/cart, shop/web"
    assert context.outcomes[0].changes[0] == (
        f"update the trust policy of role app: add shop/job{removed}"
        if purged
        else "add shop/job to the trust policy of role app"
    )
    kept = ["shop/cart", "shop/web"] if check_mode or not purged else []
    assert aws.subjects("app") == sorted([*kept, *([] if check_mode else ["shop/job"])])


IN_USE = (
    "role app is in use by shop/web, which no binding lists. Cause: running pods use the role and would lose AWS "
    "access: shop/web-1. Fix: add bindings for these service accounts, or set purge_service_accounts: false in a "
    "binding of the role to keep them; or stop the pods first, or set force to true."
)


@pytest.mark.parametrize("check_mode", [True, False])
def test_role_is_not_taken_from_running_pods(aws: FakeAws, server: FakeServer, *, check_mode: bool) -> None:
    bind_all(aws, server, binding("web"), binding("cart"))
    server.pods = [
        pod("web-1", role=ROLE, account="web"),
        pod("cart-1", role="arn:aws:iam::1:role/other", account="cart"),
    ]
    context = bind_all(aws, server, binding("job"), binding("x", "other"), check_mode=check_mode)
    assert str(context.outcomes[0].error) == IN_USE
    assert statuses(context) == ["failed", "changed"]
    assert aws.subjects("app") == ["shop/cart", "shop/web"]


def test_force_takes_a_role_from_running_pods(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"))
    server.pods = [pod("web-1", role=ROLE, account="web")]
    assert statuses(bind_all(aws, server, binding("job"), force=True)) == ["changed"]
    assert aws.subjects("app") == ["shop/job"]


def test_account_with_a_binding_to_another_role_may_lose_its_role(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"), binding("cart"))
    server.pods = [pod("web-1", role=ROLE, account="web")]
    context = bind_all(aws, server, binding("cart"), binding("web", "other"))
    assert statuses(context) == ["changed", "changed"]
    assert aws.subjects("app") == ["shop/cart"]


def test_pods_that_cannot_be_read_fail_the_bindings_of_the_role(aws: FakeAws, server: FakeServer) -> None:
    bind_all(aws, server, binding("web"))
    server.refused = {"/pods"}
    context = bind_all(aws, server, binding("job"), binding("x", "other"))
    assert isinstance(context.outcomes[0].error, errors.AccessDenied)
    assert statuses(context) == ["failed", "changed"]


@pytest.mark.parametrize("pattern", ["system:serviceaccount:shop:*", "system:serviceaccount:*:w?b", None])
def test_pods_of_accounts_that_match_a_lost_pattern_are_found(
    aws: FakeAws, server: FakeServer, pattern: str | None
) -> None:
    bind_all(aws, server, binding("web"))
    provider = PROVIDER_ARN.partition("/")[2]
    condition = {"StringLike": {f"{provider}:sub": pattern}} if pattern else {}
    statement = {
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER_ARN},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").update_assume_role_policy(RoleName="app", PolicyDocument=document)
    server.pods = [pod("web-1", role=ROLE, account="web")]
    context = bind_all(aws, server, binding("job"))
    assert str(context.outcomes[0].error) == IN_USE
