# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The spec of a verification, and its result: the findings in order and the state of each link.

This module applies the rules for provider, role, service account and STS. The rules for pods and webhook are in
`rules.pods`, those for the test pod in `verification_pods`. Modules that do not read pods do not import them, so
Ansible does not send them to the host.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing as t

from .. import validation
from ..arn import STS_AUDIENCE, Arn, EksCluster, is_session_of, region_of
from ..errors import ChainBroken
from ..service_account.annotations import IRSA_OPTIONS
from ..validation import Problems
from .causes import CAUSES, LINKS, Finding, Link, sort_findings
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


@dataclasses.dataclass(frozen=True)
class TestPodSpec:
    """The spec of the test pod.

    :param timeout: seconds.
    """

    __test__ = False  # pytest would collect a class with this name

    image: str
    command: tuple[str, ...]
    timeout: int
    node_selector: t.Mapping[str, str]
    tolerations: tuple[Json, ...]


@dataclasses.dataclass(frozen=True)
class VerificationSpec:
    """The spec of a verification.

    :param issuer: with its scheme; None if the name of the cluster is given.
    :param test_pod: None if the test pod is not enabled.
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


def specs_from_params(params: t.Mapping[str, t.Any]) -> list[VerificationSpec]:
    """The specs from the options of `irsa_verify`: one, or one for each item of ``service_accounts``.

    :raises InvalidInput: an option is not valid, or a service account is listed twice.
    """
    accounts = params.get("service_accounts")
    if accounts is None:
        accounts = [{**params, "name": params["service_account"]}]
    problems = Problems()
    validation.check_listed_once(problems, ((account["namespace"], account["name"]) for account in accounts))
    for account in accounts:
        validation.check_service_account(problems, account["namespace"], account["name"], allow_wildcards=False)
        if account.get("role_arn"):
            validation.check_role_arn(problems, "role_arn", account["role_arn"])
    issuer = params.get("issuer") or None
    if issuer:
        validation.check_issuer(problems, issuer)
        issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
    pod = params.get("test_pod") or {}
    if params["propagation_timeout"] < 0:
        problems.add(f"propagation_timeout is {params['propagation_timeout']}", "set it to 0 seconds or more")
    if pod.get("enabled") and pod["timeout"] < 1:
        problems.add(f"test_pod.timeout is {pod['timeout']}", "set it to 1 second or more")
    for id_ in params.get("ignore") or ():
        check_finding_id(problems, id_, [cause.id for cause in CAUSES if not cause.audit])
    problems.raise_if_any()
    return [
        VerificationSpec(
            namespace=account["namespace"],
            service_account=account["name"],
            role_arn=account.get("role_arn") or None,
            issuer=issuer,
            region=params.get("region") or None,
            probes=frozenset(params["probes"]),
            label_selectors=tuple(params.get("label_selectors") or ()),
            test_pod=_test_pod_spec(pod) if pod.get("enabled") else None,
            propagation_timeout=params["propagation_timeout"],
            fail_on=params["fail_on"],
            ignore=frozenset(params.get("ignore") or ()),
        )
        for account in accounts
    ]


def check_finding_id(problems: Problems, id_: str, known: t.Sequence[str]) -> None:
    """Adds a problem if an ID in the option ``ignore`` is not one of the known IDs."""
    if id_ not in known:
        close = difflib.get_close_matches(id_, known, n=1)
        fix = f"did you mean {close[0]}?" if close else "use the IDs of findings"
        problems.add(f"ignore contains {id_!r}, which is not the ID of a finding", fix)


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
    :raises InvalidInput: the cluster does not have an issuer.
    """
    annotations = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    issuer = cluster.require_issuer() if cluster else t.cast(str, spec.issuer)
    return Chain(
        namespace=spec.namespace,
        service_account=spec.service_account,
        issuer=issuer,
        role_arn=spec.role_arn or annotations.get(IRSA_OPTIONS["role_arn"]) or None,
        audience=annotations.get(IRSA_OPTIONS["audience"]) or STS_AUDIENCE,
        account_id=cluster.account_id if cluster else None,
        partition=cluster.partition if cluster else None,
        region=cluster.region if cluster else spec.region or region_of(issuer),
        cluster=cluster.name if cluster else None,
        cross_account=spec.role_arn is not None,
        needs_force=account is not None and account_rules.needs_force(account),
    )


