# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads roles, plans changes, and applies plans in spite of concurrent writers and IAM's eventual consistency."""

from __future__ import annotations

import dataclasses
import functools
import re
import threading
import time
import typing as t

from .._api.aws import iam
from .._api.aws.call import TRANSIENT
from .._core import errors
from .._core.arn import provider_arn
from .._core.plan import Plan
from .._core.policy.document import Document, parse
from .._core.policy.templates import region_of
from .._core.role import plan as role_plan
from .._core.role.spec import AccountScope, Role, RoleSpec
from .._core.trust.policy import Change

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws

R = t.TypeVar("R")
Sleep = t.Callable[[float], None]

# Seconds between attempts of a call that IAM rejects until it knows an earlier change; 12 s in total.
_CONSISTENCY_DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0, 4.0)
# Seconds between a write of a trust policy and the read that checks it. In this time, another writer that read the
# policy before the write finishes its own write.
_SETTLE_DELAYS = (0.5, 0.5, 1.0, 2.0, 4.0)
# The paths of AWS managed policies.
_AWS_PATHS = ("", "service-role/", "job-function/", "aws-service-role/")


class PolicyNames:
    """Finds the ARNs of managed policies by name, with a cache. Threads can share it."""

    def __init__(self, client: t.Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._own: dict[str, str] | None = None
        self._of_aws: dict[tuple[str, str], str | None] = {}

    def find_own(self, name: str) -> str | None:
        """The ARN of the account's own policy; None if it does not exist."""
        with self._lock:
            if self._own is None:
                self._own = iam.list_policies(self._client, scope="Local")
            return self._own.get(name)

    def find_of_aws(self, name: str, scope: AccountScope) -> str | None:
        """The ARN of the AWS managed policy; None if it does not exist."""
        with self._lock:
            key = (scope.partition, name)
            if key not in self._of_aws:
                self._of_aws[key] = _find_policy_of_aws(self._client, name, scope)
            return self._of_aws[key]


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
    names = [policy for policy in spec.managed_policies or () if not policy.startswith("arn:")]
    context = role_plan.PlanContext(
        scope=scope,
        provider_arn=provider_arn(scope.partition, scope.account_id, issuer) if issuer else None,
        policies=find_policies(policies, names, role=role, scope=scope) if spec.present else {},
    )
    try:
        return role_plan.plan(spec, role, context)
    except errors.QuotaExceeded as error:
        if error.details.get("quota") not in role_plan.DEFAULT_QUOTAS:
            raise
        quotas = _read_quotas(client)
        if quotas is None:
            error.fix = f"{error.fix}; or allow iam:GetAccountSummary for the caller, so that a raised quota is used"
            raise
        context = dataclasses.replace(context, quotas={**role_plan.DEFAULT_QUOTAS, **quotas})
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


def find_policies(
    policies: PolicyNames, names: t.Iterable[str], *, role: Role | None, scope: AccountScope
) -> dict[str, str]:
    """Finds the ARNs of managed policies by name.

    The role's attached policies come first, so that an unchanged role needs no calls. Then come the account's own and
    AWS managed policies. A name that exists in both is ambiguous, because they can grant different permissions.

    :raises NotFound: a policy does not exist.
    :raises InvalidInput: a name is ambiguous.
    """
    attached: dict[str, list[str]] = {}
    for arn in (role.managed_policies or ()) if role else ():
        attached.setdefault(arn.rsplit("/", 1)[1], []).append(arn)
    found: dict[str, str] = {}
    for name in names:
        arns = attached.get(name) or [
            arn for arn in (policies.find_own(name), policies.find_of_aws(name, scope)) if arn is not None
        ]
        if len(arns) > 1:
            raise errors.InvalidInput(
                f"the name of managed policy {name} is ambiguous",
                cause=f"{' and '.join(sorted(arns))} have this name",
                fix="give the ARN of the intended policy",
            )
        if not arns:
            raise errors.NotFound(
                f"managed policy {name} does not exist",
                cause=f"neither account {scope.account_id} nor AWS has it in partition {scope.partition}",
                fix="correct the name (it is case-sensitive), create the policy, or give its ARN",
            )
        found[name] = arns[0]
    return found


def _find_policy_of_aws(client: t.Any, name: str, scope: AccountScope) -> str | None:
    # AWS has more than a thousand policies. One request for each path is faster than listing them.
    for path in _AWS_PATHS:
        arn = scope.policy_arn(name, of_aws=True, path=path)
        try:
            iam.get_policy(client, arn=arn)
        except errors.NotFound:
            continue
        return arn
    return iam.list_policies(client, scope="AWS").get(name)


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
        _retry_until_consistent(write, _is_new_principal, sleep)
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
        return _retry_until_consistent(
            functools.partial(iam.create_role, client, name=name, **arguments), _is_new_principal, sleep
        )
    except errors.AlreadyExists as error:
        error.fix = "write the name as the existing role has it: names of IAM roles are unique regardless of case"
        raise


def operations(client: t.Any, sleep: Sleep = time.sleep) -> dict[str, t.Callable[..., t.Any]]:
    """The operations that plans of `_core.role.plan` name."""

    def make_retried(call: t.Callable[..., R]) -> t.Callable[..., R]:
        return lambda **arguments: _retry_until_consistent(
            functools.partial(call, client, **arguments), functools.partial(_is_new_role, arguments["name"]), sleep
        )

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
        "update_role": functools.partial(iam.update_role, client),
        "set_permissions_boundary": functools.partial(iam.set_permissions_boundary, client),
        "delete_permissions_boundary": make_idempotent(iam.delete_permissions_boundary),
        "tag_role": functools.partial(iam.tag_role, client),
        "untag_role": functools.partial(iam.untag_role, client),
        "attach_policy": make_retried(iam.attach_policy),
        "detach_policy": make_idempotent(iam.detach_policy),
        "put_inline_policy": make_retried(iam.put_inline_policy),
        "delete_inline_policy": make_idempotent(iam.delete_inline_policy),
        "remove_from_instance_profile": make_idempotent(iam.remove_from_instance_profile),
        "delete_role": make_idempotent(iam.delete_role),
    }


def _retry_until_consistent(
    call: t.Callable[[], R], is_transient: t.Callable[[errors.IrsaError], bool], sleep: Sleep
) -> R:
    for delay in _CONSISTENCY_DELAYS:
        try:
            return call()
        except errors.IrsaError as error:
            if not is_transient(error):
                raise
        sleep(delay)
    return call()


def _is_new_role(name: str, error: errors.IrsaError) -> bool:
    """Whether IAM may not know a newly created role yet."""
    return isinstance(error, errors.NotFound) and f"role with name {name} " in (error.cause or "")


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
