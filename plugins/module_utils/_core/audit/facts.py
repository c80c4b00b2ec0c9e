# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit is to examine, what it reads of a whole cluster, and how that belongs together."""

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
from ..diagnosis.facts import OrUnknown, Unknown
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
    """The options of `irsa_audit`, checked.

    :param issuer: with its scheme; None where the cluster's name is given.
    :param namespaces: the namespaces of the service accounts to examine; empty for all.
    :param role_accounts: the AWS accounts besides the cluster's whose roles may be named.
    :param unused_days: after how many days a role counts as unused; 0 for never.
    :param dry_run_pod: whether a server-side dry run shows that the webhook answers.
    :param max_findings: how many findings the module returns; 0 for all of them.
    :param reports: the path of each report to write, by its format.
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
        """:raises InvalidInput: all options that are not valid."""
        problems = Problems()
        issuer = params.get("issuer") or None
        if issuer:
            validation.check_issuer(problems, issuer)
            issuer = issuer if issuer.startswith("https://") else f"https://{issuer}"
        for namespace in params.get("namespaces") or ():
            validation.check_service_account(problems, namespace, "default", allow_wildcards=False)
        for account_id in params.get("role_accounts") or ():
            if not _ACCOUNT_ID.fullmatch(account_id):
                problems.add(
                    f"role_accounts has {account_id!r}, which is not an AWS account ID", "give the 12 digits of the ID"
                )
        for id_ in params.get("ignore") or ():
            check_finding_id(problems, id_, list(BY_ID))
        for name in ("unused_days", "max_findings"):
            if params[name] < 0:
                problems.add(f"{name} is {params[name]}", "give 0 or more")
        if not 1 <= params["max_workers"] <= _MAX_WORKERS:
            problems.add(f"max_workers is {params['max_workers']}", f"give 1 to {_MAX_WORKERS}")
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


@dataclasses.dataclass
class AuditFacts:
    """Everything that was read. What could not be read is Unknown.

    :param account_id: the AWS account of the credentials, which is the cluster's if that is named.
    :param provider: GetOpenIDConnectProvider's answer for the cluster's issuer; None if it does not exist.
    :param provider_arns: all OIDC providers of the account.
    :param issuers: the issuers of the account's EKS clusters by region, for the regions that providers' URLs name.
    :param roles: all roles of the account by name: as GetRole gives them, beyond that ``ManagedPolicies`` and
        ``InlinePolicies`` where they are known.
    :param policies: the documents of the account's own managed policies, by ARN.
    :param service_accounts: those of the namespaces to examine.
    :param pods: those that may yet run, by service account.
    :param workloads: the owners of those pods that lack something, by namespace.
    :param env_sources: as in `KubernetesFacts`, by namespace.
    :param webhook: what a dry run showed of the webhook.
    :param now: when all this was read, Unix time.
    :param skipped_checks: what could not be read, in sentences.
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
    webhook: tuple[Finding, ...] = ()
    skipped_checks: tuple[str, ...] = ()

    @property
    def provider_arn(self) -> str:
        """The ARN that the cluster's provider has in the account of the credentials."""
        return arns.provider_arn(self.partition, self.account_id, self.issuer)

    @functools.cached_property
    def known_roles(self) -> t.Mapping[str, Json]:
        """The roles by name, empty if they could not be read."""
        return {} if isinstance(self.roles, Unknown) else self.roles

    @functools.cached_property
    def subjects_by_role(self) -> dict[str, list[str]]:
        """The subjects that each role trusts, by its name, of the roles that trust the cluster's provider."""
        found = {
            name: allowed_subjects(role["AssumeRolePolicyDocument"], self.provider_arn)
            for name, role in self.known_roles.items()
        }
        return {name: list(subjects) for name, subjects in found.items() if subjects is not None}

    @functools.cached_property
    def examined_accounts(self) -> list[Name]:
        """The service accounts bound to a role by their annotation, by their pods, or by a role that trusts them.

        Accounts that a role trusts but that do not exist are not among them.
        """
        found = {name for name, account in self.service_accounts.items() if means_to_name_a_role(account)}
        if not isinstance(self.pods, Unknown):
            found |= {name for name, pods in self.pods.items() if any(map(means_to_name_a_role, pods))}
        for subjects in self.subjects_by_role.values():
            found |= {name for name in map(account_in_subject, subjects) if name}
        return sorted(name for name in found if name in self.service_accounts)

    @functools.cached_property
    def roles_by_provider(self) -> dict[str, list[str]]:
        """The names of the roles that name an OIDC provider anywhere in their trust policy, by the provider's ARN."""
        found: dict[str, list[str]] = collections.defaultdict(list)
        for name, role in sorted(self.known_roles.items()):
            for statement in statements(role["AssumeRolePolicyDocument"]):
                for arn in federated_principals(statement):
                    if name not in found[arn]:
                        found[arn].append(name)
        return dict(found)

    @functools.cached_property
    def accounts_by_role_arn(self) -> dict[str, list[Name]]:
        """The service accounts that are annotated with a role, by its ARN as written there."""
        found: dict[str, list[Name]] = collections.defaultdict(list)
        for name, account in sorted(self.service_accounts.items()):
            arn = annotation_of(account)
            if arn:
                found[arn].append(name)
        return dict(found)

    def associations_of(self, name: Name) -> t.Sequence[Json] | Unknown:
        """The EKS Pod Identity associations of a service account."""
        if isinstance(self.associations, Unknown):
            return self.associations
        return self._associations.get(name, [])

    @functools.cached_property
    def _associations(self) -> dict[Name, list[Json]]:
        found: dict[Name, list[Json]] = {}
        for association in () if isinstance(self.associations, Unknown) else self.associations:
            found.setdefault((association["namespace"], association["serviceAccount"]), []).append(association)
        return found

    def role_of(self, arn: str | None) -> OrUnknown[Json | None]:
        """The role that an ARN names, perhaps with another path; None if it does not exist."""
        text = _strip(arn)
        if not is_role_arn(text):
            return Unknown("no role is named")
        parsed = arns.Arn.parse(text)
        if parsed.account_id != self.account_id:
            return Unknown(f"role {parsed} is in another account than the credentials, which are of {self.account_id}")
        if isinstance(self.roles, Unknown):
            return self.roles
        return self.roles.get(parsed.resource.rpartition("/")[2])

    def role_key(self, arn: str | None) -> str:
        """The ARN under which a role is listed: as IAM has it, else as annotated; empty if it can't be a role's."""
        role = self.role_of(arn)
        if role is not None and not isinstance(role, Unknown):
            return str(role["Arn"])
        text = _strip(arn)
        return text if is_role_arn(text) else ""

    def pods_of(self, name: Name) -> OrUnknown[t.Sequence[Json]]:
        """The pods of a service account."""
        return self.pods if isinstance(self.pods, Unknown) else self.pods.get(name, ())


def _strip(arn: str | None) -> str:
    return (arn or "").strip(" \t\r\n'\"")


def annotation_of(account: Json | None) -> str | None:
    """The role that a service account is annotated with; None without a value."""
    annotations = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    return annotations.get(ROLE_ARN_ANNOTATION) or None


def means_to_name_a_role(thing: Json) -> bool:
    """Whether an object carries the annotation, an empty one, or a key that was probably meant to be it."""
    return has_role_annotation(thing["metadata"].get("annotations") or {})


def account_in_subject(subject: str) -> Name | None:
    """The service account that a subject names; None if it has wildcards or is not a service account's."""
    return None if has_wildcard(subject) else parse_subject(subject)


def is_plain(pod: Json, role_arn: str | None) -> bool:
    """Whether every container simply has the role, so that the pod's owner need not be read."""
    containers = injection.examine(pod, role_arn or "")
    return bool(role_arn) and all(container.state == "right" for container in containers)