# Bulk runs

# The default of `irsa_verify`.
PROPAGATION_SECONDS = 120


def build_bulk_spec(
    namespace: str, name: str, *, role_arn: str | None, issuer: str, region: str | None, ask_sts: bool
) -> VerificationSpec:
    """The spec for one binding.

    :param issuer: empty if the cluster is known.
    :param ask_sts: add the probe ``token``.
    """
    return VerificationSpec(
        namespace=namespace,
        service_account=name,
        role_arn=role_arn,
        issuer=issuer or None,
        region=region,
        probes=frozenset({"static", "token"} if ask_sts else {"static"}),
        label_selectors=(),
        test_pod=None,
        propagation_timeout=PROPAGATION_SECONDS,
        fail_on="error",
        ignore=frozenset(),
    )


# The result


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """The result of a verification.

    :param findings: the findings that are not ignored, in the order of the chain.
    :param ignored: the findings whose IDs the user ignores.
    :param warnings: what could not be read, with the missing permission.
    """

    facts: ChainFacts
    findings: tuple[Finding, ...]
    ignored: tuple[Finding, ...]
    links: t.Mapping[Link, Status]
    warnings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no link is broken or unknown."""
        return all(status in ("ok", "skipped") for status in self.links.values())

    def failure(self, fail_on: str) -> ChainBroken | None:
        """The error with which the module fails; None if no finding has a severity that fails it.

        :param fail_on: ``error``, ``warning`` or ``never``.
        """
        severities = {"error": ("error",), "warning": ("error", "warning"), "never": ()}[fail_on]
        failing = [finding for finding in self.findings if finding.severity in severities]
        if not failing:
            return None
        chain = self.facts.chain
        account = f"service account {chain.namespace}/{chain.service_account}"
        role = f"role {chain.role_arn}" if chain.role_arn else "a role"
        proven = self.facts.is_assumed or all(finding.severity != "error" for finding in failing)
        return ChainBroken(
            f"the chain from {account} to {role} has findings" if proven else f"{account} cannot assume {role}",
            cause="; ".join(f"{finding.id}: {finding.message}" for finding in failing),
            fix="; ".join(dict.fromkeys(f"{finding.id}: {finding.fix}" for finding in failing)),
        )


def static_allows(facts: ChainFacts) -> bool | None:
    """Whether STS should accept the token according to the facts from IAM; None if they are not sufficient."""
    return role_rules.static_allows(facts.chain, facts.aws)


def diagnose(spec: VerificationSpec, facts: ChainFacts, *, pod_findings: t.Iterable[Finding]) -> Diagnosis:
    """The findings and the state of each link. Consequences of a finding are not findings.

    :param pod_findings: from `rules.pods`; empty if neither pods nor the webhook were read. A caller that reads
        neither does not import these rules, so Ansible does not send them to the host.
    """
    return conclude(spec, facts, find_all(facts, pod_findings))


def find_all(facts: ChainFacts, pod_findings: t.Iterable[Finding]) -> list[Finding]:
    """All findings except those of a test pod, unordered.

    :param pod_findings: as for `diagnose`.
    """
    chain, aws = facts.chain, facts.aws
    findings = role_rules.findings(chain, aws)
    if facts.is_assumed:
        # STS accepts the role in the other AWS account, so it is intended.
        findings = [finding for finding in findings if finding.id != "arn-wrong-account"]
    findings += account_rules.findings(chain, facts.kubernetes, aws)
    findings += pod_findings
    if isinstance(facts.sts, StsAnswer):
        findings += sts_rules.findings(chain, aws, facts.sts, allowed=static_allows(facts), earlier=findings)
    return findings


def conclude(spec: VerificationSpec, facts: ChainFacts, findings: t.Iterable[Finding]) -> Diagnosis:
    """The diagnosis for these findings."""
    ordered = sort_findings(findings)
    counted = tuple(finding for finding in ordered if finding.id not in spec.ignore)
    links = _links(spec, facts, counted)
    return Diagnosis(
        facts=facts,
        findings=counted,
        ignored=tuple(finding for finding in ordered if finding.id in spec.ignore),
        links=links,
        warnings=tuple(dict.fromkeys(_warnings(facts, links, ordered))),
    )


def _is_proven_by_pod(facts: ChainFacts) -> bool:
    """Whether the test pod has assumed the role."""
    caller = facts.test_pod.caller_arn if isinstance(facts.test_pod, TestPod) else None
    role = facts.chain.intended_role_arn
    return caller is not None and role is not None and is_session_of(caller, role)


def _origin_conditions(facts: ChainFacts) -> list[str]:
    """The conditions because of which the result of the token probe is unknown; empty if the result is known."""
    if not isinstance(facts.sts, StsAnswer) or _is_proven_by_pod(facts):
        return []
    return sts_rules.origin_conditions(facts.chain, facts.aws, facts.sts, allowed=static_allows(facts))


def proof(facts: ChainFacts) -> dict[str, t.Any] | None:
    """The proof that the service account can assume the role; None if STS did not accept its token."""
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
    unbroken = _unbroken_links(spec, facts)
    if isinstance(facts.sts, StsAnswer) and not facts.is_assumed:
        if _origin_conditions(facts):
            unbroken["sts"] = "unknown"
        elif not _is_proven_by_pod(facts):
            # Also if another link is the cause.
            broken.add("sts")
    return {link: "broken" if link in broken else unbroken[link] for link in LINKS}


def _unbroken_links(spec: VerificationSpec, facts: ChainFacts) -> dict[Link, Status]:
    """The state of each link without regard to findings: checked and known, unknown, or skipped."""
    kubernetes, probes = facts.kubernetes, spec.probes

    def checked(probe: str, fact: object) -> Status:
        if probe not in probes:
            return "skipped"
        return "unknown" if isinstance(fact, Unknown) else "ok"

    # STS proves both, even if the caller may not read IAM.
    provider: Status = "ok" if facts.is_assumed else checked("static", facts.aws.provider)
    role: Status = "ok" if facts.is_assumed else checked("static", facts.aws.role)
    # The dry run needs the service account.
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
    """Each missing permission, and why a link is unknown unless a finding explains it."""
    broken = False
    explained = _links_without_role(facts, findings)
    for link, (needed, others) in _facts_by_link(facts).items():
        for fact in (*needed, *others):
            if not isinstance(fact, Unknown):
                continue
            unexplained = links[link] == "unknown" and not broken and link not in explained and fact in needed
            if fact.permission or unexplained:
                yield f"{fact.reason[:1].upper()}{fact.reason[1:]}."
        broken = broken or any(finding.link == link and finding.severity == "error" for finding in findings)
    origin = _origin_conditions(facts)
    if origin:
        yield (
            "STS rejects the token in a request from the host of this task. The trust policy allows "
            f"{sts_rules.account_name(facts.chain)} under conditions that a request of a pod may meet: "
            f"{'; '.join(origin)}. Verify it with test_pod."
        )
    if isinstance(facts.test_pod, TestPod) and facts.test_pod.caller_arn is None and not broken:
        yield "The test pod did not print its caller's ARN; its log is in test_pod."
    if facts.is_assumed and static_allows(facts) is False:
        yield (
            "STS still accepts the service account for the role. A recent change, which the findings about provider "
            "and role show, has not reached STS yet."
        )


def _links_without_role(facts: ChainFacts, findings: t.Iterable[Finding]) -> tuple[Link, ...]:
    """The links that are unknown because neither the annotation nor role_arn is set."""
    unnamed = facts.chain.role_arn is None and any(finding.link == "account" for finding in findings)
    return ("provider", "role", "sts") if unnamed else ()


def _facts_by_link(facts: ChainFacts) -> dict[Link, tuple[tuple[object, ...], tuple[object, ...]]]:
    """The facts without which a link is unknown, and the other facts that its rules use; in the order of the links."""
    aws, kubernetes = facts.aws, facts.kubernetes
    return {
        "provider": ((aws.provider,), (aws.provider_arns,)),
        "role": ((aws.role,), (aws.managed_policies, aws.inline_policies, aws.boundary, aws.quotas)),
        "account": ((kubernetes.account,), (kubernetes.namespace, aws.associations, aws.addons)),
        "webhook": ((kubernetes.webhooks, kubernetes.admitted), ()),
        "pods": ((kubernetes.pods, facts.test_pod), ()),
        "sts": ((facts.sts,), ()),
    }
