# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""STS: AssumeRoleWithWebIdentity that verifies the token, and credentials that expire.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html

Needed by: targets bad_input, irsa_verify, permissions, role_irsa; demo.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import re
import time
import types
import typing as t

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import Role, iam_backends
from moto.sts import urls as moto_urls
from moto.sts.models import AssumedRole, STSBackend, sts_backends
from moto.sts.responses import TokenResponse
from moto.utilities.utils import get_partition

from sandbox import settings
from sandbox.aws.errors import ModeledError, UnmodeledError, validation_error
from sandbox.aws.evaluation import allows, as_list
from sandbox.aws.iam import trust_documents
from sandbox.aws.iam.backend import Iam
from sandbox.aws.iam.constraints import check_policy_arn, check_range
from sandbox.aws.sts import web_identity

_ACTION = "sts:AssumeRoleWithWebIdentity"
_ROLE_ARN = re.compile(r"arn:(?P<partition>aws[a-z-]*):iam::(?P<account>\d{12}):role/[\u0021-\u007E]+")
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_PLAIN_POLICY_LIMIT = 2048
_DEFAULT_USER_ID = "AIDACKCEVSQ6C2EXAMPLE"


@dataclasses.dataclass(frozen=True)
class AssumeRoleRequest:
    """The parameters of an AssumeRoleWithWebIdentity call. The constructor checks their format."""

    role_arn: str
    session_name: str
    token: str
    duration: int
    policy: str | None
    policy_arns: tuple[str, ...]
    source_ip: str

    def __post_init__(self) -> None:
        if len(self.role_arn) < 20:
            raise validation_error(self.role_arn, "roleArn", "have length greater than or equal to 20")
        if not _ROLE_ARN.fullmatch(self.role_arn):
            raise ModeledError("ValidationError", "Request ARN is invalid")
        if not _SESSION_NAME.fullmatch(self.session_name):
            raise validation_error(
                self.session_name, "roleSessionName", r"satisfy regular expression pattern: [\w+=,.@-]*"
            )
        check_range(self.duration, "durationSeconds", 900, 43200)
        if self.policy is not None:
            if len(self.policy) > _PLAIN_POLICY_LIMIT:
                used = len(self.policy) * 100 // _PLAIN_POLICY_LIMIT
                raise ModeledError(
                    "PackedPolicyTooLarge",
                    f"Packed policy consumes {used}% of allotted space, please use smaller policy.",
                )
            _check_session_policy(self.policy)
        if len(self.policy_arns) > 10:
            raise validation_error(list(self.policy_arns), "policyArns", "have length less than or equal to 10")
        for arn in self.policy_arns:
            check_policy_arn(arn)

    @property
    def partition(self) -> str:
        """The partition in the role's ARN."""
        return t.cast("re.Match[str]", _ROLE_ARN.fullmatch(self.role_arn))["partition"]

    @property
    def account_id(self) -> str:
        """The account in the role's ARN."""
        return t.cast("re.Match[str]", _ROLE_ARN.fullmatch(self.role_arn))["account"]


def _check_session_policy(document: str) -> None:
    """Check the format of a session policy: an identity policy, with resources and without principals."""
    policy = trust_documents.parse(document)
    for statement in as_list(policy["Statement"]):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise trust_documents.malformed_error("Has prohibited field Principal")
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise trust_documents.malformed_error("Syntax errors in policy.")
        if not ("Action" in statement or "NotAction" in statement):
            raise trust_documents.malformed_error("Policy statement must contain actions.")
        if not ("Resource" in statement or "NotResource" in statement):
            raise trust_documents.malformed_error("Policy statement must contain resources.")


def authorise(request: AssumeRoleRequest, now: float) -> tuple[Role, web_identity.WebIdentityClaims, str]:
    """Check as STS does whether the token can assume the role.

    :returns: the role, the token's claims and the provider's ARN.
    :raises ModeledError: InvalidIdentityToken, ExpiredTokenException, ValidationError.
    :raises UnmodeledError: AccessDenied, without a reason.
    """
    if request.partition not in iam_backends[request.account_id].regions:
        raise ModeledError("ValidationError", "Request ARN is invalid")
    iam = t.cast(Iam, iam_backends[request.account_id][request.partition])
    claims = web_identity.parse_token(request.token)
    provider_arn = f"arn:{request.partition}:iam::{request.account_id}:oidc-provider/{claims.provider}"
    provider = iam.open_id_providers.get(provider_arn)
    if provider is None:
        raise web_identity.invalid_token_error(f"No OpenIDConnect provider found in your account for {claims.issuer}")
    web_identity.verify_signature(request.token, claims)
    if not set(claims.audiences) & set(provider.client_id_list):
        raise web_identity.invalid_token_error("Incorrect token audience")
    web_identity.check_times(claims, now)
    denied = UnmodeledError("AccessDenied", f"Not authorized to perform {_ACTION}", 403)
    role = iam.roles_by_arn.get(request.role_arn)
    if role is None:
        raise denied
    document = json.loads(role.assume_role_policy_document)
    context = {**claims.context(), **_request_context(request, provider_arn, now)}
    if not allows(document, action=_ACTION, provider_arn=provider_arn, context=context):
        raise denied
    if request.duration > int(role.max_session_duration or 3600):
        raise ModeledError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    return role, claims, provider_arn


