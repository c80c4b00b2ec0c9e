# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a chain, as AWS and Kubernetes return them. The rules evaluate them."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import arn as arns
from ..arn import is_role_arn
from ..errors import AccessDenied, IrsaError
from ..pods import injection
from ..pods.injection import ExpectedInjection

Json = t.Mapping[str, t.Any]
T = t.TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Unknown:
    """Replaces a fact that was not read.

    :param reason: why it was not read, for warnings; it names a missing permission.
    :param permission: the missing permission, if that is the reason.
    """

    reason: str
    permission: str | None = None

    @classmethod
    def from_error(cls, error: IrsaError, permission: str | None = None) -> Unknown:
        """Replaces a fact whose read failed with this error.

        :param permission: the permission that the caller does not have, if that is the reason.
        """
        if permission:
            return cls(f"{error.message}: the permission {permission} is missing", permission)
        return cls(f"{error.message}: {error.cause}" if error.cause else error.message)


OrUnknown: t.TypeAlias = T | Unknown

NO_ROLE: t.Final = Unknown("neither the role annotation nor role_arn is a valid role ARN")


def known(fact: OrUnknown[T]) -> T | None:
    """The fact; None if it is Unknown."""
    return None if isinstance(fact, Unknown) else fact


def read_or_unknown(read: t.Callable[[], T]) -> OrUnknown[T]:
    """The result of ``read``; Unknown if it fails for any reason, because other facts may be sufficient."""
    try:
        return read()
    except AccessDenied as error:
        return Unknown.from_error(error, str(error.details["action"]))
    except IrsaError as error:
        return Unknown.from_error(error)


def read_unless_denied(read: t.Callable[[], T], permission: str) -> OrUnknown[T]:
    """The result of ``read``; Unknown if the caller does not have this permission."""
    try:
        return read()
    except AccessDenied as error:
        return Unknown.from_error(error, permission)


@dataclasses.dataclass(frozen=True, slots=True)  # an audit keeps thousands of them
class Chain:
    """The chain to verify, after the service account and the cluster were read.

    :param issuer: the cluster's OIDC issuer, exactly as DescribeCluster or the option ``issuer`` has it.
    :param role_arn: the option, otherwise the annotation, unchanged; None if neither is set.
    :param audience: the audience of the service account's tokens: its annotation, or ``sts.amazonaws.com``.
    :param account_id: the AWS account of the cluster; None if the user gave only an issuer, like ``partition`` and
        ``cluster``.
    :param cross_account: the user named the role, so it may be in an AWS account other than the cluster's.
    :param needs_force: `sa_annotate` needs ``force`` to change the role annotation.
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
    needs_force: bool = False

    @property
    def intended_role_arn(self) -> arns.Arn | None:
        """The role's ARN without surrounding quotes and whitespace; None if that is not a valid role ARN either."""
        text = (self.role_arn or "").strip(" \t\r\n'\"")
        return arns.Arn.parse(text) if is_role_arn(text) else None

    @property
    def role_name(self) -> str | None:
        """The role's name without its path, for GetRole; None without a valid ARN."""
        arn = self.intended_role_arn
        return arn.resource.rpartition("/")[2] if arn else None

    @property
    def provider_arn(self) -> str | None:
        """The ARN of the cluster's OIDC provider in the role's AWS account and the cluster's partition.

        None if neither the role nor the cluster names the AWS account.
        """
        arn = self.intended_role_arn
        partition = self.partition or (arn.partition if arn else None)
        account_id = arn.account_id if arn else self.account_id
        return arns.provider_arn(partition, account_id, self.issuer) if partition and account_id else None


