# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of fault on AWS and on the API server, as a client sees it."""

from __future__ import annotations

import collections.abc as c
import json
import pathlib
import time
import typing as t

import pytest
import urllib3
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.parsers import ResponseParserError
from sandbox import settings
from sandbox.faults import KINDS, THROTTLING, Call, FaultQueue
from sandbox.tests.support.aws_server import TRUST, Aws, expect_error
from sandbox.tests.support.clusters import ClusterUnderTest, make_token

ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
NEW_ACCOUNT = {"metadata": {"name": "app"}}
NEW_ROLE = {"RoleName": "app", "AssumeRolePolicyDocument": json.dumps(TRUST)}
LOST = urllib3.exceptions.ProtocolError


def call_of(operation: str, **parameters: str) -> Call:
    return Call("iam", operation, parameters, is_write=not operation.startswith("Get"))


def pattern(calls: c.Iterable[Call], **fault: t.Any) -> list[bool]:
    queue = FaultQueue()
    queue.add({"kind": "unavailable", "times": 0, "probability": 0.3, **fault})
    return [queue.take(call) is not None for call in calls]


# Selection, probability, count and seed


def test_seed_determines_which_calls_are_hit() -> None:
    calls = [call_of("GetRole", RoleName=f"r{number % 5}") for number in range(200)]
    assert pattern(calls, seed=1) == pattern(calls, seed=1)
    assert pattern(calls, seed=1) != pattern(calls, seed=2)
    assert 30 <= sum(pattern(calls, seed=1)) <= 90


def test_order_of_parallel_calls_does_not_matter() -> None:
    ours, theirs = ([call_of("GetRole", RoleName=name)] * 50 for name in "ab")
    one_by_one = pattern([*ours, *theirs], seed=7)
    mixed = pattern([call for pair in zip(ours, theirs, strict=True) for call in pair], seed=7)
    assert one_by_one == [*mixed[::2], *mixed[1::2]]


def test_selection() -> None:
    queue = FaultQueue()
    queue.add({"kind": "conflict", "service": "iam", "operation": "*Role", "parameters": {"RoleName": "a"}, "times": 2})
    assert not queue.take(call_of("GetRole", RoleName="a"))
    assert not queue.take(call_of("TagRole", RoleName="b"))
    assert not queue.take(call_of("CreatePolicy", RoleName="a"))
    assert queue.take(call_of("TagRole", RoleName="a"))
    assert [(fault["hits"], fault["times"]) for fault in queue.pending()] == [(1, 1)]
    assert queue.take(call_of("DeleteRole", RoleName="a"))
    assert queue.pending() == []


@pytest.mark.parametrize("fault", [{}, {"kind": "colour"}, {"operation": "GetRole"}])
def test_fault_without_effect_is_rejected(fault: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="the kind of a fault is one of"):
        FaultQueue().add(fault)


def test_every_kind_is_documented() -> None:
    readme = pathlib.Path(__file__).parents[1] / "README.md"
    text = readme.read_text(encoding="utf-8")
    assert [kind for kind in sorted(KINDS) if f"`{kind}`" not in text] == []


# AWS


def inject(aws: Aws, kind: str, **fault: t.Any) -> t.Any:
    aws.control("POST", "faults", {"kind": kind, "service": "iam", **fault})
    return aws.client("iam")


def test_aws_throttles_in_every_spelling(aws: Aws) -> None:
    iam = inject(aws, "throttled", times=0, seed=3)
    errors = {expect_error(iam.list_roles) for _call in range(120)}
    assert {(error.code, error.status) for error in errors} == set(THROTTLING.items())


@pytest.mark.parametrize(
    ("kind", "status"), [("too_many_requests", 429), ("internal_error", 500), ("unavailable", 503), ("conflict", 409)]
)
def test_aws_errors(aws: Aws, kind: str, status: int) -> None:
    iam = inject(aws, kind, retry_after=7 if status == 429 else None)
    with pytest.raises(ClientError) as caught:
        iam.create_role(**NEW_ROLE)
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == status
    assert metadata["HTTPHeaders"].get("retry-after") == ("7" if status == 429 else None)
    assert iam.list_roles()["Roles"] == []


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", False), ("reset_after", True)])
def test_aws_resets_the_connection(aws: Aws, kind: str, applied: bool) -> None:
    iam = inject(aws, kind)
    with pytest.raises(ConnectionClosedError, match="was closed"):
        iam.create_role(**NEW_ROLE)
    assert bool(iam.list_roles()["Roles"]) == applied


