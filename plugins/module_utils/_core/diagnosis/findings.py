# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a verification observes, and what it finds in it."""

from __future__ import annotations

import dataclasses
import typing as t

from ..errors import IrsaError
from .causes import BY_ID, LINKS, Link, Severity

Json = t.Mapping[str, t.Any]
T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Unknown:
    """In place of an observation that could not be made.

    :param reason: in words, naming the permission that is missing ("iam:GetRole on ..."), for warnings.
    :param permission: the permission alone, if that is what is missing.
    """

    reason: str
    permission: str | None = None

    @classmethod
    def from_error(cls, error: IrsaError, permission: str | None = None) -> Unknown:
        """In place of an observation that failed with this error.

        :param permission: the one that the caller lacks, if that is why.
        """
        if permission:
            return cls(f"{error.message}: the permission {permission} is missing", permission)
        return cls(f"{error.message}: {error.cause}" if error.cause else error.message)


Observed: t.TypeAlias = T | Unknown

NO_ROLE: t.Final = Unknown("no role is named")


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a chain.

    :param id: of the catalogue.
    :param message: what is wrong, naming the object, in one sentence without a full stop.
    :param fix: what to do, with the names of this chain's objects.
    :param evidence: where it was seen: a statement, a field, an answer; never a token or a credential.
    :param expected: what there should be, where one value says it.
    :param found: what there is instead.
    """

    id: str
    message: str
    fix: str
    evidence: str | None = None
    expected: str | None = None
    found: str | None = None

    @property
    def link(self) -> Link:
        """Where in the chain it is."""
        return BY_ID[self.id].link

    @property
    def severity(self) -> Severity:
        """``error`` or ``warning``."""
        return BY_ID[self.id].severity

    def as_dict(self) -> dict[str, t.Any]:
        """In the shape in which `irsa_verify` returns it."""
        return {
            "id": self.id,
            "severity": self.severity,
            "link": self.link,
            "message": self.message,
            "evidence": self.evidence,
            "expected": self.expected,
            "found": self.found,
            "fix": self.fix,
        }


_ORDER = {each: number for number, each in enumerate(BY_ID)}


def in_chain_order(findings: t.Iterable[Finding]) -> list[Finding]:
    """Each once, in the order of the links and of the catalogue."""
    return sorted(dict.fromkeys(findings), key=lambda each: (LINKS.index(each.link), _ORDER[each.id]))


@dataclasses.dataclass(frozen=True)
class Chain:
    """Which chain is looked at: what is known before anything but the account and the cluster is read.

    :param issuer: the cluster's OIDC issuer, exactly as DescribeCluster (or the option ``issuer``) gives it.
    :param role_arn: what the option or else the annotation says, as it stands there; None where neither names one.
    :param audience: what the account's tokens are issued for: its annotation, or ``sts.amazonaws.com``.
    :param account_id: the AWS account of the cluster; None where only an issuer was given.
    :param partition: the cluster's AWS partition; None likewise.
    :param cluster: the EKS cluster's name, None likewise.
    :param cross_account: whether the user gave ``role_arn`` himself, so that another account than the cluster's is
        meant.
    """

    namespace: str
    service_account: str
    issuer: str
    role_arn: str | None
    audience: str
    account_id: str | None = None
    partition: str | None = None
    region: str | None = None
    cluster: str | None = None
    cross_account: bool = False


@dataclasses.dataclass(frozen=True)
class AwsFacts:
    """What IAM and EKS know. A service that wasn't asked (another account's, say) is Unknown as well.

    :param provider: `iam.get_oidc_provider`'s answer for the provider's ARN in the *role's* account; None if there is
        none.
    :param provider_arns: all OIDC providers of the account of the credentials.
    :param role: `iam.get_role`'s answer, the trust policy decoded; None if there is no such role.
    :param managed_policies: ARNs of the role's managed policies.
    :param inline_policies: the role's inline policies, documents by name.
    :param boundary: the document of the role's permissions boundary; None if it has none.
    :param quotas: GetAccountSummary's map.
    :param addons: DescribeAddon's ``addon`` for each add-on of the cluster.
    :param associations: the account's EKS Pod Identity associations.
    """

    provider: Observed[Json | None]
    provider_arns: Observed[t.Sequence[str]]
    role: Observed[Json | None]
    managed_policies: Observed[t.Sequence[str]]
    inline_policies: Observed[t.Mapping[str, Json]]
    boundary: Observed[Json | None]
    quotas: Observed[t.Mapping[str, int]]
    addons: Observed[t.Sequence[Json]]
    associations: Observed[t.Sequence[Json]]


@dataclasses.dataclass(frozen=True)
class KubernetesFacts:
    """What the API server knows, each object as the server returns it.

    :param account: the ServiceAccount; None if there is none.
    :param namespace: the Namespace; None if there is none.
    :param webhooks: all MutatingWebhookConfigurations.
    :param serving_ca: the PEM bundles of certificates that can have signed the in-cluster webhook's serving
        certificate; Unknown where its secret can't be read or the webhook is outside of the cluster.
    :param pods: the pods that use the account, or that the label selectors choose.
    :param workloads: the objects of their owners, as `owners.Workloads`.
    :param admitted: what became of a pod that was created with a server-side dry run; None where the probe is off.
    :param minor_version: of the API server: 29 for 1.29.
    :param refused: the API server's message where it refused the dry run because it could not call the pod identity
        webhook (failurePolicy Fail); ``admitted`` is Unknown then. Any other refusal is no fact about the webhook.
    :param observed_at: when all this was read, Unix time; without it no certificate counts as expired.
    :param env_sources: the keys, never the values, of ConfigMaps and Secrets that containers take as a whole
        (``envFrom``), by kind and name: ``("ConfigMap", "settings")``. One that couldn't be read is left out.
    """

    account: Observed[Json | None]
    namespace: Observed[Json | None]
    webhooks: Observed[t.Sequence[Json]]
    serving_ca: Observed[str | None]
    pods: Observed[t.Sequence[Json]]
    workloads: t.Mapping[t.Any, Json | None]
    admitted: Observed[Json | None]
    minor_version: int | None = None
    refused: str | None = None
    observed_at: float | None = None
    env_sources: t.Mapping[tuple[str, str], t.Collection[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class StsAnswer:
    """What became of one AssumeRoleWithWebIdentity, or of the TokenRequest before it.

    :param claims: ``iss``, ``aud`` and ``sub`` of the token that the API server issued.
    :param code: AWS's error code; None where the role was assumed.
    :param message: AWS's message, without request ids.
    :param assumed_role_arn: where the role was assumed.
    :param settled: whether ``propagation_timeout`` was waited for, so that the refusal is for good.
    :param attempts: how many times STS was asked.
    :param waited: seconds between the first and the last time.
    :param first: the code of the first refusal, where STS was asked more than once.
    :param region: whose endpoint of STS was asked.
    """

    claims: t.Mapping[str, t.Any]
    code: str | None = None
    message: str | None = None
    assumed_role_arn: str | None = None
    expires_in: int | None = None
    settled: bool = True
    attempts: int = 1
    waited: float = 0.0
    first: str | None = None
    region: str | None = None


@dataclasses.dataclass(frozen=True)
class TestPod:
    """What the pod that was started for the test said.

    :param log: its log, clean of credentials.
    :param caller_arn: the ARN that `sts get-caller-identity` printed there.
    :param injected: whether its container had the webhook's variables.
    """

    __test__ = False  # no test class, whatever pytest makes of the name

    log: str
    caller_arn: str | None = None
    injected: bool = False
