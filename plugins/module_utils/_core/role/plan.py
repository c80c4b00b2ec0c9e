# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes that bring a role to its spec, or remove it."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import errors
from ..plan import Action, Plan
from ..policy import document as policy_document
from ..trust import policy as trust_policy
from ..trust.evaluation import find_lost
from ..trust.statements import allowed_principals, display_subject
from .checks import (
    ATTACHED_QUOTA,
    DEFAULT_QUOTAS,
    OWNER_TAG,
    OWNER_VALUE,
    build_still_allowed_error,
    describe_wide_trust,
    plan_tags,
    require_changeable,
    require_inline_size,
    require_policies_of_account,
    require_trust_size,
)
from .spec import DEFAULT, AccountScope, Role, RoleSpec


@dataclasses.dataclass(frozen=True)
class PlanContext:
    """Facts about the account that a plan depends on.

    :param provider_arn: the OIDC provider in the role's account; None if the spec does not name a cluster.
    :param policies: the ARNs of the managed policies that the spec names, by name.
    :param quotas: from GetAccountSummary; AWS's defaults if it was not read.
    """

    scope: AccountScope
    provider_arn: str | None = None
    policies: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    quotas: t.Mapping[str, int] = dataclasses.field(default_factory=lambda: DEFAULT_QUOTAS)


def plan(spec: RoleSpec, role: Role | None, context: PlanContext) -> Plan:
    """Plan the writes that bring the role to the spec.

    :param role: None if it does not exist.
    :raises InvalidInput: the spec is not valid in this account.
    :raises Conflict: the role cannot be changed to the spec, or this collection must not delete it.
    :raises QuotaExceeded: the role would exceed a quota; ``quota`` in the details names it.
    """
    steps = _Steps(role)
    if not spec.present:
        _remove(spec, role, context, steps)
    elif role is None:
        _create(spec, context, steps)
    else:
        _modify(spec, role, context, steps)
    if spec.present and steps.after:
        wide = describe_wide_trust(steps.after.trust_policy)
        steps.warnings += [f"Role {spec.name}: {text}." for text in wide]
    if role is not None and steps.actions:
        require_changeable(role)
    return steps.plan()


class _Steps:
    """Collects writes, and the state of the role after them."""

    def __init__(self, role: Role | None) -> None:
        self._before = role
        self.after = role
        self.actions: list[Action] = []
        self.warnings: list[str] = []
        self.failure: errors.IrsaError | None = None

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
            failure=self.failure,
        )


# Present


def _create(spec: RoleSpec, context: PlanContext, steps: _Steps) -> None:
    if spec.subjects is None or context.provider_arn is None:
        raise errors.InvalidInput(
            f"role {spec.name} does not exist and cannot be created without service_accounts and cluster_name",
            fix="set both (an empty list of service_accounts creates a role that trusts nobody), or correct name",
        )
    require_policies_of_account(spec, context.scope)
    path = spec.path or DEFAULT["path"]
    trust = trust_policy.build_document(spec.grant(context.provider_arn))
    require_trust_size(spec.name, trust, context.quotas)
    tags = plan_tags(spec, {OWNER_TAG: OWNER_VALUE})
    steps.warnings += [tags.warning] if tags.warning else []
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
        max_session_duration=spec.max_session_duration or DEFAULT["max_session_duration"],
        tags=dict(sorted(tags.changes.after.items())),
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
    names = ", ".join(map(display_subject, trust_policy.managed_subjects(trust, context.provider_arn)))
    steps.add("create_role", f"create role {role.name}{f' for {names}' if names else ''}", arguments, role)
    _attach(spec, role, context, steps)
    _write_inline(spec, role, steps)


def _modify(spec: RoleSpec, role: Role, context: PlanContext, steps: _Steps) -> None:
    if spec.path is not None and spec.path != role.path:
        raise errors.Conflict(
            f"role {role.name} has the path {role.path}, not {spec.path}",
            cause="IAM cannot change the path of a role",
            fix=f"leave path out or set it to {role.path}; or delete the role with state absent and create it again, "
            "which changes its ARN: update every annotation that names it",
            path=role.path,
        )
    require_policies_of_account(spec, context.scope)
    _settings(spec, role, steps)
    _boundary(spec, role, steps)
    _tags(spec, role, steps)
    _attach(spec, role, context, steps)
    _write_inline(spec, role, steps)
    if spec.subjects is not None and context.provider_arn is not None:
        mode: t.Literal["merge", "replace"] = "replace" if spec.replace_trust else "merge"
        grant = spec.grant(context.provider_arn)
        _write_trust(role, trust_policy.Change(mode, grant, spec.purges_accounts_of(role)), context, steps)


