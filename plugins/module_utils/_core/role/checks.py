# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role cannot have or be, and the errors for it."""

from __future__ import annotations

import re
import typing as t

from .. import errors
from ..arn import Arn, provider_name
from ..policy import document as policy_document
from ..trust.evaluation import accepts_any_audience, is_broad
from ..trust.policy import TRUST_QUOTA
from ..trust.statements import (
    condition_keys,
    conditions,
    describe_difference,
    describe_place,
    display_subject,
    parse_managed,
)
from ..validation import MAX_TAGS, Problems, TagChanges, compare_tags, count_tags
from ..wording import join, quantity

if t.TYPE_CHECKING:
    from .spec import AccountScope, Role, RoleSpec

# The tag of every role that this collection creates. `absent` deletes only roles with this tag.
OWNER_TAG, OWNER_VALUE = "eksops.irsa/managed", "true"
ATTACHED_QUOTA = "AttachedPoliciesPerRoleQuota"
# AWS's default quotas of an account.
DEFAULT_QUOTAS = {TRUST_QUOTA: 2048, ATTACHED_QUOTA: 10}
# The limit for all inline policies of a role together, in characters, not counting whitespace. AWS cannot raise it.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
INLINE_QUOTA = 10240
_INLINE_ELEMENTS = {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"}


def require_changeable(role: Role) -> None:
    """:raises Conflict: only an AWS service can change the role."""
    if role.owning_service:
        raise errors.Conflict(
            f"role {role.name} cannot be changed",
            cause=f"its path is {role.path}: it belongs to the AWS service {role.owning_service}, and only the service "
            "can change it",
            fix="use another role",
        )


def require_policies_of_account(spec: RoleSpec, scope: AccountScope) -> None:
    """Check that policies belong to the role's account or to AWS, in the role's partition.

    :raises InvalidInput: one does not.
    """
    problems = Problems()
    arns = [("managed policy", policy) for policy in spec.managed_policies or () if policy.startswith("arn:")]
    if spec.permissions_boundary:
        arns.append(("permissions_boundary", spec.permissions_boundary))
    for option, text in arns:
        arn = Arn.parse(text)
        if arn.partition != scope.partition:
            problems.add(
                f"{option} {text} is in partition {arn.partition}, but role {spec.name} is in {scope.partition}",
                f"use arn:{scope.partition}:...",
            )
        elif arn.account_id not in (scope.account_id, "aws"):
            problems.add(
                f"{option} {text} is in account {arn.account_id}, but role {spec.name} is in {scope.account_id}",
                f"use a policy of account {scope.account_id}",
            )
    problems.raise_if_any()


def measure_inline_policies(documents: t.Mapping[str, policy_document.Document]) -> int:
    """The characters that count for `INLINE_QUOTA`."""
    return sum(policy_document.size(document) for document in documents.values())


def require_inline_size(name: str, documents: t.Mapping[str, policy_document.Document]) -> None:
    """:raises QuotaExceeded: the inline policies of a role are longer than IAM accepts."""
    size = measure_inline_policies(documents)
    if size > INLINE_QUOTA:
        raise errors.QuotaExceeded(
            f"the inline policies of role {name} would have {size} characters in total",
            cause=f"IAM accepts {INLINE_QUOTA}, not counting whitespace",
            fix="use managed policies for some, or remove others with purge_inline_policies",
            quota="RolePolicySizeQuota",
        )


def inline_policy_faults(document: t.Mapping[str, t.Any]) -> list[str]:
    """The faults of an inline policy that IAM would reject, each with its place."""
    faults = [f"unknown element {key}" for key in document if key not in ("Version", "Id", "Statement")]
    if document.get("Version", policy_document.VERSION) not in (policy_document.VERSION, policy_document.OLD_VERSION):
        faults.append(
            f"Version {document['Version']!r} is neither {policy_document.VERSION} nor {policy_document.OLD_VERSION}"
        )
    if not policy_document.statements(document):
        faults.append("it has no Statement")
    for number, statement in enumerate(policy_document.statements(document), 1):
        place = f"statement {number}"
        if not isinstance(statement, t.Mapping):
            faults.append(f"{place} is not a mapping")
            continue
        faults += [f"{place}: {fault}" for fault in _statement_faults(statement)]
    return faults


def _statement_faults(statement: t.Mapping[str, t.Any]) -> list[str]:
    faults = []
    for key in statement:
        if key in ("Principal", "NotPrincipal"):
            faults.append(f"{key} is not allowed in an inline policy")
        elif key not in _INLINE_ELEMENTS:
            faults.append(f"unknown element {key}")
    if statement.get("Effect") not in ("Allow", "Deny"):
        faults.append("Effect is neither Allow nor Deny")
    if not re.fullmatch(r"[0-9A-Za-z]*", str(statement.get("Sid") or "")):
        faults.append(f"Sid {statement['Sid']!r} has characters other than letters and digits")
    for element, negated in (("Action", "NotAction"), ("Resource", "NotResource")):
        if (element in statement) == (negated in statement):
            faults.append(f"exactly one of {element} and {negated} is required")
            continue
        values = policy_document.as_list(statement.get(element, statement.get(negated)))
        if not values or not all(isinstance(value, str) and value for value in values):
            faults.append(f"{element if element in statement else negated} is not a list of strings")
    return faults


def describe_wide_trust(document: policy_document.Document) -> list[str]:
    """What lets more than named subjects, or more audiences than others, assume the role, for each OIDC provider."""
    listed = policy_document.statements(document)
    providers = {arn for statement in listed for arn in policy_document.federated_principals(statement)}
    texts = []
    for arn in sorted(arn for arn in providers if ":oidc-provider/" in arn):
        # Most roles have only statements that name all they allow, and these take longer to evaluate.
        unusual = [index for index, statement in enumerate(listed) if not _is_exact(statement, arn)]
        if not unusual:
            continue
        provider, (_sub, aud) = provider_name(arn), condition_keys(arn)
        limits = any(
            key.lower() == aud
            for statement in listed
            if isinstance(statement, dict)
            for _operator, key, _values in conditions(statement)
        )
        for index in unusual:
            place = describe_place(document, index)
            if is_broad(document, index, arn):
                texts.append(f"{place} allows subjects that it does not name: limit {provider}:sub in it")
            elif limits and accepts_any_audience(document, index, arn):
                texts.append(f"{place} accepts any audience, unlike other statements: limit {provider}:aud in it")
    return texts


def _is_exact(statement: t.Any, provider_arn: str) -> bool:
    managed = parse_managed(statement, provider_arn)
    return managed is not None and managed.is_exact


def require_trust_size(name: str, document: policy_document.Document, quotas: t.Mapping[str, int]) -> None:
    """:raises QuotaExceeded: the trust policy is longer than the account's quota."""
    size, quota = policy_document.size(document), quotas[TRUST_QUOTA]
    if size > quota:
        raise errors.QuotaExceeded(
            f"the trust policy of role {name} would have {size} characters",
            cause=f"the account's quota {TRUST_QUOTA} is {quota}, not counting whitespace",
            fix="use several roles for the service accounts, use a wildcard with allow_wildcards, or request a higher "
            "quota (Service Quotas)",
            quota=TRUST_QUOTA,
            size=size,
        )


def build_still_allowed_error(role: Role, places: t.Mapping[str, str]) -> errors.Conflict:
    """The error for subjects that the role still allows after their removal.

    :param places: the statements that allow a subject, for messages, by subject.
    """
    names = sorted(map(display_subject, places))
    by_place = {
        place: [display_subject(subject) for subject, other in sorted(places.items()) if other == place]
        for place in sorted(set(places.values()))
    }
    return errors.Conflict(
        f"role {role.name} still trusts {join(names)}",
        cause="; ".join(f"{place} allows {join(allowed)}" for place, allowed in by_place.items()),
        fix="in each of these statements, name only the service accounts that need the role, or remove the statement",
        service_accounts=names,
    )


def build_undone_error(
    name: str, writes: int, expected: policy_document.Document, found: policy_document.Document, *, is_restored: bool
) -> errors.Conflict:
    """The error for a trust policy that another writer keeps changing.

    :param writes: the number of writes that were undone.
    :param expected: the document that was written last.
    :param found: the document of the other writer.
    :param is_restored: whether that is the document from before the write.
    """
    message = f"another writer keeps changing the trust policy of role {name}"
    document = "a document of another writer"
    if is_restored:
        message, document = f"the trust policy of role {name} was changed back", "the document from before the write"
    return errors.Conflict(
        message,
        cause=f"IAM accepted {quantity(writes, 'write')}, but then returned {document}: "
        f"{describe_difference(found, expected)}",
        fix="stop the other tool that manages the role (such as Terraform or CloudFormation), or make the same change "
        "there; then run again",
    )


def build_vanished_error(name: str) -> errors.OutOfDate:
    """The error for a role that another writer deletes, or uses again, while this run changes it."""
    return errors.OutOfDate(
        f"role {name} was deleted, or used again, by another writer while this run changed it",
        fix="run again when the other run has ended",
    )


# Tags


class RoleTags(t.NamedTuple):
    """The changes of a role's tags, and a warning if this collection's own tag had no room."""

    changes: TagChanges
    warning: str | None


def plan_tags(spec: RoleSpec, before: t.Mapping[str, str]) -> RoleTags:
    """Compare the tags of a role with those of the spec; with this collection's own tag as long as there is room.

    :param before: the tags of the role; for a new role, the tags that it gets anyway.
    :raises InvalidInput: the role would have too many tags.
    """
    own = {key for key in before if key.lower() == OWNER_TAG}
    changes = compare_tags(before, spec.tags or {}, purge=spec.purge_tags and spec.tags is not None, kept=own)
    warning = None
    if own and changes.new and count_tags(changes.after) > MAX_TAGS:
        changes = changes._replace(
            removed=[*changes.removed, *sorted(own & before.keys())],
            after={key: value for key, value in changes.after.items() if key not in own},
        )
        warning = (
            f"Role {spec.name}: the tag {OWNER_TAG}={OWNER_VALUE} is left out: IAM accepts only {MAX_TAGS} tags. "
            "Without the tag, state absent does not delete the role, and service accounts that are not listed keep the "
            "role."
        )
    problems = Problems()
    count = count_tags(changes.after)
    if count > MAX_TAGS:
        problems.add(f"role {spec.name} would have {count} tags", f"use at most {MAX_TAGS}; purge_tags removes others")
    problems.raise_if_any()
    return RoleTags(changes, warning)
