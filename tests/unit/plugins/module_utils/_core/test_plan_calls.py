# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of requests."""

from __future__ import annotations

import concurrent.futures

from ansible_collections.eksops.irsa.plugins.module_utils._core.plan import Calls


def test_requests_of_several_threads_are_counted() -> None:
    calls = Calls()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _number in range(400):
            pool.submit(calls.add, "iam", "GetRole")
        pool.submit(calls.add, "kubernetes", "list pods")
    assert calls.as_dict() == {"iam": {"GetRole": 400}, "kubernetes": {"list pods": 1}}
