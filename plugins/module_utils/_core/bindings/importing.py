# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bindings that describe what a cluster and its account have, whoever made it.

What comes out of here is put to the plans of `irsa_bindings` first: a binding that would change anything isn't one.
Where a role can't be described so, its accounts name it by its ARN, which leaves it as it is.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .. import arn as arns
from .. import validation
from ..arn import STS_AUDIENCE, Arn
from ..audit.facts import Name, means_to_name_a_role
from ..errors import IrsaError
from ..role import plan as role_plan
from ..role.spec import OWNER_TAG, Place, Role
from ..service_account import annotations as rules
from ..service_account import plan as service_account_plan
from ..service_account.state import ServiceAccountState
from ..trust import evaluation as trust_evaluation
from ..trust import policy as trust_policy
from . import spec as binding_spec

Json = t.Mapping[str, t.Any]
Binding = dict[str, t.Any]

# What `irsa_bindings` has where nothing is said.
_DEFAULTS: Json = {
    "state": "present",
    "cluster_name": None,
    "max_workers": 1,
    "rollout": False,
    "exclusive": False,
    "exclusive_namespaces": None,
    "exclusive_limit": 0,
    "force": False,
}
_DEFAULT_DURATION = 3600
# Ansible takes these in a file of variables for the beginning of a template.
_TEMPLATE = re.compile(r"\{[{%#]")
_IS_TEMPLATE = "has what Ansible takes for a template"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The options of `irsa_bindings_info`, checked.

    :param issuer: with its scheme; None where the cluster's name is given.
    :param namespaces: whose service accounts are looked at; empty for all.
    """

    cluster_name: str | None
    issuer: str | None
    namespaces: tuple[str, ...] = ()

    @classmethod
    def from_params(cls, params: Json) -> Wanted:
        """:raises InvalidInput: options that can't be right, all of them at once."""
        problems = validation.Problems()
        issuer = params["issuer"] or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        for each in params["namespaces"] or ():
            validation.check_service_account(problems, each, "default", allow_wildcards=False)
        problems.stop()
        return cls(params["cluster_name"] or None, issuer, tuple(dict.fromkeys(params["namespaces"] or ())))


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that was read.

    :param account_id: the AWS account of the cluster.
    :param audiences: those that the cluster's OIDC provider accepts; None if IAM has no such provider.
    :param service_accounts: as the API server lists them.
    :param roles: by their names, at least those of `roles_named` that there are.
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
    """What was found.

    :param bindings: items of ``irsa_bindings``, ordered by namespace and name.
    :param left_out: what names a role and is in no binding, each with ``namespace``, ``service_account``, ``role_arn``
        (as it stands there, or None) and ``reason``.
    :param notes: what the bindings leave out, each with ``service_accounts`` [NAMESPACE/NAME] and ``message``.
    """

    bindings: list[Binding] = dataclasses.field(default_factory=list)
    left_out: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)
    notes: list[dict[str, t.Any]] = dataclasses.field(default_factory=list)

    def note(self, accounts: t.Iterable[_Account], message: str) -> None:
        """Says of these accounts' bindings what isn't in them."""
        self.notes.append({"service_accounts": ["/".join(each.name) for each in accounts], "message": message})


@dataclasses.dataclass(frozen=True)
class _Account:
    """A service account that names a role.

    :param options: what its binding says of the account itself.
    :param unsaid: the annotations that no option can say, with their values.
    """

    name: Name
    arn: Arn
    options: Json
    unsaid: Json

    @property
    def role_name(self) -> str:
        """The role's name, without path."""
        return self.arn.resource.rpartition("/")[2]

    @property
    def audience(self) -> str:
        """What its tokens are issued for."""
        return str(self.options.get("audience", STS_AUDIENCE))

    def binding(self, **rest: t.Any) -> Binding:
        """:param rest: the role, and what is said of it."""
        return {"namespace": self.name[0], "service_account": self.name[1], **rest, **self.options}


class _LeftOut(Exception):
    """Why an account has no binding."""


def roles_named(service_accounts: t.Mapping[Name, Json], account_id: str) -> list[str]:
    """The names of the roles of an AWS account that service accounts name, sorted."""
    found = set()
    for each in service_accounts.values():
        try:
            arn = _arn_of(each)
        except _LeftOut:
            continue
        if arn.account_id == account_id:
            found.add(arn.resource.rpartition("/")[2])
    return sorted(found)


