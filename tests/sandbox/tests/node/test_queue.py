# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
import typing as t

from sandbox.node.queue import Queue

if t.TYPE_CHECKING:
    pass


def test_the_queue_hands_out_in_order_of_time() -> None:
    queue = Queue()
    queue.add("late", 0.05)
    queue.add("now")
    assert [queue.take(), queue.take()] == ["now", "late"]


def test_the_queue_keeps_the_sooner_of_two_times() -> None:
    queue = Queue()
    queue.add("a", 60)
    queue.add("a")
    queue.add("a", 60)
    started = time.monotonic()
    assert queue.take() == "a"
    assert time.monotonic() - started < 1


def test_the_queue_gives_a_pod_to_one_worker_at_a_time() -> None:
    queue = Queue()
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.take() == "b", "a is still being looked at"
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take()))
    worker.start()
    queue.done("a")
    worker.join(5)
    assert taken == ["a"]


def test_a_closed_queue_lets_its_workers_go() -> None:
    queue = Queue()
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take()))
    worker.start()
    queue.close()
    worker.join(5)
    assert taken == [None]
