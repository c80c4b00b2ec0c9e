# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Evaluates whether a trust policy allows a web identity to assume a role, as IAM does, with the reasons.

- logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
- condition keys of the request:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif

Some keys, such as the source address, have a value only in the real request. A condition on them is undecidable: None
is a third truth value throughout.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import STS_AUDIENCE
from ..policy.conditions import Operator, replace_variables, variables_in
from ..policy.document import VERSION, PolicyValue, as_list, statements
from .statements import (
    ACTION,
    ANY_SUBJECT,
    SUBJECT_PREFIX,
    condition_keys,
    conditions,
    covers_action,
    covers_principal,
    example_of,
    may_allow,
    named_principals,
    named_subjects,
    parse_managed,
)

# Global keys that an AssumeRoleWithWebIdentity request never has: it is not signed, so it has no principal properties,
# and no AWS service makes it. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_ABSENT_KEYS = frozenset(
    {
        "aws:assumedroot",
        "aws:calledvia",
        "aws:calledviafirst",
        "aws:calledvialast",
        "aws:chatbotsourcearn",
        "aws:ec2instancesourceprivateipv4",
        "aws:ec2instancesourcevpc",
        "aws:federatedprovider",
        "aws:multifactorauthage",
        "aws:multifactorauthpresent",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalservicename",
        "aws:principalservicenameslist",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceidentity",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:tokenissuetime",
        "aws:username",
        "sts:awsservicename",
        "sts:externalid",
        "sts:sourceidentity",
        "sts:taskpolicyarn",
        "sts:transitivetagkeys",
    }
)
_ABSENT_PREFIXES = ("aws:principaltag/", "aws:requesttag/")


@dataclasses.dataclass(frozen=True)
class Request:
    """One AssumeRoleWithWebIdentity request as IAM evaluates it.

    :param provider_arn: the OIDC provider of the token: the federated principal.
    :param context: the values of condition keys, by key in lower case. The request has no other key of the token's
        provider.
    """

    provider_arn: str
    context: t.Mapping[str, t.Sequence[str]]
    action: str = ACTION

    @classmethod
    def of_token(cls, provider_arn: str, subject: str, audience: str) -> Request:
        """The request with a service account's token. STS makes condition keys of its claims ``sub`` and ``aud``."""
        sub, aud = condition_keys(provider_arn)
        return cls(provider_arn, {sub: (subject,), aud: (audience,)})

    def values(self, key: str) -> t.Sequence[str] | None:
        """The values of a key, in any case; None if no value is known."""
        return self.context.get(key.lower())

    def lacks(self, key: str) -> bool:
        """Whether such a request never has a key; False for a key whose value is unknown here."""
        name = key.lower()
        if name in self.context:
            return False
        if name in _ABSENT_KEYS or name.startswith(_ABSENT_PREFIXES):
            return True
        return not name.startswith(("aws:", "sts:"))


@dataclasses.dataclass(frozen=True)
class Failure:
    """A reason why a statement does not match, or a condition that an undecidable statement depends on.

    :param element: Effect, Principal, NotPrincipal, Action, NotAction or Condition.
    :param reason: a message.
    :param operator: the condition's operator as the policy spells it.
    :param key: the condition's key as the policy spells it.
    :param values: the policy's values.
    :param request_values: the request's values; None if it lacks the key.
    :param lacking: whether such a request never has the key.
    """

    element: str
    reason: str
    operator: str | None = None
    key: str | None = None
    values: tuple[str, ...] = ()
    request_values: tuple[str, ...] | None = None
    lacking: bool = False


@dataclasses.dataclass(frozen=True)
class StatementVerdict:
    """What one statement decides about the request.

    :param index: its index in the document.
    :param effect: Allow or Deny; any other text as the statement has it.
    :param matched: whether it applies; None if undecidable.
    :param failures: all reasons why it does not apply.
    :param undecidable: the conditions that only the real request can decide.
    """

    index: int
    sid: str | None
    effect: str
    matched: bool | None
    failures: tuple[Failure, ...] = ()
    undecidable: tuple[Failure, ...] = ()


@dataclasses.dataclass(frozen=True)
class TrustDecision:
    """What a trust policy decides about a request.

    :param allowed: None if undecidable.
    """

    allowed: bool | None
    verdicts: tuple[StatementVerdict, ...]

    @property
    def denying(self) -> tuple[StatementVerdict, ...]:
        """The Deny statements that apply."""
        return tuple(verdict for verdict in self.verdicts if verdict.effect == "Deny" and verdict.matched)

    @property
    def has_allow(self) -> bool:
        """Whether an Allow statement applies or may apply, even if a Deny overrides it."""
        return any(verdict.effect == "Allow" and verdict.matched is not False for verdict in self.verdicts)


def allows(document: t.Mapping[str, t.Any], provider_arn: str, subject: str, audience: str) -> bool | None:
    """Whether the document allows a service account's tokens to assume the role; None if undecidable."""
    return evaluate(document, Request.of_token(provider_arn, subject, audience)).allowed


