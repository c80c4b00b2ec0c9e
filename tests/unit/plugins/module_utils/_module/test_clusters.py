# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a fleet: what is asked, what becomes of refusals, and how much happens at once."""

from __future__ import annotations

import collections
import threading
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import OpenAccount
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters.inventory import AwsAccount
from ansible_collections.eksops.irsa.plugins.module_utils._module.clusters import FleetReader, FleetReading
from botocore.exceptions import ClientError, EndpointConnectionError

EU, US = "eu-west-1", "us-east-1"
HUB, SHOP = "999999999999", "111122223333"
DENIED = ("AccessDeniedException", "not allowed")
UNKNOWN = ("UnrecognizedClientException", "The security token included in the request is invalid.")


class Fleet:
    """Accounts with clusters, read through the calls of a botocore client.

    :ivar clusters: names by account id and region.
    :ivar faults: what is raised, by account id, or with region, or with region and cluster.
    """

    def __init__(self, clusters: dict[tuple[str, str], list[str]]) -> None:
        self.clusters = clusters
        self.faults: dict[tuple[str, ...], t.Any] = {}
        self.ids: dict[str | None, str] = {None: HUB, "shop": SHOP, "again": HUB}
        self.guessing = False
        self.described: collections.Counter[str] = collections.Counter()
        self.at_once = self.most_at_once = 0
        self.enough = threading.Event()
        self.wait_for = 0
        self._lock = threading.Lock()

    def open(self, account: AwsAccount) -> OpenAccount:
        account_id = self.ids[account.name]
        if fault := self.faults.get((account_id,)):
            raise fault
        regions = [region for owner, region in self.clusters if owner == account_id]
        return OpenAccount(
            account, account_id, lambda *where: _Client(self, account_id, *where), regions, guessed=self.guessing
        )

    def meet(self, *place: str) -> None:
        fault = self.faults.get(place)
        if isinstance(fault, tuple):
            raise ClientError({"Error": {"Code": fault[0], "Message": fault[1]}}, "any")
        if fault:
            raise fault

    def count(self, name: str) -> None:
        with self._lock:
            self.described[name] += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            if self.at_once == self.wait_for:
                self.enough.set()
        if self.wait_for:
            self.enough.wait(10)
        with self._lock:
            self.at_once -= 1


class _Client:
    def __init__(self, fleet: Fleet, account_id: str, service: str, region: str) -> None:
        assert service == "eks"
        self.fleet, self.account_id, self.region = fleet, account_id, region

    def get_paginator(self, operation: str) -> t.Any:
        assert operation == "list_clusters"
        return self

    def paginate(self) -> t.Iterator[dict[str, t.Any]]:
        self.fleet.meet(self.account_id, self.region)
        # A page for each, as AWS may well do.
        yield from ({"clusters": [name]} for name in self.fleet.clusters[self.account_id, self.region])

    def describe_cluster(self, *, name: str) -> dict[str, t.Any]:
        self.fleet.count(name)
        self.fleet.meet(self.account_id, self.region, name)
        arn = f"arn:aws:eks:{self.region}:{self.account_id}:cluster/{name}"
        return {"cluster": {"name": name, "arn": arn, "status": "ACTIVE"}}


@pytest.fixture
def fleet() -> Fleet:
    return Fleet({(HUB, EU): ["web", "api"], (HUB, US): ["web"], (SHOP, EU): ["web"]})


def read(fleet: Fleet, *names: str | None, strict: bool = True, **options: t.Any) -> FleetReading:
    settings: dict[str, t.Any] = {"may_match": lambda _name: True, "workers": 4, **options}
    return FleetReader(t.cast("t.Any", fleet), strict=strict, **settings).read(
        [AwsAccount(name=name) for name in names]
    )


def found(reading: FleetReading) -> list[tuple[str, str, str]]:
    return [(each["cluster_name"], each["region"], each["account"]) for each in reading.clusters]


def test_all_clusters_of_all_accounts_and_regions(fleet: Fleet) -> None:
    reading = read(fleet, None, "shop")
    assert found(reading) == [("api", EU, HUB), ("web", EU, "shop"), ("web", EU, HUB), ("web", US, HUB)]
    assert reading.warnings == []


def test_cluster_that_cannot_match_is_not_read(fleet: Fleet) -> None:
    assert found(read(fleet, None, may_match=lambda name: name == "api")) == [("api", EU, HUB)]
    assert fleet.described == {"api": 1}


def test_two_ways_into_an_account_show_its_clusters_once(fleet: Fleet) -> None:
    reading = read(fleet, None, "again")
    assert [each[:2] for each in found(reading)] == [("api", EU), ("web", EU), ("web", US)]
    assert fleet.described == {"api": 1, "web": 2}


def test_a_cluster_that_was_deleted_meanwhile(fleet: Fleet) -> None:
    fleet.faults[HUB, EU, "web"] = ("ResourceNotFoundException", "No cluster found for name: web.")
    reading = read(fleet, None)
    assert found(reading) == [("api", EU, HUB), ("web", US, HUB)]
    assert reading.warnings == []