def collect(facts: Facts) -> Imported:
    """The bindings of all accounts that name a role, and the accounts that none can be made for."""
    found = Imported()
    users: dict[str, list[_Account]] = {}
    for name, body in sorted(facts.service_accounts.items()):
        if not means_to_name_a_role(body):
            continue
        try:
            account = _account(facts, name, body)
        except _LeftOut as error:
            found.left_out.append(
                {
                    "namespace": name[0],
                    "service_account": name[1],
                    "role_arn": _annotations(body).get(arns.ROLE_ARN_ANNOTATION),
                    "reason": str(error),
                }
            )
            continue
        for key, value in account.unsaid.items():
            found.note([account], f"annotation {key} is {value!r}, which no option can say; it stays as it is")
        users.setdefault(str(account.arn), []).append(account)
    for accounts in users.values():
        found.bindings += _bindings(facts, accounts, found)
    found.bindings.sort(key=lambda each: (each["namespace"], each["service_account"]))
    return found


# One account


def _annotations(body: Json) -> Json:
    return body["metadata"].get("annotations") or {}


def _arn_of(body: Json) -> Arn:
    """:raises _LeftOut: the account names no role."""
    annotations = _annotations(body)
    text = annotations.get(arns.ROLE_ARN_ANNOTATION)
    if text is None:
        key, meant = next(iter(rules.near_misses(annotations).items()), ("", ""))
        raise _LeftOut(f"annotation {key} has no effect; it looks like {meant}")
    if not text:
        raise _LeftOut("the annotation is empty")
    if not rules.is_role_arn(text):
        raise _LeftOut(f"the annotation is no ARN of an IAM role: {text!r}")
    arn = Arn.parse(text)
    problems = validation.Problems()
    validation.check_role_name(problems, arn.resource.rpartition("/")[2])
    try:
        problems.stop()
    except IrsaError as error:
        raise _LeftOut(error.message) from None
    return arn


def _account(facts: Facts, name: Name, body: Json) -> _Account:
    """:raises _LeftOut: no binding can be made for it that changes nothing and works."""
    arn = _arn_of(body)
    options, unsaid = _options(_annotations(body))
    account = _Account(name, arn, options, unsaid)
    if arn.partition != facts.partition:
        raise _LeftOut(f"the role is in partition {arn.partition}, and the cluster in {facts.partition}")
    if facts.audiences is None:
        raise _LeftOut(f"IAM has no OIDC provider {facts.provider_arn}")
    if account.audience not in facts.audiences:
        raise _LeftOut(f"the cluster's OIDC provider doesn't accept the audience {account.audience!r}")
    if arn.account_id == facts.account_id:
        _check_role(facts, account)
    _check_account(facts, account, body)
    return account


def _options(annotations: Json) -> tuple[Binding, dict[str, str]]:
    """What options say of the annotations besides the role's, and what they can't say."""
    options: Binding = {}
    unsaid: dict[str, str] = {}
    for option, key in rules.IRSA_OPTIONS.items():
        value = annotations.get(key)
        if value is None or option == "role_arn":
            continue
        said = _said(option, value)
        if said is None:
            unsaid[key] = value
        else:
            options[option] = said
    return options, unsaid


def _said(option: str, text: str) -> str | bool | int | None:
    """The value of an option that writes this text; None if none does."""
    if option == "audience":
        return text or None
    if option == "sts_regional_endpoints":
        return {"true": True, "false": False}.get(text)
    number = int(text) if re.fullmatch(r"[1-9][0-9]{0,10}", text) else 0
    return number if rules.SHORTEST_EXPIRATION <= number <= rules.LONGEST_EXPIRATION else None


def _check_role(facts: Facts, account: _Account) -> None:
    """:raises _LeftOut: the role isn't there, or doesn't let the account in."""
    role = facts.roles.get(account.role_name)
    if role is None:
        raise _LeftOut(f"there is no role {account.role_name}")
    if role.arn != str(account.arn):
        raise _LeftOut(f"there is no such role; IAM has {role.arn}")
    subject = trust_policy.subject(*account.name)
    request = trust_evaluation.Request.of_token(facts.provider_arn, facts.issuer, subject, account.audience)
    if trust_evaluation.evaluate(role.trust_policy, request).allowed is False:
        raise _LeftOut(
            f"the trust policy of role {role.name} doesn't let the account in; eksops.irsa.irsa_verify says why"
        )


