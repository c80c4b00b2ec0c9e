# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the facts for a verification from IAM, EKS and the cluster, in parallel if possible."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import re
import time
import typing as t

from ..._api.aws import eks, iam, sts
from ..._api.kubernetes import admission, service_accounts, workloads
from ..._core import errors
from ..._core.arn import Arn
from ..._core.diagnosis import verification_pods, webhook_config
from ..._core.diagnosis.facts import (
    NO_ROLE,
    AwsFacts,
    Chain,
    KubernetesFacts,
    OrUnknown,
    Unknown,
    known,
    read_or_unknown,
    read_unless_denied,
    was_mutated,
)
from ..._core.diagnosis.rules import account as account_rules
from ..._core.pods import injection
from ..._core.pods.workload_kinds import Owner, list_owners_to_read
from ..._core.policy.document import compact

if t.TYPE_CHECKING:
    import concurrent.futures

    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.arn import EksCluster
    from ..._core.diagnosis.diagnose import VerificationSpec
    from .shared_reads import SharedReads

Json = dict[str, t.Any]
T = t.TypeVar("T")

OFF: t.Final = Unknown("the probe static is off")
# The quota of a trust policy is at least 2048 characters. From this length on, one more account may exceed it.
_SAFE_LENGTH = 1500
# The secret of cert-manager in the upstream manifests.
_SERVING_SECRET = "pod-identity-webhook-cert"  # noqa: S105
_LIST_WEBHOOKS = "list mutatingwebhookconfigurations.admissionregistration.k8s.io"