REFUSALS: list[t.Any] = [
    pytest.param(
        (SHOP,),
        errors.AccessDenied("could not assume the role r", cause="no", fix="allow it"),
        "account shop: could not assume the role r",
        [("api", EU, HUB), ("web", EU, HUB), ("web", US, HUB)],
        id="an account",
    ),
    pytest.param(
        (SHOP,),
        errors.BadCredentials("could not create an AWS session", cause="no"),
        "account shop: could not create an AWS session",
        [("api", EU, HUB), ("web", EU, HUB), ("web", US, HUB)],
        id="an account without credentials",
    ),
    pytest.param(
        (HUB, US),
        DENIED,
        f"region {US} of account {HUB}: could not list the EKS clusters",
        [("api", EU, HUB), ("web", EU, "shop"), ("web", EU, HUB)],
        id="a region",
    ),
    pytest.param(
        (SHOP, EU),
        UNKNOWN,
        f"region {EU} of account shop ({SHOP}): could not list the EKS clusters",
        [("api", EU, HUB), ("web", EU, HUB), ("web", US, HUB)],
        id="a region that is not enabled",
    ),
    pytest.param(
        (HUB, EU, "api"),
        DENIED,
        f"region {EU} of account {HUB}: could not read the EKS cluster api",
        [("web", EU, "shop"), ("web", EU, HUB), ("web", US, HUB)],
        id="a cluster",
    ),
]


@pytest.mark.parametrize(("place", "fault", "says", "left"), REFUSALS)
def test_a_refusal(
    fleet: Fleet, place: tuple[str, ...], fault: t.Any, says: str, left: list[tuple[str, str, str]]
) -> None:
    fleet.faults[place] = fault
    with pytest.raises((errors.AccessDenied, errors.BadCredentials)) as caught:
        read(fleet, None, "shop")
    assert str(caught.value).startswith(says)
    assert "set strict_permissions to false to go without" in str(caught.value)
    reading = read(fleet, None, "shop", strict=False)
    assert found(reading) == left
    (warning,) = reading.warnings
    assert warning.startswith(f"Left out of the inventory: {says}")


def test_all_refusals_are_named_at_once(fleet: Fleet) -> None:
    fleet.faults = {(HUB, US): DENIED, (SHOP, EU): DENIED}
    with pytest.raises(errors.AccessDenied, match="AWS refuses 2 of") as caught:
        read(fleet, None, "shop")
    text = str(caught.value)
    assert f"(1) region {US} of account {HUB}: could not list" in text
    assert f"(2) region {EU} of account shop ({SHOP}): could not list" in text
    assert text.count("allow eks:ListClusters") == 1


@pytest.mark.parametrize(
    "places",
    [
        pytest.param([(HUB,), (SHOP,)], id="accounts"),
        pytest.param([(HUB, EU), (HUB, US), (SHOP, EU)], id="regions"),
        pytest.param([(HUB, EU, "api"), (HUB, EU, "web"), (HUB, US, "web"), (SHOP, EU, "web")], id="clusters"),
    ],
)
def test_an_inventory_of_nothing_but_refusals_is_an_error(fleet: Fleet, places: list[tuple[str, ...]]) -> None:
    denied = errors.AccessDenied("no", cause="not allowed")
    fleet.faults = {place: denied if len(place) == 1 else DENIED for place in places}
    with pytest.raises(errors.AccessDenied, match=f"AWS refuses {len(places)} of") as caught:
        read(fleet, None, "shop", strict=False)
    assert "strict_permissions" not in str(caught.value)


def test_an_account_without_clusters_is_no_refusal() -> None:
    assert read(Fleet({(HUB, EU): []}), None, strict=False) == FleetReading([], [])


def test_regions_that_were_guessed_need_not_be_enabled(fleet: Fleet) -> None:
    fleet.guessing = True
    fleet.faults[HUB, US] = UNKNOWN
    reading = read(fleet, None)
    assert found(reading) == [("api", EU, HUB), ("web", EU, HUB)]
    (warning,) = reading.warnings
    assert f"account {HUB} doesn't tell which regions it has enabled" in warning


@pytest.mark.parametrize("fault", [DENIED, ("ExpiredTokenException", "expired")])
def test_a_guessed_region_that_refuses_is_a_refusal(fleet: Fleet, fault: tuple[str, str]) -> None:
    fleet.guessing = True
    fleet.faults[HUB, US] = fault
    with pytest.raises((errors.AccessDenied, errors.BadCredentials), match=f"region {US} of account {HUB}"):
        read(fleet, None)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (EndpointConnectionError(endpoint_url="https://eks.example.com"), errors.Unreachable),
        (("ThrottlingException", "Rate exceeded"), errors.Throttled),
        (("ServerException", "internal"), errors.ApiError),
    ],
)
def test_no_answer_is_an_error_whatever_the_option(fleet: Fleet, fault: t.Any, kind: type[errors.IrsaError]) -> None:
    fleet.faults[HUB, US] = fault
    with pytest.raises(kind, match=f"region {US} of account {HUB}: could not list the EKS clusters"):
        read(fleet, None, "shop", strict=False)


def test_as_many_at_once_as_there_are_workers() -> None:
    fleet = Fleet({(HUB, EU): [f"c{number}" for number in range(40)]})
    fleet.wait_for = 5
    assert len(read(fleet, None, workers=5).clusters) == 40
    assert fleet.enough.is_set()
    assert fleet.most_at_once == 5
