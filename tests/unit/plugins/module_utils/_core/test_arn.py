# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ARNs of roles, sessions and OIDC providers."""

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.arn import Arn, is_session_of

ROLE = "arn:aws:iam::123456789012:role/app"
SESSION = "arn:aws:sts::123456789012:assumed-role/app/botocore-session-1"


@pytest.mark.parametrize(
    ("caller", "role", "expected"),
    [
        (SESSION, ROLE, True),
        (SESSION, "arn:aws:iam::123456789012:role/teams/web/app", True),
        (SESSION, "arn:aws:iam::210987654321:role/app", False),
        (SESSION, "arn:aws-cn:iam::123456789012:role/app", False),
        (SESSION, f"{ROLE}-2", False),
        ("arn:aws:sts::123456789012:assumed-role/nodes/i-0123456789abcdef0", ROLE, False),
        ("arn:aws:iam::123456789012:user/app", ROLE, False),
    ],
)
def test_caller_is_a_session_of_the_role(caller: str, role: str, expected: bool) -> None:
    assert is_session_of(caller, Arn.parse(role)) is expected