def test_aws_refuses_connections(aws: Aws) -> None:
    iam = inject(aws, "refused", seconds=0.4)
    with pytest.raises(ConnectionClosedError):
        iam.list_roles()
    with pytest.raises(EndpointConnectionError):
        iam.list_roles()
    time.sleep(0.5)
    assert iam.list_roles()["Roles"] == []


def test_aws_cuts_the_body(aws: Aws) -> None:
    iam = inject(aws, "cut_body")
    with pytest.raises((HTTPClientError, ResponseParserError)):
        iam.list_roles()
    assert iam.list_roles()["Roles"] == []


def test_aws_stalls_in_the_body(aws: Aws) -> None:
    inject(aws, "stalled", operation="CreateRole", seconds=30)
    iam = aws.client("iam")
    with pytest.raises(ReadTimeoutError):
        aws.client("iam", read_timeout=0.3).create_role(**NEW_ROLE)
    assert [role["RoleName"] for role in iam.list_roles()["Roles"]] == ["app"]


def test_aws_sends_the_body_slowly(aws: Aws) -> None:
    iam = inject(aws, "slow", seconds=0.4)
    begin = time.monotonic()
    assert iam.list_roles()["Roles"] == []
    assert time.monotonic() - begin >= 0.4


def test_aws_sends_a_malformed_body(aws: Aws) -> None:
    iam = inject(aws, "malformed", times=0)
    failures = 0
    for _call in range(20):
        try:
            iam.list_roles()
        except (ResponseParserError, KeyError):  # botocore has no error of its own for every answer
            failures += 1
    assert failures >= 10


def test_iam_reads_lag_behind_writes(aws: Aws) -> None:
    iam = inject(aws, "stale_read", times=0, operation="*Role", seconds=0.5)
    iam.create_role(**NEW_ROLE)
    assert expect_error(iam.get_role, RoleName="app").code == "NoSuchEntity"
    assert expect_error(iam.create_role, **NEW_ROLE).code == "EntityAlreadyExists"
    time.sleep(0.6)
    iam.tag_role(RoleName="app", Tags=[{"Key": "a", "Value": "b"}])
    assert "Tags" not in iam.get_role(RoleName="app")["Role"]
    time.sleep(0.6)
    assert iam.get_role(RoleName="app")["Role"]["Tags"] == [{"Key": "a", "Value": "b"}]


# The API server


@pytest.fixture
def fresh(simulator: ClusterUnderTest) -> c.Iterator[ClusterUnderTest]:
    """The simulated cluster without faults."""
    yield simulator
    simulator.ok("DELETE", "/sandbox-api/faults")
    simulator.call("DELETE", f"{ACCOUNTS}/app")


def add(cluster: ClusterUnderTest, kind: str, operation: str = "* serviceaccounts", **fault: t.Any) -> None:
    cluster.ok("POST", "/sandbox-api/faults", {"kind": kind, "operation": operation, **fault})


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("throttled", 429, "TooManyRequests"),
        ("too_many_requests", 429, "TooManyRequests"),
        ("internal_error", 500, "InternalError"),
        ("unavailable", 503, "ServiceUnavailable"),
        ("conflict", 409, "Conflict"),
    ],
)
def test_api_server_errors(fresh: ClusterUnderTest, kind: str, status: int, reason: str) -> None:
    add(fresh, kind)
    response = fresh.call("POST", ACCOUNTS, NEW_ACCOUNT)
    assert (response.status, response.body["reason"]) == (status, reason)
    assert fresh.call("GET", f"{ACCOUNTS}/app").status == 404


@pytest.mark.parametrize(("kind", "applied"), [("reset_before", False), ("reset_after", True), ("cut_body", True)])
def test_api_server_loses_the_answer(fresh: ClusterUnderTest, kind: str, applied: bool) -> None:
    add(fresh, kind)
    with pytest.raises(LOST):
        fresh.call("POST", ACCOUNTS, NEW_ACCOUNT)
    assert fresh.call("GET", f"{ACCOUNTS}/app").status == (200 if applied else 404)


