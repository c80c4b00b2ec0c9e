# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
import typing as t

from sandbox.node.queue import PodQueue

if t.TYPE_CHECKING:
    pass


def test_order_by_time() -> None:
    queue = PodQueue()
    queue.add("late", 0.05)
    queue.add("now")
    assert [queue.take(), queue.take()] == ["now", "late"]


def test_earlier_of_two_times_is_kept() -> None:
    queue = PodQueue()
    queue.add("a", 60)
    queue.add("a")
    queue.add("a", 60)
    started = time.monotonic()
    assert queue.take() == "a"
    assert time.monotonic() - started < 20


def test_pod_is_taken_by_one_worker_at_a_time() -> None:
    queue = PodQueue()
    queue.add("a")
    assert queue.take() == "a"
    queue.add("a")
    queue.add("b")
    assert queue.take() == "b", "a is not done yet"
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take()))
    worker.start()
    queue.done("a")
    worker.join(5)
    assert taken == ["a"]


def test_close_wakes_workers() -> None:
    queue = PodQueue()
    taken: list[str | None] = []
    worker = threading.Thread(target=lambda: taken.append(queue.take()))
    worker.start()
    queue.close()
    worker.join(5)
    assert taken == [None]