def _settings(spec: RoleSpec, role: Role, steps: _Steps) -> None:
    changes: dict[str, t.Any] = {}
    if spec.description is not None and spec.description != role.description:
        changes["description"] = spec.description
    if spec.max_session_duration is not None and spec.max_session_duration != role.max_session_duration:
        changes["max_session_duration"] = spec.max_session_duration
    if changes:
        settings = " and ".join(changes).replace("_", " ")
        after = dataclasses.replace(_now(steps), **changes)
        # Always both: without a duration, UpdateRole resets it to one hour.
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html
        arguments = {
            "name": role.name,
            "description": after.description,
            "max_session_duration": after.max_session_duration,
        }
        steps.add("update_role", f"set the {settings} of role {role.name}", arguments, after)


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
    changes, warning = plan_tags(spec, role.tags)
    steps.warnings += [warning] if warning else []
    if changes.removed:
        rest = {key: value for key, value in role.tags.items() if key not in changes.removed}
        summary = f"remove the tags {', '.join(changes.removed)} of role {role.name}"
        after = dataclasses.replace(_now(steps), tags=rest)
        steps.add("untag_role", summary, {"name": role.name, "keys": changes.removed}, after)
    if changes.new:
        after = dataclasses.replace(_now(steps), tags=dict(sorted(changes.after.items())))
        summary = f"set the tags {', '.join(changes.new)} of role {role.name}"
        steps.add("tag_role", summary, {"name": role.name, "tags": changes.new}, after)


def _attach(spec: RoleSpec, role: Role, context: PlanContext, steps: _Steps) -> None:
    if spec.managed_policies is None:
        return
    arns = {context.policies.get(policy, policy) for policy in spec.managed_policies}
    attached = set(role.managed_policies or ())
    new = sorted(arns - attached)
    removed = sorted(attached - arns) if spec.purge_policies else []
    count, quota = len(attached) - len(removed) + len(new), context.quotas[ATTACHED_QUOTA]
    if new and count > quota:
        raise errors.QuotaExceeded(
            f"role {role.name} would have {count} managed policies",
            cause=f"the account's quota {ATTACHED_QUOTA} is {quota}",
            fix="attach fewer policies, detach others with purge_policies, or request a higher quota (Service Quotas)",
            quota=ATTACHED_QUOTA,
        )
    for arn in removed:
        rest = tuple(other for other in _now(steps).managed_policies or () if other != arn)
        after = dataclasses.replace(_now(steps), managed_policies=rest)
        summary = f"detach policy {arn} from role {role.name}"
        steps.add("detach_policy", summary, {"name": role.name, "policy_arn": arn}, after)
    for arn in new:
        policies = tuple(sorted({*(_now(steps).managed_policies or ()), arn}))
        after = dataclasses.replace(_now(steps), managed_policies=policies)
        summary = f"attach policy {arn} to role {role.name}"
        steps.add("attach_policy", summary, {"name": role.name, "policy_arn": arn}, after)


def _write_inline(spec: RoleSpec, role: Role, steps: _Steps) -> None:
    if spec.inline_policies is None:
        return
    current = dict(role.inline_policies or {})
    removed = [name for name in current if spec.purge_inline_policies and name not in spec.inline_policies]
    new = {
        name: document
        for name, document in sorted(spec.inline_policies.items())
        if name not in current or not policy_document.equal(current[name], document)
    }
    final = {**{name: document for name, document in current.items() if name not in removed}, **new}
    if new:
        require_inline_size(role.name, final)
    for name in removed:
        del current[name]
        after = dataclasses.replace(_now(steps), inline_policies=dict(current))
        summary = f"delete inline policy {name} of role {role.name}"
        steps.add("delete_inline_policy", summary, {"name": role.name, "policy_name": name}, after)
    # Policies that shrink come first: IAM checks the total size on each write.
    for name, document in sorted(new.items(), key=lambda item: (_grows(current, *item), item[0])):
        current[name] = document
        after = dataclasses.replace(_now(steps), inline_policies=dict(sorted(current.items())))
        summary = f"write inline policy {name} of role {role.name}"
        arguments = {"name": role.name, "policy_name": name, "document": document}
        steps.add("put_inline_policy", summary, arguments, after)


def _grows(current: t.Mapping[str, policy_document.Document], name: str, document: policy_document.Document) -> bool:
    return name not in current or policy_document.size(document) > policy_document.size(current[name])


