# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a user asks a verification for, and what the facts amount to: findings in order, and the state of each link.

A caller ships the rules for which it has facts: those of provider, role, account and STS are here, those of pods and
webhook are in `rules.pods`, those of the test pod in `test_pod`.
"""

from __future__ import annotations

import base64
import dataclasses
import difflib
import json
import re
import typing as t

from .. import validation
from ..arn import STS_AUDIENCE, Arn, EksCluster
from ..errors import ChainBroken
from ..service_account.annotations import IRSA_OPTIONS, check_role_arn
from ..validation import Problems
from .causes import CAUSES, LINKS, Finding, Link, in_chain_order
from .facts import Chain, ChainFacts, StsAnswer, TestPod, Unknown
from .rules import account as account_rules
from .rules import role as role_rules
from .rules import sts as sts_rules

Json = dict[str, t.Any]
Status = t.Literal["ok", "broken", "unknown", "skipped"]

PROBES = ("static", "token", "admission", "pods")
FAIL_ON = ("error", "warning", "never")
TEST_IMAGE = "public.ecr.aws/aws-cli/aws-cli:2.25.4"
TEST_COMMAND = ("aws", "sts", "get-caller-identity")

_REGION_OF_ISSUER = re.compile(r"https://oidc\.eks(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+/")


@dataclasses.dataclass(frozen=True)
class TestPodSpec:
    """The test pod that a user asks for.

    :param timeout: seconds.
    """

    __test__ = False  # pytest takes a class of this name for tests

    image: str
    command: tuple[str, ...]
    timeout: int
    node_selector: t.Mapping[str, str]
    tolerations: tuple[Json, ...]


@dataclasses.dataclass(frozen=True)
class VerificationSpec:
    """What a user asks a verification for.

    :param issuer: with its scheme; None where the cluster's name is given.
    :param test_pod: None where no test pod is asked for.
    :param propagation_timeout: seconds.
    """

    namespace: str
    service_account: str
    role_arn: str | None
    issuer: str | None
    region: str | None
    probes: frozenset[str]
    label_selectors: tuple[str, ...]
    test_pod: TestPodSpec | None
    propagation_timeout: int
    fail_on: str
    ignore: frozenset[str]

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> VerificationSpec:
        """From the module's options.

        :raises InvalidInput: an option is not valid.
        """
        problems = Problems()
        validation.check_service_account(
            problems, params["namespace"], params["service_account"], allow_wildcards=False
        )
        issuer = params.get("issuer") or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        if params.get("role_arn"):
            check_role_arn(problems, params["role_arn"])
        pod = params.get("test_pod") or {}
        if params["propagation_timeout"] < 0:
            problems.add(f"propagation_timeout is {params['propagation_timeout']}", "give 0 seconds or more")
        if pod.get("enabled") and pod["timeout"] < 1:
            problems.add(f"test_pod.timeout is {pod['timeout']}", "give 1 second or more")
        for id_ in params.get("ignore") or ():
            check_finding_id(problems, id_, [cause.id for cause in CAUSES if not cause.audit])
        problems.stop()
        return cls(
            namespace=params["namespace"],
            service_account=params["service_account"],
            role_arn=params.get("role_arn") or None,
            issuer=issuer,
            region=params.get("region") or None,
            probes=frozenset(params["probes"]),
            label_selectors=tuple(params.get("label_selectors") or ()),
            test_pod=_test_pod_spec(pod) if pod.get("enabled") else None,
            propagation_timeout=params["propagation_timeout"],
            fail_on=params["fail_on"],
            ignore=frozenset(params.get("ignore") or ()),
        )


def check_finding_id(problems: Problems, id_: str, known: t.Sequence[str]) -> None:
    """Adds a problem if an id in the option ``ignore`` is not one of the known ids."""
    if id_ not in known:
        close = difflib.get_close_matches(id_, known, n=1)
        fix = f"did you mean {close[0]}?" if close else "give ids as findings have them"
        problems.add(f"ignore names {id_!r}, which is not the id of a finding", fix)


def _test_pod_spec(pod: t.Mapping[str, t.Any]) -> TestPodSpec:
    return TestPodSpec(
        image=pod.get("image") or TEST_IMAGE,
        command=tuple(pod.get("command") or TEST_COMMAND),
        timeout=pod["timeout"],
        node_selector={key: str(value) for key, value in (pod.get("node_selector") or {}).items()},
        tolerations=tuple(pod.get("tolerations") or ()),
    )


def build_chain(spec: VerificationSpec, cluster: EksCluster | None, account: t.Mapping[str, t.Any] | None) -> Chain:
    """The chain to verify.

    :param account: the ServiceAccount; None if it does not exist or cannot be read.
    :raises InvalidInput: the cluster has no issuer, or none is given.
    """
    annotations = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    issuer = cluster.require_issuer() if cluster else t.cast(str, spec.issuer)
    region = _REGION_OF_ISSUER.match(issuer)
    return Chain(
        namespace=spec.namespace,
        service_account=spec.service_account,
        issuer=issuer,
        role_arn=spec.role_arn or annotations.get(IRSA_OPTIONS["role_arn"]) or None,
        audience=annotations.get(IRSA_OPTIONS["audience"]) or STS_AUDIENCE,
        account_id=cluster.account_id if cluster else None,
        partition=cluster.partition if cluster else None,
        region=cluster.region if cluster else spec.region or (region[1] if region else None),
        cluster=cluster.name if cluster else None,
        cross_account=spec.role_arn is not None,
    )


def session_name(spec: VerificationSpec) -> str:
    """The name under which CloudTrail shows the session: ``irsa-verify.NAMESPACE.ACCOUNT``, cut to STS's 64."""
    return f"irsa-verify.{spec.namespace}.{spec.service_account}"[:64]


