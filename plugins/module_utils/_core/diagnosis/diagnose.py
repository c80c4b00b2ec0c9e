# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What all the observations of a chain amount to: its findings in order, and the state of each link."""

from __future__ import annotations

import dataclasses
import typing as t

from ..arn import Arn
from ..errors import ChainBroken
from ..pods import injection
from ..rollout.staleness import PodStatus
from .causes import LINKS, Link
from .findings import AwsFacts, Chain, Finding, KubernetesFacts, Observed, StsAnswer, TestPod, Unknown, in_chain_order
from .options import Wanted
from .rules import account as account_rules
from .rules import pods as pod_rules
from .rules import role as role_rules
from .rules import sts as sts_rules

Status = t.Literal["ok", "broken", "unknown", "skipped"]


@dataclasses.dataclass(frozen=True)
class Observations:
    """All that the probes brought.

    :param sts: None where the token probe is off.
    :param test_pod: None where no test pod was asked for, or none is started in check mode.
    """

    chain: Chain
    aws: AwsFacts
    kubernetes: KubernetesFacts
    sts: Observed[StsAnswer] | None = None
    test_pod: Observed[TestPod] | None = None


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """The result of a verification.

    :param findings: those that count, in chain order.
    :param ignored: those whose ids the user told to ignore.
    :param warnings: what could not be looked at, each with the permission that is missing.
    :param ok: every link that was looked at holds: none is broken, none unknown.
    """

    seen: Observations
    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    links: t.Mapping[Link, Status]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return all(status in ("ok", "skipped") for status in self.links.values())

    def as_dict(self) -> dict[str, t.Any]:
        """As the module returns it."""
        return {
            # A registered result without a loop doesn't tell whose it is.
            "namespace": self.seen.chain.namespace,
            "service_account": self.seen.chain.service_account,
            "ok": self.ok,
            "findings": [each.as_dict() for each in self.findings],
            "ignored": [each.as_dict() for each in self.ignored],
            "links": dict(self.links),
            "proof": proof(self.seen),
            "pods": pods(self.seen),
            "test_pod": test_pod(self.seen),
        }

    def failure(self, fail_on: str) -> ChainBroken | None:
        """The error with which the module fails; None if nothing is found that is bad enough.

        :param fail_on: ``error``, ``warning`` or ``never``.
        """
        severities = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
        bad = [each for each in self.findings if each.severity in severities]
        if not bad:
            return None
        chain = self.seen.chain
        return ChainBroken(
            f"service account {chain.namespace}/{chain.service_account} can't be relied on to act as "
            f"{f'role {chain.role_arn}' if chain.role_arn else 'a role'}",
            cause="; ".join(f"{each.id}: {each.message}" for each in bad),
            fix="; ".join(f"{each.id}: {each.fix}" for each in bad),
        )


def static_allows(seen: Observations) -> bool | None:
    """Whether by reads alone STS would let the account act as the role; None if they don't tell."""
    return role_rules.static_allows(seen.chain, seen.aws)


def diagnose(wanted: Wanted, seen: Observations) -> Diagnosis:
    """Puts the parts together. What follows from a finding in an earlier link is left out."""
    found = _findings(seen)
    counted = tuple(each for each in found if each.id not in wanted.ignore)
    links = _links(wanted, seen, counted)
    return Diagnosis(
        seen=seen,
        findings=counted,
        ignored=tuple(each for each in found if each.id in wanted.ignore),
        links=links,
        warnings=tuple(_warnings(seen, links, found)),
    )


def proof(seen: Observations) -> dict[str, t.Any] | None:
    """What proves the chain; None unless STS let the account act as the role."""
    answer = seen.sts
    if not isinstance(answer, StsAnswer) or answer.assumed_role_arn is None:
        return None
    audience = answer.claims["aud"]
    return {
        "assumed_role_arn": answer.assumed_role_arn,
        "caller_account": Arn.parse(answer.assumed_role_arn).account_id,
        "audience": audience[0] if isinstance(audience, list) else audience,
        "issuer": answer.claims["iss"],
        "subject": answer.claims["sub"],
        "expires_in": answer.expires_in,
    }


def pods(seen: Observations) -> list[dict[str, t.Any]]:
    """The pods as `pod_rollout` returns them; of another account's pods it is said that they are."""
    return [_pod(seen.chain, pod) for pod in pod_rules.evaluate_pods(seen.chain, seen.kubernetes)]


def _pod(chain: Chain, pod: PodStatus) -> dict[str, t.Any]:
    account = injection.account_of(pod.pod)
    if account != chain.service_account:
        reason = f"uses the service account {account} instead of {chain.service_account}"
        pod = dataclasses.replace(pod, stale=False, reasons=(reason,))
    return pod.as_dict(chain.namespace)


