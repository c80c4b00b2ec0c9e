# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies one chain: reads the facts in parallel, runs the test pod, and diagnoses the facts with `_core`."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import secrets
import time
import typing as t

from ..._api.kubernetes import admission, workloads
from ..._core import errors
from ..._core.diagnosis import diagnose, test_pod
from ..._core.diagnosis.diagnose import build_chain
from ..._core.diagnosis.facts import ChainFacts, OrUnknown, StsAnswer, TestPod, Unknown, known
from ..._core.diagnosis.rules import pods as pod_rules
from ..._core.pods import injection, readiness
from .observation import AwsReader, ClusterReader
from .token_probe import TokenProbe

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.arn import EksCluster
    from ..._core.diagnosis.diagnose import Diagnosis, TestPodSpec, VerificationSpec
    from ..._core.diagnosis.facts import Chain
    from ..._core.rollout.staleness import PodStatus

Json = dict[str, t.Any]

CONNECTIONS = 8


@dataclasses.dataclass(frozen=True)
class VerificationContext:
    """The clients and callbacks of a verification.

    :param cluster: None if the issuer is given instead.
    :param register_secret: called with each token and credential before it is used, so that it is redacted.
    """

    aws: Aws
    server: ApiServer
    cluster: EksCluster | None
    register_secret: t.Callable[[str], None]
    sleep: t.Callable[[float], None] = time.sleep
    clock: t.Callable[[], float] = time.monotonic


def verify(context: VerificationContext, spec: VerificationSpec, *, start_pods: bool) -> Diagnosis:
    """The diagnosis of a chain.

    :param start_pods: whether the test pod may be started.
    :raises WrongCluster: the API server belongs to another cluster.
    :raises IrsaError: the connection to the cluster failed.
    """
    facts = read_facts(context, spec)
    if spec.test_pod and start_pods:
        facts = dataclasses.replace(facts, test_pod=run_test_pod(context.server, spec, spec.test_pod))
    return diagnose_facts(spec, facts)


def diagnose_facts(spec: VerificationSpec, facts: ChainFacts) -> Diagnosis:
    """The diagnosis with all rules, including those for webhook, pods and test pod."""
    findings = diagnose.find_all(facts, pod_rules.findings(facts.chain, facts.kubernetes))
    if isinstance(facts.test_pod, TestPod):
        findings += test_pod.findings(
            facts.chain,
            facts.aws,
            facts.test_pod,
            allowed=diagnose.static_allows(facts),
            has_sts_answer=isinstance(facts.sts, StsAnswer),
            earlier=findings,
        )
    return diagnose.conclude(spec, facts, findings)


def read_facts(context: VerificationContext, spec: VerificationSpec) -> ChainFacts:
    """All facts that the probes need, with the final answer of STS."""
    aws, probes = context.aws, spec.probes
    cluster_reader = ClusterReader(context.server, spec, context.cluster)
    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        reading_account = pool.submit(cluster_reader.read_account)
        # Only this thread creates clients, while the others wait for the network.
        aws_reader = AwsReader(pool, aws if "static" in probes else None, context.cluster, spec)
        cluster_reader.begin(pool)
        aws_reader.begin()
        account = reading_account.result()
        chain = build_chain(spec, context.cluster, known(account))
        asking = probe = None
        if "token" in probes:
            probe = TokenProbe(
                context.server,
                aws,
                spec,
                register_secret=context.register_secret,
                sleep=context.sleep,
                clock=context.clock,
            )
            asking = pool.submit(probe.ask, chain, account)
        dry_run = pool.submit(cluster_reader.create_dry_run_pod, account) if "admission" in probes else None
        aws_facts = aws_reader.finish(chain)
        kubernetes = cluster_reader.finish(account)
        if dry_run:
            kubernetes = cluster_reader.add_dry_run(kubernetes, dry_run.result())
        facts = ChainFacts(chain, aws_facts, kubernetes)
        if probe and asking:
            facts = dataclasses.replace(facts, sts=asking.result())
            facts = dataclasses.replace(facts, sts=probe.settle(facts))
    return facts


