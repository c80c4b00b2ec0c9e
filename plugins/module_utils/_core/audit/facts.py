# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of an audit, the facts that it reads, and how service accounts and roles refer to each other."""

from __future__ import annotations

import collections
import dataclasses
import functools
import re
import typing as t

from .. import arn as arns
from .. import validation
from ..arn import ROLE_ARN_ANNOTATION, EksCluster, is_role_arn
from ..diagnosis.causes import BY_ID, Finding
from ..diagnosis.diagnose import check_finding_id
from ..diagnosis.facts import Chain, OrUnknown, Unknown
from ..pods import injection
from ..pods.workload_kinds import Owner
from ..policy.document import federated_principals, statements
from ..service_account.annotations import has_role_annotation
from ..trust.evaluation import allowed_subjects
from ..trust.statements import has_wildcard, parse_subject
from ..validation import Problems

Json = t.Mapping[str, t.Any]
Name = tuple[str, str]
"""The namespace and the name of a service account."""

FORMATS = ("html", "json", "junit", "markdown", "sarif")
_MAX_WORKERS = 64
_ACCOUNT_ID = re.compile(r"\d{12}")


@dataclasses.dataclass(frozen=True)
class AuditSpec:
    """The valid options of `irsa_audit`.

    :param issuer: the issuer with ``https://``; None if ``cluster_name`` is set.
    :param namespaces: the namespaces of the service accounts to examine; empty for all.
    :param role_accounts: other AWS accounts whose roles the service accounts may use.
    :param unused_days: days without use after which a role is unused; 0 turns the check off.
    :param dry_run_pod: whether to test the webhook with a server-side dry run.
    :param max_findings: the most findings that the module returns; 0 for all.
    :param reports: the path of each report by format.
    """

    cluster_name: str | None
    issuer: str | None
    region: str | None
    namespaces: tuple[str, ...]
    role_accounts: frozenset[str]
    ignore: frozenset[str]
    fail_on: str
    unused_days: int
    pods: bool
    dry_run_pod: bool
    env_from: bool
    providers: bool
    workers: int
    max_findings: int
    reports: t.Mapping[str, str]

    @classmethod
    def from_params(cls, params: t.Mapping[str, t.Any]) -> AuditSpec:
        """:raises InvalidInput: options are not valid; the message lists all of them."""
        problems = Problems()
        issuer = params.get("issuer") or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        for namespace in params.get("namespaces") or ():
            validation.check_service_account(problems, namespace, "default", allow_wildcards=False)
        for account_id in params.get("role_accounts") or ():
            if not _ACCOUNT_ID.fullmatch(account_id):
                problems.add(f"role_accounts: {account_id!r} is not a valid AWS account ID", "use an ID of 12 digits")
        for id_ in params.get("ignore") or ():
            check_finding_id(problems, id_, list(BY_ID))
        for name in ("unused_days", "max_findings"):
            if params[name] < 0:
                problems.add(f"{name} is {params[name]}", "use 0 or more")
        if not 1 <= params["max_workers"] <= _MAX_WORKERS:
            problems.add(f"max_workers is {params['max_workers']}", f"use 1 to {_MAX_WORKERS}")
        problems.raise_if_any()
        return cls(
            cluster_name=params.get("cluster_name") or None,
            issuer=issuer,
            region=params.get("region") or None,
            namespaces=tuple(dict.fromkeys(params.get("namespaces") or ())),
            role_accounts=frozenset(params.get("role_accounts") or ()),
            ignore=frozenset(params.get("ignore") or ()),
            fail_on=params["fail_on"],
            unused_days=params["unused_days"],
            pods=params["pods"],
            dry_run_pod=params["dry_run_pod"],
            env_from=params["env_from"],
            providers=params["providers"],
            workers=params["max_workers"],
            max_findings=params["max_findings"],
            reports={name: path for name, path in (params.get("reports") or {}).items() if path},
        )