def _check_account(facts: Facts, account: _Account, body: Json) -> None:
    """:raises _LeftOut: a binding of the account would change its annotations."""
    binding = account.binding(role_arn=str(account.arn))
    if _is_template(binding):
        raise _LeftOut(f"an annotation {_IS_TEMPLATE}")
    try:
        wanted = _wanted(facts, [binding]).accounts[0].wanted(str(account.arn))
        plan = service_account_plan.plan(wanted, ServiceAccountState.from_kubernetes(body))
    except IrsaError as error:
        raise _LeftOut(str(error)) from None
    if plan:
        raise _LeftOut(f"a binding would change it: {'; '.join(plan.summaries())}")


# One role


def _bindings(facts: Facts, accounts: t.Sequence[_Account], found: Imported) -> list[Binding]:
    """The bindings of the accounts that name the same role."""
    arn = accounts[0].arn
    if arn.account_id != facts.account_id:
        return [each.binding(role_arn=str(arn)) for each in accounts]
    role = facts.roles[accounts[0].role_name]
    said, unsaid = _settings(facts, role)
    changes: list[str] = []
    # Where the role trusts more accounts of the cluster than name it, they are to be left in it.
    for more in ({}, {"purge_service_accounts": False}):
        first, *others = accounts
        bindings = [
            first.binding(role_name=role.name, **said, **more),
            *(each.binding(role_name=role.name) for each in others),
        ]
        changes = _changes(facts, role, bindings)
        if not changes:
            for each in unsaid:
                found.note(accounts, each)
            return bindings
    found.note(accounts, f"role {role.name} is named by its ARN and left as it is; else: {'; '.join(changes)}")
    return [each.binding(role_arn=role.arn) for each in accounts]


def _changes(facts: Facts, role: Role, bindings: t.Sequence[Binding]) -> list[str]:
    """What the bindings would change in the role, in words."""
    policies = {arn.rpartition("/")[2]: arn for arn in role.managed_policies or ()}
    setting = role_plan.Setting(Place(facts.partition, facts.account_id), facts.provider_arn, policies)
    try:
        return role_plan.plan(_wanted(facts, bindings).roles[role.name], role, setting).summaries()
    except IrsaError as error:
        return [str(error)]


def _settings(facts: Facts, role: Role) -> tuple[Binding, list[str]]:
    """What it takes to make the role anew, and what of it isn't said and why."""
    said: Binding = {}
    unsaid: list[str] = []
    if role.path != "/":
        said["path"] = role.path
    if role.description and _is_template(role.description):
        unsaid.append(f"the description of role {role.name} {_IS_TEMPLATE}, and is left out")
    elif role.description:
        said["description"] = role.description
    if role.max_session_duration != _DEFAULT_DURATION:
        said["max_session_duration"] = role.max_session_duration
    if role.permissions_boundary:
        said["permissions_boundary"] = role.permissions_boundary
    if role.managed_policies:
        said["managed_policies"] = [_policy(facts, arn) for arn in role.managed_policies]
    inline = {name: document for name, document in (role.inline_policies or {}).items() if not _is_template(document)}
    if inline:
        said["inline_policies"] = inline
    for name in sorted(set(role.inline_policies or ()) - set(inline)):
        unsaid.append(f"inline policy {name} of role {role.name} {_IS_TEMPLATE}, and is left out")
    if role.managed_policies is None or role.inline_policies is None:
        unsaid.append(f"the policies of role {role.name} could not all be read, and those are left out")
    tags = {key: value for key, value in role.tags.items() if key != OWNER_TAG and not key.lower().startswith("aws:")}
    if tags:
        said["tags"] = tags
    return said, unsaid


def _policy(facts: Facts, arn: str) -> str:
    """A managed policy of AWS by its name, if that can mean no other one; else by its ARN."""
    name = arn.rpartition("/")[2]
    of_aws = Arn.parse(arn).account_id == "aws"
    return name if of_aws and facts.policies is not None and name not in facts.policies else arn


def _wanted(facts: Facts, bindings: t.Sequence[Binding]) -> binding_spec.Wanted:
    """:raises InvalidInput: the bindings can't be."""
    return binding_spec.Wanted.from_params({**_DEFAULTS, "issuer": facts.issuer, "bindings": list(bindings)})


def _is_template(value: t.Any) -> bool:
    if isinstance(value, str):
        return _TEMPLATE.search(value) is not None
    if isinstance(value, t.Mapping):
        return any(_is_template(each) for pair in value.items() for each in pair)
    return isinstance(value, (list, tuple)) and any(map(_is_template, value))
