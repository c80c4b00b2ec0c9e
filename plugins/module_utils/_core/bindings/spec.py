# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The specs of many bindings of one cluster: a spec for each role and each service account."""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from .. import argument_specs, validation
from ..arn import ROLE_ARN_ANNOTATION, STS_AUDIENCE, is_role_arn
from ..errors import Conflict, InvalidInput, IrsaError, QuotaExceeded
from ..policy.document import LoadYaml
from ..provider.plan import ProviderSpec
from ..role import spec as role_spec
from ..service_account import spec as service_account_spec
from ..service_account.annotations import ROLE_ARN_FIELD
from ..service_account.spec import ServiceAccount
from ..trust.statements import has_wildcard
from ..wording import MAX_NAMES, format_integer, join_some
from . import grouping
from .grouping import Binding

_MAX_WORKERS = 64
_ROLES_QUOTA = "RolesQuota"


@dataclasses.dataclass(frozen=True)
class BindingSpec:
    """A binding: a service account and its role.

    :param index: the index of the binding. Unlisted service accounts have higher indices than all bindings.
    :param options: the options of `sa_annotate`, without the ARN of the role.
    :param role: the name of the role if this run manages it; else None.
    :param role_arn: the ARN of the role if this run does not manage it; else None.
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
    def is_pattern(self) -> bool:
        """Whether it defines only the role, for all service accounts that match its wildcards."""
        return has_wildcard(self.title)

    @property
    def title(self) -> str:
        """``NAMESPACE/NAME``."""
        return f"{self.namespace}/{self.service_account}"

    def account_spec(self, role_arn: str | None) -> service_account_spec.ServiceAccountSpec:
        """The spec of the service account with the ARN of its role, which is unknown before the role exists.

        :raises InvalidInput: an option is not valid.
        """
        if role_arn is None or role_arn == self.role_arn or self.options["state"] == "absent":
            return self._account_spec
        return self._account_spec.with_role_arn(role_arn)

    @functools.cached_property
    def _account_spec(self) -> service_account_spec.ServiceAccountSpec:
        return service_account_spec.ServiceAccountSpec.from_params({**self.options, "role_arn": self.role_arn})


@dataclasses.dataclass(frozen=True)
class PurgeSpec:
    """The options for unbinding unlisted service accounts.

    :param limit: the highest number of service accounts to unbind.
    :param namespaces: the namespaces to search; empty for all.
    """

    limit: int
    namespaces: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class BindingsSpec:
    """All bindings of a run.

    :param provider: the OIDC provider of the cluster with the audiences of all bindings.
    :param roles: the spec of each role, by name.
    :param bindings: the bindings in the given order.
    :param workers: how many objects are read and written in parallel.
    :param rollout: the options of `pod_rollout` for all service accounts; None to keep all pods.
    :param present: whether to bind. Otherwise, the service accounts are unbound.
    :param force: whether to take over annotations that others own, and to unbind while pods use the role.
    :param purge: the options for unlisted service accounts; None to keep them.
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
        """The spec from the options of `irsa_bindings`.

        :param rollout_problems: the problems of ``rollout_options``, which are checked elsewhere.
        :raises InvalidInput: an option is not valid. The cause lists all problems with their bindings.
        """
        given: list[Binding] = params["bindings"]
        found_roles, problems = grouping.find_roles(given)
        bindings = _build_binding_specs(params, found_roles, problems)
        roles = _build_role_specs(params, found_roles, load_yaml, problems)
        if not 1 <= params["max_workers"] <= _MAX_WORKERS:
            problems.append(
                f"max_workers {format_integer(params['max_workers'])} is out of range (use 1 to {_MAX_WORKERS})"
            )
        problems += rollout_problems
        problems += _find_tag_problems(params.get("provider_tags"))
        if params["purge"] and params["state"] == "absent":
            problems.append("purge requires state present")
        if params["purge_limit"] < 0:
            problems.append(f"purge_limit is {params['purge_limit']} (use 0 or more)")
        grouping.require_no_problems(problems)
        return cls(
            provider=_build_provider_spec(
                params, list(dict.fromkeys(binding.get("audience") or STS_AUDIENCE for binding in given))
            ),
            roles=roles,
            bindings=tuple(bindings),
            workers=params["max_workers"],
            rollout={**params["rollout_options"], "label_selectors": None} if params["rollout"] else None,
            present=params["state"] == "present",
            force=params["force"],
            purge=_build_purge_spec(params),
        )

    def unlisted_binding(self, number: int, namespace: str, name: str) -> BindingSpec:
        """The spec that unbinds an unlisted service account.

        :param number: the index among the unlisted service accounts.
        """
        binding = {"namespace": namespace, "service_account": name}
        account_options = _build_account_options(binding, state="absent", force=self.force)
        return BindingSpec(len(self.bindings) + number, account_options, None, None)

    def unbound_role_spec(self, name: str, bindings: t.Iterable[BindingSpec]) -> role_spec.RoleSpec:
        """The spec that removes these service accounts from the trust policy of a role."""
        accounts = [{"namespace": binding.namespace, "name": binding.service_account} for binding in bindings]
        return role_spec.RoleSpec.from_params(
            {
                **argument_specs.defaults(argument_specs.IRSA_ROLE, argument_specs.ROLE),
                "cluster_name": self.provider.cluster_name,
                "issuer": self.provider.url or None,
                "name": name,
                "service_accounts": accounts,
                "audiences": [],
                "state": "absent",
            }
        )


