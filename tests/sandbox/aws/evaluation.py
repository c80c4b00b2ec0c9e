# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate a trust policy for a web identity, and an identity policy for a call, as the IAM documentation describes.

It shares no code with the collection: unit tests compare the collection's evaluator with this one.

- evaluation logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
- operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
- set operators: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html

Needed by: targets irsa_verify, permissions, role_irsa; units of the collection (oracle of trust policies).
"""

from __future__ import annotations

import base64
import binascii
import collections.abc as c
import datetime
import functools
import ipaddress
import re
import typing as t

Context = c.Mapping[str, c.Sequence[str]]
"""The condition keys of the request, in lower case, with their values."""


def allows(document: c.Mapping[str, t.Any], *, action: str, provider_arn: str, context: Context) -> bool:
    """Whether a trust policy allows an identity of the provider to perform the action. An explicit Deny wins."""
    allowed = False
    variables = document.get("Version") == "2012-10-17"
    for statement in as_list(document.get("Statement")):
        if not _applies(statement, action, provider_arn, context, variables):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def evaluate_policy(document: c.Mapping[str, t.Any], *, action: str, resource: str, context: Context) -> str | None:
    """The effect of an identity policy on an action: "Allow", "Deny", or None if no statement matches.

    :param resource: an ARN, or "*" if the action has no resource type: then only "*" in the policy matches.
    """
    effect = None
    variables = document.get("Version") == "2012-10-17"
    for statement in as_list(document.get("Statement")):
        if (
            _covers_action(statement, action)
            and _covers_resource(statement, resource, context, variables)
            and _conditions_hold(statement, context, variables)
        ):
            if statement["Effect"] == "Deny":
                return "Deny"
            effect = "Allow"
    return effect


def as_list(value: t.Any) -> list[t.Any]:
    """Return a policy element as a list: it may be missing, one value or a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _applies(
    statement: c.Mapping[str, t.Any], action: str, provider_arn: str, context: Context, variables: bool
) -> bool:
    if not _covers_action(statement, action):
        return False
    if "NotPrincipal" in statement:
        if _matches_principal(statement["NotPrincipal"], provider_arn):
            return False
    elif not _matches_principal(statement.get("Principal"), provider_arn):
        return False
    return _conditions_hold(statement, context, variables)


