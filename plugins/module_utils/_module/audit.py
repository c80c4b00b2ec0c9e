# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a whole cluster and its AWS account for an audit, by pages and in parallel. What it means, `_core` decides."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import time
import typing as t

from .._api.aws import eks, iam
from .._api.kubernetes import admission, service_accounts, workloads
from .._api.kubernetes.client import list_in_namespaces
from .._core import arn as arns
from .._core import errors
from .._core.audit import facts as audit_facts
from .._core.audit.facts import AuditFacts, AuditSpec, Name
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

# Up to so many workloads of a kind are read one by one, more by pages.
_MAX_SINGLE_READS = 8
# Every trust policy may have 2048 characters. Longer ones exist only where the quota was raised.
_ALLOWED_LENGTH = 1500
_NO_EKS = Unknown("without cluster_name EKS isn't asked")


def read_facts(
    aws: Aws, server: ApiServer, spec: AuditSpec, cluster: EksCluster | None, *, redact: t.Callable[[str], None]
) -> AuditFacts:
    """Everything that an audit examines.

    :param cluster: None where the issuer is given instead.
    :param redact: called with every token, should there be one.
    :raises AccessDenied: the service accounts can't be listed; without them there is nothing to examine.
    :raises IrsaError: there is no connection to AWS or to the cluster.
    """
    reads = Reads()
    with concurrent.futures.ThreadPoolExecutor(spec.workers) as pool:
        from_cluster = AuditClusterReader(server, spec, pool, reads)
        from_aws = AuditAwsReader(aws, spec, pool, reads)
        facts = _read_independent(from_aws, from_cluster, cluster, pool)
        facts.addons = from_aws.read_addons(cluster, facts.examined_accounts)
        facts.workloads = from_cluster.read_owners(facts)
        if spec.env_from:
            facts.env_sources = from_cluster.read_env_sources(facts)
    if spec.dry_run_pod:
        facts.webhook = _dry_run(aws, server, spec, cluster, facts, reads, redact)
    facts.skipped_checks = reads.skipped
    return facts


def _read_independent(
    aws: AuditAwsReader, from_cluster: AuditClusterReader, cluster: EksCluster | None, pool: concurrent.futures.Executor
) -> AuditFacts:
    """What can be read without knowing the rest."""
    # Clients are made by this thread alone, while the others wait for the network.
    roles = aws.start_roles()
    accounts = pool.submit(from_cluster.list_accounts)
    pods = pool.submit(from_cluster.read_pods)
    webhooks = pool.submit(from_cluster.read_webhooks)
    namespaces = pool.submit(from_cluster.read_namespaces)
    owner = aws.owner(cluster)
    provider, provider_arns = aws.start_providers(owner)
    associations = aws.read_associations(cluster)
    issuers = aws.read_issuers(provider_arns.result(), arns.provider_of(owner.issuer))
    found, policies = roles.result()
    return AuditFacts(
        cluster=cluster,
        issuer=owner.issuer,
        partition=owner.partition,
        account_id=owner.account_id,
        provider=provider.result(),
        provider_arns=provider_arns.result(),
        issuers=issuers,
        roles=found,
        policies=policies,
        quotas=aws.read_quotas(found),
        associations=associations,
        addons=Unknown("not read yet"),
        service_accounts=accounts.result(),
        namespaces=namespaces.result(),
        webhooks=webhooks.result(),
        pods=pods.result(),
        now=time.time(),
    )


class Reads:
    """Makes reads that may be refused. A refused read is `Unknown`, and is recorded."""

    def __init__(self) -> None:
        self._skipped: dict[str, None] = {}

    @property
    def skipped(self) -> tuple[str, ...]:
        """What could not be read, in sentences."""
        return tuple(self._skipped)

    def from_aws(self, read: t.Callable[[], T]) -> T | Unknown:
        """The result of a read; Unknown if AWS refuses it or doesn't know it."""
        found = read_or_unknown(read)
        return self.record(found) if isinstance(found, Unknown) else found

    def from_cluster(self, read: t.Callable[[], T], permission: str) -> T | Unknown:
        """The result of a read; Unknown if the API server refuses it. No answer is an error."""
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
class _Owner:
    """The AWS account that is audited, and the issuer of its cluster."""

    account_id: str
    partition: str
    issuer: str

    @property
    def provider_arn(self) -> str:
        return arns.provider_arn(self.partition, self.account_id, self.issuer)


