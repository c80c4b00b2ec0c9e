# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluate a role's trust policy for a web identity, and an identity's policies for a call, as IAM documents it.

This is the sandbox's own reading of the documentation, the oracle that the collection's evaluator is held against;
it shares no code with the collection.

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
"""The request's condition keys, in lower case, each with its values; a key that the request lacks is left out."""


def allows(document: c.Mapping[str, t.Any], *, action: str, provider_arn: str, context: Context) -> bool:
    """Tell whether a trust policy lets an identity of the provider perform the action: an explicit Deny wins."""
    allowed = False
    variables = document.get("Version") == "2012-10-17"
    for statement in as_list(document.get("Statement")):
        if not _concerns(statement, action, provider_arn, context, variables):
            continue
        if statement["Effect"] == "Deny":
            return False
        allowed = True
    return allowed


def verdict(document: c.Mapping[str, t.Any], *, action: str, resource: str, context: Context) -> str | None:
    """What an identity policy says of an action on a resource: "Allow", "Deny", or None if it says nothing.

    :param resource: an ARN, or "*" for an action that has no type of resource: only "*" covers that one.
    """
    found = None
    variables = document.get("Version") == "2012-10-17"
    for statement in as_list(document.get("Statement")):
        if (
            _covers_action(statement, action)
            and _covers_resource(statement, resource, context, variables)
            and _conditions_hold(statement, context, variables)
        ):
            if statement["Effect"] == "Deny":
                return "Deny"
            found = "Allow"
    return found


