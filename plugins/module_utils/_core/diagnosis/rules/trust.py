# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What IAM has of the federation: a role's trust policy, and the cluster's OIDC provider with the audiences it accepts.

Findings about the policy are those that don't depend on the service account that it should allow: Deny statements,
statements for everybody, its size, deleted principals.

An audience that isn't accepted has one id wherever it shows: `cn-audience` where it is the host name of STS in China,
else `audience-annotation` where the account asks for another audience than the default, else `client-id-missing` for
the provider and `aud-mismatch` for the trust policy.

https://docs.aws.amazon.com/eks/latest/userguide/enable-iam-roles-for-service-accounts.html
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from ... import arn as arns
from ...arn import CN_AUDIENCE, STS_AUDIENCE, provider_name
from ...policy import document as policy_document
from ...policy.conditions import Operator
from ...policy.document import Document, as_list, statements
from ...trust import policy as trust_policy
from ...trust.evaluation import (
    Failure,
    Request,
    TrustDecision,
    allows,
    evaluate,
    evaluate_statement,
    has_variables,
)
from ...trust.statements import ACTION, SUBJECT_PREFIX, condition_keys, conditions, describe_place, subject
from ..causes import Finding
from ..facts import AwsFacts, Chain, Unknown

# What IAM writes in place of a principal that was deleted.
_DELETED = re.compile(r"A(RO|ID)A[A-Z0-9]{12,}")
# A service account that no policy names.
_ANYBODY = subject("some-namespace-that-nobody-named", "some-account-that-nobody-named")
_AUDIENCE_ANNOTATION = "metadata.annotations[eks.amazonaws.com/audience]"


@dataclasses.dataclass(frozen=True)
class Trust:
    """A role's trust policy, and the account that it should allow.

    :param role_arn: the role's ARN as IAM has it.
    :param provider_arn: the cluster's provider in the role's account.
    :param drifted: providers of that account whose URL is almost the cluster's issuer.
    :param size_quota: how many characters IAM accepts, if that is known.
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
    def provider(self) -> str:
        """The name of the cluster's provider: its issuer without the scheme."""
        return provider_name(self.provider_arn)

    @property
    def subject(self) -> str:
        """The ``sub`` of the account's tokens."""
        return subject(self.chain.namespace, self.chain.service_account)

    @property
    def request(self) -> Request:
        """The request with a token of the account."""
        return Request.of_token(self.provider_arn, self.subject, self.chain.audience)

    @property
    def variables(self) -> bool:
        """Whether IAM replaces policy variables in the document."""
        return has_variables(self.document)

    @functools.cached_property
    def decision(self) -> TrustDecision:
        """What the policy decides about the request."""
        return evaluate(self.document, self.request)

    def place(self, index: int) -> str:
        """A statement for messages."""
        return f"{describe_place(self.document, index)} of role {self.role_name}"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why the trust policy does not allow the account.

    :param findings: everything but the audience, which concerns provider and account too.
    :param audience: the failing condition on ``aud``.
    :param place: the statement with that condition, for messages.
    :param evidence: the condition's place in the document.
    """

    findings: tuple[Finding, ...] = ()
    audience: Failure | None = None
    place: str = ""
    evidence: str = ""


def describe_fix(trust: Trust) -> str:
    """The call of `irsa_role` that makes the role trust the account."""
    chain = trust.chain
    cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"issuer: {chain.issuer}"
    audience = "" if chain.audience == STS_AUDIENCE else f", audiences: [{chain.audience}]"
    return (
        f"eksops.irsa.irsa_role with name: {trust.role_name}, {cluster}, service_accounts: [{{namespace: "
        f"{chain.namespace}, name: {chain.service_account}}}], purge_service_accounts: false{audience}"
    )


# The trust policy


def policy_findings(trust: Trust, refused: Refusal) -> list[Finding]:
    """The findings about the policy as a whole, whether or not it allows the account."""
    found = [_explicit_deny(trust), _too_broad(trust), _too_long(trust, refused), _deleted_principal(trust)]
    return [finding for finding in found if finding]


def _explicit_deny(trust: Trust) -> Finding | None:
    denying = trust.decision.denying
    if not denying:
        return None
    places = " and ".join(trust.place(verdict.index) for verdict in denying)
    return Finding(
        "explicit-deny",
        f"{places} denies {ACTION} to {trust.subject}",
        f"remove the statement, or give it a condition that leaves {trust.subject} out",
        evidence=", ".join(f"Statement[{verdict.index}]" for verdict in denying),
    )


def _too_broad(trust: Trust) -> Finding | None:
    broad = [index for index, statement in enumerate(statements(trust.document)) if _is_broad(trust, statement)]
    if not broad:
        return None
    places = " and ".join(trust.place(index) for index in broad)
    provider = trust.provider
    return Finding(
        "trust-too-broad",
        f"{places} lets in every service account of the cluster, or would without the key {provider}:sub",
        f"name the accounts under StringEquals {provider}:sub: {describe_fix(trust)}",
        evidence=", ".join(f"Statement[{index}]" for index in broad),
        expected=f"a condition on {provider}:sub that names accounts",
    )


def _is_broad(trust: Trust, statement: object) -> bool:
    """Whether a statement allows an account that it does not name, or only ForAllValues keeps such accounts out."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    sub, aud = condition_keys(trust.provider_arn)
    scoped = conditions(statement)
    values_of_aud = {value for _operator, key, values in scoped if key.lower() == aud for value in values}
    # A subject under the key for the audience is another finding.
    audiences = {trust.chain.audience, *(value for value in values_of_aud if not value.startswith(SUBJECT_PREFIX))}
    denies = [
        other for other in statements(trust.document) if isinstance(other, dict) and other.get("Effect") == "Deny"
    ]
    alone: Document = {**trust.document, "Statement": [*denies, statement]}
    if any(allows(alone, trust.provider_arn, _ANYBODY, audience) is not False for audience in audiences):
        return True
    operators = [Operator.parse(operator) for operator, key, _values in scoped if key.lower() == sub]
    # ForAllValues also holds for a request without the key.
    only_for_all_values = bool(operators) and all(
        operator and operator.quantifier == "ForAllValues" for operator in operators
    )
    if not only_for_all_values:
        return False
    return evaluate_statement(statement, trust.request, variables=trust.variables).matched is not False


