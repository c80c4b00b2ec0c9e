# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply: field ownership, conflicts and removal of fields."""

from __future__ import annotations

import typing as t

import pytest
from sandbox.tests.support.clusters import APPLY, MERGE, ROLE_ARN, Json, Namespace, workload

OURS = "eksops.irsa"


def apply(namespace: Namespace, name: str, manager: str, metadata: Json, **query: t.Any) -> t.Any:
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **metadata}}
    path = f"{namespace.core}/serviceaccounts/{name}"
    return namespace.cluster.call("PATCH", path, body, APPLY, fieldManager=manager, **query)


def owners(obj: Json, key: str = ROLE_ARN) -> set[tuple[str, str]]:
    """The manager and the operation of every entry that owns an annotation."""
    result = set()
    for entry in obj["metadata"].get("managedFields", ()):
        annotations = entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
        if f"f:{key}" in annotations:
            result.add((entry["manager"], entry["operation"]))
    return result


def test_apply_creates_object(namespace: Namespace) -> None:
    response = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    assert response.status == 201
    assert response.body["metadata"]["annotations"] == {ROLE_ARN: "arn:a"}
    assert owners(response.body) == {(OURS, "Apply")}


def test_empty_annotations_have_no_owner(namespace: Namespace) -> None:
    response = apply(namespace, "app", OURS, {"annotations": {}})
    assert "managedFields" not in response.body["metadata"]
    path = f"{namespace.core}/serviceaccounts/app"
    later = namespace.cluster.call("PATCH", path, {"metadata": {"annotations": {ROLE_ARN: "arn:a"}}}, MERGE)
    assert later.status == 200
    assert owners(later.body) == set()


def test_conflict_has_owner_and_field(namespace: Namespace) -> None:
    path = f"{namespace.core}/serviceaccounts"
    body = {"metadata": {"name": "app", "annotations": {ROLE_ARN: "arn:helm"}}}
    namespace.cluster.ok("POST", path, body, agent="helm/3.1")
    response = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:ours"}})
    assert response.status == 409
    assert response.body["reason"] == "Conflict"
    assert response.body["details"] == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "helm" using v1',
                "field": f".metadata.annotations.{ROLE_ARN}",
            }
        ]
    }
    assert response.body["message"] == (
        f'Apply failed with 1 conflict: conflict with "helm" using v1: .metadata.annotations.{ROLE_ARN}'
    )


def test_conflict_of_two_fields(namespace: Namespace) -> None:
    apply(namespace, "app", "argocd", {"annotations": {ROLE_ARN: "arn:a", "note": "x"}})
    response = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:b", "note": "y"}})
    assert response.status == 409
    assert response.body["message"].startswith('Apply failed with 2 conflicts: conflicts with "argocd":\n- .metadata')
    assert {cause["field"] for cause in response.body["details"]["causes"]} == {
        f".metadata.annotations.{ROLE_ARN}",
        ".metadata.annotations.note",
    }


def test_force_takes_over_field(namespace: Namespace) -> None:
    apply(namespace, "app", "argocd", {"annotations": {ROLE_ARN: "arn:a", "note": "x"}})
    response = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:b"}}, force="true")
    assert response.status == 200
    assert response.body["metadata"]["annotations"] == {ROLE_ARN: "arn:b", "note": "x"}
    assert owners(response.body) == {(OURS, "Apply")}
    assert owners(response.body, "note") == {("argocd", "Apply")}


def test_same_value_is_shared(namespace: Namespace) -> None:
    apply(namespace, "app", "argocd", {"annotations": {ROLE_ARN: "arn:a"}})
    response = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    assert response.status == 200
    assert owners(response.body) == {(OURS, "Apply"), ("argocd", "Apply")}
    # A field that one manager no longer applies is kept until no manager applies it.
    remaining = apply(namespace, "app", "argocd", {}).body
    assert remaining["metadata"]["annotations"] == {ROLE_ARN: "arn:a"}
    assert "annotations" not in apply(namespace, "app", OURS, {}).body["metadata"]


def test_second_apply_changes_nothing(namespace: Namespace) -> None:
    first = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}}).body
    second = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}}).body
    assert second == first


def test_update_takes_over_field(namespace: Namespace) -> None:
    apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    path = f"{namespace.core}/serviceaccounts/app"
    body = {"metadata": {"annotations": {ROLE_ARN: "arn:b"}}}
    edited = namespace.cluster.ok("PATCH", path, body, MERGE, agent="kubectl-edit/1.0")
    assert owners(edited) == {("kubectl-edit", "Update")}


def test_dry_run_stores_nothing(namespace: Namespace) -> None:
    apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    response = apply(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:b"}}, dryRun="All")
    assert response.body["metadata"]["annotations"] == {ROLE_ARN: "arn:b"}
    stored = namespace.cluster.ok("GET", f"{namespace.core}/serviceaccounts/app")
    assert stored["metadata"]["annotations"] == {ROLE_ARN: "arn:a"}
    assert apply(namespace, "new", OURS, {}, dryRun="All").status == 201
    assert namespace.cluster.call("GET", f"{namespace.core}/serviceaccounts/new").status == 404


def test_object_without_managed_fields(namespace: Namespace) -> None:
    path = f"{namespace.core}/serviceaccounts"
    namespace.cluster.ok("POST", path, {"metadata": {"name": "app", "annotations": {"note": "x"}}})
    namespace.cluster.ok("PATCH", f"{path}/app", {"metadata": {"managedFields": [{}]}}, MERGE)
    response = apply(namespace, "app", OURS, {"annotations": {"note": "y"}})
    assert response.status == 409
    assert response.body["details"]["causes"][0]["message"] == 'conflict with "before-first-apply" using v1'


def test_items_of_keyed_list_have_owners(namespace: Namespace) -> None:
    cluster, path = namespace.cluster, f"{namespace.apps}/deployments"
    container = {"name": "main", "image": "app:1", "env": [{"name": "A", "value": "1"}]}
    cluster.ok("POST", path, workload("Deployment", "web", replicas=0, pod={"containers": [container]}))

    def env(*names: str) -> Json:
        entries = [{"name": name, "value": "2"} for name in names]
        pod = {"containers": [{"name": "main", "env": entries}]}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web"},
            "spec": {"template": {"spec": pod}},
        }

    def names(obj: Json) -> list[str]:
        return [entry["name"] for entry in obj["spec"]["template"]["spec"]["containers"][0]["env"]]

    conflict = cluster.call("PATCH", f"{path}/web", env("A", "B"), APPLY, fieldManager=OURS)
    field = '.spec.template.spec.containers[name="main"].env[name="A"].value'
    assert (conflict.status, conflict.body["details"]["causes"][0]["field"]) == (409, field)
    added = cluster.ok("PATCH", f"{path}/web", env("B", "C"), APPLY, fieldManager=OURS)
    assert sorted(names(added)) == ["A", "B", "C"]
    assert added["spec"]["template"]["spec"]["containers"][0]["image"] == "app:1"
    remaining = cluster.ok("PATCH", f"{path}/web", env("C"), APPLY, fieldManager=OURS)
    assert sorted(names(remaining)) == ["A", "C"]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [({}, 422, "fieldManager: Required value"), ({"fieldManager": "x", "dryRun": "Some"}, 422, "dryRun: Unsupported")],
)
def test_invalid_options_are_rejected(namespace: Namespace, query: Json, status: int, text: str) -> None:
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}
    response = namespace.cluster.call("PATCH", f"{namespace.core}/serviceaccounts/app", body, APPLY, **query)
    assert response.status == status
    assert text in response.body["message"]