class AuditAwsReader:
    """Reads IAM and EKS."""

    def __init__(self, aws: Aws, spec: AuditSpec, pool: concurrent.futures.Executor, reads: Reads) -> None:
        self._aws = aws
        self._spec = spec
        self._pool = pool
        self._reads = reads

    def owner(self, cluster: EksCluster | None) -> _Owner:
        """The account of the cluster, else of the credentials."""
        if cluster:
            return _Owner(cluster.account_id, cluster.partition, cluster.require_issuer())
        caller = self._aws.caller()
        return _Owner(caller.account_id, caller.partition, t.cast(str, self._spec.issuer))

    def start_roles(self) -> concurrent.futures.Future[tuple[OrUnknown[dict[str, Json]], dict[str, Json]]]:
        """Starts to read the roles by name, and the documents of the account's policies by ARN."""
        return self._pool.submit(self._read_roles, self._aws.client("iam"))

    def _read_roles(self, client: t.Any) -> tuple[OrUnknown[dict[str, Json]], dict[str, Json]]:
        """Roles with their policies; roles without them if only that is allowed."""
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

    def start_providers(
        self, owner: _Owner
    ) -> tuple[concurrent.futures.Future[t.Any], concurrent.futures.Future[t.Any]]:
        """Starts to read the cluster's OIDC provider, and to list all of the account."""
        client = self._aws.client("iam")
        find = functools.partial(iam.find_oidc_provider, client, arn=owner.provider_arn)
        list_all = functools.partial(iam.list_oidc_providers, client)
        return self._pool.submit(self._reads.from_aws, find), self._pool.submit(self._reads.from_aws, list_all)

    def read_associations(self, cluster: EksCluster | None) -> OrUnknown[t.Sequence[Json]]:
        """The EKS Pod Identity associations of the cluster."""
        if cluster is None:
            return _NO_EKS
        list_all = functools.partial(eks.list_all_pod_identity_associations, self._aws.client("eks"))
        return self._reads.from_aws(functools.partial(list_all, cluster=cluster.name))

    def read_quotas(self, roles: OrUnknown[dict[str, Json]]) -> OrUnknown[dict[str, int]]:
        """The account's quotas, if a trust policy is long enough for them to matter."""
        known = {} if isinstance(roles, Unknown) else roles
        if any(len(compact(role["AssumeRolePolicyDocument"])) > _ALLOWED_LENGTH for role in known.values()):
            return self._reads.from_aws(functools.partial(iam.account_summary, self._aws.client("iam")))
        return Unknown("no trust policy is long enough to matter")

    def read_issuers(self, providers: OrUnknown[t.Sequence[str]], own: str) -> dict[str, OrUnknown[frozenset[str]]]:
        """The issuers of the account's clusters, in each region that the provider of another cluster names."""
        if not self._spec.providers or isinstance(providers, Unknown):
            return {}
        urls = [arns.provider_name(arn) for arn in providers]
        matches = [arns.EKS_ISSUER.fullmatch(url) for url in urls if url != own]
        return {region: self._read_issuers(region) for region in sorted({match[2] for match in matches if match})}

    def _read_issuers(self, region: str) -> OrUnknown[frozenset[str]]:
        client = self._aws.client("eks", region)
        names = self._reads.from_aws(functools.partial(eks.list_clusters, client))
        if isinstance(names, Unknown):
            return names
        issuers = list(self._pool.map(functools.partial(self._describe, client), names))
        refused = next((issuer for issuer in issuers if isinstance(issuer, Unknown)), None)
        # A cluster that can't be read may be the one in question.
        return refused or frozenset(str(issuer) for issuer in issuers if issuer)

    def _describe(self, client: t.Any, name: str) -> str | Unknown | None:
        try:
            return arns.EksCluster.from_aws(eks.describe_cluster(client, name=name)).issuer
        except errors.NotFound:
            return None  # deleted since it was listed
        except errors.AccessDenied as error:
            return self._reads.record(Unknown.from_error(error, str(error.details["action"])))

    def read_addons(self, cluster: EksCluster | None, names: t.Sequence[Name]) -> OrUnknown[list[Json]]:
        """The add-ons that may manage one of the service accounts."""
        if cluster is None:
            return _NO_EKS
        client = self._aws.client("eks")
        addons = sorted({addon for name in names for addon in account_rules.addons_of(*name)})
        reads = [functools.partial(eks.find_addon, client, cluster=cluster.name, name=addon) for addon in addons]
        found = list(self._pool.map(self._reads.from_aws, reads))
        refused = next((addon for addon in found if isinstance(addon, Unknown)), None)
        return refused or [dict(addon) for addon in found if addon and not isinstance(addon, Unknown)]


