# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Groups bindings by their roles."""

from __future__ import annotations

import json
import typing as t

from .. import options
from ..arn import STS_AUDIENCE
from ..errors import InvalidInput

Binding = t.Mapping[str, t.Any]

# What bindings of one role give of a list or a mapping is merged. Everything else has to agree.
_LISTS = tuple(name for name, option in options.ROLE.items() if option["type"] == "list")
_MAPPINGS = tuple(name for name, option in options.ROLE.items() if option["type"] == "dict")
_SCALARS = tuple(name for name in options.ROLE if name not in (*_LISTS, *_MAPPINGS))


def by_role(bindings: t.Sequence[Binding]) -> list[dict[str, t.Any]]:
    """The roles that the bindings ask for, in the order in which they are first named.

    Bindings of one role are merged, so that writing the role for one of them doesn't undo another. IAM's role names are
    unique without regard to case, so names that differ in case alone are the same role. A binding with ``role_arn``
    uses a role that is kept elsewhere, in another account perhaps, and asks for none.

    :param bindings: mappings with ``namespace``, ``service_account``, ``role_name`` or ``role_arn``, and any of the
        options that a role has.
    :returns: a mapping for each role: ``name``, ``service_accounts`` [{namespace, name}], ``audiences`` and those of
        the options that are given.
    :raises InvalidInput: bindings are incomplete, duplicate or contradict each other. It names all that is wrong, each
        with the index of its binding.
    """
    problems: list[str] = []
    groups: dict[str, _Group] = {}
    indices: dict[tuple[str, str], int] = {}
    for index, binding in enumerate(bindings):
        problem = _find_problem(binding, index, indices)
        if problem:
            problems.append(problem)
            continue
        indices[binding["namespace"], binding["service_account"]] = index
        if not binding.get("role_arn"):
            group = groups.setdefault(binding["role_name"].casefold(), _Group(binding["role_name"]))
            problems += group.add(binding, index)
    stop(problems)
    return [group.role for group in groups.values()]


def stop(problems: t.Sequence[str]) -> None:
    """:param problems: what is wrong, each beginning with its binding.
    :raises InvalidInput: there are problems.
    """
    if problems:
        raise InvalidInput("invalid bindings", cause="; ".join(problems), fix="correct the bindings")


def _find_problem(binding: Binding, index: int, indices: t.Mapping[tuple[str, str], int]) -> str | None:
    missing = [key for key in ("namespace", "service_account") if not binding.get(key)]
    if missing:
        return f"binding {index} lacks {' and '.join(missing)}"
    title = f"{binding['namespace']}/{binding['service_account']}"
    if bool(binding.get("role_name")) == bool(binding.get("role_arn")):
        return f"{title} (binding {index}): set exactly one of role_name and role_arn"
    other = indices.get((binding["namespace"], binding["service_account"]))
    return None if other is None else f"bindings {other} and {index} name the same account, {title}"


class _Group:
    """The bindings of one role, merged.

    :ivar role: the role, as `by_role` returns it.
    """

    def __init__(self, name: str) -> None:
        self.role: dict[str, t.Any] = {"name": name, "service_accounts": [], "audiences": []}
        self._given_by: dict[tuple[str, str], int] = {}

    def add(self, binding: Binding, index: int) -> list[str]:
        """Merges a binding.

        :returns: where it contradicts those before it.
        """
        role = self.role
        problems = []
        if role["name"] != binding["role_name"]:
            problems.append(f"binding {index} writes the role {role['name']} as {binding['role_name']}")
        role["service_accounts"].append({"namespace": binding["namespace"], "name": binding["service_account"]})
        _add_missing(role["audiences"], [binding.get("audience") or STS_AUDIENCE])
        for key in _LISTS:
            if binding.get(key) is not None:
                _add_missing(role.setdefault(key, []), binding[key])
        for key in _MAPPINGS:
            if binding.get(key) is not None:
                target = role.setdefault(key, {})
                for inner, value in binding[key].items():
                    problems += self._set(target, inner, value, index, within=key)
        for key in _SCALARS:
            if binding.get(key) is not None:
                problems += self._set(role, key, binding[key], index)
        return problems

    def _set(self, target: dict[str, t.Any], key: str, value: t.Any, index: int, *, within: str = "") -> list[str]:
        if key in target and _canonical(target[key]) != _canonical(value):
            option = f"{within}.{key}" if within else key
            other = self._given_by[within, key]
            return [f"bindings {other} and {index} give role {self.role['name']} different values of {option}"]
        target[key] = value
        self._given_by.setdefault((within, key), index)
        return []


def _add_missing(target: list[t.Any], values: t.Iterable[t.Any]) -> None:
    known = {_canonical(value) for value in target}
    for value in values:
        if _canonical(value) not in known:
            known.add(_canonical(value))
            target.append(value)


def _canonical(value: t.Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
