# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bindings that describe the observed state of a cluster and its AWS account.

Each binding is checked with the plans of `irsa_bindings`: one that would change something is not returned. If a role
cannot be described in this way, its accounts name it by its ARN, which leaves the role unchanged.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import arn as arns
from .. import validation
from ..arn import STS_AUDIENCE, Arn, is_role_arn
from ..errors import IrsaError
from ..role import plan as role_plan
from ..role.spec import OWNER_TAG, AccountScope, Role
from ..service_account import annotations as rules
from ..service_account import plan as service_account_plan
from ..service_account.spec import ServiceAccountState
from ..trust.evaluation import allows
from ..trust.statements import subject
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
_DEFAULT_DURATION = 3600
# Ansible reads these in a file of variables as the start of a template.
_TEMPLATE = re.compile(r"\{[{%#]")
_IS_TEMPLATE = "has what Ansible takes for a template"


@dataclasses.dataclass(frozen=True)
class ImportSpec:
    """The options of `irsa_bindings_info`, checked.

    :param issuer: with its scheme; None if the cluster's name is given.
    :param namespaces: the namespaces to read; empty for all.
    """

    cluster_name: str | None
    issuer: str | None
    namespaces: tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Json) -> ImportSpec:
        """:raises InvalidInput: invalid options; the error lists all of them."""
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

    :param account_id: the AWS account of the cluster.
    :param audiences: the audiences that the cluster's OIDC provider accepts; None if the provider does not exist.
    :param service_accounts: as the API server lists them.
    :param roles: roles by name; all existing roles of `named_roles`, and perhaps others.
    :param policies: the names of the account's own managed policies; None if they could not be read.
    """

    partition: str
    account_id: str
    issuer: str
    audiences: t.Collection[str] | None
    service_accounts: t.Mapping[Name, Json]
    roles: t.Mapping[str, Role]
    policies: t.Collection[str] | None = None

    @property
    def provider_arn(self) -> str:
        """The ARN of the cluster's provider."""
        return arns.provider_arn(self.partition, self.account_id, self.issuer)


@dataclasses.dataclass
class Imported:
    """The bindings that describe the observed state, and what they do not describe.

    :param bindings: items of ``irsa_bindings``, ordered by namespace and name.
    :param skipped_accounts: the accounts with a role that no binding describes, each with ``namespace``,
        ``service_account``, ``role_arn`` (the annotation, or None) and ``reason``.
    :param notes: what the bindings omit, each with ``service_accounts`` [NAMESPACE/NAME] and ``message``.
    """

    bindings: list[Binding] = dataclasses.field(default_factory=list)
    skipped_accounts: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    notes: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)

    def note(self, accounts: t.Iterable[_AnnotatedAccount], message: str) -> None:
        """Records what the bindings of these accounts omit."""
        self.notes.append({"service_accounts": ["/".join(account.name) for account in accounts], "message": message})


@dataclasses.dataclass(frozen=True)
class _AnnotatedAccount:
    """A service account with a role.

    :param options: the options of its binding that concern the account itself.
    :param unsupported: the annotations that no option can express, with their values.
    """

    name: Name
    arn: Arn
    options: Json
    unsupported: Json

    @property
    def role_name(self) -> str:
        """The role's name, without path."""
        return self.arn.resource.rpartition("/")[2]

    @property
    def audience(self) -> str:
        """The audience of its tokens."""
        return str(self.options.get("audience", STS_AUDIENCE))

    def binding(self, **role_options: t.Any) -> Binding:
        """The account's binding; the options name the role and its settings."""
        return {"namespace": self.name[0], "service_account": self.name[1], **role_options, **self.options}


class _Skipped(Exception):
    """Why no binding describes an account."""


def named_roles(service_accounts: t.Mapping[Name, Json], account_id: str) -> list[str]:
    """The names of the roles of an AWS account that service accounts name, sorted."""
    found = set()
    for body in service_accounts.values():
        try:
            arn = _role_arn(body)
        except _Skipped:
            continue
        if arn.account_id == account_id:
            found.add(arn.resource.rpartition("/")[2])
    return sorted(found)


