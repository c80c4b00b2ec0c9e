# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import ROLE_ARN_ANNOTATION
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import spec as binding_spec
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import Exclusive, Outcome, Wanted
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    QuotaExceeded,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Action, Plan
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import Field

ARN = "arn:aws:iam::123456789012:role/path/app"


def wanted(*bindings: dict[str, t.Any], **params: t.Any) -> Wanted:
    defaults = {
        "cluster_name": "production",
        "issuer": None,
        "state": "present",
        "exclusive": False,
        "exclusive_namespaces": None,
        "exclusive_limit": 10,
        "force": False,
        "max_workers": 16,
        "rollout": False,
        "rollout_options": {
            "strategy": "restart",
            "only_stale": True,
            "delete_unmanaged": False,
            "wait": True,
            "wait_timeout": 300,
            "max_retries": 2,
        },
    }
    return Wanted.from_params({**defaults, "bindings": list(bindings), **params})


def binding(name: str, **rest: t.Any) -> dict[str, t.Any]:
    return {"namespace": "shop", "service_account": name, **rest}


def outcomes(*names: str) -> list[Outcome]:
    return [binding_spec.outcome_of(each) for each in wanted(*(binding(name, role_arn=ARN) for name in names)).accounts]


def test_each_object_is_wanted_once_with_the_defaults_of_the_single_modules() -> None:
    found = wanted(
        binding("web", role_name="app", audience="example.com", labels=None),
        binding("cart", role_name="app", tags={"team": "x"}, token_expiration=900),
        binding("guest", role_arn=ARN),
    )
    (role,) = found.roles.values()
    assert role.subjects == ("system:serviceaccount:shop:cart", "system:serviceaccount:shop:web")
    assert role.audiences == ("example.com", "sts.amazonaws.com")
    assert (role.cluster_name, role.tags, role.inline_policies) == ("production", {"team": "x"}, None)
    assert (role.purge_service_accounts, role.purge_policies, role.purge_tags) == (True, False, True)
    assert found.provider.client_ids == ("example.com", "sts.amazonaws.com")
    assert found.provider.cluster_name == "production"
    assert [(each.title, each.role, each.role_arn) for each in found.accounts] == [
        ("shop/web", "app", None),
        ("shop/cart", "app", None),
        ("shop/guest", None, ARN),
    ]
    account = found.accounts[1].wanted(ARN)
    assert account.sets[Field("annotations", ROLE_ARN_ANNOTATION)] == ARN
    assert account.sets[Field("annotations", "eks.amazonaws.com/token-expiration")] == "900"
    assert (account.create, account.create_namespace, account.force) == (True, False, False)


@pytest.mark.parametrize("issuer", ["https://oidc.example.com/id/1", "oidc.example.com/id/1"])
def test_an_issuer_stands_in_for_the_cluster(issuer: str) -> None:
    found = wanted(binding("web", role_name="app"), cluster_name=None, issuer=issuer)
    assert found.provider.url == "https://oidc.example.com/id/1"
    assert found.roles["app"].names_provider
    assert found.roles["app"].cluster_name is None


def test_everything_wrong_is_named_at_once_with_the_bindings_it_comes_from() -> None:
    with pytest.raises(InvalidInput) as raised:
        wanted(
            binding("Web", role_name="a b"),
            binding("cart", role_name="a b", token_expiration=10),
            binding("guest", role_arn="arn:aws:iam::1:role/x"),
            max_workers=65,
        )
    cause = raised.value.cause or ""
    assert "bindings 0, 1: name 'a b' is no name of an IAM role" in cause
    assert "binding 0: service account shop/Web: 'Web' is no name of a service account" in cause
    assert "binding 1: token_expiration 10 can't be the lifetime of a token" in cause
    assert "binding 2: role_arn 'arn:aws:iam::1:role/x' is no ARN of an IAM role" in cause
    assert "max_workers 65 is out of range" in cause


def test_rollouts_are_wanted_of_each_account_if_at_all() -> None:
    given = binding("web", role_name="app")
    assert wanted(given).rollout is None
    found = wanted(given, rollout=True)
    each = found.rollout_of(found.accounts[0], ARN)
    assert (each.namespace, each.service_account, each.role_arn, each.wait_timeout) == ("shop", "web", ARN, 300)


