# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Roles as wholes: what takes several calls of `iam`, and the patience that IAM asks for."""

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
from .._core.role.spec import Place, Role, Wanted
from .._core.trust.policy import Change

if t.TYPE_CHECKING:
    from .._api.aws.session import Aws

R = t.TypeVar("R")
Sleep = t.Callable[[float], None]

# Seconds between tries of what IAM refuses only until a change has reached all of it: 12 s in all.
_PAUSES = (0.25, 0.5, 1.0, 2.0, 4.0, 4.0)
# Seconds from each write of a trust policy to the look at what became of it: time for another writer, who read before
# that write, to be done with its own.
_SETTLING = (0.5, 0.5, 1.0, 2.0, 4.0)
# Where AWS keeps policies besides the root path.
_AWS_PATHS = ("", "service-role/", "job-function/", "aws-service-role/")


class PolicyNames:
    """The managed policies that are named without their ARN, each looked up once, for any number of threads."""

    def __init__(self, client: t.Any) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._own: dict[str, str] | None = None
        self._of_aws: dict[tuple[str, str], str | None] = {}

    def of_account(self, name: str) -> str | None:
        """The ARN of the account's own policy of that name; None if it has none."""
        with self._lock:
            if self._own is None:
                self._own = iam.list_policies(self._client, scope="Local")
            return self._own.get(name)

    def of_aws(self, name: str, place: Place) -> str | None:
        """The ARN of AWS's policy of that name; None if there is none."""
        with self._lock:
            key = (place.partition, name)
            if key not in self._of_aws:
                self._of_aws[key] = _policy_of_aws(self._client, name, place)
            return self._of_aws[key]


def plan(aws: Aws, wanted: Wanted) -> Plan:
    """Reads what the plan for a role depends on, and makes it."""
    client = aws.client("iam")
    return plan_for(aws, wanted, find(client, wanted), PolicyNames(client))


def plan_for(aws: Aws, wanted: Wanted, role: Role | None, policies: PolicyNames) -> Plan:
    """Makes the plan for a role that was read before; reads what else it depends on."""
    client = aws.client("iam")
    cluster = aws.describe(wanted.cluster_name) if wanted.cluster_name else None
    issuer = cluster.require_issuer() if cluster else wanted.issuer
    if role:
        place = role.place
    elif cluster:
        # EKS shows an account its own clusters only.
        place = Place(cluster.partition, cluster.account_id)
    elif not wanted.present:
        return Plan()
    else:
        caller = aws.caller()
        place = Place(caller.partition, caller.account_id)
    if wanted.present:
        wanted = wanted.in_place(place, cluster.region if cluster else region_of(issuer))
    names = [policy for policy in wanted.managed_policies or () if not policy.startswith("arn:")]
    setting = role_plan.Setting(
        place=place,
        provider_arn=provider_arn(place.partition, place.account_id, issuer) if issuer else None,
        policies=find_policies(policies, names, role=role, place=place) if wanted.present else {},
    )
    try:
        return role_plan.plan(wanted, role, setting)
    except errors.QuotaExceeded as error:
        if error.details.get("quota") not in role_plan.DEFAULT_QUOTAS:
            raise
        raised = _quotas(client)
        if raised is None:
            error.fix = f"{error.fix}; or allow iam:GetAccountSummary for the caller, which tells whether it was raised"
            raise
        setting = dataclasses.replace(setting, quotas={**role_plan.DEFAULT_QUOTAS, **raised})
        return role_plan.plan(wanted, role, setting)


def in_the_end(plan: Plan, answers: t.Sequence[t.Any]) -> dict[str, t.Any]:
    """The role after the plan's writes, with what only they could tell: its id, and what others wrote meanwhile.

    :param answers: what the writes returned, the last ones of the plan's; empty if nothing was written.
    """
    role = dict(plan.after)
    for action, answer in zip(plan.actions[len(plan.actions) - len(answers) :], answers, strict=True):
        if action.operation == "create_role":
            role["role_id"] = answer["RoleId"]
        elif action.operation == "change_trust_policy":
            role["trust_policy"] = answer
    return role


# Reading


