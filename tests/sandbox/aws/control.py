# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults to inject and calls counted, for tests; the package's docstring describes the requests.

Needed by: targets awx, bad_input, fleet, irsa_bindings_stress, irsa_role, irsa_verify; make permissions.
"""

from __future__ import annotations

import collections
import collections.abc as c
import dataclasses
import threading
import typing as t


@dataclasses.dataclass
class Fault:
    """One planned misfortune."""

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
    every: int = 1  # 20: one in 20 of the calls that are meant

    def __post_init__(self) -> None:
        if not (self.code or self.lose_answer or self.delay or self.body is not None):
            raise ValueError("a fault needs one of code, body, lose_answer, delay")
        self._forever = self.times == 0
        self._passed = 0

    def hits(self, service: str, operation: str, parameters: c.Mapping[str, t.Any]) -> bool:
        """Whether this call is meant, and its turn."""
        meant = (
            self.service in ("*", service)
            and self.operation in ("*", operation)
            and all(parameters.get(name) == value for name, value in self.parameters.items())
        )
        self._passed += meant
        return meant and self._passed % self.every == 0

    def spend(self) -> bool:
        """Take one of its times; tell whether it is used up."""
        self.times -= 0 if self._forever else 1
        return self.times <= 0 and not self._forever


class Control:
    """What tests have asked of the server, and what it has seen; safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget faults and counts."""
        with self._lock:
            self._faults: list[Fault] = []
            self._calls: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, wanted: t.Any) -> None:
        """Queue faults.

        Raises:
            TypeError, ValueError: for an unknown key or a fault that does nothing.
        """
        faults = [Fault(**entry) for entry in (wanted if isinstance(wanted, list) else [wanted])]
        with self._lock:
            self._faults += faults

    def clear_faults(self) -> None:
        """Forget the faults that are left."""
        with self._lock:
            self._faults = []

    def faults(self) -> list[dict[str, t.Any]]:
        """The faults that are left."""
        with self._lock:
            return [dataclasses.asdict(fault) for fault in self._faults]

    def clear_calls(self) -> None:
        """Count from nothing again."""
        with self._lock:
            self._calls.clear()

    def calls(self) -> dict[str, dict[str, int]]:
        """How often each operation was called."""
        with self._lock:
            table: dict[str, dict[str, int]] = {}
            for (service, operation), count in sorted(self._calls.items()):
                table.setdefault(service, {})[operation] = count
            return table

    def call(self, service: str, operation: str, parameters: c.Mapping[str, t.Any]) -> Fault | None:
        """Count a call, and give the fault that it meets, if any."""
        with self._lock:
            self._calls[service, operation] += 1
            for fault in self._faults:
                if fault.hits(service, operation, parameters):
                    if fault.spend():
                        self._faults.remove(fault)
                    return fault
        return None
