# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Access keys that AWS would refuse: those set aside in settings.py, and sessions that are over or not whole.

Needed by: targets bad_input, inventory_eks_clusters, irsa_audit, irsa_verify.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from moto.iam.models import iam_backends

from sandbox import settings
from sandbox.aws.iam.backend import Iam
from sandbox.aws.sts import backend as sts
from sandbox.aws.wire import Refusal

# The same three refusals have other codes in the query protocol (IAM, STS) and in REST-JSON (EKS).
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
    """Refuse a signed call whose credentials AWS wouldn't take.

    Raises:
        Refusal: with the service's own code, 403.
    """
    dialect = "query" if service in ("iam", "sts") else "json"
    if access_key_id == settings.EXPIRED_ACCESS_KEY_ID:
        raise Refusal(_EXPIRED[dialect], "The security token included in the request is expired", 403)
    if access_key_id == settings.INVALID_ACCESS_KEY_ID:
        raise Refusal(_INVALID[dialect], "The security token included in the request is invalid.", 403)
    if access_key_id == settings.DENIED_ACCESS_KEY_ID and operation != "GetCallerIdentity":
        caller = f"arn:{_partition(region)}:iam::{settings.ACCOUNT_ID}:user/{settings.DENIED_USER_NAME}"
        action = f"{service}:{operation}"
        raise Refusal(
            _DENIED[dialect],
            f"User: {caller} is not authorized to perform: {action} on resource: "
            f"{_resource(service, region, parameters)} because no identity-based policy allows the {action} action",
            403,
        )
    if access_key_id.startswith("ASIA"):
        session = sts.session_of(access_key_id)
        if session is None or token != session.session_token:
            raise Refusal(_INVALID[dialect], "The security token included in the request is invalid.", 403)
        if sts.expired(session):
            raise Refusal(_EXPIRED[dialect], "The security token included in the request is expired", 403)


def secret_of(access_key_id: str) -> dict[str, str | None]:
    """What a signature by this key is verified with: its secret, and the token that goes with it if it is temporary.

    Raises:
        LookupError: nobody was given such a key.
    """
    if access_key_id in (settings.ACCESS_KEY_ID, settings.DENIED_ACCESS_KEY_ID):
        return {"secret_access_key": settings.SECRET_ACCESS_KEY, "session_token": None}
    if session := sts.session_of(access_key_id):
        return {"secret_access_key": session.secret_access_key, "session_token": session.session_token}
    for _account, _partition, backend in list(iam_backends.iter_backends()):
        if key := t.cast(Iam, backend).access_keys.get(access_key_id):
            return {"secret_access_key": key.secret_access_key, "session_token": None}
    raise LookupError(f"no access key {access_key_id}")


def _partition(region: str) -> str:
    return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(region.rsplit("-", 2)[0], "aws")


def _resource(service: str, region: str, parameters: c.Mapping[str, t.Any]) -> str:
    """The resource as AWS names it in the message: IAM says "role NAME" where it hasn't looked the role up."""
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
