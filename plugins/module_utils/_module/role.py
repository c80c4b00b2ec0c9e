# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads roles, plans changes, and applies plans in spite of concurrent writers and IAM's eventual consistency."""

from __future__ import annotations

import dataclasses
import functools
import random
import time
import typing as t

from .._api.aws import iam
from .._api.aws.session import LONGEST_TRY
from .._core import errors
from .._core.arn import provider_arn, region_of
from .._core.plan import Plan
from .._core.policy.document import Document, parse
from .._core.role import plan as role_plan
from .._core.role.checks import DEFAULT_QUOTAS, build_undone_error, build_vanished_error
from .._core.role.spec import AccountScope, Role, RoleSpec
from .._core.trust.policy import Change, allows_anything, is_retired
from .._core.trust.statements import allowed_principals
from .managed_policies import PolicyNames, find_policies, is_new_principal, retry_until_consistent

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws

R = t.TypeVar("R")
Sleep = t.Callable[[float], None]

# Seconds between a write of a trust policy and the read that checks it, if no other writer was seen. In this time,
# another writer that read the policy before the write finishes its own write. The second is for a role that trusts
# others too: their tools may write it.
_SETTLE_DELAY, _SHARED_SETTLE_DELAY = 0.5, 2.0
# Seconds between reads if another writer was seen, or if a write of this run may be applied late. Together as long
# as the longest try.
_LONG_DELAYS = (0.5, 0.5, 1.0, 2.0, LONGEST_TRY - 4.0)
# Seconds before the next try after IAM has refused one. Each is one try.
_PAUSES = (0.3, 0.6, 1.2, 2.4, 4.8, 8.0, 8.0, 8.0)
_MAX_UNDONE = 5


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
        quotas = _read(lambda: iam.account_summary(client), is_needed=False)
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
    is_removal = not spec.present
    try:
        return Role.from_aws(
            iam.get_role(client, name=spec.name),
            managed_policies=_read(
                lambda: iam.list_attached_policies(client, name=spec.name),
                is_needed=is_removal or spec.managed_policies is not None,
            ),
            inline_policies=_read(
                lambda: _read_inline_policies(client, spec.name), is_needed=is_removal or spec.names_inline_policies
            ),
            instance_profiles=iam.list_instance_profiles(client, name=spec.name) if is_removal else (),
        )
    except errors.NotFound:
        return None  # perhaps deleted between two of the reads


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


# Writing


def change_trust_policy(aws: Aws, *, name: str, change: Change, sleep: Sleep = time.sleep) -> Document:
    """Changes the current trust policy and checks that no other writer undoes the change.

    IAM replaces the whole document without a version check, so concurrent writers can undo each other's changes. Each
    try therefore reads the document, changes it, and sends it once. Then this function waits until writers that read
    before this write have finished, and reads again. It repeats this until the change is present.

    :returns: the final document.
    :raises Conflict: another writer undid the change each time.
    :raises OutOfDate: the role was deleted, or was about to be deleted by another writer.
    :raises InvalidInput: IAM rejects the document; the fix names a deleted principal if that is the cause.
    """
    return _TrustWriter(aws, name, change, sleep).write()


class _TrustWriter:
    """Changes one trust policy, see `change_trust_policy`.

    :ivar is_contested: whether another writer was seen. It may be slow, so this run looks longer.
    """

    def __init__(self, aws: Aws, name: str, change: Change, sleep: Sleep) -> None:
        self._client = aws.client("iam")
        self._aws = aws
        self._name = name
        self._change = change
        self._sleep = sleep
        self._is_contested = self._was_retired = False
        self._read_at = 0.0

    def write(self) -> Document:
        known = self._read()
        if self._is_present(known):
            return known
        failure: errors.IrsaError = build_vanished_error(self._name)
        undone = 0
        for pause in _PAUSES:
            expected = self._change.apply(known).document
            error = None if expected is known else self._send(expected)
            if error:
                failure, known = error, self._read_after_failure(error, known, expected, pause)
                if not self._is_present(known):
                    continue
                expected = known
            now = self._look_again(known, expected)
            if self._is_present(now):
                if self._was_retired:
                    raise build_vanished_error(self._name)
                return now
            undone += 1
            failure = build_undone_error(self._name, undone, expected, now, is_restored=now == known)
            if undone == _MAX_UNDONE or (now == known and undone > 1):
                break
            self._sleep(random.uniform(0, pause))  # noqa: S311 - spreads writers
            known = self._read()
        failure.can_plan_again = False
        raise failure

    def _is_present(self, document: Document) -> bool:
        return self._change.apply(document).document is document

    def _read(self) -> Document:
        self._read_at = time.monotonic()
        try:
            document = _read_trust_policy(self._client, self._name)
        except errors.NotFound:
            raise build_vanished_error(self._name) from None
        if is_retired(document) and self._change.mode != "retire":
            self._was_retired = self._is_contested = True
        return document

    def _send(self, document: Document) -> errors.IrsaError | None:
        """Sends the document once. Returns the error if another try may succeed."""
        try:
            iam.set_trust_policy(self._aws.unretried("iam"), name=self._name, trust_policy=document)
        except errors.NotFound:
            raise build_vanished_error(self._name) from None
        except errors.IrsaError as error:
            if not error.can_plan_again and not is_new_principal(error):
                raise
            return error
        return None

    def _read_after_failure(self, failure: errors.IrsaError, known: Document, sent: Document, pause: float) -> Document:
        """The document after a failed try, which is then over: IAM has applied it, or never will."""
        self._is_contested |= isinstance(failure, errors.Conflict)
        if not failure.may_be_done_later:
            self._sleep(random.uniform(pause / 2, pause))  # noqa: S311 - spreads writers
            return self._read()
        seen = known
        for delay in (0.0, *_LONG_DELAYS):
            self._sleep(delay)
            now = self._read()
            if self._is_present(now):
                # If the late write has undone what another writer wrote before it, that is written again.
                return seen if now == sent and seen != known else now
            self._is_contested |= now != known
            seen = now
        return seen

    def _look_again(self, known: Document, expected: Document) -> Document:
        """The document after other writers have had time to finish.

        :param known: the document before the write. A read that is not consistent with the write returns it.
        """
        now = known
        if not self._is_contested:
            is_shared = set(allowed_principals(expected)) - {self._change.grant.provider_arn}
            # The read and the write of another writer may take as long as those of this run.
            seconds = 2 * (time.monotonic() - self._read_at)
            self._sleep(max(seconds, _SHARED_SETTLE_DELAY if is_shared else _SETTLE_DELAY))
            now = self._read()
            if now == expected:
                return now
            self._is_contested = True
        for delay in _LONG_DELAYS:
            if not self._is_present(now) and now != known:
                break
            self._sleep(delay)
            now = self._read()
        return now


