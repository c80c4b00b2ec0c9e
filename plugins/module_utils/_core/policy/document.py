# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policy documents: parse, compare, measure, and match patterns.

The grammar: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import collections
import collections.abc
import dataclasses
import datetime
import functools
import itertools
import json
import re
import typing as t
import urllib.parse

from ..errors import DuplicateKey, InvalidInput
from ..wording import LONE_SURROGATE

Document = dict[str, t.Any]
Statement = dict[str, t.Any]
LoadYaml = t.Callable[[str], t.Any]
"""Parses YAML without aliases and tags; raises DuplicateKey, or ValueError with the place in its message."""

VERSION = "2012-10-17"
# The version of a document without Version.
OLD_VERSION = "2008-10-17"
_ACCOUNT = re.compile(r"\d{12}")
# More than any document that IAM accepts needs: at most 10,240 characters without whitespace in 7 levels.
_MAX_TEXT = 100_000
_MAX_DEPTH = 20
_MAX_VALUES = 4000
_MAX_NUMBER = 2**63
_MAX_DIGITS = 100
_Path = tuple[t.Any, ...]


def parse(value: t.Any, what: str, load_yaml: LoadYaml | None = None) -> Document:
    """Parse a mapping, or a string of JSON, URL-encoded JSON (as IAM's API returns it) or YAML.

    :param what: the option or object that has the document, for messages.
    :param load_yaml: None if strings must be JSON.
    :raises InvalidInput: the value is not a policy document, or a mapping in it has a key twice.
    """
    try:
        if isinstance(value, str):
            value = _read(value, what, load_yaml)
        plain = _plain(value, (), itertools.count(1))
    except DuplicateKey as error:
        raise InvalidInput(
            f"{what} is not a valid policy document",
            cause=f"{error}, so only the last one would take effect",
            fix="merge the values under one key, or use separate statements",
        ) from None
    except ValueError as error:
        raise InvalidInput(
            f"{what} is not a valid policy document",
            cause=str(error),
            fix="write it as IAM's grammar of policies says, with mappings, lists, text, numbers and booleans only",
        ) from None
    if not isinstance(value, t.Mapping):
        raise InvalidInput(
            f"{what} is not a policy document",
            cause=f"it is {_kind(value)}, not a mapping",
            fix="use a mapping with Version and Statement, or such a mapping as JSON or YAML text; "
            "lookup('ansible.builtin.file', PATH) reads a file",
        )
    return t.cast(Document, plain)


def load_json(text: str) -> t.Any:
    """Parse JSON text. Python's own parser keeps only the last value of a key that a mapping has twice.

    :raises DuplicateKey: a mapping has a key twice.
    :raises ValueError: the text is not valid JSON; NaN and Infinity are not. A json.JSONDecodeError is about syntax.
    """
    faulty: list[tuple[dict[str, t.Any], str]] = []

    def build(pairs: list[tuple[str, t.Any]]) -> dict[str, t.Any]:
        mapping = dict(pairs)
        if len(mapping) < len(pairs):
            counts = collections.Counter(key for key, _value in pairs)
            faulty.append((mapping, next(key for key, count in counts.items() if count > 1)))
        return mapping

    try:
        value = json.loads(text, object_pairs_hook=build, parse_constant=_reject_constant, parse_int=_parse_int)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if faulty:
        mapping, key = faulty[-1]  # the outermost; an inner one may be in a lost value
        raise DuplicateKey(key, _path_of(mapping, value) or "")
    return value


def _reject_constant(name: str) -> t.NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _parse_int(digits: str) -> int:
    # Python needs quadratic time for a long one, or rejects it.
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _path_of(mapping: t.Any, value: t.Any, path: str = "") -> str | None:
    """The path of a mapping in a parsed value; None if the value does not contain it."""
    if value is mapping:
        return path
    parts: t.Iterable[tuple[str, t.Any]] = ()
    if isinstance(value, dict):
        parts = ((f"{path}.{key}" if path else key, part) for key, part in value.items())
    elif isinstance(value, list):
        parts = ((f"{path}[{index}]", part) for index, part in enumerate(value))
    paths = (_path_of(mapping, part, part_path) for part_path, part in parts)
    return next((found for found in paths if found is not None), None)


