# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many bindings of one cluster at once: what is wanted of each object, and what became of each binding."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..arn import ROLE_ARN_ANNOTATION, STS_AUDIENCE, Arn
from ..errors import Conflict, InvalidInput, IrsaError, NotAttempted, QuotaExceeded
from ..plan import Plan
from ..policy.document import LoadYaml
from ..provider import spec_and_plan as provider
from ..role import spec as role
from ..rollout.spec import RolloutSpec
from ..service_account import spec as service_account_spec
from ..service_account.annotations import Field, is_role_arn
from ..service_account.state import ServiceAccount
from . import grouping
from .grouping import Binding

ROLE_ARN = Field("annotations", ROLE_ARN_ANNOTATION)
# What a role and an account are where a binding says nothing of it: the defaults of `irsa_role` and `sa_annotate`.
ROLE_DEFAULTS: t.Mapping[str, t.Any] = {
    "state": "present",
    "allow_wildcards": False,
    "cluster_name": None,
    "description": None,
    "force": False,
    "inline_policies": None,
    "issuer": None,
    "managed_policies": None,
    "max_session_duration": None,
    "path": None,
    "permissions_boundary": None,
    "purge_inline_policies": False,
    "purge_policies": False,
    "purge_service_accounts": True,
    "purge_tags": True,
    "tags": None,
    "trust": "merge",
}
_ACCOUNT_DEFAULTS: t.Mapping[str, t.Any] = {
    "annotations": None,
    "audience": None,
    "create": True,
    "create_namespace": False,
    "delete": False,
    "labels": None,
    "sts_regional_endpoints": None,
    "token_expiration": None,
}


# How many different errors, or names, a message quotes in full.
_TOLD = 5
_MOST_WORKERS = 64
# With more bindings than these a result tells each thing once: controllers keep results in a database.
MANY = 100
_ROLES_QUOTA = "RolesQuota"


@dataclasses.dataclass(frozen=True)
class Account:
    """The service account of one binding.

    :param index: of the binding; one past the last for an account that no binding names.
    :param role: the name of its role among those that are written; None where the role is kept elsewhere.
    :param role_arn: the ARN of that role.
    """

    index: int
    options: t.Mapping[str, t.Any]
    role: str | None
    role_arn: str | None

    @property
    def title(self) -> str:
        """``NAMESPACE/NAME``."""
        return f"{self.options['namespace']}/{self.options['name']}"

    def wanted(self, role_arn: str | None) -> service_account_spec.ServiceAccountSpec:
        """What is wanted of the account, once its role's ARN is known.

        :raises InvalidInput: options that can't be right.
        """
        if role_arn is None or role_arn == self.role_arn or self.options["state"] == "absent":
            return self._wanted
        return self._wanted.of_role(role_arn)

    @functools.cached_property
    def _wanted(self) -> service_account_spec.ServiceAccountSpec:
        return service_account_spec.ServiceAccountSpec.from_params({**self.options, "role_arn": self.role_arn})