def test_rollout_options_are_checked_before_any_call() -> None:
    options = {"strategy": "restart", "only_stale": True, "delete_unmanaged": False, "wait": True, "max_retries": 2}
    with pytest.raises(InvalidInput) as raised:
        wanted(binding("web", role_name="app"), rollout=True, rollout_options={**options, "wait_timeout": 0})
    assert "rollout_options: wait_timeout is 0" in (raised.value.cause or "")


def test_a_trust_policy_that_can_never_fit_is_found_before_any_call() -> None:
    with pytest.raises(InvalidInput, match="can't be carried out") as raised:
        wanted(*(binding(f"account-{'x' * 60}-{number}", role_name="app") for number in range(60)))
    assert "bindings 0, 1, 2" in (raised.value.cause or "")


def test_outcomes_are_counted_by_status() -> None:
    ok, changed, failed = outcomes("a", "b", "c")
    changed.changes = ["annotate"]
    failed.changes = ["create role app"]
    failed.error = NotFound("there is no namespace shop", fix="create it")
    assert [each.status for each in (ok, changed, failed)] == ["ok", "changed", "failed"]
    assert binding_spec.counts([ok, changed, failed]) == {"total": 3, "ok": 1, "changed": 1, "failed": 1}
    assert failed.as_dict() == {
        "namespace": "shop",
        "service_account": "c",
        "role_name": "app",
        "role_arn": ARN,
        "status": "failed",
        "changes": ["create role app"],
        "error": {"kind": "not_found", "message": "there is no namespace shop", "cause": None, "fix": "create it"},
    }


def test_a_failure_tells_each_error_once_and_only_the_first_few() -> None:
    found = outcomes(*"abcdefghij")
    assert binding_spec.failure(found) is None
    shared = NotFound("no role")
    found[0].error = found[1].error = shared
    for number in range(2, 9):
        found[number].error = NotFound(f"error {number}")
    found[9].error = binding_spec.not_attempted(found[9])
    message = binding_spec.failure(found) or ""
    assert message.startswith("10 of 10 bindings failed. shop/a and shop/b: no role. shop/c: error 2.")
    assert "error 5." in message
    assert "error 6." not in message
    assert message.endswith("3 more errors are in the results.")
    assert "was not seen to" not in message


def test_a_diff_holds_only_what_changes() -> None:
    same = Plan({"arn": "x"}, {"arn": "x"})
    new = Plan({}, {"name": "app"}, (Action("create_role", {}, "create role app"),))
    assert binding_spec.diff([("provider", "x", same), ("roles", "app", new)]) == {
        "before": {"roles": {"app": {}}},
        "after": {"roles": {"app": {"name": "app"}}},
    }


def listed(namespace: str, name: str, *, manager: str = "eksops.irsa", arn: str = ARN) -> dict[str, t.Any]:
    """A service account that carries a role's ARN."""
    owned = {"f:metadata": {"f:annotations": {f"f:{ROLE_ARN_ANNOTATION}": {}}}}
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": "1",
            "resourceVersion": "1",
            "annotations": {ROLE_ARN_ANNOTATION: arn},
            "managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": owned}],
        }
    }


BARE = {"metadata": {"namespace": "shop", "name": "default", "uid": "2", "resourceVersion": "1"}}


def test_strangers_are_those_that_this_collection_bound_and_nobody_names() -> None:
    found = [
        listed("shop", "web"),
        listed("shop", "old"),
        listed("shop", "helms", manager="helm"),
        listed("bank", "old"),
        BARE,
    ]
    assert binding_spec.strangers(Exclusive(2), {("shop", "web")}, found) == [("bank", "old"), ("shop", "old")]
    assert binding_spec.strangers(Exclusive(1, ("shop",)), {("shop", "web")}, found) == [("shop", "old")]
    assert binding_spec.strangers(Exclusive(0), {("shop", "web"), ("shop", "old"), ("bank", "old")}, found) == []


def test_more_strangers_than_the_limit_are_named_and_none_is_freed() -> None:
    found = [listed("shop", f"old-{number}") for number in range(7)]
    with pytest.raises(Conflict, match="would free 7 service accounts, and exclusive_limit is 6") as raised:
        binding_spec.strangers(Exclusive(6), set(), found)
    assert raised.value.cause == (
        "the bindings don't name shop/old-0, shop/old-1, shop/old-2, shop/old-3, shop/old-4 and 2 more"
    )
    assert len(raised.value.details["service_accounts"]) == 7


