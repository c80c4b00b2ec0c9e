# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's verbs: what they take, what they refuse and with which words."""

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
def test_bad_metadata(namespace: Namespace, body: Json, field: str, text: str) -> None:
    answer = namespace.cluster.call("POST", accounts(namespace), {"metadata": body})
    assert (answer.status, answer.body["reason"]) == (422, "Invalid")
    assert {cause["field"] for cause in answer.body["details"]["causes"]} == {field}
    assert text in answer.body["details"]["causes"][0]["message"]
    assert answer.body["details"]["kind"] == "ServiceAccount"


def test_refusals(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, accounts(namespace)
    missing = cluster.call("GET", f"{path}/none")
    assert (missing.status, missing.body["message"]) == (404, 'serviceaccounts "none" not found')
    nowhere = cluster.call("POST", "/api/v1/namespaces/no-such/serviceaccounts", {"metadata": {"name": "a"}})
    assert (nowhere.status, nowhere.body["message"]) == (404, 'namespaces "no-such" not found')
    again = cluster.call("POST", path, {"metadata": {"name": "default"}})
    assert (again.status, again.body["reason"]) == (409, "AlreadyExists")
    assert again.body["message"] == 'serviceaccounts "default" already exists'
    other = cluster.call("POST", path, {"metadata": {"name": "a", "namespace": "kube-system"}})
    assert (other.status, other.body["reason"]) == (400, "BadRequest")
    pod = {"metadata": {"name": "p"}, "spec": {"serviceAccountName": "nobody", "containers": []}}
    refused = cluster.call("POST", f"{namespace.core}/pods", pod)
    assert refused.status == 403
    where = f"{namespace.name}/nobody"
    assert f'error looking up service account {where}: serviceaccount "nobody" not found' in refused.body["message"]


def test_a_stale_write_is_refused(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{accounts(namespace)}/default"
    old = cluster.ok("GET", path)
    cluster.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    answer = cluster.call("PUT", path, {**old, "metadata": {**old["metadata"], "labels": {"c": "d"}}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert "the object has been modified" in answer.body["message"]
    free = {key: value for key, value in old["metadata"].items() if key != "resourceVersion"}
    assert cluster.ok("PUT", path, {**old, "metadata": {**free, "labels": {"c": "d"}}})["metadata"]["labels"] == {
        "c": "d"
    }


def test_an_update_that_changes_nothing_is_none(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{accounts(namespace)}/default"
    first = cluster.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE)
    assert cluster.ok("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, MERGE) == first


def test_dry_run_keeps_nothing(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, accounts(namespace)
    assert cluster.call("POST", path, {"metadata": {"name": "dry"}}, dryRun="All").status == 201
    assert cluster.call("GET", f"{path}/dry").status == 404
    shown = cluster.ok("PATCH", f"{path}/default", {"metadata": {"labels": {"a": "b"}}}, MERGE, dryRun="All")
    assert shown["metadata"]["labels"] == {"a": "b"}
    assert "labels" not in cluster.ok("GET", f"{path}/default")["metadata"]
    cluster.ok("DELETE", f"{path}/default", dryRun="All")
    assert cluster.call("GET", f"{path}/default").status == 200


def test_patch_types(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.apps}/deployments"
    pod = {"containers": [{"name": "a", "image": "a:1", "env": [{"name": "A", "value": "1"}]}]}
    cluster.ok("POST", path, workload("Deployment", "web", replicas=0, pod=pod))

    def containers(patch: t.Any, content_type: str) -> list[Json]:
        found = cluster.ok("PATCH", f"{path}/web", patch, content_type)
        return t.cast("list[Json]", found["spec"]["template"]["spec"]["containers"])

    def spec(*items: Json) -> Json:
        return {"spec": {"template": {"spec": {"containers": list(items)}}}}

    merged = containers(spec({"name": "a", "env": [{"name": "B", "value": "2"}]}), STRATEGIC)
    assert [c["image"] for c in merged] == ["a:1"]
    assert sorted(e["name"] for e in merged[0]["env"]) == ["A", "B"]
    less = containers(spec({"name": "a", "env": [{"name": "A", "$patch": "delete"}]}), STRATEGIC)
    assert [e["name"] for e in less[0]["env"]] == ["B"]
    replaced = containers(spec({"name": "b", "image": "b:1"}), MERGE)
    assert [(c["name"], c.get("env")) for c in replaced] == [("b", None)]
    assert cluster.call("PATCH", f"{path}/web", {}, "text/plain").status == 415


def test_generations_count_what_is_asked_for(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.apps}/deployments"
    made = cluster.ok("POST", path, workload("Deployment", "web", replicas=0))
    assert made["metadata"]["generation"] == 1
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
    for name, found in labels.items():
        namespace.cluster.ok("POST", f"{namespace.core}/secrets", {"metadata": {"name": name, "labels": found}})
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
def test_bad_selectors(namespace: Namespace, path: str, selector: Json) -> None:
    answer = namespace.cluster.call("GET", f"{namespace.core}/{path}", **selector)
    assert (answer.status, answer.body["reason"]) == (400, "BadRequest")


def test_pages_show_one_state(namespace: Namespace) -> None:
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


def test_a_watch_follows_a_selection(namespace: Namespace) -> None:
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


def test_a_watch_ends_in_time_with_a_bookmark(namespace: Namespace) -> None:
    path = f"{namespace.core}/configmaps"
    version = namespace.cluster.ok("GET", path)["metadata"]["resourceVersion"]
    query = {"resourceVersion": version, "timeoutSeconds": 1, "labelSelector": "no=ne"}
    assert list(namespace.cluster.watch(path, **query)) == []
    events = list(namespace.cluster.watch(path, allowWatchBookmarks="true", **{**query, "timeoutSeconds": 3}))
    assert {event["type"] for event in events} <= {"BOOKMARK"}


def test_preconditions_of_a_deletion(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, accounts(namespace)
    made = namespace.account("app")
    other = "00000000-0000-0000-0000-000000000000"
    answer = cluster.call("DELETE", f"{path}/app", {"preconditions": {"uid": other}})
    assert (answer.status, answer.body["reason"]) == (409, "Conflict")
    assert made["metadata"]["uid"] in answer.body["message"]
    cluster.ok("DELETE", f"{path}/app", {"preconditions": {"uid": made["metadata"]["uid"]}})


def test_a_finalizer_holds_an_object(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.core}/configmaps"
    cluster.ok("POST", path, {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}})
    assert "deletionTimestamp" in cluster.ok("DELETE", f"{path}/held")["metadata"]
    assert "deletionTimestamp" in cluster.ok("GET", f"{path}/held")["metadata"]
    cluster.ok("PATCH", f"{path}/held", {"metadata": {"finalizers": None}}, MERGE)
    assert cluster.call("GET", f"{path}/held").status == 404


def test_a_collection_is_deleted_by_selector(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.core}/secrets"
    for name, value in (("a", "x"), ("b", "x"), ("c", "y")):
        cluster.ok("POST", path, {"metadata": {"name": name, "labels": {"k": value}}})
    cluster.ok("DELETE", path, labelSelector="k=x")
    assert [item["metadata"]["name"] for item in cluster.ok("GET", path, labelSelector="k")["items"]] == ["c"]
