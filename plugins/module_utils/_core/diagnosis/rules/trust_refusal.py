# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for a trust policy that does not allow the service account.

The statement that is closest to allowing it is considered the intended one. Everything that keeps it from matching is
a finding. The findings depend on the principal of the statement:

- ``named``, the cluster's provider: action and conditions.
- ``similar``, a provider with the finding `provider-url-mismatch`: the same.
- ``misnamed``, the same issuer in another AWS account or partition, or with another spelling: `federated-mismatch`,
  action and conditions.
- ``recreated``, another EKS issuer of the same region, if no statement names this cluster's issuer:
  `cluster-recreated`, action and conditions except the keys.
- ``foreign``, any other principal: only `federated-mismatch`, because the statement has another purpose.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ... import arn as arns
from ...policy.conditions import Operator
from ...policy.document import federated_principals, like, statements
from ...trust.evaluation import Failure, evaluate_condition, evaluate_statement
from ...trust.statements import (
    ACTION,
    SUBJECT_PREFIX,
    conditions,
    describe_subject_difference,
    has_wildcard,
    matches_strings,
    named_principals,
    nearest_subject,
    subject_distance,
)
from ..causes import Finding
from .trust import Refusal, Trust, describe_grant

Relation = t.Literal["named", "similar", "misnamed", "recreated", "foreign"]


def refusal(trust: Trust) -> Refusal:
    """Why the closest statement does not allow the account; an empty refusal if some statement allows it."""
    if trust.decision.has_allow:
        return Refusal()
    allowing = [
        (index, statement)
        for index, statement in enumerate(statements(trust.document))
        if isinstance(statement, dict) and statement.get("Effect") == "Allow"
    ]
    matches = [_match(trust, index, statement) for index, statement in allowing]
    # If the role names this cluster's provider, it was already updated for the new cluster.
    if any(match.relation == "named" for match in matches):
        matches = [match for match in matches if match.relation != "recreated"]
    related = [match for match in matches if match.relation != "foreign"]
    if related:
        return _refusal_of(min(related, key=lambda match: match.distance))
    named = {name for _index, statement in allowing for name in named_principals(statement.get("Principal"))}
    return Refusal((_provider_not_named(trust, sorted(named)),))


def _provider_not_named(trust: Trust, named: t.Sequence[str]) -> Finding:
    return Finding(
        "federated-mismatch",
        f"the trust policy of role {trust.role_name} has no statement for OIDC provider {trust.provider_arn}",
        f"add the statement with {describe_grant(trust.chain)}",
        evidence="Statement[].Principal",
        expected=trust.provider_arn,
        found=", ".join(named) or None,
    )


# One statement


@dataclasses.dataclass(frozen=True)
class _StatementMatch:
    """One Allow statement, evaluated as if it were intended for the service account.

    :param relation: the relation of its principal to the cluster's provider.
    :param principal: the principal that is closest to the provider.
    :param action: the failure if the statement does not have the action.
    :param failures: the conditions that fail.
    """

    trust: Trust
    index: int
    statement: t.Mapping[str, t.Any]
    relation: Relation
    principal: str
    action: Failure | None
    failures: tuple[Failure, ...] = ()

    @property
    def provider(self) -> str:
        """The name of the cluster's provider."""
        return self.trust.provider

    @property
    def place(self) -> str:
        """The statement, for messages."""
        return self.trust.place(self.index)

    def evidence(self, failure: Failure) -> str:
        """The path of a condition in the document."""
        return f"Statement[{self.index}].Condition.{failure.operator}[{failure.key}]"

    def corrected_key(self, key: str) -> str:
        """The key, with the cluster's provider instead of the statement's principal."""
        prefix, _colon, claim = key.rpartition(":")
        return f"{self.provider}:{claim}" if prefix.lower() == arns.provider_name(self.principal).lower() else key

    def evaluate(self, operator: str, key: str, values: t.Sequence[str]) -> tuple[bool | None, Failure]:
        """The result of a condition for the service account's request."""
        return evaluate_condition(operator, key, values, self.trust.request, variables=self.trust.variables)

    def failures_on(self, claim: str, failures: t.Iterable[Failure]) -> list[Failure]:
        """The failures of conditions on a claim of the provider."""
        key = f"{self.provider}:{claim}".lower()
        return [
            failure
            for failure in failures
            if self.corrected_key(failure.key or "").lower() == key and not failure.lacking
        ]

    def matching_operators(self, failure: Failure) -> list[str]:
        """Other string operators on the same key whose conditions match."""
        key = self.corrected_key(failure.key or "")
        return [
            operator
            for operator, other, values in conditions(self.statement)
            if operator != failure.operator
            and self.corrected_key(other).lower() == key.lower()
            and matches_strings(operator)
            and self.evaluate(operator, self.corrected_key(other), values)[0]
        ]

    def is_anded(self, failure: Failure) -> bool:
        """Whether another operator on the same key matches, so that only the combination fails."""
        return matches_strings(failure.operator or "") and bool(self.matching_operators(failure))

    @functools.cached_property
    def distance(self) -> tuple[float, int]:
        """The number of parts to fix, and the index. A subject counts more, by how much of it differs."""
        on_subject = self.failures_on("sub", self.failures)
        subject = min((subject_distance(self.trust.subject, failure.values) for failure in on_subject), default=0.0)
        others = [failure for failure in self.failures if failure not in on_subject]
        wrong = (self.relation in ("misnamed", "recreated")) + (self.action is not None) + len(others)
        return wrong + (max(1.0, 2 * subject) if on_subject else 0.0), self.index