def _too_long(trust: Trust, refused: Refusal) -> Finding | None:
    """The document exceeds the quota now, or would exceed it with the missing statement."""
    if trust.size_quota is None:
        return None
    size = policy_document.size(trust.document)
    text = f"the trust policy of role {trust.role_name} has {size} characters"
    if size <= trust.size_quota:
        if not refused.findings and refused.audience is None:
            return None
        grant = trust_policy.Grant(trust.provider_arn, (trust.subject,), (trust.chain.audience,))
        size = policy_document.size(trust_policy.merge(trust.document, grant, purge=False).document)
        text = f"the trust policy of role {trust.role_name} would have {size} characters with {trust.subject} in it"
    if size <= trust.size_quota:
        return None
    return Finding(
        "trust-too-long",
        f"{text}, IAM takes {trust.size_quota}",
        "name the accounts of a cluster in one statement with a list, split them over several roles, or have the quota "
        "for the length of trust policies raised (4096 at most)",
        evidence="AssumeRolePolicySizeQuota",
        expected=f"at most {trust.size_quota}",
        found=str(size),
    )


def _deleted_principal(trust: Trust) -> Finding | None:
    deleted = [
        (index, str(principal))
        for index, statement in enumerate(statements(trust.document))
        if isinstance(statement, dict) and isinstance(statement.get("Principal"), dict)
        for principal in as_list(statement["Principal"].get("AWS"))
        if _DELETED.fullmatch(str(principal))
    ]
    if not deleted:
        return None
    index, principal = deleted[0]
    return Finding(
        "deleted-principal",
        f"{trust.place(index)} names {principal}, the id of a role or user that was deleted",
        "name the ARN of the one that is there now: one that is created again under the same name has another id",
        evidence=f"Statement[{index}].Principal.AWS",
        expected="an ARN",
        found=", ".join(principal for _index, principal in deleted),
    )


# The provider and the audience


