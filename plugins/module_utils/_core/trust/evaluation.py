# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a role's trust policy lets a web identity in, decided as IAM decides it, with the reasons.

- logic: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
- principals: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
- actions: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html
- what the request has:
  https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif

What the policy says of a key whose value only the real request has, as its source address, can't be told here. Then
the answer is None, which goes through the logic as a third truth value.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import provider_of
from ..policy.conditions import Operator, Wanted, like, replace_variables, variables_in
from ..policy.document import as_list, statements

ACTION = "sts:AssumeRoleWithWebIdentity"
# Before this version a variable was text like any other.
_WITH_VARIABLES = "2012-10-17"

# Global keys that an AssumeRoleWithWebIdentity never has: it isn't signed, so nobody's properties come with it, and no
# service makes it. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
_NEVER = frozenset(
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
_NEVER_BEGINNING = ("aws:principaltag/", "aws:requesttag/")


@dataclasses.dataclass(frozen=True)
class Request:
    """One AssumeRoleWithWebIdentity, as IAM sees it.

    :param provider_arn: the OIDC provider that the token came by: the federated principal.
    :param context: condition keys in lower case, each with its values. A key of the token's provider that isn't here
        is one that the request lacks.
    """

    provider_arn: str
    context: t.Mapping[str, t.Sequence[str]]
    action: str = ACTION

    @classmethod
    def of_token(cls, provider_arn: str, issuer: str, subject: str, audience: str) -> Request:
        """The request with a service account's token: of the claims that STS makes keys of, it has these two."""
        provider = provider_of(issuer).lower()
        return cls(provider_arn, {f"{provider}:sub": (subject,), f"{provider}:aud": (audience,)})

    def values(self, key: str) -> t.Sequence[str] | None:
        """The values of a key, in any case; None if the request has none that is known."""
        return self.context.get(key.lower())

    def lacks(self, key: str) -> bool:
        """Whether a key is one that such a request never has, as against one whose value isn't known here."""
        name = key.lower()
        if name in self.context:
            return False
        if name in _NEVER or name.startswith(_NEVER_BEGINNING):
            return True
        return not name.startswith(("aws:", "sts:"))


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a statement doesn't match, or, for a statement whose match can't be told, what it turns on.

    :param element: Effect, Principal, NotPrincipal, Action, NotAction or Condition.
    :param reason: in words.
    :param operator: of the condition, as it stands there.
    :param key: of the condition, as it stands there.
    :param wanted: what the policy says.
    :param found: what the request has; None for a key that it lacks.
    :param lacking: whether the key is one that such a request never has.
    """

    element: str
    reason: str
    operator: str | None = None
    key: str | None = None
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] | None = None
    lacking: bool = False


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What one statement says of the request.

    :param index: its place in the document, from 0.
    :param effect: Allow or Deny, or whatever else stands there.
    :param matched: whether it applies; None if that can't be told.
    :param failures: all that keeps it from applying.
    :param unknown: the conditions that can't be told.
    """

    index: int
    sid: str | None
    effect: str
    matched: bool | None
    failures: tuple[Failure, ...] = ()
    unknown: tuple[Failure, ...] = ()


@dataclasses.dataclass(frozen=True)
class Decision:
    """:param allowed: None if it can't be told."""

    allowed: bool | None
    verdicts: tuple[Verdict, ...]

    @property
    def denying(self) -> tuple[Verdict, ...]:
        """The Deny statements that apply."""
        return tuple(each for each in self.verdicts if each.effect == "Deny" and each.matched)


def evaluate(document: t.Mapping[str, t.Any], request: Request) -> Decision:
    """What the document decides. A Deny that applies wins; what no statement allows is denied."""
    variables = document.get("Version") == _WITH_VARIABLES
    verdicts = tuple(
        judge(each, request, index=index, variables=variables) for index, each in enumerate(statements(document))
    )
    denied = _any(each.matched for each in verdicts if each.effect == "Deny")
    allowed = _any(each.matched for each in verdicts if each.effect == "Allow")
    if denied or allowed is False:
        return Decision(False, verdicts)
    return Decision(None if denied is None else allowed, verdicts)


def _any(values: t.Iterable[bool | None]) -> bool | None:
    known = list(values)
    if any(known):
        return True
    return None if None in known else False


def judge(statement: t.Any, request: Request, *, index: int = 0, variables: bool = True) -> Verdict:
    """What one statement says of the request.

    :param variables: whether the document's version has policy variables.
    """
    if not isinstance(statement, t.Mapping):
        return Verdict(index, None, "", False, (Failure("Effect", "the statement is no mapping"),))
    effect, sid = str(statement.get("Effect", "")), statement.get("Sid") or None
    failures = [*_principal(statement, request), *_action(statement, request)]
    unknown: list[Failure] = []
    if effect not in ("Allow", "Deny"):
        failures.append(Failure("Effect", "it is neither Allow nor Deny", wanted=(effect,)))
    for operator, key, values in conditions(statement):
        holds, failure = condition(operator, key, values, request, variables=variables)
        if not holds:
            (unknown if holds is None else failures).append(failure)
    matched = False if failures else None if unknown else True
    return Verdict(index, sid, effect, matched, tuple(failures), tuple(unknown))


def conditions(statement: t.Mapping[str, t.Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """A statement's conditions, all of which have to hold: operator, key and values."""
    block = statement.get("Condition") or {}
    return [
        (str(operator), str(key), tuple(_text(each) for each in as_list(values)))
        for operator, keys in (block.items() if isinstance(block, t.Mapping) else [("", block)])
        for key, values in (keys.items() if isinstance(keys, t.Mapping) else [("", keys)])
    ]


def _text(value: t.Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def condition(
    operator: str, key: str, values: t.Sequence[str], request: Request, *, variables: bool = True
) -> tuple[bool | None, Failure]:
    """Whether a condition holds, None if that can't be told, and what to say of it if it doesn't."""
    wanted = tuple(values)
    parsed = Operator.parse(operator)
    if parsed is None:
        return False, Failure("Condition", f"IAM has no operator {operator}", operator, key, wanted)
    variables = variables and parsed.takes_variables
    for needed in (key, *(name for each in wanted if variables for name in variables_in(each))):
        if request.values(needed) is None and not request.lacks(needed):
            why = f"what the request has as {needed} is not known before it is made"
            return None, Failure("Condition", why, operator, key, wanted)
    resolved = [replace_variables(each, request.values) if variables else Wanted.of(each) for each in wanted]
    found = request.values(key)
    holds = parsed.holds(found, [each for each in resolved if each is not None])
    if found is None:
        return holds, Failure("Condition", f"the request has no key {key}", operator, key, wanted, lacking=True)
    reason = f"{key} is {', '.join(found)}, the policy wants {operator} {' or '.join(wanted)}"
    return holds, Failure("Condition", reason, operator, key, wanted, tuple(found))


def _principal(statement: t.Mapping[str, t.Any], request: Request) -> t.Iterator[Failure]:
    element = "NotPrincipal" if "NotPrincipal" in statement else "Principal"
    named = principals(statement.get(element))
    found = (request.provider_arn,)
    if _names(statement.get(element), request.provider_arn) == (element == "NotPrincipal"):
        reason = f"it does not name {found[0]}" if element == "Principal" else f"it takes out {found[0]}"
        yield Failure(element, reason, wanted=named, found=found)


def principals(element: t.Any) -> tuple[str, ...]:
    """All whom a Principal or NotPrincipal names, of every kind."""
    if isinstance(element, t.Mapping):
        return tuple(str(each) for who in element.values() for each in as_list(who))
    return tuple(str(each) for each in as_list(element))


def _names(element: t.Any, provider_arn: str) -> bool:
    """Whether a Principal names the provider. There are no wildcards but a lone ``*``, which is everybody."""
    if not isinstance(element, t.Mapping):
        return bool(element == "*")
    federated = as_list(element.get("Federated"))
    return "*" in as_list(element.get("AWS")) or "*" in federated or provider_arn in federated


def _action(statement: t.Mapping[str, t.Any], request: Request) -> t.Iterator[Failure]:
    element = "NotAction" if "NotAction" in statement else "Action"
    actions = tuple(str(each) for each in as_list(statement.get(element)))
    matches = any(like(each.lower(), request.action.lower()) for each in actions)
    if matches == (element == "NotAction"):
        reason = f"it does not have {request.action}" if element == "Action" else f"it takes out {request.action}"
        yield Failure(element, reason, wanted=actions, found=(request.action,))
