# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents: reading them, comparing what they mean, and measuring them.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import collections.abc
import datetime
import json
import re
import typing as t
import urllib.parse

from ..errors import InvalidInput

Document = dict[str, t.Any]
Statement = dict[str, t.Any]
LoadYaml = t.Callable[[str], t.Any]
"""Reads YAML and raises ValueError, with the place in its message, where the text is none."""

VERSION = "2012-10-17"
# What a document without Version is taken for.
_OLD_VERSION = "2008-10-17"
_ACCOUNT = re.compile(r"\d{12}")


def parse(value: t.Any, what: str, load_yaml: LoadYaml | None = None) -> Document:
    """A document out of a mapping, or out of a string of JSON, URL-encoded JSON (as IAM's own API gives it) or YAML.

    :param what: the option or object that the document is of, for messages.
    :param load_yaml: left out, strings have to be JSON.
    :raises InvalidInput: it is none of these.
    """
    if isinstance(value, str):
        value = _read(value, what, load_yaml)
    if not isinstance(value, t.Mapping):
        raise InvalidInput(
            f"{what} is no policy document",
            cause=f"it is {_kind(value)}, not a mapping",
            fix="give a mapping with Version and Statement, or such a mapping as JSON or YAML text; "
            "lookup('ansible.builtin.file', PATH) reads a file",
        )
    return t.cast(Document, _plain(value))


def _read(text: str, what: str, load_yaml: LoadYaml | None) -> t.Any:
    if text.lstrip()[:3].upper() == "%7B":
        text = urllib.parse.unquote(text)
    try:
        return json.loads(text)
    except ValueError as error:
        reason = str(error)
    if load_yaml is None:
        raise InvalidInput(f"{what} is no policy document", cause=f"it is not JSON: {reason}", fix="correct the text")
    try:
        return load_yaml(text)
    except ValueError as error:
        # Text in braces was meant as JSON, and JSON's own complaint is the one that helps.
        cause = (
            f"it is not JSON: {reason}" if text.lstrip().startswith("{") else f"it is neither JSON nor YAML: {error}"
        )
        raise InvalidInput(f"{what} is no policy document", cause=cause, fix="correct the text") from None


def _kind(value: t.Any) -> str:
    if isinstance(value, str):
        return "text"
    return {list: "a list", type(None): "empty", bool: "a boolean"}.get(type(value), "a number")


def _plain(value: t.Any) -> t.Any:
    """The value as JSON has it. YAML reads an unquoted Version: 2012-10-17 as a date."""
    # Asked by its class first: the abstract one takes ten times as long, for each part of thousands of documents.
    if isinstance(value, (dict, collections.abc.Mapping)):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value


def as_list(value: t.Any) -> list[t.Any]:
    """A policy element that may be given as one value or as a list of them, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def scalar(values: t.Sequence[str]) -> str | list[str]:
    """A list as IAM hands it back: a single value stands by itself."""
    return values[0] if len(values) == 1 else list(values)


def statements(document: t.Mapping[str, t.Any]) -> list[Statement]:
    """The document's statements, the objects themselves. One that is not a mapping is included."""
    return as_list(document.get("Statement"))


def federated_principals(statement: t.Any) -> list[str]:
    """The federated principals that a statement's Principal names."""
    principal = statement.get("Principal") if isinstance(statement, t.Mapping) else None
    return [str(arn) for arn in as_list(principal.get("Federated"))] if isinstance(principal, t.Mapping) else []


def compact(document: t.Mapping[str, t.Any]) -> str:
    """A document as it is sent: JSON without white space, keys in the order they have."""
    return json.dumps(document, separators=(",", ":"))


def size(document: t.Mapping[str, t.Any]) -> int:
    """The characters that count against IAM's quotas: all but white space."""
    return sum(map(len, compact(document).split()))


# Comparison