def as_list(value: t.Any) -> list[t.Any]:
    """A policy element given as one value or a list, as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _concerns(
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
    matched = any(pattern == "*" or _arn_like(resource, pattern) for pattern in patterns)
    return matched != ("NotResource" in statement)


def _conditions_hold(statement: c.Mapping[str, t.Any], context: Context, variables: bool) -> bool:
    for operator, block in (statement.get("Condition") or {}).items():
        for key, wanted in block.items():
            values = [_text(value) for value in as_list(wanted)]
            if variables:
                values = [value for raw in values if (value := _substitute(raw, context)) is not None]
            if not condition_holds(operator, context.get(key.lower()), values):
                return False
    return True


def _matches_action(patterns: t.Any, action: str) -> bool:
    return any(wildcard(pattern.lower(), action.lower()) for pattern in as_list(patterns))


def _matches_principal(principal: t.Any, provider_arn: str) -> bool:
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    # "AWS": "*" means everyone, web identities included.
    if "*" in as_list(principal.get("AWS")):
        return True
    return any(value in ("*", provider_arn) for value in as_list(principal.get("Federated")))


def condition_holds(operator: str, actual: c.Sequence[str] | None, wanted: c.Sequence[str]) -> bool:
    """Evaluate one operator on one key: its values are alternatives, unless the operator is a negation."""
    set_operator, _colon, plain = operator.rpartition(":")
    if_exists = plain.endswith("IfExists") and plain != "IfExists"
    name = plain[: -len("IfExists")] if if_exists else plain
    present = bool(actual)
    if name == "Null":
        return any((value.lower() == "true") != present for value in wanted)
    if set_operator == "ForAllValues":
        # True without the key as well, which is why AWS warns against it in an Allow.
        return all(_compare(name, value, wanted) for value in actual or ())
    if set_operator == "ForAnyValue" and not present:
        # Some value has to match, IfExists or not.
        return False
    if not present:
        return if_exists or _negated(name)
    values = t.cast("c.Sequence[str]", actual)
    if _negated(name) and set_operator != "ForAnyValue":
        return all(_compare(name, value, wanted) for value in values)
    return any(_compare(name, value, wanted) for value in values)


def _negated(name: str) -> bool:
    return "Not" in name


def _compare(name: str, actual: str, wanted: c.Sequence[str]) -> bool:
    if name.startswith("Arn") and (not actual.startswith("arn:") or actual.count(":") < 5):
        # The policy simulator refuses what is no ARN under the negated operators as well.
        return False
    if _negated(name):
        return not any(_OPERATORS[name.replace("Not", "", 1)](actual, value) for value in wanted)
    return any(_OPERATORS[name](actual, value) for value in wanted)


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# What the variables ${*} and ${?} leave behind until a value is compared: the characters themselves, not wildcards.
_ESCAPED = {"*": "\ue000", "?": "\ue001"}
_ESCAPE = str.maketrans(_ESCAPED)
_UNESCAPE = {ord(mark): character for character, mark in _ESCAPED.items()}


def _substitute(value: str, context: Context) -> str | None:
    """Replace policy variables; None when one has no single value, for then nothing can match."""

    def replace(match: re.Match[str]) -> str:
        name, _comma, default = match.group(1).partition(",")
        if name in ("*", "?", "$"):
            return _ESCAPED.get(name, name)
        found = context.get(name.strip().lower(), ())
        # What comes out of a variable stands for itself as well.
        if len(found) == 1:
            return found[0].translate(_ESCAPE)
        if default:
            return default.strip().strip("'").translate(_ESCAPE)
        raise LookupError(name)

    try:
        return re.sub(r"\$\{([^}]+)\}", replace, value)
    except LookupError:
        return None


@functools.lru_cache(maxsize=4096)
def _pattern(pattern: str) -> re.Pattern[str]:
    special = {"*": ".*", "?": "."}
    parts = re.split(r"([*?])", pattern)
    return re.compile("".join(special.get(part) or re.escape(part.translate(_UNESCAPE)) for part in parts), re.DOTALL)


def wildcard(pattern: str, value: str) -> bool:
    """Match with * (any characters) and ? (one character); case counts."""
    return _pattern(pattern).fullmatch(value) is not None


def _arn_like(actual: str, pattern: str) -> bool:
    """Each of the six parts of an ARN is matched by itself."""
    ours, theirs = actual.split(":", 5), pattern.split(":", 5)
    return len(ours) == len(theirs) == 6 and all(wildcard(*pair) for pair in zip(theirs, ours, strict=True))


def _number(compare: c.Callable[[float, float], bool]) -> c.Callable[[str, str], bool]:
    def check(actual: str, wanted: str) -> bool:
        try:
            return compare(float(actual), float(wanted))
        except ValueError:
            return False

    return check


def _instant(value: str) -> float:
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return float(value)
    moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)).timestamp()


def _date(compare: c.Callable[[float, float], bool]) -> c.Callable[[str, str], bool]:
    def check(actual: str, wanted: str) -> bool:
        try:
            return compare(_instant(actual), _instant(wanted))
        except ValueError:
            return False

    return check


def _ip(actual: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _binary(actual: str, wanted: str) -> bool:
    try:
        return base64.b64decode(actual, validate=True) == base64.b64decode(wanted, validate=True)
    except binascii.Error:
        return False


_OPERATORS: dict[str, c.Callable[[str, str], bool]] = {
    "StringEquals": lambda actual, wanted: actual == wanted.translate(_UNESCAPE),
    "StringEqualsIgnoreCase": lambda actual, wanted: actual.casefold() == wanted.translate(_UNESCAPE).casefold(),
    "StringLike": lambda actual, wanted: wildcard(wanted, actual),
    "Bool": lambda actual, wanted: actual.lower() == wanted.lower(),
    "BinaryEquals": _binary,
    "IpAddress": _ip,
    # ArnEquals and ArnLike behave alike, says AWS.
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
}
for _name, _function in {
    "Equals": lambda a, b: a == b,
    "LessThan": lambda a, b: a < b,
    "LessThanEquals": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEquals": lambda a, b: a >= b,
}.items():
    _OPERATORS[f"Numeric{_name}"] = _number(_function)
    _OPERATORS[f"Date{_name}"] = _date(_function)

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


def known_operator(operator: str) -> bool:
    """Tell whether IAM has such a condition operator, prefix and suffix included."""
    prefix, _colon, name = operator.rpartition(":")
    if prefix not in ("", "ForAnyValue", "ForAllValues"):
        return False
    if name == "Null":
        return True
    if name.endswith("IfExists"):
        name = name[: -len("IfExists")]
    return name in _OPERATORS or name in _NEGATIONS
