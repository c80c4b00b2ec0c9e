# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bearer tokens that are renewed."""

from __future__ import annotations

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import connection
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors


def test_a_token_is_used_until_it_is_old() -> None:
    now = 100.0
    made: list[float] = []

    def make() -> str:
        made.append(now)
        return f"t{len(made)}"

    token = connection.RenewedToken(make, 60, clock=lambda: now)
    assert (token.authorization(), token.authorization()) == ("Bearer t1", "Bearer t1")
    now = 159.9
    assert token.authorization() == "Bearer t1"
    now = 160.0
    assert token.authorization() == "Bearer t2"
    assert made == [100.0, 160.0]


def test_a_tokens_age_counts_from_before_it_was_made() -> None:
    now = 0.0

    def make() -> str:
        nonlocal now
        now += 59  # the call took that long
        return "t"

    token = connection.RenewedToken(make, 60, clock=lambda: now)
    token.authorization()
    now += 1
    token.authorization()
    assert now == 119.0


def test_a_token_that_could_not_be_made_is_not_kept() -> None:
    answers = iter([errors.BadCredentials("no"), None])

    def make() -> str:
        error = next(answers)
        if error:
            raise error
        return "t"

    token = connection.RenewedToken(make, 60, clock=lambda: 0.0)
    with pytest.raises(errors.BadCredentials):
        token.authorization()
    assert token.authorization() == "Bearer t"