def find(client: t.Any, wanted: Wanted) -> Role | None:
    """The role that is spoken of, with its policies; None if there is none.

    Policies that nobody asked for and that the caller may not read are left out rather than complained of.
    """
    role = iam.find_role(client, name=wanted.name)
    if role is None:
        return None
    removing = not wanted.present
    return Role.from_aws(
        role,
        managed_policies=_read(
            lambda: iam.list_attached_policies(client, name=wanted.name),
            needed=removing or wanted.managed_policies is not None,
        ),
        inline_policies=_read(
            lambda: _inline_policies(client, wanted.name), needed=removing or wanted.names_inline_policies
        ),
        instance_profiles=iam.list_instance_profiles(client, name=wanted.name) if removing else (),
    )


def find_all(client: t.Any, *, settings: bool) -> dict[str, Role]:
    """All roles of the account by name, in one request for each thousand of them.

    :param settings: whether to read the description and the longest session too, which takes as many requests again.
        Without it they are what a new role has.
    """
    told = {each["RoleName"]: each for each in iam.list_roles(client)} if settings else {}
    return {
        each["RoleName"]: Role.from_aws(
            {**told.get(each["RoleName"], {}), **each},
            managed_policies=each["ManagedPolicies"],
            inline_policies=each["InlinePolicies"],
        )
        for each in iam.account_roles(client)
    }


def _read(call: t.Callable[[], R], *, needed: bool) -> R | None:
    try:
        return call()
    except errors.AccessDenied:
        if needed:
            raise
        return None


def _inline_policies(client: t.Any, name: str) -> dict[str, Document]:
    names = iam.list_inline_policies(client, name=name)
    return {each: iam.get_inline_policy(client, name=name, policy_name=each) for each in names}


def _quotas(client: t.Any) -> dict[str, int] | None:
    """The account's quotas; None if the caller may not read them."""
    return _read(lambda: iam.account_summary(client), needed=False)


def find_policies(policies: PolicyNames, names: t.Iterable[str], *, role: Role | None, place: Place) -> dict[str, str]:
    """The ARN of each managed policy that is given by its name.

    First those on the role, which costs no call when nothing is to change; then the account's own together with those
    of AWS. A name that both have is refused: the two may grant very different things.

    :raises NotFound: there is no such policy.
    :raises InvalidInput: both have one of that name.
    """
    attached: dict[str, list[str]] = {}
    for arn in (role.managed_policies or ()) if role else ():
        attached.setdefault(arn.rsplit("/", 1)[1], []).append(arn)
    found: dict[str, str] = {}
    for name in names:
        arns = attached.get(name) or [
            arn for arn in (policies.of_account(name), policies.of_aws(name, place)) if arn is not None
        ]
        if len(arns) > 1:
            raise errors.InvalidInput(
                f"the name of managed policy {name} is ambiguous",
                cause=f"it is the name of {' and of '.join(sorted(arns))}",
                fix="give the ARN of the one that is meant",
            )
        if not arns:
            raise errors.NotFound(
                f"there is no managed policy {name}",
                cause=f"neither account {place.account_id} nor AWS has one of that name in partition {place.partition}",
                fix="correct the name (case counts), create the policy first, or give its ARN",
            )
        found[name] = arns[0]
    return found


def _policy_of_aws(client: t.Any, name: str, place: Place) -> str | None:
    # AWS has more than a thousand policies: asking for one at the few paths it uses beats reading them all.
    for path in _AWS_PATHS:
        arn = place.policy_arn(name, of_aws=True, path=path)
        try:
            iam.get_policy(client, arn=arn)
        except errors.NotFound:
            continue
        return arn
    return iam.list_policies(client, scope="AWS").get(name)


# Writing


def change_trust_policy(client: t.Any, *, name: str, change: Change, sleep: Sleep = time.sleep) -> Document:
    """Makes a change to the trust policy as it is at this moment, and sees to it that it lasts.

    IAM replaces the whole document and has no version check, so another writer can undo a change, and be undone. Hence
    read, change, write, let those finish who read before this write, read again; and once more if the change is not in
    what is then read. Runs of this collection on one role come to agree in this way.

    :returns: the document in the end.
    :raises Conflict: another writer went on undoing the change.
    :raises InvalidInput: IAM doesn't take the document; the message names a principal that is gone, if that is why.
    """
    before = _trust_policy(client, name)
    for pause in _SETTLING:
        wanted = change.apply(before).document
        if wanted is before:
            return before
        written = _write_trust_policy(client, name, wanted, sleep)
        sleep(pause)
        now = _trust_policy(client, name)
        if written and now == before and change.apply(now).document is not now:
            # Not another's document but the one from before the write: IAM's read is behind. What was accepted holds.
            return wanted
        before = now
    if change.apply(before).document is before:
        return before
    raise errors.Conflict(
        f"the trust policy of role {name} is being changed by somebody else",
        cause=f"after each of {len(_SETTLING)} writes it came back without what was written",
        fix="find out who else manages the role, and run again",
    )


