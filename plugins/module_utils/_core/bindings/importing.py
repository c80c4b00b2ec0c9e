# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Derives bindings from the observed state of a cluster and its AWS account.

Each binding is checked with the plans of `irsa_bindings`. Bindings that would change something are not returned. If the
options cannot describe a role, its bindings have ``role_arn``, so that the role is not managed.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import arn as arns
from .. import validation
from ..arn import MIN_EXPIRATION, STS_AUDIENCE, Arn, is_role_arn
from ..errors import IrsaError
from ..role import plan as role_plan
from ..role.checks import OWNER_TAG
from ..role.spec import AccountScope, Role
from ..service_account import annotations as rules
from ..service_account import plan as service_account_plan
from ..service_account.spec import ServiceAccountState
from ..trust.evaluation import allows
from ..trust.statements import subject
from . import grouping
from . import spec as binding_spec

Json = t.Mapping[str, t.Any]
Binding = dict[str, t.Any]
Name = tuple[str, str]
"""The namespace and the name of a service account."""

# The defaults of `irsa_bindings`.
_DEFAULTS: Json = {
    "state": "present",
    "cluster_name": None,
    "max_workers": 1,
    "rollout": False,
    "purge": False,
    "purge_namespaces": None,
    "purge_limit": 0,
    "force": False,
}
# In a file with variables, Ansible evaluates text with these characters as a template.
_TEMPLATE = re.compile(r"\{[{%#]")
_IS_TEMPLATE = "contains template syntax of Ansible"


@dataclasses.dataclass(frozen=True)
class ImportSpec:
    """The valid options of `irsa_bindings_info`.

    :param issuer: the issuer with ``https://``; None if ``cluster_name`` is set.
    :param namespaces: the namespaces to read; empty for all.
    """

    cluster_name: str | None
    issuer: str | None
    namespaces: tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Json) -> ImportSpec:
        """:raises InvalidInput: options are not valid. The error lists all of them."""
        problems = validation.Problems()
        issuer = params["issuer"] or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        for namespace in params["namespaces"] or ():
            validation.check_service_account(problems, namespace, "default", allow_wildcards=False)
        problems.raise_if_any()
        return cls(params["cluster_name"] or None, issuer, tuple(dict.fromkeys(params["namespaces"] or ())))


@dataclasses.dataclass(frozen=True)
class ImportFacts:
    """The observed state.

    :param account_id: the ID of the AWS account of the cluster.
    :param audiences: the audiences that the OIDC provider of the cluster accepts; None if the provider does not exist.
    :param service_accounts: the service accounts, as the API server returns them.
    :param roles: roles by name: all existing roles of `list_role_names`, and possibly others.
    :param policies: the names of the account's customer managed policies; None if they could not be read.
    :param empty_namespaces: namespaces of the spec without a service account. Each existing one has ``default``.
    """

    partition: str
    account_id: str
    issuer: str
    audiences: t.Collection[str] | None
    service_accounts: t.Mapping[Name, Json]
    roles: t.Mapping[str, Role]
    policies: t.Collection[str] | None = None
    empty_namespaces: t.Sequence[str] = ()

    @property
    def provider_arn(self) -> str:
        """The ARN of the OIDC provider of the cluster."""
        return arns.provider_arn(self.partition, self.account_id, self.issuer)


@dataclasses.dataclass
class ImportResult:
    """The bindings that describe the observed state, and what they do not describe.

    :param bindings: items of the option ``bindings`` of `irsa_bindings`, sorted by namespace and name.
    :param skipped_accounts: the service accounts with a role that no binding describes, each with ``namespace``,
        ``service_account``, ``role_arn`` (the annotation, or None) and ``reason``.
    :param notes: what the bindings omit, each with ``service_accounts`` [NAMESPACE/NAME] and ``message``.
    """

    bindings: list[Binding] = dataclasses.field(default_factory=list)
    skipped_accounts: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    notes: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)

    def add_note(self, accounts: t.Iterable[_AnnotatedAccount], message: str) -> None:
        """Record what the bindings of these service accounts omit."""
        self.notes.append({"service_accounts": ["/".join(account.name) for account in accounts], "message": message})


@dataclasses.dataclass(frozen=True)
class _AnnotatedAccount:
    """A service account with a role.

    :param options: the options of its binding for the service account.
    :param unsupported: the annotations whose values no option can set, with these values.
    """

    name: Name
    arn: Arn
    options: Json
    unsupported: Json

    @property
    def role_name(self) -> str:
        """The name of the role, without its path."""
        return self.arn.resource.rpartition("/")[2]

    @property
    def audience(self) -> str:
        """The audience of its tokens."""
        return str(self.options.get("audience", STS_AUDIENCE))

    def build_binding(self, **role_options: t.Any) -> Binding:
        """The binding of the service account with these options of the role."""
        return {"namespace": self.name[0], "service_account": self.name[1], **role_options, **self.options}


class _Skipped(Exception):
    """The reason why no binding describes a service account."""