def _build_role_specs(
    params: t.Mapping[str, t.Any],
    roles: t.Sequence[t.Mapping[str, t.Any]],
    load_yaml: LoadYaml | None,
    problems: list[str],
) -> dict[str, role_spec.RoleSpec]:
    defaults = argument_specs.defaults(argument_specs.IRSA_ROLE, argument_specs.ROLE)
    cluster = {"cluster_name": params["cluster_name"], "issuer": params["issuer"]}
    specs: dict[str, role_spec.RoleSpec] = {}
    for role in roles:
        name = role["name"]
        try:
            specs[name] = role_spec.RoleSpec.from_params(
                {**defaults, **cluster, **role, "state": params["state"]}, load_yaml
            )
        except InvalidInput as error:
            indices = [index for index, binding in enumerate(params["bindings"]) if binding.get("role_name") == name]
            titles = [grouping.describe_binding(params["bindings"], index) for index in indices]
            # The spec of a role also checks the names of its service accounts. Their problems are already in the list.
            problems += _list_problems(titles, error, name_option="role_name", known="\n".join(problems))
    return specs


def _build_binding_specs(
    params: t.Mapping[str, t.Any], roles: t.Sequence[t.Mapping[str, t.Any]], problems: list[str]
) -> list[BindingSpec]:
    names = {role["name"].casefold(): role["name"] for role in roles}
    specs = []
    for index, binding in enumerate(params["bindings"]):
        if not (binding.get("namespace") and binding.get("service_account")):
            continue  # the check of all bindings reports this
        spec = BindingSpec(
            index,
            _build_account_options(binding, state=params["state"], force=params["force"]),
            names.get((binding.get("role_name") or "").casefold()),
            binding.get("role_arn") or None,
        )
        if spec.is_pattern and binding.get("allow_wildcards"):
            specs.append(spec)
            continue
        try:
            spec.account_spec(spec.role_arn)
        except InvalidInput as error:
            title = grouping.describe_binding(params["bindings"], index)
            problems += _list_problems([title], error, name_option="service_account")
        specs.append(spec)
    return specs


def _build_account_options(binding: Binding, *, state: str, force: bool) -> dict[str, t.Any]:
    given = {key: binding[key] for key in argument_specs.SERVICE_ACCOUNT if binding.get(key) is not None}
    names = {"namespace": binding["namespace"], "name": binding["service_account"]}
    return {**argument_specs.defaults(argument_specs.SERVICE_ACCOUNT), **given, **names, "state": state, "force": force}


def _build_purge_spec(params: t.Mapping[str, t.Any]) -> PurgeSpec | None:
    if not params["purge"]:
        return None
    return PurgeSpec(params["purge_limit"], tuple(params["purge_namespaces"] or ()))


def _build_provider_spec(params: t.Mapping[str, t.Any], audiences: list[str]) -> ProviderSpec:
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
            "tags": params.get("provider_tags"),
            "purge_tags": False,
            "force": False,
        }
    )


def _find_tag_problems(tags: t.Mapping[str, t.Any] | None) -> list[str]:
    problems = validation.Problems()
    validation.check_tags(problems, tags or {})
    try:
        problems.raise_if_any()
    except InvalidInput as error:
        return _list_problems(["provider_tags"], error)
    return []


def _list_problems(
    titles: t.Sequence[str], error: IrsaError, *, name_option: str = "name", known: str = ""
) -> list[str]:
    """The problems of a role or a service account, each with its bindings.

    :param name_option: the option of a binding that sets the option ``name``.
    :param known: problems that are already in the list.
    """
    place = join_some(titles, MAX_NAMES)
    if "problems" not in error.details:
        return [f"{place}: {error}"]
    problems = []
    for problem in error.details["problems"]:
        message = re.sub(r"^name\b", name_option, problem["message"])
        # The title of a binding has the name of its service account.
        account, _colon, rest = message.removeprefix("service account ").partition(": ")
        if len(titles) == 1 and titles[0].startswith(f"{account} ("):
            message = rest
        if f"{rest or message} ({problem['fix']})" not in known:
            problems.append(f"{place}: {message} ({problem['fix']})")
    return problems


