# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Looks up managed policies before the first write: by name and by ARN, also permissions boundaries.

The last section waits until IAM knows a new object.
"""

from __future__ import annotations

import difflib
import re
import threading
import time
import typing as t

from .._api.aws import iam
from .._core import errors
from .._core.arn import Arn
from .._core.role.spec import AccountScope, Role, RoleSpec

R = t.TypeVar("R")

# Seconds between attempts until IAM knows a new object; 12 s in total.
CONSISTENCY_DELAYS = (0.25, 0.5, 1.0, 2.0, 4.0, 4.0)
# The paths of AWS managed policies.
_AWS_PATHS = ("", "service-role/", "job-function/", "aws-service-role/")
_PROPOSALS = 3


class PolicyNames:
    """Finds managed policies by name or ARN, with a cache. Threads can share it.

    IAM may not know a policy of the account that was created seconds ago. All lookups together wait for it no longer
    than `CONSISTENCY_DELAYS`.
    """

    def __init__(self, client: t.Any, sleep: t.Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep
        self._lock = threading.Lock()
        self._delays = iter(CONSISTENCY_DELAYS)
        self._listed: dict[str, dict[str, str]] = {}
        self._of_aws: dict[tuple[str, str], str | None] = {}
        self._exists: dict[str, bool] = {}

    def find(self, name: str, scope: AccountScope) -> list[str]:
        """The ARNs of the account's own policy and of the AWS managed policy with this name."""
        with self._lock:
            self._list("Local")
            key = (scope.partition, name)
            if key not in self._of_aws:
                self._of_aws[key] = self._find_policy_of_aws(name, scope)
            of_aws = self._of_aws[key]
            while name not in self._list("Local") and of_aws is None and self._wait():
                del self._listed["Local"]
            return [arn for arn in (self._list("Local").get(name), of_aws) if arn is not None]

    def exists(self, arn: str) -> bool:
        """Whether a policy exists; True if the caller may not read it."""
        with self._lock:
            if arn not in self._exists:
                self._exists[arn] = self._read(arn)
                is_own = Arn.parse(arn).account_id != "aws"
                while not self._exists[arn] and is_own and self._wait():
                    self._exists[arn] = self._read(arn)
            return self._exists[arn]

    def propose(self, name: str, *scopes: str) -> list[str]:
        """The ARNs of policies with the same name, else with a similar one; empty if the caller may not list policies.

        :param scopes: ``Local`` for policies of the account, ``AWS`` for policies of AWS.
        """
        with self._lock:
            try:
                arns = {key: arn for scope in scopes for key, arn in self._list(scope).items()}
            except errors.AccessDenied:
                return []
        lower = {key.lower(): key for key in arns}
        exact = [name.lower()] if name.lower() in lower else []
        similar = exact or difflib.get_close_matches(name.lower(), lower, n=_PROPOSALS, cutoff=0.8)
        similar.sort(key=lambda key: not key.startswith(name.lower()))  # the end of a name is easily forgotten
        return [arns[lower[key]] for key in similar]

    def _find_policy_of_aws(self, name: str, scope: AccountScope) -> str | None:
        # AWS has more than a thousand policies. One request for each path is faster than listing them.
        for path in _AWS_PATHS:
            arn = scope.policy_arn(name, of_aws=True, path=path)
            try:
                iam.get_policy(self._client, arn=arn)
            except errors.NotFound:
                continue
            return arn
        return self._list("AWS").get(name)

    def _list(self, scope: str) -> dict[str, str]:
        if scope not in self._listed:
            self._listed[scope] = iam.list_policies(self._client, scope=scope)
        return self._listed[scope]

    def _read(self, arn: str) -> bool:
        try:
            iam.get_policy(self._client, arn=arn)
        except errors.NotFound:
            return False
        except errors.AccessDenied:
            return True  # attaching it may be allowed
        return True

    def _wait(self) -> bool:
        """Wait before another attempt; False after the last attempt."""
        delay = next(self._delays, None)
        if delay is not None:
            self._sleep(delay)
        return delay is not None


