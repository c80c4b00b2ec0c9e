# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""AWS IAM: one function for each call.

Each takes the botocore client first and all other arguments by keyword. It returns AWS's answer without the envelope,
with policies as decoded documents, and raises the errors of `translate`. Functions with ``retry=False`` need a client
that sends each request once.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.dict_transformations import snake_dict_to_camel_dict

from ..._core.errors import InvalidInput, NotFound
from ..._core.policy.document import compact
from .call import aws_call, pages

Json = dict[str, t.Any]
Tags = t.Mapping[str, str]


def _pairs(tags: Tags) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _mapping(pairs: t.Iterable[t.Mapping[str, str]]) -> dict[str, str]:
    return {pair["Key"]: pair["Value"] for pair in pairs}


def _pages(client: t.Any, operation: str, key: str, **arguments: t.Any) -> list[t.Any]:
    """The items of all pages of an operation. IAM returns at most 100 in a page by default, and pages may be short."""
    return [item for page in pages(client, operation, **arguments) for item in page[key]]


def _role(body: Json) -> Json:
    """A role of an answer, with ``Tags`` as a mapping.

    :raises KeyError: a field of every role is missing.
    """
    required = {key: body[key] for key in ("Arn", "Path", "RoleId", "RoleName")}
    document = _document(body["AssumeRolePolicyDocument"])
    return {**body, **required, "AssumeRolePolicyDocument": document, "Tags": _mapping(body.get("Tags", []))}


def _document(document: t.Any) -> Json:
    """A policy document of an answer.

    :raises InvalidInput: botocore could not decode it.
    """
    if not isinstance(document, dict):
        raise InvalidInput("a policy document is not a JSON object")
    return document


# OIDC providers


def find_oidc_provider(client: t.Any, *, arn: str) -> Json | None:
    """The provider as GetOpenIDConnectProvider returns it, with ``Tags`` as a mapping; None if it does not exist."""
    try:
        return get_oidc_provider(client, arn=arn)
    except NotFound:
        return None


@aws_call("iam:GetOpenIDConnectProvider", "read the OIDC provider {arn}")
def get_oidc_provider(client: t.Any, *, arn: str) -> Json:
    """``Url`` (without scheme), ``ClientIDList``, ``ThumbprintList``, ``Tags`` as a mapping.

    :raises NotFound: the provider does not exist.
    """
    found = client.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    return {
        "Url": found["Url"],
        "ClientIDList": list(found.get("ClientIDList", [])),
        "ThumbprintList": list(found.get("ThumbprintList", [])),
        "Tags": _mapping(found.get("Tags", [])),
    }


@aws_call("iam:ListOpenIDConnectProviders", "list the account's OIDC providers")
def list_oidc_providers(client: t.Any) -> list[str]:
    """The ARNs of the account's OIDC providers."""
    return [provider["Arn"] for provider in client.list_open_id_connect_providers()["OpenIDConnectProviderList"]]


@aws_call("iam:CreateOpenIDConnectProvider", "create the OIDC provider {url}")
def create_oidc_provider(
    client: t.Any, *, url: str, client_ids: t.Sequence[str], thumbprints: t.Sequence[str] | None, tags: Tags
) -> str:
    """Create a provider.

    :returns: its ARN.
    """
    arguments: Json = {"Url": url, "ClientIDList": list(client_ids)}
    if thumbprints:
        arguments["ThumbprintList"] = list(thumbprints)
    if tags:
        arguments["Tags"] = _pairs(tags)
    return str(client.create_open_id_connect_provider(**arguments)["OpenIDConnectProviderArn"])


@aws_call("iam:DeleteOpenIDConnectProvider", "delete the OIDC provider {arn}", retry=False)
def delete_oidc_provider(client: t.Any, *, arn: str) -> None:
    """Delete the provider; a provider that does not exist is not an error."""
    client.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


@aws_call("iam:AddClientIDToOpenIDConnectProvider", "add audience {client_id} to the OIDC provider {arn}")
def add_client_id(client: t.Any, *, arn: str, client_id: str) -> None:
    """Add an audience; an existing one is not an error."""
    client.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client_id)


