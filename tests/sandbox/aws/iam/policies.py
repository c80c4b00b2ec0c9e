# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""IAM's managed policies and the policies of roles.

Needed by: targets irsa_bindings, irsa_role, role_irsa; demo.
"""

from __future__ import annotations

import functools
import json
import typing as t

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, ManagedPolicy

from sandbox.aws.errors import ModeledError
from sandbox.aws.iam import trust_documents
from sandbox.aws.iam.constraints import check_name, check_path, check_policy_arn
from sandbox.aws.iam.roles import RoleBackend
from sandbox.aws.state import STATE


@functools.cache
def _aws_policies() -> dict[str, dict[str, t.Any]]:
    return t.cast("dict[str, dict[str, t.Any]]", json.loads(aws_managed_policies_data))


class PolicyBackend(RoleBackend):
    """The policy operations of the IAM backend."""

    def __init__(self, region_name: str, account_id: str) -> None:
        self._loaded: dict[str, ManagedPolicy] | None = None
        super().__init__(region_name, account_id)

    # AWS's managed policies take time and memory, and moto creates a backend for every account and partition that it
    # searches for an access key. So they are loaded when a policy is first needed.
    def _init_aws_policies(self) -> list[ManagedPolicy]:
        return []

    @property
    def managed_policies(self) -> dict[str, ManagedPolicy]:
        if self._loaded is None:
            self.aws_managed_policies = [
                AWSManagedPolicy.from_data(name, self.account_id, self.region_name, data)
                for name, data in _aws_policies().items()
            ]
            self._loaded = {policy.arn: policy for policy in self.aws_managed_policies}
        return self._loaded

    @managed_policies.setter
    def managed_policies(self, value: dict[str, ManagedPolicy]) -> None:
        """Ignore what moto's constructor sets: the policies are loaded later."""

    # Policies of roles

    def attach_role_policy(self, policy_arn: str, role_name: str) -> None:
        check_policy_arn(policy_arn)
        role = self.get_role(role_name)
        policy = self.managed_policies.get(policy_arn)
        if policy is None:
            raise ModeledError("NoSuchEntity", f"Policy {policy_arn} does not exist or is not attachable.")
        if policy_arn in role.managed_policies:
            return
        quota = STATE.quotas["AttachedPoliciesPerRoleQuota"]
        if len(role.managed_policies) >= quota:
            raise ModeledError("LimitExceeded", f"Cannot exceed quota for PoliciesPerRole: {quota}")
        policy.attach_to(role)

    def detach_role_policy(self, policy_arn: str, role_name: str) -> None:
        role = self.get_role(role_name)
        if policy_arn not in role.managed_policies:
            raise ModeledError("NoSuchEntity", f"Policy {policy_arn} was not found.")
        role.managed_policies[policy_arn].detach_from(role)

    def put_role_policy(self, role_name: str, policy_name: str, policy_json: str) -> None:
        check_name(policy_name, "policyName", 128)
        role = self.get_role(role_name)
        others = sum(trust_documents.size(text) for name, text in role.policies.items() if name != policy_name)
        quota = STATE.quotas["RolePolicySizeQuota"]
        if others + trust_documents.size(policy_json) > quota:
            raise ModeledError("LimitExceeded", f"Maximum policy size of {quota} bytes exceeded for role {role_name}")
        super().put_role_policy(role_name, policy_name, policy_json)

    def get_role_policy(self, role_name: str, policy_name: str) -> tuple[str, str]:
        role = self.get_role(role_name)
        if policy_name not in role.policies:
            raise ModeledError("NoSuchEntity", f"The role policy with name {policy_name} cannot be found.")
        return policy_name, role.policies[policy_name]

    def delete_role_policy(self, role_name: str, policy_name: str) -> None:
        self.get_role(role_name)
        super().delete_role_policy(role_name, policy_name)

    # Managed policies

    def create_policy(
        self, description: str, path: str, policy_document: str, policy_name: str, tags: list[dict[str, str]]
    ) -> ManagedPolicy:
        check_name(policy_name, "policyName", 128)
        check_path(path or "/")
        if trust_documents.size(policy_document) > 6144:
            raise ModeledError("LimitExceeded", "Cannot exceed quota for PolicySize: 6144")
        return super().create_policy(description, path, policy_document, policy_name, tags)

    def get_policy(self, policy_arn: str) -> ManagedPolicy:
        check_policy_arn(policy_arn)
        if policy_arn not in self.managed_policies:
            raise ModeledError("NoSuchEntity", f"Policy {policy_arn} was not found.")
        return self.managed_policies[policy_arn]

    def delete_policy(self, policy_arn: str) -> None:
        policy = self.get_policy(policy_arn)
        if policy.attachment_count or any(role.permissions_boundary_arn == policy_arn for role in self.roles.values()):
            raise ModeledError("DeleteConflict", "Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise ModeledError(
                "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.",
            )
        super().delete_policy(policy_arn)
