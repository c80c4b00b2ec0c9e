# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reject invalid access keys: those of settings.py, and sessions that are expired or have another token.

Needed by: targets bad_input, inventory_eks_clusters, irsa_audit, irsa_verify.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from moto.iam.models import iam_backends

from sandbox import settings
from sandbox.aws.errors import UnmodeledError
from sandbox.aws.iam.backend import Iam
from sandbox.aws.sts import backend as sts

# The error codes differ between the query protocol (IAM, STS) and REST-JSON (EKS).
_EXPIRED = {"query": "ExpiredToken", "json": "ExpiredTokenException"}
_INVALID = {"query": "InvalidClientTokenId", "json": "UnrecognizedClientException"}
_DENIED = {"query": "AccessDenied", "json": "AccessDeniedException"}


def check(
    *,
    service: str,
    operation: str,
    access_key_id: str,
    token: str | None,
    region: str,
    parameters: c.Mapping[str, t.Any],
) -> None:
    """Check the credentials of a signed call.

    :param token: the session token of the call.
    :raises UnmodeledError: with the service's error code and status 403.
    """
    protocol = "query" if service in ("iam", "sts") else "json"
    if access_key_id == settings.EXPIRED_ACCESS_KEY_ID:
        raise UnmodeledError(_EXPIRED[protocol], "The security token included in the request is expired", 403)
    if access_key_id == settings.INVALID_ACCESS_KEY_ID:
        raise UnmodeledError(_INVALID[protocol], "The security token included in the request is invalid.", 403)
    if access_key_id == settings.DENIED_ACCESS_KEY_ID and operation != "GetCallerIdentity":
        caller = f"arn:{_partition(region)}:iam::{settings.ACCOUNT_ID}:user/{settings.DENIED_USER_NAME}"
        action = f"{service}:{operation}"
        raise UnmodeledError(
            _DENIED[protocol],
            f"User: {caller} is not authorized to perform: {action} on resource: "
            f"{_resource(service, region, parameters)} because no identity-based policy allows the {action} action",
            403,
        )
    if access_key_id.startswith("ASIA"):
        session = sts.find_session(access_key_id)
        if session is None or token != session.session_token:
            raise UnmodeledError(_INVALID[protocol], "The security token included in the request is invalid.", 403)
        if sts.is_expired(session):
            raise UnmodeledError(_EXPIRED[protocol], "The security token included in the request is expired", 403)


def secrets_of(access_key_id: str) -> dict[str, str | None]:
    """The secret and the session token of an access key.

    :raises LookupError: if the key does not exist.
    """
    if access_key_id in (settings.ACCESS_KEY_ID, settings.DENIED_ACCESS_KEY_ID):
        return {"secret_access_key": settings.SECRET_ACCESS_KEY, "session_token": None}
    if session := sts.find_session(access_key_id):
        return {"secret_access_key": session.secret_access_key, "session_token": session.session_token}
    for _account, _partition, backend in list(iam_backends.iter_backends()):
        if key := t.cast(Iam, backend).access_keys.get(access_key_id):
            return {"secret_access_key": key.secret_access_key, "session_token": None}
    raise LookupError(f"access key {access_key_id} does not exist")


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def _resource(service: str, region: str, parameters: c.Mapping[str, t.Any]) -> str:
    """The resource in AWS's message. For a role, IAM uses "role NAME" instead of the ARN."""
    account, partition = settings.ACCOUNT_ID, _partition(region)
    if service == "eks":
        cluster = parameters.get("name")
        return f"arn:{partition}:eks:{region}:{account}:cluster/{cluster or '*'}"
    if name := parameters.get("RoleName"):
        return f"role {name}"
    if arn := parameters.get("OpenIDConnectProviderArn") or parameters.get("PolicyArn") or parameters.get("RoleArn"):
        return str(arn)
    if url := parameters.get("Url"):
        return f"arn:{partition}:iam::{account}:oidc-provider/{str(url).removeprefix('https://')}"
    return "*"
