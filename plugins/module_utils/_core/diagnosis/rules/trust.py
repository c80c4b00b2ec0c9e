# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules for the trust policy as a whole, the OIDC provider and the audience.

`trust_refusal` has the rules for the statement that should allow the service account.

The id for an audience that is not accepted: `cn-audience` if it is the host name of STS in the China regions, else
`audience-annotation` if the service account requests an audience other than the default, else `client-id-missing` for
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
from ...policy.document import Document, as_list, like, statements
from ...trust import policy as trust_policy
from ...trust.evaluation import (
    Failure,
    Request,
    TrustDecision,
    evaluate,
    has_variables,
    is_broad,
)
from ...trust.statements import (
    ACTION,
    describe_place,
    has_wildcard,
    parse_managed,
    parse_subject,
    subject,
)
from ..causes import Finding
from ..facts import AwsFacts, Chain, Unknown, name_of

# IAM replaces a deleted principal by its ID.
_DELETED = re.compile(r"A(RO|ID)A[A-Z0-9]{12,}")
# A service account that no policy names.
_UNNAMED_SUBJECT = subject("some-namespace-that-nobody-named", "some-account-that-nobody-named")
_AUDIENCE_ANNOTATION = "metadata.annotations[eks.amazonaws.com/audience]"


@dataclasses.dataclass(frozen=True)
class Trust:
    """A role's trust policy, and the chain that it should allow.

    :param role_arn: the role's ARN from IAM.
    :param provider_arn: the cluster's provider in the role's AWS account.
    :param similar_providers: providers of that account whose URL is similar to the cluster's issuer, if the cluster's
        provider does not exist.
    :param size_quota: the maximum number of characters; None if it is unknown.
    """

    chain: Chain
    role_arn: str
    provider_arn: str
    document: Document
    similar_providers: tuple[str, ...] = ()
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
        """The ``sub`` of the service account's tokens."""
        return subject(self.chain.namespace, self.chain.service_account)

    @property
    def request(self) -> Request:
        """The request with a token of the service account."""
        return Request.of_token(self.provider_arn, self.subject, self.chain.audience)

    @property
    def variables(self) -> bool:
        """Whether IAM replaces policy variables in the document."""
        return has_variables(self.document)

    @functools.cached_property
    def decision(self) -> TrustDecision:
        """The policy's decision about the request."""
        return evaluate(self.document, self.request)

    def place(self, index: int) -> str:
        """A statement, for messages."""
        return f"{describe_place(self.document, index)} of role {self.role_name}"


@dataclasses.dataclass(frozen=True)
class Refusal:
    """Why the trust policy does not allow the service account.

    :param findings: all findings except the audience, which also depends on provider and service account.
    :param audience: the failing condition on ``aud``.
    :param place: the statement with that condition, for messages.
    :param evidence: the path of the condition in the document.
    """

    findings: tuple[Finding, ...] = ()
    audience: Failure | None = None
    place: str = ""
    evidence: str = ""


def describe_grant(chain: Chain) -> str:
    """The call of `irsa_role` that makes the role trust the service account, for a fix."""
    return _describe_call(chain, [(chain.namespace, chain.service_account)], [chain.audience], "false")


def _describe_call(chain: Chain, accounts: t.Iterable[tuple[str, str]], audiences: list[str], purge: str) -> str:
    """A call of `irsa_role`."""
    cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"issuer: {chain.issuer}"
    # Quotes, because * begins an alias in YAML.
    names = [[f'"{part}"' if has_wildcard(part) else part for part in account] for account in accounts]
    listing = ", ".join(f"{{namespace: {namespace}, name: {name}}}" for namespace, name in names)
    wildcards = ", allow_wildcards: true" if '"' in listing else ""
    audience = "" if audiences == [STS_AUDIENCE] else f", audiences: [{', '.join(audiences)}]"
    return (
        f"eksops.irsa.irsa_role (name: {chain.role_name}, {cluster}, service_accounts: [{listing}], "
        f"purge_service_accounts: {purge}{wildcards}{audience})"
    )


# The trust policy


def policy_findings(trust: Trust, refused: Refusal) -> list[Finding]:
    """The findings about the policy as a whole, whether or not it allows the service account."""
    found = [_explicit_deny(trust), _too_broad(trust), _too_long(trust, refused), _deleted_principal(trust)]
    return [finding for finding in found if finding]


