# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the EKS clusters of many accounts and regions in parallel."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from .._api.aws import eks
from .._core.clusters import inventory
from .._core.errors import AccessDenied, BadCredentials, IrsaError, NotFound

if t.TYPE_CHECKING:
    from .._api.aws.accounts import AwsAccounts, OpenAccount

T = t.TypeVar("T")
R = t.TypeVar("R")

# EKS's answer in a region that the account has not enabled.
_NOT_ENABLED = "UnrecognizedClientException"


@dataclasses.dataclass(frozen=True)
class FleetReading:
    """What was read.

    :param clusters: as `inventory.host_variables` gives them, sorted by name, region and account.
    :param warnings: what was skipped, and what was guessed.
    """

    clusters: list[dict[str, t.Any]]
    warnings: list[str]


@dataclasses.dataclass(frozen=True)
class _Region:
    account: OpenAccount
    name: str

    @property
    def title(self) -> str:
        return f"region {self.name} of {self.account.title}"


@dataclasses.dataclass(frozen=True)
class _Listed:
    region: _Region
    client: t.Any
    name: str

    @property
    def title(self) -> str:
        return self.region.title


class FleetReader:
    """Lists and describes clusters, in parallel.

    :param may_match: whether a cluster with this name has to be described.
    :param strict: whether a refusal is an error. Otherwise the account, region or cluster is skipped with a warning,
        unless everything is refused.
    :param workers: the number of requests in parallel.
    """

    def __init__(
        self, accounts: AwsAccounts, *, may_match: t.Callable[[str], bool], strict: bool, workers: int
    ) -> None:
        self._accounts = accounts
        self._may_match = may_match
        self._strict = strict
        self._workers = workers
        self._warnings: list[str] = []

    def read(self, accounts: t.Sequence[inventory.AwsAccount]) -> FleetReading:
        """The clusters of the accounts.

        :raises AccessDenied: a part is refused and that is an error, or everything is refused.
        :raises BadCredentials: the same, because of the credentials.
        :raises IrsaError: AWS can't be reached, throttles for long, or answers something else.
        """
        opened = self._map(self._accounts.open, accounts)
        for account in opened:
            if account.guessed:
                self._warnings.append(
                    f"{account.title} doesn't tell which regions it has enabled, so that all are tried. Allow "
                    f"ec2:DescribeRegions, or name the regions."
                )
        # Two ways into one account show the same clusters.
        regions = {(account.account_id, name): _Region(account, name) for account in opened for name in account.regions}
        listed = self._map(self._list, list(regions.values()))
        found = self._map(self._describe, [cluster for clusters in listed for cluster in clusters])
        clusters = [variables for variables in found if variables]
        clusters.sort(key=lambda cluster: (cluster["cluster_name"], cluster["region"], cluster["account_id"]))
        return FleetReading(clusters, self._warnings)

    def _list(self, region: _Region) -> list[_Listed]:
        client = region.account.client("eks", region.name)
        try:
            names = eks.list_clusters(client)
        except BadCredentials as error:
            if region.account.guessed and error.details.get("code") == _NOT_ENABLED:
                return []
            raise
        return [_Listed(region, client, name) for name in names if self._may_match(name)]

    def _describe(self, listed: _Listed) -> dict[str, t.Any] | None:
        try:
            cluster = eks.describe_cluster(listed.client, name=listed.name)
        except NotFound:
            return None  # deleted since it was listed
        return inventory.host_variables(cluster, listed.region.account.account)

    def _map(self, act: t.Callable[[t.Any], R], items: t.Sequence[t.Any]) -> list[R]:
        """The results for the items that AWS does not refuse, in their order."""
        done: list[R] = []
        refusals: list[IrsaError] = []
        with concurrent.futures.ThreadPoolExecutor(self._workers) as pool:
            futures = [pool.submit(act, item) for item in items]
            for item, future in zip(items, futures, strict=True):
                try:
                    done.append(future.result())
                except (AccessDenied, BadCredentials) as error:
                    refusals.append(_with_place(error, item.title))
                except IrsaError as error:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise _with_place(error, item.title) from error
        if refusals and (self._strict or not done):
            raise _combine(refusals, may_skip=bool(done)) from refusals[0]
        self._warnings += [f"Left out of the inventory: {error}" for error in refusals]
        return done


def _with_place(error: IrsaError, where: str) -> IrsaError:
    """The error with the place where it occurred."""
    return type(error)(f"{where}: {error.message}", cause=error.cause, fix=error.fix, **error.details)


def _combine(refusals: t.Sequence[IrsaError], *, may_skip: bool) -> IrsaError:
    """One error for all refusals.

    :param may_skip: whether anything was read besides what was refused.
    """
    first = refusals[0]
    # Usually the same for all of them.
    fixes = [*dict.fromkeys(error.fix for error in refusals if error.fix)]
    if may_skip:
        fixes.append("or set strict_permissions to false to go without")
    fix = "; ".join(fixes)
    if len(refusals) == 1:
        return type(first)(first.message, cause=first.cause, fix=fix, **first.details)
    causes = "; ".join(f"({number}) {error.message}: {error.cause}" for number, error in enumerate(refusals, 1))
    return type(first)(f"AWS refuses {len(refusals)} of the accounts, regions or clusters", cause=causes, fix=fix)
