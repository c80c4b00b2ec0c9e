# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are similar to the annotations of the webhook."""

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.service_account.annotations import (
    IRSA_OPTIONS,
    find_near_misses,
)

ROLE, AUDIENCE, REGIONAL, EXPIRATION = IRSA_OPTIONS.values()


@pytest.mark.parametrize(
    ("key", "intended"),
    [
        ("eks.amazon.com/role-arn", ROLE),
        ("eks.amazonaws.com/role_arn", ROLE),
        ("eks.amazonaws.com/rolearn", ROLE),
        ("eks.amazonaws.com/role-Arn", ROLE),
        ("eks.amazonaws.com/role", ROLE),
        ("eks.amazonaws.com/iam-role-arn", ROLE),
        ("eks.amazonaws.com/role-arns", ROLE),
        ("eks.aws.com/role-arn", ROLE),
        ("eks.amazonaws.io/role-arn", ROLE),
        ("amazonaws.com/role-arn", ROLE),
        ("iam.amazonaws.com/role-arn", ROLE),
        ("role-arn", ROLE),
        ("eks.amazonaws.com/audiences", AUDIENCE),
        ("eks.amazon.com/audience", AUDIENCE),
        ("eks.amazonaws.com/sts-regional-endpoint", REGIONAL),
        ("sts-regional-endpoints", REGIONAL),
        ("eks.amazonaws.com/token-expiry", EXPIRATION),
        ("eks.amazonaws.com/token_expiration", EXPIRATION),
        # Keys of other tools, and keys that the webhook does not read from a service account.
        *[(key, None) for key in IRSA_OPTIONS.values()],
        ("eks.amazonaws.com/skip-containers", None),
        ("eks.amazonaws.com/compute-type", None),
        ("eks.amazonaws.com/nodegroup", None),
        ("iam.amazonaws.com/role", None),
        ("vault.hashicorp.com/role", None),
        ("azure.workload.identity/client-id", None),
        ("iam.gke.io/gcp-service-account", None),
        ("audience", None),
        ("token-expiration", None),
        ("kubernetes.io/role-arn", None),
        ("meta.helm.sh/release-name", None),
    ],
)
def test_near_miss_is_found(key: str, intended: str | None) -> None:
    assert find_near_misses([key]) == ({key: intended} if intended else {})
