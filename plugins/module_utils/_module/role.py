# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads roles, plans changes, and applies plans in spite of concurrent writers and IAM's eventual consistency."""

from __future__ import annotations

import dataclasses
import functools
import re
import time
import typing as t

from .._api.aws import iam
from .._api.aws.call import TRANSIENT
from .._core import errors
from .._core.arn import provider_arn, region_of
from .._core.plan import Plan
from .._core.policy.document import Document, parse
from .._core.role import plan as role_plan
from .._core.role.checks import DEFAULT_QUOTAS
from .._core.role.spec import AccountScope, Role, RoleSpec
from .._core.trust.policy import Change
from .managed_policies import CONSISTENCY_DELAYS, PolicyNames, find_policies

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws

R = t.TypeVar("R")
Sleep = t.Callable[[float], None]

# Seconds between a write of a trust policy and the read that checks it. In this time, another writer that read the
# policy before the write finishes its own write.
_SETTLE_DELAYS = (0.5, 0.5, 1.0, 2.0, 4.0)


def plan(aws: Aws, spec: RoleSpec) -> Plan:
    """Reads the role and makes the plan."""
    client = aws.client("iam")
    return plan_for(aws, spec, find(client, spec), PolicyNames(client))


def plan_for(aws: Aws, spec: RoleSpec, role: Role | None, policies: PolicyNames) -> Plan:
    """Makes the plan for a role that has already been read; reads what else the plan needs."""
    client = aws.client("iam")
    cluster = aws.describe(spec.cluster_name) if spec.cluster_name else None
    issuer = cluster.require_issuer() if cluster else spec.issuer
    if role:
        scope = role.scope
    elif cluster:
        # EKS returns only clusters of the caller's own account.
        scope = AccountScope(cluster.partition, cluster.account_id)
    elif not spec.present:
        return Plan()
    else:
        caller = aws.caller()
        scope = AccountScope(caller.partition, caller.account_id)
    if spec.present:
        spec = spec.with_well_known_policies(scope, cluster.region if cluster else region_of(issuer))
    context = role_plan.PlanContext(
        scope=scope,
        provider_arn=provider_arn(scope.partition, scope.account_id, issuer) if issuer else None,
        policies=find_policies(policies, spec, role=role, scope=scope) if spec.present else {},
    )
    try:
        return role_plan.plan(spec, role, context)
    except errors.QuotaExceeded as error:
        if error.details.get("quota") not in DEFAULT_QUOTAS:
            raise
        quotas = _read_quotas(client)
        if quotas is None:
            error.fix = f"{error.fix}; or allow iam:GetAccountSummary for the caller, so that a raised quota is used"
            raise
        context = dataclasses.replace(context, quotas={**DEFAULT_QUOTAS, **quotas})
        return role_plan.plan(spec, role, context)


def final_state(plan: Plan, answers: t.Sequence[t.Any]) -> dict[str, t.Any]:
    """The role after the plan's writes, with the ID and the trust policy that these returned.

    :param answers: the results of the plan's last writes; empty if nothing was written.
    """
    role = dict(plan.after)
    for action, answer in zip(plan.actions[len(plan.actions) - len(answers) :], answers, strict=True):
        if action.operation == "create_role":
            role["role_id"] = answer["RoleId"]
        elif action.operation == "change_trust_policy":
            role["trust_policy"] = answer
    return role


# Reading


def find(client: t.Any, spec: RoleSpec) -> Role | None:
    """Reads the role of the spec with its policies; None if it does not exist.

    Policies are None if the caller cannot read them and the spec does not need them.
    """
    role = iam.find_role(client, name=spec.name)
    if role is None:
        return None
    is_removal = not spec.present
    return Role.from_aws(
        role,
        managed_policies=_read(
            lambda: iam.list_attached_policies(client, name=spec.name),
            is_needed=is_removal or spec.managed_policies is not None,
        ),
        inline_policies=_read(
            lambda: _read_inline_policies(client, spec.name), is_needed=is_removal or spec.names_inline_policies
        ),
        instance_profiles=iam.list_instance_profiles(client, name=spec.name) if is_removal else (),
    )


def find_all(client: t.Any, *, settings: bool) -> dict[str, Role]:
    """Reads all roles of the account by name, with one request for each thousand roles.

    :param settings: also read the description and the maximum session duration, which doubles the number of requests.
        Otherwise these have the values of a new role.
    """
    listed = {role["RoleName"]: role for role in iam.list_roles(client)} if settings else {}
    return {
        role["RoleName"]: Role.from_aws(
            {**listed.get(role["RoleName"], {}), **role},
            managed_policies=role["ManagedPolicies"],
            inline_policies=role["InlinePolicies"],
        )
        for role in iam.account_roles(client)
    }


def _read(call: t.Callable[[], R], *, is_needed: bool) -> R | None:
    """The result of the call; None if the caller lacks the permission and the result is not needed."""
    try:
        return call()
    except errors.AccessDenied:
        if is_needed:
            raise
        return None


def _read_inline_policies(client: t.Any, name: str) -> dict[str, Document]:
    names = iam.list_inline_policies(client, name=name)
    return {policy: iam.get_inline_policy(client, name=name, policy_name=policy) for policy in names}


def _read_quotas(client: t.Any) -> dict[str, int] | None:
    """The account's quotas; None if the caller cannot read them."""
    return _read(lambda: iam.account_summary(client), is_needed=False)


