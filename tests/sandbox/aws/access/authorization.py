# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What IAM users and roles may do, by their policies: those of them that a test has bound to these.

Which resource and which condition keys an action has is in the Service Authorization Reference:

- https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
- https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelastickubernetesservice.html

Policies of groups, of resources and of organizations are not looked at: nobody here has any.

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
from sandbox.aws.evaluation import Context, verdict
from sandbox.aws.iam.backend import Iam
from sandbox.aws.state import STATE
from sandbox.aws.sts import backend as sts
from sandbox.aws.wire import Refusal

Document = dict[str, t.Any]
Parameters = c.Mapping[str, t.Any]

# AWS answers everybody who they are, whatever their policies say.
_FREE = ("GetCallerIdentity",)
# What IAM calls the resource of a listing in its message. To be allowed it needs "*" all the same.
_LISTINGS = {
    "ListRoles": "arn:{partition}:iam::{account}:role/",
    "ListPolicies": "policy path /",
    "ListOpenIDConnectProviders": "arn:{partition}:iam::{account}:oidc-provider/*",
}
# iam:PermissionsBoundary is the boundary in the request of these, else the role's own.
_SETS_BOUNDARY = ("CreateRole", "PutRolePermissionsBoundary")
_LOOKS_AT_BOUNDARY = (
    "AttachRolePolicy",
    "DeleteRolePermissionsBoundary",
    "DeleteRolePolicy",
    "DetachRolePolicy",
    "PutRolePolicy",
)
# With tags in the request these need the permission to tag as well.
_TAGGED_WITH = {"CreateRole": "TagRole", "CreateOpenIDConnectProvider": "TagOpenIDConnectProvider"}


@dataclasses.dataclass(frozen=True)
class Identity:
    """A user, or a session of a role.

    :param arn: as messages name it.
    :param bounds: what has to allow a call besides the policies, by what AWS calls it.
    """

    arn: str
    account_id: str
    policies: tuple[Document, ...]
    bounds: tuple[tuple[str, Document], ...]


@dataclasses.dataclass(frozen=True)
class Target:
    """What a call acts on.

    :param arn: what the policies' Resource is compared with; "*" where an action has no type of resource.
    :param shown: what the message says.
    """

    arn: str
    shown: str
    tags: c.Mapping[str, str] = dataclasses.field(default_factory=dict)
    boundary: str | None = None


def check(*, service: str, operation: str, access_key_id: str, region: str, parameters: Parameters) -> None:
    """Refuse what the caller's policies don't allow, if the caller is one of those that are bound.

    Raises:
        Refusal: AccessDenied, as the service words it.
    """
    identity = _identity(access_key_id) if STATE.bound and operation not in _FREE else None
    if identity is None:
        return
    operations = [operation]
    if operation in _TAGGED_WITH and _tags(parameters):
        operations.append(_TAGGED_WITH[operation])
    target = _target(service, operation, region, identity.account_id, parameters)
    for required in operations:
        context = _context(identity, required, target, region, parameters)
        reason = _refused(identity, f"{service}:{required}", target.arn, context)
        if reason:
            raise _refusal(service, identity.arn, f"{service}:{required}", target.shown, reason)


def _refused(identity: Identity, action: str, resource: str, context: Context) -> str | None:
    """Why the call is not allowed; None if it is."""
    said = [verdict(policy, action=action, resource=resource, context=context) for policy in identity.policies]
    if "Deny" in said:
        return "with an explicit deny in an identity-based policy"
    for kind, document in identity.bounds:
        bound = verdict(document, action=action, resource=resource, context=context)
        if bound == "Deny":
            return f"with an explicit deny in a {kind}"
        if bound is None:
            return f"because no {kind} allows the {action} action"
    return None if "Allow" in said else f"because no identity-based policy allows the {action} action"


def _refusal(service: str, caller: str, action: str, resource: str, reason: str) -> Refusal:
    if service == "ec2":
        text = f"You are not authorized to perform this operation. User: {caller} is not authorized to perform: "
        return Refusal("UnauthorizedOperation", f"{text}{action} {reason}", 403)
    code = "AccessDenied" if service in ("iam", "sts") else "AccessDeniedException"
    return Refusal(code, f"User: {caller} is not authorized to perform: {action} on resource: {resource} {reason}", 403)


# Who calls


