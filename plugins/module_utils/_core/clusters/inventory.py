# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""EKS clusters as the hosts of an inventory: whose are read, which are wanted, what they are called."""

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
class Account:
    """One AWS account to read, as the user describes it.

    :param name: what the user calls it.
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
        """The account in an error message, as long as nobody knows its id."""
        if self.name:
            return f"account {self.name}"
        if self.assume_role_arn:
            return f"the account of role {self.assume_role_arn}"
        return f"the account of profile {self.profile}" if self.profile else "the account of the given credentials"

    def titled(self, account_id: str) -> str:
        """The account in a message, once its id is known."""
        return f"account {self.name} ({account_id})" if self.name else f"account {account_id}"


def accounts_of(given: t.Sequence[t.Any]) -> list[Account]:
    """The accounts that the option names; none means the one of the plugin's own credentials.

    :param given: dicts with the fields of `Account`, an empty text as good as none.
    :raises InvalidInput: says everything that is wrong with them.
    """
    problems = Problems()
    fields = [field.name for field in dataclasses.fields(Account)]
    accounts = []
    for number, each in enumerate(given, 1):
        where = f"accounts: item {number}"
        if not isinstance(each, t.Mapping):
            problems.add(f"{where} is no dictionary", f"give it some of {', '.join(fields)}")
            continue
        for key in sorted(set(map(str, each)) - set(fields)):
            problems.add(f"{where} has an unknown key {key!r}", f"use {', '.join(fields)}")
        texts = {key: each.get(key) or None for key in fields if key != "regions"}
        for key, value in texts.items():
            if value is not None and not isinstance(value, str):
                problems.add(f"{where}: {key} is no text", "put it in quotes")
        role = texts["assume_role_arn"]
        if isinstance(role, str):
            fix = "give it as arn:PARTITION:iam::ACCOUNT:role/NAME"
            problems.require(_ROLE_ARN, role, f"{where}: assume_role_arn {role!r} is no ARN of an IAM role", fix)
        elif texts["external_id"]:
            problems.add(f"{where} has an external_id and no assume_role_arn", "name the role that asks for it")
        regions = each.get("regions") or ()
        if not isinstance(regions, (list, tuple)) or not all(isinstance(region, str) for region in regions):
            problems.add(f"{where}: regions is no list of names", "give it as [eu-west-1, us-east-1]")
            regions = ()
        accounts.append(Account(**texts, regions=tuple(regions)))
    names = collections.Counter(account.name for account in accounts if account.name)
    for name in sorted(str(name) for name, count in names.items() if count > 1):
        problems.add(f"accounts: {name!r} is the name of several", "give each account a name of its own")
    problems.stop()
    return accounts or [Account()]


def variables_of(cluster: t.Mapping[str, t.Any], account: Account) -> dict[str, t.Any]:
    """What the inventory knows of a cluster; nothing in it is a credential.

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
        # Not "tags": Ansible warns of variables that are called like a keyword.
        "cluster_tags": {str(key): str(value) for key, value in (cluster.get("tags") or {}).items()},
        "endpoint": known.endpoint or None,
        "issuer": known.issuer,
        "partition": known.partition,
        "region": known.region,
        "status": known.status,
        "version": known.version,
    }


def renamed(variables: t.Mapping[str, t.Any], prefix: str | None, suffix: str | None) -> dict[str, t.Any]:
    """The variables with a prefix and a suffix to their names."""
    return {f"{prefix or ''}{name}{suffix or ''}": value for name, value in variables.items()}


_Filter = t.Mapping[str, t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Filters:
    """Which clusters are wanted: those that meet one of ``include`` and none of ``exclude``.

    A filter is met when all of its conditions are, a condition when one of its patterns matches.
    """

    include: tuple[_Filter, ...]
    exclude: tuple[_Filter, ...]

    @classmethod
    def of(
        cls, filters: t.Mapping[t.Any, t.Any], include: t.Sequence[t.Any] = (), exclude: t.Sequence[t.Any] = ()
    ) -> Filters:
        """From the options of the same names.

        A filter to include that says nothing of the status wants clusters whose API server answers.

        :raises InvalidInput: says everything that is wrong with them.
        """
        problems = Problems()
        wanted = [_checked(problems, "filters", filters)] if filters else []
        wanted += [_checked(problems, f"include_filters: item {n}", each) for n, each in enumerate(include, 1)]
        unwanted = [_checked(problems, f"exclude_filters: item {n}", each) for n, each in enumerate(exclude, 1)]
        problems.stop()
        return cls(tuple({"status": USABLE, **each} for each in wanted or [{}]), tuple(unwanted))

    def may_match(self, name: str) -> bool:
        """Whether a cluster of this name can be wanted, so that it is worth reading."""
        if any(set(each) == {"name"} and _matches(name, each["name"]) for each in self.exclude):
            return False
        return any("name" not in each or _matches(name, each["name"]) for each in self.include)

    def match(self, variables: t.Mapping[str, t.Any]) -> bool:
        """Whether the cluster is wanted.

        :param variables: as `variables_of` gives them.
        """
        return any(_meets(variables, each) for each in self.include) and not any(
            _meets(variables, each) for each in self.exclude
        )


def _checked(problems: Problems, where: str, given: t.Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(given, t.Mapping):
        problems.add(f"{where} is no dictionary", "give it conditions, as in {name: prod-*}")
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
            problems.add(f"{where}: {name} has a value that is no text", "put it in quotes")
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


class Wish(t.NamedTuple):
    """The name that a cluster's host would have if it were alone."""

    name: str
    region: str
    account_id: str
    cluster: str


def host_names(wishes: t.Sequence[Wish]) -> list[str]:
    """A name for each, in their order.

    Clusters of one name all get their region behind it, and their account as well if regions don't tell them apart. So
    the bare name never passes from one to another. An EKS cluster's name has no dot.

    :raises InvalidInput: two would still have the same.
    """
    namesakes: dict[str, list[Wish]] = collections.defaultdict(list)
    for wish in wishes:
        namesakes[wish.name].append(wish)

    def name_of(wish: Wish) -> str:
        others = namesakes[wish.name]
        if len(others) == 1:
            return wish.name
        if len({other.region for other in others}) == len(others):
            return f"{wish.name}.{wish.region}"
        return f"{wish.name}.{wish.region}.{wish.account_id}"

    names = [name_of(wish) for wish in wishes]
    for name, count in collections.Counter(names).items():
        if count > 1:
            these = [wish for wish, given in zip(wishes, names, strict=True) if given == name]
            raise InvalidInput(
                f"several clusters would be host {name}",
                cause="; ".join(f"{wish.cluster} in {wish.region} of account {wish.account_id}" for wish in these),
                fix="let the expressions in hostnames give each cluster a name of its own",
            )
    return names


def fingerprint(asked: t.Mapping[str, t.Any]) -> str:
    """A short name for what was asked of AWS: another for other questions.

    :param asked: values that JSON knows.
    """
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