@dataclasses.dataclass(frozen=True)
class Exclusive:
    """Which accounts are to be freed besides.

    :param limit: how many may be, at most.
    :param namespaces: where; empty for all namespaces.
    """

    limit: int
    namespaces: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the user asked for, checked as a whole.

    :param provider: the cluster's OIDC provider with every audience that a binding asks for.
    :param roles: each role once, by its name as the bindings write it.
    :param accounts: the service accounts in the order of the bindings.
    :param workers: how many objects are read and written at the same time.
    :param rollout: the options of `pod_rollout` for all accounts; None where pods are left alone.
    :param present: whether they are to be bound, not to be freed.
    :param force: whether to take what others own or use.
    :param exclusive: where accounts that were bound before and aren't named any more are to be freed; None if they are
        left alone.
    """

    provider: provider.Wanted
    roles: t.Mapping[str, role.Wanted]
    accounts: tuple[Account, ...]
    workers: int
    rollout: t.Mapping[str, t.Any] | None = None
    present: bool = True
    force: bool = False
    exclusive: Exclusive | None = None

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any], load_yaml: LoadYaml | None = None) -> Wanted:
        """From the options of `irsa_bindings`.

        :raises InvalidInput: all that can't be right, each with the index of its binding.
        """
        given: list[Binding] = params["bindings"]
        grouped = grouping.by_role(given)
        where = {"cluster_name": params["cluster_name"], "issuer": params["issuer"]}
        problems: list[str] = []
        roles: dict[str, role.Wanted] = {}
        for each in grouped:
            try:
                options = {**ROLE_DEFAULTS, **where, **each, "state": params["state"]}
                roles[each["name"]] = role.Wanted.from_params(options, load_yaml)
            except InvalidInput as error:
                users = [number for number, one in enumerate(given) if one.get("role_name") == each["name"]]
                problems += _placed(users, error)
        names = {name.casefold(): name for name in roles}
        accounts = []
        for index, binding in enumerate(given):
            account = Account(
                index,
                _account_options(binding, state=params["state"], force=params["force"]),
                names.get((binding.get("role_name") or "").casefold()),
                binding.get("role_arn") or None,
            )
            try:
                account.wanted(account.role_arn)
            except InvalidInput as error:
                problems += _placed([index], error)
            accounts.append(account)
        audiences = list(dict.fromkeys(binding.get("audience") or STS_AUDIENCE for binding in given))
        if not 1 <= params["max_workers"] <= _MOST_WORKERS:
            problems.append(f"max_workers {params['max_workers']} is out of range (use 1 to {_MOST_WORKERS})")
        rolling = {**params["rollout_options"], "label_selectors": None} if params["rollout"] else None
        if rolling and accounts:
            try:
                _rollout_wanted(accounts[0], rolling, None)
            except InvalidInput as error:
                problems.append(f"rollout_options: {error}")
        if params["exclusive"] and params["state"] == "absent":
            problems.append("exclusive is for state present: it frees the accounts that are not named")
        if params["exclusive_limit"] < 0:
            problems.append(f"exclusive_limit is {params['exclusive_limit']} (use 0 or more)")
        grouping.stop(problems)
        return cls(
            _provider_wanted(params, audiences),
            roles,
            tuple(accounts),
            params["max_workers"],
            rolling,
            params["state"] == "present",
            params["force"],
            _exclusive(params),
        )

    def rollout_of(self, account: Account, role_arn: str | None) -> RolloutSpec:
        """What is wanted of an account's pods; only where they are to be rolled out."""
        return _rollout_wanted(account, self.rollout or {}, role_arn)

    def stranger(self, number: int, namespace: str, name: str) -> Account:
        """An account that no binding names and that is to be freed, the first, second, ... of them."""
        binding = {"namespace": namespace, "service_account": name}
        return Account(
            len(self.accounts) + number, _account_options(binding, state="absent", force=self.force), None, None
        )

    def freed_role(self, name: str, accounts: t.Iterable[Account]) -> role.Wanted:
        """What is wanted of a role that these accounts are to lose."""
        listed = [{"namespace": each.options["namespace"], "name": each.options["name"]} for each in accounts]
        where = {"cluster_name": self.provider.cluster_name, "issuer": self.provider.url or None}
        own = {"name": name, "service_accounts": listed, "audiences": [], "state": "absent"}
        return role.Wanted.from_params({**ROLE_DEFAULTS, **where, **own})


def _exclusive(params: t.Mapping[str, t.Any]) -> Exclusive | None:
    if not params["exclusive"]:
        return None
    return Exclusive(params["exclusive_limit"], tuple(params["exclusive_namespaces"] or ()))


# What pods are looked for with, before a role is taken from under them.
_LOOKING: t.Mapping[str, t.Any] = {
    "strategy": "restart",
    "only_stale": True,
    "delete_unmanaged": False,
    "wait": False,
    "wait_timeout": 1,
    "max_retries": 0,
    "label_selectors": None,
}


def looked_for(account: Account) -> RolloutSpec:
    """What finds the pods that act as a role of the account: they aren't to have any."""
    return _rollout_wanted(account, _LOOKING, "")


def _rollout_wanted(account: Account, options: t.Mapping[str, t.Any], role_arn: str | None) -> RolloutSpec:
    names = {"namespace": account.options["namespace"], "service_account": account.options["name"]}
    return RolloutSpec.from_params({**options, **names, "role_arn": role_arn})


def _account_options(binding: Binding, *, state: str, force: bool) -> dict[str, t.Any]:
    said = {key: binding[key] for key in _ACCOUNT_DEFAULTS if binding.get(key) is not None}
    names = {"namespace": binding["namespace"], "name": binding["service_account"]}
    return {**_ACCOUNT_DEFAULTS, **said, **names, "state": state, "force": force}


