# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Server-side apply: who owns what, who may take it, and what is left when an owner lets go."""

from __future__ import annotations

import typing as t

import pytest
from sandbox.tests.support.clusters import APPLY, MERGE, ROLE_ARN, Json, Namespace, workload

OURS = "eksops.irsa"


def applied(namespace: Namespace, name: str, manager: str, metadata: Json, **query: t.Any) -> t.Any:
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, **metadata}}
    path = f"{namespace.core}/serviceaccounts/{name}"
    return namespace.cluster.call("PATCH", path, body, APPLY, fieldManager=manager, **query)


def owners(obj: Json, key: str = ROLE_ARN) -> set[tuple[str, str]]:
    """Manager and operation of every entry that owns an annotation."""
    found = set()
    for entry in obj["metadata"].get("managedFields", ()):
        annotations = entry["fieldsV1"].get("f:metadata", {}).get("f:annotations", {})
        if f"f:{key}" in annotations:
            found.add((entry["manager"], entry["operation"]))
    return found


def test_an_apply_creates(namespace: Namespace) -> None:
    answer = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    assert answer.status == 201
    assert answer.body["metadata"]["annotations"] == {ROLE_ARN: "arn:a"}
    assert owners(answer.body) == {(OURS, "Apply")}


def test_nobody_owns_annotations_that_are_none(namespace: Namespace) -> None:
    answer = applied(namespace, "app", OURS, {"annotations": {}})
    assert "managedFields" not in answer.body["metadata"]
    path = f"{namespace.core}/serviceaccounts/app"
    later = namespace.cluster.call("PATCH", path, {"metadata": {"annotations": {ROLE_ARN: "arn:a"}}}, MERGE)
    assert later.status == 200
    assert owners(later.body) == set()


def test_a_conflict_names_the_owner_and_the_field(namespace: Namespace) -> None:
    path = f"{namespace.core}/serviceaccounts"
    body = {"metadata": {"name": "app", "annotations": {ROLE_ARN: "arn:helm"}}}
    namespace.cluster.ok("POST", path, body, agent="helm/3.1")
    answer = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:ours"}})
    assert answer.status == 409
    assert answer.body["reason"] == "Conflict"
    assert answer.body["details"] == {
        "causes": [
            {
                "reason": "FieldManagerConflict",
                "message": 'conflict with "helm" using v1',
                "field": f".metadata.annotations.{ROLE_ARN}",
            }
        ]
    }
    assert answer.body["message"] == (
        f'Apply failed with 1 conflict: conflict with "helm" using v1: .metadata.annotations.{ROLE_ARN}'
    )


def test_a_conflict_with_two_fields_lists_both(namespace: Namespace) -> None:
    applied(namespace, "app", "argocd", {"annotations": {ROLE_ARN: "arn:a", "note": "x"}})
    answer = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:b", "note": "y"}})
    assert answer.status == 409
    assert answer.body["message"].startswith('Apply failed with 2 conflicts: conflicts with "argocd":\n- .metadata')
    assert {cause["field"] for cause in answer.body["details"]["causes"]} == {
        f".metadata.annotations.{ROLE_ARN}",
        ".metadata.annotations.note",
    }


def test_force_takes_the_field(namespace: Namespace) -> None:
    applied(namespace, "app", "argocd", {"annotations": {ROLE_ARN: "arn:a", "note": "x"}})
    answer = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:b"}}, force="true")
    assert answer.status == 200
    assert answer.body["metadata"]["annotations"] == {ROLE_ARN: "arn:b", "note": "x"}
    assert owners(answer.body) == {(OURS, "Apply")}
    assert owners(answer.body, "note") == {("argocd", "Apply")}


def test_the_same_value_is_owned_together(namespace: Namespace) -> None:
    applied(namespace, "app", "argocd", {"annotations": {ROLE_ARN: "arn:a"}})
    answer = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    assert answer.status == 200
    assert owners(answer.body) == {(OURS, "Apply"), ("argocd", "Apply")}
    # What one lets go stays while the other holds it; then it goes.
    left = applied(namespace, "app", "argocd", {}).body
    assert left["metadata"]["annotations"] == {ROLE_ARN: "arn:a"}
    assert "annotations" not in applied(namespace, "app", OURS, {}).body["metadata"]


def test_nothing_changes_when_nothing_is_new(namespace: Namespace) -> None:
    first = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}}).body
    second = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}}).body
    assert second == first


def test_an_update_takes_over_without_asking(namespace: Namespace) -> None:
    applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    path = f"{namespace.core}/serviceaccounts/app"
    body = {"metadata": {"annotations": {ROLE_ARN: "arn:b"}}}
    edited = namespace.cluster.ok("PATCH", path, body, MERGE, agent="kubectl-edit/1.0")
    assert owners(edited) == {("kubectl-edit", "Update")}


def test_a_dry_run_shows_and_keeps_nothing(namespace: Namespace) -> None:
    applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:a"}})
    answer = applied(namespace, "app", OURS, {"annotations": {ROLE_ARN: "arn:b"}}, dryRun="All")
    assert answer.body["metadata"]["annotations"] == {ROLE_ARN: "arn:b"}
    stored = namespace.cluster.ok("GET", f"{namespace.core}/serviceaccounts/app")
    assert stored["metadata"]["annotations"] == {ROLE_ARN: "arn:a"}
    assert applied(namespace, "new", OURS, {}, dryRun="All").status == 201
    assert namespace.cluster.call("GET", f"{namespace.core}/serviceaccounts/new").status == 404


def test_an_object_without_owners_is_someones_before_the_first_apply(namespace: Namespace) -> None:
    path = f"{namespace.core}/serviceaccounts"
    namespace.cluster.ok("POST", path, {"metadata": {"name": "app", "annotations": {"note": "x"}}})
    namespace.cluster.ok("PATCH", f"{path}/app", {"metadata": {"managedFields": [{}]}}, MERGE)
    answer = applied(namespace, "app", OURS, {"annotations": {"note": "y"}})
    assert answer.status == 409
    assert answer.body["details"]["causes"][0]["message"] == 'conflict with "before-first-apply" using v1'


def test_keyed_lists_are_owned_item_by_item(namespace: Namespace) -> None:
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

    refused = cluster.call("PATCH", f"{path}/web", env("A", "B"), APPLY, fieldManager=OURS)
    field = '.spec.template.spec.containers[name="main"].env[name="A"].value'
    assert (refused.status, refused.body["details"]["causes"][0]["field"]) == (409, field)
    added = cluster.ok("PATCH", f"{path}/web", env("B", "C"), APPLY, fieldManager=OURS)
    assert sorted(names(added)) == ["A", "B", "C"]
    assert added["spec"]["template"]["spec"]["containers"][0]["image"] == "app:1"
    left = cluster.ok("PATCH", f"{path}/web", env("C"), APPLY, fieldManager=OURS)
    assert sorted(names(left)) == ["A", "C"]


@pytest.mark.parametrize(
    ("query", "status", "text"),
    [({}, 422, "fieldManager: Required value"), ({"fieldManager": "x", "dryRun": "Some"}, 422, "dryRun: Unsupported")],
)
def test_bad_options(namespace: Namespace, query: Json, status: int, text: str) -> None:
    body = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "app"}}
    answer = namespace.cluster.call("PATCH", f"{namespace.core}/serviceaccounts/app", body, APPLY, **query)
    assert answer.status == status
    assert text in answer.body["message"]
