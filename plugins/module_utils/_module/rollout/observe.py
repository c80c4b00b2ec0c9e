# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the service accounts, pods and owners that a rollout depends on."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._api.kubernetes import service_accounts
from ..._api.kubernetes import workloads as api
from ..._core.errors import AccessDenied, MalformedAnswer, NotFound
from ..._core.pods import injection
from ..._core.pods.workload_kinds import list_owners_to_read
from ..._core.rollout import decision, staleness
from ..._core.rollout.decision import expected_injection, require_expected_injection

if t.TYPE_CHECKING:
    from ..._api.kubernetes.client import ApiServer
    from ..._core.pods.injection import ExpectedInjection
    from ..._core.pods.workload_kinds import Owner
    from ..._core.rollout.decision import RolloutSpec
    from ..._core.rollout.staleness import PodStatus

Json = dict[str, t.Any]
AccountName = tuple[str, str]
"""The namespace and name of a service account."""

# Up to this many service accounts are read one by one, more by pages.
_FEW = 8


@dataclasses.dataclass(frozen=True)
class Prefetched:
    """Objects that were read for all service accounts together. None if they were not read.

    :param accounts: the service accounts.
    :param pods: the pods that use them.
    """

    accounts: t.Mapping[AccountName, Json] | None = None
    pods: t.Mapping[AccountName, t.Sequence[Json]] | None = None


@dataclasses.dataclass(frozen=True)
class RolloutState:
    """The observed state of one service account, or of pods selected by labels.

    :param account: the ServiceAccount of the spec; None if it does not exist or the spec has none.
    :param expected_by_account: the expected injection of pods, by the name of their service account.
    :param workloads: the owners that were read; None for an owner that does not exist.
    """

    spec: RolloutSpec
    account: Json | None
    expected_by_account: t.Mapping[str, ExpectedInjection | None]
    workloads: t.Mapping[Owner, Json | None] = dataclasses.field(default_factory=dict)
    statuses: t.Sequence[PodStatus] = ()

    def find_expected(self, pod: t.Mapping[str, t.Any]) -> ExpectedInjection | None:
        """The expected injection of a pod; None if it should have none."""
        return self.expected_by_account.get(self.spec.service_account or injection.get_account_name(pod))


def prefetch(
    server: ApiServer, specs: t.Sequence[RolloutSpec], accounts: t.Mapping[AccountName, Json] | None
) -> Prefetched:
    """Read the objects for many specs by pages. Nothing is read if the specs are few, or if the caller may not list.

    :param accounts: the service accounts, if known.
    """
    if len(specs) <= _FEW:
        return Prefetched(accounts)
    names = {(spec.namespace, spec.service_account or "") for spec in specs}
    namespaces = sorted({namespace for namespace, _name in names})
    try:
        if accounts is None:
            listed = service_accounts.list_in_namespaces(server, service_accounts.list_service_accounts, namespaces)
            accounts = {(account["metadata"]["namespace"], account["metadata"]["name"]): account for account in listed}
        pods: dict[AccountName, list[Json]] = {}
        for pod in service_accounts.list_in_namespaces(server, api.list_pods, namespaces):
            name = (pod["metadata"]["namespace"], injection.get_account_name(pod))
            if name in names:
                pods.setdefault(name, []).append(pod)
    except (AccessDenied, MalformedAnswer):  # a malformed object concerns only its own account
        return Prefetched(accounts)
    return Prefetched(accounts, pods)


def observe(
    server: ApiServer, spec: RolloutSpec, prefetched: Prefetched | None = None, *, check_mode: bool = False
) -> RolloutState:
    """Read the state for one spec.

    The namespace does not have to exist if pods must not have a role: a deleted namespace has no pods.

    :param check_mode: if true and the spec has a role, the namespace does not have to exist.
    :raises NotFound: the namespace does not exist, or the service account of the spec does not exist or has no role.
    """
    may_be_missing = spec.role_arn == "" or (check_mode and spec.role_arn is not None)
    reader = _Reader(server, spec, prefetched or Prefetched(), needs_namespace=not may_be_missing)
    state = reader.read_accounts()
    pods = reader.read_pods()
    controllers = reader.read_workloads(pods, {}, with_templates=False)
    statuses = staleness.evaluate_pods(pods, state.find_expected, controllers)
    workloads = reader.read_workloads(decision.pods_needing_owner(statuses, spec), controllers, with_templates=True)
    statuses = staleness.evaluate_pods(pods, state.find_expected, workloads)
    return dataclasses.replace(state, workloads=workloads, statuses=statuses)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """Reads the objects for one spec."""

    server: ApiServer
    spec: RolloutSpec
    prefetched: Prefetched
    needs_namespace: bool

    def read_accounts(self) -> RolloutState:
        """Read the service accounts. The state has no pods yet."""
        spec = self.spec
        if spec.service_account:
            account = self._read_account(spec.service_account)
            return RolloutState(spec, account, {spec.service_account: require_expected_injection(spec, account)})
        accounts = service_accounts.list_service_accounts(self.server, namespace=spec.namespace)
        expected = {account["metadata"]["name"]: expected_injection(spec, account) for account in accounts}
        return RolloutState(spec, None, expected)

    def read_pods(self) -> t.Sequence[Json]:
        spec, prefetched = self.spec, self.prefetched.pods
        if prefetched is not None and spec.service_account:
            return prefetched.get((spec.namespace, spec.service_account), ())
        query = api.pod_query(spec.service_account, spec.label_selectors)
        pods = api.list_pods(self.server, namespace=spec.namespace, query=query)
        if not pods:
            self._require_namespace()
        return pods

    def read_workloads(
        self,
        pods: t.Sequence[t.Mapping[str, t.Any]],
        known: t.Mapping[Owner, Json | None],
        *,
        with_templates: bool,
    ) -> dict[Owner, Json | None]:
        """Read the owners of the pods. The result includes the known ones."""
        workloads = dict(known)
        # At most two rounds: first a ReplicaSet, then its Deployment.
        while owners := list_owners_to_read(pods, workloads, with_templates=with_templates):
            for owner in owners:
                workloads[owner] = api.find_workload(self.server, namespace=self.spec.namespace, **owner._asdict())
        return workloads

    def _read_account(self, name: str) -> Json | None:
        namespace, prefetched = self.spec.namespace, self.prefetched.accounts
        if prefetched is not None:
            return prefetched.get((namespace, name))
        account = service_accounts.find_service_account(self.server, namespace=namespace, name=name)
        if account is None:
            self._require_namespace()
        return account

    def _require_namespace(self) -> None:
        name = self.spec.namespace
        # An empty phase means that the namespace does not exist. If the caller may not read it, it counts as existing.
        if self.needs_namespace and service_accounts.namespace_phase(self.server, name=name) == "":
            raise NotFound(
                f"namespace {name} does not exist", fix="check namespace, and that the cluster is the right one"
            )
