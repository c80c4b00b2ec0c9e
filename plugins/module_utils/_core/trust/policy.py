# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The statements of a trust policy that this collection manages.

A statement is *managed* if it allows one OIDC provider, and no other principal, ``sts:AssumeRoleWithWebIdentity``, and
no other action, with no conditions other than StringEquals and StringLike on the provider's ``sub`` and ``aud``. The
options of `irsa_role` can express every such statement, so its author does not matter. All other statements are
*foreign*: Deny statements, and those with other conditions, principals or actions. Foreign statements are kept; a
warning names those that concern the provider.

New statements have no Sid: a Sid must be unique in the document, and two clusters may share a role. Existing Sids stay.

Conditions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import Arn, provider_name
from ..policy import document as policy_document
from ..policy.document import Document, Statement, as_list, federated_principals, scalar, statements
from .evaluation import find_allowing, has_variables, may_match
from .statements import (
    ACTION,
    EQUALS,
    LIKE,
    ManagedStatement,
    condition_keys,
    conditions,
    describe_place,
    display_subject,
    has_wildcard,
    may_allow,
    named_subjects,
    parse_managed,
)

# The account's quota of the size of a trust policy, as GetAccountSummary names it.
TRUST_QUOTA = "AssumeRolePolicySizeQuota"
# IAM does not accept a document without statements. This statement does not change any access.
NOBODY: Statement = {
    "Sid": "TrustsNobody",
    "Effect": "Deny",
    "Principal": {"AWS": "*"},
    "Action": "sts:AssumeRole",
}
_NOBODY = policy_document.statement_meaning(NOBODY)
# The same in a role that is about to be deleted.
RETIRED: Statement = {**NOBODY, "Sid": "TrustsNobodyUntilDeleted"}


@dataclasses.dataclass(frozen=True)
class Grant:
    """The subjects and audiences of a provider that a role trusts.

    :param provider_arn: the ARN of the OIDC provider in the role's account.
    :param subjects: ``system:serviceaccount:NAMESPACE:NAME``; may have wildcards.
    :param audiences: a token must have one of them; empty for no condition on the audience.
    """

    provider_arn: str
    subjects: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()

    @property
    def partition(self) -> str:
        """The AWS partition of the provider and of the role."""
        return Arn.parse(self.provider_arn).partition


@dataclasses.dataclass(frozen=True)
class ChangedDocument:
    """The document after a change (the same object if nothing changed), and warnings.

    :param still_allowed: for each removed subject that the document still allows, the statements that do so.
    """

    document: Document
    warnings: tuple[str, ...] = ()
    still_allowed: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Change:
    """A change that can be applied again if the document has changed in the meantime.

    :param mode: ``merge``: the provider's managed statements grant the subjects; ``replace``: the document contains the
        grant and nothing else; ``remove``: the managed statements do not grant the subjects; ``retire``: the same, and
        if the document then allows nothing, it says that the role is about to be deleted.
    :param purge: with ``merge``: they grant nothing else; otherwise: all managed statements are removed.
    """

    mode: t.Literal["merge", "replace", "remove", "retire"]
    grant: Grant
    purge: bool = True

    def apply(self, document: Document) -> ChangedDocument:
        """The document after the change."""
        if self.mode == "replace":
            return replace(document, self.grant)
        if self.mode != "merge":
            changed = remove(document, self.grant.provider_arn, None if self.purge else self.grant.subjects)
            return _retire(changed) if self.mode == "retire" else changed
        return merge(document, self.grant, purge=self.purge)


def build_statements(grant: Grant) -> list[Statement]:
    """Build the statements for a grant.

    Subjects with wildcards get a separate statement: two operators on one key in one statement must both hold.
    """
    return [_statement(operator, subjects, grant) for operator, subjects in _by_operator(grant.subjects) if subjects]


def build_document(grant: Grant) -> Document:
    """Build the document that contains only this grant."""
    return {"Version": policy_document.VERSION, "Statement": build_statements(grant) or [dict(NOBODY)]}


def allows_anything(document: Document) -> bool:
    """Whether the document has an Allow statement."""
    return any(isinstance(statement, dict) and statement.get("Effect") == "Allow" for statement in statements(document))


def is_retired(document: Document) -> bool:
    """Whether the role is about to be deleted: another run has removed all that it trusted."""
    return RETIRED in statements(document)


def _retire(removed: ChangedDocument) -> ChangedDocument:
    document = removed.document
    if allows_anything(document) or is_retired(document):
        return removed
    kept = [statement for statement in statements(document) if statement != NOBODY]
    return dataclasses.replace(removed, document={**document, "Statement": [*kept, dict(RETIRED)]})


