# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes that bring a role to its spec, or remove it."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import errors
from ..arn import Arn
from ..plan import Action, Plan
from ..policy import document as policy_document
from ..trust import policy as trust_policy
from ..trust.statements import display_subject
from ..validation import Problems, check_tag_count
from .spec import INLINE_QUOTA, OWNER_TAG, OWNER_VALUE, AccountScope, Role, RoleSpec

TRUST_QUOTA, ATTACHED_QUOTA = "AssumeRolePolicySizeQuota", "AttachedPoliciesPerRoleQuota"
# The quotas of an account unless they were raised.
DEFAULT_QUOTAS = {TRUST_QUOTA: 2048, ATTACHED_QUOTA: 10}


@dataclasses.dataclass(frozen=True)
class PlanContext:
    """What a plan depends on besides spec and role.

    :param provider_arn: the OIDC provider in the role's account; None if no cluster was named.
    :param policies: the ARN of each managed policy that the spec gives by name.
    :param quotas: from GetAccountSummary; the defaults if that was not read.
    """

    scope: AccountScope
    provider_arn: str | None = None
    policies: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    quotas: t.Mapping[str, int] = dataclasses.field(default_factory=lambda: DEFAULT_QUOTAS)


def plan(spec: RoleSpec, role: Role | None, context: PlanContext) -> Plan:
    """The writes that bring the role, or no role, to the spec.

    :raises InvalidInput: the spec is not valid in this account.
    :raises Conflict: the role cannot be changed to the spec, or this collection may not remove it.
    :raises QuotaExceeded: the role would exceed a quota; ``quota`` in the details names it.
    """
    steps = _Steps(role)
    if not spec.present:
        _remove(spec, role, context, steps)
    elif role is None:
        _create(spec, context, steps)
    else:
        _modify(spec, role, context, steps)
    if role is not None and role.is_service_linked and steps.actions:
        raise errors.Conflict(
            f"role {role.name} can't be changed",
            cause=f"it is linked to the AWS service {role.path.split('/')[2]}, which alone can change it",
            fix="use a role of your own",
        )
    return steps.plan()


class _Steps:
    """Collects writes, and the role as it is after them."""

    def __init__(self, role: Role | None) -> None:
        self._before = role
        self.after = role
        self.actions: list[Action] = []
        self.warnings: list[str] = []

    def add(self, operation: str, summary: str, arguments: t.Mapping[str, t.Any], after: Role | None) -> None:
        self.actions.append(Action(operation, arguments, summary))
        self.after = after

    def plan(self) -> Plan:
        before = self._before.as_dict() if self._before else {}
        same = self.after is self._before
        return Plan(
            before=before,
            after=before if same else self.after.as_dict() if self.after else {},
            actions=tuple(self.actions),
            warnings=tuple(self.warnings),
        )


# Present


def _create(spec: RoleSpec, context: PlanContext, steps: _Steps) -> None:
    if spec.subjects is None or context.provider_arn is None:
        raise errors.InvalidInput(
            f"role {spec.name} doesn't exist, and nothing says whom it should trust",
            fix="give cluster_name and service_accounts (an empty list: a role that trusts nobody), or correct name",
        )
    _check_policies(spec, context)
    path = spec.path or "/"
    trust = trust_policy.build_document(spec.grant(context.provider_arn))
    _check_trust_size(spec.name, trust, context)
    role = Role(
        arn=context.scope.role_arn(path, spec.name),
        name=spec.name,
        path=path,
        role_id=None,
        description=spec.description or "",
        trust_policy=trust,
        managed_policies=(),
        inline_policies={},
        permissions_boundary=spec.permissions_boundary or None,
        max_session_duration=spec.max_session_duration or 3600,
        tags=dict(sorted({OWNER_TAG: OWNER_VALUE, **(spec.tags or {})}.items())),
    )
    arguments = {
        "name": role.name,
        "path": path,
        "trust_policy": trust,
        "description": spec.description,
        "max_session_duration": spec.max_session_duration,
        "permissions_boundary": role.permissions_boundary,
        "tags": role.tags,
    }
    said = _describe_subjects(None, trust, context.provider_arn)
    steps.add("create_role", f"create role {role.name}{said}", arguments, role)
    _attach(spec, role, context, steps)
    _write_inline(spec, role, steps)


