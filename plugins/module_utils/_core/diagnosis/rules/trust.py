# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a role's trust policy for one service account.

Where some statement lets the account in, what the others lack is of no matter. Where none does, the one that comes
nearest is taken for the one that was meant, and everything that keeps it from matching is named. How its principal
stands to the cluster's provider decides between the ids:

- the provider itself: what fails are the action and the conditions;
- a provider that `provider-url-drift` is found for: likewise, for the principal's error follows from that;
- the same issuer in another account or partition, or spelled otherwise: `federated-mismatch`, and what else fails;
- another issuer of EKS in the same region, and no statement names this cluster's: `cluster-recreated`, and what else
  fails apart from its keys, which follow from it;
- anything else: `federated-mismatch` alone, for the statement was made for somebody else.
"""

from __future__ import annotations

import dataclasses
import functools
import typing as t

from ...arn import STS_AUDIENCE, provider_of
from ...policy.conditions import Operator, like
from ...policy.document import as_list, statements
from ...trust import policy as trust_policy
from ...trust import subjects as trust_subjects
from ...trust.evaluation import ACTION, Failure, condition, conditions, judge, principals
from ..causes import Finding
from .trust_facts import EKS_ISSUER, Refusal, Trust, drift, grant

CN_AUDIENCE = "sts.amazonaws.com.cn"
Relation = t.Literal["named", "drifted", "misnamed", "recreated", "foreign"]


# What keeps the account out


def refusal(trust: Trust) -> Refusal:
    """What the statement that comes nearest lacks; nothing if a statement lets the account in."""
    if trust.lets_in:
        return Refusal()
    readings = [
        _Reading(trust, index, each)
        for index, each in enumerate(statements(trust.document))
        if isinstance(each, dict) and each.get("Effect") == "Allow"
    ]
    # A role that knows this cluster was not forgotten when the cluster was made again.
    if any(each.relation == "named" for each in readings):
        readings = [each for each in readings if each.relation != "recreated"]
    near = min((each for each in readings if each.relation != "foreign"), key=lambda each: each.distance, default=None)
    return near.refusal if near else Refusal((_unnamed(trust),))


def _unnamed(trust: Trust) -> Finding:
    named = sorted(
        {
            each
            for statement in statements(trust.document)
            if isinstance(statement, dict) and statement.get("Effect") == "Allow"
            for each in principals(statement.get("Principal"))
        }
    )
    return Finding(
        "federated-mismatch",
        f"the trust policy of role {trust.role_name} has no statement that names {trust.provider_arn}",
        f"have the statement written by {grant(trust)}",
        evidence="Statement[].Principal",
        expected=trust.provider_arn,
        found=", ".join(named) or None,
    )


class _Reading:
    """One Allow statement, read as if it had been meant for the account."""

    def __init__(self, trust: Trust, index: int, statement: t.Mapping[str, t.Any]) -> None:
        self.trust, self.index, self.statement = trust, index, statement
        self.provider = provider_of(trust.chain.issuer)
        verdict = judge(statement, trust.request, index=index, variables=trust.variables)
        named = not any(each.element in ("Principal", "NotPrincipal") for each in verdict.failures)
        self.action = next((each for each in verdict.failures if each.element in ("Action", "NotAction")), None)
        self.relation, self.principal = ("named", trust.provider_arn) if named else self._relation()
        self.failures = self._failures()

    def _relation(self) -> tuple[Relation, str]:
        principal = self.statement.get("Principal")
        federated = as_list(principal.get("Federated")) if isinstance(principal, dict) else []
        found: list[tuple[Relation, str]] = [(self._relation_of(str(each)), str(each)) for each in federated]
        order: tuple[Relation, ...] = t.get_args(Relation)
        return min(found, key=lambda each: order.index(each[0]), default=("foreign", ""))

    def _relation_of(self, federated: str) -> Relation:
        name = _provider_name(federated)
        if federated in self.trust.drifted:
            return "drifted"
        if name == self.provider or drift(name, self.provider):
            return "misnamed"
        ours, theirs = EKS_ISSUER.fullmatch(self.provider), EKS_ISSUER.fullmatch(name)
        if ours and theirs and ours.groups()[:3] == theirs.groups()[:3]:
            account = self.trust.provider_arn.partition(":oidc-provider/")[0]
            return "recreated" if federated.startswith(f"{account}:") else "foreign"
        return "foreign"

    # Conditions

    def _key(self, key: str) -> str:
        """The key as it would be if the statement's principal were right."""
        prefix, _colon, claim = key.rpartition(":")
        return f"{self.provider}:{claim}" if prefix.lower() == _provider_name(self.principal).lower() else key

    def _failures(self) -> list[Failure]:
        """Conditions that fail. One under a key that was meant for another is held against that one as well."""
        found = []
        own = {self._key(key).lower() for _operator, key, _values in conditions(self.statement)}
        for operator, key, values in conditions(self.statement):
            right = self._key(key)
            holds, failure = self._condition(operator, right, values)
            if holds is not False:
                continue
            found.append(dataclasses.replace(failure, key=key))
            meant = f"{self.provider}:{right.rpartition(':')[2].lower()}"
            if failure.lacking and self._is_miswritten(right) and meant.lower() not in own:
                holds, failure = self._condition(operator, meant, values)
                if holds is False:
                    found.append(failure)
        return found

    def _condition(self, operator: str, key: str, values: t.Sequence[str]) -> tuple[bool | None, Failure]:
        return condition(operator, key, values, self.trust.request, variables=self.trust.variables)

    @staticmethod
    def _is_miswritten(key: str) -> bool:
        """Whether a key that the request lacks was meant for the issuer's sub or aud."""
        prefix, _colon, claim = key.rpartition(":")
        return claim.lower() in ("sub", "aud") and prefix.lower() not in ("aws", "sts", "saml")

    def _of(self, claim: str, failures: t.Iterable[Failure]) -> list[Failure]:
        key = f"{self.provider}:{claim}".lower()
        return [each for each in failures if self._key(each.key or "").lower() == key and not each.lacking]

    def _unswapped(self) -> tuple[list[Failure], bool]:
        """The failures once values that stand under each other's key have changed places, and whether any did."""
        found, swapped = [], False
        under_sub, under_aud = self._of("sub", self.failures), self._of("aud", self.failures)
        for each in self.failures:
            if each in under_sub and any(map(self._is_audience, each.wanted)):
                claim = "aud"
            elif each in under_aud and any(value.startswith(trust_subjects.PREFIX) for value in each.wanted):
                claim = "sub"
            else:
                found.append(each)
                continue
            swapped = True
            holds, failure = self._condition(each.operator or "", f"{self.provider}:{claim}", each.wanted)
            if holds is False:
                found.append(failure)
        return found, swapped

    def _is_audience(self, value: str) -> bool:
        return value in (self.trust.chain.audience, STS_AUDIENCE, CN_AUDIENCE)

    def _holding_beside(self, failure: Failure) -> list[str]:
        """Other operators on the same key that are content with what the request has."""
        return [
            operator
            for operator, key, values in conditions(self.statement)
            if operator != failure.operator
            and self._key(key).lower() == self._key(failure.key or "").lower()
            and _is_positive(operator)
            and self._condition(operator, self._key(key), values)[0]
        ]

    # How near, and what of it

    @functools.cached_property
    def distance(self) -> tuple[float, int]:
        """The number of things to mend; for whom a statement is counts more, by how much of the subject differs."""
        of_subject = self._of("sub", self.failures)
        subject = min((trust_subjects.distance(self.trust.subject, each.wanted) for each in of_subject), default=0.0)
        others = [each for each in self.failures if each not in of_subject]
        wrong = (self.relation in ("misnamed", "recreated")) + (self.action is not None) + len(others)
        return wrong + (max(1.0, 2 * subject) if of_subject else 0.0), self.index

    @property
    def refusal(self) -> Refusal:
        """All that keeps this statement from letting the account in."""
        found = [*self._principal_findings()]
        if self.action:
            found.append(self._wrong_action(self.action))
        failures, swapped = self._unswapped()
        if swapped:
            found.append(self._swapped())
        lacking = [each for each in failures if each.lacking]
        miswritten = [each for each in lacking if self._is_miswritten(self._key(each.key or ""))]
        unavailable = [each for each in lacking if each not in miswritten]
        if miswritten:
            found.append(self._wrong_key(miswritten))
        if unavailable:
            found.append(self._unavailable(unavailable))
        found += self._subject_findings(self._of("sub", failures))
        audience = self._of("aud", failures)
        anded = [each for each in audience if self._is_anded(each)]
        if anded:
            found.append(self._anded(anded[0]))
        rest = [each for each in audience if each not in anded]
        if not rest:
            return Refusal(tuple(found))
        return Refusal(tuple(found), rest[0], self._place, self._evidence(rest[0]))

    @property
    def _place(self) -> str:
        return self.trust.place(self.index)

    def _evidence(self, failure: Failure) -> str:
        return f"Statement[{self.index}].Condition.{failure.operator}[{failure.key}]"

    def _is_anded(self, failure: Failure) -> bool:
        return _is_positive(failure.operator or "") and bool(self._holding_beside(failure))

    def _principal_findings(self) -> t.Iterator[Finding]:
        trust = self.trust
        where = {"evidence": f"Statement[{self.index}].Principal.Federated", "found": self.principal}
        if self.relation == "misnamed":
            yield Finding(
                "federated-mismatch",
                f"{self._place} names {self.principal}, the provider of cluster and role is {trust.provider_arn}",
                f"name {trust.provider_arn} there, or have a statement written by {grant(trust)}",
                expected=trust.provider_arn,
                **where,
            )
        if self.relation == "recreated":
            yield Finding(
                "cluster-recreated",
                f"{self._place} trusts the issuer {_provider_name(self.principal)} of an earlier or another cluster, "
                f"this cluster's is {self.provider}",
                f"see that there is an OIDC provider for it (eksops.irsa.iam_oidc_provider), then run {grant(trust)}",
                expected=trust.provider_arn,
                **where,
            )

    def _wrong_action(self, failure: Failure) -> Finding:
        return Finding(
            "wrong-action",
            f"{self._place} has {failure.element} {', '.join(failure.wanted) or 'nothing'}, which is not {ACTION}",
            f"replace the action by {ACTION}, or have a statement written by {grant(self.trust)}",
            evidence=f"Statement[{self.index}].{failure.element}",
            expected=ACTION,
            found=", ".join(failure.wanted) or None,
        )

    def _swapped(self) -> Finding:
        return Finding(
            "condition-swapped",
            f"{self._place} has the service account under :aud or the audience under :sub",
            f"put {self.trust.subject} under {self.provider}:sub and {self.trust.chain.audience} under "
            f"{self.provider}:aud",
            evidence=f"Statement[{self.index}].Condition",
            expected=f"{self.provider}:sub is the service account, {self.provider}:aud the audience",
            found="; ".join(
                f"{each.key} is {' or '.join(each.wanted)}" for each in self.failures if each.key and not each.lacking
            ),
        )

    def _wrong_key(self, failures: t.Sequence[Failure]) -> Finding:
        keys = list(dict.fromkeys(str(each.key) for each in failures))
        right = list(dict.fromkeys(f"{self.provider}:{each.rpartition(':')[2].lower()}" for each in keys))
        return Finding(
            "condition-key",
            f"{self._place} has a condition on {' and '.join(keys)}, a key that tokens of this cluster don't have",
            f"write the key as {' and '.join(right)}, or have a statement written by {grant(self.trust)}",
            evidence=self._evidence(failures[0]),
            expected=", ".join(right),
            found=", ".join(keys),
        )

    def _unavailable(self, failures: t.Sequence[Failure]) -> Finding:
        keys = list(dict.fromkeys(str(each.key) for each in failures))
        return Finding(
            "condition-unavailable",
            f"{self._place} has a condition on {' and '.join(keys)}, which no service account's request has",
            f"take the condition out; {self.provider}:sub and {self.provider}:aud are what can be asked for",
            evidence=self._evidence(failures[0]),
            expected=f"{self.provider}:sub, {self.provider}:aud",
            found=", ".join(keys),
        )

    def _anded(self, failure: Failure) -> Finding:
        other = self._holding_beside(failure)[0]
        return Finding(
            "operators-anded",
            f"{self._place} has {failure.key} under {other} and under {failure.operator}; both must hold, and "
            f"{failure.operator} wants {' or '.join(failure.wanted)}",
            f"keep {other}, and move what stands under {failure.operator} to a statement of its own",
            evidence=self._evidence(failure),
            expected=", ".join(failure.found or ()),
            found=", ".join(failure.wanted),
        )

    def _subject_findings(self, failures: t.Sequence[Failure]) -> t.Iterator[Finding]:
        mismatched = []
        for each in failures:
            if any(like(value, self.trust.subject) for value in _literal_wildcards(each)):
                yield self._wildcard(each)
            elif self._is_anded(each):
                yield self._anded(each)
            else:
                mismatched.append(each)
        if not mismatched:
            return
        failure = min(mismatched, key=lambda each: trust_subjects.distance(self.trust.subject, each.wanted))
        yield self._mismatch(failure)
        if trust_subjects.nearest(self.trust.subject, failure.wanted) in _literal_wildcards(failure):
            yield self._wildcard(failure)

    def _wildcard(self, failure: Failure) -> Finding:
        wild = ", ".join(_literal_wildcards(failure))
        return Finding(
            "sub-wildcard-equals",
            f"{self._place} has {wild} under {failure.operator}, which takes * and ? for themselves",
            "put it under StringLike, or name the accounts: irsa_role puts wildcards there with allow_wildcards: true",
            evidence=self._evidence(failure),
            expected="StringLike",
            found=failure.operator,
        )

    def _mismatch(self, failure: Failure) -> Finding:
        subject = self.trust.subject
        if _is_positive(failure.operator or ""):
            wanted = trust_subjects.nearest(subject, failure.wanted)
            more = f" and {len(failure.wanted) - 1} more" if len(failure.wanted) > 1 else ""
            text = f"sub is {subject}, the policy wants {wanted}{more} ({trust_subjects.difference(subject, wanted)})"
        else:
            text = f"sub is {subject}, which {failure.operator} {', '.join(failure.wanted)} excludes"
        return Finding(
            "sub-mismatch",
            f"{self._place}: {text}",
            f"add the account to the role: {grant(self.trust)}",
            evidence=self._evidence(failure),
            expected=subject,
            found=", ".join(failure.wanted),
        )


def _provider_name(federated: str) -> str:
    return federated.partition(":oidc-provider/")[2]


def _is_positive(operator: str) -> bool:
    parsed = Operator.parse(operator)
    return parsed is not None and not parsed.negated and parsed.comparison.startswith("String")


def _literal_wildcards(failure: Failure) -> list[str]:
    """Values with wildcards under an operator that has none."""
    parsed = Operator.parse(failure.operator or "")
    if parsed is None or parsed.negated or not parsed.comparison.startswith("StringEquals"):
        return []
    return [each for each in failure.wanted if trust_policy.is_wild(each)]
