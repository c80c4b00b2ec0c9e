# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inject faults and count calls, for tests. The package's docstring describes the requests.

Needed by: targets awx, bad_input, fleet, irsa_bindings_stress, irsa_role, irsa_verify; make permissions.
"""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import threading
import typing as t


@dataclasses.dataclass
class AwsFault:
    """A fault to inject, see the package's docstring."""

    service: str
    operation: str
    code: str | None = None
    message: str = ""
    status: int = 400
    body: str | None = None
    lose_answer: bool = False
    delay: float = 0.0
    parameters: dict[str, str] = dataclasses.field(default_factory=dict)
    times: int = 1
    every: int = 1  # 20: every 20th matching call

    def __post_init__(self) -> None:
        if not (self.code or self.lose_answer or self.delay or self.body is not None):
            raise ValueError("a fault needs one of: code, body, lose_answer, delay")
        self._forever = self.times == 0
        self._match_count = 0

    def matches(self, service: str, operation: str, parameters: c.Mapping[str, t.Any]) -> bool:
        """Whether to inject this fault into a call."""
        matched = (
            self.service in ("*", service)
            and self.operation in ("*", operation)
            and all(parameters.get(name) == value for name, value in self.parameters.items())
        )
        self._match_count += matched
        return matched and self._match_count % self.every == 0

    def use_once(self) -> bool:
        """Count one use; return whether it was the last one."""
        self.times -= 0 if self._forever else 1
        return self.times <= 0 and not self._forever


class FaultInjector:
    """The faults to inject, and the number of calls of each operation. Threads can share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Remove all faults and counts."""
        with self._lock:
            self._faults: list[AwsFault] = []
            self._calls: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, spec: t.Any) -> None:
        """Add a fault or a list of faults.

        :raises TypeError: for an unknown key.
        :raises ValueError: for a fault without effect.
        """
        faults = [AwsFault(**entry) for entry in (spec if isinstance(spec, list) else [spec])]
        with self._lock:
            self._faults += faults

    def clear_faults(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._faults = []

    def faults(self) -> list[dict[str, t.Any]]:
        """The faults that are left."""
        with self._lock:
            return [dataclasses.asdict(fault) for fault in self._faults]

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

    def record_call(self, service: str, operation: str, parameters: c.Mapping[str, t.Any]) -> AwsFault | None:
        """Count a call and return the fault to inject, if any."""
        with self._lock:
            self._calls[service, operation] += 1
            for fault in self._faults:
                if fault.matches(service, operation, parameters):
                    if fault.use_once():
                        self._faults.remove(fault)
                    return fault
        return None
