# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks for with many bindings of one cluster: a spec of each role and of each service account."""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from .. import options
from ..arn import ROLE_ARN_ANNOTATION, STS_AUDIENCE, is_role_arn
from ..errors import Conflict, InvalidInput, IrsaError, QuotaExceeded
from ..policy.document import LoadYaml
from ..provider.plan import ProviderSpec
from ..role import spec as role_spec
from ..service_account import spec as service_account_spec
from ..service_account.annotations import Field
from ..service_account.spec import ServiceAccount
from ..wording import join_some
from . import grouping
from .grouping import Binding

ROLE_ARN = Field("annotations", ROLE_ARN_ANNOTATION)
# How many names a message quotes.
QUOTED = 5
_MOST_WORKERS = 64
_ROLES_QUOTA = "RolesQuota"


@dataclasses.dataclass(frozen=True)
class BindingSpec:
    """One binding: a service account, and the role that it is bound to.

    :param index: of the binding; past the last one for a service account that no binding names.
    :param options: of `sa_annotate`, all but the role's ARN.
    :param role: the name of its role among those that are written; None if the role is kept elsewhere.
    :param role_arn: the ARN of a role that is kept elsewhere.
    """

    index: int
    options: t.Mapping[str, t.Any]
    role: str | None
    role_arn: str | None

    @property
    def namespace(self) -> str:
        return str(self.options["namespace"])

    @property
    def service_account(self) -> str:
        return str(self.options["name"])

    @property
    def title(self) -> str:
        """``NAMESPACE/NAME``."""
        return f"{self.namespace}/{self.service_account}"

    def account_spec(self, role_arn: str | None) -> service_account_spec.ServiceAccountSpec:
        """The spec of the service account with its role's ARN, which is known only once the role exists.

        :raises InvalidInput: options that are not valid.
        """
        if role_arn is None or role_arn == self.role_arn or self.options["state"] == "absent":
            return self._account_spec
        return self._account_spec.with_role_arn(role_arn)

    @functools.cached_property
    def _account_spec(self) -> service_account_spec.ServiceAccountSpec:
        return service_account_spec.ServiceAccountSpec.from_params({**self.options, "role_arn": self.role_arn})


