# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EKS clusters as the hosts of an inventory: the accounts to read, the filters, the names and variables of hosts."""

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

# The states in which a cluster's API server answers:
# https://docs.aws.amazon.com/eks/latest/APIReference/API_Cluster.html
USABLE = ("ACTIVE", "UPDATING")

_ROLE_ARN = re.compile(r"arn:aws[a-z0-9-]*:iam::\d{12}:role/[\x21-\x7e]+")
_TAG = "tag:"
_TAG_KEY = "tag-key"
_FIELDS = {"name": "cluster_name", "status": "status", "version": "version"}


@dataclasses.dataclass(frozen=True)
class AwsAccount:
    """One AWS account to read, as the user describes it.

    :param name: its name in messages and variables.
    :param profile: the AWS profile that gives its credentials; without one the plugin's own credentials do.
    :param assume_role_arn: the role that is assumed with those.
    :param regions: where to look; empty leaves that to the plugin's option.
    """

    name: str | None = None
    profile: str | None = None
    assume_role_arn: str | None = None
    external_id: str | None = dataclasses.field(default=None, repr=False)
    regions: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The account in a message, before its ID is known."""
        if self.name:
            return f"account {self.name}"
        if self.assume_role_arn:
            return f"the account of role {self.assume_role_arn}"
        return f"the account of profile {self.profile}" if self.profile else "the account of the given credentials"

    def titled(self, account_id: str) -> str:
        """The account in a message, after its ID is known."""
        return f"account {self.name} ({account_id})" if self.name else f"account {account_id}"


def parse_accounts(given: t.Sequence[t.Any]) -> list[AwsAccount]:
    """The accounts of the option; without any, the account of the plugin's own credentials.

    :param given: dicts with the fields of `AwsAccount`; an empty text equals none.
    :raises InvalidInput: everything that is not valid.
    """
    problems = Problems()
    parsed = [_parse_account(problems, f"accounts: item {number}", item) for number, item in enumerate(given, 1)]
    accounts = [account for account in parsed if account]
    names = collections.Counter(account.name for account in accounts if account.name)
    for name in sorted(str(name) for name, count in names.items() if count > 1):
        problems.add(f"accounts: {name!r} is the name of several", "give each account a name of its own")
    problems.raise_if_any()
    return accounts or [AwsAccount()]


def _parse_account(problems: Problems, where: str, item: t.Any) -> AwsAccount | None:
    fields = [field.name for field in dataclasses.fields(AwsAccount)]
    if not isinstance(item, t.Mapping):
        problems.add(f"{where} is not a dictionary", f"give it some of {', '.join(fields)}")
        return None
    for key in sorted(set(map(str, item)) - set(fields)):
        problems.add(f"{where} has an unknown key {key!r}", f"use {', '.join(fields)}")
    texts = {key: item.get(key) or None for key in fields if key != "regions"}
    for key, value in texts.items():
        if value is not None and not isinstance(value, str):
            problems.add(f"{where}: {key} is not text", "put it in quotes")
    role = texts["assume_role_arn"]
    if isinstance(role, str):
        fix = "give it as arn:PARTITION:iam::ACCOUNT:role/NAME"
        problems.require(_ROLE_ARN, role, f"{where}: assume_role_arn {role!r} is not the ARN of an IAM role", fix)
    elif texts["external_id"]:
        problems.add(f"{where} has an external_id and no assume_role_arn", "name the role that requires it")
    regions = item.get("regions") or ()
    if not isinstance(regions, (list, tuple)) or not all(isinstance(region, str) for region in regions):
        problems.add(f"{where}: regions is not a list of names", "give it as [eu-west-1, us-east-1]")
        regions = ()
    return AwsAccount(**texts, regions=tuple(regions))


def host_variables(cluster: t.Mapping[str, t.Any], account: AwsAccount) -> dict[str, t.Any]:
    """The variables of a cluster; none is a credential.

    :param cluster: DescribeCluster's ``cluster``.
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
        # Not "tags": Ansible warns of variables with the name of a keyword.
        "cluster_tags": {str(key): str(value) for key, value in (cluster.get("tags") or {}).items()},
        "endpoint": known.endpoint or None,
        "issuer": known.issuer,
        "partition": known.partition,
        "region": known.region,
        "status": known.status,
        "version": known.version,
    }


def rename_variables(variables: t.Mapping[str, t.Any], prefix: str | None, suffix: str | None) -> dict[str, t.Any]:
    """The variables with a prefix and a suffix to their names."""
    return {f"{prefix or ''}{name}{suffix or ''}": value for name, value in variables.items()}


