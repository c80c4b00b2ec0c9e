# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one statement of a trust policy says: which principals, actions, conditions and subjects it names.

- principals: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
- actions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
- subjects: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
"""

from __future__ import annotations

import difflib
import functools
import typing as t

from ..arn import provider_name
from ..policy.document import as_list, condition_text, like, statements

ACTION = "sts:AssumeRoleWithWebIdentity"
SUBJECT_PREFIX = "system:serviceaccount:"
_STRING_OPERATORS = frozenset({"StringEquals", "StringEqualsIgnoreCase", "StringLike"})


# Subjects


def subject(namespace: str, name: str) -> str:
    """The ``sub`` of a service account's tokens."""
    return f"{SUBJECT_PREFIX}{namespace}:{name}"


def parse_subject(text: str) -> tuple[str, str] | None:
    """Namespace and name of a service account's subject, wildcards included; None for any other text."""
    namespace, _colon, name = text.removeprefix(SUBJECT_PREFIX).partition(":")
    return (namespace, name) if text.startswith(SUBJECT_PREFIX) and namespace and name and ":" not in name else None


def display_subject(text: str) -> str:
    """A subject for messages: NAMESPACE/NAME; other text unchanged."""
    return "/".join(parse_subject(text) or (text,))


def has_wildcard(text: str) -> bool:
    """Whether StringLike matches the text with more than itself."""
    return "*" in text or "?" in text


# Statements


@functools.lru_cache(maxsize=64)  # a run over many roles asks thousands of times for the same few
def condition_keys(provider_arn: str) -> tuple[str, str]:
    """A provider's condition keys for ``sub`` and ``aud``, in lower case: IAM ignores case in keys."""
    provider = provider_name(provider_arn).lower()
    return f"{provider}:sub", f"{provider}:aud"


def conditions(statement: t.Mapping[str, t.Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """A statement's conditions, all of which must hold: operator, key and values."""
    block = statement.get("Condition") or {}
    return [
        (str(operator), str(key), tuple(condition_text(value) for value in as_list(values)))
        for operator, keys in (block.items() if isinstance(block, t.Mapping) else [("", block)])
        for key, values in (keys.items() if isinstance(keys, t.Mapping) else [("", keys)])
    ]


def named_principals(element: t.Any) -> tuple[str, ...]:
    """All principals that a Principal or NotPrincipal names, of every kind."""
    kinds = element.values() if isinstance(element, t.Mapping) else [element]
    return tuple(str(principal) for kind in kinds for principal in as_list(kind))


def covers_principal(statement: t.Mapping[str, t.Any], provider_arn: str) -> bool:
    """Whether a statement's Principal or NotPrincipal covers the web identities of a provider."""
    if "NotPrincipal" in statement:
        return not _names_provider(statement["NotPrincipal"], provider_arn)
    return _names_provider(statement.get("Principal"), provider_arn)


def _names_provider(element: t.Any, provider_arn: str) -> bool:
    """Whether a Principal names the provider. The only wildcard is a lone ``*``, which is everybody."""
    if not isinstance(element, t.Mapping):
        return bool(element == "*")
    federated = as_list(element.get("Federated"))
    return "*" in as_list(element.get("AWS")) or "*" in federated or provider_arn in federated


def covers_action(statement: t.Mapping[str, t.Any], action: str = ACTION) -> bool:
    """Whether a statement's Action or NotAction covers an action."""
    negated = "NotAction" in statement
    patterns = as_list(statement.get("NotAction" if negated else "Action"))
    return any(like(str(pattern).lower(), action.lower()) for pattern in patterns) != negated


def may_allow(statement: t.Any, provider_arn: str) -> bool:
    """Whether a statement allows web identities of a provider to assume the role, if its conditions hold."""
    return (
        isinstance(statement, t.Mapping)
        and statement.get("Effect") == "Allow"
        and covers_principal(statement, provider_arn)
        and covers_action(statement)
    )


def named_subjects(statement: t.Mapping[str, t.Any], provider_arn: str) -> set[str]:
    """The subjects of a provider that a statement's conditions name, under any operator for equal or alike strings."""
    sub, _aud = condition_keys(provider_arn)
    return {
        value
        for operator, key, values in conditions(statement)
        if key.lower() == sub and matches_strings(operator)
        for value in values
    }


def matches_strings(operator: str) -> bool:
    """Whether a condition operator holds for strings that are equal to, or like, the policy's values."""
    quantifier, _colon, name = operator.rpartition(":")
    return quantifier in ("", "ForAllValues", "ForAnyValue") and name.removesuffix("IfExists") in _STRING_OPERATORS


def describe_place(document: t.Mapping[str, t.Any], index: int) -> str:
    """A statement for messages, by its number and Sid."""
    statement = statements(document)[index]
    sid = f" ({statement['Sid']})" if isinstance(statement, t.Mapping) and statement.get("Sid") else ""
    return f"statement {index + 1}{sid} of the trust policy"


# How close a subject is to those of a policy


def subject_distance(subject: str, wanted: t.Sequence[str]) -> float:
    """The distance to the nearest of a policy's values: 1 for each part that differs, less for similarity."""
    return min((_distance_to(subject, value) for value in wanted), default=2.0)


def _distance_to(subject: str, wanted: str) -> float:
    differing = _differing_parts(subject, wanted)
    count = 2 if differing is None else len(differing)
    return count - difflib.SequenceMatcher(None, subject, wanted).ratio() / 2


def _differing_parts(subject: str, wanted: str) -> list[str] | None:
    """Which of namespace and name differ; None if a text is not a service account's subject."""
    parts, wanted_parts = parse_subject(subject), parse_subject(wanted)
    if parts is None or wanted_parts is None:
        return None
    pairs = zip(("namespace", "name"), wanted_parts, parts, strict=True)
    return [part for part, pattern, text in pairs if not like(pattern, text)]


def nearest_subject(subject: str, wanted: t.Sequence[str]) -> str:
    """The nearest of a policy's values."""
    return min(wanted, key=lambda value: _distance_to(subject, value), default="nothing")


def describe_subject_difference(subject: str, wanted: str) -> str:
    """In what a subject differs from a policy's value, for messages."""
    if subject.lower() == wanted.lower():
        return "upper and lower case differ"
    if subject == "".join(wanted.split()):
        return "there are blanks in it"
    differing = _differing_parts(subject, wanted)
    if differing is None:
        return f"that is not {SUBJECT_PREFIX}NAMESPACE:NAME"
    return f"{' and '.join(differing) or 'it'} differ{'' if len(differing) > 1 else 's'}"
