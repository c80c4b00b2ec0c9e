# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier states of IAM, for reads that lag behind writes as those of AWS may.

Needed by: make faults.
"""

from __future__ import annotations

import collections.abc as c
import contextlib
import copy
import time
import typing as t

from moto.iam.models import iam_backends

_PARTS = ("roles", "roles_by_name", "roles_by_arn", "open_id_providers")


class EarlierStates:
    """The states before the last writes: the roles and providers of all accounts."""

    def __init__(self) -> None:
        self._states: list[tuple[float, dict[t.Any, t.Any]]] = []

    @contextlib.contextmanager
    def keep(self) -> c.Iterator[None]:
        """Keep the state before a write, which is made in this context."""
        state = copy.deepcopy({(id(backend), part): getattr(backend, part) for backend, part in _parts()})
        try:
            yield
        finally:
            self._states.append((time.monotonic(), state))

    def clear(self) -> None:
        """Forget all states."""
        self._states.clear()

    @contextlib.contextmanager
    def view(self, seconds: float) -> c.Iterator[None]:
        """Show the state of so many seconds ago. No call may write in the meantime."""
        now = time.monotonic()
        states = [state for written_at, state in self._states if now - written_at <= seconds]
        current = [(backend, part, getattr(backend, part)) for backend, part in _parts()]
        try:
            for backend, part, value in current if states else ():
                # An account that was not used before is empty.
                setattr(backend, part, states[0].get((id(backend), part), type(value)()))
            yield
        finally:
            for backend, part, value in current:
                setattr(backend, part, value)


def _parts() -> c.Iterator[tuple[t.Any, str]]:
    for backends in iam_backends.values():
        for backend in backends.values():
            for part in _PARTS:
                yield backend, part