def collect(facts: ImportFacts) -> Imported:
    """The bindings of all accounts with a role, and the accounts that no binding can describe."""
    found = Imported()
    users: dict[str, list[_AnnotatedAccount]] = {}
    for name, body in sorted(facts.service_accounts.items()):
        if not rules.has_role_annotation(_annotations(body)):
            continue
        try:
            account = _account(facts, name, body)
        except _Skipped as error:
            found.skipped_accounts.append(
                {
                    "namespace": name[0],
                    "service_account": name[1],
                    "role_arn": _annotations(body).get(arns.ROLE_ARN_ANNOTATION),
                    "reason": str(error),
                }
            )
            continue
        for key, value in account.unsupported.items():
            found.note([account], f"annotation {key} is {value!r}, which no option can say; it stays as it is")
        users.setdefault(str(account.arn), []).append(account)
    for accounts in users.values():
        found.bindings += _bindings(facts, accounts, found)
    found.bindings.sort(key=lambda binding: (binding["namespace"], binding["service_account"]))
    return found


# One account


def _annotations(body: Json) -> Json:
    return body["metadata"].get("annotations") or {}


def _role_arn(body: Json) -> Arn:
    """The ARN in an account's annotation.

    :raises _Skipped: the account does not name a role.
    """
    annotations = _annotations(body)
    text = annotations.get(arns.ROLE_ARN_ANNOTATION)
    if text is None:
        key, meant = next(iter(rules.find_near_misses(annotations).items()), ("", ""))
        raise _Skipped(f"annotation {key} has no effect; it looks like {meant}")
    if not text:
        raise _Skipped("the annotation is empty")
    if not is_role_arn(text):
        raise _Skipped(f"the annotation is no ARN of an IAM role: {text!r}")
    arn = Arn.parse(text)
    problems = validation.Problems()
    validation.check_role_name(problems, arn.resource.rpartition("/")[2])
    try:
        problems.raise_if_any()
    except IrsaError as error:
        raise _Skipped(error.message) from None
    return arn


def _account(facts: ImportFacts, name: Name, body: Json) -> _AnnotatedAccount:
    """:raises _Skipped: no binding describes the account without changing it, or its role does not work."""
    arn = _role_arn(body)
    options, unsupported = _options(_annotations(body))
    account = _AnnotatedAccount(name, arn, options, unsupported)
    if arn.partition != facts.partition:
        raise _Skipped(f"the role is in partition {arn.partition}, and the cluster in {facts.partition}")
    if facts.audiences is None:
        raise _Skipped(f"IAM has no OIDC provider {facts.provider_arn}")
    if account.audience not in facts.audiences:
        raise _Skipped(f"the cluster's OIDC provider doesn't accept the audience {account.audience!r}")
    if arn.account_id == facts.account_id:
        _check_role(facts, account)
    _check_account(facts, account, body)
    return account


def _options(annotations: Json) -> tuple[Binding, dict[str, str]]:
    """The options for the annotations other than the role's, and the annotations that no option can express."""
    options: Binding = {}
    unsupported: dict[str, str] = {}
    for option, key in rules.IRSA_OPTIONS.items():
        value = annotations.get(key)
        if value is None or option == "role_arn":
            continue
        parsed = _option_value(option, value)
        if parsed is None:
            unsupported[key] = value
        else:
            options[option] = parsed
    return options, unsupported


def _option_value(option: str, text: str) -> str | bool | int | None:
    """The value of an option that writes this text; None if no value does."""
    if option == "audience":
        return text or None
    if option == "sts_regional_endpoints":
        return {"true": True, "false": False}.get(text)
    number = int(text) if re.fullmatch(r"[1-9][0-9]{0,10}", text) else 0
    return number if rules.MIN_EXPIRATION <= number <= rules.MAX_EXPIRATION else None


def _check_role(facts: ImportFacts, account: _AnnotatedAccount) -> None:
    """:raises _Skipped: the role does not exist, or its trust policy does not allow the account."""
    role = facts.roles.get(account.role_name)
    if role is None:
        raise _Skipped(f"there is no role {account.role_name}")
    if role.arn != str(account.arn):
        raise _Skipped(f"there is no such role; IAM has {role.arn}")
    if allows(role.trust_policy, facts.provider_arn, subject(*account.name), account.audience) is False:
        raise _Skipped(
            f"the trust policy of role {role.name} doesn't let the account in; eksops.irsa.irsa_verify says why"
        )