def _write_trust(role: Role, change: trust_policy.Change, context: PlanContext, steps: _Steps) -> None:
    changed = change.apply(role.trust_policy)
    steps.warnings += [f"Role {role.name}: {warning}." for warning in changed.warnings]
    if changed.still_allowed:
        steps.failure = build_still_allowed_error(role, changed.still_allowed)
    if changed.document is role.trust_policy:
        return
    if change.mode != "remove":
        require_trust_size(role.name, changed.document, context.quotas)
    after = dataclasses.replace(_now(steps), trust_policy=changed.document)
    summary = _describe_trust_change(role, changed.document, change)
    steps.add("change_trust_policy", summary, {"name": role.name, "change": change}, after)


def _describe_trust_change(role: Role, after: policy_document.Document, change: trust_policy.Change) -> str:
    """The message of the write, with the service accounts that gain and lose the role."""
    provider_arn = change.grant.provider_arn
    old = set(trust_policy.managed_subjects(role.trust_policy, provider_arn))
    new = set(trust_policy.managed_subjects(after, provider_arn))
    lost = (old - new).union(find_lost(role.trust_policy, after, provider_arn))
    if change.mode == "replace":
        lost |= set(allowed_principals(role.trust_policy)) - {provider_arn, *allowed_principals(after)}
    added, removed = (", ".join(map(display_subject, sorted(subjects))) for subjects in (new - old, lost))
    policy = f"the trust policy of role {role.name}"
    if change.mode != "replace" and bool(added) != bool(removed):
        return f"add {added} to {policy}" if added else f"remove {removed} from {policy}"
    verb = "replace" if change.mode == "replace" else "update"
    details = "; ".join([*([f"add {added}"] if added else []), *([f"remove {removed}"] if removed else [])])
    return f"{verb} {policy}: {details}" if details else f"{verb} {policy}"


def _now(steps: _Steps) -> Role:
    if steps.after is None:
        raise AssertionError("the role does not exist")
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
            f"role {role.name} was not created by this collection",
            cause=f"it does not have the tag {OWNER_TAG}={OWNER_VALUE}",
            fix="set cluster_name or issuer to remove only that cluster's service accounts from its trust policy, or "
            "set force: true to delete the role",
            role=role.arn,
        )
    grant = trust_policy.Grant(context.provider_arn, spec.subjects or ())
    change = trust_policy.Change("remove", grant, purge=spec.subjects is None)
    if role.is_managed and not trust_policy.allows_anything(change.apply(role.trust_policy).document):
        _retire(role, dataclasses.replace(change, mode="retire"), steps)
        _delete(role, steps, is_retired=True)
    else:
        _write_trust(role, change, context, steps)


def _retire(role: Role, change: trust_policy.Change, steps: _Steps) -> None:
    """Plan a trust policy that trusts nobody, so that another writer that still trusts the role's old one is seen.

    The deletion of a role cannot be undone, and its policies are removed before it.
    """
    retired = change.apply(role.trust_policy).document
    if retired is role.trust_policy:
        return  # by an earlier run, which was interrupted
    has_subjects = trust_policy.managed_subjects(role.trust_policy, change.grant.provider_arn)
    summary = _describe_trust_change(role, retired, change) if has_subjects else f"mark role {role.name} for deletion"
    after = dataclasses.replace(role, trust_policy=retired)
    steps.add("retire_role", summary, {"name": role.name, "change": change}, after)


def _delete(role: Role, steps: _Steps, *, is_retired: bool = False) -> None:
    """Plan the deletion in the order that IAM requires: instance profiles and policies before the role.

    :param is_retired: delete the role only if it still trusts nobody; otherwise restore its policies.
    """
    name = role.name
    for profile in role.instance_profiles:
        summary = f"remove role {name} from instance profile {profile}"
        steps.add("remove_from_instance_profile", summary, {"name": name, "profile": profile}, role)
    for arn in role.managed_policies or ():
        summary = f"detach policy {arn} from role {name}"
        steps.add("detach_policy", summary, {"name": name, "policy_arn": arn}, role)
    for policy in role.inline_policies or ():
        summary = f"delete inline policy {policy} of role {name}"
        steps.add("delete_inline_policy", summary, {"name": name, "policy_name": policy}, role)
    policies = {"managed_policies": role.managed_policies or (), "inline_policies": role.inline_policies or {}}
    arguments = {"name": name, "restored": policies if is_retired else None}
    steps.add("delete_role", f"delete role {name}", arguments, None)
