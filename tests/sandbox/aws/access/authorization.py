# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Enforce the policies of the IAM users and roles that a test has chosen.

The resource and the condition keys of each action are those of the Service Authorization Reference:

- https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
- https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html

Policies of groups, of resources and of organizations are not evaluated.

Needed by: target permissions; make permissions.
"""

from __future__ import annotations

import collections.abc as c
import dataclasses
import datetime
import json
import re
import typing as t
import urllib.parse

from moto.eks.models import eks_backends
from moto.iam.models import ManagedPolicy, Role, User, iam_backends
from moto.utilities.utils import get_partition

from sandbox.aws.eks import Eks
from sandbox.aws.errors import UnmodeledError
from sandbox.aws.evaluation import Context, evaluate_policy
from sandbox.aws.iam.backend import Iam
from sandbox.aws.state import STATE
from sandbox.aws.sts import backend as sts

Document = dict[str, t.Any]
Parameters = c.Mapping[str, t.Any]

# AWS allows this regardless of policies.
_ALWAYS_ALLOWED = ("GetCallerIdentity",)
# The resource in IAM's message about a list operation. The policy must allow "*".
_LISTINGS = {
    "ListRoles": "arn:{partition}:iam::{account}:role/",
    "ListPolicies": "policy path /",
    "ListOpenIDConnectProviders": "arn:{partition}:iam::{account}:oidc-provider/*",
}
# For these actions iam:PermissionsBoundary is the boundary in the request, for the next ones the boundary of the role.
_SETS_BOUNDARY = ("CreateRole", "PutRolePermissionsBoundary")
_CHECKS_ROLE_BOUNDARY = (
    "AttachRolePolicy",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
)
# If the request has tags, these actions need the permission to tag too.
_TAG_ACTIONS = {"CreateRole": "TagRole", "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider"}


@dataclasses.dataclass(frozen=True)
class Caller:
    """A user or a role session.

    :param arn: the ARN in messages.
    :param limits: permissions boundary and session policy, with AWS's name of each. They must also allow a call.
    """

    arn: str
    account_id: str
    policies: tuple[Document, ...]
    limits: tuple[tuple[str, Document], ...]


@dataclasses.dataclass(frozen=True)
class Target:
    """The resource of a call.

    :param arn: compared with a policy's Resource; "*" if the action has no resource type.
    :param display_name: the resource in messages.
    """

    arn: str
    display_name: str
    tags: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    boundary: str | None = None


def check(*, service: str, operation: str, access_key_id: str, region: str, parameters: Parameters) -> None:
    """Check that the caller's policies allow a call, if the caller's policies are enforced.

    :raises UnmodeledError: AccessDenied in the service's wording.
    """
    caller = _find_caller(access_key_id) if STATE.enforced_arns and operation not in _ALWAYS_ALLOWED else None
    if caller is None:
        return
    operations = [operation]
    if operation in _TAG_ACTIONS and _request_tags(parameters):
        operations.append(_TAG_ACTIONS[operation])
    target = _find_target(service, operation, region, caller.account_id, parameters)
    for required in operations:
        context = _condition_context(caller, required, target, region, parameters)
        reason = _denial_reason(caller, f"{service}:{required}", target.arn, context)
        if reason:
            raise _access_denied(service, caller.arn, f"{service}:{required}", target.display_name, reason)


def _denial_reason(caller: Caller, action: str, resource: str, context: Context) -> str | None:
    """Why the call is not allowed; None if it is."""
    effects = [evaluate_policy(policy, action=action, resource=resource, context=context) for policy in caller.policies]
    if "Deny" in effects:
        return "with an explicit deny in an identity-based policy"
    for kind, document in caller.limits:
        effect = evaluate_policy(document, action=action, resource=resource, context=context)
        if effect == "Deny":
            return f"with an explicit deny in a {kind}"
        if effect is None:
            return f"because no {kind} allows the {action} action"
    return None if "Allow" in effects else f"because no identity-based policy allows the {action} action"


def _access_denied(service: str, caller: str, action: str, resource: str, reason: str) -> UnmodeledError:
    if service == "ec2":
        text = f"You are not authorized to perform this operation. User: {caller} is not authorized to perform: "
        return UnmodeledError("UnauthorizedOperation", f"{text}{action} {reason}", 403)
    code = "AccessDenied" if service in ("iam", "sts") else "AccessDeniedException"
    return UnmodeledError(
        code, f"User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}", 403
    )


# The caller


def _find_caller(access_key_id: str) -> Caller | None:
    """The user or session with this key; None if its policies are not enforced."""
    session = sts.find_session(access_key_id)
    if session:
        role = _find_role(session.role_arn)
        if role is None or role.arn not in STATE.enforced_arns:
            return None
        policy = [("session policy", json.loads(session.policy))] if session.policy else []
        return _caller_of(role, session.arn, policy)
    for _account, _partition, backend in list(iam_backends.iter_backends()):
        iam = t.cast(Iam, backend)
        key = iam.access_keys.get(access_key_id)
        user = iam.users.get(key.user_name or "") if key else None
        if user and user.arn in STATE.enforced_arns:
            return _caller_of(user, user.arn, [])
    return None


def _find_role(arn: str) -> Role | None:
    parts = arn.split(":")
    iam = t.cast(Iam, iam_backends[parts[4]][parts[1]])
    return iam.roles_by_arn.get(arn)


def _caller_of(entity: Role | User, arn: str, limits: list[tuple[str, Document]]) -> Caller:
    account = entity.arn.split(":")[4]
    iam = t.cast(Iam, iam_backends[account][entity.arn.split(":")[1]])
    managed: list[ManagedPolicy] = list(entity.managed_policies.values())
    inline = [json.loads(text) for text in entity.policies.values()]
    boundary = getattr(entity, "permissions_boundary_arn", None)
    if boundary:
        limits = [*limits, ("permissions boundary", _default_document(iam.managed_policies[boundary]))]
    return Caller(arn, account, (*inline, *map(_default_document, managed)), tuple(limits))


def _default_document(policy: ManagedPolicy) -> Document:
    version = next(version for version in policy.versions if version.is_default)
    return t.cast(Document, json.loads(version.document) if isinstance(version.document, str) else version.document)


# The resource


def _find_target(service: str, operation: str, region: str, account: str, parameters: Parameters) -> Target:
    partition = get_partition(region)
    if service == "eks":
        return _eks_target(region, partition, account, parameters)
    if service == "sts" and "RoleArn" in parameters:
        return Target(str(parameters["RoleArn"]), str(parameters["RoleArn"]))
    if service != "iam":
        return Target("*", "*")
    iam = t.cast(Iam, iam_backends[account][partition])
    stem = f"arn:{partition}:iam::{account}"
    if operation == "CreateRole":
        arn = f"{stem}:role{parameters.get('Path') or '/'}{parameters.get('RoleName', '')}"
        return Target(arn, arn)
    if profile := parameters.get("InstanceProfileName"):
        existing = next((entity for entity in iam.instance_profiles.values() if entity.name == profile), None)
        arn = existing.arn if existing else f"{stem}:instance-profile/{profile}"
        return Target(arn, f"instance profile {profile}")
    if name := parameters.get("RoleName"):
        return _role_target(iam, stem, str(name))
    if provider_arn := parameters.get("OpenIDConnectProviderArn"):
        provider = iam.open_id_providers.get(provider_arn)
        tags = {tag["Key"]: tag["Value"] for tag in provider.get_tags()} if provider else {}
        return Target(str(provider_arn), str(provider_arn), tags)
    if url := parameters.get("Url"):
        new = f"{stem}:oidc-provider/{str(url).removeprefix('https://')}"
        return Target(new, new)
    if policy_arn := parameters.get("PolicyArn"):
        return Target(str(policy_arn), f"policy {policy_arn}")
    return Target("*", _LISTINGS.get(operation, "*").format(partition=partition, account=account))


def _role_target(iam: Iam, stem: str, name: str) -> Target:
    role = iam.roles_by_name.get(name.lower())
    if role is None:
        # The path of a role that does not exist is unknown. IAM then requires permission for the path "/".
        return Target(f"{stem}:role/{name}", f"role {name}")
    tags = {tag["Key"]: tag["Value"] for tag in role.tags}
    return Target(role.arn, f"role {name}", tags, role.permissions_boundary_arn)


def _eks_target(region: str, partition: str, account: str, parameters: Parameters) -> Target:
    name = parameters.get("name")
    stem = f"arn:{partition}:eks:{region}:{account}"
    if not name:
        return Target("*", f"{stem}:cluster/*")
    eks = t.cast(Eks, eks_backends[account][region])
    cluster = urllib.parse.unquote(str(name))
    tags = dict(eks.clusters[cluster].tags or {}) if cluster in eks.clusters else {}
    if addon := parameters.get("addonName"):
        existing = eks.addons.get(cluster, {}).get(addon, {})
        arn = existing.get("addonArn", f"{stem}:addon/{cluster}/{addon}/*")
        return Target(arn, arn, existing.get("tags", {}))
    return Target(f"{stem}:cluster/{cluster}", f"{stem}:cluster/{cluster}", tags)


# Conditions


def _request_tags(parameters: Parameters) -> dict[str, str]:
    """The tags in the parameters of the query protocol."""
    keys = {name: value for name, value in parameters.items() if re.fullmatch(r"Tags\.member\.\d+\.Key", name)}
    return {str(key): str(parameters.get(f"{name[:-3]}Value", "")) for name, key in keys.items()}


def _condition_context(caller: Caller, operation: str, target: Target, region: str, parameters: Parameters) -> Context:
    """The condition keys of a call, in lower case, with their values."""
    now = datetime.datetime.now(datetime.timezone.utc)
    context = {
        "aws:currenttime": [now.strftime("%Y-%m-%dT%H:%M:%SZ")],
        "aws:epochtime": [str(int(now.timestamp()))],
        "aws:principalaccount": [caller.account_id],
        "aws:principalarn": [caller.arn],
        "aws:requestedregion": [region],
        "aws:resourceaccount": [target.arn.split(":")[4] if target.arn != "*" else caller.account_id],
    }
    if ":user/" in caller.arn:
        context["aws:username"] = [caller.arn.rpartition("/")[2]]
    boundary = parameters.get("PermissionsBoundary") if operation in _SETS_BOUNDARY else None
    if operation in _CHECKS_ROLE_BOUNDARY:
        boundary = target.boundary
    if boundary:
        context["iam:permissionsboundary"] = [str(boundary)]
    if operation in ("AttachRolePolicy", "DetachRolePolicy"):
        context["iam:policyarn"] = [str(parameters.get("PolicyArn", ""))]
    tags = _request_tags(parameters)
    keys = [*tags, *(str(value) for name, value in parameters.items() if name.startswith("TagKeys.member."))]
    if keys:
        context["aws:tagkeys"] = keys
    context.update({f"aws:requesttag/{key}".lower(): [value] for key, value in tags.items()})
    for key, value in target.tags.items():
        context[f"aws:resourcetag/{key}".lower()] = context[f"iam:resourcetag/{key}".lower()] = [value]
    return context
