# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the facts for an audit: a whole cluster and its AWS account, page by page and in parallel."""

from __future__ import annotations

import collections
import dataclasses
import functools
import time
import typing as t
from concurrent.futures import Executor, Future, ThreadPoolExecutor

from .._api.aws import eks, iam
from .._api.kubernetes import admission, schemas, service_accounts, workloads
from .._core import arn as arns
from .._core import errors
from .._core.audit.accounts import examine_pods
from .._core.audit.facts import AuditFacts, AuditSpec, Name, get_role_annotation, is_fully_injected
from .._core.diagnosis.causes import Finding
from .._core.diagnosis.diagnose import build_bulk_spec
from .._core.diagnosis.facts import OrUnknown, Unknown, known, read_or_unknown
from .._core.diagnosis.rules import account as account_rules
from .._core.pods import injection, workload_kinds
from .._core.policy.document import compact
from .verify import run as verification

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws
    from .._api.kubernetes.client import ApiServer
    from .._core.arn import EksCluster

Json = dict[str, t.Any]
T = t.TypeVar("T")
_OwnerKey = tuple[str, workload_kinds.Owner]

# Up to this many workloads of a kind are read one by one. For more, all of the kind are listed.
_MAX_SINGLE_READS = 8
# Trust policies up to this length need no check: the default quota is 2048 characters.
_UNCHECKED_LENGTH = 1500
_NO_CLUSTER_NAME = Unknown("EKS is read only if cluster_name is set")
_NOT_READ_YET = Unknown("not read yet")


def read_facts(
    aws: Aws, server: ApiServer, spec: AuditSpec, cluster: EksCluster | None, *, redact: t.Callable[[str], None]
) -> AuditFacts:
    """Reads everything that an audit examines.

    :param cluster: None if the option ``issuer`` is set instead of ``cluster_name``.
    :param redact: called with each token that is requested.
    :raises AccessDenied: the caller cannot list service accounts, without which there is nothing to examine.
    :raises IrsaError: AWS or the cluster does not respond.
    """
    reads = ReadRecorder()
    with ThreadPoolExecutor(spec.workers) as pool:
        cluster_reader = AuditClusterReader(server, spec, pool, reads)
        aws_reader = AuditAwsReader(aws, spec, pool, reads)
        # Only this thread creates clients. The roles take the longest, so what does not need them is done meanwhile.
        roles_and_policies = aws_reader.start_roles()
        facts = _read_independent_facts(aws_reader, cluster_reader, cluster, pool)
        facts.workloads = cluster_reader.read_owners(facts)
        if spec.env_from:
            facts.env_sources = cluster_reader.read_env_sources(facts)
        if spec.dry_run_pod:
            facts.webhook = _test_webhook(aws, server, spec, cluster, facts, reads, redact)
        facts.examined_pods = examine_pods(facts, spec)
        facts.roles, facts.policies = roles_and_policies.result()
        facts.quotas = aws_reader.read_quotas(facts.roles)
        facts.addons = aws_reader.read_addons(cluster, facts.examined_accounts)
    facts.skipped_checks, facts.only_namespaces = reads.skipped, spec.namespaces
    return facts


def _read_independent_facts(
    aws_reader: AuditAwsReader, cluster_reader: AuditClusterReader, cluster: EksCluster | None, pool: Executor
) -> AuditFacts:
    """The facts that do not depend on other facts, without the roles."""
    accounts = pool.submit(cluster_reader.list_accounts)
    pods = pool.submit(cluster_reader.read_pods)
    webhooks = pool.submit(cluster_reader.read_webhooks)
    namespaces = pool.submit(cluster_reader.read_namespaces)
    identity = aws_reader.identify_cluster(cluster)
    provider, provider_arns = aws_reader.start_providers(identity)
    associations = aws_reader.read_associations(cluster)
    issuers = aws_reader.read_issuers(provider_arns.result(), arns.provider_of(identity.issuer))
    return AuditFacts(
        cluster=cluster,
        issuer=identity.issuer,
        partition=identity.partition,
        account_id=identity.account_id,
        provider=provider.result(),
        provider_arns=provider_arns.result(),
        issuers=issuers,
        roles=_NOT_READ_YET,
        policies={},
        quotas=_NOT_READ_YET,
        associations=associations,
        addons=_NOT_READ_YET,
        service_accounts=accounts.result(),
        namespaces=namespaces.result(),
        webhooks=webhooks.result(),
        pods=pods.result(),
        now=time.time(),
    )