# Checks before the first write


def check_quotas(
    excesses: t.Sequence[tuple[t.Sequence[str], QuotaExceeded]],
    new: t.Sequence[str],
    summary: t.Mapping[str, int] | None,
) -> None:
    """Check that the bindings do not exceed quotas of the AWS account.

    :param excesses: the errors about exceeded quotas, each with the names of its bindings.
    :param new: the names of the roles to create.
    :param summary: the map of GetAccountSummary; None if unknown or not needed.
    :raises QuotaExceeded: a quota is exceeded. The cause lists all of them.
    """
    problems = [problem for titles, error in excesses for problem in _list_problems(titles, error)]
    if summary and _ROLES_QUOTA in summary and summary["Roles"] + len(new) > summary[_ROLES_QUOTA]:
        problems.append(
            f"{len(new)} roles must be created ({join_some(new, MAX_NAMES)}), but the AWS account already has "
            f"{summary['Roles']} of {summary[_ROLES_QUOTA]} roles, its quota (use a role for several bindings, delete "
            "roles, or request a quota increase)"
        )
    if problems:
        raise QuotaExceeded(
            "the bindings exceed quotas of the AWS account, and nothing was written",
            cause="; ".join(problems),
            fix="correct the bindings or request a quota increase (Service Quotas)",
        )


def find_unlisted_accounts(
    purge: PurgeSpec, listed: t.Collection[tuple[str, str]], accounts: t.Iterable[t.Mapping[str, t.Any]]
) -> list[tuple[str, str]]:
    """The namespaces and names of the service accounts that this collection bound and that no binding lists.

    :param listed: the namespace and name of each binding.
    :param accounts: the service accounts, as the API server returns them.
    :raises Conflict: there are more of them than the limit allows.
    """
    unlisted = []
    for account in accounts:
        key = (account["metadata"]["namespace"], account["metadata"]["name"])
        if key in listed or (purge.namespaces and key[0] not in purge.namespaces):
            continue
        if ROLE_ARN_FIELD in ServiceAccount.from_kubernetes(account).owned:
            unlisted.append(key)
    unlisted.sort()
    titles = ["/".join(key) for key in unlisted]
    if len(unlisted) > purge.limit:
        raise Conflict(
            f"purge would unbind {len(unlisted)} service accounts, and purge_limit is {purge.limit}",
            cause=f"the bindings do not list {join_some(titles, MAX_NAMES)}",
            fix="check that bindings is complete and purge_namespaces is correct, then increase purge_limit",
            service_accounts=titles,
        )
    return unlisted


def get_annotated_role_arn(account: t.Mapping[str, t.Any]) -> str | None:
    """The role ARN in the annotation of a service account; None if it is missing or not valid.

    :param account: the service account, as the API server returns it.
    """
    arn = (account["metadata"].get("annotations") or {}).get(ROLE_ARN_ANNOTATION)
    return arn if arn and is_role_arn(arn) else None


def build_loss_error(role: str, accounts: t.Sequence[str], pods: t.Sequence[str]) -> Conflict:
    """The error for a role that service accounts would lose while their pods use it.

    :param accounts: the service accounts, as ``NAMESPACE/NAME``.
    :param pods: the names of the pods.
    """
    return Conflict(
        f"role {role} is in use by {join_some(accounts, MAX_NAMES)}, which no binding lists",
        cause=f"running pods use the role and would lose AWS access: {join_some(pods, MAX_NAMES)}",
        fix="add bindings for these service accounts, or set purge_service_accounts: false in a binding of the role to "
        "keep them; or stop the pods first, or set force to true",
        options=("force",),
        service_accounts=list(accounts),
        pods=list(pods),
    )


def build_in_use_error(binding: BindingSpec, pods: t.Sequence[str]) -> Conflict:
    """The error for a service account that cannot be unbound because pods use its role.

    :param pods: the names of the pods.
    """
    return Conflict(
        f"service account {binding.title} is in use",
        cause=f"running pods use its role and would lose AWS access: {join_some(pods, MAX_NAMES)}",
        fix="stop the pods first, or set force to true: running pods then lose AWS access, or are re-created without "
        "the role if rollout is true",
        options=("force", "rollout"),
        pods=list(pods),
    )