def _provider_wanted(params: t.Mapping[str, t.Any], audiences: list[str]) -> provider.Wanted:
    issuer = params["issuer"]
    url = issuer if not issuer or issuer.startswith("https://") else f"https://{issuer}"
    return provider.Wanted.from_params(
        {
            "state": "present",
            "cluster_name": None if url else params["cluster_name"],
            "url": url,
            "client_ids": audiences,
            "purge_client_ids": False,
            "thumbprints": None,
            "tags": None,
            "purge_tags": False,
            "force": False,
        }
    )


def _placed(indices: t.Sequence[int], error: IrsaError) -> list[str]:
    """Each problem of a role or an account, with the bindings that it comes from."""
    place = f"binding{'s' if len(indices) > 1 else ''} {', '.join(map(str, indices))}"
    return [f"{place}: {each['message']} ({each['fix']})" for each in error.details.get("problems", ())] or [
        f"{place}: {error}"
    ]


# What stops all of them before the first write


def check_quotas(
    excesses: t.Sequence[tuple[t.Sequence[int], QuotaExceeded]],
    new: t.Sequence[str],
    summary: t.Mapping[str, int] | None,
) -> None:
    """Stops where the account can't take what is wanted.

    :param excesses: what is too large for a quota, each with the indices of its bindings.
    :param new: the names of the roles that are to be made.
    :param summary: GetAccountSummary's map; None if it couldn't be read, or nothing new is wanted.
    :raises QuotaExceeded: all that doesn't fit, at once.
    """
    problems = [problem for indices, error in excesses for problem in _placed(indices, error)]
    if summary and _ROLES_QUOTA in summary and summary["Roles"] + len(new) > summary[_ROLES_QUOTA]:
        problems.append(
            f"{len(new)} roles are to be made ({some(new)}), and the account has {summary['Roles']} of the "
            f"{summary[_ROLES_QUOTA]} that its quota {_ROLES_QUOTA} allows (let bindings share roles, remove roles, or "
            "have the quota raised)"
        )
    if problems:
        raise QuotaExceeded(
            "the bindings don't fit into the account, and nothing was written",
            cause="; ".join(problems),
            fix="correct the bindings or have the quotas raised (Service Quotas)",
        )


def strangers(
    exclusive: Exclusive, named: t.Collection[tuple[str, str]], listed: t.Iterable[t.Mapping[str, t.Any]]
) -> list[tuple[str, str]]:
    """The accounts, by namespace and name, that this collection bound and that are not named.

    :param listed: service accounts as the API server lists them.
    :raises Conflict: they are more than may be freed.
    """
    found = []
    for each in listed:
        key = (each["metadata"]["namespace"], each["metadata"]["name"])
        if key in named or (exclusive.namespaces and key[0] not in exclusive.namespaces):
            continue
        if ROLE_ARN in ServiceAccount.from_kubernetes(each).ours:
            found.append(key)
    found.sort()
    if len(found) > exclusive.limit:
        raise Conflict(
            f"exclusive would free {len(found)} service accounts, and exclusive_limit is {exclusive.limit}",
            cause=f"the bindings don't name {some(['/'.join(key) for key in found])}",
            fix="see whether the list is complete and exclusive_namespaces right; if it is so meant, raise "
            "exclusive_limit",
            service_accounts=["/".join(key) for key in found],
        )
    return found