def _identity(access_key_id: str) -> Identity | None:
    """Whose key it is; None for everybody who is not bound."""
    session = sts.session_of(access_key_id)
    if session:
        role = _role_of(session.role_arn)
        if role is None or role.arn not in STATE.bound:
            return None
        policy = [("session policy", json.loads(session.policy))] if session.policy else []
        return _identity_of(role, session.arn, policy)
    for _account, _partition, backend in list(iam_backends.iter_backends()):
        iam = t.cast(Iam, backend)
        key = iam.access_keys.get(access_key_id)
        user = iam.users.get(key.user_name or "") if key else None
        if user and user.arn in STATE.bound:
            return _identity_of(user, user.arn, [])
    return None


def _role_of(arn: str) -> Role | None:
    parts = arn.split(":")
    iam = t.cast(Iam, iam_backends[parts[4]][parts[1]])
    return iam._arns.get(arn)


def _identity_of(entity: Role | User, arn: str, bounds: list[tuple[str, Document]]) -> Identity:
    account = entity.arn.split(":")[4]
    iam = t.cast(Iam, iam_backends[account][entity.arn.split(":")[1]])
    managed: list[ManagedPolicy] = list(entity.managed_policies.values())
    inline = [json.loads(text) for text in entity.policies.values()]
    boundary = getattr(entity, "permissions_boundary_arn", None)
    if boundary:
        bounds = [*bounds, ("permissions boundary", _in_force(iam.managed_policies[boundary]))]
    return Identity(arn, account, (*inline, *map(_in_force, managed)), tuple(bounds))


def _in_force(policy: ManagedPolicy) -> Document:
    version = next(version for version in policy.versions if version.is_default)
    return t.cast(Document, json.loads(version.document) if isinstance(version.document, str) else version.document)


# What is called


def _target(service: str, operation: str, region: str, account: str, parameters: Parameters) -> Target:
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
        known = next((known for known in iam.instance_profiles.values() if known.name == profile), None)
        return Target(known.arn if known else f"{stem}:instance-profile/{profile}", f"instance profile {profile}")
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
    role = iam._names.get(name.lower())
    if role is None:
        # Nobody knows the path of a role that isn't there, so IAM looks for a policy that allows it at the root.
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
        known = eks.addons.get(cluster, {}).get(addon, {})
        arn = known.get("addonArn", f"{stem}:addon/{cluster}/{addon}/*")
        return Target(arn, arn, known.get("tags", {}))
    return Target(f"{stem}:cluster/{cluster}", f"{stem}:cluster/{cluster}", tags)


# Conditions


def _tags(parameters: Parameters) -> dict[str, str]:
    """The tags in a request of the query protocol."""
    keys = {name: value for name, value in parameters.items() if re.fullmatch(r"Tags\.member\.\d+\.Key", name)}
    return {str(key): str(parameters.get(f"{name[:-3]}Value", "")) for name, key in keys.items()}


def _context(identity: Identity, operation: str, target: Target, region: str, parameters: Parameters) -> Context:
    """The condition keys of a call, in lower case."""
    now = datetime.datetime.now(datetime.timezone.utc)
    found = {
        "aws:currenttime": [now.strftime("%Y-%m-%dT%H:%M:%SZ")],
        "aws:epochtime": [str(int(now.timestamp()))],
        "aws:principalaccount": [identity.account_id],
        "aws:principalarn": [identity.arn],
        "aws:requestedregion": [region],
        "aws:resourceaccount": [target.arn.split(":")[4] if target.arn != "*" else identity.account_id],
    }
    if ":user/" in identity.arn:
        found["aws:username"] = [identity.arn.rpartition("/")[2]]
    boundary = parameters.get("PermissionsBoundary") if operation in _SETS_BOUNDARY else None
    if operation in _LOOKS_AT_BOUNDARY:
        boundary = target.boundary
    if boundary:
        found["iam:permissionsboundary"] = [str(boundary)]
    if operation in ("AttachRolePolicy", "DetachRolePolicy"):
        found["iam:policyarn"] = [str(parameters.get("PolicyArn", ""))]
    asked = _tags(parameters)
    keys = [*asked, *(str(value) for name, value in parameters.items() if name.startswith("TagKeys.member."))]
    if keys:
        found["aws:tagkeys"] = keys
    found.update({f"aws:requesttag/{key}".lower(): [value] for key, value in asked.items()})
    for key, value in target.tags.items():
        found[f"aws:resourcetag/{key}".lower()] = found[f"iam:resourcetag/{key}".lower()] = [value]
    return found
