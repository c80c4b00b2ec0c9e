# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only the simulator can do: faults to order, a history to forget, a fresh start; and how fast it is."""

from __future__ import annotations

import statistics
import time
import typing as t

import pytest
import urllib3
from sandbox.tests.support.clusters import MERGE, ROLE_ARN, Cluster, Json

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
CLONE_SETS = "/apis/apps.kruise.io/v1alpha1/namespaces/default/clonesets"


@pytest.fixture
def fresh(simulator: Cluster) -> Iterator[Cluster]:
    simulator.ok("POST", "/sandbox-api/reset")
    yield simulator
    simulator.ok("POST", "/sandbox-api/reset")


def order(cluster: Cluster, **fault: t.Any) -> None:
    cluster.ok("POST", "/sandbox-api/faults", fault)


def test_a_throttled_call(fresh: Cluster) -> None:
    order(fresh, verb="get", resource="serviceaccounts", status=429, times=2, retry_after=3)
    first = fresh.call("GET", f"{ACCOUNTS}/default")
    assert (first.status, first.body["reason"]) == (429, "TooManyRequests")
    assert first.body["details"]["retryAfterSeconds"] == 3
    assert fresh.call("GET", ACCOUNTS).status == 200
    assert fresh.call("GET", f"{ACCOUNTS}/default").status == 429
    assert fresh.call("GET", f"{ACCOUNTS}/default").status == 200


def test_a_lost_answer(fresh: Cluster) -> None:
    order(fresh, verb="create", resource="serviceaccounts", lose_answer=True)
    with pytest.raises(urllib3.exceptions.ProtocolError):
        fresh.call("POST", ACCOUNTS, {"metadata": {"name": "app"}})
    assert fresh.call("GET", f"{ACCOUNTS}/app").status == 200


def test_a_lost_call(fresh: Cluster) -> None:
    order(fresh, verb="create", resource="serviceaccounts")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        fresh.call("POST", ACCOUNTS, {"metadata": {"name": "app"}})
    assert fresh.call("GET", f"{ACCOUNTS}/app").status == 404


def test_a_mistaken_fault_is_refused(fresh: Cluster) -> None:
    assert fresh.call("POST", "/sandbox-api/faults", {"colour": "red"}).status == 400


def test_one_call_in_some_is_hit_until_that_is_forgotten(fresh: Cluster) -> None:
    order(fresh, verb="get", resource="serviceaccounts", status=503, times=5, every=3)
    answers = [fresh.call("GET", f"{ACCOUNTS}/default").status for _call in range(7)]
    assert answers == [200, 200, 503, 200, 200, 503, 200]
    assert [(fault["status"], fault["times"]) for fault in fresh.ok("GET", "/sandbox-api/faults")["faults"]] == [
        (503, 3)
    ]
    fresh.ok("DELETE", "/sandbox-api/faults")
    assert fresh.ok("GET", "/sandbox-api/faults")["faults"] == []
    assert fresh.call("GET", f"{ACCOUNTS}/default").status == 200