def bound_to(account: t.Mapping[str, t.Any]) -> str | None:
    """The ARN of the role that a service account names; None if it names none.

    :param account: as the API server lists it.
    """
    arn = (account["metadata"].get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    return arn if arn and is_role_arn(arn) else None


def some(names: t.Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - _TOLD
    return f"{', '.join(names[:_TOLD])}{f' and {rest} more' if rest > 0 else ''}"


def in_use(account: Account, pods: t.Sequence[str]) -> Conflict:
    """The error for an account that is to be freed while pods act as its role.

    :param pods: their names.
    """
    return Conflict(
        f"service account {account.title} is in use",
        cause=f"pods act as its role and would lose it while they run: {some(pods)}",
        fix="stop them first, or set force (in the role irsa: irsa_force) to true; they then go on with a role that is "
        "none any more, or are re-created without it where a rollout is asked for",
        pods=list(pods),
    )


# What became of them


@dataclasses.dataclass
class Outcome:
    """What became of one binding.

    :param changes: the writes in words: those of its role, which other bindings may share, then its account's.
    :param findings: what a verification found, as `irsa_verify` returns it; None if there was none.
    :param proof: what STS said to a token of the account, likewise.
    """

    account: Account
    role_name: str | None = None
    role_arn: str | None = None
    changes: list[str] = dataclasses.field(default_factory=list)
    error: IrsaError | None = None
    findings: list[dict[str, t.Any]] | None = None
    proof: dict[str, t.Any] | None = None

    @property
    def status(self) -> str:
        """``failed``, ``changed`` or ``ok``."""
        return "failed" if self.error else "changed" if self.changes else "ok"

    def as_dict(self) -> dict[str, t.Any]:
        """In the shape in which `irsa_bindings` returns it."""
        found = {
            "namespace": self.account.options["namespace"],
            "service_account": self.account.options["name"],
            "role_name": self.role_name,
            "role_arn": self.role_arn,
            "status": self.status,
            "changes": self.changes,
            "error": self.error.as_dict() if self.error else None,
        }
        return found if self.findings is None else {**found, "findings": self.findings, "proof": self.proof}


def outcome_of(account: Account) -> Outcome:
    """The outcome before anything was done."""
    if account.role_arn:
        name = Arn.parse(account.role_arn).resource.rpartition("/")[2]
        return Outcome(account, role_name=name, role_arn=account.role_arn)
    return Outcome(account, role_name=account.role)


def not_attempted(outcome: Outcome) -> IrsaError:
    """For a binding that was not begun, or not finished, because another one had failed."""
    return NotAttempted(
        f"service account {outcome.account.title} was not seen to",
        cause="another binding failed before, and on_error is stop",
        fix="mend that one and run again, or set on_error to collect",
    )


def told(given: t.Sequence[Binding]) -> list[t.Any]:
    """Bindings as a result repeats them: as they were given, and of many only the names, for a job's sake."""
    if len(given) > MANY:
        return [f"{each['namespace']}/{each['service_account']}" for each in given]
    return [{key: value for key, value in each.items() if value is not None} for each in given]


def actions(outcomes: t.Iterable[Outcome], plans: t.Iterable[tuple[str, str, Plan]]) -> list[str]:
    """All writes in words; with many bindings without those that their outcomes tell."""
    outcomes = list(outcomes)
    known = {change for each in outcomes for change in each.changes} if len(outcomes) > MANY else ()
    return [summary for _kind, _name, plan in plans for summary in plan.summaries() if summary not in known]


def failure(outcomes: t.Sequence[Outcome]) -> str | None:
    """What to tell the user of the bindings that failed; None if none did."""
    failed = [each for each in outcomes if each.error]
    if not failed:
        return None
    # An error that bindings share is told once.
    accounts: dict[str, list[str]] = {}
    for each in failed:
        if not isinstance(each.error, NotAttempted):
            accounts.setdefault(str(each.error), []).append(each.account.title)
    told = [f"{some(titles)}: {error}" for error, titles in list(accounts.items())[:_TOLD]]
    rest = len(accounts) - len(told)
    more = [f"{rest} more errors are in the results."] if rest else []
    return " ".join([f"{len(failed)} of {len(outcomes)} bindings failed.", *told, *more])


def counts(outcomes: t.Sequence[Outcome]) -> dict[str, int]:
    """How many bindings there are, and of each status."""
    found = {"total": len(outcomes), "ok": 0, "changed": 0, "failed": 0}
    for each in outcomes:
        found[each.status] += 1
    return found


def diff(plans: t.Iterable[tuple[str, str, Plan]]) -> dict[str, t.Any]:
    """Ansible's diff, of what changes alone.

    :param plans: the kind of an object (``roles``), its name, and the plan for it.
    """
    before: dict[str, dict[str, t.Any]] = {}
    after: dict[str, dict[str, t.Any]] = {}
    for kind, name, plan in plans:
        if plan:
            before.setdefault(kind, {})[name] = dict(plan.before)
            after.setdefault(kind, {})[name] = dict(plan.after)
    return {"before": before, "after": after}
