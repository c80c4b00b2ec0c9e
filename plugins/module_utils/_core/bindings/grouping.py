# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups bindings by role."""

from __future__ import annotations

import json
import typing as t

from .. import argument_specs
from ..arn import STS_AUDIENCE
from ..errors import InvalidInput
from ..policy.document import Document, like
from ..trust.policy import managed_grants
from ..trust.statements import has_wildcard, parse_subject
from ..validation import Schema, find_flaw

Binding = t.Mapping[str, t.Any]

# Lists and mappings of the bindings of one role are merged. All other options must be equal.
_LISTS = tuple(name for name, option in argument_specs.ROLE.items() if option["type"] == "list")
_MAPPINGS = tuple(name for name, option in argument_specs.ROLE.items() if option["type"] == "dict")
# Modules have converted their options already; values of filters may have any type.
_SCHEMA: Schema = {
    **dict.fromkeys(("namespace", "service_account", "role_name", "role_arn", "audience"), str),
    **dict.fromkeys((*_LISTS, "audiences"), list),
    **dict.fromkeys(_MAPPINGS, dict),
}
_SCALARS = tuple(name for name in argument_specs.ROLE if name not in (*_LISTS, *_MAPPINGS))


def group_by_role(bindings: t.Sequence[Binding]) -> list[dict[str, t.Any]]:
    """The roles of the bindings, in the order of their first binding.

    The bindings of a role are merged, so that one binding does not undo another. Role names that differ only in case
    are the same role, as in IAM. Bindings with ``role_arn`` are left out, because they use a role that is managed
    elsewhere.

    :param bindings: mappings with ``namespace``, ``service_account``, ``role_name`` or ``role_arn``, and options of the
        role.
    :returns: a mapping for each role: ``name``, ``service_accounts`` [{namespace, name}], ``audiences``, and all set
        options.
    :raises InvalidInput: bindings are incomplete, duplicate or contradictory. The cause lists all problems.
    """
    roles, problems = find_roles(bindings)
    require_no_problems(problems)
    return roles


def find_roles(bindings: t.Sequence[Binding]) -> tuple[list[dict[str, t.Any]], list[str]]:
    """The roles as `group_by_role` returns them, and the problems of the bindings.

    A binding with a problem is not part of a role.
    """
    problems: list[str] = []
    groups: dict[str, _Group] = {}
    indices: dict[tuple[str, str], int] = {}
    for index, binding in enumerate(bindings):
        found = _find_problems(bindings, index, indices)
        problems += found
        if found:
            continue
        if not binding.get("role_arn"):
            group = groups.setdefault(binding["role_name"].casefold(), _Group(binding["role_name"], bindings))
            problems += group.add(binding, index)
    return [group.finish() for group in groups.values()], problems


def list_trust_options(
    role_name: str, document: Document, provider_arn: str, audiences: t.Collection[str]
) -> t.Iterator[tuple[dict[str, t.Any], list[dict[str, t.Any]]]]:
    """The options of a binding that can describe a trust policy, each with further bindings for its patterns.

    Candidates, shortest first. The caller takes the first whose plan is empty.

    :param audiences: the audiences of the tokens of the service accounts.
    """
    yield {}, []
    subjects, accepted = managed_grants(document, provider_arn)
    names = [parse_subject(subject) for subject in sorted(subjects) if has_wildcard(subject)]
    patterns = [
        {"namespace": name[0], "service_account": name[1], "role_name": role_name, "allow_wildcards": True}
        for name in names
        if name
    ]
    options_of_trust = {} if accepted == set(audiences) else {"audiences": sorted(accepted)}
    if options_of_trust:
        yield options_of_trust, []
    if patterns:
        yield options_of_trust, patterns


def is_pattern(binding: Binding) -> bool:
    """Whether a binding matches service accounts by wildcards. It defines only the role."""
    return has_wildcard(str(binding.get("namespace"))) or has_wildcard(str(binding.get("service_account")))


def describe_binding(bindings: t.Sequence[t.Any], index: int) -> str:
    """The binding for messages, counted from one: ``shop/cart (binding 1 of 3)``."""
    binding, place = bindings[index], f"binding {index + 1} of {len(bindings)}"
    if isinstance(binding, t.Mapping) and binding.get("namespace") and binding.get("service_account"):
        return f"{binding['namespace']}/{binding['service_account']} ({place})"
    return place


def require_no_problems(problems: t.Sequence[str]) -> None:
    """:param problems: messages that begin with their binding.
    :raises InvalidInput: the list is not empty.
    """
    if problems:
        raise InvalidInput(
            "invalid bindings", cause="; ".join(problems), fix="correct the bindings", problems=list(problems)
        )