def _explicit_deny(trust: Trust) -> Finding | None:
    denying = trust.decision.denying
    if not denying:
        return None
    places = " and ".join(trust.place(verdict.index) for verdict in denying)
    return Finding(
        "explicit-deny",
        f"{places} {'denies' if len(denying) == 1 else 'deny'} {ACTION} to {trust.subject}",
        f"remove the statement, or add a condition that excludes {trust.subject}",
        evidence=", ".join(f"Statement[{verdict.index}]" for verdict in denying),
    )


def _too_broad(trust: Trust) -> Finding | None:
    audiences = (trust.chain.audience,)
    count = len(statements(trust.document))
    broad = [index for index in range(count) if is_broad(trust.document, index, trust.provider_arn, audiences)]
    if not broad:
        return None
    places = " and ".join(trust.place(index) for index in broad)
    provider = trust.provider
    return Finding(
        "trust-too-broad",
        f"{places} {'does' if len(broad) == 1 else 'do'} not limit the role to named service accounts: the condition "
        f"on {provider}:sub is missing, matches every service account or uses ForAllValues",
        _describe_narrowing(trust, broad),
        evidence=", ".join(f"Statement[{index}]" for index in broad),
        expected=f"a condition on {provider}:sub that names service accounts",
    )


def _describe_narrowing(trust: Trust, broad: t.Iterable[int]) -> str:
    """The fix for statements that do not name the service accounts."""
    chain, edit = trust.chain, f"name the service accounts with StringEquals on {trust.provider}:sub"
    if any(parse_managed(statements(trust.document)[index], trust.provider_arn) is None for index in broad):
        return f"{edit} in that statement; eksops.irsa.irsa_role keeps it, because it has other content too"
    # The others that managed statements name keep the role.
    named, audiences = trust_policy.managed_grants(trust.document, trust.provider_arn)
    subjects = {trust.subject, *(name for name in named if not like(name, _UNNAMED_SUBJECT))}
    accounts = sorted(filter(None, map(parse_subject, subjects)))
    call = _describe_call(chain, accounts, sorted({chain.audience, *audiences}), "true")
    return f"{edit}: {call}, with all that need the role"


def _too_long(trust: Trust, refused: Refusal) -> Finding | None:
    """The finding about a document that exceeds the quota, now or with the missing statement."""
    if trust.size_quota is None:
        return None
    size = policy_document.size(trust.document)
    text = f"the trust policy of role {trust.role_name} has {size} characters"
    if size <= trust.size_quota:
        if not refused.findings and refused.audience is None:
            return None
        grant = trust_policy.Grant(trust.provider_arn, (trust.subject,), (trust.chain.audience,))
        size = policy_document.size(trust_policy.merge(trust.document, grant, purge=False).document)
        text = f"the trust policy of role {trust.role_name} would have {size} characters with {trust.subject}"
    if size <= trust.size_quota:
        return None
    return Finding(
        "trust-too-long",
        f"{text}, but IAM allows {trust.size_quota}",
        "list the service accounts of a cluster in one statement, use several roles, or request a higher quota for the "
        "length of trust policies (Service Quotas)",
        evidence=trust_policy.TRUST_QUOTA,
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
        f"{trust.place(index)} names {principal}, the ID of a deleted role or user",
        "replace it with the ARN of the current role or user, even if the name is the same: the ID has changed",
        evidence=f"Statement[{index}].Principal.AWS",
        expected="an ARN",
        found=", ".join(principal for _index, principal in deleted),
    )


# The provider and the audience


