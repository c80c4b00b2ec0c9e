# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The trust policy of a role: who may assume it by the OIDC provider of a cluster.

Of a document with many authors only the *plain* statements of one provider are this collection's to write: those that
allow ``sts:AssumeRoleWithWebIdentity`` to that provider alone, on no other conditions than StringEquals or StringLike
on the provider's ``sub`` and ``aud``. Whoever wrote them, they say nothing that isn't said by the options of
`irsa_role`. Everything else is somebody's: Deny statements, further conditions, further principals or actions, other
providers. It is kept as it is, and where it concerns the provider a warning says so.

The statements carry no Sid: IAM wants it unique in the document, so a fixed one would clash as soon as two clusters
share a role, and the principal already tells whose a statement is. One that is there is kept.

Conditions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ..arn import Arn
from ..policy import document as policy_document
from ..policy.conditions import like
from ..policy.document import Document, Statement, as_list, scalar, statements

ACTION = "sts:AssumeRoleWithWebIdentity"
EQUALS, LIKE = "StringEquals", "StringLike"
_PREFIX = "system:serviceaccount:"

# IAM takes no document without a statement. This one says nothing that isn't so without it: nobody is allowed anything.
NOBODY: Statement = {
    "Sid": "TrustsNobody",
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "sts:AssumeRole",
}
_NOBODY = policy_document.statement_meaning(NOBODY)


@dataclasses.dataclass(frozen=True)
class Grant:
    """Who of a provider is to be trusted.

    :param provider_arn: the ARN of the OIDC provider, in the role's account.
    :param subjects: ``system:serviceaccount:NAMESPACE:NAME``, wildcards included.
    :param audiences: what a token must be issued for, one of them; empty for no condition on it.
    """

    provider_arn: str
    subjects: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """The AWS partition of the provider, and so of the role."""
        return Arn.parse(self.provider_arn).partition


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A changed document, or the very same object if nothing was to change, and what to warn of."""

    document: Document
    warnings: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Change:
    """A change that can be made to whatever the document has become in the meantime.

    :param mode: ``merge``: the provider's plain statements grant the subjects; ``replace``: the document says that
        and nothing else; ``remove``: the plain statements no longer grant the subjects.
    :param purge: for ``merge``: and grant nothing else; for ``remove``: and neither anything else.
    """

    mode: t.Literal["merge", "replace", "remove"]
    grant: Grant
    purge: bool = True

    def apply(self, document: Document) -> Outcome:
        """The document after the change."""
        if self.mode == "replace":
            return replace(document, self.grant)
        if self.mode == "remove":
            return remove(document, self.grant.provider_arn, None if self.purge else self.grant.subjects)
        return merge(document, self.grant, purge=self.purge)


def subject(namespace: str, name: str) -> str:
    """The ``sub`` of a service account's tokens."""
    return f"{_PREFIX}{namespace}:{name}"


def account_of(text: str) -> str:
    """A subject for people: NAMESPACE/NAME, or as it is if it is no service account's."""
    return text.removeprefix(_PREFIX).replace(":", "/", 1) if text.startswith(_PREFIX) else text


def is_wild(text: str) -> bool:
    """Whether StringLike would take the text for more than itself."""
    return "*" in text or "?" in text


def build(grant: Grant) -> list[Statement]:
    """The statements that grant exactly this.

    One for the accounts that are named and one for those with wildcards: two operators on one key in one statement
    must both hold.
    """
    return [_statement(operator, subjects, grant) for operator, subjects in _by_operator(grant.subjects) if subjects]


def document_of(grant: Grant) -> Document:
    """A whole document that grants this and nothing else."""
    return {"Version": policy_document.VERSION, "Statement": build(grant) or [dict(NOBODY)]}


def allows_somebody(document: Document) -> bool:
    """Whether any statement allows anything."""
    return any(isinstance(each, dict) and each.get("Effect") == "Allow" for each in statements(document))


def granted(document: Document, provider_arn: str) -> list[str]:
    """The subjects that the provider's plain statements name, sorted."""
    return sorted({each for plain in _plain_statements(document, provider_arn).values() for each in plain.subjects})


def trusted(document: Document, provider_arn: str) -> list[str] | None:
    """The subjects that statements for the provider name, whoever wrote them, sorted; None if there is no statement."""
    sub, _aud = _keys(provider_arn)
    allowing = [each for each in statements(document) if _allows(each, provider_arn)]
    return sorted(set().union(*(_subjects_in(each, sub) for each in allowing))) if allowing else None


def lets_in_plainly(document: Document, provider_arn: str, subject: str, audience: str) -> bool:
    """Whether a document can be seen at a glance to let a subject in, and beside it only those whom it names.

    It has a plain statement for the provider that names the subject and the audience, and beyond that only more of that
    kind, and statements for other providers. What isn't so plain has to be evaluated.
    """
    named = False
    for statement in statements(document):
        plain = _plain(statement, provider_arn)
        if plain is None:
            if not _is_of_others(statement, provider_arn):
                return False
        elif plain.operators != {EQUALS} or plain.audiences != {audience} or any(map(_means_more, plain.subjects)):
            return False
        else:
            named = named or subject in plain.subjects
    return named