def _match(trust: Trust, index: int, statement: t.Mapping[str, t.Any]) -> _StatementMatch:
    verdict = evaluate_statement(statement, trust.request, index=index, variables=trust.variables)
    elements = {failure.element: failure for failure in verdict.failures}
    relation: Relation = "named"
    principal = trust.provider_arn
    if "Principal" in elements or "NotPrincipal" in elements:
        relation, principal = _closest_principal(trust, statement)
    action = elements.get("Action") or elements.get("NotAction")
    match = _StatementMatch(trust, index, statement, relation, principal, action)
    return dataclasses.replace(match, failures=tuple(_failing_conditions(match)))


def _closest_principal(trust: Trust, statement: t.Mapping[str, t.Any]) -> tuple[Relation, str]:
    relations = [(_relation(trust, principal), principal) for principal in federated_principals(statement)]
    order: tuple[Relation, ...] = t.get_args(Relation)
    return min(relations, key=lambda pair: order.index(pair[0]), default=("foreign", ""))


def _relation(trust: Trust, principal: str) -> Relation:
    name = arns.provider_name(principal)
    if principal in trust.similar_providers:
        return "similar"
    if name == trust.provider or arns.describe_url_difference(name, trust.provider):
        return "misnamed"
    same_account = principal.removesuffix(name) == trust.provider_arn.removesuffix(trust.provider)
    if same_account and (region := arns.region_of(name)) and region == arns.region_of(trust.provider):
        return "recreated"
    return "foreign"


def _failing_conditions(match: _StatementMatch) -> t.Iterator[Failure]:
    """The conditions that fail. A condition on a misspelled key is also evaluated with the correct key."""
    present = {match.corrected_key(key).lower() for _operator, key, _values in conditions(match.statement)}
    for operator, key, values in conditions(match.statement):
        corrected = match.corrected_key(key)
        holds, failure = match.evaluate(operator, corrected, values)
        if holds is not False:
            continue
        yield dataclasses.replace(failure, key=key)
        intended = f"{match.provider}:{corrected.rpartition(':')[2].lower()}"
        if failure.lacking and _is_misspelled(corrected) and intended.lower() not in present:
            holds, failure = match.evaluate(operator, intended, values)
            if holds is False:
                yield failure


def _is_misspelled(key: str) -> bool:
    """Whether a key that the request does not have is probably the provider's sub or aud."""
    prefix, _colon, claim = key.rpartition(":")
    return claim.lower() in ("sub", "aud") and prefix.lower() not in ("aws", "sts", "saml")


# Findings


