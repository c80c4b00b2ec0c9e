# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parts of a trust policy's statement: principals, actions, conditions and subjects.

- principals: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
- actions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
- subjects: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import typing as t

from ..arn import provider_name
from ..policy.conditions import Operator
from ..policy.document import as_list, condition_text, federated_principals, like, statement_meaning, statements

ACTION = "sts:AssumeRoleWithWebIdentity"
SUBJECT_PREFIX = "system:serviceaccount:"
# The pattern of all subjects.
ANY_SUBJECT = f"{SUBJECT_PREFIX}*:*"
EQUALS, LIKE = "StringEquals", "StringLike"


# Subjects


def subject(namespace: str, name: str) -> str:
    """The ``sub`` of a service account's tokens."""
    return f"{SUBJECT_PREFIX}{namespace}:{name}"


def parse_subject(text: str) -> tuple[str, str] | None:
    """Namespace and name of a service account's subject, with any wildcards; None for any other text."""
    namespace, _colon, name = text.removeprefix(SUBJECT_PREFIX).partition(":")
    return (namespace, name) if text.startswith(SUBJECT_PREFIX) and namespace and name and ":" not in name else None


def display_subject(text: str) -> str:
    """A subject as NAMESPACE/NAME, for messages; any other text is unchanged."""
    return "/".join(parse_subject(text) or (text,))


def has_wildcard(text: str) -> bool:
    """Whether a text has wildcards of StringLike."""
    return "*" in text or "?" in text


def example_of(pattern: str) -> str:
    """A subject that a pattern with wildcards matches, and that no policy names; any other text is unchanged."""
    return pattern.replace("*", "a-name-that-no-policy-has").replace("?", "0")


# Statements


@functools.lru_cache(maxsize=64)  # a run over many roles needs the same few keys thousands of times
def condition_keys(provider_arn: str) -> tuple[str, str]:
    """A provider's condition keys for ``sub`` and ``aud``, in lower case: IAM ignores case in keys."""
    provider = provider_name(provider_arn).lower()
    return f"{provider}:sub", f"{provider}:aud"


