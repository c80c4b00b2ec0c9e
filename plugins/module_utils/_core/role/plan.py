# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The writes that make a role what it is wanted to be, or take it away."""

from __future__ import annotations

import dataclasses
import typing as t

from .. import arn as model
from .. import errors
from ..plan import Action, Plan
from ..policy import document as policy_document
from ..trust import policy as trust_policy
from ..validation import Problems, check_tag_count
from .spec import INLINE_QUOTA, OWNER_TAG, OWNER_VALUE, Place, Role, Wanted

TRUST_QUOTA, ATTACHED_QUOTA = "AssumeRolePolicySizeQuota", "AttachedPoliciesPerRoleQuota"
# What every account has unless it was raised.
DEFAULT_QUOTAS = {TRUST_QUOTA: 2048, ATTACHED_QUOTA: 10}


@dataclasses.dataclass(frozen=True)
class Setting:
    """What a plan must know besides the role itself.

    :param provider_arn: the OIDC provider in the role's account; None if no cluster was named.
    :param policies: the ARN of each managed policy that was given by its name.
    :param quotas: of GetAccountSummary; the defaults where it wasn't asked for.
    """

    place: Place
    provider_arn: str | None = None
    policies: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    quotas: t.Mapping[str, int] = dataclasses.field(default_factory=lambda: DEFAULT_QUOTAS)


def plan(wanted: Wanted, role: Role | None, setting: Setting) -> Plan:
    """The writes that lead from the role, or none, to what is wanted.

    :raises InvalidInput: what is wanted can't be in this place.
    :raises Conflict: the role can't become what is wanted, or isn't this collection's to remove.
    :raises QuotaExceeded: the role would be more than IAM takes; ``quota`` in the details names the quota.
    """
    steps = _Steps(role)
    if not wanted.present:
        _remove(wanted, role, setting, steps)
    elif role is None:
        _create(wanted, setting, steps)
    else:
        _modify(wanted, role, setting, steps)
    if role is not None and role.is_service_linked and steps.actions:
        raise errors.Conflict(
            f"role {role.name} can't be changed",
            cause=f"it is linked to the AWS service {role.path.split('/')[2]}, which alone can change it",
            fix="use a role of your own",
        )
    return steps.plan()


class _Steps:
    """Collects writes, and keeps what the role is like after them."""

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


def _create(wanted: Wanted, setting: Setting, steps: _Steps) -> None:
    if wanted.subjects is None or setting.provider_arn is None:
        raise errors.InvalidInput(
            f"role {wanted.name} doesn't exist, and nothing says whom it should trust",
            fix="give cluster_name and service_accounts (an empty list: a role that trusts nobody), or correct name",
        )
    _check_place(wanted, setting)
    path = wanted.path or "/"
    trust = trust_policy.document_of(wanted.grant(setting.provider_arn))
    _check_trust_size(wanted.name, trust, setting)
    role = Role(
        arn=setting.place.role_arn(path, wanted.name),
        name=wanted.name,
        path=path,
        role_id=None,
        description=wanted.description or "",
        trust_policy=trust,
        managed_policies=(),
        inline_policies={},
        permissions_boundary=wanted.permissions_boundary or None,
        max_session_duration=wanted.max_session_duration or 3600,
        tags=dict(sorted({OWNER_TAG: OWNER_VALUE, **(wanted.tags or {})}.items())),
    )
    arguments = {
        "name": role.name,
        "path": path,
        "trust_policy": trust,
        "description": wanted.description,
        "max_session_duration": wanted.max_session_duration,
        "permissions_boundary": role.permissions_boundary,
        "tags": role.tags,
    }
    said = _said(None, trust, setting.provider_arn)
    steps.add("create_role", f"create role {role.name}{said}", arguments, role)
    _attach(wanted, role, setting, steps)
    _write_inline(wanted, role, steps)


def _modify(wanted: Wanted, role: Role, setting: Setting, steps: _Steps) -> None:
    if wanted.path is not None and wanted.path != role.path:
        raise errors.Conflict(
            f"role {role.name} is at the path {role.path}, not {wanted.path}",
            cause="IAM can't move a role to another path",
            fix=f"leave path out or set it to {role.path}; or remove the role with state absent and make it anew, "
            "which changes its ARN in every annotation that names it",
            path=role.path,
        )
    _check_place(wanted, setting)
    _settings(wanted, role, steps)
    _boundary(wanted, role, steps)
    _tags(wanted, role, steps)
    _attach(wanted, role, setting, steps)
    _write_inline(wanted, role, steps)
    if wanted.subjects is not None and setting.provider_arn is not None:
        mode: t.Literal["merge", "replace"] = "replace" if wanted.replace_trust else "merge"
        grant = wanted.grant(setting.provider_arn)
        _write_trust(role, trust_policy.Change(mode, grant, wanted.purge_service_accounts), setting, steps)