def test_calls_are_counted(fresh: Cluster) -> None:
    fresh.ok("GET", ACCOUNTS)
    fresh.ok("PATCH", f"{ACCOUNTS}/default", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    calls = fresh.ok("GET", "/sandbox-api/calls")["calls"]
    assert (calls["list serviceaccounts"], calls["patch serviceaccounts"]) == (1, 1)


def test_only_administrators_order_faults(fresh: Cluster) -> None:
    token = fresh.ok("POST", f"{ACCOUNTS}/default/token", {"spec": {}})["status"]["token"]
    assert fresh.call("POST", "/sandbox-api/reset", {}, token=token).status == 403


def test_a_watch_from_a_forgotten_version(fresh: Cluster) -> None:
    version = fresh.ok("GET", ACCOUNTS)["metadata"]["resourceVersion"]
    fresh.ok("POST", ACCOUNTS, {"metadata": {"name": "app"}})
    fresh.ok("POST", "/sandbox-api/compact")
    (event,) = fresh.watch(ACCOUNTS, resourceVersion=version)
    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith(f"too old resource version: {version} (")


def test_a_page_from_a_forgotten_list(fresh: Cluster) -> None:
    token = fresh.ok("GET", "/api/v1/namespaces", limit=1)["metadata"]["continue"]
    fresh.ok("POST", "/sandbox-api/compact")
    answer = fresh.call("GET", "/api/v1/namespaces", **{"limit": 1, "continue": token})
    assert (answer.status, answer.body["reason"]) == (410, "Expired")


def test_an_unreachable_webhook_leaves_pods_bare(fresh: Cluster) -> None:
    fresh.ok("POST", ACCOUNTS, {"metadata": {"name": "app", "annotations": {ROLE_ARN: "arn:aws:iam::1:role/a"}}})
    pod = {
        "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "app", "containers": [{"name": "a", "image": "a"}]},
    }

    def volumes() -> t.Any:
        return fresh.ok("POST", "/api/v1/namespaces/default/pods", pod, dryRun="All")["spec"].get("volumes")

    assert volumes()
    fresh.ok("POST", "/sandbox-api/webhook", {"reachable": False})
    assert not volumes()
    fresh.ok("POST", "/sandbox-api/webhook", {"reachable": True})
    configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    configuration = fresh.ok("GET", f"{configurations}/pod-identity-webhook")
    hook = configuration["webhooks"][0]
    hook["clientConfig"]["url"] = "https://127.0.0.1:1/mutate"
    fresh.ok("PUT", f"{configurations}/pod-identity-webhook", configuration)
    assert not volumes()
    hook["failurePolicy"] = "Fail"
    del configuration["metadata"]["resourceVersion"]
    fresh.ok("PUT", f"{configurations}/pod-identity-webhook", configuration)
    refused = fresh.call("POST", "/api/v1/namespaces/default/pods", pod, dryRun="All")
    assert refused.status == 500
    assert f'failed calling webhook "{hook["name"]}": Post "https://127.0.0.1:1/mutate?' in refused.body["message"]


def definition(replicated: str) -> Json:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1alpha1", "served": True, "storage": True, "schema": schema, "subresources": {"status": {}}}
    names = {"plural": "clonesets", "kind": "CloneSet"}
    return {
        "metadata": {
            "name": "clonesets.apps.kruise.io",
            "annotations": {"sandbox.eksops.io/replicated": replicated},
        },
        "spec": {"group": "apps.kruise.io", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def test_a_custom_owner_brings_its_pods_back(fresh: Cluster) -> None:
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    assert fresh.call("GET", CLONE_SETS).status == 404
    fresh.ok("POST", definitions, definition("true"))
    made = fresh.ok("GET", f"{definitions}/clonesets.apps.kruise.io")
    assert {entry["type"]: entry["status"] for entry in made["status"]["conditions"]}["Established"] == "True"
    spec = {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "clone"}},
        "template": {
            "metadata": {"labels": {"app": "clone"}},
            "spec": {"terminationGracePeriodSeconds": 0, "containers": [{"name": "a", "image": "a:1"}]},
        },
    }
    body = {"apiVersion": "apps.kruise.io/v1alpha1", "kind": "CloneSet", "metadata": {"name": "c"}, "spec": spec}
    fresh.ok("POST", CLONE_SETS, body)
    fresh.until(f"{CLONE_SETS}/c", lambda obj: obj.get("status", {}).get("readyReplicas") == 1)
    pods = "/api/v1/namespaces/default/pods"
    (old,) = fresh.ok("GET", pods, labelSelector="app=clone")["items"]
    assert old["metadata"]["ownerReferences"][0]["kind"] == "CloneSet"
    fresh.ok("DELETE", f"{pods}/{old['metadata']['name']}")

    def others(listed: Json) -> list[str]:
        return [pod["metadata"]["uid"] for pod in listed["items"] if pod["metadata"]["uid"] != old["metadata"]["uid"]]

    fresh.until(f"{pods}?labelSelector=app%3Dclone", others)
    fresh.ok("DELETE", f"{definitions}/clonesets.apps.kruise.io")
    assert fresh.call("GET", CLONE_SETS).status == 404


def test_reset_leaves_the_seeds(fresh: Cluster) -> None:
    fresh.ok("POST", "/api/v1/namespaces", {"metadata": {"name": "extra"}})
    fresh.ok("POST", "/sandbox-api/reset")
    assert fresh.call("GET", "/api/v1/namespaces/extra").status == 404
    names = {item["metadata"]["name"] for item in fresh.ok("GET", "/api/v1/namespaces")["items"]}
    assert names == {"default", "kube-node-lease", "kube-public", "kube-system"}
    assert fresh.ok("GET", "/api/v1/nodes")["items"]


def usual(call: t.Callable[[int], object], times: int) -> float:
    """The median of the seconds that a call takes; it gets its number. What else the machine does shows in a few."""
    seconds = []
    for number in range(times):
        begin = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def test_it_is_fast(fresh: Cluster) -> None:
    """Bounds with room for a busy machine: about a tenth of each is usual."""
    assert usual(lambda _number: fresh.ok("GET", f"{ACCOUNTS}/default"), 100) < 0.02
    configmaps = "/api/v1/namespaces/default/configmaps"

    def create(number: int) -> Json:
        return fresh.ok("POST", configmaps, {"metadata": {"name": f"c{number}"}, "data": {"x": "y" * 500}})

    assert usual(create, 300) < 0.03
    assert len(fresh.ok("GET", configmaps)["items"]) == 300
    assert usual(lambda _number: fresh.ok("GET", configmaps), 15) < 0.5
