# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The operators of a policy's Condition, evaluated as IAM evaluates them.

- operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
- several values, absent keys:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
- ForAllValues, ForAnyValue:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
- variables: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import ipaddress
import operator
import re
import typing as t

from .document import PolicyValue

Lookup = t.Callable[[str], "t.Sequence[str] | None"]
"""Returns the values of a condition key in the request; None if it lacks the key. Case does not count."""


# Variables

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_CHARACTERS = ("*", "?", "$")
_DEFAULT = re.compile(r"\s*'(.*)'\s*", re.DOTALL)


def replace_variables(text: str, lookup: Lookup) -> PolicyValue | None:
    """A policy's value with ``${key}``, ``${key, 'default'}``, ``${*}``, ``${?}`` and ``${$}`` replaced.

    :returns: None if a variable has no value or several. Nothing equals such a value.
    """
    result, wildcards = "", set[int]()
    end = 0
    for variable in _VARIABLE.finditer(text):
        plain = text[end : variable.start()]
        wildcards.update(len(result) + index for index, character in enumerate(plain) if character in "*?")
        value = _resolve_variable(variable.group(1), lookup)
        if value is None:
            return None
        result += plain + value
        end = variable.end()
    plain = text[end:]
    wildcards.update(len(result) + index for index, character in enumerate(plain) if character in "*?")
    return PolicyValue(result + plain, frozenset(wildcards))


def variables_in(text: str) -> list[str]:
    """The condition keys of the variables in a policy's value."""
    names = [variable.group(1).partition(",")[0].strip() for variable in _VARIABLE.finditer(text)]
    return [name for name in names if name not in _CHARACTERS]


def _resolve_variable(variable: str, lookup: Lookup) -> str | None:
    if variable in _CHARACTERS:
        return variable
    name, _comma, default = variable.partition(",")
    values = lookup(name.strip())
    if values is not None and len(values) == 1:
        return values[0]
    quoted = _DEFAULT.fullmatch(default)
    return quoted.group(1) if quoted else None


# A value of the request against a value of the policy


def _equal_without_case(text: str, value: PolicyValue) -> bool:
    return text.lower() == value.text.lower()


_ARN = re.compile(r"arn(:[^:]*){4}:")


def _arn(text: str, value: PolicyValue) -> bool:
    """Compare the six components one by one. AWS documents ArnEquals and ArnLike as identical."""
    parts, patterns = text.split(":", 5), value.parts
    return len(parts) == len(patterns) == 6 and all(
        pattern.like(part) for part, pattern in zip(parts, patterns, strict=True)
    )


def _bool(text: str, value: PolicyValue) -> bool:
    return text.lower() == value.text.lower()


def _binary(text: str, value: PolicyValue) -> bool:
    try:
        return base64.b64decode(text, validate=True) == base64.b64decode(value.text, validate=True)
    except binascii.Error:
        return False


def _ip(text: str, value: PolicyValue) -> bool:
    try:
        return ipaddress.ip_address(text) in ipaddress.ip_network(value.text, strict=False)
    except ValueError:
        return False


_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# AWS documents this profile of ISO 8601: https://www.w3.org/TR/NOTE-datetime
_DATE = re.compile(
    r"(\d{4})-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?)?", re.ASCII | re.IGNORECASE
)
Compare = t.Callable[[float, float], bool]


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _instant(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 date (UTC unless it has an offset) or of a number of seconds."""
    if _NUMBER.fullmatch(text):
        return float(text)
    match = _DATE.fullmatch(text)
    if match is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(group or 0) for group in match.groups()[:6])
    moment = datetime.datetime(year, month, day or 1, hour, minute, second, tzinfo=datetime.timezone.utc)
    zone = match.group(8) or "Z"
    offset = 0
    if zone not in "Zz":
        offset = (int(zone[1:3]) * 60 + int(zone[-2:])) * (-60 if zone[0] == "-" else 60)
    return moment.timestamp() + float(match.group(7) or 0) - offset


def _ordered(read: t.Callable[[str], float], compare: Compare) -> t.Callable[[str, PolicyValue], bool]:
    def check(text: str, value: PolicyValue) -> bool:
        try:
            return compare(read(text), read(value.text))
        except ValueError:
            return False

    return check


_COMPARISONS: dict[str, t.Callable[[str, PolicyValue], bool]] = {
    "StringEquals": lambda text, value: text == value.text,
    "StringEqualsIgnoreCase": _equal_without_case,
    "StringLike": lambda text, value: value.like(text),
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "Bool": _bool,
    "BinaryEquals": _binary,
    "IpAddress": _ip,
    **{
        f"{kind}{name}": _ordered(read, compare)
        for kind, read in (("Numeric", _number), ("Date", _instant))
        for name, compare in (
            ("Equals", operator.eq),
            ("LessThan", operator.lt),
            ("LessThanEquals", operator.le),
            ("GreaterThan", operator.gt),
            ("GreaterThanEquals", operator.ge),
        )
    },
}
_NEGATIONS = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NotIpAddress": "IpAddress",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
}


# One condition


@dataclasses.dataclass(frozen=True)
class Operator:
    """An operator of a Condition, split into its parts.

    :param quantifier: ``ForAllValues``, ``ForAnyValue`` or empty.
    :param comparison: the operator without its negation: StringEquals for StringNotEquals.
    """

    quantifier: str
    comparison: str
    negated: bool
    if_exists: bool

    @classmethod
    def parse(cls, text: str) -> Operator | None:
        """Parse an operator's name, in which case counts; None if IAM does not have it."""
        quantifier, _colon, name = text.rpartition(":")
        if quantifier not in ("", "ForAllValues", "ForAnyValue"):
            return None
        if name == "Null":
            return cls(quantifier, name, False, False)
        plain = name.removesuffix("IfExists")
        comparison = _NEGATIONS.get(plain, plain)
        if comparison not in _COMPARISONS:
            return None
        return cls(quantifier, comparison, plain in _NEGATIONS, plain != name)

    @property
    def takes_variables(self) -> bool:
        """Whether IAM replaces variables in its values."""
        return self.comparison.startswith(("String", "Arn"))

    def holds(self, request_values: t.Sequence[str] | None, values: t.Sequence[PolicyValue]) -> bool:
        """Whether the condition holds for a key.

        One matching value is enough; for a negated operator no value may match. An absent key matches nothing, so
        negated operators and ForAllValues hold for it. ForAnyValue never does, even with IfExists:
        https://iam.cloudcopilot.io/resources/operators/ForAnyValue:StringEqualsIfExists

        :param request_values: the key's values; None or empty if the request lacks it.
        :param values: the policy's values, without those whose variables have no value.
        """
        if self.comparison == "Null":
            # "true" means that the key must be absent.
            return any(value.text.lower() == ("false" if request_values else "true") for value in values)
        if self.quantifier == "ForAllValues":
            # An empty string counts as no value.
            return all(self._matches(text, values) for text in request_values or () if text)
        if self.quantifier == "ForAnyValue":
            return any(self._matches(text, values) for text in request_values or ())
        if not request_values:
            return self.negated or self.if_exists
        combine = all if self.negated else any
        return combine(self._matches(text, values) for text in request_values)

    def _matches(self, text: str, values: t.Sequence[PolicyValue]) -> bool:
        compare = _COMPARISONS[self.comparison]
        if compare is _arn and not _ARN.match(text):
            # A value that is not an ARN fails both the operator and its negation, as in IAM's policy simulator.
            return False
        return any(compare(text, value) for value in values) != self.negated
