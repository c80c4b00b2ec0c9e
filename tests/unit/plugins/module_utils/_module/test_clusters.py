# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of several AWS accounts: requests, denied access and parallel reads."""

from __future__ import annotations

import collections
import threading
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.aws.accounts import OpenAccount
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from ansible_collections.eksops.irsa.plugins.module_utils._core.clusters.hosts import AwsAccount
from ansible_collections.eksops.irsa.plugins.module_utils._module.clusters import FleetClusters, FleetReader
from botocore.exceptions import ClientError, EndpointConnectionError

EU, US = "eu-west-1", "us-east-1"
HUB, SHOP = "999999999999", "111122223333"
DENIED = ("AccessDeniedException", "not allowed")
UNKNOWN = ("UnrecognizedClientException", "The security token included in the request is invalid.")


class Fleet:
    """AWS accounts with clusters, and fake botocore clients for them.

    :ivar clusters: names by account ID and region.
    :ivar faults: errors by account ID, by account ID and region, or by account ID, region and cluster.
    :ivar wait_for: requests wait until this many are running.
    """

    def __init__(self, clusters: dict[tuple[str, str], list[str]]) -> None:
        self.clusters = clusters
        self.faults: dict[tuple[str, ...], t.Any] = {}
        self.ids: dict[str | None, str] = {None: HUB, "shop": SHOP, "again": HUB}
        self.guessing = False
        self.described: collections.Counter[str] = collections.Counter()
        self.running = self.max_running = 0
        self.all_running = threading.Event()
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

    def raise_fault(self, *place: str) -> None:
        fault = self.faults.get(place)
        if isinstance(fault, tuple):
            raise ClientError({"Error": {"Code": fault[0], "Message": fault[1]}}, "any")
        if fault:
            raise fault

    def count_request(self, name: str) -> None:
        with self._lock:
            self.described[name] += 1
            self.running += 1
            self.max_running = max(self.max_running, self.running)
            if self.running == self.wait_for:
                self.all_running.set()
        if self.wait_for:
            self.all_running.wait(10)
        with self._lock:
            self.running -= 1


class _Client:
    def __init__(self, fleet: Fleet, account_id: str, service: str, region: str) -> None:
        assert service == "eks"
        self.fleet, self.account_id, self.region = fleet, account_id, region

    def get_paginator(self, operation: str) -> t.Any:
        assert operation == "list_clusters"
        return self

    def paginate(self) -> t.Iterator[dict[str, t.Any]]:
        self.fleet.raise_fault(self.account_id, self.region)
        # One page for each cluster.
        yield from ({"clusters": [name]} for name in self.fleet.clusters[self.account_id, self.region])

    def describe_cluster(self, *, name: str) -> dict[str, t.Any]:
        self.fleet.count_request(name)
        self.fleet.raise_fault(self.account_id, self.region, name)
        arn = f"arn:aws:eks:{self.region}:{self.account_id}:cluster/{name}"
        return {"cluster": {"name": name, "arn": arn, "status": "ACTIVE"}}


@pytest.fixture
def fleet() -> Fleet:
    return Fleet({(HUB, EU): ["web", "api"], (HUB, US): ["web"], (SHOP, EU): ["web"]})


def read(fleet: Fleet, *names: str | None, strict: bool = True, **options: t.Any) -> FleetClusters:
    settings: dict[str, t.Any] = {"may_match": lambda _name: True, "workers": 4, **options}
    return FleetReader(t.cast("t.Any", fleet), strict=strict, **settings).read(
        [AwsAccount(name=name) for name in names]
    )


def places(result: FleetClusters) -> list[tuple[str, str, str]]:
    return [(cluster["cluster_name"], cluster["region"], cluster["account"]) for cluster in result.clusters]


def test_clusters_of_all_accounts_and_regions_are_read(fleet: Fleet) -> None:
    result = read(fleet, None, "shop")
    assert places(result) == [("api", EU, HUB), ("web", EU, "shop"), ("web", EU, HUB), ("web", US, HUB)]
    assert result.warnings == []


def test_cluster_that_cannot_match_is_not_read(fleet: Fleet) -> None:
    assert places(read(fleet, None, may_match=lambda name: name == "api")) == [("api", EU, HUB)]
    assert fleet.described == {"api": 1}


def test_duplicate_account_is_read_once(fleet: Fleet) -> None:
    result = read(fleet, None, "again")
    assert [place[:2] for place in places(result)] == [("api", EU), ("web", EU), ("web", US)]
    assert fleet.described == {"api": 1, "web": 2}


def test_cluster_deleted_after_it_was_listed_is_ignored(fleet: Fleet) -> None:
    fleet.faults[HUB, EU, "web"] = ("ResourceNotFoundException", "No cluster found for name: web.")
    result = read(fleet, None)
    assert places(result) == [("api", EU, HUB), ("web", US, HUB)]
    assert result.warnings == []


