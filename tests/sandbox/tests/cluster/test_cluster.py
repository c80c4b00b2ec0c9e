# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Properties of the simulated cluster only: faults and speed."""

from __future__ import annotations

import json
import statistics
import time
import typing as t

import pytest
import urllib3
from sandbox.tests.support.clusters import ROLE_ARN, ClusterUnderTest, Json

if t.TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"


@pytest.fixture
def fresh(simulator: ClusterUnderTest) -> Iterator[ClusterUnderTest]:
    """The simulated cluster. Faults and the service account "app" are removed after the test."""
    yield simulator
    simulator.ok("DELETE", "/sandbox-api/faults")
    simulator.call("DELETE", f"{ACCOUNTS}/app")


def add_fault(cluster: ClusterUnderTest, **fault: t.Any) -> None:
    cluster.ok("POST", "/sandbox-api/faults", fault)


def test_throttled_call(fresh: ClusterUnderTest) -> None:
    add_fault(fresh, operation="get serviceaccounts", status=429, times=2, retry_after=3)
    first = fresh.call("GET", f"{ACCOUNTS}/default")
    assert (first.status, first.body["reason"]) == (429, "TooManyRequests")
    assert first.body["details"]["retryAfterSeconds"] == 3
    assert fresh.call("GET", ACCOUNTS).status == 200
    assert fresh.call("GET", f"{ACCOUNTS}/default").status == 429
    assert fresh.call("GET", f"{ACCOUNTS}/default").status == 200


def test_lost_response(fresh: ClusterUnderTest) -> None:
    add_fault(fresh, operation="create serviceaccounts", kind="reset_after")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        fresh.call("POST", ACCOUNTS, {"metadata": {"name": "app"}})
    assert fresh.call("GET", f"{ACCOUNTS}/app").status == 200


def test_lost_request(fresh: ClusterUnderTest) -> None:
    add_fault(fresh, operation="create serviceaccounts", kind="reset_before")
    with pytest.raises(urllib3.exceptions.ProtocolError):
        fresh.call("POST", ACCOUNTS, {"metadata": {"name": "app"}})
    assert fresh.call("GET", f"{ACCOUNTS}/app").status == 404


def test_invalid_fault_is_rejected(fresh: ClusterUnderTest) -> None:
    assert fresh.call("POST", "/sandbox-api/faults", {"colour": "red"}).status == 400


def test_fault_hits_every_third_call_until_it_is_removed(fresh: ClusterUnderTest) -> None:
    add_fault(fresh, operation="get serviceaccounts", status=503, times=5, every=3)
    statuses = [fresh.call("GET", f"{ACCOUNTS}/default").status for _call in range(7)]
    assert statuses == [200, 200, 503, 200, 200, 503, 200]
    assert [(fault["status"], fault["times"]) for fault in fresh.ok("GET", "/sandbox-api/faults")["faults"]] == [
        (503, 3)
    ]
    fresh.ok("DELETE", "/sandbox-api/faults")
    assert fresh.ok("GET", "/sandbox-api/faults")["faults"] == []
    assert fresh.call("GET", f"{ACCOUNTS}/default").status == 200


def test_only_administrators_add_faults(fresh: ClusterUnderTest) -> None:
    token = fresh.ok("POST", f"{ACCOUNTS}/default/token", {"spec": {}})["status"]["token"]
    assert fresh.call("POST", "/sandbox-api/faults", {}, token=token).status == 403


def test_pods_are_not_injected_if_webhook_is_unreachable(fresh: ClusterUnderTest) -> None:
    fresh.ok("POST", ACCOUNTS, {"metadata": {"name": "app", "annotations": {ROLE_ARN: "arn:aws:iam::1:role/a"}}})
    pod = {
        "metadata": {"name": "p"},
        "spec": {"serviceAccountName": "app", "containers": [{"name": "a", "image": "a"}]},
    }

    def volumes() -> t.Any:
        return fresh.ok("POST", "/api/v1/namespaces/default/pods", pod, dryRun="All")["spec"].get("volumes")

    assert volumes()
    configurations = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    path = f"{configurations}/pod-identity-webhook"
    configuration = fresh.ok("GET", path)
    original = json.loads(json.dumps(configuration))
    del original["metadata"]["resourceVersion"]
    hook = configuration["webhooks"][0]
    hook["clientConfig"]["url"] = "https://127.0.0.1:1/mutate"
    fresh.ok("PUT", path, configuration)
    assert not volumes()
    hook["failurePolicy"] = "Fail"
    del configuration["metadata"]["resourceVersion"]
    fresh.ok("PUT", path, configuration)
    response = fresh.call("POST", "/api/v1/namespaces/default/pods", pod, dryRun="All")
    assert response.status == 500
    assert f'failed calling webhook "{hook["name"]}": Post "https://127.0.0.1:1/mutate?' in response.body["message"]
    fresh.ok("PUT", path, original)
    assert volumes()


def median_seconds(call: t.Callable[[int], object], times: int) -> float:
    """The median duration of calls in seconds, which ignores single slow calls.

    :param call: its parameter is the number of the call.
    """
    seconds = []
    for number in range(times):
        begin = time.perf_counter()
        call(number)
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def test_response_times(fresh: ClusterUnderTest) -> None:
    """The limits are for a busy machine. Usual times are about a tenth."""
    assert median_seconds(lambda _number: fresh.ok("GET", f"{ACCOUNTS}/default"), 100) < 0.02
    configmaps = "/api/v1/namespaces/default/configmaps"

    def create(number: int) -> Json:
        return fresh.ok("POST", configmaps, {"metadata": {"name": f"c{number}"}, "data": {"x": "y" * 500}})

    assert median_seconds(create, 300) < 0.03
    assert len(fresh.ok("GET", configmaps)["items"]) == 300
    assert median_seconds(lambda _number: fresh.ok("GET", configmaps), 15) < 0.5