def _read(text: str, what: str, load_yaml: LoadYaml | None) -> t.Any:
    if text.lstrip()[:3].upper() == "%7B":
        text = urllib.parse.unquote(text)
    if len(text) > _MAX_TEXT:
        raise ValueError(f"it has {len(text)} characters, more than {_MAX_TEXT}")
    try:
        return load_json(text)
    except json.JSONDecodeError as error:
        reason = str(error)
    if load_yaml is None:
        raise InvalidInput(
            f"{what} is not a policy document", cause=f"it is not JSON: {reason}", fix="correct the text"
        )
    try:
        return load_yaml(text)
    except DuplicateKey:
        raise
    except ValueError as error:
        # Text in braces is probably JSON, so the error message of the JSON parser helps most.
        cause = (
            f"it is not JSON: {reason}" if text.lstrip().startswith("{") else f"it is neither JSON nor YAML: {error}"
        )
        raise InvalidInput(f"{what} is not a policy document", cause=cause, fix="correct the text") from None


def _kind(value: t.Any) -> str:
    if isinstance(value, str):
        return "text"
    return {list: "a list", type(None): "empty", bool: "a boolean"}.get(type(value), "a number")


def _plain(value: t.Any, path: _Path, counter: t.Iterator[int]) -> t.Any:
    """The value with JSON types only. YAML reads an unquoted Version: 2012-10-17 as a date.

    :param counter: counts the values, because one that occurs many times may be a small file.
    :raises ValueError: JSON or IAM has no such value.
    """
    if len(path) > _MAX_DEPTH or next(counter) > _MAX_VALUES:
        raise ValueError(
            "it is nested too deeply" if len(path) > _MAX_DEPTH else f"it has more than {_MAX_VALUES} values"
        )
    if isinstance(value, str):
        if not value.isascii():
            _require_unicode(value, path)
        return value
    # dict comes first: a check against the abstract class takes ten times as long.
    if isinstance(value, (dict, collections.abc.Mapping)):
        mapping: dict[str, t.Any] = {}
        for key, part in value.items():
            name = _plain(str(key), path, counter)
            if name in mapping:  # for example 1 and "1"
                raise DuplicateKey(name)
            mapping[name] = _plain(part, (*path, key), counter)
        return mapping
    if isinstance(value, (list, tuple)):
        return [_plain(part, (*path, index), counter) for index, part in enumerate(value)]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, (int, float)):
        if not -_MAX_NUMBER < value < _MAX_NUMBER:  # NaN is not
            raise ValueError(f"the number{_describe_path(path)} is too large or not a number")
    elif value is not None:
        raise ValueError(f"the value{_describe_path(path)} has the type {type(value).__name__}")
    return value


def _require_unicode(text: str, path: _Path) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the text{_describe_path(path)} {LONE_SURROGATE}") from None


def _describe_path(path: _Path) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return f" at {text.lstrip('.')}" if text else ""


def as_list(value: t.Any) -> list[t.Any]:
    """A policy element, which is one value or a list, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def scalar(values: t.Sequence[str]) -> str | list[str]:
    """Values as IAM returns them: a single value is not in a list."""
    return values[0] if len(values) == 1 else list(values)


def statements(document: t.Mapping[str, t.Any]) -> list[Statement]:
    """The document's statements (not copies), including any that is not a mapping; none if the document is not one."""
    return as_list(document.get("Statement")) if isinstance(document, t.Mapping) else []


def federated_principals(statement: t.Any) -> list[str]:
    """The federated principals that a statement's Principal names."""
    principal = statement.get("Principal") if isinstance(statement, t.Mapping) else None
    return [str(arn) for arn in as_list(principal.get("Federated"))] if isinstance(principal, t.Mapping) else []


def compact(document: t.Mapping[str, t.Any]) -> str:
    """A document as it is sent: JSON without whitespace, with keys in their order."""
    return json.dumps(document, separators=(",", ":"))


