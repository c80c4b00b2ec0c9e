# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks STS for proof, with a token that the cluster issues."""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ..._api.aws import sts
from ..._api.kubernetes import admission
from ..._core import errors
from ..._core.diagnosis import diagnose
from ..._core.diagnosis import options as diagnosis_options
from ..._core.diagnosis.findings import Chain, Observed, StsAnswer, Unknown
from ..._core.diagnosis.rules import role as role_rules
from ..._core.diagnosis.rules import sts as sts_rules
from ..._core.policy import document as policy_document
from ..._core.trust import statements as trust_statements
from .observation import NO_ROLE, unknown

if t.TYPE_CHECKING:
    from ..._api.aws.session import Aws
    from ..._api.kubernetes.client import ApiServer
    from ..._core.diagnosis.diagnose import Observations
    from ..._core.diagnosis.options import Wanted

Json = dict[str, t.Any]

_TOKEN_SECONDS = 600
# A token is asked for again before it is this old.
_TOKEN_AGE = 480.0
_PAUSES = (1.0, 2.0, 4.0, 8.0, 10.0)
_OUTAGE_SECONDS = 7.0


class TokenProbe:
    """Asks STS whether a token of the account opens the role.

    :param conceal: told every token and credential as soon as there is one.
    :param client: of STS in the chain's region, if there is one already.
    """

    def __init__(
        self,
        server: ApiServer,
        aws: Aws,
        wanted: Wanted,
        *,
        conceal: t.Callable[[str], None],
        client: t.Any = None,
        sleep: t.Callable[[float], None] = time.sleep,
        clock: t.Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._aws = aws
        self._wanted = wanted
        self._conceal = conceal
        self._sleep = sleep
        self._clock = clock
        self._client = client
        self._token = ""
        self._issued = float("-inf")

    def ask(self, chain: Chain, account: Observed[Json | None]) -> Observed[StsAnswer]:
        """STS's first answer.

        :raises WrongCluster: the API server is another cluster's.
        """
        no_account = Unknown("without the service account there is no token")
        if account is None:
            return no_account
        if chain.role_arn is None or role_rules.intended_role_arn(chain) is None:
            return NO_ROLE
        if chain.region is None:
            return Unknown("it isn't known which region's STS to ask; give the option region")
        try:
            if self._client is None:
                self._client = self._aws.unsigned("sts", chain.region)
            return self._once(chain)
        except errors.AccessDenied as error:
            return unknown(error, f"create serviceaccounts/token in {chain.namespace}")
        except errors.NotFound:
            return no_account

    def settle(self, seen: Observations) -> Observed[StsAnswer]:
        """STS's last answer, once what was changed a moment ago has had its time to get there."""
        answer = t.cast("Observed[StsAnswer]", seen.sts)
        if isinstance(answer, Unknown):
            return answer
        allowed = diagnose.static_allows(seen)
        reason = sts_rules.may_pass(answer, allowed=allowed)
        if reason is None:
            return answer
        limit = float(self._wanted.propagation_timeout) if reason == "propagation" else _OUTAGE_SECONDS
        first = answer.code if reason == "propagation" else None
        began, attempts = self._clock(), 1
        while reason and (left := limit - (self._clock() - began)) > 0:
            self._sleep(min(left, _PAUSES[min(attempts, len(_PAUSES)) - 1]))
            again = self._once(seen.chain)
            if isinstance(again, Unknown):
                break
            answer, attempts = again, attempts + 1
            reason = sts_rules.may_pass(answer, allowed=allowed)
        return dataclasses.replace(
            answer,
            attempts=attempts,
            waited=self._clock() - began,
            first=first if attempts > 1 else None,
            settled=attempts > 1,
        )

    def _once(self, chain: Chain) -> Observed[StsAnswer]:
        if self._clock() - self._issued > _TOKEN_AGE:
            self._token, self._issued = self._request(chain), self._clock()
        claims = diagnosis_options.claims_of(self._token)
        try:
            proof = sts.prove_web_identity(
                self._client,
                role_arn=t.cast(str, chain.role_arn),
                token=self._token,
                session_name=diagnosis_options.session_name(self._wanted),
                conceal=self._conceal,
            )
        except (errors.Unreachable, errors.Throttled, errors.BadConnection) as error:
            return unknown(error, None)
        except errors.IrsaError as error:
            code = str(error.details.get("code") or type(error).__name__)
            message = (error.cause or error.message).removeprefix(f"{code}: ")
            return StsAnswer(claims, code, message, region=chain.region)
        return StsAnswer(
            claims, assumed_role_arn=proof.assumed_role_arn, expires_in=proof.expires_in, region=chain.region
        )

    def _request(self, chain: Chain) -> str:
        """A token for the audience that the tokens of the account's pods have."""
        token = admission.request_token(
            self._server,
            namespace=chain.namespace,
            name=chain.service_account,
            audience=chain.audience,
            seconds=_TOKEN_SECONDS,
            conceal=self._conceal,
        )
        claims = diagnosis_options.claims_of(token)
        if claims["iss"] != chain.issuer:
            whose = f"the EKS cluster {chain.cluster}" if chain.cluster else f"the cluster of issuer {chain.issuer}"
            raise errors.WrongCluster(
                f"the Kubernetes API server {self._server.host} is not {whose}",
                cause=f"its tokens are of issuer {claims['iss']}, those of the chain are of {chain.issuer}",
                fix="give cluster_name alone, or the issuer of the cluster that the Kubernetes options lead to",
                host=self._server.host,
            )
        subject = trust_statements.subject(chain.namespace, chain.service_account)
        if claims["sub"] != subject or chain.audience not in policy_document.as_list(claims["aud"]):
            raise errors.ApiError(
                f"the Kubernetes API server {self._server.host} issued another token than it was asked for",
                cause=f"sub is {claims['sub']} and aud {claims['aud']} instead of {subject} and {chain.audience}",
                fix="see whether a proxy or an admission webhook changes TokenRequests",
            )
        return token
