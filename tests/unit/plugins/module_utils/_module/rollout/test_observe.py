# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a cluster before a rollout is decided, and what is not."""

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
    found = FakeCluster(accounts=accounts, pods=pods)
    found.workloads[WEB] = k8s.workload("web")
    found.workloads[REPLICA_SET] = k8s.workload("web-6d", owner=k8s.owner_reference("Deployment", "web"))
    found.install(monkeypatch)
    return found


def test_owners_are_read_only_of_pods_that_may_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    stale, right = k8s.deployment_pod("web", "6d", "a"), k8s.deployment_pod("other", "7c", "b", role=k8s.ROLE)
    found = cluster(monkeypatch, stale, right)
    state = observe.observe(SERVER, spec())
    assert [(status.name, status.stale, str(status.owner)) for status in state.statuses] == [
        ("other-7c-b", False, "Deployment other"),
        ("web-6d-a", True, "Deployment web"),
    ]
    assert set(state.workloads) == {WEB, REPLICA_SET}
    assert found.requests == [
        "find_service_account app",
        "list_pods shop",
        "find_workload web-6d",
        "find_workload web",
    ]


def test_an_owner_that_no_label_names_is_read_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = k8s.pod("canary-7f-a", k8s.owner_reference("ReplicaSet", "canary-7f"), role=k8s.ROLE)
    found = cluster(monkeypatch, pod)
    rollout = k8s.owner_reference("Rollout", "canary", "argoproj.io/v1alpha1")
    found.workloads[Owner("apps/v1", "ReplicaSet", "canary-7f")] = k8s.workload("canary-7f", owner=rollout)
    (status,) = observe.observe(SERVER, spec()).statuses
    assert str(status.owner) == "Rollout canary"


def test_by_labels_alone_each_account_has_its_own_role(monkeypatch: pytest.MonkeyPatch) -> None:
    other = "arn:aws:iam::123456789012:role/other"
    pods = [k8s.pod("a", role=k8s.ROLE), k8s.pod("b", account="second", role=k8s.ROLE), k8s.pod("c", account="third")]
    found = cluster(monkeypatch, *pods, accounts=[account("app"), account("second", other), account("third", None)])
    state = observe.observe(SERVER, spec(service_account=None, label_selectors=["x=y"]))
    assert [status.stale for status in state.statuses] == [False, True, False]
    assert state.account is None
    assert found.requests[0] == "list_service_accounts shop"
    state = observe.observe(SERVER, spec(service_account=None, label_selectors=["x=y"], role_arn=k8s.ROLE))
    assert [status.stale for status in state.statuses] == [False, False, True]


@pytest.mark.parametrize(
    ("options", "check_mode", "message"),
    [
        ({"service_account": "nobody"}, False, "there is no service account shop/nobody"),
        ({"service_account": "plain"}, False, "service account shop/plain names no role"),
        ({"namespace": "none"}, False, "there is no namespace none"),
        ({"namespace": "none"}, True, "there is no namespace none"),
        ({"namespace": "none", "role_arn": k8s.ROLE}, False, "there is no namespace none"),
        (
            {"namespace": "none", "service_account": None, "label_selectors": ["a=b"]},
            False,
            "there is no namespace none",
        ),
    ],
)
def test_what_does_not_exist(monkeypatch: pytest.MonkeyPatch, options: Json, check_mode: bool, message: str) -> None:
    cluster(monkeypatch, accounts=[account("app"), account("plain", None)])
    with pytest.raises(NotFound, match=message):
        observe.observe(SERVER, spec(**options), check_mode=check_mode)


def test_in_check_mode_the_namespace_of_a_given_role_may_be_about_to_be_created(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster(monkeypatch)
    state = observe.observe(SERVER, spec(namespace="none", role_arn=k8s.ROLE), check_mode=True)
    assert (state.account, state.statuses) == (None, [])


def test_few_accounts_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cluster(monkeypatch)
    known = {("shop", "app"): account("app")}
    assert observe.prefetch(SERVER, [spec()], known) == observe.Prefetched(known, None)
    assert found.requests == []


SPECS = [spec(service_account=f"app-{number}") for number in range(9)]


def test_many_accounts_are_read_by_pages_and_then_not_again(monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = [account(f"app-{number}") for number in range(9)]
    found = cluster(monkeypatch, k8s.pod("a", account="app-3"), k8s.pod("b", account="foreign"), accounts=accounts)
    prefetched = observe.prefetch(SERVER, SPECS, None)
    assert found.requests == ["list_service_accounts shop", "list_pods shop"]
    assert prefetched.pods is not None
    assert list(prefetched.pods) == [("shop", "app-3")]
    states = [observe.observe(SERVER, one, prefetched) for one in SPECS]
    assert len(found.requests) == 2
    assert [len(state.statuses) for state in states] == [0, 0, 0, 1, 0, 0, 0, 0, 0]
    assert states[0].expected(k8s.pod("x")) == ExpectedInjection(k8s.ROLE)


@pytest.mark.parametrize("forbidden", ["list_service_accounts", "list_pods"])
def test_who_may_not_list_all_reads_each(monkeypatch: pytest.MonkeyPatch, forbidden: str) -> None:
    found = cluster(monkeypatch)
    found.forbidden = {forbidden}
    prefetched = observe.prefetch(SERVER, SPECS, None)
    assert prefetched.pods is None
    assert (prefetched.accounts is None) is (forbidden == "list_service_accounts")
