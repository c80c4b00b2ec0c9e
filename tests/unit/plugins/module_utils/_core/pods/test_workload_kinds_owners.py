# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.pods.workload_kinds import (
    Owner,
    list_owners_to_read,
    find_owner,
)
from unit import kubernetes_objects as k8s

Json = dict[str, t.Any]

WEB = [k8s.deployment_pod("web", "6d", "a"), k8s.deployment_pod("web", "6d", "b")]


def owner(kind: str, name: str) -> Owner:
    return Owner("apps/v1", kind, name)


def of(kind: str, name: str, pod_name: str) -> list[Json]:
    return [k8s.pod(pod_name, k8s.owner_reference(kind, name))]


WEB_OWNERS = {
    owner("Deployment", "web"): k8s.workload("web"),
    owner("ReplicaSet", "web-6d"): k8s.workload("web-6d", owner=k8s.owner_reference("Deployment", "web")),
}


@pytest.mark.parametrize(
    ("pods", "known", "with_templates", "expected"),
    [
        pytest.param(WEB, {}, False, [], id="the-hash-names-the-deployment"),
        pytest.param(WEB, {}, True, [owner("ReplicaSet", "web-6d"), owner("Deployment", "web")], id="with_templates"),
        pytest.param(of("ReplicaSet", "rs", "rs-a"), {}, False, [owner("ReplicaSet", "rs")], id="replicaset"),
        pytest.param(of("StatefulSet", "db", "db-0"), {}, False, [], id="named-by-the-pod"),
        pytest.param(of("StatefulSet", "db", "db-0"), {}, True, [owner("StatefulSet", "db")], id="set"),
        pytest.param(WEB, WEB_OWNERS, True, [], id="known"),
        pytest.param([k8s.pod("lonely")], {}, True, [], id="bare"),
        pytest.param([k8s.pod("j", k8s.owner_reference("Job", "j", "batch/v1"))], {}, True, [], id="job"),
    ],
)
def test_what_has_to_be_read(
    pods: list[Json], known: dict[Owner, Json | None], with_templates: bool, expected: list[Owner]
) -> None:
    assert list_owners_to_read(pods, known, with_templates=with_templates) == expected


def test_an_orphaned_replica_set_stands_for_itself() -> None:
    known = {owner("ReplicaSet", "web-6d"): k8s.workload("web-6d")}
    assert find_owner(WEB[0], {}) == owner("Deployment", "web")
    assert find_owner(WEB[0], known) == owner("ReplicaSet", "web-6d")


def test_the_owner_of_a_set_is_not_followed() -> None:
    """An operator's resource may own a StatefulSet; its pods are the set's all the same."""
    known = {owner("StatefulSet", "db"): k8s.workload("db", owner=k8s.owner_reference("Kafka", "k", "kafka.io/v1"))}
    assert find_owner(of("StatefulSet", "db", "db-0")[0], known) == owner("StatefulSet", "db")
