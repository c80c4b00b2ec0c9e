# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dry runs and the keys of ConfigMaps and Secrets, as they go over the wire."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import admission
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.scripted import Answer

Json = dict[str, t.Any]


def test_a_rehearsal_stores_nothing(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer({"metadata": {"name": "irsa-verify-x"}, "spec": {}})
    admission.dry_run_pod(connect(scripted), body={"metadata": {"namespace": "shop", "generateName": "irsa-verify-"}})
    (request,) = scripted.requests
    assert (request.method, request.path, request.query) == ("POST", "/api/v1/namespaces/shop/pods", {"dryRun": "All"})


def test_a_webhook_that_fails_is_not_called_again(scripted: t.Any, connect: t.Any) -> None:
    message = 'Internal error occurred: failed calling webhook "iam-for-pods.amazonaws.com": refused'
    scripted.answer(Answer(500, {"kind": "Status", "code": 500, "message": message}))
    with pytest.raises(errors.ApiError) as caught:
        admission.dry_run_pod(connect(scripted), body={"metadata": {"namespace": "shop"}})
    assert message in str(caught.value.cause)
    assert len(scripted.requests) == 1


def test_of_a_secret_only_its_keys_are_asked_for(scripted: t.Any, connect: t.Any) -> None:
    fields = {"f:data": {".": {}, "f:AWS_PROFILE": {}, "f:REGION": {}}, "f:type": {}}
    scripted.answer({"metadata": {"name": "settings", "managedFields": [{"fieldsV1": fields}, {"manager": "x"}]}})
    found = admission.data_keys(connect(scripted), namespace="shop", kind="Secret", name="settings")
    assert found == ["AWS_PROFILE", "REGION"]
    (request,) = scripted.requests
    assert request.path == "/api/v1/namespaces/shop/secrets/settings"
    assert request.headers["Accept"] == "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def test_keys_that_the_server_does_not_tell(scripted: t.Any, connect: t.Any) -> None:
    scripted.answer({"metadata": {"name": "old"}}, Answer(404, {"code": 404, "reason": "NotFound"}))
    server = connect(scripted)
    assert admission.data_keys(server, namespace="shop", kind="ConfigMap", name="old") is None
    assert admission.data_keys(server, namespace="shop", kind="ConfigMap", name="gone") is None


@pytest.mark.parametrize(("minor", "number"), [("33", 33), ("20+", 20), ("", None)])
def test_the_minor_version(scripted: t.Any, connect: t.Any, minor: str, number: int | None) -> None:
    scripted.answer({"major": "1", "minor": minor})
    assert admission.minor_version(connect(scripted)) == number