def _find_problems(bindings: t.Sequence[Binding], index: int, indices: dict[tuple[str, str], int]) -> list[str]:
    """The problems of one binding.

    :param indices: the index of the first binding of each service account; this binding is added.
    """
    binding, title = bindings[index], describe_binding(bindings, index)
    problems = [f"{title}: {key} is not set" for key in ("namespace", "service_account") if not binding.get(key)]
    if binding.get("role_name") and binding.get("role_arn"):
        problems.append(f"{title}: role_name and role_arn are both set; use one of them")
    elif not binding.get("role_name") and not binding.get("role_arn"):
        problems.append(f"{title}: neither role_name nor role_arn is set; use one of them")
    flaw = find_flaw(binding, _SCHEMA)
    if flaw:
        return [*problems, f"{title}: {flaw.removeprefix('.')}"]
    problems += [f"{title}: {problem}" for problem in _find_trust_problems(binding)]
    if binding.get("namespace") and binding.get("service_account"):
        first = indices.setdefault((binding["namespace"], binding["service_account"]), index)
        if first != index:
            name = f"{binding['namespace']}/{binding['service_account']}"
            problems.append(f"{name} is bound twice, by bindings {first + 1} and {index + 1} of {len(bindings)}")
    return problems


def _find_trust_problems(binding: Binding) -> t.Iterator[str]:
    """The problems of ``allow_wildcards`` and ``audiences``."""
    audience = binding.get("audience") or STS_AUDIENCE
    if binding.get("audiences") and audience not in binding["audiences"]:
        yield (
            f"audiences does not have {audience}, the audience of the tokens; add it, set audience, or set audiences "
            "to an empty list"
        )
    if not is_pattern(binding) or not binding.get("allow_wildcards"):
        return
    if binding.get("role_arn"):
        yield "has a wildcard and role_arn, so it defines nothing; set role_name, or name the service account"
    unused = [name for name in (*argument_specs.SERVICE_ACCOUNT, "rbac") if name != "audience" and binding.get(name)]
    if unused:
        yield (
            f"has a wildcard, so no service account gets {', '.join(unused)}; set the option in bindings without "
            "wildcards"
        )


class _Group:
    """Merges the bindings of one role.

    :param bindings: all bindings of the run.
    :ivar role: the role, as `group_by_role` returns it.
    """

    def __init__(self, name: str, bindings: t.Sequence[Binding]) -> None:
        self._bindings = bindings
        self.role: dict[str, t.Any] = {"name": name, "service_accounts": [], "audiences": []}
        self._first_index: dict[tuple[str, str], int] = {}
        self._audience_setting: dict[str, t.Any] = {}

    def finish(self) -> dict[str, t.Any]:
        """The role. A service account that a pattern of the role matches has no entry of its own."""
        accounts = self.role["service_accounts"]
        patterns = [_get_path(account) for account in accounts if has_wildcard(_get_path(account))]
        self.role["service_accounts"] = [
            account
            for account in accounts
            if has_wildcard(_get_path(account)) or not any(like(pattern, _get_path(account)) for pattern in patterns)
        ]
        if self._audience_setting.get("audiences") is False:
            self.role["audiences"] = []
        return self.role

    def add(self, binding: Binding, index: int) -> list[str]:
        """Merge a binding.

        :returns: a message for each contradiction to a previous binding.
        """
        role = self.role
        problems = []
        if role["name"] != binding["role_name"]:
            title = describe_binding(self._bindings, index)
            problems.append(f"{title}: role_name {binding['role_name']} differs only in case from {role['name']}")
        role["service_accounts"].append({"namespace": binding["namespace"], "name": binding["service_account"]})
        audiences = binding.get("audiences")
        _add_missing(role["audiences"], audiences or [binding.get("audience") or STS_AUDIENCE])
        if audiences is not None:
            problems += self._set(self._audience_setting, "audiences", bool(audiences), index)
        if binding.get("allow_wildcards") and is_pattern(binding):
            role["allow_wildcards"] = True
        for key in _LISTS:
            if binding.get(key) is not None:
                _add_missing(role.setdefault(key, []), binding[key])
        for key in _MAPPINGS:
            if binding.get(key) is not None:
                target = role.setdefault(key, {})
                for name, value in binding[key].items():
                    problems += self._set(target, name, value, index, option=key)
        for key in _SCALARS:
            if binding.get(key) is not None:
                problems += self._set(role, key, binding[key], index)
        return problems

    def _set(self, target: dict[str, t.Any], key: str, value: t.Any, index: int, *, option: str = "") -> list[str]:
        if key in target and _canonical(target[key]) != _canonical(value):
            path = f"{option}.{key}" if option else key
            titles = [describe_binding(self._bindings, number) for number in (self._first_index[option, key], index)]
            return [f"{' and '.join(titles)} set different values of {path} for role {self.role['name']}"]
        target[key] = value
        self._first_index.setdefault((option, key), index)
        return []


def _get_path(account: t.Mapping[str, str]) -> str:
    # No name has a colon, so a wildcard in the one part cannot match text of the other, as in the subject of a token.
    return f"{account['namespace']}:{account['name']}"


def _add_missing(target: list[t.Any], values: t.Iterable[t.Any]) -> None:
    known = {_canonical(value) for value in target}
    for value in values:
        if _canonical(value) not in known:
            known.add(_canonical(value))
            target.append(value)


def _canonical(value: t.Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