def _means_more(subject: str) -> bool:
    """Whether a subject stands for more than itself under some operator, policy variables included."""
    return is_wild(subject) or "$" in subject


def _is_of_others(statement: t.Any, provider_arn: str) -> bool:
    """Whether a statement allows something to other providers alone."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or list(principal) != ["Federated"]:
        return False
    return not any(each == provider_arn or "*" in str(each) for each in as_list(principal["Federated"]))


def replace(document: Document, grant: Grant) -> Outcome:
    """The document that grants this and nothing else."""
    wanted = document_of(grant)
    same = policy_document.equal(document, wanted, partition=grant.partition)
    return Outcome(document if same else wanted)


def merge(document: Document, grant: Grant, *, purge: bool = True) -> Outcome:
    """The document with the grant in it.

    A subject that somebody else's statement of this provider names is not granted again: beside a plain statement that
    one's conditions would mean nothing.

    :param purge: the provider's plain statements grant nothing else afterwards.
    """
    own = _plain_statements(document, grant.provider_arn)
    named, warnings = _somebody_elses(document, grant.provider_arn, own)
    named -= _subjects(own.values())
    wanted = tuple(each for each in grant.subjects if each not in named)
    if purge:
        if all(plain.is_sound(grant) for plain in own.values()) and _subjects(own.values()) == set(wanted):
            return Outcome(document, warnings)
        return Outcome(_rewritten(document, own, wanted, grant), warnings)
    sound = {index: plain for index, plain in own.items() if plain.is_sound(grant)}
    missing = set(wanted) - _subjects(sound.values())
    if not missing:
        return Outcome(document, warnings)
    return Outcome(_extended(document, sound, missing, grant), warnings)


def remove(document: Document, provider_arn: str, subjects: t.Collection[str] | None = None) -> Outcome:
    """The document without the provider's plain statements, or without these subjects in them.

    A document that would have no statement left says that it trusts nobody.
    """
    own = _plain_statements(document, provider_arn)
    _named, warnings = _somebody_elses(document, provider_arn, own)
    kept: list[Statement] = []
    changed = False
    for index, statement in enumerate(statements(document)):
        if index not in own or (subjects is not None and not set(own[index].subjects) & set(subjects)):
            kept.append(statement)
            if subjects is not None and index in own and not own[index].subjects:
                warnings += (f"{place_of(index, statement)} trusts every service account of {provider_arn}",)
            continue
        changed = True
        rest = None if subjects is None else _without(statement, _keys(provider_arn)[0], subjects)
        if rest is not None:
            kept.append(rest)
    return Outcome(_with(document, kept) if changed else document, warnings)


# Plain statements


@dataclasses.dataclass(frozen=True)
class _Plain:
    """What a provider's plain statement says.

    :param operators: those that ``sub`` stands under: none for a statement that trusts every account, two for one that
        trusts hardly any.
    """

    operators: frozenset[str]
    subjects: tuple[str, ...]
    audiences: frozenset[str]

    def is_sound(self, grant: Grant) -> bool:
        """Whether it trusts the subjects it names, with the grant's audiences."""
        if len(self.operators) != 1 or self.audiences != frozenset(grant.audiences):
            return False
        return self.operators == {LIKE} or not any(is_wild(each) for each in self.subjects)


@functools.lru_cache(maxsize=64)  # a run over many roles asks thousands of times for the same few
def _keys(provider_arn: str) -> tuple[str, str]:
    provider = provider_arn.split(":oidc-provider/", 1)[1]
    return f"{provider}:sub".lower(), f"{provider}:aud".lower()


def _plain_statements(document: Document, provider_arn: str) -> dict[int, _Plain]:
    found = {index: _plain(each, provider_arn) for index, each in enumerate(statements(document))}
    return {index: plain for index, plain in found.items() if plain}


def _plain(statement: t.Any, provider_arn: str) -> _Plain | None:
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return None
    if set(statement) - {"Sid", "Effect", "Principal", "Action", "Condition"}:
        return None
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or {kind: as_list(who) for kind, who in principal.items()} != {
        "Federated": [provider_arn]
    }:
        return None
    if [str(action).lower() for action in as_list(statement.get("Action"))] != [ACTION.lower()]:
        return None
    sub, aud = _keys(provider_arn)
    operators: dict[str, list[str]] = {}
    audiences: list[str] | None = None
    for operator, keys in (statement.get("Condition") or {}).items():
        if operator not in (EQUALS, LIKE):
            return None
        for key, value in keys.items():
            if key.lower() == sub and operator not in operators:
                operators[operator] = [str(each) for each in as_list(value)]
            elif key.lower() == aud and audiences is None:
                audiences = [str(each) for each in as_list(value)]
            else:
                return None
    subjects = tuple(each for values in operators.values() for each in values)
    return _Plain(frozenset(operators), subjects, frozenset(audiences or ()))


def _subjects(plains: t.Iterable[_Plain]) -> set[str]:
    return {each for plain in plains for each in plain.subjects}


