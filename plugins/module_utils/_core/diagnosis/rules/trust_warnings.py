# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else is to be said of a role's trust policy: Deny statements, holes, its size, principals that are gone."""

from __future__ import annotations

import re

from ...arn import provider_of
from ...policy import document as policy_document
from ...policy.conditions import Operator
from ...policy.document import Document, as_list, statements
from ...trust import policy as trust_policy
from ...trust import subjects as trust_subjects
from ...trust.evaluation import ACTION, Request, conditions, evaluate, judge
from ..causes import Finding
from .trust_facts import Refusal, Trust, grant

# What IAM puts in place of a principal that was deleted.
_DELETED = re.compile(r"A(RO|ID)A[A-Z0-9]{12,}")
# A service account that no policy means.
_ANYBODY = trust_policy.subject("some-namespace-that-nobody-named", "some-account-that-nobody-named")


def findings(trust: Trust, refused: Refusal) -> list[Finding]:
    """All of it, where the account is let in as well."""
    found = [_explicit_deny(trust), _too_broad(trust), _too_long(trust, refused), _stale_principal(trust)]
    return [each for each in found if each]


def _explicit_deny(trust: Trust) -> Finding | None:
    denying = trust.decision.denying
    if not denying:
        return None
    places = " and ".join(trust.place(each.index) for each in denying)
    return Finding(
        "explicit-deny",
        f"{places} denies {ACTION} to {trust.subject}",
        f"remove the statement, or give it a condition that leaves {trust.subject} out",
        evidence=", ".join(f"Statement[{each.index}]" for each in denying),
    )


def _too_broad(trust: Trust) -> Finding | None:
    broad = [index for index, each in enumerate(statements(trust.document)) if _is_broad(trust, each)]
    if not broad:
        return None
    places = " and ".join(trust.place(each) for each in broad)
    provider = provider_of(trust.chain.issuer)
    return Finding(
        "trust-too-broad",
        f"{places} lets in every service account of the cluster, or would without the key {provider}:sub",
        f"name the accounts under StringEquals {provider}:sub: {grant(trust)}",
        evidence=", ".join(f"Statement[{each}]" for each in broad),
        expected=f"a condition on {provider}:sub that names accounts",
    )


def _is_broad(trust: Trust, statement: object) -> bool:
    """Whether an account that nobody named is let in, or only ForAllValues keeps it out."""
    if not isinstance(statement, dict) or statement.get("Effect") != "Allow":
        return False
    sub, aud = f"{provider_of(trust.chain.issuer)}:sub".lower(), f"{provider_of(trust.chain.issuer)}:aud".lower()
    scoped = conditions(statement)
    wanted = {each for _operator, key, values in scoped if key.lower() == aud for each in values}
    # A subject that stands under the wrong key is another finding.
    audiences = {trust.chain.audience, *(each for each in wanted if not each.startswith(trust_subjects.PREFIX))}
    denies = [each for each in statements(trust.document) if isinstance(each, dict) and each.get("Effect") == "Deny"]
    alone: Document = {**trust.document, "Statement": [*denies, statement]}
    chain = trust.chain
    for audience in audiences:
        request = Request.of_token(trust.provider_arn, chain.issuer, _ANYBODY, audience)
        if evaluate(alone, request).allowed is not False:
            return True
    operators = [Operator.parse(operator) for operator, key, _values in scoped if key.lower() == sub]
    # They keep nobody out from whose request the key is absent.
    hollow = bool(operators) and all(each and each.quantifier == "ForAllValues" for each in operators)
    return hollow and judge(statement, trust.request, variables=trust.variables).matched is not False


def _too_long(trust: Trust, refused: Refusal) -> Finding | None:
    """Over the quota as it is, or with the statement that is missing."""
    if trust.size_quota is None:
        return None
    size = policy_document.size(trust.document)
    text = f"the trust policy of role {trust.role_name} has {size} characters"
    if size <= trust.size_quota:
        if not refused.findings and refused.audience is None:
            return None
        wanted = trust_policy.Grant(trust.provider_arn, (trust.subject,), (trust.chain.audience,))
        size = policy_document.size(trust_policy.merge(trust.document, wanted, purge=False).document)
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


def _stale_principal(trust: Trust) -> Finding | None:
    gone = [
        (index, str(each))
        for index, statement in enumerate(statements(trust.document))
        if isinstance(statement, dict) and isinstance(statement.get("Principal"), dict)
        for each in as_list(statement["Principal"].get("AWS"))
        if _DELETED.fullmatch(str(each))
    ]
    if not gone:
        return None
    index, principal = gone[0]
    return Finding(
        "chained-role-stale",
        f"{trust.place(index)} names {principal}, the id of a role or user that was deleted",
        "name the ARN of the one that is there now: one that is created again under the same name has another id",
        evidence=f"Statement[{index}].Principal.AWS",
        expected="an ARN",
        found=", ".join(each for _index, each in gone),
    )
