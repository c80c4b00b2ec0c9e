# Copyright (c) 2026 eksops.irsa contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a module is going to do, and which requests it has made, as data.

A plan is made from what was observed and what is wanted, before anything is written. It alone decides
``changed`` and the diff, and applying it is nothing but its actions in order.
"""

from __future__ import annotations

import collections
import dataclasses
import threading
import typing as t


@dataclasses.dataclass(frozen=True)
class Action:
    """One write.

    :param operation: the name under which the module registered the `_api` function that does it.
    :param arguments: keyword arguments of that function.
    :param summary: the write in words, in the imperative: ``attach policy X to role Y``.
    """

    operation: str
    arguments: t.Mapping[str, t.Any]
    summary: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """The writes that lead from what is to what is wanted.

    :param before: the object as observed, in the shape of the module's return value; empty if there is none.
    :param after: the same as it will be; empty if it will be gone.
    :param actions: the writes in order; none means that nothing is to change.
    :param warnings: what the user should know though it stops nothing.
    """

    before: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    after: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    warnings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.actions)

    def diff(self) -> dict[str, t.Any]:
        """Ansible's diff: the two states, which callbacks print as sorted JSON."""
        return {"before": dict(self.before), "after": dict(self.after)}

    def summaries(self) -> list[str]:
        """The writes in words, in order."""
        return [action.summary for action in self.actions]


class Calls:
    """Counts requests by service and operation, from any number of threads.

    A request that a client library sends again by itself counts once.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, service: str, operation: str) -> None:
        """Counts one request."""
        with self._lock:
            self._counts[service, operation] += 1

    def as_dict(self) -> dict[str, dict[str, int]]:
        """The counts by operation by service, both sorted."""
        found: dict[str, dict[str, int]] = {}
        with self._lock:
            counts = sorted(self._counts.items())
        for (service, operation), count in counts:
            found.setdefault(service, {})[operation] = count
        return found