def list_role_names(service_accounts: t.Mapping[Name, Json], account_id: str) -> list[str]:
    """The names of the roles of an AWS account in the annotations of service accounts, sorted."""
    names = set()
    for body in service_accounts.values():
        try:
            arn = _parse_role_arn(body)
        except _Skipped:
            continue
        if arn.account_id == account_id:
            names.add(arn.resource.rpartition("/")[2])
    return sorted(names)


def collect_bindings(facts: ImportFacts) -> ImportResult:
    """The bindings of all service accounts with a role, and the service accounts that no binding can describe."""
    result = ImportResult()
    for namespace in facts.empty_namespaces:
        result.add_note([], f"namespace {namespace} does not exist, or has no service accounts")
    users: dict[str, list[_AnnotatedAccount]] = {}
    for name, body in sorted(facts.service_accounts.items()):
        if not rules.has_role_annotation(_get_annotations(body)):
            continue
        try:
            account = _parse_account(facts, name, body)
        except _Skipped as error:
            result.skipped_accounts.append(
                {
                    "namespace": name[0],
                    "service_account": name[1],
                    "role_arn": _get_annotations(body).get(arns.ROLE_ARN_ANNOTATION),
                    "reason": str(error),
                }
            )
            continue
        for key, value in account.unsupported.items():
            result.add_note([account], f"annotation {key} is kept: no option can set its value {value!r}")
        users.setdefault(str(account.arn), []).append(account)
    for accounts in users.values():
        result.bindings += _build_bindings(facts, accounts, result)
    result.bindings.sort(key=lambda binding: (binding["namespace"], binding["service_account"]))
    return result


# Service accounts


def _get_annotations(body: Json) -> Json:
    return body["metadata"].get("annotations") or {}


def _parse_role_arn(body: Json) -> Arn:
    """The role ARN in the annotation of a service account.

    :raises _Skipped: the service account does not have the annotation, or its value is not valid.
    """
    annotations = _get_annotations(body)
    text = annotations.get(arns.ROLE_ARN_ANNOTATION)
    if text is None:
        key, intended_key = next(iter(rules.find_near_misses(annotations).items()), ("", ""))
        raise _Skipped(f"annotation {key} has no effect; the correct key is {intended_key}")
    if not text:
        raise _Skipped("the annotation is empty")
    if not is_role_arn(text):
        raise _Skipped(f"the annotation is not a valid role ARN: {text!r}")
    arn = Arn.parse(text)
    problems = validation.Problems()
    validation.check_role_name(problems, arn.resource.rpartition("/")[2])
    try:
        problems.raise_if_any()
    except IrsaError as error:
        raise _Skipped(error.message) from None
    return arn


def _parse_account(facts: ImportFacts, name: Name, body: Json) -> _AnnotatedAccount:
    """:raises _Skipped: every binding would change the service account, or pods cannot assume its role."""
    arn = _parse_role_arn(body)
    options, unsupported = _parse_options(_get_annotations(body))
    account = _AnnotatedAccount(name, arn, options, unsupported)
    if arn.partition != facts.partition:
        raise _Skipped(f"the role is in partition {arn.partition}, but the cluster is in {facts.partition}")
    if facts.audiences is None:
        raise _Skipped(f"OIDC provider {facts.provider_arn} does not exist")
    if account.audience not in facts.audiences:
        raise _Skipped(f"the OIDC provider of the cluster does not accept audience {account.audience!r}")
    if arn.account_id == facts.account_id:
        _check_role(facts, account)
    _check_account(facts, account, body)
    return account


def _parse_options(annotations: Json) -> tuple[Binding, dict[str, str]]:
    """The options for all annotations except the role ARN, and the annotations whose values no option can set."""
    options: Binding = {}
    unsupported: dict[str, str] = {}
    for option, key in rules.IRSA_OPTIONS.items():
        value = annotations.get(key)
        if value is None or option == "role_arn":
            continue
        parsed = _parse_option(option, value)
        if parsed is None:
            unsupported[key] = value
        else:
            options[option] = parsed
    return options, unsupported


def _parse_option(option: str, text: str) -> str | bool | int | None:
    """The value of an option that results in this text; None if no value does."""
    if option == "audience":
        return text or None
    if option == "sts_regional_endpoints":
        return {"true": True, "false": False}.get(text)
    number = int(text) if re.fullmatch(r"[1-9][0-9]{0,10}", text) else 0
    return number if MIN_EXPIRATION <= number <= rules.MAX_EXPIRATION else None


def _check_role(facts: ImportFacts, account: _AnnotatedAccount) -> None:
    """:raises _Skipped: the role does not exist, or its trust policy does not allow the service account."""
    role = facts.roles.get(account.role_name)
    if role is None:
        raise _Skipped(f"role {account.role_name} does not exist")
    if role.arn != str(account.arn):
        raise _Skipped(f"the annotation differs from the ARN of the role, {role.arn}")
    if allows(role.trust_policy, facts.provider_arn, subject(*account.name), account.audience) is False:
        raise _Skipped(f"role {role.name} does not trust the service account; eksops.irsa.irsa_verify shows why")