def _settings(wanted: Wanted, role: Role, steps: _Steps) -> None:
    changes: dict[str, t.Any] = {}
    if wanted.description is not None and wanted.description != role.description:
        changes["description"] = wanted.description
    if wanted.max_session_duration is not None and wanted.max_session_duration != role.max_session_duration:
        changes["max_session_duration"] = wanted.max_session_duration
    if changes:
        what = " and ".join(changes).replace("_", " ")
        after = dataclasses.replace(_now(steps), **changes)
        # Both, always: UpdateRole sets a duration that it isn't given back to an hour.
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateRole.html
        arguments = {
            "name": role.name,
            "description": after.description,
            "max_session_duration": after.max_session_duration,
        }
        steps.add("update_role", f"set the {what} of role {role.name}", arguments, after)


def _boundary(wanted: Wanted, role: Role, steps: _Steps) -> None:
    if wanted.permissions_boundary is None or (wanted.permissions_boundary or None) == role.permissions_boundary:
        return
    arn = wanted.permissions_boundary or None
    after = dataclasses.replace(_now(steps), permissions_boundary=arn)
    if arn:
        summary = f"set the permissions boundary of role {role.name} to {arn}"
        steps.add("set_permissions_boundary", summary, {"name": role.name, "arn": arn}, after)
    else:
        summary = f"remove the permissions boundary of role {role.name}"
        steps.add("delete_permissions_boundary", summary, {"name": role.name}, after)


def _tags(wanted: Wanted, role: Role, steps: _Steps) -> None:
    if wanted.tags is None:
        return
    # IAM's keys are the same without regard to case, so setting one replaces another that differs in case alone.
    given = {key.lower() for key in wanted.tags}
    gone = [
        key
        for key in role.tags
        if wanted.purge_tags and key.lower() not in given and key != OWNER_TAG and not key.lower().startswith("aws:")
    ]
    new = {key: value for key, value in sorted(wanted.tags.items()) if role.tags.get(key) != value}
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


def _attach(wanted: Wanted, role: Role, setting: Setting, steps: _Steps) -> None:
    if wanted.managed_policies is None:
        return
    arns = {setting.policies.get(policy, policy) for policy in wanted.managed_policies}
    attached = set(role.managed_policies or ())
    new = sorted(arns - attached)
    gone = sorted(attached - arns) if wanted.purge_policies else []
    count, quota = len(attached) - len(gone) + len(new), setting.quotas[ATTACHED_QUOTA]
    if new and count > quota:
        raise errors.QuotaExceeded(
            f"role {role.name} would have {count} managed policies",
            cause=f"the account's quota {ATTACHED_QUOTA} is {quota}",
            fix="need fewer, detach others with purge_policies, or have the quota raised (Service Quotas)",
            quota=ATTACHED_QUOTA,
        )
    for arn in gone:
        left = tuple(each for each in _now(steps).managed_policies or () if each != arn)
        after = dataclasses.replace(_now(steps), managed_policies=left)
        summary = f"detach policy {arn} from role {role.name}"
        steps.add("detach_policy", summary, {"name": role.name, "policy_arn": arn}, after)
    for arn in new:
        together = tuple(sorted({*(_now(steps).managed_policies or ()), arn}))
        after = dataclasses.replace(_now(steps), managed_policies=together)
        summary = f"attach policy {arn} to role {role.name}"
        steps.add("attach_policy", summary, {"name": role.name, "policy_arn": arn}, after)