@aws_call("iam:RemoveClientIDFromOpenIDConnectProvider", "remove audience {client_id} from the OIDC provider {arn}")
def remove_client_id(client: t.Any, *, arn: str, client_id: str) -> None:
    """Remove an audience; a missing one is not an error."""
    client.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID=client_id)


@aws_call("iam:UpdateOpenIDConnectProviderThumbprint", "set the thumbprints of the OIDC provider {arn}", retry=False)
def set_thumbprints(client: t.Any, *, arn: str, thumbprints: t.Sequence[str]) -> None:
    """Replace all thumbprints."""
    client.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=list(thumbprints))


@aws_call("iam:TagOpenIDConnectProvider", "tag the OIDC provider {arn}")
def tag_oidc_provider(client: t.Any, *, arn: str, tags: Tags) -> None:
    """Set these tags and keep all others."""
    client.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=_pairs(tags))


@aws_call("iam:UntagOpenIDConnectProvider", "untag the OIDC provider {arn}")
def untag_oidc_provider(client: t.Any, *, arn: str, keys: t.Sequence[str]) -> None:
    """Remove the tags with these keys."""
    client.untag_open_id_connect_provider(OpenIDConnectProviderArn=arn, TagKeys=list(keys))


# Roles


@aws_call("iam:GetRole", "read the role {name}")
def get_role(client: t.Any, *, name: str) -> Json:
    """GetRole's ``Role``, with ``Tags`` as a mapping.

    :raises NotFound: the role does not exist.
    """
    return _role(client.get_role(RoleName=name)["Role"])


def find_role(client: t.Any, *, name: str) -> Json | None:
    """The role as ``get_role`` returns it; None if it does not exist."""
    try:
        return get_role(client, name=name)
    except NotFound:
        return None


@aws_call("iam:CreateRole", "create the role {name}")
def create_role(
    client: t.Any,
    *,
    name: str,
    trust_policy: t.Mapping[str, t.Any],
    tags: Tags | None = None,
    **settings: str | int | None,
) -> Json:
    """Create a role.

    :param settings: other parameters, as options of Ansible: ``max_session_duration``. Empty ones are not sent.
    :returns: the role as ``get_role`` returns it.
    """
    given = {key: value for key, value in settings.items() if value}
    arguments: Json = snake_dict_to_camel_dict(given, capitalize_first=True)
    if tags:
        arguments["Tags"] = _pairs(tags)
    return _role(client.create_role(RoleName=name, AssumeRolePolicyDocument=compact(trust_policy), **arguments)["Role"])


@aws_call("iam:DeleteRole", "delete the role {name}", retry=False)
def delete_role(client: t.Any, *, name: str) -> None:
    """Delete a role.

    :raises Conflict: the role still has policies or instance profiles.
    """
    client.delete_role(RoleName=name)


@aws_call("iam:UpdateAssumeRolePolicy", "write the trust policy of the role {name}", retry=False)
def set_trust_policy(client: t.Any, *, name: str, trust_policy: t.Mapping[str, t.Any]) -> None:
    """Replace the trust policy; IAM has no version check.

    :raises Conflict: another writer changes it at the same time; read it again before a retry.
    """
    client.update_assume_role_policy(RoleName=name, PolicyDocument=compact(trust_policy))


@aws_call("iam:UpdateRole", "update the role {name}", retry=False)
def update_role(client: t.Any, *, name: str, **settings: str | int) -> None:
    """Set the properties of UpdateRole, as options of Ansible; an empty description clears it.

    :param settings: all of them, because IAM resets those that are not sent.
    """
    client.update_role(RoleName=name, **snake_dict_to_camel_dict(settings, capitalize_first=True))


@aws_call("iam:PutRolePermissionsBoundary", "set the permissions boundary of the role {name}")
def set_permissions_boundary(client: t.Any, *, name: str, arn: str) -> None:
    """Set or replace the boundary."""
    client.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=arn)