class AuditClusterReader:
    """Reads the cluster."""

    def __init__(self, server: ApiServer, spec: AuditSpec, pool: concurrent.futures.Executor, reads: Reads) -> None:
        self._server = server
        self._spec = spec
        self._pool = pool
        self._reads = reads

    def _list(self, list_all: t.Callable[..., list[Json]]) -> list[Json]:
        """The objects in the namespaces to examine."""
        namespaces = self._spec.namespaces
        if not namespaces:
            return list_all(self._server)
        # Several are read by one list of all, which has the others, too.
        found = list_in_namespaces(self._server, list_all, namespaces)
        return [item for item in found if item["metadata"]["namespace"] in namespaces]

    def list_accounts(self) -> dict[Name, Json]:
        """The service accounts by name.

        :raises AccessDenied: they can't be listed.
        """
        found = self._list(service_accounts.list_service_accounts)
        return {(account["metadata"]["namespace"], account["metadata"]["name"]): account for account in found}

    def read_webhooks(self) -> OrUnknown[t.Sequence[Json]]:
        """The mutating webhooks."""
        return self._reads.from_cluster(
            functools.partial(admission.list_webhooks, self._server),
            "list mutatingwebhookconfigurations.admissionregistration.k8s.io",
        )

    def read_namespaces(self) -> OrUnknown[dict[str, Json]]:
        """The namespaces by name."""
        return self._reads.from_cluster(self._list_namespaces, "list namespaces")

    def _list_namespaces(self) -> dict[str, Json]:
        if self._spec.namespaces:
            read = [(name, service_accounts.find_namespace(self._server, name=name)) for name in self._spec.namespaces]
            return {name: body for name, body in read if body}
        return {body["metadata"]["name"]: body for body in service_accounts.list_namespaces(self._server)}

    def read_pods(self) -> OrUnknown[dict[Name, list[Json]]]:
        """The pods that may yet run, by service account, without the fields that nothing examines."""
        return self._reads.from_cluster(self._list_pods, "list pods")

    def _list_pods(self) -> OrUnknown[dict[Name, list[Json]]]:
        if not self._spec.pods:
            return Unknown("pods are not looked at")
        found: dict[Name, list[Json]] = collections.defaultdict(list)
        for pod in self._list(functools.partial(workloads.list_pods, keep=_trim_pod)):
            found[pod["metadata"]["namespace"], injection.get_account_name(pod)].append(pod)
        return found

    def read_owners(self, facts: AuditFacts) -> dict[str, dict[workload_kinds.Owner, Json | None]]:
        """The workloads of the pods that lack something, by namespace: only their pod templates matter."""
        if isinstance(facts.pods, Unknown):
            return {}
        doubtful: dict[str, list[t.Mapping[str, t.Any]]] = collections.defaultdict(list)
        for name in facts.examined_accounts:
            role_arn = audit_facts.annotation_of(facts.service_accounts[name])
            doubtful[name[0]] += [pod for pod in facts.pods.get(name, ()) if not audit_facts.is_plain(pod, role_arn)]
        found: dict[str, dict[workload_kinds.Owner, Json | None]] = {namespace: {} for namespace in doubtful}
        # Twice at most: a ReplicaSet first, then the Deployment that it names.
        while missing := {
            (namespace, owner): None
            for namespace, pods in doubtful.items()
            for owner in workload_kinds.list_owners_to_read(pods, found[namespace], with_templates=True)
        }:
            read = self._read_workloads(list(missing))
            for namespace, owner in missing:
                # Without its owner's template a pod is judged by its own fields alone.
                found[namespace][owner] = read.get((namespace, owner))
        return found

    def _read_workloads(self, keys: list[_OwnerKey]) -> dict[_OwnerKey, Json | None]:
        kinds: dict[tuple[str, str], list[_OwnerKey]] = collections.defaultdict(list)
        for namespace, owner in keys:
            kinds[owner.api_version, owner.kind].append((namespace, owner))
        found: dict[_OwnerKey, Json | None] = {}
        for (api_version, kind), of_kind in kinds.items():
            if len(of_kind) <= _MAX_SINGLE_READS:
                found.update(zip(of_kind, self._pool.map(self._read_workload, of_kind), strict=True))
                continue
            wanted = {(namespace, owner.name): (namespace, owner) for namespace, owner in of_kind}
            keep = functools.partial(_keep_wanted, wanted)
            listing = functools.partial(workloads.list_workloads, api_version=api_version, kind=kind, keep=keep)
            listed = self._reads.from_cluster(functools.partial(self._list, listing), f"list {kind}")
            for body in [] if isinstance(listed, Unknown) else listed:
                found[wanted[body["metadata"]["namespace"], body["metadata"]["name"]]] = body
        return found

    def _read_workload(self, key: _OwnerKey) -> Json | None:
        namespace, owner = key
        read = functools.partial(workloads.find_workload, self._server, namespace=namespace, **owner._asdict())
        return known(self._reads.from_cluster(read, f"get {owner.kind}"))

    def read_env_sources(self, facts: AuditFacts) -> dict[str, dict[tuple[str, str], list[str]]]:
        """The keys of the ConfigMaps and Secrets that containers take with envFrom, by namespace."""
        if isinstance(facts.pods, Unknown):
            return {}
        sources = {
            (name[0], kind, source): None
            for name in facts.examined_accounts
            for pod in facts.pods.get(name, ())
            for kind, source in injection.list_env_sources(pod)
        }
        found: dict[str, dict[tuple[str, str], list[str]]] = collections.defaultdict(dict)
        for (namespace, kind, name), keys in zip(sources, self._pool.map(self._read_keys, sources), strict=True):
            if keys:
                found[namespace][kind, name] = keys
        return found

    def _read_keys(self, source: tuple[str, str, str]) -> list[str] | None:
        namespace, kind, name = source
        read = functools.partial(admission.data_keys, self._server, namespace=namespace, kind=kind, name=name)
        return known(self._reads.from_cluster(read, f"get {kind}"))