# Writing


def change_trust_policy(client: t.Any, *, name: str, change: Change, sleep: Sleep = time.sleep) -> Document:
    """Changes the current trust policy and checks that no other writer undoes the change.

    IAM replaces the whole document without a version check, so concurrent writers can undo each other's changes. This
    function therefore reads, changes and writes the document, waits until writers that read before the write have
    finished, and reads again. It repeats this until the change is present. Concurrent runs on one role converge.

    :returns: the final document.
    :raises Conflict: another writer undid the change each time.
    :raises InvalidInput: IAM rejects the document; the fix names a deleted principal if that is the cause.
    """
    before = _read_trust_policy(client, name)
    for delay in _SETTLE_DELAYS:
        changed = change.apply(before).document
        if changed is before:
            return before
        is_written = _write_trust_policy(client, name, changed, sleep)
        sleep(delay)
        now = _read_trust_policy(client, name)
        if is_written and now == before and change.apply(now).document is not now:
            # IAM accepted the write, but the read is not yet consistent with it.
            return changed
        before = now
    if change.apply(before).document is before:
        return before
    raise errors.Conflict(
        f"another writer keeps changing the trust policy of role {name}",
        cause=f"the change was undone after each of {len(_SETTLE_DELAYS)} writes",
        fix="stop the other tool that manages the role, and run again",
    )


def _read_trust_policy(client: t.Any, name: str) -> Document:
    document = iam.get_role(client, name=name)["AssumeRolePolicyDocument"]
    return parse(document, f"the trust policy of role {name}")


def _write_trust_policy(client: t.Any, name: str, document: Document, sleep: Sleep) -> bool:
    """Writes the document. False if the write may have failed, so that the document must be read again."""
    write = functools.partial(iam.set_trust_policy, client, name=name, trust_policy=document)
    try:
        _retry_until_consistent(write, sleep)
    except (errors.Conflict, errors.ApiError) as error:
        if error.details.get("code") in TRANSIENT or "ResponseParserError" in (error.cause or ""):
            return False
        raise
    return True


def create(client: t.Any, *, name: str, sleep: Sleep = time.sleep, **arguments: t.Any) -> iam.Json:
    """As `iam.create_role`.

    :raises AlreadyExists: the role exists, perhaps under a name that differs only in case.
    """
    try:
        return _retry_until_consistent(functools.partial(iam.create_role, client, name=name, **arguments), sleep)
    except errors.AlreadyExists as error:
        error.fix = "write the name as the existing role has it: names of IAM roles are unique regardless of case"
        raise


def operations(client: t.Any, sleep: Sleep = time.sleep) -> dict[str, t.Callable[..., t.Any]]:
    """The operations that plans of `_core.role.plan` name."""

    def make_retried(call: t.Callable[..., R]) -> t.Callable[..., R]:
        return lambda **arguments: _retry_until_consistent(functools.partial(call, client, **arguments), sleep)

    def make_idempotent(call: t.Callable[..., None]) -> t.Callable[..., None]:
        def delete(**arguments: t.Any) -> None:
            try:
                call(client, **arguments)
            except errors.NotFound:
                pass  # deleted by another writer, or by an earlier request whose response was lost

        return delete

    return {
        "create_role": functools.partial(create, client, sleep=sleep),
        "change_trust_policy": functools.partial(change_trust_policy, client, sleep=sleep),
        "update_role": make_retried(iam.update_role),
        "set_permissions_boundary": make_retried(iam.set_permissions_boundary),
        "delete_permissions_boundary": make_idempotent(iam.delete_permissions_boundary),
        "tag_role": make_retried(iam.tag_role),
        "untag_role": make_retried(iam.untag_role),
        "attach_policy": make_retried(iam.attach_policy),
        "detach_policy": make_idempotent(iam.detach_policy),
        "put_inline_policy": make_retried(iam.put_inline_policy),
        "delete_inline_policy": make_idempotent(iam.delete_inline_policy),
        "remove_from_instance_profile": make_idempotent(iam.remove_from_instance_profile),
        "delete_role": make_idempotent(iam.delete_role),
    }


def _retry_until_consistent(call: t.Callable[[], R], sleep: Sleep) -> R:
    for delay in CONSISTENCY_DELAYS:
        try:
            return call()
        except errors.IrsaError as error:
            if not _is_settling(error):
                raise
        sleep(delay)
    try:
        return call()
    except errors.NotFound as error:
        error.fix = error.fix or "check that no other tool deletes the role or the policy, and run again"
        raise


def _is_settling(error: errors.IrsaError) -> bool:
    """Whether the cause may be that IAM does not know a new role, policy or principal yet.

    Roles and policies were read before the first write, so a missing one is probably new. If the error remains, another
    writer has deleted it.
    """
    return isinstance(error, errors.NotFound) or _is_new_principal(error)


def _is_new_principal(error: errors.IrsaError) -> bool:
    """Whether IAM may not know a newly created principal yet.

    A principal that is shown as a unique ID was deleted. The error then gets a fix for that.
    """
    if error.details.get("code") != "MalformedPolicyDocument" or "nvalid principal" not in (error.cause or ""):
        return False
    if re.search(r'"A[A-Z]{3}[A-Z0-9]{12,}"', error.cause or ""):
        error.fix = (
            "remove the statement with that ID from the trust policy: the trusted role or user was deleted, and IAM "
            "rejects a document that names it"
        )
        return False
    return True