DENIALS: list[t.Any] = [
    pytest.param(
        (SHOP,),
        errors.AccessDenied("could not assume the role r", cause="no", fix="allow it"),
        "account shop: could not assume the role r",
        [("api", EU, HUB), ("web", EU, HUB), ("web", US, HUB)],
        id="account",
    ),
    pytest.param(
        (SHOP,),
        errors.BadCredentials("could not create an AWS session", cause="no"),
        "account shop: could not create an AWS session",
        [("api", EU, HUB), ("web", EU, HUB), ("web", US, HUB)],
        id="account-without-credentials",
    ),
    pytest.param(
        (HUB, US),
        DENIED,
        f"region {US} of account {HUB}: could not list the EKS clusters",
        [("api", EU, HUB), ("web", EU, "shop"), ("web", EU, HUB)],
        id="region",
    ),
    pytest.param(
        (SHOP, EU),
        UNKNOWN,
        f"region {EU} of account shop ({SHOP}): could not list the EKS clusters",
        [("api", EU, HUB), ("web", EU, HUB), ("web", US, HUB)],
        id="disabled-region",
    ),
    pytest.param(
        (HUB, EU, "api"),
        DENIED,
        f"region {EU} of account {HUB}: could not read the EKS cluster api",
        [("web", EU, "shop"), ("web", EU, HUB), ("web", US, HUB)],
        id="cluster",
    ),
]


@pytest.mark.parametrize(("place", "fault", "message", "remaining"), DENIALS)
def test_denied_access_is_an_error_or_skipped(
    fleet: Fleet, place: tuple[str, ...], fault: t.Any, message: str, remaining: list[tuple[str, str, str]]
) -> None:
    fleet.faults[place] = fault
    with pytest.raises((errors.AccessDenied, errors.BadCredentials)) as raised:
        read(fleet, None, "shop")
    assert str(raised.value).startswith(message)
    assert "set strict_permissions to false to skip them" in str(raised.value)
    result = read(fleet, None, "shop", strict=False)
    assert places(result) == remaining
    (warning,) = result.warnings
    assert warning.startswith(f"Skipped: {message}")


def test_error_names_all_denials(fleet: Fleet) -> None:
    fleet.faults = {(HUB, US): DENIED, (SHOP, EU): DENIED}
    with pytest.raises(errors.AccessDenied, match="AWS denies access to 2 ") as raised:
        read(fleet, None, "shop")
    text = str(raised.value)
    assert f"(1) region {US} of account {HUB}: could not list" in text
    assert f"(2) region {EU} of account shop ({SHOP}): could not list" in text
    assert text.count("allow eks:ListClusters") == 1


@pytest.mark.parametrize(
    "denied_places",
    [
        pytest.param([(HUB,), (SHOP,)], id="accounts"),
        pytest.param([(HUB, EU), (HUB, US), (SHOP, EU)], id="regions"),
        pytest.param([(HUB, EU, "api"), (HUB, EU, "web"), (HUB, US, "web"), (SHOP, EU, "web")], id="clusters"),
    ],
)
def test_inventory_without_any_access_is_an_error(fleet: Fleet, denied_places: list[tuple[str, ...]]) -> None:
    denied = errors.AccessDenied("no", cause="not allowed")
    fleet.faults = {place: denied if len(place) == 1 else DENIED for place in denied_places}
    with pytest.raises(errors.AccessDenied, match=f"AWS denies access to {len(denied_places)} ") as raised:
        read(fleet, None, "shop", strict=False)
    assert "strict_permissions" not in str(raised.value)


def test_account_without_clusters() -> None:
    assert read(Fleet({(HUB, EU): []}), None, strict=False) == FleetClusters([], [])


def test_disabled_guessed_region_is_ignored(fleet: Fleet) -> None:
    fleet.guessing = True
    fleet.faults[HUB, US] = UNKNOWN
    result = read(fleet, None)
    assert places(result) == [("api", EU, HUB), ("web", EU, HUB)]
    (warning,) = result.warnings
    assert f"The enabled regions of account {HUB} could not be listed" in warning


@pytest.mark.parametrize("fault", [DENIED, ("ExpiredTokenException", "expired")])
def test_denied_guessed_region_is_an_error(fleet: Fleet, fault: tuple[str, str]) -> None:
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
def test_other_errors_are_never_skipped(fleet: Fleet, fault: t.Any, kind: type[errors.IrsaError]) -> None:
    fleet.faults[HUB, US] = fault
    with pytest.raises(kind, match=f"region {US} of account {HUB}: could not list the EKS clusters"):
        read(fleet, None, "shop", strict=False)


def test_parallel_requests_are_limited_by_workers() -> None:
    fleet = Fleet({(HUB, EU): [f"c{number}" for number in range(40)]})
    fleet.wait_for = 5
    assert len(read(fleet, None, workers=5).clusters) == 40
    assert fleet.all_running.is_set()
    assert fleet.max_running == 5
