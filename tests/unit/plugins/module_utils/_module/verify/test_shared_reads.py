# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads that the verifications of a run share."""

from __future__ import annotations

import concurrent.futures
import threading

import pytest
from ansible_collections.eksops.irsa.plugins.module_utils._core.errors import Unreachable
from ansible_collections.eksops.irsa.plugins.module_utils._module.verify.shared_reads import SharedReads


def test_threads_read_an_object_once() -> None:
    shared = SharedReads(4)
    started = threading.Barrier(4)
    reads: list[str] = []

    def read() -> str:
        reads.append("read")
        return f"answer {len(reads)}"

    def ask() -> str:
        started.wait(5)
        return shared.read("role", read)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _number in range(4)]]
    assert (set(answers), reads) == ({"answer 1"}, ["read"])


def test_object_is_read_again_after_an_error() -> None:
    shared = SharedReads(2)

    def fail() -> str:
        raise Unreachable("no answer")

    with pytest.raises(Unreachable):
        shared.read("role", fail)
    assert shared.read("role", lambda: "answer") == "answer"


def test_none_is_an_answer() -> None:
    shared = SharedReads(2)
    assert shared.read("role", lambda: None) is None
    assert shared.read("role", lambda: "answer") is None


def test_reads_of_one_of_several_accounts_run_in_its_thread() -> None:
    own = threading.get_ident()
    for count, is_own in ((1, False), (2, True)):
        with SharedReads(count).executor() as pool:
            assert (pool.submit(threading.get_ident).result() == own) is is_own


@pytest.mark.parametrize(
    ("count", "connections", "lists"), [(1, 8, False), (8, 8, False), (9, 9, True), (300, 16, True)]
)
def test_connections_and_lists_depend_on_the_number_of_accounts(count: int, connections: int, lists: bool) -> None:
    shared = SharedReads(count)
    assert (shared.connections, shared.reads_lists) == (connections, lists)
