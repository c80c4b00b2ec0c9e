# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Translation of errors of a Kubernetes API server."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes.answers import make_error
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.scripted import status

PATH = "/api/v1/namespaces/ns/serviceaccounts"

# Recorded answers of a Kubernetes API server: status, body, class of the error, part of the message.
FORBIDDEN = (
    'serviceaccounts "app" is forbidden: User "reader" cannot get resource "serviceaccounts" in API group "" in the '
    'namespace "ns"'
)
CONFLICT = {
    "reason": "FieldManagerConflict",
    "message": 'conflict with "kubectl-annotate" using v1',
    "field": ".metadata.annotations.eks.amazonaws.com/role-arn",
}
RECORDED: dict[str, tuple[int, t.Any, type[errors.IrsaError], str]] = {
    "forbidden": (403, status(403, "Forbidden", FORBIDDEN, name="app"), errors.AccessDenied, FORBIDDEN),
    "namespace is being deleted": (
        403,
        status(
            403,
            "Forbidden",
            'serviceaccounts "app" is forbidden: unable to create new content in namespace ns because it is being '
            "terminated",
            causes=[{"reason": "NamespaceTerminating", "message": "namespace ns is being terminated"}],
        ),
        errors.Conflict,
        "Fix: wait until the namespace is deleted",
    ),
    "quota exceeded": (
        403,
        status(
            403,
            "Forbidden",
            'serviceaccounts "app" is forbidden: exceeded quota: full, requested: count/serviceaccounts=1, used: '
            "count/serviceaccounts=1, limited: count/serviceaccounts=1",
            name="app",
        ),
        errors.QuotaExceeded,
        "limited: count/serviceaccounts=1. Fix: raise the ResourceQuota, or delete objects that it counts",
    ),
    "refused by a webhook": (
        403,
        status(403, "Forbidden", 'admission webhook "policy.example.com" denied the request: no team label'),
        errors.AdmissionRefused,
        "no team label. Fix: comply with the rule of this admission control",
    ),
    "refused by PodSecurity": (
        403,
        status(
            403,
            "Forbidden",
            'pods "irsa-test" is forbidden: violates PodSecurity "restricted:latest": seccompProfile',
        ),
        errors.AdmissionRefused,
        "seccompProfile. Fix: comply with the rule of this admission control",
    ),
    "refused by a LimitRange": (
        403,
        status(
            403, "Forbidden", 'pods "irsa-test" is forbidden: maximum cpu usage per Container is 10m. No limit is set'
        ),
        errors.AdmissionRefused,
        "Fix: comply with the rule of this admission control",
    ),
    "rights that the caller lacks": (
        403,
        status(
            403,
            "Forbidden",
            'roles.rbac.authorization.k8s.io "irsa-app" is forbidden: user "deployer" (groups=["deployers"]) '
            'is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], '
            'Verbs:["get"]}',
        ),
        errors.AccessDenied,
        'Verbs:["get"]}. Fix: grant these permissions to the caller too',
    ),
    "rights that a caller in many groups lacks": (
        403,
        status(
            403,
            "Forbidden",
            f'roles "app" is forbidden: user "deployer" (groups={["developers"] * 99}) is attempting to grant '
            "RBAC permissions not currently held",
        ),
        errors.AccessDenied,
        "Fix: grant these permissions to the caller too",
    ),
    "refused by a policy with another status": (
        401,
        status(
            401,
            "Unauthorized",
            "pods \"app\" is forbidden: ValidatingAdmissionPolicy 'labels' with binding 'all' denied request: no label",
        ),
        errors.AdmissionRefused,
        "no label. Fix: comply with the rule of this admission control",
    ),
    "refused by a webhook with its own quota": (
        403,
        status(403, "Forbidden", 'admission webhook "tenants.example.com" denied the request: exceeded quota: tenant'),
        errors.AdmissionRefused,
        "exceeded quota: tenant. Fix: comply with the rule of this admission control",
    ),
    "admission plugin starts": (
        403,
        status(403, "Forbidden", 'pods "app" is forbidden: not yet ready to handle request'),
        errors.Unreachable,
        "Fix: run again when the API server is available",
    ),
    "new quota": (
        403,
        status(403, "Forbidden", 'pods "app" is forbidden: status unknown for quota: compute, resources: pods'),
        errors.Unreachable,
        "Fix: run again",
    ),
    "budget changes": (
        403,
        status(403, "Forbidden", 'poddisruptionbudgets.policy "app" is forbidden: pdb disruptions allowed is negative'),
        errors.Throttled,
        "Fix: run again later",
    ),
    "pod without its service account": (
        403,
        status(
            403,
            "Forbidden",
            'pods "app" is forbidden: error looking up service account ns/app: serviceaccount "app" not found',
        ),
        errors.NotFound,
        "Fix: create the service account",
    ),
    "refused by a proxy": (403, b"Forbidden", errors.AccessDenied, "Forbidden"),
    "unauthorized": (401, status(401, "Unauthorized", "Unauthorized"), errors.BadCredentials, "access entry"),
    "not found": (
        404,
        status(404, "NotFound", 'serviceaccounts "app" not found', name="app"),
        errors.NotFound,
        'serviceaccounts "app" not found',
    ),
    "no such path": (404, b"404 page not found\n", errors.NotFound, "404 page not found"),
    "expired": (410, status(410, "Expired", "too old resource version"), errors.NotFound, "too old"),
    "already exists": (
        409,
        status(409, "AlreadyExists", 'serviceaccounts "app" already exists', name="app"),
        errors.AlreadyExists,
        "already exists",
    ),
    "out of date": (
        409,
        status(
            409,
            "Conflict",
            'Operation cannot be fulfilled on serviceaccounts "app": the object has been modified; please apply your '
            "changes to the latest version and try again",
        ),
        errors.OutOfDate,
        "the object has been modified",
    ),
    "field managers": (
        409,
        status(409, "Conflict", "Apply failed with 1 conflict: conflict with ...", causes=[CONFLICT]),
        errors.Conflict,
        "force: true",
    ),
    "invalid": (
        422,
        status(422, "Invalid", 'ServiceAccount "A" is invalid: metadata.name: Invalid value: "A"'),
        errors.InvalidInput,
        "is invalid",
    ),
    "too large": (413, status(413, "RequestEntityTooLarge", "limit is 3145728"), errors.InvalidInput, "limit is"),
    "bad request": (400, status(400, "BadRequest", "error decoding patch"), errors.InvalidInput, "decoding"),
    "throttled": (429, status(429, "TooManyRequests", "try again"), errors.Throttled, "run again later"),
    "unavailable": (503, status(503, "ServiceUnavailable", "no endpoints"), errors.Unreachable, "503: no endpoints"),
    "proxy": (502, b"<html>Bad Gateway</html>", errors.Unreachable, "Bad Gateway"),
    "internal": (500, status(500, "InternalError", "etcd"), errors.ApiError, "500: etcd"),
    "list as body": (500, b"[]", errors.ApiError, "500: []"),
    "empty body": (500, b"", errors.ApiError, "status 500"),
}


@pytest.mark.parametrize(("code", "body", "kind", "message"), RECORDED.values(), ids=RECORDED.keys())
def test_error_is_translated(code: int, body: t.Any, kind: type[errors.IrsaError], message: str) -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    error = make_error("POST", PATH, code, payload)
    assert error.__class__ is kind
    assert message in str(error)
    assert str(error).startswith(f"Kubernetes refused POST {PATH}. Cause: ")
    assert error.details["code"] == code
    error = make_error("POST", PATH, code, payload, what="read the service account ns/app")
    assert str(error).startswith("could not read the service account ns/app. Cause: ")
    assert error.__class__ is kind


def test_read_is_never_refused_by_admission() -> None:
    body = status(403, "Forbidden", 'pods is forbidden: required "container.pods.list" permission')
    assert make_error("GET", PATH, 403, json.dumps(body).encode()).__class__ is errors.AccessDenied


def test_long_body_is_truncated() -> None:
    assert len(str(make_error("GET", PATH, 500, b"x" * 100000))) < 400