def test_pod(seen: Observations) -> dict[str, t.Any] | None:
    """What the test pod said; None where there was none, or it said nothing."""
    pod = seen.test_pod
    return {"log": pod.log, "caller_arn": pod.caller_arn} if isinstance(pod, TestPod) else None


def _findings(seen: Observations) -> list[Finding]:
    chain, aws, kubernetes = seen.chain, seen.aws, seen.kubernetes
    found = role_rules.findings(chain, aws)
    if isinstance(seen.sts, StsAnswer) and seen.sts.code is None:
        # A role of another account in which STS lets the account in was meant.
        found = [each for each in found if each.id != "arn-wrong-account"]
    found += account_rules.findings(chain, kubernetes, aws)
    found += pod_rules.findings(chain, kubernetes)
    answered = isinstance(seen.sts, StsAnswer)
    if isinstance(seen.sts, StsAnswer):
        found += sts_rules.findings(chain, aws, seen.sts, allowed=static_allows(seen), earlier=found)
    if isinstance(seen.test_pod, TestPod):
        found += sts_rules.pod_findings(
            chain, aws, seen.test_pod, allowed=static_allows(seen), asked=answered, earlier=tuple(found)
        )
    return in_chain_order(found)


def _links(wanted: Wanted, seen: Observations, findings: t.Iterable[Finding]) -> dict[Link, Status]:
    broken = {each.link for each in findings if each.severity == "error"}
    assumed = isinstance(seen.sts, StsAnswer) and seen.sts.code is None
    kubernetes = seen.kubernetes

    def read(*facts: t.Any) -> Status:
        return "unknown" if any(isinstance(fact, Unknown) for fact in facts) else "ok"

    def static(fact: t.Any) -> Status:
        if assumed:
            # What STS accepts holds, whether or not IAM lets the caller see it.
            return "ok"
        return read(fact) if "static" in wanted.probes else "skipped"

    looked: dict[Link, Status] = {
        "provider": static(seen.aws.provider),
        "role": static(seen.aws.role),
        "account": read(kubernetes.account),
        "webhook": read(kubernetes.admitted) if "admission" in wanted.probes else "skipped",
        "pods": read(kubernetes.pods) if "pods" in wanted.probes else "skipped",
        "sts": read(seen.sts) if "token" in wanted.probes else "skipped",
    }
    if isinstance(seen.test_pod, Unknown) or (isinstance(seen.test_pod, TestPod) and seen.test_pod.caller_arn is None):
        looked["pods"] = "unknown"
    elif isinstance(seen.test_pod, TestPod) and looked["pods"] == "skipped":
        looked["pods"] = "ok"
    if isinstance(seen.sts, StsAnswer) and not assumed:
        # Refused is refused, wherever the cause is.
        broken.add("sts")
    if kubernetes.account is None and "webhook" not in broken:
        # No pod of it can be rehearsed.
        looked["webhook"] = "unknown" if "admission" in wanted.probes else "skipped"
    return {link: "broken" if link in broken else looked[link] for link in LINKS}


def _warnings(seen: Observations, links: t.Mapping[Link, Status], findings: t.Sequence[Finding]) -> t.Iterator[str]:
    """What could not be seen: each missing permission, and why a link is unknown where no finding says it."""
    kubernetes, aws = seen.kubernetes, seen.aws
    facts: dict[Link, list[t.Any]] = {
        "provider": [aws.provider, aws.provider_arns],
        "role": [aws.role, aws.managed_policies, aws.inline_policies, aws.boundary, aws.quotas],
        "account": [kubernetes.account, kubernetes.namespace, aws.associations, aws.addons],
        "webhook": [kubernetes.webhooks, kubernetes.admitted],
        "pods": [kubernetes.pods, seen.test_pod],
        "sts": [seen.sts],
    }
    # What a link can't be judged without.
    needed = [kubernetes.admitted, seen.test_pod, *(each[0] for each in facts.values())]
    # Where the account names no role, that is why these could not be looked at.
    unnamed = seen.chain.role_arn is None and any(each.link == "account" for each in findings)
    explained = ("provider", "role", "sts") if unnamed else ()
    said: dict[str, None] = {}
    broken = False
    for link in LINKS:
        for fact in facts[link]:
            if not isinstance(fact, Unknown):
                continue
            if fact.permission or (
                links[link] == "unknown" and not broken and fact in needed and link not in explained
            ):
                said[f"{fact.reason[:1].upper()}{fact.reason[1:]}."] = None
        broken = broken or any(each.link == link and each.severity == "error" for each in findings)
    if isinstance(seen.test_pod, TestPod) and seen.test_pod.caller_arn is None and not broken:
        said["The test pod did not say who it is; its log is in test_pod."] = None
    if isinstance(seen.sts, StsAnswer) and seen.sts.code is None and static_allows(seen) is False:
        why = "what was found about provider and role is a change of the last minutes that has not reached STS yet"
        said[f"STS still lets the account in: {why}."] = None
    yield from said