class ExaminedPods(t.NamedTuple):
    """The results for the unfinished pods of a service account.

    :param chain: the chain of the service account.
    :param live: the number of the pods.
    :param stale: the number of these that lack what new pods get.
    :param findings: about the pods and the webhook; empty if neither the account nor a pod is annotated.
    """

    chain: Chain
    live: int
    stale: int
    findings: tuple[Finding, ...]


@dataclasses.dataclass
class AuditFacts:
    """Everything that was read. What was not read is Unknown.

    :param account_id: the AWS account of the credentials. It is also the cluster's if ``cluster`` is set.
    :param provider: the provider of the cluster's issuer, from GetOpenIDConnectProvider; None if it does not exist.
    :param provider_arns: all OIDC providers of the account.
    :param issuers: the issuers of the account's EKS clusters, for each region in the URL of a provider.
    :param roles: all roles of the account by name, as GetRole returns them, with ``ManagedPolicies`` and
        ``InlinePolicies`` if these were read.
    :param policies: the documents of the account's own managed policies by ARN.
    :param service_accounts: the service accounts of the namespaces to examine.
    :param pods: the pods that have not finished, by service account.
    :param workloads: the owners of pods of annotated service accounts with a container without the role, by namespace.
    :param env_sources: for annotated service accounts, as in `KubernetesFacts`, by namespace.
    :param examined_pods: the results for the annotated service accounts.
    :param webhook: the findings of the dry run.
    :param now: the Unix time of the reads.
    :param skipped_checks: what could not be read, in sentences.
    :param only_namespaces: the namespaces to examine; empty for all.
    """

    cluster: EksCluster | None
    issuer: str
    partition: str
    account_id: str
    provider: OrUnknown[Json | None]
    provider_arns: OrUnknown[t.Sequence[str]]
    issuers: t.Mapping[str, OrUnknown[frozenset[str]]]
    roles: OrUnknown[t.Mapping[str, Json]]
    policies: t.Mapping[str, Json]
    quotas: OrUnknown[t.Mapping[str, int]]
    associations: OrUnknown[t.Sequence[Json]]
    addons: OrUnknown[t.Sequence[Json]]
    service_accounts: t.Mapping[Name, Json]
    namespaces: OrUnknown[t.Mapping[str, Json]]
    webhooks: OrUnknown[t.Sequence[Json]]
    pods: OrUnknown[t.Mapping[Name, t.Sequence[Json]]]
    now: float
    workloads: t.Mapping[str, t.Mapping[Owner, Json | None]] = dataclasses.field(default_factory=dict)
    env_sources: t.Mapping[str, t.Mapping[tuple[str, str], t.Collection[str]]] = dataclasses.field(default_factory=dict)
    examined_pods: t.Mapping[Name, ExaminedPods] = dataclasses.field(default_factory=dict)
    webhook: tuple[Finding, ...] = ()
    skipped_checks: tuple[str, ...] = ()
    only_namespaces: tuple[str, ...] = ()

    @property
    def provider_arn(self) -> str:
        """The ARN of the cluster's provider in the account of the credentials, whether or not it exists."""
        return arns.provider_arn(self.partition, self.account_id, self.issuer)

    @functools.cached_property
    def known_roles(self) -> t.Mapping[str, Json]:
        """The roles by name; empty if they were not read."""
        return {} if isinstance(self.roles, Unknown) else self.roles

    @functools.cached_property
    def subjects_by_role(self) -> dict[str, list[str]]:
        """The trusted subjects of each role that trusts the cluster's provider, by the role's name."""
        subjects_by_name = {
            name: allowed_subjects(role["AssumeRolePolicyDocument"], self.provider_arn)
            for name, role in self.known_roles.items()
        }
        return {name: list(subjects) for name, subjects in subjects_by_name.items() if subjects is not None}

    @functools.cached_property
    def annotated_accounts(self) -> dict[Name, None]:
        """The existing service accounts that are annotated, or that have annotated pods, in their order."""
        names = {name for name, account in self.service_accounts.items() if is_annotated(account)}
        if not isinstance(self.pods, Unknown):
            names |= {name for name, pods in self.pods.items() if any(map(is_annotated, pods))}
        return dict.fromkeys(sorted(name for name in names if name in self.service_accounts))

    @functools.cached_property
    def examined_accounts(self) -> list[Name]:
        """The existing service accounts that are annotated, that have annotated pods, or that a role trusts."""
        names = set(self.annotated_accounts)
        for subjects in self.subjects_by_role.values():
            names |= {name for name in map(parse_exact_subject, subjects) if name}
        return sorted(name for name in names if name in self.service_accounts)

    @functools.cached_property
    def roles_by_provider(self) -> dict[str, list[str]]:
        """The names of the roles with a provider anywhere in their trust policy, by the provider's ARN."""
        role_names: dict[str, list[str]] = collections.defaultdict(list)
        for name, role in sorted(self.known_roles.items()):
            for statement in statements(role["AssumeRolePolicyDocument"]):
                for arn in federated_principals(statement):
                    if name not in role_names[arn]:
                        role_names[arn].append(name)
        return dict(role_names)

    @functools.cached_property
    def accounts_by_role_arn(self) -> dict[str, list[Name]]:
        """The service accounts that are annotated with a role, by the value of the annotation."""
        names: dict[str, list[Name]] = collections.defaultdict(list)
        for name, account in sorted(self.service_accounts.items()):
            arn = get_role_annotation(account)
            if arn:
                names[arn].append(name)
        return dict(names)

    def get_associations(self, name: Name) -> t.Sequence[Json] | Unknown:
        """The EKS Pod Identity associations of a service account."""
        if isinstance(self.associations, Unknown):
            return self.associations
        return self._associations_by_account.get(name, [])

    @functools.cached_property
    def _associations_by_account(self) -> dict[Name, list[Json]]:
        associations: dict[Name, list[Json]] = {}
        for association in () if isinstance(self.associations, Unknown) else self.associations:
            name = (association["namespace"], association["serviceAccount"])
            associations.setdefault(name, []).append(association)
        return associations

    def get_role(self, arn: str | None) -> OrUnknown[Json | None]:
        """The role with the name in an ARN, even if its path differs; None if it does not exist."""
        text = _strip(arn)
        if not is_role_arn(text):
            return Unknown("the role annotation is missing or not a valid role ARN")
        parsed = arns.Arn.parse(text)
        if parsed.account_id != self.account_id:
            return Unknown(f"role {parsed} is not in the AWS account of the credentials, which is {self.account_id}")
        if isinstance(self.roles, Unknown):
            return self.roles
        return self.roles.get(parsed.resource.rpartition("/")[2])

    def get_pods(self, name: Name) -> OrUnknown[t.Sequence[Json]]:
        """The unfinished pods of a service account."""
        return self.pods if isinstance(self.pods, Unknown) else self.pods.get(name, ())


def _strip(arn: str | None) -> str:
    return (arn or "").strip(" \t\r\n'\"")


def get_role_annotation(account: Json | None) -> str | None:
    """The value of a service account's role annotation; None if it is missing or empty."""
    annotations = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    return annotations.get(ROLE_ARN_ANNOTATION) or None


def is_annotated(resource: Json) -> bool:
    """Whether an object has the role annotation, even if it is empty or misspelled."""
    return has_role_annotation(resource["metadata"].get("annotations") or {})


def parse_exact_subject(subject: str) -> Name | None:
    """The service account in a subject; None if the subject has wildcards or does not name a service account."""
    return None if has_wildcard(subject) else parse_subject(subject)


def is_fully_injected(pod: Json, role_arn: str | None) -> bool:
    """Whether every container has the role, so that the pod's owner need not be read."""
    containers = injection.inspect_containers(pod, role_arn or "")
    return bool(role_arn) and all(container.state == "correct" for container in containers)