def accepts_audience(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether the provider exists and accepts the audience of the account's tokens; None if that is unknown."""
    if isinstance(aws.provider, Unknown):
        return None
    return aws.provider is not None and chain.audience in aws.provider["ClientIDList"]


def find_similar_providers(right: str, aws: AwsFacts) -> t.Iterator[str]:
    """The ARNs of providers of the same account whose URL is almost the issuer.

    :param right: the ARN of the cluster's provider.
    """
    account, _kind, name = right.partition(":oidc-provider/")
    for arn in [] if isinstance(aws.provider_arns, Unknown) else aws.provider_arns:
        its_account, _kind, other = arn.partition(":oidc-provider/")
        if its_account == account and arns.describe_url_difference(other, name):
            yield arn


def provider_findings(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    """What is wrong with the provider: at most one finding."""
    right = chain.provider_arn
    if right is None or isinstance(aws.provider, Unknown) or aws.provider is not None:
        return
    account_id = arns.Arn.parse(right).account_id
    create = f"eksops.irsa.iam_oidc_provider with url: {chain.issuer}"
    if chain.cluster and account_id == chain.account_id:
        create = f"eksops.irsa.iam_oidc_provider with cluster_name: {chain.cluster}"
    evidence = "iam:GetOpenIDConnectProvider answers NoSuchEntity"
    similar = next(find_similar_providers(right, aws), None)
    if similar:
        what = arns.describe_provider_difference(similar, right)
        yield Finding(
            "provider-url-mismatch",
            f"OIDC provider {similar} differs from the issuer {chain.issuer} in {what}",
            f"create the right one, for a URL can't be changed: {create}; let the roles trust that, then remove the "
            "other",
            evidence=evidence,
            expected=right,
            found=similar,
        )
    elif chain.account_id not in (None, account_id):
        yield Finding(
            "provider-wrong-account",
            f"account {account_id} of role {chain.role_name} has no OIDC provider for {chain.issuer}; one in the "
            f"cluster's account {chain.account_id} doesn't count",
            f"create it with the credentials of account {account_id}: {create}",
            evidence=evidence,
            expected=right,
        )
    else:
        yield Finding(
            "provider-missing",
            f"account {account_id} has no OIDC provider for {chain.issuer}",
            f"create it: {create}",
            evidence=evidence,
            expected=right,
        )


def audience_findings(chain: Chain, aws: AwsFacts, refused: Refusal) -> t.Iterator[Finding]:
    """Where the audience of the account's tokens is not accepted: by the provider, the trust policy, or both.

    :param refused: why the trust policy refuses the account.
    """
    provider = None if isinstance(aws.provider, Unknown) else aws.provider
    client_ids = tuple(provider["ClientIDList"]) if provider else ()
    missing = provider is not None and chain.audience not in client_ids
    trusted = refused.audience.values if refused.audience else None
    if not missing and trusted is None:
        return
    places = []
    if missing:
        places.append(f"OIDC provider {chain.provider_arn} accepts {_listed(client_ids)}")
    if trusted is not None:
        places.append(f"{refused.place} wants {_listed(trusted)}")
    accepted = (*(client_ids if missing else ()), *(trusted or ()))
    tokens = f"tokens of service account {chain.namespace}/{chain.service_account} are issued for {chain.audience}"
    if chain.audience == CN_AUDIENCE or (chain.audience == STS_AUDIENCE and CN_AUDIENCE in accepted):
        yield _cn_audience(chain, client_ids, refused, f"{tokens}, {'; '.join(places)}")
    elif chain.audience != STS_AUDIENCE:
        yield Finding(
            "audience-annotation",
            f"{tokens}, {'; '.join(places)}",
            f"remove the account's annotation eks.amazonaws.com/audience, or have {chain.audience} in client_ids of "
            "eksops.irsa.iam_oidc_provider and in audiences of eksops.irsa.irsa_role",
            evidence=_AUDIENCE_ANNOTATION,
            expected=_listed(accepted),
            found=chain.audience,
        )
    else:
        if missing:
            cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"url: {chain.issuer}"
            yield Finding(
                "client-id-missing",
                f"{places[0]}, {tokens}",
                f"eksops.irsa.iam_oidc_provider with {cluster}, client_ids: [{chain.audience}]",
                evidence="ClientIDList",
                expected=chain.audience,
                found=_listed(client_ids),
            )
        if trusted is not None:
            yield Finding(
                "aud-mismatch",
                f"{refused.place}: aud is {chain.audience}, the policy wants {_listed(trusted)}",
                f"write {chain.audience} there, or eksops.irsa.irsa_role with audiences: [{chain.audience}]",
                evidence=refused.evidence,
                expected=chain.audience,
                found=_listed(trusted),
            )


def _cn_audience(chain: Chain, client_ids: t.Sequence[str], refused: Refusal, message: str) -> Finding:
    trusted = refused.audience.values if refused.audience else ()
    places = ((_AUDIENCE_ANNOTATION, (chain.audience,)), ("ClientIDList", client_ids), (refused.evidence, trusted))
    return Finding(
        "cn-audience",
        f"{message}: in China too the audience is {STS_AUDIENCE}",
        f"use {STS_AUDIENCE} as audience of the account (eksops.irsa.sa_annotate), in client_ids of "
        "eksops.irsa.iam_oidc_provider and audiences of eksops.irsa.irsa_role",
        evidence=", ".join(place for place, audiences in places if CN_AUDIENCE in audiences),
        expected=STS_AUDIENCE,
        found=CN_AUDIENCE,
    )


def _listed(values: t.Iterable[str]) -> str:
    return ", ".join(values) or "nothing"
