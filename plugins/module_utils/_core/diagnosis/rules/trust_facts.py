# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's trust policy beside the service account that it should let in."""

from __future__ import annotations

import dataclasses
import functools
import re

from ...arn import STS_AUDIENCE
from ...policy import document as policy_document
from ...policy.document import Document, statements
from ...trust import policy as trust_policy
from ...trust.evaluation import Decision, Failure, Request, evaluate
from ..causes import Finding
from ..facts import Chain

EKS_ISSUER = re.compile(r"(oidc\.eks\.)([a-z0-9-]+)(\.[a-z.]+/id/)([0-9A-Za-z]+)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Trust:
    """A role's trust policy, and whom it should let in.

    :param role_arn: the role's ARN as IAM has it.
    :param provider_arn: the cluster's provider in the role's account.
    :param drifted: providers of that account that were meant to be the cluster's.
    :param size_quota: how many characters IAM takes, if that is known.
    """

    chain: Chain
    role_arn: str
    provider_arn: str
    document: Document
    drifted: tuple[str, ...] = ()
    size_quota: int | None = None

    @property
    def role_name(self) -> str:
        """The role's name, without path."""
        return self.role_arn.rpartition("/")[2]

    @property
    def subject(self) -> str:
        """The ``sub`` of the account's tokens."""
        return trust_policy.subject(self.chain.namespace, self.chain.service_account)

    @property
    def request(self) -> Request:
        """What STS would ask of IAM."""
        return Request.of_token(self.provider_arn, self.chain.issuer, self.subject, self.chain.audience)

    @property
    def variables(self) -> bool:
        """Whether the document has policy variables."""
        return bool(self.document.get("Version") == policy_document.VERSION)

    @functools.cached_property
    def decision(self) -> Decision:
        """What the policy says to that."""
        return evaluate(self.document, self.request)

    @property
    def lets_in(self) -> bool:
        """Whether some statement lets the account in, as far as can be told, be there a Deny or not."""
        return any(each.effect == "Allow" and each.matched is not False for each in self.decision.verdicts)

    def place(self, index: int) -> str:
        """A statement, by number and Sid."""
        return f"{trust_policy.place_of(index, statements(self.document)[index])} of role {self.role_name}"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """What keeps the account out.

    :param findings: all of it but what concerns the audience, which is the provider's and the account's matter too.
    :param audience: the failing condition on ``aud``.
    :param place: the statement that has it, in words.
    :param evidence: the condition's place.
    """

    findings: tuple[Finding, ...] = ()
    audience: Failure | None = None
    place: str = ""
    evidence: str = ""


def drift(name: str, provider: str) -> str | None:
    """In what a provider's name differs from the right one, if in nothing but a slash, case or region."""
    if name == provider:
        return None
    ours, theirs = provider.rstrip("/"), name.rstrip("/")
    if ours == theirs:
        return "a slash at its end"
    if ours.lower() == theirs.lower():
        return "upper and lower case"
    one, other = EKS_ISSUER.fullmatch(ours), EKS_ISSUER.fullmatch(theirs)
    if one and other and one.group(4).lower() == other.group(4).lower():
        return "the region"
    return None


def grant(trust: Trust) -> str:
    """How this collection lets the account in."""
    chain = trust.chain
    cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"issuer: {chain.issuer}"
    audience = "" if chain.audience == STS_AUDIENCE else f", audiences: [{chain.audience}]"
    return (
        f"eksops.irsa.irsa_role with name: {trust.role_name}, {cluster}, service_accounts: [{{namespace: "
        f"{chain.namespace}, name: {chain.service_account}}}], purge_service_accounts: false{audience}"
    )