def find_policies(policies: PolicyNames, spec: RoleSpec, *, role: Role | None, scope: AccountScope) -> dict[str, str]:
    """Finds the ARNs of managed policies by name, and checks that all policies of the spec exist.

    The role's attached policies come first, so that an unchanged role needs no calls. Then come the account's own and
    AWS managed policies. A name that exists in both is ambiguous, because they can grant different permissions.

    :raises NotFound: a policy does not exist.
    :raises InvalidInput: a name is ambiguous.
    """
    attached: dict[str, list[str]] = {}
    for arn in (role.managed_policies or ()) if role else ():
        attached.setdefault(arn.rsplit("/", 1)[1], []).append(arn)
    found: dict[str, str] = {}
    for policy in spec.managed_policies or ():
        if policy.startswith("arn:"):
            if policy not in attached.get(policy.rsplit("/", 1)[1], ()):
                _require_policy(policies, "managed policy", policy, scope)
        else:
            found[policy] = _find_one(policies, policy, attached.get(policy, []), scope)
    boundary = spec.permissions_boundary
    if boundary and (role is None or boundary != role.permissions_boundary):
        _require_policy(policies, "permissions_boundary", boundary, scope)
    return found


def _find_one(policies: PolicyNames, name: str, attached: list[str], scope: AccountScope) -> str:
    arns = attached or policies.find(name, scope)
    if len(arns) > 1:
        raise errors.InvalidInput(
            f"the name of managed policy {name} is ambiguous",
            cause=f"{' and '.join(sorted(arns))} have this name",
            fix="use the ARN of the intended policy",
        )
    if not arns:
        proposals = policies.propose(name, "AWS", "Local")
        raise errors.NotFound(
            f"managed policy {name} does not exist",
            cause=f"neither account {scope.account_id} nor AWS has it in partition {scope.partition}",
            fix=_describe_fix(proposals, "correct the name (it is case-sensitive), create the policy, or use its ARN"),
        )
    return arns[0]


def _require_policy(policies: PolicyNames, option: str, text: str, scope: AccountScope) -> None:
    arn = Arn.parse(text)
    # The plan rejects a policy of another account or partition.
    if arn.partition != scope.partition or arn.account_id not in (scope.account_id, "aws") or policies.exists(text):
        return
    is_of_aws = arn.account_id == "aws"
    proposals = policies.propose(text.rsplit("/", 1)[1], "AWS" if is_of_aws else "Local")
    raise errors.NotFound(
        f"{option} {text} does not exist",
        cause=f"{'AWS' if is_of_aws else f'account {arn.account_id}'} has no policy with this ARN",
        fix=_describe_fix(proposals, "correct the ARN: path and name are case-sensitive")
        + ("" if is_of_aws else "; or create the policy first"),
    )


def _describe_fix(proposals: list[str], otherwise: str) -> str:
    return f"use {' or '.join(proposals)} if that is the intended policy" if proposals else otherwise


# Eventual consistency


def retry_until_consistent(call: t.Callable[[], R], sleep: t.Callable[[float], None]) -> R:
    """The result of a call that IAM may reject until it knows a new role, policy or principal."""
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
        if "role with name" in (error.cause or ""):
            error.can_plan_again = True  # another writer has deleted it
        error.fix = error.fix or "check that no other tool deletes the role or the policy, and run again"
        raise


def _is_settling(error: errors.IrsaError) -> bool:
    """Whether the cause may be that IAM does not know a new role, policy or principal yet.

    Roles and policies were read before the first write, so a missing one is probably new. If the error remains, another
    writer has deleted it.
    """
    return isinstance(error, errors.NotFound) or is_new_principal(error)


def is_new_principal(error: errors.IrsaError) -> bool:
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