def _modify(spec: RoleSpec, role: Role, context: PlanContext, steps: _Steps) -> None:
    if spec.path is not None and spec.path != role.path:
        raise errors.Conflict(
            f"role {role.name} is at the path {role.path}, not {spec.path}",
            cause="IAM can't move a role to another path",
            fix=f"leave path out or set it to {role.path}; or remove the role with state absent and make it anew, "
            "which changes its ARN in every annotation that names it",
            path=role.path,
        )
    _check_policies(spec, context)
    _settings(spec, role, steps)
    _boundary(spec, role, steps)
    _tags(spec, role, steps)
    _attach(spec, role, context, steps)
    _write_inline(spec, role, steps)
    if spec.subjects is not None and context.provider_arn is not None:
        mode: t.Literal["merge", "replace"] = "replace" if spec.replace_trust else "merge"
        grant = spec.grant(context.provider_arn)
        _write_trust(role, trust_policy.Change(mode, grant, spec.purge_service_accounts), context, steps)


def _settings(spec: RoleSpec, role: Role, steps: _Steps) -> None:
    changes: dict[str, t.Any] = {}
    if spec.description is not None and spec.description != role.description:
        changes["description"] = spec.description
    if spec.max_session_duration is not None and spec.max_session_duration != role.max_session_duration:
        changes["max_session_duration"] = spec.max_session_duration
    if changes:
        what = " and ".join(changes).replace("_", " ")
        after = dataclasses.replace(_now(steps), **changes)
        # Always both: UpdateRole resets a duration that it is not given to an hour.
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html
        arguments = {
            "name": role.name,
            "description": after.description,
            "max_session_duration": after.max_session_duration,
        }
        steps.add("update_role", f"set the {what} of role {role.name}", arguments, after)


def _boundary(spec: RoleSpec, role: Role, steps: _Steps) -> None:
    if spec.permissions_boundary is None or (spec.permissions_boundary or None) == role.permissions_boundary:
        return
    arn = spec.permissions_boundary or None
    after = dataclasses.replace(_now(steps), permissions_boundary=arn)
    if arn:
        summary = f"set the permissions boundary of role {role.name} to {arn}"
        steps.add("set_permissions_boundary", summary, {"name": role.name, "arn": arn}, after)
    else:
        summary = f"remove the permissions boundary of role {role.name}"
        steps.add("delete_permissions_boundary", summary, {"name": role.name}, after)


def _tags(spec: RoleSpec, role: Role, steps: _Steps) -> None:
    if spec.tags is None:
        return
    # IAM ignores case in tag keys: setting a key replaces a key that differs only in case.
    given = {key.lower() for key in spec.tags}
    gone = [
        key
        for key in role.tags
        if spec.purge_tags and key.lower() not in given and key != OWNER_TAG and not key.lower().startswith("aws:")
    ]
    new = {key: value for key, value in sorted(spec.tags.items()) if role.tags.get(key) != value}
    replaced = {key.lower() for key in new}
    rest = {key: value for key, value in role.tags.items() if key not in gone and key.lower() not in replaced}
    problems = Problems()
    check_tag_count(problems, len(rest) + len(new), f"role {role.name}")
    problems.stop()
    if gone:
        left = {key: value for key, value in role.tags.items() if key not in gone}
        summary = f"remove the tags {', '.join(gone)} of role {role.name}"
        after = dataclasses.replace(_now(steps), tags=left)
        steps.add("untag_role", summary, {"name": role.name, "keys": gone}, after)
    if new:
        after = dataclasses.replace(_now(steps), tags=dict(sorted({**rest, **new}.items())))
        summary = f"set the tags {', '.join(new)} of role {role.name}"
        steps.add("tag_role", summary, {"name": role.name, "tags": new}, after)