def _trust_policy(client: t.Any, name: str) -> Document:
    document = iam.get_role(client, name=name)["AssumeRolePolicyDocument"]
    return parse(document, f"the trust policy of role {name}")


def _write_trust_policy(client: t.Any, name: str, document: Document, sleep: Sleep) -> bool:
    """Writes; False if that may not have come through and what is there has to be read before another try."""
    write = functools.partial(iam.set_trust_policy, client, name=name, trust_policy=document)
    try:
        _patiently(write, _is_new_principal, sleep)
    except (errors.Conflict, errors.ApiError) as error:
        if error.details.get("code") in TRANSIENT or "ResponseParserError" in (error.cause or ""):
            return False
        raise
    return True


def create(client: t.Any, *, name: str, sleep: Sleep = time.sleep, **arguments: t.Any) -> iam.Json:
    """As `iam.create_role`.

    :raises AlreadyExists: the message says so too where the name differs from another role's in case alone.
    """
    try:
        return _patiently(functools.partial(iam.create_role, client, name=name, **arguments), _is_new_principal, sleep)
    except errors.AlreadyExists as error:
        error.fix = "use the name as the role has it: IAM's names are the same without regard to case"
        raise


def operations(client: t.Any, sleep: Sleep = time.sleep) -> dict[str, t.Callable[..., t.Any]]:
    """What carries out the actions of `_core.role_plan`."""

    def patient(call: t.Callable[..., R]) -> t.Callable[..., R]:
        return lambda **arguments: _patiently(
            functools.partial(call, client, **arguments), functools.partial(_is_new_role, arguments["name"]), sleep
        )

    def gone(call: t.Callable[..., None]) -> t.Callable[..., None]:
        def delete(**arguments: t.Any) -> None:
            try:
                call(client, **arguments)
            except errors.NotFound:
                pass  # somebody else was faster, or an answer was lost: it is gone, as it should be

        return delete

    return {
        "create_role": functools.partial(create, client, sleep=sleep),
        "change_trust_policy": functools.partial(change_trust_policy, client, sleep=sleep),
        "update_role": functools.partial(iam.update_role, client),
        "set_permissions_boundary": functools.partial(iam.set_permissions_boundary, client),
        "delete_permissions_boundary": gone(iam.delete_permissions_boundary),
        "tag_role": functools.partial(iam.tag_role, client),
        "untag_role": functools.partial(iam.untag_role, client),
        "attach_policy": patient(iam.attach_policy),
        "detach_policy": gone(iam.detach_policy),
        "put_inline_policy": patient(iam.put_inline_policy),
        "delete_inline_policy": gone(iam.delete_inline_policy),
        "remove_from_instance_profile": gone(iam.remove_from_instance_profile),
        "delete_role": gone(iam.delete_role),
    }


def _patiently(call: t.Callable[[], R], may_pass: t.Callable[[errors.IrsaError], bool], sleep: Sleep) -> R:
    for pause in _PAUSES:
        try:
            return call()
        except errors.IrsaError as error:
            if not may_pass(error):
                raise
        sleep(pause)
    return call()


def _is_new_role(name: str, error: errors.IrsaError) -> bool:
    """Whether the error comes of a role that was made a moment ago and isn't known everywhere yet."""
    return isinstance(error, errors.NotFound) and f"role with name {name} " in (error.cause or "")


def _is_new_principal(error: errors.IrsaError) -> bool:
    """Whether the error comes of a principal that may have been made a moment ago.

    One that stands there as a unique id was deleted, and no patience brings it back; then the error says so.
    """
    if error.details.get("code") != "MalformedPolicyDocument" or "nvalid principal" not in (error.cause or ""):
        return False
    if re.search(r'"A[A-Z]{3}[A-Z0-9]{12,}"', error.cause or ""):
        error.fix = (
            "take the statement with that id out of the trust policy: the role or user that it trusted was deleted, "
            "and IAM takes no document that names it"
        )
        return False
    return True
