# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EKS clusters as hosts of an inventory: AWS accounts, filters, and the names and variables of hosts."""

from __future__ import annotations

import collections
import dataclasses
import fnmatch
import hashlib
import json
import re
import typing as t

from ..arn import EksCluster
from ..errors import InvalidInput
from ..validation import Problems

# The statuses of clusters whose API server is available:
# https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html
USABLE_STATUSES = ("ACTIVE", "UPDATING")

_ROLE_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:role/[\x21-\x7e]+")
_TAG = "tag:"
_TAG_KEY = "tag-key"
_FIELDS = {"name": "cluster_name", "status": "status", "version": "version"}


@dataclasses.dataclass(frozen=True)
class AwsAccount:
    """An AWS account to read, an item of the option ``accounts``.

    :param name: the name of the account in messages and variables.
    :param profile: the AWS profile for the credentials; None to use the credentials of the plugin.
    :param assume_role_arn: the role to assume with these credentials.
    :param regions: the regions to read; empty to use the option ``regions`` of the plugin.
    """

    name: str | None = None
    profile: str | None = None
    assume_role_arn: str | None = None
    external_id: str | None = dataclasses.field(default=None, repr=False)
    regions: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The account in messages, before its ID is known."""
        if self.name:
            return f"account {self.name}"
        if self.assume_role_arn:
            return f"the account of role {self.assume_role_arn}"
        return f"the account of profile {self.profile}" if self.profile else "the account of the given credentials"

    def title_with_id(self, account_id: str) -> str:
        """The account in messages, after its ID is known."""
        return f"account {self.name} ({account_id})" if self.name else f"account {account_id}"


def parse_accounts(given: t.Sequence[t.Any]) -> list[AwsAccount]:
    """The accounts of the option ``accounts``. If it is empty, the account of the credentials of the plugin.

    :param given: dictionaries with the fields of `AwsAccount`. Empty strings count as not set.
    :raises InvalidInput: an item is not valid. The error lists all problems.
    """
    problems = Problems()
    parsed = [_parse_account(problems, f"accounts: item {number}", item) for number, item in enumerate(given, 1)]
    accounts = [account for account in parsed if account]
    names = collections.Counter(account.name for account in accounts if isinstance(account.name, str))
    for name in sorted(str(name) for name, count in names.items() if count > 1):
        problems.add(f"accounts: several items have the name {name!r}", "use a different name for each account")
    problems.raise_if_any()
    return accounts or [AwsAccount()]


def _parse_account(problems: Problems, where: str, item: t.Any) -> AwsAccount | None:
    fields = [field.name for field in dataclasses.fields(AwsAccount)]
    if not isinstance(item, t.Mapping):
        problems.add(f"{where} is not a dictionary", f"use the keys {', '.join(fields)}")
        return None
    for key in sorted(set(map(str, item)) - set(fields)):
        problems.add(f"{where} has an unknown key {key!r}", f"use {', '.join(fields)}")
    texts = {key: item.get(key) or None for key in fields if key != "regions"}
    for key, value in texts.items():
        if value is not None and not isinstance(value, str):
            problems.add(f"{where}: {key} is not text", "put it in quotes")
    role = texts["assume_role_arn"]
    if isinstance(role, str):
        fix = "use the form arn:PARTITION:iam::ACCOUNT:role/NAME"
        problems.require(_ROLE_ARN, role, f"{where}: assume_role_arn {role!r} is not a valid IAM role ARN", fix)
    elif texts["external_id"]:
        problems.add(f"{where} has external_id but no assume_role_arn", "set assume_role_arn")
    regions = item.get("regions") or ()
    if not isinstance(regions, (list, tuple)) or not all(isinstance(region, str) for region in regions):
        problems.add(f"{where}: regions is not a list of names", "use a list such as [eu-west-1, us-east-1]")
        regions = ()
    return AwsAccount(**texts, regions=tuple(regions))


def build_host_variables(cluster: t.Mapping[str, t.Any], account: AwsAccount) -> dict[str, t.Any]:
    """The variables of a cluster. They contain no credentials.

    :param cluster: the ``cluster`` of DescribeCluster.
    """
    known = EksCluster.from_aws(cluster)
    return {
        "account": account.name or known.account_id,
        "account_id": known.account_id,
        "account_profile": account.profile,
        "account_role_arn": account.assume_role_arn,
        "arn": known.arn,
        "certificate_authority": known.certificate_authority,
        "cluster_name": known.name,
        # Ansible would warn about "tags", because it is a keyword.
        "cluster_tags": {str(key): str(value) for key, value in (cluster.get("tags") or {}).items()},
        "endpoint": known.endpoint or None,
        "issuer": known.issuer,
        "partition": known.partition,
        "region": known.region,
        "status": known.status,
        "version": known.version,
    }


def rename_variables(variables: t.Mapping[str, t.Any], prefix: str | None, suffix: str | None) -> dict[str, t.Any]:
    """The variables with a prefix and a suffix in their names."""
    return {f"{prefix or ''}{name}{suffix or ''}": value for name, value in variables.items()}


_Filter = t.Mapping[str, t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class ClusterFilters:
    """Selects the clusters that match a filter of ``include`` and no filter of ``exclude``.

    A filter matches if all of its conditions match. A condition matches if one of its patterns matches.
    """

    include: tuple[_Filter, ...]
    exclude: tuple[_Filter, ...]

    @classmethod
    def from_options(
        cls, filters: t.Mapping[t.Any, t.Any], include: t.Sequence[t.Any] = (), exclude: t.Sequence[t.Any] = ()
    ) -> ClusterFilters:
        """The filters from the options ``filters``, ``include_filters`` and ``exclude_filters``.

        Without a condition on the status, an included filter matches only clusters whose API server is available.

        :raises InvalidInput: a filter is not valid. The error lists all problems.
        """
        problems = Problems()
        included = [_parse_filter(problems, "filters", filters)] if filters else []
        included += [_parse_filter(problems, f"include_filters: item {n}", item) for n, item in enumerate(include, 1)]
        excluded = [_parse_filter(problems, f"exclude_filters: item {n}", item) for n, item in enumerate(exclude, 1)]
        problems.raise_if_any()
        return cls(tuple({"status": USABLE_STATUSES, **conditions} for conditions in included or [{}]), tuple(excluded))

    def may_match(self, name: str) -> bool:
        """Whether a cluster with this name may be selected and must be read."""
        if any(
            set(conditions) == {"name"} and _matches_pattern(name, conditions["name"]) for conditions in self.exclude
        ):
            return False
        return any(
            "name" not in conditions or _matches_pattern(name, conditions["name"]) for conditions in self.include
        )

    def matches(self, variables: t.Mapping[str, t.Any]) -> bool:
        """Whether the cluster is selected.

        :param variables: the result of `build_host_variables`.
        """
        included = any(_matches_filter(variables, conditions) for conditions in self.include)
        return included and not any(_matches_filter(variables, conditions) for conditions in self.exclude)


def _parse_filter(problems: Problems, where: str, given: t.Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, t.Mapping):
        problems.add(f"{where} is not a dictionary", "use conditions such as {name: prod-*}")
        return {}
    if not given:
        # An empty filter of exclude_filters would match every cluster.
        problems.add(f"{where} is empty", "add a condition or remove it")
    conditions: dict[str, tuple[str, ...]] = {}
    for key, value in given.items():
        name = str(key)
        if name not in _FIELDS and name != _TAG_KEY and not (name.startswith(_TAG) and name != _TAG):
            problems.add(
                f"{where} has an unknown condition {name!r}", f"use {', '.join(_FIELDS)}, {_TAG_KEY} or {_TAG}KEY"
            )
        patterns = value if isinstance(value, (list, tuple)) else [value]
        if not patterns:
            problems.add(f"{where}: {name} is an empty list", "add a value or remove it")
        # Without quotes, YAML reads 1.30 as the number 1.3.
        if not all(isinstance(pattern, str) for pattern in patterns):
            problems.add(f"{where}: {name} has a value that is not text", "put it in quotes")
        conditions[name] = tuple(str(pattern) for pattern in patterns)
    return conditions


def _matches_filter(variables: t.Mapping[str, t.Any], conditions: _Filter) -> bool:
    return all(_matches_condition(variables, key, patterns) for key, patterns in conditions.items())


def _matches_condition(variables: t.Mapping[str, t.Any], key: str, patterns: t.Sequence[str]) -> bool:
    tags = variables["cluster_tags"]
    if key == _TAG_KEY:
        return any(_matches_pattern(tag, patterns) for tag in tags)
    if key.startswith(_TAG):
        name = key[len(_TAG) :]
        return name in tags and _matches_pattern(tags[name], patterns)
    return _matches_pattern(variables[_FIELDS[key]] or "", patterns)


def _matches_pattern(value: str, patterns: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)


class ProposedName(t.NamedTuple):
    """The name of the host of a cluster, unless several clusters have the same name."""

    name: str
    region: str
    account_id: str
    cluster: str


def assign_host_names(proposals: t.Sequence[ProposedName]) -> list[str]:
    """The names of the hosts, in the same order.

    If several clusters have the same name, all get their region as a suffix, and also their account if the regions are
    not unique. So the name without a suffix never changes to another cluster. Names of EKS clusters have no dots.

    :raises InvalidInput: two hosts still have the same name.
    """
    by_name: dict[str, list[ProposedName]] = collections.defaultdict(list)
    for proposal in proposals:
        by_name[proposal.name].append(proposal)

    def build_name(proposal: ProposedName) -> str:
        same_name = by_name[proposal.name]
        if len(same_name) == 1:
            return proposal.name
        if len({other.region for other in same_name}) == len(same_name):
            return f"{proposal.name}.{proposal.region}"
        return f"{proposal.name}.{proposal.region}.{proposal.account_id}"

    names = [build_name(proposal) for proposal in proposals]
    for name, count in collections.Counter(names).items():
        if count > 1:
            clusters = [proposal for proposal, host in zip(proposals, names, strict=True) if host == name]
            raise InvalidInput(
                f"several clusters have the host name {name}",
                cause="; ".join(
                    f"{proposal.cluster} in {proposal.region} of account {proposal.account_id}" for proposal in clusters
                ),
                fix="change the expressions in hostnames so that each cluster gets a unique name",
            )
    return names


def hash_options(options: t.Mapping[str, t.Any]) -> str:
    """A short hash of the options that determine what is read from AWS, for the cache key.

    :param options: values that can be converted to JSON.
    """
    text = json.dumps(options, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