def _refusal_of(match: _StatementMatch) -> Refusal:
    """Everything that keeps a statement from allowing the service account."""
    found = [*_principal_findings(match)]
    if match.action:
        found.append(_wrong_action(match, match.action))
    failures, swapped = _without_swapped(match)
    if swapped:
        found.append(_swapped(match))
    found += _key_findings(match, [failure for failure in failures if failure.lacking])
    found += _subject_findings(match, match.failures_on("sub", failures))
    on_audience = match.failures_on("aud", failures)
    anded = [failure for failure in on_audience if match.is_anded(failure)]
    if anded:
        found.append(_anded(match, anded[0]))
    rest = [failure for failure in on_audience if failure not in anded]
    if not rest:
        return Refusal(tuple(found))
    return Refusal(tuple(found), rest[0], match.place, match.evidence(rest[0]))


def _without_swapped(match: _StatementMatch) -> tuple[list[Failure], bool]:
    """The failures after swapped values are moved to the correct key, and whether any were swapped."""
    audiences = (match.trust.chain.audience, arns.STS_AUDIENCE, arns.CN_AUDIENCE)
    under_sub, under_aud = match.failures_on("sub", match.failures), match.failures_on("aud", match.failures)
    found: list[Failure] = []
    swapped = False
    for failure in match.failures:
        if failure in under_sub and any(value in audiences for value in failure.values):
            claim = "aud"
        elif failure in under_aud and any(value.startswith(SUBJECT_PREFIX) for value in failure.values):
            claim = "sub"
        else:
            found.append(failure)
            continue
        swapped = True
        holds, other = match.evaluate(failure.operator or "", f"{match.provider}:{claim}", failure.values)
        if holds is False:
            found.append(other)
    return found, swapped


def _principal_findings(match: _StatementMatch) -> t.Iterator[Finding]:
    trust, chain = match.trust, match.trust.chain
    details = {"evidence": f"Statement[{match.index}].Principal.Federated", "found": match.principal}
    if match.relation == "misnamed":
        difference = arns.describe_provider_difference(match.principal, trust.provider_arn)
        yield Finding(
            "federated-mismatch",
            f"{match.place} names OIDC provider {match.principal} instead of the cluster's provider in the role's AWS "
            f"account, {trust.provider_arn}{f'; it differs in {difference}' if difference else ''}",
            f"replace it with {trust.provider_arn}, or add a statement with {describe_grant(chain)}",
            expected=trust.provider_arn,
            **details,
        )
    if match.relation == "recreated":
        cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"url: {chain.issuer}"
        yield Finding(
            "cluster-recreated",
            f"{match.place} trusts the issuer {arns.provider_name(match.principal)} of another cluster, or of this "
            f"cluster before it was recreated; the issuer of this cluster is {match.provider}",
            f"create the OIDC provider of this cluster with eksops.irsa.iam_oidc_provider ({cluster}), then add a "
            f"statement with {describe_grant(chain)}",
            expected=trust.provider_arn,
            **details,
        )


def _wrong_action(match: _StatementMatch, failure: Failure) -> Finding:
    return Finding(
        "wrong-action",
        f"{match.place} does not allow {ACTION}: {failure.element} is {', '.join(failure.values) or 'empty'}",
        f"replace the action with {ACTION}, or add a statement with {describe_grant(match.trust.chain)}",
        evidence=f"Statement[{match.index}].{failure.element}",
        expected=ACTION,
        found=", ".join(failure.values) or None,
    )


def _swapped(match: _StatementMatch) -> Finding:
    trust = match.trust
    return Finding(
        "condition-swapped",
        f"{match.place} compares aud with a service account or sub with an audience",
        f"set {match.provider}:sub to {trust.subject} and {match.provider}:aud to {trust.chain.audience}",
        evidence=f"Statement[{match.index}].Condition",
        expected=f"{match.provider}:sub is the service account, {match.provider}:aud the audience",
        found="; ".join(
            f"{failure.key} is {' or '.join(failure.values)}"
            for failure in match.failures
            if failure.key and not failure.lacking
        ),
    )