def allowed_subjects(document: t.Mapping[str, t.Any], provider_arn: str) -> dict[str, bool] | None:
    """The subjects of a provider that the document names and allows, each for at least one audience.

    :returns: the subjects, sorted. The value is True if the subject is allowed, and False if that depends on conditions
        that only the real request can decide. None if no statement may allow the provider's web identities.
    """
    managed = [parse_managed(statement, provider_arn) for statement in statements(document)]
    exact = [statement for statement in managed if statement and statement.is_exact]
    if exact and len(exact) == len(managed):  # the usual document, which takes longer to evaluate
        return dict.fromkeys(sorted({subject for statement in exact for subject in statement.subjects}), True)
    allowing = [statement for statement in statements(document) if may_allow(statement, provider_arn)]
    if not allowing:
        return None
    audiences = _named_audiences(allowing, provider_arn)
    result: dict[str, bool] = {}
    for subject in sorted(set().union(*(named_subjects(statement, provider_arn) for statement in allowing))):
        allowed = _any(allows(document, provider_arn, subject, audience) for audience in audiences)
        if allowed is not False:
            result[subject] = bool(allowed)
    return result


def find_allowing(document: t.Mapping[str, t.Any], provider_arn: str, subject: str) -> tuple[bool | None, list[int]]:
    """Whether a document allows a subject for at least one audience, and the statements that do or may do so.

    :param subject: a pattern stands for all subjects that it matches.
    :returns: whether it is allowed (None if only the real request can decide), and the indexes of the statements.
    """
    allowing = [statement for statement in statements(document) if may_allow(statement, provider_arn)]
    requests = [
        Request.of_token(provider_arn, example_of(subject), audience)
        for audience in _named_audiences(allowing, provider_arn)
    ]
    decisions = [evaluate(document, request) for request in requests]
    indexes = {
        verdict.index
        for decision in decisions
        for verdict in decision.verdicts
        if decision.allowed is not False and verdict.effect == "Allow" and verdict.matched is not False
    }
    return _any(decision.allowed for decision in decisions), sorted(indexes)


def is_broad(document: t.Mapping[str, t.Any], index: int, provider_arn: str, audiences: t.Collection[str] = ()) -> bool:
    """Whether an Allow statement allows subjects that it does not name, or excludes them only by ForAllValues.

    ForAllValues also matches a request without the key.

    :param audiences: other audiences of tokens than the default one and those that the statement names.
    """
    statement = statements(document)[index]
    if not may_allow(statement, provider_arn):
        return False
    sub, _aud = condition_keys(provider_arn)
    # A subject as an audience is another fault.
    named = {name for name in _named_audiences([statement], provider_arn) if not name.startswith(SUBJECT_PREFIX)}
    accepted = {*audiences, *named}
    denies = [other for other in statements(document) if isinstance(other, t.Mapping) and other.get("Effect") == "Deny"]
    alone = {**document, "Statement": [*denies, statement]}
    if any(allows(alone, provider_arn, example_of(ANY_SUBJECT), audience) is not False for audience in accepted):
        return True
    operators = [Operator.parse(operator) for operator, key, _values in conditions(statement) if key.lower() == sub]
    if not operators or not all(operator and operator.quantifier == "ForAllValues" for operator in operators):
        return False
    variables = has_variables(document)
    return any(
        may_match(statement, provider_arn, subject, accepted, variables=variables)
        for subject in named_subjects(statement, provider_arn)
    )


def accepts_any_audience(document: t.Mapping[str, t.Any], index: int, provider_arn: str) -> bool:
    """Whether an Allow statement allows a subject that it names with a token for an audience that it does not name."""
    statement = statements(document)[index]
    variables = has_variables(document)
    return may_allow(statement, provider_arn) and any(
        may_match(statement, provider_arn, subject, [example_of("*")], variables=variables)
        for subject in named_subjects(statement, provider_arn)
    )


def find_lost(before: t.Mapping[str, t.Any], after: t.Mapping[str, t.Any], provider_arn: str) -> list[str]:
    """The subjects of a provider that one document allows, or may allow, and that another does not allow.

    :returns: those that the first document names, including patterns; ANY_SUBJECT if it allows unnamed subjects.
    """
    allowed = [*(allowed_subjects(before, provider_arn) or ())]
    if find_allowing(before, provider_arn, ANY_SUBJECT)[0] is not False:
        allowed.append(ANY_SUBJECT)
    return sorted({subject for subject in allowed if find_allowing(after, provider_arn, subject)[0] is False})


def may_match(
    statement: t.Any, provider_arn: str, subject: str, audiences: t.Iterable[str], *, variables: bool
) -> bool:
    """Whether a statement matches a subject, or may match: only the real request can decide.

    :param subject: a pattern stands for all subjects that it matches.
    :param audiences: the audiences of the subject's tokens; empty for the default one.
    :param variables: whether the document's version has policy variables.
    """
    name = example_of(subject)
    requests = [Request.of_token(provider_arn, name, audience) for audience in tuple(audiences) or (STS_AUDIENCE,)]
    return any(evaluate_statement(statement, request, variables=variables).matched is not False for request in requests)