def read_claims(token: str) -> Json:
    """The claims ``iss``, ``aud`` and ``sub`` of a token; STS verifies its signature.

    :raises ValueError: it is not a JSON Web Token.
    """
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return {key: claims.get(key) for key in ("iss", "aud", "sub")}


# Many bindings at once

# How long to wait for a change of IAM to reach STS: the default of `irsa_verify`.
PROPAGATION_SECONDS = 120


def build_bulk_spec(
    namespace: str, name: str, *, role_arn: str | None, issuer: str, region: str | None, ask: bool
) -> VerificationSpec:
    """The verification of one binding.

    :param issuer: empty where the cluster is known.
    :param ask: whether STS is asked, too.
    """
    return VerificationSpec(
        namespace=namespace,
        service_account=name,
        role_arn=role_arn,
        issuer=issuer or None,
        region=region,
        probes=frozenset({"static", "token"} if ask else {"static"}),
        label_selectors=(),
        test_pod=None,
        propagation_timeout=PROPAGATION_SECONDS,
        fail_on="error",
        ignore=frozenset(),
    )


# The conclusion


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """The result of a verification.

    :param findings: those that count, in chain order.
    :param ignored: those whose ids the user ignores.
    :param warnings: what could not be read, each with the permission that is missing.
    """

    facts: ChainFacts
    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    links: t.Mapping[Link, Status]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every link that was checked holds: none is broken, none unknown."""
        return all(status in ("ok", "skipped") for status in self.links.values())

    def failure(self, fail_on: str) -> ChainBroken | None:
        """The error with which the module fails; None if no finding is that severe.

        :param fail_on: ``error``, ``warning`` or ``never``.
        """
        severities = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
        failing = [finding for finding in self.findings if finding.severity in severities]
        if not failing:
            return None
        chain = self.facts.chain
        return ChainBroken(
            f"service account {chain.namespace}/{chain.service_account} cannot assume "
            f"{f'role {chain.role_arn}' if chain.role_arn else 'a role'}",
            cause="; ".join(f"{finding.id}: {finding.message}" for finding in failing),
            fix="; ".join(f"{finding.id}: {finding.fix}" for finding in failing),
        )


def static_allows(facts: ChainFacts) -> bool | None:
    """Whether by reads alone STS would let the account assume the role; None if the reads don't tell."""
    return role_rules.static_allows(facts.chain, facts.aws)


def diagnose(spec: VerificationSpec, facts: ChainFacts, *, pod_findings: t.Iterable[Finding]) -> Diagnosis:
    """The findings and the state of each link. What follows from a finding in an earlier link is not a finding.

    :param pod_findings: of `rules.pods`; empty if neither pods nor the webhook were read. They are an argument so that
        a module that reads neither doesn't ship their rules.
    """
    return conclude(spec, facts, find(facts, pod_findings))


def find(facts: ChainFacts, pod_findings: t.Iterable[Finding]) -> list[Finding]:
    """All findings, in no order, but those of a test pod.

    :param pod_findings: as for `diagnose`.
    """
    chain, aws = facts.chain, facts.aws
    found = role_rules.findings(chain, aws)
    if facts.is_assumed:
        # A role of another account that STS lets the account assume is intended.
        found = [finding for finding in found if finding.id != "arn-wrong-account"]
    found += account_rules.findings(chain, facts.kubernetes, aws)
    found += pod_findings
    if isinstance(facts.sts, StsAnswer):
        found += sts_rules.findings(chain, aws, facts.sts, allowed=static_allows(facts), earlier=found)
    return found


