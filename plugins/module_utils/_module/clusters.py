# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the EKS clusters of many accounts and regions in parallel."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import typing as t

from .._api.aws import eks
from .._core.clusters import hosts
from .._core.errors import AccessDenied, BadCredentials, IrsaError, NotFound

if t.TYPE_CHECKING:
    from .._api.aws.accounts import AwsAccounts, OpenAccount

T = t.TypeVar("T")
R = t.TypeVar("R")

# EKS's answer in a region that the account has not enabled.
_NOT_ENABLED = "UnrecognizedClientException"


@dataclasses.dataclass(frozen=True)
class FleetClusters:
    """The clusters of a fleet.

    :param clusters: the variables from `hosts.build_host_variables`, sorted by name, region and account.
    :param warnings: messages about skipped AWS accounts, regions and clusters, and about regions that could not be
        listed.
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
class _ListedCluster:
    region: _Region
    client: t.Any
    name: str

    @property
    def title(self) -> str:
        return self.region.title


class FleetReader:
    """Lists and describes clusters in parallel.

    :param may_match: whether a cluster with this name must be described.
    :param strict: whether denied access is an error. If false, the account, region or cluster is skipped with a
        warning, unless access to everything is denied.
    :param workers: the number of parallel requests.
    """

    def __init__(
        self, accounts: AwsAccounts, *, may_match: t.Callable[[str], bool], strict: bool, workers: int
    ) -> None:
        self._accounts = accounts
        self._may_match = may_match
        self._strict = strict
        self._workers = workers
        self._warnings: list[str] = []

    def read(self, accounts: t.Sequence[hosts.AwsAccount]) -> FleetClusters:
        """Read the clusters of the accounts.

        :raises AccessDenied: access is denied to everything or, with ``strict``, to a part.
        :raises BadCredentials: the credentials are not valid, for all or, with ``strict``, for some of the accounts.
        :raises IrsaError: AWS cannot be reached, throttles for a long time, or returns another error.
        """
        opened = self._map(self._accounts.open, accounts)
        for account in opened:
            if account.guessed:
                self._warnings.append(
                    f"The enabled regions of {account.title} could not be listed, so all regions are read. Allow "
                    f"ec2:DescribeRegions, or set regions."
                )
        # Several items of the option accounts may be the same AWS account.
        regions = {(account.account_id, name): _Region(account, name) for account in opened for name in account.regions}
        listed = self._map(self._list, list(regions.values()))
        described = self._map(self._describe, [cluster for clusters in listed for cluster in clusters])
        clusters = [variables for variables in described if variables]
        clusters.sort(key=lambda cluster: (cluster["cluster_name"], cluster["region"], cluster["account_id"]))
        return FleetClusters(clusters, self._warnings)

    def _list(self, region: _Region) -> list[_ListedCluster]:
        client = region.account.client("eks", region.name)
        try:
            names = eks.list_clusters(client)
        except BadCredentials as error:
            if region.account.guessed and error.details.get("code") == _NOT_ENABLED:
                return []
            raise
        return [_ListedCluster(region, client, name) for name in names if self._may_match(name)]

    def _describe(self, listed: _ListedCluster) -> dict[str, t.Any] | None:
        try:
            cluster = eks.describe_cluster(listed.client, name=listed.name)
        except NotFound:
            return None  # deleted after it was listed
        return hosts.build_host_variables(cluster, listed.region.account.account)

    def _map(self, read: t.Callable[[t.Any], R], items: t.Sequence[t.Any]) -> list[R]:
        """The results for the items to which access is allowed, in their order."""
        results: list[R] = []
        denials: list[IrsaError] = []
        with concurrent.futures.ThreadPoolExecutor(self._workers) as pool:
            futures = [pool.submit(read, item) for item in items]
            for item, future in zip(items, futures, strict=True):
                try:
                    results.append(future.result())
                except (AccessDenied, BadCredentials) as error:
                    denials.append(_add_place(error, item.title))
                except IrsaError as error:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise _add_place(error, item.title) from error
        if denials and (self._strict or not results):
            raise _combine(denials, may_skip=bool(results)) from denials[0]
        self._warnings += [f"Skipped: {error}" for error in denials]
        return results


def _add_place(error: IrsaError, place: str) -> IrsaError:
    """The error with the account or region in its message."""
    return type(error)(f"{place}: {error.message}", cause=error.cause, fix=error.fix, **error.details)


def _combine(denials: t.Sequence[IrsaError], *, may_skip: bool) -> IrsaError:
    """One error for all denials.

    :param may_skip: whether the fix suggests ``strict_permissions``.
    """
    first = denials[0]
    # The fix is usually the same for all denials.
    fixes = [*dict.fromkeys(error.fix for error in denials if error.fix)]
    if may_skip:
        fixes.append("or set strict_permissions to false to skip them")
    fix = "; ".join(fixes)
    if len(denials) == 1:
        return type(first)(first.message, cause=first.cause, fix=fix, **first.details)
    causes = "; ".join(f"({number}) {error.message}: {error.cause}" for number, error in enumerate(denials, 1))
    message = f"AWS denies access to {len(denials)} AWS accounts, regions or clusters"
    return type(first)(message, cause=causes, fix=fix)
