# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import struct
import typing as t

import pytest
from sandbox.cluster.http import protobuf


def varint(value: int) -> bytes:
    encoded = b""
    while value > 0x7F:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def field(number: int, value: int | str | bytes | float) -> bytes:
    """Encode one field as a Go client does."""
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value % (1 << 64))
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def envelope(api_version: str, kind: str, body: bytes) -> bytes:
    return b"k8s\x00" + field(1, field(1, api_version) + field(2, kind)) + field(2, body) + field(3, "") + field(4, "")


# Go clients encode all fields that are not pointers, also the empty ones.
METADATA = (
    field(1, "web")
    + field(2, "")
    + field(3, "")
    + field(7, 0)
    + field(8, b"")
    + field(11, field(1, "app") + field(2, "web"))
)


@pytest.mark.parametrize(
    ("api_version", "kind", "body", "expected"),
    [
        (
            "v1",
            "Namespace",
            field(1, METADATA) + field(2, b""),
            {"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {}},
        ),
        (
            "v1",
            "Secret",
            field(2, field(1, "a") + field(2, b"\xff")) + field(5, 0),
            {"data": {"a": "/w=="}, "immutable": False},
        ),
        (
            "v1",
            "Pod",
            field(
                2,
                field(1, field(1, "tmp") + field(2, field(2, field(1, "") + field(2, field(1, "64Mi")))))
                + field(
                    2,
                    field(1, "web")
                    + field(2, "")
                    + field(10, field(1, field(2, field(2, field(1, 1) + field(2, 0) + field(3, "http"))))),
                ),
            ),
            {
                "spec": {
                    # The source of a volume and the handler of a probe belong to the object around them.
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
                    "containers": [{"name": "web", "livenessProbe": {"httpGet": {"port": "http"}}}],
                }
            },
        ),
        ("apps/v1", "Deployment", field(2, field(1, 0)), {"spec": {"replicas": 0}}),
        (
            "batch/v1",
            "CronJob",
            field(3, field(4, field(1, 1_700_000_000))),
            {"status": {"lastScheduleTime": "2023-11-14T22:13:20Z"}},
        ),
        (
            "apps/v1",
            "ControllerRevision",
            field(2, field(1, '{"a": 1}')) + field(3, -1),
            {"data": {"a": 1}, "revision": -1},
        ),
        (
            "policy/v1",
            "PodDisruptionBudget",
            field(2, field(1, field(1, 0) + field(2, 1))),
            {"spec": {"minAvailable": 1}},
        ),
        (
            "authorization.k8s.io/v1",
            "SelfSubjectAccessReview",
            field(2, field(1, field(2, "list") + field(5, "pods"))),
            {"spec": {"resourceAttributes": {"verb": "list", "resource": "pods"}}},
        ),
        (
            "apps/v1",
            "DeleteOptions",
            field(1, 30) + field(4, "Background"),
            {"gracePeriodSeconds": 30, "propagationPolicy": "Background"},
        ),
        # A field of a newer client.
        (
            "v1",
            "ServiceAccount",
            field(900, "new") + field(901, 1.5) + field(4, 1),
            {"automountServiceAccountToken": True},
        ),
    ],
)
def test_body_is_decoded(api_version: str, kind: str, body: bytes, expected: dict[str, t.Any]) -> None:
    decoded = protobuf.decode(envelope(api_version, kind, body))
    assert decoded == {"apiVersion": api_version, "kind": kind, **expected}


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"k8s\x00",
        envelope("v1", "Namespace", b"")[:-20],
        envelope("v1", "Namespace", b"\x0a\x7f"),
        envelope("v1", "Namespace", b"\x0b"),
        envelope("example.com/v1", "Widget", b""),
    ],
)
def test_other_body_is_rejected(data: bytes) -> None:
    with pytest.raises(protobuf.ProtobufError):
        protobuf.decode(data)