class ReadRecorder:
    """Runs reads, returns `Unknown` for a failed read, and records it."""

    def __init__(self) -> None:
        self._skipped: dict[str, None] = {}

    @property
    def skipped(self) -> tuple[str, ...]:
        """What could not be read, in sentences."""
        return tuple(self._skipped)

    def read_aws(self, read: t.Callable[[], T]) -> T | Unknown:
        """The result of a read; Unknown if it fails."""
        result = read_or_unknown(read)
        return self.record(result) if isinstance(result, Unknown) else result

    def read_cluster(self, read: t.Callable[[], T], permission: str) -> T | Unknown:
        """The result of a read; Unknown if the permission is missing. Other errors are raised."""
        try:
            return read()
        except errors.AccessDenied as error:
            return self.record(Unknown.from_error(error, permission))

    def record(self, unknown: Unknown) -> Unknown:
        """Records what could not be read."""
        self.record_sentences([f"{unknown.reason[:1].upper()}{unknown.reason[1:]}."])
        return unknown

    def record_sentences(self, sentences: t.Iterable[str]) -> None:
        """Records what could not be read, each sentence once."""
        self._skipped.update(dict.fromkeys(sentences))


@dataclasses.dataclass(frozen=True)
class _ClusterIdentity:
    """The issuer of the audited cluster, and its AWS account."""

    account_id: str
    partition: str
    issuer: str

    @property
    def provider_arn(self) -> str:
        return arns.provider_arn(self.partition, self.account_id, self.issuer)


class AuditAwsReader:
    """Reads IAM and EKS."""

    def __init__(self, aws: Aws, spec: AuditSpec, pool: Executor, reads: ReadRecorder) -> None:
        self._aws = aws
        self._spec = spec
        self._pool = pool
        self._reads = reads

    def identify_cluster(self, cluster: EksCluster | None) -> _ClusterIdentity:
        """The issuer and account of the cluster; without a cluster, the account of the credentials."""
        if cluster:
            return _ClusterIdentity(cluster.account_id, cluster.partition, cluster.require_issuer())
        caller = self._aws.caller()
        return _ClusterIdentity(caller.account_id, caller.partition, t.cast(str, self._spec.issuer))

    def start_roles(self) -> Future[tuple[OrUnknown[dict[str, Json]], dict[str, Json]]]:
        """Starts to read the roles by name and the documents of the account's own policies by ARN."""
        return self._pool.submit(self._read_roles, self._aws.client("iam"))

    def _read_roles(self, client: t.Any) -> tuple[OrUnknown[dict[str, Json]], dict[str, Json]]:
        """Falls back to roles without policies if the caller lacks the permission for both."""
        policies: dict[str, Json] = {}
        try:
            roles, policies = iam.account_roles_and_policies(client)
        except errors.AccessDenied as error:
            self._reads.record(Unknown.from_error(error, str(error.details["action"])))
            try:
                roles = iam.list_roles(client)
            except errors.AccessDenied as second:
                return self._reads.record(Unknown.from_error(second, str(second.details["action"]))), {}
        return {role["RoleName"]: role for role in roles}, policies

    def start_providers(self, identity: _ClusterIdentity) -> tuple[Future[t.Any], Future[t.Any]]:
        """Starts to read the cluster's OIDC provider and to list all providers of the account."""
        client = self._aws.client("iam")
        find = functools.partial(iam.find_oidc_provider, client, arn=identity.provider_arn)
        list_all = functools.partial(iam.list_oidc_providers, client)
        return self._pool.submit(self._reads.read_aws, find), self._pool.submit(self._reads.read_aws, list_all)

    def read_associations(self, cluster: EksCluster | None) -> OrUnknown[t.Sequence[Json]]:
        """The EKS Pod Identity associations of the cluster."""
        if cluster is None:
            return _NO_CLUSTER_NAME
        list_all = functools.partial(eks.list_all_pod_identity_associations, self._aws.client("eks"))
        return self._reads.read_aws(functools.partial(list_all, cluster=cluster.name))

    def read_quotas(self, roles: OrUnknown[dict[str, Json]]) -> OrUnknown[dict[str, int]]:
        """The account's quotas, if a trust policy could exceed one."""
        known_roles = {} if isinstance(roles, Unknown) else roles
        if any(len(compact(role["AssumeRolePolicyDocument"])) > _UNCHECKED_LENGTH for role in known_roles.values()):
            return self._reads.read_aws(functools.partial(iam.account_summary, self._aws.client("iam")))
        return Unknown("no trust policy is long enough to exceed a quota")

    def read_issuers(self, providers: OrUnknown[t.Sequence[str]], own: str) -> dict[str, OrUnknown[frozenset[str]]]:
        """The issuers of the account's clusters, for each region in the URL of another cluster's provider."""
        if not self._spec.providers or isinstance(providers, Unknown):
            return {}
        urls = [arns.provider_name(arn) for arn in providers]
        matches = [arns.EKS_ISSUER.fullmatch(url) for url in urls if url != own]
        return {region: self._read_issuers(region) for region in sorted({match[2] for match in matches if match})}

    def _read_issuers(self, region: str) -> OrUnknown[frozenset[str]]:
        client = self._aws.client("eks", region)
        names = self._reads.read_aws(functools.partial(eks.list_clusters, client))
        if isinstance(names, Unknown):
            return names
        issuers = list(self._pool.map(functools.partial(self._find_issuer, client), names))
        unknown = next((issuer for issuer in issuers if isinstance(issuer, Unknown)), None)
        # An unreadable cluster can have the issuer of any provider.
        return unknown or frozenset(str(issuer) for issuer in issuers if issuer)

    def _find_issuer(self, client: t.Any, name: str) -> str | Unknown | None:
        try:
            return arns.EksCluster.from_aws(eks.describe_cluster(client, name=name)).issuer
        except errors.NotFound:
            return None  # deleted after it was listed
        except errors.AccessDenied as error:
            return self._reads.record(Unknown.from_error(error, str(error.details["action"])))

    def read_addons(self, cluster: EksCluster | None, names: t.Sequence[Name]) -> OrUnknown[list[Json]]:
        """The add-ons that can manage one of the service accounts."""
        if cluster is None:
            return _NO_CLUSTER_NAME
        client = self._aws.client("eks")
        addons = sorted({addon for name in names for addon in account_rules.addons_of(*name)})
        reads = [functools.partial(eks.find_addon, client, cluster=cluster.name, name=addon) for addon in addons]
        results = list(self._pool.map(self._reads.read_aws, reads))
        unknown = next((addon for addon in results if isinstance(addon, Unknown)), None)
        return unknown or [dict(addon) for addon in results if addon and not isinstance(addon, Unknown)]


