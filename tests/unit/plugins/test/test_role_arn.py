# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test role_arn."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.test.role_arn import TestModule as Plugin


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("arn:aws:iam::123456789012:role/app", True),
        ("arn:aws-cn:iam::123456789012:role/teams/web/app", True),
        (" arn:aws:iam::123456789012:role/app", False),
        ('"arn:aws:iam::123456789012:role/app"', False),
        ("arn:aws:iam::12345678901:role/app", False),
        ("arn:aws:iam::123456789012:user/app", False),
        ("app", False),
        ("", False),
        (None, False),
        (["arn:aws:iam::123456789012:role/app"], False),
    ],
)
def test_role_arn(value: t.Any, expected: bool) -> None:
    assert Plugin().tests()["role_arn"](value) is expected
