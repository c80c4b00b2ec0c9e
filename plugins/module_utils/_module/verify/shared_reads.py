# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the verifications of one run have in common: reads of the same objects, and clients."""

from __future__ import annotations

import concurrent.futures
import threading
import typing as t

if t.TYPE_CHECKING:
    import collections.abc

T = t.TypeVar("T")

# The parallel requests of a run with one service account.
CONNECTIONS = 8
# The service accounts that a run verifies in parallel. STS and API servers allow far more requests in a second.
WORKERS = 16
# With more service accounts, lists are read in place of single objects.
_FEW = 8


class SharedReads:
    """Reads each object once, for the first verification that needs it. Threads may share it.

    :param count: the number of service accounts in the run.
    """

    def __init__(self, count: int) -> None:
        self.reads_lists = count > _FEW
        self._count = count
        self._lock = threading.Lock()
        self._locks: dict[t.Hashable, threading.Lock] = {}
        self._answers: dict[t.Hashable, t.Any] = {}

    @property
    def connections(self) -> int:
        """The maximum number of parallel requests to one service."""
        return min(self._count, WORKERS) if self._count > 1 else CONNECTIONS

    def read(self, key: collections.abc.Hashable, read: t.Callable[[], T]) -> T:
        """The answer of the first call with this key. After an error, the next call reads again."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            if key not in self._answers:
                self._answers[key] = read()
            return t.cast(T, self._answers[key])

    def executor(self) -> concurrent.futures.Executor:
        """Runs the reads of one verification: in parallel, unless several verifications already run in parallel."""
        return concurrent.futures.ThreadPoolExecutor(CONNECTIONS) if self._count == 1 else _InlineExecutor()


class _InlineExecutor(concurrent.futures.Executor):
    """Runs each call immediately in the calling thread, which also gets its errors."""

    def submit(self, fn: t.Callable[..., t.Any], /, *args: t.Any, **kwargs: t.Any) -> concurrent.futures.Future[t.Any]:
        future: concurrent.futures.Future[t.Any] = concurrent.futures.Future()
        future.set_result(fn(*args, **kwargs))
        return future
