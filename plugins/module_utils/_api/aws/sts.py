# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS STS."""

from __future__ import annotations

import base64
import datetime
import typing as t

from ..._core.arn import Arn, is_session_of
from ..._core.errors import BadCredentials, InvalidInput
from .call import aws_call

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.exceptions
except ImportError:
    pass  # `session` reports a missing boto3

# EKS accepts a token for 15 minutes, regardless of X-Amz-Expires. One minute less is safe:
# https://github.com/kubernetes-sigs/aws-iam-authenticator/blob/master/README.md
EKS_TOKEN_SECONDS = 14 * 60
_PREFIX = "k8s-aws-v1."
_HEADER = "x-k8s-aws-id"
# EKS does not accept longer tokens.
_MAX_TOKEN = 4096
# A session has only the permissions that its session policy allows too:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies.html#policies_session
_DENY_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'
_MIN_SESSION_SECONDS = 900


class Proof(t.NamedTuple):
    """STS's answer that a token can assume a role.

    :param expires_in: seconds.
    """

    assumed_role_arn: str
    expires_in: int


@aws_call("sts:GetCallerIdentity", "read the identity of the caller")
def get_caller_identity(client: t.Any) -> dict[str, str]:
    """``Account``, ``Arn`` and ``UserId`` of the caller."""
    answer = client.get_caller_identity()
    return {**{key: str(answer[key]) for key in ("Account", "UserId")}, "Arn": str(Arn.parse(answer["Arn"]))}


@aws_call("sts:AssumeRole", "assume the role {role_arn}")
def assume_role(client: t.Any, *, role_arn: str, session_name: str, external_id: str | None) -> dict[str, str]:
    """``AccessKeyId``, ``SecretAccessKey`` and ``SessionToken`` of AssumeRole, valid for one hour.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    options = {"ExternalId": external_id} if external_id else {}
    answer = client.assume_role(RoleArn=role_arn, RoleSessionName=session_name, **options)
    return {key: str(answer["Credentials"][key]) for key in ("AccessKeyId", "SecretAccessKey", "SessionToken")}


@aws_call("sts:AssumeRoleWithWebIdentity", "assume the role {role_arn} with a token")
def prove_web_identity(
    client: t.Any, *, role_arn: str, token: str, session_name: str, register_secret: t.Callable[[str], None]
) -> Proof:
    """Assume the role with a token, in a session without permissions, and discard the credentials.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

    :param client: an unsigned client, because the token authenticates the caller.
    :param register_secret: called with each credential of the answer, so that it is redacted.
    :raises IrsaError: STS denied the request; ``details["code"]`` is its error code.
    """
    answer = client.assume_role_with_web_identity(
        RoleArn=role_arn,
        RoleSessionName=session_name,
        WebIdentityToken=token,
        Policy=_DENY_ALL,
        DurationSeconds=_MIN_SESSION_SECONDS,
    )
    credentials = answer.pop("Credentials")
    for key in ("SecretAccessKey", "SessionToken"):
        register_secret(str(credentials[key]))
    assumed_role_arn = str(answer["AssumedRoleUser"]["Arn"])
    if not is_session_of(assumed_role_arn, Arn.parse(role_arn)):
        raise InvalidInput(f"it is for {assumed_role_arn}, which is not a session of the role")
    left = credentials["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    return Proof(assumed_role_arn, round(left.total_seconds()))


@aws_call("sts:GetCallerIdentity", "create a token for the EKS cluster {cluster}")
def eks_token(credentials: t.Any, *, cluster: str, region: str, host: str) -> str:
    """Create a bearer token for the cluster's API server: a presigned GetCallerIdentity URL, valid for 15 minutes.

    It makes no call. It uses botocore's signer without an STS client, which would load the whole service model.

    :param credentials: credentials of botocore; None if the caller has no credentials.
    :param host: AWS's STS host in the cluster's region.
    :returns: ``k8s-aws-v1.`` and the URL in base64url without padding.
    :raises BadCredentials: credentials are missing, or their session token is too long for a bearer token.
    """
    if credentials is None:
        raise botocore.exceptions.NoCredentialsError
    url = f"https://{host}/?Action=GetCallerIdentity&Version=2011-06-15"
    request = botocore.awsrequest.AWSRequest("GET", url, headers={_HEADER: cluster})
    frozen = credentials.get_frozen_credentials()
    botocore.auth.SigV4QueryAuth(frozen, "sts", region, expires=60).add_auth(request)
    token = _PREFIX + base64.urlsafe_b64encode(str(request.url).encode()).decode().rstrip("=")
    if len(token) > _MAX_TOKEN:
        raise BadCredentials(
            f"could not create a token for the EKS cluster {cluster}",
            cause=f"the AWS session token is too long: it would have {len(token)} bytes, EKS accepts {_MAX_TOKEN}",
            fix="use credentials of a session with fewer tags or policies",
            cluster=cluster,
        )
    return token