def conditions(statement: t.Mapping[str, t.Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """A statement's conditions as operator, key and values; all of them must hold."""
    block = statement.get("Condition") or {}
    return [
        (str(operator), str(key), tuple(condition_text(value) for value in as_list(values)))
        for operator, keys in (block.items() if isinstance(block, t.Mapping) else [("", block)])
        for key, values in (keys.items() if isinstance(keys, t.Mapping) else [("", keys)])
    ]


def named_principals(element: t.Any) -> tuple[str, ...]:
    """The principals of all kinds that a Principal or NotPrincipal names."""
    kinds = element.values() if isinstance(element, t.Mapping) else [element]
    return tuple(str(principal) for kind in kinds for principal in as_list(kind))


def allowed_principals(document: t.Mapping[str, t.Any]) -> list[str]:
    """The principals that the Allow statements of a document name."""
    allowing = [
        statement
        for statement in statements(document)
        if isinstance(statement, t.Mapping) and statement.get("Effect") == "Allow"
    ]
    return [principal for statement in allowing for principal in named_principals(statement.get("Principal"))]


def covers_principal(statement: t.Mapping[str, t.Any], provider_arn: str) -> bool:
    """Whether a statement's Principal or NotPrincipal covers the web identities of a provider."""
    if "NotPrincipal" in statement:
        return not _names_provider(statement["NotPrincipal"], provider_arn)
    return _names_provider(statement.get("Principal"), provider_arn)


def _names_provider(element: t.Any, provider_arn: str) -> bool:
    """Whether a Principal names the provider. The only wildcard is a single ``*``: everybody."""
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
    """Whether a statement allows a provider's web identities to assume the role if its conditions hold."""
    return (
        isinstance(statement, t.Mapping)
        and statement.get("Effect") == "Allow"
        and covers_principal(statement, provider_arn)
        and covers_action(statement)
    )


def named_subjects(statement: t.Mapping[str, t.Any], provider_arn: str) -> set[str]:
    """The subjects of a provider that a statement's conditions name, under any operator that matches strings."""
    sub, _aud = condition_keys(provider_arn)
    return {
        value
        for operator, key, values in conditions(statement)
        if key.lower() == sub and matches_strings(operator)
        for value in values
    }


@functools.lru_cache(maxsize=256)  # the same few operators are in thousands of statements
def matches_strings(operator: str) -> bool:
    """Whether a condition operator holds for strings that match the policy's values."""
    parsed = Operator.parse(operator)
    return parsed is not None and not parsed.negated and parsed.comparison.startswith("String")


def describe_place(document: t.Mapping[str, t.Any], index: int) -> str:
    """A statement's number and Sid, for messages."""
    statement = statements(document)[index]
    sid = f" ({statement['Sid']})" if isinstance(statement, t.Mapping) and statement.get("Sid") else ""
    return f"statement {index + 1}{sid} of the trust policy"


def describe_difference(document: t.Mapping[str, t.Any], other: t.Mapping[str, t.Any]) -> str:
    """What the statements of a document lack and add in comparison with another, for messages."""
    own, others = ({statement_meaning(s): s for s in statements(policy)} for policy in (document, other))
    lacking = [_describe(statement) for meaning, statement in others.items() if meaning not in own]
    added = [_describe(statement) for meaning, statement in own.items() if meaning not in others]
    parts = [("it lacks ", lacking), ("it has ", added)]
    return "; ".join(verb + " and ".join(texts) for verb, texts in parts if texts) or "only the order differs"


def _describe(statement: t.Any) -> str:
    """A statement with its effect, subjects and principals, for messages."""
    if not isinstance(statement, t.Mapping):
        return "an invalid statement"
    sid = f"statement {statement['Sid']}" if statement.get("Sid") else "the statement"
    names = {
        display_subject(value)
        for operator, key, values in conditions(statement)
        if key.lower().endswith(":sub") and matches_strings(operator)
        for value in values
    }
    principals = ", ".join(named_principals(statement.get("Principal", statement.get("NotPrincipal"))))
    verb = "allows" if statement.get("Effect") == "Allow" else "denies"
    return f"{sid} that {verb} {', '.join(sorted(names)) + ' of ' if names else ''}{principals}"


# Managed statements


@dataclasses.dataclass(frozen=True)
class ManagedStatement:
    """The content of a managed statement.

    :param operators: the operators on ``sub``. Without operators the statement trusts every service account; with two
        it trusts only subjects for which both hold.
    """

    operators: frozenset[str]
    subjects: tuple[str, ...]
    audiences: frozenset[str]

    @property
    def is_exact(self) -> bool:
        """Whether the statement names each subject and each audience that it allows, without patterns."""
        patterns = any(has_wildcard(text) or "$" in text for text in (*self.subjects, *self.audiences))
        return self.operators == {EQUALS} and bool(self.audiences) and not patterns

    def grants_with(self, audiences: t.Collection[str]) -> bool:
        """Whether the statement grants all subjects that it names, for exactly these audiences."""
        if len(self.operators) != 1 or self.audiences != frozenset(audiences):
            return False
        return self.operators == {LIKE} or not any(map(has_wildcard, self.subjects))


def parse_managed(statement: t.Any, provider_arn: str) -> ManagedStatement | None:
    """Parse a managed statement of a provider; None if the statement is foreign."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return None
    if set(statement) - {"Sid", "Effect", "Principal", "Action", "Condition"}:
        return None
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or set(principal) != {"Federated"}:
        return None
    if federated_principals(statement) != [provider_arn]:
        return None
    if [str(action).lower() for action in as_list(statement.get("Action"))] != [ACTION.lower()]:
        return None
    return _parse_conditions(statement.get("Condition") or {}, provider_arn)


def _parse_conditions(block: t.Any, provider_arn: str) -> ManagedStatement | None:
    """Parse conditions; None if a managed statement cannot have them."""
    sub, aud = condition_keys(provider_arn)
    subjects: dict[str, list[str]] = {}
    audiences: list[str] | None = None
    for operator, keys in block.items() if isinstance(block, dict) else [(None, block)]:
        if operator not in (EQUALS, LIKE) or not isinstance(keys, dict):
            return None
        for key, value in keys.items():
            if key.lower() == sub and operator not in subjects:
                subjects[operator] = [str(text) for text in as_list(value)]
            elif key.lower() == aud and audiences is None:
                audiences = [str(text) for text in as_list(value)]
            else:
                return None
    named = tuple(subject for values in subjects.values() for subject in values)
    return ManagedStatement(frozenset(subjects), named, frozenset(audiences or ()))


# Similarity of subjects


def subject_distance(subject: str, values: t.Sequence[str]) -> float:
    """The distance to the nearest of a policy's values: 1 for each different part, less if the texts are similar."""
    return min((_distance_to(subject, value) for value in values), default=2.0)


def _distance_to(subject: str, value: str) -> float:
    differing = _differing_parts(subject, value)
    count = 2 if differing is None else len(differing)
    return count - difflib.SequenceMatcher(None, subject, value).ratio() / 2


def _differing_parts(subject: str, value: str) -> list[str] | None:
    """Which of namespace and name differ; None if one of the texts is not a service account's subject."""
    parts, patterns = parse_subject(subject), parse_subject(value)
    if parts is None or patterns is None:
        return None
    triples = zip(("namespace", "name"), patterns, parts, strict=True)
    return [part for part, pattern, text in triples if not like(pattern, text)]


def nearest_subject(subject: str, values: t.Sequence[str]) -> str:
    """The nearest of a policy's values; ``nothing`` without values."""
    return min(values, key=lambda value: _distance_to(subject, value), default="nothing")


def describe_subject_difference(subject: str, value: str) -> str:
    """How a subject differs from a policy's value, for messages."""
    if subject.lower() == value.lower():
        return "upper and lower case differ"
    if subject == "".join(value.split()):
        return "the policy has extra whitespace"
    differing = _differing_parts(subject, value)
    if differing is None:
        return f"the value in the policy is not {SUBJECT_PREFIX}NAMESPACE:NAME"
    return f"{' and '.join(differing) or 'it'} differ{'' if len(differing) > 1 else 's'}"
