# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What reads of IAM tell about a chain: the OIDC provider, the role, and whom the role trusts."""

from __future__ import annotations

from ansible_collections.eksops.irsa.plugins.module_utils._core import model
from ansible_collections.eksops.irsa.plugins.module_utils._core.annotations import is_role_arn
from ansible_collections.eksops.irsa.plugins.module_utils._core.findings import AwsFacts, Chain, Finding, Unknown


def meant_arn(chain: Chain) -> model.Arn | None:
    """The role's ARN as it was probably meant: less quotes and blanks around it; None if it can't be made out."""
    text = (chain.role_arn or "").strip(" \t\r\n'\"")
    return model.Arn.parse(text) if is_role_arn(text) else None


def role_name(chain: Chain) -> str | None:
    """The name to ask GetRole for; None if the ARN names none."""
    arn = meant_arn(chain)
    return arn.resource.rpartition("/")[2] if arn else None


def provider_arn(chain: Chain) -> str | None:
    """The ARN that the cluster's OIDC provider has to have: in the role's account and in the cluster's partition.

    None where neither a role nor the cluster tells the account.
    """
    arn = meant_arn(chain)
    partition = chain.partition or (arn.partition if arn else None)
    account_id = arn.account_id if arn else chain.account_id
    return model.provider_arn(partition, account_id, chain.issuer) if partition and account_id else None


def findings(chain: Chain, aws: AwsFacts) -> list[Finding]:
    """All that is wrong with provider, role and trust policy, as far as the facts tell."""
    found: list[Finding] = []
    if not isinstance(aws.role, Unknown) and aws.role is None:
        found.append(Finding("role-missing", f"there is no role {chain.role_arn}", "create it"))
    return found


def static_allows(chain: Chain, aws: AwsFacts) -> bool | None:
    """Whether by these reads alone STS would let the account assume the role; None if they don't tell."""
    return False if aws.role is None else None
