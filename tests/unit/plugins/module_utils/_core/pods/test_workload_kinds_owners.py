# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import (
    Owner,
    find_owner,
    list_owners_to_read,
)
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

WEB = [k8s.deployment_pod("web", "6d", "a"), k8s.deployment_pod("web", "6d", "b")]


def owner(kind: str, name: str) -> Owner:
    return Owner("apps/v1", kind, name)


def pods_of(kind: str, name: str, pod_name: str) -> list[Json]:
    return [k8s.pod(pod_name, k8s.owner_reference(kind, name))]


WEB_OWNERS = {
    owner("Deployment", "web"): k8s.workload("web"),
    owner("ReplicaSet", "web-6d"): k8s.workload("web-6d", owner=k8s.owner_reference("Deployment", "web")),
}


@pytest.mark.parametrize(
    ("pods", "known", "with_templates", "expected"),
    [
        pytest.param(WEB, {}, False, [], id="deployment-found-by-label"),
        pytest.param(
            WEB, {}, True, [owner("ReplicaSet", "web-6d"), owner("Deployment", "web")], id="deployment-with-templates"
        ),
        pytest.param(
            pods_of("ReplicaSet", "rs", "rs-a"), {}, False, [owner("ReplicaSet", "rs")], id="replicaset-without-label"
        ),
        pytest.param(pods_of("StatefulSet", "db", "db-0"), {}, False, [], id="statefulset"),
        pytest.param(
            pods_of("StatefulSet", "db", "db-0"),
            {},
            True,
            [owner("StatefulSet", "db")],
            id="statefulset-with-templates",
        ),
        pytest.param(WEB, WEB_OWNERS, True, [], id="owners-already-read"),
        pytest.param([k8s.pod("single")], {}, True, [], id="pod-without-owner"),
        pytest.param([k8s.pod("j", k8s.owner_reference("Job", "j", "batch/v1"))], {}, True, [], id="job"),
    ],
)
def test_owners_to_read(
    pods: list[Json], known: dict[Owner, Json | None], with_templates: bool, expected: list[Owner]
) -> None:
    assert list_owners_to_read(pods, known, with_templates=with_templates) == expected


def test_replica_set_without_a_deployment_is_the_owner() -> None:
    known = {owner("ReplicaSet", "web-6d"): k8s.workload("web-6d")}
    assert find_owner(WEB[0], {}) == owner("Deployment", "web")
    assert find_owner(WEB[0], known) == owner("ReplicaSet", "web-6d")


def test_statefulset_of_an_operator_is_the_owner() -> None:
    known = {owner("StatefulSet", "db"): k8s.workload("db", owner=k8s.owner_reference("Kafka", "k", "kafka.io/v1"))}
    assert find_owner(pods_of("StatefulSet", "db", "db-0")[0], known) == owner("StatefulSet", "db")