def accepts_audience(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether the provider exists and accepts the audience of the service account's tokens; None if unknown."""
    if isinstance(aws.provider, Unknown):
        return None
    return aws.provider is not None and chain.audience in aws.provider["ClientIDList"]


def find_similar_providers(provider_arn: str, aws: AwsFacts) -> t.Iterator[str]:
    """The ARNs of providers in the same AWS account whose URL is similar to the issuer.

    :param provider_arn: the ARN of the cluster's provider.
    """
    account, _kind, name = provider_arn.partition(":oidc-provider/")
    for other_arn in [] if isinstance(aws.provider_arns, Unknown) else aws.provider_arns:
        other_account, _kind, other_name = other_arn.partition(":oidc-provider/")
        if other_account == account and arns.describe_url_difference(other_name, name):
            yield other_arn


def provider_findings(chain: Chain, aws: AwsFacts) -> t.Iterator[Finding]:
    """The finding about a missing provider; at most one."""
    expected = chain.provider_arn
    if expected is None or isinstance(aws.provider, Unknown) or aws.provider is not None:
        return
    account_id = arns.Arn.parse(expected).account_id
    create = f"eksops.irsa.iam_oidc_provider (url: {chain.issuer})"
    if chain.cluster and account_id == chain.account_id:
        create = f"eksops.irsa.iam_oidc_provider (cluster_name: {chain.cluster})"
    evidence = "iam:GetOpenIDConnectProvider returns NoSuchEntity"
    similar = next(find_similar_providers(expected, aws), None)
    if similar:
        difference = arns.describe_provider_difference(similar, expected)
        yield Finding(
            "provider-url-mismatch",
            f"OIDC provider {similar} differs from the issuer {chain.issuer} in {difference}",
            f"create a provider with the correct URL with {create}, change the trust policies, and delete the old one",
            evidence=evidence,
            expected=expected,
            found=similar,
        )
    elif chain.account_id not in (None, account_id):
        yield Finding(
            "provider-wrong-account",
            f"AWS account {account_id} of role {chain.role_name} has no OIDC provider for the issuer {chain.issuer}; "
            f"STS does not use the provider in the cluster's AWS account {chain.account_id}",
            f"create it with {create} and credentials of AWS account {account_id}",
            evidence=evidence,
            expected=expected,
        )
    else:
        yield Finding(
            "provider-missing",
            f"AWS account {account_id} has no OIDC provider for the issuer {chain.issuer}",
            f"create it with {create}",
            evidence=evidence,
            expected=expected,
        )


def audience_findings(chain: Chain, aws: AwsFacts, refused: Refusal) -> t.Iterator[Finding]:
    """The findings about an audience that the provider, the trust policy or both do not accept.

    :param refused: why the trust policy does not allow the service account.
    """
    provider = None if isinstance(aws.provider, Unknown) else aws.provider
    client_ids = tuple(provider["ClientIDList"]) if provider else ()
    missing = provider is not None and chain.audience not in client_ids
    trusted = refused.audience.values if refused.audience else None
    if not missing and trusted is None:
        return
    places = []
    if missing:
        places.append(f"OIDC provider {chain.provider_arn} accepts {_join_audiences(client_ids)}")
    if trusted is not None:
        places.append(f"{refused.place} requires {_join_audiences(trusted)}")
    accepted = (*(client_ids if missing else ()), *(trusted or ()))
    tokens = f"tokens of service account {name_of(chain)} have the audience {chain.audience}"
    message = f"{tokens}, but {' and '.join(places)}"
    if chain.audience == CN_AUDIENCE or (chain.audience == STS_AUDIENCE and CN_AUDIENCE in accepted):
        yield _cn_audience(chain, client_ids, refused, message)
    elif chain.audience != STS_AUDIENCE:
        yield Finding(
            "audience-annotation",
            message,
            f"remove the annotation eks.amazonaws.com/audience (kubectl -n {chain.namespace} annotate serviceaccount "
            f"{chain.service_account} eks.amazonaws.com/audience-), or add {chain.audience} to client_ids of "
            "eksops.irsa.iam_oidc_provider and to audiences of eksops.irsa.irsa_role",
            evidence=_AUDIENCE_ANNOTATION,
            expected=_join_audiences(accepted),
            found=chain.audience,
        )
    else:
        if missing:
            cluster = f"cluster_name: {chain.cluster}" if chain.cluster else f"url: {chain.issuer}"
            yield Finding(
                "client-id-missing",
                f"{tokens}, but {places[0]}",
                f"add it with eksops.irsa.iam_oidc_provider ({cluster}, client_ids: [{chain.audience}])",
                evidence="ClientIDList",
                expected=chain.audience,
                found=_join_audiences(client_ids),
            )
        if trusted is not None:
            yield Finding(
                "aud-mismatch",
                f"{tokens}, but {places[-1]}",
                f"change the condition to {chain.audience}, or add a statement with {describe_grant(chain)}",
                evidence=refused.evidence,
                expected=chain.audience,
                found=_join_audiences(trusted),
            )


def _cn_audience(chain: Chain, client_ids: t.Sequence[str], refused: Refusal, message: str) -> Finding:
    trusted = refused.audience.values if refused.audience else ()
    places = ((_AUDIENCE_ANNOTATION, (chain.audience,)), ("ClientIDList", client_ids), (refused.evidence, trusted))
    return Finding(
        "cn-audience",
        f"{message}; the audience is {STS_AUDIENCE} in the China regions too",
        f"use {STS_AUDIENCE} in audience of eksops.irsa.sa_annotate, client_ids of eksops.irsa.iam_oidc_provider and "
        "audiences of eksops.irsa.irsa_role",
        evidence=", ".join(place for place, audiences in places if CN_AUDIENCE in audiences),
        expected=STS_AUDIENCE,
        found=CN_AUDIENCE,
    )


def _join_audiences(audiences: t.Iterable[str]) -> str:
    return ", ".join(audiences) or "no audience"