class AwsReader:
    """Reads IAM and EKS for one verification, in parallel.

    :param aws: None if the static probe is off.
    """

    def __init__(
        self,
        pool: concurrent.futures.Executor,
        aws: Aws | None,
        cluster: EksCluster | None,
        spec: VerificationSpec,
        shared: SharedReads,
    ) -> None:
        self._pool = pool
        self._shared = shared
        self._aws = aws
        self._cluster = cluster
        self._spec = spec
        self._iam: t.Any = None
        self._caller: concurrent.futures.Future[OrUnknown[Arn]] | None = None
        self._early: dict[str, concurrent.futures.Future[t.Any]] = {}

    def begin(self) -> None:
        """Starts the reads that need nothing but the spec."""
        if self._aws is None:
            return
        if self._cluster:
            client, name = self._aws.client("eks"), self._cluster.name
            self._early["associations"] = self._pool.submit(self._read_associations, client, name)
            self._early["addons"] = self._pool.submit(self._read_addons, client, name)
        else:
            # Created in this thread. It may fail: only STS needs a region here, and the static probe credentials.
            client = read_or_unknown(functools.partial(self._aws.client, "sts"))
            self._caller = self._pool.submit(self._read_caller, client)
            if isinstance(client, Unknown):
                return  # without the caller's account, nothing is read from IAM
        self._iam = self._aws.client("iam")

    def finish(self, chain: Chain) -> AwsFacts:
        """All facts from IAM and EKS."""
        if self._aws is None:
            return AwsFacts(OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF, OFF)
        no_cluster = Unknown("EKS is read only with cluster_name")
        other_account = self._explain_other_account(chain)
        facts: dict[str, t.Any] = {}
        if other_account:
            names = ("provider", "provider_arns", "role", "managed_policies", "inline_policies", "boundary", "quotas")
            facts = dict.fromkeys(names, other_account)
        else:
            parts = [self._pool.submit(self._read_provider, chain), self._pool.submit(self._read_role, chain)]
            name = chain.role_name
            if name:
                parts.append(self._pool.submit(self._read_policies, name))
            else:
                facts.update(managed_policies=NO_ROLE, inline_policies=NO_ROLE)
            for part in parts:
                facts.update(part.result())
        early = {key: future.result() for key, future in self._early.items()}
        return AwsFacts(**{"associations": no_cluster, "addons": no_cluster, **facts, **early})

    def _once(self, key: t.Hashable, read: t.Callable[[], T]) -> OrUnknown[T]:
        """The result of a read that other verifications of the run need too."""
        return self._shared.read(key, lambda: read_or_unknown(read))

    def _read_caller(self, client: t.Any) -> OrUnknown[Arn]:
        if isinstance(client, Unknown):
            return client
        return self._once("caller", lambda: Arn.parse(sts.get_caller_identity(client)["Arn"]))

    def _read_associations(self, client: t.Any, cluster: str) -> OrUnknown[list[Json]]:
        namespace, name = self._spec.namespace, self._spec.service_account
        if not self._shared.reads_lists:
            return read_or_unknown(
                lambda: eks.list_pod_identity_associations(client, cluster=cluster, namespace=namespace, name=name)
            )
        listed = self._once("associations", lambda: eks.list_all_pod_identity_associations(client, cluster=cluster))
        if isinstance(listed, Unknown):
            return listed
        return [item for item in listed if (item["namespace"], item["serviceAccount"]) == (namespace, name)]

    def _explain_other_account(self, chain: Chain) -> Unknown | None:
        """Why the credentials cannot read the role; None if they are of the role's AWS account."""
        role = chain.intended_role_arn
        if self._caller:
            caller = self._caller.result()
            if isinstance(caller, Unknown):
                return caller
            account_id = caller.account_id
        else:
            # EKS returns only clusters of the AWS account of the credentials.
            account_id = t.cast("EksCluster", self._cluster).account_id
        if role is None or role.account_id == account_id:
            return None
        return Unknown(f"role {role} is not in the AWS account of the credentials, which is {account_id}")

    def _read_provider(self, chain: Chain) -> Json:
        arn = chain.provider_arn
        if arn is None:
            return {"provider": NO_ROLE, "provider_arns": NO_ROLE}
        provider = self._once(("provider", arn), lambda: iam.find_oidc_provider(self._iam, arn=arn))
        provider_arns: t.Any = Unknown("the provider exists")
        if provider is None:
            provider_arns = self._once("providers", lambda: iam.list_oidc_providers(self._iam))
        return {"provider": provider, "provider_arns": provider_arns}

    def _read_role(self, chain: Chain) -> Json:
        name = chain.role_name
        if name is None:
            return {"role": NO_ROLE, "boundary": NO_ROLE, "quotas": NO_ROLE}
        listed = self._list_roles()
        role = read_or_unknown(lambda: iam.find_role(self._iam, name=name)) if listed is None else listed.get(name)
        boundary: t.Any = None
        quotas: t.Any = Unknown("the trust policy is too short to exceed the quota")
        if isinstance(role, Unknown) or role is None:
            return {"role": role, "boundary": role, "quotas": quotas}
        arn = (role.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
        if arn:
            boundary = self._once(("policy", arn), lambda: self._read_policy(arn))
        if len(compact(role["AssumeRolePolicyDocument"])) > _SAFE_LENGTH:
            quotas = self._once("quotas", lambda: iam.account_summary(self._iam))
        return {"role": role, "boundary": boundary, "quotas": quotas}

    def _read_policy(self, arn: str) -> Json:
        version = iam.get_policy(self._iam, arn=arn)["DefaultVersionId"]
        return iam.get_policy_version(self._iam, arn=arn, version=version)

    def _list_roles(self) -> t.Mapping[str, Json] | None:
        """The roles of the account with their policies, by name; None to read the role alone.

        They need one request for each thousand roles, but another permission.
        """
        if not self._shared.reads_lists:
            return None
        return known(self._once("roles", lambda: {role["RoleName"]: role for role in iam.account_roles(self._iam)}))

    def _read_policies(self, name: str) -> Json:
        listed = self._list_roles()
        if listed is not None:
            role = listed.get(name) or {}
            return {
                "managed_policies": role.get("ManagedPolicies", []),
                "inline_policies": role.get("InlinePolicies", {}),
            }
        managed = read_or_unknown(lambda: iam.list_attached_policies(self._iam, name=name))
        inline: t.Any = Unknown("the role has managed policies")
        if not managed or isinstance(managed, Unknown):
            inline = read_or_unknown(lambda: self._read_inline(name))
        return {"managed_policies": managed, "inline_policies": inline}

    def _read_inline(self, name: str) -> dict[str, Json]:
        names = iam.list_inline_policies(self._iam, name=name)
        return {policy: iam.get_inline_policy(self._iam, name=name, policy_name=policy) for policy in names}

    def _read_addons(self, client: t.Any, cluster: str) -> OrUnknown[list[Json]]:
        names = account_rules.addons_of(self._spec.namespace, self._spec.service_account)

        def read() -> list[Json]:
            addons = [
                self._shared.read(
                    ("addon", name), functools.partial(eks.find_addon, client, cluster=cluster, name=name)
                )
                for name in names
            ]
            return [addon for addon in addons if addon is not None]

        return read_or_unknown(read)


class ClusterReader:
    """Reads the cluster for one verification, in parallel.

    :param cluster: None if the issuer is given instead.
    """

    def __init__(
        self, server: ApiServer, spec: VerificationSpec, cluster: EksCluster | None, shared: SharedReads
    ) -> None:
        self._server = server
        self._spec = spec
        self._shared = shared
        self._cluster = cluster
        self._early: dict[str, concurrent.futures.Future[t.Any]] = {}

    def read_account(self) -> OrUnknown[Json | None]:
        """The service account."""
        spec = self._spec
        find = functools.partial(
            service_accounts.find_service_account, self._server, namespace=spec.namespace, name=spec.service_account
        )
        return read_unless_denied(find, f"get serviceaccounts in {spec.namespace}")

    def begin(self, pool: concurrent.futures.Executor) -> None:
        """Starts the reads that need nothing but the spec."""
        server, namespace, probes = self._server, self._spec.namespace, self._spec.probes
        if probes & {"static", "admission", "pods"}:
            list_webhooks = functools.partial(admission.list_webhooks, server)
            find_namespace = functools.partial(service_accounts.find_namespace, server, name=namespace)
            self._early["webhooks"] = pool.submit(self._once, "webhooks", list_webhooks, _LIST_WEBHOOKS)
            self._early["namespace"] = pool.submit(
                self._once, ("namespace", namespace), find_namespace, f"get namespaces {namespace}"
            )
        if "pods" in probes:
            self._early["pods"] = pool.submit(read_unless_denied, self._read_pods, f"list pods in {namespace}")
            if not self._cluster:
                find_version = functools.partial(admission.minor_version, server)
                self._early["version"] = pool.submit(self._once, "version", find_version, "")

    def finish(self, account: OrUnknown[Json | None]) -> KubernetesFacts:
        """All facts from the cluster except those of the dry run."""
        off = Unknown("the probes that need it are off")
        read = {name: future.result() for name, future in self._early.items()}
        pods = read.get("pods", off)
        listed, owners, sources = pods if isinstance(pods, tuple) else (pods, {}, {})
        version = read.get("version")
        if self._cluster and self._cluster.version:
            version = int(self._cluster.version.partition(".")[2] or 0) or None
        return KubernetesFacts(
            account=account,
            namespace=read.get("namespace", off),
            webhooks=read.get("webhooks", off),
            serving_ca=Unknown("it is read only if the dry run returns an unchanged pod"),
            pods=listed,
            workloads=owners,
            admitted=None,
            minor_version=version if isinstance(version, int) else None,
            observed_at=time.time(),
            env_sources=sources,
        )

    def _once(self, key: t.Hashable, read: t.Callable[[], T], permission: str) -> OrUnknown[T]:
        """The result of a read that other verifications of the run need too."""
        return self._shared.read(key, lambda: read_unless_denied(read, permission))

    def _read_pods(self) -> tuple[list[Json], dict[Owner, Json | None], dict[tuple[str, str], list[str]]]:
        spec = self._spec
        pods = self._list_pods()
        objects: dict[Owner, Json | None] = {}
        # At most two rounds: the ReplicaSet, then its Deployment.
        while missing := list_owners_to_read(pods, objects, with_templates=True):
            for owner in missing:
                read = functools.partial(
                    workloads.find_workload, self._server, namespace=spec.namespace, **owner._asdict()
                )
                # If the owner cannot be read, the pod is evaluated without a template.
                objects[owner] = known(read_unless_denied(read, f"get {owner.kind}"))
        return pods, objects, self._read_sources(pods)

    def _list_pods(self) -> list[Json]:
        """The pods to check. A run with many service accounts lists the pods of their namespace once."""
        spec = self._spec
        if not self._shared.reads_lists:
            # Label selectors can also match pods of other service accounts, which is a finding.
            account = None if spec.label_selectors else spec.service_account
            query = workloads.pod_query(account, spec.label_selectors)
            return workloads.list_pods(self._server, namespace=spec.namespace, query=query)
        by_account = self._shared.read(("pods", spec.namespace), self._list_pods_by_account)
        return by_account.get(spec.service_account, [])

    def _list_pods_by_account(self) -> dict[str, list[Json]]:
        by_account: dict[str, list[Json]] = {}
        for pod in workloads.list_pods(self._server, namespace=self._spec.namespace):
            by_account.setdefault(injection.get_account_name(pod), []).append(pod)
        return by_account

    def _read_sources(self, pods: t.Iterable[Json]) -> dict[tuple[str, str], list[str]]:
        """The keys of the ConfigMaps and Secrets in ``envFrom``; one that cannot be read is skipped."""
        keys_by_source = {}
        for kind, name in dict.fromkeys(source for pod in pods for source in injection.list_env_sources(pod)):
            read = functools.partial(
                admission.data_keys, self._server, namespace=self._spec.namespace, kind=kind, name=name
            )
            keys = known(read_unless_denied(read, f"get {kind}"))
            if keys:
                keys_by_source[kind, name] = keys
        return keys_by_source

    # The dry run

    def create_dry_run_pod(self, account: OrUnknown[Json | None]) -> Json | errors.IrsaError | Unknown:
        """The pod that a server-side dry run returns, or the error that rejects it."""
        if account is None:
            return Unknown("the service account does not exist, so the dry run was skipped")
        try:
            return admission.dry_run_pod(self._server, body=verification_pods.build_dry_run_pod(self._spec))
        except (errors.BadCredentials, errors.BadConnection, errors.Unreachable):
            raise
        except errors.IrsaError as error:
            return error

    def add_dry_run(self, facts: KubernetesFacts, outcome: Json | errors.IrsaError | Unknown) -> KubernetesFacts:
        """The facts with the dry run, and with the webhook's CA if the dry run returned an unchanged pod."""
        if isinstance(outcome, errors.IrsaError):
            return self._add_refusal(facts, outcome)
        facts = dataclasses.replace(facts, admitted=outcome)
        if isinstance(outcome, Unknown) or was_mutated(facts) or isinstance(facts.webhooks, Unknown):
            return facts
        for hook in webhook_config.pod_identity_hooks(facts.webhooks):
            service = hook.client.get("service")
            if service:
                read = functools.partial(self._read_serving_ca, service["namespace"])
                return dataclasses.replace(facts, serving_ca=read_unless_denied(read, "get secrets"))
        return facts

    def _add_refusal(self, facts: KubernetesFacts, error: errors.IrsaError) -> KubernetesFacts:
        cause = error.cause or ""
        called = re.search(r'failed calling webhook "([^"]+)"', cause)
        if called and webhook_config.is_pod_identity_name(called[1], known(facts.webhooks) or ()):
            unknown = Unknown(f"{error.message}: {cause}")
            return dataclasses.replace(facts, admitted=unknown, refused=cause)
        if isinstance(error, errors.AccessDenied) and 'cannot create resource "pods"' in cause:
            denied = Unknown.from_error(error, f"create pods in {self._spec.namespace}")
            return dataclasses.replace(facts, admitted=denied)
        return dataclasses.replace(facts, admitted=Unknown(f"{error.message}: {cause}"))

    def _read_serving_ca(self, namespace: str) -> str | None:
        text = admission.find_certificate_authority(self._server, namespace=namespace, secret=_SERVING_SECRET)
        try:
            return base64.b64decode(text, validate=True).decode("ascii") if text else None
        except (binascii.Error, UnicodeDecodeError):
            return None