def managed_subjects(document: Document, provider_arn: str) -> list[str]:
    """The subjects that the provider's managed statements name, sorted."""
    return sorted(_subjects(_managed_statements(document, provider_arn).values()))


def managed_grants(document: Document, provider_arn: str) -> tuple[set[str], set[str]]:
    """The subjects, with patterns, and the audiences that the provider's managed statements can match."""
    managed = _managed_statements(document, provider_arn).values()
    subjects = {
        subject
        for statement in managed
        for subject in statement.subjects
        if "$" not in subject and (statement.operators == {LIKE} or not has_wildcard(subject))
    }
    return subjects, {audience for statement in managed for audience in statement.audiences}


def trivially_allows(document: Document, provider_arn: str, subject: str, audience: str) -> bool:
    """Whether a document obviously allows a subject and needs no warning. If not, it must be evaluated.

    It does if a managed statement of the provider names the subject and the audience, and all other statements are of
    the same form or allow only other providers.
    """
    named = False
    for statement in statements(document):
        managed = parse_managed(statement, provider_arn)
        if managed is None:
            if not _is_for_other_providers(statement, provider_arn):
                return False
        elif not managed.is_exact or managed.audiences != {audience}:
            return False
        else:
            named = named or subject in managed.subjects
    return named


def _is_for_other_providers(statement: t.Any, provider_arn: str) -> bool:
    """Whether a statement allows only other providers."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    if not isinstance(principal, dict) or list(principal) != ["Federated"]:
        return False
    return not any(arn == provider_arn or "*" in arn for arn in federated_principals(statement))


def replace(document: Document, grant: Grant) -> ChangedDocument:
    """Replace the document by one that contains only this grant."""
    new = build_document(grant)
    same = policy_document.equal(document, new, partition=grant.partition)
    return ChangedDocument(document if same else new)


def merge(document: Document, grant: Grant, *, purge: bool = True) -> ChangedDocument:
    """Add the grant to the provider's managed statements.

    A subject that a foreign statement allows, or allows in a request that meets its other conditions, is not added: a
    managed statement for it would bypass these conditions.

    :param purge: the provider's managed statements grant nothing else afterwards.
    """
    managed = _managed_statements(document, grant.provider_arn)
    foreign, warnings = _foreign_subjects(document, grant, managed)
    subjects = tuple(subject for subject in grant.subjects if subject not in foreign)
    if purge:
        if all(item.grants_with(grant.audiences) for item in managed.values()) and _subjects(managed.values()) == set(
            subjects
        ):
            return ChangedDocument(document, warnings)
        return ChangedDocument(_rewritten(document, managed, subjects, grant), warnings)
    working = {index: item for index, item in managed.items() if item.grants_with(grant.audiences)}
    missing = set(subjects) - _subjects(working.values())
    if not missing:
        return ChangedDocument(document, warnings)
    return ChangedDocument(_extended(document, working, missing, grant), warnings)


def remove(document: Document, provider_arn: str, subjects: t.Collection[str] | None = None) -> ChangedDocument:
    """Remove the provider's managed statements, or these subjects from them.

    If no statement remains, the document trusts nobody. Other statements may still allow a removed subject.
    """
    managed = _managed_statements(document, provider_arn)
    _foreign, warnings = _foreign_subjects(document, Grant(provider_arn), managed)
    kept: list[Statement] = []
    changed = False
    for index, statement in enumerate(statements(document)):
        if index not in managed or (subjects is not None and not set(managed[index].subjects) & set(subjects)):
            kept.append(statement)
            if subjects is not None and index in managed and not managed[index].subjects:
                warnings += (f"{describe_place(document, index)} trusts every service account of {provider_arn}",)
            continue
        changed = True
        rest = None if subjects is None else _without(statement, condition_keys(provider_arn)[0], subjects)
        if rest is not None:
            kept.append(rest)
    result = _with_statements(document, kept) if changed else document
    still_allowed = {}
    for subject in subjects or ():
        allowed, indexes = find_allowing(result, provider_arn, subject)
        places = " and ".join(_describe_allowing(result, index, provider_arn) for index in indexes)
        if allowed:
            still_allowed[subject] = places
        elif allowed is None:
            warnings += (f"{places} may still allow {display_subject(subject)}, if a request meets its conditions",)
    return ChangedDocument(result, warnings, still_allowed)


def _describe_allowing(document: Document, index: int, provider_arn: str) -> str:
    """A statement with its conditions on ``sub``, for messages."""
    sub, _aud = condition_keys(provider_arn)
    on_subject = [
        f"{operator} {' or '.join(map(display_subject, values))}"
        for operator, key, values in conditions(statements(document)[index])
        if key.lower() == sub
    ]
    return f"{describe_place(document, index)} ({' and '.join(on_subject) or 'every service account'})"


# Managed statements


def _managed_statements(document: Document, provider_arn: str) -> dict[int, ManagedStatement]:
    """The provider's managed statements by their index in the document."""
    parsed = {index: parse_managed(statement, provider_arn) for index, statement in enumerate(statements(document))}
    return {index: managed for index, managed in parsed.items() if managed}