@aws_call("iam:DeleteRolePermissionsBoundary", "remove the permissions boundary of the role {name}")
def delete_permissions_boundary(client: t.Any, *, name: str) -> None:
    """Remove the boundary."""
    client.delete_role_permissions_boundary(RoleName=name)


@aws_call("iam:TagRole", "tag the role {name}")
def tag_role(client: t.Any, *, name: str, tags: Tags) -> None:
    """Set these tags and keep all others."""
    client.tag_role(RoleName=name, Tags=_pairs(tags))


@aws_call("iam:UntagRole", "untag the role {name}")
def untag_role(client: t.Any, *, name: str, keys: t.Sequence[str]) -> None:
    """Remove the tags with these keys."""
    client.untag_role(RoleName=name, TagKeys=list(keys))


@aws_call("iam:ListRoleTags", "list the tags of the role {name}")
def list_role_tags(client: t.Any, *, name: str) -> dict[str, str]:
    """The tags of the role."""
    return _mapping(_pages(client, "list_role_tags", "Tags", RoleName=name))


@aws_call("iam:ListRoles", "list the account's roles")
def list_roles(client: t.Any) -> list[Json]:
    """All roles of the account, with their trust policies and without tags, as ListRoles returns them."""
    found = _pages(client, "list_roles", "Roles", PaginationConfig={"PageSize": 1000})
    return [body for body in found if _role(body)]


@aws_call("iam:GetAccountAuthorizationDetails", "read the account's roles")
def account_roles(client: t.Any) -> list[Json]:
    """All roles of the account with their policies; up to 1000 in a request.

    :returns: GetRole's ``Role`` of each with ``Tags`` as a mapping, ``ManagedPolicies`` (ARNs) and ``InlinePolicies``
        (documents by name). AWS does not return ``Description`` and ``MaxSessionDuration`` here.
    """
    pages = _details(client, "Role")
    return [_with_policies(role) for page in pages for role in page["RoleDetailList"]]


@aws_call("iam:GetAccountAuthorizationDetails", "read the account's roles and policies")
def account_roles_and_policies(client: t.Any) -> tuple[list[Json], dict[str, Json]]:
    """The result of `account_roles`, and the default versions of the account's own managed policies, by ARN."""
    roles: list[Json] = []
    documents: dict[str, Json] = {}
    for page in _details(client, "Role", "LocalManagedPolicy"):
        roles += [_with_policies(role) for role in page["RoleDetailList"]]
        for policy in page.get("Policies", []):
            for version in policy["PolicyVersionList"]:
                if version["IsDefaultVersion"]:
                    documents[policy["Arn"]] = _document(version["Document"])
    return roles, documents


def _details(client: t.Any, *kinds: str) -> t.Iterable[Json]:
    operation = "get_account_authorization_details"
    return pages(client, operation, Filter=list(kinds), PaginationConfig={"PageSize": 1000})


def _with_policies(role: Json) -> Json:
    return {
        **_role(role),
        "ManagedPolicies": [policy["PolicyArn"] for policy in role.get("AttachedManagedPolicies", [])],
        "InlinePolicies": {
            policy["PolicyName"]: _document(policy["PolicyDocument"]) for policy in role.get("RolePolicyList", [])
        },
    }


@aws_call("iam:ListAttachedRolePolicies", "list the policies attached to the role {name}")
def list_attached_policies(client: t.Any, *, name: str) -> list[str]:
    """The ARNs of the managed policies on the role."""
    found = _pages(client, "list_attached_role_policies", "AttachedPolicies", RoleName=name)
    return [policy["PolicyArn"] for policy in found]


@aws_call("iam:AttachRolePolicy", "attach the policy {policy_arn} to the role {name}")
def attach_policy(client: t.Any, *, name: str, policy_arn: str) -> None:
    """Attach a managed policy; an attached one is not an error."""
    client.attach_role_policy(RoleName=name, PolicyArn=policy_arn)