def _key_findings(match: _StatementMatch, lacking: t.Sequence[Failure]) -> t.Iterator[Finding]:
    """:param lacking: the failures of conditions on keys that the request never has."""
    misspelled = [failure for failure in lacking if _is_misspelled(match.corrected_key(failure.key or ""))]
    unavailable = [failure for failure in lacking if failure not in misspelled]
    if misspelled:
        keys = list(dict.fromkeys(str(failure.key) for failure in misspelled))
        corrected = list(dict.fromkeys(f"{match.provider}:{key.rpartition(':')[2].lower()}" for key in keys))
        yield Finding(
            "condition-key",
            f"{match.place} has a condition on {' and '.join(keys)}, which tokens of this cluster do not have",
            f"change the key to {' and '.join(corrected)}, or add a statement with {describe_grant(match.trust.chain)}",
            evidence=match.evidence(misspelled[0]),
            expected=", ".join(corrected),
            found=", ".join(keys),
        )
    if unavailable:
        keys = list(dict.fromkeys(str(failure.key) for failure in unavailable))
        yield Finding(
            "condition-unavailable",
            f"{match.place} has a condition on {' and '.join(keys)}, but requests of service accounts do not have "
            f"{'this key' if len(keys) == 1 else 'these keys'}",
            f"remove the condition; tokens of service accounts have only {match.provider}:sub and {match.provider}:aud",
            evidence=match.evidence(unavailable[0]),
            expected=f"{match.provider}:sub, {match.provider}:aud",
            found=", ".join(keys),
        )


def _anded(match: _StatementMatch, failure: Failure) -> Finding:
    other = match.matching_operators(failure)[0]
    return Finding(
        "operators-anded",
        f"{match.place} has conditions on {failure.key} with {other} and with {failure.operator}; both must match, but "
        f"{failure.operator} {' or '.join(failure.values)} does not",
        f"keep the condition with {other}, and move the one with {failure.operator} to a separate statement",
        evidence=match.evidence(failure),
        expected=", ".join(failure.request_values or ()),
        found=", ".join(failure.values),
    )


def _subject_findings(match: _StatementMatch, failures: t.Sequence[Failure]) -> t.Iterator[Finding]:
    subject = match.trust.subject
    mismatched = []
    for failure in failures:
        if any(like(value, subject) for value in _literal_wildcards(failure)):
            yield _wildcard(match, failure)
        elif match.is_anded(failure):
            yield _anded(match, failure)
        else:
            mismatched.append(failure)
    if not mismatched:
        return
    nearest = min(mismatched, key=lambda failure: subject_distance(subject, failure.values))
    yield _mismatch(match, nearest)
    if nearest_subject(subject, nearest.values) in _literal_wildcards(nearest):
        yield _wildcard(match, nearest)


def _literal_wildcards(failure: Failure) -> list[str]:
    """The values with wildcards, if the operator compares them literally."""
    parsed = Operator.parse(failure.operator or "")
    if parsed is None or parsed.negated or not parsed.comparison.startswith("StringEquals"):
        return []
    return [value for value in failure.values if has_wildcard(value)]


def _wildcard(match: _StatementMatch, failure: Failure) -> Finding:
    values = ", ".join(_literal_wildcards(failure))
    return Finding(
        "sub-wildcard-equals",
        f"{match.place} has {values} under {failure.operator}, which compares * and ? literally",
        "move it to StringLike, as eksops.irsa.irsa_role does with allow_wildcards: true, or name the service accounts",
        evidence=match.evidence(failure),
        expected="StringLike",
        found=failure.operator,
    )


def _mismatch(match: _StatementMatch, failure: Failure) -> Finding:
    subject = match.trust.subject
    if matches_strings(failure.operator or ""):
        nearest = nearest_subject(subject, failure.values)
        more = f" and {len(failure.values) - 1} more" if len(failure.values) > 1 else ""
        difference = describe_subject_difference(subject, nearest)
        text = f"trusts {nearest}{more}, but not {subject} ({difference})"
    else:
        text = f"excludes {subject} with {failure.operator} {', '.join(failure.values)}"
    return Finding(
        "sub-mismatch",
        f"{match.place} {text}",
        f"add the service account with {describe_grant(match.trust.chain)}",
        evidence=match.evidence(failure),
        expected=subject,
        found=", ".join(failure.values),
    )
