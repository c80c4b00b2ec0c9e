# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a chain that its rules judge, each as the service that was asked returns it."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import arn as arns
from ..arn import is_role_arn
from ..errors import AccessDenied, IrsaError
from ..pods import injection
from ..pods.injection import Expected

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


OrUnknown: t.TypeAlias = T | Unknown

NO_ROLE: t.Final = Unknown("no role is named")


def known(fact: OrUnknown[T]) -> T | None:
    """The fact, None if it is Unknown."""
    return None if isinstance(fact, Unknown) else fact


def read_or_unknown(read: t.Callable[[], T]) -> OrUnknown[T]:
    """What a read returns; Unknown where it fails, for whatever reason. Other facts may still decide."""
    try:
        return read()
    except AccessDenied as error:
        return Unknown.from_error(error, str(error.details["action"]))
    except IrsaError as error:
        return Unknown.from_error(error)


def read_unless_denied(read: t.Callable[[], T], permission: str) -> OrUnknown[T]:
    """What a read returns; Unknown where the caller lacks this permission."""
    try:
        return read()
    except AccessDenied as error:
        return Unknown.from_error(error, permission)


@dataclasses.dataclass(frozen=True)
class Chain:
    """The chain that is verified: what is known once the account and the cluster are read.

    :param issuer: the cluster's OIDC issuer, exactly as DescribeCluster (or the option ``issuer``) gives it.
    :param role_arn: what the option or else the annotation says, as it is there; None where neither names one.
    :param audience: the audience of the account's tokens: its annotation, or ``sts.amazonaws.com``.
    :param account_id: the AWS account of the cluster; None where only an issuer was given.
    :param partition: the cluster's AWS partition; None likewise.
    :param cluster: the EKS cluster's name, None likewise.
    :param cross_account: whether the user named the role, so that one in another account than the cluster's is
        intended.
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

    @property
    def intended_role_arn(self) -> arns.Arn | None:
        """The role's ARN without quotes and blanks around it; None if it is not a role's ARN even then."""
        text = (self.role_arn or "").strip(" \t\r\n'\"")
        return arns.Arn.parse(text) if is_role_arn(text) else None

    @property
    def role_name(self) -> str | None:
        """The name for GetRole, which takes no path; None if no role is named."""
        arn = self.intended_role_arn
        return arn.resource.rpartition("/")[2] if arn else None

    @property
    def provider_arn(self) -> str | None:
        """The ARN of the cluster's OIDC provider in the role's account and in the cluster's partition.

        None where neither a role nor the cluster names the account.
        """
        arn = self.intended_role_arn
        partition = self.partition or (arn.partition if arn else None)
        account_id = arn.account_id if arn else self.account_id
        return arns.provider_arn(partition, account_id, self.issuer) if partition and account_id else None


@dataclasses.dataclass(frozen=True)
class AwsFacts:
    """What IAM and EKS answer. Facts of a service that was not asked (another account's, say) are Unknown as well.

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

    provider: OrUnknown[Json | None]
    provider_arns: OrUnknown[t.Sequence[str]]
    role: OrUnknown[Json | None]
    managed_policies: OrUnknown[t.Sequence[str]]
    inline_policies: OrUnknown[t.Mapping[str, Json]]
    boundary: OrUnknown[Json | None]
    quotas: OrUnknown[t.Mapping[str, int]]
    addons: OrUnknown[t.Sequence[Json]]
    associations: OrUnknown[t.Sequence[Json]]


@dataclasses.dataclass(frozen=True)
class KubernetesFacts:
    """What the API server answers, each object as the server returns it.

    :param account: the ServiceAccount; None if there is none.
    :param namespace: the Namespace; None if there is none.
    :param webhooks: all MutatingWebhookConfigurations.
    :param serving_ca: the PEM bundles of certificates that can have signed the in-cluster webhook's serving
        certificate; Unknown where its secret can't be read or the webhook is outside of the cluster.
    :param pods: the pods that use the account, or that the label selectors choose.
    :param workloads: the objects of their owners, as `workload_kinds.Workloads`.
    :param admitted: the pod that a server-side dry run returned; None where the probe is off.
    :param minor_version: of the API server: 29 for 1.29.
    :param refused: the API server's message where it refused the dry run because it could not call the pod identity
        webhook (failurePolicy Fail); ``admitted`` is Unknown then. Any other refusal is no fact about the webhook.
    :param observed_at: when all this was read, Unix time; without it no certificate counts as expired.
    :param env_sources: the keys, never the values, of ConfigMaps and Secrets that containers take as a whole
        (``envFrom``), by kind and name: ``("ConfigMap", "settings")``. One that cannot be read is skipped.
    """

    account: OrUnknown[Json | None]
    namespace: OrUnknown[Json | None]
    webhooks: OrUnknown[t.Sequence[Json]]
    serving_ca: OrUnknown[str | None]
    pods: OrUnknown[t.Sequence[Json]]
    workloads: t.Mapping[t.Any, Json | None]
    admitted: OrUnknown[Json | None]
    minor_version: int | None = None
    refused: str | None = None
    observed_at: float | None = None
    env_sources: t.Mapping[tuple[str, str], t.Collection[str]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class StsAnswer:
    """The answer of STS to one AssumeRoleWithWebIdentity.

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
    """What the test pod printed.

    :param log: its log, credentials redacted.
    :param caller_arn: the ARN that `sts get-caller-identity` printed there.
    :param injected: whether its container had the webhook's variables.
    """

    __test__ = False  # pytest takes a class of this name for tests

    log: str
    caller_arn: str | None = None
    injected: bool = False


@dataclasses.dataclass(frozen=True)
class ChainFacts:
    """All facts about one chain.

    :param sts: None where the token probe is off.
    :param test_pod: None where no test pod was asked for, or none is started in check mode.
    """

    chain: Chain
    aws: AwsFacts
    kubernetes: KubernetesFacts
    sts: OrUnknown[StsAnswer] | None = None
    test_pod: OrUnknown[TestPod] | None = None

    @property
    def is_assumed(self) -> bool:
        """Whether STS let the account assume the role."""
        return isinstance(self.sts, StsAnswer) and self.sts.code is None


# The names in messages, and what a new pod of the account would carry


def name_of(chain: Chain) -> str:
    """The account's namespace and name."""
    return f"{chain.namespace}/{chain.service_account}"


def role_placeholder(chain: Chain) -> str:
    """The role's ARN for a fix, or a placeholder where the chain names none."""
    return chain.role_arn or "the role's ARN"


def admitted(facts: KubernetesFacts) -> Json | None:
    """The pod that came back from the dry run; None where there was none, or it was refused."""
    return None if isinstance(facts.admitted, Unknown) else facts.admitted


def injected_role(facts: KubernetesFacts) -> str | None:
    """The role that the webhook gave to the pod of the dry run, by whatever configuration."""
    pod = admitted(facts)
    for _field, container in injection.containers_of(pod["spec"]) if pod is not None else ():
        if injection.is_injected(container):
            return str(injection.environment_of(container)[injection.ROLE_VARIABLE]["value"])
    return None


def has_pod_identity(facts: KubernetesFacts) -> bool:
    """Whether a new pod was given the credentials of an EKS Pod Identity association in the dry run."""
    pod = admitted(facts)
    return pod is not None and any(
        injection.POD_IDENTITY_VARIABLE in injection.environment_of(container)
        for _field, container in injection.containers_of(pod["spec"])
    )


def was_mutated(facts: KubernetesFacts) -> bool | None:
    """Whether the webhook gave credentials of either kind to the pod of the dry run; None without a dry run."""
    if admitted(facts) is None:
        return None
    return injected_role(facts) is not None or has_pod_identity(facts)


def annotated(facts: KubernetesFacts) -> Expected | None:
    """What the account's annotations ask for; None where they name no role or cannot be read."""
    if facts.account is None or isinstance(facts.account, Unknown):
        return None
    return Expected.from_account(facts.account)


def expected_injection(chain: Chain, facts: KubernetesFacts) -> Expected | None:
    """What a new pod of the account would carry; None where that is nothing.

    In this order: the annotation; the role of the dry run, as the webhook's own ConfigMap may name one for an account
    without an annotation; for an account that cannot be read, the role that the user named.
    """
    role_arn = injected_role(facts)
    # A dry run that brings the role shows that no association takes precedence.
    pod_identity = role_arn is None
    by_annotation = annotated(facts)
    if by_annotation is not None:
        return dataclasses.replace(by_annotation, pod_identity=pod_identity)
    if role_arn is None and isinstance(facts.account, Unknown):
        role_arn = chain.role_arn
    return Expected(role_arn, pod_identity=pod_identity) if role_arn else None


# What a bulk run has already read

_NOT_READ: t.Final = Unknown("it isn't read for many bindings at once")


def as_get_role(found: Json) -> dict[str, t.Any]:
    """A role as GetRole returns it.

    :param found: as `irsa_role` returns it.
    """
    boundary = found["permissions_boundary"]
    return {
        "Arn": found["arn"],
        "RoleName": found["name"],
        "Path": found["path"],
        "AssumeRolePolicyDocument": found["trust_policy"],
        "Tags": found["tags"],
        **({"PermissionsBoundary": {"PermissionsBoundaryArn": boundary}} if boundary else {}),
    }


def bulk_aws_facts(provider: Json, of_role: OrUnknown[Json | None], policies: Json | None = None) -> AwsFacts:
    """The facts of IAM.

    :param provider: as `iam_oidc_provider` returns it.
    :param of_role: as GetRole returns it; None if it does not exist.
    :param policies: the role as `irsa_role` returns it, where it was read as a whole.
    """
    managed = (policies or {}).get("managed_policies")
    inline = (policies or {}).get("inline_policies")
    return AwsFacts(
        provider={"ClientIDList": provider["client_ids"], "ThumbprintList": provider["thumbprints"] or []},
        provider_arns=_NOT_READ,
        role=of_role,
        managed_policies=_NOT_READ if managed is None else managed,
        inline_policies=_NOT_READ if inline is None else inline,
        boundary=_NOT_READ,
        quotas=_NOT_READ,
        addons=_NOT_READ,
        associations=_NOT_READ,
    )


def bulk_kubernetes_facts(of_account: Json | None) -> KubernetesFacts:
    """The facts of the cluster.

    :param of_account: as Kubernetes returns it; None if it does not exist.
    """
    return KubernetesFacts(
        account=of_account,
        namespace=_NOT_READ,
        webhooks=_NOT_READ,
        serving_ca=_NOT_READ,
        pods=_NOT_READ,
        workloads={},
        admitted=None,
    )