def _covers_action(statement: c.Mapping[str, t.Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _matches_action(statement["NotAction"], action)
    return _matches_action(statement.get("Action"), action)


def _covers_resource(statement: c.Mapping[str, t.Any], resource: str, context: Context, variables: bool) -> bool:
    patterns = [str(pattern) for pattern in as_list(statement.get("Resource", statement.get("NotResource")))]
    if variables:
        patterns = [value for raw in patterns if (value := _substitute(raw, context)) is not None]
    matched = any(pattern == "*" or _matches_arn(resource, pattern) for pattern in patterns)
    return matched != ("NotResource" in statement)


def _conditions_hold(statement: c.Mapping[str, t.Any], context: Context, variables: bool) -> bool:
    for operator, block in (statement.get("Condition") or {}).items():
        for key, raw_values in block.items():
            values = [_to_text(value) for value in as_list(raw_values)]
            if variables:
                values = [value for raw in values if (value := _substitute(raw, context)) is not None]
            if not condition_holds(operator, context.get(key.lower()), values):
                return False
    return True


def _matches_action(patterns: t.Any, action: str) -> bool:
    return any(matches_wildcard(pattern.lower(), action.lower()) for pattern in as_list(patterns))


def _matches_principal(principal: t.Any, provider_arn: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    # "AWS": "*" means everyone, including web identities.
    if "*" in as_list(principal.get("AWS")):
        return True
    return any(value in ("*", provider_arn) for value in as_list(principal.get("Federated")))


def condition_holds(operator: str, actual: c.Sequence[str] | None, expected: c.Sequence[str]) -> bool:
    """Evaluate a condition operator for one key.

    :param actual: the key's values in the request.
    :param expected: the key's values in the policy. One must match; with a negated operator none may match.
    """
    set_operator, _colon, plain = operator.rpartition(":")
    if_exists = plain.endswith("IfExists") and plain != "IfExists"
    name = plain[: -len("IfExists")] if if_exists else plain
    present = bool(actual)
    if name == "Null":
        return any((value.lower() == "true") != present for value in expected)
    if set_operator == "ForAllValues":
        # Also true if the request lacks the key, which is why AWS warns against it in an Allow.
        return all(_compare(name, value, expected) for value in actual or ())
    if set_operator == "ForAnyValue" and not present:
        # A value must match, even with IfExists.
        return False
    if not present:
        return if_exists or _is_negated(name)
    values = t.cast("c.Sequence[str]", actual)
    if _is_negated(name) and set_operator != "ForAnyValue":
        return all(_compare(name, value, expected) for value in values)
    return any(_compare(name, value, expected) for value in values)


def _is_negated(name: str) -> bool:
    return "Not" in name


def _compare(name: str, actual: str, expected: c.Sequence[str]) -> bool:
    if name.startswith("Arn") and (not actual.startswith("arn:") or actual.count(":") < 5):
        # In the policy simulator a value that is not an ARN fails the negated operators too.
        return False
    if _is_negated(name):
        return not any(_OPERATORS[name.replace("Not", "", 1)](actual, value) for value in expected)
    return any(_OPERATORS[name](actual, value) for value in expected)


def _to_text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# Placeholders for the values of ${*} and ${?}, which are the characters themselves, not wildcards.
_ESCAPED = {"*": "\ue000", "?": "\ue001"}
_ESCAPE = str.maketrans(_ESCAPED)
_UNESCAPE = {ord(mark): character for character, mark in _ESCAPED.items()}


def _substitute(value: str, context: Context) -> str | None:
    """Replace policy variables; None if one does not have exactly one value: then nothing matches."""

    def replace(match: re.Match[str]) -> str:
        name, _comma, default = match.group(1).partition(",")
        if name in ("*", "?", "$"):
            return _ESCAPED.get(name, name)
        values = context.get(name.strip().lower(), ())
        # Wildcards in the value of a variable are literal characters too.
        if len(values) == 1:
            return values[0].translate(_ESCAPE)
        if default:
            return default.strip().strip("'").translate(_ESCAPE)
        raise LookupError(name)

    try:
        return re.sub(r"\$\{([^}]+)\}", replace, value)
    except LookupError:
        return None


@functools.lru_cache(maxsize=4096)
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    special = {"*": ".*", "?": "."}
    parts = re.split(r"([*?])", pattern)
    return re.compile("".join(special.get(part) or re.escape(part.translate(_UNESCAPE)) for part in parts), re.DOTALL)


def matches_wildcard(pattern: str, value: str) -> bool:
    """Match a pattern with * (any characters) and ? (one character), case-sensitively."""
    return _compile_pattern(pattern).fullmatch(value) is not None


def _matches_arn(actual: str, pattern: str) -> bool:
    """Match each of the six parts of an ARN separately."""
    parts, patterns = actual.split(":", 5), pattern.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(map(matches_wildcard, patterns, parts))


def _comparing_numbers(compare: c.Callable[[float, float], bool]) -> c.Callable[[str, str], bool]:
    def check(actual: str, expected: str) -> bool:
        try:
            return compare(float(actual), float(expected))
        except ValueError:
            return False

    return check


def _parse_date(value: str) -> float:
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()


def _comparing_dates(compare: c.Callable[[float, float], bool]) -> c.Callable[[str, str], bool]:
    def check(actual: str, expected: str) -> bool:
        try:
            return compare(_parse_date(actual), _parse_date(expected))
        except ValueError:
            return False

    return check


def _is_in_network(actual: str, expected: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(expected, strict=False)
    except ValueError:
        return False


def _is_same_binary(actual: str, expected: str) -> bool:
    try:
        return base64.b64decode(actual, validate=True) == base64.b64decode(expected, validate=True)
    except binascii.Error:
        return False


_OPERATORS: dict[str, c.Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, expected: actual == expected.translate(_UNESCAPE),
    "StringEqualsIgnoreCase": lambda actual, expected: actual.casefold() == expected.translate(_UNESCAPE).casefold(),
    "StringLike": lambda actual, expected: matches_wildcard(expected, actual),
    "Bool": lambda actual, expected: actual.lower() == expected.lower(),
    "BinaryEquals": _is_same_binary,
    "IpAddress": _is_in_network,
    # ArnEquals and ArnLike behave identically, according to AWS.
    "ArnEquals": _matches_arn,
    "ArnLike": _matches_arn,
}
for _name, _function in {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}.items():
    _OPERATORS[f"Numeric{_name}"] = _comparing_numbers(_function)
    _OPERATORS[f"Date{_name}"] = _comparing_dates(_function)

_NEGATIONS = {
    "StringNotEquals",
    "StringNotEqualsIgnoreCase",
    "StringNotLike",
    "NumericNotEquals",
    "DateNotEquals",
    "NotIpAddress",
    "ArnNotEquals",
    "ArnNotLike",
}


def is_known_operator(operator: str) -> bool:
    """Whether this is a condition operator of IAM, including its prefix and suffix."""
    prefix, _colon, name = operator.rpartition(":")
    if prefix not in ("", "ForAnyValue", "ForAllValues"):
        return False
    if name == "Null":
        return True
    if name.endswith("IfExists"):
        name = name[: -len("IfExists")]
    return name in _OPERATORS or name in _NEGATIONS
