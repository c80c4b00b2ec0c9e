# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The verbs of the API and their errors."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from sandbox.tests.support.clusters import MERGE, STRATEGIC, Json, Namespace, workload


def accounts(namespace: Namespace) -> str:
    return f"{namespace.core}/serviceaccounts"


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({"name": "Bad_Name"}, "metadata.name", "a lowercase RFC 1123 subdomain"),
        ({}, "metadata.name", "name or generateName is required"),
        ({"name": "a" * 254}, "metadata.name", "must be no more than 253 characters"),
        ({"name": "ok", "annotations": {"a b": ""}}, "metadata.annotations", "name part must consist of"),
        ({"name": "ok", "annotations": {"/x": ""}}, "metadata.annotations", "prefix part must be non-empty"),
        ({"name": "ok", "labels": {"a": "b c"}}, "metadata.labels", "a valid label must be an empty string"),
        ({"name": "ok", "labels": {"a" * 64: ""}}, "metadata.labels", "must be no more than 63 characters"),
    ],
)
def test_invalid_metadata_is_rejected(namespace: Namespace, body: Json, field: str, text: str) -> None:
    response = namespace.cluster.call("POST", accounts(namespace), {"metadata": body})
    assert (response.status, response.body["reason"]) == (422, "Invalid")
    assert {cause["field"] for cause in response.body["details"]["causes"]} == {field}
    assert text in response.body["details"]["causes"][0]["message"]
    assert response.body["details"]["kind"] == "ServiceAccount"


def test_error_responses(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, accounts(namespace)
    missing = cluster.call("GET", f"{path}/none")
    assert (missing.status, missing.body["message"]) == (404, 'serviceaccounts "none" not found')
    no_namespace = cluster.call("POST", "/api/v1/namespaces/no-such/serviceaccounts", {"metadata": {"name": "a"}})
    assert (no_namespace.status, no_namespace.body["message"]) == (404, 'namespaces "no-such" not found')
    duplicate = cluster.call("POST", path, {"metadata": {"name": "default"}})
    assert (duplicate.status, duplicate.body["reason"]) == (409, "AlreadyExists")
    assert duplicate.body["message"] == 'serviceaccounts "default" already exists'
    other_namespace = cluster.call("POST", path, {"metadata": {"name": "a", "namespace": "kube-system"}})
    assert (other_namespace.status, other_namespace.body["reason"]) == (400, "BadRequest")
    pod = {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "nobody", "containers": []}}
    forbidden = cluster.call("POST", f"{namespace.core}/pods", pod)
    assert forbidden.status == 403
    where = f"{namespace.name}/nobody"
    assert f'error looking up service account {where}: serviceaccount "nobody" not found' in forbidden.body["message"]