def _check_account(facts: ImportFacts, account: _AnnotatedAccount, body: Json) -> None:
    """:raises _Skipped: a binding of the account would change its annotations."""
    binding = account.binding(role_arn=str(account.arn))
    if _is_template(binding):
        raise _Skipped(f"an annotation {_IS_TEMPLATE}")
    try:
        wanted = _wanted(facts, [binding]).bindings[0].account_spec(str(account.arn))
        plan = service_account_plan.plan(wanted, ServiceAccountState.from_kubernetes(body))
    except IrsaError as error:
        raise _Skipped(str(error)) from None
    if plan:
        raise _Skipped(f"a binding would change it: {'; '.join(plan.summaries())}")


# One role


def _bindings(facts: ImportFacts, accounts: t.Sequence[_AnnotatedAccount], found: Imported) -> list[Binding]:
    """The bindings of the accounts that name the same role."""
    arn = accounts[0].arn
    if arn.account_id != facts.account_id:
        return [account.binding(role_arn=str(arn)) for account in accounts]
    role = facts.roles[accounts[0].role_name]
    settings, omissions = _settings(facts, role)
    changes: list[str] = []
    # A role may trust more accounts of the cluster than name it. Those must stay in its trust policy.
    for purge in ({}, {"purge_service_accounts": False}):
        first, *others = accounts
        bindings = [
            first.binding(role_name=role.name, **settings, **purge),
            *(account.binding(role_name=role.name) for account in others),
        ]
        changes = _changes(facts, role, bindings)
        if not changes:
            for omission in omissions:
                found.note(accounts, omission)
            return bindings
    found.note(accounts, f"role {role.name} is named by its ARN and left as it is; else: {'; '.join(changes)}")
    return [account.binding(role_arn=role.arn) for account in accounts]


def _changes(facts: ImportFacts, role: Role, bindings: t.Sequence[Binding]) -> list[str]:
    """What the bindings would change in the role, as messages."""
    policies = {arn.rpartition("/")[2]: arn for arn in role.managed_policies or ()}
    context = role_plan.PlanContext(AccountScope(facts.partition, facts.account_id), facts.provider_arn, policies)
    try:
        return role_plan.plan(_wanted(facts, bindings).roles[role.name], role, context).summaries()
    except IrsaError as error:
        return [str(error)]


def _settings(facts: ImportFacts, role: Role) -> tuple[Binding, list[str]]:
    """The options that recreate the role, and messages about what they omit and why."""
    settings: Binding = {}
    omissions: list[str] = []
    if role.path != "/":
        settings["path"] = role.path
    if role.description and _is_template(role.description):
        omissions.append(f"the description of role {role.name} {_IS_TEMPLATE}, and is left out")
    elif role.description:
        settings["description"] = role.description
    if role.max_session_duration != _DEFAULT_DURATION:
        settings["max_session_duration"] = role.max_session_duration
    if role.permissions_boundary:
        settings["permissions_boundary"] = role.permissions_boundary
    if role.managed_policies:
        settings["managed_policies"] = [_policy(facts, arn) for arn in role.managed_policies]
    inline = {name: document for name, document in (role.inline_policies or {}).items() if not _is_template(document)}
    if inline:
        settings["inline_policies"] = inline
    for name in sorted(set(role.inline_policies or ()) - set(inline)):
        omissions.append(f"inline policy {name} of role {role.name} {_IS_TEMPLATE}, and is left out")
    if role.managed_policies is None or role.inline_policies is None:
        omissions.append(f"the policies of role {role.name} could not all be read, and those are left out")
    tags = {key: value for key, value in role.tags.items() if key != OWNER_TAG and not key.lower().startswith("aws:")}
    if tags:
        settings["tags"] = tags
    return settings, omissions


def _policy(facts: ImportFacts, arn: str) -> str:
    """A managed policy by its name if it is AWS's and the name is unambiguous; else by its ARN."""
    name = arn.rpartition("/")[2]
    of_aws = Arn.parse(arn).account_id == "aws"
    return name if of_aws and facts.policies is not None and name not in facts.policies else arn


def _wanted(facts: ImportFacts, bindings: t.Sequence[Binding]) -> binding_spec.BindingsSpec:
    """:raises InvalidInput: the bindings are not valid."""
    return binding_spec.BindingsSpec.from_params({**_DEFAULTS, "issuer": facts.issuer, "bindings": list(bindings)})


def _is_template(value: t.Any) -> bool:
    if isinstance(value, str):
        return _TEMPLATE.search(value) is not None
    if isinstance(value, t.Mapping):
        return any(_is_template(part) for pair in value.items() for part in pair)
    return isinstance(value, (list, tuple)) and any(map(_is_template, value))