# Statements of somebody else that concern the provider


def _somebody_elses(document: Document, provider_arn: str, own: t.Collection[int]) -> tuple[set[str], tuple[str, ...]]:
    """The subjects that other statements allow than the provider's plain ones, and a warning for each of them.

    :param own: the places of the plain ones.
    """
    sub, _aud = _keys(provider_arn)
    named: set[str] = set()
    warnings = []
    for index, statement in enumerate(statements(document)):
        if index in own or not _allows(statement, provider_arn):
            continue
        subjects = sorted(_subjects_in(statement, sub))
        named.update(subjects)
        whom = ", ".join(subjects) if subjects else "identities"
        warnings.append(
            f"{place_of(index, statement)} allows {whom} of {provider_arn} in terms of its own (further conditions, "
            "principals or actions); it is left as it is"
        )
    return named, tuple(warnings)


def _subjects_in(statement: Statement, sub: str) -> set[str]:
    """Whom a statement names, under either operator and in any quantifier."""
    return {
        str(value)
        for operator, keys in (statement.get("Condition") or {}).items()
        if operator.rpartition(":")[2].removesuffix("IfExists") in (EQUALS, LIKE)
        for key, values in keys.items()
        if key.lower() == sub
        for value in as_list(values)
    }


def _allows(statement: t.Any, provider_arn: str) -> bool:
    """Whether a statement names the provider and allows web identities something."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or provider_arn not in as_list(principal.get("Federated")):
        return False
    return any(like(str(action).lower(), ACTION.lower()) for action in as_list(statement.get("Action")))


def place_of(index: int, statement: Statement) -> str:
    """A statement, by number and Sid, for people."""
    sid = f" ({statement['Sid']})" if statement.get("Sid") else ""
    return f"statement {index + 1}{sid} of the trust policy"


# Writing


def _by_operator(subjects: t.Iterable[str]) -> list[tuple[str, list[str]]]:
    ordered = sorted(set(subjects))
    return [
        (EQUALS, [each for each in ordered if not is_wild(each)]),
        (LIKE, [each for each in ordered if is_wild(each)]),
    ]


def _statement(operator: str, subjects: t.Sequence[str], grant: Grant, sid: str | None = None) -> Statement:
    provider = grant.provider_arn.split(":oidc-provider/", 1)[1]
    condition: dict[str, dict[str, t.Any]] = {operator: {f"{provider}:sub": scalar(subjects)}}
    if grant.audiences:
        condition.setdefault(EQUALS, {})[f"{provider}:aud"] = scalar(grant.audiences)
    return {
        **({"Sid": sid} if sid else {}),
        "Effect": "Allow",
        "Principal": {"Federated": grant.provider_arn},
        "Action": ACTION,
        "Condition": condition,
    }


def _rewritten(document: Document, own: t.Mapping[int, _Plain], wanted: t.Iterable[str], grant: Grant) -> Document:
    """The document with the plain statements made to grant exactly the wanted subjects, in their places."""
    result: list[Statement | None] = list(statements(document))
    free = list(own)
    for index in own:
        result[index] = None
    for operator, subjects in _by_operator(wanted):
        if not subjects:
            continue
        # The statement that stood nearest to it: of the same operator, else any.
        place = next((each for each in free if own[each].operators == {operator}), free[0] if free else None)
        if place is None:
            result.append(_statement(operator, subjects, grant))
        else:
            free.remove(place)
            result[place] = _statement(operator, subjects, grant, statements(document)[place].get("Sid"))
    return _with(document, [each for each in result if each is not None])


def _extended(document: Document, sound: t.Mapping[int, _Plain], missing: t.Iterable[str], grant: Grant) -> Document:
    """The document with the missing subjects added to the first sound statement that can take them."""
    result = list(statements(document))
    for operator, subjects in _by_operator(missing):
        if not subjects:
            continue
        index = next((each for each, plain in sound.items() if plain.operators == {operator}), None)
        if index is None:
            result.append(_statement(operator, subjects, grant))
        else:
            together = sorted({*sound[index].subjects, *subjects})
            result[index] = _statement(operator, together, grant, result[index].get("Sid"))
    return _with(document, result)


def _without(statement: Statement, sub: str, subjects: t.Collection[str]) -> Statement | None:
    """The statement less these subjects; None if an operator would have none left."""
    condition: dict[str, dict[str, t.Any]] = {}
    for operator, keys in statement["Condition"].items():
        condition[operator] = {}
        for key, values in keys.items():
            if key.lower() == sub:
                rest = [each for each in as_list(values) if each not in subjects]
                if not rest:
                    return None
                condition[operator][key] = values if len(rest) == len(as_list(values)) else scalar(rest)
            else:
                condition[operator][key] = values
    return {**statement, "Condition": condition}


def _with(document: Document, new: list[Statement]) -> Document:
    if len(new) > 1 and [policy_document.statement_meaning(each) for each in statements(document)] == [_NOBODY]:
        new = new[1:]
    return {**document, "Statement": new or [dict(NOBODY)]}
