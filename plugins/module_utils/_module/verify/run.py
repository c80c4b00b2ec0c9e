# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Verifies chains: reads the facts in parallel, runs the test pods, and diagnoses the facts with `_core`."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import secrets
import time
import typing as t

from ..._api.kubernetes import admission, workloads
from ..._core import errors
from ..._core.diagnosis import diagnose, verification_pods
from ..._core.diagnosis.diagnose import build_chain
from ..._core.diagnosis.facts import ChainFacts, OrUnknown, StsAnswer, TestPod, Unknown, known
from ..._core.diagnosis.rules import pods as pod_rules
from ..._core.pods import injection, readiness
from ..._core.wording import MAX_NAMES, join_some, quantity, redact_credentials
from .observation import AwsReader, ClusterReader
from .shared_reads import SharedReads
from .token_probe import TokenProbe

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.arn import EksCluster
    from ..._core.diagnosis.diagnose import Diagnosis, TestPodSpec, VerificationSpec
    from ..._core.diagnosis.facts import Chain
    from ..._core.rollout.staleness import PodStatus

Json = dict[str, t.Any]

# The time after the timeout of a test pod to read its log, and then to delete it.
_LOG_SECONDS, _DELETION_SECONDS = 4.0, 5.0


@dataclasses.dataclass(frozen=True)
class VerificationContext:
    """The clients and callbacks of a verification.

    :param cluster: None if the issuer is given instead.
    :param register_secret: called with each token and credential before it is used, so that it is redacted.
    :param sts_client: for the region of the cluster, if several verifications share it.
    :param shared: what the verifications of the run have in common.
    """

    aws: Aws
    server: ApiServer
    cluster: EksCluster | None
    register_secret: t.Callable[[str], None]
    sts_client: t.Any = None
    shared: SharedReads = dataclasses.field(default_factory=lambda: SharedReads(1))
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


def find_role_arns(accounts: t.Sequence[Json], aws: Aws, cluster: EksCluster | None) -> list[Json]:
    """The items of the option ``service_accounts`` with the ARNs of roles that have a ``role_name`` instead.

    These roles are in the AWS account of the cluster or, without its name, of the credentials.
    """
    scope = cluster or (aws.caller() if any(account["role_name"] for account in accounts) else None)
    return [
        {
            **account,
            "role_arn": f"arn:{scope.partition}:iam::{scope.account_id}:role{account['path']}{account['role_name']}",
        }
        if account["role_name"] and scope
        else account
        for account in accounts
    ]


@dataclasses.dataclass(frozen=True)
class AccountResult:
    """The result of one of several verifications.

    :param returns: as `result_of`; without findings if the verification itself failed.
    :param failure: why the service account fails the module, if it does.
    """

    returns: Json
    warnings: tuple[str, ...] = ()
    failure: errors.IrsaError | None = None


def verify_all(
    context: VerificationContext,
    specs: t.Sequence[VerificationSpec],
    *,
    start_pods: bool,
    redact: t.Callable[[t.Any, t.Collection[str]], t.Any],
) -> list[AccountResult]:
    """Verify several service accounts of one cluster in parallel.

    :param redact: removes secrets from a value. Each result is redacted here, because AnsibleModule would search all
        results for the tokens of all service accounts.
    :raises IrsaError: the same error prevents all verifications, or the API server belongs to another cluster.
    """
    if not specs:
        return []
    sts_client = _create_clients(context, specs[0])

    def verify_one(spec: VerificationSpec) -> AccountResult:
        secrets_of_account: set[str] = set()

        def hide(value: t.Any) -> t.Any:
            return redact(value, secrets_of_account)

        own = dataclasses.replace(context, register_secret=secrets_of_account.add, sts_client=sts_client)
        try:
            diagnosis = verify(own, spec, start_pods=start_pods)
        except errors.IrsaError as error:
            error.redact(hide)
            if isinstance(error, errors.WrongCluster):
                raise
            failure: errors.IrsaError | None = error
            returns: Json = {"namespace": spec.namespace, "service_account": spec.service_account}
            warnings: tuple[str, ...] = ()
        else:
            failure, returns, warnings = diagnosis.failure(spec.fail_on), result_of(diagnosis), diagnosis.warnings
        if failure:
            failure.redact(hide)
            returns.update(msg=str(failure), error=failure.as_dict())
        return AccountResult(hide(returns), tuple(map(hide, warnings)), failure)

    with concurrent.futures.ThreadPoolExecutor(context.shared.connections) as pool:
        results = list(pool.map(verify_one, specs))
    _raise_if_common(results)
    return results


