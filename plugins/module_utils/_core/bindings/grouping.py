# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bindings: which service account gets which role, with what on it."""

from __future__ import annotations

import json
import typing as t

from ..arn import STS_AUDIENCE
from ..errors import InvalidInput

Binding = t.Mapping[str, t.Any]

# Keys of a binding that describe its role. Bindings that share a role may each give some of them; where several give
# the same key, lists and mappings are put together and everything else has to agree.
LISTS = ("managed_policies",)
POLICIES = "well_known_policies"
MAPPINGS = ("inline_policies", "tags")
SCALARS = (
    "description",
    "max_session_duration",
    "path",
    "permissions_boundary",
    "purge_inline_policies",
    "purge_policies",
    "purge_service_accounts",
    "purge_tags",
    "trust",
)


def by_role(bindings: t.Sequence[Binding]) -> list[dict[str, t.Any]]:
    """The roles that the bindings ask for, in the order in which they are first named.

    Bindings of one role are put together, so that writing the role for one of them doesn't undo another. IAM's role
    names are unique without regard to case, so names that differ in case alone are the same role.

    A binding with ``role_arn`` uses a role that is kept elsewhere, in another account perhaps, and asks for none.

    :param bindings: mappings with ``namespace``, ``service_account``, ``role_name`` or ``role_arn``, and any of the
        keys above.
    :returns: a mapping for each role: ``name``, ``service_accounts`` [{namespace, name}], ``audiences`` and those of
        the keys above that are given.
    :raises InvalidInput: bindings are incomplete, duplicate or contradict each other; all that is wrong is named at
        once, each with the index of its binding.
    """
    problems: list[str] = []
    roles: dict[str, dict[str, t.Any]] = {}
    given_by: dict[tuple[str, str, str], int] = {}
    accounts: dict[tuple[str, str], int] = {}
    for index, binding in enumerate(bindings):
        absent = [key for key in ("namespace", "service_account") if not binding.get(key)]
        if bool(binding.get("role_name")) == bool(binding.get("role_arn")):
            absent.append("either role_name or role_arn")
        if absent:
            problems.append(f"binding {index} lacks {', '.join(absent)}")
            continue
        account = (binding["namespace"], binding["service_account"])
        if account in accounts:
            problems.append(f"bindings {accounts[account]} and {index} name the same account, {'/'.join(account)}")
            continue
        accounts[account] = index
        if binding.get("role_arn"):
            continue
        key = binding["role_name"].casefold()
        role = roles.setdefault(key, {"name": binding["role_name"], "service_accounts": [], "audiences": []})
        if role["name"] != binding["role_name"]:
            problems.append(f"binding {index} writes the role {role['name']} as {binding['role_name']}")
        role["service_accounts"].append({"namespace": account[0], "name": account[1]})
        _add(role["audiences"], [binding.get("audience") or STS_AUDIENCE])
        problems += _merge(role, binding, index, given_by)
    stop(problems)
    return list(roles.values())


def stop(problems: t.Sequence[str]) -> None:
    """:param problems: what is wrong, each beginning with its binding.
    :raises InvalidInput: there are any.
    """
    if problems:
        raise InvalidInput("the bindings can't be carried out", cause="; ".join(problems), fix="correct the bindings")


def _merge(
    role: dict[str, t.Any], binding: Binding, index: int, given_by: dict[tuple[str, str, str], int]
) -> list[str]:
    problems: list[str] = []
    name = role["name"]

    def settle(target: dict[str, t.Any], key: str, value: t.Any, of: str) -> None:
        if key in target and _plain(target[key]) != _plain(value):
            other = given_by[name.casefold(), of, key]
            what = f"{of}.{key}" if of else key
            problems.append(f"bindings {other} and {index} give role {name} different values of {what}")
            return
        target[key] = value
        given_by.setdefault((name.casefold(), of, key), index)

    for key in LISTS:
        if binding.get(key) is not None:
            _add(role.setdefault(key, []), binding[key])
    if binding.get(POLICIES) is not None:
        policies = role.setdefault(POLICIES, [])
        known = {_plain(each) for each in policies}
        policies += [each for each in binding[POLICIES] if _plain(each) not in known]
    for key in MAPPINGS:
        if binding.get(key) is not None:
            target = role.setdefault(key, {})
            for inner, value in binding[key].items():
                settle(target, inner, value, key)
    for key in SCALARS:
        if binding.get(key) is not None:
            settle(role, key, binding[key], "")
    return problems


def _add(target: list[t.Any], more: t.Iterable[t.Any]) -> None:
    target.extend(each for each in dict.fromkeys(more) if each not in target)


def _plain(value: t.Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
