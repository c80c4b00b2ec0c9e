# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP requests for dry runs and for the keys of ConfigMaps and Secrets."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api import limits
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import admission
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit import kubernetes_objects as k8s
from unit.scripted import Answer

Json = dict[str, t.Any]


def test_dry_run_is_server_side(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer(k8s.pod("irsa-verify-x"))
    admission.dry_run_pod(connect(scripted), body={"metadata": {"namespace": "shop", "generateName": "irsa-verify-"}})
    (request,) = scripted.requests
    assert (request.method, request.path, request.query) == ("POST", "/api/v1/namespaces/shop/pods", {"dryRun": "All"})


def test_failed_webhook_is_not_retried(scripted: t.Any, connect: t.Any) -> None:
    message = 'Internal error occurred: failed calling webhook "iam-for-pods.amazonaws.com": refused'
    scripted.answer(Answer(500, {"kind": "Status", "code": 500, "message": message}))
    with pytest.raises(errors.ApiError) as caught:
        admission.dry_run_pod(connect(scripted), body={"metadata": {"namespace": "shop"}})
    assert message in str(caught.value.cause)
    assert len(scripted.requests) == 1


def test_only_keys_of_a_secret_are_read(scripted: t.Any, connect: t.Any) -> None:
    fields = {"f:data": {".": {}, "f:AWS_PROFILE": {}, "f:REGION": {}}, "f:type": {}}
    scripted.answer(
        {
            "metadata": {
                "name": "settings",
                "managedFields": [{"operation": "Update", "fieldsV1": fields}, {"operation": "Apply"}],
            }
        }
    )
    keys = admission.data_keys(connect(scripted), namespace="shop", kind="Secret", name="settings")
    assert keys == ["AWS_PROFILE", "REGION"]
    (request,) = scripted.requests
    assert request.path == "/api/v1/namespaces/shop/secrets/settings"
    assert request.headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_unknown_keys(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer({"metadata": {"name": "old"}}, Answer(404, {"code": 404, "reason": "NotFound"}))
    server = connect(scripted)
    assert admission.data_keys(server, namespace="shop", kind="ConfigMap", name="old") is None
    assert admission.data_keys(server, namespace="shop", kind="ConfigMap", name="missing") is None


@pytest.mark.parametrize(("minor", "number"), [("33", 33), ("20+", 20), ("", None)])
def test_minor_version(scripted: t.Any, connect: t.Any, minor: str, number: int | None) -> None:
    scripted.answer({"major": "1", "minor": minor})
    assert admission.minor_version(connect(scripted)) == number


def test_pod_is_followed_after_a_broken_watch(scripted: t.Any, connect: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "KUBERNETES_WATCH_PAUSE", 0.0)
    started, ended = ({"metadata": {}, "items": [k8s.pod("test", phase=phase)]} for phase in ("Running", "Succeeded"))
    scripted.answer(started, Answer(body=b"{\n"), ended)
    states = list(admission.follow_pod(connect(scripted), namespace="shop", name="test", seconds=9))
    assert [state and state["status"]["phase"] for state in states] == ["Running", "Succeeded"]