def _attach(spec: RoleSpec, role: Role, context: PlanContext, steps: _Steps) -> None:
    if spec.managed_policies is None:
        return
    arns = {context.policies.get(policy, policy) for policy in spec.managed_policies}
    attached = set(role.managed_policies or ())
    new = sorted(arns - attached)
    gone = sorted(attached - arns) if spec.purge_policies else []
    count, quota = len(attached) - len(gone) + len(new), context.quotas[ATTACHED_QUOTA]
    if new and count > quota:
        raise errors.QuotaExceeded(
            f"role {role.name} would have {count} managed policies",
            cause=f"the account's quota {ATTACHED_QUOTA} is {quota}",
            fix="attach fewer policies, detach others with purge_policies, or have the quota raised (Service Quotas)",
            quota=ATTACHED_QUOTA,
        )
    for arn in gone:
        left = tuple(other for other in _now(steps).managed_policies or () if other != arn)
        after = dataclasses.replace(_now(steps), managed_policies=left)
        summary = f"detach policy {arn} from role {role.name}"
        steps.add("detach_policy", summary, {"name": role.name, "policy_arn": arn}, after)
    for arn in new:
        together = tuple(sorted({*(_now(steps).managed_policies or ()), arn}))
        after = dataclasses.replace(_now(steps), managed_policies=together)
        summary = f"attach policy {arn} to role {role.name}"
        steps.add("attach_policy", summary, {"name": role.name, "policy_arn": arn}, after)


def _write_inline(spec: RoleSpec, role: Role, steps: _Steps) -> None:
    if spec.inline_policies is None:
        return
    there = dict(role.inline_policies or {})
    gone = [name for name in there if spec.purge_inline_policies and name not in spec.inline_policies]
    new = {
        name: document
        for name, document in sorted(spec.inline_policies.items())
        if name not in there or not policy_document.equal(there[name], document)
    }
    final = {**{name: document for name, document in there.items() if name not in gone}, **new}
    size = sum(policy_document.size(document) for document in final.values())
    if new and size > INLINE_QUOTA:
        raise errors.QuotaExceeded(
            f"the inline policies of role {role.name} would have {size} characters together",
            cause=f"IAM takes {INLINE_QUOTA}, white space not counted",
            fix="make managed policies of some, or remove others with purge_inline_policies",
            quota="RolePolicySizeQuota",
        )
    for name in gone:
        del there[name]
        after = dataclasses.replace(_now(steps), inline_policies=dict(there))
        summary = f"delete inline policy {name} of role {role.name}"
        steps.add("delete_inline_policy", summary, {"name": role.name, "policy_name": name}, after)
    # Policies that shrink come first: IAM checks the total size at each write.
    for name, document in sorted(new.items(), key=lambda item: (_grows(there, *item), item[0])):
        there[name] = document
        after = dataclasses.replace(_now(steps), inline_policies=dict(sorted(there.items())))
        summary = f"write inline policy {name} of role {role.name}"
        arguments = {"name": role.name, "policy_name": name, "document": document}
        steps.add("put_inline_policy", summary, arguments, after)


def _grows(there: t.Mapping[str, policy_document.Document], name: str, document: policy_document.Document) -> bool:
    return name not in there or policy_document.size(document) > policy_document.size(there[name])


def _write_trust(role: Role, change: trust_policy.Change, context: PlanContext, steps: _Steps) -> None:
    changed = change.apply(role.trust_policy)
    steps.warnings += [f"Role {role.name}: {warning}." for warning in changed.warnings]
    if changed.document is role.trust_policy:
        return
    if change.mode != "remove":
        _check_trust_size(role.name, changed.document, context)
    after = dataclasses.replace(_now(steps), trust_policy=changed.document)
    verb = "replace" if change.mode == "replace" else "update"
    said = _describe_subjects(role.trust_policy, changed.document, change.grant.provider_arn)
    summary = f"{verb} the trust policy of role {role.name}{said}"
    steps.add("change_trust_policy", summary, {"name": role.name, "change": change}, after)


