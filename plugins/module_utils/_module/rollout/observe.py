# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads what a rollout is decided from: accounts, pods, and their owners as far as they matter."""

from __future__ import annotations

import dataclasses
import typing as t

from ..._api.kubernetes import service_accounts
from ..._api.kubernetes import workloads as api
from ..._api.kubernetes.client import list_in_namespaces
from ..._core.errors import AccessDenied, NotFound
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
"""A service account's namespace and name."""

# Up to so many accounts are read one by one, more by pages.
_FEW = 8


@dataclasses.dataclass(frozen=True)
class Prefetched:
    """What was read before, for all accounts at once. None is what was not read.

    :param accounts: the service accounts.
    :param pods: the pods that use them.
    """

    accounts: t.Mapping[AccountName, Json] | None = None
    pods: t.Mapping[AccountName, t.Sequence[Json]] | None = None


@dataclasses.dataclass(frozen=True)
class RolloutState:
    """What was read of one account.

    :param account: the ServiceAccount that the spec names; None where it does not exist, or none is named.
    :param workloads: the owners that were read; None for one that does not exist.
    :param expected_by_account: what pods are to carry, by the name of their service account.
    """

    spec: RolloutSpec
    account: Json | None
    expected_by_account: t.Mapping[str, ExpectedInjection | None]
    workloads: t.Mapping[Owner, Json | None] = dataclasses.field(default_factory=dict)
    statuses: t.Sequence[PodStatus] = ()

    def expected(self, pod: t.Mapping[str, t.Any]) -> ExpectedInjection | None:
        """What the pod is to carry."""
        return self.expected_by_account.get(self.spec.service_account or injection.get_account_name(pod))


def prefetch(
    server: ApiServer, specs: t.Sequence[RolloutSpec], accounts: t.Mapping[AccountName, Json] | None
) -> Prefetched:
    """What the specs need, in as few requests as there are pages; nothing where there are few, or it is not allowed.

    :param accounts: the service accounts, where they are known.
    """
    if len(specs) <= _FEW:
        return Prefetched(accounts)
    names = {(spec.namespace, spec.service_account or "") for spec in specs}
    namespaces = sorted({namespace for namespace, _name in names})
    try:
        if accounts is None:
            listed = list_in_namespaces(server, service_accounts.list_service_accounts, namespaces)
            accounts = {(account["metadata"]["namespace"], account["metadata"]["name"]): account for account in listed}
        pods: dict[AccountName, list[Json]] = {}
        for pod in list_in_namespaces(server, api.list_pods, namespaces):
            name = (pod["metadata"]["namespace"], injection.get_account_name(pod))
            if name in names:
                pods.setdefault(name, []).append(pod)
    except AccessDenied:
        return Prefetched(accounts)
    return Prefetched(accounts, pods)


def observe(
    server: ApiServer, spec: RolloutSpec, prefetched: Prefetched | None = None, *, check_mode: bool = False
) -> RolloutState:
    """Reads the state of one account.

    :param check_mode: the namespace of a given role need not exist yet.
    :raises NotFound: no such namespace, or an account that is named and has no role.
    """
    reader = _Reader(server, spec, prefetched or Prefetched(), needs_namespace=not check_mode or spec.role_arn is None)
    state = reader.read_accounts()
    pods = reader.read_pods()
    named = reader.read_workloads(pods, {}, with_templates=False)
    statuses = staleness.evaluate_pods(pods, state.expected, named)
    workloads = reader.read_workloads(decision.pods_needing_owner(statuses, spec), named, with_templates=True)
    statuses = staleness.evaluate_pods(pods, state.expected, workloads)
    return dataclasses.replace(state, workloads=workloads, statuses=statuses)


@dataclasses.dataclass(frozen=True)
class _Reader:
    """The reads for one spec."""

    server: ApiServer
    spec: RolloutSpec
    prefetched: Prefetched
    needs_namespace: bool

    def read_accounts(self) -> RolloutState:
        """The state without pods."""
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
        """The pods' owners, in addition to those that are known."""
        found = dict(known)
        # Twice at most: a ReplicaSet first, then the Deployment that it names.
        while unread := list_owners_to_read(pods, found, with_templates=with_templates):
            for owner in unread:
                found[owner] = api.find_workload(self.server, namespace=self.spec.namespace, **owner._asdict())
        return found

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
        # An empty phase means that the namespace does not exist; without the permission to read it, it is assumed to.
        if self.needs_namespace and service_accounts.namespace_phase(self.server, name=name) == "":
            raise NotFound(
                f"there is no namespace {name}", fix="check namespace, and that the cluster is the right one"
            )