@aws_call("iam:DetachRolePolicy", "detach the policy {policy_arn} from the role {name}")
def detach_policy(client: t.Any, *, name: str, policy_arn: str) -> None:
    """Detach a managed policy.

    :raises NotFound: the policy is not attached.
    """
    client.detach_role_policy(RoleName=name, PolicyArn=policy_arn)


@aws_call("iam:ListRolePolicies", "list the inline policies of the role {name}")
def list_inline_policies(client: t.Any, *, name: str) -> list[str]:
    """The names of the role's inline policies."""
    return _pages(client, "list_role_policies", "PolicyNames", RoleName=name)


@aws_call("iam:GetRolePolicy", "read the inline policy {policy_name} of the role {name}")
def get_inline_policy(client: t.Any, *, name: str, policy_name: str) -> Json:
    """The document of an inline policy."""
    return _document(client.get_role_policy(RoleName=name, PolicyName=policy_name)["PolicyDocument"])


@aws_call("iam:PutRolePolicy", "write the inline policy {policy_name} of the role {name}", retry=False)
def put_inline_policy(client: t.Any, *, name: str, policy_name: str, document: t.Mapping[str, t.Any]) -> None:
    """Create or replace an inline policy."""
    client.put_role_policy(RoleName=name, PolicyName=policy_name, PolicyDocument=compact(document))


@aws_call("iam:DeleteRolePolicy", "delete the inline policy {policy_name} of the role {name}")
def delete_inline_policy(client: t.Any, *, name: str, policy_name: str) -> None:
    """Delete an inline policy.

    :raises NotFound: the inline policy does not exist.
    """
    client.delete_role_policy(RoleName=name, PolicyName=policy_name)


@aws_call("iam:ListInstanceProfilesForRole", "list the instance profiles of the role {name}")
def list_instance_profiles(client: t.Any, *, name: str) -> list[str]:
    """The names of the instance profiles that contain the role."""
    found = _pages(client, "list_instance_profiles_for_role", "InstanceProfiles", RoleName=name)
    return [profile["InstanceProfileName"] for profile in found]


@aws_call("iam:RemoveRoleFromInstanceProfile", "remove the role {name} from the instance profile {profile}")
def remove_from_instance_profile(client: t.Any, *, name: str, profile: str) -> None:
    """Remove the role from the profile; the profile stays."""
    client.remove_role_from_instance_profile(RoleName=name, InstanceProfileName=profile)


@aws_call("iam:ListPolicies", "list the managed policies of scope {scope}")
def list_policies(client: t.Any, *, scope: str) -> dict[str, str]:
    """The ARNs of managed policies, by name.

    :param scope: ``Local`` for policies of the account, ``AWS`` for policies of AWS.
    """
    found = _pages(client, "list_policies", "Policies", Scope=scope, PaginationConfig={"PageSize": 1000})
    return {policy["PolicyName"]: policy["Arn"] for policy in found}


@aws_call("iam:GetPolicy", "read the policy {arn}")
def get_policy(client: t.Any, *, arn: str) -> Json:
    """GetPolicy's ``Policy``.

    :raises NotFound: the policy does not exist.
    """
    policy: Json = client.get_policy(PolicyArn=arn)["Policy"]
    return {**policy, "DefaultVersionId": policy["DefaultVersionId"]}


@aws_call("iam:GetPolicyVersion", "read version {version} of the policy {arn}")
def get_policy_version(client: t.Any, *, arn: str, version: str) -> Json:
    """The document of one version of a managed policy.

    :param version: ``v1``; GetPolicy returns the default one as ``DefaultVersionId``.
    """
    return _document(client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])


@aws_call("iam:GetAccountSummary", "read the account's IAM quotas")
def account_summary(client: t.Any) -> dict[str, int]:
    """GetAccountSummary's ``SummaryMap``: RolesQuota, AssumeRolePolicySizeQuota, AttachedPoliciesPerRoleQuota, ..."""
    return t.cast("dict[str, int]", client.get_account_summary()["SummaryMap"])