def _write_inline(wanted: Wanted, role: Role, steps: _Steps) -> None:
    if wanted.inline_policies is None:
        return
    there = dict(role.inline_policies or {})
    gone = [name for name in there if wanted.purge_inline_policies and name not in wanted.inline_policies]
    new = {
        name: document
        for name, document in sorted(wanted.inline_policies.items())
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
    # Those that shrink come first and make room for those that grow: IAM checks the sum at each write.
    for name, document in sorted(new.items(), key=lambda item: (_grows(there, *item), item[0])):
        there[name] = document
        after = dataclasses.replace(_now(steps), inline_policies=dict(sorted(there.items())))
        summary = f"write inline policy {name} of role {role.name}"
        arguments = {"name": role.name, "policy_name": name, "document": document}
        steps.add("put_inline_policy", summary, arguments, after)


def _grows(there: t.Mapping[str, policy_document.Document], name: str, document: policy_document.Document) -> bool:
    return name not in there or policy_document.size(document) > policy_document.size(there[name])


def _write_trust(role: Role, change: trust_policy.Change, setting: Setting, steps: _Steps) -> None:
    outcome = change.apply(role.trust_policy)
    steps.warnings += [f"Role {role.name}: {warning}." for warning in outcome.warnings]
    if outcome.document is role.trust_policy:
        return
    if change.mode != "remove":
        _check_trust_size(role.name, outcome.document, setting)
    after = dataclasses.replace(_now(steps), trust_policy=outcome.document)
    verb = "replace" if change.mode == "replace" else "update"
    said = _said(role.trust_policy, outcome.document, change.grant.provider_arn)
    summary = f"{verb} the trust policy of role {role.name}{said}"
    steps.add("change_trust_policy", summary, {"name": role.name, "change": change}, after)


def _said(before: policy_document.Document | None, after: policy_document.Document, provider_arn: str) -> str:
    """Which service accounts gain and lose the role, for people."""
    old = set(trust_policy.granted(before, provider_arn)) if before else set()
    new = set(trust_policy.granted(after, provider_arn))
    parts = [
        f"{words} {', '.join(trust_policy.account_of(each) for each in sorted(subjects))}"
        for words, subjects in (("for", new - old), ("no longer for", old - new))
        if subjects
    ]
    return f" {', '.join(parts)}" if parts else ""


def _now(steps: _Steps) -> Role:
    if steps.after is None:
        raise AssertionError("only a role that is there is changed")
    return steps.after


# Absent


def _remove(wanted: Wanted, role: Role | None, setting: Setting, steps: _Steps) -> None:
    if role is None:
        return
    if wanted.force or (role.is_ours and not wanted.names_provider):
        _delete(role, steps)
        return
    if setting.provider_arn is None:
        raise errors.Conflict(
            f"role {role.name} was not made by this collection",
            cause=f"it lacks the tag {OWNER_TAG}={OWNER_VALUE}",
            fix="give cluster_name or issuer to take only that cluster's accounts out of its trust policy, or set "
            "force to delete the role all the same",
            role=role.arn,
        )
    grant = trust_policy.Grant(setting.provider_arn, wanted.subjects or ())
    change = trust_policy.Change("remove", grant, purge=wanted.subjects is None)
    if role.is_ours and not trust_policy.allows_somebody(change.apply(role.trust_policy).document):
        _delete(role, steps)
    else:
        _write_trust(role, change, setting, steps)


def _delete(role: Role, steps: _Steps) -> None:
    """In the order that IAM asks for: it deletes no role that has policies or is in an instance profile."""
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


def _check_place(wanted: Wanted, setting: Setting) -> None:
    """Policies must be of the role's own account or of AWS, in the role's partition."""
    problems = Problems()
    place = setting.place
    given = [("managed policy", each) for each in wanted.managed_policies or () if each.startswith("arn:")]
    if wanted.permissions_boundary:
        given.append(("permissions_boundary", wanted.permissions_boundary))
    for option, text in given:
        arn = model.Arn.parse(text)
        if arn.partition != place.partition:
            problems.add(
                f"{option} {text} is in the partition {arn.partition}, role {wanted.name} in {place.partition}",
                f"use arn:{place.partition}:...",
            )
        elif arn.account_id not in (place.account_id, "aws"):
            problems.add(
                f"{option} {text} is of account {arn.account_id}, role {wanted.name} of {place.account_id}",
                f"use a policy of account {place.account_id}",
            )
    problems.stop()


def _check_trust_size(name: str, document: policy_document.Document, setting: Setting) -> None:
    size, quota = policy_document.size(document), setting.quotas[TRUST_QUOTA]
    if size > quota:
        raise errors.QuotaExceeded(
            f"the trust policy of role {name} would have {size} characters",
            cause=f"the account's quota {TRUST_QUOTA} is {quota}, white space not counted",
            fix="spread the service accounts over several roles, use a wildcard with allow_wildcards, or have the "
            "quota raised (Service Quotas; 4096 at most)",
            quota=TRUST_QUOTA,
            size=size,
        )
