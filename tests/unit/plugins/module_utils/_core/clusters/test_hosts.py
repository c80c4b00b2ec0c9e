# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import hosts
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters.hosts import (
    AwsAccount,
    ClusterFilters,
    ProposedName,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput

ROLE = "arn:aws:iam::111122223333:role/inventory"


def described(**changes: t.Any) -> dict[str, t.Any]:
    """Make a cluster as DescribeCluster returns it."""
    return {
        "name": "production",
        "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/production",
        "status": "ACTIVE",
        "version": "1.33",
        "endpoint": "https://ONE.gr7.eu-west-1.eks.amazonaws.com",
        "certificateAuthority": {"data": "UEVN"},
        "identity": {"oidc": {"issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ONE"}},
        "tags": {"Team": "shop", "Environment": "production"},
        **changes,
    }


# Accounts


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param([], [AwsAccount()], id="no-accounts"),
        pytest.param([{}], [AwsAccount()], id="empty-account"),
        pytest.param(
            [{"name": "shop", "assume_role_arn": ROLE, "external_id": "fleet", "regions": ["cn-north-1"]}],
            [AwsAccount("shop", None, ROLE, "fleet", ("cn-north-1",))],
            id="role-with-all-keys",
        ),
        pytest.param(
            [{"profile": "bank"}, {"profile": "bank", "assume_role_arn": ROLE}],
            [AwsAccount(profile="bank"), AwsAccount(profile="bank", assume_role_arn=ROLE)],
            id="profile-and-role-with-profile",
        ),
        pytest.param([{"profile": "", "regions": None}], [AwsAccount()], id="empty-strings-are-not-set"),
    ],
)
def test_parse_accounts(given: list[t.Any], expected: list[AwsAccount]) -> None:
    assert hosts.parse_accounts(given) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["shop"], "item 1 is not a dictionary"),
        ([{}, {"role": ROLE}], "item 2 has an unknown key 'role'"),
        ([{"name": 12}], "item 1: name is not text"),
        ([{"name": ["a"]}], "item 1: name is not text"),
        ([{"assume_role_arn": "inventory"}], "assume_role_arn 'inventory' is not a valid IAM role ARN"),
        ([{"assume_role_arn": "arn:aws:iam::111122223333:user/me"}], "is not a valid IAM role ARN"),
        ([{"profile": "a", "external_id": "b"}], "has external_id but no assume_role_arn"),
        ([{"regions": "eu-west-1"}], "regions is not a list of names"),
        ([{"regions": [1]}], "regions is not a list of names"),
        ([{"name": "a"}, {"name": "a"}], "several items have the name 'a'"),
    ],
)
def test_invalid_accounts_are_rejected(given: list[t.Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        hosts.parse_accounts(given)


def test_error_lists_all_problems() -> None:
    with pytest.raises(InvalidInput, match="2 option values are not valid") as raised:
        hosts.parse_accounts([{"nme": "a"}, {"assume_role_arn": "b"}])
    assert len(raised.value.details["problems"]) == 2


@pytest.mark.parametrize(
    ("account", "title", "title_with_id"),
    [
        (AwsAccount(), "the account of the given credentials", "account 111122223333"),
        (AwsAccount(name="shop", profile="a"), "account shop", "account shop (111122223333)"),
        (AwsAccount(profile="a"), "the account of profile a", "account 111122223333"),
        (AwsAccount(profile="a", assume_role_arn=ROLE), f"the account of role {ROLE}", "account 111122223333"),
    ],
)
def test_account_titles(account: AwsAccount, title: str, title_with_id: str) -> None:
    assert (account.title, account.title_with_id("111122223333")) == (title, title_with_id)


def test_external_id_is_not_in_repr() -> None:
    assert "fleet" not in repr(AwsAccount(assume_role_arn=ROLE, external_id="fleet"))


# Variables


def test_host_variables_of_an_active_cluster() -> None:
    account = AwsAccount(name="shop", profile="hub", assume_role_arn=ROLE, external_id="fleet")
    variables = hosts.build_host_variables(described(), account)
    assert variables == {
        "account": "shop",
        "account_id": "111122223333",
        "account_profile": "hub",
        "account_role_arn": ROLE,
        "arn": "arn:aws:eks:eu-west-1:111122223333:cluster/production",
        "certificate_authority": "UEVN",
        "cluster_name": "production",
        "cluster_tags": {"Team": "shop", "Environment": "production"},
        "endpoint": "https://ONE.gr7.eu-west-1.eks.amazonaws.com",
        "issuer": "https://oidc.eks.eu-west-1.amazonaws.com/id/ONE",
        "partition": "aws",
        "region": "eu-west-1",
        "status": "ACTIVE",
        "version": "1.33",
    }
    assert json.loads(json.dumps(variables)) == variables


def test_host_variables_of_a_cluster_that_is_being_created() -> None:
    creating = described(status="CREATING", endpoint="", certificateAuthority={}, identity={}, tags=None)
    variables = hosts.build_host_variables(creating, AwsAccount())
    empty = ("endpoint", "certificate_authority", "issuer", "account_profile", "account_role_arn")
    assert [variables[name] for name in empty] == [None] * 5
    assert (variables["account"], variables["cluster_tags"]) == ("111122223333", {})


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [(None, None, {"region": 1}), ("eks_", "", {"eks_region": 1}), ("", "_of_eks", {"region_of_eks": 1})],
)
def test_rename_variables(prefix: str | None, suffix: str | None, expected: dict[str, int]) -> None:
    assert hosts.rename_variables({"region": 1}, prefix, suffix) == expected


# Filters

FILTERS: list[t.Any] = [
    # filters, include_filters, exclude_filters, changes of the cluster, whether the filters match
    pytest.param({}, [], [], {}, True, id="no-filter"),
    pytest.param({}, [], [], {"status": "UPDATING"}, True, id="no-filter-updating"),
    pytest.param({}, [], [], {"status": "CREATING"}, False, id="no-filter-creating"),
    pytest.param({}, [], [], {"status": "FAILED"}, False, id="no-filter-failed"),
    pytest.param({"status": "CREATING"}, [], [], {"status": "CREATING"}, True, id="status"),
    pytest.param({"status": "CREATING"}, [], [], {}, False, id="another-status"),
    pytest.param({"status": "*"}, [], [], {"status": "DELETING"}, True, id="any-status"),
    pytest.param({"name": "production"}, [], [], {}, True, id="name"),
    pytest.param({"name": "prod"}, [], [], {}, False, id="part-of-name"),
    pytest.param({"name": "prod*"}, [], [], {}, True, id="name-pattern"),
    pytest.param({"name": "Prod*"}, [], [], {}, False, id="name-in-another-case"),
    pytest.param({"name": ["a", "p?oduction"]}, [], [], {}, True, id="one-of-several-names"),
    pytest.param({"version": "1.33"}, [], [], {}, True, id="version"),
    pytest.param({"version": ["1.31", "1.32"]}, [], [], {}, False, id="other-versions"),
    pytest.param({"version": "1.3*"}, [], [], {"version": None}, False, id="cluster-without-version"),
    pytest.param({"tag:Team": "shop"}, [], [], {}, True, id="tag"),
    pytest.param({"tag:Team": ["bank", "sh*"]}, [], [], {}, True, id="tag-pattern"),
    pytest.param({"tag:team": "shop"}, [], [], {}, False, id="tag-key-in-another-case"),
    pytest.param({"tag:Owner": "*"}, [], [], {}, False, id="missing-tag"),
    pytest.param({"tag:a:b": "c"}, [], [], {"tags": {"a:b": "c"}}, True, id="tag-key-with-colon"),
    pytest.param({"tag-key": "Te*"}, [], [], {}, True, id="tag-key-pattern"),
    pytest.param({"tag-key": "Owner"}, [], [], {}, False, id="another-tag-key"),
    pytest.param({"name": "prod*", "tag:Team": "bank"}, [], [], {}, False, id="one-of-two-conditions"),
    pytest.param({"name": "a"}, [{"name": "b"}, {"name": "prod*"}], [], {}, True, id="one-of-several-filters"),
    pytest.param({}, [{"name": "b"}], [], {}, False, id="include-filter-without-match"),
    pytest.param({}, [{"name": "prod*"}], [], {"status": "FAILED"}, False, id="include-filter-failed"),
    pytest.param({}, [], [{"name": "x"}, {"tag:Team": "shop"}], {}, False, id="one-exclude-filter-matches"),
    pytest.param(
        {}, [], [{"name": "prod*", "tag:Team": "bank"}], {}, True, id="exclude-filter-with-one-of-two-conditions"
    ),
    pytest.param({"name": "production"}, [], [{"name": "production"}], {}, False, id="included-and-excluded"),
    pytest.param(
        {"status": "*"}, [], [{"version": "1.33"}], {"status": "FAILED"}, False, id="excluded-with-any-status"
    ),
]


@pytest.mark.parametrize(("filters", "include", "exclude", "changes", "matches"), FILTERS)
def test_filters(
    filters: dict[str, t.Any], include: list[t.Any], exclude: list[t.Any], changes: dict[str, t.Any], matches: bool
) -> None:
    variables = hosts.build_host_variables(described(**changes), AwsAccount())
    cluster_filters = ClusterFilters.from_options(filters, include, exclude)
    assert cluster_filters.matches(variables) is matches
    # A cluster that matches must be read.
    assert cluster_filters.may_match("production") or not matches


@pytest.mark.parametrize(
    ("filters", "include", "exclude", "may_match"),
    [
        pytest.param({}, [], [], True, id="no-filter"),
        pytest.param({"name": "prod*"}, [], [], True, id="name-matches"),
        pytest.param({"name": "test*", "version": "1.33"}, [], [], False, id="name-does-not-match"),
        pytest.param({"name": "test*"}, [{"version": "1.33"}], [], True, id="another-filter-without-name"),
        pytest.param({}, [], [{"name": "prod*"}], False, id="excluded-by-name"),
        pytest.param({}, [], [{"name": "prod*", "version": "1.20"}], True, id="excluded-by-name-and-version"),
    ],
)
def test_clusters_that_must_be_read_by_name(
    filters: dict[str, t.Any], include: list[t.Any], exclude: list[t.Any], may_match: bool
) -> None:
    assert ClusterFilters.from_options(filters, include, exclude).may_match("production") is may_match


@pytest.mark.parametrize(
    ("filters", "include", "exclude", "message"),
    [
        ({"nam": "a"}, [], [], "filters has an unknown condition 'nam'"),
        ({"tag:": "a"}, [], [], "unknown condition 'tag:'"),
        ({"version": 1.30}, [], [], "filters: version has a value that is not text"),
        ({"tag:Public": True}, [], [], "not text"),
        ({"name": []}, [], [], "filters: name is an empty list"),
        ({}, ["a"], [], "include_filters: item 1 is not a dictionary"),
        ({}, [], [{"name": "a"}, {}], "exclude_filters: item 2 is empty"),
    ],
)
def test_invalid_filters_are_rejected(filters: t.Any, include: list[t.Any], exclude: list[t.Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ClusterFilters.from_options(filters, include, exclude)


# Names

EU, US = "eu-west-1", "us-east-1"
ONE, TWO = "111111111111", "222222222222"


@pytest.mark.parametrize(
    ("proposals", "names"),
    [
        pytest.param([], [], id="no-clusters"),
        pytest.param([("a", EU, ONE), ("b", EU, ONE)], ["a", "b"], id="different-names"),
        pytest.param(
            [("a", EU, ONE), ("a", US, ONE), ("b", US, ONE)],
            ["a.eu-west-1", "a.us-east-1", "b"],
            id="same-name-in-two-regions",
        ),
        pytest.param(
            [("a", EU, ONE), ("a", US, TWO)], ["a.eu-west-1", "a.us-east-1"], id="same-name-in-two-accounts-and-regions"
        ),
        pytest.param(
            [("a", EU, ONE), ("a", EU, TWO), ("a", US, ONE)],
            [f"a.{EU}.{ONE}", f"a.{EU}.{TWO}", f"a.{US}.{ONE}"],
            id="same-name-and-region-in-two-accounts",
        ),
    ],
)
def test_host_names(proposals: list[tuple[str, str, str]], names: list[str]) -> None:
    assert hosts.assign_host_names([ProposedName(*proposal, "c") for proposal in proposals]) == names
    assert hosts.assign_host_names([ProposedName(*proposal, "c") for proposal in reversed(proposals)]) == names[::-1]


@pytest.mark.parametrize(
    "proposals",
    [
        pytest.param([("a", EU, ONE), ("a", EU, ONE)], id="same-account-and-region"),
        pytest.param([("a", EU, ONE), ("a", US, ONE), ("a.eu-west-1", US, TWO)], id="name-equals-name-with-suffix"),
    ],
)
def test_duplicate_host_names_are_rejected(proposals: list[tuple[str, str, str]]) -> None:
    with pytest.raises(InvalidInput, match=r"several clusters have the host name a\.eu-west-1") as raised:
        hosts.assign_host_names([ProposedName(*proposal, "c") for proposal in proposals])
    assert f"c in {EU} of account {ONE}" in str(raised.value)


def test_hash_depends_on_the_values_of_the_options() -> None:
    first = hosts.hash_options({"regions": [EU], "accounts": []})
    assert first == hosts.hash_options({"accounts": [], "regions": [EU]})
    assert first != hosts.hash_options({"accounts": [], "regions": [US]})