def size(document: t.Mapping[str, t.Any]) -> int:
    """The characters that count against IAM's quotas: all except whitespace."""
    return sum(map(len, compact(document).split()))


# Comparison


def equal(one: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any], *, partition: str = "aws") -> bool:
    """Whether two documents mean the same.

    These differences are ignored: the order of statements and values, one value or a list of it, the case of actions
    and condition keys, and an account ID or its root ARN. Sid and Id count: they mean nothing to IAM, but a user who
    changes one expects a change.

    :param partition: the partition of account IDs among the principals.
    """
    return _meaning(one, partition) == _meaning(other, partition)


def _meaning(document: t.Mapping[str, t.Any], partition: str) -> tuple[t.Any, ...]:
    return (
        str(document.get("Version", OLD_VERSION)),
        document.get("Id"),
        frozenset(statement_meaning(statement, partition) for statement in statements(document)),
    )


def statement_meaning(statement: t.Any, partition: str = "aws") -> str:
    """A text that is equal for two statements exactly if they mean the same."""
    if not isinstance(statement, t.Mapping):
        return json.dumps(statement)
    normal: dict[str, t.Any] = {}
    for element, value in statement.items():
        if element in ("Action", "NotAction"):
            normal[element] = sorted({str(action).lower() for action in as_list(value)})
        elif element in ("Resource", "NotResource"):
            normal[element] = sorted({str(resource) for resource in as_list(value)})
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
    return {
        kind: sorted({_principal(str(name), partition) for name in as_list(names)}) for kind, names in value.items()
    }


def _principal(value: str, partition: str) -> str:
    return f"arn:{partition}:iam::{value}:root" if _ACCOUNT.fullmatch(value) else value


def _conditions(block: t.Any) -> t.Any:
    if not isinstance(block, t.Mapping):
        return block
    return sorted(
        [operator, str(key).lower(), sorted({condition_text(part) for part in as_list(values)})]
        for operator, keys in block.items()
        for key, values in (keys.items() if isinstance(keys, t.Mapping) else [("", keys)])
    )


def condition_text(value: t.Any) -> str:
    """A value of a condition as IAM compares it: booleans as ``true`` and ``false``."""
    return str(value).lower() if isinstance(value, bool) else str(value)


# Patterns


@dataclasses.dataclass(frozen=True)
class PolicyValue:
    """A value of a policy with its variables replaced.

    :param text: its characters.
    :param wildcards: the indexes of the ``*`` and ``?`` that are wildcards. A character from a variable is literal:
        https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
    """

    text: str
    wildcards: frozenset[int]

    @classmethod
    def of(cls, text: str) -> PolicyValue:
        """A value without variables."""
        return cls(text, frozenset(index for index, character in enumerate(text) if character in "*?"))

    @functools.cached_property
    def parts(self) -> list[PolicyValue]:
        """The value split at its first five colons: the components of an ARN."""
        parts: list[PolicyValue] = []
        start = 0
        for part in self.text.split(":", 5):
            stop = start + len(part)
            parts.append(
                PolicyValue(part, frozenset(index - start for index in self.wildcards if start <= index < stop))
            )
            start = stop + 1
        return parts

    def like(self, text: str) -> bool:
        """Whether the value matches a value of the request; case counts.

        A regular expression with many ``*`` would take exponential time.
        """
        if not self.wildcards:
            return self.text == text
        own = other = 0  # indexes in self.text and in text
        # The index of the last *, and the index in the text where the match of the part after that * starts.
        star, after_star = -1, 0
        while other < len(text):
            wildcard = self.text[own] if own in self.wildcards else ""
            if wildcard == "*":
                star, after_star = own, other
                own += 1
            elif own < len(self.text) and (wildcard == "?" or self.text[own] == text[other]):
                own, other = own + 1, other + 1
            elif star >= 0:
                after_star += 1
                own, other = star + 1, after_star
            else:
                return False
        return all(index in self.wildcards and self.text[index] == "*" for index in range(own, len(self.text)))


def like(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with ``*`` and ``?``; case counts."""
    return PolicyValue.of(pattern).like(text)