class AuditClusterReader:
    """Reads the cluster."""

    def __init__(self, server: ApiServer, spec: AuditSpec, pool: Executor, reads: ReadRecorder) -> None:
        self._server = server
        self._spec = spec
        self._pool = pool
        self._reads = reads

    def _list(self, list_all: t.Callable[..., list[Json]]) -> list[Json]:
        """The objects in the namespaces to examine."""
        namespaces = self._spec.namespaces
        if not namespaces:
            return list_all(self._server)
        # For several namespaces, this lists the objects of all namespaces.
        objects = service_accounts.list_in_namespaces(self._server, list_all, namespaces)
        return [body for body in objects if body["metadata"]["namespace"] in namespaces]

    def list_accounts(self) -> dict[Name, Json]:
        """The service accounts by name.

        :raises AccessDenied: the caller cannot list them.
        """
        accounts = self._list(service_accounts.list_service_accounts)
        return {(account["metadata"]["namespace"], account["metadata"]["name"]): account for account in accounts}

    def read_webhooks(self) -> OrUnknown[t.Sequence[Json]]:
        """The mutating webhooks."""
        return self._reads.read_cluster(
            functools.partial(admission.list_webhooks, self._server),
            "list mutatingwebhookconfigurations.admissionregistration.k8s.io",
        )

    def read_namespaces(self) -> OrUnknown[dict[str, Json]]:
        """The namespaces by name."""
        return self._reads.read_cluster(self._list_namespaces, "list namespaces")

    def _list_namespaces(self) -> dict[str, Json]:
        if self._spec.namespaces:
            bodies = {name: service_accounts.find_namespace(self._server, name=name) for name in self._spec.namespaces}
            return {name: body for name, body in bodies.items() if body}
        return {body["metadata"]["name"]: body for body in service_accounts.list_namespaces(self._server)}

    def read_pods(self) -> OrUnknown[dict[Name, list[Json]]]:
        """The unfinished pods by service account, without unused fields."""
        return self._reads.read_cluster(self._list_pods, "list pods")

    def _list_pods(self) -> OrUnknown[dict[Name, list[Json]]]:
        if not self._spec.pods:
            return Unknown("pods are not checked")
        pods: dict[Name, list[Json]] = collections.defaultdict(list)
        for pod in self._list(functools.partial(workloads.list_pods, keep=_trim_pod)):
            pods[pod["metadata"]["namespace"], injection.get_account_name(pod)].append(pod)
        return pods

    def read_owners(self, facts: AuditFacts) -> dict[str, dict[workload_kinds.Owner, Json | None]]:
        """The owners of annotated accounts' pods that lack the role in a container, by namespace; None if not read."""
        if isinstance(facts.pods, Unknown):
            return {}
        pods_by_namespace: dict[str, list[t.Mapping[str, t.Any]]] = collections.defaultdict(list)
        for name in facts.annotated_accounts:
            arn = get_role_annotation(facts.service_accounts[name])
            pods_by_namespace[name[0]] += [pod for pod in facts.pods.get(name, ()) if not is_fully_injected(pod, arn)]
        owners: dict[str, dict[workload_kinds.Owner, Json | None]] = {namespace: {} for namespace in pods_by_namespace}
        # At most two rounds: the ReplicaSets, then their Deployments.
        while missing := {
            (namespace, owner): None
            for namespace, pods in pods_by_namespace.items()
            for owner in workload_kinds.list_owners_to_read(pods, owners[namespace], with_templates=True)
        }:
            bodies = self._read_workloads(list(missing))
            for namespace, owner in missing:
                owners[namespace][owner] = bodies.get((namespace, owner))
        return owners

    def _read_workloads(self, keys: list[_OwnerKey]) -> dict[_OwnerKey, Json | None]:
        keys_by_kind: dict[tuple[str, str], list[_OwnerKey]] = collections.defaultdict(list)
        for namespace, owner in keys:
            keys_by_kind[owner.api_version, owner.kind].append((namespace, owner))
        found: dict[_OwnerKey, Json | None] = {}
        for (api_version, kind), keys_of_kind in keys_by_kind.items():
            if len(keys_of_kind) <= _MAX_SINGLE_READS:
                found.update(zip(keys_of_kind, self._pool.map(self._read_workload, keys_of_kind), strict=True))
                continue
            keys_by_name = {(namespace, owner.name): (namespace, owner) for namespace, owner in keys_of_kind}
            keep = functools.partial(_keep_named, keys_by_name)
            list_all = functools.partial(workloads.list_workloads, api_version=api_version, kind=kind, keep=keep)
            bodies = self._reads.read_cluster(functools.partial(self._list, list_all), f"list {kind}")
            for body in [] if isinstance(bodies, Unknown) else bodies:
                found[keys_by_name[body["metadata"]["namespace"], body["metadata"]["name"]]] = body
        return found

    def _read_workload(self, key: _OwnerKey) -> Json | None:
        namespace, owner = key
        read = functools.partial(workloads.find_workload, self._server, namespace=namespace, **owner._asdict())
        return known(self._reads.read_cluster(read, f"get {owner.kind}"))

    def read_env_sources(self, facts: AuditFacts) -> dict[str, dict[tuple[str, str], list[str]]]:
        """The keys of what envFrom of annotated service accounts' containers names, by namespace."""
        if isinstance(facts.pods, Unknown):
            return {}
        sources = {
            (name[0], kind, source): None
            for name in facts.annotated_accounts
            for pod in facts.pods.get(name, ())
            for kind, source in injection.list_env_sources(pod)
        }
        env_sources: dict[str, dict[tuple[str, str], list[str]]] = collections.defaultdict(dict)
        for (namespace, kind, name), keys in zip(sources, self._pool.map(self._read_keys, sources), strict=True):
            if keys:
                env_sources[namespace][kind, name] = keys
        return env_sources

    def _read_keys(self, source: tuple[str, str, str]) -> list[str] | None:
        namespace, kind, name = source
        read = functools.partial(admission.data_keys, self._server, namespace=namespace, kind=kind, name=name)
        return known(self._reads.read_cluster(read, f"get {kind}"))


