# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renewal of bearer tokens."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._api.kubernetes import client
from ansible_collections.eksops.irsa.plugins.module_utils._core import errors
from unit.scripted import Answer, Scripted, status


def test_token_is_renewed_after_its_time() -> None:
    now = 100.0
    times: list[float] = []

    def make() -> str:
        times.append(now)
        return f"t{len(times)}"

    token = client.RenewedToken(make, 60, clock=lambda: now)
    assert (token.authorization(), token.authorization()) == ("Bearer t1", "Bearer t1")
    now = 159.9
    assert token.authorization() == "Bearer t1"
    now = 160.0
    assert token.authorization() == "Bearer t2"
    assert times == [100.0, 160.0]


def test_lifetime_starts_before_the_token_is_created() -> None:
    now = 0.0

    def make() -> str:
        nonlocal now
        now += 59  # the call took that long
        return "t"

    token = client.RenewedToken(make, 60, clock=lambda: now)
    token.authorization()
    now += 1
    token.authorization()
    assert now == 119.0


def test_renewal_is_retried_after_a_failure() -> None:
    answers = iter([errors.BadCredentials("no"), None])

    def make() -> str:
        error = next(answers)
        if error:
            raise error
        return "t"

    token = client.RenewedToken(make, 60, clock=lambda: 0.0)
    with pytest.raises(errors.BadCredentials):
        token.authorization()
    assert token.authorization() == "Bearer t"


def test_request_with_an_expired_token_is_sent_again_with_a_new_one(
    scripted: Scripted, connect: t.Callable[..., client.ApiServer]
) -> None:
    numbers = itertools.count(1)
    token = client.RenewedToken(lambda: f"t{next(numbers)}", 60)
    refused = Answer(401, status(401, "Unauthorized", "Unauthorized"))
    scripted.answer(refused, {"metadata": {"name": "app"}})
    api = connect(scripted, token.authorization, renew=token.expire)
    assert api.request("GET", "/api/v1/namespaces/app") == {"metadata": {"name": "app"}}
    assert [request.headers["Authorization"] for request in scripted.requests] == ["Bearer t1", "Bearer t2"]


def test_token_is_renewed_once_for_a_request(scripted: Scripted, connect: t.Callable[..., client.ApiServer]) -> None:
    numbers = itertools.count(1)
    token = client.RenewedToken(lambda: f"t{next(numbers)}", 60)
    scripted.answer(*[Answer(401, status(401, "Unauthorized", "Unauthorized"))] * 3)
    with pytest.raises(errors.BadCredentials):
        connect(scripted, token.authorization, renew=token.expire).request("GET", "/api/v1/namespaces/app")
    assert len(scripted.requests) == 2