def equal(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any], *, partition: str = "aws") -> bool:
    """Whether two documents say the same.

    The order of statements and of values doesn't count, nor does a list of one value against the value, the case of
    actions and of condition keys, or an account id against its root ARN. Sid and Id do: they mean nothing to IAM, but
    a user who changes one wants it changed.

    :param partition: where account ids among the principals belong.
    """
    return _meaning(one, partition) == _meaning(other, partition)


def _meaning(document: t.Mapping[str, t.Any], partition: str) -> tuple[t.Any, ...]:
    return (
        str(document.get("Version", _OLD_VERSION)),
        document.get("Id"),
        frozenset(statement_meaning(each, partition) for each in statements(document)),
    )


def statement_meaning(statement: t.Any, partition: str = "aws") -> str:
    """A text that two statements share exactly if they say the same."""
    if not isinstance(statement, t.Mapping):
        return json.dumps(statement)
    normal: dict[str, t.Any] = {}
    for element, value in statement.items():
        if element in ("Action", "NotAction"):
            normal[element] = sorted({str(each).lower() for each in as_list(value)})
        elif element in ("Resource", "NotResource"):
            normal[element] = sorted({str(each) for each in as_list(value)})
        elif element in ("Principal", "NotPrincipal"):
            normal[element] = _principals(value, partition)
        elif element != "Condition":
            normal[element] = value
        elif value:
            normal[element] = _conditions(value)
    return json.dumps(normal, sort_keys=True, default=str)


def _principals(value: t.Any, partition: str) -> t.Any:
    if value == "*":
        value = {"AWS": "*"}
    if not isinstance(value, t.Mapping):
        return value
    return {kind: sorted({_principal(str(each), partition) for each in as_list(who)}) for kind, who in value.items()}


def _principal(value: str, partition: str) -> str:
    return f"arn:{partition}:iam::{value}:root" if _ACCOUNT.fullmatch(value) else value


def _conditions(block: t.Any) -> t.Any:
    if not isinstance(block, t.Mapping):
        return block
    return sorted(
        [operator, str(key).lower(), sorted({_text(each) for each in as_list(values)})]
        for operator, keys in block.items()
        for key, values in (keys.items() if isinstance(keys, t.Mapping) else [("", keys)])
    )


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# Identity policies


def identity_policy_faults(document: t.Mapping[str, t.Any]) -> list[str]:
    """What IAM would refuse in an inline policy, each fault with its place."""
    faults = [f"unknown element {key}" for key in document if key not in ("Version", "Id", "Statement")]
    if document.get("Version", VERSION) not in (VERSION, _OLD_VERSION):
        faults.append(f"Version {document['Version']!r} is neither {VERSION} nor {_OLD_VERSION}")
    if not statements(document):
        faults.append("it has no Statement")
    for number, statement in enumerate(statements(document), 1):
        place = f"statement {number}"
        if not isinstance(statement, t.Mapping):
            faults.append(f"{place} is no mapping")
            continue
        faults += [f"{place}: {fault}" for fault in _statement_faults(statement)]
    return faults


_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def _statement_faults(statement: t.Mapping[str, t.Any]) -> list[str]:
    faults = []
    for key in statement:
        if key in ("Principal", "NotPrincipal"):
            faults.append(f"{key} has no place in a policy of a role")
        elif key not in _ELEMENTS:
            faults.append(f"unknown element {key}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        faults.append("Effect is neither Allow nor Deny")
    if not re.fullmatch(r"[0-9A-Za-z]*", str(statement.get("Sid") or "")):
        faults.append(f"Sid {statement['Sid']!r} has other characters than letters and digits")
    for either, other in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (either in statement) == (other in statement):
            faults.append(f"it needs one of {either} and {other}")
            continue
        values = as_list(statement.get(either, statement.get(other)))
        if not values or not all(isinstance(value, str) and value for value in values):
            faults.append(f"{either if either in statement else other} is no list of strings")
    return faults