def _check_account(facts: ImportFacts, account: _AnnotatedAccount, body: Json) -> None:
    """:raises _Skipped: a binding would change the annotations of the service account."""
    binding = account.build_binding(role_arn=str(account.arn))
    if _is_template(binding):
        raise _Skipped(f"an annotation {_IS_TEMPLATE}")
    try:
        spec = _build_spec(facts, [binding]).bindings[0].account_spec(str(account.arn))
        plan = service_account_plan.plan(spec, ServiceAccountState.from_kubernetes(body))
    except IrsaError as error:
        raise _Skipped(str(error)) from None
    if plan:
        raise _Skipped(f"a binding would change it: {'; '.join(plan.summaries())}")


# Roles


def _build_bindings(facts: ImportFacts, accounts: t.Sequence[_AnnotatedAccount], result: ImportResult) -> list[Binding]:
    """The bindings of service accounts with the same role."""
    arn = accounts[0].arn
    if arn.account_id != facts.account_id:
        return [account.build_binding(role_arn=str(arn)) for account in accounts]
    role = facts.roles[accounts[0].role_name]
    settings, omissions = _describe_role(facts, role)
    changes: list[str] = []
    audiences = {account.audience for account in accounts}
    for trust, patterns in grouping.list_trust_options(role.name, role.trust_policy, facts.provider_arn, audiences):
        # A role may trust service accounts that are not annotated with it. They must stay in its trust policy.
        for purge in ({}, {"purge_service_accounts": False}):
            first, *others = accounts
            bindings = [
                first.build_binding(role_name=role.name, **settings, **trust, **purge),
                *(account.build_binding(role_name=role.name) for account in others),
                *patterns,
            ]
            # Also for a role that others created: it keeps them only until it has the tag of this collection.
            found = _list_changes(facts, role, [{"purge_service_accounts": True, **bindings[0]}, *bindings[1:]])
            if not found:
                for omission in omissions:
                    result.add_note(accounts, omission)
                return bindings
        changes = changes or found
    result.add_note(
        accounts,
        f"role {role.name} is not managed (role_arn), because a binding with role_name would change it: "
        f"{'; '.join(changes)}",
    )
    return [account.build_binding(role_arn=role.arn) for account in accounts]


def _list_changes(facts: ImportFacts, role: Role, bindings: t.Sequence[Binding]) -> list[str]:
    """The changes that the bindings would make to the role, as messages."""
    policies = {arn.rpartition("/")[2]: arn for arn in role.managed_policies or ()}
    context = role_plan.PlanContext(AccountScope(facts.partition, facts.account_id), facts.provider_arn, policies)
    try:
        return role_plan.plan(_build_spec(facts, bindings).roles[role.name], role, context).summaries()
    except IrsaError as error:
        return [str(error)]


def _describe_role(facts: ImportFacts, role: Role) -> tuple[Binding, list[str]]:
    """The options that describe the role, and messages about what they omit and why."""
    settings: Binding = role.options
    omissions: list[str] = []
    if _is_template(role.description):
        del settings["description"]
        omissions.append(f"the description of role {role.name} is omitted, because it {_IS_TEMPLATE}")
    if role.managed_policies:
        settings["managed_policies"] = [_name_policy(facts, arn) for arn in role.managed_policies]
    inline = {name: document for name, document in (role.inline_policies or {}).items() if not _is_template(document)}
    if inline:
        settings["inline_policies"] = inline
    for name in sorted(set(role.inline_policies or ()) - set(inline)):
        omissions.append(f"inline policy {name} of role {role.name} is omitted, because it {_IS_TEMPLATE}")
    if role.managed_policies is None or role.inline_policies is None:
        omissions.append(f"some policies of role {role.name} are omitted, because they could not be read")
    tags = {
        key: value
        for key, value in role.tags.items()
        if key.lower() != OWNER_TAG and not key.lower().startswith("aws:")
    }
    if tags:
        settings["tags"] = tags
    return settings, omissions


def _name_policy(facts: ImportFacts, arn: str) -> str:
    """The name of an AWS managed policy if it is unambiguous; else the ARN of the policy."""
    name = arn.rpartition("/")[2]
    is_aws_managed = Arn.parse(arn).account_id == "aws"
    return name if is_aws_managed and facts.policies is not None and name not in facts.policies else arn


def _build_spec(facts: ImportFacts, bindings: t.Sequence[Binding]) -> binding_spec.BindingsSpec:
    """:raises InvalidInput: the bindings are not valid."""
    return binding_spec.BindingsSpec.from_params({**_DEFAULTS, "issuer": facts.issuer, "bindings": list(bindings)})


def _is_template(value: t.Any) -> bool:
    if isinstance(value, str):
        return _TEMPLATE.search(value) is not None
    if isinstance(value, t.Mapping):
        return any(_is_template(part) for pair in value.items() for part in pair)
    return isinstance(value, (list, tuple)) and any(map(_is_template, value))