def _dry_run(
    aws: Aws,
    server: ApiServer,
    spec: AuditSpec,
    cluster: EksCluster | None,
    facts: AuditFacts,
    reads: Reads,
    redact: t.Callable[[str], None],
) -> tuple[Finding, ...]:
    """What a server-side dry run shows of the webhook: with one annotated account, since it is the same for all."""
    annotated = (name for name in facts.examined_accounts if audit_facts.annotation_of(facts.service_accounts[name]))
    name = next(annotated, None)
    if name is None:
        return ()
    plain = build_bulk_spec(*name, role_arn=None, issuer=facts.issuer, region=spec.region, ask_sts=False)
    verification_spec = dataclasses.replace(plain, probes=frozenset({"admission"}))
    context = verification.VerificationContext(aws, server, cluster, redact)
    diagnosis = verification.verify(context, verification_spec, start_pods=False)
    reads.record_sentences(diagnosis.warnings)
    return tuple(finding for finding in diagnosis.findings if finding.link == "webhook")


def _trim_pod(pod: Json) -> Json | None:
    """A pod without the fields that nothing examines, which are most of it; None for one that never runs again."""
    if injection.is_finished(pod):
        return None
    status = pod.get("status") or {}
    metadata = {key: value for key, value in pod["metadata"].items() if key != "managedFields"}
    return {**pod, "metadata": metadata, "status": {key: status[key] for key in ("phase", "reason") if key in status}}


def _keep_wanted(wanted: t.Container[tuple[str, str]], body: Json) -> Json | None:
    return body if (body["metadata"]["namespace"], body["metadata"]["name"]) in wanted else None