@dataclasses.dataclass(frozen=True)
class PurgeSpec:
    """Which unlisted service accounts are unbound.

    :param limit: how many may be unbound.
    :param namespaces: where they are searched; empty for all namespaces.
    """

    limit: int
    namespaces: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class BindingsSpec:
    """All bindings of a run, checked as a whole.

    :param provider: the cluster's OIDC provider with the audiences of all bindings.
    :param roles: the spec of each role, by its name as the bindings write it.
    :param bindings: in the order in which they were given.
    :param workers: how many objects are read and written in parallel.
    :param rollout: the options of `pod_rollout` for all service accounts; None if pods are left alone.
    :param present: whether to bind; else to unbind.
    :param force: whether to take over what others own, and to unbind while pods use the role.
    :param purge: which unlisted service accounts are unbound; None if they are left alone.
    """

    provider: ProviderSpec
    roles: t.Mapping[str, role_spec.RoleSpec]
    bindings: tuple[BindingSpec, ...]
    workers: int
    rollout: t.Mapping[str, t.Any] | None = None
    present: bool = True
    force: bool = False
    purge: PurgeSpec | None = None

    @classmethod
    def from_params(
        cls,
        params: t.Mapping[str, t.Any],
        load_yaml: LoadYaml | None = None,
        *,
        rollout_problems: t.Sequence[str] = (),
    ) -> BindingsSpec:
        """From the options of `irsa_bindings`.

        :param rollout_problems: what is wrong with ``rollout_options``, which this doesn't check.
        :raises InvalidInput: all that is not valid, each with the index of its binding.
        """
        given: list[Binding] = params["bindings"]
        problems: list[str] = []
        roles = _role_specs(params, load_yaml, problems)
        bindings = _binding_specs(params, roles, problems)
        if not 1 <= params["max_workers"] <= _MOST_WORKERS:
            problems.append(f"max_workers {params['max_workers']} is out of range (use 1 to {_MOST_WORKERS})")
        problems += rollout_problems
        if params["purge"] and params["state"] == "absent":
            problems.append("purge is for state present: it unbinds the service accounts that are not listed")
        if params["purge_limit"] < 0:
            problems.append(f"purge_limit is {params['purge_limit']} (use 0 or more)")
        grouping.stop(problems)
        return cls(
            provider=_provider_spec(
                params, list(dict.fromkeys(binding.get("audience") or STS_AUDIENCE for binding in given))
            ),
            roles=roles,
            bindings=tuple(bindings),
            workers=params["max_workers"],
            rollout={**params["rollout_options"], "label_selectors": None} if params["rollout"] else None,
            present=params["state"] == "present",
            force=params["force"],
            purge=_purge_spec(params),
        )

    def unlisted_binding(self, number: int, namespace: str, name: str) -> BindingSpec:
        """The spec that unbinds a service account that no binding names, the first, second, ... of them."""
        binding = {"namespace": namespace, "service_account": name}
        account_options = _account_options(binding, state="absent", force=self.force)
        return BindingSpec(len(self.bindings) + number, account_options, None, None)

    def unbound_role_spec(self, name: str, bindings: t.Iterable[BindingSpec]) -> role_spec.RoleSpec:
        """The spec of a role that no longer trusts these service accounts."""
        accounts = [{"namespace": binding.namespace, "name": binding.service_account} for binding in bindings]
        return role_spec.RoleSpec.from_params(
            {
                **options.defaults(options.IRSA_ROLE, options.ROLE),
                "cluster_name": self.provider.cluster_name,
                "issuer": self.provider.url or None,
                "name": name,
                "service_accounts": accounts,
                "audiences": [],
                "state": "absent",
            }
        )


def _role_specs(
    params: t.Mapping[str, t.Any], load_yaml: LoadYaml | None, problems: list[str]
) -> dict[str, role_spec.RoleSpec]:
    defaults = options.defaults(options.IRSA_ROLE, options.ROLE)
    cluster = {"cluster_name": params["cluster_name"], "issuer": params["issuer"]}
    specs: dict[str, role_spec.RoleSpec] = {}
    for role in grouping.by_role(params["bindings"]):
        name = role["name"]
        try:
            specs[name] = role_spec.RoleSpec.from_params(
                {**defaults, **cluster, **role, "state": params["state"]}, load_yaml
            )
        except InvalidInput as error:
            users = [index for index, one in enumerate(params["bindings"]) if one.get("role_name") == name]
            problems += _problems_of(users, error)
    return specs


def _binding_specs(
    params: t.Mapping[str, t.Any], roles: t.Mapping[str, role_spec.RoleSpec], problems: list[str]
) -> list[BindingSpec]:
    names = {name.casefold(): name for name in roles}
    specs = []
    for index, binding in enumerate(params["bindings"]):
        spec = BindingSpec(
            index,
            _account_options(binding, state=params["state"], force=params["force"]),
            names.get((binding.get("role_name") or "").casefold()),
            binding.get("role_arn") or None,
        )
        try:
            spec.account_spec(spec.role_arn)
        except InvalidInput as error:
            problems += _problems_of([index], error)
        specs.append(spec)
    return specs


def _account_options(binding: Binding, *, state: str, force: bool) -> dict[str, t.Any]:
    given = {key: binding[key] for key in options.SERVICE_ACCOUNT if binding.get(key) is not None}
    names = {"namespace": binding["namespace"], "name": binding["service_account"]}
    return {**options.defaults(options.SERVICE_ACCOUNT), **given, **names, "state": state, "force": force}


def _purge_spec(params: t.Mapping[str, t.Any]) -> PurgeSpec | None:
    if not params["purge"]:
        return None
    return PurgeSpec(params["purge_limit"], tuple(params["purge_namespaces"] or ()))