@pytest.mark.parametrize(("arn", "role"), [(ARN, ARN), ("", None), ("nonsense", None), (f' "{ARN}"', None)])
def test_a_stranger_may_name_no_role(arn: str, role: str | None) -> None:
    assert binding_spec.bound_to(listed("shop", "old", arn=arn)) == role
    assert binding_spec.bound_to(BARE) is None


def test_what_is_to_be_freed_is_wanted_absent() -> None:
    found = wanted(binding("web", role_name="app", delete=True, path="/x/"), state="absent")
    assert not found.present
    assert not found.roles["app"].present
    account = found.accounts[0].wanted(None)
    assert (account.state, account.delete) == ("absent", True)
    stranger = found.stranger(0, "shop", "old")
    assert (stranger.index, stranger.title, stranger.wanted(None).state) == (1, "shop/old", "absent")
    role = found.freed_role("app", [stranger])
    assert (role.present, role.subjects, role.force) == (False, ("system:serviceaccount:shop:old",), False)
    assert role.cluster_name == "production"
    assert binding_spec.looked_for(stranger).role_arn == ""


def test_exclusive_is_for_what_is_present_and_its_limit_no_less_than_none() -> None:
    assert wanted(exclusive=True, exclusive_namespaces=["shop"]).exclusive == Exclusive(10, ("shop",))
    assert wanted(exclusive_namespaces=["shop"]).exclusive is None
    with pytest.raises(InvalidInput) as raised:
        wanted(exclusive=True, exclusive_limit=-1, state="absent")
    assert "exclusive is for state present" in (raised.value.cause or "")
    assert "exclusive_limit is -1" in (raised.value.cause or "")


def test_quotas_that_hold() -> None:
    binding_spec.check_quotas([], ["a", "b"], {"Roles": 998, "RolesQuota": 1000})
    binding_spec.check_quotas([], ["a"], None)
    binding_spec.check_quotas([], ["a"], {"Users": 1})


def test_all_that_exceeds_a_quota_is_named_at_once() -> None:
    long = QuotaExceeded("the trust policy of role app would have 2100 characters", cause="the quota is 2048")
    with pytest.raises(QuotaExceeded, match="nothing was written") as raised:
        binding_spec.check_quotas(
            [((0, 3), long)], [f"r{number}" for number in range(7)], {"Roles": 995, "RolesQuota": 1000}
        )
    cause = raised.value.cause or ""
    assert "bindings 0, 3: the trust policy of role app would have 2100 characters" in cause
    assert "7 roles are to be made (r0, r1, r2, r3, r4 and 2 more)" in cause
    assert "has 995 of the 1000 that its quota RolesQuota allows" in cause


def test_an_account_in_use_names_its_pods() -> None:
    (one,) = outcomes("web")
    error = binding_spec.in_use(one.account, ["shop/web-1", "shop/web-2"])
    assert "shop/web" in error.message
    assert "shop/web-1 and shop/web-2" in (error.cause or "")
    assert "force" in (error.fix or "")
    assert error.details["pods"] == ["shop/web-1", "shop/web-2"]


def test_many_bindings_are_told_in_few_words() -> None:
    few = [{"namespace": "shop", "service_account": "web", "role_name": "r", "tags": None}]
    assert binding_spec.told(few) == [{"namespace": "shop", "service_account": "web", "role_name": "r"}]
    assert binding_spec.told(few * (binding_spec.MANY + 1)) == ["shop/web"] * (binding_spec.MANY + 1)


@pytest.mark.parametrize(
    ("count", "expected"), [(100, ["make the provider", "annotate it"]), (101, ["make the provider"])]
)
def test_writes_are_told_once_where_they_are_many(count: int, expected: list[str]) -> None:
    done = outcomes(*(f"a{number}" for number in range(count)))
    done[0].changes = ["annotate it"]
    plans = [
        ("provider", "p", Plan(actions=(Action("create", {}, "make the provider"),))),
        ("service_accounts", "a0", Plan(actions=(Action("apply", {}, "annotate it"),))),
    ]
    assert binding_spec.actions(done, plans) == expected


def test_what_was_verified_is_told() -> None:
    (one,) = outcomes("web")
    assert "findings" not in one.as_dict()
    one.findings, one.proof = [], {"subject": "x"}
    assert (one.as_dict()["findings"], one.as_dict()["proof"]) == ([], {"subject": "x"})
