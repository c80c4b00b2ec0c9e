# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an audit reads of a whole cluster, and which of it belongs together."""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

from .. import arn as arns
from ..arn import ROLE_ARN_ANNOTATION, EksCluster
from ..diagnosis.findings import Finding, Observed, Unknown
from ..pods import injection
from ..pods.owners import Owner
from ..policy.document import federated_principals, statements
from ..service_account.annotations import has_role_key, is_role_arn
from ..trust.evaluation import allowed_subjects
from ..trust.statements import has_wildcard, parse_subject

Json = t.Mapping[str, t.Any]
Name = tuple[str, str]
"""The namespace and the name of a service account."""


@dataclasses.dataclass
class Facts:
    """All that was read. What couldn't be is Unknown.

    :param account_id: the AWS account of the credentials, which is the cluster's if that is named.
    :param provider: GetOpenIDConnectProvider's answer for the cluster's issuer; None if there is none.
    :param provider_arns: all OIDC providers of the account.
    :param issuers: the issuers of the account's EKS clusters by region, for the regions that providers' URLs name.
    :param roles: all roles of the account by name: as GetRole gives them, beyond that ``ManagedPolicies`` and
        ``InlinePolicies`` where they are known.
    :param policies: the documents of the account's own managed policies, by ARN.
    :param service_accounts: those of the namespaces that are looked at.
    :param pods: those that may yet run, by service account.
    :param workloads: the owners of those pods that don't simply have what they should have, by namespace.
    :param env_sources: as in `KubernetesFacts`, by namespace.
    :param webhook: what a dry run showed of the webhook.
    :param now: when all this was read, Unix time.
    :param unread: what could not be read, in sentences.
    """

    cluster: EksCluster | None
    issuer: str
    partition: str
    account_id: str
    provider: Observed[Json | None]
    provider_arns: Observed[t.Sequence[str]]
    issuers: t.Mapping[str, Observed[frozenset[str]]]
    roles: Observed[t.Mapping[str, Json]]
    policies: t.Mapping[str, Json]
    quotas: Observed[t.Mapping[str, int]]
    associations: Observed[t.Sequence[Json]]
    addons: Observed[t.Sequence[Json]]
    service_accounts: t.Mapping[Name, Json]
    namespaces: Observed[t.Mapping[str, Json]]
    webhooks: Observed[t.Sequence[Json]]
    pods: Observed[t.Mapping[Name, t.Sequence[Json]]]
    now: float
    workloads: t.Mapping[str, t.Mapping[Owner, Json | None]] = dataclasses.field(default_factory=dict)
    env_sources: t.Mapping[str, t.Mapping[tuple[str, str], t.Collection[str]]] = dataclasses.field(default_factory=dict)
    webhook: tuple[Finding, ...] = ()
    unread: tuple[str, ...] = ()

    @property
    def provider_arn(self) -> str:
        """The ARN that the cluster's provider has in the account of the credentials."""
        return arns.provider_arn(self.partition, self.account_id, self.issuer)

    @functools.cached_property
    def known_roles(self) -> t.Mapping[str, Json]:
        """The roles by name, none where they couldn't be read."""
        return {} if isinstance(self.roles, Unknown) else self.roles

    @functools.cached_property
    def trusted(self) -> dict[str, list[str]]:
        """Whom the roles trust that trust the cluster's provider: subjects by the role's name."""
        found = {
            name: allowed_subjects(role["AssumeRolePolicyDocument"], self.provider_arn)
            for name, role in self.known_roles.items()
        }
        return {name: list(subjects) for name, subjects in found.items() if subjects is not None}

    @functools.cached_property
    def looked_at(self) -> list[Name]:
        """The service accounts that anything binds to a role: they themselves, their pods, or a role that trusts them.

        Those that a role names and the cluster hasn't got aren't among them.
        """
        found = {name for name, account in self.service_accounts.items() if means_to_name_a_role(account)}
        if not isinstance(self.pods, Unknown):
            found |= {name for name, pods in self.pods.items() if any(map(means_to_name_a_role, pods))}
        for subjects in self.trusted.values():
            found |= {name for name in map(name_of, subjects) if name}
        return sorted(name for name in found if name in self.service_accounts)

    @functools.cached_property
    def trusting(self) -> dict[str, list[str]]:
        """The names of the roles that name an OIDC provider anywhere in their trust policy, by the provider's ARN."""
        found: dict[str, list[str]] = collections.defaultdict(list)
        for name, role in sorted(self.known_roles.items()):
            for statement in statements(role["AssumeRolePolicyDocument"]):
                for arn in federated_principals(statement):
                    if name not in found[arn]:
                        found[arn].append(name)
        return dict(found)

    @functools.cached_property
    def bound(self) -> dict[str, list[Name]]:
        """The service accounts that are annotated with a role, by its ARN as it stands there."""
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
        for each in () if isinstance(self.associations, Unknown) else self.associations:
            found.setdefault((each["namespace"], each["serviceAccount"]), []).append(each)
        return found

    def role_of(self, arn: str | None) -> Observed[Json | None]:
        """The role that an ARN names, which may have another path; None if there is none."""
        text = (arn or "").strip(" \t\r\n'\"")
        if not is_role_arn(text):
            return Unknown("no role is named")
        parsed = arns.Arn.parse(text)
        if parsed.account_id != self.account_id:
            return Unknown(f"role {parsed} is in another account than the credentials, which are of {self.account_id}")
        if isinstance(self.roles, Unknown):
            return self.roles
        return self.roles.get(parsed.resource.rpartition("/")[2])

    def pods_of(self, name: Name) -> Observed[t.Sequence[Json]]:
        """The pods of a service account."""
        return self.pods if isinstance(self.pods, Unknown) else self.pods.get(name, ())


def annotation_of(account: Json | None) -> str | None:
    """The role that a service account is annotated with; None for none, or an empty annotation."""
    annotations = (account or {"metadata": {}})["metadata"].get("annotations") or {}
    return annotations.get(ROLE_ARN_ANNOTATION) or None


def means_to_name_a_role(thing: Json) -> bool:
    """Whether an object carries the annotation, an empty one, or a key that was probably meant to be it."""
    return has_role_key(thing["metadata"].get("annotations") or {})


def name_of(subject: str) -> Name | None:
    """Whom a subject names; None for one with wildcards, and one that is no service account's."""
    return None if has_wildcard(subject) else parse_subject(subject)


def is_plain(pod: Json, role_arn: str | None) -> bool:
    """Whether a pod needs no second look: every container simply has the role."""
    found = injection.examine(pod, role_arn or "")
    return bool(role_arn) and all(each.state == "right" for each in found)
