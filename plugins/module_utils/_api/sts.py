# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS STS."""

from __future__ import annotations

import base64
import typing as t

from ansible_collections.eksops.irsa.plugins.module_utils._api.translate import aws_call
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import BadCredentials

# The lifetime that the API server's authenticator grants a token, whatever X-Amz-Expires says, less a minute:
# https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/README.md
EKS_TOKEN_SECONDS = 14 * 60
_PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"
# What the API server's authenticator reads of a token.
_LONGEST = 4096


@aws_call("sts:GetCallerIdentity", "ask AWS who the caller is")
def get_caller_identity(client: t.Any) -> dict[str, str]:
    """``Account``, ``Arn`` and ``UserId`` of the credentials in use."""
    answer = client.get_caller_identity()
    return {key: str(answer[key]) for key in ("Account", "Arn", "UserId")}


@aws_call("sts:GetCallerIdentity", "make a token for the EKS cluster {cluster}")
def eks_token(client: t.Any, *, cluster: str) -> str:
    """A bearer token for the cluster's API server: a presigned GetCallerIdentity, good for 15 minutes.

    :param client: an STS client of the cluster's own region and of AWS's own endpoint; its user-defined events are
        changed for the length of the call.
    :returns: ``k8s-aws-v1.`` and the URL in base64url without padding.
    :raises BadCredentials: there are none, or their session token is too long for a bearer token.
    """

    def sign_header(request: t.Any, **_kwargs: t.Any) -> None:
        request.headers[_HEADER] = cluster

    event = "before-sign.sts.GetCallerIdentity"
    client.meta.events.register(event, sign_header)
    try:
        url = client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    finally:
        client.meta.events.unregister(event, sign_header)
    token = _PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
    if len(token) > _LONGEST:
        raise BadCredentials(
            f"could not make a token for the EKS cluster {cluster}",
            cause=f"it would have {len(token)} bytes because of the long AWS session token, and EKS reads {_LONGEST}",
            fix="use credentials whose session carries fewer tags or policies",
            cluster=cluster,
        )
    return token