def _named_audiences(allowing: t.Iterable[t.Mapping[str, t.Any]], provider_arn: str) -> list[str]:
    """The default audience and those that statements name, sorted."""
    _sub, aud = condition_keys(provider_arn)
    named = (conditions(statement) for statement in allowing)
    return sorted(
        {
            STS_AUDIENCE,
            *(value for block in named for _op, key, values in block if key.lower() == aud for value in values),
        }
    )


def evaluate(document: t.Mapping[str, t.Any], request: Request) -> TrustDecision:
    """Evaluate a document. A Deny that applies overrides every Allow; without an Allow the request is denied."""
    variables = has_variables(document)
    verdicts = tuple(
        evaluate_statement(statement, request, index=index, variables=variables)
        for index, statement in enumerate(statements(document))
    )
    denied = _any(verdict.matched for verdict in verdicts if verdict.effect == "Deny")
    allowed = _any(verdict.matched for verdict in verdicts if verdict.effect == "Allow")
    if denied or allowed is False:
        return TrustDecision(False, verdicts)
    return TrustDecision(None if denied is None else allowed, verdicts)


def has_variables(document: t.Mapping[str, t.Any]) -> bool:
    """Whether IAM replaces policy variables in the document; in older versions they are plain text."""
    return bool(document.get("Version") == VERSION)


def _any(values: t.Iterable[bool | None]) -> bool | None:
    known = list(values)
    if any(known):
        return True
    return None if None in known else False


def evaluate_statement(
    statement: t.Any, request: Request, *, index: int = 0, variables: bool = True
) -> StatementVerdict:
    """Evaluate one statement.

    :param variables: whether the document's version has policy variables.
    """
    if not isinstance(statement, t.Mapping):
        return StatementVerdict(index, None, "", False, (Failure("Effect", "the statement is not a mapping"),))
    effect, sid = str(statement.get("Effect", "")), statement.get("Sid") or None
    failures = [*_principal_failure(statement, request), *_action_failure(statement, request)]
    undecidable: list[Failure] = []
    if effect not in ("Allow", "Deny"):
        failures.append(Failure("Effect", "it is neither Allow nor Deny", values=(effect,)))
    for operator, key, values in conditions(statement):
        holds, failure = evaluate_condition(operator, key, values, request, variables=variables)
        if not holds:
            (undecidable if holds is None else failures).append(failure)
    matched = False if failures else None if undecidable else True
    return StatementVerdict(index, sid, effect, matched, tuple(failures), tuple(undecidable))


def evaluate_condition(
    operator: str, key: str, values: t.Sequence[str], request: Request, *, variables: bool = True
) -> tuple[bool | None, Failure]:
    """Evaluate a condition.

    :returns: whether it holds (None if undecidable), and the failure to report if it does not hold.
    """
    values = tuple(values)
    parsed = Operator.parse(operator)
    if parsed is None:
        return False, Failure("Condition", f"IAM has no operator {operator}", operator, key, values)
    variables = variables and parsed.takes_variables
    for name in (key, *(name for value in values if variables for name in variables_in(value))):
        if request.values(name) is None and not request.lacks(name):
            reason = f"only the real request has a value of {name}"
            return None, Failure("Condition", reason, operator, key, values)
    resolved = [replace_variables(value, request.values) if variables else PolicyValue.of(value) for value in values]
    request_values = request.values(key)
    holds = parsed.holds(request_values, [value for value in resolved if value is not None])
    if request_values is None:
        return holds, Failure("Condition", f"the request has no key {key}", operator, key, values, lacking=True)
    reason = f"{key} is {', '.join(request_values)}, the policy requires {operator} {' or '.join(values)}"
    return holds, Failure("Condition", reason, operator, key, values, tuple(request_values))


def _principal_failure(statement: t.Mapping[str, t.Any], request: Request) -> t.Iterator[Failure]:
    if covers_principal(statement, request.provider_arn):
        return
    negated = "NotPrincipal" in statement
    element, verb = ("NotPrincipal", "excludes") if negated else ("Principal", "does not name")
    named = named_principals(statement.get(element))
    yield Failure(element, f"it {verb} {request.provider_arn}", values=named, request_values=(request.provider_arn,))


def _action_failure(statement: t.Mapping[str, t.Any], request: Request) -> t.Iterator[Failure]:
    if covers_action(statement, request.action):
        return
    negated = "NotAction" in statement
    element, verb = ("NotAction", "excludes") if negated else ("Action", "does not have")
    actions = tuple(str(action) for action in as_list(statement.get(element)))
    yield Failure(element, f"it {verb} {request.action}", values=actions, request_values=(request.action,))
