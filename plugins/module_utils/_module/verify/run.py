# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the observations of a verification, side by side as far as they don't need one another. What they mean, `_core`
decides."""

from __future__ import annotations

import base64
import binascii
import concurrent.futures
import dataclasses
import functools
import re
import secrets
import time
import typing as t

from ..._api.kubernetes import admission, service_accounts, workloads
from ..._core import errors
from ..._core.diagnosis import diagnose, expected_injection, webhook_config
from ..._core.diagnosis import options as diagnosis_options
from ..._core.diagnosis.diagnose import Diagnosis, Observations
from ..._core.diagnosis.findings import KubernetesFacts, Observed, TestPod, Unknown
from ..._core.diagnosis.options import PodWanted, Wanted
from ..._core.diagnosis.rules import sts as sts_rules
from ..._core.pods import injection, owners, readiness
from . import observation
from .token_probe import TokenProbe

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.arn import EksCluster

Json = dict[str, t.Any]
T = t.TypeVar("T")

CONNECTIONS = 8
# What cert-manager calls the secret in upstream's manifests.
_SERVING_SECRET = "pod-identity-webhook-cert"  # noqa: S105


class Verification:
    """One verification.

    :param cluster: None where the chain's issuer is given instead.
    :param conceal: told every token and credential as soon as there is one.
    :param start_pods: whether the test pod may be started.
    """

    def __init__(
        self,
        aws: Aws,
        server: ApiServer,
        wanted: Wanted,
        cluster: EksCluster | None,
        *,
        conceal: t.Callable[[str], None],
        start_pods: bool,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._aws = aws
        self._server = server
        self._wanted = wanted
        self._cluster = cluster
        self._conceal = conceal
        self._start_pods = start_pods
        self._sleep = sleep
        self._clock = clock

    def run(self) -> Diagnosis:
        """Looks at everything that the probes are for.

        :raises WrongCluster: the API server is another cluster's.
        :raises IrsaError: there is no connection to the cluster.
        """
        seen = self._observe()
        if self._wanted.test_pod and self._start_pods:
            seen = dataclasses.replace(seen, test_pod=self._run_pod(self._wanted.test_pod))
        return diagnose.diagnose(self._wanted, seen)

    # Side by side

    def _observe(self) -> Observations:
        wanted, probes = self._wanted, self._wanted.probes
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            account = pool.submit(self._see, self._read_account, f"get serviceaccounts in {wanted.namespace}")
            # Clients are made by this thread alone, while the others wait for the network.
            reads = observation.Reads(pool, self._aws if "static" in probes else None, self._cluster, wanted)
            cluster = {name: pool.submit(read) for name, read in self._cluster_reads().items()}
            reads.begin()
            token = self._token_probe() if "token" in probes else None
            chain = diagnosis_options.chain_of(wanted, self._cluster, observation.known(account.result()))
            asked = pool.submit(token.ask, chain, account.result()) if token else None
            rehearsed = pool.submit(self._rehearse, account.result()) if "admission" in probes else None
            aws = reads.finish(chain)
            facts = self._facts(account.result(), {name: read.result() for name, read in cluster.items()})
            if rehearsed:
                facts = self._with_rehearsal(facts, rehearsed.result())
            seen = Observations(chain, aws, facts)
            if token and asked:
                seen = dataclasses.replace(seen, sts=asked.result())
                seen = dataclasses.replace(seen, sts=token.settle(seen))
        return seen

    def _token_probe(self) -> TokenProbe:
        return TokenProbe(
            self._server, self._aws, self._wanted, conceal=self._conceal, sleep=self._sleep, clock=self._clock
        )

    def _see(self, read: t.Callable[[], T], permission: str) -> T | Unknown:
        """What a read of the cluster brings; Unknown if the caller isn't allowed to."""
        try:
            return read()
        except errors.AccessDenied as error:
            return observation.unknown(error, permission)

    def _read_account(self) -> Json | None:
        wanted = self._wanted
        return service_accounts.find_service_account(
            self._server, namespace=wanted.namespace, name=wanted.service_account
        )

    def _cluster_reads(self) -> dict[str, t.Callable[[], t.Any]]:
        """The reads that need nothing first."""
        server, namespace, probes = self._server, self._wanted.namespace, self._wanted.probes
        reads: dict[str, t.Callable[[], t.Any]] = {}
        if probes & {"static", "admission", "pods"}:
            list_webhooks = functools.partial(admission.list_webhooks, server)
            find_namespace = functools.partial(service_accounts.find_namespace, server, name=namespace)
            permission = "list mutatingwebhookconfigurations.admissionregistration.k8s.io"
            reads["webhooks"] = functools.partial(self._see, list_webhooks, permission)
            reads["namespace"] = functools.partial(self._see, find_namespace, f"get namespaces {namespace}")
        if "pods" in probes:
            reads["pods"] = functools.partial(self._see, self._read_pods, f"list pods in {namespace}")
            if not self._cluster:
                reads["version"] = functools.partial(self._see, functools.partial(admission.minor_version, server), "")
        return reads

    def _facts(self, account: Observed[Json | None], read: t.Mapping[str, t.Any]) -> KubernetesFacts:
        off = Unknown("the probes that need it are off")
        pods = read.get("pods", off)
        listed, found, sources = pods if isinstance(pods, tuple) else (pods, {}, {})
        version = read.get("version")
        if self._cluster and self._cluster.version:
            version = int(self._cluster.version.partition(".")[2] or 0) or None
        return KubernetesFacts(
            account=account,
            namespace=read.get("namespace", off),
            webhooks=read.get("webhooks", off),
            serving_ca=Unknown("it is needed only where a dry run comes back untouched"),
            pods=listed,
            workloads=found,
            admitted=None,
            minor_version=version if isinstance(version, int) else None,
            observed_at=time.time(),
            env_sources=sources,
        )

    # Pods

    def _read_pods(self) -> tuple[list[Json], dict[owners.Owner, Json | None], dict[tuple[str, str], list[str]]]:
        wanted = self._wanted
        # With labels, pods of other accounts are chosen as well: that may be what is wrong with them.
        account = None if wanted.label_selectors else wanted.service_account
        query = workloads.pod_query(account, wanted.label_selectors)
        pods = workloads.list_pods(self._server, namespace=wanted.namespace, query=query)
        found: dict[owners.Owner, Json | None] = {}
        # Twice at most: a ReplicaSet first, then the Deployment that it names.
        while lacking := owners.list_unread_owners(pods, found, with_templates=True):
            for owner in lacking:
                read = functools.partial(
                    workloads.find_workload, self._server, namespace=wanted.namespace, **owner._asdict()
                )
                # Without its owner's template a pod is judged by what it carries alone.
                found[owner] = observation.known(self._see(read, f"get {owner.kind}"))
        return pods, found, self._read_sources(pods)

    def _read_sources(self, pods: t.Iterable[Json]) -> dict[tuple[str, str], list[str]]:
        """The keys of the ConfigMaps and Secrets that containers take whole; one that can't be read is left out."""
        found = {}
        for kind, name in dict.fromkeys(each for pod in pods for each in injection.env_sources_of(pod)):
            read = functools.partial(
                admission.data_keys, self._server, namespace=self._wanted.namespace, kind=kind, name=name
            )
            keys = observation.known(self._see(read, f"get {kind}"))
            if keys:
                found[kind, name] = keys
        return found

    # Admission

    def _rehearse(self, account: Observed[Json | None]) -> Json | errors.IrsaError | Unknown:
        if account is None:
            return Unknown("without the service account no pod can be rehearsed")
        try:
            return admission.rehearse_pod(self._server, body=diagnosis_options.rehearsal(self._wanted))
        except (errors.BadCredentials, errors.BadConnection, errors.Unreachable):
            raise
        except errors.IrsaError as error:
            return error

    def _with_rehearsal(self, facts: KubernetesFacts, outcome: Json | errors.IrsaError | Unknown) -> KubernetesFacts:
        if isinstance(outcome, errors.IrsaError):
            return self._with_refusal(facts, outcome)
        facts = dataclasses.replace(facts, admitted=outcome)
        if isinstance(outcome, Unknown) or expected_injection.was_mutated(facts) or isinstance(facts.webhooks, Unknown):
            return facts
        for hook in webhook_config.pod_identity_hooks(facts.webhooks):
            service = hook.client.get("service")
            if service:
                read = functools.partial(self._read_serving_ca, service["namespace"])
                return dataclasses.replace(facts, serving_ca=self._see(read, "get secrets"))
        return facts

    def _with_refusal(self, facts: KubernetesFacts, error: errors.IrsaError) -> KubernetesFacts:
        cause = error.cause or ""
        called = re.search(r'failed calling webhook "([^"]+)"', cause)
        if called and self._is_pod_identity(facts, called[1]):
            unknown = Unknown(f"{error.message}: {cause}")
            return dataclasses.replace(facts, admitted=unknown, refused=cause)
        if isinstance(error, errors.AccessDenied) and 'cannot create resource "pods"' in cause:
            return dataclasses.replace(
                facts, admitted=observation.unknown(error, f"create pods in {self._wanted.namespace}")
            )
        return dataclasses.replace(facts, admitted=Unknown(f"{error.message}: {cause}"))

    def _is_pod_identity(self, facts: KubernetesFacts, name: str) -> bool:
        known = [] if isinstance(facts.webhooks, Unknown) else webhook_config.pod_identity_hooks(facts.webhooks)
        return name in webhook_config.NAMES or any(each.body.get("name") == name for each in known)

    def _read_serving_ca(self, namespace: str) -> str | None:
        text = admission.find_certificate_authority(self._server, namespace=namespace, secret=_SERVING_SECRET)
        try:
            return base64.b64decode(text, validate=True).decode("ascii") if text else None
        except (binascii.Error, UnicodeDecodeError):
            return None

    # The test pod

    def _run_pod(self, options: PodWanted) -> Observed[TestPod]:
        namespace = self._wanted.namespace
        name = diagnosis_options.test_pod_name(self._wanted, secrets.token_hex(4))
        body = diagnosis_options.test_pod(self._wanted, options, name)
        try:
            pod: Json | None = admission.create_pod(self._server, body=body)
        except errors.AlreadyExists:
            # Nobody else makes that name: an answer got lost.
            pod = None
        except errors.AccessDenied as error:
            permission = f"create pods in {namespace}" if "cannot create" in (error.cause or "") else None
            return observation.unknown(error, permission)
        except (errors.NotFound, errors.InvalidInput, errors.ApiError, errors.Conflict) as error:
            return observation.unknown(error, None)
        last = pod
        try:
            for state in admission.follow_pod(self._server, namespace=namespace, name=name, seconds=options.timeout):
                last = state
                if state is None:
                    return Unknown(f"the test pod {namespace}/{name} was deleted by somebody else")
            return self._read_pod(options, last, name)
        except errors.AccessDenied as error:
            return observation.unknown(error, f"watch pods and get pods/log in {namespace}")
        finally:
            if last is not None:
                workloads.delete_pod(self._server, namespace=namespace, name=name, uid=last["metadata"]["uid"])

    def _read_pod(self, options: PodWanted, pod: Json | None, name: str) -> Observed[TestPod]:
        where = f"{self._wanted.namespace}/{name}"
        if pod is None or (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            trouble = readiness.pod_blocker(pod) if pod else None
            why = f": {trouble.message}" if trouble else ""
            return Unknown(f"the test pod {where} did not end within {options.timeout} seconds{why}")
        try:
            log = diagnosis_options.clean(admission.pod_log(self._server, namespace=self._wanted.namespace, name=name))
        except (errors.NotFound, errors.InvalidInput) as error:
            return Unknown(f"the test pod {where} left no log: {error.cause}")
        injected = any(injection.is_injected(each) for _field, each in injection.containers_of(pod["spec"]))
        return TestPod(log, sts_rules.caller_in(log), injected)
