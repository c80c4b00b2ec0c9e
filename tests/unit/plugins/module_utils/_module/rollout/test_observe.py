# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state that is read before a rollout, and the requests for it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import NotFound
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.injection import ExpectedInjection
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import Owner
from ansible_collections.eksops.irsa.plugins.module_utils._core.rollout.decision import RolloutSpec
from ansible_collections.eksops.irsa.plugins.module_utils._module.rollout import observe
from unit import kubernetes_objects as k8s
from unit.fake_cluster import FakeCluster, account

Json = dict[str, t.Any]

SERVER: t.Any = None
WEB = Owner("apps/v1", "Deployment", "web")
REPLICA_SET = Owner("apps/v1", "ReplicaSet", "web-6d")


def spec(**options: t.Any) -> RolloutSpec:
    params = {
        "namespace": "shop",
        "service_account": "app",
        "label_selectors": None,
        "role_arn": None,
        "strategy": "restart",
        "only_stale": True,
        "delete_unmanaged": False,
        "wait": True,
        "wait_timeout": 300,
        "max_retries": 0,
    }
    return RolloutSpec.from_params({**params, **options})


def cluster(
    monkeypatch: pytest.MonkeyPatch, *pods: Json, accounts: t.Iterable[Json] = (account("app"),)
) -> FakeCluster:
    fake_cluster = FakeCluster(accounts=accounts, pods=pods)
    fake_cluster.workloads[WEB] = k8s.workload("web")
    fake_cluster.workloads[REPLICA_SET] = k8s.workload("web-6d", owner=k8s.owner_reference("Deployment", "web"))
    fake_cluster.install(monkeypatch)
    return fake_cluster


def test_only_owners_of_stale_pods_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    stale, injected = k8s.deployment_pod("web", "6d", "a"), k8s.deployment_pod("other", "7c", "b", role=k8s.ROLE)
    fake_cluster = cluster(monkeypatch, stale, injected)
    state = observe.observe(SERVER, spec())
    assert [(status.name, status.stale, str(status.owner)) for status in state.statuses] == [
        ("other-7c-b", False, "Deployment other"),
        ("web-6d-a", True, "Deployment web"),
    ]
    assert set(state.workloads) == {WEB, REPLICA_SET}
    assert fake_cluster.requests == [
        "find_service_account app",
        "list_pods shop",
        "find_workload web-6d",
        "find_workload web",
    ]


def test_replica_set_without_the_deployment_label_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = k8s.pod("canary-7f-a", k8s.owner_reference("ReplicaSet", "canary-7f"), role=k8s.ROLE)
    fake_cluster = cluster(monkeypatch, pod)
    rollout = k8s.owner_reference("Rollout", "canary", "argoproj.io/v1alpha1")
    fake_cluster.workloads[Owner("apps/v1", "ReplicaSet", "canary-7f")] = k8s.workload("canary-7f", owner=rollout)
    (status,) = observe.observe(SERVER, spec()).statuses
    assert str(status.owner) == "Rollout canary"


def test_selection_by_labels_uses_the_role_of_each_account(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "arn:aws:iam::123456789012:role/other"
    pods = [k8s.pod("a", role=k8s.ROLE), k8s.pod("b", account="second", role=k8s.ROLE), k8s.pod("c", account="third")]
    accounts = [account("app"), account("second", other), account("third", None)]
    fake_cluster = cluster(monkeypatch, *pods, accounts=accounts)
    state = observe.observe(SERVER, spec(service_account=None, label_selectors=["x=y"]))
    assert [status.stale for status in state.statuses] == [False, True, False]
    assert state.account is None
    assert fake_cluster.requests[0] == "list_service_accounts shop"
    state = observe.observe(SERVER, spec(service_account=None, label_selectors=["x=y"], role_arn=k8s.ROLE))
    assert [status.stale for status in state.statuses] == [False, False, True]


@pytest.mark.parametrize(
    ("options", "check_mode", "message"),
    [
        ({"service_account": "missing"}, False, "service account shop/missing does not exist"),
        ({"service_account": "roleless"}, False, "service account shop/roleless has no role"),
        ({"namespace": "missing"}, False, "namespace missing does not exist"),
        ({"namespace": "missing"}, True, "namespace missing does not exist"),
        ({"namespace": "missing", "role_arn": k8s.ROLE}, False, "namespace missing does not exist"),
        (
            {"namespace": "missing", "service_account": None, "label_selectors": ["a=b"]},
            False,
            "namespace missing does not exist",
        ),
    ],
)
def test_missing_objects(monkeypatch: pytest.MonkeyPatch, options: Json, check_mode: bool, message: str) -> None:
    cluster(monkeypatch, accounts=[account("app"), account("roleless", None)])
    with pytest.raises(NotFound, match=message):
        observe.observe(SERVER, spec(**options), check_mode=check_mode)


def test_namespace_may_be_missing_in_check_mode_with_role_arn(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch)
    state = observe.observe(SERVER, spec(namespace="missing", role_arn=k8s.ROLE), check_mode=True)
    assert (state.account, state.statuses) == (None, [])


def test_deleted_namespace_has_no_pods_with_a_role(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch)
    state = observe.observe(SERVER, spec(namespace="deleted", role_arn=""))
    assert (state.account, state.statuses) == (None, [])


def test_few_accounts_are_not_prefetched(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_cluster = cluster(monkeypatch)
    accounts = {("shop", "app"): account("app")}
    assert observe.prefetch(SERVER, [spec()], accounts) == observe.Prefetched(accounts, None)
    assert fake_cluster.requests == []


SPECS = [spec(service_account=f"app-{number}") for number in range(9)]


def test_many_accounts_are_prefetched(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [account(f"app-{number}") for number in range(9)]
    pods = [k8s.pod("a", account="app-3"), k8s.pod("b", account="other")]
    fake_cluster = cluster(monkeypatch, *pods, accounts=accounts)
    prefetched = observe.prefetch(SERVER, SPECS, None)
    assert fake_cluster.requests == ["list_service_accounts shop", "list_pods shop"]
    assert prefetched.pods is not None
    assert list(prefetched.pods) == [("shop", "app-3")]
    states = [observe.observe(SERVER, account_spec, prefetched) for account_spec in SPECS]
    assert len(fake_cluster.requests) == 2
    assert [len(state.statuses) for state in states] == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert states[0].find_expected(k8s.pod("x")) == ExpectedInjection(k8s.ROLE)


@pytest.mark.parametrize("forbidden", ["list_service_accounts", "list_pods"])
def test_prefetch_without_permission_to_list(monkeypatch: pytest.MonkeyPatch, forbidden: str) -> None:
    fake_cluster = cluster(monkeypatch)
    fake_cluster.forbidden = {forbidden}
    prefetched = observe.prefetch(SERVER, SPECS, None)
    assert prefetched.pods is None
    assert (prefetched.accounts is None) is (forbidden == "list_service_accounts")