def _read_trust_policy(client: t.Any, name: str) -> Document:
    document = iam.get_role(client, name=name)["AssumeRolePolicyDocument"]
    return parse(document, f"the trust policy of role {name}")


def retire(aws: Aws, *, name: str, change: Change, sleep: Sleep = time.sleep) -> Document:
    """Removes what a role trusts before it is deleted.

    :raises OutOfDate: another writer has added a statement, and the role is kept for it.
    """
    if allows_anything(document := change_trust_policy(aws, name=name, change=change, sleep=sleep)):
        raise build_vanished_error(name)
    return document


def delete(
    aws: Aws, removed: dict[str, t.Any], *, name: str, restored: t.Mapping[str, t.Any] | None, sleep: Sleep = time.sleep
) -> None:
    """Deletes a role. A missing one is not an error.

    :param removed: the policies that the first plan of a role has removed; a later plan does not find them any more.
    :param restored: the policies that the plan has removed. If they are given, the role is deleted only if its trust
        policy allows nothing. Otherwise it gets them back.
    :raises OutOfDate: another writer has added a statement.
    """
    client = aws.client("iam")
    if restored is not None:
        restored = removed.setdefault(name, restored)
    try:
        if restored is not None and allows_anything(_read_trust_policy(client, name)):
            for arn in restored["managed_policies"]:
                iam.attach_policy(client, name=name, policy_arn=arn)
            for policy, document in restored["inline_policies"].items():
                iam.put_inline_policy(aws.unretried("iam"), name=name, policy_name=policy, document=document)
            raise build_vanished_error(name)
        iam.delete_role(aws.unretried("iam"), name=name)
    except errors.NotFound:
        pass
    except errors.IrsaError as error:
        if error.may_be_done_later:
            sleep(LONGEST_TRY)  # so that it cannot hit a new role with the name
        if error.details.get("code") == "DeleteConflict":
            error.can_plan_again = True  # another writer has attached a policy
        raise


def create(client: t.Any, *, name: str, sleep: Sleep = time.sleep, **arguments: t.Any) -> iam.Json:
    """Creates a role, as `iam.create_role` does.

    :raises AlreadyExists: the role exists, perhaps under a name that differs only in case.
    """
    try:
        return retry_until_consistent(functools.partial(iam.create_role, client, name=name, **arguments), sleep)
    except errors.AlreadyExists as error:
        error.fix = "write the name as the existing role has it: names of IAM roles are unique regardless of case"
        raise


def operations(aws: Aws, sleep: Sleep = time.sleep) -> dict[str, t.Callable[..., t.Any]]:
    """The operations that plans of `_core.role.plan` name."""
    client = aws.client("iam")

    def make_retried(call: t.Callable[..., R], *, once: bool = False) -> t.Callable[..., R]:
        def write(**arguments: t.Any) -> R:
            writer = aws.unretried("iam") if once else client
            return retry_until_consistent(functools.partial(call, writer, **arguments), sleep)

        return write

    def make_idempotent(call: t.Callable[..., None]) -> t.Callable[..., None]:
        def remove(**arguments: t.Any) -> None:
            try:
                call(client, **arguments)
            except errors.NotFound:
                pass  # deleted by another writer, or by an earlier request whose response was lost

        return remove

    return {
        "create_role": functools.partial(create, client, sleep=sleep),
        "change_trust_policy": functools.partial(change_trust_policy, aws, sleep=sleep),
        "update_role": make_retried(iam.update_role, once=True),
        "set_permissions_boundary": make_retried(iam.set_permissions_boundary),
        "delete_permissions_boundary": make_idempotent(iam.delete_permissions_boundary),
        "tag_role": make_retried(iam.tag_role),
        "untag_role": make_retried(iam.untag_role),
        "attach_policy": make_retried(iam.attach_policy),
        "detach_policy": make_idempotent(iam.detach_policy),
        "put_inline_policy": make_retried(iam.put_inline_policy, once=True),
        "delete_inline_policy": make_idempotent(iam.delete_inline_policy),
        "remove_from_instance_profile": make_idempotent(iam.remove_from_instance_profile),
        "retire_role": functools.partial(retire, aws, sleep=sleep),
        "delete_role": functools.partial(delete, aws, {}, sleep=sleep),
    }