_Filter = t.Mapping[str, t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class ClusterFilters:
    """Selects clusters: those that meet one of ``include`` and none of ``exclude``.

    A filter is met when all of its conditions are, a condition when one of its patterns matches.
    """

    include: tuple[_Filter, ...]
    exclude: tuple[_Filter, ...]

    @classmethod
    def from_options(
        cls, filters: t.Mapping[t.Any, t.Any], include: t.Sequence[t.Any] = (), exclude: t.Sequence[t.Any] = ()
    ) -> ClusterFilters:
        """From the options of the same names.

        A filter to include without a status selects clusters whose API server answers.

        :raises InvalidInput: everything that is not valid.
        """
        problems = Problems()
        included = [_parse_filter(problems, "filters", filters)] if filters else []
        included += [_parse_filter(problems, f"include_filters: item {n}", item) for n, item in enumerate(include, 1)]
        excluded = [_parse_filter(problems, f"exclude_filters: item {n}", item) for n, item in enumerate(exclude, 1)]
        problems.raise_if_any()
        return cls(tuple({"status": USABLE, **conditions} for conditions in included or [{}]), tuple(excluded))

    def may_match(self, name: str) -> bool:
        """Whether a cluster with this name may be selected, so that it has to be read."""
        if any(set(conditions) == {"name"} and _matches(name, conditions["name"]) for conditions in self.exclude):
            return False
        return any("name" not in conditions or _matches(name, conditions["name"]) for conditions in self.include)

    def match(self, variables: t.Mapping[str, t.Any]) -> bool:
        """Whether the cluster is selected.

        :param variables: as `host_variables` gives them.
        """
        included = any(_meets(variables, conditions) for conditions in self.include)
        return included and not any(_meets(variables, conditions) for conditions in self.exclude)


def _parse_filter(problems: Problems, where: str, given: t.Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, t.Mapping):
        problems.add(f"{where} is not a dictionary", "give it conditions, as in {name: prod-*}")
        return {}
    if not given:
        # An exclusion without a condition would be met by every cluster.
        problems.add(f"{where} is empty", "give it a condition, or leave it out")
    conditions: dict[str, tuple[str, ...]] = {}
    for key, value in given.items():
        name = str(key)
        if name not in _FIELDS and name != _TAG_KEY and not (name.startswith(_TAG) and name != _TAG):
            problems.add(
                f"{where} has an unknown condition {name!r}", f"use {', '.join(_FIELDS)}, {_TAG_KEY} or {_TAG}KEY"
            )
        patterns = value if isinstance(value, (list, tuple)) else [value]
        if not patterns:
            problems.add(f"{where}: {name} is an empty list", "give it a value, or leave it out")
        # 1.30 without quotes is the number 1.3.
        if not all(isinstance(pattern, str) for pattern in patterns):
            problems.add(f"{where}: {name} has a value that is not text", "put it in quotes")
        conditions[name] = tuple(str(pattern) for pattern in patterns)
    return conditions


def _meets(variables: t.Mapping[str, t.Any], conditions: _Filter) -> bool:
    return all(_meets_condition(variables, key, patterns) for key, patterns in conditions.items())


def _meets_condition(variables: t.Mapping[str, t.Any], key: str, patterns: t.Sequence[str]) -> bool:
    tags = variables["cluster_tags"]
    if key == _TAG_KEY:
        return any(_matches(tag, patterns) for tag in tags)
    if key.startswith(_TAG):
        name = key[len(_TAG) :]
        return name in tags and _matches(tags[name], patterns)
    return _matches(variables[_FIELDS[key]] or "", patterns)


def _matches(value: str, patterns: t.Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in patterns)


class ProposedName(t.NamedTuple):
    """The name of a cluster's host, if no other host has it."""

    name: str
    region: str
    account_id: str
    cluster: str


def host_names(proposals: t.Sequence[ProposedName]) -> list[str]:
    """The names of the hosts, in the same order.

    Clusters with the same name all get their region as a suffix, and their account as well if regions are not unique.
    So the plain name never moves from one cluster to another. An EKS cluster's name has no dot.

    :raises InvalidInput: two hosts would still have the same name.
    """
    by_name: dict[str, list[ProposedName]] = collections.defaultdict(list)
    for proposal in proposals:
        by_name[proposal.name].append(proposal)

    def name_of(proposal: ProposedName) -> str:
        others = by_name[proposal.name]
        if len(others) == 1:
            return proposal.name
        if len({other.region for other in others}) == len(others):
            return f"{proposal.name}.{proposal.region}"
        return f"{proposal.name}.{proposal.region}.{proposal.account_id}"

    names = [name_of(proposal) for proposal in proposals]
    for name, count in collections.Counter(names).items():
        if count > 1:
            clusters = [proposal for proposal, host in zip(proposals, names, strict=True) if host == name]
            raise InvalidInput(
                f"several clusters would be host {name}",
                cause="; ".join(
                    f"{proposal.cluster} in {proposal.region} of account {proposal.account_id}" for proposal in clusters
                ),
                fix="let the expressions in hostnames give each cluster a name of its own",
            )
    return names


def fingerprint(options: t.Mapping[str, t.Any]) -> str:
    """A short hash of the options that decide what is read from AWS.

    :param options: values that JSON knows.
    """
    text = json.dumps(options, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