def _subjects(managed: t.Iterable[ManagedStatement]) -> set[str]:
    return {subject for statement in managed for subject in statement.subjects}


def _foreign_subjects(
    document: Document, grant: Grant, managed: t.Mapping[int, ManagedStatement]
) -> tuple[set[str], tuple[str, ...]]:
    """The subjects of the grant that foreign statements allow or may allow, and a warning about each such statement.

    :param managed: the managed statements by their index; subjects that these name do not count.
    """
    candidates = sorted(set(grant.subjects) - _subjects(managed.values()))
    variables = has_variables(document)
    foreign: set[str] = set()
    warnings = []
    for index, statement in enumerate(statements(document)):
        if index in managed or not may_allow(statement, grant.provider_arn):
            continue
        covered = [
            subject
            for subject in candidates
            if may_match(statement, grant.provider_arn, subject, grant.audiences, variables=variables)
        ]
        foreign.update(covered)
        identities = ", ".join(sorted(named_subjects(statement, grant.provider_arn))) or "identities"
        decides = ", ".join(map(display_subject, covered))
        warnings.append(
            f"{describe_place(document, index)} allows {identities} of {grant.provider_arn} and is foreign (it has "
            "other conditions, principals or actions); it is kept"
            + (f" and decides whether {decides} can assume the role: no other statement is added" if covered else "")
        )
    return foreign, tuple(warnings)


# Writing


def _by_operator(subjects: t.Iterable[str]) -> list[tuple[str, list[str]]]:
    ordered = sorted(set(subjects))
    return [
        (EQUALS, [subject for subject in ordered if not has_wildcard(subject)]),
        (LIKE, [subject for subject in ordered if has_wildcard(subject)]),
    ]


def _statement(operator: str, subjects: t.Sequence[str], grant: Grant, sid: str | None = None) -> Statement:
    provider = provider_name(grant.provider_arn)
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


def _rewritten(
    document: Document, managed: t.Mapping[int, ManagedStatement], subjects: t.Iterable[str], grant: Grant
) -> Document:
    """The document with its managed statements changed in place so that they grant exactly these subjects."""
    result: list[Statement | None] = list(statements(document))
    unused = list(managed)
    for index in managed:
        result[index] = None
    for operator, values in _by_operator(subjects):
        if not values:
            continue
        # Replaces a statement with the same operator, else any managed statement.
        same = (index for index in unused if managed[index].operators == {operator})
        position = next(same, unused[0] if unused else None)
        if position is None:
            result.append(_statement(operator, values, grant))
        else:
            unused.remove(position)
            result[position] = _statement(operator, values, grant, statements(document)[position].get("Sid"))
    return _with_statements(document, [statement for statement in result if statement is not None])


def _extended(
    document: Document, working: t.Mapping[int, ManagedStatement], missing: t.Iterable[str], grant: Grant
) -> Document:
    """The document with the missing subjects added to the first statement that has their operator."""
    result = list(statements(document))
    for operator, subjects in _by_operator(missing):
        if not subjects:
            continue
        index = next((index for index, managed in working.items() if managed.operators == {operator}), None)
        if index is None:
            result.append(_statement(operator, subjects, grant))
        else:
            all_subjects = sorted({*working[index].subjects, *subjects})
            result[index] = _statement(operator, all_subjects, grant, result[index].get("Sid"))
    return _with_statements(document, result)


def _without(statement: Statement, sub: str, subjects: t.Collection[str]) -> Statement | None:
    """The statement without these subjects; None if an operator would have no subjects."""
    condition: dict[str, dict[str, t.Any]] = {}
    for operator, keys in statement["Condition"].items():
        condition[operator] = {}
        for key, values in keys.items():
            if key.lower() == sub:
                rest = [subject for subject in as_list(values) if subject not in subjects]
                if not rest:
                    return None
                condition[operator][key] = values if len(rest) == len(as_list(values)) else scalar(rest)
            else:
                condition[operator][key] = values
    return {**statement, "Condition": condition}


def _with_statements(document: Document, new: list[Statement]) -> Document:
    """The document with these statements, without those that trust nobody if there are others."""
    new = [statement for statement in new if statement != RETIRED]
    if len(new) > 1 and [policy_document.statement_meaning(old) for old in statements(document)] == [_NOBODY]:
        new = new[1:]
    return {**document, "Statement": new or [dict(NOBODY)]}