def _test_webhook(
    aws: Aws,
    server: ApiServer,
    spec: AuditSpec,
    cluster: EksCluster | None,
    facts: AuditFacts,
    reads: ReadRecorder,
    redact: t.Callable[[str], None],
) -> tuple[Finding, ...]:
    """The webhook findings of one server-side dry run, with the first annotated account."""
    annotated = (name for name in facts.annotated_accounts if get_role_annotation(facts.service_accounts[name]))
    name = next(annotated, None)
    if name is None:
        return ()
    bulk_spec = build_bulk_spec(*name, role_arn=None, issuer=facts.issuer, region=spec.region, ask_sts=False)
    verification_spec = dataclasses.replace(bulk_spec, probes=frozenset({"admission"}))
    context = verification.VerificationContext(aws, server, cluster, redact)
    diagnosis = verification.verify(context, verification_spec, start_pods=False)
    reads.record_sentences(diagnosis.warnings)
    return tuple(finding for finding in diagnosis.findings if finding.link == "webhook")


def _trim_pod(pod: Json) -> Json | None:
    """A pod without fields that are not used; None if it has finished."""
    if injection.is_finished(pod):
        return None
    status = pod.get("status") or {}
    metadata = {key: value for key, value in pod["metadata"].items() if key != "managedFields"}
    status = {key: status[key] for key in ("phase", "reason") if key in status}
    return {"metadata": metadata, "spec": schemas.trim_pod_spec(pod["spec"]), "status": status}


def _keep_named(names: t.Container[tuple[str, str]], body: Json) -> Json | None:
    return body if (body["metadata"]["namespace"], body["metadata"]["name"]) in names else None