def _provider_spec(params: t.Mapping[str, t.Any], audiences: list[str]) -> ProviderSpec:
    issuer = params["issuer"]
    url = issuer if not issuer or issuer.startswith("https://") else f"https://{issuer}"
    return ProviderSpec.from_params(
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


def _problems_of(indices: t.Sequence[int], error: IrsaError) -> list[str]:
    """The problems of a role or a service account, each with the bindings that it comes from."""
    place = f"binding{'s' if len(indices) > 1 else ''} {', '.join(map(str, indices))}"
    problems = [f"{place}: {problem['message']} ({problem['fix']})" for problem in error.details.get("problems", ())]
    return problems or [f"{place}: {error}"]


# Checks before the first write


def check_quotas(
    excesses: t.Sequence[tuple[t.Sequence[int], QuotaExceeded]],
    new: t.Sequence[str],
    summary: t.Mapping[str, int] | None,
) -> None:
    """Stops if the account cannot hold what the bindings ask for.

    :param excesses: what is larger than a quota allows, each with the indices of its bindings.
    :param new: the names of the roles to create.
    :param summary: GetAccountSummary's map; None if it could not be read, or no role is to be created.
    :raises QuotaExceeded: names every excess.
    """
    problems = [problem for indices, error in excesses for problem in _problems_of(indices, error)]
    if summary and _ROLES_QUOTA in summary and summary["Roles"] + len(new) > summary[_ROLES_QUOTA]:
        problems.append(
            f"{len(new)} roles are to be created ({join_some(new, QUOTED)}), and the account has {summary['Roles']} of "
            f"the {summary[_ROLES_QUOTA]} that its quota {_ROLES_QUOTA} allows (let bindings share roles, remove "
            "roles, or have the quota raised)"
        )
    if problems:
        raise QuotaExceeded(
            "the bindings don't fit into the account, and nothing was written",
            cause="; ".join(problems),
            fix="correct the bindings or have the quotas raised (Service Quotas)",
        )


def find_unlisted_accounts(
    purge: PurgeSpec, listed: t.Collection[tuple[str, str]], accounts: t.Iterable[t.Mapping[str, t.Any]]
) -> list[tuple[str, str]]:
    """The service accounts, by namespace and name, that this collection bound and that no binding lists.

    :param listed: namespace and name of each binding.
    :param accounts: service accounts as the API server returns them.
    :raises Conflict: they are more than may be unbound.
    """
    unlisted = []
    for account in accounts:
        key = (account["metadata"]["namespace"], account["metadata"]["name"])
        if key in listed or (purge.namespaces and key[0] not in purge.namespaces):
            continue
        if ROLE_ARN in ServiceAccount.from_kubernetes(account).owned:
            unlisted.append(key)
    unlisted.sort()
    titles = ["/".join(key) for key in unlisted]
    if len(unlisted) > purge.limit:
        raise Conflict(
            f"purge would unbind {len(unlisted)} service accounts, and purge_limit is {purge.limit}",
            cause=f"the bindings don't list {join_some(titles, QUOTED)}",
            fix="check that the list is complete and purge_namespaces right; if so, raise purge_limit",
            service_accounts=titles,
        )
    return unlisted


def annotated_role_arn(account: t.Mapping[str, t.Any]) -> str | None:
    """The ARN of the role that a service account is annotated with; None if it isn't annotated with a valid one.

    :param account: as the API server returns it.
    """
    arn = (account["metadata"].get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    return arn if arn and is_role_arn(arn) else None


def in_use_error(binding: BindingSpec, pods: t.Sequence[str]) -> Conflict:
    """The error for a service account that is to be unbound while pods use its role.

    :param pods: their names.
    """
    return Conflict(
        f"service account {binding.title} is in use",
        cause=f"running pods use its role and would lose AWS access: {join_some(pods, QUOTED)}",
        fix="stop them first, or set force (in the role irsa: irsa_force) to true; running pods then lose AWS access, "
        "or are re-created without the role if a rollout is asked for",
        pods=list(pods),
    )
