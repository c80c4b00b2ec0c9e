# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a whole cluster and its account for an audit, by pages and side by side. What it means, `_core` decides."""

from __future__ import annotations

import collections
import concurrent.futures
import dataclasses
import functools
import time
import typing as t

from .._api.aws import eks, iam
from .._api.kubernetes import admission, workloads
from .._api.kubernetes import service_accounts as cluster
from .._core import arn as arns
from .._core import errors
from .._core.audit import facts as audit_facts
from .._core.audit.facts import Facts, Name
from .._core.diagnosis import facts as proofs
from .._core.diagnosis.findings import Finding, Observed, Unknown
from .._core.diagnosis.rules import account as account_rules
from .._core.diagnosis.rules import trust_facts
from .._core.pods import injection, owners
from .._core.policy.document import compact
from .verify import observation
from .verify.run import Verification

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws
    from .._api.kubernetes.client import ApiServer
    from .._core.arn import EksCluster
    from .._core.audit.options import Wanted

Json = dict[str, t.Any]
T = t.TypeVar("T")

# Up to so many workloads of a kind are read one by one, more by pages.
_FEW = 8
# Every trust policy may have 2048 characters. Longer ones are there only where the quota was raised.
_SURE_LENGTH = 1500


class Reader:
    """Reads what an audit looks at.

    :param cluster: None where the issuer is given instead.
    :param conceal: told every token, should there be one.
    """

    def __init__(
        self,
        aws: Aws,
        server: ApiServer,
        wanted: Wanted,
        cluster: EksCluster | None,
        *,
        conceal: t.Callable[[str], None],
    ) -> None:
        self._aws = aws
        self._server = server
        self._wanted = wanted
        self._cluster = cluster
        self._conceal = conceal
        self._unread: dict[str, None] = {}

    def read(self) -> Facts:
        """All of it.

        :raises AccessDenied: the service accounts may not be listed; without them there is nothing to look at.
        :raises IrsaError: AWS or the cluster can't be reached.
        """
        with concurrent.futures.ThreadPoolExecutor(self._wanted.workers) as pool:
            facts = self._read(pool)
            facts.addons = self._read_addons(pool, facts.looked_at)
            facts.workloads = self._read_owners(pool, facts)
            if self._wanted.env_from:
                facts.env_sources = self._read_sources(pool, facts)
        if self._wanted.rehearse:
            facts.webhook = self._rehearse(facts)
        facts.unread = tuple(self._unread)
        return facts

    def _read(self, pool: concurrent.futures.Executor) -> Facts:
        server, named = self._server, self._cluster
        # Clients are made by this thread alone, while the others wait for the network.
        client = self._aws.client("iam")
        roles = pool.submit(self._read_roles, client)
        accounts = pool.submit(self._everywhere, cluster.list_service_accounts)
        pods = pool.submit(self._see, self._read_pods, "list pods")
        webhooks = pool.submit(
            self._see,
            functools.partial(admission.list_webhooks, server),
            "list mutatingwebhookconfigurations.admissionregistration.k8s.io",
        )
        namespaces = pool.submit(self._see, self._read_namespaces, "list namespaces")
        caller = self._aws.caller() if named is None else None
        account_id = named.account_id if named else t.cast("arns.Arn", caller).account_id
        partition = named.partition if named else t.cast("arns.Arn", caller).partition
        issuer = named.require_issuer() if named else t.cast(str, self._wanted.issuer)
        arn = arns.provider_arn(partition, account_id, issuer)
        provider = pool.submit(self._ask, functools.partial(iam.find_oidc_provider, client, arn=arn))
        provider_arns = pool.submit(self._ask, functools.partial(iam.list_oidc_providers, client))
        associations: Observed[t.Sequence[Json]] = Unknown("without cluster_name EKS isn't asked")
        if named:
            list_all = functools.partial(
                eks.list_all_pod_identity_associations, self._aws.client("eks"), cluster=named.name
            )
            associations = pool.submit(self._ask, list_all).result()
        issuers = self._read_issuers(pool, provider_arns.result(), arns.provider_of(issuer))
        found, policies = roles.result()
        return Facts(
            cluster=named,
            issuer=issuer,
            partition=partition,
            account_id=account_id,
            provider=provider.result(),
            provider_arns=provider_arns.result(),
            issuers=issuers,
            roles=found,
            policies=policies,
            quotas=self._read_quotas(client, found),
            associations=associations,
            addons=Unknown("not read yet"),
            service_accounts={_name_of(each): each for each in accounts.result()},
            namespaces=namespaces.result(),
            webhooks=webhooks.result(),
            pods=pods.result(),
            now=time.time(),
        )

    # What is refused

    def _ask(self, read: t.Callable[[], T]) -> T | Unknown:
        """What a read of AWS brings; Unknown, and said in the end, where AWS refuses it or doesn't know it."""
        found = observation.ask(read)
        if isinstance(found, Unknown):
            self._say(found)
        return found

    def _see(self, read: t.Callable[[], T], permission: str) -> T | Unknown:
        """The same of a read of the cluster. That there is no answer is an error."""
        try:
            return read()
        except errors.AccessDenied as error:
            found = observation.unknown(error, permission)
            self._say(found)
            return found

    def _say(self, unknown: Unknown) -> None:
        self._unread[f"{unknown.reason[:1].upper()}{unknown.reason[1:]}."] = None

    # AWS

    def _read_roles(self, client: t.Any) -> tuple[Observed[dict[str, Json]], dict[str, Json]]:
        """The roles with their policies; without them where only that is allowed."""
        policies: dict[str, Json] = {}
        try:
            roles, policies = iam.account_roles_and_policies(client)
        except errors.AccessDenied as error:
            self._say(observation.unknown(error, str(error.details["action"])))
            try:
                roles = iam.list_roles(client)
            except errors.AccessDenied as second:
                refused = observation.unknown(second, str(second.details["action"]))
                self._say(refused)
                return refused, {}
        return {each["RoleName"]: each for each in roles}, policies

    def _read_quotas(self, client: t.Any, roles: Observed[dict[str, Json]]) -> Observed[dict[str, int]]:
        known = {} if isinstance(roles, Unknown) else roles
        if any(len(compact(each["AssumeRolePolicyDocument"])) > _SURE_LENGTH for each in known.values()):
            return self._ask(functools.partial(iam.account_summary, client))
        return Unknown("no trust policy is long enough to matter")

    def _read_issuers(
        self, pool: concurrent.futures.Executor, providers: Observed[t.Sequence[str]], own: str
    ) -> dict[str, Observed[frozenset[str]]]:
        """The issuers of the account's clusters in each region that another cluster's provider names."""
        if not self._wanted.providers or isinstance(providers, Unknown):
            return {}
        urls = [arn.partition(":oidc-provider/")[2] for arn in providers]
        found = [trust_facts.EKS_ISSUER.fullmatch(url) for url in urls if url != own]
        issuers: dict[str, Observed[frozenset[str]]] = {}
        for region in sorted({match[2] for match in found if match}):
            client = self._aws.client("eks", region)
            names = self._ask(functools.partial(eks.list_clusters, client))
            if isinstance(names, Unknown):
                issuers[region] = names
                continue
            describe = functools.partial(self._describe, client)
            described = list(pool.map(describe, names))
            refused = next((each for each in described if isinstance(each, Unknown)), None)
            # One that can't be read may be the one that is looked for.
            issuers[region] = refused or frozenset(str(each) for each in described if each)
        return issuers

    def _describe(self, client: t.Any, name: str) -> str | Unknown | None:
        try:
            return arns.EksCluster.from_aws(eks.describe_cluster(client, name=name)).issuer
        except errors.NotFound:
            return None  # deleted since it was listed
        except errors.AccessDenied as error:
            unknown = observation.unknown(error, str(error.details["action"]))
            self._say(unknown)
            return unknown

    def _read_addons(self, pool: concurrent.futures.Executor, names: t.Sequence[Name]) -> Observed[list[Json]]:
        """Those add-ons that may keep one of the service accounts."""
        if self._cluster is None:
            return Unknown("without cluster_name EKS isn't asked")
        client, cluster = self._aws.client("eks"), self._cluster.name
        addons = sorted({each for name in names for each in account_rules.addons_of(*name)})
        reads = [functools.partial(eks.find_addon, client, cluster=cluster, name=each) for each in addons]
        found = list(pool.map(self._ask, reads))
        refused = next((each for each in found if isinstance(each, Unknown)), None)
        return refused or [dict(each) for each in found if each and not isinstance(each, Unknown)]

    # The cluster

    def _everywhere(self, list_all: t.Callable[..., list[Json]]) -> list[Json]:
        """What is in the namespaces that are looked at."""
        namespaces = self._wanted.namespaces
        if not namespaces:
            return list_all(self._server)
        # Several are read by one list of all, which has the others, too.
        found = workloads.everywhere(self._server, list_all, namespaces)
        return [each for each in found if each["metadata"]["namespace"] in namespaces]

    def _read_namespaces(self) -> dict[str, Json]:
        """The namespaces that are looked at, by name."""
        if self._wanted.namespaces:
            read = [(name, cluster.find_namespace(self._server, name=name)) for name in self._wanted.namespaces]
            return {name: body for name, body in read if body}
        return {each["metadata"]["name"]: each for each in cluster.list_namespaces(self._server)}

    def _read_pods(self) -> Observed[dict[Name, list[Json]]]:
        """The pods that may yet run, by service account, without what nobody looks at."""
        if not self._wanted.pods:
            return Unknown("pods are not looked at")
        found: dict[Name, list[Json]] = collections.defaultdict(list)
        for pod in self._everywhere(functools.partial(workloads.list_pods, keep=_bare)):
            found[pod["metadata"]["namespace"], injection.account_of(pod)].append(pod)
        return found

    def _read_owners(
        self, pool: concurrent.futures.Executor, facts: Facts
    ) -> dict[str, dict[owners.Owner, Json | None]]:
        """The workloads of those pods that lack something: only there it matters what they were made from."""
        if isinstance(facts.pods, Unknown):
            return {}
        doubtful: dict[str, list[t.Mapping[str, t.Any]]] = collections.defaultdict(list)
        for name in facts.looked_at:
            role_arn = audit_facts.annotation_of(facts.service_accounts[name])
            pods = facts.pods.get(name, ())
            doubtful[name[0]] += [each for each in pods if not audit_facts.is_plain(each, role_arn)]
        found: dict[str, dict[owners.Owner, Json | None]] = {namespace: {} for namespace in doubtful}
        # Twice at most: a ReplicaSet first, then the Deployment that it names.
        while lacking := {
            (namespace, owner): None
            for namespace, pods in doubtful.items()
            for owner in owners.list_unread_owners(pods, found[namespace], with_templates=True)
        }:
            read = self._read_workloads(pool, list(lacking))
            for namespace, owner in lacking:
                # Without its owner's template a pod is judged by what it carries alone.
                found[namespace][owner] = read.get((namespace, owner))
        return found

    def _read_workloads(
        self, pool: concurrent.futures.Executor, wanted: list[tuple[str, owners.Owner]]
    ) -> dict[tuple[str, owners.Owner], Json | None]:
        kinds: dict[tuple[str, str], list[tuple[str, owners.Owner]]] = collections.defaultdict(list)
        for namespace, owner in wanted:
            kinds[owner.api_version, owner.kind].append((namespace, owner))
        found: dict[tuple[str, owners.Owner], Json | None] = {}
        for (api_version, kind), some in kinds.items():
            if len(some) <= _FEW:
                for each, body in zip(some, pool.map(self._read_workload, some), strict=True):
                    found[each] = body
                continue
            chosen = {(namespace, owner.name): (namespace, owner) for namespace, owner in some}
            keep = functools.partial(_chosen, chosen)
            listing = functools.partial(workloads.list_workloads, api_version=api_version, kind=kind, keep=keep)
            listed = self._see(functools.partial(self._everywhere, listing), f"list {kind}")
            for body in [] if isinstance(listed, Unknown) else listed:
                found[chosen[body["metadata"]["namespace"], body["metadata"]["name"]]] = body
        return found

    def _read_workload(self, wanted: tuple[str, owners.Owner]) -> Json | None:
        namespace, owner = wanted
        read = functools.partial(workloads.find_workload, self._server, namespace=namespace, **owner._asdict())
        return observation.known(self._see(read, f"get {owner.kind}"))

    def _read_sources(
        self, pool: concurrent.futures.Executor, facts: Facts
    ) -> dict[str, dict[tuple[str, str], list[str]]]:
        """The keys of the ConfigMaps and Secrets that containers take whole."""
        if isinstance(facts.pods, Unknown):
            return {}
        wanted = {
            (name[0], kind, source): None
            for name in facts.looked_at
            for pod in facts.pods.get(name, ())
            for kind, source in injection.env_sources_of(pod)
        }

        def read(each: tuple[str, str, str]) -> list[str] | None:
            namespace, kind, name = each
            keys = functools.partial(admission.data_keys, self._server, namespace=namespace, kind=kind, name=name)
            return observation.known(self._see(keys, f"get {kind}"))

        found: dict[str, dict[tuple[str, str], list[str]]] = collections.defaultdict(dict)
        for (namespace, kind, name), keys in zip(wanted, pool.map(read, wanted), strict=True):
            if keys:
                found[namespace][kind, name] = keys
        return found

    def _rehearse(self, facts: Facts) -> tuple[Finding, ...]:
        """What a dry run with one of the service accounts shows of the webhook, which is the same for all of them."""
        name = next((each for each in facts.looked_at if audit_facts.annotation_of(facts.service_accounts[each])), None)
        if name is None:
            return ()
        plain = proofs.wanted(*name, role_arn=None, issuer=facts.issuer, region=self._wanted.region, ask=False)
        wanted = dataclasses.replace(plain, probes=frozenset({"admission"}))
        found = Verification(
            self._aws, self._server, wanted, self._cluster, conceal=self._conceal, start_pods=False
        ).run()
        for warning in found.warnings:
            self._unread[warning] = None
        return tuple(each for each in found.findings if each.link == "webhook")


def _name_of(account: Json) -> Name:
    return account["metadata"]["namespace"], account["metadata"]["name"]


def _bare(pod: Json) -> Json | None:
    """A pod without what nobody looks at, which is most of it; None for one that never runs again."""
    if injection.is_finished(pod):
        return None
    status = pod.get("status") or {}
    metadata = {key: value for key, value in pod["metadata"].items() if key != "managedFields"}
    return {**pod, "metadata": metadata, "status": {key: status[key] for key in ("phase", "reason") if key in status}}


def _chosen(chosen: t.Container[tuple[str, str]], body: Json) -> Json | None:
    return body if (body["metadata"]["namespace"], body["metadata"]["name"]) in chosen else None
