# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the EKS clusters of many accounts and regions at once."""

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

# How EKS answers where an account has not enabled the region.
_NOT_ENABLED = "UnrecognizedClientException"


@dataclasses.dataclass(frozen=True)
class Reading:
    """What was read.

    :param clusters: as `inventory.variables_of` gives them, sorted by name, region and account.
    :param warnings: what was left out, and what was guessed.
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


class Reader:
    """Lists and describes clusters, with so many requests under way at once as there are workers.

    :param wanted: told a cluster's name, whether it is worth describing.
    :param strict: whether a refusal is an error. Otherwise the account, region or cluster is left out with a warning,
        unless there is nothing else.
    """

    def __init__(self, accounts: AwsAccounts, *, wanted: t.Callable[[str], bool], strict: bool, workers: int) -> None:
        self._accounts = accounts
        self._wanted = wanted
        self._strict = strict
        self._workers = workers
        self._warnings: list[str] = []

    def read(self, accounts: t.Sequence[inventory.Account]) -> Reading:
        """The clusters of the accounts.

        :raises AccessDenied: what was asked for is refused in part, and that is an error; or all of it is.
        :raises BadCredentials: the same, for want of credentials.
        :raises IrsaError: AWS can't be reached, throttles for long, or answers something else.
        """
        opened = self._each(self._accounts.open, accounts)
        for account in opened:
            if account.guessed:
                self._warnings.append(
                    f"{account.title} doesn't tell which regions it has enabled, so that all are tried. Allow "
                    f"ec2:DescribeRegions, or name the regions."
                )
        # Two ways into one account show the same clusters.
        regions = {(account.account_id, name): _Region(account, name) for account in opened for name in account.regions}
        listed = self._each(self._list, list(regions.values()))
        found = self._each(self._describe, [each for names in listed for each in names])
        clusters = [variables for variables in found if variables]
        clusters.sort(key=lambda each: (each["cluster_name"], each["region"], each["account_id"]))
        return Reading(clusters, self._warnings)

    def _list(self, region: _Region) -> list[_Listed]:
        client = region.account.client("eks", region.name)
        try:
            names = eks.list_clusters(client)
        except BadCredentials as error:
            if region.account.guessed and error.details.get("code") == _NOT_ENABLED:
                return []
            raise
        return [_Listed(region, client, name) for name in names if self._wanted(name)]

    def _describe(self, listed: _Listed) -> dict[str, t.Any] | None:
        try:
            cluster = eks.describe_cluster(listed.client, name=listed.name)
        except NotFound:
            return None  # deleted since it was listed
        return inventory.variables_of(cluster, listed.region.account.account)

    def _each(self, act: t.Callable[[t.Any], R], things: t.Sequence[t.Any]) -> list[R]:
        """The results for the things that AWS doesn't refuse, in their order."""
        done: list[R] = []
        refusals: list[IrsaError] = []
        with concurrent.futures.ThreadPoolExecutor(self._workers) as pool:
            futures = [pool.submit(act, thing) for thing in things]
            for thing, future in zip(things, futures, strict=True):
                try:
                    done.append(future.result())
                except (AccessDenied, BadCredentials) as error:
                    refusals.append(_placed(error, thing.title))
                except IrsaError as error:
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise _placed(error, thing.title) from error
        if refusals and (self._strict or not done):
            raise _summed(refusals, may_skip=bool(done)) from refusals[0]
        self._warnings += [f"Left out of the inventory: {error}" for error in refusals]
        return done


def _placed(error: IrsaError, where: str) -> IrsaError:
    """The error, saying where."""
    return type(error)(f"{where}: {error.message}", cause=error.cause, fix=error.fix, **error.details)


def _summed(refusals: t.Sequence[IrsaError], *, may_skip: bool) -> IrsaError:
    """One error for all refusals.

    :param may_skip: whether anything is left without what was refused.
    """
    first = refusals[0]
    # Mostly one for all of them.
    fixes = [*dict.fromkeys(error.fix for error in refusals if error.fix)]
    if may_skip:
        fixes.append("or set strict_permissions to false to go without")
    fix = "; ".join(fixes)
    if len(refusals) == 1:
        return type(first)(first.message, cause=first.cause, fix=fix, **first.details)
    causes = "; ".join(f"({number}) {error.message}: {error.cause}" for number, error in enumerate(refusals, 1))
    return type(first)(f"AWS refuses {len(refusals)} of the accounts, regions or clusters", cause=causes, fix=fix)
