# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import ROLE_ARN_ANNOTATION
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings import spec as binding_spec
from ansible_collections.eksops.irsa.plugins.module_utils._core.bindings.spec import BindingsSpec, PurgeSpec
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import (
    Conflict,
    InvalidInput,
    QuotaExceeded,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import Field

ARN = "arn:aws:iam::123456789012:role/path/app"


def spec(*bindings: dict[str, t.Any], rollout_problems: t.Sequence[str] = (), **params: t.Any) -> BindingsSpec:
    defaults = {
        "cluster_name": "production",
        "issuer": None,
        "state": "present",
        "purge": False,
        "purge_namespaces": None,
        "purge_limit": 10,
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
    given = {**defaults, "bindings": list(bindings), **params}
    return BindingsSpec.from_params(given, rollout_problems=rollout_problems)


def binding(name: str, **rest: t.Any) -> dict[str, t.Any]:
    return {"namespace": "shop", "service_account": name, **rest}


def test_specs_have_the_defaults_of_the_single_modules() -> None:
    result = spec(
        binding("web", role_name="app", audience="example.com", labels=None),
        binding("cart", role_name="app", tags={"team": "x"}, token_expiration=900),
        binding("guest", role_arn=ARN),
    )
    (role,) = result.roles.values()
    assert role.subjects == ("system:serviceaccount:shop:cart", "system:serviceaccount:shop:web")
    assert role.audiences == ("example.com", "sts.amazonaws.com")
    assert (role.cluster_name, role.tags, role.inline_policies) == ("production", {"team": "x"}, None)
    assert (role.purge_service_accounts, role.purge_policies, role.purge_tags) == (None, False, True)
    assert result.provider.client_ids == ("example.com", "sts.amazonaws.com")
    assert result.provider.cluster_name == "production"
    assert [(binding.title, binding.role, binding.role_arn) for binding in result.bindings] == [
        ("shop/web", "app", None),
        ("shop/cart", "app", None),
        ("shop/guest", None, ARN),
    ]
    account = result.bindings[1].account_spec(ARN)
    assert account.sets[Field("annotations", ROLE_ARN_ANNOTATION)] == ARN
    assert account.sets[Field("annotations", "eks.amazonaws.com/token-expiration")] == "900"
    assert (account.create, account.create_namespace, account.force) == (True, False, False)


@pytest.mark.parametrize("issuer", ["https://oidc.example.com/id/1", "oidc.example.com/id/1"])
def test_issuer_replaces_the_cluster_name(issuer: str) -> None:
    result = spec(binding("web", role_name="app"), cluster_name=None, issuer=issuer)
    assert result.provider.url == "https://oidc.example.com/id/1"
    assert result.roles["app"].names_provider
    assert result.roles["app"].cluster_name is None


def test_error_lists_all_problems_with_their_bindings() -> None:
    with pytest.raises(InvalidInput) as raised:
        spec(
            binding("Web", role_name="a b"),
            binding("cart", role_name="a b", token_expiration=10),
            binding("guest", role_arn="arn:aws:iam::1:role/x"),
            max_workers=65,
        )
    # Each problem is reported once, although the role and the account of binding 1 both have the name.
    assert [problem.partition(" (use")[0] for problem in raised.value.details["problems"]] == [
        "shop/Web (binding 1 of 3): 'Web' is not a valid service account name",
        "shop/cart (binding 2 of 3): token_expiration 10 is not a valid token lifetime",
        "shop/guest (binding 3 of 3): role_arn 'arn:aws:iam::1:role/x' is not a valid IAM role ARN",
        "shop/Web (binding 1 of 3) and shop/cart (binding 2 of 3): role_name 'a b' is not a valid IAM role name",
        "max_workers 65 is out of range",
    ]


def test_rollout_options_are_ignored_without_rollout() -> None:
    web = binding("web", role_name="app")
    assert spec(web).rollout is None
    assert (spec(web, rollout=True).rollout or {})["wait_timeout"] == 300


def test_error_includes_rollout_problems() -> None:
    problems = ["rollout_options: wait_timeout is 0"]
    with pytest.raises(InvalidInput) as raised:
        spec(binding("Web", role_name="app"), rollout_problems=problems)
    assert "shop/Web (binding 1 of 1): 'Web' is not a valid service account name" in (raised.value.cause or "")
    assert "rollout_options: wait_timeout is 0" in (raised.value.cause or "")


def annotated_account(namespace: str, name: str, *, manager: str = "eksops.irsa", arn: str = ARN) -> dict[str, t.Any]:
    """Make a service account with the annotation."""
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


NOT_ANNOTATED = {"metadata": {"namespace": "shop", "name": "default", "uid": "2", "resourceVersion": "1"}}


@pytest.mark.parametrize(
    ("purge", "listed", "expected"),
    [
        pytest.param(PurgeSpec(2), {("shop", "web")}, [("bank", "old"), ("shop", "old")], id="all-namespaces"),
        pytest.param(PurgeSpec(1, ("shop",)), {("shop", "web")}, [("shop", "old")], id="one-namespace"),
        pytest.param(PurgeSpec(0), {("shop", "web"), ("shop", "old"), ("bank", "old")}, [], id="all-listed"),
    ],
)
def test_unlisted_accounts_are_those_that_this_collection_bound(
    purge: PurgeSpec, listed: set[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    accounts = [
        annotated_account("shop", "web"),
        annotated_account("shop", "old"),
        annotated_account("shop", "other", manager="helm"),
        annotated_account("bank", "old"),
        NOT_ANNOTATED,
    ]
    assert binding_spec.find_unlisted_accounts(purge, listed, accounts) == expected


def test_more_unlisted_accounts_than_the_limit_are_rejected() -> None:
    accounts = [annotated_account("shop", f"old-{number}") for number in range(7)]
    with pytest.raises(Conflict, match="would unbind 7 service accounts, and purge_limit is 6") as raised:
        binding_spec.find_unlisted_accounts(PurgeSpec(6), set(), accounts)
    assert raised.value.cause == (
        "the bindings do not list shop/old-0, shop/old-1, shop/old-2, shop/old-3, shop/old-4 and 2 more"
    )
    assert len(raised.value.details["service_accounts"]) == 7


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        pytest.param(ARN, ARN, id="valid"),
        pytest.param("", None, id="empty"),
        pytest.param("invalid", None, id="invalid"),
        pytest.param(f' "{ARN}"', None, id="quoted"),
    ],
)
def test_annotated_role_arn(annotation: str, expected: str | None) -> None:
    assert binding_spec.get_annotated_role_arn(annotated_account("shop", "old", arn=annotation)) == expected
    assert binding_spec.get_annotated_role_arn(NOT_ANNOTATED) is None


def test_specs_for_state_absent() -> None:
    result = spec(binding("web", role_name="app", delete=True, path="/x/"), state="absent")
    assert not result.present
    assert not result.roles["app"].present
    account = result.bindings[0].account_spec(None)
    assert (account.state, account.delete) == ("absent", True)
    unlisted = result.unlisted_binding(0, "shop", "old")
    assert (unlisted.index, unlisted.title, unlisted.account_spec(None).state) == (1, "shop/old", "absent")
    role = result.unbound_role_spec("app", [unlisted])
    assert (role.present, role.subjects, role.force) == (False, ("system:serviceaccount:shop:old",), False)
    assert role.cluster_name == "production"


def test_purge_requires_state_present_and_a_valid_limit() -> None:
    assert spec(purge=True, purge_namespaces=["shop"]).purge == PurgeSpec(10, ("shop",))
    assert spec(purge_namespaces=["shop"]).purge is None
    with pytest.raises(InvalidInput) as raised:
        spec(purge=True, purge_limit=-1, state="absent")
    assert "purge requires state present" in (raised.value.cause or "")
    assert "purge_limit is -1" in (raised.value.cause or "")


def test_bindings_within_the_quotas() -> None:
    binding_spec.check_quotas([], ["a", "b"], {"Roles": 998, "RolesQuota": 1000})
    binding_spec.check_quotas([], ["a"], None)
    binding_spec.check_quotas([], ["a"], {"Users": 1})


def test_error_lists_all_exceeded_quotas() -> None:
    long_policy = QuotaExceeded("the trust policy of role app would have 2100 characters", cause="the quota is 2048")
    with pytest.raises(QuotaExceeded, match="nothing was written") as raised:
        binding_spec.check_quotas(
            [(("shop/a", "shop/b"), long_policy)],
            [f"r{number}" for number in range(7)],
            {"Roles": 995, "RolesQuota": 1000},
        )
    cause = raised.value.cause or ""
    assert "shop/a and shop/b: the trust policy of role app would have 2100 characters" in cause
    assert "7 roles must be created (r0, r1, r2, r3, r4 and 2 more)" in cause
    assert "already has 995 of 1000 roles" in cause


def test_error_for_an_account_in_use_names_its_pods() -> None:
    (web,) = spec(binding("web", role_arn=ARN)).bindings
    error = binding_spec.build_in_use_error(web, ["shop/web-1", "shop/web-2"])
    assert "shop/web" in error.message
    assert "shop/web-1 and shop/web-2" in (error.cause or "")
    assert "force" in (error.fix or "")
    assert error.details["pods"] == ["shop/web-1", "shop/web-2"]


def test_tags_of_the_provider() -> None:
    app = binding("app", role_name="app")
    result = spec(app, provider_tags={"team": "web", "protected": True})
    assert (result.provider.tags, result.provider.purge_tags) == ({"team": "web", "protected": "true"}, False)
    assert spec(app).provider.tags is None
    with pytest.raises(InvalidInput, match="provider_tags: tag key 'aws:x' is reserved for AWS"):
        spec(app, provider_tags={"aws:x": "y"})


def test_binding_with_wildcards_defines_only_the_role() -> None:
    preview = {**binding("app", role_name="app", audiences=[]), "namespace": "preview-*"}
    result = spec({**preview, "allow_wildcards": True})
    assert [item.is_pattern for item in result.bindings] == [True]
    (role,) = result.roles.values()
    assert role.subjects == ("system:serviceaccount:preview-*:app",)
    assert role.audiences == ()
    assert result.provider.client_ids == ("sts.amazonaws.com",)
    with pytest.raises(InvalidInput, match="has a wildcard"):
        spec(preview)
