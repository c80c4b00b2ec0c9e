# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's roles, with the checks, quotas and errors of AWS. Lookups stay fast with thousands of roles.

Needed by: targets irsa_bindings, irsa_role, role_irsa; demo.
"""

from __future__ import annotations

import re
import typing as t

from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role, User, iam_backends

from sandbox.aws.errors import ModeledError
from sandbox.aws.iam import trust_documents
from sandbox.aws.iam.constraints import (
    check_description,
    check_name,
    check_path,
    check_policy_arn,
    check_range,
    check_tags,
)
from sandbox.aws.iam.providers import ProviderBackend
from sandbox.aws.iam.trust_documents import Exists
from sandbox.aws.state import STATE


class RoleBackend(ProviderBackend):
    """The role operations of the IAM backend."""

    def __init__(self, region_name: str, account_id: str) -> None:
        self.roles_by_name: dict[str, Role] = {}
        self.roles_by_arn: dict[str, Role] = {}
        super().__init__(region_name, account_id)

    def create_role(
        self,
        role_name: str,
        assume_role_policy_document: str,
        path: str,
        permissions_boundary: str | None,
        description: str,
        tags: list[dict[str, str]],
        max_session_duration: str | None,
        linked_service: str | None = None,
    ) -> Role:
        check_name(role_name, "roleName", 64)
        check_path(path or "/")
        check_description(description or "")
        check_range(int(max_session_duration or 3600), "maxSessionDuration", 3600, 43200)
        self._tag_verification(tags)
        document = self._normalise_trust(assume_role_policy_document)
        if permissions_boundary:
            self._check_boundary(permissions_boundary)
        if role_name.lower() in self.roles_by_name:
            raise ModeledError("EntityAlreadyExists", f"Role with name {role_name} already exists.")
        if len(self.roles) >= STATE.quotas["RolesQuota"]:
            raise ModeledError(
                "LimitExceeded", f"Cannot exceed quota for RolesPerAccount: {STATE.quotas['RolesQuota']}"
            )
        role = super().create_role(
            role_name, document, path, permissions_boundary, description, tags, max_session_duration, linked_service
        )
        self.roles_by_name[role_name.lower()] = self.roles_by_arn[role.arn] = role
        return role

    def get_role(self, role_name: str) -> Role:
        role = self.roles_by_name.get(role_name.lower())
        if role is None or role.name != role_name:
            # moto's callers catch this class.
            raise NotFoundException(f"The role with name {role_name} cannot be found.")
        return role

    def get_role_by_arn(self, arn: str) -> Role:
        try:
            return self.roles_by_arn[arn]
        except KeyError:
            raise NotFoundException(f"Role {arn} not found") from None

    def delete_role(self, role_name: str) -> None:
        role = self.get_role(role_name)
        super().delete_role(role.name)
        del self.roles_by_name[role.name.lower()], self.roles_by_arn[role.arn]
        # In the trust policies of other roles, IAM replaces the ARN of a deleted role by its unique id.
        quoted = f'"{role.arn}"'
        for other in self.roles.values():
            if quoted in other.assume_role_policy_document:
                other.assume_role_policy_document = trust_documents.replace_principals(
                    other.assume_role_policy_document, lambda arn: role.id if arn == role.arn else arn
                )

    def update_assume_role_policy(self, role_name: str, policy_document: str) -> None:
        role = self.get_role(role_name)
        role.assume_role_policy_document = self._normalise_trust(policy_document)

    def _normalise_trust(self, document: str) -> str:
        quota = STATE.quotas["AssumeRolePolicySizeQuota"]
        normalised = trust_documents.normalise(document, partition=self.partition, exists=self._exists)
        if trust_documents.size(document) > quota:
            raise ModeledError("LimitExceeded", f"Cannot exceed quota for ACLSizePerRole: {quota}")
        return trust_documents.replace_principals(normalised, self._arn_of_id)

    @property
    def _exists(self) -> Exists:
        def exists(principal: str) -> bool:
            if principal == "*" or re.fullmatch(r"\d{12}", principal):
                return True
            if re.fullmatch(r"A(ROA|IDA)[A-Z0-9]{12,}", principal):
                return self._arn_of_id(principal) != principal
            form = rf"arn:{self.partition}:(iam|sts)::(\d{{12}}):(root|(role|user|assumed-role)/.+)"
            match = re.fullmatch(form, principal)
            if not match:
                return False
            service, account, resource = match.group(1), match.group(2), match.group(3)
            if resource == "root" or service == "sts" or account not in iam_backends:
                # Principals of accounts that the sandbox does not know count as existing.
                return True
            backend = t.cast("RoleBackend", iam_backends[account][self.partition])
            if account != self.account_id and not (backend.roles or backend.users):
                return True
            return principal in backend.roles_by_arn or any(user.arn == principal for user in backend.users.values())

        return exists

    def _arn_of_id(self, principal: str) -> str:
        if principal in self.roles:
            return self.roles[principal].arn
        user: User
        for user in self.users.values():
            if user.id == principal:
                return user.arn
        return principal

    def update_role(self, role_name: str, role_description: str | None, max_session_duration: str) -> Role:
        role = self.get_role(role_name)
        check_range(int(max_session_duration), "maxSessionDuration", 3600, 43200)
        if role_description is not None:
            check_description(role_description)
            role.description = role_description
        role.max_session_duration = max_session_duration
        return role

    def update_role_description(self, role_name: str, role_description: str) -> Role:
        check_description(role_description)
        self.get_role(role_name)
        return super().update_role_description(role_name, role_description)

    def _check_boundary(self, arn: str) -> None:
        check_policy_arn(arn)
        if arn not in self.managed_policies:
            raise ModeledError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")

    def put_role_permissions_boundary(self, role_name: str, permissions_boundary: str) -> None:
        role = self.get_role(role_name)
        self._check_boundary(permissions_boundary)
        role.permissions_boundary_arn = permissions_boundary

    def delete_role_permissions_boundary(self, role_name: str) -> None:
        role = self.get_role(role_name)
        if not role.permissions_boundary_arn:
            raise ModeledError("NoSuchEntity", f"Role {role_name} does not have a permissions boundary.")
        role.permissions_boundary_arn = None

    # Tags

    def _tag_verification(self, tags: list[dict[str, str]]) -> dict[str, dict[str, str]]:
        verified = super()._tag_verification(tags)
        check_tags(tags)
        return verified

    def tag_role(self, role_name: str, tags: list[dict[str, str]]) -> None:
        role = self.get_role(role_name)
        # Keys are case-insensitive. The last spelling is kept.
        merged = {tag["Key"].lower(): tag for tag in role.tags} | self._tag_verification(tags)
        if len(merged) > STATE.quotas["TagsQuota"]:
            raise ModeledError("LimitExceeded", f"Cannot exceed quota for TagsPerRole: {STATE.quotas['TagsQuota']}")
        role.tags = list(merged.values())

    def untag_role(self, role_name: str, tag_keys: list[str]) -> None:
        role = self.get_role(role_name)
        removed = {key.lower() for key in tag_keys}
        role.tags = [tag for tag in role.tags if tag["Key"].lower() not in removed]