def _request_context(request: AssumeRoleRequest, provider_arn: str, now: float) -> dict[str, list[str]]:
    """The global condition keys. The call is anonymous, so it has no keys of a principal."""
    moment = datetime.datetime.fromtimestamp(now, datetime.timezone.utc)
    return {
        "aws:currenttime": [moment.strftime("%Y-%m-%dT%H:%M:%SZ")],
        "aws:epochtime": [str(int(now))],
        "aws:federatedprovider": [provider_arn],
        "aws:securetransport": ["true"],
        "aws:sourceip": [request.source_ip],
        "sts:rolesessionname": [request.session_name],
    }


class Sts(STSBackend):
    """moto's STS backend, with a fast lookup of sessions by access key."""

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self._by_key: dict[str, AssumedRole] = {}

    @property
    def _url_module(self) -> types.ModuleType:
        return moto_urls

    def get_assumed_role_from_access_key(self, access_key_id: str) -> AssumedRole | None:
        for session in self.assumed_roles[len(self._by_key) :]:
            self._by_key[session.access_key_id] = session
        return self._by_key.get(access_key_id)

    def get_caller_identity(self, access_key_id: str, region: str) -> tuple[str, str, str]:
        user_id, arn, account = super().get_caller_identity(access_key_id, region)
        if arn == f"arn:{get_partition(region)}:sts::{account}:user/moto":
            # An unknown key belongs to moto's default user. In its ARN moto has sts instead of iam.
            name = settings.DENIED_USER_NAME if access_key_id == settings.DENIED_ACCESS_KEY_ID else "moto"
            return _DEFAULT_USER_ID, f"arn:{get_partition(region)}:iam::{account}:user/{name}", account
        return user_id, arn, account


class StsOperations(TokenResponse):
    """moto's STS operations, some of them overridden."""

    def assume_role_with_web_identity(self) -> ActionResult:
        request = AssumeRoleRequest(
            role_arn=self._get_param("RoleArn") or "",
            session_name=self._get_param("RoleSessionName") or "",
            token=self._get_param("WebIdentityToken") or "",
            duration=self._get_int_param("DurationSeconds", 3600),
            policy=self._get_param("Policy"),
            policy_arns=tuple(entry["arn"] for entry in self._get_param("PolicyArns", []) or []),
            source_ip=self.normalized_request.remote_addr or "",
        )
        role, claims, provider_arn = authorise(request, time.time())
        session = sts_backends[request.account_id][request.partition].assume_role(
            region_name=request.partition,
            role_session_name=request.session_name,
            role_arn=role.arn,
            policy=request.policy or "",
            duration=request.duration,
            external_id="",
        )
        result: dict[str, t.Any] = {
            "Credentials": session,
            "SubjectFromWebIdentityToken": claims.subject,
            "AssumedRoleUser": {"AssumedRoleId": f"{role.id}:{request.session_name}", "Arn": session.arn},
            "Provider": provider_arn,
            "Audience": claims.audiences[0],
        }
        if request.policy is not None or request.policy_arns:
            result["PackedPolicySize"] = max(1, len(request.policy or "") * 100 // _PLAIN_POLICY_LIMIT)
        return ActionResult(result)


def find_session(access_key_id: str) -> AssumedRole | None:
    """The session of a temporary access key, in any account and partition; None if it does not exist."""
    for _account, _partition, backend in list(sts_backends.iter_backends()):
        if session := t.cast("Sts", backend).get_assumed_role_from_access_key(access_key_id):
            return session
    return None


def is_expired(session: AssumedRole) -> bool:
    """Whether the session has expired."""
    return bool(session.expiration <= utcnow())


def install() -> None:
    """Make moto use this backend for every account."""
    sts_backends.backend = Sts
