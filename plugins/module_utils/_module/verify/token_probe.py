# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends a token of the service account to STS, and retries while the answer may change."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
import time
import typing as t

from ..._api.aws import sts
from ..._api.kubernetes import service_accounts
from ..._core import errors
from ..._core.arn import MIN_EXPIRATION
from ..._core.diagnosis import diagnose
from ..._core.diagnosis.facts import NO_ROLE, Chain, ChainFacts, OrUnknown, StsAnswer, Unknown
from ..._core.diagnosis.rules import sts as sts_rules
from ..._core.policy import document as policy_document
from ..._core.trust import statements as trust_statements

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.diagnosis.diagnose import VerificationSpec

Json = dict[str, t.Any]

# A new token is requested after this time.
_TOKEN_AGE = 480.0
_RETRY_DELAYS = (1.0, 2.0, 4.0, 8.0, 10.0)
_OUTAGE_SECONDS = 7.0
# The time for the last request of a token.
_GRACE_SECONDS = 5.0


class TokenProbe:
    """Assumes the role with a token of the service account.

    :param register_secret: called with each token and credential before it is used, so that it is redacted.
    :param client: an existing STS client for the chain's region.
    """

    def __init__(
        self,
        server: ApiServer,
        aws: Aws,
        spec: VerificationSpec,
        *,
        register_secret: t.Callable[[str], None],
        client: t.Any = None,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._aws = aws
        self._spec = spec
        self._register_secret = register_secret
        self._sleep = sleep
        self._clock = clock
        self._client = client
        self._token = ""
        self._issued = float("-inf")

    def ask(self, chain: Chain, account: OrUnknown[Json | None]) -> OrUnknown[StsAnswer]:
        """The first answer of STS.

        :raises WrongCluster: the API server belongs to another cluster.
        """
        no_account = Unknown("the service account does not exist, so no token was requested")
        if account is None:
            return no_account
        if chain.role_arn is None or chain.intended_role_arn is None:
            return NO_ROLE
        if chain.region is None:
            return Unknown("the AWS region for STS is unknown; set the option region")
        try:
            if self._client is None:
                self._client = self._aws.unsigned("sts", chain.region)
            return self._assume(chain)
        except errors.AccessDenied as error:
            return Unknown.from_error(error, f"create serviceaccounts/token in {chain.namespace}")
        except errors.AdmissionRefused as error:
            return Unknown.from_error(error)
        except errors.NotFound:
            return no_account

    def settle(self, facts: ChainFacts) -> OrUnknown[StsAnswer]:
        """The final answer of STS. While it may change, the request is retried up to the propagation timeout."""
        answer = t.cast("OrUnknown[StsAnswer]", facts.sts)
        if isinstance(answer, Unknown):
            return answer
        allowed = diagnose.static_allows(facts)
        reason = sts_rules.transient_cause(answer, allowed=allowed)
        if reason is None:
            return answer
        limit = float(self._spec.propagation_timeout) if reason == "propagation" else _OUTAGE_SECONDS
        first = answer.code if reason == "propagation" else None
        start, attempts = self._clock(), 1
        while reason and (remaining := limit - (self._clock() - start)) > 0:
            self._sleep(min(remaining, _RETRY_DELAYS[min(attempts, len(_RETRY_DELAYS)) - 1]))
            again = self._assume(facts.chain, limit - (self._clock() - start))
            if isinstance(again, Unknown):
                break
            answer, attempts = again, attempts + 1
            reason = sts_rules.transient_cause(answer, allowed=allowed)
        return dataclasses.replace(
            answer,
            attempts=attempts,
            waited=self._clock() - start,
            first=first if attempts > 1 else None,
            settled=attempts > 1,
        )

    def _assume(self, chain: Chain, seconds: float = math.inf) -> OrUnknown[StsAnswer]:
        """:param seconds: the time that is left for a new token."""
        if self._clock() - self._issued > _TOKEN_AGE:
            server = self._server.within(max(seconds, 0.0) + _GRACE_SECONDS)
            self._token, self._issued = self._request_token(server, chain), self._clock()
        claims = read_claims(self._token)
        try:
            proof = sts.prove_web_identity(
                self._client,
                role_arn=t.cast(str, chain.role_arn),
                token=self._token,
                session_name=session_name(self._spec),
                register_secret=self._register_secret,
            )
        except (errors.Unreachable, errors.Throttled, errors.BadConnection) as error:
            return Unknown.from_error(error)
        except errors.IrsaError as error:
            code = str(error.details.get("code") or type(error).__name__)
            message = (error.cause or error.message).removeprefix(f"{code}: ")
            return StsAnswer(claims, code, message, region=chain.region)
        return StsAnswer(
            claims, assumed_role_arn=proof.assumed_role_arn, expires_in=proof.expires_in, region=chain.region
        )

    def _request_token(self, server: ApiServer, chain: Chain) -> str:
        """A token with the audience of the tokens in pods."""
        token = service_accounts.request_token(
            server,
            namespace=chain.namespace,
            name=chain.service_account,
            audience=chain.audience,
            seconds=MIN_EXPIRATION,
            register_secret=self._register_secret,
        )
        try:
            claims = read_claims(token)
        except ValueError as error:
            raise errors.MalformedAnswer(
                f"the Kubernetes API server {self._server.host} issued a token that cannot be read",
                cause=f"it is not a JSON Web Token: {error}",
                fix="run again; if it happens again, check whether a proxy changes the answers of the API server",
                host=self._server.host,
            ) from None
        if claims["iss"] != chain.issuer:
            cluster = f"the EKS cluster {chain.cluster}" if chain.cluster else f"the cluster of issuer {chain.issuer}"
            raise errors.WrongCluster(
                f"the Kubernetes API server {self._server.host} is not {cluster}",
                cause=f"its tokens have the issuer {claims['iss']} instead of {chain.issuer}",
                fix="connect with cluster_name alone, or set issuer to the issuer of this API server",
                host=self._server.host,
            )
        subject = trust_statements.subject(chain.namespace, chain.service_account)
        if claims["sub"] != subject or chain.audience not in policy_document.as_list(claims["aud"]):
            raise errors.ApiError(
                f"the Kubernetes API server {self._server.host} issued a token that differs from the request",
                cause=f"sub is {claims['sub']} and aud is {claims['aud']} instead of {subject} and {chain.audience}",
                fix="check whether a proxy or an admission webhook changes TokenRequests",
            )
        return token


def session_name(spec: VerificationSpec) -> str:
    """The session name in CloudTrail: ``irsa-verify.NAMESPACE.ACCOUNT``, cut to the 64 characters that STS allows."""
    return f"irsa-verify.{spec.namespace}.{spec.service_account}"[:64]


def read_claims(token: str) -> Json:
    """The claims ``iss``, ``aud`` and ``sub`` of a token, without a check of its signature.

    :raises ValueError: it is not a JSON Web Token.
    """
    parts = token.split(".")
    if len(parts) != 3:
        raise ValueError("it does not have three parts")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (ValueError, RecursionError):  # its text would quote the token
        raise ValueError("its claims are not JSON in base64") from None
    if not isinstance(claims, dict):
        raise ValueError("its claims are not a JSON object")
    return {key: claims.get(key) for key in ("iss", "aud", "sub")}