# The test pod


def run_test_pod(server: ApiServer, spec: VerificationSpec, options: TestPodSpec) -> OrUnknown[TestPod]:
    """The output of the test pod. The pod is always deleted."""
    namespace = spec.namespace
    name = test_pod.build_pod_name(spec, secrets.token_hex(4))
    try:
        pod: Json | None = admission.create_pod(server, body=test_pod.build_test_pod(spec, options, name))
    except errors.AlreadyExists:
        # Nothing else uses this name, so the pod was created and the response was lost.
        pod = None
    except errors.AccessDenied as error:
        permission = f"create pods in {namespace}" if "cannot create" in (error.cause or "") else None
        return Unknown.from_error(error, permission)
    except (errors.NotFound, errors.InvalidInput, errors.ApiError, errors.Conflict) as error:
        return Unknown.from_error(error)
    last = pod
    try:
        for state in admission.follow_pod(server, namespace=namespace, name=name, seconds=options.timeout):
            last = state
            if state is None:
                return Unknown(f"the test pod {namespace}/{name} was deleted by another client")
        return _read_test_pod(server, options, last, f"{namespace}/{name}")
    except errors.AccessDenied as error:
        return Unknown.from_error(error, f"watch pods and get pods/log in {namespace}")
    finally:
        if last is not None:
            workloads.delete_pod(server, namespace=namespace, name=name, uid=last["metadata"]["uid"])


def _read_test_pod(server: ApiServer, options: TestPodSpec, pod: Json | None, name: str) -> OrUnknown[TestPod]:
    """:param name: namespace and name."""
    if pod is None or (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
        blocker = readiness.find_pod_blocker(pod) if pod else None
        why = f": {blocker.message}" if blocker else ""
        return Unknown(f"the test pod {name} did not end within {options.timeout} seconds{why}")
    metadata = pod["metadata"]
    try:
        log = admission.pod_log(server, namespace=metadata["namespace"], name=metadata["name"])
    except (errors.NotFound, errors.InvalidInput) as error:
        return Unknown(f"the log of the test pod {name} could not be read: {error.cause}")
    log = test_pod.redact(log)
    injected = any(injection.is_injected(container) for _field, container in injection.list_containers(pod["spec"]))
    return TestPod(log, test_pod.caller_in(log), injected)


# The result


def result_of(diagnosis: Diagnosis) -> dict[str, t.Any]:
    """A diagnosis as `irsa_verify` returns it."""
    facts = diagnosis.facts
    printed = facts.test_pod
    return {
        # So that a registered result without a loop names its service account.
        "namespace": facts.chain.namespace,
        "service_account": facts.chain.service_account,
        "ok": diagnosis.ok,
        "findings": [finding.as_dict() for finding in diagnosis.findings],
        "ignored": [finding.as_dict() for finding in diagnosis.ignored],
        "links": dict(diagnosis.links),
        "proof": diagnose.proof(facts),
        "pods": _pods(facts),
        "test_pod": {"log": printed.log, "caller_arn": printed.caller_arn} if isinstance(printed, TestPod) else None,
    }


def _pods(facts: ChainFacts) -> list[dict[str, t.Any]]:
    """The pods as `pod_rollout` returns them. A pod of another service account has that as its reason."""
    return [_pod(facts.chain, status) for status in pod_rules.evaluate_pods(facts.chain, facts.kubernetes)]


def _pod(chain: Chain, status: PodStatus) -> dict[str, t.Any]:
    account = injection.get_account_name(status.pod)
    if account != chain.service_account:
        reason = f"uses the service account {account} instead of {chain.service_account}"
        status = dataclasses.replace(status, stale=False, reasons=(reason,))
    return status.as_dict(chain.namespace)
