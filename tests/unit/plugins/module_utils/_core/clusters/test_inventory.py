# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which accounts are read, which clusters are wanted, and what hosts are called."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters import inventory
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters.inventory import (
    AwsAccount,
    ClusterFilters,
    ProposedName,
)
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import InvalidInput

ROLE = "arn:aws:iam::111122223333:role/inventory"


def described(**changes: t.Any) -> dict[str, t.Any]:
    """A cluster as DescribeCluster gives it."""
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
        pytest.param([], [AwsAccount()], id="none: that of the given credentials"),
        pytest.param([{}], [AwsAccount()], id="the same, said"),
        pytest.param(
            [{"name": "shop", "assume_role_arn": ROLE, "external_id": "fleet", "regions": ["cn-north-1"]}],
            [AwsAccount("shop", None, ROLE, "fleet", ("cn-north-1",))],
            id="all there is for a role",
        ),
        pytest.param(
            [{"profile": "bank"}, {"profile": "bank", "assume_role_arn": ROLE}],
            [AwsAccount(profile="bank"), AwsAccount(profile="bank", assume_role_arn=ROLE)],
            id="a profile, and a role out of it",
        ),
        pytest.param([{"profile": "", "regions": None}], [AwsAccount()], id="an empty text is none"),
    ],
)
def test_accounts(given: list[t.Any], expected: list[AwsAccount]) -> None:
    assert inventory.parse_accounts(given) == expected


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["shop"], "item 1 is not a dictionary"),
        ([{}, {"role": ROLE}], "item 2 has an unknown key 'role'"),
        ([{"name": 12}], "item 1: name is not text"),
        ([{"assume_role_arn": "inventory"}], "assume_role_arn 'inventory' is not the ARN of an IAM role"),
        ([{"assume_role_arn": "arn:aws:iam::111122223333:user/me"}], "not the ARN of an IAM role"),
        ([{"profile": "a", "external_id": "b"}], "has an external_id and no assume_role_arn"),
        ([{"regions": "eu-west-1"}], "regions is not a list of names"),
        ([{"regions": [1]}], "regions is not a list of names"),
        ([{"name": "a"}, {"name": "a"}], "'a' is the name of several"),
    ],
)
def test_accounts_that_cannot_be(given: list[t.Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        inventory.parse_accounts(given)


def test_all_that_is_wrong_with_accounts_is_said_at_once() -> None:
    with pytest.raises(InvalidInput, match="2 option values are not valid") as caught:
        inventory.parse_accounts([{"nme": "a"}, {"assume_role_arn": "b"}])
    assert len(caught.value.details["problems"]) == 2


@pytest.mark.parametrize(
    ("account", "before", "after"),
    [
        (AwsAccount(), "the account of the given credentials", "account 111122223333"),
        (AwsAccount(name="shop", profile="a"), "account shop", "account shop (111122223333)"),
        (AwsAccount(profile="a"), "the account of profile a", "account 111122223333"),
        (AwsAccount(profile="a", assume_role_arn=ROLE), f"the account of role {ROLE}", "account 111122223333"),
    ],
)
def test_an_account_in_messages(account: AwsAccount, before: str, after: str) -> None:
    assert (account.title, account.title_with_id("111122223333")) == (before, after)


def test_an_external_id_is_not_shown() -> None:
    assert "fleet" not in repr(AwsAccount(assume_role_arn=ROLE, external_id="fleet"))


# Variables


def test_host_variables_a_cluster() -> None:
    account = AwsAccount(name="shop", profile="hub", assume_role_arn=ROLE, external_id="fleet")
    variables = inventory.build_host_variables(described(), account)
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


def test_a_cluster_that_has_nothing_yet() -> None:
    creating = described(status="CREATING", endpoint="", certificateAuthority={}, identity={}, tags=None)
    variables = inventory.build_host_variables(creating, AwsAccount())
    empty = ("endpoint", "certificate_authority", "issuer", "account_profile", "account_role_arn")
    assert [variables[name] for name in empty] == [None] * 5
    assert (variables["account"], variables["cluster_tags"]) == ("111122223333", {})


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [(None, None, {"region": 1}), ("eks_", "", {"eks_region": 1}), ("", "_of_eks", {"region_of_eks": 1})],
)
def test_variables_are_renamed(prefix: str | None, suffix: str | None, expected: dict[str, int]) -> None:
    assert inventory.rename_variables({"region": 1}, prefix, suffix) == expected


# Filters

FILTERS: list[t.Any] = [
    # filters, include_filters, exclude_filters, what differs from the cluster above, is it wanted
    pytest.param({}, [], [], {}, True, id="no filter"),
    pytest.param({}, [], [], {"status": "UPDATING"}, True, id="usable while it is updated"),
    pytest.param({}, [], [], {"status": "CREATING"}, False, id="not before it is usable"),
    pytest.param({}, [], [], {"status": "FAILED"}, False, id="not when it has failed"),
    pytest.param({"status": "CREATING"}, [], [], {"status": "CREATING"}, True, id="by status"),
    pytest.param({"status": "CREATING"}, [], [], {}, False, id="by another status"),
    pytest.param({"status": "*"}, [], [], {"status": "DELETING"}, True, id="any status"),
    pytest.param({"name": "production"}, [], [], {}, True, id="by name"),
    pytest.param({"name": "prod"}, [], [], {}, False, id="a name is whole"),
    pytest.param({"name": "prod*"}, [], [], {}, True, id="by pattern"),
    pytest.param({"name": "Prod*"}, [], [], {}, False, id="case counts"),
    pytest.param({"name": ["a", "p?oduction"]}, [], [], {}, True, id="one of several"),
    pytest.param({"version": "1.33"}, [], [], {}, True, id="by version"),
    pytest.param({"version": ["1.31", "1.32"]}, [], [], {}, False, id="by other versions"),
    pytest.param({"version": "1.3*"}, [], [], {"version": None}, False, id="no version"),
    pytest.param({"tag:Team": "shop"}, [], [], {}, True, id="by tag"),
    pytest.param({"tag:Team": ["bank", "sh*"]}, [], [], {}, True, id="by pattern of a tag"),
    pytest.param({"tag:team": "shop"}, [], [], {}, False, id="the tag's key is exact"),
    pytest.param({"tag:Owner": "*"}, [], [], {}, False, id="by a tag that isn't there"),
    pytest.param({"tag:a:b": "c"}, [], [], {"tags": {"a:b": "c"}}, True, id="a colon in the tag's key"),
    pytest.param({"tag-key": "Te*"}, [], [], {}, True, id="by the key of a tag"),
    pytest.param({"tag-key": "Owner"}, [], [], {}, False, id="by another key"),
    pytest.param({"name": "prod*", "tag:Team": "bank"}, [], [], {}, False, id="all conditions"),
    pytest.param({"name": "a"}, [{"name": "b"}, {"name": "prod*"}], [], {}, True, id="one of the filters"),
    pytest.param({}, [{"name": "b"}], [], {}, False, id="a filter of the list alone"),
    pytest.param({}, [{"name": "prod*"}], [], {"status": "FAILED"}, False, id="each filter wants usable ones"),
    pytest.param({}, [], [{"name": "x"}, {"tag:Team": "shop"}], {}, False, id="excluded"),
    pytest.param({}, [], [{"name": "prod*", "tag:Team": "bank"}], {}, True, id="excluded only by all conditions"),
    pytest.param({"name": "production"}, [], [{"name": "production"}], {}, False, id="an exclusion prevails"),
    pytest.param({"status": "*"}, [], [{"version": "1.33"}], {"status": "FAILED"}, False, id="whatever the status"),
]


@pytest.mark.parametrize(("filters", "include", "exclude", "changes", "wanted"), FILTERS)
def test_filters(
    filters: dict[str, t.Any], include: list[t.Any], exclude: list[t.Any], changes: dict[str, t.Any], wanted: bool
) -> None:
    variables = inventory.build_host_variables(described(**changes), AwsAccount())
    chosen = ClusterFilters.from_options(filters, include, exclude)
    assert chosen.match(variables) is wanted
    # What is wanted must never be passed over for its name.
    assert chosen.may_match("production") or not wanted


@pytest.mark.parametrize(
    ("filters", "include", "exclude", "worth_reading"),
    [
        ({}, [], [], True),
        ({"name": "prod*"}, [], [], True),
        ({"name": "test*", "version": "1.33"}, [], [], False),
        ({"name": "test*"}, [{"version": "1.33"}], [], True),
        ({}, [], [{"name": "prod*"}], False),
        ({}, [], [{"name": "prod*", "version": "1.20"}], True),
    ],
)
def test_names_that_are_worth_a_call(
    filters: dict[str, t.Any], include: list[t.Any], exclude: list[t.Any], worth_reading: bool
) -> None:
    assert ClusterFilters.from_options(filters, include, exclude).may_match("production") is worth_reading


@pytest.mark.parametrize(
    ("filters", "include", "exclude", "says"),
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
def test_filters_that_cannot_be(filters: t.Any, include: list[t.Any], exclude: list[t.Any], says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        ClusterFilters.from_options(filters, include, exclude)


# Names

EU, US = "eu-west-1", "us-east-1"
ONE, TWO = "111111111111", "222222222222"


@pytest.mark.parametrize(
    ("proposals", "names"),
    [
        pytest.param([], [], id="none"),
        pytest.param([("a", EU, ONE), ("b", EU, ONE)], ["a", "b"], id="different names"),
        pytest.param(
            [("a", EU, ONE), ("a", US, ONE), ("b", US, ONE)], ["a.eu-west-1", "a.us-east-1", "b"], id="two regions"
        ),
        pytest.param([("a", EU, ONE), ("a", US, TWO)], ["a.eu-west-1", "a.us-east-1"], id="the region will do"),
        pytest.param(
            [("a", EU, ONE), ("a", EU, TWO), ("a", US, ONE)],
            [f"a.{EU}.{ONE}", f"a.{EU}.{TWO}", f"a.{US}.{ONE}"],
            id="two accounts",
        ),
    ],
)
def test_host_names(proposals: list[tuple[str, str, str]], names: list[str]) -> None:
    assert inventory.assign_host_names([ProposedName(*proposal, "c") for proposal in proposals]) == names
    assert inventory.assign_host_names([ProposedName(*proposal, "c") for proposal in reversed(proposals)]) == names[::-1]


@pytest.mark.parametrize(
    "proposals",
    [
        pytest.param([("a", EU, ONE), ("a", EU, ONE)], id="one expression for all of an account"),
        pytest.param([("a", EU, ONE), ("a", US, ONE), ("a.eu-west-1", US, TWO)], id="what a name becomes"),
    ],
)
def test_names_that_stay_the_same_are_an_error(proposals: list[tuple[str, str, str]]) -> None:
    with pytest.raises(InvalidInput, match=r"several clusters would be host a\.eu-west-1") as caught:
        inventory.assign_host_names([ProposedName(*proposal, "c") for proposal in proposals])
    assert f"c in {EU} of account {ONE}" in str(caught.value)


def test_another_question_has_another_fingerprint() -> None:
    first = inventory.hash_options({"regions": [EU], "accounts": []})
    assert first == inventory.hash_options({"accounts": [], "regions": [EU]})
    assert first != inventory.hash_options({"accounts": [], "regions": [US]})
