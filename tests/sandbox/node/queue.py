# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A queue of pods to check at given times. Only one worker at a time gets a pod.

Needed by: targets irsa_verify, pod_rollout, role_irsa.
"""

from __future__ import annotations

import heapq
import threading
import time


class PodQueue:
    """A queue of uids of pods. Threads can share it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._times: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._busy: set[str] = set()
        self._closed = False

    def add(self, key: str, delay: float = 0.0) -> None:
        """Schedule a check of a pod after some seconds. An earlier check that is already scheduled is kept."""
        with self._condition:
            when = time.monotonic() + delay
            if when < self._times.get(key, float("inf")):
                self._times[key] = when
                heapq.heappush(self._heap, (when, key))
                self._condition.notify_all()

    def take(self) -> str | None:
        """Wait for the next pod to check; None if the queue is closed. Call ``done`` after the check."""
        with self._condition:
            while not self._closed:
                now = time.monotonic()
                postponed: list[tuple[float, str]] = []
                due = None
                while self._heap and self._heap[0][0] <= now and due is None:
                    when, key = heapq.heappop(self._heap)
                    if self._times.get(key) != when:
                        continue
                    if key in self._busy:
                        postponed.append((when, key))
                    else:
                        due = key
                for entry in postponed:
                    heapq.heappush(self._heap, entry)
                if due is not None:
                    del self._times[due]
                    self._busy.add(due)
                    return due
                upcoming = [when for when, key in self._heap if key not in self._busy]
                self._condition.wait(max(0.0, min(upcoming) - now) if upcoming else None)
            return None

    def done(self, key: str) -> None:
        with self._condition:
            self._busy.discard(key)
            self._condition.notify_all()

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()