def conclude(spec: VerificationSpec, facts: ChainFacts, found: t.Iterable[Finding]) -> Diagnosis:
    """The diagnosis that follows from these findings."""
    ordered = in_chain_order(found)
    counted = tuple(finding for finding in ordered if finding.id not in spec.ignore)
    links = _links(spec, facts, counted)
    return Diagnosis(
        facts=facts,
        findings=counted,
        ignored=tuple(finding for finding in ordered if finding.id in spec.ignore),
        links=links,
        warnings=tuple(dict.fromkeys(_warnings(facts, links, ordered))),
    )


def proof(facts: ChainFacts) -> dict[str, t.Any] | None:
    """The proof that the account can assume the role; None unless STS let it."""
    answer = facts.sts
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


def _links(spec: VerificationSpec, facts: ChainFacts, findings: t.Iterable[Finding]) -> dict[Link, Status]:
    broken = {finding.link for finding in findings if finding.severity == "error"}
    if isinstance(facts.sts, StsAnswer) and not facts.is_assumed:
        # STS refuses, whatever the cause.
        broken.add("sts")
    unbroken = _unbroken_links(spec, facts)
    return {link: "broken" if link in broken else unbroken[link] for link in LINKS}


def _unbroken_links(spec: VerificationSpec, facts: ChainFacts) -> dict[Link, Status]:
    """The state of each link if no finding breaks it: whether it was checked, and whether its facts are known."""
    kubernetes, probes = facts.kubernetes, spec.probes

    def checked(probe: str, fact: object) -> Status:
        if probe not in probes:
            return "skipped"
        return "unknown" if isinstance(fact, Unknown) else "ok"

    # What STS accepts holds, whether or not IAM lets the caller read it.
    provider: Status = "ok" if facts.is_assumed else checked("static", facts.aws.provider)
    role: Status = "ok" if facts.is_assumed else checked("static", facts.aws.role)
    # Without the account there is no dry run of a pod.
    admitted = Unknown("") if kubernetes.account is None else kubernetes.admitted
    pods = checked("pods", kubernetes.pods)
    if facts.test_pod is not None:
        printed = isinstance(facts.test_pod, TestPod) and facts.test_pod.caller_arn is not None
        pods = "unknown" if not printed else "ok" if pods == "skipped" else pods
    return {
        "provider": provider,
        "role": role,
        "account": "unknown" if isinstance(kubernetes.account, Unknown) else "ok",
        "webhook": checked("admission", admitted),
        "pods": pods,
        "sts": checked("token", facts.sts),
    }


def _warnings(facts: ChainFacts, links: t.Mapping[Link, Status], findings: t.Sequence[Finding]) -> t.Iterator[str]:
    """Each permission that is missing, and why a link is unknown where no finding says it."""
    broken = False
    explained = _links_without_role(facts, findings)
    for link in LINKS:
        needed, others = _facts_of(facts, link)
        for fact in (*needed, *others):
            if not isinstance(fact, Unknown):
                continue
            unexplained = links[link] == "unknown" and not broken and link not in explained and fact in needed
            if fact.permission or unexplained:
                yield f"{fact.reason[:1].upper()}{fact.reason[1:]}."
        broken = broken or any(finding.link == link and finding.severity == "error" for finding in findings)
    if isinstance(facts.test_pod, TestPod) and facts.test_pod.caller_arn is None and not broken:
        yield "The test pod did not print its caller's ARN; its log is in test_pod."
    if facts.is_assumed and static_allows(facts) is False:
        why = "the findings about provider and role come from a change of the last minutes that has not reached STS yet"
        yield f"STS still lets the account assume the role: {why}."


def _links_without_role(facts: ChainFacts, findings: t.Iterable[Finding]) -> tuple[Link, ...]:
    """The links that are unknown because the account names no role."""
    unnamed = facts.chain.role_arn is None and any(finding.link == "account" for finding in findings)
    return ("provider", "role", "sts") if unnamed else ()


def _facts_of(facts: ChainFacts, link: Link) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """The facts without which a link is unknown, and the others that it is judged by."""
    aws, kubernetes = facts.aws, facts.kubernetes
    needed_and_others: dict[Link, tuple[tuple[object, ...], tuple[object, ...]]] = {
        "provider": ((aws.provider,), (aws.provider_arns,)),
        "role": ((aws.role,), (aws.managed_policies, aws.inline_policies, aws.boundary, aws.quotas)),
        "account": ((kubernetes.account,), (kubernetes.namespace, aws.associations, aws.addons)),
        "webhook": ((kubernetes.webhooks, kubernetes.admitted), ()),
        "pods": ((kubernetes.pods, facts.test_pod), ()),
        "sts": ((facts.sts,), ()),
    }
    return needed_and_others[link]