def _describe_subjects(
    before: policy_document.Document | None, after: policy_document.Document, provider_arn: str
) -> str:
    """Which service accounts gain and lose the role, for messages."""
    old = set(trust_policy.managed_subjects(before, provider_arn)) if before else set()
    new = set(trust_policy.managed_subjects(after, provider_arn))
    parts = [
        f"{words} {', '.join(display_subject(subject) for subject in sorted(subjects))}"
        for words, subjects in (("for", new - old), ("no longer for", old - new))
        if subjects
    ]
    return f" {', '.join(parts)}" if parts else ""


def _now(steps: _Steps) -> Role:
    if steps.after is None:
        raise AssertionError("only an existing role is changed")
    return steps.after


# Absent


def _remove(spec: RoleSpec, role: Role | None, context: PlanContext, steps: _Steps) -> None:
    if role is None:
        return
    if spec.force or (role.is_managed and not spec.names_provider):
        _delete(role, steps)
        return
    if context.provider_arn is None:
        raise errors.Conflict(
            f"role {role.name} was not made by this collection",
            cause=f"it lacks the tag {OWNER_TAG}={OWNER_VALUE}",
            fix="give cluster_name or issuer to take only that cluster's accounts out of its trust policy, or set "
            "force to delete the role all the same",
            role=role.arn,
        )
    grant = trust_policy.Grant(context.provider_arn, spec.subjects or ())
    change = trust_policy.Change("remove", grant, purge=spec.subjects is None)
    if role.is_managed and not trust_policy.allows_anything(change.apply(role.trust_policy).document):
        _delete(role, steps)
    else:
        _write_trust(role, change, context, steps)


def _delete(role: Role, steps: _Steps) -> None:
    """Plans the removal in IAM's order: policies and instance profiles go before the role."""
    name = role.name
    for profile in role.instance_profiles:
        summary = f"take role {name} out of instance profile {profile}"
        steps.add("remove_from_instance_profile", summary, {"name": name, "profile": profile}, role)
    for arn in role.managed_policies or ():
        summary = f"detach policy {arn} from role {name}"
        steps.add("detach_policy", summary, {"name": name, "policy_arn": arn}, role)
    for policy in role.inline_policies or ():
        summary = f"delete inline policy {policy} of role {name}"
        steps.add("delete_inline_policy", summary, {"name": name, "policy_name": policy}, role)
    steps.add("delete_role", f"delete role {name}", {"name": name}, None)


# Checks


def _check_policies(spec: RoleSpec, context: PlanContext) -> None:
    """Checks that policies belong to the role's account or to AWS, in the role's partition."""
    problems = Problems()
    scope = context.scope
    given = [("managed policy", policy) for policy in spec.managed_policies or () if policy.startswith("arn:")]
    if spec.permissions_boundary:
        given.append(("permissions_boundary", spec.permissions_boundary))
    for option, text in given:
        arn = Arn.parse(text)
        if arn.partition != scope.partition:
            problems.add(
                f"{option} {text} is in the partition {arn.partition}, role {spec.name} in {scope.partition}",
                f"use arn:{scope.partition}:...",
            )
        elif arn.account_id not in (scope.account_id, "aws"):
            problems.add(
                f"{option} {text} is of account {arn.account_id}, role {spec.name} of {scope.account_id}",
                f"use a policy of account {scope.account_id}",
            )
    problems.stop()


def _check_trust_size(name: str, document: policy_document.Document, context: PlanContext) -> None:
    size, quota = policy_document.size(document), context.quotas[TRUST_QUOTA]
    if size > quota:
        raise errors.QuotaExceeded(
            f"the trust policy of role {name} would have {size} characters",
            cause=f"the account's quota {TRUST_QUOTA} is {quota}, white space not counted",
            fix="spread the service accounts over several roles, use a wildcard with allow_wildcards, or have the "
            "quota raised (Service Quotas; 4096 at most)",
            quota=TRUST_QUOTA,
            size=size,
        )