@dataclasses.dataclass(frozen=True)
class AwsFacts:
    """The facts from IAM and EKS.

    :param provider: GetOpenIDConnectProvider for the provider in the *role's* AWS account; None if it does not exist.
    :param provider_arns: all OIDC providers in the AWS account of the credentials.
    :param role: GetRole, with the trust policy decoded; None if the role does not exist.
    :param managed_policies: ARNs of the role's managed policies.
    :param inline_policies: documents of the role's inline policies by name.
    :param boundary: the document of the role's permissions boundary; None if the role does not have one.
    :param quotas: SummaryMap of GetAccountSummary.
    :param addons: ``addon`` of DescribeAddon for the add-ons that may own the service account.
    :param associations: the EKS Pod Identity associations of the service account.
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
    """The facts from the API server. Objects are as the server returns them.

    :param account: the ServiceAccount; None if it does not exist.
    :param namespace: the Namespace; None if it does not exist.
    :param webhooks: all MutatingWebhookConfigurations.
    :param serving_ca: PEM bundle of the CAs that may have signed the serving certificate of an in-cluster webhook.
    :param pods: the pods that use the service account, or that the label selectors match.
    :param workloads: the owners of the pods, as `workload_kinds.Workloads`.
    :param admitted: the pod that a server-side dry run returned; None if the probe is off.
    :param minor_version: of the API server: 29 for 1.29.
    :param refused: the API server's message if it rejected the dry run because it could not call the pod identity
        webhook (failurePolicy Fail); ``admitted`` is Unknown then. Any other rejection says nothing about the webhook.
    :param observed_at: Unix time of the reads; None if expiry of certificates is not checked.
    :param env_sources: keys, never values, of the ConfigMaps and Secrets in ``envFrom``, by kind and name:
        ``("ConfigMap", "settings")``. One that cannot be read is missing.
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
    """The answer of STS to AssumeRoleWithWebIdentity.

    :param claims: ``iss``, ``aud`` and ``sub`` of the token.
    :param code: the error code; None if the role was assumed.
    :param message: the error message, without request IDs.
    :param assumed_role_arn: the ARN of the session if the role was assumed.
    :param expires_in: seconds until the session ends.
    :param settled: the answer is final: it was retried, or a retry cannot change it.
    :param attempts: the number of requests.
    :param waited: seconds between the first and the last request.
    :param first: the error code of the first request, if there was more than one.
    :param region: the region of the STS endpoint.
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
    """The output of the test pod.

    :param log: its log, with credentials redacted.
    :param caller_arn: the ARN of the caller in the log; None if the log does not contain one.
    :param injected: whether its container had the webhook's variables.
    """

    __test__ = False  # pytest would collect a class with this name

    log: str
    caller_arn: str | None = None
    injected: bool = False


@dataclasses.dataclass(frozen=True)
class ChainFacts:
    """All facts about one chain.

    :param sts: None if the token probe is off.
    :param test_pod: None if the test pod is not enabled, or in check mode.
    """

    chain: Chain
    aws: AwsFacts
    kubernetes: KubernetesFacts
    sts: OrUnknown[StsAnswer] | None = None
    test_pod: OrUnknown[TestPod] | None = None

    @property
    def is_assumed(self) -> bool:
        """Whether STS accepted the token and the role was assumed."""
        return isinstance(self.sts, StsAnswer) and self.sts.code is None


# Names for messages


def name_of(chain: Chain) -> str:
    """The namespace and name of the service account: ``shop/cart``."""
    return f"{chain.namespace}/{chain.service_account}"


def describe_annotate(chain: Chain, role_arn: str | None = None) -> str:
    """The call of `sa_annotate` that annotates the service account, for a fix.

    :param role_arn: the role; None for the chain's role, or a placeholder if the chain does not name one.
    """
    role_arn = role_arn or chain.role_arn or "ROLE_ARN"
    force = ", force: true" if chain.needs_force else ""
    return (
        f"eksops.irsa.sa_annotate (namespace: {chain.namespace}, name: {chain.service_account}, "
        f"role_arn: {role_arn}{force})"
    )


# What a new pod of the service account gets


def admitted(facts: KubernetesFacts) -> Json | None:
    """The pod that the dry run returned; None if there was no dry run or it was rejected."""
    return None if isinstance(facts.admitted, Unknown) else facts.admitted


def injected_role(facts: KubernetesFacts) -> str | None:
    """The role that the webhook gave to the pod of the dry run, from any configuration."""
    pod = admitted(facts)
    for _field, container in injection.list_containers(pod["spec"]) if pod is not None else ():
        if injection.is_injected(container):
            return str(injection.get_environment(container)[injection.ROLE_VARIABLE]["value"])
    return None


def has_pod_identity(facts: KubernetesFacts) -> bool:
    """Whether the pod of the dry run has the credentials of an EKS Pod Identity association."""
    pod = admitted(facts)
    return pod is not None and any(
        injection.POD_IDENTITY_VARIABLE in injection.get_environment(container)
        for _field, container in injection.list_containers(pod["spec"])
    )


def was_mutated(facts: KubernetesFacts) -> bool | None:
    """Whether the pod of the dry run has a role or an EKS Pod Identity association; None without a dry run."""
    if admitted(facts) is None:
        return None
    return injected_role(facts) is not None or has_pod_identity(facts)


def annotated(facts: KubernetesFacts) -> ExpectedInjection | None:
    """What the annotations of the service account request; None without a role annotation, or if it cannot be read."""
    if facts.account is None or isinstance(facts.account, Unknown):
        return None
    return ExpectedInjection.from_account(facts.account)


def expected_injection(chain: Chain, facts: KubernetesFacts) -> ExpectedInjection | None:
    """What a new pod of the service account gets; None if it gets no role.

    In this order: the annotation; the role of the dry run, which can also come from the webhook's ConfigMap; if the
    service account cannot be read, the role that the user named.
    """
    role_arn = injected_role(facts)
    # If the dry run returned the role, no association takes precedence.
    pod_identity = role_arn is None
    by_annotation = annotated(facts)
    if by_annotation is not None:
        return dataclasses.replace(by_annotation, pod_identity=pod_identity)
    if role_arn is None and isinstance(facts.account, Unknown):
        role_arn = chain.role_arn
    return ExpectedInjection(role_arn, pod_identity=pod_identity) if role_arn else None


# Facts from objects that a bulk run has already read

_NOT_READ: t.Final = Unknown("not read when many bindings are verified")


def as_get_role(role: Json) -> dict[str, t.Any]:
    """A role as GetRole returns it.

    :param role: the role as `irsa_role` returns it.
    """
    boundary = role["permissions_boundary"]
    return {
        "Arn": role["arn"],
        "RoleName": role["name"],
        "Path": role["path"],
        "AssumeRolePolicyDocument": role["trust_policy"],
        "Tags": role["tags"],
        **({"PermissionsBoundary": {"PermissionsBoundaryArn": boundary}} if boundary else {}),
    }


def bulk_aws_facts(provider: Json, role: OrUnknown[Json | None], policies: Json | None = None) -> AwsFacts:
    """The facts from IAM.

    :param provider: the provider as `iam_oidc_provider` returns it.
    :param role: the role as GetRole returns it; None if it does not exist.
    :param policies: the role as `irsa_role` returns it, if its policies were read.
    """
    managed = (policies or {}).get("managed_policies")
    inline = (policies or {}).get("inline_policies")
    return AwsFacts(
        provider={"ClientIDList": provider["client_ids"], "ThumbprintList": provider["thumbprints"] or []},
        provider_arns=_NOT_READ,
        role=role,
        managed_policies=_NOT_READ if managed is None else managed,
        inline_policies=_NOT_READ if inline is None else inline,
        boundary=_NOT_READ,
        quotas=_NOT_READ,
        addons=_NOT_READ,
        associations=_NOT_READ,
    )


def bulk_kubernetes_facts(account: Json | None) -> KubernetesFacts:
    """The facts from the cluster.

    :param account: the ServiceAccount; None if it does not exist.
    """
    return KubernetesFacts(
        account=account,
        namespace=_NOT_READ,
        webhooks=_NOT_READ,
        serving_ca=_NOT_READ,
        pods=_NOT_READ,
        workloads={},
        admitted=None,
    )