def test_api_server_refuses_connections(fresh: ClusterUnderTest) -> None:
    add(fresh, "refused", seconds=0.4)
    with pytest.raises(LOST):
        fresh.call("GET", ACCOUNTS)
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        fresh.call("GET", ACCOUNTS)
    time.sleep(0.6)
    assert fresh.call("GET", ACCOUNTS).status == 200


def test_api_server_restarts(fresh: ClusterUnderTest) -> None:
    version = fresh.ok("GET", ACCOUNTS)["metadata"]["resourceVersion"]
    fresh.ok("POST", ACCOUNTS, NEW_ACCOUNT)
    watch = fresh.watch(ACCOUNTS, resourceVersion=version)
    assert next(watch)["type"] == "ADDED"
    add(fresh, "restart", "get serviceaccounts", seconds=0.3)
    with pytest.raises(LOST):
        fresh.call("GET", f"{ACCOUNTS}/app")
    with pytest.raises(LOST):
        next(watch)
    time.sleep(0.5)
    assert next(fresh.watch(ACCOUNTS, resourceVersion=version))["object"]["code"] == 410


def test_api_server_stalls_and_sends_slowly(fresh: ClusterUnderTest) -> None:
    add(fresh, "slow", seconds=0.4)
    begin = time.monotonic()
    assert fresh.call("GET", ACCOUNTS).status == 200
    assert time.monotonic() - begin >= 0.4
    add(fresh, "stalled", seconds=0.3)
    with pytest.raises(LOST):
        fresh.call("GET", ACCOUNTS)


def test_api_server_sends_a_malformed_body(fresh: ClusterUnderTest) -> None:
    whole = fresh.call("GET", f"{ACCOUNTS}/default").body
    add(fresh, "malformed", times=0)
    for _call in range(3):
        try:
            assert fresh.call("GET", f"{ACCOUNTS}/default").body != whole
        except ValueError:
            continue


@pytest.mark.parametrize(
    ("kind", "code"), [("watch_error", 500), ("gone", 410), ("watch_closed", None), ("malformed", None)]
)
def test_watch_ends(fresh: ClusterUnderTest, kind: str, code: int | None) -> None:
    version = fresh.ok("GET", ACCOUNTS)["metadata"]["resourceVersion"]
    add(fresh, kind, "watch *", seconds=0.2)
    begin = time.monotonic()
    try:
        events = list(fresh.watch(ACCOUNTS, resourceVersion=version))
    except ValueError:
        assert kind == "malformed"
        return
    assert [event["object"]["code"] for event in events if event["type"] == "ERROR"] == ([code] if code else [])
    assert time.monotonic() - begin < 20


def test_eks_token_expires(fresh: ClusterUnderTest) -> None:
    key = {"AccessKeyId": settings.ACCESS_KEY_ID, "SecretAccessKey": settings.SECRET_ACCESS_KEY}

    def status(token: str) -> int:
        return fresh.call("GET", f"{ACCOUNTS}/default", token=token).status

    first = make_token(key)
    add(fresh, "token_expired", times=0)
    assert status(first) == 200
    time.sleep(1.1)
    second = make_token(key)
    assert (status(first), status(first), status(second)) == (401, 401, 200)


def test_node_gets_no_faults(fresh: ClusterUnderTest) -> None:
    add(fresh, "unavailable", "*", times=0)
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "a"}]}}
    assert fresh.call("POST", "/api/v1/namespaces/default/pods", pod).status == 503
    fresh.ok("DELETE", "/sandbox-api/faults")
    add(fresh, "unavailable", "*status", times=0)
    fresh.ok("POST", "/api/v1/namespaces/default/pods", pod)
    fresh.wait_until("/api/v1/namespaces/default/pods/p", lambda body: body["status"].get("phase") == "Running")
    assert [fault["hits"] for fault in fresh.ok("GET", "/sandbox-api/faults")["faults"]] == [0]
    fresh.call("DELETE", "/api/v1/namespaces/default/pods/p")