def test_old_resource_version_is_rejected(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{accounts(namespace)}/default"
    old = cluster.ok("GET", path)
    cluster.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    response = cluster.call("PUT", path, {**old, "metadata": {**old["metadata"], "labels": {"c": "d"}}})
    assert (response.status, response.body["reason"]) == (409, "Conflict")
    assert "the object has been modified" in response.body["message"]
    without_version = {key: value for key, value in old["metadata"].items() if key != "resourceVersion"}
    assert cluster.ok("PUT", path, {**old, "metadata": {**without_version, "labels": {"c": "d"}}})["metadata"][
        "labels"
    ] == {"c": "d"}


def test_update_without_changes(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{accounts(namespace)}/default"
    first = cluster.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert cluster.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE) == first


def test_dry_run_stores_nothing(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, accounts(namespace)
    assert cluster.call("POST", path, {"metadata": {"name": "dry"}}, dryRun="All").status == 201
    assert cluster.call("GET", f"{path}/dry").status == 404
    patched = cluster.ok("PATCH", f"{path}/default", {"metadata": {"labels": {"a": "b"}}}, MERGE, dryRun="All")
    assert patched["metadata"]["labels"] == {"a": "b"}
    assert "labels" not in cluster.ok("GET", f"{path}/default")["metadata"]
    cluster.ok("DELETE", f"{path}/default", dryRun="All")
    assert cluster.call("GET", f"{path}/default").status == 200


def test_patch_types(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.apps}/deployments"
    pod = {"containers": [{"name": "a", "image": "a:1", "env": [{"name": "A", "value": "1"}]}]}
    cluster.ok("POST", path, workload("Deployment", "web", replicas=0, pod=pod))

    def containers(patch: t.Any, content_type: str) -> list[Json]:
        deployment = cluster.ok("PATCH", f"{path}/web", patch, content_type)
        return t.cast("list[Json]", deployment["spec"]["template"]["spec"]["containers"])

    def spec(*items: Json) -> Json:
        return {"spec": {"template": {"spec": {"containers": list(items)}}}}

    merged = containers(spec({"name": "a", "env": [{"name": "B", "value": "2"}]}), STRATEGIC)
    assert [c["image"] for c in merged] == ["a:1"]
    assert sorted(e["name"] for e in merged[0]["env"]) == ["A", "B"]
    reduced = containers(spec({"name": "a", "env": [{"name": "A", "$patch": "delete"}]}), STRATEGIC)
    assert [e["name"] for e in reduced[0]["env"]] == ["B"]
    replaced = containers(spec({"name": "b", "image": "b:1"}), MERGE)
    assert [(c["name"], c.get("env")) for c in replaced] == [("b", None)]
    assert cluster.call("PATCH", f"{path}/web", {}, "text/plain").status == 415


def test_generation_counts_changes_of_spec(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.apps}/deployments"
    created = cluster.ok("POST", path, workload("Deployment", "web", replicas=0))
    assert created["metadata"]["generation"] == 1
    labelled = cluster.ok("PATCH", f"{path}/web", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert labelled["metadata"]["generation"] == 1
    scaled = cluster.ok("PATCH", f"{path}/web", {"spec": {"replicas": 1}}, MERGE)
    assert scaled["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ({"labelSelector": "tier=web"}, ["a", "b"]),
        ({"labelSelector": "tier==web,stage!=test"}, ["a"]),
        ({"labelSelector": "stage in (test, live)"}, ["a", "b"]),
        ({"labelSelector": "tier notin (web)"}, ["c", "d"]),
        ({"labelSelector": "!stage,tier"}, ["c"]),
        ({"fieldSelector": "metadata.name=b"}, ["b"]),
        ({"fieldSelector": "metadata.name!=b", "labelSelector": "tier"}, ["a", "c"]),
    ],
)
def test_selectors(namespace: Namespace, selector: Json, names: list[str]) -> None:
    labels = {
        "a": {"tier": "web", "stage": "live"},
        "b": {"tier": "web", "stage": "test"},
        "c": {"tier": "db"},
        "d": {},
    }
    for name, values in labels.items():
        namespace.cluster.ok("POST", f"{namespace.core}/secrets", {"metadata": {"name": name, "labels": values}})
    listed = namespace.cluster.ok("GET", f"{namespace.core}/secrets", **selector)
    mine = [item["metadata"]["name"] for item in listed["items"] if item["metadata"]["name"] in labels]
    assert mine == names


@pytest.mark.parametrize(
    ("path", "selector"),
    [
        ("serviceaccounts", {"fieldSelector": "spec.x=1"}),
        ("pods", {"fieldSelector": "spec.x=1"}),
        ("pods", {"labelSelector": "a b"}),
    ],
)
def test_invalid_selectors_are_rejected(namespace: Namespace, path: str, selector: Json) -> None:
    response = namespace.cluster.call("GET", f"{namespace.core}/{path}", **selector)
    assert (response.status, response.body["reason"]) == (400, "BadRequest")


def test_pages_have_a_consistent_state(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.core}/configmaps"
    for number in range(5):
        cluster.ok("POST", path, {"metadata": {"name": f"c{number}", "labels": {"a": "b"}}})
    first = cluster.ok("GET", path, limit=2, labelSelector="a=b")
    cluster.ok("DELETE", f"{path}/c4")
    cluster.ok("POST", path, {"metadata": {"name": "c9", "labels": {"a": "b"}}})
    names, page = [], first
    while True:
        names.append([item["metadata"]["name"] for item in page["items"]])
        token = page["metadata"].get("continue")
        if not token:
            break
        page = cluster.ok("GET", path, **{"limit": 2, "labelSelector": "a=b", "continue": token})
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert names == [["c0", "c1"], ["c2", "c3"], ["c4"]]


def test_watch_with_selector(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.core}/configmaps"
    version = cluster.ok("GET", path)["metadata"]["resourceVersion"]
    cluster.ok("POST", path, {"metadata": {"name": "c", "labels": {"a": "b"}}})
    cluster.ok("PATCH", f"{path}/c", {"data": {"x": "1"}}, MERGE)
    cluster.ok("PATCH", f"{path}/c", {"metadata": {"labels": {"a": "z"}}}, MERGE)
    cluster.ok("PATCH", f"{path}/c", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    cluster.ok("DELETE", f"{path}/c")
    events = list(itertools.islice(cluster.watch(path, resourceVersion=version, labelSelector="a=b"), 5))
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert events[0]["object"]["kind"] == "ConfigMap"


def test_watch_timeout_and_bookmark(namespace: Namespace) -> None:
    path = f"{namespace.core}/configmaps"
    version = namespace.cluster.ok("GET", path)["metadata"]["resourceVersion"]
    query = {"resourceVersion": version, "timeoutSeconds": 1, "labelSelector": "no=ne"}
    assert list(namespace.cluster.watch(path, **query)) == []
    events = list(namespace.cluster.watch(path, allowWatchBookmarks="true", **{**query, "timeoutSeconds": 3}))
    assert {event["type"] for event in events} <= {"BOOKMARK"}


def test_delete_preconditions(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, accounts(namespace)
    created = namespace.account("app")
    other_uid = "00000000-0000-0000-0000-000000000000"
    response = cluster.call("DELETE", f"{path}/app", {"preconditions": {"uid": other_uid}})
    assert (response.status, response.body["reason"]) == (409, "Conflict")
    assert created["metadata"]["uid"] in response.body["message"]
    cluster.ok("DELETE", f"{path}/app", {"preconditions": {"uid": created["metadata"]["uid"]}})


def test_finalizer_delays_deletion(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.core}/configmaps"
    cluster.ok("POST", path, {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    assert "deletionTimestamp" in cluster.ok("DELETE", f"{path}/held")["metadata"]
    assert "deletionTimestamp" in cluster.ok("GET", f"{path}/held")["metadata"]
    cluster.ok("PATCH", f"{path}/held", {"metadata": {"finalizers": None}}, MERGE)
    assert cluster.call("GET", f"{path}/held").status == 404


def test_delete_collection_by_selector(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.core}/secrets"
    for name, value in (("a", "x"), ("b", "x"), ("c", "y")):
        cluster.ok("POST", path, {"metadata": {"name": name, "labels": {"k": value}}})
    cluster.ok("DELETE", path, labelSelector="k=x")
    assert [item["metadata"]["name"] for item in cluster.ok("GET", path, labelSelector="k")["items"]] == ["c"]
