# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IAM operations that moto lacks, or whose pagination differs from AWS.

Needed by: targets irsa_audit, irsa_bindings, irsa_role, import; benchmarks.
"""

from __future__ import annotations

import collections.abc as c
import typing as t

from moto.core.responses import ActionResult, EmptyResult
from moto.core.serialize import return_if_not_empty, url_encode
from moto.iam.models import AWSManagedPolicy
from moto.iam.responses import IamResponse

from sandbox.aws.iam.backend import Iam
from sandbox.aws.iam.constraints import cut_page
from sandbox.aws.state import STATE

_ROLE_DETAIL = "GetAccountAuthorizationDetailsResponse.RoleDetailList.RoleDetail"


class IamOperations(IamResponse):
    """moto's IAM operations, some of them overridden."""

    RESPONSE_KEY_PATH_TO_TRANSFORMER = {  # noqa: RUF012
        **IamResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER,
        f"{_ROLE_DETAIL}.AssumeRolePolicyDocument": url_encode,
        f"{_ROLE_DETAIL}.PermissionsBoundary": return_if_not_empty,
        "ListRolesResponse.Roles.Role.AssumeRolePolicyDocument": url_encode,
        "GetPolicyVersionResponse.PolicyVersion.Document": url_encode,
    }

    @property
    def iam(self) -> Iam:
        """The backend of the account."""
        return t.cast("Iam", self.backend)

    def _cut_page(self, entries: c.Iterable[t.Any], key: c.Callable[[t.Any], str]) -> tuple[list[t.Any], str | None]:
        return cut_page(entries, key, self._get_param("Marker"), self._get_param("MaxItems"))

    def _page(
        self, name: str, entries: c.Iterable[t.Any], key: c.Callable[[t.Any], str], shape: c.Callable[[t.Any], t.Any]
    ) -> ActionResult:
        selected, marker = self._cut_page(entries, key)
        return ActionResult(
            {name: [shape(entry) for entry in selected], "Marker": marker, "IsTruncated": marker is not None}
        )

    # Roles

    def update_role(self) -> ActionResult:
        # According to the API reference, the default of MaxSessionDuration is one hour, and Description is kept.
        self.iam.update_role(
            self._get_param("RoleName"), self._get_param("Description"), self._get_param("MaxSessionDuration", 3600)
        )
        return EmptyResult()

    def list_roles(self) -> ActionResult:
        prefix = self._get_param("PathPrefix", "/")
        roles = [role for role in self.iam.roles.values() if role.path.startswith(prefix)]
        return self._page("Roles", roles, lambda role: role.name.lower(), _unchanged)

    def list_role_policies(self) -> ActionResult:
        return self._page(
            "PolicyNames", self.iam.get_role(self._get_param("RoleName")).policies, _unchanged, _unchanged
        )

    def list_attached_role_policies(self) -> ActionResult:
        prefix = self._get_param("PathPrefix", "/")
        policies = self.iam.get_role(self._get_param("RoleName")).managed_policies.values()
        return self._page(
            "AttachedPolicies",
            [policy for policy in policies if policy.path.startswith(prefix)],
            lambda policy: policy.arn,
            lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
        )

    def list_role_tags(self) -> ActionResult:
        return self._page(
            "Tags", self.iam.get_role(self._get_param("RoleName")).tags, lambda tag: tag["Key"], _unchanged
        )

    def list_instance_profiles_for_role(self) -> ActionResult:
        profiles = self.iam.get_role(self._get_param("RoleName")).instance_profile_list
        return self._page("InstanceProfiles", profiles, lambda profile: profile.name, _unchanged)

    # Managed policies

    def list_policies(self) -> ActionResult:
        prefix = self._get_param("PathPrefix", "/")
        scope = self._get_param("Scope", "All")
        attached = self._get_bool_param("OnlyAttached", False)
        policies = [
            policy
            for policy in self.iam.managed_policies.values()
            if policy.path.startswith(prefix)
            and (not attached or policy.attachment_count)
            and (scope == "All" or (scope == "AWS") == isinstance(policy, AWSManagedPolicy))
        ]
        return self._page("Policies", policies, lambda policy: policy.arn, _unchanged)

    def list_entities_for_policy(self) -> ActionResult:
        arn = self.iam.get_policy(self._get_param("PolicyArn")).arn
        kinds_filter = self._get_param("EntityFilter")
        boundary = self._get_param("PolicyUsageFilter") == "PermissionsBoundary"
        groups: dict[str, dict[str, t.Any]] = {"Role": self.iam.roles, "User": self.iam.users, "Group": self.iam.groups}
        entities = [
            (kind, entity)
            for kind, members in groups.items()
            if kinds_filter in (None, kind)
            for entity in members.values()
            if (
                getattr(entity, "permissions_boundary_arn", None) == arn if boundary else arn in entity.managed_policies
            )
        ]
        selected, marker = self._cut_page(entities, lambda entity: f"{entity[0]}/{entity[1].name}")
        result: dict[str, t.Any] = {"Marker": marker, "IsTruncated": marker is not None}
        for kind in groups:
            result[f"Policy{kind}s"] = [entity for entity_kind, entity in selected if entity_kind == kind]
        return ActionResult(result)

    # The account

    def get_account_summary(self) -> ActionResult:
        summary = dict(self.iam.get_account_summary().summary_map)
        summary.update({name: value for name, value in STATE.quotas.items() if name in summary})
        return ActionResult({"SummaryMap": summary})

    def get_account_authorization_details(self) -> ActionResult:
        """List everything in the account. As on AWS, the filter applies to a page, so a page can be short or empty."""
        kinds_filter = self._get_param("Filter", []) or []
        kinds: dict[str, c.Iterable[t.Any]] = {
            "Group": self.iam.groups.values(),
            "Role": self.iam.roles.values(),
            "User": self.iam.users.values(),
        }
        if not kinds_filter or {"LocalManagedPolicy", "AWSManagedPolicy"} & set(kinds_filter):
            policies = list(self.iam.managed_policies.values())
            kinds["LocalManagedPolicy"] = [p for p in policies if not isinstance(p, AWSManagedPolicy)]
            if not kinds_filter or "AWSManagedPolicy" in kinds_filter:
                kinds["AWSManagedPolicy"] = [p for p in policies if isinstance(p, AWSManagedPolicy)]
        entries = [(kind, entity) for kind, members in kinds.items() for entity in members]
        selected, marker = self._cut_page(entries, lambda entry: f"{entry[1].name.lower()}/{entry[0]}")

        def entities_of(*names: str) -> list[t.Any]:
            return [entity for kind, entity in selected if kind in names and (not kinds_filter or kind in kinds_filter)]

        return ActionResult(
            {
                "UserDetailList": entities_of("User"),
                "GroupDetailList": entities_of("Group"),
                "RoleDetailList": entities_of("Role"),
                "Policies": entities_of("LocalManagedPolicy", "AWSManagedPolicy"),
                "Marker": marker,
                "IsTruncated": marker is not None,
            }
        )

    # OpenID Connect providers

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        self.iam.add_client_id(self._get_param("OpenIDConnectProviderArn"), self._get_param("ClientID"))
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        self.iam.remove_client_id(self._get_param("OpenIDConnectProviderArn"), self._get_param("ClientID"))
        return EmptyResult()

    def list_open_id_connect_provider_tags(self) -> ActionResult:
        provider = self.iam.get_open_id_connect_provider(self._get_param("OpenIDConnectProviderArn"))
        return self._page("Tags", provider.get_tags(), lambda tag: tag["Key"], _unchanged)


def _unchanged(value: t.Any) -> t.Any:
    return value