def _create_clients(context: VerificationContext, spec: VerificationSpec) -> t.Any:
    """Create the clients of all threads, because botocore cannot create them in parallel.

    :param spec: of any of the service accounts.
    :returns: the STS client; None if STS is not called or the region is not known.
    """
    if "static" in spec.probes:
        for service in ("eks" if context.cluster else "sts", "iam"):
            context.aws.client(service)
    region = build_chain(spec, context.cluster, None).region
    return context.aws.unsigned("sts", region) if region and "token" in spec.probes else None


def _raise_if_common(results: t.Sequence[AccountResult]) -> None:
    """Report an error once if it is the result of all verifications."""
    if any("findings" in result.returns for result in results):
        return
    failures = [result.failure for result in results if result.failure]
    if failures and len({(failure.cause, failure.fix) for failure in failures}) == 1:
        raise failures[0]


def find_failure(results: t.Sequence[AccountResult]) -> errors.IrsaError | None:
    """The error of a run with several service accounts; None if none fails it."""
    failed = [result for result in results if result.failure]
    if len(failed) < 2:
        return failed[0].failure if failed else None
    lines = [f"{_name_of(result)}: {result.failure}" for result in failed[:MAX_NAMES]]
    hidden = len(failed) - len(lines)
    return errors.ChainBroken(
        f"{len(failed)} of {quantity(len(results), 'service account')} failed the verification",
        lines=[*lines, *([f"{hidden} more are in results"] if hidden else [])],
    )


def _name_of(result: AccountResult) -> str:
    return f"{result.returns['namespace']}/{result.returns['service_account']}"


def list_warnings(results: t.Sequence[AccountResult]) -> list[str]:
    """The warnings of a run with several service accounts, each once, with the service accounts that it is about."""
    names: dict[str, list[str]] = {}
    for result in results:
        for warning in result.warnings:
            names.setdefault(warning, []).append(_name_of(result))
    return [f"{join_some(accounts, MAX_NAMES)}: {warning}" for warning, accounts in names.items()]


def diagnose_facts(spec: VerificationSpec, facts: ChainFacts) -> Diagnosis:
    """The diagnosis with all rules, including those for webhook, pods and test pod."""
    findings = diagnose.find_all(facts, pod_rules.findings(facts.chain, facts.kubernetes))
    if isinstance(facts.test_pod, TestPod):
        findings += verification_pods.findings(
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
    cluster_reader = ClusterReader(context.server, spec, context.cluster, context.shared)
    with context.shared.executor() as pool:
        reading_account = pool.submit(cluster_reader.read_account)
        # Only this thread creates clients, while the others wait for the network.
        aws_reader = AwsReader(pool, aws if "static" in probes else None, context.cluster, spec, context.shared)
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
                client=context.sts_client,
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
    """The output of the test pod. The pod is always deleted, within a few seconds after the timeout."""
    namespace, name = spec.namespace, verification_pods.build_pod_name(spec, secrets.token_hex(4))
    reading = server.within(options.timeout + _LOG_SECONDS)
    deleting = server.within(options.timeout + _LOG_SECONDS + _DELETION_SECONDS)
    last: Json | None = None
    try:
        try:
            last = admission.create_pod(reading, body=verification_pods.build_test_pod(spec, options, name))
        except errors.AlreadyExists:
            pass  # nothing else uses this name, so the pod was created and the response was lost
        except errors.AccessDenied as error:
            permission = f"create pods in {namespace}" if "cannot create" in (error.cause or "") else None
            return Unknown.from_error(error, permission)
        except (
            errors.NotFound,
            errors.InvalidInput,
            errors.ApiError,
            errors.Conflict,
            errors.QuotaExceeded,
        ) as error:
            return Unknown.from_error(error)
        for state in admission.follow_pod(reading, namespace=namespace, name=name, seconds=options.timeout):
            last = state
            if state is None:
                return Unknown(f"the test pod {namespace}/{name} was deleted by another client")
        return _read_test_pod(reading, options, last, f"{namespace}/{name}")
    except errors.AccessDenied as error:
        return Unknown.from_error(error, f"watch pods and get pods/log in {namespace}")
    except errors.Unreachable:
        if last is None:  # it may have been created, with a UID that is not known
            last = workloads.find_pod(deleting, namespace=namespace, name=name)
        raise
    finally:
        if last is not None:
            workloads.delete_pod(deleting, namespace=namespace, name=name, uid=last["metadata"]["uid"])


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
    log = redact_credentials(log)
    injected = any(injection.is_injected(container) for _field, container in injection.list_containers(pod["spec"]))
    return TestPod(log, verification_pods.caller_in(log), injected)


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


def result_of_all(results: t.Sequence[AccountResult]) -> dict[str, t.Any]:
    """Several verifications as `irsa_verify` returns them."""
    return {
        "ok": all(result.returns.get("ok", False) for result in results),
        "results": [result.returns for result in results],
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
