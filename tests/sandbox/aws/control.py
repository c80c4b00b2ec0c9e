# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inject faults and count calls, for tests. The package's docstring describes the requests.

Needed by: targets awx, bad_input, fleet, irsa_bindings_stress, irsa_role, irsa_verify; make permissions; make faults.
"""

from __future__ import annotations

import collections
import threading

from sandbox.faults import Call, FaultQueue, Hit

_READS = ("Get", "List", "Describe", "Simulate", "AssumeRole", "Decode")


def is_write(service: str, operation: str) -> bool:
    """Whether a call changes something."""
    return service != "sts" and not operation.startswith(_READS)


class FaultInjector:
    """The faults to inject, and the number of calls of each operation. Threads can share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.faults = FaultQueue()
        self._calls: collections.Counter[tuple[str, str]] = collections.Counter()

    def reset(self) -> None:
        """Remove all faults and counts."""
        self.faults.clear()
        self.clear_calls()

    def clear_calls(self) -> None:
        """Reset the counts."""
        with self._lock:
            self._calls.clear()

    def calls(self) -> dict[str, dict[str, int]]:
        """The number of calls by service and operation."""
        with self._lock:
            counts: dict[str, dict[str, int]] = {}
            for (service, operation), count in sorted(self._calls.items()):
                counts.setdefault(service, {})[operation] = count
            return counts

    def record_call(self, call: Call) -> Hit | None:
        """Count a call and return the fault to inject, if any."""
        with self._lock:
            self._calls[call.service, call.operation] += 1
        return self.faults.take(call)
